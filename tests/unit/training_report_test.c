/* The report of a network: curves, worst mistakes as pictures, the page of an interrupted run. */
#include "support/leattest.h"

#include <leat/data.h>
#include <zlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "frame/frame.h"
#include "io/png.h"
#include "workflow/report.h"
#include "workflow/report_training.h"

/* fontconfig, below cairo, keeps what it read of the fonts until the process ends. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig\n";
}

enum { ROWS = 120, HEIGHT = 6, WIDTH = 5 };

/* Bars that lie or stand, with noise so strong that some are taken for the other kind. */
static leat_frame *pictures(leat_context *c)
{
    leat_frame *f = leati_frame_create(c, ROWS);
    leati_column *image = leati_column_array(c, LEATI_ITEM_U8, (size_t[]){HEIGHT, WIDTH, 1}, ROWS);
    leati_column *kind = leati_column_create(c, LEAT_BOOL, ROWS);
    uint64_t h = 1;
    for (size_t i = 0; image && kind && i < ROWS; i++) {
        size_t line = i / 2 % WIDTH;
        kind->u8[i] = i % 2;
        for (size_t k = 0; k < HEIGHT * WIDTH; k++) {
            h = h * 6364136223846793005u + 1442695040888963407u;
            bool bar = i % 2 ? k % WIDTH == line : k / WIDTH == line;
            image->u8[i * HEIGHT * WIDTH + k] = (uint8_t)((h >> 33) % 160 + (bar ? 95 : 0));
        }
    }
    leat_status st = f ? leati_frame_add(c, f, "picture", image) : LEAT_NOMEM;
    if (!f) leati_column_release(image);
    if (st == LEAT_OK) st = leati_frame_add(c, f, "stands", kind);
    else leati_column_release(kind);
    if (st == LEAT_OK) return f;
    leat_frame_release(f);
    return NULL;
}

static leat_status train_on(leat_context *c, leat_frame *f, const char *more, const char *epochs,
                            const char *folder, const char *trace, leat_experiment **out)
{
    char set[64];
    const char *sets[] = {set,
                          "network.layers=flatten; dense(4, relu)",
                          "network.validation_fraction=0.2",
                          "network.schedule=cosine",
                          "network.batch_size=8",
                          more};
    snprintf(set, sizeof set, "network.epochs=%s", epochs);
    leat_experiment_options o = leat_experiment_options_default();
    o.target = "stands";
    o.models = "network";
    o.cv = "holdout:0.4";
    o.quick = true;
    o.set = sets;
    o.set_count = more ? 6 : 5;
    o.name = "bars";
    o.run_folder = folder;
    o.trace = trace;
    o.command = "leat fit bars.npz";
    return leat_experiment_run(c, out, f, NULL, &o);
}

static leat_status train(leat_context *c, const char *epochs, const char *folder, const char *trace,
                         leat_experiment **out)
{
    leat_frame *f = pictures(c);
    if (!f) return leat_error_status(c);
    leat_status st = train_on(c, f, NULL, epochs, folder, trace, out);
    leat_frame_release(f);
    return st;
}

static bool holds(const leati_bytes *b, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i + n <= b->size; i++)
        if (memcmp(b->data + i, text, n) == 0) return true;
    return false;
}

/* The line that is called training has the means of the epochs, as its label has. */
static void ends_where_its_label_says(leattest *t, const leat_experiment *e)
{
    leati_findings f;
    leati_scene *s = NULL;
    char label[64], value[LEATI_NUM_SIZE];
    leati_chart chart = {.width = 400};
    REQUIRE_OK(leati_findings_make(t->context, &f, e));
    CHECK_OK(leati_draw_training_loss(t->context, &f, &chart, &s));
    leati_findings_fini(&f);
    REQUIRE(s);
    size_t lines = 0, labels = 0;
    leati_num_pretty(e->history.epoch[2].loss, 3, value);
    snprintf(label, sizeof label, "training %s", value);
    for (size_t i = 0; i < s->count; i++) {
        const leati_shape *k = &s->shapes[i];
        lines += k->kind == LEATI_SHAPE_PATH && k->ink.stroke == LEATI_HUE_SERIES7 && k->count == 3;
        labels += k->kind == LEATI_SHAPE_TEXT && strcmp(k->text, label) == 0;
    }
    CHECK(lines == 1 && labels == 1);
    leati_scene_destroy(s);
}

