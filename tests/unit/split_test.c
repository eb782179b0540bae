/* Splits: specifications, folds against scikit-learn's, what holds for every kind, errors. */
#include "support/leattest.h"

#include "base/mem.h"
#include "golden/splits.h"
#include "learn/split.h"

static leati_split_spec spec_of(leattest *t, const char *text)
{
    leati_split_spec s = {.kind = LEATI_SPLIT_KFOLD, .folds = 2, .repeats = 1};
    CHECK_OK(leati_split_parse(t->context, &s, text));
    return s;
}

static void specifications(leattest *t)
{
    static const char *const good[] = {
        "auto",   "kfold:10",   "stratified:3", "repeated:5x2", "loo",        "group:my id",
        "time:5", "time:4:a:b", "holdout:0.2",  "nested:5x3",   "predefined", "predefined:f"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char text[64];
        leati_split_spec s = spec_of(t, good[i]);
        leati_split_text(&s, text, sizeof text);
        CHECK_STR(text, good[i]);
    }
    leati_split_spec s = spec_of(t, "kfold");
    CHECK_INT(s.folds, 10);
    s = spec_of(t, "repeated:4x3");
    CHECK(s.folds == 4 && s.repeats == 3);
    s = spec_of(t, "nested:4x2");
    CHECK(s.folds == 4 && s.inner == 2 && s.repeats == 1);
    s = spec_of(t, "holdout:0.25");
    CHECK(s.test_share == 0.25);
    s = spec_of(t, "time:7:when");
    CHECK(s.folds == 7);
    CHECK_STR(s.column, "when");
}

