/* Samples of ARGMAX, ARGMIN, CUMSUM, CUMPROD, SORT, TOPK. */
#include "battery/op_samples.h"

#include "graph/graph.h"

/* number: axis, keep, last. */
static void record_arg(const op_sample *s, leat_graph *g, leat_tensor *const *in, leat_tensor **out)
{
    leati_arg_attrs a = {.axis = s->number[0], .keep = (uint8_t)s->number[1]};
    a.last = (uint8_t)s->number[2];
    out[0] = leati_op1(g, s->op, 1, in, &a, sizeof a);
}

/* number: axis, exclusive, reverse. */
static void record_cum(const op_sample *s, leat_graph *g, leat_tensor *const *in, leat_tensor **out)
{
    leati_cum_attrs a = {.axis = s->number[0], .exclusive = (uint8_t)s->number[1]};
    a.reverse = (uint8_t)s->number[2];
    out[0] = leati_op1(g, s->op, 1, in, &a, sizeof a);
}

/* number: axis, descending, k. */
static void record_sort(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                        leat_tensor **out)
{
    leati_sort_attrs a = {.axis = s->number[0], .descending = (uint8_t)s->number[1]};
    a.k = s->number[2];
    leati_node *n = leati_node_new(g, s->op, 1, in, &a, sizeof a);
    if (!n) return;
    out[0] = &n->out[0];
    out[1] = &n->out[1];
}

static const double some_zeros[] = {2, 0, 1.5, 3, 1, 4, 0, 0.5, 0, 0, 2, 3, 1.5, 2.5, 1, 3};

static void visit_args(leati_op op, op_visit visit, void *user)
{
    const op_sample list[] = {
        {.name = "rows", .types = OP_ANY, OP_1(OP_IN(0, 5, 4, 7)), .number = {1}},
        {.name = "columns, kept", .types = OP_ANY, OP_1(OP_IN(0, 5, 4, 7)), .number = {0, 1}},
        {.name = "the middle", .types = OP_ANY, OP_1(OP_IN(0, 5, 3, 4, 5)), .number = {-2}},
        {.name = "last", .types = OP_ANY, OP_1(OP_IN(0, 2, 4, 9)), .number = {1, 0, 1}},
        {.name = "odd", .types = OP_FLOATS, OP_1(OP_ODD(-2, 2, 9, 13)), .number = {1}},
        {.name = "odd, last", .types = OP_FLOATS, OP_1(OP_ODD(-2, 2, 9, 13)), .number = {0, 0, 1}},
        {.name = "nothing", .types = OP_ANY, OP_1(OP_IN(0, 5, 0, 7)), .number = {1}},
        {.name = "large",
         .types = OP_SINGLES | OP_BIT(I32),
         OP_1(OP_IN(-5, 5, 401, 107)),
         .number = {1}},
        {.name = "long rows", .types = OP_SINGLES, OP_1(OP_IN(-5, 5, 9, 1003)), .number = {1}},
        {.name = "equal values",
         .types = OP_BIT(F32),
         OP_1(OP_EACH(some_zeros, 1, 16)),
         .number = {1}},
        {.name = "long rows, odd",
         .types = OP_SINGLES,
         OP_1(OP_ODD(-2, 2, 9, 1003)),
         .number = {1}},
        {.name = "large columns",
         .types = OP_FLOATS | OP_SIGNED,
         OP_1(OP_IN(-5, 5, 401, 107)),
         .number = {0}},
        {.name = "large columns, odd, last",
         .types = OP_FLOATS,
         OP_1(OP_ODD(-5, 5, 3, 101, 70)),
         .number = {1, 1, 1}},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        op_sample s = list[i];
        s.op = op;
        s.record = record_arg;
        visit(user, &s);
    }
}

