/* Samples of GATHER, SCATTER_ADD, GATHER_ELEMENTS, SCATTER_ELEMENTS, GATHER_ND, SCATTER_ND. */
#include "battery/op_samples.h"

#include "graph/op_classes.h"

/* number: axis or batch, mode, size. */
static void record_take(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                        leat_tensor **out)
{
    (void)g;
    out[0] = leat_take(in[0], in[1], s->number[0]);
}

static void record_add(const op_sample *s, leat_graph *g, leat_tensor *const *in, leat_tensor **out)
{
    (void)g;
    out[0] = leati_scatter_add(in[0], in[1], s->number[0], s->number[2]);
}

static void record_take_along(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                              leat_tensor **out)
{
    (void)g;
    out[0] = leat_take_along(in[0], in[1], s->number[0]);
}

static void record_scatter(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                           leat_tensor **out)
{
    (void)g;
    out[0] = leat_scatter_along(in[0], in[1], in[2], s->number[0], (leat_scatter_mode)s->number[1]);
}

static void record_take_nd(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                           leat_tensor **out)
{
    (void)g;
    out[0] = leat_take_nd(in[0], in[1], s->number[0]);
}

static void record_scatter_nd(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                              leat_tensor **out)
{
    (void)g;
    out[0] = leat_scatter_nd(in[0], in[1], in[2], s->number[0], (leat_scatter_mode)s->number[1]);
}

/* x is written over when it dies here. */
static void record_scatter_in_place(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                                    leat_tensor **out)
{
    (void)s, (void)g;
    leat_tensor *x = leat_mul(in[0], in[0]);
    out[0] = leat_scatter_along(leat_reshape(x, leat_tensor_shape(x)), in[1], in[2], 0,
                                LEAT_SCATTER_ADD);
}

#define I32(lo, hi, ...) OP_FILL(LEAT_DTYPE_I32, OP_UNIFORM, lo, hi, __VA_ARGS__)
#define SINGLE_INDEX                                                                               \
    {                                                                                              \
        .dtype = LEAT_DTYPE_I64, .high = 2                                                         \
    }
#define LARGE (OP_SINGLES | OP_BIT(I32))

static const op_sample takes[] = {
    OP_SAMPLE(GATHER, "rows", OP_ANY, record_take, OP_2(OP_IN(0, 1, 5, 3), OP_INDEX(0, 4, 7)),
              .gradient = true, .second = true),
    OP_SAMPLE(GATHER, "from the end", OP_ANY, record_take,
              OP_2(OP_IN(0, 1, 5, 3), I32(-5, -1, 2, 2)), .gradient = true),
    OP_SAMPLE(GATHER, "columns", OP_ANY, record_take,
              OP_2(OP_IN(0, 1, 3, 4), OP_INDEX(-4, 3, 2, 3)), .number = {-1}, .gradient = true),
    OP_SAMPLE(GATHER, "one", OP_ANY, record_take, OP_2(OP_IN(0, 1, 3, 4), SINGLE_INDEX),
              .gradient = true),
    OP_SAMPLE(GATHER, "no index", OP_ANY, record_take, OP_2(OP_IN(0, 1, 3, 4), OP_INDEX(0, 1, 0))),
    OP_SAMPLE(GATHER, "of nothing", OP_ANY, record_take,
              OP_2(OP_IN(0, 1, 0, 4), OP_INDEX(0, 1, 0, 2))),
    OP_SAMPLE(GATHER, "large", LARGE, record_take,
              OP_2(OP_IN(0, 1, 400, 65), OP_INDEX(-400, 399, 30, 21))),
    OP_SAMPLE(GATHER, "large, inner", LARGE, record_take,
              OP_2(OP_IN(0, 1, 40, 65, 3), OP_INDEX(-65, 64, 300)), .number = {1}),
    OP_SAMPLE(SCATTER_ADD, "rows", OP_NUMBERS, record_add,
              OP_2(OP_INDEX(-4, 3, 9), OP_IN(0, 5, 9, 3)), .number = {0, 0, 4}, .tol = 4,
              .scale = 20, .gradient = true, .second = true),
    OP_SAMPLE(SCATTER_ADD, "in the middle", OP_NUMBERS, record_add,
              OP_2(I32(0, 2, 2, 4), OP_IN(0, 5, 2, 2, 4, 3)), .number = {1, 0, 5}, .tol = 4,
              .scale = 20, .gradient = true),
    OP_SAMPLE(SCATTER_ADD, "nothing", OP_NUMBERS, record_add,
              OP_2(OP_INDEX(0, 1, 0), OP_IN(0, 1, 0, 3)), .number = {0, 0, 4}),
    OP_SAMPLE(SCATTER_ADD, "large", LARGE, record_add,
              OP_2(OP_INDEX(0, 49, 600), OP_IN(-1, 1, 600, 65)), .number = {0, 0, 50}, .tol = 8,
              .scale = 10),
};

