/* The memory of a training, estimated before it starts: against what it takes, and as a refusal. */
#include "support/leattest.h"

#include <leat/training_plan.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/machine_memory.h"
#include "base/mem.h"
#include "frame/frame.h"
#include "learn/estimator.h"
#include "nn/network_estimator.h"

enum { ROWS = 200, SIDE = 12 };

typedef struct table {
    float x[ROWS * SIDE * SIDE];
    uint32_t label[ROWS];
} table;

static leati_dataset dataset(table *t)
{
    static leati_feature features[SIDE * SIDE];
    for (size_t i = 0; i < ROWS * SIDE * SIDE; i++) t->x[i] = (float)((i * 7919) % 101) / 101;
    for (size_t i = 0; i < ROWS; i++) t->label[i] = (uint32_t)(i % 3);
    return (leati_dataset){
        .x = {.f32 = t->x, .rows = ROWS, .cols = SIDE * SIDE, .stride = SIDE * SIDE},
        .features = features,
        .task = LEATI_CLASSIFY,
        .label = t->label,
        .classes = 3,
        .seed = 1};
}

static leati_estimator *network_with(leat_context *c, const char *layers, const char *batch,
                                     const char *validation)
{
    leati_estimator *e = NULL;
    if (leati_estimator_create(c, &e, leati_estimator_class_find("network")) != LEAT_OK)
        return NULL;
    leat_status st = leati_estimator_set(c, e, "layers", layers);
    if (st == LEAT_OK) st = leati_estimator_set(c, e, "input", "12x12x1");
    if (st == LEAT_OK) st = leati_estimator_set(c, e, "epochs", "1");
    if (st == LEAT_OK) st = leati_estimator_set(c, e, "batch_size", batch);
    if (st == LEAT_OK) st = leati_estimator_set(c, e, "validation_fraction", validation);
    if (st == LEAT_OK) return e;
    leati_estimator_destroy(e);
    return NULL;
}

static leati_estimator *network(leat_context *c, const char *layers, const char *batch)
{
    return network_with(c, layers, batch, "0.2");
}

/* What is said is what is taken, within a tenth and what a context needs by itself: with the
 * checkpoints, which are written while all else is there. */
static void the_estimate_is_right(leattest *t)
{
    static const struct {
        const char *layers, *batch, *validation, *set, *to;
    } cases[] = {{"flatten; dense(600, relu); dense(400, relu)", "32", "0.2", "epochs", "1"},
                 {"flatten; dense(600, relu); dense(400, relu)", "32", "0", "epochs", "1"},
                 {"flatten; dense(600, relu); dense(400, relu)", "32", "0", "accumulate", "2"},
                 {"flatten; dense(600, relu); dense(400, relu)", "32", "0.2", "ema", "0.9"},
                 {"flatten; dense(600, relu)", "32", "0", "optimizer", "adam(amsgrad=true)"},
                 {"flatten; dense(600, relu)", "32", "0", "optimizer", "sgd"},
                 {"flatten; dense(600, relu)", "32", "0", "optimizer", "rmsprop(centered=true)"},
                 {"conv2d(16, 3, padding=same, activation=relu); max_pool2d; flatten; dense(64)",
                  "64", "0.2", "epochs", "1"},
                 {"conv2d(24, 5, activation=relu); batch_norm; flatten; dense(256)", "50", "0.2",
                  "epochs", "1"}};
    static table data;
    leati_dataset d = dataset(&data);
    const leati_run_folder run = {.path = leattest_scratch("estimated.run")};
    d.run = &run;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        leat_context *c;
        leat_context_options o = leat_context_options_default();
        leati_network_estimate said;
        o.threads = 1;
        REQUIRE_OK(leat_context_create(&c, &o));
        leati_estimator *e = network_with(c, cases[k].layers, cases[k].batch, cases[k].validation);
        REQUIRE(e);
        REQUIRE_OK(leati_estimator_set(c, e, cases[k].set, cases[k].to));
        REQUIRE_OK(leati_network_estimate_make(c, e, &d, &said));
        leati_layer_table_fini(&said.layers);
        uint64_t before = leat_context_bytes(c);
        if (leati_estimator_fit(c, e, &d) != LEAT_OK) printf("    %s\n", leat_error_message(c));
        double taken = (double)(leat_context_peak_bytes(c) - before);
        double total = (double)leati_train_memory_total(&said.memory);
        if (!CHECK(taken < 1.1 * total + 4e5 && taken > 0.87 * total))
            printf("    %s: said %.0f, taken %.0f\n", cases[k].layers, total, taken);
        leati_estimator_destroy(e);
        leat_context_destroy(c);
    }
}

