/* Owns: augmentation of one image, shares of mixed samples. */
#include "nn/augment.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/spec.h"
#include "tensor/shape.h"

static const leati_param params[] = {
    {.name = "flip",
     .type = LEATI_PARAM_BOOL,
     .offset = offsetof(leati_augment, flip),
     .standard = "false",
     .doc = "Left and right swapped for half of the samples."},
    {.name = "crop",
     .type = LEATI_PARAM_INT,
     .offset = offsetof(leati_augment, crop),
     .standard = "0",
     .least = 0,
     .most = 1e6,
     .doc = "Shifted by up to so many pixels."},
    {.name = "rotate",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(leati_augment, rotate),
     .standard = "0",
     .least = 0,
     .most = 180,
     .doc = "Rotated by up to so many degrees."},
    {.name = "brightness",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(leati_augment, brightness),
     .standard = "0",
     .least = 0,
     .most = 1,
     .doc = "Brighter or darker by up to this share of the largest value."},
    {.name = "contrast",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(leati_augment, contrast),
     .standard = "0",
     .least = 0,
     .most = 1,
     .doc = "Distance from the mean changed by up to this share."},
    {.name = "saturation",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(leati_augment, saturation),
     .standard = "0",
     .least = 0,
     .most = 1,
     .doc = "Distance of colours from grey changed by up to this share."},
    {.name = "cutout",
     .type = LEATI_PARAM_INT,
     .offset = offsetof(leati_augment, cutout),
     .standard = "0",
     .least = 0,
     .most = 1e6,
     .doc = "Side of a square that becomes 0."},
    {.name = "mixup",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(leati_augment, mixup),
     .standard = "0",
     .least = 0,
     .most = 1,
     .doc = "Samples and their labels mixed in pairs, by shares from Beta(mixup, mixup)."},
    {0}};

size_t leati_augment_count(void)
{
    return sizeof params / sizeof *params - 1;
}

const leati_param *leati_augment_param(size_t i)
{
    return &params[i];
}

leat_status leati_augment_parse(leat_context *c, const char *text, leati_augment *out)
{
    leati_spec s;
    *out = (leati_augment){0};
    if (strcmp(text, "none") == 0) return LEAT_OK;
    leati_spec_init(&s, c, "augment", text);
    do {
        char name[64], value[64] = "true";
        if (!leati_spec_name(&s, name, sizeof name))
            return leati_spec_refuse(&s, "the name of a change");
        if (leati_spec_take(&s, '=') && !leati_spec_value(&s, value, sizeof value))
            return leati_spec_refuse(&s, "its value");
        LEATI_TRY(leati_param_set(c, params, "augment", out, name, value));
    } while (leati_spec_take(&s, ','));
    return leati_spec_at_end(&s) ? LEAT_OK : leati_spec_refuse(&s, "',' or the end");
}

bool leati_augment_any(const leati_augment *a)
{
    return a && (a->flip || a->crop || a->rotate > 0 || a->brightness > 0 || a->contrast > 0 ||
                 a->saturation > 0 || a->cutout);
}

leat_status leati_augment_check(leat_context *c, const leati_augment *a, const leat_shape *image)
{
    LEATI_CHECK(c, !leati_augment_any(a) || image->rank == 2 || image->rank == 3, LEAT_SHAPE,
                "augment is for images; a sample here has the shape %s: name it with "
                "network.input, as in 28x28x1",
                leati_shape_string(image).text);
    if (!leati_augment_any(a)) return LEAT_OK;
    int64_t side = image->dim[0] < image->dim[1] ? image->dim[0] : image->dim[1];
    LEATI_CHECK(c, a->crop < side, LEAT_INVALID,
                "augment: crop=%lld shifts images of %lld x %lld out of sight; it must be less "
                "than %lld",
                (long long)a->crop, (long long)image->dim[0], (long long)image->dim[1],
                (long long)side);
    LEATI_CHECK(c, a->cutout <= side, LEAT_INVALID,
                "augment: cutout=%lld is a square larger than the images of %lld x %lld; it must "
                "be at most %lld",
                (long long)a->cutout, (long long)image->dim[0], (long long)image->dim[1],
                (long long)side);
    return LEAT_OK;
}

typedef struct image {
    int64_t h, w, c;
    float *x;
} image;

static double between(leati_rng *rng, double low, double high)
{
    return low + (high - low) * leati_rng_uniform(rng);
}

static void flip_image(const image *m)
{
    for (int64_t i = 0; i < m->h; i++)
        for (int64_t j = 0; j < m->w / 2; j++)
            for (int64_t k = 0; k < m->c; k++) {
                float *a = m->x + (i * m->w + j) * m->c + k;
                float *b = m->x + (i * m->w + m->w - 1 - j) * m->c + k, t = *a;
                *a = *b;
                *b = t;
            }
}

static float pixel(const image *m, int64_t i, int64_t j, int64_t k)
{
    return i < 0 || j < 0 || i >= m->h || j >= m->w ? 0 : m->x[(i * m->w + j) * m->c + k];
}

