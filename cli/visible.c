/* Owns: printing text that holds bytes of files, so that no terminal takes them for commands. */
#include <stdlib.h>
#include <string.h>

#include "command.h"

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

size_t cli_visible(const char *at, size_t left, bool lines, char out[CLI_VISIBLE_SIZE])
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
    if (letter && x) snprintf(out, CLI_VISIBLE_SIZE, "\\%c", letter[1]);
    else if (n > 1) snprintf(out, CLI_VISIBLE_SIZE, "\\u%04x", (unsigned)x);
    else snprintf(out, CLI_VISIBLE_SIZE, "\\x%02x", (unsigned)(unsigned char)*at);
    return n ? n : 1;
}

void cli_put(FILE *out, const char *text, size_t n, bool lines)
{
    char piece[CLI_VISIBLE_SIZE];
    while (n > 0) {
        size_t used = cli_visible(text, n, lines, piece);
        fputs(piece, out);
        text += used;
        n -= used;
    }
}

/* Cells of a terminal: letters of East Asia and emoji fill two, marks upon letters none. */
static int cells(uint32_t x)
{
    static const uint32_t none[][2] = {
        {0x300, 0x36f}, {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}};
    static const uint32_t two[][2] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},
                                      {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},
                                      {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
                                      {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (x >= none[i][0] && x <= none[i][1]) return 0;
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (x >= two[i][0] && x <= two[i][1]) return 2;
    return 1;
}

int cli_width(const char *text, size_t n)
{
    char piece[CLI_VISIBLE_SIZE];
    int width = 0;
    while (n > 0) {
        size_t used = cli_visible(text, n, false, piece);
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

int cli_cut(const char *text, size_t length, size_t most)
{
    if (length <= most) return (int)length;
    size_t n = most; /* back to where a character begins, but not through bytes that are none */
    while (n > 0 && most - n < 3 && (text[n] & 0xc0) == 0x80) n--;
    return (int)((text[n] & 0xc0) == 0x80 ? most : n);
}

void cli_vput(FILE *out, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    char space[512], *text = space;
    int n = vsnprintf(space, sizeof space, format, args);
    if (n >= (int)sizeof space) {
        text = malloc((size_t)n + 1);
        if (text) vsnprintf(text, (size_t)n + 1, format, again);
    }
    va_end(again);
    if (!text) cli_put(out, space, sizeof space - 1, true);
    else if (n > 0) cli_put(out, text, (size_t)n, true);
    if (text != space) free(text);
}

void cli_complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    cli_vput(stderr, format, args);
    va_end(args);
}
