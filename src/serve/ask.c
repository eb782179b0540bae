/* Owns: filling a session with the rows of a request and gathering its answers. */
#include "serve/ask.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "frame/frame.h"
#include "model/session_cells.h"
#include "model/session_look.h"
#include "serve/route.h"
#include "serve/watch.h"

enum {
    MOST_ROWS = 1024,
    USUAL_ROWS = 256,
    MORE_BYTES = 256 << 10, /* a session of more rows than usual takes no more memory than this, */
    ROW_BYTES = 4 << 20,    /* and one of more rows than one no more than this, about */
    KEPT_BYTES = 4 << 20,   /* answers of larger requests give their memory back */
    KEPT_TEXTS = 1 << 20,   /* the same of texts, bytes */
    TEXTS_MOST = 256 << 20
};

uint64_t leati_serve_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

leat_status leati_ask_init(leat_context *c, leati_ask *a, leat_model *model, size_t width,
                           size_t elements)
{
    *a = (leati_ask){.context = c}; /* of one thread */
    a->padded = strcmp(leat_model_estimator(model), "network") == 0;
    a->classes = leat_model_has_probabilities(model) ? leat_model_classes(model) : 0;
    size_t row_bytes = (width + 1) * 2 * sizeof(double);
    a->room = MOST_ROWS;
    while (a->room > USUAL_ROWS && a->room * row_bytes > MORE_BYTES) a->room /= 2;
    while (a->room > 1 && a->room * row_bytes > ROW_BYTES) a->room /= 2;
    a->value_capacity = a->room;
    a->proba_capacity = a->room * (a->classes + 1);
    a->elements_capacity = elements;
    a->value = leati_array(c, a->value_capacity, sizeof *a->value);
    a->proba = leati_array(c, a->proba_capacity, sizeof *a->proba);
    a->elements = leati_array(c, elements + 1, sizeof *a->elements);
    if (!a->value || !a->proba || !a->elements) return leat_error_status(c);
    LEATI_TRY(leat_session_create(c, model, a->room, &a->session));
    a->inputs = leat_model_inputs(model);
    a->plain = !a->padded && leati_session_takes_rows(a->session);
    return LEAT_OK;
}

/* The answers that were made ahead are of another request from now on. */
static void take_back(leati_ask *a)
{
    if (a->own) a->value = a->own;
    a->own = NULL;
}

void leati_ask_fini(leati_ask *a)
{
    take_back(a);
    leat_session_destroy(a->session);
    leati_free(a->value);
    leati_free(a->proba);
    leati_free(a->elements);
    leati_free(a->text_at);
    leati_free(a->texts);
    *a = (leati_ask){0};
}

static void shrink_one(leati_ask *a, double **array, size_t *capacity)
{
    enum { KEPT = KEPT_BYTES / sizeof(double) };
    if (*capacity <= KEPT) return;
    double *less = leati_realloc(a->context, *array, KEPT * sizeof *less);
    if (less) *array = less, *capacity = KEPT;
    else leat_error_clear(a->context);
}

/* Memory of an unusually large request is not kept. */
static void shrink(leati_ask *a)
{
    shrink_one(a, &a->value, &a->value_capacity);
    shrink_one(a, &a->proba, &a->proba_capacity);
}

static void forget_texts(leati_ask *a)
{
    a->text_length = 0;
    if (a->text_capacity <= KEPT_TEXTS) return;
    leati_free(a->texts);
    a->texts = NULL;
    a->text_capacity = 0;
}

void leati_ask_begin(leati_ask *a, bool probabilities, leati_fault *fault)
{
    take_back(a);
    shrink(a);
    a->filled = a->rows = a->known = a->ahead_rows = a->most = 0;
    a->infer_ns = a->runs = a->run_rows = 0;
    a->limit = a->room;
    a->joined = false;
    a->wants_proba = probabilities && a->classes > 0;
    a->fault = fault;
    a->call = NULL;
    a->coming = 0;
    forget_texts(a);
}

