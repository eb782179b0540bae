/* Owns: the sizes of a recurrent step and the check of lengths. */
#include "device/recurrent.h"

#include "base/error.h"

leati_recurrent leati_recurrent_of(const leati_step *s)
{
    const leati_recurrent_attrs *a = s->attrs;
    bool back = s->op == LEATI_OP_RECURRENT_GRAD;
    const leat_shape *h = back ? &s->in[6].shape : &s->out[0].shape;
    leati_recurrent r = {.cell = (leati_cell)a->cell, .reverse = a->reverse, .half = a->half};
    r.steps = (size_t)h->dim[0];
    r.rows = (size_t)h->dim[1];
    r.units = (size_t)h->dim[2];
    r.gates = leati_cell_gates(r.cell);
    size_t plain = back ? 9 : r.cell < LEATI_CELL_LSTM ? 3 : 4;
    r.lengths = s->ins > plain ? s->in[plain].data : NULL;
    return r;
}

leat_status leati_lengths_check(leat_context *c, const leati_recurrent *r)
{
    for (size_t i = 0; r->lengths && i < r->rows; i++)
        LEATI_CHECK(c, r->lengths[i] >= 0 && (size_t)r->lengths[i] <= r->steps, LEAT_INVALID,
                    "the length of sequence %zu is %lld, there are %zu steps%s", i + 1,
                    (long long)r->lengths[i], r->steps,
                    r->lengths[i] == -1 ? " (-1, of a mask: padding is not at the end only)" : "");
    return LEAT_OK;
}