static const double each_once[] = {2, 0, -1, 1, 3, 0, 1, 2};
static const op_sample elements[] = {
    OP_SAMPLE(GATHER_ELEMENTS, "rows", OP_ANY, record_take_along,
              OP_2(OP_IN(0, 1, 3, 5), OP_INDEX(-5, 4, 3, 4)), .number = {1}, .gradient = true,
              .second = true),
    OP_SAMPLE(GATHER_ELEMENTS, "columns, fewer", OP_ANY, record_take_along,
              OP_2(OP_IN(0, 1, 3, 5), I32(0, 2, 6, 2)), .number = {0}, .gradient = true),
    OP_SAMPLE(GATHER_ELEMENTS, "none", OP_ANY, record_take_along,
              OP_2(OP_IN(0, 1, 3, 5), OP_INDEX(0, 2, 3, 0)), .number = {1}),
    OP_SAMPLE(GATHER_ELEMENTS, "large", LARGE, record_take_along,
              OP_2(OP_IN(0, 1, 401, 65), OP_INDEX(-65, 64, 401, 50)), .number = {1}),
    OP_SAMPLE(SCATTER_ELEMENTS, "large, set", LARGE, record_scatter,
              OP_3(OP_IN(0, 9, 301, 3, 20), OP_INDEX(-3, 2, 300, 2, 17), OP_IN(0, 9, 300, 2, 17)),
              .number = {1, LEAT_SCATTER_SET}),
    OP_SAMPLE(SCATTER_ELEMENTS, "large, add", LARGE | OP_BIT(I64), record_scatter,
              OP_3(OP_IN(0, 9, 400, 30), OP_INDEX(-30, 29, 400, 50), OP_IN(0, 9, 400, 50)),
              .number = {1, LEAT_SCATTER_ADD}, .tol = 8),
    OP_SAMPLE(SCATTER_ELEMENTS, "set", OP_ANY, record_scatter,
              OP_3(OP_IN(0, 1, 4, 2), OP_INDEX_EACH(each_once, 4, 2), OP_IN(0, 1, 4, 2)),
              .number = {0, LEAT_SCATTER_SET}, .gradient = true, .second = true),
    OP_SAMPLE(SCATTER_ELEMENTS, "set, the last stays", OP_ANY, record_scatter,
              OP_3(OP_IN(0, 9, 3, 4), I32(-3, 2, 7, 4), OP_IN(0, 9, 7, 4)),
              .number = {0, LEAT_SCATTER_SET}, .gradient = true),
    OP_SAMPLE(SCATTER_ELEMENTS, "add", OP_NUMBERS, record_scatter,
              OP_3(OP_IN(0, 9, 3, 4), OP_INDEX(-4, 3, 3, 6), OP_IN(0, 9, 3, 6)),
              .number = {1, LEAT_SCATTER_ADD}, .gradient = true, .second = true),
    OP_SAMPLE(SCATTER_ELEMENTS, "multiply", OP_NUMBERS, record_scatter,
              OP_3(OP_IN(1, 2, 3, 4), OP_INDEX(-4, 3, 3, 6), OP_IN(1, 2, 3, 6)),
              .number = {1, LEAT_SCATTER_MUL}, .gradient = true, .second = true),
    OP_SAMPLE(
        SCATTER_ELEMENTS, "multiply by zeros", OP_SINGLES, record_scatter,
        OP_3(OP_IN(1, 2, 2, 4), OP_INDEX(0, 3, 2, 8), OP_FILL(OP_T, OP_DISTINCT, -1, 14, 2, 8)),
        .number = {1, LEAT_SCATTER_MUL}, .gradient = true),
    OP_SAMPLE(SCATTER_ELEMENTS, "largest", OP_NUMBERS, record_scatter,
              OP_3(OP_FILL(OP_T, OP_SMOOTH, 0, 9, 3, 4), OP_INDEX(-4, 3, 3, 6),
                   OP_FILL(OP_T, OP_SMOOTH_B, 0, 9, 3, 6)),
              .number = {1, LEAT_SCATTER_MAX}, .gradient = true),
    OP_SAMPLE(SCATTER_ELEMENTS, "smallest", OP_NUMBERS, record_scatter,
              OP_3(OP_FILL(OP_T, OP_SMOOTH, 0, 9, 3, 4), OP_INDEX(-4, 3, 3, 6),
                   OP_FILL(OP_T, OP_SMOOTH_B, 0, 9, 3, 6)),
              .number = {1, LEAT_SCATTER_MIN}, .gradient = true),
    OP_SAMPLE(SCATTER_ELEMENTS, "nowhere", OP_ANY, record_scatter,
              OP_3(OP_IN(0, 9, 3, 4), OP_INDEX(0, 2, 0, 4), OP_IN(0, 9, 0, 4)), .number = {0}),
    OP_SAMPLE(SCATTER_ELEMENTS, "in place", OP_SINGLES, record_scatter_in_place,
              OP_3(OP_IN(0, 2, 3, 4), OP_INDEX(-3, 2, 2, 4), OP_IN(0, 2, 2, 4)), .tol = 2,
              .gradient = true, .second = true),
};

