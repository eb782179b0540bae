/* Values of variables to a file and back: networks of one's own loop, any variables of a graph. */
#include <leat/graph.h>
#include <leat/network.h>

#include <stdio.h>
#include <string.h>

#include "support/leattest.h"

static const char *const layers = "dense(6, tanh); batch_norm; dense(3)";

typedef struct pair {
    leat_graph *g;
    leat_network *n;
} pair;

static leat_status open_pair(leat_context *c, pair *p, const char *text, uint64_t seed)
{
    *p = (pair){0};
    leat_status st = leat_graph_create(c, NULL, &p->g);
    return st == LEAT_OK ? leat_network_create(p->g, text, LEAT_DIMS(4), seed, &p->n) : st;
}

static void close_pair(pair *p)
{
    leat_network_destroy(p->n);
    leat_graph_destroy(p->g);
}

static size_t bytes_of(leat_variable *v)
{
    leat_shape s = leat_variable_shape(v);
    size_t n = 4;
    for (int i = 0; i < s.rank; i++) n *= (size_t)s.dim[i];
    return n;
}

/* How many of the variables of two networks hold the same numbers. */
static int equal_variables(leattest *t, pair *a, pair *b)
{
    int equal = 0;
    leat_variable *v, *w;
    for (size_t i = 0; (v = leat_network_variable(a->n, i)); i++) {
        float x[64], y[64];
        w = leat_network_variable(b->n, i);
        if (!CHECK(w && bytes_of(v) <= sizeof x && bytes_of(w) == bytes_of(v))) return 0;
        CHECK_OK(leat_variable_get(v, x, bytes_of(v)));
        CHECK_OK(leat_variable_get(w, y, bytes_of(v)));
        equal += memcmp(x, y, bytes_of(v)) == 0;
    }
    return equal;
}

static void networks(leattest *t)
{
    leat_context *c = t->context;
    const char *path = leattest_scratch("network.safetensors");
    pair a, b;
    REQUIRE_OK(open_pair(c, &a, layers, 1));
    REQUIRE_OK(open_pair(c, &b, layers, 2));
    CHECK_INT(equal_variables(t, &a, &b), 6); /* biases, the four of the normalisation */
    CHECK_OK(leat_network_save(a.n, path));
    CHECK_OK(leat_network_load(b.n, path));
    CHECK_INT(equal_variables(t, &a, &b), 8);
    close_pair(&b);
    REQUIRE_OK(open_pair(c, &b, "dense(6, tanh); batch_norm; dense(4)", 2));
    CHECK_FAILS(leat_network_load(b.n, path), LEAT_FORMAT,
                "of another shape: dense_2/kernel (6, 3) for (6, 4)");
    CHECK_FAILS(leat_network_load(b.n, leattest_scratch("none")), LEAT_NOT_FOUND, "");
    close_pair(&a);
    close_pair(&b);
}

typedef struct three {
    leat_graph *g;
    leat_variable *v[3];
} three;

static const double halves[] = {0.5, -1.5, 1e300};
static const int64_t counts[] = {INT64_MAX, INT64_MIN};

static leat_status open_three(leat_context *c, three *x, bool filled)
{
    const uint8_t small = 200;
    *x = (three){0};
    leat_status st = leat_graph_create(c, NULL, &x->g);
    if (st == LEAT_OK)
        st = leat_variable_create(x->g, "halves", LEAT_DTYPE_F64, LEAT_DIMS(3, 1),
                                  filled ? halves : NULL, &x->v[0]);
    if (st == LEAT_OK)
        st = leat_variable_create(x->g, "counts", LEAT_DTYPE_I64, LEAT_DIMS(2),
                                  filled ? counts : NULL, &x->v[1]);
    if (st == LEAT_OK)
        st = leat_variable_create(x->g, "a \"small\" one", LEAT_DTYPE_U8, (leat_shape){0},
                                  filled ? &small : NULL, &x->v[2]);
    return st;
}

