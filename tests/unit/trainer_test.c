/* The training loop: determinism, resumption, failures, allocation, logs. */
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/rng.h"
#include "nn/checkpoint.h"
#include "nn/feed.h"
#include "nn/set_aside.h"
#include "nn/train_log.h"
#include "nn/trainer.h"
#include "support/leattest.h"

enum { ROWS = 333, COLS = 6, CLASSES = 3 };

typedef struct settings {
    const char *layers, *optimizer, *schedule, *augment, *folder, *trace;
    size_t epochs, batch, accumulate, rows, patience;
    double rate; /* less than 0: none */
    double clip_norm, clip_value, ema, validation;
    bool resume, passes_over;
    double every; /* seconds between checkpoints */
    double wait;  /* before the first */
} settings;

typedef struct samples {
    float x[ROWS * COLS];
    uint32_t label[ROWS];
} samples;

static void draw(samples *s)
{
    leati_rng rng;
    leati_rng_init(&rng, 3, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < ROWS; i++) {
        s->label[i] = (uint32_t)(i % CLASSES);
        for (size_t k = 0; k < COLS; k++)
            s->x[i * COLS + k] = (float)(leati_rng_normal(&rng) + (k % CLASSES == s->label[i]));
    }
}

static leati_dataset dataset(const samples *s, size_t rows)
{
    return (leati_dataset){.x = {.f32 = s->x, .rows = rows, .cols = COLS, .stride = COLS},
                           .task = LEATI_CLASSIFY,
                           .label = s->label,
                           .classes = CLASSES,
                           .seed = 7};
}

/* What training needs, freed together. */
typedef struct setup {
    leat_graph *g;
    leati_network *n;
    leati_optimizer *o;
    leati_schedule *s;
    leati_loss *l;
    leati_augment a;
    leati_train_options options;
} setup;

static leat_status open_setup(leat_context *c, const settings *w, setup *u)
{
    memset(u, 0, sizeof *u);
    LEATI_TRY(leat_graph_create(c, NULL, &u->g));
    LEATI_TRY(leati_network_create(c, w->layers ? w->layers : "dense(8, activation=tanh); dense(3)",
                                   LEAT_DIMS(COLS), &u->n));
    LEATI_TRY(leati_network_open(u->n, u->g, 7));
    LEATI_TRY(leati_optimizer_parse(c, w->optimizer ? w->optimizer : "adam", &u->o));
    LEATI_TRY(leati_schedule_parse(c, w->schedule ? w->schedule : "constant", &u->s));
    LEATI_TRY(leati_loss_parse(c, "cross_entropy", &u->l));
    LEATI_TRY(leati_augment_parse(c, w->augment ? w->augment : "none", &u->a));
    u->options = (leati_train_options){.loss = u->l,
                                       .augment = &u->a,
                                       .schedule = u->s,
                                       .epochs = w->epochs ? w->epochs : 3,
                                       .batch_size = w->batch ? w->batch : 16,
                                       .accumulate = w->accumulate,
                                       .learning_rate = w->rate < 0   ? 0
                                                        : w->rate > 0 ? w->rate
                                                                      : 0.01,
                                       .clip_norm = w->clip_norm,
                                       .clip_value = w->clip_value,
                                       .ema = w->ema,
                                       .validation_fraction = w->validation,
                                       .patience = w->patience,
                                       .seed = 7,
                                       .watch = true,
                                       .folder = w->folder,
                                       .resume = w->resume,
                                       .passes_over = w->passes_over,
                                       .wait = w->wait,
                                       .trace = w->trace,
                                       .checkpoint_seconds = w->every};
    return LEAT_OK;
}

static void close_setup(setup *u)
{
    leati_network_destroy(u->n);
    leat_graph_destroy(u->g);
    leati_free(u->o);
    leati_free(u->s);
    leati_free(u->l);
}

/* Trains and gives the weights (in `out`, at most `size` of them). */
static leat_status train(leat_context *c, const settings *w, float *out, size_t size,
                         leati_history *h)
{
    static samples data;
    setup u;
    draw(&data);
    leati_dataset d = dataset(&data, w->rows ? w->rows : ROWS);
    leati_history unused = {0};
    leat_status st;
    LEATI_GO(open_setup(c, w, &u));
    LEATI_GO(leati_train(c, u.n, u.o, &d, &u.options, h ? h : &unused));
    LEATI_BUG_IF(c, u.n->trained_count > size);
    LEATI_GO(leat_variable_get(u.n->trained, out, u.n->trained_count * sizeof *out));
out:
    leati_history_fini(&unused);
    close_setup(&u);
    return st;
}

enum { MOST = 1024 };
typedef struct weights {
    float w[MOST];
} weights;

static leat_context *context_of(unsigned threads)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    o.threads = threads;
    return leat_context_create(&c, &o) == LEAT_OK ? c : NULL;
}

/* ---- learning ------------------------------------------------------------------------------- */

static void the_loss_falls(leattest *t)
{
    weights w = {0};
    leati_history h;
    settings s = {.epochs = 12, .validation = 0.2};
    REQUIRE_OK(train(t->context, &s, w.w, MOST, &h));
    CHECK_INT(h.count, 12);
    CHECK(h.epoch[11].loss < 0.7 * h.epoch[0].loss);
    CHECK(h.epoch[h.best].validation_loss <= h.epoch[0].validation_loss);
    CHECK(h.epoch[11].validation_accuracy > 0.5);
    CHECK(h.epoch[11].accuracy > 0.6);
    CHECK(h.notes > 0 && h.notes <= LEATI_STEP_NOTES && h.epochs == 12);
    CHECK(h.note[h.notes - 1].step == h.steps && h.note[h.notes - 1].loss < h.note[0].loss);
    leati_history_fini(&h);
}

