/* Experiments end to end in memory: leaderboard, model file, prediction, evaluation, damage. */
#include "support/bloated.h"
#include "support/leattest.h"
#include "support/tables.h"

#include <leat/data.h>
#include <leat/evaluate.h>
#include <leat/experiment.h>
#include <leat/reproduce.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "learn/stats.h"
#include "model/graph_file.h"
#include "model/model.h"
#include "workflow/experiment.h"
#include "workflow/vary.h"

static leat_experiment *run(leattest *t, leat_context *c, const char *target, const char *models,
                            const char *extra)
{
    leat_frame *f = leattest_table(c, 150, 1);
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e = NULL;
    o.target = target;
    o.models = models;
    o.cv = "kfold:5";
    o.search = extra;
    o.name = "wood";
    if (CHECK(f != NULL)) {
        leat_status st = leat_experiment_run(c, &e, f, NULL, &o);
        if (!CHECK(st == LEAT_OK)) printf("    %s\n", leat_error_message(c));
    }
    leat_frame_release(f);
    return e;
}

static void leaderboard(leattest *t)
{
    leat_experiment *e = run(t, t->context, "kind", "gaussian_nb,lda", NULL);
    REQUIRE(e);
    CHECK_INT(leat_experiment_rows(e), 3);
    CHECK_STR(leat_experiment_metric(e), "accuracy");
    CHECK_STR(leat_experiment_row(e, 2).estimator, "baseline");
    leat_leaderboard_row best = leat_experiment_row(e, 0);
    CHECK(best.mean > 0.9 && best.low < best.mean && best.high > best.mean);
    CHECK_INT(best.fold_count, 5);
    CHECK(strstr(leat_experiment_verdict(e), "is better than baseline") != NULL);
    CHECK(strstr(leat_experiment_inferred(e), "left out (a row number; --keep id") != NULL);
    leat_experiment_destroy(e);
}

/* A table of 24 rows whose last one is the only one of its class. */
static leat_frame *with_rare(leat_context *c)
{
    leat_frame *f = leattest_table(c, 24, 1), *out = NULL;
    uint32_t rows[17];
    for (uint32_t i = 0; i < 16; i++) rows[i] = i + i / 2; /* ash and beech */
    rows[16] = 2;
    if (f) out = leati_frame_take(c, f, rows, 17);
    leat_frame_release(f);
    return out;
}

static void rare_class(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f = with_rare(c);
    static const char *const metrics[] = {"accuracy", "log_loss", "roc_auc", "balanced_accuracy"};
    REQUIRE(f);
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        leat_experiment_options o = leat_experiment_options_default();
        leat_experiment *e;
        o.target = "kind";
        o.models = "lda,knn,cart,gaussian_nb,logistic,svc";
        o.metric = metrics[i];
        REQUIRE_OK(leat_experiment_run(c, &e, f, NULL, &o));
        CHECK(
            strstr(leat_experiment_validation(e),
                   "warning: the class 'cedar' (1 row: 17) is not in the training rows of 1 of") !=
            NULL);
        for (size_t k = 0; k < leat_experiment_rows(e); k++) {
            leat_leaderboard_row row = leat_experiment_row(e, k);
            bool unfit = strcmp(row.estimator, "svc") == 0 && i == 1; /* no probabilities */
            if (!CHECK(unfit || (!row.failed && isfinite(row.mean))))
                printf("    %s: %s\n", row.estimator, row.failed ? row.failed : "no score");
        }
        leat_experiment_destroy(e);
    }
    leat_frame_release(f);
}

/* Folds of one row have one class, which lda learns; both rows together it does not. The next best
 * is the model then, unless there is none but the baseline. */
