/* Corners of plans: results as large as an operand that is read again, constants of more dimensions
 * than what they limit, roots of earlier runs, NaN among the scores of attention, segments that
 * give what they did not make, pads that cut. */
#include <leat/function.h>
#include <leat/graph.h>

#include "support/leattest.h"

static const char *const devices[] = {"reference", "simulated", "cpu"};

enum { COLUMNS = 5000, ROWS = 8 };

/* A row of i64 and (8, COLUMNS) of bool have the same number of bytes, but every element of the row
 * is read eight times. */
static void comparisons_do_not_overwrite_what_they_repeat(leattest *t)
{
    static int64_t row[COLUMNS];
    static uint8_t got[ROWS * COLUMNS];
    for (int64_t k = 0; k < COLUMNS; k++) row[k] = k * 7 % 11 - 4;
    for (size_t d = 0; d < 3; d++) {
        leat_graph *g;
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        int64_t column[ROWS] = {0, 1, 2, 3, 4, 5, 6, 7};
        leat_tensor *x = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(1, COLUMNS), row);
        leat_tensor *y = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(ROWS, 1), column);
        leat_tensor *less = leat_less(leat_cumsum(x, 1, false, false), y);
        REQUIRE_OK(leat_run(g, 1, &less));
        REQUIRE_OK(leat_get(less, got, sizeof got));
        size_t wrong = 0;
        int64_t sum = 0;
        for (size_t k = 0; k < COLUMNS; k++) {
            sum += row[k];
            for (size_t i = 0; i < ROWS; i++) wrong += got[i * COLUMNS + k] != (sum < (int64_t)i);
        }
        CHECK_INT(wrong, 0);
        leat_graph_destroy(g);
    }
}

/* The same of a row that is widened and narrowed: (1, n) of f64 and (2, n) of f32. */
static void casts_do_not_overwrite_what_they_repeat(leattest *t)
{
    static double row[COLUMNS];
    static float got[2 * COLUMNS];
    for (size_t k = 0; k < COLUMNS; k++) row[k] = (double)(k % 17);
    for (size_t d = 0; d < 3; d++) {
        leat_graph *g;
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        leat_tensor *x = leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(1, COLUMNS), row);
        leat_tensor *wide = leat_expand(leat_flip(x, 0, NULL), LEAT_DIMS(2, COLUMNS));
        leat_tensor *y = leat_cast(wide, LEAT_DTYPE_F32);
        REQUIRE_OK(leat_run(g, 1, &y));
        REQUIRE_OK(leat_get(y, got, sizeof got));
        size_t wrong = 0;
        for (size_t k = 0; k < 2 * COLUMNS; k++)
            wrong += got[k] != (float)row[COLUMNS - 1 - k % COLUMNS];
        CHECK_INT(wrong, 0);
        leat_graph_destroy(g);
    }
}

/* An activation that would go into a product, but gives one dimension more than it. */
static void limits_may_add_dimensions(leattest *t)
{
    static const float a[6] = {1, -2, 3, 4, 5, 1}, b[6] = {1, -2, -1, 2, 2, 1};
    const float zero = 0, six = 6;
    for (size_t d = 0; d < 3; d++) {
        leat_graph *g;
        float got[4] = {9, 9, 9, 9};
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 3), a);
        leat_tensor *w = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(3, 2), b);
        leat_tensor *low = leat_constant(g, LEAT_DTYPE_F32, LEAT_DIMS(1, 1, 1), &zero);
        leat_tensor *high = leat_constant(g, LEAT_DTYPE_F32, LEAT_DIMS(1, 1, 1), &six);
        leat_tensor *y = leat_minimum(leat_maximum(leat_matmul(x, w), low), high);
        y = leat_transpose(y, (const int[]){2, 0, 1});
        REQUIRE_OK(leat_run(g, 1, &y));
        REQUIRE_OK(leat_get(y, got, sizeof got));
        /* x w = (9, -3; 1, 3) */
        CHECK(got[0] == 6 && got[1] == 1 && got[2] == 0 && got[3] == 3);
        leat_graph_destroy(g);
    }
}

/* Two recordings of one structure share a plan and its memory. */
static void only_the_last_run_is_read(leattest *t)
{
    for (size_t d = 0; d < 3; d++) {
        leat_graph *g;
        float one = 1, two = 2, got = 0;
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        leat_tensor *a = leat_exp(leat_input(g, LEAT_DTYPE_F32, LEAT_SCALAR, &one));
        leat_tensor *b = leat_exp(leat_input(g, LEAT_DTYPE_F32, LEAT_SCALAR, &two));
        REQUIRE_OK(leat_run(g, 1, &a));
        REQUIRE_OK(leat_get(a, &got, sizeof got));
        CHECK_NEAR(got, exp(1), 1e-6, 0);
        REQUIRE_OK(leat_run(g, 1, &b));
        REQUIRE_OK(leat_get(b, &got, sizeof got));
        CHECK_NEAR(got, exp(2), 1e-6, 0);
        CHECK_FAILS(leat_get(a, &got, sizeof got), LEAT_INVALID, "root of the last run");
        REQUIRE_OK(leat_run(g, 1, &a));
        REQUIRE_OK(leat_get(a, &got, sizeof got));
        CHECK_NEAR(got, exp(1), 1e-6, 0);
        leat_graph_destroy(g);
    }
}

