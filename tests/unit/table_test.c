/* Operations on tables, by their text form; larger tables against slow plain code. */
#include "support/frametext.h"

#include <leat/table.h>

#include "base/rng.h"
#include "frame/table_op.h"

static const char people[] = "name:t city:t age:i pay:n ok:b | ann rome 30 2.5 true | bob oslo . 1 "
                             "false | cyd rome 20 . true | dan . 40 4 . | eve oslo 20 3 true";

/* The table after one operation. */
static const char *after(leattest *t, const char *table, const char *op, const char *argument)
{
    leat_frame *f = frametext(t->context, table), *g = NULL;
    const char *shown = "";
    if (CHECK(f) && CHECK_OK(leat_table_apply(t->context, &g, f, op, argument)))
        shown = frametext_show(g);
    leat_frame_release(f);
    leat_frame_release(g);
    return shown;
}

static void fails(leattest *t, const char *op, const char *argument, leat_status status,
                  const char *words)
{
    leat_frame *f = frametext(t->context, people), *g;
    CHECK_FAILS(leat_table_apply(t->context, &g, f, op, argument), status, words);
    CHECK(!g);
    leat_frame_release(f);
}

static void columns(leattest *t)
{
    CHECK_STR(after(t, "a:i b:i c:i | 1 2 3", "select", "c, a"), "c a | 3 1");
    CHECK_STR(after(t, "a:i b:i c:i | 1 2 3", "drop", "b"), "a c | 1 3");
    CHECK_STR(after(t, "a:i b:i | 1 2", "rename", "b = a, `x y` = b"), "b x y | 1 2");
    CHECK_STR(after(t, "a:i | 1", "derive", "b = a + 1, a = b * 2"), "a b | 4 2");
}

static void rows(leattest *t)
{
    CHECK_STR(after(t, people, "filter", "age > 20 or pay >= 3"),
              "name city age pay ok | ann rome 30 2.5 true | dan . 40 4 . | eve oslo 20 3 true");
    CHECK_STR(after(t, "a:i | 1 | 2 | 3", "head", "2"), "a | 1 | 2");
    CHECK_STR(after(t, "a:i | 1 | 2 | 3", "tail", "1"), "a | 3");
    CHECK_STR(after(t, "a:i | 1 | 2 | 3", "head", "9"), "a | 1 | 2 | 3");
    CHECK_STR(after(t, "a:i b:i | 1 2 | 1 2 | 1 3 | 1 2", "dedupe", ""), "a b | 1 2 | 1 3");
    CHECK_STR(after(t, "a:i b:i | 1 2 | 1 2 | 2 3", "dedupe", "a"), "a b | 1 2 | 2 3");
    CHECK_STR(after(t, "a:i | 1", "filter", "a > 1"), "a");
}

static void sorting(leattest *t)
{
    CHECK_STR(after(t, people, "sort", "age, -name"),
              "name city age pay ok | eve oslo 20 3 true | cyd rome 20 . true | ann rome 30 2.5 "
              "true | dan . 40 4 . | bob oslo . 1 false");
    CHECK_STR(after(t, "x:n | 1 | -0 | . | -inf | inf | 0 | -2", "sort", "x"),
              "x | -inf | -2 | -0 | 0 | 1 | inf | .");
    CHECK_STR(after(t, "x:n | 1 | . | 3", "sort", "-x"), "x | 3 | 1 | .");
    CHECK_STR(after(t, "x:i | 9223372036854775807 | -1 | 9223372036854775806 | .", "sort", "-x"),
              "x | 9223372036854775807 | 9223372036854775806 | -1 | .");
    CHECK_STR(after(t, "s:t | b | ab | a | abc", "sort", "s"), "s | a | ab | abc | b");
}

