/* Samples of all elementwise operations and CAST: shapes common to all, domains by operation. */
#include "battery/op_samples.h"

#include <math.h>

#include "graph/graph.h"

enum { FLOAT = OP_FLOATS, NUMBER = OP_NUMBERS, INTEGER = OP_INTEGERS, LOGICAL = OP_BIT(BOOL) };
#define ANY OP_ANY

static void record(const op_sample *s, leat_graph *g, leat_tensor *const *in, leat_tensor **out)
{
    (void)g;
    out[0] = leati_elementwise(s->op, in[0], s->ins > 1 ? in[1] : NULL, s->ins > 2 ? in[2] : NULL);
}

/* Where an operation is defined and well-conditioned in floating point. */
static void domain_of(leati_op op, double *low, double *high)
{
    *low = -3;
    *high = 3;
    switch (op) {
    case LEATI_OP_LOG:
    case LEATI_OP_SQRT:
    case LEATI_OP_RSQRT: *low = 0.1, *high = 4; break;
    case LEATI_OP_LOG1P: *low = -0.8; break;
    case LEATI_OP_TAN: *low = -1.4, *high = 1.4; break;
    case LEATI_OP_ASIN:
    case LEATI_OP_ACOS:
    case LEATI_OP_ATANH: *low = -0.95, *high = 0.95; break;
    case LEATI_OP_ACOSH: *low = 1.1, *high = 4; break;
    case LEATI_OP_POW: *low = 0.1, *high = 3; break;
    default: break;
    }
}

/* Integers that make the interesting cases likely. */
static void integers_of(leati_op op, uint32_t types, double *low, double *high)
{
    *low = types & OP_SIGNED ? -9 : 0;
    *high = 9;
    if (op == LEATI_OP_POW) *low = types & OP_SIGNED ? -3 : 0, *high = 5;
    if (op == LEATI_OP_SHL || op == LEATI_OP_SHR) *low = 0, *high = 20;
}

/* Units in the last place that a good library keeps; ill-conditioned results get more. */
static double tolerance_of(leati_op op)
{
    switch (op) {
    case LEATI_OP_COPY:
    case LEATI_OP_NEG:
    case LEATI_OP_ABS:
    case LEATI_OP_SIGN:
    case LEATI_OP_FLOOR:
    case LEATI_OP_CEIL:
    case LEATI_OP_ROUND:
    case LEATI_OP_TRUNC:
    case LEATI_OP_RELU:
    case LEATI_OP_MAX:
    case LEATI_OP_MIN:
    case LEATI_OP_FMOD:
    case LEATI_OP_WHERE: return 0;
    default: return 4;
    }
}

static bool is_smooth(leati_op op)
{
    switch (op) {
    case LEATI_OP_COPY: /* lets no gradient through */
    case LEATI_OP_MOD:
    case LEATI_OP_FMOD: /* own samples below */
    case LEATI_OP_ISNAN:
    case LEATI_OP_ISINF: return false;
    default: return !(op >= LEATI_OP_EQ && op <= LEATI_OP_GE);
    }
}

typedef struct form {
    const char *name;
    leat_shape shape[3];
} form;

static const form unary_forms[] = {{"a few", {OP_S(3, 5)}},
                                   {"scalar", {OP_S0}},
                                   {"empty", {OP_S(4, 0)}},
                                   {"many", {OP_S(37, 1001)}}};
static const form more_forms[] = {
    {"equal shapes", {OP_S(3, 5), OP_S(3, 5), OP_S(3, 5)}},
    {"row to matrix", {OP_S(3, 4), OP_S(4), OP_S0}},
    {"both ways", {OP_S(2, 1, 5), OP_S(3, 1), OP_S(2, 3, 5)}},
    {"scalar first", {OP_S0, OP_S(6), OP_S(6)}},
    {"scalars", {OP_S0, OP_S0, OP_S0}},
    {"empty", {OP_S(0, 3), OP_S(1, 3), OP_S(3)}},
    {"eight axes", {OP_S(1, 2, 1, 2, 1, 2, 1, 2), OP_S(2, 1, 2, 1, 2, 1, 2, 1), OP_S(2)}},
    {"many", {OP_S(60, 701), OP_S(701), OP_S(60, 1)}}};

