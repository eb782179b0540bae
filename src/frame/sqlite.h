/* Tables and queries of SQLite databases as frames. */
#ifndef LEATI_FRAME_SQLITE_H
#define LEATI_FRAME_SQLITE_H

#include "frame/frame.h"

/* `query`: a SELECT, or the name of a table or view; NULL: the only table of the database. The
 * file is opened read-only. A column is whole, number or text by the storage classes of its values
 * (whole and number give number; text with anything gives text), bool where it is declared BOOL or
 * BOOLEAN and holds 0 and 1. Errors: NOT_FOUND (no such table; lists them), FORMAT (not a
 * database), INVALID (the SQL is wrong, or not one reading statement), TYPE (BLOB values),
 * UNSUPPORTED (Leat was built without SQLite). */
leat_status leati_sqlite_frame(leat_context *c, leat_frame **out, const char *path,
                               const char *query);

#endif