static const op_sample coordinates[] = {
    OP_SAMPLE(GATHER_ND, "elements", OP_ANY, record_take_nd,
              OP_2(OP_IN(0, 1, 3, 4), OP_INDEX(-3, 2, 5, 2)), .gradient = true, .second = true),
    OP_SAMPLE(GATHER_ND, "rows", OP_ANY, record_take_nd,
              OP_2(OP_IN(0, 1, 3, 3, 2), I32(-3, 2, 2, 3, 1)), .gradient = true),
    OP_SAMPLE(GATHER_ND, "batches", OP_ANY, record_take_nd,
              OP_2(OP_IN(0, 1, 2, 3, 4), OP_INDEX(-3, 2, 2, 5, 1)), .number = {1},
              .gradient = true),
    OP_SAMPLE(GATHER_ND, "none", OP_ANY, record_take_nd,
              OP_2(OP_IN(0, 1, 3, 4), OP_INDEX(0, 2, 0, 2))),
    OP_SAMPLE(GATHER_ND, "large", LARGE | OP_BIT(BF16), record_take_nd,
              OP_2(OP_IN(0, 1, 4, 30, 9, 7), OP_INDEX(-9, 8, 4, 900, 2)), .number = {1}),
    OP_SAMPLE(SCATTER_ND, "large, add in batches", LARGE | OP_BIT(I64), record_scatter_nd,
              OP_3(OP_IN(0, 9, 20, 9, 7), OP_INDEX(-9, 8, 20, 90, 1), OP_IN(0, 9, 20, 90, 7)),
              .number = {1, LEAT_SCATTER_ADD}, .tol = 8),
    OP_SAMPLE(SCATTER_ND, "set", OP_ANY, record_scatter_nd,
              OP_3(OP_IN(0, 9, 3, 3, 2), OP_INDEX(-3, 2, 4, 2), OP_IN(0, 9, 4, 2)),
              .gradient = true),
    OP_SAMPLE(SCATTER_ND, "add", OP_NUMBERS, record_scatter_nd,
              OP_3(OP_IN(0, 9, 3, 3, 2), I32(-3, 2, 7, 2), OP_IN(0, 9, 7, 2)),
              .number = {0, LEAT_SCATTER_ADD}, .gradient = true, .second = true),
    OP_SAMPLE(SCATTER_ND, "multiply", OP_SINGLES | OP_BIT(I64), record_scatter_nd,
              OP_3(OP_IN(1, 2, 3, 3, 2), OP_INDEX(-3, 2, 7, 2), OP_IN(1, 2, 7, 2)),
              .number = {0, LEAT_SCATTER_MUL}, .gradient = true),
    OP_SAMPLE(SCATTER_ND, "largest in batches", OP_SINGLES | OP_BIT(I64), record_scatter_nd,
              OP_3(OP_FILL(OP_T, OP_SMOOTH, 0, 9, 2, 3, 2), OP_INDEX(-3, 2, 2, 5, 1),
                   OP_FILL(OP_T, OP_SMOOTH_B, 0, 9, 2, 5, 2)),
              .number = {1, LEAT_SCATTER_MAX}, .gradient = true),
    OP_SAMPLE(SCATTER_ND, "nowhere", OP_ANY, record_scatter_nd,
              OP_3(OP_IN(0, 9, 3, 4), OP_INDEX(0, 2, 0, 1), OP_IN(0, 9, 0, 4))),
};

void op_samples_index(op_visit visit, void *user)
{
    OP_VISIT(takes);
    OP_VISIT(elements);
    OP_VISIT(coordinates);
}

/* ---- failures -----------------------------------------------------------------------------------
 */

static leat_tensor *ones(leat_graph *g, leat_shape shape)
{
    return leat_expand(leat_scalar(g, LEAT_DTYPE_F32, 1), shape);
}

static leat_tensor *index_of(leat_graph *g, int64_t a, int64_t b)
{
    int64_t data[2] = {a, b};
    return leat_constant(g, LEAT_DTYPE_I64, LEAT_DIMS(1, 2), data);
}

