/* Samples of steps of optimisers. */
#include "battery/op_samples.h"

#include "graph/graph.h"

static const leati_adam_attrs
    adam = {.beta_1 = 0.9, .beta_2 = 0.999, .epsilon = 1e-8},
    decayed = {.beta_1 = 0.8, .beta_2 = 0.99, .epsilon = 1e-3, .weight_decay = 0.1, .limit = 0.5},
    decoupled = {
        .beta_1 = 0.9, .beta_2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.1, .decoupled = 1};
static const leati_sgd_attrs plain = {0}, momentum = {.momentum = 0.9, .dampening = 0.25},
                             nesterov = {
                                 .momentum = 0.9, .nesterov = 1, .weight_decay = 0.1, .limit = 0.5};

static void record(const op_sample *s, leat_graph *g, leat_tensor *const *in, leat_tensor **out)
{
    bool is_adam = s->op == LEATI_OP_ADAM;
    leati_node *n = leati_node_new(g, s->op, s->ins, in, s->arg,
                                   is_adam ? sizeof(leati_adam_attrs) : sizeof(leati_sgd_attrs));
    for (size_t i = 0; n && i < (is_adam ? 3 : 2); i++) out[i] = &n->out[i];
}

static const double rate[] = {0.01}, one[] = {1}, seventh[] = {7}, half[] = {0.5};
#define SCALAR(list)                                                                               \
    {                                                                                              \
        .dtype = LEAT_DTYPE_F32, .shape = OP_S0, .fill = OP_VALUES, .low = 1, .values = list       \
    }
#define ARRAYS_ADAM(...)                                                                           \
    OP_IN(-1, 1, __VA_ARGS__), OP_IN(-1, 1, __VA_ARGS__), OP_IN(0.01, 1, __VA_ARGS__),             \
        OP_IN(-1, 1, __VA_ARGS__), SCALAR(rate)
#define ARRAYS_SGD(...)                                                                            \
    OP_IN(-1, 1, __VA_ARGS__), OP_IN(-1, 1, __VA_ARGS__), OP_IN(-1, 1, __VA_ARGS__), SCALAR(rate)

static const op_sample steps[] = {
    OP_SAMPLE(ADAM, "first", OP_SINGLES, record, .ins = 6, .in = {ARRAYS_ADAM(3, 7), SCALAR(one)},
              .arg = &adam, .tol = 8, .scale = 1),
    OP_SAMPLE(ADAM, "long", OP_SINGLES, record, .ins = 6,
              .in = {ARRAYS_ADAM(40013), SCALAR(seventh)}, .arg = &adam, .tol = 8, .scale = 1),
    OP_SAMPLE(ADAM, "decay and clipping", OP_SINGLES, record, .ins = 7,
              .in = {ARRAYS_ADAM(101), SCALAR(seventh), SCALAR(half)}, .arg = &decayed, .tol = 8,
              .scale = 1),
    OP_SAMPLE(ADAM, "decoupled decay", OP_SINGLES, record, .ins = 6,
              .in = {ARRAYS_ADAM(101), SCALAR(seventh)}, .arg = &decoupled, .tol = 8, .scale = 1),
    OP_SAMPLE(SGD, "plain", OP_SINGLES, record, .ins = 5, .in = {ARRAYS_SGD(3, 7), SCALAR(one)},
              .arg = &plain, .tol = 4, .scale = 1),
    OP_SAMPLE(SGD, "first with momentum", OP_SINGLES, record, .ins = 5,
              .in = {ARRAYS_SGD(37), SCALAR(one)}, .arg = &momentum, .tol = 4, .scale = 1),
    OP_SAMPLE(SGD, "momentum", OP_SINGLES, record, .ins = 5,
              .in = {ARRAYS_SGD(40013), SCALAR(seventh)}, .arg = &momentum, .tol = 4, .scale = 1),
    OP_SAMPLE(SGD, "nesterov, decay and clipping", OP_SINGLES, record, .ins = 6,
              .in = {ARRAYS_SGD(101), SCALAR(seventh), SCALAR(half)}, .arg = &nesterov, .tol = 4,
              .scale = 1)};

static leat_tensor *mixed(leat_graph *g, leati_op op, size_t arrays, leat_dtype dtype,
                          int64_t second)
{
    leat_tensor *in[6];
    static const char zeros[64];
    for (size_t i = 0; i < 6; i++)
        in[i] = i < arrays ? leat_constant(g, dtype, LEAT_DIMS(i == 1 ? second : 4), zeros)
                           : leat_scalar(g, LEAT_DTYPE_F32, 1);
    if (op == LEATI_OP_ADAM) return leati_op1(g, op, 6, in, &adam, sizeof adam);
    return leati_op1(g, op, 5, in, &plain, sizeof plain);
}

static leat_tensor *adam_of_integers(leat_graph *g)
{
    return mixed(g, LEATI_OP_ADAM, 4, LEAT_DTYPE_I32, 4);
}

static leat_tensor *adam_of_shapes(leat_graph *g)
{
    return mixed(g, LEATI_OP_ADAM, 4, LEAT_DTYPE_F32, 3);
}

static leat_tensor *sgd_of_shapes(leat_graph *g)
{
    return mixed(g, LEATI_OP_SGD, 3, LEAT_DTYPE_F32, 3);
}

static const op_failure failures[] = {
    OP_FAILURE(ADAM, "integers", adam_of_integers, TYPE, "weights|i32"),
    OP_FAILURE(ADAM, "another shape", adam_of_shapes, SHAPE, "input 2"),
    OP_FAILURE(SGD, "another shape", sgd_of_shapes, SHAPE, "input 2")};

void op_samples_optimize(op_visit visit, void *user)
{
    OP_VISIT(steps);
}

void op_failures_optimize(op_visit_failure visit, void *user)
{
    OP_VISIT(failures);
}