static void unfitted(leattest *t)
{
    static const uint32_t rows[] = {0, 1};
    leat_context *c = t->context;
    leat_frame *whole = leattest_table(c, 24, 1), *f;
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e;
    REQUIRE(whole);
    f = leati_frame_take(c, whole, rows, 2);
    REQUIRE(f);
    o.target = "kind";
    o.models = "lda,gaussian_nb";
    REQUIRE_OK(leat_experiment_run(c, &e, f, NULL, &o));
    CHECK_STR(leat_experiment_row(e, 0).estimator, "gaussian_nb");
    leat_leaderboard_row last = leat_experiment_row(e, 2);
    CHECK_STR(last.estimator, "lda");
    CHECK(last.failed && strstr(last.failed, "could not be fitted to all rows: lda needs more"));
    const char *verdict = leat_experiment_verdict(e);
    CHECK(strncmp(verdict, "lda did no worse", 16) == 0);
    CHECK(strstr(verdict, "; the model is gaussian_nb\n") != NULL);
    leat_experiment_destroy(e);
    o.models = "lda";
    CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_INVALID,
                "lda: it could not be fitted to all rows");
    CHECK(leat_experiment_run(c, &e, f, NULL, &o) == LEAT_INVALID);
    CHECK(!strstr(leat_error_message(c), "no estimator")); /* of one that was asked for */
    leat_error_clear(c);
    o.models = "lda,qda";
    CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_INVALID,
                "no estimator could learn|lda: it could not be fitted to all rows");
    leat_frame_release(f);
    leat_frame_release(whole);
}

/* Two steps far too large leave weights that are finite and outputs that are not. */
static void endless_outputs(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f = leattest_table(c, 150, 1);
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e;
    const char *set[] = {
        "network.optimizer=sgd", "network.learning_rate=1000",
        "network.loss=mse",      "network.batch_size=200",
        "network.epochs=2",      "network.layers=dense(50); dense(50); dense(50); dense(50)"};
    REQUIRE(f);
    o.models = "network";
    o.cv = "holdout:0.2";
    o.quick = true;
    o.set = set;
    o.set_count = sizeof set / sizeof *set;
    o.target = "kind";
    CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_NUMERIC,
                "network: for row |output is no finite number|Lower the learning rate, scale");
    leat_frame_release(f);
}

/* Leave-one-out tests single rows, of which R2 and AUC say nothing: a search takes the score of all
 * of them together, which is what the leaderboard shows. */
static void search_single_rows(leattest *t)
{
    static const struct {
        const char *target, *models, *metric, *set, *search;
    } want[] = {{"weight", "ridge", "r2", "ridge.alpha=0.1,1,1000", "grid"},
                {"weight", "ridge", "rmse", "ridge.alpha=0.1,1,1000", "halving"},
                {"kind", "knn", "roc_auc", "knn.n_neighbors=1,5,15", "grid"},
                {"kind", "knn", "roc_auc", "knn.n_neighbors=1,5,15", "halving"}};
    leat_context *c = t->context;
    leat_frame *f = leattest_table(c, 60, 1);
    REQUIRE(f);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        leat_experiment_options o = leat_experiment_options_default();
        leat_experiment *e;
        o.target = want[i].target;
        o.models = want[i].models;
        o.metric = want[i].metric;
        o.set = &want[i].set;
        o.set_count = 1;
        o.search = want[i].search;
        o.cv = "loo";
        o.quick = true;
        REQUIRE_OK(leat_experiment_run(c, &e, f, NULL, &o));
        leat_leaderboard_row best = leat_experiment_row(e, 0);
        CHECK_STR(best.estimator, want[i].models);
        CHECK(!best.failed && isfinite(best.mean));
        CHECK(strstr(best.params, "alpha=1000") == NULL);
        leat_experiment_destroy(e);
    }
    leat_frame_release(f);
}

