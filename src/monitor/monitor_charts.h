/* The pictures of a monitor. Each gives a scene, or NULL with the error recorded. */
#ifndef LEATI_MONITOR_MONITOR_CHARTS_H
#define LEATI_MONITOR_MONITOR_CHARTS_H

#include "monitor/monitor.h"
#include "plot/chart.h"

/* PSI over the windows of the features that reach furthest, and where it begins to count. */
leati_scene *leati_monitor_chart_drift(leat_context *c, const leat_monitor *m, double width);
/* A feature in one window against training. */
leati_scene *leati_monitor_chart_feature(leat_context *c, const leat_monitor *m, size_t window,
                                         size_t feature, double width);
/* A score over the windows: estimated and realised, with bands, and what it was before. */
leati_scene *leati_monitor_chart_score(leat_context *c, const leat_monitor *m, size_t score,
                                       double width);
typedef enum leati_group_rate {
    LEATI_RATE_SELECTED,
    LEATI_RATE_TRUE_POSITIVE,
    LEATI_RATE_FALSE_POSITIVE
} leati_group_rate;
leat_rate leati_group_rate_of(const leat_monitored_group *g, leati_group_rate which);
/* A rate by group, with intervals. */
leati_scene *leati_monitor_chart_groups(leat_context *c, const leat_monitor *m,
                                        leati_group_rate which, double width);

#endif
