/* Owns: prepared prediction with a model: values in, answers out, memory made once. */
#include <leat/session.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "frame/frame.h"
#include "learn/encoder_rows.h"
#include "model/model.h"
#include "model/session_cells.h"
#include "model/session_look.h"

struct leat_session {
    leat_context *context;
    leat_model *model;
    size_t rows;
    leat_frame *frame;   /* as the model's schema wants it; column i is input i */
    uint32_t *row;       /* 0, 1, ... */
    uint32_t **level_of; /* per column: codes are levels, the one behind them is "other"; of texts
                            as sequences codes are rows */
    void *matrix;        /* (rows, width) f32 or f64 */
    double *value, *proba;
    bool answered, with_proba;
};

static leat_type column_type(leati_role role)
{
    switch (role) {
    case LEATI_ROLE_CATEGORY:
    case LEATI_ROLE_TOKENS: return LEAT_STRING;
    case LEATI_ROLE_TIME: return LEAT_TIME;
    default: return LEAT_F64;
    }
}

/* All missing, with the bits that say so. */
static leati_column *make_column(leat_context *c, const leati_schema_column *want, size_t rows)
{
    if (want->role == LEATI_ROLE_ARRAY) return leati_column_array(c, want->item, want->shape, rows);
    leati_column *col = leati_column_create(c, column_type(want->role), rows);
    for (size_t r = 0; col && r < rows; r++) {
        if (leati_column_set_missing(c, col, r) == LEAT_OK) continue;
        leati_column_release(col);
        return NULL;
    }
    return col;
}

static leat_status make_columns(leat_session *s)
{
    leat_context *c = s->context;
    const leat_model *m = s->model;
    const leati_encoder *e = &m->pipeline.encoder;
    for (size_t i = 0; i < m->input_count; i++) {
        const leati_schema_column *want = &m->schema.columns[m->inputs[i]];
        LEATI_TRY(leati_frame_add(c, s->frame, want->name, make_column(c, want, s->rows)));
        if (want->role == LEATI_ROLE_TOKENS) {
            uint32_t *codes = s->frame->column[i]->codes;
            s->level_of[i] = leati_array(c, s->rows, e->columns[i].width * sizeof **s->level_of);
            if (!s->level_of[i]) return leat_error_status(c);
            for (size_t r = 0; r < s->rows; r++) codes[r] = (uint32_t)r;
        }
        if (want->role != LEATI_ROLE_CATEGORY) continue;
        uint32_t levels = e->columns[i].levels;
        s->level_of[i] = leati_array(c, levels + (size_t)1, sizeof **s->level_of);
        if (!s->level_of[i]) return leat_error_status(c);
        for (uint32_t k = 0; k < levels; k++) s->level_of[i][k] = k;
        s->level_of[i][levels] = UINT32_MAX;
    }
    return LEAT_OK;
}

static leat_status make(leat_session *s)
{
    leat_context *c = s->context;
    const leati_encoder *e = &s->model->pipeline.encoder;
    size_t cells, classes = s->model->schema.classes;
    LEATI_CHECK(c, s->rows > 0, LEAT_INVALID, "a session needs room for a row at least");
    LEATI_CHECK(c, s->rows < UINT32_MAX && !leati_mul_overflows(s->rows, e->width + 1, &cells),
                LEAT_LIMIT, "a session of %zu rows is too large", s->rows);
    s->frame = leati_frame_create(c, s->rows);
    s->row = leati_array(c, s->rows, sizeof *s->row);
    s->level_of = LEATI_NEW(c, uint32_t *, e->count + 1);
    s->matrix = leati_array(c, cells, e->recipe.f32 ? sizeof(float) : sizeof(double));
    s->value = LEATI_NEW(c, double, s->rows);
    if (leat_model_has_probabilities(s->model))
        s->proba = leati_array(c, s->rows, (classes + 1) * sizeof *s->proba);
    if (!s->frame || !s->row || !s->level_of || !s->matrix || !s->value ||
        (leat_model_has_probabilities(s->model) && !s->proba))
        return leat_error_status(c);
    for (size_t i = 0; i < s->rows; i++) s->row[i] = (uint32_t)i;
    return make_columns(s);
}

leat_status leat_session_create(leat_context *c, leat_model *model, size_t rows, leat_session **out)
{
    *out = NULL;
    leat_session *s = LEATI_NEW(c, leat_session, 1);
    if (!s) return LEAT_NOMEM;
    s->context = c;
    s->model = leat_model_retain(model);
    s->rows = rows;
    leat_status st = make(s);
    if (st == LEAT_OK) *out = s;
    else leat_session_destroy(s);
    return st;
}

