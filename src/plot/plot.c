/* Owns: the public functions on plots. The charts are in chart_*.c. */
#include <leat/plot.h>

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/options.h"
#include "plot/chart.h"
#include "plot/column_data.h"

enum { POINTS_MOST = 200000, LEVELS_MOST = 20 };

struct leat_plot {
    leati_scene *scene;
    leati_str svg;
    double scale;
    bool dark;
};

leat_plot_options leat_plot_options_default(void)
{
    return (leat_plot_options){.struct_size = sizeof(leat_plot_options)};
}

static leati_chart chart_of(const leat_plot_options *o)
{
    return (leati_chart){.title = o->title,
                         .subtitle = o->subtitle,
                         .about = o->about,
                         .x_label = o->x_label,
                         .y_label = o->y_label,
                         .width = o->width,
                         .height = o->height};
}

/* Takes the scene over; NULL: its error is recorded. */
static leat_status wrap(leat_context *c, leat_plot **out, leati_scene *scene,
                        const leat_plot_options *o)
{
    *out = NULL;
    if (!scene) return leat_error_status(c) ? leat_error_status(c) : LEAT_NOMEM;
    leat_plot *plot = leati_calloc(c, 1, sizeof *plot);
    if (!plot) {
        leati_scene_destroy(scene);
        return leat_error_status(c);
    }
    plot->scene = scene;
    plot->dark = o->dark;
    plot->scale = o->scale > 0 ? o->scale : 2;
    leati_str_init(&plot->svg, c);
    leat_status st = leati_scene_svg(scene, &plot->svg, LEATI_SVG_FILE);
    if (st == LEAT_OK) *out = plot;
    else leat_plot_destroy(plot);
    return st;
}

void leat_plot_destroy(leat_plot *plot)
{
    if (!plot) return;
    leati_scene_destroy(plot->scene);
    leati_str_fini(&plot->svg);
    leati_free(plot);
}

const char *leat_plot_svg(const leat_plot *plot)
{
    return leati_str_text(&plot->svg);
}

leat_status leat_plot_save(leat_context *c, const leat_plot *plot, const char *path)
{
    if (leati_path_has_suffix(path, ".svg"))
        return leati_file_write(c, path, leat_plot_svg(plot), plot->svg.length);
    if (leati_path_has_suffix(path, ".png"))
        return leati_scene_png(plot->scene, c, path, plot->scale, plot->dark);
    return LEATI_FAIL(c, LEAT_INVALID, "%s: a chart is written as .svg or .png", path);
}

leat_status leat_plot_histogram(leat_context *c, leat_plot **out, const double *values,
                                size_t count, const leat_plot_options *options)
{
    leat_plot_options o = leat_plot_options_default();
    *out = NULL;
    LEATI_TRY(LEATI_OPTIONS(c, leat_plot_options, &o, options));
    leati_histogram in = {.chart = chart_of(&o), .values = values, .count = count, .bins = o.bins};
    return wrap(c, out, leati_chart_histogram(c, &in), &o);
}

leat_status leat_plot_bars(leat_context *c, leat_plot **out, const char *const *labels,
                           const double *values, size_t count, const leat_plot_options *options)
{
    leat_plot_options o = leat_plot_options_default();
    *out = NULL;
    LEATI_TRY(LEATI_OPTIONS(c, leat_plot_options, &o, options));
    leati_bars in = {.chart = chart_of(&o), .labels = labels, .values = values, .count = count};
    return wrap(c, out, leati_chart_bars(c, &in), &o);
}

leat_status leat_plot_scatter(leat_context *c, leat_plot **out, const double *x, const double *y,
                              size_t count, const leat_plot_options *options)
{
    leat_plot_options o = leat_plot_options_default();
    *out = NULL;
    LEATI_TRY(LEATI_OPTIONS(c, leat_plot_options, &o, options));
    leati_scatter in = {.chart = chart_of(&o), .x = x, .y = y, .count = count};
    return wrap(c, out, leati_chart_scatter(c, &in), &o);
}

leat_status leat_plot_lines(leat_context *c, leat_plot **out, const leat_plot_line *lines,
                            size_t count, const leat_plot_options *options)
{
    leat_plot_options o = leat_plot_options_default();
    *out = NULL;
    LEATI_TRY(LEATI_OPTIONS(c, leat_plot_options, &o, options));
    leati_series *series = LEATI_NEW(c, leati_series, count);
    if (!series) return leat_error_status(c);
    for (size_t i = 0; i < count; i++)
        series[i] = (leati_series){.label = lines[i].label,
                                   .x = lines[i].x,
                                   .y = lines[i].y,
                                   .lo = lines[i].low,
                                   .hi = lines[i].high,
                                   .count = lines[i].count};
    leati_lines in = {.chart = chart_of(&o),
                      .series = series,
                      .count = count,
                      .log_x = o.log_x,
                      .log_y = o.log_y};
    leat_status st = wrap(c, out, leati_chart_lines(c, &in), &o);
    leati_free(series);
    return st;
}

