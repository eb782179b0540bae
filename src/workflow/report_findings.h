/* What the report shows of an experiment: its numbers, and one chart per question. */
#ifndef LEATI_WORKFLOW_REPORT_FINDINGS_H
#define LEATI_WORKFLOW_REPORT_FINDINGS_H

#include "plot/chart.h"
#include "workflow/compare.h"
#include "workflow/experiment.h"

typedef struct leati_findings {
    const leat_experiment *e;
    leati_pooled pooled; /* predictions of the best entry for rows it had not seen */
    leati_eval eval;     /* what charts and tables of errors show: the test table when there is one,
                            else the pooled predictions; borrowed */
    bool on_test;
    double *metrics;        /* (leati_metric_count()), NaN where they do not apply */
    double *confusion;      /* (classes, classes), CLASSIFY */
    double *class_rows;     /* (classes) rows of each class in eval, CLASSIFY */
    double calibration_gap; /* expected calibration error; NaN: no probabilities */
} leati_findings;

leat_status leati_findings_make(leat_context *c, leati_findings *f, const leat_experiment *e);
void leati_findings_fini(leati_findings *f); /* idempotent */

/* "0.9312" by the rules of the experiment's metric. */
const char *leati_findings_score(const leati_findings *f, double score, char out[40]);
/* The baseline's entry and the best one that is neither best nor baseline; NULL: none. */
const leati_entry *leati_findings_baseline(const leati_findings *f);
const leati_entry *leati_findings_next(const leati_findings *f);

/* One chart of the report. *out stays NULL where it does not apply (no probabilities, ...).
 * `title`: drawn into the chart, for files; a page says it in its own words. */
typedef struct leati_report_chart {
    const char *name; /* of its file */
    const char *title;
    leat_status (*draw)(leat_context *c, const leati_findings *f, const leati_chart *chart,
                        leati_scene **out);
} leati_report_chart;

size_t leati_report_chart_count(void);
const leati_report_chart *leati_report_chart_at(size_t i);
/* NULL if there is none of that name. */
const leati_report_chart *leati_report_chart_find(const char *name);

/* Rows of a column that profiles look at. */
enum { LEATI_PROFILE_ROWS = 50000 };

#endif