static void visit_cums(leati_op op, op_visit visit, void *user)
{
    const op_sample list[] = {
        {.name = "rows", OP_1(OP_IN(0.5, 2, 3, 5)), .number = {1}, .gradient = true},
        {.name = "columns", OP_1(OP_IN(0.5, 2, 3, 5)), .number = {0}, .gradient = true},
        {.name = "exclusive", OP_1(OP_IN(0.5, 2, 2, 4, 2)), .number = {1, 1}, .gradient = true},
        {.name = "reverse", OP_1(OP_IN(0.5, 2, 3, 5)), .number = {1, 0, 1}, .gradient = true},
        {.name = "both", OP_1(OP_IN(0.5, 2, 3, 5)), .number = {1, 1, 1}, .gradient = true},
        {.name = "zeros", OP_1(OP_EACH(some_zeros, 4, 4)), .number = {1}, .gradient = true},
        {.name = "zeros, exclusive, reverse",
         OP_1(OP_EACH(some_zeros, 4, 4)),
         .number = {1, 1, 1},
         .gradient = true},
        {.name = "empty", OP_1(OP_IN(0, 1, 3, 0)), .number = {1}},
        {.name = "one", OP_1(OP_IN(0.5, 2, 1)), .number = {0}, .gradient = true},
        {.name = "large", OP_1(OP_IN(0.9, 1.1, 60, 701)), .number = {1}},
        {.name = "large columns", OP_1(OP_IN(0.9, 1.1, 301, 107)), .number = {0}},
        {.name = "many columns, exclusive, reverse",
         OP_1(OP_IN(0.9, 1.1, 3, 21, 67)),
         .number = {1, 1, 1}},
        {.name = "one long line", OP_1(OP_IN(0.9, 1.1, 1, 66003)), .number = {1}},
        {.name = "long lines, exclusive, reverse",
         OP_1(OP_IN(0.9, 1.1, 2, 65541)),
         .number = {1, 1, 1}},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        op_sample s = list[i];
        s.op = op;
        s.record = record_cum;
        s.types = OP_SINGLES;
        s.tol = 4;
        s.second = s.gradient && op == LEATI_OP_CUMSUM;
        visit(user, &s);
        s.types = OP_INTEGERS | OP_BIT(BF16);
        s.tol = 0;
        s.gradient = s.second = false;
        visit(user, &s);
    }
}

