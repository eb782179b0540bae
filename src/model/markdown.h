/* Text in Markdown (CommonMark with the tables and strikethrough of GitHub's). */
#ifndef LEATI_MODEL_MARKDOWN_H
#define LEATI_MODEL_MARKDOWN_H

#include "base/str.h"

/* Adds text so that it is shown as it stands, in a line of its own or within one: names come from
 * files. Punctuation that could be markup gets a backslash, line ends and other control characters
 * become spaces. "n_neighbors" stays as it is: an underscore within a word is none. */
void leati_markdown_add(leati_str *out, const char *text);

/* Adds a block of lines as they are, in a fence that none of them can close. */
void leati_markdown_block(leati_str *out, const char *text);

#endif
