/* Owns: values of networks in C: places, views, loops, elementwise expressions. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "exchange/c_net.h"
#include "tensor/shape.h"

const char *leati_c_type(leat_dtype dtype)
{
    switch (dtype) {
    case LEAT_DTYPE_F32: return "float";
    case LEAT_DTYPE_F64: return "double";
    case LEAT_DTYPE_I64: return "long long";
    case LEAT_DTYPE_I32: return "int";
    case LEAT_DTYPE_BOOL: return "unsigned char";
    default: return NULL;
    }
}

leati_c_value *leati_c_value_of(leati_c_net *n, const leat_tensor *x)
{
    return &n->value[x->node->id][x->index];
}

static void row_major(const leat_shape *s, int64_t *stride)
{
    int64_t step = 1;
    for (int i = s->rank; i-- > 0;) {
        stride[i] = step;
        step *= s->dim[i];
    }
}

static bool is_dense(const leati_c_value *v)
{
    int64_t want[LEAT_MAX_RANK];
    row_major(&v->shape, want);
    for (int i = 0; i < v->shape.rank; i++)
        if (v->shape.dim[i] != 1 && v->stride[i] != want[i]) return false;
    return true;
}

/* ---- places ---------------------------------------------------------------------------------- */

static leat_status add_place(leati_c_net *n, leati_c_place place, int *out)
{
    LEATI_TRY(
        leati_grow(n->context, &n->place, &n->place_capacity, n->places + 1, sizeof *n->place));
    *out = (int)n->places;
    n->place[n->places++] = place;
    return LEAT_OK;
}

leat_status leati_c_buffer(leati_c_net *n, leat_dtype dtype, leat_shape shape, leati_c_value *out)
{
    size_t count = leati_shape_count(&shape);
    *out = (leati_c_value){.dtype = dtype, .shape = shape};
    LEATI_CHECK(n->context, leati_c_type(dtype) && count < 1u << 30, LEAT_UNSUPPORTED,
                "a value of %s %s has no form in C", leat_dtype_name(dtype),
                leati_shape_string(&shape).text);
    row_major(&shape, out->stride);
    leati_c_place p = {.kind = LEATI_C_BUFFER,
                       .dtype = dtype,
                       .count = count,
                       .first = n->step,
                       .last = n->step,
                       .shares = -1};
    snprintf(p.name, sizeof p.name, "t%zu", n->places);
    return add_place(n, p, &out->place);
}

leat_status leati_c_output(leati_c_net *n, const leat_tensor *x, leati_c_value *out)
{
    LEATI_TRY(leati_c_buffer(n, x->dtype, x->shape, out));
    *leati_c_value_of(n, x) = *out;
    return LEAT_OK;
}

static bool name_taken(const leati_c_net *n, const char *name)
{
    for (size_t i = 0; i < n->places; i++)
        if (strcmp(n->place[i].name, name) == 0) return true;
    return false;
}

/* Constants with the name of the variable they come from, or a number. */
static leat_status data_place(leati_c_net *n, const leat_tensor *x, const void *data, int *out)
{
    leati_c_place p = {.kind = LEATI_C_DATA, .dtype = x->dtype, .data = data};
    const leati_node *node = x->node;
    p.count = leati_shape_count(&x->shape);
    LEATI_CHECK(n->context, leati_c_type(x->dtype), LEAT_UNSUPPORTED,
                "constants of %s have no form in C", leat_dtype_name(x->dtype));
    const char *given = node->op == LEATI_OP_VARIABLE ? node->variable->name : "constant";
    size_t length = 0;
    for (; given[length] && length < 64; length++) {
        char ch = given[length];
        bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
        bool digit = ch >= '0' && ch <= '9';
        p.name[length] = letter || digit ? ch : '_';
    }
    snprintf(p.name + length, sizeof p.name - length, "_w");
    for (unsigned k = 2; name_taken(n, p.name); k++)
        snprintf(p.name + length, sizeof p.name - length, "_w%u", k);
    return add_place(n, p, out);
}

