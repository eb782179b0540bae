/* Lines of the prediction log as a server writes them: what is the same in every line of a version
 * is made once, so that a line costs little more than its numbers. The format is that of
 * monitor/prediction_log.h. */
#ifndef LEATI_SERVE_PREDICTION_LINES_H
#define LEATI_SERVE_PREDICTION_LINES_H

#include "serve/watch.h"

leat_status leati_prediction_lines_prepare(leat_context *c, leati_watched *d);
void leati_prediction_lines_free(leati_watched *d);

/* A line for each of the answers into the ring of the call's slot. `ts`:
 * "2026-11-21T10:00:00.123456Z". */
void leati_prediction_lines_write(const leati_watched *d, const leati_watch_part *part,
                                  const char *ts);

#endif
