/* Watching a model while it serves: every worker counts into counters of its own, and at the end of
 * each stretch of time they become a window of a monitor.
 *
 *     leati_live_begin(live, worker);
 *     for each row: fill leati_live_cells(live, worker); leati_live_row(live, worker);
 *     for each answer: leati_live_answer(live, worker, value, proba)
 *     leati_live_end(live, worker);
 *
 * Between begin and end a worker holds a lock of its own, which nobody else takes but for the
 * moment in which a window is closed. Counting allocates nothing and cannot fail. */
#ifndef LEATI_MONITOR_LIVE_H
#define LEATI_MONITOR_LIVE_H

#include <leat/monitor.h>

#include "base/str.h"
#include "monitor/counters.h"

typedef struct leati_live leati_live;

typedef struct leati_live_options {
    uint32_t workers;
    double seconds; /* of a window; 0: 3600 */
    size_t least;   /* rows without which a window goes on past its time; 0: 1000 */
    size_t most;    /* windows that are kept; 0: 200 */
    leat_monitor_options monitor;
} leati_live_options;

leati_live_options leati_live_options_default(void);
leat_status leati_live_create(leat_context *c, leati_live **out, leat_model *model,
                              const leati_live_options *options);
/* One owner more. */
leati_live *leati_live_retain(leati_live *live);
/* NULL is fine; with its last owner it goes, and no worker is between begin and end. */
void leati_live_destroy(leati_live *live);

void leati_live_begin(leati_live *live, uint32_t worker);
/* (inputs of the model): one row, in the order of leat_model_input_name. Stays as it is from row to
 * row. */
leati_cell *leati_live_cells(leati_live *live, uint32_t worker);
void leati_live_row(leati_live *live, uint32_t worker);
/* The same of `count` rows of a model without texts: `fetch` writes the values of an input of these
 * rows, in the order of leat_model_input_name; not finite: missing. */
enum { LEATI_LIVE_ROWS = 256 }; /* at once, at most */
typedef void (*leati_live_fetch)(const void *user, size_t input, double *out);
void leati_live_numbers(leati_live *live, uint32_t worker, size_t count, leati_live_fetch fetch,
                        const void *user);
void leati_live_answer(leati_live *live, uint32_t worker, double value, const double *proba);
/* A label that came back for an answer, and the group of a row (truth NaN: not known). */
void leati_live_truth(leati_live *live, uint32_t worker, double value, const double *proba,
                      double truth);
void leati_live_group(leati_live *live, uint32_t worker, const char *name, size_t length,
                      double value, double truth);
void leati_live_end(leati_live *live, uint32_t worker);

/* Closes the window when its time is over and it has the rows, or at once by `force`; *closed (may
 * be NULL) says whether. `now`: seconds since 1970; where the clock was set back, the time of the
 * window begins anew. On failure what was counted since the last window is lost. Any thread but a
 * worker between begin and end. */
leat_status leati_live_roll(leat_context *c, leati_live *live, double now, bool force,
                            bool *closed);

/* What was counted outlives the server: as bytes of this machine and this version of Leat, with a
 * check sum. */
typedef enum leati_live_part { LEATI_LIVE_CLOSED, LEATI_LIVE_OPEN } leati_live_part;
/* leati_free; NULL: there is no memory. owner: of which model, at most 200 bytes. From any thread.
 */
void *leati_live_keep(const leat_context *c, leati_live *live, leati_live_part part,
                      const char *owner, size_t *size);
/* Takes it up: closed windows before any has been closed, the open one beside what was counted
 * since. Errors: FORMAT (damaged, of another owner or another version of Leat; nothing was taken),
 * NOMEM. */
leat_status leati_live_recall(leat_context *c, leati_live *live, leati_live_part part,
                              const char *owner, const void *data, size_t size);

/* The state of the model; its verdict is appended to `verdict`, which may be NULL. */
leat_staleness leati_live_state(leati_live *live, leati_str *verdict);
/* Rows and labels counted since the last window was closed, and when that was; windows that are
 * kept. */
typedef struct leati_live_open {
    uint64_t rows, labels;
    double since; /* seconds since 1970; NaN: nothing was closed or looked at yet */
    size_t windows;
} leati_live_open;
leati_live_open leati_live_look(leati_live *live);

/* What there is to say about the closed windows: for /metrics (see leati_monitor_samples), as JSON
 * and as a page. */
void leati_live_samples(leati_live *live, size_t family, const char *model, const char *version,
                        leati_str *out);
/* `most` windows, the newest. */
void leati_live_json(leati_live *live, leat_json *json, const char *key, size_t most);
leat_status leati_live_page(leat_context *c, leati_live *live, leati_str *out);

#endif
