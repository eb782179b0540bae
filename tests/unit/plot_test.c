/* Every chart of charts.def on friendly and on hostile data: text stays inside and apart, SVG is
 * well-formed and the same each time, PNG has the right size. `LEAT_GALLERY=FILE.html plot_test
 * gallery` writes a page with all charts to look at. */
#include "support/leattest.h"

#include <leat/plot.h>

#include "base/error.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "plot/axes.h"
#include "plot/chart.h"
#include "plot/column_data.h"
#include "plot/plot_text.h"

/* fontconfig, below cairo, keeps what it read of the fonts until the process ends. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig\n";
}

typedef enum variant {
    FRIENDLY,
    EMPTY,
    ONE,
    CONSTANT,
    ALL_NAN,
    SOME_NAN,
    INFINITE,
    ENORMOUS,
    DENORMAL,
    MANY,
    HOSTILE_TEXT,
    VARIANTS
} variant;

enum { N = 4000 };

typedef struct sample_data {
    variant v;
    double width;
    double x[N], y[N], z[N];
    uint32_t group[N];
    const char *labels[N];
    size_t count;
} sample_data;

static const char *const species[] = {
    "setosa", "versicolor", "virginica", "adelie", "chinstrap",
    "gentoo", "usa",        "japan",     "europe", "a rather long name of a category",
    "x"};

/* About normal: the sum of 12 uniforms. */
static double noise(uint64_t i, uint64_t stream)
{
    uint64_t h = (i + 1) * 0x9e3779b97f4a7c15u ^ (stream + 1) * 0xbf58476d1ce4e5b9u;
    double sum = -6;
    for (int k = 0; k < 12; k++) {
        h ^= h >> 29;
        h *= 0x94d049bb133111ebu;
        h ^= h >> 32;
        sum += (double)(h >> 11) / 9007199254740992.0;
    }
    return sum;
}

static double bend(variant v, size_t i, double value)
{
    static const double huge[] = {1e308, -1e308, 1e-308, 0, 1e300, -1, 1e17};
    switch (v) {
    case CONSTANT: return 42;
    case ALL_NAN: return (double)NAN;
    case SOME_NAN: return i % 3 == 1 ? (double)NAN : value;
    case INFINITE: return i % 4 == 1 ? (double)INFINITY : i % 4 == 3 ? (double)-INFINITY : value;
    case ENORMOUS: return huge[i % 7];
    case DENORMAL: return (double)i * 5e-324;
    default: return value;
    }
}

static void fill(sample_data *d, variant v, size_t friendly, double width)
{
    static const char *const nasty[] = {"<script>alert(1)</script>",
                                        "a\"b'c&d",
                                        "]]>",
                                        "\x01\x02\xff\xc3",
                                        "\xf0\x9f\x98\x80\xe6\x97\xa5\xe6\x9c\xac",
                                        "-->",
                                        ""};
    d->v = v;
    d->width = width;
    d->count = v == EMPTY ? 0 : v == ONE ? 1 : v == MANY && friendly > 20 ? N : friendly;
    for (size_t i = 0; i < N; i++) {
        d->x[i] = bend(v, i, noise(i, 1) * 3 + 12);
        d->y[i] = bend(v, i, d->x[i] * 1.8 + noise(i, 2) * 2.5);
        d->z[i] = bend(v, i + 1, noise(i, 3));
        d->group[i] = (uint32_t)(i % 3);
        d->labels[i] = v == HOSTILE_TEXT ? nasty[i % 7] : species[i % 11];
    }
}

/* --- one sample per row of charts.def ------------------------------------------------------------
 */

static leati_chart chart_of(const sample_data *d, const char *title, const char *subtitle)
{
    leati_chart chart = {.title = title, .subtitle = subtitle, .width = d->width};
    if (d->v == HOSTILE_TEXT) {
        chart.title = "<img src=x onerror=alert(1)> & \"title\"";
        chart.about = "</desc></svg><script>";
        chart.x_label = chart.y_label = "</text>\xfe";
    }
    return chart;
}

static leati_scene *sample_histogram(leat_context *c, sample_data *d)
{
    leati_histogram in = {
        .chart = chart_of(d, "Weight", "398 rows"), .values = d->x, .count = d->count};
    if (d->v != HOSTILE_TEXT) in.chart.x_label = "weight in kg";
    return leati_chart_histogram(c, &in);
}

static leati_scene *sample_thumb_numbers(leat_context *c, sample_data *d)
{
    leati_histogram in = {.chart = chart_of(d, "thumb", NULL), .values = d->x, .count = d->count};
    in.chart.width = 120;
    return leati_chart_thumb_numbers(c, &in);
}

static size_t few(const sample_data *d, size_t most)
{
    return d->count < most ? d->count : d->v == MANY ? most * 6 : most;
}

static leati_scene *bars(leat_context *c, sample_data *d, const char *title, leati_bar_form form,
                         bool intervals, leati_scene *(*draw)(leat_context *, const leati_bars *))
{
    size_t n = few(d, 7);
    for (size_t i = 0; i < n && d->v == FRIENDLY; i++) {
        d->x[i] = form == LEATI_BARS_COUNT   ? 1500.0 / (double)((i + 1) * (i + 1))
                  : form == LEATI_BARS_SHARE ? 0.3 / (double)((i + 1) * (i + 1))
                                             : 0.42 / (double)(i + 1) - 0.07;
        d->y[i] = d->x[i] - 0.03;
        d->z[i] = d->x[i] + 0.02;
    }
    leati_bars in = {.chart = chart_of(d, title, NULL),
                     .labels = d->labels,
                     .values = d->x,
                     .lo = intervals ? d->y : NULL,
                     .hi = intervals ? d->z : NULL,
                     .count = n,
                     .form = form};
    return draw(c, &in);
}

