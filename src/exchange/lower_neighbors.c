/* Owns: nearest neighbours as graphs: every distance, then the least. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "exchange/lowering.h"

static const int last_axis = -1;

/* Rows of length 1 with two more columns, see learn/knn.c. */
static leat_tensor *unit_rows(leati_lowering *l)
{
    leat_tensor *most = leat_max(leat_abs(l->x), 1, &last_axis, true);
    leat_tensor *none = leat_equal(most, leat_like(most, 0));
    leat_tensor *x = leat_div(l->x, leat_where(none, leat_like(most, 1), most));
    leat_tensor *sum = leat_sum(leat_mul(x, x), 1, &last_axis, true);
    leat_tensor *flag = leat_cast(none, LEAT_DTYPE_F64);
    leat_tensor *parts[3] = {leat_div(x, leat_where(none, leat_like(sum, 1), leat_sqrt(sum))),
                             leat_scale(flag, 0), flag};
    return leat_concat(3, parts, 1);
}

/* What is compared, and the distance itself from it. */
static leat_tensor *distances(leati_lowering *l, leat_tensor *row, bool *squared, double *power)
{
    char metric[64];
    (void)leati_lower_param(l, "metric", metric);
    double p = leati_lower_number(l, "p");
    bool minkowski = strcmp(metric, "minkowski") == 0, cosine = strcmp(metric, "cosine") == 0;
    leat_shape s = leat_tensor_shape(row);
    if (s.rank != 2) return NULL;
    leat_tensor *x = cosine ? unit_rows(l) : l->x;
    leat_tensor *d = leat_sub(leat_reshape(x, LEAT_DIMS(l->batch, 1, s.dim[1])),
                              leat_reshape(row, LEAT_DIMS(1, s.dim[0], s.dim[1])));
    *squared = false, *power = 1;
    if (strcmp(metric, "manhattan") == 0 || (minkowski && p == 1))
        return leat_sum(leat_abs(d), 1, &last_axis, false);
    if (strcmp(metric, "chebyshev") == 0) return leat_max(leat_abs(d), 1, &last_axis, false);
    if (minkowski && p != 2) {
        *power = 1 / p;
        d = leat_abs(d);
        return leat_sum(leat_pow(d, leat_like(d, p)), 1, &last_axis, false);
    }
    *squared = !cosine; /* half of the square is the cosine's distance itself: in proportion */
    return leat_sum(leat_mul(d, d), 1, &last_axis, false);
}

/* Inverse distances relative to the nearest; those at distance 0 leave the others no say. */
static leat_tensor *weigh(leati_lowering *l, leat_tensor *d, bool squared, double power)
{
    char space[64];
    if (strcmp(leati_lower_param(l, "weights", space), "distance") != 0)
        return leat_shift(leat_scale(d, 0), 1);
    if (squared) d = leat_sqrt(d);
    if (power != 1) d = leat_pow(d, leat_like(d, power));
    leat_tensor *nearest = leat_narrow(d, 1, 0, 1);
    leat_tensor *zero = leat_equal(d, leat_like(d, 0));
    leat_tensor *exact = leat_equal(nearest, leat_like(nearest, 0));
    leat_tensor *share = leat_div(nearest, leat_where(zero, leat_like(d, 1), d));
    return leat_where(exact, leat_cast(zero, LEAT_DTYPE_F64), share);
}

leat_status leati_lower_knn(leati_lowering *l)
{
    char space[64];
    int64_t k = strtoll(leati_lower_param(l, "n_neighbors", space), NULL, 10);
    int64_t classes = l->estimator->classes;
    bool squared = false, classify = l->estimator->task == LEATI_CLASSIFY;
    double power = 1;
    leat_tensor *index = NULL;
    leat_tensor *all = distances(l, leati_lower_array(l, "x"), &squared, &power);
    leat_tensor *near = leat_topk(all, k, 1, true, &index);
    leat_tensor *w = weigh(l, near, squared, power);
    leat_tensor *total = leat_sum(w, 1, &last_axis, true);
    w = leat_div(w, total);
    if (!classify) {
        leat_tensor *y = leat_take(leati_lower_array(l, "y"), index, 0);
        l->out = leat_sum(leat_mul(w, y), 1, &last_axis, false);
        return leati_lower_status(l);
    }
    int axis = 1;
    leat_tensor *label = leat_cast(leati_lower_array(l, "label"), LEAT_DTYPE_I64);
    leat_tensor *votes = leat_take(leat_one_hot(label, classes, LEAT_DTYPE_F64), index, 0);
    votes = leat_mul(votes, leat_reshape(w, LEAT_DIMS(l->batch, k, 1)));
    l->out = leat_sum(votes, 1, &axis, false);
    l->class = leat_argmax(l->out, 1, false);
    return leati_lower_status(l);
}
