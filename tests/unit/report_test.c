/* The report of real experiments on small tables: complete, well-formed, the same each time, and
 * safe whatever the names in the data say. `LEAT_REPORTS=FOLDER report_test` keeps the pages. */
#include "support/leattest.h"

#include "base/error.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "workflow/report.h"
#include "workflow/report_findings.h"

/* fontconfig, below cairo, keeps what it read of the fonts until the process ends. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig\n";
}

static const char *const friendly[] = {"length", "width", "kind",  "class",
                                       "usa",    "japan", "europe"};
static const char *const hostile[] = {"<script>alert(1)</script>",
                                      "\"><img src=x onerror=alert(2)>",
                                      "</title></style></svg>'&amp;\xff",
                                      "--><!--",
                                      "a & b \x01",
                                      "<b>\xf0\x9f\x98\x80</b>",
                                      "</pre>`**"};

/* A value in [0, 1) that depends on i and `stream` only. */
static double uniform(size_t i, uint64_t stream)
{
    uint64_t h = (i + 1) * 0x9e3779b97f4a7c15u + stream * 0xbf58476d1ce4e5b9u;
    for (int k = 0; k < 3; k++) {
        h ^= h >> 31;
        h *= 0x94d049bb133111ebu;
    }
    return (double)(h >> 11) / 9007199254740992.0;
}

static leati_column *texts(leat_context *c, const char *const *names, size_t rows, size_t count,
                           size_t offset)
{
    leati_map map;
    leati_map_init(&map, c);
    leati_column *col = leati_column_create(c, LEAT_STRING, rows);
    for (size_t i = 0; col && i < rows; i++) {
        const char *text = names[offset + i % count];
        col->codes[i] = leati_map_put(&map, text, strlen(text));
    }
    if (col) col->dict = leati_dict_from_map(c, &map);
    leati_map_fini(&map);
    if (col && !col->dict) {
        leati_column_release(col);
        return NULL;
    }
    return col;
}

/* Columns: two numbers, one of them with gaps, a category of three, the target. */
static leat_frame *table(leat_context *c, const char *const *names, size_t rows, bool classes)
{
    leat_frame *f = leati_frame_create(c, rows);
    leati_column *x = leati_column_create(c, LEAT_F64, rows);
    leati_column *z = leati_column_create(c, LEAT_F64, rows);
    leati_column *y =
        classes ? texts(c, names, rows, 3, 4) : leati_column_create(c, LEAT_F64, rows);
    bool ok = f && x && z && y;
    for (size_t i = 0; ok && i < rows; i++) {
        x->f64[i] = (double)(i % 3) * 1.5 + uniform(i, 1) * 2.2;
        z->f64[i] = uniform(i, 2) * 10;
        if (!classes) y->f64[i] = 3 * x->f64[i] - z->f64[i] + uniform(i, 3);
    }
    for (size_t i = 0; ok && i < rows; i += 9) ok = leati_column_set_missing(c, z, i) == LEAT_OK;
    if (!ok) {
        leat_frame_release(f);
        leati_column_release(x);
        leati_column_release(z);
        leati_column_release(y);
        return NULL;
    }
    leat_status st = leati_frame_add(c, f, names[0], x);
    if (st == LEAT_OK) st = leati_frame_add(c, f, names[1], z);
    else leati_column_release(z);
    if (st == LEAT_OK) st = leati_frame_add(c, f, names[2], texts(c, names, rows, 2, 4));
    if (st == LEAT_OK) st = leati_frame_add(c, f, names[3], y);
    else leati_column_release(y);
    if (st == LEAT_OK) return f;
    leat_frame_release(f);
    return NULL;
}

typedef struct setup {
    const char *const *names;
    size_t rows;
    bool classes, test, quick;
    const char *models, *cv;
} setup;

