/* Samples of MATMUL. */
#include "battery/op_samples.h"

/* number: transpose a, transpose b. */
static void record(const op_sample *s, leat_graph *g, leat_tensor *const *in, leat_tensor **out)
{
    (void)g;
    out[0] = leat_matmul_t(in[0], s->number[0] != 0, in[1], s->number[1] != 0);
}

typedef struct form {
    const char *name;
    leat_shape a, b;
    int transpose_a, transpose_b;
    bool gradient;
} form;

static const form forms[] = {
    {"plain", OP_S(3, 4), OP_S(4, 5), 0, 0, true},
    {"left transposed", OP_S(4, 3), OP_S(4, 5), 1, 0, true},
    {"right transposed", OP_S(3, 4), OP_S(5, 4), 0, 1, true},
    {"both transposed", OP_S(4, 3), OP_S(5, 4), 1, 1, true},
    {"batched", OP_S(2, 3, 4), OP_S(2, 4, 2), 0, 0, true},
    {"one left for all", OP_S(3, 4), OP_S(2, 4, 2), 0, 0, true},
    {"one right for all", OP_S(2, 3, 4), OP_S(4, 2), 0, 0, true},
    {"one right for all, transposed", OP_S(2, 4, 3), OP_S(2, 4), 1, 1, true},
    {"leading axes broadcast", OP_S(2, 1, 2, 3), OP_S(3, 3, 2), 0, 0, true},
    {"a column", OP_S(1, 7), OP_S(7, 1), 0, 0, true},
    {"no depth", OP_S(3, 0), OP_S(0, 2), 0, 0, false},
    {"no rows", OP_S(0, 3), OP_S(3, 2), 0, 0, false},
    {"empty batch", OP_S(0, 2, 3), OP_S(3, 2), 0, 0, false},
    {"larger", OP_S(130, 257), OP_S(257, 100), 0, 0, false},
    {"larger, transposed", OP_S(70, 130), OP_S(90, 70), 1, 1, false},
};

void op_samples_matmul(op_visit visit, void *user)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const form *f = &forms[i];
        op_sample s = {.op = LEATI_OP_MATMUL, .name = f->name, .types = OP_FLOATS, .ins = 2};
        s.record = record;
        s.in[0] = (op_in){OP_T, f->a, OP_UNIFORM, -1, 1, NULL};
        s.in[1] = (op_in){OP_T, f->b, OP_UNIFORM, -1, 1, NULL};
        s.number[0] = f->transpose_a;
        s.number[1] = f->transpose_b;
        s.tol = 4;
        s.scale = 4 + (double)f->a.dim[f->a.rank - 1 - f->transpose_a] / 4;
        s.gradient = s.second = f->gradient;
        visit(user, &s);
        s.types = OP_INTEGERS;
        s.in[0].low = s.in[1].low = 0;
        s.in[0].high = s.in[1].high = 9;
        s.tol = 0;
        s.gradient = s.second = false;
        if (f->gradient) visit(user, &s);
    }
}

static leat_tensor *unequal_depth(leat_graph *g)
{
    return leat_matmul(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 3), NULL),
                       leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(4, 5), NULL));
}

static leat_tensor *of_vectors(leat_graph *g)
{
    return leat_matmul(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(3), NULL),
                       leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(3, 5), NULL));
}

static leat_tensor *unequal_batches(leat_graph *g)
{
    return leat_matmul(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 3, 4), NULL),
                       leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(3, 4, 5), NULL));
}

static leat_tensor *of_truth(leat_graph *g)
{
    leat_tensor *x = leat_input(g, LEAT_DTYPE_BOOL, LEAT_DIMS(3, 3), NULL);
    return leat_matmul(x, x);
}

static leat_tensor *of_two_types(leat_graph *g)
{
    return leat_matmul(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(3, 4), NULL),
                       leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(4, 5), NULL));
}

static const op_failure failures[] = {
    OP_FAILURE(MATMUL, "unequal depth", unequal_depth, SHAPE, "layer 7|(2, 3)|3|(4, 5)|4"),
    OP_FAILURE(MATMUL, "of a vector", of_vectors, SHAPE, "layer 7|two dimensions|(3)"),
    OP_FAILURE(MATMUL, "unequal batches", unequal_batches, SHAPE, "layer 7|broadcast"),
    OP_FAILURE(MATMUL, "of bool", of_truth, TYPE, "layer 7|bool"),
    OP_FAILURE(MATMUL, "of two types", of_two_types, TYPE, "layer 7|f32|f64|cast"),
};

void op_failures_matmul(op_visit_failure visit, void *user)
{
    OP_VISIT(failures);
}
