/* Operations on pieces, indices and order, and functions made of them, against NumPy; random
 * numbers against their distributions. */
#include <leat/graph.h>

#include "golden/pieces.h"
#include "support/leattest.h"
#include "tensor/shape.h"

typedef struct fixture {
    leattest *t;
    leat_graph *g;
    leat_tensor *x, *b, *c, *v; /* as in tools/golden/pieces.py */
} fixture;

static leat_tensor *pattern(leat_graph *g, leat_shape shape, int factor, int modulus, int less)
{
    double data[32];
    size_t count = leati_shape_count(&shape);
    for (size_t i = 0; i < count; i++) data[i] = (double)((int)i * factor % modulus - less);
    return leat_constant(g, LEAT_DTYPE_F64, shape, data);
}

static bool open_fixture(leattest *t, fixture *f, const char *device)
{
    static const double v[] = {3, 1, 2, 1, 0, -1, 4, -1, 2, 2, 2, 2};
    f->t = t;
    if (!CHECK_OK(leat_graph_create(t->context, device, &f->g))) return false;
    f->x = pattern(f->g, LEAT_DIMS(4, 6), 7, 11, 3);
    f->b = pattern(f->g, LEAT_DIMS(2, 3, 5), 1, 7, 2);
    f->c = pattern(f->g, LEAT_DIMS(2, 5, 2), 1, 5, 1);
    f->v = leat_constant(f->g, LEAT_DTYPE_F64, LEAT_DIMS(3, 4), v);
    return true;
}

static void compare(fixture *f, const char *name, leat_tensor *y, const double *want,
                    const int64_t *shape)
{
    leattest *t = f->t;
    double got[256];
    y = leat_cast(y, LEAT_DTYPE_F64);
    leat_shape s = leat_tensor_shape(y), wanted = leat_shape_make((int)shape[0], shape + 1);
    size_t count = leati_shape_count(&wanted);
    bool good = CHECK(y && leati_shape_equal(&s, &wanted)) && CHECK_OK(leat_run(f->g, 1, &y)) &&
                CHECK_OK(leat_get(y, got, count * sizeof *got));
    for (size_t i = 0; good && i < count; i++) good = CHECK_NEAR(got[i], want[i], 1e-14, 1e-14);
    if (!good) {
        printf("    %s\n", name);
        leat_error_clear(t->context);
    }
}

#define SAME(name, y) compare(f, #name, (y), golden_##name, golden_##name##_shape)

static leat_tensor *indices(fixture *f, leat_shape shape, const int64_t *data)
{
    return leat_constant(f->g, LEAT_DTYPE_I64, shape, data);
}

static void check_pieces(fixture *f)
{
    leat_tensor *x = f->x;
    int64_t low[] = {1, 2}, high[] = {2, 1};
    SAME(slice,
         leat_slice(x, 2, NULL, (int64_t[]){3, 1}, (int64_t[]){0, LEAT_END}, (int64_t[]){-2, 2}));
    SAME(slice_ends, leat_slice(x, 2, NULL, (int64_t[]){-3, 0}, (int64_t[]){LEAT_END, -1}, NULL));
    SAME(flip, leat_flip(x, 0, NULL));
    SAME(pad, leat_pad(x, LEAT_PAD_CONSTANT, low, high, 9));
    SAME(reflect, leat_pad(x, LEAT_PAD_REFLECT, low, high, 0));
    SAME(edge, leat_pad(x, LEAT_PAD_EDGE, low, high, 0));
    SAME(wrap, leat_pad(x, LEAT_PAD_WRAP, low, high, 0));
    SAME(concat, leat_concat(2, (leat_tensor *[]){x, leat_narrow(x, 0, 0, 2)}, 0));
    SAME(stack, leat_stack(2, (leat_tensor *[]){x, leat_neg(x)}, 1));
}

static void check_indices(fixture *f)
{
    leat_tensor *v = f->v, *order;
    double put[] = {8, 9, 7};
    SAME(take, leat_take(f->x, indices(f, LEAT_DIMS(2, 2), (int64_t[]){5, 0, -1, 2}), 1));
    SAME(nd, leat_take_nd(f->b, indices(f, LEAT_DIMS(3, 2), (int64_t[]){0, 2, 1, 0, 1, -1}), 0));
    SAME(put, leat_scatter_along(v, indices(f, LEAT_DIMS(3, 1), (int64_t[]){1, 3, 0}),
                                 leat_constant(f->g, LEAT_DTYPE_F64, LEAT_DIMS(3, 1), put), 1,
                                 LEAT_SCATTER_SET));
    leat_tensor *zeros = leat_expand(leat_like(v, 0), LEAT_DIMS(4, 4));
    SAME(added, leat_scatter_nd(zeros, indices(f, LEAT_DIMS(3, 1), (int64_t[]){1, 1, 3}), v, 0,
                                LEAT_SCATTER_ADD));
    SAME(argmax, leat_argmax(v, 1, false));
    SAME(argmin, leat_argmin(v, 0, false));
    SAME(cumsum, leat_cumsum(f->x, 1, false, false));
    SAME(cumprod, leat_cumprod(v, 0, false, false));
    SAME(sort, leat_sort(f->x, 0, false, NULL));
    (void)leat_sort(v, 1, false, &order);
    SAME(order, order);
    SAME(take_along, leat_take_along(v, order, 1));
}

