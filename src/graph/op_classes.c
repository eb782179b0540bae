/* Owns: the table of classes. */
#include "graph/op_classes.h"

static const leati_op_class *const classes[LEATI_OP_COUNT] = {
#define X(NAME, name, inputs, types, result) &leati_elementwise_class,
#include "kernel/eltwise.def"
#undef X
#define X(NAME, name, least, most, outputs) &leati_##name##_class,
#include "device/ops.def"
#undef X
};

const leati_op_class *leati_op_class_of(leati_op op)
{
    return classes[op];
}