/* The value of a tensor that no listed node makes. */
static leat_status known_value(leati_c_net *n, leat_tensor *x, leati_c_value *v)
{
    const void *data = leati_program_value_of(&n->program, x)->data;
    LEATI_BUG_IF(n->context, !data);
    *v = (leati_c_value){.dtype = x->dtype, .shape = x->shape};
    row_major(&x->shape, v->stride);
    LEATI_TRY(data_place(n, x, data, &v->place));
    *leati_c_value_of(n, x) = *v;
    return LEAT_OK;
}

const char *leati_c_name(leati_c_net *n, int place)
{
    leati_c_place *p = &n->place[place];
    p->last = n->step;
    if (p->kind == LEATI_C_DATA && !p->written) {
        p->written = true;
        if (p->dtype == LEAT_DTYPE_F32) {
            leati_c_floats(n->file, p->name, p->data, p->count, 0);
        } else if (p->dtype == LEAT_DTYPE_F64) {
            leati_c_doubles(n->file, p->name, p->data, p->count, 0);
        } else if (p->dtype == LEAT_DTYPE_I32) {
            leati_c_ints(n->file, p->name, p->data, p->count, 0);
        } else if (p->dtype == LEAT_DTYPE_BOOL) {
            leati_c_bytes(n->file, p->name, p->data, p->count);
        } else {
            leati_str *s = &n->file->data;
            leati_str_addf(s, "static const long long %s[%zu] = {", p->name, p->count);
            for (size_t i = 0; i < p->count; i++)
                leati_str_addf(s, "%s%lld", i ? "," : "", (long long)((const int64_t *)p->data)[i]);
            leati_str_add(s, "};\n");
        }
    }
    return p->name;
}

void leati_c_address(leati_c_net *n, const leati_c_value *v)
{
    leati_str_add(&n->body, leati_c_name(n, v->place));
    if (v->offset) leati_str_addf(&n->body, " + %lld", (long long)v->offset);
}

static double element(const void *data, leat_dtype dtype, size_t i)
{
    switch (dtype) {
    case LEAT_DTYPE_F32: return (double)((const float *)data)[i];
    case LEAT_DTYPE_F64: return ((const double *)data)[i];
    case LEAT_DTYPE_I64: return (double)((const int64_t *)data)[i];
    case LEAT_DTYPE_I32: return ((const int32_t *)data)[i];
    default: return ((const uint8_t *)data)[i];
    }
}

bool leati_c_literal(const leati_c_net *n, const leati_c_value *v, double *out)
{
    if (v->place < 0 || n->place[v->place].kind != LEATI_C_DATA) return false;
    for (int i = 0; i < v->shape.rank; i++)
        if (v->shape.dim[i] != 1 && v->stride[i] != 0) return false;
    const leati_c_place *p = &n->place[v->place];
    if (p->count == 0) return false;
    *out = element(p->data, p->dtype, (size_t)v->offset);
    return true;
}

/* ---- loops ----------------------------------------------------------------------------------- */

void leati_c_loops_init(leati_c_loops *l, leat_shape shape)
{
    *l = (leati_c_loops){.depth = shape.rank};
    for (int i = 0; i < shape.rank; i++) l->size[i] = shape.dim[i];
}

int leati_c_loops_add(leati_c_loops *l, const leati_c_value *v)
{
    if (l->count == LEATI_C_OPERANDS) return -1;
    int lead = l->depth - v->shape.rank, at = l->count++;
    l->offset[at] = v->offset;
    for (int i = 0; i < l->depth; i++) {
        bool there = i >= lead && v->shape.dim[i - lead] != 1;
        l->stride[at][i] = there ? v->stride[i - lead] : 0;
    }
    return at;
}

static bool side_by_side(const leati_c_loops *l, int outer, int inner)
{
    for (int k = 0; k < l->count; k++)
        if (l->stride[k][outer] != l->stride[k][inner] * l->size[inner]) return false;
    return true;
}