static void check_functions(fixture *f)
{
    leat_tensor *x = f->x, *b = f->b, *c = f->c;
    int zero = 0, one = 1;
    SAME(tril, leat_tril(x, -1));
    SAME(triu, leat_triu(x, 1));
    SAME(var, leat_var(x, 1, &one, false, 1));
    SAME(std, leat_std(x, 0, NULL, false, 0));
    SAME(logsumexp, leat_logsumexp(x, 1, &zero, false));
    SAME(norm3, leat_norm(x, 3, 0, NULL, false));
    leat_tensor *row0 = leat_squeeze(leat_narrow(x, 0, 0, 1), 0, NULL);
    leat_tensor *row1 = leat_squeeze(leat_narrow(x, 0, 1, 1), 1, &zero);
    leat_tensor *column = leat_flatten(leat_narrow(x, 1, 0, 1), 0, -1);
    leat_tensor *square = leat_narrow(x, 1, 0, 4);
    SAME(batch, leat_einsum("bij,bjk->bik", 2, (leat_tensor *[]){b, c}));
    SAME(outer, leat_einsum("i,j->ij", 2, (leat_tensor *[]){row0, column}));
    SAME(inner, leat_einsum("i,i", 2, (leat_tensor *[]){row0, row1}));
    SAME(turned, leat_einsum("ij -> ji", 1, &x));
    SAME(trace, leat_einsum("ii", 1, &square));
    SAME(diagonal, leat_einsum("ii->i", 1, &square));
    SAME(summed, leat_einsum("bij->j", 1, &b));
    SAME(three, leat_einsum("bij,bjk,kl->il", 3, (leat_tensor *[]){b, c, leat_narrow(x, 0, 0, 2)}));
    SAME(implicit, leat_einsum("ij,kj", 2, (leat_tensor *[]){x, leat_narrow(x, 0, 1, 2)}));
    SAME(mixed, leat_einsum("bij,bkj->kb", 2, (leat_tensor *[]){b, b}));
}

static void values_of_numpy(leattest *t)
{
    static const char *const devices[] = {"reference", "simulated", "cpu"};
    for (size_t d = 0; d < 3; d++) {
        fixture f;
        if (open_fixture(t, &f, devices[d])) {
            check_pieces(&f);
            check_indices(&f);
            check_functions(&f);
        }
        leat_graph_destroy(f.g);
    }
}

static void special_cases(leattest *t)
{
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(t->context, "cpu", &g));
    double data[] = {-INFINITY, -INFINITY, 1000, 1000, INFINITY, 0}, got[3];
    leat_tensor *x = leat_constant(g, LEAT_DTYPE_F64, LEAT_DIMS(3, 2), data);
    int last = -1;
    leat_tensor *y = leat_logsumexp(x, 1, &last, false);
    REQUIRE_OK(leat_run(g, 1, &y));
    CHECK_OK(leat_get(y, got, sizeof got));
    CHECK(got[0] == -INFINITY && got[2] == INFINITY);
    CHECK_NEAR(got[1], 1000 + log(2), 1e-15, 0);
    int64_t index[] = {1, -1, 3};
    uint8_t hot[9];
    y = leat_one_hot(leat_constant(g, LEAT_DTYPE_I64, LEAT_DIMS(3), index), 3, LEAT_DTYPE_U8);
    REQUIRE_OK(leat_run(g, 1, &y));
    CHECK_OK(leat_get(y, hot, sizeof hot));
    CHECK(!memcmp(hot, "\0\1\0\0\0\1\0\0\0", 9));
    leat_graph_destroy(g);
}

static void wrong_formulas(leattest *t)
{
    static const struct {
        const char *formula, *words;
    } cases[] = {{"ij,jk", "number of dimensions"},
                 {"ij,jk,kl", "more operands"},
                 {"ij", "fewer operands"},
                 {"ij,ij->ik", "of no operand"},
                 {"i1,ij", "single letters"},
                 {"ij,ij->ii", "twice"},
                 {"ij,ji", "two sizes"},
                 {"ij,kl-k", "more operands"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leat_graph *g;
        REQUIRE_OK(leat_graph_create(t->context, "cpu", &g));
        leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 3), NULL);
        leat_tensor *in[2] = {x, i == 0 ? leat_sum(x, 0, NULL, false) : x};
        CHECK(leat_einsum(cases[i].formula, 2, in) == NULL);
        leat_status st = leat_error_status(t->context);
        if (!CHECK_FAILS(st, LEAT_INVALID, cases[i].words)) printf("    %s\n", cases[i].formula);
        leat_graph_destroy(g);
    }
}