static void grouping(leattest *t)
{
    CHECK_STR(after(t, people, "group", "city: n = count(), mean(age), sum(age), max(pay)"),
              "city n age_mean age_sum pay_max | rome 2 25 50 2.5 | oslo 2 20 20 3 | . 1 40 40 4");
    CHECK_STR(after(t, people, "group", "ok, city: count(pay)"),
              "ok city pay_count | true rome 1 | false oslo 1 | . . 1 | true oslo 1");
    CHECK_STR(after(t, people, "group", "city: first(name), last(pay), min(name), nunique(age)"),
              "city name_first pay_last name_min age_nunique | rome ann 2.5 ann 2 | oslo bob 3 bob "
              "1 | . dan 4 dan 1");
    CHECK_STR(after(t, "k:i x:n | 1 1 | 1 2 | 1 6 | 2 5 | 3 .", "group",
                    "k: var(x), median(x), quantile(x, 0.25), s = sum(x)"),
              "k x_var x_median x_quantile_0.25 s | 1 7 2 1.5 9 | 2 . 5 5 5 | 3 . "
              ". . 0");
    CHECK_STR(after(t, people, "group", "city"), "city count | rome 2 | oslo 2 | . 1");
    CHECK_STR(after(t, people, "count", "age"), "age count | 20 2 | 30 1 | . 1 | 40 1");
    CHECK_STR(after(t, "x:n | 0 | -0 | .", "count", "x"), "x count | 0 2 | . 1");
}

/* Infinities: what has no value is missing, as everywhere. */
/* Sums of whole numbers are exact wherever the total fits. */
static void long_sums(leattest *t)
{
    CHECK_STR(after(t, "k:i x:i | 1 9223372036854775807 | 1 1 | 1 -5 | 2 -9223372036854775808",
                    "group", "k: sum(x)"),
              "k x_sum | 1 9223372036854775803 | 2 -9223372036854775808");
    leat_frame *f = frametext(t->context, "k:i x:i | 1 -9223372036854775808 | 1 -1"), *g;
    CHECK_FAILS(leat_table_group(t->context, &g, f, "k: sum(x)"), LEAT_NUMERIC, "leaves 64 bits");
    leat_frame_release(f);
}

static void infinite(leattest *t)
{
    CHECK_STR(after(t, "k:i x:n | 1 inf | 1 -inf | 2 inf | 2 inf", "group",
                    "k: sum(x), mean(x), std(x), median(x), n = count(x)"),
              "k x_sum x_mean x_std x_median n | 1 . . . . 2 | 2 inf inf . inf 2");
    CHECK_STR(after(t, "x:n | inf | -inf | . | 0", "sort", "-x"), "x | inf | 0 | -inf | .");
}

static void pivoting(leattest *t)
{
    CHECK_STR(after(t, "r:t c:t v:i | a x 1 | a y 2 | b x 3 | a x 5", "pivot", "r: c: sum(v)"),
              "r x y | a 6 2 | b 3 .");
    CHECK_STR(after(t, "r:t c:t v:i | b . 1 | . x 2 | b x 3", "pivot", "r: c: count()"),
              "r missing x | b 1 1 | . . 1");
    CHECK_STR(after(t, "r:i c:b | 1 true | 1 false", "pivot", "r: c: count()"),
              "r true false | 1 1 1");
    CHECK_STR(
        after(t, "r:i c:i | 1 9007199254740993 | 1 9007199254740992", "pivot", "r: c: count()"),
        "r 9007199254740993 9007199254740992 | 1 1 1");
    CHECK_STR(after(t, "r:i c:d | 1 2024-02-29 | 1 2024-02-29T12:30:00", "pivot", "r: c: count()"),
              "r 2024-02-29 2024-02-29T12:30:00Z | 1 1 1");
    CHECK_STR(after(t, "r:i c:t v:i", "pivot", "r: c: sum(v)"), "r");
}

/* More key columns than bits of a word, with missing values of every kind. */
static void wide(leattest *t)
{
    enum { COLUMNS = 130, ROWS = 5 };
    leat_frame *f = leati_frame_create(t->context, ROWS), *g;
    for (size_t k = 0; k < COLUMNS; k++) {
        char name[16];
        leati_column *col = leati_column_create(t->context, LEAT_I64, ROWS);
        REQUIRE(col);
        for (size_t i = 0; i < ROWS; i++) col->i64[i] = (int64_t)(i % 2) << 60;
        if (k == 70) REQUIRE_OK(leati_column_set_missing(t->context, col, 2));
        if (k == 71) REQUIRE_OK(leati_column_set_missing(t->context, col, 4));
        snprintf(name, sizeof name, "c%zu", k);
        REQUIRE_OK(leati_frame_add(t->context, f, name, col));
    }
    REQUIRE_OK(leat_table_dedupe(t->context, &g, f, ""));
    CHECK_INT(g->rows, 4); /* row 3 repeats row 1; 2 and 4 lack different values */
    leat_frame_release(g);
    leat_frame_release(f);
}

