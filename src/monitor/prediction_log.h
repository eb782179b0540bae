/* The prediction log: JSON Lines, a line per row that a model answered.
 *
 *   {"ts": "2026-11-21T10:00:00.25Z", "request_id": "r1", "row": 0, "model": "credit", "version":
 * "3", "arm": "stable", "inputs": {"age": 41, "sex": "f"}, "outputs": {"prediction": "repaid",
 *    "p_repaid": 0.81}}
 *
 * `inputs` is required; what else is there is kept. A process that dies while it writes leaves a
 * last line without an end, which readers pass over. */
#ifndef LEATI_MONITOR_PREDICTION_LOG_H
#define LEATI_MONITOR_PREDICTION_LOG_H

#include <leat/monitor.h>

#include "base/str.h"

typedef struct leati_log_entry {
    int64_t microseconds;                           /* since 1970, UTC */
    const char *request_id, *model, *version, *arm; /* NULL: left out */
} leati_log_entry;

/* Appends the line of one row: its cells in `inputs` but for the columns named in `redacted`
 * (count), and those in `outputs`. Arrays are left out. */
leat_status leati_log_write(leat_context *c, leati_str *out, const leati_log_entry *entry,
                            const leat_frame *inputs, const leat_frame *outputs, size_t row,
                            const char *const *redacted, size_t count);

/* A log as flat objects, one a line: inputs under their names, all else as "log.ts",
 * "log.prediction". FORMAT names the line. */
leat_status leati_log_flatten(leat_context *c, leati_str *out, const char *text, size_t size,
                              const char *name);

#endif
