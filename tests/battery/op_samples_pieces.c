/* Samples of SLICE, PAD, REVERSE, CONCAT. */
#include "battery/op_samples.h"

#include "graph/graph.h"

/* Of all types, exact, linear. */
#define MOVES(NAME, text, record_with, argument, ...)                                              \
    OP_SAMPLE(NAME, text, OP_ANY, record_with, __VA_ARGS__, .arg = argument, .gradient = true,     \
              .second = true)
#define LARGE (OP_BIT(F32) | OP_BIT(F64) | OP_BIT(F16) | OP_BIT(I8))

/* ---- SLICE -------------------------------------------------------------------------------------
 */

typedef struct ranges {
    size_t count;
    int64_t start[4], stop[4], step[4];
} ranges;

/* A copy of the input first, so that a slice that is a view has memory of the plan's to look at. */
static void record_slice(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                         leat_tensor **out)
{
    (void)g;
    const ranges *r = s->arg;
    out[0] = leat_slice(in[0], r->count, NULL, r->start, r->stop, r->step);
}

static const ranges every_other = {2, {0, 1}, {LEAT_END, LEAT_END}, {2, 3}},
                    backwards = {2, {-1, 2}, {LEAT_BEGIN, -6}, {-2, -1}},
                    inner = {2, {1, 1}, {3, -1}, {1, 1}}, one_row = {1, {1}, {2}, {1}},
                    some_rows = {1, {1}, {3}, {1}}, beyond = {2, {-100, 2}, {100, 100}, {1, 1}},
                    nothing = {2, {2, 0}, {1, 9}, {1, 1}}, stepped = {1, {3}, {LEAT_END}, {7}},
                    part_of_row = {2, {2, 3}, {3, 6}, {1, 1}},
                    deep = {3, {0, 1, 5}, {3, 40, 50}, {1, 2, 3}};
static const op_sample slices[] = {
    MOVES(SLICE, "every other", record_slice, &every_other, OP_1(OP_IN(0, 1, 5, 8))),
    MOVES(SLICE, "backwards", record_slice, &backwards, OP_1(OP_IN(0, 1, 5, 6))),
    MOVES(SLICE, "inner part", record_slice, &inner, OP_1(OP_IN(0, 1, 4, 6))),
    MOVES(SLICE, "one row, a view", record_slice, &one_row, OP_1(OP_IN(0, 1, 4, 6))),
    MOVES(SLICE, "rows, a view", record_slice, &some_rows, OP_1(OP_IN(0, 1, 4, 2, 3))),
    MOVES(SLICE, "part of a row, a view", record_slice, &part_of_row, OP_1(OP_IN(0, 1, 4, 8))),
    MOVES(SLICE, "cut at the ends", record_slice, &beyond, OP_1(OP_IN(0, 1, 4, 6))),
    MOVES(SLICE, "long steps", record_slice, &stepped, OP_1(OP_IN(0, 1, 23))),
    OP_SAMPLE(SLICE, "nothing", OP_ANY, record_slice, OP_1(OP_IN(0, 1, 4, 9)), .arg = &nothing),
    OP_SAMPLE(SLICE, "large", LARGE, record_slice, OP_1(OP_IN(0, 1, 31, 60, 91)), .arg = &deep),
};

static void record_sums_of_views(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                                 leat_tensor **out)
{
    (void)s, (void)g;
    leat_tensor *x = leat_add(in[0], in[0]), *part[3];
    if (leat_split(x, 0, 3, (int64_t[]){1, 3, 2}, part) != LEAT_OK) return;
    out[0] = leat_mul(part[1], leat_narrow(x, 0, 0, 3));
    out[1] = leat_add(part[0], part[2]);
    out[2] = part[2];
}

static const op_sample views[] = {
    OP_SAMPLE(SLICE, "views of a sum", OP_SINGLES, record_sums_of_views, OP_1(OP_IN(-1, 1, 6, 2)),
              .tol = 1, .gradient = true, .second = true),
};

/* ---- REVERSE -----------------------------------------------------------------------------------
 */

