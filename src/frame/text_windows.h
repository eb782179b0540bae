/* Texts as tables of windows and what follows them: what windows of bytes and of tokens share. */
#ifndef LEATI_FRAME_TEXT_WINDOWS_H
#define LEATI_FRAME_TEXT_WINDOWS_H

#include "frame/frame.h"
#include "frame/tokens.h"

enum { LEATI_SHOWN_BYTES = 4 * LEATI_TOKEN_BYTES };

/* A byte or token as the name of a class: as in C where it is a control character or a backslash
 * or, with `ascii`, beyond ASCII. Returns the length; out is not terminated. */
size_t leati_text_show(const char *text, size_t length, bool ascii, char out[LEATI_SHOWN_BYTES]);
/* The other way round, at most `length` bytes. */
size_t leati_text_unshow(const char *name, size_t length, char *out);

/* Columns `text`, the window as it stands in the text, and `next`, the token behind it, by its
 * rules: unknown ones are rules->unknown. most: rows at most, 0: all. name: of the text. */
leat_status leati_token_windows(leat_context *c, leat_frame **out, const leati_token_rules *rules,
                                const char *text, size_t size, size_t length, size_t step,
                                size_t most, const char *name);

#endif