static void filling(leattest *t)
{
    static const char gaps[] = "a:n b:i c:t | 1 . x | . 4 . | 4 5 y | . 4 y";
    CHECK_STR(after(t, gaps, "impute", "mean(a), mode(c)"),
              "a b c | 1 . x | 2.5 4 y | 4 5 y | 2.5 4 y");
    CHECK_STR(after(t, gaps, "impute", "median(), constant('none')"),
              "a b c | 1 4 x | 2.5 4 none | 4 5 y | 2.5 4 y");
    CHECK_STR(after(t, gaps, "impute", "constant(-1, b), forward(a, c)"),
              "a b c | 1 -1 x | 1 4 x | 4 5 y | 4 4 y");
    CHECK_STR(after(t, "a:i | 1 | . | 2", "impute", "mean(a)"), "a | 1 | 1.5 | 2");
    leat_frame *f = frametext(t->context, "a:i | 1"), *g; /* refused also without gaps */
    CHECK_FAILS(leat_table_impute(t->context, &g, f, "constant('x', a)"), LEAT_INVALID,
                "'a' is whole");
    leat_frame_release(f);
}

static void coding(leattest *t)
{
    CHECK_STR(after(t, "s:t n:i | b 1 | a 2 | . 3 | b 4", "encode", "onehot(s)"),
              "s_a s_b n | 0 1 1 | 1 0 2 | 0 0 3 | 0 1 4");
    CHECK_STR(after(t, "s:t n:i | b 10 | a 2 | . 3", "encode", "ordinal()"),
              "s n | 1 10 | 0 2 | . 3");
    CHECK_STR(after(t, "n:i | 10 | 2 | 10", "encode", "onehot(n)"), "n_2 n_10 | 0 1 | 1 0 | 0 1");
    CHECK_STR(after(t, "a:n | 1 | 3 | . | 5", "scale", "minmax(a)"), "a | 0 | 0.5 | . | 1");
    CHECK_STR(after(t, "a:n b:t | -1 x | 1 y", "scale", "standard()"), "a b | -1 x | 1 y");
    CHECK_STR(after(t, "a:i | 1 | 2 | 3 | 4 | 100", "scale", "robust(a)"),
              "a | -1 | -0.5 | 0 | 0.5 | 48.5");
    CHECK_STR(after(t, "a:n | 7 | 7", "scale", "standard()"), "a | 0 | 0");
    CHECK_STR(after(t, "n:i | 9007199254740993 | 9007199254740992", "encode", "onehot(n)"),
              "n_9007199254740992 n_9007199254740993 | 0 1 | 1 0");
    CHECK_STR(after(t, "b:b | true | false", "encode", "onehot(b)"), "b_false b_true | 0 1 | 1 0");
    CHECK_STR(after(t, "a:n | inf | 1 | 2", "scale", "minmax(a)"), "a | . | 0 | 0");
    /* 0.1 three times has the mean 0.10000000000000002, and still no spread. */
    leat_frame *f = frametext(t->context, "a:n | 0.1 | 0.1 | 0.1"), *g;
    REQUIRE_OK(leat_table_scale(t->context, &g, f, "standard(a)"));
    for (size_t i = 0; i < 3; i++) CHECK_NEAR(g->column[0]->f64[i], 0, 0, 1e-15);
    leat_frame_release(f);
    leat_frame_release(g);
}