static const settings kinds[] = {
    {.validation = 0.2},
    {.optimizer = "sgd(momentum=0.9)", .schedule = "one_cycle", .accumulate = 3},
    {.optimizer = "adamw(amsgrad=true)", .clip_norm = 0.5, .clip_value = 0.1, .ema = 0.9},
    {.optimizer = "rmsprop(centered=true)", .schedule = "plateau(patience=0)", .validation = 0.3},
    {.layers = "dense(8, activation=relu); dropout(0.5); dense(3)", .ema = 0.5, .validation = 0.1},
    {.layers = "dense(48); reshape(4, 4, 3); conv2d(5, 3, padding=same); batch_norm; relu; "
               "max_pool2d; conv2d_transpose(2, 3, strides=2); flatten; dense(3)"},
    {.layers = "dense(12); reshape(4, 3); lstm(5, return_sequences=true); gru(4); dense(3)",
     .validation = 0.2},
    {.layers = "dense(16); reshape(4, 4); positions; transformer_encoder(2, 8); "
               "global_average_pool; dense(3)"},
    {.augment = "mixup=0.4", .accumulate = 2},
    {.optimizer = "lbfgs(max_iter=5)", .validation = 0.1},
    {.layers = "dense(8, activation=relu); dropout(0.5); dense(3)",
     .optimizer = "lbfgs",
     .rows = 50}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void threads_do_not_matter(leattest *t)
{
    for (size_t k = 0; k < KINDS; k++) {
        weights one = {0}, two = {0};
        leat_context *a = context_of(1), *b = context_of(2);
        REQUIRE(a && b);
        REQUIRE_OK(train(a, &kinds[k], one.w, MOST, NULL));
        REQUIRE_OK(train(b, &kinds[k], two.w, MOST, NULL));
        CHECK(memcmp(&one, &two, sizeof one) == 0);
        leat_context_destroy(a);
        leat_context_destroy(b);
    }
}

/* ---- mixed samples -------------------------------------------------------------------------- */

/* The larger of two shares from Beta(1, 1) is even between 1/2 and 1; from Beta(0.1, 0.1) it is
 * 0.94158 in the mean, by numerical integration. */
static void shares_are_drawn(leattest *t)
{
    enum { DRAWS = 20000 };
    const double a[] = {1, 0.1}, mean[] = {0.75, 0.94158};
    for (int k = 0; k < 2; k++) {
        leati_augment m = {.mixup = a[k]};
        double sum = 0, least = 1, most = 0;
        for (uint64_t i = 0; i < DRAWS; i++) {
            double share = leati_augment_share(&m, 5, i);
            sum += share, least = fmin(least, share), most = fmax(most, share);
        }
        CHECK_NEAR(sum / DRAWS, mean[k], 0, 0.005);
        CHECK(least >= 0.5 && least < 0.51 && most > 0.99 && most <= 1);
    }
    leati_augment smallest = {.mixup = 1e-9};
    CHECK_NEAR(leati_augment_share(&smallest, 5, 0), 1, 1e-6, 0);
}

static void samples_are_mixed(leattest *t)
{
    float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    const int64_t y[] = {0, 1, 2, 1, 0};
    int64_t other[5];
    leati_feed f = {.inputs = 2, .outputs = 3, .target = LEATI_TARGET_LABELS};
    leati_feed_mix(t->context, &f, 5, 0.75f, x, y, other);
    const float want[] = {3, 4, 4, 5, 5, 6, 6, 7, 7, 8};
    CHECK(memcmp(x, want, sizeof x) == 0);
    for (int i = 0; i < 5; i++) CHECK_INT(other[i], y[4 - i]);
    const float values[] = {1, 2, 3, 4};
    float swapped[4], z[] = {0, 8};
    f = (leati_feed){.inputs = 1, .outputs = 2, .target = LEATI_TARGET_VALUES};
    leati_feed_mix(t->context, &f, 2, 0.5f, z, values, swapped);
    CHECK(z[0] == 4 && z[1] == 4);
    CHECK(swapped[0] == 3 && swapped[1] == 4 && swapped[2] == 1 && swapped[3] == 2);
}

/* With mixed samples the network learns, is less sure, and is another one. */
static void mixing_learns(leattest *t)
{
    weights plain = {0}, mixed = {0};
    leati_history a, b;
    settings s = {.epochs = 12, .validation = 0.2}, m = s;
    m.augment = "mixup=1";
    REQUIRE_OK(train(t->context, &s, plain.w, MOST, &a));
    REQUIRE_OK(train(t->context, &m, mixed.w, MOST, &b));
    CHECK(memcmp(&plain, &mixed, sizeof plain) != 0);
    CHECK(b.epoch[11].loss < b.epoch[0].loss && b.epoch[11].loss > a.epoch[11].loss);
    CHECK(b.epoch[11].validation_accuracy > 0.6);
    leati_history_fini(&a);
    leati_history_fini(&b);
}

/* Three batches of 16 with their gradients averaged are one of 48. */
static void accumulated_batches_are_one(leattest *t)
{
    weights few = {0}, whole = {0};
    settings a = {.optimizer = "sgd", .accumulate = 3, .rate = 0.1};
    settings b = {.optimizer = "sgd", .batch = 48, .rate = 0.1};
    REQUIRE_OK(train(t->context, &a, few.w, MOST, NULL));
    REQUIRE_OK(train(t->context, &b, whole.w, MOST, NULL));
    for (size_t i = 0; i < MOST; i++)
        if (!CHECK_NEAR((double)few.w[i], (double)whole.w[i], 1e-4, 1e-5)) break;
}

/* ---- all rows at once ------------------------------------------------------------------------ */

/* The largest element of the gradient of the mean cross-entropy of softmax(x w + b), and the loss,
 * by sums in f64; w: (COLS, CLASSES), then b. */
static double slope_of(const samples *s, const float *w, double *loss)
{
    double g[COLS + 1][CLASSES] = {{0}}, most = 0;
    *loss = 0;
    for (size_t i = 0; i < ROWS; i++) {
        const float *x = s->x + i * COLS;
        double z[CLASSES], sum = 0;
        for (size_t k = 0; k < CLASSES; k++) {
            z[k] = (double)w[COLS * CLASSES + k];
            for (size_t j = 0; j < COLS; j++) z[k] += (double)x[j] * (double)w[j * CLASSES + k];
            sum += exp(z[k]);
        }
        *loss += (log(sum) - z[s->label[i]]) / ROWS;
        for (size_t k = 0; k < CLASSES; k++) {
            double d = (exp(z[k]) / sum - (s->label[i] == k)) / ROWS;
            for (size_t j = 0; j < COLS; j++) g[j][k] += d * (double)x[j];
            g[COLS][k] += d;
        }
    }
    for (size_t j = 0; j <= COLS; j++)
        for (size_t k = 0; k < CLASSES; k++) most = fmax(most, fabs(g[j][k]));
    return most;
}

/* Of softmax regression, whose loss has one minimum; batches of 16 leave 13 rows over. */
static void lbfgs_finds_the_minimum(leattest *t)
{
    static samples data;
    weights w = {0}, v = {0};
    leati_history h;
    double loss, other;
    settings s = {.layers = "dense(3)", .optimizer = "lbfgs(max_iter=30)", .epochs = 4};
    settings a = {.layers = "dense(3)", .rate = 0.003, .epochs = 100};
    draw(&data);
    REQUIRE_OK(train(t->context, &s, w.w, MOST, &h));
    CHECK(slope_of(&data, w.w, &loss) < 2e-5);
    CHECK_NEAR(h.epoch[3].loss, loss, 1e-5, 0);
    CHECK(h.epoch[0].loss <= h.epoch[3].loss * 1.001);
    CHECK(h.steps > 5 && h.watched && h.epoch[3].accuracy > 0.6);
    CHECK(h.notes > 0);
    for (size_t i = 0; i < h.notes; i++) /* one an epoch, of its loss */
        for (size_t k = 0; k < h.count; k++)
            if (h.note[i].step == h.epoch[k].step)
                CHECK_NEAR(h.note[i].loss, h.epoch[k].loss, 1e-12, 0);
    leati_history_fini(&h);
    REQUIRE_OK(train(t->context, &a, v.w, MOST, NULL));
    (void)slope_of(&data, v.w, &other);
    CHECK(other > loss && other < 1.02 * loss);
}

static void lbfgs_refuses_what_needs_batches(leattest *t)
{
    weights w;
    static const struct {
        settings s;
        const char *word;
    } odd[] = {{{.accumulate = 2}, "accumulate"},    {{.clip_norm = 1}, "clip_norm"},
               {{.clip_value = 1}, "clip_value"},    {{.ema = 0.5}, "ema"},
               {{.schedule = "cosine"}, "schedule"}, {{.augment = "mixup=1"}, "mixup"}};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        settings s = odd[i].s;
        s.optimizer = "lbfgs";
        CHECK_FAILS(train(t->context, &s, w.w, MOST, NULL), LEAT_INVALID, odd[i].word);
    }
#define HUGE_LAYER "dense(2, kernel_initializer=constant(1e6)); "
    settings bad = {.layers =
                        HUGE_LAYER HUGE_LAYER HUGE_LAYER HUGE_LAYER HUGE_LAYER HUGE_LAYER HUGE_LAYER
                    "dense(3)",
                    .optimizer = "lbfgs"};
    CHECK_FAILS(train(t->context, &bad, w.w, MOST, NULL), LEAT_NUMERIC, "overflows");
}

