/* Text on a terminal: what it is given and how wide it draws it. */
#include "support/leattest.h"

#include <leat/screen.h>

static const char *shown(const char *text, size_t n, bool lines)
{
    static char out[400];
    size_t used = 0;
    while (n > 0) {
        size_t took = leat_screen_visible(text, n, lines, out + used);
        used += strlen(out + used);
        text += took;
        n -= took;
    }
    return out;
}

static void visible(leattest *t)
{
    CHECK_STR(shown("a\033[1m\xff", 6, false), "a\\x1b[1m\\xff");
    CHECK_STR(shown("a\n\tb", 4, false), "a\\n\\tb");
    CHECK_STR(shown("a\nb", 3, true), "a\nb");
    CHECK_STR(shown("\xe2\x80\xae", 3, false), "\\u202e");
    CHECK_STR(shown("\xe6\x97", 2, false), "\xef\xbf\xbd"); /* cut */
}

/* Cells as wcwidth and terminals have them. */
static void width(leattest *t)
{
    static const struct {
        const char *text;
        int cells;
    } list[] = {
        {"", 0},
        {"plain", 5},
        {"na\xc3\xafve", 5},                         /* one letter of two bytes */
        {"na\x69\xcc\x88ve", 5},                     /* i and a combining diaeresis */
        {"\xe5\xb9\xb4\xe9\xbd\xa2", 4},             /* nen-rei: two wide letters */
        {"\xed\x95\x9c\xea\xb5\xad", 4},             /* Hangul syllables */
        {"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", 2}, /* the first of them as jamo */
        {"\xef\xbc\xa1", 2},                         /* full-width A */
        {"\xef\xbd\xb1", 1},                         /* half-width katakana */
        {"\xe0\xb8\x97\xe0\xb8\xb5\xe0\xb9\x88", 1}, /* Thai: a letter, a vowel and a tone on it */
        {"\xd7\xa9\xd7\x81", 1},                     /* Hebrew: a letter and its dot */
        {"\xf0\x9f\x98\x80", 2},                     /* an emoji */
        {"\033", 4},                                 /* shown as \x1b */
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (!CHECK_INT(leat_screen_width(list[i].text, strlen(list[i].text)), list[i].cells))
            printf("  '%s'\n", list[i].text);
}

static const leattest_case list[] = {TEST(visible), TEST(width)};

LEATTEST_MAIN(list)
