/* Owns: from the measures of a monitor to charts. */
#include "monitor/monitor_charts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "monitor/performance.h"

enum { LINES = 5, FEW_BINS = 8, NARROW = 60 };

/* --- drift over windows ----------------------------------------------------------------------- */

static double above_chance(const leat_monitor *m, size_t window, size_t feature)
{
    const leat_drift *d = &m->at[window].drift[feature];
    return d->psi - d->psi_expected;
}

/* The features by their largest PSI in a judged window, furthest first. Returns how many. */
static size_t furthest(const leat_monitor *m, size_t out[LINES])
{
    size_t n = 0;
    double most[LINES];
    for (size_t i = 0; i < m->norm.count; i++) {
        double psi = -INFINITY;
        for (size_t w = 0; w < m->count; w++)
            if (m->at[w].judged) psi = fmax(psi, above_chance(m, w, i));
        size_t at = n < LINES ? n : LINES;
        while (at > 0 && most[at - 1] < psi) at--;
        if (at == LINES || !isfinite(psi)) continue;
        n += n < LINES;
        for (size_t k = n; --k > at;) most[k] = most[k - 1], out[k] = out[k - 1];
        most[at] = psi, out[at] = i;
    }
    return n;
}

leati_scene *leati_monitor_chart_drift(leat_context *c, const leat_monitor *m, double width)
{
    size_t feature[LINES], n = furthest(m, feature), windows = m->count;
    leati_series line[LINES + 1] = {{0}};
    double ends[2] = {1, (double)(windows > 1 ? windows : 2)}, level[2];
    double *y = leati_array(c, LINES * windows + 1, sizeof *y);
    double *x = leati_array(c, windows + 1, sizeof *x);
    leati_scene *s = NULL;
    if (y && x) {
        for (size_t w = 0; w < windows; w++) x[w] = (double)w + 1;
        for (size_t k = 0; k < n; k++) {
            for (size_t w = 0; w < windows; w++)
                y[k * windows + w] = m->at[w].judged ? above_chance(m, w, feature[k]) : (double)NAN;
            line[k] = (leati_series){.label = m->norm.feature[feature[k]].name,
                                     .x = x,
                                     .y = y + k * windows,
                                     .count = windows,
                                     .points = windows <= 40};
        }
        level[0] = level[1] = m->options.effect;
        line[n] = (leati_series){
            .x = ends, .y = level, .count = 2, .hue = LEATI_HUE_MUTED, .dashed = true};
        leati_lines in = {.chart = {.x_label = "window",
                                    .y_label = "PSI above chance",
                                    .width = width,
                                    .about = "population stability index by window"},
                          .series = line,
                          .count = n + 1,
                          .whole_x = true};
        s = leati_chart_lines(c, &in);
    }
    leati_free(x);
    leati_free(y);
    return s;
}

/* --- a distribution --------------------------------------------------------------------------- */

/* Shares of cells with names; whoever has neither then nor now is passed over. */
typedef struct shares {
    double *then, *now;
    const char **labels;
    char (*text)[LEATI_NUM_SIZE];
    size_t count;
} shares;

static void add_share(shares *s, const leati_norm_feature *f, const uint64_t *now, double rows,
                      size_t cell, const char *label)
{
    if (f->count[cell] == 0 && now[cell] == 0) return;
    s->then[s->count] = f->rows ? (double)f->count[cell] / (double)f->rows : 0;
    s->now[s->count] = rows > 0 ? (double)now[cell] / rows : 0;
    s->labels[s->count++] = label;
}

static void list_levels(shares *s, const leati_norm_feature *f, const uint64_t *now, double rows,
                        leati_str *names)
{
    /* Keys of a map do not end with a NUL: they are copied, one behind the other. */
    size_t at = 0;
    for (size_t k = 0; k < f->bins; k++) {
        size_t length;
        const char *key = leati_map_key(&f->level, (uint32_t)k, &length);
        leati_str_addn(names, key, length);
        leati_str_addc(names, '\0');
    }
    if (leati_str_status(names) != LEAT_OK) return;
    for (size_t k = 0; k < f->bins; k++) {
        size_t length;
        (void)leati_map_key(&f->level, (uint32_t)k, &length);
        add_share(s, f, now, rows, k, leati_str_text(names) + at);
        at += length + 1;
    }
    add_share(s, f, now, rows, f->bins, "(others)");
    add_share(s, f, now, rows, f->bins + 1, "(missing)");
}