leat_status leati_ask_keep_texts(leati_ask *a, size_t inputs)
{
    size_t cells;
    a->inputs = inputs;
    LEATI_CHECK(a->context, !leati_mul_overflows(a->room, inputs, &cells), LEAT_LIMIT,
                "a session of %zu rows is too large", a->room);
    a->text_at = LEATI_NEW(a->context, uint32_t, cells + 1);
    return a->text_at ? LEAT_OK : leat_error_status(a->context);
}

/* A text that finds no room counts as missing. */
static void keep_text(leati_ask *a, size_t input, const char *text)
{
    uint32_t *at = &a->text_at[a->filled * a->inputs + input];
    size_t size = text ? strlen(text) + 1 : 0;
    *at = 0;
    if (!size || a->text_length + size > TEXTS_MOST) return;
    if (leati_grow(a->context, &a->texts, &a->text_capacity, a->text_length + size, 1) != LEAT_OK) {
        leat_error_clear(a->context);
        return;
    }
    memcpy(a->texts + a->text_length, text, size);
    *at = (uint32_t)a->text_length + 1;
    a->text_length += size;
}

static double raw_number(const leati_ask *a, size_t row, size_t input)
{
    size_t at = row * a->inputs + input;
    const char *raw = a->raw;
    float narrow;
    double wide;
    if (!a->raw_f32) {
        memcpy(&wide, raw + at * sizeof wide, sizeof wide);
        return wide;
    }
    memcpy(&narrow, raw + at * sizeof narrow, sizeof narrow);
    return (double)narrow;
}

void leati_ask_numbers(const leati_ask *a, const uint32_t *row, size_t count, size_t input,
                       double *out)
{
    const double *set = leati_session_frame(a->session)->column[input]->f64; /* NaN: missing */
    if (a->raw)
        for (size_t i = 0; i < count; i++) out[i] = raw_number(a, row[i], input);
    else
        for (size_t i = 0; i < count; i++) out[i] = set[row[i]];
}

leati_cell leati_ask_cell(const leati_ask *a, size_t row, size_t input, leati_role role)
{
    if (a->raw) { /* of numbers alone */
        double number = raw_number(a, row, input);
        return (leati_cell){.missing = isnan(number), .number = number};
    }
    const leati_column *col = leati_session_frame(a->session)->column[input];
    if (role == LEATI_ROLE_NUMBER)
        return (leati_cell){.missing = !leati_valid(col, row), .number = col->f64[row]};
    if (role == LEATI_ROLE_ARRAY) return leati_cell_of(col, row);
    if (role == LEATI_ROLE_TIME || !a->text_at)
        return (leati_cell){.missing = role != LEATI_ROLE_TIME || !leati_valid(col, row)};
    uint32_t at = a->text_at[row * a->inputs + input];
    if (!at) return (leati_cell){.missing = true};
    return (leati_cell){.text = a->texts + at - 1, .length = strlen(a->texts + at - 1)};
}

int64_t leati_ask_when(const leati_ask *a, size_t row, size_t input)
{
    return leati_session_frame(a->session)->column[input]->i64[row];
}

void leati_ask_begin_joined(leati_ask *a, size_t limit)
{
    leati_ask_begin(a, false, NULL);
    a->limit = limit + 1; /* whether a request ends with the last row is not known before */
    a->joined = true;
}

bool leati_ask_text(leati_ask *a, size_t input, const char *text)
{
    if (a->text_at) keep_text(a, input, text);
    if (leat_session_set_text(a->session, a->filled, input, text) == LEAT_OK) return true;
    return leati_fault_from(a->fault, a->context);
}

bool leati_ask_time(leati_ask *a, size_t input, int64_t microseconds)
{
    if (leat_session_set_time(a->session, a->filled, input, microseconds) == LEAT_OK) return true;
    return leati_fault_from(a->fault, a->context);
}

bool leati_ask_array(leati_ask *a, size_t input, const double *values, size_t count)
{
    if (leat_session_set_array(a->session, a->filled, input, values, count) == LEAT_OK) return true;
    return leati_fault_from(a->fault, a->context);
}

