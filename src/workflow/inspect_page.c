/* Owns: the page of an inspection: the answer, what decided it, every layer, many rows in a plane.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "model/model.h"
#include "plot/plot_text.h"
#include "plot/ramp.h"
#include "tensor/shape.h"
#include "workflow/inspect.h"
#include "workflow/report_html.h"

enum { MAPS_SHOWN = 64, CLASSES_SHOWN = 10, FEATURES_SHOWN = 15, STRIP = 64, SCALARS = 4096 };

static void shape_text(const leat_shape *s, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (int k = 0; k < s->rank && n < size; k++)
        n += (size_t)snprintf(out + n, size - n, "%s%lld", k ? " \xc3\x97 " : "",
                              (long long)s->dim[k]);
    if (!s->rank) snprintf(out, size, "1");
}

/* ---- the answer
 * ---------------------------------------------------------------------------------- */

typedef struct ranked {
    uint32_t class;
    double share;
} ranked;

static int likelier(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->share != y->share) return x->share > y->share ? -1 : 1;
    return (x->class > y->class) - (x->class < y->class);
}

static leati_scene *class_bars(leati_page *p, const leat_inspection *i)
{
    const leati_schema *s = &i->model->schema;
    const char *labels[CLASSES_SHOWN];
    double shares[CLASSES_SHOWN];
    size_t n = s->classes < CLASSES_SHOWN ? s->classes : CLASSES_SHOWN;
    ranked *all = leati_array(p->context, s->classes, sizeof *all);
    if (!all) return NULL;
    for (uint32_t k = 0; k < s->classes; k++) all[k] = (ranked){k, i->proba[k]};
    qsort(all, s->classes, sizeof *all, likelier);
    for (size_t k = 0; k < n; k++) labels[k] = i->names[all[k].class], shares[k] = all[k].share;
    leati_free(all);
    leati_bars in = {.chart = {.width = 400},
                     .labels = labels,
                     .values = shares,
                     .count = n,
                     .form = LEATI_BARS_SHARE};
    return leati_chart_bars(p->context, &in);
}

/* The input and, beside it, which of its pixels move the answer. */
static leati_scene *input_pictures(leati_page *p, const leat_inspection *i)
{
    size_t pixels = i->height * i->width, n = i->channels;
    leati_picture pictures[2] = {{.pixels = {i->picture, i->width, i->height, n},
                                  .label = i->truth ? i->truth : "the input"}};
    float *strength = leati_array(p->context, pixels, sizeof *strength);
    uint8_t *colours = leati_array(p->context, pixels, 3);
    leati_scene *scene = NULL;
    if (strength && colours) {
        for (size_t k = 0; k < pixels; k++) {
            strength[k] = 0;
            for (size_t ch = 0; i->act.saliency && ch < n; ch++)
                strength[k] = fmaxf(strength[k], fabsf(i->act.saliency[k * n + ch]));
        }
        leati_ramp r = leati_ramp_of(strength, pixels);
        leati_ramp_pixels(&r, strength, pixels, colours);
        pictures[1] = (leati_picture){.pixels = {colours, i->width, i->height, 3},
                                      .label = "what moves the answer"};
        leati_pictures in = {.chart = {.width = 400},
                             .pictures = pictures,
                             .count = i->act.saliency ? 2 : 1,
                             .tile = 180};
        scene = leati_chart_pictures(p->context, &in);
    }
    leati_free(strength);
    leati_free(colours);
    return scene;
}

typedef struct pull {
    size_t feature;
    double size;
} pull;