/* A query of NaN has no answer, whatever it attends; a query that sees no key has zeros. */
static void attention_keeps_nan(leattest *t)
{
    enum { TOKENS = 3, WIDTH = 4 };
    float q[TOKENS * WIDTH], got[TOKENS * WIDTH];
    const uint8_t shown[TOKENS] = {1, 1, 0}, hidden[TOKENS] = {0, 0, 0};
    for (size_t k = 0; k < TOKENS * WIDTH; k++) q[k] = (float)k / 10;
    q[WIDTH] = (float)NAN;
    for (size_t d = 0; d < 3; d++) {
        leat_graph *g;
        leat_attention_options o = leat_attention_options_default();
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        leat_shape s = LEAT_DIMS(1, 1, TOKENS, WIDTH);
        float k[TOKENS * WIDTH];
        for (size_t i = 0; i < TOKENS * WIDTH; i++) k[i] = (float)i / 10;
        leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, s, q);
        leat_tensor *y = leat_input(g, LEAT_DTYPE_F32, s, k);
        leat_tensor *mask = leat_input(g, LEAT_DTYPE_BOOL, LEAT_DIMS(1, TOKENS), shown);
        o.key_mask = mask;
        leat_tensor *z = leat_attention(x, y, y, &o);
        REQUIRE_OK(leat_run(g, 1, &z));
        REQUIRE_OK(leat_get(z, got, sizeof got));
        for (size_t i = 0; i < WIDTH; i++) {
            CHECK(isfinite(got[i]) && isfinite(got[2 * WIDTH + i]));
            CHECK(isnan(got[WIDTH + i]));
        }
        q[WIDTH] = 0;
        leat_bind(mask, hidden);
        REQUIRE_OK(leat_run(g, 1, &z));
        REQUIRE_OK(leat_get(z, got, sizeof got));
        for (size_t i = 0; i < TOKENS * WIDTH; i++) CHECK(got[i] == 0);
        q[WIDTH] = (float)NAN;
        leat_graph_destroy(g);
    }
}

/* y = 2 x, and w itself as a second result. */
static leat_status twice_and_other(leat_graph *g, void *user, leat_tensor *const *in,
                                   leat_tensor **out)
{
    out[0] = leat_scale(in[0], 2);
    out[1] = user;
    return leat_error_status(leat_graph_context(g));
}

static void segments_may_give_what_they_did_not_make(leattest *t)
{
    leat_graph *g;
    float x = 3, w = 5, got;
    REQUIRE_OK(leat_graph_create(t->context, "cpu", &g));
    leat_tensor *in[2] = {leat_input(g, LEAT_DTYPE_F32, LEAT_SCALAR, &x),
                          leat_input(g, LEAT_DTYPE_F32, LEAT_SCALAR, &w)};
    leat_tensor *y[2], *d[2];
    REQUIRE_OK(leat_checkpoint(twice_and_other, in[1], 1, in, 2, y));
    REQUIRE_OK(leat_gradients(leat_mul(y[0], y[1]), NULL, 2, in, d));
    REQUIRE_OK(leat_run(g, 2, d));
    REQUIRE_OK(leat_get(d[0], &got, sizeof got));
    CHECK(got == 10);
    REQUIRE_OK(leat_get(d[1], &got, sizeof got));
    CHECK(got == 6);
    leat_graph_destroy(g);
}

static void pads_may_cut_more_than_there_is(leattest *t)
{
    leat_graph *g;
    float x[] = {1, 2}, got[4] = {0};
    int64_t low = -3, high = 5, least = INT64_MIN, none = 0;
    REQUIRE_OK(leat_graph_create(t->context, "cpu", &g));
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2), x);
    leat_tensor *y = leat_pad(in, LEAT_PAD_CONSTANT, &low, &high, 7);
    CHECK_INT(leat_tensor_shape(y).dim[0], 4);
    REQUIRE_OK(leat_run(g, 1, &y));
    REQUIRE_OK(leat_get(y, got, sizeof got));
    CHECK(got[0] == 7 && got[3] == 7);
    y = leat_pad(in, LEAT_PAD_CONSTANT, &high, &low, 7);
    CHECK_INT(leat_tensor_shape(y).dim[0], 4);
    CHECK_INT(leat_tensor_shape(leat_pad(in, LEAT_PAD_CONSTANT, &least, &none, 7)).dim[0], 0);
    CHECK_INT(leat_tensor_shape(leat_pad(in, LEAT_PAD_CONSTANT, &none, &least, 7)).dim[0], 0);
    leat_graph_destroy(g);
}

static const leattest_case cases[] = {TEST(comparisons_do_not_overwrite_what_they_repeat),
                                      TEST(casts_do_not_overwrite_what_they_repeat),
                                      TEST(limits_may_add_dimensions),
                                      TEST(only_the_last_run_is_read),
                                      TEST(attention_keeps_nan),
                                      TEST(segments_may_give_what_they_did_not_make),
                                      TEST(pads_may_cut_more_than_there_is)};
LEATTEST_MAIN(cases)