/* ---- interruption --------------------------------------------------------------------------- */

static int stop_late(void *user, const char *what, uint64_t done, uint64_t total)
{
    (void)what, (void)total;
    return done >= *(uint64_t *)user;
}

/* In a process of its own, which is killed once it has written a checkpoint. */
static bool killed_while_training(const settings *s)
{
    char path[512];
    snprintf(path, sizeof path, "%s/last.checkpoint", s->folder);
    pid_t child = fork();
    if (child == 0) {
        weights w;
        leat_context *c = context_of(1);
        settings longer = *s;
        longer.epochs = 200; /* it does not end by itself */
        if (c) (void)!train(c, &longer, w.w, MOST, NULL);
        _exit(0);
    }
    if (child < 0) return false;
    const struct timespec little = {.tv_nsec = 1000000};
    for (int i = 0; i < 2000 && !leati_path_exists(path); i++) nanosleep(&little, NULL);
    for (int i = 0; i < 3; i++) nanosleep(&little, NULL);
    kill(child, SIGKILL);
    int status;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && leati_path_exists(path);
}

static void a_killed_training_goes_on(leattest *t)
{
    for (size_t k = 0; k < KINDS; k++) {
        char folder[64];
        weights never = {0}, resumed = {0};
        settings s = kinds[k];
        snprintf(folder, sizeof folder, "killed-%zu", k);
        s.epochs = 200;
        s.rows = 100;
        REQUIRE_OK(train(t->context, &s, never.w, MOST, NULL));
        s.folder = leattest_scratch(folder);
        if (!CHECK(killed_while_training(&s))) continue;
        s.resume = true;
        s.every = 60;
        REQUIRE_OK(train(t->context, &s, resumed.w, MOST, NULL));
        CHECK(memcmp(&never, &resumed, sizeof never) == 0);
    }
}

static void another_training_is_refused(leattest *t)
{
    weights w;
    settings s = {.folder = leattest_scratch("other"), .epochs = 1};
    REQUIRE_OK(train(t->context, &s, w.w, MOST, NULL));
    s.resume = true;
    s.rate = 0.5;
    CHECK_FAILS(
        train(t->context, &s, w.w, MOST, NULL), LEAT_DIFFERS,
        "another training: the settings differ (learning_rate was 0.01 and is 0.5)|--resume");
    s.optimizer = "adam(beta1=0.5)", s.rate = 0;
    CHECK_FAILS(train(t->context, &s, w.w, MOST, NULL), LEAT_DIFFERS,
                "(optimizer.beta1 was 0.9 and is 0.5)");
    s.optimizer = "sgd";
    CHECK_FAILS(train(t->context, &s, w.w, MOST, NULL), LEAT_DIFFERS,
                "(optimizer was adam and is sgd)");
    s.optimizer = NULL;
    s.rows = ROWS - 1;
    CHECK_FAILS(train(t->context, &s, w.w, MOST, NULL), LEAT_DIFFERS, "training: the data differ");
    s.layers = "dense(7, activation=tanh); dense(3)";
    CHECK_FAILS(train(t->context, &s, w.w, MOST, NULL), LEAT_DIFFERS,
                "training: the data and the network differ;");
    s.rows = 0;
    CHECK_FAILS(train(t->context, &s, w.w, MOST, NULL), LEAT_DIFFERS,
                "training: the network differs;");
}

static bool same_history(const leati_history *a, const leati_history *b)
{
    bool same = a->count == b->count && a->notes == b->notes && a->best == b->best;
    for (size_t i = 0; same && i < a->notes; i++)
        same = a->note[i].step == b->note[i].step && a->note[i].rate == b->note[i].rate &&
               a->note[i].loss == b->note[i].loss;
    return same;
}

/* 21 updates an epoch: the second part is longer than what has a note for each. */
static void a_training_is_made_longer(leattest *t)
{
    static const settings longer[] = {{.validation = 0.2, .patience = 100},
                                      {.optimizer = "sgd(momentum=0.9)", .schedule = "step(2)"},
                                      {.schedule = "cosine(period=50)", .ema = 0.9},
                                      {.schedule = "plateau(patience=0)", .rate = 0.1}};
    for (size_t k = 0; k < sizeof longer / sizeof *longer; k++) {
        char folder[64];
        weights whole = {0}, more = {0};
        leati_history a, b;
        settings s = longer[k];
        s.epochs = 47;
        REQUIRE_OK(train(t->context, &s, whole.w, MOST, &a));
        snprintf(folder, sizeof folder, "longer-%zu", k);
        s.folder = leattest_scratch(folder);
        s.epochs = 3;
        REQUIRE_OK(train(t->context, &s, more.w, MOST, NULL));
        s.epochs = 47;
        s.resume = true;
        REQUIRE_OK(train(t->context, &s, more.w, MOST, &b));
        CHECK(memcmp(&whole, &more, sizeof whole) == 0);
        CHECK(same_history(&a, &b) && a.notes > 200 && a.notes <= LEATI_STEP_NOTES);
        CHECK(a.note[a.notes - 1].loss < a.note[0].loss);
        leati_history_fini(&a);
        leati_history_fini(&b);
    }
}

/* More epochs are no reason to refuse, and so none to name. */
static void what_really_differs_is_named(leattest *t)
{
    weights w;
    settings s = {.folder = leattest_scratch("longer-other"), .epochs = 2};
    REQUIRE_OK(train(t->context, &s, w.w, MOST, NULL));
    s.resume = true;
    s.epochs = 4;
    s.batch = 8;
    CHECK_INT(train(t->context, &s, w.w, MOST, NULL), LEAT_DIFFERS);
    CHECK(!strstr(leat_error_message(t->context), "epochs was"));
    CHECK(strstr(leat_error_message(t->context), "batch_size was 16 and is 8"));
    leat_error_clear(t->context);
}

static void a_length_that_decides_is_refused(leattest *t)
{
    static const char *const whole[] = {"one_cycle", "cosine", "cosine(by=epoch)"};
    weights w;
    for (size_t k = 0; k < 3; k++) {
        char folder[64];
        snprintf(folder, sizeof folder, "whole-%zu", k);
        settings s = {.schedule = whole[k], .folder = leattest_scratch(folder), .epochs = 2};
        REQUIRE_OK(train(t->context, &s, w.w, MOST, NULL));
        s.resume = true;
        s.epochs = 4;
        CHECK_FAILS(train(t->context, &s, w.w, MOST, NULL), LEAT_DIFFERS,
                    "the settings differ (epochs was 2 and is 4)");
    }
    settings s = {.folder = leattest_scratch("shorter"), .epochs = 3};
    REQUIRE_OK(train(t->context, &s, w.w, MOST, NULL));
    s.resume = true;
    s.epochs = 2;
    CHECK_FAILS(train(t->context, &s, w.w, MOST, NULL), LEAT_DIFFERS,
                "last.checkpoint is of epoch 3, and epochs is 2");
    s.passes_over = true;
    CHECK_OK(train(t->context, &s, w.w, MOST, NULL));
}