static const char *joined(leattest *t, const char *keys, leat_join how)
{
    leat_frame *l = frametext(t->context, "k:t v:i | a 1 | b 2 | a 3 | . 4 | d 5");
    leat_frame *r = frametext(t->context, "k:t v:i w:n | b 7 0.5 | a 8 1.5 | a 9 2.5 | . 10 3 | e "
                                          "11 4");
    leat_frame *g = NULL;
    const char *shown = "";
    if (CHECK(l && r) && CHECK_OK(leat_table_join_frames(t->context, &g, l, r, keys, how)))
        shown = frametext_show(g);
    leat_frame_release(l);
    leat_frame_release(r);
    leat_frame_release(g);
    return shown;
}

static void joining(leattest *t)
{
    CHECK_STR(joined(t, "k", LEAT_JOIN_INNER),
              "k v v_right w | a 1 8 1.5 | a 1 9 2.5 | b 2 7 0.5 | a 3 8 1.5 | a 3 9 2.5");
    CHECK_STR(joined(t, "k", LEAT_JOIN_LEFT),
              "k v v_right w | a 1 8 1.5 | a 1 9 2.5 | b 2 7 0.5 | a 3 8 1.5 | a 3 9 2.5 | . 4 . . "
              "| d 5 . .");
    CHECK_STR(joined(t, "k", LEAT_JOIN_RIGHT),
              "k v v_right w | a 1 8 1.5 | a 1 9 2.5 | b 2 7 0.5 | a 3 8 1.5 | a 3 9 2.5 | . . 10 "
              "3 | e . 11 4");
    CHECK_STR(joined(t, "k", LEAT_JOIN_ANTI), "k v | . 4 | d 5");
    CHECK_STR(joined(t, "v = v, k", LEAT_JOIN_OUTER),
              "k v w | a 1 . | b 2 . | a 3 . | . 4 . | d 5 . | b 7 0.5 | a 8 1.5 | a 9 2.5 | . 10 "
              "3 | e 11 4");
    leat_frame *f = frametext(t->context, people), *g;
    CHECK_FAILS(leat_table_join_frames(t->context, &g, f, f, "name = age", LEAT_JOIN_INNER),
                LEAT_TYPE, "'name' is text|'age' of the other table is whole");
    CHECK_FAILS(leat_table_join_frames(t->context, &g, f, f, "name = agee", LEAT_JOIN_INNER),
                LEAT_NOT_FOUND, "the table to join|'agee'|Did you mean 'age'");
    leat_frame_release(f);
    /* Whole numbers meet numbers exactly, also where numbers are further than 1 apart. */
    f = frametext(t->context, "k:i v:i | 9007199254740993 1 | 9007199254740992 2 | 3 4 | . 5");
    leat_frame *numbers =
        frametext(t->context, "k:n w:i | 9007199254740992 7 | 3.5 8 | 3 9 | . 10 | 1e300 11");
    REQUIRE_OK(leat_table_join_frames(t->context, &g, f, numbers, "k", LEAT_JOIN_INNER));
    CHECK_STR(frametext_show(g), "k v w | 9007199254740992 2 7 | 3 4 9");
    leat_frame_release(g);
    REQUIRE_OK(leat_table_join_frames(t->context, &g, numbers, f, "k", LEAT_JOIN_ANTI));
    CHECK_STR(frametext_show(g), "k w | 3.5 8 | . 10 | 1e300 11");
    leat_frame_release(g);
    leat_frame_release(numbers);
    leat_frame_release(f);
    f = frametext(t->context, "k:i v:i v_right:i | 1 2 3");
    CHECK_FAILS(leat_table_join_frames(t->context, &g, f, f, "k", LEAT_JOIN_INNER), LEAT_INVALID,
                "two columns 'v_right'|rename 'v'");
    int64_t whole;
    CHECK(leat_frame_whole(f, 1, 0, &whole) && whole == 2 && !leat_frame_whole(f, 3, 0, &whole));
    leat_frame_release(f);
    /* 10^10 pairs are refused without visiting them */
    leati_column *one = leati_column_create(t->context, LEAT_I64, 100000);
    f = leati_frame_create(t->context, 100000);
    REQUIRE_OK(leati_frame_add(t->context, f, "k", one));
    CHECK_FAILS(leat_table_join_frames(t->context, &g, f, f, "k", LEAT_JOIN_OUTER), LEAT_LIMIT,
                "10000000000 rows");
    REQUIRE_OK(leat_table_join_frames(t->context, &g, f, f, "k", LEAT_JOIN_ANTI));
    CHECK_INT(g->rows, 0);
    leat_frame_release(g);
    leat_frame_release(f);
    fails(t, "join", "x.csv", LEAT_INVALID, "FILE [with OPTIONS] on KEYS");
    fails(t, "join", "x.csv on name how upper", LEAT_INVALID, "no join 'upper'");
}