/* The curve over one parameter: by ascending value, on the folds of the leaderboard. */
static void parameter_curve(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f = leattest_table(c, 90, 1);
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e;
    REQUIRE(f);
    o.target = "kind";
    o.models = "knn,svc";
    o.cv = "kfold:5";
    o.validation_curve = "knn.n_neighbors=41,5,1";
    REQUIRE_OK(leat_experiment_run(c, &e, f, NULL, &o));
    CHECK_INT(leat_experiment_parameter_points(e), 3);
    CHECK_STR(leat_experiment_parameter(e), "knn.n_neighbors");
    leat_parameter_point p[3];
    for (size_t i = 0; i < 3; i++) p[i] = leat_experiment_parameter_point(e, i);
    CHECK(p[0].value == 1 && p[1].value == 5 && p[2].value == 41);
    CHECK(p[0].train == 1 && p[0].folds == 5); /* a row is its own neighbour */
    CHECK(p[2].validation < p[1].validation && p[2].train < p[1].train);
    for (size_t i = 0; i < leat_experiment_rows(e); i++) { /* 5 is the default */
        leat_leaderboard_row row = leat_experiment_row(e, i);
        if (strcmp(row.estimator, "knn") != 0) continue;
        CHECK_NEAR(row.mean, p[1].validation, 1e-12, 0);
        CHECK_NEAR(row.std, p[1].validation_std, 1e-12, 0);
    }
    CHECK(strstr(leat_experiment_parameter_reading(e),
                 "below 5 only the validation score gets worse, which is overfitting") != NULL);
    CHECK(strstr(leat_model_json(leat_experiment_model(e)), "knn.n_neighbors=41,5,1") != NULL);
    leat_experiment_destroy(e);
    o.quick = true; /* as leat reproduce runs: checked, recorded, not measured */
    REQUIRE_OK(leat_experiment_run(c, &e, f, NULL, &o));
    CHECK_INT(leat_experiment_parameter_points(e), 0);
    CHECK_STR(leat_experiment_parameter_reading(e), "");
    leat_experiment_destroy(e);
    o.quick = false;
    o.cv = "loo"; /* single rows have no spread: folds of its own */
    o.metric = "roc_auc";
    REQUIRE_OK(leat_experiment_run(c, &e, f, NULL, &o));
    CHECK_INT(leat_experiment_parameter_point(e, 0).folds, 5);
    leat_experiment_destroy(e);
    static const char *const bad[][2] = {
        {"knn", "ESTIMATOR.PARAMETER"},          {".C", "ESTIMATOR.PARAMETER"},
        {"knn.=1,2", "ESTIMATOR.PARAMETER"},     {"knn.n_neighbors=", "ESTIMATOR.PARAMETER"},
        {"knn.neighbours=1,2", "n_neighbors"},   {"lda.shrinkage", "not among the models"},
        {"knn.n_neighbors=1,x", "not a number"}, {"knn.n_neighbors=0,1", "n_neighbors"},
        {"knn.n_neighbors=5", "2 to 100"},       {"svc.kernel", "no usual values"},
        {"svc.C=log:1:2:3:4", "points"},         {"svc.kernel=rbf,linear", "not a number"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o.validation_curve = bad[i][0];
        CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_INVALID, bad[i][1]);
    }
    leat_frame_release(f);
}

static leat_status vary_once(leat_context *c, void *arg)
{
    leat_experiment *e = arg;
    leati_varied *v = &e->varied;
    leat_status st = leati_vary_run(c, e);
    leati_free(v->point);
    leati_free(v->reading);
    v->point = NULL;
    v->reading = NULL;
    v->count = 0;
    return st;
}

static void parameter_allocations(leattest *t)
{
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e;
    leat_frame *f = with_rare(t->context);
    REQUIRE(f);
    o.target = "kind";
    o.models = "gaussian_nb";
    o.cv = "loo";
    o.validation_curve = "gaussian_nb.var_smoothing=1e-9,1";
    o.quick = true;
    REQUIRE_OK(leat_experiment_run(t->context, &e, f, NULL, &o));
    leattest_fail_allocations(t, vary_once, e);
    leat_experiment_destroy(e);
    leat_frame_release(f);
}

static void no_spread(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f = leattest_table(c, 60, 1);
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e;
    REQUIRE(f);
    o.target = "kind";
    o.models = "lda";
    o.cv = "holdout:0.3";
    o.quick = true;
    REQUIRE_OK(leat_experiment_run(c, &e, f, NULL, &o));
    CHECK(isnan(leat_experiment_row(e, 0).std) && isfinite(leat_experiment_row(e, 0).mean));
    leat_experiment_destroy(e);
    leat_frame_release(f);
}

static leat_experiment *by_cart(leattest *t, const char *csv)
{
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e = NULL;
    leat_frame *f = NULL;
    const char *path = leattest_scratch("rows.csv");
    o.target = "y";
    o.models = "cart";
    o.cv = "stratified:2";
    o.quick = true;
    CHECK_OK(leati_file_write(t->context, path, csv, strlen(csv)));
    CHECK_OK(leat_frame_read(t->context, &f, path, NULL));
    if (f) CHECK_OK(leat_experiment_run(t->context, &e, f, NULL, &o));
    leat_frame_release(f);
    return e;
}

