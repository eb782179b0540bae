/* What the report shows of a training in epochs: its curves, and the rows it got most wrong. */
#ifndef LEATI_WORKFLOW_REPORT_TRAINING_H
#define LEATI_WORKFLOW_REPORT_TRAINING_H

#include "workflow/report_html.h"

/* Charts, see leati_report_chart. They apply to estimators that keep a history. */
leat_status leati_draw_training_loss(leat_context *c, const leati_findings *f,
                                     const leati_chart *chart, leati_scene **out);
leat_status leati_draw_training_metric(leat_context *c, const leati_findings *f,
                                       const leati_chart *chart, leati_scene **out);
leat_status leati_draw_learning_rate(leat_context *c, const leati_findings *f,
                                     const leati_chart *chart, leati_scene **out);
/* Rows of images with the greatest loss among those predicted wrong; of numbers, those that are
 * farthest off. */
leat_status leati_draw_mistakes(leat_context *c, const leati_findings *f, const leati_chart *chart,
                                leati_scene **out);

/* The section on how it learned; nothing without a history. */
void leati_page_training(leati_page *p);

#endif