/* Pixel (i, j) of the result comes from the image turned about its centre and shifted. */
static void move_image(const image *m, double degrees, int64_t down, int64_t right, float *out)
{
    double turn = degrees * 3.14159265358979323846 / 180, cosine = cos(turn), sine = sin(turn);
    double ci = (double)(m->h - 1) / 2, cj = (double)(m->w - 1) / 2;
    for (int64_t i = 0; i < m->h; i++)
        for (int64_t j = 0; j < m->w; j++) {
            double y = (double)(i - down) - ci, x = (double)(j - right) - cj;
            double from_i = ci + cosine * y - sine * x, from_j = cj + sine * y + cosine * x;
            int64_t i0 = (int64_t)floor(from_i), j0 = (int64_t)floor(from_j);
            float di = (float)(from_i - (double)i0), dj = (float)(from_j - (double)j0);
            for (int64_t k = 0; k < m->c; k++)
                out[(i * m->w + j) * m->c + k] =
                    (1 - di) * ((1 - dj) * pixel(m, i0, j0, k) + dj * pixel(m, i0, j0 + 1, k)) +
                    di * ((1 - dj) * pixel(m, i0 + 1, j0, k) + dj * pixel(m, i0 + 1, j0 + 1, k));
        }
}

static void change_light(const image *m, double add, double factor)
{
    size_t n = (size_t)(m->h * m->w * m->c);
    double sum = 0, most = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)m->x[i];
        most = fmax(most, fabs((double)m->x[i]));
    }
    double mean = n ? sum / (double)n : 0;
    for (size_t i = 0; i < n; i++)
        m->x[i] = (float)(mean + factor * ((double)m->x[i] - mean) + add * most);
}

static void change_colour(const image *m, float factor)
{
    float *p = m->x;
    for (int64_t i = 0; m->c == 3 && i < m->h * m->w; i++, p += 3) {
        float grey = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
        for (int k = 0; k < 3; k++) p[k] = grey + factor * (p[k] - grey);
    }
}

static void cut_out(const image *m, int64_t side, int64_t ci, int64_t cj)
{
    int64_t i0 = ci - side / 2, j0 = cj - side / 2;
    for (int64_t i = i0 < 0 ? 0 : i0; i < i0 + side && i < m->h; i++)
        for (int64_t j = j0 < 0 ? 0 : j0; j < j0 + side && j < m->w; j++)
            memset(m->x + (i * m->w + j) * m->c, 0, (size_t)m->c * sizeof *m->x);
}

void leati_augment_apply(const leati_augment *a, const leat_shape *shape, uint64_t seed,
                         uint64_t epoch, uint64_t sample, float *x, float *room)
{
    image m = {shape->dim[0], shape->dim[1], shape->rank == 3 ? shape->dim[2] : 1, x};
    leati_rng rng;
    leati_rng_init(&rng, seed ^ epoch << 40, LEATI_RNG_AUGMENT, (uint32_t)sample);
    /* everything is drawn, so that one change does not shift the draws of the others */
    bool flip = leati_rng_uniform(&rng) < 0.5;
    double down = between(&rng, -1, 1), right = between(&rng, -1, 1);
    double degrees = between(&rng, -a->rotate, a->rotate);
    double add = between(&rng, -a->brightness, a->brightness);
    double factor = 1 + between(&rng, -a->contrast, a->contrast);
    double ci = leati_rng_uniform(&rng), cj = leati_rng_uniform(&rng);
    double vivid = 1 + between(&rng, -a->saturation, a->saturation);
    if (a->flip && flip) flip_image(&m);
    if (a->crop || a->rotate > 0) {
        double reach = (double)a->crop + 0.499;
        move_image(&m, degrees, (int64_t)round(down * reach), (int64_t)round(right * reach), room);
        memcpy(x, room, (size_t)(m.h * m.w * m.c) * sizeof *x);
    }
    if (a->brightness > 0 || a->contrast > 0) change_light(&m, add, factor);
    if (a->saturation > 0) change_colour(&m, (float)vivid);
    if (a->cutout) cut_out(&m, a->cutout, (int64_t)(ci * (double)m.h), (int64_t)(cj * (double)m.w));
}

/* Joehnk 1964: U^(1/a) by U^(1/a) + V^(1/a), given that the sum is at most 1; in logarithms, for
 * small a leaves little of the powers. */
double leati_augment_share(const leati_augment *a, uint64_t seed, uint64_t batch)
{
    leati_rng rng;
    double u, v, more;
    leati_rng_init(&rng, seed ^ (batch >> 32) << 32, LEATI_RNG_MIX, (uint32_t)batch);
    do {
        u = log(1 - leati_rng_uniform(&rng)) / a->mixup;
        v = log(1 - leati_rng_uniform(&rng)) / a->mixup;
        more = fmax(u, v);
    } while (more + log1p(exp(-fabs(u - v))) > 0);
    return 1 / (1 + exp(-fabs(u - v)));
}