static int stronger(const void *a, const void *b)
{
    const pull *x = a, *y = b;
    if (x->size != y->size) return x->size > y->size ? -1 : 1;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

/* Of a table: the features with the greatest gradients. */
static leati_scene *feature_bars(leati_page *p, const leat_inspection *i)
{
    const leati_encoder *e = &i->model->pipeline.encoder;
    size_t n = leati_shape_count(&i->input);
    const char *labels[FEATURES_SHOWN];
    double values[FEATURES_SHOWN];
    pull *all = leati_array(p->context, n, sizeof *all);
    if (!all) return NULL;
    for (size_t k = 0; k < n; k++) all[k] = (pull){k, fabs((double)i->act.saliency[k])};
    qsort(all, n, sizeof *all, stronger);
    if (n > FEATURES_SHOWN) n = FEATURES_SHOWN;
    for (size_t k = 0; k < n; k++) {
        const char *name = all[k].feature < e->width ? e->features[all[k].feature].name : NULL;
        labels[k] = name ? name : "";
        values[k] = (double)i->act.saliency[all[k].feature];
    }
    leati_free(all);
    leati_bars in = {.chart = {.width = 400}, .labels = labels, .values = values, .count = n};
    return leati_chart_bars(p->context, &in);
}

static const char *output_name(const leat_inspection *i)
{
    return i->model->schema.task == LEATI_REGRESS ? "the prediction" : "the winning output";
}

/* A token on a ground that is the stronger, the more it moves the answer. Spaces that could end a
 * line stay visible. */
static void token_mark(leati_page *p, const char *token, float share, bool words, bool unknown)
{
    char style[240];
    snprintf(style, sizeof style,
             "<span style=\"white-space:pre-wrap;border-radius:3px;padding:2px %s;"
             "background:rgba(0,114,178,%.2f)%s\">",
             words ? "4px" : "1px", 0.75 * (double)share,
             unknown ? ";text-decoration:underline dotted" : "");
    leati_page_raw(p, style);
    leati_page_text(p, strcmp(token, "\n") == 0 ? "\\n" : token);
    leati_page_raw(p, words ? "</span> " : "</span>");
}

/* What was read, also where nothing is known of its weight. */
static void text_read(leati_page *p, const leat_inspection *i)
{
    size_t n = leati_shape_count(&i->input);
    bool words = i->model->pipeline.encoder.recipe.tokens.words;
    const float *weight = i->act.by_token ? i->act.saliency : NULL;
    float most = 0;
    for (size_t k = 0; weight && k < n; k++) most = fmaxf(most, weight[k]);
    leati_page_raw(p, "<figure class=\"half\"><p class=\"name\">What was read</p>\n<p "
                      "style=\"line-height:1.9\">");
    bool unknown = false;
    for (size_t k = 0; k < n; k++) {
        const char *word = i->word ? i->word[k] : NULL;
        if (*i->token[k] || word)
            token_mark(p, word ? word : i->token[k], most > 0 ? weight[k] / most : 0, words, word);
        unknown = unknown || word;
    }
    leati_page_raw(p, "</p>\n");
    if (unknown)
        leati_page_element(p, "figcaption",
                           "Dotted: not in the vocabulary; the network reads the same there, %s, "
                           "whatever is written.",
                           i->model->pipeline.encoder.recipe.tokens.unknown);
    if (most > 0)
        leati_page_element(p, "figcaption",
                           "The stronger the ground of a token, the more it moves %s: the length "
                           "of the gradient by what the embedding gives for it.",
                           output_name(i));
    leati_page_raw(p, "</figure>\n");
}

static void answer(leati_page *p, const leat_inspection *i)
{
    const leati_schema *s = &i->model->schema;
    char row[LEATI_NUM_SIZE], caption[200];
    snprintf(caption, sizeof caption,
             i->picture ? "Right: how strongly each pixel moves %s, by its gradient. Light pixels "
                          "move it most."
             : i->act.by_token ? "The length of the gradient of %s by what the embedding gives for "
                                 "each feature."
                               : "The gradient of %s by each feature, as the network is given it.",
             output_name(i));
    leati_num_grouped((int64_t)i->row + 1, row);
    leati_page_element(p, "p class=eyebrow", "Leat: inside %s", i->model->name);
    leati_page_element(p, "h1", "How a network sees row %s%s%s", row, *i->source ? " of " : "",
                       i->source);
    leati_page_raw(p, "<p class=\"answer\">");
    leati_page_text(p, s->target);
    leati_page_raw(p, ": <strong>");
    leati_page_text(p, i->verdict);
    leati_page_raw(p, "</strong></p>\n<div class=\"charts\"><div>\n");
    if (i->picture)
        leati_page_scene(p, input_pictures(p, i), "half", NULL, i->act.saliency ? caption : NULL);
    else if (i->token) text_read(p, i);
    else if (i->act.saliency)
        leati_page_scene(p, feature_bars(p, i), "half", "What moves the answer", caption);
    if (i->picture || i->token || i->act.saliency) leati_page_raw(p, "</div><div>\n");
    if (i->proba)
        leati_page_scene(p, class_bars(p, i), "half", "Probabilities",
                         s->classes > CLASSES_SHOWN ? "The ten likeliest classes." : NULL);
    leati_page_raw(p, "</div></div>\n");
}

/* ---- the table
 * ----------------------------------------------------------------------------------- */

static void flops_text(double flops, char out[32])
{
    static const char units[] = " kMGTP";
    int k = 0;
    while (flops >= 999.5 && k < 5) flops /= 1000, k++;
    if (!k) snprintf(out, 32, "%.0f", flops);
    else snprintf(out, 32, "%.*f %c", flops >= 99.95 ? 0 : flops >= 9.995 ? 1 : 2, flops, units[k]);
}

static void layer_line(leati_page *p, const leati_layer_row *r)
{
    char count[LEATI_NUM_SIZE], bytes[LEATI_NUM_SIZE], flops[32], shape[128];
    const char *name = strrchr(r->path, '/');
    size_t parameters = r->weights + r->states;
    leati_num_grouped((int64_t)parameters, count);
    leati_num_bytes(r->bytes, bytes);
    flops_text(r->flops, flops);
    shape_text(&r->output, shape, sizeof shape);
    leati_page_raw(p, "<tr><td class=\"c\">");
    for (unsigned d = 0; d < r->depth; d++) leati_page_raw(p, "&#8195;");
    leati_page_text(p, name ? name + 1 : r->path);
    leati_page_raw(p, r->shared ? " (shared)</td>" : "</td>");
    leati_page_element(p, "td style=white-space:nowrap", "%s", shape);
    leati_page_element(p, "td class=n", "%s", parameters && !r->shared ? count : "");
    leati_page_element(p, "td class=n", "%s", r->flops > 0 ? flops : "");
    leati_page_element(p, "td class=n", "%s", bytes);
    leati_page_raw(p, "</tr>\n");
}

static void parameter_line(leati_page *p, const char *name, size_t parameters)
{
    char count[LEATI_NUM_SIZE];
    leati_num_grouped((int64_t)parameters, count);
    leati_page_raw(p, "<tr><td>&#8195;");
    leati_page_text(p, name);
    leati_page_raw(p, "</td><td></td>");
    leati_page_element(p, "td class=n", "%s", count);
    leati_page_raw(p, "<td></td><td></td></tr>\n");
}

static void table(leati_page *p, const leat_inspection *i)
{
    char count[LEATI_NUM_SIZE], bytes[LEATI_NUM_SIZE], flops[32];
    size_t parameters = i->table.weights + i->table.states;
    leati_page_raw(p, "<h2>Layer by layer</h2>\n<div class=\"scroll\"><table>\n<thead><tr>"
                      "<th>layer</th><th>output</th><th class=\"n\">parameters</th>"
                      "<th class=\"n\">flops</th><th class=\"n\">memory</th></tr></thead>\n"
                      "<tbody>\n");
    for (size_t k = 0; k < i->table.count; k++) layer_line(p, &i->table.row[k]);
    leati_num_grouped((int64_t)parameters, count);
    leati_num_bytes(parameters * sizeof(float), bytes);
    flops_text(i->table.flops, flops);
    leati_page_raw(p, "<tr class=\"best\"><td>all</td><td></td>");
    leati_page_element(p, "td class=n", "%s", count);
    leati_page_element(p, "td class=n", "%s", flops);
    leati_page_raw(p, "<td></td></tr>\n");
    if (i->table.states) {
        parameter_line(p, "trained", i->table.weights);
        parameter_line(p, "not trained", i->table.states);
    }
    leati_page_raw(p, "</tbody></table></div>\n");
    leati_page_element(p, "p class=note",
                       "Flops are those of a forward pass of one sample, a multiplication and an "
                       "addition counted as two; memory is that of the output for one sample. The "
                       "parameters take %s.",
                       bytes);
}

/* ---- activations
 * --------------------------------------------------------------------------------- */

/* So many in a row that powers of two fill the rows. */
static double tile_of(size_t count, double width)
{
    double columns = width > 400 ? (count > 8 ? 16 : 8) : (count > 8 ? 8 : 4);
    return floor((width - 10 * (columns - 1)) / columns);
}

/* Values of (height, width, maps), channels last, as one picture a map. */
static leati_scene *map_tiles(leati_page *p, const float *values, const leat_shape *s, double width)
{
    size_t h = (size_t)s->dim[0], w = (size_t)s->dim[1], maps = (size_t)s->dim[2];
    size_t shown = maps < MAPS_SHOWN ? maps : MAPS_SHOWN;
    leati_ramp r = leati_ramp_of(values, h * w * maps);
    leati_picture *pictures = LEATI_NEW(p->context, leati_picture, shown);
    uint8_t *colours = leati_array(p->context, shown, h * w * 3);
    float *map = leati_array(p->context, h * w, sizeof *map);
    leati_scene *scene = NULL;
    if (pictures && colours && map) {
        for (size_t m = 0; m < shown; m++) {
            uint8_t *to = colours + m * h * w * 3;
            for (size_t k = 0; k < h * w; k++) map[k] = values[k * maps + m];
            leati_ramp_pixels(&r, map, h * w, to);
            pictures[m].pixels = (leati_pixels){to, w, h, 3};
        }
        leati_pictures in = {.chart = {.width = width},
                             .pictures = pictures,
                             .count = shown,
                             .tile = tile_of(shown, width)};
        scene = leati_chart_pictures(p->context, &in);
    }
    leati_free(pictures);
    leati_free(colours);
    leati_free(map);
    return scene;
}

/* A matrix, or a vector in lines, as one picture of squares. */
static leati_scene *strip(leati_page *p, const float *values, size_t rows, size_t columns,
                          size_t count, double width)
{
    double cell = fmin(floor(width / (double)columns), 18);
    if (cell < 1) cell = width / (double)columns;
    leati_ramp r = leati_ramp_of(values, count);
    uint8_t *colours = leati_calloc(p->context, rows * columns, 3);
    double height = fmin(cell * (double)rows, 900);
    leati_scene *s = colours ? leati_scene_create(p->context, width, height) : NULL;
    if (s) {
        leati_ramp_pixels(&r, values, count, colours);
        for (size_t k = 3 * count; k < 3 * rows * columns; k++) colours[k] = 128;
        leati_scene_image(s, 0, 0, cell * (double)columns, height,
                          &(leati_pixels){colours, columns, rows, 3});
        s = leati_scene_finish(s);
    }
    leati_free(colours);
    return s;
}

static leati_scene *values_scene(leati_page *p, const float *values, const leat_shape *s,
                                 double width)
{
    size_t count = leati_shape_count(s);
    if (s->rank == 3) return map_tiles(p, values, s, width);
    if (s->rank == 2) {
        size_t rows = (size_t)s->dim[0], columns = (size_t)s->dim[1];
        if (columns <= 1024) return strip(p, values, rows, columns, count, width);
    }
    if (count > SCALARS) count = SCALARS;
    size_t columns = count < STRIP ? count : STRIP;
    if (width < 400 && columns > STRIP / 2) columns = STRIP / 2;
    return strip(p, values, (count + columns - 1) / columns, columns, count, width);
}

static void both_widths(leati_page *p, const float *values, const leat_shape *s,
                        const char *caption)
{
    leati_page_scene(p, values_scene(p, values, s, 860), "wide", NULL, caption);
    leati_page_scene(p, values_scene(p, values, s, 340), "narrow", NULL, caption);
}

/* Flattening and dropout give what they get. */
static bool repeats(const leat_inspection *i, size_t k)
{
    const leati_activations *a = &i->act;
    size_t count = leati_shape_count(&a->shape[k]);
    const leat_shape *shape = k ? &a->shape[k - 1] : &i->input;
    const float *before = k ? a->values[k - 1] : i->x;
    return leati_shape_count(shape) == count &&
           memcmp(a->values[k], before, count * sizeof(float)) == 0;
}

/* The least and the greatest of those that are numbers. */
static void range_of(const float *values, size_t count, char least[LEATI_NUM_SIZE],
                     char most[LEATI_NUM_SIZE])
{
    double lo = (double)INFINITY, hi = -(double)INFINITY;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) continue;
        lo = fmin(lo, (double)values[i]);
        hi = fmax(hi, (double)values[i]);
    }
    leati_num_pretty(lo <= hi ? lo : (double)NAN, 3, least);
    leati_num_pretty(lo <= hi ? hi : (double)NAN, 3, most);
}

