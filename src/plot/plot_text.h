/* Text of charts: its width without a font at hand, and bytes of data made fit for XML.
 *
 * Nothing here allocates or records an error; worker threads may call it. */
#ifndef LEATI_PLOT_PLOT_TEXT_H
#define LEATI_PLOT_PLOT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The character at text (not at its end) and where the next begins. Bytes that are not UTF-8 and
 * characters that XML 1.0 forbids (section 2.2) give U+FFFD; tabs and line ends give a space. */
uint32_t leati_text_next(const char **text);

/* Width in pixels at a font size in pixels, by the advances of a wide sans-serif face: an upper
 * estimate for the faces that browsers and cairo choose. */
double leati_text_width(const char *text, double size, bool bold);

/* How many bytes of text fit into `width`, leaving room for an ellipsis when not all do. */
size_t leati_text_fit(const char *text, double size, bool bold, double width);

/* Write one character as UTF-8; returns the number of bytes, 1 to 4. */
size_t leati_text_encode(uint32_t character, char out[4]);

enum { LEATI_FIXED_SIZE = 48 };
/* `value` with exactly `decimals` (0 to 12) digits after the point, whatever the locale; the minus
 * is "-". Values past 1e15 / 10^decimals are written as leati_num_format does. Returns its
 * length. */
size_t leati_fixed(double value, int decimals, char out[LEATI_FIXED_SIZE]);

#endif
