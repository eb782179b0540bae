/* The report of an experiment: one self-contained HTML page, and its charts as files. */
#ifndef LEATI_WORKFLOW_REPORT_H
#define LEATI_WORKFLOW_REPORT_H

#include "base/str.h"
#include "workflow/experiment.h"

/* Appends the page to `out`. `command` is shown as the way to run it again (plain text, escaped
 * here; NULL: left out). The page needs no other host and no script to be read. Its bytes depend on
 * the experiment and the command only. */
leat_status leati_report_html(leat_context *c, const leat_experiment *e, const char *command,
                              leati_str *out);
/* A page about a run that was stopped: the scores and the training so far, how to go on. why:
 * "interrupted in epoch 3; ...". */
leat_status leati_report_interrupted(leat_context *c, const leat_experiment *e, const char *why,
                                     const char *command, leati_str *out);
#define LEATI_INTERRUPTED_PAGE "interrupted.html"
/* With an error standing: writes that page into the folder and adds to the error where it lies and
 * how to go on. Gives the error's status; a page that cannot be written changes nothing. */
leat_status leati_report_leave(leat_context *c, const leat_experiment *e, const char *folder,
                               const char *command);
/* Every chart of the report as NAME.svg and, where cairo is, as NAME.png at twice the size,
 * in a folder, which is made if absent. */
leat_status leati_report_charts(leat_context *c, const leat_experiment *e, const char *folder);

#endif
