/* Owns: delimiter, decimal mark, header and column names of a CSV file, from a sample of its first
 * records. Not: reading the data. */
#include "frame/csv_layout.h"

#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "frame/csv_scan.h"
#include "io/encoding.h"
#include "io/unpack.h"

enum {
    SAMPLE_BYTES = 1 << 18,
    SAMPLE_FIELDS = 40000,
    SAMPLE_ROWS = 2000,
    SNIFF_ROWS = 100,
    MOST_COLUMNS = 1 << 20
};

/* The sampled records, values undoubled and NULL where there is no such field. */
typedef struct sample {
    leati_arena *arena;
    leati_csv_text text;
    const char *begin;
    size_t rows, columns; /* of the first record */
    size_t bytes;         /* of these rows */
    struct value {
        const char *text;
        size_t length;
        bool quoted;
    } * value;          /* (rows, columns): rows with another number of fields are left out */
    size_t longer_rows; /* with one field more, which is not empty */
    size_t second;      /* length of the first record */
} sample;

static const struct value *at(const sample *s, size_t row, size_t column)
{
    return &s->value[row * s->columns + column];
}

/* Points for a delimiter: how many of the first records have as many fields as the first one. */
static size_t consistent(const leati_csv_text *text, const char *p, size_t *fields)
{
    size_t same = 0, count;
    const char *next = leati_csv_record(text, p, NULL, 0, fields);
    if (!next) return 0;
    for (int i = 0; next && next < text->end && i < SNIFF_ROWS; i++) {
        next = leati_csv_record(text, next, NULL, 0, &count);
        if (next && count > 1) same += count == *fields ? 2 : 0;
        else if (next) same += count == *fields;
    }
    return same + 1;
}

/* The share of the first records' values that are numbers or times, with either decimal mark. */
static double typed_share(const leati_csv_text *text, const char *p)
{
    enum { LOOKED = 64 };
    static const leati_rules point = {.decimal = '.', .thousands = ','};
    static const leati_rules comma = {.decimal = ',', .thousands = '.'};
    leati_csv_field f[LOOKED];
    size_t typed = 0, all = 0, count;
    double number;
    int64_t when;
    for (int i = 0; p && p < text->end && i <= SNIFF_ROWS; i++) {
        p = leati_csv_record(text, p, f, LOOKED, &count);
        for (size_t k = 0; p && k < count && k < LOOKED; k++, all++)
            typed += leati_value_number(&point, f[k].text, f[k].length, &number, NULL, NULL) ||
                     leati_value_number(&comma, f[k].text, f[k].length, &number, NULL, NULL) ||
                     leati_value_time(f[k].text, f[k].length, &when);
    }
    return all ? (double)typed / (double)all : 0;
}

/* Rare in values first: where ; tab | divide all records alike, commas are likely decimal marks.
 * But where values are rather numbers between later ones, ; or | stand within a value. */
static char sniff_delimiter(leati_csv_text text, const char *p)
{
    static const char candidates[] = {'\t', ';', '|', ','};
    char best = ',';
    size_t most = 0;
    for (size_t i = 0; i < sizeof candidates; i++) {
        size_t fields;
        text.delimiter = candidates[i];
        size_t points = consistent(&text, p, &fields);
        if (fields < 2 || points < most) continue;
        if (points == most) {
            leati_csv_text other = {text.end, text.last, best};
            if (typed_share(&text, p) <= typed_share(&other, p)) continue;
        }
        most = points;
        best = candidates[i];
    }
    return best;
}

static leat_status store(leat_context *c, sample *s, const leati_csv_field *f, struct value *to)
{
    *to = (struct value){f->text, f->length, f->quoted};
    if (f->doubled) {
        char *copy = leati_arena_alloc(s->arena, f->length + LEATI_SOURCE_PAD);
        if (!copy) return leat_error_status(c);
        to->length = leati_csv_undouble(f, copy);
        to->text = copy;
    }
    if (!leati_utf8_valid(to->text, to->length)) {
        char *copy = leati_arena_alloc(s->arena, 3 * to->length + LEATI_SOURCE_PAD);
        if (!copy) return leat_error_status(c);
        to->length = leati_utf8_from_1252(to->text, to->length, copy);
        to->text = copy;
    }
    return LEAT_OK;
}

