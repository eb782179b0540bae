/* Owns: reading JSON Lines (one object per line) and arrays of objects as frames. Two passes: the
 * first finds names, types and the number of rows, the second fills the columns. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "frame/infer.h"
#include "frame/json_scan.h"
#include "frame/read.h"
#include "io/encoding.h"
#include "io/unpack.h"

enum { MOST_COLUMNS = 1 << 16, SHOWN = 40 };

typedef struct jcolumn {
    unsigned mask; /* LEATI_CAN_*; 0: text */
    bool skip;     /* not wanted */
    bool forced;   /* `type` is not inferred but asked for */
    leat_type type;
    leati_column *column;
    leati_map texts;
} jcolumn;

typedef struct jreader {
    leat_context *context;
    const leat_read_options *options;
    leat_read_report *report;
    leati_rules rules;
    const char *name, *begin, *end;
    leati_map names;
    jcolumn *columns;
    size_t capacity, rows, most;
    bool filling; /* the second pass */
    bool array;   /* one array of objects */
    size_t dropped;
    const char *line_at; /* where line `line` begins */
    size_t line;
    leati_map forced_names; /* of the columns whose types are asked for */
    leat_type *forced;      /* (forced_names.count) */
    uint32_t required;      /* that many of them must be there */
    size_t forced_capacity;
    char *buffer;
    size_t buffer_size;
} jreader;

/* Counts on from the last place asked for. */
static size_t line_of(jreader *r, const char *p)
{
    if (!r->line_at || p < r->line_at) {
        r->line_at = r->begin;
        r->line = 1;
    }
    for (; r->line_at < p; r->line_at++) r->line += *r->line_at == '\n';
    return r->line;
}

static leat_status wrong(jreader *r, const char *p, const char *expected)
{
    return LEATI_FAIL(r->context, LEAT_FORMAT, "%s line %zu: expected %s", r->name, line_of(r, p),
                      expected);
}

/* The text of a string value as UTF-8, or any other value as it stands. */
static leat_status text_of(jreader *r, const leati_json_value *v, const char **text, size_t *n)
{
    *text = v->text;
    *n = v->length;
    bool repair = !leati_utf8_valid(v->text, v->length);
    if (!v->escaped && !repair) return LEAT_OK;
    LEATI_TRY(leati_grow(r->context, &r->buffer, &r->buffer_size, 4 * v->length + 16, 1));
    leati_json_value plain = *v;
    if (repair) {
        char *high = r->buffer + v->length;
        plain.length = leati_utf8_from_1252(v->text, v->length, high);
        plain.text = high;
    }
    if (v->escaped) *n = leati_json_unescape(&plain, r->buffer);
    else memmove(r->buffer, plain.text, *n = plain.length);
    *text = r->buffer;
    return LEAT_OK;
}

static leat_status column_of(jreader *r, const char *key, size_t n, jcolumn **out)
{
    leat_context *c = r->context;
    size_t before = r->names.count;
    LEATI_CHECK(c, !memchr(key, '\0', n), LEAT_FORMAT, "%s: a name holds a zero character",
                r->name);
    uint32_t i = leati_map_put(&r->names, key, n);
    if (i == LEATI_MAP_NONE) return leat_error_status(c);
    if (i == before) {
        LEATI_CHECK(c, i < MOST_COLUMNS, LEAT_LIMIT, "%s: more than %d names", r->name,
                    MOST_COLUMNS);
        LEATI_TRY(leati_grow(c, &r->columns, &r->capacity, before + 1, sizeof *r->columns));
        r->columns[i] = (jcolumn){.mask = LEATI_CAN_ALL};
        leati_map_init(&r->columns[i].texts, c);
        uint32_t forced = leati_map_get(&r->forced_names, key, n);
        if (forced != LEATI_MAP_NONE) {
            r->columns[i].forced = true;
            r->columns[i].type = r->forced[forced];
        }
    }
    *out = &r->columns[i];
    return LEAT_OK;
}

static bool is_missing(const jreader *r, const leati_json_value *v, const char *text, size_t n)
{
    if (v->kind == LEATI_JSON_NULL) return true;
    return r->options->missing && n && leati_is_missing(&r->rules, text, n);
}