static void wrong_specifications(leattest *t)
{
    static const struct {
        const char *text, *words;
    } bad[] = {{"", "allowed|kfold:10"},         {"kfol:3", "kfol:3|Did you mean 'kfold'"},
               {"kfold:", "colon|kfold:10"},     {"kfold:1", "kfold:1|at least 2"},
               {"kfold:2.5", "whole"},           {"kfold:-3", "whole"},
               {"kfold:99999999999", "whole"},   {"repeated:5", "repeats|repeated:5x2"},
               {"repeated:5x0", "repeats"},      {"nested:5x1", "inner"},
               {"loo:3", "no number"},           {"group", "column"},
               {"time:0", "at least 1"},         {"time:3:", "column"},
               {"holdout:1", "between 0 and 1"}, {"holdout:nan", "between 0 and 1"},
               {"holdout:x", "between 0 and 1"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        leati_split_spec s;
        CHECK_FAILS(leati_split_parse(t->context, &s, bad[i].text), LEAT_INVALID, bad[i].words);
    }
}

/* Every row is in exactly one part of each fold (time: training rows come earlier); parts ascend.
 */
static void check_parts(leattest *t, const leati_folds *folds, size_t rows)
{
    unsigned char *seen = calloc(rows, 1);
    REQUIRE(seen);
    for (size_t f = 0; f < folds->count; f++) {
        const leati_fold *x = &folds->fold[f];
        bool ascending = true, once = true;
        memset(seen, 0, rows);
        for (size_t i = 0; i < x->train_count; i++) {
            once = once && x->train[i] < rows && !seen[x->train[i]]++;
            ascending = ascending && (i == 0 || x->train[i] > x->train[i - 1]);
        }
        for (size_t i = 0; i < x->test_count; i++) {
            once = once && x->test[i] < rows && !seen[x->test[i]]++;
            ascending = ascending && (i == 0 || x->test[i] > x->test[i - 1]);
        }
        CHECK(once && ascending);
        CHECK(x->train_count > 0 && x->test_count > 0);
        if (folds->spec.kind != LEATI_SPLIT_TIME) CHECK(x->train_count + x->test_count == rows);
    }
    free(seen);
}

static void check_golden(leattest *t, const char *text, const int *want)
{
    leati_split_spec s = spec_of(t, text);
    leati_split_data d = {
        .rows = SPLIT_ROWS, .label = split_label, .classes = SPLIT_CLASSES, .group = split_group};
    leati_folds folds;
    s.in_order = true;
    REQUIRE_OK(leati_split_make(t->context, &folds, &s, &d, 1));
    int got[SPLIT_ROWS];
    for (int i = 0; i < SPLIT_ROWS; i++) got[i] = -1;
    for (size_t f = 0; f < folds.count; f++)
        for (size_t i = 0; i < folds.fold[f].test_count; i++) got[folds.fold[f].test[i]] = (int)f;
    if (!CHECK(memcmp(got, want, sizeof got) == 0)) printf("  in %s\n", text);
    check_parts(t, &folds, SPLIT_ROWS);
    leati_folds_fini(&folds);
}

static void as_scikit_learn(leattest *t)
{
    check_golden(t, "kfold:2", split_kfold_2);
    check_golden(t, "kfold:3", split_kfold_3);
    check_golden(t, "kfold:10", split_kfold_10);
    check_golden(t, "stratified:2", split_stratified_2);
    check_golden(t, "stratified:3", split_stratified_3);
    check_golden(t, "stratified:5", split_stratified_5);
    check_golden(t, "group:g", split_group_10);
    check_golden(t, "time:2", split_time_2);
    check_golden(t, "time:5", split_time_5);
    check_golden(t, "loo", split_loo);
    leati_split_spec s = spec_of(t, "group:g");
    static const int *const want[] = {split_group_2, split_group_3, split_group_5};
    static const uint32_t folds_of[] = {2, 3, 5};
    leati_split_data d = {.rows = SPLIT_ROWS, .group = split_group};
    for (int k = 0; k < 3; k++) {
        leati_folds folds;
        s.folds = folds_of[k];
        s.in_order = true;
        REQUIRE_OK(leati_split_make(t->context, &folds, &s, &d, 1));
        bool equal = true;
        for (size_t f = 0; f < folds.count; f++)
            for (size_t i = 0; i < folds.fold[f].test_count; i++)
                equal = equal && want[k][folds.fold[f].test[i]] == (int)f;
        CHECK(equal);
        leati_folds_fini(&folds);
    }
}

static void class_counts(const leati_fold *x, const uint32_t *label, size_t *counts)
{
    for (size_t i = 0; i < x->test_count; i++) counts[label[x->test[i]]]++;
}

static void shuffled_stratified(leattest *t)
{
    leati_split_spec s = spec_of(t, "repeated:5x3");
    leati_split_data d = {.rows = SPLIT_ROWS, .label = split_label, .classes = SPLIT_CLASSES};
    leati_folds folds, again, other;
    REQUIRE_OK(leati_split_make(t->context, &folds, &s, &d, 7));
    REQUIRE_OK(leati_split_make(t->context, &again, &s, &d, 7));
    REQUIRE_OK(leati_split_make(t->context, &other, &s, &d, 8));
    CHECK_INT(folds.count, 15);
    check_parts(t, &folds, SPLIT_ROWS);
    bool same = true, differs = false, repeats_differ = false;
    for (size_t f = 0; f < folds.count; f++) {
        const leati_fold *x = &folds.fold[f], *y = &again.fold[f], *z = &other.fold[f];
        size_t counts[SPLIT_CLASSES] = {0}, all[SPLIT_CLASSES] = {0};
        size_t bytes = x->test_count * sizeof *x->test;
        same = same && x->test_count == y->test_count && !memcmp(x->test, y->test, bytes) &&
               x->seed == y->seed;
        differs = differs || x->test_count != z->test_count || memcmp(x->test, z->test, bytes);
        if (f < 5)
            repeats_differ = repeats_differ || memcmp(x->test, folds.fold[f + 5].test, bytes) != 0;
        CHECK_INT(x->repeat, f / 5);
        CHECK_INT(x->number, f % 5);
        for (int i = 0; i < SPLIT_ROWS; i++) all[split_label[i]]++;
        class_counts(x, split_label, counts);
        for (int k = 0; k < SPLIT_CLASSES; k++)
            CHECK(counts[k] >= all[k] / 5 && counts[k] <= (all[k] + 4) / 5);
        for (size_t g = 0; g < f; g++) CHECK(folds.fold[g].seed != x->seed);
    }
    CHECK(same && differs && repeats_differ);
    CHECK_NEAR(leati_folds_test_ratio(&folds), 0.25, 0.02, 0);
    leati_folds_fini(&folds);
    leati_folds_fini(&again);
    leati_folds_fini(&other);
}

static void holdout(leattest *t)
{
    leati_split_spec s = spec_of(t, "holdout:0.2");
    leati_split_data d = {.rows = SPLIT_ROWS, .label = split_label, .classes = SPLIT_CLASSES};
    leati_folds folds;
    REQUIRE_OK(leati_split_make(t->context, &folds, &s, &d, 3));
    check_parts(t, &folds, SPLIT_ROWS);
    CHECK_INT(folds.count, 1);
    CHECK_INT(folds.fold[0].test_count, 21); /* ceil(103 / 5), as train_test_split */
    CHECK_INT(folds.fold[0].absent, 0);
    size_t counts[SPLIT_CLASSES] = {0}, all[SPLIT_CLASSES] = {0};
    for (int i = 0; i < SPLIT_ROWS; i++) all[split_label[i]]++;
    class_counts(&folds.fold[0], split_label, counts);
    for (int k = 0; k < SPLIT_CLASSES; k++)
        CHECK(fabs((double)counts[k] - (double)all[k] * 21 / 103) < 1);
    leati_folds_fini(&folds);
    /* Numbers, and a share that would leave nothing to train on. */
    d.label = NULL;
    s.test_share = 0.999;
    REQUIRE_OK(leati_split_make(t->context, &folds, &s, &d, 3));
    check_parts(t, &folds, SPLIT_ROWS);
    CHECK_INT(folds.fold[0].train_count, 1);
    leati_folds_fini(&folds);
}

static void groups_and_predefined(leattest *t)
{
    leati_split_spec s = spec_of(t, "group:g");
    leati_split_data d = {.rows = SPLIT_ROWS, .group = split_group};
    leati_folds folds;
    s.folds = 4;
    for (uint64_t seed = 1; seed < 6; seed++) {
        REQUIRE_OK(leati_split_make(t->context, &folds, &s, &d, seed));
        check_parts(t, &folds, SPLIT_ROWS);
        for (size_t f = 0; f < folds.count; f++) {
            bool tested[10] = {false}, straddles = false;
            const leati_fold *x = &folds.fold[f];
            for (size_t i = 0; i < x->test_count; i++) tested[split_group[x->test[i]]] = true;
            for (size_t i = 0; i < x->train_count; i++)
                straddles = straddles || tested[split_group[x->train[i]]];
            CHECK(!straddles);
        }
        leati_folds_fini(&folds);
    }
    static const uint32_t fold[] = {1, 0, UINT32_MAX, 1, 2};
    d = (leati_split_data){.rows = 5, .group = fold};
    s = spec_of(t, "predefined:fold");
    REQUIRE_OK(leati_split_make(t->context, &folds, &s, &d, 1));
    CHECK_INT(folds.count, 3);
    CHECK(folds.fold[1].test_count == 2 && folds.fold[1].test[0] == 0 &&
          folds.fold[1].test[1] == 3);
    CHECK(folds.fold[1].train_count == 3 && folds.fold[1].train[1] == 2);
    leati_folds_fini(&folds);
    static const uint32_t one[] = {0, 0, 0, 0, 0};
    d.group = one;
    CHECK_FAILS(leati_split_make(t->context, &folds, &s, &d, 1), LEAT_INVALID, "no training rows");
    s = spec_of(t, "group:g");
    CHECK_FAILS(leati_split_make(t->context, &folds, &s, &d, 1), LEAT_INVALID, "2 values");
}

static void time_with_ties(leattest *t)
{
    /* Days with three rows each, in mixed order: no fold may train on the day that it tests. */
    double day[30];
    for (int i = 0; i < 30; i++) day[i] = (i * 7) % 30 / 3;
    leati_split_spec s = spec_of(t, "time:4");
    leati_split_data d = {.rows = 30, .time = day};
    leati_folds folds;
    REQUIRE_OK(leati_split_make(t->context, &folds, &s, &d, 1));
    check_parts(t, &folds, 30);
    size_t before = 0;
    for (size_t f = 0; f < 4; f++) {
        double latest = -1, first = 99;
        const leati_fold *x = &folds.fold[f];
        for (size_t i = 0; i < x->train_count; i++) latest = fmax(latest, day[x->train[i]]);
        for (size_t i = 0; i < x->test_count; i++) first = fmin(first, day[x->test[i]]);
        CHECK(latest < first);
        CHECK(x->train_count > before);
        before = x->train_count;
    }
    leati_folds_fini(&folds);
    day[4] = (double)NAN;
    CHECK_FAILS(leati_split_make(t->context, &folds, &s, &d, 1), LEAT_INVALID, "row 5|missing");
    for (int i = 0; i < 30; i++) day[i] = 1;
    CHECK_FAILS(leati_split_make(t->context, &folds, &s, &d, 1), LEAT_INVALID, "fewer folds");
}

static void automatic(leattest *t)
{
    leati_split_spec s = leati_split_auto(150, 4, NULL, 0);
    CHECK(s.kind == LEATI_SPLIT_KFOLD && s.folds == 10);
    s = leati_split_auto(4, 4, NULL, 0);
    CHECK(s.kind == LEATI_SPLIT_KFOLD && s.folds == 4);
    const size_t counts[] = {90, 7, 1};
    s = leati_split_auto(98, 4, counts, 3);
    CHECK(s.kind == LEATI_SPLIT_STRATIFIED && s.folds == 7);
    const size_t few[] = {90, 2};
    s = leati_split_auto(92, 4, few, 2);
    CHECK_INT(s.folds, 5);
    s = leati_split_auto(60000, 784, counts, 3);
    CHECK(s.kind == LEATI_SPLIT_HOLDOUT && s.test_share == 0.2);
    s = leati_split_auto(SIZE_MAX / 2, 3, NULL, 0);
    CHECK(s.kind == LEATI_SPLIT_HOLDOUT);

    /* What was decided is told. */
    uint32_t label[40] = {0};
    static const char *const names[] = {"common", "rare", "once"};
    for (int i = 0; i < 6; i++) label[i] = 1;
    label[39] = 2;
    leati_split_data d = {.rows = 40, .label = label, .classes = 3, .class_name = names};
    leati_folds folds;
    s = spec_of(t, "auto");
    REQUIRE_OK(leati_split_make(t->context, &folds, &s, &d, 1));
    CHECK(folds.spec.kind == LEATI_SPLIT_STRATIFIED && folds.spec.folds == 6);
    CHECK(folds.note && strstr(folds.note, "6 folds instead of 10") &&
          strstr(folds.note, "\nwarning: the class 'once' (1 row: 40) is not in the training rows "
                             "of 1 of 6 folds, where it cannot be predicted"));
    size_t absent = 0;
    for (size_t f = 0; f < folds.count; f++) absent += folds.fold[f].absent;
    CHECK_INT(absent, 1);
    leati_folds_fini(&folds);
}

static void refused(leattest *t)
{
    leati_folds folds;
    static const uint32_t label[] = {0, 1, 5};
    leati_split_data d = {.rows = 3};
    leati_split_spec s = spec_of(t, "kfold:4");
    CHECK_FAILS(leati_split_make(t->context, &folds, &s, &d, 1), LEAT_INVALID, "4 folds|3");
    s = spec_of(t, "stratified:2");
    CHECK_FAILS(leati_split_make(t->context, &folds, &s, &d, 1), LEAT_INVALID, "need classes");
    d.label = label;
    d.classes = 2;
    CHECK_FAILS(leati_split_make(t->context, &folds, &s, &d, 1), LEAT_INVALID, "row 3");
    d = (leati_split_data){.rows = 1};
    s = spec_of(t, "loo");
    CHECK_FAILS(leati_split_make(t->context, &folds, &s, &d, 1), LEAT_INVALID, "2 rows");
    d.rows = 1000000;
    CHECK_FAILS(leati_split_make(t->context, &folds, &s, &d, 1), LEAT_LIMIT, "kfold:10");
    s = spec_of(t, "repeated:5x1000000");
    CHECK_FAILS(leati_split_make(t->context, &folds, &s, &d, 1), LEAT_LIMIT, "repeats");
    s = spec_of(t, "group:g");
    CHECK_FAILS(leati_split_make(t->context, &folds, &s, &d, 1), LEAT_INVALID, "column");
}

static void inner_folds(leattest *t)
{
    double when[SPLIT_ROWS];
    for (int i = 0; i < SPLIT_ROWS; i++) when[i] = (i * 37) % SPLIT_ROWS;
    leati_split_data d = {.rows = SPLIT_ROWS,
                          .label = split_label,
                          .classes = SPLIT_CLASSES,
                          .group = split_group,
                          .time = when};
    static const char *const kinds[] = {"nested:4x3", "group:g", "time:3", "kfold:5"};
    for (size_t k = 0; k < 4; k++) {
        leati_split_spec s = spec_of(t, kinds[k]);
        leati_folds folds, inner;
        REQUIRE_OK(leati_split_make(t->context, &folds, &s, &d, 5));
        for (size_t f = 0; f < folds.count; f++) {
            const leati_fold *outer = &folds.fold[f];
            bool train[SPLIT_ROWS] = {false}, inside = true;
            for (size_t i = 0; i < outer->train_count; i++) train[outer->train[i]] = true;
            REQUIRE_OK(leati_split_inner(t->context, &inner, &folds, outer, &d, 0));
            if (k == 0) CHECK_INT(inner.count, 3);
            for (size_t g = 0; g < inner.count; g++) {
                const leati_fold *x = &inner.fold[g];
                bool tested[10] = {false};
                double latest = -1, first = 1e9;
                for (size_t i = 0; i < x->test_count; i++) {
                    inside = inside && train[x->test[i]];
                    tested[split_group[x->test[i]]] = true;
                    first = fmin(first, when[x->test[i]]);
                }
                for (size_t i = 0; i < x->train_count; i++) {
                    inside = inside && train[x->train[i]];
                    if (k == 1) inside = inside && !tested[split_group[x->train[i]]];
                    latest = fmax(latest, when[x->train[i]]);
                }
                if (k == 2) CHECK(latest < first);
            }
            CHECK(inside);
            leati_folds_fini(&inner);
        }
        leati_folds_fini(&folds);
    }
}

static leat_status make_all(leat_context *c, void *arg)
{
    (void)arg;
    static const char *const kinds[] = {"auto",   "kfold:3",   "stratified:3", "repeated:2x2",
                                        "loo",    "group:g",   "time:3",       "holdout:0.3",
                                        "nested", "predefined"};
    leati_split_data d = {
        .rows = SPLIT_ROWS, .label = split_label, .classes = SPLIT_CLASSES, .group = split_group};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        leati_split_spec s;
        leati_folds folds, inner;
        leat_status st = leati_split_parse(c, &s, kinds[i]);
        if (st != LEAT_OK) return st;
        st = leati_split_make(c, &folds, &s, &d, 1);
        if (st != LEAT_OK) return st;
        st = leati_split_inner(c, &inner, &folds, &folds.fold[0], &d, 2);
        leati_folds_fini(&folds);
        if (st != LEAT_OK) return st;
        leati_folds_fini(&inner);
    }
    return LEAT_OK;
}

static void allocation_failures(leattest *t)
{
    leattest_fail_allocations(t, make_all, NULL);
}

static const leattest_case list[] = {TEST(specifications),
                                     TEST(wrong_specifications),
                                     TEST(as_scikit_learn),
                                     TEST(shuffled_stratified),
                                     TEST(holdout),
                                     TEST(groups_and_predefined),
                                     TEST(time_with_ties),
                                     TEST(automatic),
                                     TEST(refused),
                                     TEST(inner_folds),
                                     TEST(allocation_failures)};

LEATTEST_MAIN(list)
