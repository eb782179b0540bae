/* Owns: writing and reading the prediction log, and answering it anew. */
#include "monitor/prediction_log.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "frame/infer.h"
#include "frame/json_scan.h"
#include "frame/read.h"
#include "learn/stats.h"
#include "model/model.h"

enum { ARRAY_NAME = 256, MODEL_NAME = 512 };

extern const leati_reader leati_reader_jsonl;

/* --- writing ---------------------------------------------------------------------------------- */

static bool is_redacted(const char *name, const char *const *redacted, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, redacted[i]) == 0) return true;
    return false;
}

static void cell_json(leat_json *j, const leati_column *col, const char *name, size_t row)
{
    size_t n;
    char time[40];
    if (!leati_valid(col, row)) {
        leat_json_null(j, name);
        return;
    }
    switch (col->type) {
    case LEAT_ARRAY: break;
    case LEAT_STRING: {
        const char *text = leati_dict_text(col->dict, col->codes[row], &n);
        leat_json_stringn(j, name, text, n);
        break;
    }
    case LEAT_F64: leat_json_number(j, name, col->f64[row]); break;
    case LEAT_I64: leat_json_int(j, name, col->i64[row]); break;
    case LEAT_BOOL: leat_json_bool(j, name, col->u8[row]); break;
    case LEAT_TIME:
        n = leati_time_format(col->i64[row], false, time);
        leat_json_stringn(j, name, time, n);
        break;
    }
}

leat_status leati_log_write(leat_context *c, leati_str *out, const leati_log_entry *e,
                            const leat_frame *inputs, const leat_frame *outputs, size_t row,
                            const char *const *redacted, size_t count)
{
    char time[40];
    leat_json *j = leat_json_create(c, 0);
    if (!j) return leat_error_status(c);
    leat_json_begin_object(j, NULL);
    size_t n = leati_time_format(e->microseconds, false, time);
    leat_json_stringn(j, "ts", time, n);
    if (e->request_id) leat_json_string(j, "request_id", e->request_id);
    leat_json_int(j, "row", (int64_t)row);
    if (e->model) leat_json_string(j, "model", e->model);
    if (e->version) leat_json_string(j, "version", e->version);
    if (e->arm) leat_json_string(j, "arm", e->arm);
    leat_json_begin_object(j, "inputs");
    for (size_t i = 0; i < inputs->columns; i++)
        if (!is_redacted(inputs->name[i], redacted, count))
            cell_json(j, inputs->column[i], inputs->name[i], row);
    leat_json_end_object(j);
    leat_json_begin_object(j, "outputs");
    for (size_t i = 0; outputs && i < outputs->columns; i++)
        cell_json(j, outputs->column[i], outputs->name[i], row);
    leat_json_end_object(j);
    leat_json_end_object(j);
    const char *text = leat_json_text(j);
    leat_status st = text ? LEAT_OK : leat_error_status(c);
    if (text) {
        leati_str_add(out, text);
        leati_str_addc(out, '\n');
        st = leati_str_status(out);
    }
    leat_json_destroy(j);
    return st;
}

/* --- reading ---------------------------------------------------------------------------------- */

typedef struct scanner {
    const char *at, *end; /* of a line */
    leati_str *out;
    const char *wrong;      /* what was expected where it is not; NULL: all is well */
    bool first;             /* no member of the flat object was written yet */
    bool inputs;            /* the line has them */
    leati_json_value model; /* who answered; no STRING where the line does not say */
} scanner;

static bool expect(scanner *s, char ch, const char *what)
{
    s->at = leati_json_space(s->at, s->end);
    if (!s->wrong && (s->at >= s->end || *s->at != ch)) s->wrong = what;
    if (!s->wrong) s->at++;
    return !s->wrong;
}

static bool take_value(scanner *s, leati_json_value *v)
{
    s->at = leati_json_space(s->at, s->end);
    if (!s->wrong && s->at >= s->end) s->wrong = "a value";
    if (s->wrong) return false;
    const char *next = leati_json_take(s->at, s->end, v);
    if (!next) s->wrong = v->wrong;
    else s->at = next;
    return !s->wrong;
}