static unsigned mask_of(const leati_json_value *v, const char *text, size_t n, unsigned mask)
{
    int64_t value;
    if (mask == 0) return 0;
    switch (v->kind) {
    case LEATI_JSON_TRUE:
    case LEATI_JSON_FALSE: return mask & LEATI_CAN_TRUTH;
    case LEATI_JSON_NUMBER:
        return mask & (LEATI_CAN_NUMBER | (leati_int_parse(text, n, &value) ? LEATI_CAN_WHOLE : 0));
    case LEATI_JSON_STRING: return leati_value_time(text, n, &value) ? mask & LEATI_CAN_TIME : 0;
    default: return 0;
    }
}

typedef union jvalue {
    double number;
    int64_t whole; /* and time */
    uint8_t truth;
} jvalue;

/* Whether the text is a value of the type; any is a text. */
static bool convert(const jreader *r, leat_type type, const char *text, size_t n, jvalue *out)
{
    bool whole = true;
    double number;
    switch (type) {
    case LEAT_F64: return leati_value_number(&r->rules, text, n, &out->number, NULL, NULL);
    case LEAT_I64:
        return leati_value_number(&r->rules, text, n, &number, &whole, &out->whole) && whole;
    case LEAT_TIME: return leati_value_time(text, n, &out->whole);
    case LEAT_BOOL: return leati_value_bool(text, n, true, &out->truth);
    default: return true;
    }
}

/* False: the value does not fit the column, which then was forced. */
static bool fill(jreader *r, jcolumn *col, const char *text, size_t n, leat_status *st)
{
    leati_column *to = col->column;
    size_t row = r->rows;
    jvalue v;
    if (!convert(r, col->type, text, n, &v)) return false;
    switch (col->type) {
    case LEAT_F64: to->f64[row] = v.number; break;
    case LEAT_I64:
    case LEAT_TIME: to->i64[row] = v.whole; break;
    case LEAT_BOOL: to->u8[row] = v.truth; break;
    default:
        to->codes[row] = leati_map_put(&col->texts, text, n);
        if (to->codes[row] == LEATI_MAP_NONE) *st = leat_error_status(r->context);
        break;
    }
    bool had = to->valid[row / 8] >> (row % 8) & 1; /* a name given twice: the last one counts */
    to->valid[row / 8] = (uint8_t)(to->valid[row / 8] | 1u << (row % 8));
    to->missing -= !had;
    return true;
}

static leat_status take_value(jreader *r, jcolumn *col, const leati_json_value *v)
{
    const char *text;
    size_t n;
    if (col->skip) return LEAT_OK;
    LEATI_TRY(text_of(r, v, &text, &n));
    if (is_missing(r, v, text, n)) return LEAT_OK;
    if (!r->filling) {
        col->mask = mask_of(v, text, n, col->mask);
        return LEAT_OK;
    }
    leat_status st = LEAT_OK;
    if (fill(r, col, text, n, &st)) return st;
    return LEATI_FAIL(r->context, LEAT_FORMAT, "%s line %zu: '%.*s' is not a %s", r->name,
                      line_of(r, v->text), (int)(n < SHOWN ? n : SHOWN), text,
                      leat_type_name(col->type));
}

/* One object at *p; *p goes behind it. */
static leat_status take_object(jreader *r, const char **p)
{
    const char *at = leati_json_space(*p, r->end);
    if (at == r->end || *at != '{') return wrong(r, at, "an object: {\"name\": value, ...}");
    at = leati_json_space(at + 1, r->end);
    for (bool first = true; at < r->end && *at != '}'; first = false) {
        leati_json_value key, value;
        const char *text;
        jcolumn *col = NULL;
        size_t n;
        if (!first) {
            if (*at != ',') return wrong(r, at, "a comma or '}' after a value");
            at = leati_json_space(at + 1, r->end);
        }
        if (at == r->end || *at != '"') return wrong(r, at, "a name in quotes");
        const char *next = leati_json_take(at, r->end, &key);
        if (!next) return wrong(r, key.text, key.wrong);
        LEATI_TRY(text_of(r, &key, &text, &n));
        LEATI_TRY(column_of(r, text, n, &col));
        at = leati_json_space(next, r->end);
        if (at == r->end || *at != ':') return wrong(r, at, "a colon after a name");
        at = leati_json_space(at + 1, r->end);
        next = leati_json_take(at, r->end, &value);
        if (!next) return wrong(r, value.text, value.wrong);
        LEATI_TRY(take_value(r, col, &value));
        at = leati_json_space(next, r->end);
    }
    if (at == r->end) return wrong(r, *p, "a closing '}'");
    *p = at + 1;
    return LEAT_OK;
}