void leat_session_destroy(leat_session *s)
{
    if (!s) return;
    for (size_t i = 0; s->level_of && i < s->model->pipeline.encoder.count; i++)
        leati_free(s->level_of[i]);
    leat_frame_release(s->frame);
    leati_free(s->level_of);
    leati_free(s->row);
    leati_free(s->matrix);
    leati_free(s->value);
    leati_free(s->proba);
    leat_model_release(s->model);
    leati_free(s);
}

const leat_frame *leati_session_frame(const leat_session *s)
{
    return s->frame;
}

/* ---- values -----------------------------------------------------------------------------------
 */

static const char *const kinds[] = {"numbers", "texts", "times", "arrays", "texts"};

static leat_status column_of(leat_session *s, size_t row, size_t input, leati_role role,
                             leati_column **out)
{
    leat_context *c = s->context;
    const leat_model *m = s->model;
    LEATI_CHECK(c, row < s->rows, LEAT_INVALID, "row %zu: the session has %zu", row, s->rows);
    LEATI_CHECK(c, input < m->input_count, LEAT_INVALID, "input %zu: the model has %zu", input,
                m->input_count);
    const leati_schema_column *want = &m->schema.columns[m->inputs[input]];
    LEATI_CHECK(c, want->role == role, LEAT_TYPE, "input %zu, '%s', takes %s, it was given %s",
                input, want->name, kinds[want->role], kinds[role]);
    *out = s->frame->column[input];
    return LEAT_OK;
}

static void mark(leati_column *col, size_t row, bool valid)
{
    uint8_t bit = (uint8_t)(1u << (row % 8));
    if (valid) col->valid[row / 8] |= bit;
    else col->valid[row / 8] &= (uint8_t)~bit;
}

leat_status leat_session_set_number(leat_session *s, size_t row, size_t input, double value)
{
    leati_column *col;
    LEATI_TRY(column_of(s, row, input, LEATI_ROLE_NUMBER, &col));
    LEATI_CHECK(s->context, !isinf(value), LEAT_INVALID, "row %zu, input %zu: infinite", row,
                input);
    col->f64[row] = value;
    mark(col, row, !isnan(value));
    return LEAT_OK;
}

static double load(const char *values, size_t i, bool f32)
{
    float single;
    double value;
    if (f32) {
        memcpy(&single, values + i * sizeof single, sizeof single);
        return (double)single;
    }
    memcpy(&value, values + i * sizeof value, sizeof value);
    return value;
}

/* Column by column, eight marks at a time. `first` counts the values of a row. */
static size_t set_column(leati_column *col, size_t row, size_t rows, const char *values,
                         size_t first, size_t inputs, bool f32)
{
    size_t wrong = SIZE_MAX;
    for (size_t r = 0; r < rows; r++) {
        double value = load(values, r * inputs + first, f32);
        if (isinf(value) && wrong == SIZE_MAX) wrong = r * inputs + first;
        col->f64[row + r] = value;
    }
    for (size_t r = 0; r < rows;) {
        size_t at = row + r;
        if (at % 8 || rows - r < 8) {
            mark(col, at, !isnan(col->f64[at]));
            r++;
            continue;
        }
        unsigned bits = 0;
        for (unsigned k = 0; k < 8; k++) bits |= (unsigned)!isnan(col->f64[at + k]) << k;
        col->valid[at / 8] = (uint8_t)bits;
        r += 8;
    }
    return wrong;
}

leat_status leati_session_set_matrix(leat_session *s, size_t row, size_t rows, const void *values,
                                     bool f32, size_t *wrong)
{
    size_t inputs = s->model->input_count, first = SIZE_MAX;
    leati_column *col;
    LEATI_CHECK(s->context, rows <= s->rows && row <= s->rows - rows, LEAT_INVALID,
                "rows %zu to %zu: the session has %zu", row, row + rows, s->rows);
    for (size_t i = 0; i < inputs; i++) {
        LEATI_TRY(column_of(s, 0, i, LEATI_ROLE_NUMBER, &col));
        size_t at = set_column(col, row, rows, values, i, inputs, f32);
        if (at < first) first = at;
    }
    *wrong = first;
    return first == SIZE_MAX ? LEAT_OK : LEAT_INVALID;
}

leat_status leat_session_set_text(leat_session *s, size_t row, size_t input, const char *text)
{
    leati_column *col;
    const leati_encoder *e = &s->model->pipeline.encoder;
    bool sequence = input < e->count && e->columns[input].role == LEATI_ROLE_TOKENS;
    LEATI_TRY(column_of(s, row, input, sequence ? LEATI_ROLE_TOKENS : LEATI_ROLE_CATEGORY, &col));
    const leati_encoder_column *k = &e->columns[input];
    if (sequence) {
        if (text)
            leati_lexicon_ids(&e->lexicon, &e->recipe.tokens, text, strlen(text), k->width,
                              s->level_of[input] + row * k->width);
        mark(col, row, text != NULL);
        return LEAT_OK;
    }
    uint32_t level = text ? leati_encoder_level(k, text) : 0;
    col->codes[row] = level == UINT32_MAX ? k->levels : level;
    mark(col, row, text != NULL);
    return LEAT_OK;
}