static leat_status take_sample(leat_context *c, sample *s, const char *p)
{
    leati_csv_field *fields = NULL;
    size_t count = 0, capacity;
    const char *next = leati_csv_record(&s->text, p, NULL, 0, &s->columns);
    LEATI_CHECK(c, s->columns <= MOST_COLUMNS, LEAT_LIMIT, "more than %d columns", MOST_COLUMNS);
    size_t most = SAMPLE_FIELDS / s->columns + 10;
    if (most > SAMPLE_ROWS) most = SAMPLE_ROWS;
    s->second = (size_t)(next - p);
    capacity = s->columns + 1;
    s->value = leati_arena_calloc(s->arena, (most + 1) * s->columns, sizeof *s->value);
    fields = leati_arena_calloc(s->arena, capacity, sizeof *fields);
    if (!s->value || !fields) return leat_error_status(c);
    for (bool first = true; p < s->text.end && s->rows <= most; p = next, first = false) {
        next = leati_csv_record(&s->text, p, fields, capacity, &count);
        if (!next) break;
        if (count == 1 && fields[0].length == 0 && !fields[0].quoted) continue;
        s->longer_rows += count == s->columns + 1 && fields[count - 1].length;
        bool extra = count == s->columns + 1 && !fields[count - 1].length;
        if (count != s->columns && !extra) continue;
        for (size_t j = 0; j < s->columns; j++)
            LEATI_TRY(store(c, s, &fields[j], &s->value[s->rows * s->columns + j]));
        if (!first) s->bytes += (size_t)(next - p);
        s->rows++;
    }
    return LEAT_OK;
}

/* Digits, the mark, digits: 3,14 or 1.234,5; 1,234 is ambiguous (it may be thousands). */
static bool has_decimal_mark(const struct value *v, char mark, bool *ambiguous)
{
    const char *p = v->text, *end = v->text + v->length;
    if (p < end && (*p == '-' || *p == '+')) p++;
    const char *first = p;
    while (p < end && (unsigned)(*p - '0') <= 9) p++;
    size_t before = (size_t)(p - first);
    char other = mark == ',' ? '.' : ',';
    bool grouped = false;
    while (before && before <= 3 && end - p > 4 && *p == other &&
           leati_digit_run(leati_load8(p + 1)) == 3) { /* 1.234,5 */
        p += 4;
        grouped = true;
    }
    if (before == 0 || p == end || *p != mark) return false;
    const char *second = ++p;
    while (p < end && (unsigned)(*p - '0') <= 9) p++;
    size_t after = (size_t)(p - second);
    if (p != end || after == 0) return false;
    *ambiguous = after == 3 && before <= 3 && *first != '0' && !grouped;
    return true;
}

/* The decimal mark that the sample speaks for. With a delimiter other than the comma, 1,234 counts
 * for the decimal comma unless decimal points are seen; between commas a quoted 3,4 may be a list
 * and counts for nothing where they are. */
static char sniff_decimal(const sample *s)
{
    size_t commas = 0, points = 0, unclear = 0;
    for (size_t i = s->columns; i < s->rows * s->columns; i++) {
        bool ambiguous;
        if (has_decimal_mark(&s->value[i], ',', &ambiguous)) {
            commas += !ambiguous;
            unclear += ambiguous;
        }
        points += has_decimal_mark(&s->value[i], '.', &ambiguous) && !ambiguous;
    }
    if (commas > points && (!points || s->text.delimiter != ',')) return ',';
    return unclear && !points && !commas && s->text.delimiter != ',' ? ',' : '.';
}

static unsigned mask_of(const sample *s, const leati_rules *r, size_t first, size_t column)
{
    unsigned mask = LEATI_CAN_ALL;
    for (size_t i = first; i < s->rows && mask; i++) {
        const struct value *v = at(s, i, column);
        if (!leati_is_missing(r, v->text, v->length))
            mask &= leati_classify(r, v->text, v->length, mask);
    }
    return mask;
}