static bool make_room(leati_ask *a, size_t rows)
{
    leat_context *c = a->context;
    if (a->own) return true; /* of one tensor: no other rows come */
    if (leati_grow(c, &a->value, &a->value_capacity, rows, sizeof *a->value) == LEAT_OK &&
        (!a->wants_proba || leati_grow(c, &a->proba, &a->proba_capacity, rows * a->classes,
                                       sizeof *a->proba) == LEAT_OK))
        return true;
    return leati_fault_from(a->fault, c);
}

bool leati_ask_know(leati_ask *a, size_t rows, const double *value, const double *proba)
{
    bool wanted = a->wants_proba;
    a->wants_proba = proba != NULL;
    if (!make_room(a, rows)) {
        a->wants_proba = wanted;
        a->fault->http = 0;
        return false;
    }
    memcpy(a->value, value, rows * sizeof *value);
    if (proba) memcpy(a->proba, proba, rows * a->classes * sizeof *proba);
    a->known = rows;
    return true;
}

bool leati_ask_full(leati_ask *a)
{
    if (a->most && a->rows + a->filled > a->most)
        return leati_fault_set(a->fault, 422, "too_many_rows",
                               "more than %zu rows cannot be explained at once", a->most);
    if (!a->joined) return leati_ask_run(a);
    return leati_fault_set(a->fault, LEATI_SPLIT, "split", "more rows than are joined");
}

/* The session has run `rows` rows since `start`: takes their answers, for which there is room. */
static void take_answers(leati_ask *a, size_t rows, uint64_t start)
{
    a->infer_ns += leati_serve_now() - start;
    a->runs++;
    memcpy(a->value + a->rows, leat_session_predictions(a->session), rows * sizeof *a->value);
    if (a->wants_proba)
        memcpy(a->proba + a->rows * a->classes, leat_session_probabilities(a->session),
               rows * a->classes * sizeof *a->proba);
}

/* Behind the rows stand those of earlier requests; what is wrong with one of them is no fault of
 * this request. */
static leat_status run_again(leati_ask *a, size_t rows, size_t asked)
{
    leati_run same = {.row = rows, .from_row = 0, .count = asked - rows, .same = true};
    size_t inputs = leat_model_inputs(leati_session_model(a->session));
    leat_error_clear(a->context);
    for (size_t i = 0; i < inputs; i++) leati_session_copy(a->session, a->session, i, &same, NULL);
    return leat_session_run(a->session, asked, a->wants_proba);
}

static bool compute(leati_ask *a)
{
    size_t rows = a->filled, asked = rows;
    if (a->padded) {
        for (asked = 1; asked < rows;) asked *= 2;
        if (asked > a->room) asked = a->room;
    }
    uint64_t start = leati_serve_now();
    leat_status st = leat_session_run(a->session, asked, a->wants_proba);
    if (st == LEAT_INVALID && asked > rows) st = run_again(a, rows, asked);
    if (st != LEAT_OK) return leati_fault_from(a->fault, a->context);
    take_answers(a, rows, start);
    return true;
}

/* `rows` more rows have their answers. */
static void pass(leati_ask *a, size_t rows)
{
    if (a->watched && a->call && (!a->known || a->rows + rows <= a->known))
        leati_watch_rows(a->watched, &(leati_watch_part){a->call, a, 0, a->rows, 0, rows});
    a->rows += rows;
    a->run_rows += rows;
}

static bool all_finite(const double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(v[i])) return false;
    return true;
}

bool leati_ask_finite(const leati_ask *a, const leati_call *call, size_t first, size_t rows,
                      leati_fault *fault)
{
    if (!call || !call->not_finite) return true;
    for (size_t i = 0; i < rows; i++) {
        size_t at = first + i;
        if (isfinite(a->value[at]) &&
            (!a->wants_proba || all_finite(a->proba + at * a->classes, a->classes)))
            continue;
        return leati_fault_set(fault, call->not_finite, "not_finite",
                               "row %zu: what the model '%s' makes of it is not finite; its "
                               "numbers are too large",
                               at - call->first + 1, call->served->name);
    }
    return true;
}