void leati_c_loops_merge(leati_c_loops *l)
{
    int depth = 0;
    for (int i = 0; i < l->depth; i++) {
        if (l->size[i] == 1) continue;
        l->size[depth] = l->size[i];
        for (int k = 0; k < l->count; k++) l->stride[k][depth] = l->stride[k][i];
        if (depth && side_by_side(l, depth - 1, depth)) {
            l->size[depth - 1] *= l->size[depth];
            for (int k = 0; k < l->count; k++) l->stride[k][depth - 1] = l->stride[k][depth];
        } else {
            depth++;
        }
    }
    l->depth = depth;
}

static const char letters[] = "ijklmnop";

void leati_c_indent(leati_c_net *n, int depth)
{
    for (int i = 0; i <= depth; i++) leati_str_add(&n->body, "    ");
}

void leati_c_loops_begin(leati_c_net *n, leati_c_loops *l, leat_shape shape, int count,
                         const leati_c_value *const *v)
{
    leati_c_loops_init(l, shape);
    for (int i = 0; i < count; i++) (void)leati_c_loops_add(l, v[i]);
    leati_c_loops_merge(l);
    leati_c_loops_open(n, l, 0, l->depth);
    leati_c_indent(n, l->depth);
}

void leati_c_element(leati_c_net *n, const leati_c_loops *l, int operand, const leati_c_value *v)
{
    leati_str_add(&n->body, leati_c_name(n, v->place));
    leati_c_index(n, l, operand);
}

void leati_c_loops_open(leati_c_net *n, const leati_c_loops *l, int from, int to)
{
    for (int i = from; i < to; i++) {
        leati_c_indent(n, i);
        leati_str_addf(&n->body, "for (int %c = 0; %c < %lld; %c++)%s\n", letters[i], letters[i],
                       (long long)l->size[i], letters[i], i + 1 < to ? "" : " {");
    }
}

void leati_c_loops_close(leati_c_net *n, int count)
{
    if (count == 0) return;
    leati_c_indent(n, count - 1);
    leati_str_add(&n->body, "}\n");
}

void leati_c_index(leati_c_net *n, const leati_c_loops *l, int operand)
{
    leati_str *s = &n->body;
    bool first = true;
    leati_str_addc(s, '[');
    for (int i = 0; i < l->depth; i++) {
        int64_t stride = l->stride[operand][i];
        if (stride == 0) continue;
        if (!first) leati_str_add(s, " + ");
        if (stride == 1) leati_str_addf(s, "%c", letters[i]);
        else leati_str_addf(s, "%c * %lld", letters[i], (long long)stride);
        first = false;
    }
    if (first || l->offset[operand])
        leati_str_addf(s, "%s%lld", first ? "" : " + ", (long long)l->offset[operand]);
    leati_str_addc(s, ']');
}

/* ---- elementwise ----------------------------------------------------------------------------- */

/* A function of libm, whose name ends with f in single precision. */
#define CALL(op, name, operands)                                                                   \
    {                                                                                              \
        LEATI_OP_##op, name "f(" operands ")", name "(" operands ")", 0                            \
    }