static void record_flip(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                        leat_tensor **out)
{
    (void)g;
    int axes[4], count = 0;
    for (int i = 0; i < 4; i++)
        if (s->number[0] >> i & 1) axes[count++] = i;
    out[0] = leat_flip(in[0], (size_t)count, axes);
}

static const op_sample flips[] = {
    MOVES(REVERSE, "a vector", record_flip, NULL, OP_1(OP_IN(0, 1, 7))),
    MOVES(REVERSE, "rows", record_flip, NULL, OP_1(OP_IN(0, 1, 3, 4)), .number = {1}),
    MOVES(REVERSE, "columns", record_flip, NULL, OP_1(OP_IN(0, 1, 3, 4)), .number = {2}),
    MOVES(REVERSE, "ends", record_flip, NULL, OP_1(OP_IN(0, 1, 2, 3, 4)), .number = {5}),
    OP_SAMPLE(REVERSE, "scalar", OP_ANY, record_flip, OP_1(OP_SCALAR_IN(0, 1))),
    OP_SAMPLE(REVERSE, "empty", OP_ANY, record_flip, OP_1(OP_IN(0, 1, 3, 0))),
    OP_SAMPLE(REVERSE, "large", LARGE, record_flip, OP_1(OP_IN(0, 1, 41, 30, 51)), .number = {6}),
};

/* ---- PAD ---------------------------------------------------------------------------------------
 */

typedef struct widths {
    int64_t low[3], high[3];
} widths;

static void record_pad(const op_sample *s, leat_graph *g, leat_tensor *const *in, leat_tensor **out)
{
    (void)g;
    const widths *w = s->arg;
    out[0] = leat_pad(in[0], (leat_pad_mode)s->number[0], w->low, w->high, 1);
}

/* With elements in between. */
static void record_spread(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                          leat_tensor **out)
{
    (void)s;
    leati_pad_attrs a = {.low = {1, 0, 2}, .high = {0, 2, 1}, .interior = {2, 0, 1}};
    out[0] = leati_op1(g, LEATI_OP_PAD, 1, in, &a, sizeof a);
}

static const widths around = {{1, 2}, {2, 1}}, rows_only = {{2, 0}, {1, 0}},
                    with_cut = {{-1, 2}, {1, -2}}, wide = {{2, 1, 1}, {2, 3, 0}},
                    single = {{3, 0}, {2, 0}};
static const op_sample pads[] = {
    MOVES(PAD, "constant", record_pad, &around, OP_1(OP_IN(0, 1, 3, 4))),
    MOVES(PAD, "constant rows", record_pad, &rows_only, OP_1(OP_IN(0, 1, 3, 4))),
    MOVES(PAD, "constant and cut", record_pad, &with_cut, OP_1(OP_IN(0, 1, 3, 4))),
    MOVES(PAD, "spread", record_spread, NULL, OP_1(OP_IN(0, 1, 2, 3, 3))),
    OP_SAMPLE(PAD, "spread, empty", OP_ANY, record_spread, OP_1(OP_IN(0, 1, 2, 0, 3))),
    OP_SAMPLE(PAD, "empty", OP_ANY, record_pad, OP_1(OP_IN(0, 1, 0, 4)), .arg = &around),
    MOVES(PAD, "reflected", record_pad, &around, OP_1(OP_IN(0, 1, 3, 4)),
          .number = {LEAT_PAD_REFLECT}),
    MOVES(PAD, "edge", record_pad, &around, OP_1(OP_IN(0, 1, 3, 4)), .number = {LEAT_PAD_EDGE}),
    MOVES(PAD, "wrapped", record_pad, &around, OP_1(OP_IN(0, 1, 3, 4)), .number = {LEAT_PAD_WRAP}),
    MOVES(PAD, "wrapped several times", record_pad, &single, OP_1(OP_IN(0, 1, 1, 2)),
          .number = {LEAT_PAD_WRAP}),
    MOVES(PAD, "edge of three axes", record_pad, &wide, OP_1(OP_IN(0, 1, 2, 3, 2)),
          .number = {LEAT_PAD_EDGE}),
    MOVES(PAD, "edge of one element", record_pad, &single, OP_1(OP_IN(0, 1, 1, 2)),
          .number = {LEAT_PAD_EDGE}),
    OP_SAMPLE(PAD, "large", LARGE, record_pad, OP_1(OP_IN(0, 1, 30, 41, 50)), .arg = &wide),
    OP_SAMPLE(PAD, "large, reflected", LARGE, record_pad, OP_1(OP_IN(0, 1, 30, 41, 50)),
              .arg = &wide, .number = {LEAT_PAD_REFLECT}),
};