bool leati_ask_run(leati_ask *a)
{
    size_t rows = a->filled;
    if (!make_room(a, a->rows + rows) || (!a->known && !compute(a))) return false;
    if (!leati_ask_finite(a, a->call, a->rows, rows, a->fault)) return false;
    pass(a, rows);
    a->filled = 0;
    if (!a->joined) forget_texts(a); /* else whoever joined them tells the watch of each request */
    return true;
}

bool leati_ask_ahead(leati_ask *a, const void *values, bool f32, double *value)
{
    size_t wrong;
    if (leati_session_run_rows(a->session, values, f32, a->room, value, NULL, &wrong) == LEAT_OK)
        return true;
    leat_error_clear(a->context);
    return false;
}

/* The rows at `values` that have their answers already. Returns their number. */
static size_t run_ahead(leati_ask *a, const void *values, bool f32)
{
    if (!a->ahead_rows || a->rows) return 0;
    a->own = a->value;
    a->value = a->ahead;
    a->raw = values;
    a->raw_f32 = f32;
    a->runs += a->ahead_rows / a->room; /* by the same pieces */
    pass(a, a->ahead_rows);
    a->raw = NULL;
    return a->ahead_rows;
}

/* Rows that are not set first: the session is empty. */
static bool run_plain(leati_ask *a, const char *values, bool f32, size_t rows, size_t *wrong)
{
    size_t width = a->inputs * (f32 ? sizeof(float) : sizeof(double)), at;
    size_t done = run_ahead(a, values, f32);
    if (!make_room(a, a->rows + rows - done)) return false;
    while (done < rows) {
        size_t n = rows - done < a->room ? rows - done : a->room;
        leat_status st = LEAT_OK;
        uint64_t start = leati_serve_now();
        a->raw = values + done * width;
        a->raw_f32 = f32;
        at = SIZE_MAX;
        if (!a->known) {
            double *proba = a->wants_proba ? a->proba + a->rows * a->classes : NULL;
            st = leati_session_run_rows(a->session, a->raw, f32, n, a->value + a->rows, proba, &at);
            a->infer_ns += leati_serve_now() - start;
            a->runs++;
        }
        if (st == LEAT_OK) pass(a, n);
        a->raw = NULL;
        if (at != SIZE_MAX) *wrong = done * a->inputs + at;
        if (st != LEAT_OK) return at == SIZE_MAX ? leati_fault_from(a->fault, a->context) : false;
        done += n;
    }
    return true;
}

bool leati_ask_matrix(leati_ask *a, const void *values, bool f32, size_t rows, size_t inputs,
                      size_t *wrong)
{
    size_t width = inputs * (f32 ? sizeof(float) : sizeof(double)), done = 0;
    *wrong = SIZE_MAX;
    leati_ask_expect(a, rows);
    if (a->plain && !a->joined && !a->filled) return run_plain(a, values, f32, rows, wrong);
    while (done < rows) {
        size_t n = rows - done < a->limit - a->filled ? rows - done : a->limit - a->filled, at;
        leat_status st = leati_session_set_matrix(a->session, a->filled, n,
                                                  (const char *)values + done * width, f32, &at);
        if (st != LEAT_OK && leat_error_status(a->context))
            return leati_fault_from(a->fault, a->context);
        if (st != LEAT_OK) {
            *wrong = done * inputs + at;
            return false;
        }
        a->filled += n;
        done += n;
        if (a->filled == a->limit && !leati_ask_full(a)) return false;
    }
    return true;
}

leati_answers leati_ask_answers(const leati_ask *a, size_t first, size_t rows, bool probabilities)
{
    bool proba = probabilities && a->wants_proba;
    return (leati_answers){.rows = rows,
                           .classes = a->classes,
                           .value = a->value + first,
                           .proba = proba ? a->proba + first * a->classes : NULL,
                           .infer_ns = a->infer_ns,
                           .runs = first ? 0 : a->runs,
                           .run_rows = first ? 0 : a->run_rows,
                           .shared = first ? a->run_rows : 0};
}
