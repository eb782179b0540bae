/* Running ONNX models: any bytes give outputs or an error, within small limits of memory and
 * nodes. Inputs are made up from the types that the model declares. */
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "onnx/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ELEMENTS_MOST = 4096, NODES_MOST = 2000, MEMORY_MOST = 64 << 20 };

/* Small whole numbers, which are indices, shapes and conditions as well as values. */
static leati_oval *input_of(leati_orun *r, const leati_onnx_value_info *info)
{
    const leati_onnx_tensor_type *t = info->type ? info->type->tensor_type : NULL;
    leat_shape s = {0};
    void *out;
    if (!t || !leati_oval_width(t->elem_type) || t->elem_type == LEATI_ONNX_STRING) return NULL;
    for (size_t i = 0; t->shape && i < t->shape->dim.count && i < LEAT_MAX_RANK; i++) {
        const leati_onnx_dim *d = &t->shape->dim.at[i];
        s.dim[s.rank++] = d->has >> 1 & 1 ? d->dim_value : 2;
    }
    size_t count = 1;
    for (int i = 0; i < s.rank; i++)
        if (s.dim[i] < 0 || s.dim[i] > ELEMENTS_MOST || (count *= (size_t)s.dim[i]) > ELEMENTS_MOST)
            return NULL;
    leati_oval *v = leati_oval_of_host(r, t->elem_type, s, &out);
    for (size_t i = 0; v && i < count; i++) leati_oput_int(t->elem_type, out, i, (int64_t)(i % 3));
    return v;
}

static void run_model(leat_context *c, leati_omodel *m)
{
    leati_oval **outs;
    (void)leati_omodel_limit(m, NODES_MOST);
    leati_orun *r = leati_omodel_begin(m);
    const leati_onnx_graph *g = leati_omodel_proto(m)->graph;
    for (size_t i = 0; i < g->input.count; i++) {
        leati_oval *v = input_of(r, &g->input.at[i]);
        if (v && leati_omodel_give(m, i, v) != LEAT_OK) return;
    }
    if (leati_omodel_compute(m, &outs) != LEAT_OK && !*leat_error_message(c)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_context *c;
    leati_omodel *m;
    leat_context_options o = leat_context_options_default();
    o.threads = 1;
    o.max_bytes = MEMORY_MOST;
    if (leat_context_create(&c, &o) != LEAT_OK) return 0;
    if (leati_omodel_parse(c, data, size, "fuzz", NULL, NULL, &m) == LEAT_OK) {
        run_model(c, m);
        leati_omodel_close(m);
    } else if (!*leat_error_message(c)) {
        abort();
    }
    leat_context_destroy(c);
    return 0;
}
