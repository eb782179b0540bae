/* Any bytes as reference.json: read or refused with a message; what is read takes rows and gives
 * measures without a crash, and nothing is left behind. The first byte picks the model's task. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "monitor/drift.h"
#include "monitor/performance.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(leat_context *c, const leati_norm *n)
{
    static const double values[] = {0, 1, -1e300, 1e300, 0.5, (double)NAN, 3.25};
    leati_counters w;
    leati_cell cells[3];
    if (leati_counters_create(c, &w, n) != LEAT_OK) return;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        double p[2] = {1 - fabs(values[i]), fabs(values[i])};
        for (size_t k = 0; k < 3; k++)
            cells[k] = (leati_cell){.number = values[i], .text = "red", .length = i % 4};
        leati_counters_add_row(&w, cells);
        leati_counters_add_prediction(&w, values[i], n->classes ? p : NULL);
        leati_counters_add_truth(&w, values[i], n->classes ? p : NULL, values[6 - i]);
    }
    for (size_t i = 0; i < n->count; i++) {
        leat_drift d = leati_drift_measure(&w, i);
        if (d.js < 0 || d.js > 1 || d.ks < 0 || d.ks > 1 || d.chi2_p < 0 || d.chi2_p > 1) abort();
    }
    for (size_t k = 0; k < leati_scores_count(n); k++) (void)leati_scores_measure(&w, k);
    leati_counters_destroy(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char names[3][2] = {"a", "b", "c"};
    static char *classes[2] = {names[0], names[1]};
    leat_context_options co = leat_context_options_default();
    leat_context *c;
    leati_schema_column columns[3];
    uint32_t inputs[3] = {0, 1, 2};
    leati_norm n;
    if (size == 0) return 0;
    co.threads = 1;
    co.max_bytes = 1 << 28;
    if (leat_context_create(&c, &co) != LEAT_OK) abort();
    for (size_t i = 0; i < 3; i++)
        columns[i] =
            (leati_schema_column){.name = names[i], .type = i == 1 ? LEAT_STRING : LEAT_F64};
    leat_model model = {.inputs = inputs, .input_count = 3};
    model.schema = (leati_schema){.task = *data & 1 ? LEATI_CLASSIFY : LEATI_REGRESS,
                                  .classes = *data & 1 ? 2 : 0,
                                  .class_names = classes,
                                  .columns = columns,
                                  .count = 3};
    model.reference = leati_strndup(c, (const char *)data + 1, size - 1);
    if (!model.reference) abort();
    if (leati_norm_read(c, &n, &model) == LEAT_OK) {
        use(c, &n);
        leati_norm_fini(&n);
    }
    leati_free(model.reference);
    if (leat_context_bytes(c) > 4096) abort();
    leat_context_destroy(c);
    return 0;
}