static void list_bins(shares *s, const leati_norm_feature *f, const uint64_t *now, double rows)
{
    add_share(s, f, now, rows, 0, "(below)");
    for (size_t b = 0; b < f->bins; b++) {
        leati_num_pretty(f->means[b], 3, s->text[b]);
        add_share(s, f, now, rows, b + 1, s->text[b]);
    }
    add_share(s, f, now, rows, f->bins + 1, "(above)");
    add_share(s, f, now, rows, f->bins + 2, "(missing)");
}

static leati_scene *pairs(leat_context *c, const leati_norm_feature *f, const uint64_t *now,
                          double rows, double width)
{
    shares s = {.then = leati_array(c, f->cells, sizeof *s.then),
                .now = leati_array(c, f->cells, sizeof *s.now),
                .labels = leati_array(c, f->cells, sizeof *s.labels),
                .text = leati_array(c, f->cells, sizeof *s.text)};
    leati_str names;
    leati_scene *scene = NULL;
    leati_str_init(&names, c);
    if (s.then && s.now && s.labels && s.text) {
        if (f->levels) list_levels(&s, f, now, rows, &names);
        else list_bins(&s, f, now, rows);
        leati_against in = {.chart = {.width = width},
                            .labels = s.labels,
                            .then = s.then,
                            .now = s.now,
                            .then_name = "training",
                            .now_name = "window",
                            .count = s.count,
                            .most = 12};
        if (leati_str_status(&names) == LEAT_OK) scene = leati_chart_against(c, &in);
    }
    leati_str_fini(&names);
    leati_free(s.then);
    leati_free(s.now);
    leati_free((void *)s.labels);
    leati_free(s.text);
    return scene;
}

/* Share per unit of the value over [x[i], x[i + 1]), as points of a line in steps. */
typedef struct outline {
    double *x, *y;
    size_t count;
} outline;

static void add_step(outline *o, double from, double to, double share)
{
    if (!(to > from)) return;
    if (o->count == 0) o->x[o->count] = from, o->y[o->count++] = 0;
    else o->count--; /* the end of the step before */
    o->x[o->count] = from, o->y[o->count++] = share / (to - from);
    o->x[o->count] = to, o->y[o->count++] = 0;
}

/* Where a bin for what lies outside the edges ends: as far beyond the mean of it as that is from
 * the edge, and wide enough to be seen. */
static double beyond(const leati_counters *w, size_t feature, size_t cell)
{
    const leati_norm_feature *f = &w->norm->feature[feature];
    double sum = (double)(int64_t)w->word[w->sums[feature] + cell] / 1048576.0;
    double mean = f->mean + f->scale * sum / (double)w->word[w->cells[feature] + cell];
    double edge = cell == 0 ? f->edges[0] : f->edges[f->bins];
    double reach = fmax(2 * fabs(mean - edge), (f->edges[f->bins] - f->edges[0]) / 40);
    return cell == 0 ? edge - reach : edge + reach;
}

static leati_scene *densities(leat_context *c, const leati_counters *w, size_t feature, double rows,
                              double width)
{
    const leati_norm_feature *f = &w->norm->feature[feature];
    const uint64_t *now = w->word + w->cells[feature];
    double *memory = leati_array(c, 4 * (f->bins + 4), sizeof *memory);
    if (!memory) return NULL;
    outline then = {memory, memory + f->bins + 4, 0};
    outline here = {memory + 2 * (f->bins + 4), memory + 3 * (f->bins + 4), 0};
    if (now[0]) add_step(&here, beyond(w, feature, 0), f->edges[0], (double)now[0] / rows);
    /* Bins too narrow to be seen would stand out of the picture: they are drawn as one. */
    double least = (f->edges[f->bins] - f->edges[0]) / NARROW, trained = 0, came = 0;
    for (size_t b = 0, from = 0; b < f->bins; b++) {
        trained += (double)f->count[b + 1] / (double)f->rows;
        came += (double)now[b + 1] / rows;
        bool last = b + 1 == f->bins;
        if (!last && (f->edges[b + 1] - f->edges[from] < least ||
                      f->edges[f->bins] - f->edges[b + 1] < least))
            continue;
        add_step(&then, f->edges[from], f->edges[b + 1], trained);
        add_step(&here, f->edges[from], f->edges[b + 1], came);
        trained = came = 0;
        from = b + 1;
    }
    if (now[f->bins + 1])
        add_step(&here, f->edges[f->bins], beyond(w, feature, f->bins + 1),
                 (double)now[f->bins + 1] / rows);
    leati_series line[2] = {{.label = "window",
                             .x = here.x,
                             .y = here.y,
                             .count = here.count,
                             .steps = true,
                             .hue = LEATI_HUE_ACCENT},
                            {.label = "training",
                             .x = then.x,
                             .y = then.y,
                             .count = then.count,
                             .steps = true,
                             .hue = LEATI_HUE_MUTED}};
    leati_lines in = {
        .chart = {.x_label = f->name, .y_label = "share per unit", .width = width, .height = 220},
        .series = line,
        .count = 2};
    leati_scene *s = leati_chart_lines(c, &in);
    leati_free(memory);
    return s;
}

