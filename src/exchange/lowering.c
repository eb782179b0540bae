/* Owns: inputs and preprocessing as a graph; what the lowerings of estimators share. */
#include "exchange/lowering.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"

static const struct {
    const char *estimator;
    leat_status (*lower)(leati_lowering *l);
} table[] = {
#define LOWERING(estimator, function) {#estimator, leati_lower_##function},
#include "exchange/lowerings.def"
#undef LOWERING
};

leat_status leati_lower_estimator(leati_lowering *l)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].estimator, l->estimator->class->name) == 0) return table[i].lower(l);
    return LEATI_FAIL(l->context, LEAT_UNSUPPORTED, "%s has no form as a graph",
                      l->estimator->class->name);
}

leat_tensor *leati_lower_constant(leati_lowering *l, const double *v, int64_t rows, int64_t cols)
{
    return leat_constant(l->graph, LEAT_DTYPE_F64, cols ? LEAT_DIMS(rows, cols) : LEAT_DIMS(rows),
                         v);
}

leat_tensor *leati_lower_array(leati_lowering *l, const char *name)
{
    static const leat_dtype types[LEATI_DTYPES] = {LEAT_DTYPE_F64, LEAT_DTYPE_F32, LEAT_DTYPE_I64,
                                                   LEAT_DTYPE_I32, LEAT_DTYPE_U8};
    const leati_array_entry *e = leati_state_find(l->state, name);
    if (!e || e->dims > 2) {
        (void)LEATI_FAIL(l->context, LEAT_FORMAT, "damaged model: the array '%s' is missing", name);
        return NULL;
    }
    leat_shape s = {.rank = e->dims};
    for (int i = 0; i < e->dims; i++) s.dim[i] = (int64_t)e->shape[i];
    leat_tensor *x = leat_constant(l->graph, types[e->type], s, e->data);
    return e->type == LEATI_F32 ? leat_cast(x, LEAT_DTYPE_F64) : x;
}

const char *leati_lower_param(const leati_lowering *l, const char *name, char out[64])
{
    const leati_param *p = leati_param_find(l->estimator->class->params, name);
    out[0] = 0;
    if (p) leati_param_get(p, l->estimator, out, 64);
    return out;
}

double leati_lower_number(const leati_lowering *l, const char *name)
{
    char text[64];
    double value;
    (void)leati_lower_param(l, name, text);
    return leati_num_parse(text, strlen(text), &value) ? value : 0;
}

leat_status leati_lower_softmax(leati_lowering *l, leat_tensor *scores)
{
    l->out = leat_softmax(scores, 1);
    l->class = leat_argmax(l->out, 1, false);
    return leati_lower_status(l);
}

leat_status leati_lower_status(const leati_lowering *l)
{
    if (l->out && (l->class || l->estimator->task == LEATI_REGRESS)) return LEAT_OK;
    leat_status st = leat_error_status(l->context);
    return st != LEAT_OK ? st : LEAT_INTERNAL;
}

/* ---- inputs ---------------------------------------------------------------------------------- */

static leat_tensor *where_missing(leat_tensor *x, leat_tensor *instead)
{
    return leat_where(leat_isnan(x), instead, x);
}

/* Level numbers (batch, 1) as one feature per level, or as encoder.c's numbers. */
static leat_tensor *category(leati_lowering *l, const leati_encoder_column *k, leat_tensor *code)
{
    const leati_encoder *e = &l->model->pipeline.encoder;
    if (!e->recipe.one_hot) {
        leat_tensor *other = leat_less(code, leat_like(code, 0)); /* false of NaN */
        return leat_where(other, leat_like(code, k->levels), code);
    }
    double level[LEATI_LEVELS];
    for (uint32_t i = 0; i < k->levels; i++) level[i] = i;
    if (k->levels == 0) level[0] = -2;
    const double *from = k->width == 1 && k->levels ? level + k->levels - 1 : level;
    leat_tensor *each = leati_lower_constant(l, from, 1, (int64_t)k->width);
    return leat_cast(leat_equal(code, each), LEAT_DTYPE_F64);
}

/* x / by of whole numbers below 2^53: right even where 1 / by is rounded. */
static leat_tensor *whole_div(leat_tensor *x, double by)
{
    return leat_floor(leat_div(leat_shift(x, 0.5), leat_like(x, by)));
}

/* The month 0 .. 11 of a day number, by Hinnant's civil_from_days as in encoder.c. */
static leat_tensor *month(leat_tensor *days)
{
    leat_tensor *z = leat_shift(days, 719468), *era = whole_div(z, 146097);
    leat_tensor *doe = leat_sub(z, leat_scale(era, 146097));
    leat_tensor *a = leat_sub(doe, whole_div(doe, 1460));
    a = leat_sub(leat_add(a, whole_div(doe, 36524)), whole_div(doe, 146096));
    leat_tensor *yoe = whole_div(a, 365);
    leat_tensor *before =
        leat_sub(leat_add(leat_scale(yoe, 365), whole_div(yoe, 4)), whole_div(yoe, 100));
    leat_tensor *doy = leat_sub(doe, before);
    leat_tensor *m = whole_div(leat_shift(leat_scale(doy, 5), 2), 153);
    leat_tensor *late = leat_less(m, leat_like(m, 10));
    return leat_where(late, leat_shift(m, 2), leat_shift(m, -10));
}

