/* The table that an operation's argument names: "prices.csv with types=item:text delimiter=;". */
#ifndef LEATI_FRAME_TABLE_FILE_H
#define LEATI_FRAME_TABLE_FILE_H

#include <stddef.h>

#include <leat/read.h>

#include "base/arena.h"

/* text[0..length): a file or data set, and behind the last " with " that an option follows how it
 * is read: words NAME=VALUE by the names of leat_read_options_set, a value with spaces in quotes.
 * *name and the options' texts are in memory of the arena. */
leat_status leati_table_file_parse(leat_context *c, leati_arena *arena, const char *text,
                                   size_t length, char **name, leat_read_options *options);

/* Reads it. expected: as in leat_read_options; NULL or "": none. */
leat_status leati_table_file(leat_context *c, leat_frame **out, const char *text, size_t length,
                             const char *expected);

#endif
