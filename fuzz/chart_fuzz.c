/* Charts of any numbers with any texts: no crash, no coordinate that is not a number, and the SVG
 * holds no byte of the input as markup. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plot/chart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUES = 64, LABELS = 8, TEXT = 64 };

typedef struct input {
    double x[VALUES], y[VALUES];
    size_t count;
    char text[LABELS][TEXT];
    const char *labels[LABELS];
} input;

/* Numbers first, eight bytes each; what is left are the labels. */
static void split(input *in, const uint8_t *data, size_t size)
{
    memset(in, 0, sizeof *in);
    in->count = size ? data[0] % VALUES : 0;
    if (size) data++, size--;
    for (size_t i = 0; i < 2 * in->count && size >= sizeof(double); i++) {
        memcpy(i % 2 ? &in->y[i / 2] : &in->x[i / 2], data, sizeof(double));
        data += sizeof(double);
        size -= sizeof(double);
    }
    for (size_t i = 0; i < LABELS; i++) {
        size_t n = size < TEXT - 1 ? size : TEXT - 1;
        memcpy(in->text[i], data, n);
        in->labels[i] = in->text[i];
        data += n;
        size -= n;
    }
}

static void check(leat_context *c, leati_scene *s)
{
    leati_str svg;
    if (!s) abort();
    for (size_t i = 0; i < s->count; i++) {
        const leati_shape *p = &s->shapes[i];
        if (!isfinite(p->x) || !isfinite(p->y) || !isfinite(p->w) || !isfinite(p->h)) abort();
        for (size_t k = 0; k < 2 * p->count; k++)
            if (!isfinite(p->points[k])) abort();
    }
    leati_str_init(&svg, c);
    if (leati_scene_svg(s, &svg, LEATI_SVG_FRAGMENT) != LEAT_OK) abort();
    for (const char *p = leati_str_text(&svg); *p; p++) {
        if ((unsigned char)*p < 0x20 && *p != '\n') abort();
        if (*p == '<' && !strchr("/sgtdlrcp", p[1])) abort(); /* the elements we write */
    }
    leati_str_fini(&svg);
    leati_scene_destroy(s);
}

static void draw_all(leat_context *c, const input *in)
{
    leati_chart chart = {.title = in->labels[0], .x_label = in->labels[1], .width = 320};
    size_t few = in->count < LABELS ? in->count : LABELS, side = few < 5 ? few : 5;
    leati_histogram numbers = {.chart = chart, .values = in->x, .count = in->count};
    check(c, leati_chart_histogram(c, &numbers));
    check(c, leati_chart_thumb_numbers(c, &numbers));
    leati_bars bars = {.chart = chart,
                       .labels = in->labels,
                       .values = in->x,
                       .lo = in->y,
                       .hi = in->x,
                       .count = few};
    check(c, leati_chart_bars(c, &bars));
    check(c, leati_chart_class_balance(c, &bars));
    check(c, leati_chart_thumb_levels(c, &bars));
    leati_box box = {.label = in->labels[2], .values = in->x, .count = in->count};
    leati_boxes boxes = {.chart = chart, .boxes = &box, .count = 1, .reference = in->y};
    check(c, leati_chart_boxes(c, &boxes));
    leati_scatter points = {.chart = chart, .x = in->x, .y = in->y, .count = in->count};
    check(c, leati_chart_predicted(c, &points));
    check(c, leati_chart_residuals(c, &points));
    leati_series line = {.label = in->labels[3],
                         .x = in->x,
                         .y = in->y,
                         .lo = in->x,
                         .hi = in->y,
                         .count = in->count};
    leati_lines lines = {.chart = chart, .series = &line, .count = 1, .mark_x = in->x};
    check(c, leati_chart_lines(c, &lines));
    check(c, leati_chart_roc(c, &lines));
    lines.log_x = lines.log_y = true;
    check(c, leati_chart_validation_curve(c, &lines));
    leati_heat heat = {.chart = chart, .values = in->x, .labels = in->labels, .count = side};
    check(c, leati_chart_confusion(c, &heat));
    check(c, leati_chart_correlation(c, &heat));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in;
    leat_context *c;
    leat_context_options o = leat_context_options_default();
    o.threads = 1;
    if (leat_context_create(&c, &o) != LEAT_OK) return 0;
    split(&in, data, size);
    draw_all(c, &in);
    leat_context_destroy(c);
    return 0;
}