static leat_tensor *time_part(leat_tensor *t, unsigned part)
{
    const double day = 86400e6;
    leat_tensor *days = leat_floor(leat_div(t, leat_like(t, day)));
    leat_tensor *within = leat_sub(t, leat_scale(days, day));
    if (part == LEATI_DAYS) return leat_add(days, leat_div(within, leat_like(t, day)));
    if (part == LEATI_MONTH) return month(days);
    if (part == LEATI_HOUR) return leat_floor(leat_div(within, leat_like(t, 3600e6)));
    leat_tensor *since = leat_shift(days, 3);
    return leat_sub(since, leat_scale(whole_div(since, 7), 7));
}

static leat_tensor *time_features(leati_lowering *l, const leati_encoder_column *k, leat_tensor *t)
{
    leat_tensor *part[4];
    size_t n = 0;
    if (l->model->pipeline.encoder.recipe.fill)
        t = where_missing(t, leat_like(t, trunc(k->fill * 86400e6)));
    for (unsigned bit = LEATI_DAYS; bit <= LEATI_HOUR; bit <<= 1)
        if (k->parts & bit) part[n++] = time_part(t, bit);
    return leat_concat(n, part, 1);
}

/* Numbers side by side, filled at once. */
static leat_tensor *numbers(leati_lowering *l, size_t from, size_t count, leat_tensor **input)
{
    const leati_encoder *e = &l->model->pipeline.encoder;
    leat_tensor *x = leat_concat(count, input + from, 1);
    if (!e->recipe.fill) return x;
    double *fill = leati_array(l->context, count, sizeof *fill);
    if (!fill) return NULL;
    for (size_t i = 0; i < count; i++) fill[i] = e->columns[from + i].fill;
    leat_tensor *with = leati_lower_constant(l, fill, 1, (int64_t)count);
    leati_free(fill);
    return where_missing(x, with);
}

static leat_tensor *make_input(leati_lowering *l, const leati_schema_column *col)
{
    static const leat_dtype items[] = {LEAT_DTYPE_U8, LEAT_DTYPE_F32, LEAT_DTYPE_F64};
    if (col->role != LEATI_ROLE_ARRAY)
        return leat_input(l->graph, LEAT_DTYPE_F64, LEAT_DIMS(l->batch, 1), NULL);
    return leat_input(
        l->graph, items[col->item],
        LEAT_DIMS(l->batch, (int64_t)col->shape[0], (int64_t)col->shape[1], (int64_t)col->shape[2]),
        NULL);
}

/* The pieces side by side, shifted and scaled. */
static leat_tensor *scaled(leati_lowering *l, size_t count, leat_tensor *const *piece)
{
    const leati_encoder *e = &l->model->pipeline.encoder;
    leat_tensor *x = count == 1 ? piece[0] : leat_concat(count, piece, 1);
    bool shifts = false, scales = false;
    for (size_t j = 0; j < e->width; j++) {
        shifts |= e->shift[j] != 0;
        scales |= e->scale[j] != 1;
    }
    int64_t width = (int64_t)e->width;
    if (shifts) x = leat_sub(x, leati_lower_constant(l, e->shift, 1, width));
    if (scales) x = leat_mul(x, leati_lower_constant(l, e->scale, 1, width));
    if (e->recipe.f32) x = leat_cast(leat_cast(x, LEAT_DTYPE_F32), LEAT_DTYPE_F64);
    return x;
}

leat_status leati_lower_inputs(leati_lowering *l, leat_tensor **input)
{
    const leati_encoder *e = &l->model->pipeline.encoder;
    leat_tensor **piece = leati_array(l->context, e->count, sizeof(leat_tensor *));
    if (!piece) return leat_error_status(l->context);
    size_t pieces = 0;
    for (size_t i = 0; i < e->count; i++)
        input[i] = make_input(l, &l->model->schema.columns[e->columns[i].schema]);
    for (size_t i = 0; i < e->count;) {
        const leati_encoder_column *k = &e->columns[i];
        size_t n = 1;
        while (k->role == LEATI_ROLE_NUMBER && i + n < e->count &&
               e->columns[i + n].role == LEATI_ROLE_NUMBER)
            n++;
        leat_tensor *x = input[i];
        switch (k->role) {
        case LEATI_ROLE_NUMBER: x = numbers(l, i, n, input); break;
        case LEATI_ROLE_CATEGORY: x = category(l, k, x); break;
        case LEATI_ROLE_TIME: x = time_features(l, k, x); break;
        default:
            x = leat_reshape(leat_cast(x, LEAT_DTYPE_F64), LEAT_DIMS(l->batch, (int64_t)k->width));
        }
        piece[pieces++] = x;
        i += n;
    }
    l->x = scaled(l, pieces, piece);
    leati_free(piece);
    return l->x ? LEAT_OK : leat_error_status(l->context);
}