/* ---- random numbers
 * -------------------------------------------------------------------------------- */

enum { DRAWS = 100000 };

typedef struct moments {
    double mean, deviation, low, high;
} moments;

static moments moments_of(leattest *t, leat_tensor *x)
{
    static double data[DRAWS];
    moments m = {0, 0, INFINITY, -INFINITY};
    leat_tensor *y = leat_cast(x, LEAT_DTYPE_F64);
    if (!CHECK_OK(leat_run(leat_tensor_graph(y), 1, &y)) ||
        !CHECK_OK(leat_get(y, data, sizeof data)))
        return m;
    for (int i = 0; i < DRAWS; i++) {
        m.mean += data[i] / DRAWS;
        m.low = fmin(m.low, data[i]);
        m.high = fmax(m.high, data[i]);
    }
    for (int i = 0; i < DRAWS; i++) m.deviation += (data[i] - m.mean) * (data[i] - m.mean) / DRAWS;
    m.deviation = sqrt(m.deviation);
    return m;
}

/* Within four standard errors of what they should be. */
static void distributions(leattest *t)
{
    static const leat_dtype types[] = {LEAT_DTYPE_F32, LEAT_DTYPE_F64};
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(t->context, "cpu", &g));
    leat_shape shape = LEAT_DIMS(DRAWS);
    leat_tensor *key = leat_random_key(g, 42, 1);
    for (int i = 0; i < 2; i++) {
        moments m = moments_of(t, leat_random_uniform(key, 0, types[i], shape, -1, 3));
        CHECK_NEAR(m.mean, 1, 0, 4 * 4 / sqrt(12.0 * DRAWS));
        CHECK_NEAR(m.deviation, 4 / sqrt(12), 0.01, 0);
        CHECK(m.low >= -1 && m.high < 3 && m.low < -0.999 && m.high > 2.999);
        m = moments_of(t, leat_random_normal(key, 1, types[i], shape, 5, 2));
        CHECK_NEAR(m.mean, 5, 0, 4 * 2 / sqrt(DRAWS));
        CHECK_NEAR(m.deviation, 2, 0.01, 0);
        CHECK(m.low < -2 && m.high > 12);
        /* truncated at two: deviation sqrt(1 - 4 phi(2) / (2 Phi(2) - 1)) = 0.87963 */
        m = moments_of(t, leat_random_truncated(key, 2, types[i], shape, 5, 2));
        CHECK_NEAR(m.mean, 5, 0, 4 * 2 / sqrt(DRAWS));
        CHECK_NEAR(m.deviation, 2 * 0.8796256610342398, 0.01, 0);
        CHECK(m.low >= 1 && m.high <= 9 && m.low < 1.01 && m.high > 8.99);
        m = moments_of(t, leat_random_bernoulli(key, 3, types[i], shape, 0.2));
        CHECK_NEAR(m.mean, 0.2, 0, 4 * sqrt(0.2 * 0.8 / DRAWS));
        CHECK(m.low == 0 && m.high == 1);
    }
    leat_graph_destroy(g);
}

/* Another stream, step or seed gives other numbers; the same give the same. */
static void keys_tell_draws_apart(leattest *t)
{
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(t->context, "cpu", &g));
    static const uint64_t keys[5][3] = {{1, 1, 0}, {1, 1, 1}, {1, 2, 0}, {2, 1, 0}, {1, 1, 0}};
    float got[5][64];
    leat_tensor *roots[5];
    for (int i = 0; i < 5; i++)
        roots[i] = leat_random_uniform(leat_random_key(g, keys[i][0], keys[i][1]),
                                       (uint32_t)keys[i][2], LEAT_DTYPE_F32, LEAT_DIMS(64), 0, 1);
    REQUIRE_OK(leat_run(g, 5, roots));
    for (int i = 0; i < 5; i++) CHECK_OK(leat_get(roots[i], got[i], sizeof *got));
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < i; k++) {
            int equal = 0;
            for (int n = 0; n < 64; n++) equal += got[i][n] == got[k][n];
            CHECK(i == 4 && k == 0 ? equal == 64 : equal < 3);
        }
    leat_graph_destroy(g);
}

static const leattest_case cases[] = {TEST(values_of_numpy), TEST(special_cases),
                                      TEST(wrong_formulas), TEST(distributions),
                                      TEST(keys_tell_draws_apart)};
LEATTEST_MAIN(cases)
