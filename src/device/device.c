/* Owns: the list of devices and the names of operations. */
#include "device/device.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "device/devices.h"

static const leati_op_info infos[LEATI_OP_COUNT] = {
#define X(NAME, name, inputs, types, result) {#name, inputs, inputs, 1, true},
#include "kernel/eltwise.def"
#undef X
#define X(NAME, name, least, most, outputs)                                                        \
    {#name, least, most, outputs, LEATI_OP_##NAME == LEATI_OP_CAST},
#include "device/ops.def"
#undef X
};

const leati_op_info *leati_op_info_of(leati_op op)
{
    return &infos[op];
}

static const leati_device_class *const classes[] = {&leati_cpu_device, &leati_reference_device,
                                                    &leati_simulated_device};

leat_status leati_device_open(leat_context *c, const char *name, leati_device **out)
{
    *out = NULL;
    const leati_device_class *class = NULL;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (!strcmp(classes[i]->name, name ? name : "cpu")) class = classes[i];
    LEATI_CHECK(c, class, LEAT_NOT_FOUND,
                "there is no device `%s`; there are cpu, reference and simulated", name);
    leati_device *d = LEATI_NEW(c, leati_device, 1);
    if (!d) return LEAT_NOMEM;
    *d = (leati_device){.class = class, .context = c};
    leat_status st = class->open ? class->open(c, d) : LEAT_OK;
    if (st != LEAT_OK) {
        leati_free(d);
        return st;
    }
    *out = d;
    return LEAT_OK;
}

void leati_device_close(leati_device *d)
{
    if (!d) return;
    if (d->class->close) d->class->close(d);
    leati_free(d);
}

leat_status leati_step_failed(leat_context *c, const leati_step *s)
{
    const char *name = s->op == LEATI_OP_FUSED ? "elementwise" : infos[s->op].name;
    return s->scope ? leati_error_within(c, "%s: `%s`", s->scope, name)
                    : leati_error_within(c, "`%s`", name);
}