/* A learning rate that stays the same is a number, not a chart. */
static void a_constant_rate_is_said(leattest *t)
{
    leat_experiment *e;
    leati_str html;
    leat_frame *f = pictures(t->context);
    leati_str_init(&html, t->context);
    REQUIRE_OK(train_on(t->context, f, "network.schedule=constant", "3", NULL, NULL, &e));
    REQUIRE_OK(leati_report_html(t->context, e, NULL, &html));
    CHECK(strstr(leati_str_text(&html), "The learning rate was 0.001 throughout."));
    CHECK(!strstr(leati_str_text(&html), "The size of the steps"));
    leati_str_fini(&html);
    leat_experiment_destroy(e);
    leat_frame_release(f);
}

static void curves_and_mistakes(leattest *t)
{
    leat_experiment *e;
    leati_str html;
    leati_str_init(&html, t->context);
    REQUIRE_OK(train(t->context, "3", NULL, NULL, &e));
    CHECK_INT(e->history.count, 3);
    CHECK(e->history.epoch[2].accuracy > 0.4 && e->history.notes > 10);
    REQUIRE_OK(leati_report_html(t->context, e, NULL, &html));
    static const char *const words[] = {
        "How it learned", "3 of 3 epochs", "Worst mistakes",
        "Learning rate",  "Accuracy",      "were kept",
        "Loss",           "<image ",       "data:image/png;base64,iVBORw0KGgo"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!CHECK(strstr(leati_str_text(&html), words[i]))) printf("    lacks: %s\n", words[i]);
    CHECK(strstr(leati_str_text(&html), ">96<")); /* of 120 */
    CHECK(strstr(leati_str_text(&html), "rows, and 24 set aside to choose the epoch"));
    static const char *const idle[] = {">places<", ">hidden_layers<", ">units<", ">activation<"};
    for (size_t i = 0; i < 4; i++) CHECK(!strstr(leati_str_text(&html), idle[i]));
    leati_str_fini(&html);
    ends_where_its_label_says(t, e);
    const char *folder = leattest_scratch("charts");
    CHECK_OK(leat_experiment_charts(t->context, e, folder));
    static const char *const files[] = {"mistakes.svg", "training_loss.svg", "training_metric.svg",
                                        "learning_rate.svg"};
    for (size_t i = 0; i < 4; i++) {
        char *path = leati_path_join(t->context, folder, files[i]);
        CHECK(path && leati_path_exists(path));
        leati_free(path);
    }
    leat_experiment_destroy(e);
}

/* The same pictures, each pixel a column of numbers. */
static leat_frame *pixels(leat_context *c)
{
    leat_frame *f = pictures(c), *wide = leati_frame_create(c, ROWS);
    for (size_t k = 0; k < HEIGHT * WIDTH; k++) {
        char name[16];
        leati_column *col = leati_column_create(c, LEAT_I64, ROWS);
        for (size_t i = 0; i < ROWS; i++) col->i64[i] = f->column[0]->u8[i * HEIGHT * WIDTH + k];
        snprintf(name, sizeof name, "pixel%zu", k);
        if (leati_frame_add(c, wide, name, col) != LEAT_OK) abort();
    }
    if (leati_frame_add(c, wide, "stands", leati_column_retain(f->column[1])) != LEAT_OK) abort();
    leat_frame_release(f);
    return wide;
}

/* The first picture among the mistakes of a report. */
static const char *first_picture(leattest *t, leat_frame *f, const char *more, leati_str *html)
{
    leat_experiment *e;
    leati_str_init(html, t->context);
    if (!CHECK_OK(train_on(t->context, f, more, "30", NULL, NULL, &e))) return NULL;
    CHECK_OK(leati_report_html(t->context, e, NULL, html));
    leat_experiment_destroy(e);
    const char *at = strstr(leati_str_text(html), "Worst mistakes");
    return at ? strstr(at, "data:image/png;base64,") : NULL;
}

