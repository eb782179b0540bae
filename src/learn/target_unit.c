/* Owns: the unit of a regression's target. */
#include "learn/target_unit.h"

#include "base/error.h"
#include "base/mem.h"
#include "learn/stats_sum.h"

leat_status leati_target_unit_init(leat_context *c, leati_target_unit *u, const leati_dataset *d)
{
    double most = 0;
    *u = (leati_target_unit){.unit = 1, .data = *d};
    if (d->task != LEATI_REGRESS) return LEAT_OK;
    for (size_t i = 0; i < d->x.rows; i++) most = fmax(most, fabs(d->y[i]));
    u->unit = leati_unit_of(most);
    if (u->unit == 1) return LEAT_OK;
    u->y = leati_array(c, d->x.rows, sizeof *u->y);
    if (!u->y) return leat_error_status(c);
    for (size_t i = 0; i < d->x.rows; i++) u->y[i] = d->y[i] / u->unit;
    u->data.y = u->y;
    return LEAT_OK;
}

void leati_target_unit_fini(leati_target_unit *u)
{
    leati_free(u->y);
    *u = (leati_target_unit){0};
}
