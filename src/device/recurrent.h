/* What reference and CPU share of RECURRENT. */
#ifndef LEATI_DEVICE_RECURRENT_H
#define LEATI_DEVICE_RECURRENT_H

#include "device/step.h"

typedef struct leati_recurrent {
    leati_cell cell;
    bool reverse;
    bool half; /* products in bf16 */
    size_t steps, rows, units, gates; /* gates: G */
    const int64_t *lengths;           /* NULL: all have all steps */
} leati_recurrent;

leati_recurrent leati_recurrent_of(const leati_step *s);
/* LEAT_INVALID names the first length outside 0 .. steps. */
leat_status leati_lengths_check(leat_context *c, const leati_recurrent *r);

static inline size_t leati_cell_gates(leati_cell cell)
{
    return cell == LEATI_CELL_LSTM ? 4 : cell == LEATI_CELL_GRU ? 3 : 1;
}

/* Where in time the k-th step of the computation is. */
static inline size_t leati_recurrent_time(const leati_recurrent *r, size_t k)
{
    return r->reverse ? r->steps - 1 - k : k;
}

static inline bool leati_recurrent_runs(const leati_recurrent *r, size_t row, size_t time)
{
    return !r->lengths || (int64_t)time < r->lengths[row];
}

#endif