/* How an operation is written: $ stands for operands in turn; NULL: it has no form. */
static const struct {
    leati_op op;
    const char *f32, *f64; /* f64 NULL: as f32, and so for whole numbers */
    unsigned helper;
} forms[] = {
    {LEATI_OP_COPY, "$", NULL, 0},
    {LEATI_OP_NEG, "(-$)", NULL, 0},
    CALL(ABS, "fabs", "$"),
    {LEATI_OP_SIGN, "sign($)", "-", LEATI_C_SIGN},
    CALL(EXP, "exp", "$"),
    CALL(EXPM1, "expm1", "$"),
    CALL(LOG, "log", "$"),
    CALL(LOG1P, "log1p", "$"),
    CALL(SQRT, "sqrt", "$"),
    {LEATI_OP_RSQRT, "(1 / sqrtf($))", "(1 / sqrt($))", 0},
    {LEATI_OP_RECIP, "(1 / $)", NULL, 0},
    CALL(SIN, "sin", "$"),
    CALL(COS, "cos", "$"),
    CALL(TAN, "tan", "$"),
    CALL(ATAN, "atan", "$"),
    CALL(SINH, "sinh", "$"),
    CALL(COSH, "cosh", "$"),
    CALL(TANH, "tanh", "$"),
    {LEATI_OP_SIGMOID, "sigmoid($)", "-", LEATI_C_SIGMOID},
    CALL(ERF, "erf", "$"),
    CALL(FLOOR, "floor", "$"),
    CALL(CEIL, "ceil", "$"),
    CALL(ROUND, "rint", "$"),
    CALL(TRUNC, "trunc", "$"),
    {LEATI_OP_RELU, "relu($)", "-", LEATI_C_RELU},
    {LEATI_OP_SOFTPLUS, "softplus($)", "-", LEATI_C_SOFTPLUS},
    {LEATI_OP_ISNAN, "(isnan($) != 0)", NULL, 0},
    {LEATI_OP_ISINF, "(isinf($) != 0)", NULL, 0},
    {LEATI_OP_NOT, "(!$)", NULL, 0},
    {LEATI_OP_ADD, "($ + $)", NULL, 0},
    {LEATI_OP_SUB, "($ - $)", NULL, 0},
    {LEATI_OP_MUL, "($ * $)", NULL, 0},
    {LEATI_OP_DIV, "($ / $)", "-", 0},
    CALL(POW, "pow", "$, $"),
    {LEATI_OP_MOD, "modulo($, $)", "-", LEATI_C_MODULO},
    CALL(FMOD, "fmod", "$, $"),
    {LEATI_OP_MAX, "maximum($, $)", "-", LEATI_C_MAXIMUM},
    {LEATI_OP_MIN, "minimum($, $)", "-", LEATI_C_MINIMUM},
    {LEATI_OP_EQ, "($ == $)", NULL, 0},
    {LEATI_OP_NE, "($ != $)", NULL, 0},
    {LEATI_OP_LT, "($ < $)", NULL, 0},
    {LEATI_OP_LE, "($ <= $)", NULL, 0},
    {LEATI_OP_GT, "($ > $)", NULL, 0},
    {LEATI_OP_GE, "($ >= $)", NULL, 0},
    {LEATI_OP_AND, "($ && $)", NULL, 0},
    {LEATI_OP_OR, "($ || $)", NULL, 0},
    {LEATI_OP_XOR, "($ != $)", NULL, 0},
    {LEATI_OP_WHERE, "($ ? $ : $)", NULL, 0},
};
#undef CALL
enum { FORMS = sizeof forms / sizeof *forms };

/* NULL: the operation has none for the type of its (last) input. */
static const char *form_of(const leati_node *node, unsigned *helper)
{
    leat_dtype type = node->in[node->ins - 1]->dtype;
    *helper = 0;
    if (node->op == LEATI_OP_CAST) {
        bool from = type == LEAT_DTYPE_F32 || type == LEAT_DTYPE_F64;
        switch (node->out[0].dtype) {
        case LEAT_DTYPE_F32: return "(float)$";
        case LEAT_DTYPE_F64: return "(double)$";
        case LEAT_DTYPE_I64:
            *helper = from ? LEATI_C_WHOLE : 0;
            return from ? "whole($)" : "(long long)$";
        case LEAT_DTYPE_I32: return from ? NULL : "(int)$";
        case LEAT_DTYPE_BOOL: return "($ != 0)";
        default: return NULL;
        }
    }
    for (int i = 0; i < FORMS; i++) {
        if (forms[i].op != node->op) continue;
        *helper = forms[i].helper;
        if (type == LEAT_DTYPE_F32 || !forms[i].f64) return forms[i].f32;
        if (type != LEAT_DTYPE_F64 || forms[i].f64[0] == '-') return NULL;
        return forms[i].f64;
    }
    return NULL;
}

