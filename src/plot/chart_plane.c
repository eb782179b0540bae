/* Owns: groups of points in a plane without axes, such as projections of many dimensions give. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "plot/axes.h"
#include "plot/plot_text.h"

enum { MOST_GROUPS = 24, PAD = 14 };

typedef struct place {
    double middle_x, middle_y, scale; /* of the data; pixels of a unit */
    double left, top, width, height;
} place;

static double x_of(const place *p, double x)
{
    return p->left + p->width / 2 + (x - p->middle_x) * p->scale;
}

static double y_of(const place *p, double y)
{
    return p->top + p->height / 2 - (y - p->middle_y) * p->scale;
}

static bool usable(const leati_plane *in, size_t i)
{
    return isfinite(in->xy[2 * i]) && isfinite(in->xy[2 * i + 1]);
}

static place fit(const leati_plane *in, double top, double width, double height, size_t *used)
{
    leati_range x = leati_range_empty(), y = x;
    *used = 0;
    for (size_t i = 0; i < in->count; i++) {
        if (!usable(in, i)) continue;
        leati_range_add(&x, in->xy[2 * i]);
        leati_range_add(&y, in->xy[2 * i + 1]);
        ++*used;
    }
    place p = {.top = top, .width = width, .height = height};
    double wide = x.hi / 2 - x.lo / 2, high = y.hi / 2 - y.lo / 2; /* halves: no overflow */
    double sx = wide > 0 ? (width / 2 - PAD) / wide : (double)INFINITY;
    double sy = high > 0 ? (height / 2 - PAD) / high : (double)INFINITY;
    p.scale = fmin(sx, sy);
    if (!isfinite(p.scale)) p.scale = 1;
    p.middle_x = x.lo / 2 + x.hi / 2;
    p.middle_y = y.lo / 2 + y.hi / 2;
    return p;
}

static leati_range values_of(const leati_plane *in)
{
    leati_range r = leati_range_empty();
    if (in->value && !in->group) leati_range_add_all(&r, in->value, in->count);
    return r;
}

/* The least is still seen on the ground. */
static leati_ink ink_of_value(double value, const leati_range *r)
{
    if (!isfinite(value)) return (leati_ink){.stroke = LEATI_HUE_MUTED};
    double size = r->hi / 2 - r->lo / 2; /* halves: no overflow */
    double share = size > 0 ? (value / 2 - r->lo / 2) / size : 0.5;
    return (leati_ink){.fill = LEATI_HUE_ACCENT, .opacity = 0.14 + 0.86 * share};
}

/* A colour for eight groups; those beyond have the same again, as rings. */
static leati_ink ink_of(const leati_plane *in, size_t i, double radius)
{
    uint32_t group = in->group ? in->group[i] : 0;
    if (group == UINT32_MAX) return (leati_ink){.fill = LEATI_HUE_MUTED, .opacity = 0.5};
    leati_hue hue = in->group ? leati_hue_series(group) : LEATI_HUE_ACCENT;
    if (group / 8 % 2 == 0) return (leati_ink){.fill = hue, .opacity = 0.7};
    return (leati_ink){.stroke = hue, .width = radius * 0.5};
}

static void draw_points(leati_scene *s, const leati_plane *in, const place *p, size_t used)
{
    double radius = used > 1000 ? 2 : used > 300 ? 2.6 : 3.4;
    leati_range values = values_of(in);
    bool valued = in->value && !in->group;
    char number[LEATI_NUM_SIZE];
    for (size_t i = 0; i < in->count; i++) {
        if (!usable(in, i)) continue;
        leati_ink ink = valued ? ink_of_value(in->value[i], &values) : ink_of(in, i, radius);
        leati_scene_circle(s, x_of(p, in->xy[2 * i]), y_of(p, in->xy[2 * i + 1]),
                           ink.fill ? radius : radius * 0.75, ink);
        if (in->group && in->group[i] < in->group_count && in->groups[in->group[i]])
            leati_scene_hover(s, "%s", in->groups[in->group[i]]);
        if (!valued || !isfinite(in->value[i])) continue;
        leati_num_pretty(in->value[i], 4, number);
        leati_scene_hover(s, "%s", number);
    }
    if (in->marked < in->count && usable(in, in->marked)) {
        double x = x_of(p, in->xy[2 * in->marked]), y = y_of(p, in->xy[2 * in->marked + 1]);
        leati_scene_circle(s, x, y, 8, (leati_ink){.stroke = LEATI_HUE_SURFACE, .width = 5});
        leati_scene_circle(s, x, y, 8, (leati_ink){.stroke = LEATI_HUE_TEXT, .width = 2});
    }
}