/* "key": value of an object whose beginning was passed; false at its end. */
static bool next_member(scanner *s, bool *begun, leati_json_value *key, leati_json_value *v)
{
    s->at = leati_json_space(s->at, s->end);
    if (s->wrong) return false;
    if (s->at < s->end && *s->at == '}') {
        s->at++;
        return false;
    }
    if (*begun && !expect(s, ',', "',' or '}'")) return false;
    *begun = true;
    if (!take_value(s, key)) return false;
    if (key->kind != LEATI_JSON_STRING) s->wrong = "a name in quotes";
    return expect(s, ':', "':'") && take_value(s, v);
}

static void put_member(scanner *s, const char *prefix, const leati_json_value *key,
                       const leati_json_value *v)
{
    leati_str_add(s->out, s->first ? "{\"" : ",\"");
    leati_str_add(s->out, prefix);
    leati_str_addn(s->out, key->text, key->length);
    leati_str_add(s->out, "\":");
    if (v->kind == LEATI_JSON_STRING) leati_str_addc(s->out, '"');
    leati_str_addn(s->out, v->text, v->length);
    if (v->kind == LEATI_JSON_STRING) leati_str_addc(s->out, '"');
    s->first = false;
}

/* What is said of an array, as an image: "log.NAME.sha256" and so on. */
static void put_array(scanner *s, const leati_json_value *name, const leati_json_value *object)
{
    scanner inner = {
        .at = object->text, .end = object->text + object->length, .out = s->out, .first = s->first};
    leati_json_value key, v;
    bool begun = false;
    expect(&inner, '{', "an object");
    while (next_member(&inner, &begun, &key, &v)) {
        char prefix[ARRAY_NAME];
        int n = snprintf(prefix, sizeof prefix, "log.%.*s.",
                         (int)(name->length < ARRAY_NAME ? name->length : ARRAY_NAME), name->text);
        if (v.kind != LEATI_JSON_NESTED && n > 0 && n < ARRAY_NAME)
            put_member(&inner, prefix, &key, &v);
    }
    s->first = inner.first;
    s->wrong = inner.wrong;
}

/* The members of an object inside the line. */
static void put_members(scanner *s, const leati_json_value *object, const char *prefix)
{
    scanner inner = {
        .at = object->text, .end = object->text + object->length, .out = s->out, .first = s->first};
    leati_json_value key, v;
    bool begun = false;
    if (object->kind != LEATI_JSON_NESTED) inner.wrong = "an object";
    expect(&inner, '{', "an object");
    while (next_member(&inner, &begun, &key, &v)) {
        if (!*prefix && v.kind == LEATI_JSON_NESTED && *v.text == '{') put_array(&inner, &key, &v);
        else put_member(&inner, prefix, &key, &v);
    }
    s->first = inner.first;
    s->wrong = inner.wrong;
}

static bool is_key(const leati_json_value *key, const char *name)
{
    return key->length == strlen(name) && memcmp(key->text, name, key->length) == 0;
}

static void put_line(scanner *s)
{
    leati_json_value key, v;
    bool begun = false;
    expect(s, '{', "an object");
    while (next_member(s, &begun, &key, &v)) {
        if (is_key(&key, "inputs")) {
            if (s->inputs) s->wrong = "'inputs' once";
            else put_members(s, &v, "");
            s->inputs = true;
        } else if (is_key(&key, "outputs")) {
            put_members(s, &v, "log.");
        } else if (is_key(&key, "model") && v.kind == LEATI_JSON_STRING) {
            s->model = v;
            put_member(s, "log.", &key, &v);
        } else if (v.kind != LEATI_JSON_NESTED) {
            put_member(s, "log.", &key, &v);
        }
    }
    s->at = leati_json_space(s->at, s->end);
    if (!s->wrong && s->at < s->end) s->wrong = "the end of the line";
    if (!s->wrong && !s->inputs) s->wrong = "the member 'inputs'";
    leati_str_add(s->out, s->first ? "{}\n" : "}\n");
}

static bool is_blank(const char *at, const char *end)
{
    return leati_json_space(at, end) >= end;
}

/* Whose lines are taken, and whose there are. */
typedef struct choice {
    const char *model;
    leati_map models;
} choice;

