/* Profiles: what is in each column of a table, in numbers. */
#ifndef LEAT_PROFILE_H
#define LEAT_PROFILE_H

#include <leat/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LEAT_PROFILE_TOP = 5, LEAT_PROFILE_BINS = 24 };

/* Numbers are NaN where they have no meaning. Of arrays the elements are described. */
typedef struct leat_column_profile {
    const char *name; /* of the frame */
    leat_type type;
    size_t count; /* values present */
    size_t missing;
    size_t distinct;  /* counted up to 100,000; 0 for arrays */
    double mean, std; /* std with n - 1 */
    double least, quartile1, median, quartile3, most;
    uint64_t bins[LEAT_PROFILE_BINS]; /* histogram over [least, most] */
    size_t top_count;
    const char *top[LEAT_PROFILE_TOP]; /* most frequent texts, of the frame */
    size_t top_length[LEAT_PROFILE_TOP];
    size_t top_rows[LEAT_PROFILE_TOP];
} leat_column_profile;

/* out: one per column of the frame, which must outlive them. */
LEAT_API LEAT_CHECKED leat_status leat_profile_columns(leat_context *context,
                                                       const leat_frame *frame,
                                                       leat_column_profile *out);
/* Pearson's correlation of two columns over rows where both are present; NaN unless both are
 * numbers, whole numbers, bools or times. */
LEAT_API double leat_profile_correlation(const leat_frame *frame, size_t a, size_t b);

#ifdef __cplusplus
}
#endif

#endif
