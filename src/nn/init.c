/* Owns: initialisers: their table, their text, their values. */
#include "nn/init.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "nn/spec.h"
#include "tensor/shape.h"

enum kind {
    ZEROS,
    ONES,
    CONSTANT,
    UNIFORM,
    NORMAL,
    TRUNCATED_NORMAL,
    GLOROT_UNIFORM,
    GLOROT_NORMAL,
    HE_UNIFORM,
    HE_NORMAL,
    LECUN_UNIFORM,
    LECUN_NORMAL,
    ORTHOGONAL,
    UNIT_FORGET_BIAS
};

#define NUMBER(text, field, usual, low, about)                                                     \
    {                                                                                              \
        .name = text, .type = LEATI_PARAM_REAL, .offset = offsetof(leati_init, field),             \
        .standard = usual, .least = low, .most = 1e6, .doc = about                                 \
    }

static const leati_param none[] = {{0}};
static const leati_param constant[] = {NUMBER("value", value, "0", -1e6, "The value."), {0}};
static const leati_param uniform[] = {
    NUMBER("scale", scale, "0.05", 0, "Values lie from -scale to scale."), {0}};
static const leati_param normal[] = {NUMBER("stddev", scale, "0.05", 0, "Standard deviation."),
                                     NUMBER("mean", value, "0", -1e6, "Mean."),
                                     {0}};
static const leati_param gain[] = {NUMBER("gain", scale, "1", 0, "Factor of the values."), {0}};

static const leati_init_info table[] = {
    [ZEROS] = {"zeros", "All 0.", none},
    [ONES] = {"ones", "All 1.", none},
    [CONSTANT] = {"constant", "All the same.", constant},
    [UNIFORM] = {"uniform", "Even between two bounds.", uniform},
    [NORMAL] = {"normal", "Normal.", normal},
    [TRUNCATED_NORMAL] = {"truncated_normal", "Normal, drawn anew beyond two deviations.", normal},
    [GLOROT_UNIFORM] =
        {"glorot_uniform",
         "Even within sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010, eq. 16).", none},
    [GLOROT_NORMAL] = {"glorot_normal", "Truncated normal of variance 2 / (fan_in + fan_out).",
                       none},
    [HE_UNIFORM] = {"he_uniform", "Even within sqrt(6 / fan_in) (He et al. 2015, eq. 10).", none},
    [HE_NORMAL] = {"he_normal", "Truncated normal of variance 2 / fan_in.", none},
    [LECUN_UNIFORM] = {"lecun_uniform", "Even within sqrt(3 / fan_in).", none},
    [LECUN_NORMAL] = {"lecun_normal",
                      "Truncated normal of variance 1 / fan_in (LeCun et al. 1998).", none},
    [ORTHOGONAL] = {"orthogonal",
                    "Rows or columns of an orthogonal matrix (Saxe et al. 2014), the first "
                    "dimension as rows: of a convolution its filters.",
                    gain},
    [UNIT_FORGET_BIAS] = {"unit_forget_bias",
                          "0, but 1 in the second of four quarters: the forget "
                          "gates of an LSTM (Jozefowicz et al. 2015).",
                          none}};

size_t leati_init_count(void)
{
    return sizeof table / sizeof *table;
}

leati_init_info leati_init_at(size_t i)
{
    return table[i];
}

static const char *name_at(size_t i)
{
    return table[i].name;
}

leat_status leati_init_parse(leat_context *c, const char *text, leati_init *out)
{
    leati_spec s;
    char name[64];
    size_t k;
    leati_spec_init(&s, c, "initializer", text);
    if (!leati_spec_name(&s, name, sizeof name))
        return leati_spec_refuse(&s, "the name of an initializer");
    LEATI_TRY(leati_spec_find(c, "initializer", name, leati_init_count(), name_at, &k));
    *out = (leati_init){.kind = (int)k};
    leati_params_default(table[k].params, out);
    if (leati_spec_take(&s, '(')) LEATI_TRY(leati_spec_params(&s, name, table[k].params, out));
    return leati_spec_at_end(&s) ? LEAT_OK : leati_spec_refuse(&s, "the end");
}