/* A network learns a target of mean 0 and standard deviation 1. */
static void unit_of_the_last(leati_page *p, const leat_inspection *i)
{
    char mean[LEATI_NUM_SIZE], scale[LEATI_NUM_SIZE];
    if (i->model->schema.task != LEATI_REGRESS || (i->mean == 0 && i->scale == 1)) return;
    leati_num_pretty(i->mean, 4, mean);
    leati_num_pretty(i->scale, 4, scale);
    leati_page_element(p, "p",
                       "The last layer counts in standard deviations of %s from its mean: the "
                       "prediction is %s + %s times its value.",
                       i->model->schema.target, mean, scale);
}

static void activations(leati_page *p, const leat_inspection *i)
{
    char shape[128], least[LEATI_NUM_SIZE], most[LEATI_NUM_SIZE], note[400], more[64];
    leati_page_raw(p, "<h2>What each layer makes of it</h2>\n");
    leati_page_element(p, "p",
                       "Dark is 0 and light is the greatest value of the layer; where values are "
                       "negative, too, those are orange, 0 is white and the others are blue, the "
                       "farthest from 0 darkest. Layers "
                       "that change nothing are left out.");
    for (size_t k = 0; k < i->act.count; k++) {
        const leat_shape *s = &i->act.shape[k];
        size_t count = leati_shape_count(s);
        if (!count || repeats(i, k)) continue;
        range_of(i->act.values[k], count, least, most);
        shape_text(s, shape, sizeof shape);
        *more = '\0';
        if (s->rank == 3 && s->dim[2] > MAPS_SHOWN)
            snprintf(more, sizeof more, "; the first %d maps", MAPS_SHOWN);
        if (s->rank != 3 && !(s->rank == 2 && s->dim[1] <= 1024) && count > SCALARS)
            snprintf(more, sizeof more, "; the first %d", SCALARS);
        bool one = strcmp(least, most) == 0;
        snprintf(note, sizeof note, "%s, %s%s%s%s%s", shape, one ? "" : "from ", least,
                 one ? "" : " to ", one ? "" : most, more);
        leati_page_element(p, "h3", "%s", i->table.row[k].path);
        both_widths(p, i->act.values[k], s, note);
    }
    unit_of_the_last(p, i);
}