static void concatenating(leattest *t)
{
    leat_frame *a = frametext(t->context, "x:i s:t q:b | 1 u true | . v false");
    leat_frame *b = frametext(t->context, "s:t x:n z:i q:i | v 2.5 9 3"), *g;
    REQUIRE_OK(leat_table_concat_frames(t->context, &g, a, b));
    CHECK_STR(frametext_show(g), "x s q z | 1 u 1 . | . v 0 . | 2.5 v 3 9");
    leat_frame_release(g);
    leat_frame_release(b);
    b = frametext(t->context, "x:t | w");
    REQUIRE_OK(leat_table_concat_frames(t->context, &g, a, b));
    CHECK_STR(frametext_show(g), "x s q | 1 u true | . v false | w . .");
    leat_frame_release(g);
    leat_frame *d = frametext(t->context, "x:d | 2024-02-29 | 2024-02-29T12:30:00.25");
    REQUIRE_OK(leat_table_concat_frames(t->context, &g, b, d));
    CHECK_STR(frametext_show(g), "x | w | 2024-02-29 | 2024-02-29T12:30:00.25Z");
    leat_frame_release(g);
    leat_frame_release(d);
    leat_frame_release(a);
    leat_frame_release(b);
}

static leat_frame *numbered(leat_context *c, size_t rows)
{
    leat_frame *f = leati_frame_create(c, rows);
    leati_column *a = leati_column_create(c, LEAT_I64, rows);
    leati_column *k = leati_column_create(c, LEAT_I64, rows);
    leati_column *x = leati_column_create(c, LEAT_F64, rows);
    leati_rng rng;
    leati_rng_init(&rng, 5, LEATI_RNG_TEST, 0);
    for (size_t i = 0; a && k && x && i < rows; i++) {
        a->i64[i] = (int64_t)i;
        k->i64[i] = (int64_t)leati_rng_below(&rng, 5000) * 1000003;
        x->f64[i] = leati_rng_normal(&rng);
    }
    if (leati_frame_add(c, f, "a", a) || leati_frame_add(c, f, "k", k) ||
        leati_frame_add(c, f, "x", x))
        return NULL;
    return f;
}

static void random_rows(leattest *t)
{
    enum { ROWS = 10000 };
    leat_context *c = t->context;
    leat_frame *f = numbered(c, ROWS), *g = NULL, *h = NULL;
    REQUIRE(f);
    REQUIRE_OK(leat_table_sample(c, &g, f, "10%"));
    CHECK_INT(g->rows, 1000);
    bool ascending = true;
    for (size_t i = 1; i < g->rows; i++)
        ascending = ascending && g->column[0]->i64[i] > g->column[0]->i64[i - 1];
    CHECK(ascending);
    leat_frame_release(g);
    REQUIRE_OK(leat_table_shuffle(c, &g, f, ""));
    REQUIRE_OK(leat_table_sort(c, &h, g, "a"));
    char x[65], y[65], z[65];
    leati_frame_hash(f, x);
    leati_frame_hash(g, y);
    leati_frame_hash(h, z);
    CHECK(strcmp(x, y) != 0 && strcmp(x, z) == 0);
    leat_frame_release(g);
    leat_frame_release(h);
    REQUIRE_OK(leat_table_split(c, &g, &h, f, "0.25"));
    CHECK_INT(g->rows, 7500);
    CHECK_INT(h->rows, 2500);
    leat_frame_release(g);
    leat_frame_release(h);
    leat_frame_release(f);
    f = frametext(c, "s:t | a | a | a | a | b | b | a | a | a | a");
    REQUIRE_OK(leat_table_split(c, &g, &h, f, "50% by s"));
    int first_b = 0, second_b = 0;
    for (size_t i = 0; i < 5; i++) {
        first_b += g->column[0]->codes[i] == 1;
        second_b += h->column[0]->codes[i] == 1;
    }
    CHECK(g->rows == 5 && h->rows == 5 && first_b == 1 && second_b == 1);
    leat_frame_release(g);
    leat_frame_release(h);
    CHECK_FAILS(leat_table_split(c, &g, &h, f, "1.5"), LEAT_INVALID, "between 0 and 1");
    leat_frame_release(f);
}