/* The deviation of a standard normal that is cut at 2 on both sides. */
static const double truncated_deviation = 0.87962566103423978;

static double dot(const double *a, const double *b, size_t n)
{
    double lane[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++) lane[k] += a[i + k] * b[i + k];
    for (; i < n; i++) lane[0] += a[i] * b[i];
    return ((lane[0] + lane[1]) + (lane[2] + lane[3])) +
           ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

/* Gram-Schmidt, twice, on the `count` vectors of length n >= count; rows of q. */
static void orthonormalise(double *q, size_t count, size_t n)
{
    for (size_t j = 0; j < count; j++) {
        double *v = q + j * n;
        for (int pass = 0; pass < 2; pass++)
            for (size_t k = 0; k < j; k++) {
                const double *u = q + k * n;
                double part = dot(u, v, n);
                for (size_t i = 0; i < n; i++) v[i] -= part * u[i];
            }
        double length = sqrt(dot(v, v, n));
        for (size_t i = 0; i < n; i++) v[i] /= length > 0 ? length : 1;
    }
}

/* PyTorch's matrix: all dimensions but the first are columns, so that the filters of a convolution
 * (out, in, kernel...) are rows. */
static leat_status orthogonal(leat_context *c, double factor, const leat_shape *shape,
                              leati_rng *rng, double *out)
{
    size_t all = leati_shape_count(shape);
    size_t rows = shape->rank ? (size_t)shape->dim[0] : 1;
    size_t cols = rows ? all / rows : 0, count = rows < cols ? rows : cols,
           n = rows < cols ? cols : rows;
    double *q = leati_array(c, all + 1, sizeof *q);
    if (!q) return LEAT_NOMEM;
    for (size_t i = 0; i < all; i++) q[i] = leati_rng_normal(rng);
    orthonormalise(q, count, n);
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < cols; k++)
            out[r * cols + k] = factor * (rows <= cols ? q[r * n + k] : q[k * n + r]);
    leati_free(q);
    return LEAT_OK;
}

/* ---- values -----------------------------------------------------------------------------------
 *
 * Drawn by tasks that begin at the block of the generator where one thread would stand: two values
 * of a uniform distribution come from a block, one of a normal. */

enum { PIECE = 1 << 14, MOST_PIECES = 64 };

typedef struct drawing {
    leat_context *context;
    leati_rng rng; /* at the beginning of the stream */
    double mean, limit, deviation;
    float *narrow; /* this or wide */
    double *wide;
    size_t count;
    uint64_t block;       /* of the round: its first */
    size_t draws;         /* of the round: of each task, at most PIECE */
    double *kept;         /* of the round: those within two deviations */
    size_t *found, *from; /* how many a task kept, and where they belong */
} drawing;

static void store(const drawing *d, size_t i, double x)
{
    if (d->narrow) d->narrow[i] = (float)x;
    else d->wide[i] = x;
}

static void draw_piece(void *arg, size_t task, unsigned worker)
{
    const drawing *d = arg;
    leati_rng rng = d->rng;
    size_t first = task * PIECE, end = first + PIECE < d->count ? first + PIECE : d->count;
    (void)worker;
    leati_rng_seek(&rng, d->limit > 0 ? first / 2 : first);
    for (size_t i = first; i < end; i++) {
        double x = d->mean;
        if (d->limit > 0) x = (2 * leati_rng_uniform(&rng) - 1) * d->limit;
        else if (d->deviation > 0) x += d->deviation * leati_rng_normal(&rng);
        store(d, i, x);
    }
}

static void keep_piece(void *arg, size_t task, unsigned worker)
{
    const drawing *d = arg;
    leati_rng rng = d->rng;
    size_t found = 0;
    double *kept = d->kept + task * d->draws;
    (void)worker;
    leati_rng_seek(&rng, d->block + task * d->draws);
    for (size_t i = 0; i < d->draws; i++) {
        double x = leati_rng_normal(&rng);
        kept[found] = x;
        found += !(fabs(x) > 2);
    }
    d->found[task] = found;
}