bool leati_c_takes(const leati_node *node)
{
    unsigned helper;
    for (size_t i = 0; i < node->ins; i++)
        if (!leati_c_type(node->in[i]->dtype)) return false;
    if (leati_op_info_of(node->op)->elementwise) return form_of(node, &helper) != NULL;
    if (leati_program_is_view(node)) return true;
    bool single = node->in[0]->dtype == LEAT_DTYPE_F32;
    switch (node->op) {
    case LEATI_OP_MATMUL:
    case LEATI_OP_CONV:
    case LEATI_OP_CONV_DATA:
    case LEATI_OP_POOL_MAX:
    case LEATI_OP_POOL_AVG:
    case LEATI_OP_RESAMPLE: return single;
    case LEATI_OP_RECURRENT: return single && node->out[0].shape.dim[1] == 1;
    case LEATI_OP_REDUCE_SUM:
    case LEATI_OP_REDUCE_MAX:
    case LEATI_OP_REDUCE_MIN:
    case LEATI_OP_REDUCE_PROD: return single || node->op == LEATI_OP_REDUCE_SUM;
    case LEATI_OP_CONCAT: return true;
    case LEATI_OP_GATHER: return true;
    case LEATI_OP_PAD: {
        const leati_pad_attrs *a = node->attrs;
        for (int i = 0; i < node->out[0].shape.rank; i++)
            if (a->interior[i]) return false;
        return a->mode == LEATI_PAD_CONSTANT;
    }
    default: return false;
    }
}

/* The leaves of an expression in the order in which it is written. */
static leat_status add_leaves(leati_c_net *n, leati_c_loops *l, leat_tensor *x, leati_c_value *leaf)
{
    leati_c_value *v = leati_c_value_of(n, x);
    if (v->place < 0 && !v->pending) LEATI_TRY(known_value(n, x, v));
    if (v->pending) {
        for (size_t i = 0; i < v->pending->ins; i++)
            LEATI_TRY(add_leaves(n, l, leati_program_in(&n->program, v->pending, i), leaf));
        return LEAT_OK;
    }
    int at = leati_c_loops_add(l, v);
    LEATI_CHECK(n->context, at >= 0, LEAT_LIMIT, "an expression of too many values");
    leaf[at] = *v;
    return LEAT_OK;
}

static void write_leaf(leati_c_net *n, const leati_c_loops *l, const leati_c_value *leaf, int at)
{
    double value;
    if (leati_c_literal(n, &leaf[at], &value)) {
        leat_dtype type = leaf[at].dtype;
        bool whole = type != LEAT_DTYPE_F32 && type != LEAT_DTYPE_F64;
        if (whole) leati_str_addf(&n->body, "%lld", (long long)value);
        else leati_c_number(&n->body, value, type == LEAT_DTYPE_F32);
        return;
    }
    leati_str_add(&n->body, leati_c_name(n, leaf[at].place));
    leati_c_index(n, l, at);
}

static void write_expression(leati_c_net *n, const leati_c_loops *l, const leati_c_value *leaf,
                             leat_tensor *x, int *next, bool whole)
{
    const leati_c_value *v = leati_c_value_of(n, x);
    unsigned helper;
    if (!v->pending) {
        write_leaf(n, l, leaf, (*next)++);
        return;
    }
    const char *form = form_of(v->pending, &helper);
    size_t length = strlen(form), i = 0;
    bool bare = form[0] == '(' && form[1] == '$' && whole; /* needs no brackets */
    bool call = form[length - 1] == ')' && form[0] != '('; /* nor do its operands */
    n->helpers |= helper;
    for (size_t at = bare; at < length - bare; at++) {
        if (form[at] != '$') leati_str_addc(&n->body, form[at]);
        else
            write_expression(n, l, leaf, leati_program_in(&n->program, v->pending, i++), next,
                             call);
    }
}

/* A leaf whose memory the result may take: read only here, element by element. */
static void share(leati_c_net *n, const leati_c_loops *l, const leati_c_value *leaf, int leaves,
                  const leati_c_value *to)
{
    for (int k = 0; k < leaves; k++) {
        const leati_c_place *p = &n->place[leaf[k].place];
        bool fits = p->kind == LEATI_C_BUFFER && p->dtype == to->dtype &&
                    p->count == n->place[to->place].count && leaf[k].place != to->place;
        for (int i = 0; fits && i < l->depth; i++) fits = l->stride[k][i] == l->stride[leaves][i];
        for (int j = 0; fits && j < leaves; j++) fits = j == k || leaf[j].place != leaf[k].place;
        if (!fits || leaf[k].offset != 0) continue;
        n->place[to->place].shares = leaf[k].place;
        return;
    }
}

