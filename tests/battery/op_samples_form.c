/* Samples of operations that move elements: RESHAPE, EXPAND, TRANSPOSE. */
#include "battery/op_samples.h"

/* Of all types, exact, linear. */
#define MOVES(NAME, text, input, argument, record_with)                                            \
    OP_SAMPLE(NAME, text, OP_ANY, record_with, .ins = 1, .in = {input}, .arg = argument,           \
              .gradient = true, .second = true)
/* The same where differences would find nothing or take long. */
#define MOVES_ONLY(NAME, text, input, argument, record_with)                                       \
    OP_SAMPLE(NAME, text, OP_ANY, record_with, .ins = 1, .in = {input}, .arg = argument)

static void record_reshape(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                           leat_tensor **out)
{
    (void)g;
    out[0] = leat_reshape(in[0], *(const leat_shape *)s->arg);
}

static void record_expand(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                          leat_tensor **out)
{
    (void)g;
    out[0] = leat_expand(in[0], *(const leat_shape *)s->arg);
}

static void record_transpose(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                             leat_tensor **out)
{
    (void)g;
    out[0] = leat_transpose(in[0], s->arg);
}

static const leat_shape to_3_4 = OP_S(3, 4), to_open = OP_S(2, -1), to_scalar = OP_S0,
                        to_nothing = OP_S(5, 0, 2), to_2_3_4 = OP_S(2, 3, 4), to_0_3 = OP_S(0, 3),
                        to_large = OP_S(31, 40, 50);
static const op_sample views[] = {
    MOVES(RESHAPE, "to a matrix", OP_IN(0, 1, 12), &to_3_4, record_reshape),
    MOVES(RESHAPE, "open", OP_IN(0, 1, 3, 4), &to_open, record_reshape),
    MOVES_ONLY(RESHAPE, "to a scalar", OP_IN(0, 1, 1, 1), &to_scalar, record_reshape),
    MOVES_ONLY(RESHAPE, "empty", OP_IN(0, 1, 3, 0), &to_nothing, record_reshape),
    MOVES(EXPAND, "a row", OP_IN(0, 1, 4), &to_3_4, record_expand),
    MOVES(EXPAND, "in the middle", OP_IN(0, 1, 2, 1, 4), &to_2_3_4, record_expand),
    MOVES(EXPAND, "a scalar", OP_SCALAR_IN(0, 1), &to_3_4, record_expand),
    MOVES_ONLY(EXPAND, "to nothing", OP_IN(0, 1, 1, 3), &to_0_3, record_expand),
    MOVES_ONLY(EXPAND, "large", OP_IN(0, 1, 31, 1, 50), &to_large, record_expand),
};

static const int swap_ends[] = {2, 1, 0}, rotate[] = {1, 2, 0}, last_two[] = {0, 2, 1},
                 five[] = {3, 0, 4, 1, 2}, same[] = {0, 1, 2};
static const op_sample transposes[] = {
    MOVES(TRANSPOSE, "matrix", OP_IN(0, 1, 3, 4), NULL, record_transpose),
    MOVES(TRANSPOSE, "ends swapped", OP_IN(0, 1, 2, 3, 4), swap_ends, record_transpose),
    MOVES(TRANSPOSE, "rotated", OP_IN(0, 1, 2, 3, 4), rotate, record_transpose),
    MOVES(TRANSPOSE, "last two", OP_IN(0, 1, 2, 3, 4), last_two, record_transpose),
    MOVES(TRANSPOSE, "five axes", OP_IN(0, 1, 2, 3, 2, 1, 3), five, record_transpose),
    MOVES(TRANSPOSE, "the same order", OP_IN(0, 1, 2, 3, 4), same, record_transpose),
    MOVES(TRANSPOSE, "scalar", OP_SCALAR_IN(0, 1), NULL, record_transpose),
    MOVES_ONLY(TRANSPOSE, "empty", OP_IN(0, 1, 3, 0), NULL, record_transpose),
    MOVES_ONLY(TRANSPOSE, "large", OP_IN(0, 1, 513, 301), NULL, record_transpose),
    MOVES_ONLY(TRANSPOSE, "large, rotated", OP_IN(0, 1, 31, 40, 51), rotate, record_transpose),
};

void op_samples_form(op_visit visit, void *user)
{
    OP_VISIT(views);
    OP_VISIT(transposes);
}

static leat_tensor *six(leat_graph *g)
{
    return leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 3), NULL);
}

static leat_tensor *reshape_to_5(leat_graph *g)
{
    return leat_reshape(six(g), LEAT_DIMS(5));
}

static leat_tensor *reshape_uneven(leat_graph *g)
{
    return leat_reshape(six(g), LEAT_DIMS(4, -1));
}

static leat_tensor *expand_to_4(leat_graph *g)
{
    return leat_expand(six(g), LEAT_DIMS(2, 4));
}

static leat_tensor *transpose_twice(leat_graph *g)
{
    return leat_transpose(six(g), (int[]){1, 1});
}

static const op_failure failures[] = {
    OP_FAILURE(RESHAPE, "to fewer", reshape_to_5, SHAPE, "layer 7|(2, 3)|6|(5)"),
    OP_FAILURE(RESHAPE, "uneven", reshape_uneven, SHAPE, "layer 7|(2, 3)|6|(4, -1)"),
    OP_FAILURE(EXPAND, "to what does not fit", expand_to_4, SHAPE, "layer 7|(2, 3)|(2, 4)"),
    OP_FAILURE(TRANSPOSE, "an axis twice", transpose_twice, SHAPE, "layer 7|2 axes"),
};

void op_failures_form(op_visit_failure visit, void *user)
{
    OP_VISIT(failures);
}
