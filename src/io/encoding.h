/* Text encodings: checking UTF-8, and making it of Windows-1252 and UTF-16. */
#ifndef LEATI_IO_ENCODING_H
#define LEATI_IO_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

/* Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool leati_utf8_valid(const char *text, size_t length);
/* Windows-1252 (of which Latin-1 is a part) to UTF-8: at most three bytes for one. The five codes
 * without a character become U+FFFD. Returns the length; to == NULL only counts. */
size_t leati_utf8_from_1252(const char *text, size_t length, char *to);
/* UTF-16 without its byte order mark to UTF-8; lone surrogates become U+FFFD. At most three bytes
 * for two. Returns the length. */
size_t leati_utf8_from_16(const char *text, size_t length, bool big_endian, char *to);
/* The character as UTF-8; returns its length, 1 to 4. */
size_t leati_utf8_put(unsigned long code, char *to);

#endif