static void columns_are_pictures_too(leattest *t)
{
    leati_str html;
    leat_frame *f = pixels(t->context);
    CHECK(first_picture(t, f, "network.input=6x5x1", &html));
    leati_str_fini(&html);
    CHECK(!first_picture(t, f, "network.input=30", &html));
    leati_str_fini(&html);
    CHECK(!first_picture(t, f, NULL, &html));
    leati_str_fini(&html);
    leat_frame_release(f);
}

static void a_trace_is_written(leattest *t)
{
    leat_experiment *e;
    leati_bytes bytes;
    char path[512];
    snprintf(path, sizeof path, "%s", leattest_scratch("trace.json"));
    REQUIRE_OK(train(t->context, "2", NULL, path, &e));
    CHECK_INT(leat_experiment_traced(e), 24); /* 2 epochs of 96 rows by 8, all of them */
    leat_experiment_destroy(e);
    REQUIRE_OK(leati_file_read(t->context, &bytes, path));
    CHECK(bytes.size > 1000 && holds(&bytes, "\"flops\""));
    leati_bytes_release(&bytes);
}

/* ---- interrupted --------------------------------------------------------------------------------
 */

static int stop_in_training(void *user, const char *what, uint64_t done, uint64_t total)
{
    bool *compared = user;
    if (strcmp(what, "cross-validation") == 0 && done == total) *compared = true;
    return *compared && strncmp(what, "network, final fit: epoch", 25) == 0;
}

/* Which trainings were told of, in this order, and how often one was told to be done. */
typedef struct told {
    int folds, final, curve, ends;
    bool ordered;
} told;

static int note_stage(void *user, const char *what, uint64_t done, uint64_t total)
{
    told *n = user;
    bool network = strncmp(what, "network, ", 9) == 0;
    const char *stage = network ? what + 9 : "";
    if (strncmp(stage, "fold 1 of 3:", 12) == 0 || strncmp(stage, "fold 3 of 3:", 12) == 0)
        n->folds++;
    if (strncmp(stage, "final fit:", 10) == 0) n->ordered = n->folds > 0, n->final++;
    if (strncmp(stage, "learning curve, fit 1 of", 24) == 0) n->curve++;
    n->ends += network && done == total;
    return 0;
}

static int stop_in_curve(void *user, const char *what, uint64_t done, uint64_t total)
{
    return strcmp(what, user) == 0 && done == total;
}

/* The model stands when what explains it begins: it is not lost, and is the same. */
static void interrupted_late_keeps_the_model(leattest *t)
{
    static const char *const when[] = {"importances", "learning curve"};
    for (size_t i = 0; i < 2; i++) {
        char name[32];
        leat_context_options o = leat_context_options_default();
        snprintf(name, sizeof name, "%s", when[i]);
        o.progress = stop_in_curve;
        o.progress_user = name;
        leat_context *c;
        leat_experiment *e;
        leat_experiment_options options = leat_experiment_options_default();
        REQUIRE_OK(leat_context_create(&c, &o));
        leat_frame *f;
        REQUIRE_OK(leat_data_load(c, &f, "iris", NULL));
        options.target = "species";
        options.models = "gaussian_nb";
        CHECK_INT(leat_experiment_run(c, &e, f, NULL, &options), LEAT_OK);
        if (CHECK(e != NULL)) {
            CHECK(leat_experiment_model(e) != NULL && e->curve_count == 0);
            CHECK(e->skipped && strstr(e->skipped, "learning curve: left out, interrupted"));
            CHECK((e->importance_count == 0) == (i == 0));
        }
        leat_experiment_destroy(e);
        leat_frame_release(f);
        leat_context_destroy(c);
    }
}