static leati_scene *sample_bars(leat_context *c, sample_data *d)
{
    return bars(c, d, "Sales", LEATI_BARS_NUMBER, false, leati_chart_bars);
}

static leati_scene *sample_importance(leat_context *c, sample_data *d)
{
    return bars(c, d, "What the model leans on", LEATI_BARS_NUMBER, true, leati_chart_importance);
}

static leati_scene *sample_class_balance(leat_context *c, sample_data *d)
{
    return bars(c, d, "Classes", LEATI_BARS_COUNT, false, leati_chart_class_balance);
}

static leati_scene *sample_missing(leat_context *c, sample_data *d)
{
    return bars(c, d, "Missing values", LEATI_BARS_SHARE, false, leati_chart_missing);
}

static leati_scene *sample_against(leat_context *c, sample_data *d)
{
    size_t n = few(d, 5);
    for (size_t i = 0; i < n && d->v == FRIENDLY; i++) {
        d->x[i] = 0.5 / (double)((i + 1) * (i + 1));
        d->y[i] = i < 4 ? 0.5 / (double)((4 - i) * (4 - i)) : 0;
    }
    leati_against in = {.chart = chart_of(d, "Colour", NULL),
                        .labels = d->labels,
                        .then = d->x,
                        .now = d->y,
                        .then_name = "training",
                        .now_name = "last window",
                        .count = n};
    return leati_chart_against(c, &in);
}

static leati_scene *sample_thumb_levels(leat_context *c, sample_data *d)
{
    leati_scene *s;
    double width = d->width;
    d->width = 120;
    s = bars(c, d, "thumb", LEATI_BARS_COUNT, false, leati_chart_thumb_levels);
    d->width = width;
    return s;
}

static leati_scene *sample_boxes(leat_context *c, sample_data *d)
{
    static const char *const names[] = {"svr (rbf)", "knn", "ridge", "cart", "baseline (mean)"};
    leati_box boxes[5];
    size_t n = few(d, 5);
    if (n > 5) n = 5;
    for (size_t i = 0; i < n; i++) {
        size_t per = d->v == ONE ? 1 : d->v == MANY ? 800 : 10;
        for (size_t k = 0; k < per && d->v == FRIENDLY; k++)
            d->x[i * per + k] = 1.8 + 0.25 * (double)i + 0.12 * noise(i * per + k, 4);
        boxes[i] = (leati_box){.label = d->v == HOSTILE_TEXT ? d->labels[i] : names[i],
                               .note = "1.87 (1.71 to 2.03)",
                               .values = d->x + i * per,
                               .count = per,
                               .accent = i == 0};
    }
    leati_boxes in = {.chart = chart_of(d, "Mean absolute error over the folds", "less is better"),
                      .boxes = boxes,
                      .count = n,
                      .reference = d->count ? &d->x[0] : NULL,
                      .reference_label = "as before"};
    if (d->v != HOSTILE_TEXT) in.chart.x_label = "mean absolute error (miles per gallon)";
    return leati_chart_boxes(c, &in);
}

static leati_scene *scatter(leat_context *c, sample_data *d, const char *title, bool grouped,
                            leati_scene *(*draw)(leat_context *, const leati_scatter *))
{
    leati_scatter in = {.chart = chart_of(d, title, NULL),
                        .x = d->x,
                        .y = d->y,
                        .count = d->count,
                        .group = grouped ? d->group : NULL,
                        .groups = grouped ? d->labels : NULL,
                        .group_count = grouped ? 3 : 0};
    return draw(c, &in);
}

static leati_scene *sample_scatter(leat_context *c, sample_data *d)
{
    return scatter(c, d, "Length and width", true, leati_chart_scatter);
}

static leati_scene *sample_predicted(leat_context *c, sample_data *d)
{
    for (size_t i = 0; i < N && d->v == FRIENDLY; i++) d->y[i] = d->x[i] + noise(i, 9);
    return scatter(c, d, "Predicted and actual", false, leati_chart_predicted);
}

static leati_scene *sample_residuals(leat_context *c, sample_data *d)
{
    for (size_t i = 0; i < N && d->v == FRIENDLY; i++) d->y[i] = noise(i, 9) * d->x[i] / 10;
    return scatter(c, d, "Residuals", false, leati_chart_residuals);
}

static leati_scene *sample_lines(leat_context *c, sample_data *d)
{
    size_t n = few(d, 60);
    for (size_t i = 0; i < n && d->v == FRIENDLY; i++) {
        d->x[i] = (double)(i + 1);
        d->y[i] = 2.2 / sqrt((double)(i + 1)) + 0.03 * noise(i, 1);
        d->z[i] = 2.3 / sqrt((double)(i + 1)) + 0.12 + 0.04 * noise(i, 2);
    }
    leati_series series[] = {
        {.label = "validation", .x = d->x, .y = d->z, .count = n},
        {.label = "training", .x = d->x, .y = d->y, .count = n, .hue = LEATI_HUE_SERIES7}};
    leati_lines in = {.chart = chart_of(d, "Loss", NULL), .series = series, .count = 2};
    if (d->v != HOSTILE_TEXT) {
        in.chart.x_label = "epoch";
        in.chart.y_label = "cross-entropy";
    }
    return leati_chart_lines(c, &in);
}