leat_status leat_plot_boxes(leat_context *c, leat_plot **out, const leat_plot_group *groups,
                            size_t count, const leat_plot_options *options)
{
    leat_plot_options o = leat_plot_options_default();
    *out = NULL;
    LEATI_TRY(LEATI_OPTIONS(c, leat_plot_options, &o, options));
    leati_box *boxes = LEATI_NEW(c, leati_box, count);
    if (!boxes) return leat_error_status(c);
    for (size_t i = 0; i < count; i++)
        boxes[i] = (leati_box){.label = groups[i].label,
                               .values = groups[i].values,
                               .count = groups[i].count,
                               .accent = true};
    leati_boxes in = {.chart = chart_of(&o), .boxes = boxes, .count = count};
    leat_status st = wrap(c, out, leati_chart_boxes(c, &in), &o);
    leati_free(boxes);
    return st;
}

/* --- columns of a frame
 * ---------------------------------------------------------------------------*/

static leat_status find(leat_context *c, const leat_frame *f, const char *name,
                        const leati_column **col)
{
    size_t at;
    LEATI_TRY(leat_frame_require(c, f, name, &at));
    *col = f->column[at];
    LEATI_CHECK(c, (*col)->type != LEAT_ARRAY, LEAT_TYPE,
                "column '%s' holds arrays: a chart takes numbers or texts", name);
    return LEAT_OK;
}

leat_status leat_plot_column(leat_context *c, leat_plot **out, const leat_frame *frame,
                             const char *column, const leat_plot_options *options)
{
    leat_plot_options o = leat_plot_options_default();
    const leati_column *col;
    *out = NULL;
    LEATI_TRY(LEATI_OPTIONS(c, leat_plot_options, &o, options));
    LEATI_TRY(find(c, frame, column, &col));
    if (!o.x_label) o.x_label = column;
    if (col->type == LEAT_STRING || col->type == LEAT_BOOL) {
        leati_levels levels;
        LEATI_TRY(leati_levels_make(c, &levels, col, LEVELS_MOST));
        leati_bars in = {.chart = chart_of(&o),
                         .labels = levels.labels,
                         .values = levels.counts,
                         .count = levels.count,
                         .form = LEATI_BARS_COUNT};
        leat_status st = wrap(c, out, leati_chart_bars(c, &in), &o);
        leati_levels_fini(&levels);
        return st;
    }
    size_t count;
    double *values = leati_column_numbers(c, col, SIZE_MAX, &count);
    if (!values) return leat_error_status(c);
    leat_status st = leat_plot_histogram(c, out, values, count, &o);
    leati_free(values);
    return st;
}

static bool is_group(const leati_column *col)
{
    return col->type == LEAT_STRING || col->type == LEAT_BOOL;
}

static bool is_measure(const leati_column *col)
{
    return leati_column_is_number(col) && !is_group(col);
}

/* The values of `number` that belong to level `code` of `group`, packed into `to`. */
static size_t pick(const leati_column *number, const leati_column *group, uint32_t code,
                   const double *values, double *to)
{
    size_t n = 0;
    for (size_t row = 0; row < number->rows; row++) {
        if (!leati_valid(group, row) || !isfinite(values[row])) continue;
        uint32_t own = group->type == LEAT_BOOL ? group->u8[row] != 0 : group->codes[row];
        if (own == code) to[n++] = values[row];
    }
    return n;
}

static leat_status boxes_by(leat_context *c, leat_plot **out, const leati_column *number,
                            const leati_column *group, const leat_plot_options *o)
{
    leat_plot_group groups[LEVELS_MOST];
    leati_levels levels;
    size_t count, used = 0;
    LEATI_TRY(leati_levels_make(c, &levels, group, LEVELS_MOST));
    double *values = leati_column_numbers(c, number, SIZE_MAX, &count);
    double *sorted = values ? leati_array(c, count, sizeof *sorted) : NULL;
    leat_status st = sorted ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; st == LEAT_OK && i < levels.count; i++) {
        size_t n = pick(number, group, levels.codes[i], values, sorted + used);
        groups[i] =
            (leat_plot_group){.label = levels.labels[i], .values = sorted + used, .count = n};
        used += n;
    }
    if (st == LEAT_OK) st = leat_plot_boxes(c, out, groups, levels.count, o);
    leati_free(values);
    leati_free(sorted);
    leati_levels_fini(&levels);
    return st;
}

leat_status leat_plot_columns(leat_context *c, leat_plot **out, const leat_frame *frame,
                              const char *x, const char *y, const leat_plot_options *options)
{
    leat_plot_options o = leat_plot_options_default();
    const leati_column *across, *up;
    *out = NULL;
    LEATI_TRY(LEATI_OPTIONS(c, leat_plot_options, &o, options));
    LEATI_TRY(find(c, frame, x, &across));
    LEATI_TRY(find(c, frame, y, &up));
    if (is_measure(across) && is_group(up)) {
        if (!o.x_label) o.x_label = x;
        return boxes_by(c, out, across, up, &o);
    }
    if (is_measure(up) && is_group(across)) {
        if (!o.x_label) o.x_label = y;
        return boxes_by(c, out, up, across, &o);
    }
    LEATI_CHECK(c, is_measure(across) && is_measure(up), LEAT_TYPE,
                "neither '%s' nor '%s' is a column of numbers", x, y);
    if (!o.x_label) o.x_label = x;
    if (!o.y_label) o.y_label = y;
    size_t count, other;
    double *xs = leati_column_numbers(c, across, POINTS_MOST, &count);
    double *ys = xs ? leati_column_numbers(c, up, POINTS_MOST, &other) : NULL;
    leat_status st = ys ? leat_plot_scatter(c, out, xs, ys, count, &o) : leat_error_status(c);
    leati_free(xs);
    leati_free(ys);
    return st;
}