/* ---- CONCAT ------------------------------------------------------------------------------------
 */

static void record_concat(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                          leat_tensor **out)
{
    (void)g;
    out[0] = leat_concat(s->ins, in, s->number[0]);
}

/* Parts that the plan makes where they belong, one of them twice, one that is read elsewhere. */
static void record_concat_of_sums(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                                  leat_tensor **out)
{
    (void)s, (void)g;
    leat_tensor *sum = leat_add(in[0], in[1]), *product = leat_mul(in[0], in[1]);
    out[0] = leat_concat(4, (leat_tensor *[]){sum, product, sum, in[0]}, 0);
    out[1] = leat_concat(2, (leat_tensor *[]){product, out[0]}, 0);
    out[2] = leat_neg(product);
    out[3] = sum;
}

static void record_stack(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                         leat_tensor **out)
{
    (void)g;
    out[0] = leat_stack(s->ins, in, s->number[0]);
}

static const op_sample concats[] = {
    MOVES(CONCAT, "rows", record_concat, NULL,
          OP_3(OP_IN(0, 1, 2, 3), OP_IN(0, 1, 1, 3), OP_IN(0, 1, 4, 3))),
    MOVES(CONCAT, "columns", record_concat, NULL, OP_2(OP_IN(0, 1, 3, 2), OP_IN(0, 1, 3, 5)),
          .number = {-1}),
    MOVES(CONCAT, "in the middle", record_concat, NULL,
          OP_2(OP_IN(0, 1, 2, 2, 3), OP_IN(0, 1, 2, 1, 3)), .number = {1}),
    OP_SAMPLE(CONCAT, "with nothing", OP_ANY, record_concat,
              OP_3(OP_IN(0, 1, 0, 3), OP_IN(0, 1, 2, 3), OP_IN(0, 1, 0, 3))),
    OP_SAMPLE(CONCAT, "all empty", OP_ANY, record_concat,
              OP_2(OP_IN(0, 1, 2, 0), OP_IN(0, 1, 3, 0))),
    OP_SAMPLE(CONCAT, "sums in place", OP_SINGLES | OP_BIT(I32), record_concat_of_sums,
              OP_2(OP_IN(0, 4, 3, 2), OP_IN(0, 4, 3, 2)), .tol = 1, .gradient = true,
              .second = true),
    MOVES(CONCAT, "stacked", record_stack, NULL, OP_2(OP_IN(0, 1, 3, 2), OP_IN(0, 1, 3, 2)),
          .number = {1}),
    MOVES(CONCAT, "stacked scalars", record_stack, NULL,
          OP_2(OP_SCALAR_IN(0, 1), OP_SCALAR_IN(0, 1)), .number = {-1}),
    OP_SAMPLE(CONCAT, "large rows", LARGE, record_concat,
              OP_2(OP_IN(0, 1, 301, 70), OP_IN(0, 1, 200, 70))),
    OP_SAMPLE(CONCAT, "large columns", LARGE, record_concat,
              OP_2(OP_IN(0, 1, 301, 70), OP_IN(0, 1, 301, 33)), .number = {1}),
};

void op_samples_pieces(op_visit visit, void *user)
{
    OP_VISIT(slices);
    OP_VISIT(views);
    OP_VISIT(flips);
    OP_VISIT(pads);
    OP_VISIT(concats);
}

