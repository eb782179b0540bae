/* Parameter tables: defaults, values of each type, refusals. */
#include "support/leattest.h"

#include "learn/param.h"

typedef struct thing {
    bool shrink;
    int64_t depth;
    double c;
    int kernel;
    leati_mixed gamma, leaves;
} thing;

static const leati_param table[] = {{"shrink", LEATI_PARAM_BOOL, offsetof(thing, shrink), "true", 0,
                                     0, false, NULL, NULL, "", false, false, false},
                                    {"depth", LEATI_PARAM_INT, offsetof(thing, depth), "3", 1, 100,
                                     false, NULL, "1,2", "", false, false, false},
                                    {"C", LEATI_PARAM_REAL, offsetof(thing, c), "1", 1e-9, 1e9,
                                     false, NULL, NULL, "", false, false, false},
                                    {"kernel", LEATI_PARAM_CHOICE, offsetof(thing, kernel), "rbf",
                                     0, 0, false, "linear|poly|rbf", NULL, "", false, false, false},
                                    {"gamma", LEATI_PARAM_MIXED, offsetof(thing, gamma), "scale", 0,
                                     1e9, false, "scale|auto", NULL, "", false, false, false},
                                    {"leaves", LEATI_PARAM_MIXED, offsetof(thing, leaves), "none",
                                     2, 1e6, true, "none", NULL, "", false, false, false},
                                    {0}};

static void defaults(leattest *t)
{
    thing x = {0};
    leati_params_default(table, &x);
    CHECK(x.shrink && x.depth == 3 && x.c == 1 && x.kernel == 2);
    CHECK(x.gamma.choice == 0 && x.leaves.choice == 0);
}

static void values(leattest *t)
{
    leat_context *c = t->context;
    thing x;
    char text[64];
    leati_params_default(table, &x);
    CHECK_OK(leati_param_set(c, table, "thing", &x, "shrink", "no"));
    CHECK_OK(leati_param_set(c, table, "thing", &x, "depth", "7"));
    CHECK_OK(leati_param_set(c, table, "thing", &x, "C", "0.125"));
    CHECK_OK(leati_param_set(c, table, "thing", &x, "kernel", "poly"));
    CHECK_OK(leati_param_set(c, table, "thing", &x, "gamma", "0.5"));
    CHECK_OK(leati_param_set(c, table, "thing", &x, "leaves", "31"));
    CHECK(!x.shrink && x.depth == 7 && x.c == 0.125 && x.kernel == 1);
    CHECK(x.gamma.choice == -1 && x.gamma.value == 0.5 && x.leaves.value == 31);
    static const char *const want[] = {"false", "7", "0.125", "poly", "0.5", "31"};
    for (int i = 0; i < 6; i++) {
        leati_param_get(&table[i], &x, text, sizeof text);
        CHECK_STR(text, want[i]);
    }
    leat_json *j = leat_json_create(c, 0);
    leati_params_json(table, &x, j, NULL);
    CHECK_STR(leat_json_text(j), "{\"shrink\":false,\"depth\":7,\"C\":0.125,\"kernel\":\"poly\","
                                 "\"gamma\":0.5,\"leaves\":31}");
    leat_json_destroy(j);
}

static void refusals(leattest *t)
{
    leat_context *c = t->context;
    thing x;
    leati_params_default(table, &x);
    CHECK_FAILS(leati_param_set(c, table, "svc", &x, "depth", "0"), LEAT_INVALID,
                "svc.depth cannot be '0'|whole number from 1 to 100");
    CHECK_FAILS(leati_param_set(c, table, "svc", &x, "depth", "2.5"), LEAT_INVALID, "2.5");
    CHECK_FAILS(leati_param_set(c, table, "svc", &x, "kernel", "rfb"), LEAT_INVALID,
                "linear, poly, rbf");
    CHECK_FAILS(leati_param_set(c, table, "svc", &x, "gamma", "wide"), LEAT_INVALID,
                "scale, auto or a number");
    CHECK_FAILS(leati_param_set(c, table, "svc", &x, "leaves", "2.5"), LEAT_INVALID, "none");
    CHECK_FAILS(leati_param_set(c, table, "svc", &x, "shrink", "maybe"), LEAT_INVALID,
                "true or false");
    CHECK_FAILS(leati_param_set(c, table, "svc", &x, "gama", "1"), LEAT_INVALID,
                "no parameter 'gama'|Did you mean 'gamma'?|parameters: shrink depth");
    CHECK_FAILS(leati_param_set(c, table, "svc", &x, "C", "nan"), LEAT_INVALID, "svc.C");
    char lengthy[5001]; /* of which a part tells enough */
    for (size_t i = 0; i < sizeof lengthy - 1; i++) lengthy[i] = i % 2 ? '\xa9' : '\xc3';
    lengthy[sizeof lengthy - 1] = '\0';
    CHECK_FAILS(leati_param_set(c, table, "svc", &x, "kernel", lengthy), LEAT_INVALID,
                "\xc3\xa9...' (5000 bytes); it takes linear, poly, rbf");
}

static const leattest_case list[] = {TEST(defaults), TEST(values), TEST(refusals)};

LEATTEST_MAIN(list)
