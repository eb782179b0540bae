/* Owns: ONNX nodes of a recorded graph: names, constants, shapes that depend on the batch, and the
 * operations without windows and recurrence. */
#include "exchange/onnx_out.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/onnx_check.h"
#include "tensor/shape.h"

/* ---- names and constants --------------------------------------------------------------------- */

int32_t leati_onnx_out_element(leat_dtype dtype)
{
    switch (dtype) {
    case LEAT_DTYPE_F32: return LEATI_ONNX_FLOAT;
    case LEAT_DTYPE_F64: return LEATI_ONNX_DOUBLE;
    case LEAT_DTYPE_I64: return LEATI_ONNX_INT64;
    case LEAT_DTYPE_I32: return LEATI_ONNX_INT32;
    case LEAT_DTYPE_U8: return LEATI_ONNX_UINT8;
    case LEAT_DTYPE_BOOL: return LEATI_ONNX_BOOL;
    default: return LEATI_ONNX_UNDEFINED;
    }
}

bool leati_onnx_out_is_input(const leati_onnx_out *o, const char *name)
{
    for (size_t i = 0; i < o->graph->input.count; i++)
        if (strcmp(o->graph->input.at[i].name, name) == 0) return true;
    return false;
}

const char *leati_onnx_out_fresh(leati_onnx_out *o, const char *stem)
{
    char text[160];
    do snprintf(text, sizeof text, "%s_%u", stem, ++o->count);
    while (leati_onnx_out_is_input(o, text));
    const char *name = leati_arena_strdup(&o->builder.arena, text);
    if (!name) o->builder.status = LEAT_NOMEM;
    return name ? name : "";
}

const char *leati_onnx_out_constant(leati_onnx_out *o, const char *stem, leat_dtype dtype,
                                    const leat_shape *shape, const void *data)
{
    const char *name = leati_onnx_out_fresh(o, stem);
    size_t bytes = leati_shape_count(shape) * leat_dtype_size(dtype);
    void *copy = leati_arena_alloc(&o->builder.arena, bytes + 1);
    if (!copy) {
        o->builder.status = LEAT_NOMEM;
        return "";
    }
    memcpy(copy, data, bytes);
    (void)leati_onnx_add_initializer(&o->builder, o->graph, name, leati_onnx_out_element(dtype),
                                     shape->dim, (size_t)shape->rank, copy);
    return name;
}

const char *leati_onnx_out_ints(leati_onnx_out *o, const int64_t *v, size_t count)
{
    leat_shape s = {.rank = 1, .dim = {(int64_t)count}};
    return leati_onnx_out_constant(o, "ints", LEAT_DTYPE_I64, &s, v);
}

const char *leati_onnx_out_scalar(leati_onnx_out *o, leat_dtype dtype, double value)
{
    leat_shape s = {0};
    float narrow = (float)value;
    return leati_onnx_out_constant(o, "value", dtype, &s,
                                   dtype == LEAT_DTYPE_F32 ? (const void *)&narrow : &value);
}

leati_onnx_node *leati_onnx_out_node(leati_onnx_out *o, const char *op, const char *const *ins,
                                     const char *out)
{
    return leati_onnx_add_node(&o->builder, o->graph, op, ins, (const char *const[]){out, NULL});
}

const char *leati_onnx_out_step(leati_onnx_out *o, const char *op, const char *a, const char *b)
{
    const char *out = leati_onnx_out_fresh(o, op);
    (void)leati_onnx_out_node(o, op, (const char *const[]){a, b, NULL}, out);
    return out;
}

const char *leati_onnx_out_transpose(leati_onnx_out *o, const char *x, int rank, const int *perm)
{
    int64_t wide[LEAT_MAX_RANK];
    for (int i = 0; i < rank; i++) wide[i] = perm[i];
    const char *out = leati_onnx_out_fresh(o, "Transpose");
    leati_onnx_node *n = leati_onnx_out_node(o, "Transpose", (const char *const[]){x, NULL}, out);
    leati_onnx_set_ints(&o->builder, n, "perm", wide, (size_t)rank);
    return out;
}