static op_sample sample_of(leati_op op, unsigned inputs, uint32_t types, const form *f)
{
    op_sample s = {.op = op, .name = f->name, .types = types, .ins = inputs, .record = record};
    double low, high;
    if (types & OP_FLOATS) domain_of(op, &low, &high);
    else integers_of(op, types, &low, &high);
    for (unsigned i = 0; i < inputs; i++) {
        s.in[i] = (op_in){OP_T, f->shape[i], OP_UNIFORM, low, high, NULL};
        if (types & OP_FLOATS) s.in[i].fill = i ? OP_SMOOTH_B : OP_SMOOTH;
    }
    if (op == LEATI_OP_WHERE) s.in[0] = (op_in){LEAT_DTYPE_BOOL, f->shape[0], OP_UNIFORM, 0, 1, 0};
    s.tol = types & OP_FLOATS ? tolerance_of(op) : 0;
    s.gradient = types & OP_FLOATS && is_smooth(op);
    s.second = s.gradient && f == (inputs == 1 ? unary_forms : more_forms);
    return s;
}

static void visit_row(leati_op op, unsigned inputs, uint32_t types, op_visit visit, void *user)
{
    const uint32_t large = OP_BIT(F32) | OP_BIT(BF16) | OP_BIT(I32) | OP_BIT(U8) | OP_BIT(BOOL);
    const uint32_t groups[] = {OP_FLOATS, OP_SIGNED, OP_INTEGERS & ~OP_SIGNED, OP_BIT(BOOL)};
    size_t forms = inputs == 1 ? sizeof unary_forms / sizeof *unary_forms
                               : sizeof more_forms / sizeof *more_forms;
    for (size_t k = 0; k < 4; k++) {
        if (!(types & groups[k])) continue;
        for (size_t i = 0; i < forms; i++) {
            op_sample s = sample_of(op, inputs, types & groups[k],
                                    inputs == 1 ? &unary_forms[i] : &more_forms[i]);
            if (groups[k] == OP_BIT(BOOL))
                for (unsigned n = 0; n < inputs; n++) s.in[n].low = 0, s.in[n].high = 1;
            if (i + 1 == forms) {
                s.types &= large;
                s.gradient = false;
            }
            visit(user, &s);
        }
    }
    if (!(types & OP_FLOATS)) return;
    static const form odd = {"nan, infinity, zero", {OP_S(30, 20), OP_S(30, 20), OP_S(30, 20)}};
    op_sample s = sample_of(op, inputs, OP_SINGLES, &odd);
    for (unsigned i = op == LEATI_OP_WHERE; i < inputs; i++) s.in[i].fill = OP_SPECIAL;
    s.gradient = s.second = false;
    visit(user, &s);
}

/* ---- CAST ------------------------------------------------------------------------------------ */

static void record_cast(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                        leat_tensor **out)
{
    (void)g;
    size_t count = 0;
    for (int type = 0; type < LEAT_DTYPES; type++)
        if (leat_tensor_dtype(in[0]) != (leat_dtype)type)
            out[count++] = leat_cast(in[0], (leat_dtype)type);
    (void)s;
}

static void record_cast_wide(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                             leat_tensor **out)
{
    (void)s, (void)g;
    out[0] = leat_sin(leat_cast(leat_cast(in[0], LEAT_DTYPE_F64), LEAT_DTYPE_F64));
    out[1] = leat_cast(out[0], LEAT_DTYPE_BF16);
}

