/* Augmentation: small random changes of images that leave the label as it is, and samples mixed
 * with others, labels and all. Drawn from a stream
 * per (seed, epoch, sample), so that results do not depend on threads or on an interruption. */
#ifndef LEATI_NN_AUGMENT_H
#define LEATI_NN_AUGMENT_H

#include <stdint.h>

#include <leat/tensor.h>

#include "learn/param.h"

typedef struct leati_augment {
    bool flip;         /* left and right, for half of the samples */
    int64_t crop;      /* shifted by up to so many pixels; what comes in is 0 */
    double rotate;     /* by up to so many degrees, bilinear */
    double brightness; /* added: up to this share of the largest value */
    double contrast;   /* the distance from the mean is changed by up to this share */
    double saturation; /* the distance from grey is changed by up to this share */
    int64_t cutout;    /* side of a square that becomes 0 (DeVries and Taylor 2017) */
    double mixup;      /* a of Beta(a, a), by which two samples are mixed; 0: not (not of images
                          only) */
} leati_augment;

/* "none" or "flip, crop=4, rotate=10, brightness=0.2, contrast=0.2, saturation=0.2, cutout=8,
 * mixup=0.2". */
leat_status leati_augment_parse(leat_context *c, const char *text, leati_augment *out);
/* The table of changes. */
size_t leati_augment_count(void);
const leati_param *leati_augment_param(size_t i);
/* Whether images are changed. */
bool leati_augment_any(const leati_augment *a);
/* (H, W) or (H, W, C) images; other shapes are refused, and changes that leave nothing of them. */
leat_status leati_augment_check(leat_context *c, const leati_augment *a, const leat_shape *image);
/* x becomes another view of itself; `room` has as many elements. One thread, no errors. */
void leati_augment_apply(const leati_augment *a, const leat_shape *image, uint64_t seed,
                         uint64_t epoch, uint64_t sample, float *x, float *room);
/* The larger share of batch number `batch`, drawn from Beta(a, a) (Zhang et al. 2018, section 2).
 */
double leati_augment_share(const leati_augment *a, uint64_t seed, uint64_t batch);

#endif
