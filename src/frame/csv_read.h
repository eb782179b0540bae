/* CSV files as frames; the dialect and the types are found out (csv_layout.h, infer.h). */
#ifndef LEATI_FRAME_CSV_READ_H
#define LEATI_FRAME_CSV_READ_H

#include "frame/read.h"

/* As leat_frame_read for this format; the report may be NULL. */
leat_status leati_csv_frame(leat_context *c, leat_frame **out, leati_source *source,
                            const leat_read_options *options, leat_read_report *report);
/* The same with pieces of another size, which changes nothing but the speed: for tests. */
leat_status leati_csv_frame_pieces(leat_context *c, leat_frame **out, leati_source *source,
                                   const leat_read_options *options, leat_read_report *report,
                                   size_t piece_bytes);

#endif
