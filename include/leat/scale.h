/* As many server processes as the load needs, on one machine without Kubernetes.
 *
 * The rule is hysteresis in two levels and in time, as a pure function, so that it can be tried on
 * any trace of load:
 *
 *     leat_scale_rule rule = leat_scale_rule_default();
 *     leat_scale_state s = leat_scale_begin(&rule, 1);
 *     for (double now = 0;; now += 5) workers = leat_scale_decide(&rule, &s, now, load(now));
 *
 * leat_scale_run applies it to `leat serve` processes that share a port. */
#ifndef LEAT_SCALE_H
#define LEAT_SCALE_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_scale_rule {
    uint32_t struct_size;    /* set by leat_scale_rule_default */
    uint32_t least, most;    /* workers; 1 and 4 */
    double up, down;         /* busy share of a worker, on average: more workers from 0.7, fewer
                                from 0.25 on */
    double up_for, down_for; /* seconds that it must have lasted: 10 and 120 */
    double cool_down;        /* seconds between two changes: 30 */
    double window;           /* seconds in which the direction changes at most once: 300 */
} leat_scale_rule;

LEAT_API leat_scale_rule leat_scale_rule_default(void);
/* INVALID: what does not fit, and what would. */
LEAT_API LEAT_CHECKED leat_status leat_scale_rule_check(leat_context *context,
                                                        const leat_scale_rule *rule);

typedef struct leat_scale_state {
    uint32_t workers;
    int direction;            /* of the last change: 1, -1; 0: there was none */
    double changed, reversed; /* when it was; when the direction changed last; -INFINITY: never */
    double above, below;      /* since when the load is beyond a threshold; INFINITY: it is not */
} leat_scale_state;

/* `workers` that there are, brought between least and most. */
LEAT_API leat_scale_state leat_scale_begin(const leat_scale_rule *rule, uint32_t workers);
/* What the number of workers should be from `now` (seconds, never going back) on; the state takes
 * it as done. load: the average of the workers, 0 idle, 1 busy; NAN: not known.
 *
 * More: where the load was at least `up` in every sample of `up_for` seconds: as many as bring it
 * to the middle between the thresholds, at most twice as many. Fewer: where it was at most `down`
 * for `down_for` seconds and would stay below `up` with one worker less: one. Neither less than
 * `cool_down` after the last change, nor against its direction less than `window` after the
 * direction last changed. So a load that stays beyond `up` brings more workers at the latest
 * max(up_for, cool_down, window) and two samples after it began. */
LEAT_API uint32_t leat_scale_decide(const leat_scale_rule *rule, leat_scale_state *state,
                                    double now, double load);

typedef struct leat_scale_event {
    const char *what;    /* "serving" (the first time), "started", "adopted", "ending", "ended",
                            "died", "load" (a sample) */
    const char *address; /* where they serve */
    long pid;            /* 0: of none */
    uint32_t workers;    /* that serve */
    double load;         /* NAN: not known */
} leat_scale_event;

typedef struct leat_scale_options {
    uint32_t struct_size; /* set by leat_scale_options_default */
    leat_scale_rule rule;
    const char *program;          /* the leat command */
    const char *const *arguments; /* of leat serve: models and options */
    size_t argument_count;
    const char *listen;  /* HOST:PORT that all share (port 0: any free one); with a proxy, of the
                            first worker, the others have the ports behind it */
    const char *haproxy; /* its runtime socket (leat/haproxy.h): worker I serves in its slot I;
                            NULL: workers share a port */
    const char *backend; /* the backend with the slots; NULL: "stable" */
    uint32_t threads;    /* of each worker (leat serve --workers); 0: 1 */
    double period;       /* seconds between samples; 0: 2 */
    const char *state;   /* folder of what has to outlive this process */
    void (*told)(void *user, const leat_scale_event *event);
    void *user;
    volatile sig_atomic_t *stop; /* set: end the workers gently, then return */
    volatile sig_atomic_t
        *reopen; /* set: the workers open their logs anew, by SIGHUP; is cleared */
} leat_scale_options;

LEAT_API leat_scale_options leat_scale_options_default(void);

/* Keeps the number of workers by the rule until *stop. With a proxy, a worker gets its slot once it
 * serves, and loses it before it ends; a proxy that was started anew is told all again. A worker
 * that dies is replaced. What this process knows stands in `state`: if it is killed, workers go on
 * serving, and the next one with the same folder takes them over, with the history of the rule.
 * Errors: INVALID; IO: the address or the folder is taken, the first worker cannot start (its last
 * words); those of leat_haproxy_open, NOT_FOUND: the proxy has fewer slots. */
LEAT_API LEAT_CHECKED leat_status leat_scale_run(leat_context *context,
                                                 const leat_scale_options *options);

#ifdef __cplusplus
}
#endif

#endif