/* Columns may be named 2019, 2020, ... or 0, 1, 2, ...; a row of data rarely looks like that. */
static bool numbers_as_names(const sample *s)
{
    int64_t before = 0, value;
    size_t seen = 0;
    bool years = true, counting = s->columns > 1, text = false;
    for (size_t j = 0; j < s->columns; j++) {
        char word[24];
        const struct value *v = at(s, 0, j);
        if (v->length == 0 || v->length >= sizeof word) {
            text = true;
            counting &= v->length == 0 && j == 0;
            continue;
        }
        memcpy(word, v->text, v->length);
        leati_rules plain = {.decimal = '.', .thousands = ','};
        bool whole;
        double number;
        if (!leati_value_number(&plain, word, v->length, &number, &whole, &value)) {
            text = true;
            counting = false;
            continue;
        }
        if (!whole) return false;
        years &= value >= 1900 && value <= 2100 && (seen == 0 || value > before);
        counting &= value == (int64_t)j - (at(s, 0, 0)->length == 0 ? 1 : 0);
        before = value;
        seen++;
    }
    return seen > 0 && (counting || (years && text));
}

/* The first record names the columns unless it looks like the others: a number or time where the
 * column has such, or all of it text that its columns hold again. */
static bool sniff_header(const sample *s, const leati_rules *r)
{
    size_t filled = 0, repeated = 0;
    if (numbers_as_names(s)) return true;
    for (size_t j = 0; j < s->columns; j++) {
        const struct value *v = at(s, 0, j);
        if (leati_is_missing(r, v->text, v->length)) continue;
        filled++;
        unsigned own = leati_classify(r, v->text, v->length, LEATI_CAN_ALL);
        unsigned rest = s->rows > 1 ? mask_of(s, r, 1, j) : 0;
        if (own & (LEATI_CAN_NUMBER | LEATI_CAN_TIME)) return false;
        if (rest != LEATI_CAN_ALL && (own & rest)) return false;
        for (size_t i = 1; rest == 0 && i < s->rows; i++) {
            const struct value *other = at(s, i, j);
            if (other->length != v->length || memcmp(other->text, v->text, v->length) != 0)
                continue;
            repeated++;
            break;
        }
    }
    return filled > 0 && repeated < filled;
}

/* Where a name stands twice that may stand once: nobody knows which column is meant. A table that
 * has such names and was fitted so has both: "a" and "a_2". */
static leat_status check_twice(leat_context *c, const char *file, const char *once,
                               const char *name, size_t length, const char *called,
                               leat_read_report *report)
{
    bool meant = false, both = false;
    size_t other = strlen(called);
    for (const char *p = once ? once : ""; *p;) {
        size_t n = strcspn(p, ",");
        meant = meant || (n == length && memcmp(p, name, n) == 0);
        both = both || (n == other && memcmp(p, called, n) == 0);
        p += n + (p[n] == ',');
    }
    if (!meant || both) return LEAT_OK;
    if (report) report->twice = true;
    LEATI_FAIL(c, LEAT_FORMAT, "%s names the column '%.*s' twice in its header", file,
               (int)(length > 60 ? 60 : length), name);
    return leati_error_hint(c, "name the one that is meant so, and the other otherwise");
}

/* Trimmed, never empty, no control characters, unique. */
static leat_status make_names(leat_context *c, leati_csv_layout *l, const sample *s, bool row_names,
                              const char *file, const char *once, leat_read_report *report)
{
    leati_map map;
    leati_str name;
    leat_status st = LEAT_OK;
    /* (columns) by the number of a name: the suffix to try next, so that many equal names take no
     * square of their number. */
    uint32_t *next = leati_arena_calloc(s->arena, l->columns, sizeof *next);
    if (!next) return leat_error_status(c);
    leati_map_init(&map, c);
    leati_str_init(&name, c);
    for (size_t j = 0; j < l->columns && st == LEAT_OK; j++) {
        static const struct value none = {"", 0, false};
        const struct value *v = &none;
        if (l->header && !(row_names && j == 0)) v = at(s, 0, j - row_names);
        const char *was = v->text;
        size_t n = v->length;
        for (; n && (unsigned char)*was <= ' '; n--) was++;
        while (n && (unsigned char)was[n - 1] <= ' ') n--;
        leati_str_clear(&name);
        if (n) leati_str_addn(&name, was, n);
        else leati_str_addf(&name, "column_%zu", j + 1);
        st = leati_str_status(&name);
        if (st != LEAT_OK) break;
        for (size_t i = 0; i < name.length; i++)
            if ((unsigned char)name.text[i] < ' ') name.text[i] = ' ';
        size_t base = name.length;
        uint32_t first = leati_map_get(&map, name.text, name.length);
        bool second = l->header && first != LEATI_MAP_NONE && next[first] == 0;
        for (uint32_t same = first; same != LEATI_MAP_NONE && !leati_str_status(&name);) {
            name.length = base;
            leati_str_addf(&name, "_%u", next[first]++ + 2);
            same = leati_map_get(&map, name.text, name.length);
        }
        st = leati_str_status(&name);
        if (st != LEAT_OK) break;
        if (leati_map_put(&map, name.text, name.length) == LEATI_MAP_NONE)
            st = leat_error_status(c);
        l->names[j] = leati_arena_strndup(s->arena, name.text, name.length);
        if (!l->names[j]) st = leat_error_status(c);
        else if (st == LEAT_OK && second)
            st = check_twice(c, file, once, name.text, base, l->names[j], report);
        if (st == LEAT_OK && l->header && name.length != n)
            st = leati_report_note(report, j,
                                   n ? "column %zu is also named '%.*s'; it is called '%s' here"
                                     : "column %zu has no name%.*s; it is called '%s' here",
                                   j + 1, (int)n, was, l->names[j]);
    }
    leati_str_fini(&name);
    leati_map_fini(&map);
    return st;
}