static void trainings_are_told_apart(leattest *t)
{
    told n = {0};
    leat_context_options o = leat_context_options_default();
    o.progress = note_stage;
    o.progress_user = &n;
    leat_context *c;
    leat_experiment *e;
    leat_experiment_options options = leat_experiment_options_default();
    const char *const set[] = {"network.epochs=2", "network.layers=flatten; dense(4, relu)"};
    REQUIRE_OK(leat_context_create(&c, &o));
    leat_frame *f = pictures(c);
    REQUIRE(f);
    options.target = "stands";
    options.models = "network";
    options.cv = "kfold:3";
    options.set = set;
    options.set_count = 2;
    REQUIRE_OK(leat_experiment_run(c, &e, f, NULL, &options));
    CHECK(n.folds > 0 && n.final > 0 && n.curve > 0 && n.ordered);
    CHECK(n.ends > 3); /* a line for each in a log */
    leat_experiment_destroy(e);
    leat_frame_release(f);
    leat_context_destroy(c);
}

static void interrupted_leaves_a_page(leattest *t)
{
    bool compared = false;
    leat_context_options o = leat_context_options_default();
    o.progress = stop_in_training;
    o.progress_user = &compared;
    leat_context *c;
    leat_experiment *e;
    leati_bytes bytes;
    char folder[512], file[560];
    snprintf(folder, sizeof folder, "%s", leattest_scratch("stopped.run"));
    REQUIRE_OK(leat_context_create(&c, &o));
    CHECK(train(c, "2000", folder, NULL, &e) == LEAT_CANCELLED);
    CHECK(!e);
    CHECK(strstr(leat_error_message(c), "last.checkpoint"));
    CHECK(strstr(leat_error_message(c), "interrupted.html"));
    CHECK(strstr(leat_error_message(c), "go on with: leat fit bars.npz --resume"));
    leat_context_destroy(c);
    snprintf(file, sizeof file, "%s/last.checkpoint", folder);
    CHECK(leati_path_exists(file));
    snprintf(file, sizeof file, "%s/interrupted.html", folder);
    REQUIRE_OK(leati_file_read(t->context, &bytes, file));
    CHECK(holds(&bytes, "How it learned"));
    CHECK(holds(&bytes, "Scores so far"));
    CHECK(holds(&bytes, "leat fit bars.npz --resume"));
    leati_bytes_release(&bytes);
}

/* ---- pictures -----------------------------------------------------------------------------------
 */

static uint32_t big(const char *at)
{
    const uint8_t *p = (const uint8_t *)at;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void png_holds_the_pixels(leattest *t)
{
    uint8_t pixels[3 * 2 * 3], rows[3 * (1 + 2 * 3)];
    uLongf size = sizeof rows;
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 14);
    leati_str png;
    leati_str_init(&png, t->context);
    REQUIRE_OK(leati_png_add(t->context, &(leati_pixels){pixels, 2, 3, 3}, &png));
    const char *at = leati_str_text(&png);
    CHECK(memcmp(at, "\x89PNG\r\n\x1a\n", 8) == 0);
    CHECK_INT(big(at + 16), 2);
    CHECK_INT(big(at + 20), 3);
    CHECK(at[25] == 2); /* RGB */
    CHECK_INT(big(at + 29), crc32(0, (const Bytef *)at + 12, 17));
    REQUIRE(memcmp(at + 37, "IDAT", 4) == 0);
    REQUIRE(uncompress(rows, &size, (const Bytef *)at + 41, big(at + 33)) == Z_OK);
    CHECK_INT(size, sizeof rows);
    for (size_t y = 0; y < 3; y++) CHECK(memcmp(rows + 7 * y + 1, pixels + 6 * y, 6) == 0);
    leati_str_fini(&png);
    CHECK_FAILS(leati_png_add(t->context, &(leati_pixels){pixels, 0, 3, 1}, &png), LEAT_INVALID,
                "0 x 3");
    CHECK_FAILS(leati_png_add(t->context, &(leati_pixels){pixels, 2, 3, 2}, &png), LEAT_INVALID,
                "channels");
    leati_str_init(&png, t->context);
    CHECK_OK(leati_png_add_uri(t->context, &(leati_pixels){pixels, 1, 1, 1}, &png));
    CHECK(strncmp(leati_str_text(&png), "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg", 44) == 0);
    CHECK(png.length % 4 == 22 % 4);
    leati_str_fini(&png);
    uint8_t gray[4];
    leati_pixels_scale((float[]){-1, 0.5f, 2, (float)NAN}, 4, 0, 1, gray);
    CHECK(gray[0] == 0 && gray[1] == 128 && gray[2] == 255 && gray[3] == 0);
}