static void another_level_is_refused(leattest *t)
{
    leat_context_options o = leat_context_options_default();
    leat_context *plain;
    weights w;
    settings s = {.folder = leattest_scratch("level"), .epochs = 1};
    o.cpu = "generic";
    if (strcmp(leat_context_cpu(t->context), "generic") == 0) {
        leattest_skip(t, "there is one level");
        return;
    }
    REQUIRE(leat_context_create(&plain, &o) == LEAT_OK);
    CHECK_OK(train(plain, &s, w.w, MOST, NULL));
    s.resume = true;
    CHECK_OK(train(plain, &s, w.w, MOST, NULL));
    leat_context_destroy(plain);
    CHECK_FAILS(train(t->context, &s, w.w, MOST, NULL), LEAT_DIFFERS,
                "level generic|LEAT_CPU=generic|--resume");
}

/* The same weights, but what is done with them differs. */
static void another_network_is_refused(leattest *t)
{
    static const char *const layers[] = {
        "dense(8, activation=relu); dropout(0.2); dense(3)",
        "dense(8, activation=tanh); dropout(0.2); dense(3)",
        "dense(8, activation=relu); dropout(0.5); dense(3)",
        "residual { dense(6); dropout(0.2) }; dense(3)",
        "residual { dense(6); dropout(0.3) }; dense(3)",
        "residual { dense(6) }; dropout(0.2); dense(3)",
    };
    enum { COUNT = sizeof layers / sizeof *layers };
    weights w;
    for (size_t i = 0; i < COUNT; i++) {
        settings s = {.folder = leattest_scratch("network"), .epochs = 1, .layers = layers[i]};
        REQUIRE_OK(train(t->context, &s, w.w, MOST, NULL));
        s.resume = true;
        REQUIRE_OK(train(t->context, &s, w.w, MOST, NULL));
        for (size_t k = 0; k < COUNT; k++) {
            s.layers = layers[k];
            if (k != i)
                CHECK_FAILS(train(t->context, &s, w.w, MOST, NULL), LEAT_DIFFERS, "another");
        }
    }
}

static void damaged_checkpoints_are_refused(leattest *t)
{
    leat_context *c = t->context;
    static const float values[] = {1, 2, 3};
    leati_checkpoint from = {.fingerprint = 5, .part = {{"numbers", values, 12}}, .count = 1}, k;
    const char *path = leattest_scratch("damaged.checkpoint");
    leati_bytes b;
    REQUIRE_OK(leati_checkpoint_write(c, path, &from));
    REQUIRE_OK(leati_checkpoint_read(c, path, &k));
    CHECK(k.fingerprint == 5 && k.count == 1);
    const void *found = leati_checkpoint_find(c, &k, "numbers", 12);
    CHECK(found && memcmp(found, values, 12) == 0);
    CHECK(!leati_checkpoint_find(c, &k, "numbers", 16));
    CHECK_FAILS(leat_error_status(c), LEAT_FORMAT, "numbers|12|16");
    CHECK(!leati_checkpoint_find(c, &k, "words", 16));
    CHECK_FAILS(leat_error_status(c), LEAT_FORMAT, "words");
    leati_checkpoint_release(&k);
    REQUIRE_OK(leati_file_read(c, &b, path));
    char copy[256];
    REQUIRE(b.size <= sizeof copy);
    for (size_t i = 0; i < b.size; i++) {
        memcpy(copy, b.data, b.size);
        copy[i] ^= 1;
        CHECK_FAILS(leati_checkpoint_parse(c, "p", copy, b.size, &k), LEAT_FORMAT, "checkpoint");
        CHECK_FAILS(leati_checkpoint_parse(c, "p", b.data, i, &k), LEAT_FORMAT, "checkpoint");
    }
    leati_bytes_release(&b);
}

/* Of more than one piece, from a variable and from memory. */
static void large_checkpoints_are_read_again(leattest *t)
{
    enum { COUNT = (1 << 18) + 100, BYTES = COUNT * 4 };
    leat_context *c = t->context;
    const char *path = leattest_scratch("large.checkpoint");
    leat_graph *g;
    leat_variable *v;
    leati_checkpoint k;
    leati_bytes b;
    float *values = leati_array(c, COUNT, sizeof *values);
    REQUIRE(values);
    for (int i = 0; i < COUNT; i++) values[i] = (float)i;
    REQUIRE_OK(leat_graph_create(c, NULL, &g));
    REQUIRE_OK(leat_variable_create(g, "v", LEAT_DTYPE_F32, LEAT_DIMS(COUNT), values, &v));
    leati_checkpoint from = {.part = {{.name = "small", .data = values, .bytes = 12},
                                      {.name = "stored", .bytes = BYTES, .variable = v},
                                      {.name = "plain", .data = values, .bytes = BYTES - 3}},
                             .count = 3};
    uint64_t before = leat_context_bytes(c);
    REQUIRE_OK(leati_checkpoint_write(c, path, &from));
    CHECK(leat_context_peak_bytes(c) < before + BYTES / 2);
    REQUIRE_OK(leati_checkpoint_read(c, path, &k));
    const void *stored = leati_checkpoint_find(c, &k, "stored", BYTES);
    const void *plain = leati_checkpoint_find(c, &k, "plain", BYTES - 3);
    CHECK(stored && memcmp(stored, values, BYTES) == 0);
    CHECK(plain && memcmp(plain, values, BYTES - 3) == 0);
    leati_checkpoint_release(&k);
    REQUIRE_OK(leati_file_read(c, &b, path));
    for (size_t i = 1; i < 8; i++) {
        char *at = (char *)(uintptr_t)b.data + i * b.size / 8;
        *at ^= 1;
        CHECK_FAILS(leati_checkpoint_parse(c, "p", b.data, b.size, &k), LEAT_FORMAT, "damaged");
        *at ^= 1;
    }
    leati_bytes_release(&b);
    leat_graph_destroy(g);
    leati_free(values);
}

/* A sound file that says training stands where it cannot: not between two updates, at an epoch
 * that no history is of, at a best epoch still to come. `word` of its progress gets the value. */
static void impossible_progress_is_refused(leattest *t)
{
    enum { EPOCH, AT, BEST_EPOCH = 7 };
    static const struct {
        int word;
        uint64_t value;
        const char *message;
    } wrong[] = {{AT, 1, "is of epoch 1, row 1"},
                 {AT, ROWS + 1, "is of epoch 1, row 334"},
                 {EPOCH, 9, "history"},
                 {EPOCH, UINT64_MAX, "the checkpoint is of epoch"},
                 {BEST_EPOCH, 1, "the checkpoint is of epoch"}};
    leat_context *c = t->context;
    weights w;
    settings s = {.folder = leattest_scratch("impossible"), .epochs = 1};
    char path[4096];
    snprintf(path, sizeof path, "%s/last.checkpoint", s.folder);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint64_t progress[64];
        leati_checkpoint k;
        size_t at = 0;
        s.resume = false;
        s.epochs = 1;
        REQUIRE_OK(train(c, &s, w.w, MOST, NULL));
        REQUIRE_OK(leati_checkpoint_read(c, path, &k));
        while (at < k.count && strcmp(k.part[at].name, "progress") != 0) at++;
        bool there = at < k.count && k.part[at].bytes <= sizeof progress;
        if (CHECK(there)) {
            memcpy(progress, k.part[at].data, k.part[at].bytes);
            CHECK(progress[EPOCH] == 1 && progress[AT] == 0);
            progress[wrong[i].word] = wrong[i].value;
            k.part[at].data = progress;
            CHECK_OK(leati_checkpoint_write(c, path, &k));
        }
        leati_checkpoint_release(&k);
        s.resume = true;
        s.epochs = 9;
        CHECK_FAILS(train(c, &s, w.w, MOST, NULL), LEAT_FORMAT, wrong[i].message);
    }
}

