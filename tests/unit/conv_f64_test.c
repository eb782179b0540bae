/* Convolutions of f64: whole numbers give the very sums of the reference, in both layouts, with one
 * to three dimensions, for any number of threads; failing allocations. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <leat/function.h>

#include "base/rng.h"
#include "support/levels.h"
#include "tensor/shape.h"

typedef struct form {
    const char *name;
    leat_shape x, w; /* channels first */
    int64_t stride, pad, dilation;
    int groups;
    bool last, bias; /* of channels; added behind, then channels are last */
} form;

#define SHAPE(...)                                                                                 \
    {                                                                                              \
        .rank = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), .dim = { __VA_ARGS__ }         \
    }

static double *whole_numbers(leattest *t, uint32_t seed, const leat_shape *s)
{
    size_t n = leati_shape_count(s);
    double *x = calloc(n, sizeof *x);
    leati_rng rng;
    leati_rng_init(&rng, seed, LEATI_RNG_TEST, 0);
    if (CHECK(x))
        for (size_t i = 0; i < n; i++) x[i] = floor(511 * leati_rng_uniform(&rng)) - 255;
    return x;
}

static leat_tensor *channels_last(leat_tensor *x, int rank)
{
    int perm[LEAT_MAX_RANK] = {0};
    for (int i = 1; i < rank; i++) perm[i] = i == rank - 1 ? 1 : i + 1;
    return leat_transpose(x, perm);
}

static double *result(leattest *t, leat_context *c, const char *device, const form *f,
                      const double *x, const double *w, size_t *count)
{
    leat_graph *g;
    leat_window v = leat_window_default();
    v.channels_last = f->last;
    v.groups = f->groups;
    for (int i = 0; i < f->x.rank - 2; i++) {
        v.stride[i] = f->stride, v.dilation[i] = f->dilation;
        v.pad_low[i] = f->pad, v.pad_high[i] = f->pad;
    }
    if (!CHECK_OK(leat_graph_create(c, device, &g))) return NULL;
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F64, f->x, x);
    if (f->last) in = channels_last(in, f->x.rank);
    leat_tensor *y = leat_conv(in, leat_input(g, LEAT_DTYPE_F64, f->w, w), &v);
    if (f->bias) y = leat_add(y, leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(f->w.dim[0]), x));
    double *out = NULL;
    if (CHECK_OK(leat_run(g, 1, &y))) {
        leat_shape s = leat_tensor_shape(y);
        *count = leati_shape_count(&s);
        out = calloc(*count, sizeof *out);
        CHECK_OK(leat_get(y, out, *count * sizeof *out));
    }
    leat_graph_destroy(g);
    return out;
}

static void agree(leattest *t, leat_context *one, leat_context *four, const form *f)
{
    double *x = whole_numbers(t, 1, &f->x), *w = whole_numbers(t, 2, &f->w);
    size_t n = 0, m = 0, k = 0;
    double *want = result(t, one, "reference", f, x, w, &n);
    double *got = result(t, one, "cpu", f, x, w, &m);
    double *more = result(t, four, "cpu", f, x, w, &k);
    CHECK(want && got && more && n == m && n == k && n > 0);
    for (size_t i = 0, wrong = 0; want && got && more && i < n && wrong < 3; i++)
        if (!CHECK(want[i] == got[i] && want[i] == more[i])) {
            printf("    %s: element %zu: %.17g, %.17g, wanted %.17g\n", f->name, i, got[i], more[i],
                   want[i]);
            wrong++;
        }
    free(x), free(w), free(want), free(got), free(more);
}

static void level(leattest *t, leat_context *c)
{
    static const form forms[] = {
        {"several blocks", SHAPE(1, 80, 31, 33), SHAPE(9, 80, 3, 3), 1, 1, 1, 1, false, false},
        {"the same, channels last", SHAPE(1, 80, 31, 33), SHAPE(9, 80, 3, 3), 1, 1, 1, 1, true,
         false},
        {"groups", SHAPE(2, 12, 9, 7), SHAPE(20, 3, 3, 2), 1, 2, 1, 4, false, false},
        {"strides", SHAPE(2, 5, 11, 12), SHAPE(6, 5, 4, 3), 3, 2, 1, 1, false, false},
        {"dilation", SHAPE(1, 5, 13, 12), SHAPE(6, 5, 3, 3), 2, 3, 3, 1, true, false},
        {"more padding than image", SHAPE(1, 4, 2, 3), SHAPE(5, 4, 2, 2), 2, 7, 1, 1, false, false},
        {"one channel a group", SHAPE(2, 11, 14, 13), SHAPE(11, 1, 3, 3), 2, 1, 1, 11, false,
         false},
        {"the same, channels last", SHAPE(2, 11, 14, 13), SHAPE(11, 1, 3, 3), 1, 1, 2, 11, true,
         false},
        {"one dimension", SHAPE(3, 4, 50), SHAPE(8, 4, 5), 2, 2, 1, 1, false, false},
        {"three dimensions", SHAPE(1, 3, 5, 6, 7), SHAPE(4, 3, 3, 2, 3), 1, 1, 1, 1, false, false},
        {"a bias behind", SHAPE(1, 4, 6, 5), SHAPE(5, 4, 3, 3), 1, 1, 1, 1, true, true},
        {"wide windows", SHAPE(1, 512, 9, 9), SHAPE(4, 512, 9, 9), 1, 4, 1, 1, false, false}};
    leat_context *four = leattest_context(leati_context_cpu_level(c), 4);
    REQUIRE(four);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) agree(t, c, four, &forms[i]);
    leat_context_destroy(four);
}

static void sums_are_exact(leattest *t)
{
    leattest_at_levels(t, 1, level);
}

static leat_status convolve(leat_context *c, void *arg)
{
    static const double data[4096] = {0.5};
    leat_graph *g;
    leat_window w = leat_window_default();
    (void)arg;
    leat_status st = leat_graph_create(c, NULL, &g);
    if (st != LEAT_OK) return st;
    leat_tensor *y = leat_conv(leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(1, 4, 16, 16), data),
                               leat_constant(g, LEAT_DTYPE_F64, LEAT_DIMS(8, 4, 3, 3), data), &w);
    st = y ? leat_run(g, 1, &y) : leat_error_status(c);
    leat_graph_destroy(g);
    return st;
}

static void failing_allocations(leattest *t)
{
    leattest_fail_some_allocations(t, convolve, NULL);
}

static const leattest_case cases[] = {TEST(sums_are_exact), TEST(failing_allocations)};
LEATTEST_MAIN(cases)