static const op_sample casts[] = {
    OP_SAMPLE(CAST, "to all types", OP_ANY, record_cast, OP_1(OP_IN(0, 120, 5, 7))),
    OP_SAMPLE(CAST, "negative", OP_FLOATS | OP_SIGNED, record_cast, OP_1(OP_IN(-120, 120, 5, 7))),
    OP_SAMPLE(CAST, "nan and infinity", OP_FLOATS, record_cast, OP_1(OP_ODD(-1e9, 1e9, 300))),
    OP_SAMPLE(CAST, "empty", OP_ANY, record_cast, OP_1(OP_IN(0, 1, 0))),
    OP_SAMPLE(CAST, "fused", OP_SINGLES | OP_BIT(F16), record_cast_wide, OP_1(OP_IN(-3, 3, 6)),
              .tol = 4),
};

/* ---- quotients away from their jumps ----------------------------------------------------------
 */

static const double dividends[] = {5.3, -5.3, 7.1, 2.2, 0.7}, divisors[] = {2, -2, 1.7, 3, -1.5};

static const op_sample remainders[] = {
    OP_SAMPLE(MOD, "gradient", OP_SINGLES, record,
              OP_2(OP_EACH(dividends, 5), OP_EACH(divisors, 5, 1)), .tol = 4, .scale = 1,
              .gradient = true),
    OP_SAMPLE(FMOD, "gradient", OP_SINGLES, record,
              OP_2(OP_EACH(dividends, 5), OP_EACH(divisors, 5, 1)), .tol = 4, .scale = 1,
              .gradient = true),
};

void op_samples_elementwise(op_visit visit, void *user)
{
#define X(NAME, name, inputs, types, result) visit_row(LEATI_OP_##NAME, inputs, types, visit, user);
#include "kernel/eltwise.def"
#undef X
    OP_VISIT(casts);
    OP_VISIT(remainders);
}

/* ---- failures -----------------------------------------------------------------------------------
 */

static leat_tensor *input(leat_graph *g, leat_dtype dtype, leat_shape shape)
{
    return leat_input(g, dtype, shape, NULL);
}

static leat_tensor *exp_of_integer(leat_graph *g)
{
    return leat_exp(input(g, LEAT_DTYPE_I32, LEAT_DIMS(3)));
}

static leat_tensor *mixed_types(leat_graph *g)
{
    return leat_add(input(g, LEAT_DTYPE_F32, LEAT_DIMS(3)), input(g, LEAT_DTYPE_F64, LEAT_DIMS(3)));
}

static leat_tensor *unequal_shapes(leat_graph *g)
{
    return leat_mul(input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 3)),
                    input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 4)));
}

static leat_tensor *and_of_floats(leat_graph *g)
{
    leat_tensor *x = input(g, LEAT_DTYPE_F32, LEAT_DIMS(2));
    return leat_and(x, x);
}

static leat_tensor *condition_of_floats(leat_graph *g)
{
    leat_tensor *x = input(g, LEAT_DTYPE_F32, LEAT_DIMS(2));
    return leat_where(x, x, x);
}

static leat_tensor *cast_to_nothing(leat_graph *g)
{
    return leat_cast(input(g, LEAT_DTYPE_F32, LEAT_DIMS(2)), (leat_dtype)99);
}

static const op_failure failures[] = {
    OP_FAILURE(EXP, "of integers", exp_of_integer, TYPE, "layer 7|exp|floating point|i32"),
    OP_FAILURE(ADD, "of two types", mixed_types, TYPE, "layer 7|f32|f64|cast"),
    OP_FAILURE(MUL, "of shapes that do not fit", unequal_shapes, SHAPE, "layer 7|(2, 3)|(2, 4)"),
    OP_FAILURE(AND, "of floats", and_of_floats, TYPE, "layer 7|bool|f32"),
    OP_FAILURE(WHERE, "without truth", condition_of_floats, TYPE, "condition|f32|bool"),
    OP_FAILURE(CAST, "to no type", cast_to_nothing, TYPE, "99"),
};

void op_failures_elementwise(op_visit_failure visit, void *user)
{
    OP_VISIT(failures);
}
