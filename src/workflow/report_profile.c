/* Owns: the part of the report about the data: a row per column with its distribution. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "plot/chart.h"
#include "plot/column_data.h"
#include "workflow/report_html.h"

enum { COLUMNS_SHOWN = 100, LEVELS_SHOWN = 8 };

static leati_scene *thumb_of_texts(leat_context *c, const leati_column *col)
{
    leati_levels levels;
    if (leati_levels_make(c, &levels, col, LEVELS_SHOWN) != LEAT_OK) return NULL;
    leati_bars in = {.labels = levels.labels, .values = levels.counts, .count = levels.count};
    in.chart.title = "most frequent values";
    leati_scene *scene = leati_chart_thumb_levels(c, &in);
    leati_levels_fini(&levels);
    return scene;
}

static void thumb(leati_page *p, const leati_column *col)
{
    leati_scene *scene = NULL;
    leat_context *c = p->context;
    if (p->status != LEAT_OK || col->type == LEAT_ARRAY) return;
    if (col->type == LEAT_STRING) {
        scene = thumb_of_texts(c, col);
    } else {
        leati_histogram in = {.chart.title = "distribution"};
        double *values = leati_column_numbers(c, col, LEATI_PROFILE_ROWS, &in.count);
        in.values = values;
        if (values) scene = leati_chart_thumb_numbers(c, &in);
        leati_free(values);
    }
    p->status = leati_scene_svg(scene, p->out, LEATI_SVG_FRAGMENT);
    leati_scene_destroy(scene);
}

static const char *use_of(const leati_schema_column *col)
{
    switch (col->role) {
    case LEATI_ROLE_NUMBER: return "number";
    case LEATI_ROLE_CATEGORY: return "category";
    case LEATI_ROLE_TIME: return "time";
    case LEATI_ROLE_ARRAY: return "array";
    case LEATI_ROLE_TOKENS: return "tokens";
    default: return "left out";
    }
}

static void range_text(leati_page *p, const leati_schema_column *col)
{
    char low[LEATI_NUM_SIZE], high[LEATI_NUM_SIZE];
    leati_page_raw(p, "<td class=\"n\">");
    if (col->type == LEAT_ARRAY) {
        leati_page_textf(p, "%zu \xc3\x97 %zu", col->shape[0], col->shape[1]);
        if (col->shape[2] > 1) leati_page_textf(p, " \xc3\x97 %zu", col->shape[2]);
    } else if (col->type != LEAT_STRING && col->type != LEAT_TIME && isfinite(col->low)) {
        leati_num_short(col->low, 4, low);
        leati_num_short(col->high, 4, high);
        leati_page_textf(p, "%s to %s", low, high);
    }
    leati_page_raw(p, "</td>\n");
}

static void share_cell(leati_page *p, size_t part, size_t whole)
{
    double percent = whole ? 100.0 * (double)part / (double)whole : 0;
    if (part == 0) leati_page_raw(p, "<td class=\"n quiet\">none</td>\n");
    else if (percent < 0.1) leati_page_element(p, "td class=n", "< 0.1%%");
    else {
        char text[LEATI_NUM_SIZE];
        leati_num_pretty(percent, percent < 10 ? 2 : 3, text);
        leati_page_element(p, "td class=n", "%s%%", text);
    }
}

static void column_row(leati_page *p, const leati_schema_column *col)
{
    size_t at;
    char distinct[LEATI_NUM_SIZE];
    const leat_frame *t = p->findings->e->train;
    bool out = col->role == LEATI_ROLE_LEFT_OUT;
    leati_page_raw(p, out ? "<tr class=\"quiet\">" : "<tr>");
    leati_page_raw(p, "<td class=\"c\">");
    leati_page_text(p, col->name);
    if (col->note) leati_page_element(p, "small", "%s", col->note);
    leati_page_raw(p, "</td>\n");
    leati_page_element(p, "td", "%s", use_of(col));
    leati_page_raw(p, "<td>");
    if (leat_frame_find(t, col->name, &at)) thumb(p, t->column[at]);
    leati_page_raw(p, "</td>\n");
    range_text(p, col);
    leati_num_grouped((int64_t)col->distinct, distinct);
    if (col->type == LEAT_ARRAY) leati_page_raw(p, "<td></td>\n");
    else
        leati_page_element(p, "td class=n", "%s%s", distinct,
                           col->distinct >= LEATI_DISTINCT_MOST ? "+" : "");
    share_cell(p, col->missing, t->rows);
    leati_page_raw(p, "</tr>\n");
}

static void target_row(leati_page *p)
{
    size_t at;
    char low[LEATI_NUM_SIZE], high[LEATI_NUM_SIZE];
    const leat_experiment *e = p->findings->e;
    const leati_schema *s = &e->schema;
    leati_page_raw(p, "<tr class=\"best\"><td class=\"c\">");
    leati_page_text(p, s->target);
    leati_page_raw(p, "<small>to be predicted</small></td>\n");
    leati_page_element(p, "td", "%s", s->task == LEATI_CLASSIFY ? "class" : "number");
    leati_page_raw(p, "<td>");
    bool found = leat_frame_find(e->train, s->target, &at);
    if (found) thumb(p, e->train->column[at]);
    leati_page_raw(p, "</td>\n");
    if (s->task == LEATI_CLASSIFY) {
        leati_page_raw(p, "<td></td>\n");
        leati_page_element(p, "td class=n", "%u", s->classes);
    } else {
        leati_num_short(s->target_low, 4, low);
        leati_num_short(s->target_high, 4, high);
        leati_page_element(p, "td class=n", "%s to %s", low, high);
        leati_page_raw(p, "<td></td>\n");
    }
    share_cell(p, found ? e->train->column[at]->missing : 0, e->train->rows);
    leati_page_raw(p, "</tr>\n");
}

void leati_page_profile(leati_page *p)
{
    const leat_experiment *e = p->findings->e;
    const leati_schema *s = &e->schema;
    char rows[LEATI_NUM_SIZE];
    leati_num_grouped((int64_t)e->train->rows, rows);
    leati_page_raw(p, "<h2>The data</h2>\n");
    leati_page_element(p, "p", "%s row%s and %zu column%s, %zu of them used to predict %s.", rows,
                       e->train->rows == 1 ? "" : "s", s->count + 1, s->count ? "s" : "", s->used,
                       s->target);
    leati_page_raw(p, "<div class=\"scroll\"><table>\n<thead><tr><th>column</th><th>used as</th>"
                      "<th>distribution</th><th class=\"n\">range</th><th class=\"n\">distinct</th>"
                      "<th class=\"n\">missing</th></tr></thead>\n<tbody>\n");
    target_row(p);
    for (size_t i = 0; i < s->count && i < COLUMNS_SHOWN; i++) column_row(p, &s->columns[i]);
    leati_page_raw(p, "</tbody></table></div>\n");
    if (s->count > COLUMNS_SHOWN)
        leati_page_element(p, "p class=quiet", "and %zu more columns", s->count - COLUMNS_SHOWN);
    leati_page_raw(p, "<div class=\"charts\"><div>\n");
    leati_page_chart(p, "class_balance", "Rows per class in the training table.");
    leati_page_chart(p, "target", "What is to be predicted.");
    leati_page_chart(p, "missing", "Share of the rows that lack a value.");
    leati_page_raw(p, "</div><div>\n");
    leati_page_chart(p, "correlation",
                     "Pearson's correlation of the number columns: 1 rise together, "
                     "-1 one falls as the other rises, 0 no straight-line relation.");
    leati_page_raw(p, "</div></div>\n");
}