static bool starts(const char *head, size_t n, const char *mark, size_t length)
{
    return n >= length && memcmp(head, mark, length) == 0;
}

static leat_status from_utf16(leat_context *c, leati_source *source, bool big_endian)
{
    const char *data;
    size_t size = leati_source_size(source), room;
    LEATI_TRY(leati_source_bytes(c, source, &data));
    LEATI_CHECK(c, !leati_mul_overflows(size, 2, &room), LEAT_LIMIT, "too large");
    char *text = leati_alloc(c, room + LEATI_SOURCE_PAD);
    if (!text) return leat_error_status(c);
    size_t n = leati_utf8_from_16(data + 2, size - 2, big_endian, text);
    memset(text + n, 0, LEATI_SOURCE_PAD);
    leati_source_replace(source, text, n);
    return LEAT_OK;
}

/* Refuse what is no text; *start is behind a byte order mark. */
static leat_status check_content(leat_context *c, leati_source *source, size_t *start,
                                 leat_read_report *report)
{
    size_t n, zeros = 0, controls = 0;
    const char *head = leati_source_head(source, &n), *name = leati_source_name(source);
    const char *kind = leati_content_kind(head, n);
    LEATI_CHECK(c, n > 0, LEAT_FORMAT, "%s is empty", name);
    if (kind) {
        LEATI_FAIL(c, LEAT_FORMAT, "%s is no table: it looks like %s", name, kind);
        if (leati_content_is_image(head, n))
            leati_error_hint(c,
                             "Images are read from a folder, as in photos/; one alone only for a "
                             "model whose input is an image, or with --images HxWxC.");
        return LEAT_FORMAT;
    }
    bool little = starts(head, n, "\xff\xfe", 2), big = starts(head, n, "\xfe\xff", 2);
    if (little || big) {
        LEATI_TRY(from_utf16(c, source, big));
        LEATI_TRY(leati_report_note(report, SIZE_MAX, "the text is UTF-16; it was converted"));
        head = leati_source_head(source, &n);
        LEATI_CHECK(c, n > 0, LEAT_FORMAT, "%s is empty", name);
    }
    for (size_t i = 0; i < n; i++) {
        zeros += head[i] == '\0';
        controls += (unsigned char)head[i] < ' ' && !strchr("\t\n\r\f\v", head[i]);
    }
    LEATI_CHECK(c, zeros * 3 < n, LEAT_FORMAT,
                "%s holds zero bytes: UTF-16 text without a byte order mark, or binary data\n"
                "save it as UTF-8",
                name);
    LEATI_CHECK(c, controls * 10 <= n, LEAT_FORMAT,
                "%s is no table: it holds binary data of a kind unknown to Leat", name);
    *start = starts(head, n, "\xef\xbb\xbf", 3) ? 3 : 0;
    return LEAT_OK;
}