/* Columns whose squares have no room are standardised like all others. */
static void far_columns(leattest *t)
{
    static const double sizes[] = {1, 0x1p600, 0x1p-600};
    double mean[3] = {0};
    for (int k = 0; k < 3; k++) {
        char csv[6000] = "a,b,y\n";
        leati_rng rng;
        leat_experiment_options o = leat_experiment_options_default();
        leat_experiment *e = NULL;
        leat_frame *f = NULL;
        const char *path = leattest_scratch("far.csv");
        leati_rng_init(&rng, 5, LEATI_RNG_TEST, 0);
        for (int i = 0; i < 60; i++) {
            double a = leati_rng_normal(&rng), b = leati_rng_normal(&rng);
            sprintf(csv + strlen(csv), "%.17g,%.17g,%s\n", a * sizes[k], b / sizes[k],
                    a + b > 0 ? "p" : "q");
        }
        o.target = "y";
        o.models = "knn";
        o.quick = true;
        REQUIRE_OK(leati_file_write(t->context, path, csv, strlen(csv)));
        REQUIRE_OK(leat_frame_read(t->context, &f, path, NULL));
        REQUIRE_OK(leat_experiment_run(t->context, &e, f, NULL, &o));
        mean[k] = leat_experiment_row(e, 0).mean;
        leat_experiment_destroy(e);
        leat_frame_release(f);
    }
    CHECK(mean[0] > 0.8 && mean[1] == mean[0] && mean[2] == mean[0]);
}

/* Given folds stand in the order of their values, whichever comes first in the table. */
static void order_of_folds(leattest *t)
{
    static const char *const names[][3] = {{"2", "10", "9.5"}, {"b", "\xc3\xa4", "a"}};
    static const int places[][3] = {{0, 2, 1}, {1, 2, 0}};
    for (int k = 0; k < 2; k++) {
        char csv[400] = "x,y,f\n";
        leat_experiment_options o = leat_experiment_options_default();
        leat_experiment *e = NULL;
        leat_frame *f = NULL;
        const char *path = leattest_scratch("folds.csv");
        for (int i = 0; i < 24; i++) /* in the second fold of the table all rows are wrong */
            sprintf(csv + strlen(csv), "%s,%c,%s\n", i % 2 == (i / 2 % 3 == 1) ? "1.5" : "2.5",
                    "pq"[i % 2], names[k][i / 2 % 3]);
        o.target = "y";
        o.models = "gaussian_nb";
        o.fold_column = "f";
        o.quick = true;
        REQUIRE_OK(leati_file_write(t->context, path, csv, strlen(csv)));
        REQUIRE_OK(leat_frame_read(t->context, &f, path, NULL));
        REQUIRE_OK(leat_experiment_run(t->context, &e, f, NULL, &o));
        leat_leaderboard_row row = leat_experiment_row(e, 0);
        if (strcmp(row.estimator, "baseline") == 0) row = leat_experiment_row(e, 1);
        CHECK_INT(row.fold_count, 3);
        CHECK(row.folds[places[k][1]] == 0);
        CHECK(row.folds[places[k][0]] > 0 && row.folds[places[k][2]] > 0);
        leat_experiment_destroy(e);
        leat_frame_release(f);
    }
}

/* Scores that are equal in all folds have no spread to say how sure they are; their rows do. */
static void same_in_every_fold(leattest *t)
{
    char csv[60 * 8] = "x,y\n";
    for (int i = 0; i < 40; i++) strcat(csv, i % 2 ? "1.5,p\n" : "2.5,q\n");
    leat_experiment *e = by_cart(t, csv);
    REQUIRE(e);
    leat_leaderboard_row best = leat_experiment_row(e, 0), base = leat_experiment_row(e, 1);
    CHECK(best.mean == 1 && best.std == 0 && best.high == 1);
    CHECK_NEAR(best.low, leati_interval_wilson(40, 40, 0.95).low, 1e-12, 0);
    CHECK(base.mean == 0.5 && base.low < 0.4 && base.high > 0.6);
    CHECK(strstr(leat_experiment_verdict(e), "is better than baseline") != NULL);
    leat_experiment_destroy(e);
    /* Two equal differences of one row of four each prove nothing. */
    e = by_cart(t, "x,y\n2.5,p\n1.5,q\n1.5,p\n2.5,q\n1.5,p\n2.5,q\n1.5,p\n2.5,q\n");
    REQUIRE(e);
    best = leat_experiment_row(e, 0);
    base = leat_experiment_row(e, 1);
    CHECK(best.std == 0 && base.std == 0 && best.mean > base.mean);
    CHECK(strstr(leat_experiment_verdict(e), "may be chance") != NULL);
    leat_experiment_destroy(e);
}

