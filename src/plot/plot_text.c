/* Owns: widths of characters, decoding of untrusted text, fixed-point numbers. Not: escaping for
 * SVG and HTML, which their writers do. */
#include "plot/plot_text.h"

#include <math.h>
#include <string.h>

#include "base/num.h"

/* Advances of U+0020 to U+007E in hundredths of an em, as measured on DejaVu Sans. */
static const uint8_t advances[95] = {
    32, 40, 46, 84, 64, 95, 78, 28, 39,  39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 78, 75, 30, 30, 66, 56, 86, 75, 79,
    60, 79, 70, 64, 61, 73, 68, 99, 69,  61, 69, 39, 34, 39, 84, 50, 50, 61, 64, 55, 64, 62, 35, 64,
    63, 28, 28, 58, 28, 97, 63, 61, 64,  64, 41, 52, 39, 63, 59, 82, 59, 59, 53, 64, 34, 64, 84};

static bool allowed(uint32_t ch)
{
    if (ch < 0x20 || (ch >= 0x7f && ch < 0xa0)) return false;
    if (ch >= 0xd800 && ch < 0xe000) return false;
    return (ch & 0xfffe) != 0xfffe && ch <= 0x10ffff;
}

uint32_t leati_text_next(const char **text)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)*text;
    int more = *p < 0x80 ? 0 : *p >> 5 == 6 ? 1 : *p >> 4 == 14 ? 2 : *p >> 3 == 30 ? 3 : -1;
    uint32_t ch = more > 0 ? *p & (0x3fu >> more) : *p;
    *text += 1;
    if (more < 0) return 0xfffd;
    for (int i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0xfffd;
        ch = ch << 6 | (p[i] & 0x3fu);
    }
    *text += more;
    if (ch == '\t' || ch == '\n' || ch == '\r') return ' ';
    return ch >= least[more] && allowed(ch) ? ch : 0xfffd;
}

size_t leati_text_encode(uint32_t ch, char out[4])
{
    if (ch < 0x80) {
        out[0] = (char)ch;
        return 1;
    }
    size_t bytes = ch < 0x800 ? 2 : ch < 0x10000 ? 3 : 4;
    for (size_t i = bytes - 1; i > 0; i--, ch >>= 6) out[i] = (char)(0x80 | (ch & 0x3f));
    out[0] = (char)((0xf00u >> bytes & 0xf0u) | ch);
    return bytes;
}

/* In hundredths of an em. */
static unsigned advance(uint32_t ch)
{
    if (ch >= 0x20 && ch < 0x7f) return advances[ch - 0x20];
    if (ch >= 0x300 && ch < 0x370) return 0; /* combining marks */
    if (ch >= 0x200b && ch <= 0x200f) return 0;
    if (ch < 0x250) return ch == 0xb7 ? 32 : ch == 0xb1 || ch == 0xd7 ? 84 : 70;
    if (ch >= 0x370 && ch < 0x600) return 75; /* Greek, Cyrillic, Armenian, Hebrew */
    if (ch >= 0x1100 && ch < 0x1160) return 100;
    if (ch >= 0x2070 && ch < 0x20a0) return 42; /* superscripts */
    if (ch >= 0x2e80) return 104;               /* CJK, emoji */
    return 85;
}

static double scaled(double hundredths, double size, bool bold)
{
    return hundredths * size * (bold ? 0.0115 : 0.01);
}

double leati_text_width(const char *text, double size, bool bold)
{
    double sum = 0;
    while (*text) sum += advance(leati_text_next(&text));
    return scaled(sum, size, bold);
}

size_t leati_text_fit(const char *text, double size, bool bold, double width)
{
    const char *at = text, *last = text;
    double sum = 0, ellipsis = scaled(advance(0x2026), size, bold);
    while (*at) {
        sum += advance(leati_text_next(&at));
        double now = scaled(sum, size, bold);
        if (now + ellipsis <= width) last = at;
        if (now > width) return (size_t)(last - text);
    }
    return (size_t)(at - text);
}

size_t leati_fixed(double value, int decimals, char out[LEATI_FIXED_SIZE])
{
    static const double powers[] = {1e0, 1e1, 1e2, 1e3,  1e4,  1e5, 1e6,
                                    1e7, 1e8, 1e9, 1e10, 1e11, 1e12};
    if (decimals < 0) decimals = 0;
    if (decimals > 12) decimals = 12;
    double unit = powers[decimals], size = fabs(value) * unit;
    if (!(size < 1e15)) {
        char text[LEATI_NUM_SIZE];
        size_t n = leati_num_format(value, text);
        memcpy(out, text, n + 1);
        return n;
    }
    uint64_t whole = (uint64_t)llround(size);
    char digits[24];
    int count = 0;
    while (whole > 0 || count <= decimals) {
        digits[count++] = (char)('0' + whole % 10);
        whole /= 10;
    }
    size_t n = 0;
    bool zero = true;
    for (int i = 0; i < count; i++) zero = zero && digits[i] == '0';
    if (value < 0 && !zero) out[n++] = '-';
    for (int i = count - 1; i >= 0; i--) {
        out[n++] = digits[i];
        if (i == decimals && i > 0) out[n++] = '.';
    }
    out[n] = '\0';
    return n;
}
