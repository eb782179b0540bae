/* Settings files. */
#include "support/leattest.h"

#include "workflow/settings.h"

static leat_status parse(leattest *t, leat_settings **s, const char *text)
{
    return leati_settings_parse(t->context, s, text, strlen(text), "fit.yaml");
}

static void values(leattest *t)
{
    leat_settings *s;
    REQUIRE_OK(parse(t, &s,
                     "data: cars.csv\nmodels: [svr, knn]\nset:\n  svr: {C: 10, gamma: auto}\n"
                     "  knn:\n    n_neighbors: [3, 5]\nquick: true\n"));
    CHECK_STR(leat_settings_value(s, "data", 0), "cars.csv");
    CHECK_INT(leat_settings_count(s, "models"), 2);
    CHECK_STR(leat_settings_value(s, "models", 1), "knn");
    CHECK_STR(leat_settings_value(s, "set", 0), "svr.C=10");
    CHECK_STR(leat_settings_value(s, "set", 2), "knn.n_neighbors=3,5");
    CHECK(leat_settings_value(s, "target", 0) == NULL);
    const char *names[] = {"data", "model", "set", "quick"};
    CHECK_FAILS(leat_settings_check(t->context, s, names, 4), LEAT_INVALID,
                "fit.yaml:2|'models'|Did you mean 'model'?");
    leat_settings_destroy(s);
}

static void refusals(leattest *t)
{
    leat_settings *s;
    static const char *const bad[][2] = {{"", "fit.yaml:1"},
                                         {"- a\n- b\n", "name: value"},
                                         {"a: [b, [c]]\n", "list"},
                                         {"set: {b: c}\n", "C: 10"},
                                         {"a: *x\n", "alias"},
                                         {"a: b\na: c\n", "set twice"},
                                         {"set: {b: {c: {d: 1}}}\n", "value"},
                                         {"netwrk: {a: b}\n", "Did you mean 'network'"},
                                         {"a: [1\n", "not valid YAML"},
                                         {"\"a", "not valid YAML"},
                                         {"a: b\nc: d\n# \xff\n", "fit.yaml:3: not valid YAML"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        leat_status st = parse(t, &s, bad[i][0]);
        CHECK(st == LEAT_FORMAT && s == NULL);
        CHECK(strstr(leat_error_message(t->context), "fit.yaml:") != NULL);
        if (!CHECK(strstr(leat_error_message(t->context), bad[i][1]) != NULL))
            printf("    %s", leat_error_message(t->context));
        leat_error_clear(t->context);
    }
}

/* One document with its marks, and a byte in it that no YAML has. */
static void ends_and_bytes(leattest *t)
{
    leat_settings *s;
    static const char nul[] = "a: b\nc: d\ne: f\0g\n";
    REQUIRE_OK(parse(t, &s, "---\na: b\n...\n"));
    CHECK_STR(leat_settings_value(s, "a", 0), "b");
    leat_settings_destroy(s);
    CHECK_FAILS(leati_settings_parse(t->context, &s, nul, sizeof nul - 1, "fit.yaml"), LEAT_FORMAT,
                "fit.yaml:3: not valid YAML");
    CHECK_FAILS(parse(t, &s, "a: b\n---\nc: d\n"), LEAT_FORMAT, "fit.yaml:2: |second document");
}

static leat_status parse_once(leat_context *c, void *arg)
{
    (void)arg;
    leat_settings *s;
    const char *text = "a: b\nc: [d, e]\nset: {g: {h: 1, i: [2, 3]}}\n";
    leat_status st = leati_settings_parse(c, &s, text, strlen(text), "x");
    leat_settings_destroy(s);
    return st;
}

static void allocation_failures(leattest *t)
{
    leattest_fail_allocations(t, parse_once, NULL);
}

static const leattest_case list[] = {TEST(values), TEST(refusals), TEST(ends_and_bytes),
                                     TEST(allocation_failures)};

LEATTEST_MAIN(list)