static int rising(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The median of one coordinate of a group; NaN: it has no point. */
static double median(const leati_plane *in, uint32_t group, size_t k, double *space)
{
    size_t n = 0;
    for (size_t i = 0; i < in->count; i++)
        if (usable(in, i) && in->group[i] == group) space[n++] = in->xy[2 * i + k];
    qsort(space, n, sizeof *space, rising);
    return n ? space[n / 2] : (double)NAN;
}

typedef struct label {
    double left, top, right, bottom;
} label;

static bool meets(const label *a, const label *b)
{
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

/* Near (x, y), apart from those that stand; false: there is no room. */
static bool find_room(const leati_scene *s, const label *others, size_t count, double x, double y,
                      double width, label *out)
{
    for (int i = 0; i < 17; i++) {
        double at = y + (i % 2 ? 1 : -1) * (double)((i + 1) / 2) * 9;
        double left = fmin(fmax(x - width / 2, 2), s->width - width - 2);
        label l = {left - 3, at - 12, left + width + 3, at + 5};
        bool free = l.left >= 0 && l.top >= 20 && l.bottom <= s->height;
        for (size_t k = 0; free && k < count; k++) free = !meets(&l, &others[k]);
        *out = l;
        if (free) return true;
    }
    return false;
}

static leat_status draw_names(leati_scene *s, const leati_plane *in, const place *p)
{
    label placed[MOST_GROUPS];
    size_t count = 0;
    if (!in->group) return LEAT_OK;
    double *space = leati_array(s->context, in->count + 1, sizeof *space);
    if (!space) return leat_error_status(s->context);
    for (uint32_t g = 0; g < in->group_count && count < MOST_GROUPS; g++) {
        double x = x_of(p, median(in, g, 0, space)), y = y_of(p, median(in, g, 1, space));
        if (!in->groups[g] || !isfinite(x) || !isfinite(y)) continue;
        double width = fmin(leati_text_width(in->groups[g], LEATI_FONT_BODY, true), 110);
        label *l = &placed[count];
        if (!find_room(s, placed, count, x, y, width, l)) continue;
        count++;
        leati_scene_rect(s, l->left, l->top, l->right - l->left, l->bottom - l->top, 4,
                         (leati_ink){.fill = LEATI_HUE_SURFACE, .opacity = 0.78});
        leati_scene_text_fit(s, l->left + 3, l->top + 12.5, width,
                             (leati_font){.hue = leati_hue_series(g), .bold = true}, in->groups[g]);
    }
    leati_free(space);
    return LEAT_OK;
}

static bool check_groups(leat_context *c, const leati_plane *in)
{
    for (size_t i = 0; in->group && i < in->count; i++) {
        if (in->group[i] < in->group_count || in->group[i] == UINT32_MAX) continue;
        LEATI_FAIL(c, LEAT_INVALID, "point %zu is of group %u, but there are %zu groups", i,
                   (unsigned)in->group[i], in->group_count);
        return false;
    }
    return true;
}

leati_scene *leati_chart_plane(leat_context *c, const leati_plane *in)
{
    double top;
    size_t used;
    if (!check_groups(c, in)) return NULL;
    leati_scene *s = leati_chart_begin(c, &in->chart, "points in a plane", 420, 380, &top);
    if (!s) return NULL;
    top = leati_chart_head(&in->chart);
    place p = fit(in, top, s->width, fmax(s->height - top, 1), &used);
    draw_points(s, in, &p, used);
    leat_status st = draw_names(s, in, &p);
    if (used == 0) leati_axes_empty(s, 0, top, s->width, s->height);
    if (st == LEAT_OK) return leati_scene_finish(s);
    leati_scene_destroy(s);
    return NULL;
}
