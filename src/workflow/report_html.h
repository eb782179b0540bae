/* Building blocks of the report's HTML beyond those of every page (plot/page.h), which know what
 * the report is about. All append to the page. */
#ifndef LEATI_WORKFLOW_REPORT_HTML_H
#define LEATI_WORKFLOW_REPORT_HTML_H

#include "plot/page.h"
#include "workflow/report_findings.h"

/* A number of a score by the rules of the metric, or an en dash where it is not finite. */
void leati_page_score(leati_page *p, const char *tag, double score);

/* The chart of that name as a figure with a caption; nothing where it does not apply. Returns
 * whether there is one. */
bool leati_page_chart(leati_page *p, const char *name, const char *caption);
/* The same in two layouts, for wide screens and for telephones. */
bool leati_page_wide_chart(leati_page *p, const char *name, const char *caption);

/* Headings, paragraphs, **strong**, `code` and \escapes of a model card; the rest is text. */
void leati_page_markdown(leati_page *p, const char *text);

/* The section on the data: columns, classes, gaps, correlations. */
void leati_page_profile(leati_page *p);

#endif
