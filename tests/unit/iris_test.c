/* The ten given folds of iris: the scores of scikit-learn, fold by fold, raw and standardised. */
#include "support/leattest.h"

#include <jansson.h>

#include "base/num.h"
#include "learn/estimator.h"

enum { COLS = 4, MOST = 200, FOLDS = 10 };

typedef struct iris {
    size_t rows;
    double x[MOST * COLS];
    uint32_t label[MOST];
    int fold[MOST];
} iris;

static bool read_iris(leattest *t, iris *d)
{
    static const char *const species[] = {"setosa", "versicolor", "virginica"};
    const char *path = leattest_shared(t, "iris_folds.csv");
    FILE *f = path ? fopen(path, "r") : NULL;
    if (!f) return false;
    char line[200], name[40];
    *d = (iris){0};
    bool ok = fgets(line, sizeof line, f) != NULL;
    while (ok && fgets(line, sizeof line, f) && d->rows < MOST) {
        double *x = d->x + d->rows * COLS;
        ok = sscanf(line, "%lf,%lf,%lf,%lf,%d,%39s", x, x + 1, x + 2, x + 3, &d->fold[d->rows],
                    name) == 6;
        for (uint32_t k = 0; k < 3; k++)
            if (strcmp(name, species[k]) == 0) d->label[d->rows] = k;
        d->rows++;
    }
    fclose(f);
    return ok && d->rows == 120;
}

/* Mean 0 and deviation 1 by the rows that are not in the fold. */
static void standardise(iris *d, int fold)
{
    for (size_t j = 0; j < COLS; j++) {
        double n = 0, mean = 0, square = 0;
        for (size_t i = 0; i < d->rows; i++)
            if (d->fold[i] != fold) mean += d->x[i * COLS + j], n++;
        mean /= n;
        for (size_t i = 0; i < d->rows; i++)
            if (d->fold[i] != fold) square += pow(d->x[i * COLS + j] - mean, 2);
        for (size_t i = 0; i < d->rows; i++)
            d->x[i * COLS + j] = (d->x[i * COLS + j] - mean) / sqrt(square / n);
    }
}

/* Accuracy on one fold after learning on the others; -1 on failure. */
static double score(leattest *t, const char *name, const iris *all, int fold, bool scale)
{
    iris d = *all;
    if (scale) standardise(&d, fold);
    double x[MOST * COLS], test[MOST * COLS], out[MOST];
    uint32_t label[MOST], truth[MOST];
    size_t n = 0, m = 0, hits = 0;
    for (size_t i = 0; i < d.rows; i++) {
        bool held_out = d.fold[i] == fold;
        memcpy(held_out ? test + m * COLS : x + n * COLS, d.x + i * COLS, COLS * sizeof *x);
        if (held_out) truth[m++] = d.label[i];
        else label[n++] = d.label[i];
    }
    static const leati_feature features[COLS] = {{"a", 0}, {"b", 0}, {"c", 0}, {"d", 0}};
    leati_dataset train = {.x = {.f64 = x, .rows = n, .cols = COLS, .stride = COLS},
                           .features = features,
                           .task = LEATI_CLASSIFY,
                           .label = label,
                           .classes = 3,
                           .seed = 1};
    leati_matrix query = {.f64 = test, .rows = m, .cols = COLS, .stride = COLS};
    leati_estimator *e = NULL;
    bool ok = CHECK_OK(leati_estimator_create(t->context, &e, leati_estimator_class_find(name))) &&
              CHECK_OK(leati_estimator_fit(t->context, e, &train)) &&
              CHECK_OK(leati_estimator_predict(t->context, e, &query, out));
    leati_estimator_destroy(e);
    for (size_t i = 0; ok && i < m; i++) hits += out[i] == (double)truth[i];
    return ok ? (double)hits / (double)m : -1;
}

/* `slack` samples of difference are allowed in a fold. */
static void compare(leattest *t, const char *name, int slack)
{
    iris d;
    const char *path = leattest_shared(t, "iris_expected.json");
    if (!path || !read_iris(t, &d)) return;
    json_t *root = json_load_file(path, 0, NULL);
    REQUIRE(root != NULL);
    for (int scale = 0; scale < 2; scale++) {
        json_t *of = json_object_get(json_object_get(root, scale ? "scaled" : "raw"), name);
        json_t *folds = json_object_get(of, "folds");
        CHECK_INT(json_array_size(folds), FOLDS);
        double mean = 0;
        for (int fold = 0; fold < FOLDS; fold++) {
            double got = score(t, name, &d, fold, scale);
            mean += got / FOLDS;
            CHECK_NEAR(got, json_number_value(json_array_get(folds, (size_t)fold)), 0,
                       slack / 12.0 + 1e-12);
        }
        if (slack == 0) CHECK_NEAR(mean, json_number_value(json_object_get(of, "mean")), 0, 1e-12);
    }
    json_decref(root);
}

static void lda(leattest *t)
{
    compare(t, "lda", 0);
}

static void qda(leattest *t)
{
    compare(t, "qda", 0);
}

static void knn(leattest *t)
{
    compare(t, "knn", 0);
}

static void cart(leattest *t)
{
    compare(t, "cart", 1);
}

static void gaussian_nb(leattest *t)
{
    compare(t, "gaussian_nb", 0);
}

static void logistic(leattest *t)
{
    compare(t, "logistic", 0);
}

static const leattest_case cases[] = {TEST(lda),  TEST(qda),         TEST(knn),
                                      TEST(cart), TEST(gaussian_nb), TEST(logistic)};
LEATTEST_MAIN(cases)