static leati_scene *banded(leat_context *c, sample_data *d, bool log_x,
                           leati_scene *(*draw)(leat_context *, const leati_lines *))
{
    static double lo[2][N], hi[2][N];
    size_t n = few(d, 8);
    for (size_t i = 0; i < n; i++) {
        if (d->v == FRIENDLY) {
            d->x[i] = log_x ? pow(10, (double)i - 4) : 36 * (double)(i + 1);
            d->y[i] = 0.99 - 0.02 * (double)i / 8;
            d->z[i] = 0.95 - 0.3 / (double)(i + 1);
        }
        lo[0][i] = d->y[i] - 0.01, hi[0][i] = d->y[i] + 0.01;
        lo[1][i] = d->z[i] - 0.05, hi[1][i] = d->z[i] + 0.04;
    }
    leati_series series[] = {{.label = "validation 0.91",
                              .x = d->x,
                              .y = d->z,
                              .lo = lo[1],
                              .hi = hi[1],
                              .count = n,
                              .points = true},
                             {.label = "training 0.97",
                              .x = d->x,
                              .y = d->y,
                              .lo = lo[0],
                              .hi = hi[0],
                              .count = n,
                              .hue = LEATI_HUE_SERIES7,
                              .points = true}};
    leati_lines in = {.chart = chart_of(d, log_x ? "Validation curve" : "Learning curve", NULL),
                      .series = series,
                      .count = 2,
                      .log_x = log_x,
                      .mark_x = log_x && n > 2 ? &d->x[2] : NULL,
                      .mark_label = "chosen"};
    if (d->v != HOSTILE_TEXT) in.chart.y_label = "accuracy";
    return draw(c, &in);
}

static leati_scene *sample_learning_curve(leat_context *c, sample_data *d)
{
    return banded(c, d, false, leati_chart_learning_curve);
}

static leati_scene *sample_validation_curve(leat_context *c, sample_data *d)
{
    return banded(c, d, true, leati_chart_validation_curve);
}

static leati_scene *rates(leat_context *c, sample_data *d, bool falling,
                          leati_scene *(*draw)(leat_context *, const leati_lines *))
{
    static double y[3][N];
    leati_series series[3];
    size_t n = few(d, 40);
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < n; i++) {
            double t = (double)i / 39;
            if (d->v == FRIENDLY) d->x[i] = t;
            y[k][i] = bend(d->v, i,
                           falling ? 1 - pow(t, 6 - 2 * (double)k) : pow(t, 0.1 + 0.1 * (double)k));
        }
        series[k] = (leati_series){.label = d->v == HOSTILE_TEXT ? d->labels[k]
                                            : k == 0             ? "setosa  0.998"
                                            : k == 1             ? "versicolor  0.974"
                                                                 : "virginica  0.951",
                                   .x = d->x,
                                   .y = y[k],
                                   .count = n,
                                   .steps = falling};
    }
    leati_lines in = {.chart = chart_of(d, falling ? "Precision and recall" : "ROC", NULL),
                      .series = series,
                      .count = n ? 3 : 0,
                      .level = 0.33};
    return draw(c, &in);
}

static leati_scene *sample_roc(leat_context *c, sample_data *d)
{
    return rates(c, d, false, leati_chart_roc);
}

static leati_scene *sample_precision_recall(leat_context *c, sample_data *d)
{
    return rates(c, d, true, leati_chart_precision_recall);
}

static leati_scene *sample_calibration(leat_context *c, sample_data *d)
{
    leati_reliability_bin bins[60];
    size_t n = few(d, 10);
    for (size_t i = 0; i < n; i++) {
        double p = bend(d->v, i, ((double)i + 0.5) / 10), o = bend(d->v, i, p + 0.06 * noise(i, 5));
        bins[i] = (leati_reliability_bin){.predicted = p,
                                          .observed = o,
                                          .lo = o - 0.08,
                                          .hi = o + 0.08,
                                          .count = bend(d->v, i, 20 + 30 * fabs((double)i - 4.5))};
    }
    leati_reliability in = {.chart = chart_of(d, "Calibration", NULL), .bins = bins, .count = n};
    return leati_chart_calibration(c, &in);
}

static leati_scene *heat(leat_context *c, sample_data *d, bool confusion)
{
    size_t n = few(d, confusion ? 3 : 7);
    for (size_t i = 0; i < n * n; i++) {
        bool same = i / n == i % n;
        double count = same ? 47 - 2 * (double)(i % n) : (i / n + i % n) % 3 ? 0 : 3;
        d->y[i] = bend(d->v, i, confusion ? count : same ? 1 : 0.45 * noise(i / n + i % n, 6));
    }
    leati_heat in = {.chart = chart_of(d, confusion ? "Confusion matrix" : "Correlations", NULL),
                     .values = d->y,
                     .labels = d->labels,
                     .count = n};
    return confusion ? leati_chart_confusion(c, &in) : leati_chart_correlation(c, &in);
}

static leati_scene *sample_confusion(leat_context *c, sample_data *d)
{
    return heat(c, d, true);
}

static leati_scene *sample_correlation(leat_context *c, sample_data *d)
{
    return heat(c, d, false);
}

static leati_scene *sample_plane(leat_context *c, sample_data *d)
{
    size_t n = d->count / 2 < 75 ? d->count / 2 : 75;
    leati_plane in = {.chart = chart_of(d, "Projection", NULL),
                      .xy = d->x,
                      .group = d->group,
                      .groups = d->labels,
                      .count = n,
                      .group_count = 3,
                      .marked = 1};
    return leati_chart_plane(c, &in);
}

static leati_scene *sample_pictures(leat_context *c, sample_data *d)
{
    static uint8_t pixels[20 * 28 * 3];
    leati_picture pictures[30];
    size_t n = few(d, 9);
    if (n > 30) n = 30;
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 37 >> 3);
    for (size_t i = 0; i < n; i++)
        pictures[i] = (leati_picture){.pixels = {pixels, 20, 28, i % 2 ? 3 : 1},
                                      .label = d->labels[i],
                                      .note = "98% another",
                                      .note_hue = LEATI_HUE_BAD};
    leati_pictures in = {
        .chart = chart_of(d, "Worst mistakes", NULL), .pictures = pictures, .count = n};
    return leati_chart_pictures(c, &in);
}