/* Whether the line of p is one well-formed object: asked before a line is read when bad lines are
 * dropped, so that a dropped line leaves no trace. */
static bool line_is_object(const jreader *r, const char *p)
{
    const char *end = memchr(p, '\n', (size_t)(r->end - p));
    leati_json_value v;
    if (!end) end = r->end;
    const char *next = *p == '{' ? leati_json_take(p, end, &v) : NULL;
    return next && leati_json_space(next, end) == end;
}

/* Whether the values of a well-formed object have the types asked for. *bad: the first that has
 * not, or NULL; its column and type. */
static leat_status line_fits(jreader *r, const char *p, leati_json_value *key,
                             leati_json_value *bad, leat_type *type)
{
    const char *at = leati_json_space(p + 1, r->end);
    bad->text = NULL;
    while (*at != '}') {
        leati_json_value value;
        const char *text;
        size_t n;
        jvalue out;
        if (*at == ',') at = leati_json_space(at + 1, r->end);
        at = leati_json_space(leati_json_take(at, r->end, key), r->end);
        at = leati_json_take(leati_json_space(at + 1, r->end), r->end, &value);
        at = leati_json_space(at, r->end);
        LEATI_TRY(text_of(r, key, &text, &n));
        uint32_t i = leati_map_get(&r->forced_names, text, n);
        if (i == LEATI_MAP_NONE) continue;
        LEATI_TRY(text_of(r, &value, &text, &n));
        if (is_missing(r, &value, text, n) || convert(r, r->forced[i], text, n, &out)) continue;
        *bad = value;
        *type = r->forced[i];
        return LEAT_OK;
    }
    return LEAT_OK;
}

static const char *line_end(const jreader *r, const char *p)
{
    const char *end = memchr(p, '\n', (size_t)(r->end - p));
    return end ? end + 1 : r->end;
}

/* Whether the line of p is to be left out; *drop says so. */
static leat_status judge_line(jreader *r, const char *p, bool *drop)
{
    leati_json_value key, bad = {0};
    leat_type type = LEAT_STRING;
    bool object = line_is_object(r, p);
    if (object && r->forced_names.count) LEATI_TRY(line_fits(r, p, &key, &bad, &type));
    *drop = !object || bad.text;
    if (!*drop || r->filling) return LEAT_OK;
    r->dropped++;
    if (!object)
        return leati_report_note(r->report, SIZE_MAX, "line %zu is no JSON object (row left out)",
                                 line_of(r, p));
    return leati_report_note(
        r->report, SIZE_MAX, "line %zu, column %.*s: '%.*s' is not a %s (row left out)",
        line_of(r, p), (int)(key.length < SHOWN ? key.length : SHOWN), key.text,
        (int)(bad.length < SHOWN ? bad.length : SHOWN), bad.text, leat_type_name(type));
}

static leat_status scan(jreader *r)
{
    bool drop = r->options->on_error == LEAT_ON_ERROR_SKIP && !r->array;
    const char *p = leati_json_space(r->begin, r->end);
    r->rows = 0;
    if (r->array) p = leati_json_space(p + 1, r->end);
    while (p < r->end && r->rows < r->most) {
        if (r->array && *p == ']') return LEAT_OK;
        bool bad = false;
        if (drop) LEATI_TRY(judge_line(r, p, &bad));
        if (bad) {
            p = leati_json_space(line_end(r, p), r->end);
            continue;
        }
        LEATI_TRY(take_object(r, &p));
        r->rows++;
        p = leati_json_space(p, r->end);
        if (r->array && p < r->end && *p == ',') p = leati_json_space(p + 1, r->end);
        else if (r->array && p < r->end && *p != ']') return wrong(r, p, "a comma or ']'");
    }
    if (r->array && p == r->end) return wrong(r, p, "a closing ']'");
    return LEAT_OK;
}

