/* Tensors of texts: columns, tokens, vocabularies, their way into a graph. */
#include <leat/function.h>
#include <leat/read.h>
#include <leat/text.h>

#include "base/file.h"
#include "support/leattest.h"

static leat_texts *texts_of(leattest *t, size_t count, const char *const *texts)
{
    leat_texts *x = NULL;
    CHECK_OK(leat_texts_create(t->context, LEAT_DIMS((int64_t)count), texts, &x));
    return x;
}

static void expect(leattest *t, const leat_texts *x, size_t first, size_t count,
                   const char *const *want)
{
    for (size_t i = 0; i < count; i++) {
        const char *got = leat_texts_at(x, first + i);
        if (want[i] && CHECK(got)) CHECK_STR(got, want[i]);
        if (!want[i]) CHECK(!got);
    }
}

static void elements(leattest *t)
{
    const char *const texts[] = {"b", "a", NULL, "b", "", "a b"};
    leat_texts *x;
    REQUIRE_OK(leat_texts_create(t->context, LEAT_DIMS(2, 3), texts, &x));
    CHECK_INT(leat_texts_shape(x).rank, 2);
    CHECK_INT(leat_texts_shape(x).dim[1], 3);
    expect(t, x, 0, 6, texts);
    CHECK(!leat_texts_at(x, 6));
    leat_texts_destroy(x);
    CHECK_FAILS(leat_texts_create(t->context, LEAT_DIMS(-1), texts, &x), LEAT_SHAPE, "-1");
}

static void words(leattest *t)
{
    const char *const texts[] = {"The mill's wheel turns, 3x.", " ", NULL, "caf\xc3\xa9 'tis_so'"};
    const char *const want[4][7] = {{"the", "mill's", "wheel", "turns", ",", "3x", "."},
                                    {NULL},
                                    {NULL},
                                    {"caf\xc3\xa9", "'", "tis_so", "'", NULL, NULL, NULL}};
    leat_texts *x = texts_of(t, 4, texts), *y;
    leat_token_options o = leat_token_options_default();
    REQUIRE(x);
    o.lower = true;
    REQUIRE_OK(leat_texts_tokens(t->context, x, &o, &y));
    CHECK_INT(leat_texts_shape(y).rank, 2);
    CHECK_INT(leat_texts_shape(y).dim[1], 7);
    for (size_t i = 0; i < 4; i++) expect(t, y, i * 7, 7, want[i]);
    leat_texts_destroy(y);
    o.length = 2;
    o.lower = false;
    REQUIRE_OK(leat_texts_tokens(t->context, x, &o, &y));
    CHECK_INT(leat_texts_shape(y).dim[1], 2);
    expect(t, y, 0, 2, (const char *const[]){"The", "mill's"});
    leat_texts_destroy(y);
    leat_texts_destroy(x);
}

static void characters(leattest *t)
{
    /* one, two, three and four bytes; then bytes that are no UTF-8 */
    const char *const texts[] = {"a\xc3\xa4\xe2\x82\xac\xf0\x9f\x8c\x8a", "\xa4\xff\xc3"};
    const char *const want[2][4] = {{"a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x8c\x8a"},
                                    {"\xa4", "\xff", "\xc3", NULL}};
    leat_texts *x = texts_of(t, 2, texts), *y;
    leat_token_options o = leat_token_options_default();
    REQUIRE(x);
    o.unit = LEAT_TOKEN_CHARACTER;
    REQUIRE_OK(leat_texts_tokens(t->context, x, &o, &y));
    CHECK_INT(leat_texts_shape(y).dim[1], 4);
    for (size_t i = 0; i < 2; i++) expect(t, y, i * 4, 4, want[i]);
    leat_texts_destroy(y);
    o.unit = (leat_token_unit)7;
    CHECK_FAILS(leat_texts_tokens(t->context, x, &o, &y), LEAT_INVALID, "7");
    leat_texts_destroy(x);
}

static void vocabularies(leattest *t)
{
    const char *const texts[] = {"c", "a", "b", "a", NULL, "c", "ab", "a"};
    const char *const order[] = {"a", "c", "ab", "b"};
    leat_texts *x = texts_of(t, 8, texts);
    leat_vocabulary *v;
    REQUIRE(x);
    REQUIRE_OK(leat_vocabulary_create(t->context, x, 0, &v));
    CHECK_INT(leat_vocabulary_size(v), 6);
    for (int k = 0; k < 4; k++) {
        CHECK_STR(leat_vocabulary_text(v, k + 2), order[k]);
        CHECK_INT(leat_vocabulary_find(v, order[k]), k + 2);
    }
    CHECK(!leat_vocabulary_text(v, 0) && !leat_vocabulary_text(v, 1));
    CHECK(!leat_vocabulary_text(v, 6) && !leat_vocabulary_text(v, -1));
    CHECK_INT(leat_vocabulary_find(v, "zebra"), LEAT_ID_UNKNOWN);
    CHECK_INT(leat_vocabulary_find(v, NULL), LEAT_ID_MISSING);
    leat_vocabulary_destroy(v);
    REQUIRE_OK(leat_vocabulary_create(t->context, x, 2, &v));
    CHECK_INT(leat_vocabulary_size(v), 4);
    CHECK_INT(leat_vocabulary_find(v, "b"), LEAT_ID_UNKNOWN);
    leat_vocabulary_destroy(v);
    leat_texts_destroy(x);
}