static void cancelled_training_leaves_a_checkpoint(leattest *t)
{
    uint64_t limit = 1;
    weights w = {0}, never = {0};
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    o.progress = stop_late;
    o.progress_user = &limit;
    settings s = {.folder = leattest_scratch("cancelled"), .epochs = 400, .every = 60};
    REQUIRE_OK(leat_context_create(&c, &o));
    leat_status st = train(c, &s, w.w, MOST, NULL);
    CHECK_INT(st, LEAT_CANCELLED);
    CHECK(strstr(leat_error_message(c), "--resume"));
    leat_context_destroy(c);
    s.resume = true;
    REQUIRE_OK(train(t->context, &s, w.w, MOST, NULL));
    s.folder = NULL;
    REQUIRE_OK(train(t->context, &s, never.w, MOST, NULL));
    CHECK(memcmp(&never, &w, sizeof w) == 0);
}

static size_t count_lines(const char *path)
{
    char line[1024];
    size_t n = 0;
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) n++;
    if (f) fclose(f);
    return n;
}

/* The metrics stand where the checkpoint stands. */
static void cancelled_training_leaves_its_metrics(leattest *t)
{
    uint64_t limit = 20 * ROWS;
    weights w;
    char path[4096];
    leati_history h;
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    o.progress = stop_late;
    o.progress_user = &limit;
    settings s = {
        .folder = leattest_scratch("cancelled-late"), .epochs = 100000, .every = 60, .wait = 1e6};
    REQUIRE_OK(leat_context_create(&c, &o));
    CHECK_INT(train(c, &s, w.w, MOST, &h), LEAT_CANCELLED);
    leat_context_destroy(c);
    snprintf(path, sizeof path, "%s/metrics.jsonl", s.folder);
    CHECK(h.count > 0);
    CHECK_INT(count_lines(path), h.count);
    leati_history_fini(&h);
}

static int stop_updates(void *user, const char *what, uint64_t done, uint64_t total)
{
    (void)total;
    return strncmp(what, "network", 7) == 0 && done >= *(uint64_t *)user;
}

/* Between the last update of an epoch and its end: there is one update an epoch. */
static void cancelled_at_the_end_of_an_epoch(leattest *t)
{
    static const settings once[] = {
        {.schedule = "cosine", .batch = ROWS, .epochs = 4, .every = 60},
        {.optimizer = "lbfgs(max_iter=3)", .batch = 100, .epochs = 1, .every = 60}};
    for (size_t k = 0; k < 2; k++) {
        uint64_t limit = ROWS;
        weights w = {0}, never = {0};
        leati_history h, whole;
        leat_context_options o = leat_context_options_default();
        leat_context *c;
        settings s = once[k];
        o.progress = stop_updates;
        o.progress_user = &limit;
        REQUIRE_OK(leat_context_create(&c, &o));
        s.folder = leattest_scratch(k ? "end-of-epoch-lbfgs" : "end-of-epoch");
        CHECK_INT(train(c, &s, w.w, MOST, NULL), LEAT_CANCELLED);
        leat_context_destroy(c);
        s.resume = true;
        REQUIRE_OK(train(t->context, &s, w.w, MOST, &h));
        s.folder = NULL;
        REQUIRE_OK(train(t->context, &s, never.w, MOST, &whole));
        CHECK(memcmp(&never, &w, sizeof w) == 0);
        CHECK_INT(h.count, whole.count);
        for (size_t i = 0; i < h.count && i < whole.count; i++) {
            CHECK(h.epoch[i].rate == whole.epoch[i].rate && h.epoch[i].rate > 0);
            CHECK(h.epoch[i].loss == whole.epoch[i].loss);
            CHECK_INT(h.epoch[i].step, whole.epoch[i].step);
        }
        leati_history_fini(&h);
        leati_history_fini(&whole);
    }
}

/* ---- failures ------------------------------------------------------------------------------- */

/* The batch that spoils the loss is looked at itself, also where the next one is gathered ahead. */
static void the_spoiled_batch_is_found(leattest *t)
{
    static samples data;
    for (unsigned threads = 1; threads <= 2; threads++) {
        setup u;
        leati_history h;
        leat_context *c = context_of(threads);
        settings s = {.epochs = 1};
        REQUIRE(c);
        draw(&data);
        data.x[200 * COLS] = (float)NAN;
        leati_dataset d = dataset(&data, ROWS);
        REQUIRE_OK(open_setup(c, &s, &u));
        CHECK_INT(leati_train(c, u.n, u.o, &d, &u.options, &h), LEAT_NUMERIC);
        if (!CHECK(strstr(leat_error_message(c), "from the data")))
            printf("    %s\n", leat_error_message(c));
        leati_history_fini(&h);
        close_setup(&u);
        leat_context_destroy(c);
    }
}

static void a_loss_that_is_not_finite_is_explained(leattest *t)
{
    weights w;
    settings s = {.layers = "dense(8, name=wide, activation=relu); dense(3, name=last)",
                  .optimizer = "sgd",
                  .rate = 1e30};
    CHECK_FAILS(train(t->context, &s, w.w, MOST, NULL), LEAT_NUMERIC, "epoch 1|step|first|`");
    /* a checkpoint is spoken of where there is one */
    s.folder = leattest_scratch("spoiled");
    s.wait = 1e6;
    CHECK_INT(train(t->context, &s, w.w, MOST, NULL), LEAT_NUMERIC);
    CHECK(!strstr(leat_error_message(t->context), "checkpoint"));
    leat_error_clear(t->context);
    s.wait = 0;
    CHECK_FAILS(train(t->context, &s, w.w, MOST, NULL), LEAT_NUMERIC, "checkpoint is kept");
}

/* Small values times large weights are numbers, slopes times the same weights are none. */
static void gradients_are_of_a_layer(leattest *t)
{
#define LARGE "dense(8, kernel_initializer=constant(1e6)); "
    weights w;
    settings s = {.layers = "dense(8, kernel_initializer=constant(1e-36)); " LARGE LARGE LARGE LARGE
                      LARGE LARGE "dense(3)"};
    CHECK_FAILS(train(t->context, &s, w.w, MOST, NULL), LEAT_NUMERIC,
                "in step 1 from the gradient of layer 2 `dense`: `");
}

/* A training begins from the weights of a checkpoint of the same network. */
static void weights_are_read(leattest *t, const char *layers, const char *path)
{
    static const char other[] = "dense(8, relu); dense(8); dense(3)";
    double mean = 0, scale = 1;
    leat_graph *g;
    leati_network *n;
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    for (int i = 0; i < 2; i++) {
        REQUIRE_OK(leati_network_create(t->context, i ? other : layers, LEAT_DIMS(COLS), &n));
        REQUIRE_OK(leati_network_open(n, g, 1));
        leat_status st = leati_network_read(t->context, n, path, false, &mean, &scale);
        if (i) CHECK_FAILS(st, LEAT_FORMAT, "last.checkpoint is a checkpoint of another network");
        else CHECK_OK(st);
        leati_network_destroy(n);
    }
    leat_graph_destroy(g);
}