static void what_does_not_fit_is_refused(leattest *t)
{
    static table data;
    leati_dataset d = dataset(&data);
    leat_context *c;
    leat_context_options o = leat_context_options_default();
    o.max_bytes = 20 << 20;
    REQUIRE_OK(leat_context_create(&c, &o));
    leati_estimator *e = network(c, "flatten; dense(4000, relu); dense(1000)", "32");
    REQUIRE(e);
    CHECK(leati_estimator_fit(c, e, &d) == LEAT_LIMIT);
    static const char *const words[] = {
        "training the network needs", "of the limit are left", "weights 18 MB",
        "the state of adam",          "activations of 32",     "Take smaller layers"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!CHECK(strstr(leat_error_message(c), words[i])))
            printf("    lacks '%s': %s\n", words[i], leat_error_message(c));
    CHECK(leat_context_peak_bytes(c) < 4 << 20); /* said before, not after */
    leat_error_clear(c);
    leati_estimator_destroy(e);
    e = network(c, "conv2d(64, 3, padding=same); conv2d(64, 3, padding=same); flatten", "160");
    REQUIRE(e);
    CHECK(leati_estimator_fit(c, e, &d) == LEAT_LIMIT);
    CHECK(strstr(leat_error_message(c), "Take a smaller batch_size"));
    leat_error_clear(c);
    leati_estimator_destroy(e);
    e = network(c, "flatten; dense(30)", "32"); /* fits */
    REQUIRE(e);
    if (!CHECK(leati_estimator_fit(c, e, &d) == LEAT_OK)) printf("    %s\n", leat_error_message(c));
    leati_estimator_destroy(e);
    leat_context_destroy(c);
    uint64_t left = leati_memory_available();
    CHECK(left > 1 << 20);
}

/* What `ulimit -v` and `ulimit -d` leave counts like the machine's memory. */
static void limits_of_the_process_count(leattest *t)
{
    static const int resources[] = {RLIMIT_AS, RLIMIT_DATA};
    const uint64_t more = 200 << 20;
    for (int i = 0; i < 2; i++) {
        unsigned long long pages[2] = {0};
        struct rlimit was, is;
        const char *whose = "";
        FILE *f = fopen("/proc/self/statm", "re");
        if (!f) {
            leattest_skip(t, "there is no /proc/self/statm");
            return;
        }
        CHECK(fscanf(f, "%llu %*u %*u %*u %*u %llu", &pages[0], &pages[1]) == 2);
        fclose(f);
        REQUIRE(getrlimit(resources[i], &was) == 0);
        is = was;
        is.rlim_cur = (rlim_t)(pages[i] * (uint64_t)sysconf(_SC_PAGESIZE) + more);
        if (was.rlim_max != RLIM_INFINITY && is.rlim_cur > was.rlim_max) continue;
        REQUIRE(setrlimit(resources[i], &is) == 0);
        uint64_t left = leati_memory_available_of(&whose);
        REQUIRE(setrlimit(resources[i], &was) == 0);
        CHECK(left <= more && left > more / 2);
        CHECK(strstr(whose, "ulimit") != NULL);
    }
}

static leat_frame *numbers(leat_context *c)
{
    leat_frame *f = leati_frame_create(c, 40);
    for (size_t k = 0; f && k < 3; k++) {
        leati_column *col = leati_column_create(c, k < 2 ? LEAT_F64 : LEAT_BOOL, 40);
        for (size_t i = 0; col && i < 40; i++) {
            if (k < 2) col->f64[i] = (double)((i * (k + 3)) % 17) / 3;
            else col->u8[i] = i % 3 == 0;
        }
        if (leati_frame_add(c, f, (const char *[]){"a", "b", "y"}[k], col) == LEAT_OK) continue;
        leat_frame_release(f);
        return NULL;
    }
    return f;
}

static leat_status plan(leat_context *c, void *arg)
{
    leat_training_plan *p = NULL;
    leat_experiment_options o = leat_experiment_options_default();
    o.target = "y";
    o.models = "network";
    leat_status st = leat_training_plan_create(c, &p, arg, &o);
    leat_training_plan_destroy(p);
    return st;
}

static void experiments_are_planned(leattest *t)
{
    leat_frame *f = numbers(t->context);
    leat_training_plan *p;
    leat_experiment_options o = leat_experiment_options_default();
    REQUIRE(f);
    o.target = "y";
    o.models = "network";
    REQUIRE_OK(leat_training_plan_create(t->context, &p, f, &o));
    CHECK_INT(leat_training_plan_layers(p), 2);
    CHECK_STR(leat_training_plan_layer(p, 0).name, "dense_1");
    CHECK_INT(leat_training_plan_parameters(p), 2 * 64 + 64 + 64 * 2 + 2);
    CHECK_INT(leat_training_plan_batch(p), 32);
    CHECK_STR(leat_training_plan_optimizer(p), "adam");
    leat_training_memory m = leat_training_plan_memory(p);
    CHECK_INT(m.weights, 4 * (2 * 64 + 64 + 64 * 2 + 2));
    CHECK_INT(m.optimizer, 2 * m.weights);
    CHECK(m.gradients < 2 * m.weights); /* once, though the last batch has fewer rows */
    CHECK(m.gradients >= m.weights && m.optimizer >= 2 * m.weights && m.activations > 0);
    CHECK(leat_training_memory_total(&m) > m.weights + m.optimizer);
    CHECK(leat_training_plan_step_flops(p) > 32 * leat_training_plan_flops(p));
    leat_training_plan_destroy(p);
    o.models = "knn";
    CHECK_FAILS(leat_training_plan_create(t->context, &p, f, &o), LEAT_NOT_FOUND, "network");
    leattest_fail_allocations(t, plan, f);
    leat_frame_release(f);
}