/* ---- allocations --------------------------------------------------------------------------------
 */

static leat_status page_failing(leat_context *c, void *arg)
{
    leati_str html;
    leati_str_init(&html, c);
    leat_status st = leati_report_html(c, arg, "leat fit", &html);
    if (st == LEAT_OK) st = leati_report_interrupted(c, arg, "interrupted", "leat fit", &html);
    leati_str_fini(&html);
    return st;
}

static leat_status png_failing(leat_context *c, void *arg)
{
    leati_str png;
    leati_str_init(&png, c);
    leat_status st = leati_png_add_uri(c, arg, &png);
    leati_str_fini(&png);
    return st;
}

static void allocations_may_fail(leattest *t)
{
    leat_experiment *e;
    uint8_t pixels[12] = {7};
    leati_pixels picture = {pixels, 4, 3, 1};
    leattest_fail_allocations(t, png_failing, &picture);
    REQUIRE_OK(train(t->context, "2", NULL, NULL, &e));
    leattest_fail_some_allocations(t, page_failing, e);
    leat_experiment_destroy(e);
}

/* Two columns, and a target that has nothing to do with them. */
static leat_frame *noise(leat_context *c)
{
    leat_frame *f = leati_frame_create(c, 60);
    uint64_t h = 5;
    for (size_t k = 0; f && k < 3; k++) {
        leati_column *col = leati_column_create(c, LEAT_F64, 60);
        for (size_t i = 0; col && i < 60; i++) {
            h = h * 6364136223846793005u + 1442695040888963407u;
            col->f64[i] = (double)((h >> 33) % 1000) / 1000;
        }
        if (leati_frame_add(c, f, (const char *[]){"a", "b", "y"}[k], col) == LEAT_OK) continue;
        leat_frame_release(f);
        return NULL;
    }
    return f;
}

/* A rate of 0 leaves the network where it began. */
static leat_status lose(leat_context *c, leat_frame *f, const char *models, leat_experiment **out)
{
    const char *sets[] = {"network.epochs=3", "network.learning_rate=0"};
    leat_experiment_options o = leat_experiment_options_default();
    o.target = "y";
    o.models = models;
    o.cv = "holdout:0.4";
    o.quick = true;
    o.set = sets;
    o.set_count = strstr(models, "network") ? 2 : 0;
    o.name = "noise";
    return leat_experiment_run(c, out, f, NULL, &o);
}

static leat_status lose_failing(leat_context *c, void *arg)
{
    leat_experiment *e = NULL;
    leat_status st = lose(c, arg, "network", &e);
    leat_experiment_destroy(e);
    return st;
}

static void a_network_that_loses_stands_beside(leattest *t)
{
    char path[600];
    leat_experiment *e;
    leat_model *m;
    leat_frame *f = noise(t->context);
    const char *folder = leattest_scratch("beside");
    REQUIRE(f);
    REQUIRE_OK(lose(t->context, f, "network", &e));
    CHECK_STR(leat_experiment_row(e, 0).estimator, "baseline");
    CHECK_STR(leat_model_estimator(leat_experiment_model(e)), "baseline");
    REQUIRE(leat_experiment_beside(e));
    CHECK_STR(leat_model_estimator(leat_experiment_beside(e)), "network");
    CHECK(strstr(leat_experiment_verdict(e), "kept beside it"));
    CHECK(strstr(leat_experiment_verdict(e), "the learning rate (--lr-range"));
    CHECK(!strstr(leat_experiment_verdict(e), "the columns say little"));
    CHECK_INT(e->history.count, 3);
    leati_str html;
    leati_str_init(&html, t->context);
    REQUIRE_OK(leati_report_html(t->context, e, NULL, &html));
    CHECK(strstr(leati_str_text(&html), "deviation 1, so that it cannot be compared with MAE"));
    leati_str_fini(&html);
    REQUIRE_OK(leat_experiment_save(t->context, e, folder, NULL, NULL, 0, NULL, 0));
    snprintf(path, sizeof path, "%s/noise.network.leat", folder);
    REQUIRE_OK(leat_model_open(t->context, &m, path));
    CHECK_STR(leat_model_estimator(m), "network");
    leat_model_release(m);
    leat_experiment_destroy(e);
    REQUIRE_OK(lose(t->context, f, "linear", &e)); /* the rule is for what took long */
    CHECK(!leat_experiment_beside(e));
    CHECK(strstr(leat_experiment_verdict(e), "the columns say little"));
    CHECK(!strstr(leat_experiment_verdict(e), "--lr-range"));
    leat_experiment_destroy(e);
    REQUIRE_OK(lose(t->context, f, "network,lasso", &e)); /* it loses to an estimator, too */
    CHECK(strcmp(leat_experiment_row(e, 0).estimator, "network") != 0);
    REQUIRE(leat_experiment_beside(e));
    CHECK_STR(leat_model_estimator(leat_experiment_beside(e)), "network");
    leat_experiment_destroy(e);
    leattest_fail_some_allocations(t, lose_failing, f);
    leat_frame_release(f);
}