/* A short training that fails leaves what it was before the epoch in which it did. */
static void the_last_good_weights_are_kept(leattest *t)
{
    weights w, good;
    leati_history h;
    settings s = {.layers = "dense(8); dense(8); dense(3)",
                  .optimizer = "sgd",
                  .schedule = "cosine(period=1, minimum=1000, by=epoch)",
                  .folder = leattest_scratch("diverges"),
                  .epochs = 5,
                  .wait = 1e6,
                  .every = 1e6};
    CHECK_FAILS(train(t->context, &s, w.w, MOST, NULL), LEAT_NUMERIC,
                "in epoch 2 at step|the last checkpoint is kept in|diverges|network.epochs=1 with "
                "--resume|network.weights=|diverges/last.checkpoint");
    char *path = leati_path_join(t->context, s.folder, "last.checkpoint");
    leati_checkpoint k = {0};
    REQUIRE(path);
    REQUIRE_OK(leati_checkpoint_read(t->context, path, &k));
    weights_are_read(t, s.layers, path);
    settings one = {.layers = s.layers, .optimizer = "sgd", .epochs = 1};
    REQUIRE_OK(train(t->context, &one, good.w, MOST, &h));
    size_t bytes = (8 * (COLS + 1) + 8 * (8 + 1) + 3 * (8 + 1)) * sizeof(float);
    const void *kept = leati_checkpoint_find(t->context, &k, "weights", bytes);
    CHECK(kept && memcmp(kept, good.w, bytes) == 0);
    leati_history_fini(&h);
    leati_checkpoint_release(&k);
    leati_free(path);
    path = leati_path_join(t->context, s.folder, "metrics.jsonl");
    CHECK(path && leati_path_exists(path));
    leati_free(path);
}

/* Outputs of 1e25 are numbers, their squares are not. */
static void the_loss_is_named_where_it_overflows(leattest *t)
{
    static samples data;
    setup u;
    leati_history h;
    settings s = {.layers = "dense(2, kernel_initializer=constant(1e6)); "
                            "dense(2, kernel_initializer=constant(1e6)); "
                            "dense(2, kernel_initializer=constant(1e6)); "
                            "dense(3, kernel_initializer=constant(1e6))"};
    draw(&data);
    leati_dataset d = dataset(&data, ROWS);
    REQUIRE_OK(open_setup(t->context, &s, &u));
    leati_free(u.l);
    REQUIRE_OK(leati_loss_parse(t->context, "mse", &u.l));
    u.options.loss = u.l;
    CHECK_FAILS(leati_train(t->context, u.n, u.o, &d, &u.options, &h), LEAT_NUMERIC,
                "in step 1 from the loss mse: `");
    leati_history_fini(&h);
    close_setup(&u);
}

/* The loss of the last update does not tell what it did to the weights: they are looked at before
 * they become a checkpoint or a model. */
static void weights_that_are_not_finite_are_not_kept(leattest *t)
{
    weights w;
    settings s = {.layers = "dense(8, kernel_initializer=constant(5)); exp; dense(3, name=last)",
                  .optimizer = "sgd",
                  .folder = leattest_scratch("overflow"),
                  .batch = ROWS,
                  .epochs = 1,
                  .rate = 1e30};
    CHECK_FAILS(
        train(t->context, &s, w.w, MOST, NULL), LEAT_NUMERIC,
        "the weights are not finite in epoch 1 at step 1|came in step 1 from|learning rate");
    char *path = leati_path_join(t->context, s.folder, "last.checkpoint");
    REQUIRE(path);
    CHECK(!leati_path_exists(path));
    leati_free(path);
}

static void nothing_to_train_is_refused(leattest *t)
{
    weights w;
    settings s = {.layers = "dense(8, trainable=false); dense(3, trainable=false)"};
    CHECK_FAILS(train(t->context, &s, w.w, MOST, NULL), LEAT_INVALID, "trainable=false");
    s.optimizer = "lbfgs";
    CHECK_FAILS(train(t->context, &s, w.w, MOST, NULL), LEAT_INVALID, "trainable=false");
}

/* A row that spoils the loss is named, whether it is learned from or set aside. */
static void a_spoiled_row_is_named(leattest *t)
{
    static samples data;
    size_t judged = 0;
    for (size_t row = 0; row < 12; row++) {
        setup u;
        leati_history h;
        char named[80];
        settings s = {.epochs = 2, .validation = 0.5};
        draw(&data);
        data.x[row * COLS + 1] = (float)NAN;
        leati_dataset d = dataset(&data, 12);
        REQUIRE_OK(open_setup(t->context, &s, &u));
        snprintf(named, sizeof named, "from the data: nan in row %zu of column 2|in epoch 1",
                 row + 1);
        leat_status st = leati_train(t->context, u.n, u.o, &d, &u.options, &h);
        judged += strstr(leat_error_message(t->context), "validation loss is nan") != NULL;
        CHECK_FAILS(st, LEAT_NUMERIC, named);
        CHECK_INT(h.count, 0);
        leati_history_fini(&h);
        close_setup(&u);
    }
    CHECK_INT(judged, 6);
}

/* Rows set aside may overflow where those learned from do not: a row of the table, by `place`. */
static void a_validation_loss_that_overflows_ends_the_training(leattest *t)
{
    static samples data;
    uint32_t place[12];
    size_t named = 0;
    for (size_t row = 0; row < 12; row++) {
        setup u;
        leati_history h;
        settings s = {.layers = "dense(8, kernel_initializer=constant(1e6)); dense(3)",
                      .epochs = 2,
                      .validation = 0.5};
        draw(&data);
        data.x[row * COLS] = 3e38f;
        for (size_t i = 0; i < 12; i++) place[i] = (uint32_t)(100 + i);
        leati_dataset d = dataset(&data, 12);
        char where[64];
        d.place = place;
        REQUIRE_OK(open_setup(t->context, &s, &u));
        CHECK_INT(leati_train(t->context, u.n, u.o, &d, &u.options, &h), LEAT_NUMERIC);
        snprintf(where, sizeof where, "layer 1 `dense`: `matmul`, for row %zu", row + 101);
        const char *said = leat_error_message(t->context);
        named += strstr(said, "the validation loss is") && strstr(said, where);
        leat_error_clear(t->context);
        leati_history_fini(&h);
        close_setup(&u);
    }
    CHECK_INT(named, 6);
}

/* 1e39 is a number of a table, and none of a network's. */
static void a_value_beyond_f32_is_named(leattest *t)
{
    static samples data;
    static double wide[ROWS * COLS];
    leati_feature features[COLS];
    setup u;
    leati_history h;
    settings s = {.epochs = 1};
    draw(&data);
    for (size_t i = 0; i < ROWS * COLS; i++) wide[i] = (double)data.x[i];
    for (size_t i = 0; i < COLS; i++) features[i] = (leati_feature){.name = "length"};
    wide[200 * COLS + 2] = -1e39;
    leati_dataset d = dataset(&data, ROWS);
    d.x.f32 = NULL, d.x.f64 = wide;
    d.features = features;
    REQUIRE_OK(open_setup(t->context, &s, &u));
    CHECK_FAILS(leati_train(t->context, u.n, u.o, &d, &u.options, &h), LEAT_INVALID,
                "-1e+39 in row 201 of column 'length'|3.4e38|--preprocess standard");
    leati_history_fini(&h);
    close_setup(&u);
}