leati_scene *leati_monitor_chart_feature(leat_context *c, const leat_monitor *m, size_t window,
                                         size_t feature, double width)
{
    const leati_counters *w = &m->at[window].window;
    const leati_norm_feature *f = &m->norm.feature[feature];
    const uint64_t *now = w->word + w->cells[feature];
    double rows = 0;
    for (size_t i = 0; i < f->cells; i++) rows += (double)now[i];
    if (f->levels || f->bins <= FEW_BINS || !(rows > 0)) return pairs(c, f, now, rows, width);
    return densities(c, w, feature, rows, width);
}

/* --- scores ----------------------------------------------------------------------------------- */

leati_scene *leati_monitor_chart_score(leat_context *c, const leat_monitor *m, size_t score,
                                       double width)
{
    size_t n = m->count, lines = 0;
    double *v = leati_array(c, 7 * n + 1, sizeof *v), before = (double)NAN;
    if (!v) return NULL;
    bool estimated = false, realised = false;
    for (size_t i = 0; i < n; i++) {
        leat_monitored_score s = leati_scores_measure(&m->at[i].window, score);
        const double row[] = {(double)i + 1, s.estimated,    s.estimated_low, s.estimated_high,
                              s.realised,    s.realised_low, s.realised_high};
        for (size_t k = 0; k < 7; k++) v[k * n + i] = row[k];
        estimated = estimated || isfinite(s.estimated);
        realised = realised || isfinite(s.realised);
        before = s.before;
    }
    leati_series line[3] = {{0}};
    double ends[2] = {1, (double)(n > 1 ? n : 2)}, level[2] = {before, before};
    if (realised)
        line[lines++] = (leati_series){.label = "from labels",
                                       .x = v,
                                       .y = v + 4 * n,
                                       .lo = v + 5 * n,
                                       .hi = v + 6 * n,
                                       .count = n,
                                       .hue = LEATI_HUE_SERIES2,
                                       .points = n <= 40};
    if (estimated)
        line[lines++] = (leati_series){.label = "estimated",
                                       .x = v,
                                       .y = v + n,
                                       .lo = v + 2 * n,
                                       .hi = v + 3 * n,
                                       .count = n,
                                       .hue = LEATI_HUE_ACCENT,
                                       .points = n <= 40};
    if (isfinite(before))
        line[lines++] = (leati_series){.label = "in training",
                                       .x = ends,
                                       .y = level,
                                       .count = 2,
                                       .hue = LEATI_HUE_MUTED,
                                       .dashed = true};
    leati_lines in = {.chart = {.x_label = "window", .width = width, .height = 240},
                      .series = line,
                      .count = lines,
                      .whole_x = true};
    leati_scene *s = leati_chart_lines(c, &in);
    leati_free(v);
    return s;
}

/* --- groups ----------------------------------------------------------------------------------- */

leat_rate leati_group_rate_of(const leat_monitored_group *g, leati_group_rate which)
{
    if (which == LEATI_RATE_SELECTED) return g->selected;
    return which == LEATI_RATE_TRUE_POSITIVE ? g->true_positive : g->false_positive;
}

leati_scene *leati_monitor_chart_groups(leat_context *c, const leat_monitor *m,
                                        leati_group_rate which, double width)
{
    enum { MOST = LEATI_COUNTERS_GROUPS + 1 };
    const char *labels[MOST];
    double value[MOST], low[MOST], high[MOST];
    size_t n = 0;
    for (size_t g = 0; g < m->groups && n < MOST; g++) {
        leat_rate r = leati_group_rate_of(&m->group[g], which);
        if (!isfinite(r.value)) continue;
        labels[n] = m->group[g].name;
        value[n] = r.value, low[n] = r.low, high[n++] = r.high;
    }
    leati_bars in = {.chart = {.width = width},
                     .labels = labels,
                     .values = value,
                     .lo = low,
                     .hi = high,
                     .count = n,
                     .most = MOST,
                     .form = LEATI_BARS_SHARE};
    return leati_chart_bars(c, &in);
}
