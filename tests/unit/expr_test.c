/* Expressions: values, missing values, types, errors and where they point. */
#include "support/frametext.h"

#include <leat/table.h>

#include "frame/expr.h"

static const char table[] =
    "a:i b:n s:t t:d q:b | 7 2.5 Paris 2024-02-29 true | -7 . rome 1969-12-31T23:59:59.5 false | "
    ". 0 . . .";

/* The expression's values over the table's rows: "1 . 3". */
static const char *values(leattest *t, const char *expression)
{
    static char out[1024];
    leat_frame *f = frametext(t->context, table);
    leati_expr *e = NULL;
    out[0] = '\0';
    if (CHECK(f) && CHECK_OK(leati_expr_compile(t->context, &e, f, expression))) {
        leati_column *col = leati_expr_column(t->context, e, f);
        leat_frame *one = leati_frame_create(t->context, f->rows);
        if (CHECK_OK(leati_frame_add(t->context, one, "x", col))) {
            const char *shown = frametext_show(one) + 4;
            size_t n = 0;
            for (; *shown && n + 1 < sizeof out; shown++)
                if (*shown != '|' && !(*shown == ' ' && shown[1] == '|')) out[n++] = *shown;
            out[n] = '\0';
        }
        leat_frame_release(one);
    }
    leati_expr_destroy(e);
    leat_frame_release(f);
    return out;
}

static void arithmetic(leattest *t)
{
    CHECK_STR(values(t, "a + 1"), "8 -6 .");
    CHECK_STR(values(t, "a / 2"), "3.5 -3.5 .");
    CHECK_STR(values(t, "a // 2"), "3 -4 .");
    CHECK_STR(values(t, "a % 3"), "1 2 .");
    CHECK_STR(values(t, "a // 0"), ". . .");
    CHECK_STR(values(t, "-a ^ 2"), "-49 -49 .");
    CHECK_STR(values(t, "2 ^ 3 ^ 2"), "512 512 512");
    CHECK_STR(values(t, "1 + 2 * 3 - (4 - 5) - 6"), "2 2 2");
    CHECK_STR(values(t, "b * 2 + q"), "6 . .");
    CHECK_STR(values(t, "b / 0"), "inf . .");
    CHECK_STR(values(t, "9223372036854775807 + a < 0"), ". false .");
    CHECK_STR(values(t, "9223372036854775807 * a"), ". . .");
    CHECK_STR(values(t, "1e3 + .5"), "1000.5 1000.5 1000.5");
    CHECK_STR(values(t, "1.0 // 0.1"), "9 9 9"); /* as Python: 0.1 is above a tenth */
    CHECK_STR(values(t, "1.0 % 0.1 > 0.0999"), "true true true");
    CHECK_STR(values(t, "a * 1.0 % (1 / 0)"), "7 inf .");
    CHECK_STR(values(t, "a * 1.0 // (1 / 0)"), "0 -1 .");
    CHECK_STR(values(t, "a * 1.0 // 0"), "inf -inf .");
    CHECK_STR(values(t, "round(a * 1234.5, -2)"), "8600 -8600 .");
    CHECK_STR(values(t, "round(2.675, 2) + round(43.0, -400)"), "2.68 2.68 2.68");
}

static void logic(leattest *t)
{
    CHECK_STR(values(t, "a > 0"), "true false .");
    CHECK_STR(values(t, "a = 7 or q"), "true false .");
    CHECK_STR(values(t, "missing and false"), "false false false");
    CHECK_STR(values(t, "is_missing(b) or a > 0"), "true true .");
    CHECK_STR(values(t, "not q and a < 0"), "false true .");
    CHECK_STR(values(t, "a in (7, 8)"), "true false .");
    CHECK_STR(values(t, "s not in ('Paris')"), "false true .");
    CHECK_STR(values(t, "s == 'Paris' or s < \"Q\""), "true false .");
    CHECK_STR(values(t, "if(a > 0, 'up', s)"), "up rome .");
    CHECK_STR(values(t, "if(q, a, b)"), "7 . .");
    CHECK_STR(values(t, "coalesce(b, a, 3)"), "2.5 -7 0");
    CHECK_STR(values(t, "coalesce(a, 1) <> 1"), "true true false");
}