/* Each class gives its share, and keeps a row to learn from. */
static void rows_are_set_aside_by_class(leattest *t)
{
    enum { N = 300 };
    static uint32_t label[N], rows[N];
    static float x[N];
    static const struct {
        size_t count, rare;
    } cases[] = {{150, 2}, {60, 1}, {3, 0}, {297, 2}, {299, 2}};
    for (size_t i = 0; i < N; i++) label[i] = i % 100 == 7 ? 2 : i % 2;
    leati_dataset d = {.x = {.f32 = x, .rows = N, .cols = 1, .stride = 1},
                       .task = LEATI_CLASSIFY,
                       .label = label,
                       .classes = 3};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (uint64_t seed = 0; seed < 12; seed++) {
            size_t aside[3] = {0}, seen[N] = {0}, count = cases[k].count;
            REQUIRE_OK(leati_set_aside(t->context, &d, seed, count, rows));
            for (size_t i = 0; i < N; i++) CHECK(seen[rows[i]]++ == 0);
            for (size_t i = N - count; i < N; i++) aside[label[rows[i]]]++;
            CHECK(aside[2] >= cases[k].rare && (count > 297 || aside[2] < 3));
            CHECK(count != 150 || (aside[0] >= 74 && aside[0] <= 76));
        }
}

/* Of numbers the draw is what it was: models are trained again to the same bytes. */
static void numbers_are_set_aside_as_ever(leattest *t)
{
    enum { N = 50 };
    uint32_t rows[N], before[N];
    float x[N] = {0};
    leati_rng rng;
    leati_dataset d = {.x = {.f32 = x, .rows = N, .cols = 1, .stride = 1}, .task = LEATI_REGRESS};
    for (uint32_t i = 0; i < N; i++) before[i] = i;
    leati_rng_init(&rng, 5, LEATI_RNG_SPLIT, 0);
    leati_rng_shuffle(&rng, before, N);
    REQUIRE_OK(leati_set_aside(t->context, &d, 5, 10, rows));
    CHECK(memcmp(rows, before, sizeof rows) == 0);
}

/* Early stopping needs rows to judge by. */
static void no_rows_to_judge_by_are_refused(leattest *t)
{
    weights w;
    settings few = {.rows = 40, .validation = 0.02}, none = {.patience = 3};
    CHECK_FAILS(train(t->context, &few, w.w, MOST, NULL), LEAT_INVALID,
                "validation_fraction=0.02|none of 40 rows");
    CHECK_FAILS(train(t->context, &none, w.w, MOST, NULL), LEAT_INVALID,
                "patience=3|validation_fraction");
}

static leat_status train_little(leat_context *c, void *user)
{
    weights w;
    return train(c, user, w.w, MOST, NULL);
}

/* An epoch of L-BFGS is many steps. */
static void steps_over_all_rows_are_traced(leattest *t)
{
    weights w;
    leati_history h;
    settings s = {.optimizer = "lbfgs(max_iter=4)", .epochs = 1};
    s.trace = leattest_scratch("lbfgs.json");
    REQUIRE_OK(train(t->context, &s, w.w, MOST, &h));
    CHECK(leati_path_exists(s.trace));
    CHECK_INT(h.traced, 4);
    leati_history_fini(&h);
}

/* A disk may become full: what is learned is not lost for a timeline. */
static void a_trace_that_fails_ends_nothing(leattest *t)
{
    weights with, without;
    leati_history h;
    settings s = {.epochs = 3};
    REQUIRE_OK(train(t->context, &s, without.w, MOST, NULL));
    s.trace = "/no/folder/trace.json";
    REQUIRE_OK(train(t->context, &s, with.w, MOST, &h));
    CHECK_INT(h.traced, 0);
    CHECK(memcmp(with.w, without.w, 60 * sizeof *with.w) == 0);
    leati_history_fini(&h);
}

static void failing_allocations(leattest *t)
{
    settings s = {.rows = 40, .epochs = 1, .ema = 0.9, .validation = 0.2, .accumulate = 2};
    settings whole = {.rows = 40, .epochs = 1, .optimizer = "lbfgs(max_iter=2)"};
    leattest_fail_allocations(t, train_little, &s);
    leattest_fail_allocations(t, train_little, &whole);
}

/* ---- memory --------------------------------------------------------------------------------- */

typedef struct counter {
    size_t calls;
} counter;

static void *count_alloc(void *user, size_t bytes)
{
    ((counter *)user)->calls++;
    return malloc(bytes);
}

static void count_free(void *user, void *block)
{
    (void)user;
    free(block);
}

static size_t calls_for(leattest *t, size_t rows)
{
    counter n = {0};
    leat_allocator a = {.alloc = count_alloc, .free = count_free, .user = &n};
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    weights w;
    o.threads = 1;
    o.allocator = &a;
    settings s = {.rows = rows, .batch = 4, .epochs = 1};
    if (!CHECK_OK(leat_context_create(&c, &o))) return 0;
    CHECK_OK(train(c, &s, w.w, MOST, NULL));
    leat_context_destroy(c);
    return n.calls;
}

static void steps_allocate_nothing(leattest *t)
{
    CHECK_INT(calls_for(t, 20), calls_for(t, 320)); /* 5 and 80 steps */
}

/* ---- logs ----------------------------------------------------------------------------------- */

static void a_folder_is_made_when_it_is_time(leattest *t)
{
    weights w = {0};
    settings s = {.folder = leattest_scratch("late"), .epochs = 3, .wait = 1e-9};
    REQUIRE_OK(train(t->context, &s, w.w, MOST, NULL));
    CHECK(leati_path_is_folder(s.folder));
    s.folder = leattest_scratch("never");
    s.wait = 1e6;
    REQUIRE_OK(train(t->context, &s, w.w, MOST, NULL));
    CHECK(!leati_path_exists(s.folder));
}

static bool holds(const leati_bytes *b, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i + n <= b->size; i++)
        if (memcmp((const char *)b->data + i, text, n) == 0) return true;
    return false;
}

/* Of the record at `at`: behind its length and checksum a tag, then seconds since 1970. */
static double event_time(const leati_bytes *b, size_t at)
{
    double seconds = 0;
    if (b->size >= at + 21) memcpy(&seconds, b->data + at + 13, sizeof seconds);
    return seconds;
}

static void logs_are_written(leattest *t)
{
    weights w;
    leat_context *c = t->context;
    settings s = {.folder = leattest_scratch("logs"), .epochs = 2, .validation = 0.2};
    char path[512];
    leati_bytes b;
    REQUIRE_OK(train(c, &s, w.w, MOST, NULL));
    snprintf(path, sizeof path, "%s/metrics.jsonl", s.folder);
    REQUIRE_OK(leati_file_read(c, &b, path));
    CHECK(b.size > 20 && memcmp(b.data, "{\"epoch\":1,", 11) == 0);
    CHECK(holds(&b, "\"learning_rate\":0.01,")); /* f32, which is 0.00999999978 */
    leati_bytes_release(&b);
    snprintf(path, sizeof path, "%s/events.out.tfevents.leat", s.folder);
    REQUIRE_OK(leati_file_read(c, &b, path));
    /* the first record: a length of 24, its checksum as TensorFlow computes it */
    static const unsigned char head[] = {0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22, 9};
    CHECK(b.size > 100 && memcmp(b.data, head, sizeof head) == 0);
    double first = event_time(&b, 0), second = event_time(&b, 24 + 16), now = (double)time(NULL);
    CHECK(fabs(first - now) < 600 && second > first && second - first < 600);
    leati_bytes_release(&b);
}

