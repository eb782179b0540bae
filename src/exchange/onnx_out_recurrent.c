/* Owns: recurrent layers in ONNX. The graph multiplies all steps by the input weights first; ONNX
 * has that inside the layer, so the product is found again and taken in. */
#include <string.h>

#include "base/error.h"
#include "device/recurrent.h"
#include "exchange/onnx_out.h"
#include "tensor/shape.h"

typedef struct product {
    leat_tensor *x, *w, *bias; /* x (T, N, I); bias may be NULL */
    leati_node *inner[4];      /* nodes that the layer takes in */
} product;

static const void *data_of(const leati_onnx_out *o, leat_tensor *x)
{
    return leati_program_value_of(&o->program[0], x)->data;
}

/* reshape(add(matmul(reshape(x), w'), bias)) */
static bool find_product(const leati_onnx_out *o, const leati_node *n, product *p)
{
    const leati_program *g = &o->program[0];
    leati_node *at = leati_program_in(g, n, 0)->node;
    size_t count = 0;
    *p = (product){0};
    if (at->op != LEATI_OP_RESHAPE) return false;
    p->inner[count++] = at;
    at = leati_program_in(g, at, 0)->node;
    if (at->op == LEATI_OP_ADD) {
        p->bias = leati_program_in(g, at, 1);
        if (!data_of(o, p->bias)) return false;
        p->inner[count++] = at;
        at = leati_program_in(g, at, 0)->node;
    }
    const leati_matmul_attrs *a = at->attrs;
    if (at->op != LEATI_OP_MATMUL || a->transpose_a || !a->transpose_b) return false;
    p->inner[count++] = at;
    p->w = leati_program_in(g, at, 1);
    at = leati_program_in(g, at, 0)->node;
    if (at->op != LEATI_OP_RESHAPE || !data_of(o, p->w)) return false;
    p->inner[count++] = at;
    p->x = leati_program_in(g, at, 0);
    const leat_shape *s = &p->x->shape;
    return s->rank == 3 && s->dim[0] == n->in[0]->shape.dim[0] &&
           s->dim[1] == n->in[0]->shape.dim[1];
}

void leati_onnx_out_mark_recurrent(leati_onnx_out *o, leati_node *n)
{
    product p;
    if (!find_product(o, n, &p)) return;
    for (int i = 0; i < 4; i++)
        if (p.inner[i] && leati_program_value_of(&o->program[0], &p.inner[i]->out[0])->uses == 1)
            o->skip[p.inner[i]->id] = 1;
}

/* Gate k of the result is gate order[k] of v, which has `each` numbers a gate. */
static void reorder(float *to, const float *v, size_t gates, size_t each)
{
    static const int lstm[] = {0, 3, 1, 2}, gru[] = {1, 0, 2}, plain[] = {0};
    const int *order = gates == 4 ? lstm : gates == 3 ? gru : plain;
    for (size_t g = 0; g < gates; g++)
        memcpy(to + g * each, v + (size_t)order[g] * each, each * sizeof *to);
}

static const char *weights(leati_onnx_out *o, const char *stem, const float *v, size_t gates,
                           int64_t units, int64_t cols)
{
    leat_shape s = {.rank = 3, .dim = {1, (int64_t)gates * units, cols}};
    float *copy = leati_arena_alloc(&o->builder.arena, leati_shape_count(&s) * sizeof *copy);
    if (!copy) {
        o->builder.status = LEAT_NOMEM;
        return "";
    }
    reorder(copy, v, gates, (size_t)(units * cols));
    return leati_onnx_out_constant(o, stem, LEAT_DTYPE_F32, &s, copy);
}

/* Both biases, the second within the reset gate of a GRU. */
static const char *biases(leati_onnx_out *o, const float *first, const float *second, size_t gates,
                          int64_t units)
{
    size_t half = gates * (size_t)units;
    leat_shape s = {.rank = 2, .dim = {1, 2 * (int64_t)half}};
    float *both = leati_arena_calloc(&o->builder.arena, 2 * half, sizeof *both);
    if (!both) {
        o->builder.status = LEAT_NOMEM;
        return "";
    }
    if (first) reorder(both, first, gates, (size_t)units);
    if (second) reorder(both + half, second, gates, (size_t)units);
    return leati_onnx_out_constant(o, "bias", LEAT_DTYPE_F32, &s, both);
}