/* Bytes of the model are those of one thread, of two, and of a second run. */
static void same_bytes(leattest *t)
{
    char *first = NULL;
    size_t size = 0;
    for (unsigned threads = 1; threads <= 3; threads++) {
        leat_context_options o = leat_context_options_default();
        leat_context *c;
        leati_bytes b;
        o.threads = threads;
        REQUIRE(leat_context_create(&c, &o) == LEAT_OK);
        leat_experiment *e = run(t, c, "weight", "ridge,linear", NULL);
        REQUIRE(e);
        const char *path = leattest_scratch("bytes.leat");
        REQUIRE_OK(leat_model_save(c, leat_experiment_model(e), path));
        REQUIRE_OK(leati_file_read(c, &b, path));
        if (!first) {
            first = malloc(size = b.size);
            memcpy(first, b.data, size);
        }
        CHECK(b.size == size && memcmp(b.data, first, size) == 0);
        leati_bytes_release(&b);
        leat_experiment_destroy(e);
        leat_context_destroy(c);
    }
    free(first);
}

static int count_or_stop(void *user, const char *what, uint64_t done, uint64_t total)
{
    int *calls = user;
    (void)what, (void)done, (void)total;
    return *calls < 0 ? 1 : (++*calls, 0);
}

static leat_context *another(leattest *t, int *calls, uint64_t most)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c = NULL;
    o.seed = 9;
    o.progress = count_or_stop;
    o.progress_user = calls;
    o.max_bytes = most;
    CHECK(leat_context_create(&c, &o) == LEAT_OK);
    return c;
}

/* Made again in a context of its caller's: shown there, stopped there, within its limit, and with
 * the seed of the record only meanwhile. */
static void reproduced(leattest *t)
{
    leat_frame *f;
    leat_experiment *e;
    leat_reproduction r;
    leat_read_options reading = leat_read_options_default();
    leat_experiment_options o = leat_experiment_options_default();
    char path[1200];
    int calls = 0;
    snprintf(path, sizeof path, "%s", leattest_scratch("again.leat"));
    REQUIRE_OK(leat_data_load(t->context, &f, "iris", &reading));
    o.target = "species";
    o.models = "gaussian_nb";
    o.quick = true;
    REQUIRE_OK(leat_experiment_run(t->context, &e, f, NULL, &o));
    REQUIRE_OK(leat_model_save(t->context, leat_experiment_model(e), path));
    leat_experiment_destroy(e);
    leat_frame_release(f);
    leat_context *c = another(t, &calls, 0);
    REQUIRE_OK(leat_reproduce(c, path, "iris", &r));
    CHECK(r.identical && r.seed == leat_context_seed(t->context) && calls > 0);
    CHECK_INT(leat_context_seed(c), 9);
    calls = -1;
    CHECK(leat_reproduce(c, path, "iris", &r) == LEAT_CANCELLED);
    leat_error_clear(c);
    calls = 0;
    leat_context_cancel(c);
    CHECK(leat_reproduce(c, path, "iris", &r) == LEAT_CANCELLED);
    CHECK_INT(leat_context_seed(c), 9);
    leat_context_destroy(c);
    c = another(t, &calls, 100000);
    CHECK(leat_reproduce(c, path, "iris", &r) == LEAT_LIMIT);
    leat_context_destroy(c);
}