/* ---- filters
 * ------------------------------------------------------------------------------------- */

/* RGB filters by their own least and greatest, those of one channel as signed numbers. */
static leati_scene *filter_tiles(leati_page *p, const leat_inspection *i, double width)
{
    size_t pixels = i->filter_height * i->filter_width, n = i->filter_channels;
    size_t shown = i->filters < MAPS_SHOWN ? i->filters : MAPS_SHOWN;
    leati_picture *pictures = LEATI_NEW(p->context, leati_picture, shown);
    uint8_t *colours = leati_array(p->context, shown, pixels * 3);
    leati_scene *scene = NULL;
    for (size_t f = 0; pictures && colours && f < shown; f++) {
        const float *from = i->filter + f * pixels * n;
        uint8_t *to = colours + f * pixels * 3;
        leati_ramp r = leati_ramp_of(from, pixels * n);
        r.is_signed = true;
        if (n == 3) leati_pixels_scale(from, pixels * n, -r.most, r.most, to);
        else leati_ramp_pixels(&r, from, pixels, to);
        pictures[f].pixels = (leati_pixels){to, i->filter_width, i->filter_height, 3};
    }
    if (pictures && colours) {
        leati_pictures in = {.chart = {.width = width},
                             .pictures = pictures,
                             .count = shown,
                             .tile = tile_of(i->filter_width > 12 ? 1 : shown, width)};
        scene = leati_chart_pictures(p->context, &in);
    }
    leati_free(pictures);
    leati_free(colours);
    return scene;
}