static void into_a_graph(leattest *t)
{
    const char *const learned[] = {"red", "red", "blue"};
    const char *const seen[] = {"blue", "green", NULL, "red", "blue", "red"};
    const int64_t want[] = {3, 1, 0, 2, 3, 2};
    leat_context *c = t->context;
    leat_texts *a = texts_of(t, 3, learned), *b;
    leat_vocabulary *v;
    leat_graph *g;
    int64_t ids[6];
    float ones[6 * 4];
    REQUIRE_OK(leat_texts_create(c, LEAT_DIMS(2, 3), seen, &b));
    REQUIRE_OK(leat_vocabulary_create(c, a, 0, &v));
    REQUIRE_OK(leat_graph_create(c, NULL, &g));
    leat_tensor *roots[] = {leat_texts_lookup(g, b, v),
                            leat_texts_one_hot(g, b, v, LEAT_DTYPE_F32)};
    REQUIRE_OK(leat_run(g, 2, roots));
    CHECK_INT(leat_tensor_shape(roots[0]).dim[1], 3);
    CHECK_INT(leat_tensor_shape(roots[1]).rank, 3);
    REQUIRE_OK(leat_get(roots[0], ids, sizeof ids));
    REQUIRE_OK(leat_get(roots[1], ones, sizeof ones));
    for (size_t i = 0; i < 6; i++) {
        CHECK_INT(ids[i], want[i]);
        for (int64_t k = 0; k < 4; k++) CHECK(ones[i * 4 + (size_t)k] == (k == want[i] ? 1 : 0));
    }
    leat_graph_destroy(g);
    leat_vocabulary_destroy(v);
    leat_texts_destroy(a);
    leat_texts_destroy(b);
}

/* ---- a column of text, tokens, numbers: with allocations that fail -----------------------------
 */

static leat_status journey(leat_context *c, void *arg)
{
    leat_frame *f = arg;
    leat_texts *x = NULL, *y = NULL;
    leat_vocabulary *v = NULL;
    leat_graph *g = NULL;
    leat_status st = leat_texts_column(c, f, 0, &x);
    leat_token_options o = leat_token_options_default();
    o.lower = true;
    if (st == LEAT_OK) st = leat_texts_tokens(c, x, &o, &y);
    if (st == LEAT_OK) st = leat_vocabulary_create(c, y, 0, &v);
    if (st == LEAT_OK) st = leat_graph_create(c, NULL, &g);
    if (st == LEAT_OK) {
        leat_tensor *ids = leat_texts_lookup(g, y, v);
        st = leat_run(g, 1, &ids);
    }
    leat_graph_destroy(g);
    leat_vocabulary_destroy(v);
    leat_texts_destroy(y);
    leat_texts_destroy(x);
    return st;
}

static void columns(leattest *t)
{
    static const char text[] = "say,n\nto be or not,1\n,2\nto be,3\nto be,4\n";
    const char *path = leattest_scratch("say.csv");
    leat_frame *f;
    leat_texts *x;
    REQUIRE_OK(leati_file_write(t->context, path, text, sizeof text - 1));
    REQUIRE_OK(leat_frame_read(t->context, &f, path, NULL));
    CHECK_FAILS(leat_texts_column(t->context, f, 1, &x), LEAT_TYPE, "column n");
    CHECK_FAILS(leat_texts_column(t->context, f, 2, &x), LEAT_NOT_FOUND, "column 2");
    REQUIRE_OK(leat_texts_column(t->context, f, 0, &x));
    leattest_fail_allocations(t, journey, f);
    leat_frame_release(f); /* the texts outlive it */
    expect(t, x, 0, 4, (const char *const[]){"to be or not", NULL, "to be", "to be"});
    leat_texts_destroy(x);
}

static const leattest_case cases[] = {TEST(elements),     TEST(words),        TEST(characters),
                                      TEST(vocabularies), TEST(into_a_graph), TEST(columns)};
LEATTEST_MAIN(cases)