static void save_and_load(leattest *t)
{
    leat_context *c = t->context;
    leat_experiment *e = run(t, c, "kind", "gaussian_nb", NULL);
    REQUIRE(e);
    const char *path = leattest_scratch("wood.leat");
    REQUIRE_OK(leat_model_save(c, leat_experiment_model(e), path));
    leat_model *m;
    REQUIRE_OK(leat_model_open(c, &m, path));
    CHECK_STR(leat_model_estimator(m), "gaussian_nb");
    CHECK_STR(leat_model_json(m), leat_model_json(leat_experiment_model(e)));
    CHECK_INT(leat_model_inputs(m), 6);
    leat_frame *f = leattest_table(c, 40, 2), *a, *b;
    REQUIRE_OK(leat_model_predict(c, m, f, true, &a));
    REQUIRE_OK(leat_model_predict(c, leat_experiment_model(e), f, true, &b));
    CHECK_INT(leat_frame_columns(a), 4);
    CHECK_STR(leat_frame_name(a, 1), "p_ash");
    char ha[65], hb[65];
    leati_frame_hash(a, ha);
    leati_frame_hash(b, hb);
    CHECK_STR(ha, hb);
    leat_frame_release(a);
    leat_frame_release(b);
    leat_evaluation *v;
    REQUIRE_OK(leat_evaluate(c, &v, m, f, NULL, false));
    CHECK_STR(leat_evaluation_score(v, 0).metric, "accuracy");
    CHECK(leat_evaluation_score(v, 0).value > 0.85);
    CHECK_OK(leat_evaluation_require(c, v, "accuracy>=0.5@95%"));
    CHECK_FAILS(leat_evaluation_require(c, v, "accuracy>=0.9999"), LEAT_DIFFERS, "accuracy|0.9999");
    CHECK_FAILS(leat_evaluation_require(c, v, "acuracy>=0.9"), LEAT_INVALID, "acuracy");
    leat_evaluation_destroy(v);
    leat_frame_release(f);
    leat_model_release(m);
    leat_experiment_destroy(e);
}

/* Any changed, lost or added byte is refused, and no damage crashes. */
static void damage(leattest *t)
{
    leat_context *c = t->context;
    leat_experiment *e = run(t, c, "kind", "gaussian_nb", NULL);
    REQUIRE(e);
    const char *path = leattest_scratch("damage.leat");
    REQUIRE_OK(leat_model_save(c, leat_experiment_model(e), path));
    leat_experiment_destroy(e);
    leati_bytes b;
    REQUIRE_OK(leati_file_read(c, &b, path));
    char *copy = malloc(b.size);
    size_t accepted = 0;
    leat_model *m;
    for (size_t i = 0; i < b.size; i += 7) {
        memcpy(copy, b.data, b.size);
        copy[i] = (char)(copy[i] ^ 0x20);
        leati_bytes changed = {.data = copy, .size = b.size};
        if (leati_model_parse(c, &m, changed, "changed") == LEAT_OK) {
            accepted++; /* padding and dates of the archive carry nothing */
            leat_model_release(m);
        }
        leat_error_clear(c);
    }
    CHECK(accepted * 7 < b.size / 10);
    for (size_t n = 0; n < b.size; n += 97) {
        leati_bytes cut = {.data = b.data, .size = n};
        CHECK(leati_model_parse(c, &m, cut, "cut") != LEAT_OK);
        leat_error_clear(c);
    }
    CHECK_FAILS(leat_model_open(c, &m, leattest_scratch("none.leat")), LEAT_NOT_FOUND, "none.leat");
    REQUIRE_OK(leati_file_write(c, leattest_scratch("text.leat"), "a,b\n1,2\n", 8));
    CHECK_FAILS(leat_model_open(c, &m, leattest_scratch("text.leat")), LEAT_FORMAT,
                "is not a Leat model");
    free(copy);
    leati_bytes_release(&b);
}

/* Descriptions are of bounded size once unpacked, wherever a model is read. */
static void bloated(leattest *t)
{
    leat_context *c = t->context;
    const char *path = leattest_scratch("bloated.leat");
    leat_experiment *e = run(t, c, "kind", "gaussian_nb", NULL);
    leati_bytes b, more;
    leat_model *m;
    REQUIRE(e);
    REQUIRE_OK(leat_model_save(c, leat_experiment_model(e), path));
    leat_experiment_destroy(e);
    REQUIRE_OK(leati_file_read(c, &b, path));
    REQUIRE_OK(leattest_bloated(c, b, "model.json", 1 << 20, &more));
    CHECK_OK(leati_model_parse(c, &m, more, "bloated"));
    leat_model_release(m);
    leati_bytes_release(&more);
    REQUIRE_OK(leattest_bloated(c, b, "model.json", LEATI_MODEL_TEXT, &more));
    CHECK_FAILS(leati_model_parse(c, &m, more, "bloated"), LEAT_FORMAT,
                "model.json has 64.0 MiB|64");
    CHECK(!leati_graph_file_is(c, more));
    leati_bytes_release(&more);
    leati_bytes_release(&b);
}

