/* Any bytes as what a server says of drift: no crash, and what was read can be looked at. */
#include <leat/monitor.h>

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static leat_context *context;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_monitor *m;
    size_t length = 0;
    if (!context && leat_context_create(&context, NULL) != LEAT_OK) abort();
    leat_error_clear(context);
    if (leat_monitor_read(context, &m, (const char *)data, size) != LEAT_OK) {
        if (!*leat_error_message(context)) abort();
        return 0;
    }
    for (size_t w = 0; w < leat_monitor_windows(m); w++) {
        length += strlen(leat_monitor_window_at(m, w).name);
        for (size_t k = 0; k < leat_monitor_features(m); k++)
            length += strlen(leat_monitor_feature(m, k)) + leat_monitor_drift(m, w, k).alarm;
        for (size_t k = 0; k < leat_monitor_scores(m); k++)
            length += strlen(leat_monitor_score(m, w, k).metric);
    }
    for (size_t g = 0; g < leat_monitor_groups(m); g++)
        length += strlen(leat_monitor_group(m, g).name);
    length += strlen(leat_monitor_verdict(m)) + strlen(leat_monitor_notes(m));
    if (length == SIZE_MAX || leat_monitor_inputs(m) > leat_monitor_features(m)) abort();
    leat_monitor_destroy(m);
    return 0;
}