/* The types asked for. Those of columns that `types` has named before stay as they are. */
static leat_status read_types(jreader *r, const char *types)
{
    leat_context *c = r->context;
    size_t named = r->forced_names.count;
    for (const char *p = types; p && *p;) {
        size_t n = strcspn(p, ","), split = n;
        leat_type type;
        while (split && p[split - 1] != ':') split--;
        LEATI_CHECK(c, split > 1, LEAT_INVALID,
                    "'%.*s' in the types is not of the form column:type", (int)n, p);
        LEATI_TRY(leati_type_parse(c, p + split, n - split, &type));
        uint32_t i = leati_map_put(&r->forced_names, p, split - 1);
        if (i == LEATI_MAP_NONE) return leat_error_status(c);
        LEATI_TRY(leati_grow(c, &r->forced, &r->forced_capacity, i + 1u, sizeof *r->forced));
        if (i >= named) r->forced[i] = type;
        p += n + (p[n] == ',');
    }
    return LEAT_OK;
}

static leat_status find(jreader *r, const char *name, size_t n, const char *option, uint32_t *out)
{
    *out = leati_map_get(&r->names, name, n);
    LEATI_CHECK(r->context, *out != LEATI_MAP_NONE, LEAT_NOT_FOUND, "%s has no column '%.*s' (%s)",
                r->name, (int)n, name, option);
    return LEAT_OK;
}

static leat_status apply_options(jreader *r, uint32_t *keep, size_t *count)
{
    leat_context *c = r->context;
    for (size_t i = 0; i < r->names.count; i++)
        if (!r->columns[i].forced) r->columns[i].type = leati_type_of(r->columns[i].mask);
    for (uint32_t i = 0, at; i < r->required; i++) {
        size_t n;
        const char *name = leati_map_key(&r->forced_names, i, &n);
        LEATI_TRY(find(r, name, n, "types", &at));
    }
    *count = 0;
    const char *p = r->options->columns;
    for (uint32_t i = 0; !p && i < r->names.count; i++) keep[(*count)++] = i;
    for (size_t i = 0; p && i < r->names.count; i++) r->columns[i].skip = true;
    while (p && *p) {
        size_t n = strcspn(p, ",");
        uint32_t i;
        LEATI_TRY(find(r, p, n, "columns", &i));
        LEATI_CHECK(c, r->columns[i].skip, LEAT_INVALID, "column '%.*s' is named twice", (int)n, p);
        r->columns[i].skip = false;
        keep[(*count)++] = i;
        p += n + (p[n] == ',');
    }
    return LEAT_OK;
}

/* Columns in which all is missing yet. */
static leat_status make_columns(jreader *r)
{
    leat_context *c = r->context;
    for (size_t i = 0; i < r->names.count; i++) {
        jcolumn *col = &r->columns[i];
        if (col->skip) continue;
        col->column = leati_column_create(c, col->type, r->rows);
        if (!col->column) return leat_error_status(c);
        col->column->valid = LEATI_NEW(c, uint8_t, (r->rows + 7) / 8);
        if (!col->column->valid) return leat_error_status(c);
        col->column->missing = r->rows;
        for (size_t k = 0; col->type == LEAT_F64 && k < r->rows; k++)
            col->column->f64[k] = (double)NAN;
    }
    return LEAT_OK;
}

