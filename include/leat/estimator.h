/* The estimators and their parameters, as data: for help, forms and search. */
#ifndef LEAT_ESTIMATOR_H
#define LEAT_ESTIMATOR_H

#include <stdbool.h>
#include <stddef.h>

#include <leat/export.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_estimator_info {
    const char *name, *title, *doc;
    bool classifies, regresses;
    bool takes_missing, takes_categories, wants_scaling;
    size_t params;
} leat_estimator_info;

typedef struct leat_param_info {
    const char *name, *standard, *doc;
    const char *choices; /* "gini|entropy", or NULL */
    const char *grid;    /* values that a search tries, or NULL */
    bool is_number, is_whole, is_switch;
    double least, most; /* of numbers; may be infinite */
} leat_param_info;

/* All texts are static. */
LEAT_API size_t leat_estimator_count(void);
/* False when `index` is out of range or there is no such name. */
LEAT_API bool leat_estimator_at(size_t index, leat_estimator_info *out);
LEAT_API bool leat_estimator_find(const char *name, leat_estimator_info *out);
LEAT_API bool leat_estimator_param(const char *estimator, size_t index, leat_param_info *out);

#ifdef __cplusplus
}
#endif

#endif
