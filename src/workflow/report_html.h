/* Building blocks of the report's HTML. All append to a string whose status is checked at the end;
 * a failure of a chart is kept in `status`, and what follows does nothing. */
#ifndef LEATI_WORKFLOW_REPORT_HTML_H
#define LEATI_WORKFLOW_REPORT_HTML_H

#include "workflow/report_findings.h"

typedef struct leati_page {
    leat_context *context;
    leati_str *out;
    const leati_findings *findings;
    leat_status status;
} leati_page;

/* Markup of our own, as it is. */
void leati_page_raw(leati_page *p, const char *html);
/* Text, escaped. */
void leati_page_text(leati_page *p, const char *text);
void leati_page_textf(leati_page *p, const char *format, ...) LEAT_PRINTF(2, 3);
/* <tag>text</tag>; tag may carry attributes ("td class=n"). */
void leati_page_element(leati_page *p, const char *tag, const char *format, ...) LEAT_PRINTF(3, 4);
/* A number of a score by the rules of the metric, or an en dash where it is not finite. */
void leati_page_score(leati_page *p, const char *tag, double score);

/* The chart of that name as a figure with a caption; nothing where it does not apply. Returns
 * whether there is one. */
bool leati_page_chart(leati_page *p, const char *name, const char *caption);
/* A scene as a figure, `kind` "half", "wide" or "narrow" (see the styles); destroys it. NULL: keeps
 * the error that stands. name, caption: may be NULL. */
void leati_page_scene(leati_page *p, leati_scene *scene, const char *kind, const char *name,
                      const char *caption);
/* The same in two layouts, for wide screens and for telephones. */
bool leati_page_wide_chart(leati_page *p, const char *name, const char *caption);

/* From <!doctype> to the open <main>, and the end. */
void leati_page_begin(leati_page *p, const char *title);
void leati_page_end(leati_page *p);

/* Headings, paragraphs, **strong** and `code` of a model card; the rest is text. */
void leati_page_markdown(leati_page *p, const char *text);

/* The section on the data: columns, classes, gaps, correlations. */
void leati_page_profile(leati_page *p);

#endif