typedef struct row {
    const char *name, *shows;
    leati_scene *(*draw)(leat_context *c, sample_data *d);
} row;

static const row rows[] = {
#define CHART(name, input, shows) {#name, shows, sample_##name},
#include "plot/charts.def"
#undef CHART
};
enum { ROWS = sizeof rows / sizeof *rows };

static leati_scene *draw(leat_context *c, size_t chart, variant v, double width)
{
    static sample_data d;
    fill(&d, v, 150, width);
    return rows[chart].draw(c, &d);
}

/* --- checks
 * ---------------------------------------------------------------------------------------- */

typedef struct box {
    double left, top, right, bottom;
} box;

static box text_box(const leati_shape *shape)
{
    double w = leati_text_width(shape->text, shape->font.size, shape->font.bold);
    double up = shape->font.size * 0.72, back = shape->font.anchor == LEATI_START ? 0
                                                : shape->font.anchor == LEATI_END ? w
                                                                                  : w / 2;
    if (shape->font.turn == -90)
        return (box){shape->x - up, shape->y - w + back, shape->x, shape->y + back};
    return (box){shape->x - back, shape->y - up, shape->x - back + w, shape->y};
}

static bool all_finite(const leati_scene *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const leati_shape *p = &s->shapes[i];
        if (!isfinite(p->x) || !isfinite(p->y) || !isfinite(p->w) || !isfinite(p->h) ||
            !isfinite(p->r))
            return false;
        for (size_t k = 0; k < 2 * p->count; k++)
            if (!isfinite(p->points[k])) return false;
    }
    return true;
}

/* No text leaves the picture; no two texts of a friendly chart touch. */
static bool texts_fit(const char *name, const leati_scene *s, bool apart)
{
    bool ok = true;
    for (size_t i = 0; i < s->count; i++) {
        if (s->shapes[i].kind != LEATI_SHAPE_TEXT) continue;
        box a = text_box(&s->shapes[i]);
        if (a.left < -1 || a.top < -1 || a.right > s->width + 1 || a.bottom > s->height + 1) {
            printf("    %s at %.0f: '%s' leaves the picture: %.1f %.1f %.1f %.1f\n", name, s->width,
                   s->shapes[i].text, a.left, a.top, a.right, a.bottom);
            ok = false;
        }
        for (size_t k = 0; k < i && apart; k++) {
            if (s->shapes[k].kind != LEATI_SHAPE_TEXT) continue;
            box b = text_box(&s->shapes[k]);
            if (a.left >= b.right || b.left >= a.right || a.top >= b.bottom || b.top >= a.bottom)
                continue;
            printf("    %s at %.0f: '%s' and '%s' overlap\n", name, s->width, s->shapes[i].text,
                   s->shapes[k].text);
            ok = false;
        }
    }
    return ok;
}

/* Tags nest, attributes are quoted, entities are known: enough to catch a missed escape. */
static bool well_formed(const char *xml)
{
    char open[64][16];
    size_t depth = 0;
    while (*xml) {
        if (*xml == '&') {
            static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
            bool found = false;
            for (int i = 0; i < 5; i++)
                found = found || strncmp(xml, known[i], strlen(known[i])) == 0;
            if (!found) return false;
        }
        if (*xml++ != '<') continue;
        bool close = *xml == '/';
        xml += close;
        size_t n = strcspn(xml, " />");
        if (n == 0 || n > 15) return false;
        if (close) {
            if (depth == 0 || strncmp(open[--depth], xml, n) != 0 || open[depth][n]) return false;
        } else {
            if (depth == 64) return false;
            memcpy(open[depth], xml, n);
            open[depth++][n] = '\0';
        }
        for (xml += n; *xml && *xml != '>'; xml++) {
            if (*xml == '<') return false;
            if (*xml == '"') xml = strchr(xml + 1, '"');
            if (!xml) return false;
            if (xml[0] == '/' && xml[1] == '>') depth--;
        }
        if (!*xml) return false;
    }
    return depth == 0;
}

static void every_chart_on_all_data(leattest *t)
{
    for (size_t i = 0; i < ROWS; i++) {
        for (int v = 0; v < VARIANTS; v++) {
            leati_scene *s = draw(t->context, i, (variant)v, 420);
            leati_str svg;
            leati_str_init(&svg, t->context);
            bool good = CHECK(s) && CHECK(all_finite(s)) &&
                        CHECK(texts_fit(rows[i].name, s, false)) &&
                        CHECK_OK(leati_scene_svg(s, &svg, LEATI_SVG_FILE)) &&
                        CHECK(well_formed(leati_str_text(&svg))) && CHECK(svg.length < 600000) &&
                        CHECK(!strstr(leati_str_text(&svg), "nan")) &&
                        CHECK(!strstr(leati_str_text(&svg), "=\"inf"));
            if (!good) printf("    in %s, variant %d\n", rows[i].name, v);
            leati_str_fini(&svg);
            leati_scene_destroy(s);
        }
    }
}

static void texts_stay_apart(leattest *t)
{
    static const double widths[] = {300, 340, 420, 640, 900};
    for (size_t i = 0; i < ROWS; i++) {
        for (int w = 0; w < 5; w++) {
            leati_scene *s = draw(t->context, i, FRIENDLY, widths[w]);
            REQUIRE(s);
            CHECK(texts_fit(rows[i].name, s, true));
            leati_scene_destroy(s);
        }
    }
}

static void same_bytes_each_time(leattest *t)
{
    for (size_t i = 0; i < ROWS; i++) {
        leati_str a, b;
        leati_str_init(&a, t->context);
        leati_str_init(&b, t->context);
        leati_scene *first = draw(t->context, i, FRIENDLY, 420),
                    *second = draw(t->context, i, FRIENDLY, 420);
        CHECK_OK(leati_scene_svg(first, &a, LEATI_SVG_FRAGMENT));
        CHECK_OK(leati_scene_svg(second, &b, LEATI_SVG_FRAGMENT));
        CHECK_STR(leati_str_text(&a), leati_str_text(&b));
        leati_scene_destroy(first);
        leati_scene_destroy(second);
        leati_str_fini(&a);
        leati_str_fini(&b);
    }
}

