/* The inside of a monitor: windows in order, what was measured in each, what is said of all. */
#ifndef LEATI_MONITOR_MONITOR_H
#define LEATI_MONITOR_MONITOR_H

#include <leat/monitor.h>

#include "base/arena.h"
#include "base/str.h"
#include "monitor/counters.h"

typedef struct leati_monitored {
    char *name;
    leati_counters window;
    leat_drift *drift; /* (norm.count) */
    double from, to;   /* seconds since 1970; NaN */
    bool judged;
    size_t drifting, alarms;
    bool worse; /* its scores and those of before are surely apart */
} leati_monitored;

/* What another monitor had to say, as it was read (monitor_told.c). Texts lie in the arena. */
typedef struct leati_told {
    leati_arena arena;
    size_t windows, features, inputs, metrics;
    leat_monitor_window *window; /* (windows) */
    const char **feature;        /* (features) */
    leat_drift *drift;           /* (windows, features) */
    leat_monitored_score *score; /* (windows, metrics) */
    const char *positive;        /* NULL: not known */
} leati_told;

/* Labels that came later (monitor_labels.c): class numbers or values, NaN where missing. */
typedef struct leati_later {
    char *id;       /* the column that joins them; NULL: none came */
    leati_map ids;  /* texts of the ids */
    double *of_id;  /* (ids.count): the first label of an id */
    bool by_row;    /* the table has the rows of requests too: */
    leati_map rows; /* "3 ID" */
    double *of_row; /* (rows.count) */
    size_t twice;   /* a row whose id stood before; SIZE_MAX: none */
    uint32_t twice_id;
} leati_later;

struct leat_monitor {
    leati_told *told; /* NULL: it counts itself; else the next are empty up to `group` */
    leat_model *model;
    leati_norm norm;
    leat_monitor_options options; /* texts are owned */
    leati_map classes;            /* names of the classes */
    uint32_t positive;
    leati_monitored *at; /* (count) */
    size_t count, capacity;
    leati_counters all; /* of all windows together: its groups are what fairness is about */
    leat_monitored_group *group; /* (groups) sorted by name; room for all there can be */
    size_t groups;
    leat_fairness fairness;
    leati_later later;
    leat_staleness state;
    char *verdict, *notes;
};

/* The next window, from counters that someone else filled (a server); they are copied. from, to:
 * seconds since 1970 or NaN. `w` has the norm of this monitor. */
leat_status leati_monitor_push(leat_context *c, leat_monitor *m, const leati_counters *w,
                               const char *name, double from, double to);
/* Takes the windows from number `count` on back out; the texts stay as they are. */
void leati_monitor_cut(leat_monitor *m, size_t count);
/* Takes the oldest windows out so that `most` stay; the texts stay as they are. */
void leati_monitor_forget(leat_monitor *m, size_t most);
/* Appends the page of leat_monitor_page. */
leat_status leati_monitor_html(leat_context *c, const leat_monitor *m, leati_str *out);
void leati_told_destroy(leati_told *told); /* NULL is fine */
/* Draws the conclusions anew after windows came: groups, state, texts. */
leat_status leati_monitor_conclude(leat_context *c, leat_monitor *m);
/* The two texts (monitor_text.c). */
leat_status leati_monitor_say(leat_context *c, leat_monitor *m);

/* Whether a window has the labels that its scores are told by; else they are estimated. */
bool leati_monitor_labelled(const leat_monitor *m, const leati_monitored *w);

/* A label as class number or value; NaN where the cell is missing. TYPE names row and column when
 * it is no class, or no number. */
leat_status leati_monitor_label(leat_context *c, const leat_monitor *m, const leati_column *col,
                                const char *name, size_t row, double *out);

void leati_later_init(leat_context *c, leati_later *l);
void leati_later_fini(leati_later *l);
/* The labels of the rows of a table: truth (rows). INVALID where a request of a log has several
 * rows and its label does not say of which it is. */
leat_status leati_later_join(leat_context *c, const leati_later *l, const leat_frame *f,
                             double *truth);

/* Adds the hint "its classes are ..." to the error; returns its status. */
leat_status leati_monitor_name_classes(leat_context *c, const leat_monitor *m);

/* leat_monitor_json with the newest `most` windows. */
void leati_monitor_json(const leat_monitor *m, leat_json *json, const char *key, size_t most);

/* The measures of the last judged window in Prometheus' text format 0.0.4, a family at a time,
 * because the samples of all models stand under one head: leati_monitor_family appends HELP and
 * TYPE, leati_monitor_samples what a model has, with the labels model and version. Of more than 200
 * features only those that drift. */
enum { LEATI_MONITOR_FAMILIES = 7 };
void leati_monitor_family(size_t family, leati_str *out);
void leati_monitor_samples(const leat_monitor *m, size_t family, const char *model,
                           const char *version, leati_str *out);

#endif
