/* What a server notes about itself and its models while it answers: counts and durations for
 * /metrics, the access log, the prediction log, drift, recent answers that wait for their labels.
 *
 * Every thread that answers (slot) writes counters and rings of its own, so nothing here makes one
 * thread wait for another but for the short locks of recent answers and of drift (monitor/live.h),
 * which others take when a window is closed or a label comes. A thread of the watch writes the logs
 * and closes windows. */
#ifndef LEATI_SERVE_WATCH_H
#define LEATI_SERVE_WATCH_H

#include "base/hash.h"
#include "monitor/live.h"
#include "serve/ask.h"
#include "serve/http.h"
#include "serve/line_log.h"
#include "serve/recent.h"

struct leati_call;
struct leati_route;
struct leati_served;

/* ---- counters ---------------------------------------------------------------------------------
 * Written by one thread, read by any. */

typedef atomic_uint_least64_t leati_count;

static inline void leati_count_add(leati_count *n, uint64_t more)
{
    uint64_t old = atomic_load_explicit(n, memory_order_relaxed);
    atomic_store_explicit(n, old + more, memory_order_relaxed);
}
static inline uint64_t leati_count_get(const leati_count *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

/* Durations in buckets of 25 us to 10 s. */
enum { LEATI_DURATIONS = 19 };
typedef struct leati_durations {
    leati_count in[LEATI_DURATIONS]; /* not cumulative; the last: beyond all bounds */
    leati_count ns;
} leati_durations;
extern const uint64_t leati_duration_bound[LEATI_DURATIONS - 1]; /* ns */
void leati_durations_add(leati_durations *d, uint64_t ns);

/* Numbers of rows in buckets of 1, 2, 4, ... */
enum { LEATI_SIZES = 13 };
typedef struct leati_sizes {
    leati_count in[LEATI_SIZES];
    leati_count sum;
} leati_sizes;

/* Statuses that are counted one by one; the last place is of all others. */
enum { LEATI_STATUSES = 28 };
extern const int leati_status_counted[LEATI_STATUSES - 1];
size_t leati_status_place(int status);

/* ---- a version --------------------------------------------------------------------------------
 */

enum {
    LEATI_WATCH_ARMS = 4
};                            /* leati_arm: a request belongs to one arm of a rollout, or to none */
enum { LEATI_FEEDBACKS = 4 }; /* counted, told before, unknown, wrong */

/* Of one version and one thread. */
typedef struct leati_watched_desk {
    _Alignas(64) leati_durations request[LEATI_WATCH_ARMS]; /* with its time in a queue */
    leati_durations queue, compute;
    leati_sizes rows; /* of a run of the model */
    leati_count asked_rows, input_ns, output_ns;
    leati_count example_rows; /* of the asked ones: left out of all that is known of rows */
    leati_count failed[LEATI_WATCH_ARMS][LEATI_STATUSES];
    leati_count feedback[LEATI_FEEDBACKS];
} leati_watched_desk;

typedef struct leati_watched {
    struct leati_watched *next; /* in the list of the watch, under its lock */
    struct leati_watch *watch;
    const struct leati_served *served; /* that it belongs to */
    uint32_t serial;                   /* never given twice */
    uint32_t newer;                    /* of the same name and number; under the lock */
    double loaded, made;               /* seconds since 1970; made: the file's; 0: not known */
    leati_live *live;                  /* NULL: there is nothing to compare with */
    uint32_t every;                    /* one row in so many is compared; see LEATI_ROWS_WHOLE */
    leati_watched_desk *desks;         /* (slots) */
    leat_staleness said;               /* of the watch's thread */
    double kept;                       /* when the open window was last looked at, to be kept */
    bool has_kept;                     /* there is a file of it, or will be */
    uint64_t kept_sum;                 /* of what was kept of it */
    /* The prediction log: `"age":` and so on; NULL: left out. */
    char **input_names; /* (inputs) */
    char **proba_names; /* (classes) */
    char *line_middle;  /* from the request's id to the inputs but for the arm and the row */
    size_t line_most;   /* bytes of a line but for its texts */
} leati_watched;

/* ---- the watch --------------------------------------------------------------------------------
 */

/* What the prediction log has of inputs that are arrays, as images: their SHA-256, their elements,
 * nothing. */
typedef enum leati_log_arrays { LEATI_LOG_HASH, LEATI_LOG_BYTES, LEATI_LOG_NONE } leati_log_arrays;

typedef struct leati_watch_options {
    uint32_t slots, workers;
    const char *access_log, *prediction_log; /* files, "-", NULL: none */
    double sample;                           /* share of the requests in the prediction log */
    const char *const *redact;               /* inputs that are left out (count) */
    size_t redact_count;
    leati_log_arrays arrays;
    bool drift;
    double window_seconds; /* 0: an hour */
    size_t window_rows;    /* 0: 1000 */
    size_t remember;       /* answers, all threads together */
    leati_say say;
} leati_watch_options;

enum { LEATI_WATCH_ROUTES = 96 };

/* Of one thread; what HTTP says. */
typedef struct leati_watch_desk {
    _Alignas(64) leati_count admitted, done, unsent;
    leati_count received_bytes, sent_bytes;
    leati_durations http;
    leati_count answers[LEATI_WATCH_ROUTES][LEATI_STATUSES]; /* by 1 + route; 0: no route */
    int64_t second;                                          /* that `clock` says */
    char clock[24];                                          /* "2026-11-21T10:00:00" */
} leati_watch_desk;

typedef struct leati_watch_kept leati_watch_kept;

typedef struct leati_watch {
    leat_context *context; /* of its thread */
    leati_watch_options options;
    leati_watch_desk *desks; /* (slots) */
    leati_recent *recent;    /* (slots) */
    uint64_t sample_below;   /* hashes of request ids that are logged */
    bool sample_all;
    leati_line_log access, predictions;
    leati_sha256 blank; /* a hash of nothing: asking what the processor can is slow */
    char **redact;      /* (options.redact_count) */
    double started;
    pthread_mutex_t lock; /* of the list, `stop` and the condition */
    pthread_cond_t wake;
    leati_watched *first;
    uint32_t serials;
    char *folder;                        /* in which what was counted survives; NULL: it does not */
    leati_watch_kept *kept, **kept_last; /* to be written; under the lock */
    bool keep_failed;                    /* the last time; of the thread */
    atomic_bool reopen;
    atomic_size_t metrics_bytes; /* that the longest text of /metrics had */
    bool stop, runs, made;
    pthread_t thread;
} leati_watch;

/* Errors: IO (a log cannot be opened), NOMEM. */
leat_status leati_watch_create(leat_context *c, leati_watch **out, const leati_watch_options *o);
/* All versions are gone, nobody answers. Writes what the logs still hold. NULL is fine. */
void leati_watch_destroy(leati_watch *w);
/* What is counted survives in this folder, which is the server's alone: takes up what is there.
 * Errors: NOMEM. */
leat_status leati_watch_keep_in(leati_watch *w, leat_context *c, const char *folder);
/* Nobody answers any more, and the folder will be given up: writes what there is and ends the
 * watch's thread. NULL is fine. */
void leati_watch_leave(leati_watch *w);
/* watch_keep.c and watch.c */
leat_status leati_watched_recall(leati_watched *d, leat_context *c);
/* Under the lock of the list: takes what a version has counted to be written. */
void leati_watched_keep(leati_watched *d, leati_live_part part);
void leati_watched_keep_now_and_then(leati_watched *d, double now);
/* On the watch's thread, or without one. */
void leati_watch_write_kept(leati_watch *w);
void leati_watch_stop(leati_watch *w);
/* Logs are opened anew, soon. From any thread. */
void leati_watch_reopen(leati_watch *w);

/* `path`: of the model's file. What is not known of the model's distributions is no failure. */
leat_status leati_watched_create(leat_context *c, leati_watch *w, struct leati_served *served,
                                 const char *path, leati_watched **out);
void leati_watched_destroy(leati_watched *d); /* NULL is fine */

/* Calls for every version that is loaded, under the lock of the list. */
void leati_watch_each(leati_watch *w, void (*call)(void *user, leati_watched *d), void *user);

/* ---- hooks ------------------------------------------------------------------------------------
 */

/* Answers of an ask to one call. On the thread of the call's slot. */
typedef struct leati_watch_part {
    const struct leati_call *call;
    const leati_ask *ask;
    size_t first;  /* number, among those of the ask, of the call's first answer */
    size_t answer; /* of the first of these answers */
    size_t row;    /* of the session, where its inputs stand; those of the others follow */
    size_t count;
} leati_watch_part;
void leati_watch_rows(const leati_watched *d, const leati_watch_part *part);
/* Requests of so many rows are compared whole; of longer ones, where their length is known before
 * they run, so many rows about: docs/monitoring.md. */
enum { LEATI_ROWS_WHOLE = 4096 };
/* A request to call->served was answered (`ok`) or refused; end: leati_serve_now. */
void leati_watch_call(const struct leati_call *call, uint64_t end, bool ok);
/* The same of a mirrored request, which nobody asked: it counts as such alone. */
void leati_watch_mirrored(const struct leati_call *call, uint64_t end, bool ok);

/* An exchange began (route NULL: its path has none): returns a note that goes with it. It came
 * back; note 0: it was answered without having been looked at. On the loop of its worker. */
uint32_t leati_watch_admitted(leati_watch *w, uint32_t worker, const struct leati_route *route);
void leati_watch_done(leati_watch *w, leati_http_exchange *exchange, uint32_t note, const char *key,
                      int status, size_t reply_bytes, uint64_t ns, bool sent);

/* The same for the same id in every server and version: FNV-1a, 64 bits. */
uint64_t leati_watch_hash(const char *id);

#endif