static const op_sample sorts[] = {
    OP_SAMPLE(SORT, "rows", OP_ANY, record_sort, OP_1(OP_DIFFERENT(0, 60, 4, 7)), .number = {1},
              .gradient = true, .second = true),
    OP_SAMPLE(SORT, "columns, descending", OP_ANY, record_sort, OP_1(OP_DIFFERENT(0, 60, 6, 3)),
              .number = {0, 1}, .gradient = true),
    OP_SAMPLE(SORT, "equals stay in order", OP_ANY, record_sort,
              OP_1(OP_FILL(OP_T, OP_UNIFORM, 0, 2, 3, 40)), .number = {1}),
    OP_SAMPLE(SORT, "equals, descending", OP_SIGNED | OP_BIT(BOOL), record_sort,
              OP_1(OP_IN(0, 2, 3, 40)), .number = {1, 1}),
    OP_SAMPLE(SORT, "odd", OP_FLOATS, record_sort, OP_1(OP_ODD(-2, 2, 9, 33)), .number = {1}),
    OP_SAMPLE(SORT, "odd, descending", OP_FLOATS, record_sort, OP_1(OP_ODD(-2, 2, 9, 33)),
              .number = {1, 1}),
    OP_SAMPLE(SORT, "empty", OP_ANY, record_sort, OP_1(OP_IN(0, 2, 3, 0)), .number = {1}),
    OP_SAMPLE(SORT, "large", OP_SINGLES | OP_BIT(I64), record_sort, OP_1(OP_IN(-9, 9, 3, 5003)),
              .number = {1}),
    OP_SAMPLE(SORT, "medium columns", OP_ANY, record_sort, OP_1(OP_IN(0, 9, 2, 70, 3)),
              .number = {1}),
    OP_SAMPLE(SORT, "lines of bits", OP_ANY, record_sort, OP_1(OP_IN(0, 120, 3, 1500)),
              .number = {1, 1}),
    OP_SAMPLE(SORT, "long", OP_SINGLES | OP_BIT(U64) | OP_BIT(BF16), record_sort,
              OP_1(OP_IN(0, 9, 66001)), .number = {0}),
    OP_SAMPLE(SORT, "long columns, odd", OP_BIT(F32) | OP_BIT(F64), record_sort,
              OP_1(OP_ODD(-2, 2, 65600, 2)), .number = {0, 1}),
    OP_SAMPLE(TOPK, "few of many", OP_ANY, record_sort, OP_1(OP_IN(0, 120, 3, 1201)),
              .number = {1, 1, 5}),
    OP_SAMPLE(TOPK, "one of many, smallest, columns", OP_SIGNED, record_sort,
              OP_1(OP_IN(-90, 90, 1201, 3)), .number = {0, 0, 1}),
    OP_SAMPLE(TOPK, "odd, few of many", OP_FLOATS, record_sort, OP_1(OP_ODD(-2, 2, 2, 1201)),
              .number = {1, 1, 20}),
    OP_SAMPLE(TOPK, "largest", OP_ANY, record_sort, OP_1(OP_DIFFERENT(0, 60, 4, 7)),
              .number = {1, 1, 3}, .gradient = true, .second = true),
    OP_SAMPLE(TOPK, "smallest of columns", OP_ANY, record_sort, OP_1(OP_DIFFERENT(0, 60, 7, 3)),
              .number = {0, 0, 2}, .gradient = true),
    OP_SAMPLE(TOPK, "equals", OP_ANY, record_sort, OP_1(OP_IN(0, 3, 5, 30)), .number = {1, 1, 6}),
    OP_SAMPLE(TOPK, "odd", OP_FLOATS, record_sort, OP_1(OP_ODD(-2, 2, 9, 33)), .number = {1, 1, 9}),
    OP_SAMPLE(TOPK, "none", OP_ANY, record_sort, OP_1(OP_IN(0, 3, 5, 30)), .number = {1, 1, 0}),
    OP_SAMPLE(TOPK, "all", OP_ANY, record_sort, OP_1(OP_IN(0, 3, 5, 9)), .number = {1, 1, 9}),
    OP_SAMPLE(TOPK, "large", OP_SINGLES | OP_BIT(I32), record_sort, OP_1(OP_IN(-99, 99, 7, 3001)),
              .number = {1, 1, 40}),
};

void op_samples_order(op_visit visit, void *user)
{
    visit_args(LEATI_OP_ARGMAX, visit, user);
    visit_args(LEATI_OP_ARGMIN, visit, user);
    visit_cums(LEATI_OP_CUMSUM, visit, user);
    visit_cums(LEATI_OP_CUMPROD, visit, user);
    OP_VISIT(sorts);
}

static leat_tensor *largest_of_none(leat_graph *g)
{
    return leat_argmax(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(3, 0), NULL), 1, false);
}

static leat_tensor *sum_of_truth(leat_graph *g)
{
    return leat_cumsum(leat_input(g, LEAT_DTYPE_BOOL, LEAT_DIMS(3), NULL), 0, false, false);
}

static leat_tensor *too_many(leat_graph *g)
{
    return leat_topk(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(3, 4), NULL), 5, 1, false, NULL);
}

static leat_tensor *sort_scalar(leat_graph *g)
{
    return leat_sort(leat_scalar(g, LEAT_DTYPE_F32, 1), 0, false, NULL);
}

static const op_failure failures[] = {
    OP_FAILURE(ARGMAX, "of nothing", largest_of_none, SHAPE, "layer 7|axis 1|(3, 0)"),
    OP_FAILURE(CUMSUM, "of bool", sum_of_truth, TYPE, "layer 7|bool|cast"),
    OP_FAILURE(TOPK, "5 of 4", too_many, SHAPE, "layer 7|5 of the 4"),
    OP_FAILURE(SORT, "of a scalar", sort_scalar, SHAPE, "layer 7|axis 0|0 dimensions"),
};

void op_failures_order(op_visit_failure visit, void *user)
{
    OP_VISIT(failures);
}
