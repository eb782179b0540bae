/* Names from files in Markdown, and blocks of lines. */
#include "support/leattest.h"

#include "model/markdown.h"

static const char *written(leattest *t, void (*write)(leati_str *, const char *), const char *text)
{
    static char out[400];
    leati_str s;
    leati_str_init(&s, t->context);
    write(&s, text);
    CHECK_OK(leati_str_status(&s));
    snprintf(out, sizeof out, "%s", leati_str_text(&s));
    leati_str_fini(&s);
    return out;
}

static void names(leattest *t)
{
    static const struct {
        const char *text, *want;
    } list[] = {{"", ""},
                {"petal_length", "petal_length"},
                {"_private_", "\\_private\\_"},
                {"a|b", "a\\|b"},
                {"**bold** `code`", "\\*\\*bold\\*\\* \\`code\\`"},
                {"<script>alert(1)</script>", "\\<script\\>alert(1)\\</script\\>"},
                {"[x](javascript:y)", "\\[x\\](javascript:y)"},
                {"one\n\n# two\tthree", "one  \\# two three"},
                {"&lt; $x$ ~~y~~ \\", "\\&lt; \\$x\\$ \\~\\~y\\~\\~ \\\\"},
                {"- item", "\\- item"},
                {"caf\xc3\xa9", "caf\xc3\xa9"}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        CHECK_STR(written(t, leati_markdown_add, list[i].text), list[i].want);
}

static void blocks(leattest *t)
{
    CHECK_STR(written(t, leati_markdown_block, "a\nb"), "```\na\nb\n```\n");
    CHECK_STR(written(t, leati_markdown_block, "a\n````\n# b\n"), "`````\na\n````\n# b\n`````\n");
}

static const leattest_case list[] = {TEST(names), TEST(blocks)};

LEATTEST_MAIN(list)
