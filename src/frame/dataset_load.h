/* Data sets inside Leat: where they lie and how they are opened. */
#ifndef LEATI_FRAME_DATASET_LOAD_H
#define LEATI_FRAME_DATASET_LOAD_H

#include <leat/data.h>

#include "frame/frame.h"

/* datasets.def */
typedef struct leati_dataset_row {
    const char *name, *task, *target, *splits, *doc;
    leat_data_source source;
    leat_status (*built_in)(leat_context *c, leat_frame **out);
    leat_status (*package)(leat_context *c, leat_frame **out, const char *split);
    const char *origin; /* the package, or the file below the base address */
    uint64_t bytes;
    const char *sha256;
} leati_dataset_row;
const leati_dataset_row *leati_dataset_at(size_t index); /* NULL past the end */

leat_status leati_dataset_iris(leat_context *c, leat_frame **out);
/* image: ARRAY of 28 x 28 bytes; label: text, the name of the class. */
leat_status leati_dataset_fashion(leat_context *c, leat_frame **out, const char *split);
/* Whether the package's files are there. */
bool leati_dataset_fashion_present(void);

/* --- the store: dataset_store.c -------------------------------------------------------------- */

/* "HOME/data/SHA256SUFFIX" into info->path; LIMIT if that is too long. */
leat_status leati_store_path(leat_context *c, leat_data_info *info, const char *suffix);
/* ".csv.gz" of "a/b.csv.gz"; "" if there is none. */
const char *leati_store_suffix(const char *path);

/* The added sets, in order of addition; leati_free. An absent index gives none. FORMAT: damaged. */
leat_status leati_store_list(leat_context *c, leat_data_info **out, size_t *count);

#endif