/* Views more and more of the file until its first record is whole. */
static leat_status view_sample(leat_context *c, leati_source *source, leati_view *view,
                               leati_csv_text *text, size_t *start)
{
    size_t size = leati_source_size(source);
    const char *name = leati_source_name(source);
    for (size_t want = SAMPLE_BYTES;; want *= 4) {
        leat_status st = leati_source_view(c, source, view, *start, want);
        LEATI_CHECK(c, st == LEAT_OK, st, st == LEAT_NOMEM ? "out of memory" : "cannot read %s",
                    name);
        *text =
            (leati_csv_text){view->data + view->size, *start + view->size == size, text->delimiter};
        const char *p = view->data;
        while (p < text->end && (*p == '\n' || *p == '\r')) p++;
        LEATI_CHECK(c, p < text->end || !text->last, LEAT_FORMAT, "%s is empty", name);
        size_t fields;
        if (text->last || leati_csv_record(text, p, NULL, 0, &fields)) {
            view->data += p - view->data; /* the blank lines before it are skipped */
            *start += (size_t)(p - (text->end - view->size));
            view->size = (size_t)(text->end - p);
            view->offset = *start;
            return LEAT_OK;
        }
    }
}

/* The first record has an open quote: say where. */
static leat_status open_quote(leat_context *c, const char *name, const char *from, const char *p)
{
    size_t line = 1;
    for (; from < p; from++) line += *from == '\n';
    return LEATI_FAIL(c, LEAT_FORMAT, "%s line %zu: a quote opens here and is never closed", name,
                      line);
}

static leat_status find(leat_context *c, leati_csv_layout *l, leati_source *source, sample *s,
                        leati_view *view, const leat_read_options *o, leat_read_report *report)
{
    const char *name = leati_source_name(source);
    size_t fields;
    LEATI_TRY(check_content(c, source, &l->start, report));
    s->text.delimiter = o->delimiter ? o->delimiter : ',';
    LEATI_TRY(view_sample(c, source, view, &s->text, &l->start));
    bool tabs = leati_path_has_suffix(name, ".tsv") || leati_path_has_suffix(name, ".tab") ||
                (o->format && strcmp(o->format, "tsv") == 0);
    if (!o->delimiter) s->text.delimiter = tabs ? '\t' : sniff_delimiter(s->text, view->data);
    if (!leati_csv_record(&s->text, view->data, NULL, 0, &fields))
        return open_quote(c, name, view->data, view->data);
    LEATI_TRY(take_sample(c, s, view->data));
    LEATI_CHECK(c, s->rows > 0, LEAT_FORMAT, "%s is empty", name);
    char decimal = o->decimal ? o->decimal : sniff_decimal(s);
    LEATI_TRY(leati_rules_init(c, &l->rules, decimal, o->thousands, o->missing));
    l->delimiter = s->text.delimiter;
    l->header =
        o->header == LEAT_HEADER_AUTO ? sniff_header(s, &l->rules) : o->header == LEAT_HEADER_YES;
    bool row_names = l->header && s->rows == 1 && s->longer_rows > 0;
    l->columns = s->columns + row_names;
    if (l->header) l->start += s->second;
    l->names = leati_arena_calloc(s->arena, l->columns, sizeof *l->names);
    l->masks = leati_arena_calloc(s->arena, l->columns, sizeof *l->masks);
    if (!l->names || !l->masks) return leat_error_status(c);
    for (size_t j = 0; j < l->columns; j++)
        l->masks[j] = row_names ? LEATI_CAN_ALL : mask_of(s, &l->rules, l->header, j);
    l->row_bytes = s->rows > 1 ? (double)s->bytes / (double)(s->rows - 1) : (double)s->second;
    if (report) {
        report->delimiter = l->delimiter;
        report->decimal = decimal;
        report->header = l->header;
        report->row_names = row_names;
    }
    if (row_names)
        LEATI_TRY(leati_report_note(report, 0,
                                    "the header has one name less than the rows have "
                                    "values; the first column has none"));
    return make_names(c, l, s, row_names, name, o->once, report);
}

leat_status leati_csv_layout_find(leat_context *c, leati_csv_layout *l, leati_source *source,
                                  leati_arena *arena, const leat_read_options *options,
                                  leat_read_report *report)
{
    memset(l, 0, sizeof *l);
    sample s = {.arena = arena};
    leati_view view = {0};
    leat_status st = find(c, l, source, &s, &view, options, report);
    leati_view_fini(&view);
    return st;
}