leat_status leat_session_set_time(leat_session *s, size_t row, size_t input, int64_t microseconds)
{
    leati_column *col;
    LEATI_TRY(column_of(s, row, input, LEATI_ROLE_TIME, &col));
    bool missing = microseconds == INT64_MIN;
    col->i64[row] = missing ? 0 : microseconds;
    mark(col, row, !missing);
    return LEAT_OK;
}

/* Looks at all of them without a branch. */
static bool within(const double *values, size_t count, double low, double high)
{
    unsigned out = 0;
    for (size_t i = 0; i < count; i++)
        out |= (unsigned)!(values[i] >= low) | (unsigned)!(values[i] <= high);
    return !out;
}

leat_status leat_session_set_array(leat_session *s, size_t row, size_t input, const double *values,
                                   size_t count)
{
    leati_column *col;
    LEATI_TRY(column_of(s, row, input, LEATI_ROLE_ARRAY, &col));
    LEATI_CHECK(s->context, count == col->length, LEAT_SHAPE,
                "input %zu takes arrays of %zu numbers, it was given %zu", input, col->length,
                count);
    bool bytes = col->item == LEATI_ITEM_U8;
    bool fit = within(values, count, bytes ? 0 : -DBL_MAX, bytes ? 255 : DBL_MAX);
    for (size_t i = 0; !fit && i < count; i++)
        LEATI_CHECK(s->context,
                    isfinite(values[i]) && (!bytes || (values[i] >= 0 && values[i] <= 255)),
                    LEAT_INVALID, "input %zu, number %zu, is %g: %s are wanted", input, i,
                    values[i], bytes ? "0 to 255" : "finite ones");
    size_t at = row * col->length;
    if (bytes)
        for (size_t i = 0; i < count; i++) col->u8[at + i] = (uint8_t)values[i];
    else if (col->item == LEATI_ITEM_F32)
        for (size_t i = 0; i < count; i++) col->f32[at + i] = (float)values[i];
    else memcpy(col->f64 + at, values, count * sizeof *values);
    return LEAT_OK;
}

/* ---- cells ------------------------------------------------------------------------------------
 */

static void copy_items(const leati_column *to, size_t at, const leati_column *from, size_t from_at,
                       size_t count)
{
    switch (to->item) {
    case LEATI_ITEM_U8: memcpy(to->u8 + at, from->u8 + from_at, count); break;
    case LEATI_ITEM_F32: memcpy(to->f32 + at, from->f32 + from_at, count * sizeof *to->f32); break;
    default: memcpy(to->f64 + at, from->f64 + from_at, count * sizeof *to->f64);
    }
}

static void copy_patch(const leati_column *to, size_t row, const leati_column *from,
                       size_t from_row, const leati_patch *p)
{
    size_t line = to->shape[1] * to->shape[2], channels = to->shape[2];
    for (size_t y = p->row_from; y < p->row_to; y++) {
        size_t at = y * line + p->column_from * channels;
        copy_items(to, row * to->length + at, from, from_row * to->length + at,
                   (p->column_to - p->column_from) * channels);
    }
}

static void copy_arrays(const leati_column *to, const leati_column *from, const leati_run *r,
                        const leati_patch *patch)
{
    for (size_t i = 0; i < r->count; i++) {
        size_t row = r->row + i, from_row = r->from_row + (r->same ? 0 : i);
        if (patch) copy_patch(to, row, from, from_row, patch);
        else copy_items(to, row * to->length, from, from_row * to->length, to->length);
    }
}

/* Numbers and times: eight bytes each. */
static void copy_values(void *to, const void *from, const leati_run *r)
{
    char *t = (char *)to + 8 * r->row;
    const char *f = (const char *)from + 8 * r->from_row;
    if (!r->same) memcpy(t, f, 8 * r->count);
    else
        for (size_t i = 0; i < r->count; i++) memcpy(t + 8 * i, f, 8);
}

static void copy_codes(leat_session *to, const leat_session *from, size_t input, const leati_run *r)
{
    const leati_encoder_column *k = &to->model->pipeline.encoder.columns[input];
    bool sequence = k->role == LEATI_ROLE_TOKENS;
    uint32_t *codes = to->frame->column[input]->codes;
    const uint32_t *given = from->frame->column[input]->codes;
    for (size_t i = 0; i < r->count; i++) {
        size_t row = r->row + i, from_row = r->from_row + (r->same ? 0 : i);
        if (sequence)
            memcpy(to->level_of[input] + row * k->width,
                   from->level_of[input] + from_row * k->width, k->width * sizeof **to->level_of);
        else codes[row] = given[from_row];
    }
}