static leat_status make_frame(jreader *r, const uint32_t *keep, size_t count, leat_frame **out)
{
    leat_context *c = r->context;
    leati_str name;
    leat_status st = LEAT_OK;
    leati_str_init(&name, c);
    leat_frame *f = leati_frame_create(c, r->rows);
    if (!f) st = leat_error_status(c);
    for (size_t k = 0; k < count && st == LEAT_OK; k++) {
        jcolumn *col = &r->columns[keep[k]];
        size_t n;
        const char *key = leati_map_key(&r->names, keep[k], &n);
        if (col->type == LEAT_STRING) col->column->dict = leati_dict_from_map(c, &col->texts);
        if (col->type == LEAT_STRING && !col->column->dict) st = leat_error_status(c);
        if (col->column->missing == 0) {
            leati_free(col->column->valid);
            col->column->valid = NULL;
        }
        leati_str_clear(&name);
        leati_str_addn(&name, key, n);
        if (n == 0) leati_str_addf(&name, "column_%zu", k + 1);
        if (st == LEAT_OK) st = leati_str_status(&name);
        if (st != LEAT_OK) break;
        leati_column *taken = col->column;
        col->column = NULL;
        st = leati_frame_add(c, f, leati_str_text(&name), taken);
    }
    leati_str_fini(&name);
    if (st == LEAT_OK) *out = f;
    else leat_frame_release(f);
    return st;
}

static leat_status read_all(jreader *r, leat_frame **out)
{
    leat_context *c = r->context;
    size_t count = 0;
    LEATI_TRY(leati_rules_init(c, &r->rules, '.', 0, r->options->missing));
    LEATI_TRY(read_types(r, r->options->types));
    r->required = (uint32_t)r->forced_names.count;
    LEATI_TRY(read_types(r, r->options->expected));
    const char *first = leati_json_space(r->begin, r->end);
    LEATI_CHECK(c, first < r->end, LEAT_FORMAT, "%s is empty", r->name);
    const char *kind = leati_content_kind(r->begin, (size_t)(r->end - r->begin));
    LEATI_CHECK(c, !kind, LEAT_FORMAT, "%s is no JSON: it looks like %s", r->name, kind);
    r->array = *first == '[';
    LEATI_TRY(scan(r));
    LEATI_CHECK(c, r->rows > 0 && r->names.count > 0, LEAT_FORMAT, "%s has no row of data",
                r->name);
    if (r->report) r->report->dropped = r->dropped;
    uint32_t *keep = leati_array(c, r->names.count, sizeof *keep);
    if (!keep) return leat_error_status(c);
    leat_status st = apply_options(r, keep, &count);
    if (st == LEAT_OK) st = make_columns(r);
    r->filling = true;
    if (st == LEAT_OK) st = scan(r);
    if (st == LEAT_OK) st = make_frame(r, keep, count, out);
    leati_free(keep);
    return st;
}

static leat_status read_jsonl(leat_context *c, leat_frame **out, leati_source *source,
                              const leat_read_options *options, leat_read_report *report)
{
    jreader r = {
        .context = c, .options = options, .report = report, .name = leati_source_name(source)};
    r.most = options->max_rows ? (size_t)options->max_rows : SIZE_MAX;
    LEATI_TRY(leati_source_bytes(c, source, &r.begin));
    r.end = r.begin + leati_source_size(source);
    if (r.end - r.begin >= 3 && memcmp(r.begin, "\xef\xbb\xbf", 3) == 0) r.begin += 3;
    leati_map_init(&r.names, c);
    leati_map_init(&r.forced_names, c);
    leat_status st = read_all(&r, out);
    for (size_t i = 0; i < r.names.count && i < r.capacity; i++) {
        leati_column_release(r.columns[i].column);
        leati_map_fini(&r.columns[i].texts);
    }
    leati_map_fini(&r.names);
    leati_map_fini(&r.forced_names);
    leati_free(r.forced);
    leati_free(r.columns);
    leati_free(r.buffer);
    return st;
}

/* An object, or an array of objects, at the beginning. */
static int sniff(const char *head, size_t n)
{
    const char *end = head + n, *p = leati_json_space(head, end);
    if (p < end && *p == '[') p = leati_json_space(p + 1, end);
    if (p == end || *p != '{') return LEATI_SNIFF_NO;
    p = leati_json_space(p + 1, end);
    return p < end && (*p == '"' || *p == '}') ? LEATI_SNIFF_SURE : LEATI_SNIFF_NO;
}

const leati_reader leati_reader_jsonl = {"jsonl", ".jsonl .ndjson .json",
                                         "JSON objects, one per line or in one array", sniff,
                                         read_jsonl};