static void searching(leattest *t)
{
    leat_experiment *e = run(t, t->context, "weight", "ridge", "grid");
    REQUIRE(e);
    CHECK(leat_experiment_row(e, 0).mean < 0.5);
    leat_experiment_destroy(e);
    /* One value that is set is held, the others are searched. */
    leat_frame *f = leattest_table(t->context, 80, 1);
    leat_experiment_options o = leat_experiment_options_default();
    const char *set[] = {"knn.n_neighbors=40", "ridge.alpha=3"};
    o.target = "weight";
    o.models = "knn,ridge";
    o.set = set;
    o.set_count = 2;
    o.search = "grid";
    o.quick = true;
    REQUIRE(f);
    REQUIRE_OK(leat_experiment_run(t->context, &e, f, NULL, &o));
    for (size_t i = 0; i < leat_experiment_rows(e); i++) {
        leat_leaderboard_row row = leat_experiment_row(e, i);
        if (strcmp(row.estimator, "ridge") == 0) CHECK_STR(row.params, "alpha=3");
        if (strcmp(row.estimator, "knn") == 0)
            CHECK_STR(row.params, "n_neighbors=40 weights=distance");
    }
    leat_experiment_destroy(e);
    leat_frame_release(f);
}

static leat_status search_once(leat_context *c, void *arg)
{
    const char *set[] = {"knn.n_neighbors=1,70"};
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e = NULL;
    o.target = "weight";
    o.models = "knn";
    o.set = set;
    o.set_count = 1;
    o.search = "grid";
    o.cv = "kfold:3";
    o.quick = true;
    leat_status st = leat_experiment_run(c, &e, arg, NULL, &o);
    leat_experiment_destroy(e);
    return st;
}

/* Every setting that a search tried is told, best first. */
static void what_was_tried(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f = leattest_table(c, 80, 1);
    leat_experiment_options o = leat_experiment_options_default();
    const char *set[] = {"knn.n_neighbors=1,5,9,70", "knn.weights=uniform,distance"};
    leat_experiment *e;
    o.target = "weight";
    o.models = "knn";
    o.set = set;
    o.set_count = 2;
    o.search = "grid";
    o.quick = true;
    REQUIRE(f);
    REQUIRE_OK(leat_experiment_run(c, &e, f, NULL, &o));
    leat_leaderboard_row best = leat_experiment_row(e, 0);
    REQUIRE(strcmp(best.estimator, "knn") == 0);
    CHECK_INT(leat_experiment_trials(e, 1), 0); /* the baseline */
    REQUIRE(CHECK_INT(leat_experiment_trials(e, 0), 8));
    leat_trial first = leat_experiment_trial(e, 0, 0);
    CHECK(first.mean == best.mean && first.rank == 1 && first.folds == best.fold_count);
    CHECK_NEAR(first.std, best.std, 1e-12, 0);
    CHECK(fabs(first.low - best.low) < 1e-12);
    CHECK(strstr(first.params, "n_neighbors=") && strstr(first.params, " weights="));
    for (size_t i = 1; i < 8; i++) {
        leat_trial x = leat_experiment_trial(e, 0, i), before = leat_experiment_trial(e, 0, i - 1);
        CHECK(strcmp(x.params, before.params) != 0);
        CHECK(x.failed ? isnan(x.mean) && strstr(x.failed, "70") : x.mean >= before.mean);
        CHECK(x.rank == (x.mean == before.mean ? before.rank : i + 1));
    }
    CHECK(leat_experiment_trial(e, 0, 8).params == NULL);
    leat_experiment_destroy(e);
    o.search = "halving";
    REQUIRE_OK(leat_experiment_run(c, &e, f, NULL, &o));
    REQUIRE(leat_experiment_trials(e, 0) > 3);
    size_t last = leat_experiment_trials(e, 0) - 1;
    CHECK_INT(leat_experiment_trial(e, 0, 0).folds, leat_experiment_row(e, 0).fold_count);
    CHECK(leat_experiment_trial(e, 0, last).folds < leat_experiment_trial(e, 0, 0).folds);
    leat_experiment_destroy(e);
    leattest_fail_some_allocations(t, search_once, f);
    leat_frame_release(f);
}