static void filters(leati_page *p, const leat_inspection *i)
{
    char caption[256];
    if (!i->filter) return;
    size_t shown = i->filters < MAPS_SHOWN ? i->filters : MAPS_SHOWN;
    leati_page_raw(p, "<h2>What the first layer looks for</h2>\n");
    snprintf(caption, sizeof caption,
             "The weights of %zu of the %zu %s of %.100s, each by its own greatest: %s.", shown,
             i->filters, i->filter_width == i->width ? "units" : "filters", i->filter_layer,
             i->filter_channels == 3 ? "as colours, 0 is gray"
                                     : "orange is negative, white 0, blue positive");
    leati_page_scene(p, filter_tiles(p, i, 860), "wide", NULL, caption);
    leati_page_scene(p, filter_tiles(p, i, 340), "narrow", NULL, caption);
}

/* ---- the plane
 * ----------------------------------------------------------------------------------- */

static leati_scene *plane(leati_page *p, const leat_inspection *i, const double *xy)
{
    const leati_schema *s = &i->model->schema;
    leati_plane in = {.chart = {.width = 420, .height = 400},
                      .xy = xy,
                      .group = i->map.group,
                      .groups = (const char *const *)i->names,
                      .count = i->map.count,
                      .group_count = s->classes,
                      .value = i->map.value,
                      .marked = i->map.marked};
    return leati_chart_plane(p->context, &in);
}

