/* The user's word about types and missing values, for tables that came with types of their own. */
#ifndef LEATI_FRAME_RETYPE_H
#define LEATI_FRAME_RETYPE_H

#include "frame/read.h"

/* Applies `types`, `expected`, `missing` and `on_error` of complete options to *f, which is
 * replaced; rows that do not fit are left out and noted, or FORMAT. Also NOT_FOUND, TYPE (arrays),
 * INVALID. *f stays as it is on failure. */
leat_status leati_retype(leat_context *c, leat_frame **f, const leat_read_options *options,
                         leat_read_report *report);

#endif