/* Hashed groups and radix sorts of more rows than a chunk, against plain loops, at 1 to 3 threads.
 */
static void large(leattest *t)
{
    enum { ROWS = 300000, KEYS = 5000 };
    char first[65] = "", hash[65];
    for (unsigned threads = 1; threads <= 3; threads++) {
        leat_context_options o = leat_context_options_default();
        leat_context *c;
        leat_frame *f, *g, *h;
        o.threads = threads;
        REQUIRE(leat_context_create(&c, &o) == LEAT_OK);
        f = numbered(c, ROWS);
        REQUIRE_OK(leat_table_group(c, &g, f, "k: count(), mean(x), std(x), median(x), first(a)"));
        double *sum = calloc(KEYS, sizeof *sum);
        long *count = calloc(KEYS, sizeof *count);
        for (size_t i = 0; i < ROWS; i++) {
            size_t k = (size_t)(f->column[1]->i64[i] / 1000003);
            sum[k] += f->column[2]->f64[i];
            count[k]++;
        }
        CHECK_INT(g->rows, KEYS);
        bool same = true;
        for (size_t i = 0; i < g->rows; i++) {
            size_t k = (size_t)(g->column[0]->i64[i] / 1000003);
            same = same && g->column[1]->i64[i] == count[k] &&
                   fabs(g->column[2]->f64[i] - sum[k] / (double)count[k]) < 1e-12 &&
                   (i == 0 || g->column[5]->i64[i] > g->column[5]->i64[i - 1]);
        }
        CHECK(same);
        leati_frame_hash(g, hash);
        if (!first[0]) strcpy(first, hash);
        CHECK_STR(hash, first);
        REQUIRE_OK(leat_table_sort(c, &h, f, "-x"));
        for (size_t i = 1; same && i < ROWS; i++)
            same = h->column[2]->f64[i] <= h->column[2]->f64[i - 1];
        CHECK(same);
        free(sum);
        free(count);
        leat_frame_release(f);
        leat_frame_release(g);
        leat_frame_release(h);
        leat_context_destroy(c);
    }
}

/* Groups by keys of few values: against plain loops, the same at 1 to 4 threads. */
static void few_keys(leattest *t)
{
    enum { ROWS = 300000, VALUES = 700, KEYS = 7 * VALUES };
    char first[65] = "", hash[65];
    for (unsigned threads = 1; threads <= 4; threads++) {
        leat_context_options o = leat_context_options_default();
        leat_context *c;
        leat_frame *f, *g, *h;
        leati_groups groups;
        size_t keys[2] = {1, 3}, next = 0;
        o.threads = threads;
        REQUIRE(leat_context_create(&c, &o) == LEAT_OK);
        f = numbered(c, ROWS);
        REQUIRE_OK(leat_table_derive(c, &g, f,
                                     "k = if(k // 1000003 % 701 == 700, missing, k // 1000003 % "
                                     "701), s = 'text ' + text(a * 31 // 8 % 7)"));
        REQUIRE_OK(leati_groups_make(c, &groups, g, keys, 2));
        uint32_t *number = calloc(KEYS + 7, sizeof *number); /* of a group + 1 */
        bool same = true;
        for (size_t i = 0; i < ROWS; i++) {
            size_t k = leati_valid(g->column[1], i) ? (size_t)g->column[1]->i64[i] : VALUES;
            uint32_t *known = &number[7 * k + g->column[3]->codes[i]];
            if (!*known) {
                same = same && groups.first[next] == i;
                *known = (uint32_t)++next;
            }
            same = same && groups.of[i] == *known - 1;
        }
        CHECK(same && next == groups.count && next > 4000);
        REQUIRE_OK(leat_table_group(c, &h, g, "k, s: count(), sum(x), last(a)"));
        leati_frame_hash(h, hash);
        if (!first[0]) strcpy(first, hash);
        CHECK_STR(hash, first);
        free(number);
        leati_groups_free(&groups);
        leat_frame_release(f);
        leat_frame_release(g);
        leat_frame_release(h);
        leat_context_destroy(c);
    }
}

