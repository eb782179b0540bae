/* Patterns that match whole texts: syntax, texts that make others slow, mistakes, allocations. */
#include "onnx/full_match.h"
#include "support/leattest.h"

static int matches(leat_context *c, const char *pattern, const char *text)
{
    leati_arena arena;
    leati_pattern *p;
    bool yes = false;
    leati_arena_init(&arena, c);
    leat_status st = leati_pattern_parse(c, &arena, pattern, strlen(pattern), &p);
    if (st == LEAT_OK) st = leati_pattern_matches(c, &arena, p, text, strlen(text), &yes);
    leati_arena_fini(&arena);
    return st == LEAT_OK ? yes : -1;
}

static void syntax(leattest *t)
{
    static const struct {
        const char *pattern, *yes, *no;
    } list[] = {{"abc", "abc", "abcd"},
                {"a|bc|", "bc", "b"},
                {"a||b", "", "ab"},
                {"a*b+c?", "aabbc", "aac"},
                {"(ab){2}", "abab", "ab"},
                {"a{2,}", "aaaa", "a"},
                {"a{1,2}", "aa", "aaa"},
                {"a{0}b", "b", "ab"},
                {"a{,3}", "a{,3}", "aa"},
                {"x{y", "x{y", "xy"},
                {"a.c", "a\xc3\xa9\x63", "a\nc"},
                {"[a-cx]+", "abxc", "abd"},
                {"[^a-c]+", "xyz", "xaz"},
                {"[]a]+", "]a", "b"},
                {"[a-]+", "a-", "b"},
                {"[\\d.]+", "1.5", "1,5"},
                {"[[:alpha:][:digit:]]+", "aZ9", "a_"},
                {"[\xc3\xa0-\xc3\xbc]+", "\xc3\xa9", "e"},
                {"\\d\\D\\w\\W\\s\\S", "1aa- x", "11a- x"},
                {"\\x41\\x{42}\\t", "AB\t", "AB"},
                {"^a$", "a", "aa"},
                {"\\Aa\\z", "a", "b"},
                {".*\\bfoo\\b.*", "a foo b", "afoo"},
                {"\\B.\\B", "-", "a"},
                {"(?:a|b)+?", "abab", "abc"},
                {"(?P<name>x)(?<other>y)", "xy", "x"},
                {"(a|ab)(c|bcd)(d*)", "abcd", "abd"},
                {"www\\.[\\w.-]+\\.\\bcom\\b", "www.google.com", "www.google.org"}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (!CHECK(matches(t->context, list[i].pattern, list[i].yes) == 1 &&
                   matches(t->context, list[i].pattern, list[i].no) == 0))
            printf("    %s\n", list[i].pattern);
}

/* Time goes with pattern times text, also where searching backwards would never end. */
static void steady(leattest *t)
{
    char text[2001];
    memset(text, 'a', 2000);
    text[2000] = 0;
    CHECK_INT(matches(t->context, "(a*)*b", text), 0);
    CHECK_INT(matches(t->context, "(a|aa)+", text), 1);
    CHECK_INT(matches(t->context, "((a?){100}){10}(a{100}){10}", text), 1);
}

static void mistakes(leattest *t)
{
    leati_arena arena;
    leati_pattern *p;
    static const struct {
        const char *pattern;
        leat_status status;
        const char *words;
    } list[] = {{"(a", LEAT_FORMAT, "(a|byte 2|without its )"},
                {"a)", LEAT_FORMAT, "byte 1|without its group"},
                {"[a", LEAT_FORMAT, "without its ]"},
                {"*a", LEAT_FORMAT, "nothing to repeat"},
                {"a{5,2}", LEAT_FORMAT, "repeated"},
                {"[b-a]", LEAT_FORMAT, "range"},
                {"a\\", LEAT_FORMAT, "behind a backslash"},
                {"\\x4", LEAT_FORMAT, "no number"},
                {"[[:nothing:]]", LEAT_FORMAT, "no such class"},
                {"\\pL", LEAT_UNSUPPORTED, "escape"},
                {"(?i)a", LEAT_UNSUPPORTED, "flags"},
                {"((a{1000}){1000})", LEAT_LIMIT, "20,000"}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        leati_arena_init(&arena, t->context);
        CHECK_FAILS(
            leati_pattern_parse(t->context, &arena, list[i].pattern, strlen(list[i].pattern), &p),
            list[i].status, list[i].words);
        leati_arena_fini(&arena);
    }
    char deep[1000];
    memset(deep, '(', sizeof deep);
    leati_arena_init(&arena, t->context);
    CHECK_FAILS(leati_pattern_parse(t->context, &arena, deep, sizeof deep, &p), LEAT_LIMIT, "deep");
    leati_arena_fini(&arena);
}

static leat_status whole(leat_context *c, void *arg)
{
    (void)arg;
    int yes = matches(c, "([a-z]+@[a-z]{1,40}\\.(com|org))|(x{500})", "me@here.org");
    return yes == 1 ? LEAT_OK : leat_error_status(c);
}

static void memory(leattest *t)
{
    leattest_fail_allocations(t, whole, NULL);
}

static const leattest_case list[] = {TEST(syntax), TEST(steady), TEST(mistakes), TEST(memory)};
LEATTEST_MAIN(list)
