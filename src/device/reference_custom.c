/* Owns: CUSTOM where memory is the host's: the call of the user's forward function. */
#include <leat/custom_op.h>

#include "base/error.h"
#include "device/reference_kernels.h"

static leat_status run(leat_context *c, const leati_step *s)
{
    const leati_custom_attrs *a = s->attrs;
    const leat_custom_class *class = a->class;
    leat_custom_operand in[LEAT_CUSTOM_INPUTS], out[LEAT_CUSTOM_OUTPUTS];
    for (size_t i = 0; i < s->ins; i++)
        in[i] = (leat_custom_operand){s->in[i].dtype, s->in[i].shape, s->in[i].data};
    for (size_t i = 0; i < s->outs; i++)
        out[i] = (leat_custom_operand){s->out[i].dtype, s->out[i].shape, s->out[i].data};
    leat_status st = class->forward(c, a->bytes ? a->params : NULL, s->ins, in, out);
    if (st == LEAT_OK) st = leat_error_status(c);
    if (st == LEAT_OK) return LEAT_OK;
    if (leat_error_status(c) == LEAT_OK)
        return LEATI_FAIL(c, st, "`%s` failed (%s)", class->name, leat_status_text(st));
    return leati_error_within(c, "`%s`", class->name);
}

const leati_kernel leati_reference_custom = {.run = run};
