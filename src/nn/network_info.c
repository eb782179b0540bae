/* Owns: the public view of the tables of layers, losses, optimisers, activations, initialisers,
 * schedules and augmentations. */
#include <leat/network.h>

#include "nn/augment.h"
#include "nn/functions.h"
#include "nn/init.h"
#include "nn/layer.h"
#include "nn/loss.h"
#include "nn/optimizer.h"
#include "nn/schedule.h"

typedef struct row {
    const char *name, *doc;
    const leati_param *params;
} row;

static const leati_param none[] = {{0}};

static bool row_at(leat_network_kind kind, size_t i, row *out)
{
    switch (kind) {
    case LEAT_NETWORK_LAYER:
        if (i >= leati_layer_count()) return false;
        *out = (row){leati_layer_at(i)->name, leati_layer_at(i)->doc, leati_layer_at(i)->params};
        return true;
    case LEAT_NETWORK_LOSS:
        if (i >= leati_loss_count()) return false;
        *out = (row){leati_loss_at(i)->name, leati_loss_at(i)->doc, leati_loss_at(i)->params};
        return true;
    case LEAT_NETWORK_OPTIMIZER:
        if (i >= leati_optimizer_count()) return false;
        *out = (row){leati_optimizer_at(i)->name, leati_optimizer_at(i)->doc,
                     leati_optimizer_at(i)->params};
        return true;
    case LEAT_NETWORK_ACTIVATION:
        if (i >= (size_t)leati_activation_count()) return false;
        *out = (row){leati_activation_name((int)i), leati_activation_doc((int)i), none};
        return true;
    case LEAT_NETWORK_INITIALIZER:
        if (i >= leati_init_count()) return false;
        *out = (row){leati_init_at(i).name, leati_init_at(i).doc, leati_init_at(i).params};
        return true;
    case LEAT_NETWORK_SCHEDULE:
        if (i >= leati_schedule_count()) return false;
        *out = (row){leati_schedule_at_row(i)->name, leati_schedule_at_row(i)->doc,
                     leati_schedule_at_row(i)->params};
        return true;
    case LEAT_NETWORK_AUGMENTATION:
        if (i >= leati_augment_count()) return false;
        *out = (row){leati_augment_param(i)->name, leati_augment_param(i)->doc, none};
        return true;
    }
    return false;
}

bool leat_network_part_at(leat_network_kind kind, size_t i, leat_network_part *out)
{
    row r;
    if (!row_at(kind, i, &r)) return false;
    *out = (leat_network_part){.kind = kind, .name = r.name, .doc = r.doc};
    while (r.params[out->params].name) out->params++;
    return true;
}

bool leat_network_part_param(leat_network_kind kind, size_t i, size_t param, leat_param_info *out)
{
    leat_network_part part;
    row r;
    if (!leat_network_part_at(kind, i, &part) || param >= part.params) return false;
    (void)row_at(kind, i, &r);
    leati_param_describe(&r.params[param], out);
    return true;
}