/* JSON has no number for a loss that is infinite. */
static void logs_leave_out_what_is_no_number(leattest *t)
{
    leati_epoch e = {.loss = 0.5, .validation_loss = INFINITY, .accuracy = NAN, .step = 3};
    leati_history h = {.epoch = &e, .count = 1};
    const char *folder = leattest_scratch("infinite");
    char path[512];
    leati_bytes b;
    REQUIRE_OK(leati_folder_make(t->context, folder));
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    REQUIRE_OK(leati_train_log_write(t->context, folder, &h));
    REQUIRE_OK(leati_file_read(t->context, &b, path));
    CHECK(b.size > 20 && !holds(&b, "inf") && holds(&b, "\"loss\":0.5"));
    leati_bytes_release(&b);
}

static void keep_note(void *user, leat_log_level level, const char *text)
{
    if (level == LEAT_LOG_WARN) snprintf(user, 512, "%s", text);
}

/* Settings that change nothing are allowed, and said. */
static void idle_settings_are_noted(leattest *t)
{
    static const struct {
        settings w;
        const char *note; /* NULL: none */
    } all[] = {{{.rate = -1}, "network: learning_rate=0: no step changes the weights"},
               {{.ema = 0.999999}, "ema=0.999999 is a mean over more steps|at most ema=0.9, or"},
               {{.ema = 0.9}, NULL}, /* 63 steps */
               {{.ema = 0.97}, "at most ema=0.9, or train longer"},
               {{.ema = 0.97, .epochs = 6}, NULL},
               {{.schedule = "cosine(warmup=64)"}, "cosine: the learning rate rises for 64 steps"},
               {{.schedule = "cosine(warmup=63)"}, NULL},
               {{.schedule = "noam"}, "noam: the learning rate rises for 4000 steps"},
               {{.schedule = "warmup(steps=100)"}, "warmup: the learning rate rises for 100 steps"},
               {{.schedule = "cosine(minimum=5)", .rate = 0.1},
                "its minimum, 5, is above the learning rate, 0.1"},
               {{.schedule = "plateau(minimum=5)", .rate = 0.1}, "its minimum, 5, is above"},
               {{.schedule = "one_cycle"}, NULL},
               {{.schedule = "exponential"}, NULL}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char note[512] = "", words[512];
        weights w = {0};
        leat_context_options o = leat_context_options_default();
        leat_context *c;
        o.log = keep_note;
        o.log_user = note;
        REQUIRE_OK(leat_context_create(&c, &o));
        CHECK(train(c, &all[i].w, w.w, MOST, NULL) == LEAT_OK);
        snprintf(words, sizeof words, "%s", all[i].note ? all[i].note : "");
        for (char *word = strtok(words, "|"); word; word = strtok(NULL, "|"))
            if (!CHECK(strstr(note, word))) printf("    '%s' lacks '%s'\n", note, word);
        if (!all[i].note && !CHECK_STR(note, "")) printf("    of row %zu\n", i);
        leat_context_destroy(c);
    }
}

static void rates_are_tested(leattest *t)
{
    static samples data;
    setup u;
    leati_rate_point *points;
    size_t found;
    settings s = {0};
    draw(&data);
    leati_dataset d = dataset(&data, ROWS);
    REQUIRE_OK(open_setup(t->context, &s, &u));
    REQUIRE_OK(
        leati_rate_test(t->context, u.n, u.o, &d, &u.options, 1e-6, 100, 60, &points, &found));
    CHECK(found > 30 && found <= 60);
    CHECK_NEAR(points[0].rate, 1e-6, 1e-5, 0);
    double least = 1e9;
    for (size_t i = 0; i < found; i++) least = fmin(least, points[i].loss);
    CHECK(least < points[0].loss && points[found - 1].loss > least);
    leati_free(points);
    close_setup(&u);
}

/* Batches of one sample: single losses are many times others, and end nothing. */
static void noisy_rates_are_tested(leattest *t)
{
    static samples data;
    draw(&data);
    leati_dataset d = dataset(&data, ROWS);
    for (uint64_t seed = 1; seed <= 5; seed++) {
        setup u;
        leati_rate_point *points;
        size_t found;
        settings s = {.batch = 1};
        REQUIRE_OK(open_setup(t->context, &s, &u));
        u.options.seed = seed;
        REQUIRE_OK(
            leati_rate_test(t->context, u.n, u.o, &d, &u.options, 1e-6, 100, 60, &points, &found));
        CHECK(found > 40);
        CHECK_NEAR(points[0].smooth, points[0].loss, 1e-9, 0);
        for (size_t i = LEATI_RATE_SETTLED; i + 1 < found; i++)
            CHECK(points[i].smooth <= 4 * points[LEATI_RATE_SETTLED - 1].smooth);
        leati_free(points);
        close_setup(&u);
    }
}

static const leattest_case cases[] = {TEST(the_loss_falls),
                                      TEST(threads_do_not_matter),
                                      TEST(lbfgs_finds_the_minimum),
                                      TEST(lbfgs_refuses_what_needs_batches),
                                      TEST(shares_are_drawn),
                                      TEST(samples_are_mixed),
                                      TEST(mixing_learns),
                                      TEST(accumulated_batches_are_one),
                                      TEST(a_killed_training_goes_on),
                                      TEST(another_training_is_refused),
                                      TEST(a_training_is_made_longer),
                                      TEST(what_really_differs_is_named),
                                      TEST(a_length_that_decides_is_refused),
                                      TEST(another_level_is_refused),
                                      TEST(another_network_is_refused),
                                      TEST(damaged_checkpoints_are_refused),
                                      TEST(large_checkpoints_are_read_again),
                                      TEST(impossible_progress_is_refused),
                                      TEST(cancelled_training_leaves_a_checkpoint),
                                      TEST(cancelled_training_leaves_its_metrics),
                                      TEST(cancelled_at_the_end_of_an_epoch),
                                      TEST(the_spoiled_batch_is_found),
                                      TEST(a_loss_that_is_not_finite_is_explained),
                                      TEST(gradients_are_of_a_layer),
                                      TEST(the_last_good_weights_are_kept),
                                      TEST(the_loss_is_named_where_it_overflows),
                                      TEST(weights_that_are_not_finite_are_not_kept),
                                      TEST(nothing_to_train_is_refused),
                                      TEST(a_spoiled_row_is_named),
                                      TEST(a_validation_loss_that_overflows_ends_the_training),
                                      TEST(a_value_beyond_f32_is_named),
                                      TEST(rows_are_set_aside_by_class),
                                      TEST(numbers_are_set_aside_as_ever),
                                      TEST(no_rows_to_judge_by_are_refused),
                                      TEST(steps_over_all_rows_are_traced),
                                      TEST(a_trace_that_fails_ends_nothing),
                                      TEST(failing_allocations),
                                      TEST(steps_allocate_nothing),
                                      TEST(a_folder_is_made_when_it_is_time),
                                      TEST(logs_are_written),
                                      TEST(logs_leave_out_what_is_no_number),
                                      TEST(idle_settings_are_noted),
                                      TEST(rates_are_tested),
                                      TEST(noisy_rates_are_tested)};
LEATTEST_MAIN(cases)