static leat_tensor *take_beyond(leat_graph *g)
{
    return leat_take(ones(g, LEAT_DIMS(5, 2)), index_of(g, 4, 5), 0);
}

static leat_tensor *take_before(leat_graph *g)
{
    return leat_take(ones(g, LEAT_DIMS(5, 2)), index_of(g, -6, 0), 0);
}

static leat_tensor *take_by_floats(leat_graph *g)
{
    return leat_take(ones(g, LEAT_DIMS(5, 2)), ones(g, LEAT_DIMS(2)), 0);
}

static leat_tensor *add_beyond(leat_graph *g)
{
    return leati_scatter_add(index_of(g, 0, 3), ones(g, LEAT_DIMS(1, 2, 4)), 0, 3);
}

static leat_tensor *add_unlike(leat_graph *g)
{
    return leati_scatter_add(index_of(g, 0, 3), ones(g, LEAT_DIMS(3, 4)), 0, 3);
}

static leat_tensor *along_beyond(leat_graph *g)
{
    return leat_take_along(ones(g, LEAT_DIMS(2, 3)), index_of(g, 0, 3), 1);
}

static leat_tensor *along_too_large(leat_graph *g)
{
    return leat_take_along(ones(g, LEAT_DIMS(2, 1)), index_of(g, 0, 0), 0);
}

static leat_tensor *write_beyond(leat_graph *g)
{
    return leat_scatter_along(ones(g, LEAT_DIMS(2, 3)), index_of(g, -4, 0),
                              ones(g, LEAT_DIMS(1, 2)), 1, LEAT_SCATTER_SET);
}

static leat_tensor *write_unlike(leat_graph *g)
{
    return leat_scatter_along(ones(g, LEAT_DIMS(2, 3)), index_of(g, 0, 0), ones(g, LEAT_DIMS(2, 2)),
                              1, LEAT_SCATTER_SET);
}

static leat_tensor *nd_beyond(leat_graph *g)
{
    return leat_take_nd(ones(g, LEAT_DIMS(2, 3)), index_of(g, 1, 3), 0);
}

static leat_tensor *nd_too_deep(leat_graph *g)
{
    return leat_take_nd(ones(g, LEAT_DIMS(3)), index_of(g, 1, 1), 0);
}

static leat_tensor *write_nd_beyond(leat_graph *g)
{
    return leat_scatter_nd(ones(g, LEAT_DIMS(2, 3)), index_of(g, 2, 0), ones(g, LEAT_DIMS(1)), 0,
                           LEAT_SCATTER_ADD);
}

#define AT_RUN(NAME, text, record_with, words_)                                                    \
    OP_FAILURE(NAME, text, record_with, INVALID, words_, .at_run = true)
static const op_failure failures[] = {
    AT_RUN(GATHER, "beyond the end", take_beyond, "layer 7|gather|index 5|(0, 1)|axis 0 of 5"),
    AT_RUN(GATHER, "before the start", take_before, "layer 7|index -6|(0, 0)|axis 0 of 5"),
    OP_FAILURE(GATHER, "by floats", take_by_floats, TYPE, "layer 7|f32|i64"),
    AT_RUN(SCATTER_ADD, "beyond the end", add_beyond, "layer 7|index 3|(0, 1)|axis 0 of 3"),
    OP_FAILURE(SCATTER_ADD, "unlike shapes", add_unlike, SHAPE, "layer 7|(3, 4)|(1, 2)|axis 0"),
    AT_RUN(GATHER_ELEMENTS, "beyond", along_beyond, "layer 7|index 3|(0, 1)|axis 1 of 3"),
    OP_FAILURE(GATHER_ELEMENTS, "too large", along_too_large, SHAPE, "layer 7|(1, 2)|(2, 1)"),
    AT_RUN(SCATTER_ELEMENTS, "beyond", write_beyond, "layer 7|index -4|(0, 0)|axis 1 of 3"),
    OP_FAILURE(SCATTER_ELEMENTS, "unlike", write_unlike, SHAPE, "layer 7|updates|(2, 2)|(1, 2)"),
    AT_RUN(GATHER_ND, "beyond", nd_beyond, "layer 7|index 3|(0, 1)|axis 1 of 3"),
    OP_FAILURE(GATHER_ND, "too deep", nd_too_deep, SHAPE, "layer 7|(1, 2)|(3)"),
    AT_RUN(SCATTER_ND, "beyond", write_nd_beyond, "layer 7|index 2|(0, 0)|axis 0 of 2"),
};

void op_failures_index(op_visit_failure visit, void *user)
{
    OP_VISIT(failures);
}