static void refusals(leattest *t)
{
    fails(t, "selct", "name", LEAT_INVALID, "no operation 'selct'|did you mean 'select'");
    fails(t, "select", "nam", LEAT_NOT_FOUND, "'nam'|Did you mean 'name'");
    fails(t, "select", "", LEAT_INVALID, "the name of a column was expected");
    fails(t, "select", "name, name", LEAT_INVALID, "named twice");
    fails(t, "select", "name city", LEAT_INVALID, "nothing was expected|\n       ^");
    fails(t, "rename", "city = name", LEAT_INVALID, "two columns are named 'city'");
    fails(t, "rename", "a = name, b = name", LEAT_INVALID, "'name' is renamed twice");
    fails(t, "filter", "age", LEAT_INVALID, "true or false|whole|> 0|\n  age\n  ^");
    fails(t, "filter", "1", LEAT_INVALID, "true or false|whole");
    fails(t, "filter", "name", LEAT_INVALID, "text|== \"yes\"");
    fails(t, "filter", "age >", LEAT_INVALID, "a value was expected");
    fails(t, "sort", "-", LEAT_INVALID, "column");
    fails(t, "group", "city: avg(age)", LEAT_INVALID, "no aggregate 'avg'|mean");
    fails(t, "group", "city: mean(name)", LEAT_INVALID, "mean(name)|text");
    fails(t, "group", "city: mean()", LEAT_INVALID, "'mean' needs a column");
    fails(t, "group", "city: quantile(age, 2)", LEAT_INVALID, "from 0 to 1");
    fails(t, "impute", "guess(age)", LEAT_INVALID, "no way 'guess'");
    fails(t, "impute", "constant(age)", LEAT_INVALID, "its value first");
    fails(t, "impute", "constant('x', age)", LEAT_INVALID, "'age' is whole");
    fails(t, "impute", "mean(name)", LEAT_INVALID, "mean(name)");
    fails(t, "encode", "hot(name)", LEAT_INVALID, "no encoding 'hot'");
    fails(t, "scale", "standard(name)", LEAT_INVALID, "'name' is text");
    fails(t, "scale", "z(age)", LEAT_INVALID, "no scaling 'z'");
    fails(t, "head", "x", LEAT_INVALID, "a number of rows");
    fails(t, "shuffle", "1", LEAT_INVALID, "no argument");
    fails(t, "concat", "nowhere", LEAT_NOT_FOUND, "nowhere");
}

typedef struct step {
    const char *op, *argument;
} step;

static leat_status body(leat_context *c, void *arg)
{
    const step *s = arg;
    leat_frame *f = frametext(c, people), *g = NULL;
    leat_status st = f ? leat_table_apply(c, &g, f, s->op, s->argument) : LEAT_NOMEM;
    leat_frame_release(f);
    leat_frame_release(g);
    return st;
}

static leat_status join_body(leat_context *c, void *arg)
{
    leat_frame *f = frametext(c, people), *r = frametext(c, "city:t age:n z:i | rome 20 1 | x . 2");
    leat_frame *g = NULL, *h = NULL, *i = NULL, *j = NULL;
    leat_status st = f && r ? LEAT_OK : LEAT_NOMEM;
    (void)arg;
    if (st == LEAT_OK) st = leat_table_join_frames(c, &g, f, r, "city, age", LEAT_JOIN_OUTER);
    if (st == LEAT_OK) st = leat_table_concat_frames(c, &h, f, r);
    if (st == LEAT_OK) st = leat_table_split(c, &i, &j, f, "50% by ok");
    leat_frame *all[] = {f, r, g, h, i, j};
    for (int k = 0; k < 6; k++) leat_frame_release(all[k]);
    return st;
}