static void say_values(leati_page *p, const leat_inspection *i)
{
    char least[LEATI_NUM_SIZE], most[LEATI_NUM_SIZE];
    double lo = (double)INFINITY, hi = -(double)INFINITY;
    const leati_layer_map *m = &i->map;
    for (size_t k = 0; m->value && k < m->count; k++) {
        if (!isfinite(m->value[k])) continue;
        lo = fmin(lo, m->value[k]);
        hi = fmax(hi, m->value[k]);
    }
    if (!(lo < hi)) return;
    leati_num_pretty(lo, 4, least);
    leati_num_pretty(hi, 4, most);
    leati_page_element(p, "p", "The stronger a point, the greater %s%s: from %s to %s.",
                       m->predicted ? "the prediction of " : "", i->model->schema.target, least,
                       most);
}

static void planes(leati_page *p, const leat_inspection *i)
{
    const leati_layer_map *m = &i->map;
    char caption[200], first[LEATI_FIXED_SIZE], second[LEATI_FIXED_SIZE], rows[LEATI_NUM_SIZE];
    if (!m->count) return;
    leati_page_raw(p, "<h2>Many rows, as a layer sees them</h2>\n");
    leati_num_grouped((int64_t)m->count, rows);
    leati_page_element(p, "p",
                       "The output of %s for %s rows, brought into a plane: rows that the network "
                       "takes for alike lie together.%s",
                       i->table.row[m->layer].path, rows,
                       m->marked != SIZE_MAX ? " The ring is the row above." : "");
    say_values(p, i);
    leati_fixed(100 * m->share[0], 0, first);
    leati_fixed(100 * m->share[1], 0, second);
    snprintf(caption, sizeof caption,
             "The two directions of greatest variance; they hold %s%% and %s%% of it.", first,
             second);
    leati_page_raw(p, "<div class=\"charts\"><div>\n");
    leati_page_scene(p, plane(p, i, m->pca), "half", "Principal components", caption);
    leati_page_raw(p, "</div><div>\n");
    if (m->tsne)
        leati_page_scene(p, plane(p, i, m->tsne), "half", "t-SNE",
                         "Keeps neighbours together; distances between groups and their sizes "
                         "mean little.");
    leati_page_raw(p, "</div></div>\n");
}

leat_status leat_inspection_page(leat_context *c, const leat_inspection *i, const char *path)
{
    leati_str html;
    LEATI_CHECK(c, i->verdict, LEAT_INVALID, "no row was looked at: a page is of one");
    leati_str_init(&html, c);
    leati_page p = {.context = c, .out = &html};
    leati_page_begin(&p, i->model->name);
    answer(&p, i);
    table(&p, i);
    activations(&p, i);
    filters(&p, i);
    planes(&p, i);
    leati_page_element(&p, "footer", "Made by Leat %s.", leat_version());
    leati_page_end(&p);
    leat_status st = p.status != LEAT_OK ? p.status : leati_str_status(&html);
    if (st == LEAT_OK) st = leati_file_write(c, path, leati_str_text(&html), html.length);
    leati_str_fini(&html);
    return st;
}