/* Many columns, of which one says it all. */
static leat_frame *hard(leat_context *c)
{
    enum { COLUMNS = 20, HARD_ROWS = 120 };
    leat_frame *f = leati_frame_create(c, HARD_ROWS);
    uint64_t h = 11;
    leati_column *y = leati_column_create(c, LEAT_I64, HARD_ROWS);
    for (size_t k = 0; f && y && k < COLUMNS; k++) {
        char name[16];
        leati_column *col = leati_column_create(c, LEAT_F64, HARD_ROWS);
        for (size_t i = 0; col && i < HARD_ROWS; i++) {
            h = h * 6364136223846793005u + 1442695040888963407u;
            col->f64[i] = (double)((h >> 33) % 1000) / 1000;
            if (k == 0) y->i64[i] = col->f64[i] > 0.5;
        }
        snprintf(name, sizeof name, "x%zu", k);
        if (leati_frame_add(c, f, name, col) != LEAT_OK) abort();
    }
    if (!f || leati_frame_add(c, f, "y", y) != LEAT_OK) abort();
    return f;
}

static leat_status learn_hard(leat_context *c, const char *epochs, leat_experiment **out)
{
    const char *sets[] = {epochs, "network.learning_rate=0.01"};
    leat_frame *f = hard(c);
    leat_experiment_options o = leat_experiment_options_default();
    o.target = "y";
    o.models = "network";
    o.cv = "stratified:3";
    o.task = "classification";
    o.set = sets;
    o.set_count = 2;
    leat_status st = leat_experiment_run(c, out, f, NULL, &o);
    leat_frame_release(f);
    return st;
}

static void learned_by_heart(leattest *t)
{
    leat_experiment *e;
    REQUIRE_OK(learn_hard(t->context, "network.epochs=200", &e));
    const char *said = strstr(leat_experiment_reading(e), "by heart: accuracy is 1.0000 on them");
    if (!said) printf("  %s\n", leat_experiment_reading(e));
    /* The model file does not have it: with --quick, or too little time, it is not said. */
    CHECK(!strstr(leat_experiment_verdict(e), "by heart"));
    CHECK(said && strstr(said, "network.validation_fraction=0.2"));
    leat_experiment_destroy(e);
    REQUIRE_OK(learn_hard(t->context, "network.epochs=2", &e));
    CHECK(!strstr(leat_experiment_reading(e), "by heart"));
    leat_experiment_destroy(e);
}

static const leattest_case cases[] = {
    TEST(curves_and_mistakes),       TEST(a_constant_rate_is_said),
    TEST(columns_are_pictures_too),  TEST(a_trace_is_written),
    TEST(trainings_are_told_apart),  TEST(interrupted_late_keeps_the_model),
    TEST(interrupted_leaves_a_page), TEST(png_holds_the_pixels),
    TEST(allocations_may_fail),      TEST(a_network_that_loses_stands_beside),
    TEST(learned_by_heart)};
LEATTEST_MAIN(cases)