static void bad_options(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f = leattest_table(c, 60, 1);
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e;
    REQUIRE(f);
    o.target = "kind";
    o.models = "gausian_nb";
    CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_INVALID,
                "no estimator 'gausian_nb'|Did you mean 'gaussian_nb'?");
    o.models = "ridge";
    CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_INVALID, "predicts numbers");
    o.models = "lda";
    o.cv = "kfold:1000";
    CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_INVALID, "1000");
    o.cv = "kfold:5";
    o.fold_column = "colour";
    CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_INVALID, "colour|kfold:5|--cv");
    o.fold_column = NULL;
    o.cv = "time:3:colour";
    CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_TYPE, "colour|holds texts");
    o.cv = "fold:3";
    CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_INVALID, "fold:3");
    o.cv = NULL;
    o.metric = "rmse";
    CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_INVALID, "rmse");
    o.metric = NULL;
    o.preprocess = "scale";
    CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_INVALID, "standard");
    o.preprocess = NULL;
    const char *both[] = {"colour"};
    o.keep = o.drop = both;
    o.keep_count = o.drop_count = 1;
    CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_INVALID, "colour|to be kept");
    o.keep_count = o.drop_count = 0;
    const char *set[] = {"lda.solver=fast"};
    o.set = set;
    o.set_count = 1;
    CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_INVALID, "lda.solver|fast");
    set[0] = "knn.n_neighbors=3";
    CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_INVALID, "--models");
    set[0] = "n_neighbors";
    CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_INVALID, "n_neighbors");
    o.set_count = 0;
    static const char *const names[] = {"", "..", "a/b"};
    for (int i = 0; i < 3; i++) {
        o.name = names[i];
        CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_INVALID, "cannot be named");
    }
    leat_frame_release(f);
}

/* Leaving one row out, a metric that needs several rows is of all of them together. */
static void one_row_out(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f = leattest_table(c, 40, 1);
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e;
    REQUIRE(f);
    o.target = "weight";
    o.models = "knn,ridge";
    o.metric = "r2";
    o.cv = "loo";
    o.quick = true;
    REQUIRE_OK(leat_experiment_run(c, &e, f, NULL, &o));
    CHECK_STR(leat_experiment_row(e, 0).estimator, "ridge");
    for (size_t i = 0; i < leat_experiment_rows(e); i++) {
        leat_leaderboard_row row = leat_experiment_row(e, i);
        /* Resampled rows only ever lower the R2 of the mean of the other rows. */
        bool learns = strcmp(row.estimator, "baseline") != 0;
        CHECK(!learns || (row.low <= row.mean && row.mean <= row.high));
        if (i) CHECK(row.mean <= leat_experiment_row(e, i - 1).mean);
    }
    double mean = leat_experiment_row(e, 0).mean;
    leat_experiment_destroy(e);
    o.cv = "kfold:40"; /* the same but for the order */
    REQUIRE_OK(leat_experiment_run(c, &e, f, NULL, &o));
    CHECK_NEAR(leat_experiment_row(e, 0).mean, mean, 1e-12, 0);
    leat_experiment_destroy(e);
    o.cv = "repeated:40x2";
    CHECK_FAILS(leat_experiment_run(c, &e, f, NULL, &o), LEAT_NUMERIC, "r2 has no value|--metric");
    leat_frame_release(f);
}

static leat_status whole_run(leat_context *c, void *arg)
{
    (void)arg;
    leat_frame *f = leattest_table(c, 24, 1);
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e = NULL;
    o.target = "kind";
    o.models = "gaussian_nb";
    o.cv = "kfold:3";
    leat_status st = f ? leat_experiment_run(c, &e, f, NULL, &o) : leat_error_status(c);
    leat_experiment_destroy(e);
    leat_frame_release(f);
    return st;
}

static void allocation_failures(leattest *t)
{
    leattest_fail_some_allocations(t, whole_run, NULL);
}

static const leattest_case list[] = {TEST(leaderboard),
                                     TEST(same_bytes),
                                     TEST(reproduced),
                                     TEST(save_and_load),
                                     TEST(damage),
                                     TEST(bloated),
                                     TEST(searching),
                                     TEST(what_was_tried),
                                     TEST(bad_options),
                                     TEST(one_row_out),
                                     TEST(rare_class),
                                     TEST(search_single_rows),
                                     TEST(no_spread),
                                     TEST(parameter_curve),
                                     TEST(parameter_allocations),
                                     TEST(allocation_failures),
                                     TEST(same_in_every_fold),
                                     TEST(order_of_folds),
                                     TEST(far_columns),
                                     TEST(unfitted),
                                     TEST(endless_outputs)};

LEATTEST_MAIN(list)