/* Whether a line is of the chosen model. */
static bool is_chosen(choice *of, const leati_json_value *model)
{
    char space[MODEL_NAME];
    const char *name = model->text;
    size_t length = model->length;
    if (model->kind != LEATI_JSON_STRING) return false;
    if (model->escaped && length < MODEL_NAME) {
        length = leati_json_unescape(model, space);
        name = space;
    }
    (void)leati_map_put(&of->models, name, length); /* a failure sticks in the context */
    return length == strlen(of->model) && memcmp(name, of->model, length) == 0;
}

static void cut(leati_str *out, size_t length)
{
    if (out->length == length) return;
    out->length = length;
    out->text[length] = '\0';
}

/* of: NULL for the lines of all. */
static leat_status flatten(leat_context *c, leati_str *out, const char *text, size_t size,
                           const char *name, choice *of)
{
    const char *end = text + size;
    bool begun = false; /* a line came before */
    for (size_t line = 1; text < end; line++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t before = out->length;
        scanner s = {.at = text, .end = stop ? stop : end, .out = out, .first = true};
        bool blank = is_blank(s.at, s.end);
        if (!blank) put_line(&s);
        if (s.wrong && !stop && begun) { /* a last line that was not finished */
            cut(out, before);
            break;
        }
        LEATI_CHECK(c, !s.wrong, LEAT_FORMAT, "%s line %zu is not of a prediction log: expected %s",
                    name, line, s.wrong);
        if (of && !blank && !is_chosen(of, &s.model)) cut(out, before);
        begun = begun || !blank;
        text = stop ? stop + 1 : end;
    }
    LEATI_TRY(leat_error_status(c));
    return leati_str_status(out);
}

leat_status leati_log_flatten(leat_context *c, leati_str *out, const char *text, size_t size,
                              const char *name)
{
    return flatten(c, out, text, size, name, NULL);
}

/* "credit, wood ..." of the models in a log that has no row of the one asked for. */
static leat_status says_none(leat_context *c, const choice *of, const char *name)
{
    enum { MOST = 300 };
    leati_str names;
    LEATI_CHECK(c, of->models.count, LEAT_INVALID, "%s does not say which model answered", name);
    leati_str_init(&names, c);
    for (size_t i = 0; i < of->models.count && names.length < MOST; i++) {
        size_t length;
        const char *model = leati_map_key(&of->models, (uint32_t)i, &length);
        leati_str_addf(&names, "%s%.*s", i ? ", " : "", (int)(length > 60 ? 60 : length), model);
    }
    if (names.length >= MOST) leati_str_add(&names, " ...");
    leat_status st = LEATI_FAIL(c, LEAT_INVALID, "%s has no row of '%s'; it has rows of %s", name,
                                of->model, leati_str_text(&names));
    leati_str_fini(&names);
    return st;
}

/* The first line that is not blank, as far as the head shows. */
static bool head_is_log(const char *text, size_t size)
{
    leati_json_value key, v;
    bool begun = false;
    scanner s = {.at = text, .end = text + size};
    expect(&s, '{', "an object");
    while (next_member(&s, &begun, &key, &v))
        if (is_key(&key, "inputs")) return v.kind == LEATI_JSON_NESTED && *v.text == '{';
    return false;
}

bool leat_prediction_log_is(leat_context *c, const char *path)
{
    leati_source *source;
    const char *text;
    bool is = false;
    if (leat_error_status(c) != LEAT_OK) return false;
    if (leati_source_open(c, &source, path) == LEAT_OK) {
        is = leati_source_bytes(c, source, &text) == LEAT_OK &&
             head_is_log(text, leati_source_size(source));
        leati_source_close(source);
    }
    leat_error_clear(c);
    return is;
}

leat_status leat_prediction_log_read(leat_context *c, leat_frame **out, const char *path,
                                     const leat_read_options *options)
{
    return leat_prediction_log_read_of(c, out, path, NULL, options);
}

