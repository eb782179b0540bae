/* Model files: any bytes either give a model that predicts or an error. To get past the hashes, the
 * archive is also put together from pieces of the input. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "frame/frame.h"
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Rows of zeros for the inputs of the model. */
static void predict(leat_context *c, const leat_model *m)
{
    leat_frame *f = leati_frame_create(c, 3), *out = NULL;
    leat_status st = f ? LEAT_OK : LEAT_NOMEM;
    for (size_t i = 0; i < m->input_count && st == LEAT_OK; i++) {
        const leati_schema_column *col = &m->schema.columns[m->inputs[i]];
        if (col->type == LEAT_STRING) break;
        leati_column *zeros = col->type == LEAT_ARRAY
                                  ? leati_column_array(c, col->item, col->shape, 3)
                                  : leati_column_create(c, col->type, 3);
        st = leati_frame_add(c, f, col->name, zeros);
    }
    if (st == LEAT_OK) st = leat_model_predict(c, m, f, true, &out);
    if (st == LEAT_OK) leat_frame_release(out);
    leat_frame_release(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leat_model *m;
    o.threads = 1;
    o.max_bytes = 256u << 20;
    if (leat_context_create(&c, &o) != LEAT_OK) return 0;
    leati_bytes bytes = {.data = (const char *)data, .size = size};
    if (leati_model_parse(c, &m, bytes, "fuzz") == LEAT_OK) {
        predict(c, m);
        leat_model_release(m);
    }
    leat_error_clear(c);
    /* model.json up to the first zero byte, then the weights: without the archive. */
    const uint8_t *end = memchr(data, 0, size);
    if (end) {
        size_t n = (size_t)(end - data);
        if (leati_model_from_members(c, &m, (const char *)data, (const char *)end + 1,
                                     size - n - 1) == LEAT_OK) {
            predict(c, m);
            leat_model_release(m);
        }
    }
    leat_context_destroy(c);
    return 0;
}