static leat_status draw_failing(leat_context *c, void *arg)
{
    leati_str svg;
    leati_str_init(&svg, c);
    leati_scene *s = draw(c, *(size_t *)arg, FRIENDLY, 420);
    leat_status st = leati_scene_svg(s, &svg, LEATI_SVG_FILE);
    leati_scene_destroy(s);
    leati_str_fini(&svg);
    return st;
}

static void allocations_may_fail(leattest *t)
{
    for (size_t i = 0; i < ROWS; i++) leattest_fail_allocations(t, draw_failing, &i);
}

static void png_files(leattest *t)
{
#if LEAT_HAVE_CAIRO
    const char *path = leattest_scratch("chart.png");
    leati_scene *s = draw(t->context, 0, FRIENDLY, 420);
    leati_bytes png;
    REQUIRE(s);
    CHECK_OK(leati_scene_png(s, t->context, path, 2, true));
    REQUIRE_OK(leati_file_read(t->context, &png, path));
    REQUIRE(png.size > 1000);
    const unsigned char *p = (const unsigned char *)png.data;
    CHECK(memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0);
    CHECK_INT(p[16] << 24 | p[17] << 16 | p[18] << 8 | p[19], 904);
    CHECK_INT(p[20] << 24 | p[21] << 16 | p[22] << 8 | p[23], (int)ceil((s->height + 32) * 2));
    leati_bytes_release(&png);
    CHECK_FAILS(leati_scene_png(s, t->context, "/no/such/folder/x.png", 2, false), LEAT_IO,
                "/no/such/folder/x.png");
    leati_scene_destroy(s);
    for (size_t i = 0; i < ROWS; i++) {
        for (int v = 0; v < VARIANTS; v++) {
            s = draw(t->context, i, (variant)v, 420);
            CHECK_OK(leati_scene_png(s, t->context, path, 1, false));
            leati_scene_destroy(s);
        }
    }
#else
    leattest_skip(t, "built without cairo");
#endif
}

static void good_ticks(leattest *t)
{
    char text[LEATI_TICK_SIZE];
    leati_ticks k = leati_ticks_linear((leati_range){0, 100}, 6, LEATI_PLAIN);
    CHECK_INT(k.count, 6);
    CHECK_NEAR(k.value[1], 20, 1e-12, 0);
    k = leati_ticks_linear((leati_range){0, 1}, 5, LEATI_PLAIN);
    CHECK_NEAR(k.value[1] - k.value[0], 0.25, 1e-12, 0);
    leati_tick_text(&k, k.value[1], text);
    CHECK_STR(text, "0.25");
    k = leati_ticks_linear((leati_range){0, 0.5}, 5, LEATI_PERCENT);
    leati_tick_text(&k, 0.1, text);
    CHECK_STR(text, "10%");
    k = leati_ticks_linear((leati_range){0, 60000}, 4, LEATI_PLAIN);
    leati_tick_text(&k, 20000, text);
    CHECK_STR(text, "20,000");
    k = leati_ticks_linear((leati_range){-3e-9, 3e-9}, 4, LEATI_PLAIN);
    leati_tick_text(&k, -2e-9, text);
    CHECK_STR(text, "-2\xc3\x97"
                    "10\xe2\x81\xbb\xe2\x81\xb9");
    k = leati_ticks_log((leati_range){0.001, 1000}, 8);
    CHECK_INT(k.count, 7);
    leati_tick_text(&k, 0.01, text);
    CHECK_STR(text, "0.01");
    leati_tick_text(&k, 1000, text);
    CHECK_STR(text, "1000");
    k = leati_ticks_linear((leati_range){0, 15000}, 4, LEATI_PLAIN); /* all with commas, or none */
    leati_tick_text(&k, 5000, text);
    CHECK_STR(text, "5,000");
    k = leati_ticks_linear((leati_range){0, 9000}, 4, LEATI_PLAIN);
    leati_tick_text(&k, 5000, text);
    CHECK_STR(text, "5000");
}

/* Long pieces of line run through both corners where the names used to stand. */
static void names_keep_off_the_lines(leattest *t)
{
    static const double x[] = {0, 1}, low[] = {0.04, 0.04}, high[] = {0.95, 0.95};
    leati_series series[] = {{.label = "class low 0.040", .x = x, .y = low, .count = 2},
                             {.label = "class high 0.950", .x = x, .y = high, .count = 2}};
    leati_lines in = {.series = series, .count = 2};
    leati_scene *s = leati_chart_precision_recall(t->context, &in);
    REQUIRE(s);
    size_t found = 0;
    for (size_t i = 0; i < s->count; i++) {
        const leati_shape *k = &s->shapes[i];
        if (k->kind != LEATI_SHAPE_TEXT || strncmp(k->text, "class ", 6) != 0) continue;
        found++;
        CHECK(k->y > 70 && k->y < 310);
    }
    CHECK_INT(found, 2);
    leati_scene_destroy(s);
}