leat_status leat_prediction_log_read_of(leat_context *c, leat_frame **out, const char *path,
                                        const char *model, const leat_read_options *options)
{
    leati_source *file, *flat = NULL;
    const char *text;
    leati_str lines;
    choice of = {.model = model};
    leat_read_options o = options ? *options : leat_read_options_default();
    leat_read_report *report = o.report;
    leat_status st;
    *out = NULL;
    LEATI_TRY(leati_source_open(c, &file, path));
    leati_str_init(&lines, c);
    leati_map_init(&of.models, c);
    LEATI_GO(leati_source_bytes(c, file, &text));
    LEATI_GO(flatten(c, &lines, text, leati_source_size(file), leati_source_name(file),
                     model ? &of : NULL));
    if (model && lines.length == 0) LEATI_GO(says_none(c, &of, leati_source_name(file)));
    LEATI_GO(leati_source_memory(c, &flat, leati_str_text(&lines), lines.length,
                                 leati_source_name(file)));
    if (!report) LEATI_GO(leat_read_report_create(c, &report));
    st = leati_reader_jsonl.read(c, out, flat, &o, report);
out:
    if (!o.report) leat_read_report_destroy(report);
    if (flat) leati_source_close(flat);
    leati_source_close(file);
    leati_map_fini(&of.models);
    leati_str_fini(&lines);
    return st;
}

/* --- answering anew --------------------------------------------------------------------------- */

/* Adds up how two columns of answers differ. */
static leat_status compare(leat_context *c, const leati_column *before, const leati_column *now,
                           bool numbers, leat_replay *out)
{
    char a[LEATI_NUM_SIZE], b[LEATI_NUM_SIZE];
    double sum = 0, same = 0;
    for (size_t i = 0; i < now->rows; i++) {
        size_t n, m;
        double x, y;
        if (!leati_valid(before, i) || before->type == LEAT_ARRAY) continue;
        const char *was = leati_cell_text(before, i, a, &n), *is = leati_cell_text(now, i, b, &m);
        if (numbers && !leati_num_parse(was, n, &x))
            return LEATI_FAIL(c, LEAT_TYPE,
                              "row %zu of the log: the prediction '%.*s' is no number", i + 1,
                              (int)(n > 60 ? 60 : n), was);
        out->compared++;
        same += n == m && memcmp(was, is, n) == 0;
        if (!numbers || !leati_num_parse(is, m, &y)) continue;
        sum += fabs(x - y);
        out->largest_difference = fmax(out->largest_difference, fabs(x - y));
    }
    if (out->compared == 0) return LEAT_OK;
    leati_interval i = leati_interval_wilson(same, (double)out->compared, 0.95);
    out->same = (leat_rate){i.estimate, i.low, i.high};
    if (numbers) out->mean_difference = sum / (double)out->compared;
    return LEAT_OK;
}

/* The largest difference of a probability that both know. */
static void compare_probabilities(const leat_frame *log, const leat_frame *now, leat_replay *out)
{
    for (size_t k = 0; k < now->columns; k++) {
        for (size_t i = 0; i < log->columns; i++) {
            const leati_column *a = log->column[i], *b = now->column[k];
            if (strncmp(log->name[i], "log.p_", 6) != 0 || a->type != LEAT_F64) continue;
            if (strcmp(log->name[i] + 4, now->name[k]) != 0 || b->type != LEAT_F64) continue;
            for (size_t r = 0; r < b->rows; r++)
                if (leati_valid(a, r) && leati_valid(b, r))
                    out->largest_probability =
                        fmax(isnan(out->largest_probability) ? 0 : out->largest_probability,
                             fabs(a->f64[r] - b->f64[r]));
        }
    }
}

leat_status leat_replay_log(leat_context *c, const leat_model *model, const leat_frame *log,
                            leat_replay *out, leat_frame **answers)
{
    double nan = (double)NAN;
    leat_frame *now = NULL;
    size_t at;
    *out = (leat_replay){.rows = log->rows,
                         .same = {nan, nan, nan},
                         .mean_difference = nan,
                         .largest_probability = nan};
    if (answers) *answers = NULL;
    LEATI_TRY(leat_model_predict(c, model, log, true, &now));
    leat_status st = LEAT_OK;
    if (leat_frame_find(log, "log.prediction", &at))
        st = compare(c, log->column[at], now->column[0], !leat_model_is_classifier(model), out);
    if (st == LEAT_OK) compare_probabilities(log, now, out);
    if (st == LEAT_OK && answers) *answers = now;
    else leat_frame_release(now);
    return st;
}
