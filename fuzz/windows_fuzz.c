/* Any bytes as windows that were kept: taken or refused; what is taken gives measures without a
 * crash and can be kept again as the same bytes, and nothing is left behind. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "monitor/drift.h"
#include "monitor/fairness.h"
#include "monitor/performance.h"
#include "monitor/window_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char reference[] =
    "{\"inputs\":[{\"name\":\"a\",\"kind\":\"numbers\",\"missing\":2,\"count\":6,\"mean\":2,"
    "\"std\":1,\"edges\":[0,1,3],\"counts\":[2,4],\"means\":[0.5,2]}],\"target\":{\"name\":\"t\","
    "\"levels\":[]},\"held_out\":{\"rows\":8,\"predictions\":[3,5],\"confusion\":[[3,0],[0,5]],"
    "\"scores\":{\"count\":8,\"mean\":0.5,\"std\":0.2,\"edges\":[0,0.5,1],\"counts\":[4,4]},"
    "\"calibration\":[{\"predicted\":[0.1,0.9],\"observed\":[0.9,0.2],\"rows\":[400,400]},"
    "{\"predicted\":[0.1,0.9],\"observed\":[0.8,0.1],\"rows\":[400,400]}],"
    "\"metrics\":{\"accuracy\":0.9,\"f1\":0.8,\"roc_auc\":0.95}}}";

static void measure(const leati_counters *w)
{
    for (size_t i = 0; i < w->norm->count; i++) (void)leati_drift_measure(w, i);
    for (size_t k = 0; k < leati_scores_count(w->norm); k++) (void)leati_scores_measure(w, k);
    for (size_t g = 0; g < w->groups; g++) (void)leati_group_rates(&w->group[g]);
}

static void take_all(leat_context *c, const leati_norm *n, const char *at, size_t size)
{
    leati_counters w;
    leati_window_head head;
    const char *end = at + size;
    if (leati_counters_create(c, &w, n) != LEAT_OK) return;
    while (at < end) {
        const char *from = at;
        if (!leati_window_take(&at, end, &head, &w)) break;
        size_t bytes = leati_window_size(&w);
        char *again = leati_alloc(c, bytes);
        if (!again || bytes != (size_t)(at - from) ||
            leati_window_put(again, &head, &w) != again + bytes || memcmp(again, from, bytes) != 0)
            abort();
        leati_free(again);
        measure(&w);
    }
    leati_counters_destroy(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char name[] = "a", *classes[2] = {name, name};
    leat_context_options co = leat_context_options_default();
    leat_context *c;
    uint32_t input = 0;
    leati_norm n;
    co.threads = 1;
    co.max_bytes = 1 << 28;
    if (leat_context_create(&c, &co) != LEAT_OK) abort();
    leati_schema_column column = {.name = name, .type = LEAT_F64};
    leat_model model = {.inputs = &input, .input_count = 1};
    model.schema = (leati_schema){.task = LEATI_CLASSIFY,
                                  .classes = 2,
                                  .class_names = classes,
                                  .columns = &column,
                                  .count = 1};
    model.reference = leati_strdup(c, reference);
    if (!model.reference || leati_norm_read(c, &n, &model) != LEAT_OK) abort();
    take_all(c, &n, (const char *)data, size);
    leati_norm_fini(&n);
    leati_free(model.reference);
    if (leat_context_bytes(c) > 4096) abort();
    leat_context_destroy(c);
    return 0;
}
