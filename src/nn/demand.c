/* Owns: the check of a network's input against what its layers take. */
#include "nn/demand.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"

leati_demand *leati_demand_make(leati_builder *b, const leat_tensor *x)
{
    if (!b->trial || x != b->input) return NULL;
    leati_demand *d = leati_arena_calloc(&b->network->arena, 1, sizeof *d);
    if (!d) return NULL;
    d->layer = b->layer;
    d->next = b->network->demands;
    b->network->demands = d;
    return d;
}

void leati_demand_end(leati_builder *b, const leat_tensor *mask)
{
    for (leati_demand *d = b->trial ? b->network->demands : NULL; d; d = d->next)
        if (d->mask == mask && !d->recurrent) d->recurrent = b->layer;
}

/* As the network gets it. */
static double value_at(const leati_matrix *x, size_t row, size_t col)
{
    return (double)(float)leati_at(x, row, col);
}

static leat_status refuse_token(leat_context *c, const leati_demand *d, double value, size_t row,
                                size_t col, const char *feature)
{
    char where[192];
    leati_layer_describe(d->layer, where, sizeof where);
    (void)LEATI_FAIL(c, LEAT_INVALID,
                     "%s: row %zu has %g in feature %zu%s%s; it takes whole numbers from 0 to %lld",
                     where, row + 1, value, col + 1, feature ? " " : "", feature ? feature : "",
                     (long long)d->tokens - 1);
    return leati_error_hint(c, "input_dim says how many tokens there are; numbers of a table reach "
                               "it as they are with --preprocess none.");
}

static leat_status check_tokens(leat_context *c, const leati_demand *d, const leati_matrix *x,
                                size_t row, const leati_feature *features)
{
    for (size_t k = 0; d->tokens && k < x->cols; k++) {
        double v = value_at(x, row, k);
        if (v >= 0 && v < (double)d->tokens && v == floor(v)) continue;
        return refuse_token(c, d, v, row, k, features ? features[k].name : NULL);
    }
    return LEAT_OK;
}

static bool is_padding(const leati_demand *d, const leati_matrix *x, size_t row, size_t step,
                       size_t features)
{
    for (size_t k = 0; k < features; k++)
        if (value_at(x, row, step * features + k) != (double)(float)d->padding) return false;
    return true;
}

static leat_status check_padding(leat_context *c, const leati_demand *d, const leati_matrix *x,
                                 size_t row, size_t steps)
{
    size_t features = steps ? x->cols / steps : 0, padding = SIZE_MAX;
    for (size_t t = 0; t < steps; t++) {
        if (is_padding(d, x, row, t, features)) {
            if (padding == SIZE_MAX) padding = t;
        } else if (padding != SIZE_MAX) {
            char where[192];
            leati_layer_describe(d->recurrent, where, sizeof where);
            (void)LEATI_FAIL(c, LEAT_INVALID,
                             "%s: step %zu of row %zu is padding, step %zu behind it is not; it "
                             "takes padding at the end only",
                             where, padding + 1, row + 1, t + 1);
            return leati_error_hint(c, "put the padding behind the sequences: padding='post' of "
                                       "Keras's pad_sequences");
        }
    }
    return LEAT_OK;
}

leat_status leati_demand_check(leat_context *c, const leati_network *n, const leati_matrix *x,
                               const leati_feature *features)
{
    size_t steps = n->input.rank > 0 ? (size_t)n->input.dim[0] : 0;
    for (const leati_demand *d = n->demands; d; d = d->next)
        for (size_t i = 0; i < x->rows; i++) {
            LEATI_TRY(check_tokens(c, d, x, i, features));
            if (d->recurrent) LEATI_TRY(check_padding(c, d, x, i, steps));
        }
    return LEAT_OK;
}