static void functions(leattest *t)
{
    CHECK_STR(values(t, "round(exp(log(a + 0.0)), 3)"), "7 . .");
    CHECK_STR(values(t, "abs(a) + min(a, 3) + max(a, 3, 5)"), "17 5 .");
    CHECK_STR(values(t, "round(2.5) + floor(-0.5) + ceil(0.2)"), "2 2 2");
    CHECK_STR(values(t, "upper(s)"), "PARIS ROME .");
    CHECK_STR(values(t, "lower(s) + '-' + text(a)"), "paris-7 rome--7 .");
    CHECK_STR(values(t, "length(s)"), "5 4 .");
    CHECK_STR(values(t, "length('\xc3\xa9t\xc3\xa9')"), "3 3 3");
    CHECK_STR(values(t, "contains(s, 'om') or startswith(s, 'P') and endswith(s, 'is')"),
              "true true .");
    CHECK_STR(values(t, "substr(s, 2, 2)"), "ar om .");
    CHECK_STR(values(t, "substr(s, -2)"), "is me .");
    CHECK_STR(values(t, "replace(s, 'r', 'RR')"), "PaRRis RRome .");
    CHECK_STR(values(t, "trim('  x ')"), "x x x");
    CHECK_STR(values(t, "number('2.5') + number(q)"), "3.5 2.5 .");
    CHECK_STR(values(t, "number(s)"), ". . .");
    CHECK_STR(values(t, "whole(b)"), "2 . 0");
}

static void times(leattest *t)
{
    CHECK_STR(values(t, "year(t) * 10000 + month(t) * 100 + day(t)"), "20240229 19691231 .");
    CHECK_STR(values(t, "hour(t) + minute(t)"), "0 82 .");
    CHECK_STR(values(t, "second(t)"), "0 59.5 .");
    CHECK_STR(values(t, "weekday(t)"), "4 3 .");
    CHECK_STR(values(t, "yearday(t)"), "60 365 .");
    CHECK_STR(values(t, "t > '2000-01-01'"), "true false .");
    CHECK_STR(values(t, "(t - '2024-02-28') / 3600"), "24 -474744.0001388889 .");
    CHECK_STR(values(t, "day(t + 86400)"), "1 1 .");
    CHECK_STR(values(t, "month(date('2023-12-31T23:30-01:00'))"), "1 1 1");
    CHECK_STR(values(t, "date('2023-02-29')"), ". . .");
}

static void calendar(leattest *t)
{
    for (int64_t day = -800000; day < 800000; day += 37) {
        char text[64];
        int64_t back;
        leati_civil v = leati_civil_of(day * 86400000000);
        if (v.year < 1 || v.year > 9999) continue;
        snprintf(text, sizeof text, "%04d-%02d-%02d", (int)v.year, v.month, v.day);
        if (!CHECK(leati_civil_parse(text, strlen(text), &back) && back == day * 86400000000))
            break;
    }
    leati_civil far = leati_civil_of(INT64_MIN);
    CHECK(far.year == -290308 && far.month == 12 && far.day == 21);
}

static void errors(leattest *t)
{
    static const struct {
        const char *text, *words;
        leat_status status;
    } rows[] = {
        {"a + * 2", "a value was expected|\n  a + * 2\n      ^", LEAT_INVALID},
        {"a +", "a value was expected|     ^", LEAT_INVALID},
        {"(a", "')' was expected", LEAT_INVALID},
        {"a b", "an operator or the end", LEAT_INVALID},
        {"s * 2", "'*' cannot take text and whole|\n    ^", LEAT_INVALID},
        {"lgo(b)", "no function 'lgo'|did you mean 'log'", LEAT_INVALID},
        {"log(s)", "'log' cannot take text", LEAT_INVALID},
        {"log()", "'log' cannot take no value", LEAT_INVALID},
        {"aa > 1", "no column 'aa'|Did you mean 'a'", LEAT_NOT_FOUND},
        {"'open", "never closed", LEAT_INVALID},
        {"a ? 1", "'?' has no meaning", LEAT_INVALID},
        {"1x", "not a number", LEAT_INVALID},
        {"missing", "always missing", LEAT_INVALID},
        {"if(a, 1, 2)", "'if' cannot take whole, whole and whole", LEAT_INVALID},
        {"", "a value was expected", LEAT_INVALID},
    };
    leat_frame *f = frametext(t->context, table);
    leati_expr *e;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_FAILS(leati_expr_compile(t->context, &e, f, rows[i].text), rows[i].status,
                    rows[i].words);
        CHECK(!e);
    }
    char deep[4096];
    memset(deep, '(', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    CHECK_FAILS(leati_expr_compile(t->context, &e, f, deep), LEAT_INVALID, "nested");
    for (size_t i = 0; i + 3 < sizeof deep; i += 2) memcpy(deep + i, "1+", 3);
    deep[sizeof deep - 3] = '1';
    deep[sizeof deep - 2] = '\0';
    CHECK_FAILS(leati_expr_compile(t->context, &e, f, deep), LEAT_INVALID, "parts");
    leat_frame_release(f);
}