/* An axis of windows or epochs, of one or two of them too: no ticks between whole numbers. */
static void whole_ticks(leattest *t)
{
    static const double x[] = {1, 2, 3}, y[] = {0.25, 0.3, 0.1};
    for (size_t n = 1; n <= 3; n++) {
        for (double width = 360; width < 900; width += 500) {
            leati_series line = {.x = x, .y = y, .count = n};
            leati_lines in = {
                .chart = {.width = width}, .series = &line, .count = 1, .whole_x = true};
            leati_scene *s = leati_chart_lines(t->context, &in);
            leati_str svg;
            leati_str_init(&svg, t->context);
            if (CHECK(s != NULL) && CHECK_OK(leati_scene_svg(s, &svg, LEATI_SVG_FILE))) {
                const char *text = leati_str_text(&svg);
                CHECK(!strstr(text, ">1.") && !strstr(text, ">2.") && !strstr(text, ">0.9"));
                for (size_t i = 0; i < n; i++)
                    CHECK(strstr(text, i == 0 ? ">1<" : i == 1 ? ">2<" : ">3<") != NULL);
            }
            leati_str_fini(&svg);
            leati_scene_destroy(s);
        }
    }
}

/* Whatever the range: a few increasing ticks inside it. */
static void ticks_of_any_range(leattest *t)
{
    for (uint64_t i = 0; i < 3000; i++) {
        double size = pow(10, noise(i, 7) * 60), lo = noise(i, 8) * size;
        leati_range r = leati_range_widen(
            (leati_range){lo, lo + fabs(noise(i, 9)) * size * pow(10, noise(i, 10) * 3)}, 0.04);
        CHECK(isfinite(r.lo) && isfinite(r.hi) && r.lo < r.hi);
        leati_ticks k = leati_ticks_linear(r, 2 + (int)(i % 9), LEATI_PLAIN);
        bool good = CHECK(k.count >= 1 && k.count <= LEATI_TICKS);
        double slack = (r.hi - r.lo) * 1e-6;
        for (int j = 0; j < k.count; j++) {
            good = good && CHECK(k.value[j] >= r.lo - slack && k.value[j] <= r.hi + slack);
            if (j > 0) good = good && CHECK(k.value[j] > k.value[j - 1]);
        }
        if (!good) {
            printf("    range %.17g .. %.17g\n", r.lo, r.hi);
            return;
        }
    }
}

/* A label reads as the value it stands at. */
static bool label_is_value(const leati_ticks *k, double value, double slack)
{
    char text[LEATI_TICK_SIZE];
    leati_tick_text(k, value, text);
    double said = strtod(text, NULL);
    const char *ten = strstr(text, "\xc3\x97"
                                   "10");
    if (ten || strchr(text, ',')) return true; /* powers and thousands are not strtod's */
    return fabs(said - value * (k->form == LEATI_PERCENT ? 100 : 1)) <= slack;
}

static void labels_are_values(leattest *t)
{
    char text[LEATI_TICK_SIZE];
    /* around a rate of 0.003, and an accuracy within two hundredths */
    static const leati_range short_ones[] = {{0.00285, 0.00315}, {0.1433, 0.1767}, {7, 8.3}};
    for (size_t i = 0; i < sizeof short_ones / sizeof *short_ones; i++)
        for (int want = 2; want <= 9; want++) {
            leati_ticks k = leati_ticks_linear(short_ones[i], want, LEATI_PLAIN);
            for (int j = 0; j < k.count; j++)
                CHECK(label_is_value(&k, k.value[j], 1e-9 * short_ones[i].hi));
        }
    for (uint64_t i = 0; i < 3000; i++) {
        double size = pow(10, noise(i, 17) * 5), lo = noise(i, 18) * size;
        leati_range r = {lo, lo + (fabs(noise(i, 19)) + 1e-3) * size * pow(10, noise(i, 20))};
        if (r.hi - r.lo < 1e-8) continue; /* shares have twelve decimals at most */
        leati_number_form form = i % 2 ? LEATI_PERCENT : LEATI_PLAIN;
        leati_ticks k = leati_ticks_linear(r, 2 + (int)(i % 9), form);
        for (int j = 0; j < k.count; j++)
            if (!CHECK(label_is_value(&k, k.value[j], 1e-6 * (form ? 100 : 1) * (r.hi - r.lo)))) {
                printf("    range %.17g .. %.17g\n", r.lo, r.hi);
                return;
            }
    }
    /* two values that differ in the seventh digit have two labels */
    leati_ticks k = leati_ticks_linear((leati_range){1e8, 1e8 + 60}, 4, LEATI_PLAIN);
    char next[LEATI_TICK_SIZE];
    CHECK(k.count >= 2 && k.scientific);
    leati_tick_text(&k, k.value[0], text);
    leati_tick_text(&k, k.value[1], next);
    CHECK(strcmp(text, next) != 0);
}

