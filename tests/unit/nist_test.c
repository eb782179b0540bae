/* Linear regression on NIST's Statistical Reference Datasets: digits of every coefficient. */
#include "support/leattest.h"

#include "golden/nist.h"
#include "learn/estimator.h"

/* The number of right digits (log relative error), at most 15. */
static double digits(double got, double want)
{
    double error = fabs(got - want) / fabs(want);
    return error < 1e-15 ? 15 : -log10(error);
}

typedef struct answer {
    double coef[10], intercept;
} answer;

/* The coefficients, read from the saved state. */
static bool fit(leattest *t, const struct nist_set *set, answer *a)
{
    leat_context *c = t->context;
    leati_estimator *e;
    leati_state s;
    bool done = false;
    leati_state_init(&s, c);
    if (!CHECK_OK(leati_estimator_create(c, &e, leati_estimator_class_find("linear"))))
        return false;
    leati_dataset d = {.x = {.f64 = set->x, .rows = set->rows, .cols = set->cols},
                       .task = LEATI_REGRESS,
                       .y = set->y};
    d.x.stride = set->cols;
    if (!set->intercept) CHECK_OK(leati_estimator_set(c, e, "fit_intercept", "false"));
    if (CHECK_OK(leati_estimator_fit(c, e, &d)) && CHECK_OK(leati_estimator_save(c, e, &s))) {
        memcpy(a->coef, leati_state_find(&s, "coef")->data, set->cols * sizeof *a->coef);
        memcpy(&a->intercept, leati_state_find(&s, "intercept")->data, sizeof a->intercept);
        done = true;
    }
    leati_state_fini(&s);
    leati_estimator_destroy(e);
    return done;
}

static double least_digits(const struct nist_set *set, const answer *a, const double *want)
{
    double least = set->intercept ? digits(a->intercept, want[0]) : 15;
    for (size_t j = 0; j < set->cols; j++)
        least = fmin(least, digits(a->coef[j], want[j + set->intercept]));
    return least;
}

static void reference_sets(leattest *t)
{
    /* Rounding the data to doubles takes digits before the solver starts: most from the powers of
     * Filip and the ratios of Norris. */
    static const struct {
        const char *name;
        double certified;
    } required[] = {{"norris", 12},   {"pontius", 12},  {"noint1", 14},   {"noint2", 14},
                    {"filip", 7},     {"longley", 12},  {"wampler1", 14}, {"wampler2", 12},
                    {"wampler3", 14}, {"wampler4", 14}, {"wampler5", 14}};
    for (size_t i = 0; i < sizeof nist_sets / sizeof *nist_sets; i++) {
        answer a;
        REQUIRE(fit(t, &nist_sets[i], &a));
        double certified = least_digits(&nist_sets[i], &a, nist_sets[i].beta);
        double exact = least_digits(&nist_sets[i], &a, nist_sets[i].exact);
        printf("  %-8s %4.1f digits of the certified values, %4.1f of the exact ones\n",
               nist_sets[i].name, certified, exact);
        CHECK_STR(nist_sets[i].name, required[i].name);
        CHECK(certified >= required[i].certified);
        CHECK(exact >= 14.5);
    }
}

static const leattest_case list[] = {TEST(reference_sets)};
LEATTEST_MAIN(list)