static bool is_zero(const leati_onnx_out *o, leat_tensor *x)
{
    if (x->node->op == LEATI_OP_EXPAND) x = leati_program_in(&o->program[0], x->node, 0);
    const float *v = data_of(o, x);
    bool zero = v != NULL;
    for (size_t k = 0; zero && k < leati_shape_count(&x->shape); k++) zero = v[k] == 0;
    return zero;
}

/* The first state, or "" when it is known to be zero. */
static const char *initial(leati_onnx_out *o, const leati_node *n, size_t i)
{
    static const int64_t axis = 0;
    leat_tensor *x = leati_program_in(&o->program[0], n, i);
    if (is_zero(o, x)) return "";
    return leati_onnx_out_step(o, "Unsqueeze", leati_onnx_out_name(o, x),
                               leati_onnx_out_ints(o, &axis, 1));
}

static void squeeze(leati_onnx_out *o, const char *x, int64_t axis, leat_tensor *to)
{
    (void)leati_onnx_out_node(o, "Squeeze",
                              (const char *const[]){x, leati_onnx_out_ints(o, &axis, 1), NULL},
                              leati_onnx_out_name(o, to));
}

leat_status leati_onnx_out_recurrent(leati_onnx_out *o, leati_node *n)
{
    static const char *const names[] = {"RNN", "RNN", "LSTM", "GRU"};
    const leati_recurrent_attrs *a = n->attrs;
    leati_cell cell = (leati_cell)a->cell;
    bool lstm = cell == LEATI_CELL_LSTM, gru = cell == LEATI_CELL_GRU;
    const leati_program *g = &o->program[0];
    size_t gates = leati_cell_gates(cell), last = lstm || gru ? 4 : 3;
    int64_t units = n->out[0].shape.dim[2];
    product p;
    const float *r = data_of(o, leati_program_in(g, n, 1)), *r_bias = NULL;
    if (gru) r_bias = data_of(o, leati_program_in(g, n, 3));
    bool biased = gru && !is_zero(o, leati_program_in(g, n, 3));
    if (!find_product(o, n, &p) || !r || (biased && !r_bias))
        return leati_node_fail(o->context, n, LEAT_UNSUPPORTED,
                               "a recurrent layer whose weights are computed has no form in ONNX");
    const char *in[8] = {leati_onnx_out_name(o, p.x),
                         weights(o, "kernel", data_of(o, p.w), gates, units, p.w->shape.dim[1]),
                         weights(o, "recurrent_kernel", r, gates, units, units),
                         biases(o, p.bias ? data_of(o, p.bias) : NULL, r_bias, gates, units),
                         "",
                         initial(o, n, 2)};
    if (n->ins > last) {
        in[4] = leati_onnx_out_fresh(o, "lengths");
        leati_onnx_node *to = leati_onnx_out_node(
            o, "Cast", (const char *const[]){leati_onnx_out_in(o, last), NULL}, in[4]);
        leati_onnx_set_int(&o->builder, to, "to", LEATI_ONNX_INT32);
    }
    if (lstm) in[6] = initial(o, n, 3);
    const char *y = leati_onnx_out_fresh(o, "Y"), *h = leati_onnx_out_fresh(o, "Y_h"),
               *c = leati_onnx_out_fresh(o, "Y_c");
    leati_onnx_node *node = leati_onnx_add_node(&o->builder, o->graph, names[cell], in,
                                                (const char *const[]){y, h, lstm ? c : NULL, NULL});
    leati_onnx_builder *b = &o->builder;
    leati_onnx_set_int(b, node, "hidden_size", units);
    leati_onnx_set_text(b, node, "direction", a->reverse ? "reverse" : "forward");
    if (gru) leati_onnx_set_int(b, node, "linear_before_reset", 1);
    if (cell == LEATI_CELL_RELU)
        leati_onnx_set_texts(b, node, "activations", (const char *const[]){"Relu"}, 1);
    squeeze(o, y, 1, &n->out[0]);
    squeeze(o, h, 0, &n->out[1]);
    if (lstm) squeeze(o, c, 0, &n->out[2]);
    return LEAT_OK;
}