/* Frozen weights and running statistics are parameters as well; shared ones count once. */
static void what_is_not_trained_is_counted(leattest *t)
{
    static const struct {
        size_t parameters, states;
        bool shared;
    } want[] = {{0, 24, false}, {0, 32, false}, {16, 16, false}, {72, 0, false},
                {72, 0, true},  {0, 0, false},  {18, 0, false}};
    static const char *const sets[] = {
        "network.layers=dense(8, trainable=false); batch_norm(trainable=false); batch_norm; "
        "dense(8, name=twice); dense(8, name=twice); relu"};
    leat_frame *f = numbers(t->context);
    leat_training_plan *p;
    leat_experiment_options o = leat_experiment_options_default();
    REQUIRE(f);
    o.target = "y";
    o.models = "network";
    o.set = sets;
    o.set_count = 1;
    REQUIRE_OK(leat_training_plan_create(t->context, &p, f, &o));
    REQUIRE(leat_training_plan_layers(p) == sizeof want / sizeof *want);
    for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
        leat_layer_info l = leat_training_plan_layer(p, k);
        if (!CHECK(l.parameters == want[k].parameters && l.states == want[k].states &&
                   l.shared == want[k].shared))
            printf("    %s: %zu, %zu, shared %d\n", l.name, l.parameters, l.states, l.shared);
    }
    CHECK_INT(leat_training_plan_parameters(p), 16 + 72 + 18);
    CHECK_INT(leat_training_plan_states(p), 24 + 32 + 16);
    leat_training_plan_destroy(p);
    leat_frame_release(f);
}

typedef struct range_job {
    leat_frame *frame;
    const char *path;
} range_job;

static leat_status range(leat_context *c, void *arg)
{
    const range_job *job = arg;
    leat_rate_range *r = NULL;
    leat_experiment_options o = leat_experiment_options_default();
    o.target = "y";
    o.models = "network";
    leat_status st = leat_rate_range_create(c, &r, job->frame, &o);
    if (st == LEAT_OK) st = leat_rate_range_draw(c, r, job->path);
    leat_rate_range_destroy(r);
    return st;
}

/* Both rates are marked, and the blow-up at the end does not press the fall together. */
static void check_picture(leattest *t, const char *path)
{
    leati_bytes b;
    REQUIRE_OK(leati_file_read(t->context, &b, path));
    char *text = leati_strndup(t->context, (const char *)b.data, b.size);
    static const char *const words[] = {"start from ", "least at ", "losses above "};
    for (size_t i = 0; i < 3; i++) CHECK(text && strstr(text, words[i]));
    leati_free(text);
    leati_bytes_release(&b);
}

static void rates_are_tried(leattest *t)
{
    char path[512];
    leat_frame *f = numbers(t->context);
    leat_rate_range *r;
    leat_experiment_options o = leat_experiment_options_default();
    snprintf(path, sizeof path, "%s", leattest_scratch("rates.svg"));
    REQUIRE(f);
    o.target = "y";
    o.models = "network";
    REQUIRE_OK(leat_rate_range_create(t->context, &r, f, &o));
    size_t n = leat_rate_range_points(r);
    CHECK(n > 40 && n <= 120);
    CHECK_NEAR(leat_rate_range_point(r, 0).rate, 1e-6, 1e-5, 0);
    for (size_t i = 1; i < n; i++)
        CHECK(leat_rate_range_point(r, i).rate > leat_rate_range_point(r, i - 1).rate);
    CHECK_NEAR(leat_rate_range_point(r, 0).smooth, leat_rate_range_point(r, 0).loss, 1e-12, 0);
    CHECK(leat_rate_range_least(r) > 1e-4 && leat_rate_range_least(r) < 10);
    CHECK_NEAR(leat_rate_range_suggestion(r) * 10, leat_rate_range_least(r), 1e-12, 0);
    CHECK_OK(leat_rate_range_draw(t->context, r, path));
    check_picture(t, path);
    CHECK_FAILS(leat_rate_range_draw(t->context, r, "rates.gif"), LEAT_INVALID, ".svg or .png");
    leat_rate_range_destroy(r);
    const char *set = "network.optimizer=lbfgs";
    o.set = &set;
    o.set_count = 1;
    CHECK_FAILS(leat_rate_range_create(t->context, &r, f, &o), LEAT_UNSUPPORTED, "lbfgs");
    range_job job = {f, path};
    leattest_fail_some_allocations(t, range, &job);
    leat_frame_release(f);
}

static const leattest_case cases[] = {
    TEST(the_estimate_is_right),          TEST(what_does_not_fit_is_refused),
    TEST(limits_of_the_process_count),    TEST(experiments_are_planned),
    TEST(what_is_not_trained_is_counted), TEST(rates_are_tried)};
LEATTEST_MAIN(cases)
