/* Owns: networks as graphs that begin with a table's inputs. */
#include "base/error.h"
#include "exchange/lowering.h"
#include "nn/network_estimator.h"

leat_status leati_lower_network(leati_lowering *l)
{
    double mean, scale;
    LEATI_TRY(leati_network_of(l->context, l->estimator, l->graph, &l->network, &mean, &scale));
    leat_shape s = {.rank = l->network->input.rank + 1, .dim = {l->batch}};
    for (int i = 1; i < s.rank; i++) s.dim[i] = l->network->input.dim[i - 1];
    leati_builder b = {.graph = l->graph};
    leat_tensor *x = leat_reshape(leat_cast(l->x, LEAT_DTYPE_F32), s);
    leat_tensor *y = x ? leati_network_build(l->network, &b, x) : NULL;
    if (l->estimator->task == LEATI_REGRESS) {
        y = leat_cast(leat_reshape(y, LEAT_DIMS(l->batch)), LEAT_DTYPE_F64);
        l->out = leat_shift(leat_scale(y, scale), mean);
        return leati_lower_status(l);
    }
    y = leat_reshape(y, LEAT_DIMS(l->batch, (int64_t)l->estimator->classes));
    l->out = leati_class_probabilities_record(leati_network_outputs(l->estimator),
                                              leat_cast(y, LEAT_DTYPE_F64));
    l->class = leat_argmax(y, 1, false);
    return leati_lower_status(l);
}
