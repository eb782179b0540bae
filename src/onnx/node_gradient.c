/* Owns: the operator Gradient of ai.onnx.preview.training, by the gradients of the graph. */
#include "onnx/operators.h"

/* The value of a tensor that an attribute names, which has to be input i of the node: what leads to
 * y is then recorded already. */
static leat_status check_input(leati_ocall *k, const leati_pb_bytes *text, size_t i)
{
    const char *name =
        leati_arena_strndup(&k->run->arena, text->size ? text->data : "", text->size);
    if (!name) return LEAT_NOMEM;
    const leati_oval *named = leati_oframe_find(k->frame, name);
    if (!named) return leati_ofail(k, LEAT_FORMAT, "there is no tensor `%.60s` before it", name);
    if (named != k->in[i])
        return leati_ofail(k, LEAT_UNSUPPORTED,
                           "input %zu is another tensor than `%.60s`, which it stands for", i + 1,
                           name);
    return LEAT_OK;
}

/* d sum(y) / d x for every x of `xs`; those of `zs` are constants. */
leat_status leati_on_Gradient(leati_ocall *k)
{
    const leati_onnx_attribute *xs = leati_onnx_attribute_find(k->node, "xs");
    const leati_onnx_attribute *zs = leati_onnx_attribute_find(k->node, "zs");
    size_t count = xs ? xs->strings.count : 0, others = zs ? zs->strings.count : 0;
    const char *name = leati_oattr_text(k, "y", "");
    leati_oval *y = leati_oframe_find(k->frame, name);
    LEATI_TRY(leati_oneed(k, k->ins));
    if (!count || k->ins != count + others || count > k->outs)
        return leati_ofail(k, LEAT_FORMAT, "%zu inputs for %zu tensors of xs and %zu of zs", k->ins,
                           count, others);
    if (!y) return leati_ofail(k, LEAT_FORMAT, "there is no tensor `%.60s` before it", name);
    for (size_t i = 0; i < k->ins; i++) {
        bool from = i < count;
        LEATI_TRY(check_input(k, from ? &xs->strings.at[i] : &zs->strings.at[i - count], i));
        if (from && (leati_oval_known(k->in[i]) || k->run->forced))
            return leati_ofail(k, LEAT_UNSUPPORTED,
                               "the way from its input %zu to `%.60s` is not one of the graph: it "
                               "is a constant, or the model looks at values",
                               i + 1, name);
    }
    leat_tensor **x = leati_oalloc(k, count, sizeof *x), **dx = leati_oalloc(k, count, sizeof *dx);
    leat_tensor *root = leati_oval_tensor(k->run, y), *seed = NULL;
    if (!x || !dx) return LEAT_NOMEM;
    if (!root) return leat_error_status(k->context);
    for (size_t i = 0; i < count; i++) x[i] = leati_oin(k, i);
    if (leat_tensor_shape(root).rank)
        seed = leat_expand(leat_like(root, 1), leat_tensor_shape(root));
    LEATI_TRY(leat_gradients(root, seed, count, x, dx));
    for (size_t i = 0; i < count; i++) LEATI_TRY(leati_oset(k, i, dx[i]));
    return LEAT_OK;
}
