/* Pages: HTML files that stand alone, with light and dark styles, figures and tables. All calls
 * append to a string whose status is checked at the end; a failure of a chart is kept in `status`,
 * and what follows does nothing. */
#ifndef LEATI_PLOT_PAGE_H
#define LEATI_PLOT_PAGE_H

#include "plot/scene.h"

typedef struct leati_page {
    leat_context *context;
    leati_str *out;
    const struct leati_findings *findings; /* what a report is about; nothing here looks at it */
    leat_status status;
} leati_page;

/* Markup of our own, as it is. */
void leati_page_raw(leati_page *p, const char *html);
/* Text, escaped. */
void leati_page_text(leati_page *p, const char *text);
void leati_page_textf(leati_page *p, const char *format, ...) LEAT_PRINTF(2, 3);
/* <tag>text</tag>; tag may carry attributes ("td class=n"). */
void leati_page_element(leati_page *p, const char *tag, const char *format, ...) LEAT_PRINTF(3, 4);
/* A scene as a figure, `kind` "half", "wide" or "narrow" (see the styles); destroys it. NULL: keeps
 * the error that stands. name, caption: may be NULL. */
void leati_page_scene(leati_page *p, leati_scene *scene, const char *kind, const char *name,
                      const char *caption);
/* From <!doctype> to the open <main>, and the end. */
void leati_page_begin(leati_page *p, const char *title);
void leati_page_end(leati_page *p);

#endif
