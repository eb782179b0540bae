/* Whether a training that ended was still learning, by its history. */
#include "support/leattest.h"

#include "workflow/unfinished.h"

enum { EPOCHS = 20 };

/* A loss that falls from 1 by that share of itself in every epoch. */
static leati_history falling(leati_epoch *epoch, double share, uint64_t steps)
{
    double loss = 1;
    for (size_t i = 0; i < EPOCHS; i++, loss *= 1 - share) epoch[i].loss = loss;
    return (leati_history){.epoch = epoch, .count = EPOCHS, .epochs = EPOCHS, .steps = steps};
}

static void judged(leattest *t)
{
    static const struct {
        double share;
        uint64_t steps;
        const char *model, *epochs;
        size_t count, best; /* of a validated training: its best epoch; 0: of none */
        size_t advice;
    } cases[] = {
        {0.05, 100, "network", "20", EPOCHS, 0, 200},  {0.05, 40, "network", "20", EPOCHS, 0, 500},
        {0.05, 1, "network", "20", EPOCHS, 0, 1000},   {0.05, 900, "network", "20", EPOCHS, 0, 50},
        {0.05, 1000, "network", "20", EPOCHS, 0, 0},   /* many updates */
        {0.001, 100, "network", "20", EPOCHS, 0, 0},   /* no fall to speak of */
        {0.5, 100, "network", "20", EPOCHS, 0, 0},     /* it has come down */
        {0.05, 100, "network", "21", EPOCHS, 0, 0},    /* somebody chose */
        {0.05, 100, "network", "20", 12, 0, 0},        /* stopped */
        {0.05, 100, "network", "20", EPOCHS, 9, 0},    /* its best is behind it */
        {0.05, 100, "network", "20", EPOCHS, 19, 200}, /* and here not */
        {0.05, 100, "logistic", NULL, EPOCHS, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leati_epoch epoch[EPOCHS] = {{0}};
        leati_entry entry = {0};
        leat_experiment e = {.best = &entry};
        REQUIRE_OK(leati_estimator_create(t->context, &entry.estimator,
                                          leati_estimator_class_find(cases[i].model)));
        if (cases[i].epochs)
            CHECK_OK(leati_estimator_set(t->context, entry.estimator, "epochs", cases[i].epochs));
        e.history = falling(epoch, cases[i].share, cases[i].steps);
        e.history.count = cases[i].count;
        e.history.validated = cases[i].best > 0;
        e.history.best = cases[i].best;
        if (!CHECK_INT(leati_unfinished_epochs(&e), cases[i].advice)) printf("    row %zu\n", i);
        leati_estimator_destroy(entry.estimator);
    }
}

static const leattest_case cases[] = {TEST(judged)};
LEATTEST_MAIN(cases)