leat_status leati_c_store(leati_c_net *n, leat_tensor *x, const leati_c_value *to)
{
    leati_c_loops l;
    leati_c_value leaf[LEATI_C_OPERANDS];
    int next = 0;
    leati_c_loops_init(&l, to->shape);
    LEATI_TRY(add_leaves(n, &l, x, leaf));
    int leaves = l.count, out = leati_c_loops_add(&l, to);
    LEATI_CHECK(n->context, out >= 0, LEAT_LIMIT, "an expression of too many values");
    leati_c_loops_merge(&l);
    if (n->place[to->place].first == n->step) share(n, &l, leaf, leaves, to);
    leati_c_loops_open(n, &l, 0, l.depth);
    leati_c_indent(n, l.depth);
    leati_str_add(&n->body, leati_c_name(n, to->place));
    leati_c_index(n, &l, out);
    leati_str_add(&n->body, " = ");
    write_expression(n, &l, leaf, x, &next, true);
    leati_str_add(&n->body, ";\n");
    leati_c_loops_close(n, l.depth);
    return LEAT_OK;
}

leat_status leati_c_input(leati_c_net *n, const leati_node *node, size_t i, leati_c_value *out)
{
    leat_tensor *x = leati_program_in(&n->program, node, i);
    leati_c_value *v = leati_c_value_of(n, x);
    if (v->place < 0 && !v->pending) LEATI_TRY(known_value(n, x, v));
    if (v->pending) {
        leati_c_value to;
        LEATI_TRY(leati_c_buffer(n, x->dtype, x->shape, &to));
        LEATI_TRY(leati_c_store(n, x, &to));
        *v = to;
        n->step++;
    }
    *out = *v;
    return LEAT_OK;
}

/* Constants in another order. */
static leat_status dense_data(leati_c_net *n, const leati_c_value *v, leati_c_value *out)
{
    const leati_c_place *from = &n->place[v->place];
    size_t size = leat_dtype_size(v->dtype), count = leati_shape_count(&v->shape);
    char *data = leati_arena_alloc(&n->program.arena, count * size + 1);
    if (!data) return LEAT_NOMEM;
    int64_t at[LEAT_MAX_RANK] = {0}, read = v->offset;
    for (size_t k = 0; k < count; k++) {
        memcpy(data + k * size, (const char *)from->data + (size_t)read * size, size);
        for (int i = v->shape.rank; i-- > 0;) {
            read += v->stride[i];
            if (++at[i] < v->shape.dim[i]) break;
            read -= v->stride[i] * v->shape.dim[i];
            at[i] = 0;
        }
    }
    leati_c_place p = *from;
    p.data = data;
    p.count = count;
    p.written = false;
    size_t length = strlen(from->name);
    for (unsigned k = 2; name_taken(n, p.name); k++)
        snprintf(p.name + length, sizeof p.name - length, "_%u", k);
    *out = *v;
    out->offset = 0;
    row_major(&out->shape, out->stride);
    return add_place(n, p, &out->place);
}

leat_status leati_c_dense(leati_c_net *n, const leati_c_value *given, leati_c_value *out)
{
    const leati_c_value from = *given, *v = &from; /* out may be the same */
    *out = from;
    if (is_dense(v)) return LEAT_OK;
    if (n->place[v->place].kind == LEATI_C_DATA) return dense_data(n, v, out);
    leati_c_loops l;
    LEATI_TRY(leati_c_buffer(n, v->dtype, v->shape, out));
    leati_c_loops_begin(n, &l, v->shape, 2, (const leati_c_value *const[]){v, out});
    leati_c_element(n, &l, 1, out);
    leati_str_add(&n->body, " = ");
    leati_c_element(n, &l, 0, v);
    leati_str_add(&n->body, ";\n");
    leati_c_loops_close(n, l.depth);
    n->step++;
    return LEAT_OK;
}

leat_status leati_c_dense_input(leati_c_net *n, const leati_node *node, size_t i,
                                leati_c_value *out)
{
    leati_c_value v;
    LEATI_TRY(leati_c_input(n, node, i, &v));
    return leati_c_dense(n, &v, out);
}
