/* Runs of a served version by how many rows they had ("batch_stats" of Triton's statistics
 * extension), as one thread counts them: 64 sizes of their own, larger ones by powers of two. */
#ifndef LEATI_SERVE_BATCH_TALLY_H
#define LEATI_SERVE_BATCH_TALLY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LEATI_BATCH_EXACT = 64, /* sizes 0 to 64 stand alone, then come 65 to 128, 129 to 256, ... */
    LEATI_BATCH_LOG_MOST = 20,
    LEATI_BATCH_BINS = LEATI_BATCH_EXACT + 1 + LEATI_BATCH_LOG_MOST - 6 /* the last has no end */
};

/* Written by its thread alone, read by others. Nanoseconds. */
typedef struct leati_batch_tally {
    atomic_uint_least64_t runs, input_ns, infer_ns, output_ns;
} leati_batch_tally;

/* What the runs of one request had, or those of several that shared one, whose first counts it. */
typedef struct leati_batch_runs {
    uint64_t runs; /* 0: another request counts the run, this one adds what its answer took */
    uint64_t rows; /* of all runs */
    uint64_t room; /* rows of each but the last */
    uint64_t input_ns, infer_ns, output_ns;
} leati_batch_runs;

size_t leati_batch_bin(uint64_t rows);
uint64_t leati_batch_size(size_t bin); /* the largest of the bin; of the last, its least power */

/* bins: LEATI_BATCH_BINS of the thread that calls. Of a request of several runs each has that part
 * of the times that it has of the rows. */
void leati_batch_count(leati_batch_tally *bins, const leati_batch_runs *r);

#endif
