/* What a CSV file looks like: found out from its beginning, or as the options say. */
#ifndef LEATI_FRAME_CSV_LAYOUT_H
#define LEATI_FRAME_CSV_LAYOUT_H

#include "base/arena.h"
#include "frame/infer.h"
#include "frame/read.h"

typedef struct leati_csv_layout {
    char delimiter;
    bool header;
    size_t columns;
    const char **names; /* (columns), unique, never empty */
    unsigned *masks;  /* (columns): LEATI_CAN_* of the sampled values; ALL where all are missing */
    size_t start;     /* offset of the first record with data */
    double row_bytes; /* mean of the sampled records */
    leati_rules rules;
} leati_csv_layout;

/* Names and masks live in the arena. Turns UTF-16 content into UTF-8 first. FORMAT: empty, binary,
 * header only. Fills the report's delimiter, decimal and header and notes what was made of the
 * names. */
leat_status leati_csv_layout_find(leat_context *c, leati_csv_layout *out, leati_source *source,
                                  leati_arena *arena, const leat_read_options *options,
                                  leat_read_report *report);

#endif