static void any_variables(leattest *t)
{
    leat_context *c = t->context;
    const char *path = leattest_scratch("three.safetensors");
    three a, b;
    double found[3];
    int64_t whole[2];
    uint8_t small = 0;
    REQUIRE_OK(open_three(c, &a, true));
    REQUIRE_OK(open_three(c, &b, false));
    CHECK_OK(leat_variables_save(a.g, 3, a.v, path));
    CHECK_OK(leat_variables_load(b.g, 2, b.v + 1, path)); /* some of them */
    CHECK_OK(leat_variable_get(b.v[0], found, sizeof found));
    CHECK(found[0] == 0);
    CHECK_OK(leat_variables_load(b.g, 3, b.v, path));
    CHECK_OK(leat_variable_get(b.v[0], found, sizeof found));
    CHECK_OK(leat_variable_get(b.v[1], whole, sizeof whole));
    CHECK_OK(leat_variable_get(b.v[2], &small, 1));
    CHECK(!memcmp(found, halves, sizeof found) && !memcmp(whole, counts, sizeof whole));
    CHECK_INT(small, 200);
    leat_graph_destroy(a.g);
    leat_graph_destroy(b.g);
}

static void mistakes(leattest *t)
{
    leat_context *c = t->context;
    const char *path = leattest_scratch("mistakes.safetensors");
    three a, b;
    leat_variable *more[3], *none = NULL;
    int64_t whole[2] = {1, 2};
    REQUIRE_OK(open_three(c, &a, true));
    REQUIRE_OK(open_three(c, &b, false));
    REQUIRE_OK(leat_variables_save(a.g, 2, a.v, path));
    CHECK_FAILS(leat_variables_load(b.g, 3, b.v, path), LEAT_FORMAT,
                "holds no array named a \"small\" one");
    CHECK_OK(leat_variable_get(b.v[1], whole, sizeof whole));
    CHECK(whole[0] == 0 && whole[1] == 0); /* nothing was loaded */
    REQUIRE_OK(leat_variable_create(b.g, "halves", LEAT_DTYPE_F32, LEAT_DIMS(3), NULL, &more[0]));
    REQUIRE_OK(leat_variable_create(b.g, "bits", LEAT_DTYPE_BOOL, LEAT_DIMS(3), NULL, &more[1]));
    CHECK_FAILS(leat_variables_load(b.g, 1, more, path), LEAT_FORMAT,
                "halves is f64 (3, 1), the variable f32 (3)");
    CHECK_FAILS(leat_variables_save(b.g, 1, more + 1, path), LEAT_UNSUPPORTED, "bits is of bool");
    more[1] = b.v[0];
    CHECK_FAILS(leat_variables_save(b.g, 2, more, path), LEAT_INVALID,
                "two variables are named halves");
    CHECK_FAILS(leat_variables_save(b.g, 1, &none, path), LEAT_INVALID, "");
    CHECK_FAILS(leat_variables_save(b.g, 1, a.v, path), LEAT_INVALID, ""); /* of another graph */
    CHECK_OK(leat_variables_load(a.g, 2, a.v, path)); /* the file is what it was */
    leat_graph_destroy(a.g);
    leat_graph_destroy(b.g);
}

static leat_status there_and_back(leat_context *c, void *user)
{
    pair p;
    leat_status st = open_pair(c, &p, layers, 1);
    if (st == LEAT_OK) st = leat_network_save(p.n, user);
    if (st == LEAT_OK) st = leat_network_load(p.n, user);
    close_pair(&p);
    return st;
}

static leat_status three_there_and_back(leat_context *c, void *user)
{
    three x;
    leat_status st = open_three(c, &x, true);
    if (st == LEAT_OK) st = leat_variables_save(x.g, 3, x.v, user);
    if (st == LEAT_OK) st = leat_variables_load(x.g, 3, x.v, user);
    leat_graph_destroy(x.g);
    return st;
}

static void allocation_failures(leattest *t)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s", leattest_scratch("failing.safetensors"));
    leattest_fail_allocations(t, there_and_back, path);
    leattest_fail_allocations(t, three_there_and_back, path);
}

static const leattest_case list[] = {TEST(networks), TEST(any_variables), TEST(mistakes),
                                     TEST(allocation_failures)};

LEATTEST_MAIN(list)
