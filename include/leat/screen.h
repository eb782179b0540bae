/* Texts on a terminal: shown so that none commands it, and measured as it draws them.
 *
 * Names and values come from files. They may hold control characters, bytes that are no UTF-8, and
 * letters that fill two cells or none. Pure functions, for any thread. */
#ifndef LEAT_SCREEN_H
#define LEAT_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include <leat/export.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LEAT_SCREEN_VISIBLE = 12 };

/* The character at `text`, of `left` > 0 bytes, as it may be printed: control characters and bytes
 * that are no UTF-8 as \x1b, \u202e and the like, a character that the text ends in the middle of
 * as U+FFFD; newlines pass where `lines`. Returns the bytes read. */
LEAT_API size_t leat_screen_visible(const char *text, size_t left, bool lines,
                                    char out[LEAT_SCREEN_VISIBLE]);

/* The cells that `n` bytes of text take when they are printed so: letters of East Asia two, marks
 * upon letters none. */
LEAT_API int leat_screen_width(const char *text, size_t n);

#ifdef __cplusplus
}
#endif

#endif
