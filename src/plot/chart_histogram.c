/* Owns: histograms, full size and thumbnails. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "plot/axes.h"

enum { FEWEST = 5, MOST = 60, MOST_THUMB = 24 };

typedef struct binned {
    double *counts; /* (bins) */
    size_t bins, used;
    leati_range range;
    double most;
} binned;

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool whole_numbers(const double *sorted, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sorted[i] != floor(sorted[i])) return false;
    return true;
}

/* Freedman and Diaconis, "On the histogram as a density estimator", 1981: bins as wide as twice
 * the interquartile range over the cube root of the count. Few distinct whole numbers get a bin
 * each. */
static size_t choose_bins(const double *sorted, size_t count, leati_range *range)
{
    double span = range->hi - range->lo;
    if (!(span > 0)) return 1;
    if (span < 40 && whole_numbers(sorted, count)) {
        range->lo -= 0.5;
        range->hi += 0.5;
        return (size_t)span + 1;
    }
    double quartiles = sorted[count - 1 - count / 4] - sorted[count / 4];
    double width = 2 * quartiles / cbrt((double)count);
    double bins = width > 0 ? ceil(span / width) : ceil(log2((double)count) + 1);
    return (size_t)fmin(fmax(bins, FEWEST), MOST);
}

static leat_status bin(leat_context *c, const leati_histogram *in, size_t most, binned *out)
{
    *out = (binned){.range = leati_range_empty()};
    double *sorted = leati_array(c, in->count, sizeof *sorted);
    if (!sorted) return leat_error_status(c);
    for (size_t i = 0; i < in->count; i++) {
        if (!isfinite(in->values[i])) continue;
        sorted[out->used++] = fmax(fmin(in->values[i], 1e300), -1e300);
        leati_range_add(&out->range, sorted[out->used - 1]);
    }
    qsort(sorted, out->used, sizeof *sorted, ascending);
    out->bins = in->bins ? in->bins : out->used ? choose_bins(sorted, out->used, &out->range) : 1;
    if (out->bins > most) out->bins = most;
    if (out->used == 0 || out->range.lo == out->range.hi)
        out->range = leati_range_widen(out->range, 0);
    out->counts = LEATI_NEW(c, double, out->bins);
    for (size_t i = 0; out->counts && i < out->used; i++) {
        double part = (sorted[i] - out->range.lo) / (out->range.hi - out->range.lo);
        size_t at = (size_t)fmax(0, part * (double)out->bins);
        if (at >= out->bins) at = out->bins - 1;
        out->counts[at] += 1;
        out->most = fmax(out->most, out->counts[at]);
    }
    leati_free(sorted);
    return out->counts ? LEAT_OK : leat_error_status(c);
}

static double edge(const binned *b, size_t i)
{
    return b->range.lo + (b->range.hi - b->range.lo) * ((double)i / (double)b->bins);
}

static void draw_bins(leati_scene *s, const binned *b, const leati_axes *a, double gap,
                      double round)
{
    leati_ink ink = {.fill = LEATI_HUE_ACCENT, .opacity = 0.85};
    for (size_t i = 0; i < b->bins; i++) {
        if (b->counts[i] <= 0) continue;
        double left = leati_scale_at(&a->x, edge(b, i)),
               right = leati_scale_at(&a->x, edge(b, i + 1));
        double top = fmin(leati_scale_at(&a->y, b->counts[i]), a->bottom - 1);
        double wide = fmax(right - left - gap, 0.5);
        leati_scene_rect(s, left + gap / 2, top, wide, a->bottom - top, round, ink);
        if (gap <= 0.5) continue;
        char from[LEATI_NUM_SIZE], to[LEATI_NUM_SIZE], count[LEATI_NUM_SIZE];
        leati_num_short(edge(b, i), 4, from);
        leati_num_short(edge(b, i + 1), 4, to);
        leati_num_grouped((int64_t)b->counts[i], count);
        leati_scene_hover(s, "%s to %s: %s", from, to, count);
    }
}

leati_scene *leati_chart_histogram(leat_context *c, const leati_histogram *in)
{
    binned b;
    double top;
    leati_chart chart = in->chart;
    if (!chart.y_label) chart.y_label = "rows";
    if (bin(c, in, 200, &b) != LEAT_OK) return NULL;
    leati_scene *s = leati_chart_begin(c, &chart, "histogram", 420, 260, &top);
    if (s) {
        leati_axis x = {.range = leati_range_widen(b.range, 0.01)};
        leati_axis y = {.range = {0, fmax(b.most, 1) * 1.04}};
        leati_axes a = leati_axes_draw(s, &chart, x, y, top, 8);
        draw_bins(s, &b, &a, (a.right - a.left) / (double)b.bins > 6 ? 1.5 : 0.5, 1.5);
        if (b.used == 0) leati_axes_empty(s, a.left, a.top, a.right, a.bottom);
    }
    leati_free(b.counts);
    return leati_scene_finish(s);
}

leati_scene *leati_chart_thumb_numbers(leat_context *c, const leati_histogram *in)
{
    binned b;
    double top;
    leati_chart chart = in->chart;
    chart.title = chart.subtitle = NULL;
    if (bin(c, in, MOST_THUMB, &b) != LEAT_OK) return NULL;
    leati_scene *s = leati_chart_begin(c, &chart, in->chart.title, 120, 28, &top);
    if (s) {
        leati_axes a = {.right = s->width, .bottom = s->height - 1};
        a.x = (leati_scale){.range = b.range, .from = 0, .to = s->width};
        a.y = (leati_scale){.range = {0, fmax(b.most, 1)}, .from = a.bottom, .to = 1};
        if (b.used) draw_bins(s, &b, &a, 0.5, 0);
        leati_scene_line(s, 0, s->height - 0.5, s->width, s->height - 0.5,
                         (leati_ink){.stroke = LEATI_HUE_AXIS});
    }
    leati_free(b.counts);
    return leati_scene_finish(s);
}
