/* Owns: the page about a run that was stopped before its end. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "workflow/report.h"
#include "workflow/report_training.h"

static void scores(leati_page *p)
{
    const leat_experiment *e = p->findings->e;
    size_t n = 0;
    for (size_t i = 0; i < e->count; i++) n += e->entries[i].done;
    if (!n) return;
    leati_page_raw(p, "<h2>Scores so far</h2>\n<div class=\"scroll\"><table>\n<thead><tr>"
                      "<th>model</th>");
    leati_page_element(p, "th class=n", "%s", e->metric->title);
    leati_page_raw(p, "<th class=\"n\">95% interval</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < e->count; i++) {
        const leati_entry *k = &e->entries[i];
        char low[40], high[40];
        if (!k->done) continue;
        leati_page_raw(p, "<tr>");
        leati_page_element(p, "td class=c", "%s", k->estimator->class->name);
        leati_page_score(p, "td class=n", k->failed ? (double)NAN : k->mean);
        leati_page_raw(p, "<td class=\"n\">");
        if (!k->failed && isfinite(k->low) && isfinite(k->high))
            leati_page_textf(p, "%s to %s", leati_findings_score(p->findings, k->low, low),
                             leati_findings_score(p->findings, k->high, high));
        leati_page_raw(p, "</td></tr>\n");
    }
    leati_page_raw(p, "</tbody></table></div>\n");
    leati_page_element(p, "p class=note", "%zu of %zu models were compared.", n, e->count);
}

leat_status leati_report_interrupted(leat_context *c, const leat_experiment *e, const char *why,
                                     const char *command, leati_str *out)
{
    leati_findings f = {.e = e};
    leati_page p = {.context = c, .out = out, .findings = &f};
    const leati_history *h = &e->history;
    leati_page_begin(&p, e->name);
    leati_page_element(&p, "p class=eyebrow", "Leat report: %s", e->name);
    leati_page_element(&p, "h1", "Predicting %s: interrupted", e->schema.target);
    leati_page_element(&p, "p class=answer", "There is no model yet: the run was %s.", why);
    if (h->notes || h->count)
        leati_page_element(&p, "p",
                           "The training stands in a checkpoint. To go on from there, to "
                           "the same model as without the interruption:");
    else leati_page_element(&p, "p", "To run it again:");
    if (command && *command) leati_page_element(&p, "pre class=again", "%s", command);
    leati_page_training(&p);
    scores(&p);
    leati_page_element(&p, "footer", "Made by Leat %s.", leat_version());
    leati_page_end(&p);
    return p.status != LEAT_OK ? p.status : leati_str_status(out);
}

/* "leat fit x.yaml --resume" */
static char *resuming(leat_context *c, const leat_experiment *e, const char *command)
{
    leati_str s;
    leati_str_init(&s, c);
    leati_str_add(&s, command ? command : "");
    bool resumes = e->history.notes || e->history.count;
    if (command && resumes && !strstr(command, "--resume")) leati_str_add(&s, " --resume");
    return leati_str_take(&s);
}

static leat_status write_page(leat_context *c, const leat_experiment *e, const char *why,
                              const char *folder, const char *command, const char *path)
{
    leati_str html;
    leati_str_init(&html, c);
    leat_status st = leati_report_interrupted(c, e, why, command, &html);
    if (st == LEAT_OK) st = leati_folder_make(c, folder);
    if (st == LEAT_OK) st = leati_file_write(c, path, leati_str_text(&html), html.length);
    leati_str_fini(&html);
    return st;
}

leat_status leati_report_leave(leat_context *c, const leat_experiment *e, const char *folder,
                               const char *command)
{
    leat_status was = leat_error_status(c);
    char why[1024];
    snprintf(why, sizeof why, "%s", leat_error_message(c));
    leat_error_clear(c);
    char *path = leati_path_join(c, folder, LEATI_INTERRUPTED_PAGE);
    char *again = resuming(c, e, command);
    bool left = path && again && write_page(c, e, why, folder, again, path) == LEAT_OK;
    leat_error_clear(c); /* the page is a courtesy: what stopped the run is what counts */
    (void)LEATI_FAIL(c, was, "%s", why);
    if (left) leati_error_hint(c, "what there is so far: %s", path);
    if (again && *again) leati_error_hint(c, "go on with: %s", again);
    leati_free(path);
    leati_free(again);
    return was;
}
