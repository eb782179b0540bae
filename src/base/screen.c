/* Owns: which characters a terminal may be given, and how wide it draws them. Not: writing to it.
 */
#include <leat/screen.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Characters that a terminal obeys instead of showing: C0 and C1 controls, and those that turn the
 * direction of what follows or end a line unseen. */
static bool is_control(uint32_t x)
{
    return x < 0x20 || (x >= 0x7f && x < 0xa0) || x == 0x200e || x == 0x200f ||
           (x >= 0x2028 && x <= 0x202e) || (x >= 0x2066 && x <= 0x2069);
}

/* Bytes of the UTF-8 character at `at` and its number. 0: none; *cut: the text ends inside one. */
static size_t decode(const char *at, size_t left, uint32_t *out, bool *cut)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char lead = (unsigned char)*at;
    size_t n = lead < 0x80                    ? 1
               : lead >= 0xc2 && lead <= 0xdf ? 2
               : lead >= 0xe0 && lead <= 0xef ? 3
               : lead >= 0xf0 && lead <= 0xf4 ? 4
                                              : 0;
    *cut = false;
    if (n == 0) return 0;
    uint32_t x = n == 1 ? lead : lead & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (i == left) {
            *cut = true;
            return 0;
        }
        unsigned char b = (unsigned char)at[i];
        if ((b & 0xc0) != 0x80) return 0;
        x = x << 6 | (b & 0x3fu);
    }
    if (x < least[n] || x > 0x10ffff || (x >= 0xd800 && x < 0xe000)) return 0;
    *out = x;
    return n;
}

size_t leat_screen_visible(const char *at, size_t left, bool lines, char out[LEAT_SCREEN_VISIBLE])
{
    uint32_t x = 0;
    bool cut;
    size_t n = decode(at, left, &x, &cut);
    if (n && (!is_control(x) || (lines && x == '\n'))) {
        memcpy(out, at, n);
        out[n] = '\0';
        return n;
    }
    if (cut) { /* a text that was shortened, most likely */
        strcpy(out, "\xef\xbf\xbd");
        return left;
    }
    const char *letter = n == 1 ? strchr("\nn\tt\rr", (int)x) : NULL;
    if (letter && x) snprintf(out, LEAT_SCREEN_VISIBLE, "\\%c", letter[1]);
    else if (n > 1) snprintf(out, LEAT_SCREEN_VISIBLE, "\\u%04x", (unsigned)x);
    else snprintf(out, LEAT_SCREEN_VISIBLE, "\\x%02x", (unsigned)(unsigned char)*at);
    return n ? n : 1;
}

typedef struct span {
    uint32_t from, to;
} span;

static bool within(uint32_t x, const span *list, size_t count)
{
    size_t from = 0;
    while (from < count) { /* ascending */
        size_t middle = (from + count) / 2;
        if (x > list[middle].to) from = middle + 1;
        else if (x < list[middle].from) count = middle;
        else return true;
    }
    return false;
}

/* Cells of a terminal: letters of East Asia and emoji fill two (East_Asian_Width W and F of
 * Unicode's EastAsianWidth.txt), marks upon letters, vowels and finals of a Hangul syllable and
 * joiners none (general categories Mn, Me and Cf). Blocks, where all that is assigned agrees. */
static int cells(uint32_t x)
{
    static const span none[] = {
        {0x300, 0x36f},   {0x483, 0x489},    {0x591, 0x5bd},   {0x5bf, 0x5bf},   {0x5c1, 0x5c2},
        {0x5c4, 0x5c5},   {0x5c7, 0x5c7},    {0x610, 0x61a},   {0x64b, 0x65f},   {0x670, 0x670},
        {0x6d6, 0x6dc},   {0x6df, 0x6e4},    {0x6e7, 0x6e8},   {0x6ea, 0x6ed},   {0x93c, 0x93c},
        {0x941, 0x948},   {0x94d, 0x94d},    {0x951, 0x957},   {0xe31, 0xe31},   {0xe34, 0xe3a},
        {0xe47, 0xe4e},   {0x1160, 0x11ff},  {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200d},
        {0x20d0, 0x20f0}, {0x302a, 0x302d},  {0x3099, 0x309a}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
        {0xfeff, 0xfeff}, {0xe0100, 0xe01ef}};
    static const span two[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},
                               {0xa960, 0xa97c},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
                               {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
                               {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
                               {0x20000, 0x3fffd}};
    if (x < none[0].from) return 1;
    if (within(x, none, sizeof none / sizeof *none)) return 0;
    return within(x, two, sizeof two / sizeof *two) ? 2 : 1;
}

int leat_screen_width(const char *text, size_t n)
{
    char piece[LEAT_SCREEN_VISIBLE];
    int width = 0;
    while (n > 0) {
        size_t used = leat_screen_visible(text, n, false, piece);
        for (const char *p = piece; *p;) {
            uint32_t x = 0;
            bool cut;
            p += decode(p, strlen(p), &x, &cut);
            width += cells(x);
        }
        text += used;
        n -= used;
    }
    return width;
}
