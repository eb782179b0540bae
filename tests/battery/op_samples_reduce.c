/* Samples of reductions. */
#include "battery/op_samples.h"

#include "graph/graph.h"

/* number: a bit per axis (-1: all), keep. */
static void record(const op_sample *s, leat_graph *g, leat_tensor *const *in, leat_tensor **out)
{
    (void)g;
    leati_reduce_attrs a = {.axes = (uint32_t)s->number[0], .keep = (uint32_t)s->number[1]};
    if (s->number[0] < 0) a.axes = (1u << leat_tensor_shape(in[0]).rank) - 1;
    out[0] = leati_op1(leat_tensor_graph(in[0]), s->op, 1, in, &a, sizeof a);
}

typedef struct form {
    const char *name;
    leat_shape shape;
    int axes, keep;
    bool gradient, large; /* so large that it is cut for threads */
} form;

static const form forms[] = {
    {"all", OP_S(4, 6), -1, 0, true, false},
    {"rows", OP_S(4, 6), 2, 0, true, false},
    {"columns, kept", OP_S(4, 6), 1, 1, true, false},
    {"the middle", OP_S(3, 4, 2), 2, 0, true, false},
    {"both ends", OP_S(3, 4, 2), 5, 1, true, false},
    {"no axis", OP_S(3, 4), 0, 0, true, false},
    {"scalar", OP_S0, -1, 0, true, false},
    {"axes of one", OP_S(1, 5, 1), 5, 0, true, false},
    {"nothing to reduce", OP_S(3, 0), 2, 0, false, false},
    {"nothing left", OP_S(0, 3), 2, 0, false, false},
    {"long row", OP_S(100003), -1, 0, false, true},
    {"many rows", OP_S(301, 257), 2, 0, false, true},
    {"many columns", OP_S(1025, 301), 1, 0, false, true},
    {"every other", OP_S(9, 17, 8, 33), 5, 0, false, true},
};

static void visit_op(leati_op op, op_visit visit, void *user)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const form *f = &forms[i];
        bool sum = op == LEATI_OP_REDUCE_SUM, prod = op == LEATI_OP_REDUCE_PROD;
        op_sample s = {.op = op, .name = f->name, .types = OP_FLOATS, .ins = 1, .record = record};
        s.number[0] = f->axes;
        s.number[1] = f->keep;
        s.in[0] = (op_in){OP_T, f->shape, OP_DISTINCT, -2, 3.1, NULL};
        if (prod) s.in[0] = (op_in){OP_T, f->shape, OP_UNIFORM, 0.9, 1.1, NULL};
        s.tol = sum || prod ? 4 : 0;
        s.scale = sum ? 1 : 0;
        s.gradient = f->gradient;
        s.second = f->gradient && sum;
        if (f->large) s.types = OP_BIT(F32) | OP_BIT(BF16);
        visit(user, &s);
        if (f->large) { /* in f64 the order of additions shows */
            s.types = OP_BIT(F64);
            s.tol *= 32;
            visit(user, &s);
        }
        s.types =
            f->large ? OP_BIT(I32) | OP_BIT(U16) : OP_INTEGERS | (sum || prod ? 0 : OP_BIT(BOOL));
        s.in[0] = (op_in){OP_T, f->shape, OP_UNIFORM, 0, 9, NULL};
        s.gradient = s.second = false;
        visit(user, &s);
        if (sum || prod) continue;
        s.types = OP_SINGLES;
        s.in[0] = (op_in){OP_T, f->shape, OP_SPECIAL, -3, 3, NULL};
        visit(user, &s);
    }
}

static const double one_zero[] = {2, 0, 1.5, 3, 1, 4, 2.5, 0.5}, two_zeros[] = {0, 2, 0, 3};

static const op_sample zeros[] = {
    OP_SAMPLE(REDUCE_PROD, "one zero", OP_SINGLES, record, OP_1(OP_EACH(one_zero, 2, 4)),
              .number = {2}, .tol = 4, .gradient = true),
    OP_SAMPLE(REDUCE_PROD, "two zeros", OP_SINGLES, record, OP_1(OP_EACH(two_zeros, 2, 4)),
              .number = {2}, .tol = 4, .gradient = true),
};

void op_samples_reduce(op_visit visit, void *user)
{
    visit_op(LEATI_OP_REDUCE_SUM, visit, user);
    visit_op(LEATI_OP_REDUCE_PROD, visit, user);
    visit_op(LEATI_OP_REDUCE_MAX, visit, user);
    visit_op(LEATI_OP_REDUCE_MIN, visit, user);
    OP_VISIT(zeros);
}

static leat_tensor *axis_too_high(leat_graph *g)
{
    int axis = 2;
    return leat_sum(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 3), NULL), 1, &axis, false);
}

static leat_tensor *sum_of_truth(leat_graph *g)
{
    return leat_sum(leat_input(g, LEAT_DTYPE_BOOL, LEAT_DIMS(2, 3), NULL), 0, NULL, false);
}

static const op_failure failures[] = {
    OP_FAILURE(REDUCE_SUM, "axis 2 of 2", axis_too_high, SHAPE, "axis 2|2 dimensions"),
    OP_FAILURE(REDUCE_SUM, "of bool", sum_of_truth, TYPE, "layer 7|bool|cast"),
};

void op_failures_reduce(op_visit_failure visit, void *user)
{
    OP_VISIT(failures);
}