static const char **names_of(leati_onnx_out *o, const leati_node *n)
{
    const char ***at = &o->name[n->id];
    if (!*at) *at = leati_arena_calloc(&o->builder.arena, n->outs ? n->outs : 1, sizeof **at);
    if (!*at) o->builder.status = LEAT_NOMEM;
    return *at;
}

const char *leati_onnx_out_name(leati_onnx_out *o, leat_tensor *x)
{
    const char **names = names_of(o, x->node);
    if (!names) return "";
    if (names[x->index]) return names[x->index];
    const void *data = leati_program_value_of(&o->program[0], x)->data;
    const leati_node *n = x->node;
    if (!data) return names[x->index] = leati_onnx_out_fresh(o, leati_op_info_of(n->op)->name);
    const char *stem = n->op == LEATI_OP_VARIABLE ? n->variable->name : "constant";
    return names[x->index] = leati_onnx_out_constant(o, stem, x->dtype, &x->shape, data);
}

const char *leati_onnx_out_in(leati_onnx_out *o, size_t i)
{
    const leati_node *n = o->program[0].node[o->at];
    return leati_onnx_out_name(o, leati_program_in(&o->program[0], n, i));
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static const char *batch(leati_onnx_out *o)
{
    if (o->batch) return o->batch;
    o->batch = leati_onnx_out_fresh(o, "batch");
    leati_onnx_node *n =
        leati_onnx_out_node(o, "Shape", (const char *const[]){o->batch_of, NULL}, o->batch);
    leati_onnx_set_int(&o->builder, n, "start", 0);
    leati_onnx_set_int(&o->builder, n, "end", 1);
    return o->batch;
}

static const leat_shape *other_shape(const leati_onnx_out *o, const leati_node *n, size_t out)
{
    (void)n;
    return &o->program[1].node[o->at]->out[out].shape;
}

/* The shape as a tensor: one initialiser, or put together where it depends on the batch. */
static const char *shape_value(leati_onnx_out *o, const leat_shape *a, const leat_shape *b,
                               bool may_infer)
{
    const char *parts[LEAT_MAX_RANK + 1] = {NULL};
    int64_t dims[LEAT_MAX_RANK];
    int varying = 0, count = 0;
    for (int i = 0; i < a->rank; i++) varying += a->dim[i] != b->dim[i];
    if (varying == 0) return leati_onnx_out_ints(o, a->dim, (size_t)a->rank);
    if (varying == 1 && may_infer) {
        for (int i = 0; i < a->rank; i++) dims[i] = a->dim[i] != b->dim[i] ? -1 : a->dim[i];
        return leati_onnx_out_ints(o, dims, (size_t)a->rank);
    }
    for (int i = 0; i < a->rank;) {
        int n = 0;
        while (i + n < a->rank && a->dim[i + n] == b->dim[i + n]) n++;
        if (n) {
            parts[count++] = leati_onnx_out_ints(o, a->dim + i, (size_t)n);
            i += n;
            continue;
        }
        int64_t factor = a->dim[i] / LEATI_ONNX_FIRST_BATCH;
        parts[count] = batch(o);
        if (factor != 1)
            parts[count] =
                leati_onnx_out_step(o, "Mul", parts[count], leati_onnx_out_ints(o, &factor, 1));
        count++, i++;
    }
    if (count == 1) return parts[0];
    const char *out = leati_onnx_out_fresh(o, "shape");
    leati_onnx_node *n = leati_onnx_out_node(o, "Concat", parts, out);
    leati_onnx_set_int(&o->builder, n, "axis", 0);
    return out;
}

/* ---- operations ------------------------------------------------------------------------------ */

static const struct {
    leati_op op;
    const char *name; /* in ONNX; "": see special */
} simple[] = {
    {LEATI_OP_COPY, "Identity"},
    {LEATI_OP_NEG, "Neg"},
    {LEATI_OP_ABS, "Abs"},
    {LEATI_OP_SIGN, "Sign"},
    {LEATI_OP_EXP, "Exp"},
    {LEATI_OP_LOG, "Log"},
    {LEATI_OP_SQRT, "Sqrt"},
    {LEATI_OP_RECIP, "Reciprocal"},
    {LEATI_OP_SIN, "Sin"},
    {LEATI_OP_COS, "Cos"},
    {LEATI_OP_TAN, "Tan"},
    {LEATI_OP_ASIN, "Asin"},
    {LEATI_OP_ACOS, "Acos"},
    {LEATI_OP_ATAN, "Atan"},
    {LEATI_OP_SINH, "Sinh"},
    {LEATI_OP_COSH, "Cosh"},
    {LEATI_OP_ASINH, "Asinh"},
    {LEATI_OP_ACOSH, "Acosh"},
    {LEATI_OP_ATANH, "Atanh"},
    {LEATI_OP_TANH, "Tanh"},
    {LEATI_OP_SIGMOID, "Sigmoid"},
    {LEATI_OP_ERF, "Erf"},
    {LEATI_OP_FLOOR, "Floor"},
    {LEATI_OP_CEIL, "Ceil"},
    {LEATI_OP_ROUND, "Round"},
    {LEATI_OP_RELU, "Relu"},
    {LEATI_OP_SOFTPLUS, "Softplus"},
    {LEATI_OP_ISNAN, "IsNaN"},
    {LEATI_OP_ISINF, "IsInf"},
    {LEATI_OP_NOT, "Not"},
    {LEATI_OP_ADD, "Add"},
    {LEATI_OP_SUB, "Sub"},
    {LEATI_OP_MUL, "Mul"},
    {LEATI_OP_DIV, "Div"},
    {LEATI_OP_POW, "Pow"},
    {LEATI_OP_MAX, "Max"},
    {LEATI_OP_MIN, "Min"},
    {LEATI_OP_EQ, "Equal"},
    {LEATI_OP_LT, "Less"},
    {LEATI_OP_LE, "LessOrEqual"},
    {LEATI_OP_GT, "Greater"},
    {LEATI_OP_GE, "GreaterOrEqual"},
    {LEATI_OP_AND, "And"},
    {LEATI_OP_OR, "Or"},
    {LEATI_OP_XOR, "Xor"},
    {LEATI_OP_WHERE, "Where"},
    {LEATI_OP_EXPM1, ""},
    {LEATI_OP_LOG1P, ""},
    {LEATI_OP_RSQRT, ""},
    {LEATI_OP_NE, ""},
    {LEATI_OP_FMOD, ""},
    {LEATI_OP_CAST, ""},
    {LEATI_OP_MATMUL, ""},
    {LEATI_OP_CONV, ""},
    {LEATI_OP_CONV_DATA, ""},
    {LEATI_OP_POOL_MAX, ""},
    {LEATI_OP_POOL_AVG, ""},
    {LEATI_OP_REDUCE_SUM, ""},
    {LEATI_OP_REDUCE_MAX, ""},
    {LEATI_OP_REDUCE_MIN, ""},
    {LEATI_OP_REDUCE_PROD, ""},
    {LEATI_OP_ARGMAX, ""},
    {LEATI_OP_RESHAPE, ""},
    {LEATI_OP_EXPAND, ""},
    {LEATI_OP_TRANSPOSE, ""},
    {LEATI_OP_SLICE, ""},
    {LEATI_OP_REVERSE, ""},
    {LEATI_OP_PAD, ""},
    {LEATI_OP_CONCAT, ""},
    {LEATI_OP_GATHER, ""},
    {LEATI_OP_GATHER_ELEMENTS, ""},
    {LEATI_OP_TOPK, ""},
    {LEATI_OP_CUMSUM, ""},
    {LEATI_OP_SOFTMAX, ""},
    {LEATI_OP_LOG_SOFTMAX, ""},
    {LEATI_OP_RECURRENT, ""},
    {LEATI_OP_RESAMPLE, ""},
};
enum { SIMPLE = sizeof simple / sizeof *simple };

bool leati_onnx_out_takes(const leati_node *n)
{
    bool found = false;
    for (int i = 0; i < SIMPLE; i++) found |= simple[i].op == n->op;
    for (size_t i = 0; i < n->ins; i++) found = found && leati_onnx_out_element(n->in[i]->dtype);
    if (n->op == LEATI_OP_PAD) {
        const leati_pad_attrs *a = n->attrs;
        found = found && a->mode != LEATI_PAD_WRAP;
        for (int i = 0; i < n->out[0].shape.rank; i++) found = found && !a->interior[i];
    }
    if (n->op == LEATI_OP_RESAMPLE) {
        const leati_resample_attrs *a = n->attrs; /* as layers make it: by whole factors */
        found = found && n->in[0]->dtype == LEAT_DTYPE_F32 && a->axis > 0 && a->scale <= 0 &&
                a->size % a->in == 0 && a->mode != LEATI_RESAMPLE_NEAREST;
    }
    if (n->op == LEATI_OP_POOL_AVG) {
        const leati_pool_attrs *a = n->attrs;
        for (int i = 0; i < a->rank; i++) found = found && a->dilation[i] == 1;
    }
    return found;
}

static void matmul(leati_onnx_out *o, const leati_node *n, const char *out)
{
    const leati_matmul_attrs *a = n->attrs;
    const char *in[3] = {leati_onnx_out_in(o, 0), leati_onnx_out_in(o, 1), NULL};
    bool swap[2] = {a->transpose_a, a->transpose_b};
    if (n->in[0]->shape.rank == 2 && n->in[1]->shape.rank == 2 && (swap[0] || swap[1])) {
        leati_onnx_node *g = leati_onnx_out_node(o, "Gemm", in, out);
        leati_onnx_set_int(&o->builder, g, "transA", swap[0]);
        leati_onnx_set_int(&o->builder, g, "transB", swap[1]);
        return;
    }
    for (int k = 0; k < 2; k++) {
        int perm[LEAT_MAX_RANK], r = n->in[k]->shape.rank;
        for (int i = 0; i < r; i++) perm[i] = i;
        perm[r - 1] = r - 2, perm[r - 2] = r - 1;
        if (swap[k]) in[k] = leati_onnx_out_transpose(o, in[k], r, perm);
    }
    (void)leati_onnx_out_node(o, "MatMul", in, out);
}

static void reduce(leati_onnx_out *o, const leati_node *n, const char *out)
{
    const leati_reduce_attrs *a = n->attrs;
    int64_t axes[LEAT_MAX_RANK];
    size_t count = 0;
    for (int i = 0; i < n->in[0]->shape.rank; i++)
        if (a->axes >> i & 1) axes[count++] = i;
    const char *x = leati_onnx_out_in(o, 0);
    if (count == 0) {
        (void)leati_onnx_out_node(o, "Identity", (const char *const[]){x, NULL}, out);
        return;
    }
    bool sum = n->op == LEATI_OP_REDUCE_SUM; /* whose axes are an input from opset 13 on */
    const char *name = sum                            ? "ReduceSum"
                       : n->op == LEATI_OP_REDUCE_MAX ? "ReduceMax"
                       : n->op == LEATI_OP_REDUCE_MIN ? "ReduceMin"
                                                      : "ReduceProd";
    bool listed = sum || leati_onnx_opset_version(o->builder.model, NULL, "") >= 18;
    const char *in[3] = {x, listed ? leati_onnx_out_ints(o, axes, count) : NULL, NULL};
    leati_onnx_node *node = leati_onnx_out_node(o, name, in, out);
    if (!listed) leati_onnx_set_ints(&o->builder, node, "axes", axes, count);
    leati_onnx_set_int(&o->builder, node, "keepdims", a->keep);
}

static void slice(leati_onnx_out *o, const leati_node *n, const char *out)
{
    const leati_slice_attrs *a = n->op == LEATI_OP_SLICE ? n->attrs : NULL;
    const leati_reverse_attrs *back = a ? NULL : n->attrs;
    int64_t start[LEAT_MAX_RANK], stop[LEAT_MAX_RANK], axis[LEAT_MAX_RANK], step[LEAT_MAX_RANK];
    size_t count = 0;
    for (int i = 0; i < n->out[0].shape.rank; i++) {
        int64_t size = n->out[0].shape.dim[i];
        bool whole = a ? a->start[i] == 0 && a->step[i] == 1 && size == n->in[0]->shape.dim[i]
                       : !(back->axes >> i & 1);
        if (whole) continue;
        axis[count] = i;
        start[count] = a ? a->start[i] : -1;
        step[count] = a ? a->step[i] : -1;
        stop[count++] = a ? a->start[i] + (size - 1) * a->step[i] + 1 : INT64_MIN;
    }
    const char *x = leati_onnx_out_in(o, 0);
    if (count == 0) {
        (void)leati_onnx_out_node(o, "Identity", (const char *const[]){x, NULL}, out);
        return;
    }
    (void)leati_onnx_out_node(o, "Slice",
                              (const char *const[]){x, leati_onnx_out_ints(o, start, count),
                                                    leati_onnx_out_ints(o, stop, count),
                                                    leati_onnx_out_ints(o, axis, count),
                                                    leati_onnx_out_ints(o, step, count), NULL},
                              out);
}

static void pad(leati_onnx_out *o, const leati_node *n, const char *out)
{
    static const char *const modes[] = {"constant", "reflect", "edge"};
    const leati_pad_attrs *a = n->attrs;
    int r = n->out[0].shape.rank;
    int64_t pads[2 * LEAT_MAX_RANK];
    for (int i = 0; i < r; i++) pads[i] = a->low[i], pads[r + i] = a->high[i];
    leat_dtype type = n->out[0].dtype;
    bool real = type == LEAT_DTYPE_F32 || type == LEAT_DTYPE_F64;
    bool value = a->mode == LEATI_PAD_CONSTANT && real;
    const char *in[4] = {leati_onnx_out_in(o, 0), leati_onnx_out_ints(o, pads, 2 * (size_t)r),
                         value ? leati_onnx_out_scalar(o, type, a->value) : NULL, NULL};
    leati_onnx_node *node = leati_onnx_out_node(o, "Pad", in, out);
    leati_onnx_set_text(&o->builder, node, "mode", modes[a->mode]);
}

/* (first, what is between, size along the axis, what is behind): runtimes resample images only. */
static leat_shape around(const leat_shape *out, const leati_resample_attrs *a)
{
    leat_shape s = {.rank = 4, .dim = {out->dim[0], 1, a->in, 1}};
    for (int i = 1; i < out->rank; i++)
        if (i != a->axis) s.dim[i < a->axis ? 1 : 3] *= out->dim[i];
    return s;
}

static void resample(leati_onnx_out *o, const leati_node *n, const char *out)
{
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    static const char *const coordinates[] = {"half_pixel", "align_corners", "asymmetric"};
    static const leat_shape four = {.rank = 1, .dim = {4}};
    const leati_resample_attrs *a = n->attrs;
    const leat_shape *to = &n->out[0].shape, *other = other_shape(o, n, 0);
    leat_shape flat = around(to, a), other_flat = around(other, a);
    const float scales[] = {1, 1, (float)(a->size / a->in), 1};
    bool image = to->rank == 4 && a->axis == 2; /* already */
    const char *x = leati_onnx_out_in(o, 0);
    if (!image) x = leati_onnx_out_step(o, "Reshape", x, shape_value(o, &flat, &other_flat, true));
    const char *in[] = {x, "", leati_onnx_out_constant(o, "scales", LEAT_DTYPE_F32, &four, scales),
                        NULL};
    const char *y = image ? out : leati_onnx_out_fresh(o, "Resize");
    leati_onnx_node *node = leati_onnx_out_node(o, "Resize", in, y);
    leati_onnx_set_text(&o->builder, node, "mode", modes[a->mode]);
    leati_onnx_set_text(&o->builder, node, "coordinate_transformation_mode",
                        coordinates[a->coordinates]);
    if (a->mode == LEATI_RESAMPLE_CUBIC)
        leati_onnx_set_float(&o->builder, node, "cubic_coeff_a", (float)a->cubic);
    if (image) return;
    in[0] = y, in[1] = shape_value(o, to, other, true), in[2] = NULL;
    (void)leati_onnx_out_node(o, "Reshape", in, out);
}

static void with_axis(leati_onnx_out *o, const leati_node *n, const char *op, int64_t axis,
                      const char *out)
{
    const char **in = leati_arena_calloc(&o->builder.arena, n->ins + 1u, sizeof *in);
    if (!in) {
        o->builder.status = LEAT_NOMEM;
        return;
    }
    for (size_t i = 0; i < n->ins; i++) in[i] = leati_onnx_out_in(o, i);
    leati_onnx_node *node = leati_onnx_out_node(o, op, in, out);
    leati_onnx_set_int(&o->builder, node, "axis", axis);
}

static void topk(leati_onnx_out *o, leati_node *n, const char *out)
{
    const leati_sort_attrs *a = n->attrs;
    const char *index = leati_onnx_out_name(o, &n->out[1]);
    leati_onnx_node *node = leati_onnx_add_node(
        &o->builder, o->graph, "TopK",
        (const char *const[]){leati_onnx_out_in(o, 0), leati_onnx_out_ints(o, &a->k, 1), NULL},
        (const char *const[]){out, index, NULL});
    leati_onnx_set_int(&o->builder, node, "axis", a->axis);
    leati_onnx_set_int(&o->builder, node, "largest", a->descending);
    leati_onnx_set_int(&o->builder, node, "sorted", 1);
}

static void cumsum(leati_onnx_out *o, const leati_node *n, const char *out)
{
    const leati_cum_attrs *a = n->attrs;
    const int64_t axis = a->axis;
    leati_onnx_node *node = leati_onnx_out_node(
        o, "CumSum",
        (const char *const[]){leati_onnx_out_in(o, 0), leati_onnx_out_ints(o, &axis, 1), NULL},
        out);
    leati_onnx_set_int(&o->builder, node, "exclusive", a->exclusive);
    leati_onnx_set_int(&o->builder, node, "reverse", a->reverse);
}

static void cast(leati_onnx_out *o, const leati_node *n, const char *out)
{
    leati_onnx_node *node =
        leati_onnx_out_node(o, "Cast", (const char *const[]){leati_onnx_out_in(o, 0), NULL}, out);
    leati_onnx_set_int(&o->builder, node, "to", leati_onnx_out_element(n->out[0].dtype));
}

static leat_status special(leati_onnx_out *o, leati_node *n, const char *out)
{
    const leat_shape *s = &n->out[0].shape;
    leat_dtype type = n->ins ? n->in[0]->dtype : LEAT_DTYPE_F32;
    const char *x = n->op == LEATI_OP_RECURRENT || n->ins == 0 ? "" : leati_onnx_out_in(o, 0);
    const char *one[] = {x, NULL, NULL};
    switch (n->op) {
    case LEATI_OP_EXPM1:
        one[0] = leati_onnx_out_step(o, "Exp", x, NULL);
        one[1] = leati_onnx_out_scalar(o, type, 1);
        (void)leati_onnx_out_node(o, "Sub", one, out);
        return LEAT_OK;
    case LEATI_OP_LOG1P:
        one[0] = leati_onnx_out_step(o, "Add", x, leati_onnx_out_scalar(o, type, 1));
        (void)leati_onnx_out_node(o, "Log", one, out);
        return LEAT_OK;
    case LEATI_OP_RSQRT:
        one[0] = leati_onnx_out_step(o, "Sqrt", x, NULL);
        (void)leati_onnx_out_node(o, "Reciprocal", one, out);
        return LEAT_OK;
    case LEATI_OP_NE:
        one[0] = leati_onnx_out_step(o, "Equal", x, leati_onnx_out_in(o, 1));
        (void)leati_onnx_out_node(o, "Not", one, out);
        return LEAT_OK;
    case LEATI_OP_FMOD: {
        one[1] = leati_onnx_out_in(o, 1);
        leati_onnx_node *node = leati_onnx_out_node(o, "Mod", one, out);
        leati_onnx_set_int(&o->builder, node, "fmod", 1);
        return LEAT_OK;
    }
    case LEATI_OP_CAST: cast(o, n, out); return LEAT_OK;
    case LEATI_OP_MATMUL: matmul(o, n, out); return LEAT_OK;
    case LEATI_OP_REDUCE_SUM:
    case LEATI_OP_REDUCE_MAX:
    case LEATI_OP_REDUCE_MIN:
    case LEATI_OP_REDUCE_PROD: reduce(o, n, out); return LEAT_OK;
    case LEATI_OP_ARGMAX: {
        const leati_arg_attrs *a = n->attrs;
        leati_onnx_node *node = leati_onnx_out_node(o, "ArgMax", one, out);
        leati_onnx_set_int(&o->builder, node, "axis", a->axis);
        leati_onnx_set_int(&o->builder, node, "keepdims", a->keep);
        return LEAT_OK;
    }
    case LEATI_OP_RESHAPE:
        one[1] = shape_value(o, s, other_shape(o, n, 0), true);
        (void)leati_onnx_out_node(o, "Reshape", one, out);
        return LEAT_OK;
    case LEATI_OP_EXPAND:
        one[1] = shape_value(o, s, other_shape(o, n, 0), false);
        (void)leati_onnx_out_node(o, "Expand", one, out);
        return LEAT_OK;
    case LEATI_OP_TRANSPOSE: {
        const leati_transpose_attrs *a = n->attrs;
        int64_t perm[LEAT_MAX_RANK];
        for (int i = 0; i < s->rank; i++) perm[i] = a->perm[i];
        leati_onnx_node *node = leati_onnx_out_node(o, "Transpose", one, out);
        leati_onnx_set_ints(&o->builder, node, "perm", perm, (size_t)s->rank);
        return LEAT_OK;
    }
    case LEATI_OP_SLICE:
    case LEATI_OP_REVERSE: slice(o, n, out); return LEAT_OK;
    case LEATI_OP_PAD: pad(o, n, out); return LEAT_OK;
    case LEATI_OP_CONCAT:
        with_axis(o, n, "Concat", ((const leati_axis_attrs *)n->attrs)->axis, out);
        return LEAT_OK;
    case LEATI_OP_GATHER:
        with_axis(o, n, "Gather", ((const leati_index_attrs *)n->attrs)->axis, out);
        return LEAT_OK;
    case LEATI_OP_GATHER_ELEMENTS:
        with_axis(o, n, "GatherElements", ((const leati_index_attrs *)n->attrs)->axis, out);
        return LEAT_OK;
    case LEATI_OP_TOPK: topk(o, n, out); return LEAT_OK;
    case LEATI_OP_CUMSUM: cumsum(o, n, out); return LEAT_OK;
    case LEATI_OP_SOFTMAX:
        with_axis(o, n, "Softmax", ((const leati_axis_attrs *)n->attrs)->axis, out);
        return LEAT_OK;
    case LEATI_OP_LOG_SOFTMAX:
        with_axis(o, n, "LogSoftmax", ((const leati_axis_attrs *)n->attrs)->axis, out);
        return LEAT_OK;
    case LEATI_OP_RECURRENT: return leati_onnx_out_recurrent(o, n);
    case LEATI_OP_RESAMPLE: resample(o, n, out); return LEAT_OK;
    default: return leati_onnx_out_window(o, n, out);
    }
}

/* A choice between truths, which runtimes have no Where for. */
static void choose_truth(leati_onnx_out *o, const char *out)
{
    const char *c = leati_onnx_out_in(o, 0);
    const char *a = leati_onnx_out_step(o, "And", c, leati_onnx_out_in(o, 1));
    const char *not = leati_onnx_out_step(o, "Not", c, NULL);
    const char *b = leati_onnx_out_step(o, "And", not, leati_onnx_out_in(o, 2));
    (void)leati_onnx_out_node(o, "Or", (const char *const[]){a, b, NULL}, out);
}

static leat_status write_node(leati_onnx_out *o, leati_node *n)
{
    const char *in[4] = {NULL}, *name = NULL;
    for (int i = 0; i < SIMPLE; i++)
        if (simple[i].op == n->op) name = simple[i].name;
    const char *out = leati_onnx_out_name(o, &n->out[0]);
    if (!name || !*name) return special(o, n, out);
    if (n->op == LEATI_OP_WHERE && n->out[0].dtype == LEAT_DTYPE_BOOL) {
        choose_truth(o, out);
        return LEAT_OK;
    }
    for (size_t i = 0; i < n->ins; i++) in[i] = leati_onnx_out_in(o, i);
    (void)leati_onnx_out_node(o, name, in, out);
    return LEAT_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Both recordings are the same but for sizes that follow the batch. */
static leat_status compare(leati_onnx_out *o)
{
    const leati_program *a = &o->program[0], *b = &o->program[1];
    bool alike = a->count == b->count;
    for (size_t i = 0; alike && i < a->count; i++) {
        const leati_node *x = a->node[i], *y = b->node[i];
        alike = x->op == y->op && x->ins == y->ins && x->outs == y->outs &&
                x->out[0].shape.rank == y->out[0].shape.rank;
        for (size_t k = 0; alike && k < x->ins; k++) {
            const leat_tensor *p = leati_program_in(a, x, k), *q = leati_program_in(b, y, k);
            bool known = leati_program_value_of(a, p)->data != NULL;
            alike = known == (leati_program_value_of(b, q)->data != NULL) &&
                    (!known || leati_shape_equal(&p->shape, &q->shape));
        }
        if (!alike)
            return leati_node_fail(o->context, x, LEAT_UNSUPPORTED,
                                   "what it computes depends on the number of rows; it has no form "
                                   "in ONNX");
    }
    LEATI_CHECK(o->context, alike, LEAT_UNSUPPORTED,
                "this model computes otherwise for other numbers of rows; it has no form in ONNX");
    return LEAT_OK;
}

static leat_status write_all(leati_onnx_out *o, size_t roots, const char *const *root_names)
{
    leati_program *p = &o->program[0];
    for (size_t i = 0; i < p->count; i++)
        if (p->node[i]->op == LEATI_OP_RECURRENT) leati_onnx_out_mark_recurrent(o, p->node[i]);
    for (o->at = 0; o->at < p->count; o->at++) {
        leati_node *n = p->node[o->at];
        if (n->op == LEATI_OP_INPUT || o->skip[n->id]) continue;
        LEATI_TRY(write_node(o, n));
        LEATI_TRY(leati_onnx_builder_status(&o->builder));
    }
    for (size_t i = 0; i < roots; i++)
        (void)leati_onnx_out_node(o, "Identity",
                                  (const char *const[]){leati_onnx_out_name(o, p->root[i]), NULL},
                                  root_names[i]);
    return leati_onnx_builder_status(&o->builder);
}

leat_status leati_onnx_out_write(leati_onnx_out *o, leat_graph *const graph[LEATI_ONNX_BATCHES],
                                 size_t inputs, leat_tensor *const *input,
                                 const char *const *input_names, size_t roots,
                                 leat_tensor *const *const root[LEATI_ONNX_BATCHES],
                                 const char *const *root_names)
{
    leat_status st = LEAT_OK;
    int made = 0;
    for (; made < LEATI_ONNX_BATCHES && st == LEAT_OK; made++)
        st = leati_program_make(graph[made], roots, root[made], leati_onnx_out_takes,
                                &o->program[made]);
    if (st != LEAT_OK) made--; /* a failed one holds nothing */
    if (st == LEAT_OK) st = compare(o);
    if (st == LEAT_OK) {
        size_t ids = o->program[0].ids;
        o->name = leati_arena_calloc(&o->builder.arena, ids, sizeof *o->name);
        o->skip = leati_arena_calloc(&o->builder.arena, ids, 1);
        if (!o->name || !o->skip) st = LEAT_NOMEM;
    }
    for (size_t i = 0; st == LEAT_OK && i < inputs; i++) {
        const char **names =
            input[i]->node->id < o->program[0].ids ? names_of(o, input[i]->node) : NULL;
        if (names) names[0] = input_names[i];
    }
    if (st == LEAT_OK) st = write_all(o, roots, root_names);
    while (made-- > 0) leati_program_fini(&o->program[made]);
    return st;
}