void leati_session_copy(leat_session *to, const leat_session *from, size_t input,
                        const leati_run *r, const leati_patch *patch)
{
    leati_column *t = to->frame->column[input];
    const leati_column *f = from->frame->column[input];
    switch (t->type) {
    case LEAT_ARRAY: copy_arrays(t, f, r, patch); return; /* never missing */
    case LEAT_STRING: copy_codes(to, from, input, r); break;
    default: copy_values(t->data, f->data, r);
    }
    for (size_t i = 0; i < r->count; i++)
        mark(t, r->row + i, leati_valid(f, r->from_row + (r->same ? 0 : i)));
}

static leat_status set_cell(leat_session *s, size_t row, size_t input, const leati_column *col,
                            size_t at)
{
    char text[LEATI_NUM_SIZE];
    size_t length;
    bool valid = leati_valid(col, at);
    switch (col->type) {
    case LEAT_STRING:
        return leat_session_set_text(s, row, input,
                                     valid ? leati_cell_text(col, at, text, &length) : NULL);
    case LEAT_TIME: return leat_session_set_time(s, row, input, valid ? col->i64[at] : INT64_MIN);
    case LEAT_ARRAY:
        copy_items(s->frame->column[input], row * col->length, col, at * col->length, col->length);
        return LEAT_OK;
    default: return leat_session_set_number(s, row, input, valid ? col->f64[at] : (double)NAN);
    }
}

leat_status leati_session_set_row(leat_session *s, size_t row, const leat_frame *f,
                                  size_t frame_row)
{
    LEATI_CHECK(s->context, row < s->rows, LEAT_INVALID, "row %zu: the session has %zu", row,
                s->rows);
    for (size_t i = 0; i < s->model->input_count; i++)
        LEATI_TRY(set_cell(s, row, i, f->column[i], frame_row));
    return LEAT_OK;
}

const leat_model *leati_session_model(const leat_session *s)
{
    return s->model;
}

size_t leati_session_rows(const leat_session *s)
{
    return s->rows;
}

/* ---- answers ----------------------------------------------------------------------------------
 */

static leat_status begin_run(leat_session *s, size_t rows)
{
    s->answered = false;
    LEATI_CHECK(s->context, rows <= s->rows, LEAT_INVALID, "%zu rows: the session has %zu", rows,
                s->rows);
    return LEAT_OK;
}

static leat_status answer(leat_session *s, const leati_matrix *x, double *value, double *proba)
{
    leati_predictions out = {.value = value, .proba = s->proba ? proba : NULL};
    return leati_pipeline_answer(s->context, &s->model->pipeline, x, &out);
}

leat_status leat_session_run(leat_session *s, size_t rows, bool probabilities)
{
    leati_matrix x;
    LEATI_TRY(begin_run(s, rows));
    s->with_proba = probabilities && s->proba;
    leati_encoder_fill(s->context, &s->model->pipeline.encoder, s->frame, s->row, rows, s->level_of,
                       s->matrix, &x);
    LEATI_TRY(answer(s, &x, s->value, s->with_proba ? s->proba : NULL));
    s->answered = true;
    return LEAT_OK;
}

leati_matrix leati_session_matrix(const leat_session *s, size_t rows)
{
    const leati_encoder *e = &s->model->pipeline.encoder;
    leati_matrix x = {.rows = rows, .cols = e->width, .stride = e->width};
    if (e->recipe.f32) x.f32 = s->matrix;
    else x.f64 = s->matrix;
    return x;
}

bool leati_session_takes_rows(const leat_session *s)
{
    return leati_encoder_takes_rows(&s->model->pipeline.encoder, s->model->input_count);
}

leat_status leati_session_run_rows(leat_session *s, const void *values, bool f32, size_t rows,
                                   double *value, double *proba, size_t *wrong)
{
    leati_matrix x;
    *wrong = SIZE_MAX;
    LEATI_TRY(begin_run(s, rows));
    LEATI_CHECK(s->context, leati_session_takes_rows(s), LEAT_TYPE,
                "the model takes other inputs than numbers");
    *wrong = leati_encoder_fill_rows(s->context, &s->model->pipeline.encoder, values, f32, rows,
                                     s->matrix, &x);
    return *wrong == SIZE_MAX ? answer(s, &x, value, proba) : LEAT_INVALID;
}

const double *leat_session_predictions(const leat_session *s)
{
    return s->answered ? s->value : NULL;
}

const double *leat_session_probabilities(const leat_session *s)
{
    return s->answered && s->with_proba ? s->proba : NULL;
}
