/* Owns: EmbedLayerNormalization of com.microsoft. */
#include "onnx/operators.h"

enum { IDS, SEGMENTS, WORD, PLACE, SEGMENT, GAMMA, BETA, MASK, POSITIONS };

/* Rows of a table by index; negative indices, which would count from the end, fail the run too. */
static leat_tensor *looked_up(leati_ocall *k, size_t table, leat_tensor *index)
{
    leat_tensor *x = leati_oin(k, table);
    if (!x || !index) return NULL;
    leat_tensor *outside = leat_like(index, (double)leat_tensor_shape(x).dim[0]);
    return leat_take(x, leat_where(leat_less(index, leat_like(index, 0)), outside, index), 0);
}

/* (batch, length) or (1, length) */
static leat_tensor *positions(leati_ocall *k, int64_t length)
{
    if (leati_ohas(k, POSITIONS)) return leati_oin(k, POSITIONS);
    return leat_reshape(leat_arange(k->graph, LEAT_DTYPE_I32, 0, (double)length, 1),
                        LEAT_DIMS(1, length));
}

static leat_status tables_fit(leati_ocall *k)
{
    leat_shape s = k->in[IDS]->shape, w = k->in[WORD]->shape;
    bool fit = s.rank == 2 && w.rank == 2;
    for (size_t i = PLACE; i <= SEGMENT && fit; i++)
        if (leati_ohas(k, i)) fit = k->in[i]->shape.rank == 2 && k->in[i]->shape.dim[1] == w.dim[1];
    for (size_t i = GAMMA; i <= BETA && fit; i++)
        fit = k->in[i]->shape.rank == 1 && k->in[i]->shape.dim[0] == w.dim[1];
    if (!fit)
        return leati_ofail(k, LEAT_SHAPE, "tables, gamma and beta do not fit: words are %s",
                           leati_shape_string(&w).text);
    static const size_t lists[] = {SEGMENTS, MASK, POSITIONS};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (!leati_ohas(k, lists[i])) continue;
        leat_shape given = k->in[lists[i]]->shape, one = LEAT_DIMS(1, s.dim[1]);
        if (!leati_shape_equal(&given, &s) &&
            (lists[i] != POSITIONS || !leati_shape_equal(&given, &one)))
            return leati_ofail(k, LEAT_SHAPE, "input %zu is %s, %s was expected", lists[i] + 1,
                               leati_shape_string(&given).text, leati_shape_string(&s).text);
    }
    return LEAT_OK;
}

/* How many words of each row the mask lets through; 0 without a mask, as in ONNX Runtime. */
static leat_tensor *words_of(leati_ocall *k, int64_t batch)
{
    const int along = 1;
    if (!leati_ohas(k, MASK))
        return leat_expand(leat_scalar(k->graph, LEAT_DTYPE_I32, 0), LEAT_DIMS(batch));
    leat_tensor *mask = leati_oin(k, MASK);
    leat_tensor *on = mask ? leat_equal(mask, leat_like(mask, 1)) : NULL;
    return leat_sum(leat_cast(on, LEAT_DTYPE_I32), 1, &along, false);
}

leat_status leati_on_microsoft_EmbedLayerNormalization(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 1));
    for (size_t i = WORD; i <= BETA; i++)
        if (i != SEGMENT && !leati_ohas(k, i))
            return leati_ofail(k, LEAT_FORMAT, "input %zu is missing", i + 1);
    LEATI_TRY(tables_fit(k));
    leat_tensor *ids = leati_oin(k, IDS);
    leat_shape s = k->in[IDS]->shape;
    leat_tensor *x = leat_add(looked_up(k, WORD, ids), looked_up(k, PLACE, positions(k, s.dim[1])));
    if (!x) return leat_error_status(k->context);
    if (leati_ohas(k, SEGMENT)) {
        leat_tensor *of = leati_ohas(k, SEGMENTS) ? leati_oin(k, SEGMENTS) : leat_like(ids, 0);
        x = leat_add(x, looked_up(k, SEGMENT, of));
    }
    leat_tensor *y = leat_layer_norm(x, 1, leati_oin(k, GAMMA), leati_oin(k, BETA),
                                     leati_oattr_float(k, "epsilon", 1e-12));
    LEATI_TRY(leati_oset(k, 0, y));
    if (leati_owants(k, 1)) LEATI_TRY(leati_oset(k, 1, words_of(k, s.dim[0])));
    return leati_owants(k, 2) ? leati_oset(k, 2, x) : LEAT_OK;
}
