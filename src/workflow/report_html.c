/* Owns: the parts of a page that know what a report is about: scores, its charts, model cards. Not:
 * what it says (report.c), nor the frame (plot/page.c). */
#include "workflow/report_html.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

void leati_page_score(leati_page *p, const char *tag, double score)
{
    char text[40];
    if (isfinite(score))
        leati_page_element(p, tag, "%s", leati_findings_score(p->findings, score, text));
    else leati_page_element(p, tag, "\xe2\x80\x93");
}

/* Draws one variant; `kind` is the class of the figure. */
static bool draw_variant(leati_page *p, const char *name, const char *caption, const char *kind,
                         double width)
{
    const leati_report_chart *chart = leati_report_chart_find(name);
    leati_chart how = {.about = caption, .width = width};
    leati_scene *scene = NULL;
    if (p->status != LEAT_OK || !chart) return false;
    p->status = chart->draw(p->context, p->findings, &how, &scene);
    if (p->status != LEAT_OK || !scene) return false;
    leati_page_scene(p, scene, kind, chart->title, caption);
    return true;
}

bool leati_page_chart(leati_page *p, const char *name, const char *caption)
{
    return draw_variant(p, name, caption, "half", 400);
}

bool leati_page_wide_chart(leati_page *p, const char *name, const char *caption)
{
    return draw_variant(p, name, caption, "wide", 860) &&
           draw_variant(p, name, caption, "narrow", 360);
}

/* One line with its **strong** and `code` parts and \escapes. */
static void inline_markdown(leati_page *p, const char *line, size_t n)
{
    static const char punctuation[] = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    bool strong = false, code = false;
    for (size_t i = 0; i < n;) {
        if (!code && i + 1 < n && line[i] == '*' && line[i + 1] == '*') {
            leati_page_raw(p, strong ? "</strong>" : "<strong>");
            strong = !strong;
            i += 2;
        } else if (line[i] == '`') {
            leati_page_raw(p, code ? "</code>" : "<code>");
            code = !code;
            i++;
        } else if (!code && line[i] == '\\' && i + 1 < n && strchr(punctuation, line[i + 1])) {
            leati_page_textf(p, "%c", line[i + 1]);
            i += 2;
        } else {
            size_t from = i;
            while (i < n && line[i] != '`' && (code || line[i] != '\\') &&
                   !(line[i] == '*' && line[i + 1] == '*'))
                i++;
            if (i == from) i++; /* a marker that is text here */
            leati_page_textf(p, "%.*s", (int)(i - from), line + from);
        }
    }
    if (code) leati_page_raw(p, "</code>");
    if (strong) leati_page_raw(p, "</strong>");
}

void leati_page_markdown(leati_page *p, const char *text)
{
    bool open = false;
    while (*text) {
        size_t n = strcspn(text, "\n");
        size_t level = strspn(text, "#");
        bool heading = level > 0 && text[level] == ' ';
        if ((n == 0 || heading) && open) {
            leati_page_raw(p, "</p>\n");
            open = false;
        }
        if (heading && level > 1) { /* the first one repeats the summary above it */
            leati_page_raw(p, "<h3>");
            inline_markdown(p, text + level + 1, n - level - 1);
            leati_page_raw(p, "</h3>\n");
        } else if (n > 0 && !heading) {
            leati_page_raw(p, open ? " " : "<p>");
            inline_markdown(p, text, n);
            open = true;
        }
        text += n + (text[n] == '\n');
    }
    if (open) leati_page_raw(p, "</p>\n");
}