static leat_experiment *run(leat_context *c, const setup *s)
{
    leat_experiment *e = NULL;
    leat_frame *train = table(c, s->names, s->rows, s->classes);
    leat_frame *test = s->test ? table(c, s->names, s->rows / 2, s->classes) : NULL;
    leat_experiment_options o = leat_experiment_options_default();
    o.target = s->names[3];
    o.models = s->models;
    o.cv = s->cv;
    o.name = "sample";
    o.data = s->names[0];
    o.quick = s->quick;
    if (train && leat_experiment_run(c, &e, train, test, &o) != LEAT_OK) e = NULL;
    leat_frame_release(train);
    leat_frame_release(test);
    return e;
}

/* Elements that HTML leaves open. */
static bool is_void(const char *tag)
{
    return strcmp(tag, "meta") == 0;
}

/* Tags nest, attributes end, every & begins an entity we write. */
static bool well_formed(const char *html)
{
    char open[64][16];
    size_t depth = 0;
    const char *p = strstr(html, "<html");
    while (p && *p) {
        if (*p == '&' && strncmp(p, "&amp;", 5) && strncmp(p, "&lt;", 4) && strncmp(p, "&gt;", 4) &&
            strncmp(p, "&quot;", 6) && strncmp(p, "&#39;", 5))
            return false;
        if (*p++ != '<') continue;
        bool close = *p == '/';
        p += close;
        size_t n = strcspn(p, " />");
        if (n == 0 || n > 15 || depth == 64) return false;
        memcpy(open[depth], p, n);
        open[depth][n] = '\0';
        if (close) {
            if (depth == 0 || strcmp(open[depth - 1], open[depth]) != 0) return false;
            depth--;
        } else if (!is_void(open[depth])) {
            depth++;
        }
        for (p += n; *p && *p != '>'; p++) {
            if (*p == '<') return false;
            if (*p == '"') p = strchr(p + 1, '"');
            if (!p) return false;
            if (p[0] == '/' && p[1] == '>') depth--;
        }
    }
    return p && depth == 0;
}

static void keep(leattest *t, const char *name, const leati_str *html)
{
    const char *folder = getenv("LEAT_REPORTS");
    if (!folder) return;
    char *path = leati_path_join(t->context, folder, name);
    if (path) CHECK_OK(leati_file_write(t->context, path, leati_str_text(html), html->length));
    leati_free(path);
}

static void check_page(leattest *t, const setup *s, const char *name, const char *const *holds)
{
    leati_str html;
    leati_str_init(&html, t->context);
    leat_experiment *e = run(t->context, s);
    REQUIRE(e);
    CHECK_OK(leati_report_html(t->context, e, "leat fit 'a<b>.csv' --target y", &html));
    const char *text = leati_str_text(&html);
    CHECK(well_formed(text));
    CHECK(!strstr(text, "<script") && !strstr(text, "<img") && !strstr(text, "\xff"));
    CHECK(!strstr(text, "=\"nan") && !strstr(text, "=\"-nan") && !strstr(text, "=\"inf"));
    CHECK(strstr(text, "a&lt;b&gt;.csv"));
    for (; *holds; holds++)
        if (!CHECK(strstr(text, *holds))) printf("    lacks: %s\n", *holds);
    keep(t, name, &html);
    leati_str_fini(&html);
    leat_experiment_destroy(e);
}

static void classification(leattest *t)
{
    setup s = {.names = friendly,
               .rows = 120,
               .classes = true,
               .models = "lda,gaussian_nb",
               .cv = "stratified:5"};
    check_page(t, &s, "classification.html",
               (const char *[]){"Confusion matrix", "ROC curve", "Precision and recall",
                                "Calibration", "What the model leans on", "Learning curve",
                                "Rows per class", "Model card", "95%", "Missing values", "SHA-256",
                                NULL});
}

static void regression(leattest *t)
{
    setup s = {.names = friendly, .rows = 90, .models = "ridge,linear", .cv = "kfold:5"};
    check_page(t, &s, "regression.html",
               (const char *[]){"Predicted against actual", "Residuals against predicted",
                                "Distribution of the target", "fit_intercept", NULL});
}

