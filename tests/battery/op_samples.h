/* Samples of operations: what the battery runs for every row of eltwise.def and ops.def.
 *
 * A group is a file op_samples_GROUP.c with the functions op_samples_GROUP and, where something can
 * go wrong, op_failures_GROUP; it is listed below. The battery runs a sample on every device, at
 * every CPU level, with 1, 2 and 4 threads and in every type it names; if it is differentiable,
 * its gradients are compared with central differences. */
#ifndef OP_SAMPLES_H
#define OP_SAMPLES_H

#include <leat/graph.h>

#include "device/op.h"

/* G(group) */
#define OP_SAMPLE_GROUPS(G)                                                                        \
    G(elementwise)                                                                                 \
    G(reduce)                                                                                      \
    G(matmul)                                                                                      \
    G(form)                                                                                        \
    G(window)                                                                                      \
    G(network)                                                                                     \
    G(optimize)                                                                                    \
    G(pieces)                                                                                      \
    G(source)                                                                                      \
    G(order)                                                                                       \
    G(index)                                                                                       \
    G(user)

enum { OP_MOST_INPUTS = 8, OP_T = -1 };

typedef enum op_fill {
    OP_UNIFORM, /* between low and high, both inclusive for integers */
    OP_SMOOTH,  /* the same, but 0.1 or more away from every multiple of 0.5 and from OP_SMOOTH_B */
    OP_SMOOTH_B, /* the same, but 0.1 or more away from every multiple of 0.5 and from OP_SMOOTH */
    OP_DISTINCT, /* evenly spaced from low to high, in random order */
    OP_SPECIAL,  /* as UNIFORM, with NaN, infinities, zeros of both signs, extremes in between */
    OP_VALUES    /* the values, repeated as needed; low is their number */
} op_fill;

typedef struct op_in {
    int dtype; /* a leat_dtype, or OP_T: the type the sample is run in */
    leat_shape shape;
    op_fill fill;
    double low, high;
    const double *values;
} op_in;

typedef struct op_sample op_sample;
struct op_sample {
    leati_op op;
    const char *name; /* what is special about it */
    uint32_t types;   /* bits 1 << leat_dtype: what OP_T stands for, one after the other */
    size_t ins;
    op_in in[OP_MOST_INPUTS];
    /* Records the outputs (at least one, those left NULL are not looked at). */
    void (*record)(const op_sample *s, leat_graph *g, leat_tensor *const *in, leat_tensor **out);
    const void *arg; /* for record */
    int number[4];   /* for record */
    /* |got - want| <= tol * epsilon of the type * max(|want|, scale); 0: exactly equal. */
    double tol, scale;
    /* Checked in f64, in all inputs of type OP_T but those of `fixed`. */
    bool gradient, second;
    uint32_t fixed;
};

/* Something that must be refused: when it is recorded, or when it is run. */
typedef struct op_failure {
    leati_op op;
    const char *name;
    leat_tensor *(*record)(leat_graph *g);
    leat_status status;
    const char *words; /* of the message, separated by | */
    bool at_run;
} op_failure;

typedef void (*op_visit)(void *user, const op_sample *s);
typedef void (*op_visit_failure)(void *user, const op_failure *f);
#define G(group)                                                                                   \
    void op_samples_##group(op_visit visit, void *user);                                           \
    void op_failures_##group(op_visit_failure visit, void *user);
OP_SAMPLE_GROUPS(G)
#undef G

#define OP_VISIT(list)                                                                             \
    for (size_t i_ = 0; i_ < sizeof(list) / sizeof *(list); i_++) visit(user, &(list)[i_])

/* Shapes as static initialisers: OP_S(2, 3), OP_S0 for a scalar. */
#define OP_S(...)                                                                                  \
    {                                                                                              \
        sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t),                                        \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define OP_S0                                                                                      \
    {                                                                                              \
        0,                                                                                         \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
/* Inputs of the sample's type; of another one; a list of values. */
#define OP_FILL(type, fill_, lo, hi, ...)                                                          \
    {                                                                                              \
        .dtype = type, .shape = OP_S(__VA_ARGS__), .fill = fill_, .low = lo, .high = hi            \
    }
#define OP_IN(lo, hi, ...)        OP_FILL(OP_T, OP_UNIFORM, lo, hi, __VA_ARGS__)
#define OP_DIFFERENT(lo, hi, ...) OP_FILL(OP_T, OP_DISTINCT, lo, hi, __VA_ARGS__)
#define OP_ODD(lo, hi, ...)       OP_FILL(OP_T, OP_SPECIAL, lo, hi, __VA_ARGS__)
#define OP_INDEX(lo, hi, ...)     OP_FILL(LEAT_DTYPE_I64, OP_UNIFORM, lo, hi, __VA_ARGS__)
#define OP_TYPED_EACH(type, list, ...)                                                             \
    {                                                                                              \
        .dtype = type, .shape = OP_S(__VA_ARGS__), .fill = OP_VALUES,                              \
        .low = sizeof(list) / sizeof *(list), .values = list                                       \
    }
#define OP_EACH(list, ...)       OP_TYPED_EACH(OP_T, list, __VA_ARGS__)
#define OP_INDEX_EACH(list, ...) OP_TYPED_EACH(LEAT_DTYPE_I64, list, __VA_ARGS__)
#define OP_SCALAR_IN(lo, hi)                                                                       \
    {                                                                                              \
        .dtype = OP_T, .shape = OP_S0, .low = lo, .high = hi                                       \
    }

/* OP_SAMPLE(MATMUL, "plain", OP_FLOATS, record, OP_2(a, b), .tol = 4, .gradient = true) */
#define OP_SAMPLE(NAME, text, bits, record_with, ...)                                              \
    {                                                                                              \
        .op = LEATI_OP_##NAME, .name = text, .types = bits, .record = record_with, __VA_ARGS__     \
    }
#define OP_1(a)             .ins = 1, .in = {a}
#define OP_2(a, b)          .ins = 2, .in = {a, b}
#define OP_3(a, b, c)       .ins = 3, .in = {a, b, c}
#define OP_4(a, b, c, d)    .ins = 4, .in = {a, b, c, d}
#define OP_5(a, b, c, d, e) .ins = 5, .in = {a, b, c, d, e}
#define OP_FAILURE(NAME, text, record_with, code, ...)                                             \
    {                                                                                              \
        .op = LEATI_OP_##NAME, .name = text, .record = record_with, .status = LEAT_##code,         \
        .words = __VA_ARGS__                                                                       \
    }

#define OP_BIT(NAME) (1u << LEAT_DTYPE_##NAME)
#define OP_SINGLES   (OP_BIT(F32) | OP_BIT(F64))
#define OP_FLOATS    (OP_SINGLES | OP_BIT(BF16) | OP_BIT(F16))
#define OP_SIGNED    (OP_BIT(I64) | OP_BIT(I32) | OP_BIT(I16) | OP_BIT(I8))
#define OP_INTEGERS  (OP_SIGNED | OP_BIT(U64) | OP_BIT(U32) | OP_BIT(U16) | OP_BIT(U8))
#define OP_NUMBERS   (OP_FLOATS | OP_INTEGERS)
#define OP_ANY       (OP_NUMBERS | OP_BIT(BOOL))

#endif
