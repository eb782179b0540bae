/* Owns: printing text that holds bytes of files, so that no terminal takes them for commands. */
#include <stdlib.h>
#include <string.h>

#include <leat/screen.h>

#include "command.h"

void cli_put(FILE *out, const char *text, size_t n, bool lines)
{
    char piece[LEAT_SCREEN_VISIBLE];
    while (n > 0) {
        size_t used = leat_screen_visible(text, n, lines, piece);
        fputs(piece, out);
        text += used;
        n -= used;
    }
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
