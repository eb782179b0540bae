/* What this machine and this build offer, and whether they work. */
#ifndef LEAT_CHECK_H
#define LEAT_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include <leat/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_check_item {
    char name[24];    /* "cpu" */
    char found[160];  /* "AMD EPYC, 2 cores, AVX-512" */
    char remark[160]; /* what it is for and how to get it, or "" */
    bool ok;          /* false: missing or failing */
    bool needed;      /* failing makes Leat unusable */
} leat_check_item;

enum { LEAT_CHECK_MOST = 32 };

/* Fills `out` (LEAT_CHECK_MOST) and *count. Takes a fraction of a second: it multiplies matrices,
 * fits a model, writes and reads it. Failures are items, not errors. */
LEAT_API LEAT_CHECKED leat_status leat_check(leat_context *context, leat_check_item *out,
                                             size_t *count);

#ifdef __cplusplus
}
#endif

#endif