static void place_piece(void *arg, size_t task, unsigned worker)
{
    const drawing *d = arg;
    const double *kept = d->kept + task * d->draws;
    (void)worker;
    for (size_t i = 0; i < d->found[task] && d->from[task] + i < d->count; i++)
        store(d, d->from[task] + i, d->mean + d->deviation * kept[i]);
}

/* Normal numbers drawn anew beyond two deviations: where one stands follows from how many before it
 * were left out, so rounds of draws are counted first and placed then. */
static leat_status draw_truncated(drawing *d)
{
    size_t done = 0, found[MOST_PIECES], from[MOST_PIECES];
    size_t tasks = d->count / PIECE < MOST_PIECES ? d->count / PIECE + 1 : MOST_PIECES;
    d->kept = leati_array(d->context, tasks * PIECE, sizeof *d->kept);
    if (!d->kept) return leat_error_status(d->context);
    d->found = found;
    d->from = from;
    for (d->block = 0; done < d->count; d->block += tasks * d->draws) {
        size_t left = d->count - done, some = left + left / 8 + 8;
        tasks = left / PIECE < MOST_PIECES ? left / PIECE + 1 : MOST_PIECES;
        d->draws = some < PIECE ? some : PIECE;
        leati_parallel(d->context, tasks, keep_piece, d);
        for (size_t i = 0; i < tasks; done += found[i++]) from[i] = done;
        leati_parallel(d->context, tasks, place_piece, d);
    }
    leati_free(d->kept);
    return LEAT_OK;
}

static leat_status draw(drawing *d, bool truncated)
{
    if (truncated && d->deviation > 0) return draw_truncated(d);
    leati_parallel(d->context, (d->count + PIECE - 1) / PIECE, draw_piece, d);
    return LEAT_OK;
}

/* Of weights whose values depend on each other, through f64. */
static leat_status draw_orthogonal(drawing *d, double factor, const leat_shape *shape)
{
    double *wide = d->wide ? d->wide : leati_array(d->context, d->count + 1, sizeof *wide);
    if (!wide) return leat_error_status(d->context);
    leat_status st = orthogonal(d->context, factor, shape, &d->rng, wide);
    for (size_t i = 0; st == LEAT_OK && d->narrow && i < d->count; i++)
        d->narrow[i] = (float)wide[i];
    if (!d->wide) leati_free(wide);
    return st;
}

leat_status leati_init_fill(leat_context *c, leati_init init, const leat_shape *shape,
                            uint64_t seed, uint32_t stream, leat_dtype dtype, void *out)
{
    drawing d = {.context = c, .count = leati_shape_count(shape)};
    double in = (double)(init.fan_in ? init.fan_in : 1), fans = in + (double)init.fan_out;
    bool cut = true;
    if (dtype == LEAT_DTYPE_F32) d.narrow = out;
    else d.wide = out;
    leati_rng_init(&d.rng, seed, LEATI_RNG_INIT, stream);
    switch ((enum kind)init.kind) {
    case ZEROS: break;
    case ONES: d.mean = 1; break;
    case CONSTANT: d.mean = init.value; break;
    case UNIFORM: d.limit = init.scale; break;
    case NORMAL:
    case TRUNCATED_NORMAL:
        d.mean = init.value;
        d.deviation = init.scale;
        cut = init.kind == TRUNCATED_NORMAL;
        break;
    case GLOROT_UNIFORM: d.limit = sqrt(6 / fans); break;
    case GLOROT_NORMAL: d.deviation = sqrt(2 / fans) / truncated_deviation; break;
    case HE_UNIFORM: d.limit = sqrt(6 / in); break;
    case HE_NORMAL: d.deviation = sqrt(2 / in) / truncated_deviation; break;
    case LECUN_UNIFORM: d.limit = sqrt(3 / in); break;
    case LECUN_NORMAL: d.deviation = sqrt(1 / in) / truncated_deviation; break;
    case UNIT_FORGET_BIAS: break;
    case ORTHOGONAL: return draw_orthogonal(&d, init.scale, shape);
    }
    LEATI_TRY(draw(&d, cut));
    for (size_t i = d.count / 4; init.kind == UNIT_FORGET_BIAS && i < d.count / 2; i++)
        store(&d, i, 1);
    return LEAT_OK;
}