/* More rows than a block and a task, with texts that differ and such that repeat. */
static void many_rows(leattest *t)
{
    enum { ROWS = 200003 };
    leat_context *c = t->context;
    leat_frame *f = leati_frame_create(c, ROWS);
    leati_column *n = leati_column_create(c, LEAT_I64, ROWS);
    leati_column *s = leati_column_create(c, LEAT_STRING, ROWS);
    leati_map map;
    leati_expr *e;
    leati_map_init(&map, c);
    REQUIRE(f && n && s);
    for (uint32_t i = 0; i < ROWS; i++) {
        char text[16];
        n->i64[i] = i;
        snprintf(text, sizeof text, "v%u", i % 1000);
        s->codes[i] = leati_map_put(&map, text, strlen(text));
        if (i % 7 == 0) CHECK_OK(leati_column_set_missing(c, n, i));
    }
    s->dict = leati_dict_from_map(c, &map);
    leati_map_fini(&map);
    REQUIRE_OK(leati_frame_add(c, f, "n", n));
    REQUIRE_OK(leati_frame_add(c, f, "s", s));
    REQUIRE_OK(leati_expr_compile(c, &e, f, "n * 2 + length(s) + number(substr(s, 2))"));
    leati_column *got = leati_expr_column(c, e, f);
    REQUIRE(got && got->type == LEAT_F64 && got->missing == (ROWS + 6) / 7);
    bool same = true;
    for (uint32_t i = 0; i < ROWS; i++) {
        double want = 2.0 * i + (i % 1000 < 10 ? 2 : i % 1000 < 100 ? 3 : 4) + i % 1000;
        same =
            same && (i % 7 == 0 ? !leati_valid(got, i) && isnan(got->f64[i]) : got->f64[i] == want);
    }
    CHECK(same);
    leati_column_release(got);
    leati_expr_destroy(e);
    REQUIRE_OK(leati_expr_compile(c, &e, f, "concat(s, '/', text(n))"));
    got = leati_expr_column(c, e, f);
    REQUIRE(got);
    CHECK_STR(leati_dict_text(got->dict, got->codes[123457], NULL), "v457/123457");
    leati_column_release(got);
    leati_expr_destroy(e);
    leat_frame_release(f);
}

static leat_status body(leat_context *c, void *arg)
{
    leati_expr *e = NULL;
    leati_column *col = NULL;
    leat_frame *f = frametext(c, table);
    leat_status st = f ? leati_expr_compile(c, &e, f, arg) : LEAT_NOMEM;
    if (st == LEAT_OK && !(col = leati_expr_column(c, e, f))) st = leat_error_status(c);
    leati_column_release(col);
    leati_expr_destroy(e);
    leat_frame_release(f);
    return st;
}

static void allocations(leattest *t)
{
    char text[] = "if(upper(s) == 'ROME', text(a) + lower(s), replace(s, 'P', 'p'))";
    char number[] = "max(a, b) + length(s) * year(t)";
    leattest_fail_allocations(t, body, text);
    leattest_fail_allocations(t, body, number);
}

static void names(leattest *t)
{
    CHECK_STR(leat_table_function(0), "if");
    size_t n = 0;
    while (leat_table_function(n)) n++;
    CHECK(n > 40);
}

static const leattest_case cases[] = {
    TEST(arithmetic), TEST(logic),     TEST(functions),   TEST(times), TEST(calendar),
    TEST(errors),     TEST(many_rows), TEST(allocations), TEST(names),
};
LEATTEST_MAIN(cases)