/* ---- failures -----------------------------------------------------------------------------------
 */

static leat_tensor *six(leat_graph *g)
{
    return leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 3), NULL);
}

static leat_tensor *slice_axis(leat_graph *g)
{
    int axis = 2;
    int64_t zero = 0, one = 1;
    return leat_slice(six(g), 1, &axis, &zero, &one, NULL);
}

static leat_tensor *slice_step(leat_graph *g)
{
    int64_t zero = 0, one = 1;
    return leat_slice(six(g), 1, NULL, &zero, &one, &zero);
}

static leat_tensor *slice_twice(leat_graph *g)
{
    return leat_slice(six(g), 2, (int[]){1, -1}, (int64_t[]){0, 0}, (int64_t[]){1, 1}, NULL);
}

static leat_tensor *narrow_too_far(leat_graph *g)
{
    return leat_narrow(six(g), 1, 2, 2);
}

static leat_tensor *split_uneven(leat_graph *g)
{
    leat_tensor *out[2];
    return leat_split(six(g), 1, 2, NULL, out) == LEAT_OK ? out[0] : NULL;
}

static leat_tensor *flip_axis(leat_graph *g)
{
    int axis = -3;
    return leat_flip(six(g), 1, &axis);
}

static leat_tensor *reflect_too_wide(leat_graph *g)
{
    return leat_pad(six(g), LEAT_PAD_REFLECT, (int64_t[]){2, 0}, (int64_t[]){0, 0}, 0);
}

static leat_tensor *pad_too_long(leat_graph *g)
{
    return leat_pad(six(g), LEAT_PAD_CONSTANT, (int64_t[]){INT64_MAX, 0}, (int64_t[]){0, 0}, 0);
}

static leat_tensor *concat_shapes(leat_graph *g)
{
    leat_tensor *p[] = {six(g), leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 4), NULL)};
    return leat_concat(2, p, 0);
}

static leat_tensor *concat_types(leat_graph *g)
{
    leat_tensor *p[] = {six(g), leat_input(g, LEAT_DTYPE_I32, LEAT_DIMS(2, 3), NULL)};
    return leat_concat(2, p, 0);
}

static leat_tensor *concat_scalars(leat_graph *g)
{
    leat_tensor *p[] = {leat_scalar(g, LEAT_DTYPE_F32, 1), leat_scalar(g, LEAT_DTYPE_F32, 2)};
    return leat_concat(2, p, 0);
}

static const op_failure failures[] = {
    OP_FAILURE(SLICE, "axis 2 of 2", slice_axis, SHAPE, "layer 7|axis 2|2 dimensions"),
    OP_FAILURE(SLICE, "step 0", slice_step, INVALID, "layer 7|step|0"),
    OP_FAILURE(SLICE, "an axis twice", slice_twice, INVALID, "layer 7|axis 1|twice"),
    OP_FAILURE(SLICE, "beyond the end", narrow_too_far, SHAPE, "layer 7|2 elements from 2|3"),
    OP_FAILURE(SLICE, "split uneven", split_uneven, SHAPE, "layer 7|split|3|2 equal parts"),
    OP_FAILURE(REVERSE, "axis -3 of 2", flip_axis, SHAPE, "layer 7|axis -3|2 dimensions"),
    OP_FAILURE(PAD, "reflecting too much", reflect_too_wide, SHAPE, "layer 7|axis 0|at most 1"),
    OP_FAILURE(PAD, "too long", pad_too_long, LIMIT, "layer 7|axis 0|too long"),
    OP_FAILURE(CONCAT, "shapes", concat_shapes, SHAPE, "layer 7|(2, 3)|part 2|(2, 4)|axis 0"),
    OP_FAILURE(CONCAT, "types", concat_types, TYPE, "layer 7|f32|i32|cast"),
    OP_FAILURE(CONCAT, "scalars", concat_scalars, SHAPE, "layer 7|axis 0|0 dimensions"),
};

void op_failures_pieces(op_visit_failure visit, void *user)
{
    OP_VISIT(failures);
}