/* On how many folds a learning curve rests. */
static void learning_curve_caption(leattest *t)
{
    setup s = {.names = friendly, .rows = 90, .models = "ridge", .cv = "kfold:7"};
    check_page(t, &s, "curve.html",
               (const char *[]){"It rests on 5 of the leaderboard&#39;s 7 folds, so", NULL});
    s.cv = "kfold:3";
    check_page(t, &s, "curve.html",
               (const char *[]){"It rests on the leaderboard&#39;s 3 folds.", NULL});
    s.cv = "holdout:0.3";
    check_page(t, &s, "curve.html",
               (const char *[]){"It rests on 5 folds made for it, so that its last", NULL});
}

static void with_a_test_table(leattest *t)
{
    setup s = {.names = friendly,
               .rows = 120,
               .classes = true,
               .test = true,
               .quick = true,
               .models = "gaussian_nb",
               .cv = "holdout:0.3"};
    check_page(t, &s, "test.html", (const char *[]){"on the test table", "60 rows", NULL});
}

static void names_cannot_inject(leattest *t)
{
    setup s = {.names = hostile,
               .rows = 60,
               .classes = true,
               .models = "gaussian_nb,lda",
               .cv = "stratified:3"};
    check_page(t, &s, "hostile.html",
               (const char *[]){"&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;img src=x", NULL});
    s.classes = false;
    s.models = "ridge";
    s.cv = "kfold:3";
    check_page(t, &s, "hostile-numbers.html", (const char *[]){"&lt;script&gt;", NULL});
}

static void same_page_each_time(leattest *t)
{
    setup s = {.names = friendly,
               .rows = 60,
               .classes = true,
               .quick = true,
               .models = "lda",
               .cv = "stratified:3"};
    leati_str first, second;
    leati_str_init(&first, t->context);
    leati_str_init(&second, t->context);
    leat_experiment *e = run(t->context, &s);
    REQUIRE(e);
    CHECK_OK(leati_report_html(t->context, e, NULL, &first));
    CHECK_OK(leati_report_html(t->context, e, NULL, &second));
    CHECK_STR(leati_str_text(&first), leati_str_text(&second));
    leati_str_fini(&first);
    leati_str_fini(&second);
    leat_experiment_destroy(e);
}

static void charts_as_files(leattest *t)
{
    setup s = {
        .names = hostile, .rows = 60, .classes = true, .models = "lda", .cv = "stratified:3"};
    const char *folder = leattest_scratch("charts");
    leat_experiment *e = run(t->context, &s);
    REQUIRE(e);
    CHECK_OK(leati_report_charts(t->context, e, folder));
    char *svg = leati_path_join(t->context, folder, "confusion.svg");
    char *png = leati_path_join(t->context, folder, "confusion.png");
    leati_bytes bytes;
    if (CHECK(svg) && CHECK_OK(leati_file_read(t->context, &bytes, svg))) {
        CHECK(bytes.size > 500 && memcmp(bytes.data, "<svg ", 5) == 0);
        leati_bytes_release(&bytes);
    }
    CHECK(png && leati_path_exists(png) == LEAT_HAVE_CAIRO);
    leati_free(svg);
    leati_free(png);
    const char *file = leattest_scratch("plain-file");
    CHECK_OK(leati_file_write(t->context, file, "x", 1));
    CHECK(leati_report_charts(t->context, e, file) != LEAT_OK);
    leat_error_clear(t->context);
    leat_experiment_destroy(e);
}

static leat_status page_failing(leat_context *c, void *arg)
{
    leati_str html;
    leati_str_init(&html, c);
    leat_status st = leati_report_html(c, arg, "leat fit", &html);
    leati_str_fini(&html);
    return st;
}

static void allocations_may_fail(leattest *t)
{
    setup s = {
        .names = friendly, .rows = 30, .classes = true, .models = "lda", .cv = "stratified:3"};
    leat_experiment *e = run(t->context, &s);
    REQUIRE(e);
    leattest_fail_allocations(t, page_failing, e);
    leat_experiment_destroy(e);
}

static const leattest_case cases[] = {TEST(classification),      TEST(regression),
                                      TEST(with_a_test_table),   TEST(learning_curve_caption),
                                      TEST(names_cannot_inject), TEST(same_page_each_time),
                                      TEST(charts_as_files),     TEST(allocations_may_fail)};
LEATTEST_MAIN(cases)