/* The argument names the file with its options. */
static leat_status file_body(leat_context *c, void *arg)
{
    leat_frame *f = frametext(c, "k:t v:i | 7 1 | 8 2"), *g = NULL, *h = NULL;
    leat_status st = f ? LEAT_OK : LEAT_NOMEM;
    if (st == LEAT_OK) st = leat_table_join(c, &g, f, arg);
    char *end = st == LEAT_OK ? strstr(arg, " on ") : NULL, file[400];
    if (end) snprintf(file, sizeof file, "%.*s", (int)(end - (char *)arg), (char *)arg);
    if (end) st = leat_table_concat(c, &h, f, file);
    leat_frame_release(f);
    leat_frame_release(g);
    leat_frame_release(h);
    return st;
}

static void files(leattest *t)
{
    char argument[400], whole[400];
    const char *path = leattest_scratch("prices.csv");
    FILE *to = fopen(path, "w");
    REQUIRE(to);
    fputs("k;price\n7;1,5\n8;x\n", to);
    fclose(to);
    leat_frame *f = frametext(t->context, "k:t v:i | 7 1 | 8 2"), *g;
    snprintf(argument, sizeof argument, "%s with delimiter=; missing='x,\"' decimal=, on k", path);
    REQUIRE_OK(leat_table_join(t->context, &g, f, argument));
    CHECK_STR(frametext_show(g), "k v price | 7 1 1.5 | 8 2 .");
    leat_frame_release(g);
    snprintf(whole, sizeof whole, "%s with delimiter=; columns=k", path);
    CHECK_FAILS(leat_table_concat(t->context, &g, f, whole), LEAT_INVALID, "option 'columns'");
    snprintf(whole, sizeof whole, "%s with delimiter=; missing='x", path);
    CHECK_FAILS(leat_table_concat(t->context, &g, f, whole), LEAT_INVALID, "never closed");
    snprintf(whole, sizeof whole, "%s with delimiter=; fast", path);
    CHECK_FAILS(leat_table_concat(t->context, &g, f, whole), LEAT_INVALID, "'fast'|NAME=VALUE");
    snprintf(whole, sizeof whole, "%s with fast", path); /* a name like any other */
    CHECK_FAILS(leat_table_concat(t->context, &g, f, whole), LEAT_NOT_FOUND, "with fast");
    leat_frame_release(f);
    leattest_fail_allocations(t, file_body, argument);
}

static void allocations(leattest *t)
{
    static step steps[] = {{"select", "name, age"},
                           {"drop", "ok"},
                           {"rename", "x = age"},
                           {"filter", "age > 20"},
                           {"derive", "x = age * 2, y = upper(name)"},
                           {"sort", "city, -age"},
                           {"group", "city, pay: mean(age), median(pay), min(name), std(age)"},
                           {"count", "city"},
                           {"pivot", "city: ok: sum(age)"},
                           {"impute", "mean(pay), mode(city), constant(1, age)"},
                           {"encode", "onehot(city), ordinal(name)"},
                           {"scale", "standard(age), robust(pay)"},
                           {"dedupe", ""},
                           {"sample", "2"},
                           {"shuffle", ""},
                           {"tail", "2"}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        leattest_fail_allocations(t, body, &steps[i]);
    leattest_fail_allocations(t, join_body, NULL);
}

static void listed(leattest *t)
{
    size_t n = 0;
    const char *argument, *doc;
    while (leat_table_op(n, &argument, &doc)) {
        CHECK(argument && doc && *doc);
        n++;
    }
    CHECK_INT(n, 19);
    CHECK_STR(leat_table_aggregate(2), "mean");
    CHECK(!leat_table_aggregate(12));
}

static const leattest_case cases[] = {
    TEST(columns),  TEST(long_sums),     TEST(rows),        TEST(sorting), TEST(grouping),
    TEST(infinite), TEST(pivoting),      TEST(wide),        TEST(filling), TEST(coding),
    TEST(joining),  TEST(concatenating), TEST(random_rows), TEST(large),   TEST(few_keys),
    TEST(refusals), TEST(files),         TEST(allocations), TEST(listed),
};
LEATTEST_MAIN(cases)