static void fixed_numbers(leattest *t)
{
    char out[LEATI_FIXED_SIZE];
    static const struct {
        double value;
        int decimals;
        const char *text;
    } cases[] = {{0, 0, "0"},
                 {0, 2, "0.00"},
                 {-0.001, 2, "0.00"},
                 {1.005, 1, "1.0"},
                 {-12.5, 0, "-13"},
                 {0.05, 2, "0.05"},
                 {123456.789, 2, "123456.79"},
                 {1e20, 2, "100000000000000000000"},
                 {(double)NAN, 2, "nan"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leati_fixed(cases[i].value, cases[i].decimals, out);
        if (cases[i].value < 1e15) CHECK_STR(out, cases[i].text);
        else CHECK(strlen(out) < LEATI_FIXED_SIZE);
    }
}

static void text_of_any_bytes(leattest *t)
{
    leati_str s;
    leati_str_init(&s, t->context);
    leati_markup_text(
        &s, "a<b>&\"'\x01\xff\xed\xa0\x80\xc0\xaf\xef\xbf\xbe\n\xc3\xa9\xf0\x9f\x98\x80\xc3");
    const char *bad = "\xef\xbf\xbd";
    CHECK(strncmp(leati_str_text(&s), "a&lt;b&gt;&amp;&quot;&#39;", 26) == 0);
    CHECK(strstr(leati_str_text(&s), bad) && !strchr(leati_str_text(&s), 1));
    CHECK(strstr(leati_str_text(&s), " \xc3\xa9\xf0\x9f\x98\x80"));
    size_t n = s.length;
    CHECK(n > 3 && memcmp(leati_str_text(&s) + n - 3, bad, 3) == 0);
    leati_str_fini(&s);
    CHECK_INT(leati_text_fit("abcdefgh", 12, false, 1000), 8);
    size_t fits = leati_text_fit("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 12, false, 40);
    CHECK(fits > 0 && fits < 12 && fits % 2 == 0);
}

static void labels_spread(leattest *t)
{
    double y[] = {50, 52, 51, 300, 299};
    size_t rank[5];
    leati_spread(y, rank, 5, 15, 0, 300);
    CHECK(y[2] - y[0] >= 15 && y[1] - y[2] >= 15 && y[3] - y[4] >= 15);
    CHECK(y[0] >= 0 && y[3] <= 300);
}

static void contradictions(leattest *t)
{
    double x[] = {1, 2};
    uint32_t group[] = {0, 7};
    leati_scatter scattered = {
        .x = x, .y = x, .group = group, .count = 2, .groups = species, .group_count = 2};
    CHECK(!leati_chart_scatter(t->context, &scattered));
    CHECK_FAILS(leat_error_status(t->context), LEAT_INVALID, "group 7");
    leati_series line = {.x = x, .count = 2};
    leati_lines lines = {.series = &line, .count = 1};
    CHECK(!leati_chart_lines(t->context, &lines));
    CHECK_FAILS(leat_error_status(t->context), LEAT_INVALID, "series 0");
}

/* length (number), count (whole), kind (text), good (bool) */
static leat_frame *small_frame(leat_context *c)
{
    static const char *const kinds[] = {"usa", "europe", "usa", "japan", "usa"};
    enum { ROWS_MADE = 20 };
    leati_map map;
    leati_map_init(&map, c);
    leat_frame *f = leati_frame_create(c, ROWS_MADE);
    leati_column *length = leati_column_create(c, LEAT_F64, ROWS_MADE);
    leati_column *kind = leati_column_create(c, LEAT_STRING, ROWS_MADE);
    leati_column *good = leati_column_create(c, LEAT_BOOL, ROWS_MADE);
    for (size_t i = 0; length && kind && good && i < ROWS_MADE; i++) {
        length->f64[i] = (double)i * 0.5;
        kind->codes[i] = leati_map_put(&map, kinds[i % 5], strlen(kinds[i % 5]));
        good->u8[i] = i % 4 == 0;
    }
    if (kind) kind->dict = leati_dict_from_map(c, &map);
    leati_map_fini(&map);
    bool ok = f && length && kind && kind->dict && good;
    if (ok && leati_frame_add(c, f, "length", length) == LEAT_OK &&
        leati_frame_add(c, f, "kind", kind) == LEAT_OK &&
        leati_frame_add(c, f, "good", good) == LEAT_OK)
        return f;
    leat_frame_release(f);
    return NULL;
}

static void levels_by_count(leattest *t)
{
    leati_levels levels;
    size_t n;
    leat_frame *f = small_frame(t->context);
    REQUIRE(f);
    REQUIRE_OK(leati_levels_make(t->context, &levels, f->column[1], 2));
    CHECK_INT(levels.count, 2);
    CHECK_INT(levels.distinct, 3);
    CHECK_STR(levels.labels[0], "usa");
    CHECK_NEAR(levels.counts[0], 12, 0, 0);
    CHECK_STR(levels.labels[1], "europe");
    leati_levels_fini(&levels);
    double *values = leati_column_numbers(t->context, f->column[0], 7, &n);
    CHECK(values && n <= 7 && n >= 5 && values[1] > values[0]);
    leati_free(values);
    leat_frame_release(f);
}

static void plots_of_columns(leattest *t)
{
    leat_context *c = t->context;
    leat_plot *plot;
    leat_frame *f = small_frame(c);
    leat_plot_options o = leat_plot_options_default();
    o.title = "Length & kind";
    REQUIRE(f);
    const char *svg = leattest_scratch("plot.svg");
    if (CHECK_OK(leat_plot_column(c, &plot, f, "length", &o))) {
        CHECK(strstr(leat_plot_svg(plot), "Length &amp; kind"));
        CHECK_OK(leat_plot_save(c, plot, svg));
        CHECK(leati_path_exists(svg));
        CHECK_FAILS(leat_plot_save(c, plot, "chart.jpeg"), LEAT_INVALID, "chart.jpeg|.svg|.png");
    }
    leat_plot_destroy(plot);
    if (CHECK_OK(leat_plot_column(c, &plot, f, "kind", NULL)))
        CHECK(strstr(leat_plot_svg(plot), "12  (60%)"));
    leat_plot_destroy(plot);
    if (CHECK_OK(leat_plot_columns(c, &plot, f, "kind", "length", NULL)))
        CHECK(strstr(leat_plot_svg(plot), ">japan<"));
    leat_plot_destroy(plot);
    CHECK_OK(leat_plot_columns(c, &plot, f, "length", "good", NULL));
    leat_plot_destroy(plot);
    if (CHECK_OK(leat_plot_columns(c, &plot, f, "length", "length", NULL)))
        CHECK(strstr(leat_plot_svg(plot), "<circle"));
    leat_plot_destroy(plot);
    CHECK_FAILS(leat_plot_columns(c, &plot, f, "kind", "good", NULL), LEAT_TYPE, "kind|good");
    CHECK(!plot);
    CHECK_FAILS(leat_plot_column(c, &plot, f, "lenght", NULL), LEAT_NOT_FOUND, "length");
    leat_frame_release(f);
}

static void plots_of_arrays(leattest *t)
{
    static const double x[] = {1, 10, 100, 1000}, y[] = {0.9, 0.5, 0.2, 0.1};
    leat_context *c = t->context;
    leat_plot *plot;
    leat_plot_options o = leat_plot_options_default();
    leat_plot_line line = {.label = "loss", .x = x, .y = y, .low = y, .high = y, .count = 4};
    leat_plot_group group = {.label = "all", .values = y, .count = 4};
    o.log_x = true;
    CHECK_OK(leat_plot_lines(c, &plot, &line, 1, &o));
    leat_plot_destroy(plot);
    CHECK_OK(leat_plot_boxes(c, &plot, &group, 1, NULL));
    leat_plot_destroy(plot);
    CHECK_OK(leat_plot_bars(c, &plot, species, y, 4, NULL));
    leat_plot_destroy(plot);
    CHECK_OK(leat_plot_histogram(c, &plot, x, 4, NULL));
    leat_plot_destroy(plot);
    CHECK_OK(leat_plot_scatter(c, &plot, x, y, 4, NULL));
    leat_plot_destroy(plot);
    line.y = NULL;
    CHECK_FAILS(leat_plot_lines(c, &plot, &line, 1, NULL), LEAT_INVALID, "no values");
    leat_plot_destroy(NULL);
}

static leat_status plot_failing(leat_context *c, void *arg)
{
    leat_plot *plot = NULL;
    leat_status st = leat_plot_columns(c, &plot, arg, "kind", "length", NULL);
    leat_plot_destroy(plot);
    if (st == LEAT_OK) {
        st = leat_plot_column(c, &plot, arg, "kind", NULL);
        leat_plot_destroy(plot);
    }
    return st;
}

static void plot_allocations_may_fail(leattest *t)
{
    leat_frame *f = small_frame(t->context);
    REQUIRE(f);
    leattest_fail_allocations(t, plot_failing, f);
    leat_frame_release(f);
}

static void gallery_charts(leattest *t, leati_str *html, double width)
{
    for (size_t i = 0; i < ROWS; i++) {
        leati_scene *s = draw(t->context, i, FRIENDLY, width);
        leati_str_addf(html, "<figure><figcaption>%s: %s</figcaption>", rows[i].name,
                       rows[i].shows);
        CHECK_OK(leati_scene_svg(s, html, LEATI_SVG_FRAGMENT));
        leati_str_add(html, "</figure>");
        leati_scene_destroy(s);
    }
}

static void gallery(leattest *t)
{
    const char *path = getenv("LEAT_GALLERY");
    leati_str html;
    leati_str_init(&html, t->context);
    leati_str_add(&html,
                  "<!doctype html><meta charset=utf-8><title>charts</title><style>"
                  "body{font:14px system-ui;margin:16px;display:flex;flex-wrap:wrap;gap:32px;"
                  "background:#fff;color:#222}figure{margin:0}figcaption{color:#888;font-size:11px}"
                  "@media (prefers-color-scheme:dark){body{background:#16181d}}");
    leati_scene_css(&html, ".leat");
    leati_str_add(&html, "</style><body>");
    gallery_charts(t, &html, 420);
    gallery_charts(t, &html, 300);
    gallery_charts(t, &html, 860);
    CHECK_OK(leati_str_status(&html));
    if (!path) path = leattest_scratch("gallery.html");
    CHECK_OK(leati_file_write(t->context, path, leati_str_text(&html), html.length));
    leati_str_fini(&html);
}

/* The baseline of a text in a scene; -1: it is not there. */
static double baseline_of(leattest *t, leati_scene *scene, const char *text)
{
    leati_str svg;
    double at = -1;
    leati_str_init(&svg, t->context);
    if (CHECK(scene != NULL) && CHECK_OK(leati_scene_svg(scene, &svg, LEATI_SVG_FILE))) {
        const char *found = strstr(leati_str_text(&svg), text);
        for (; found && strncmp(found, " y=\"", 4) != 0;)
            if (found-- == leati_str_text(&svg)) found = NULL;
        if (found) at = atof(found + 4);
    }
    leati_str_fini(&svg);
    leati_scene_destroy(scene);
    return at;
}

/* The label of a mark stands at its lower end, but not on lines that end there. */
static void marks_are_labelled_beside_lines(leattest *t)
{
    enum { POINTS = 30 };
    double x[POINTS], falling[POINTS], rising[POINTS];
    for (int i = 0; i < POINTS; i++) x[i] = i, falling[i] = 1.0 / (1 + i), rising[i] = -falling[i];
    leati_series line = {.x = x, .y = falling, .count = POINTS, .points = true};
    leati_lines in = {.chart = {.title = "Loss", .width = 400},
                      .series = &line,
                      .count = 1,
                      .mark_x = &x[POINTS - 1],
                      .mark_label = "kept"};
    double above = baseline_of(t, leati_chart_learning_curve(t->context, &in), ">kept<");
    line.y = rising;
    double below = baseline_of(t, leati_chart_learning_curve(t->context, &in), ">kept<");
    CHECK(above > 0 && below > above + 100);
}

static const leattest_case cases[] = {TEST(every_chart_on_all_data),
                                      TEST(texts_stay_apart),
                                      TEST(same_bytes_each_time),
                                      TEST(allocations_may_fail),
                                      TEST(png_files),
                                      TEST(good_ticks),
                                      TEST(names_keep_off_the_lines),
                                      TEST(whole_ticks),
                                      TEST(ticks_of_any_range),
                                      TEST(labels_are_values),
                                      TEST(fixed_numbers),
                                      TEST(text_of_any_bytes),
                                      TEST(labels_spread),
                                      TEST(contradictions),
                                      TEST(levels_by_count),
                                      TEST(plots_of_columns),
                                      TEST(plots_of_arrays),
                                      TEST(plot_allocations_may_fail),
                                      TEST(gallery),
                                      TEST(marks_are_labelled_beside_lines)};
LEATTEST_MAIN(cases)
