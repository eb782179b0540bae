/* Numbers as colours of pixels. */
#ifndef LEATI_PLOT_RAMP_H
#define LEATI_PLOT_RAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The extent of values that a ramp covers: of finite ones. signed: some are negative. */
typedef struct leati_ramp {
    double most; /* of their sizes, > 0 */
    bool is_signed;
} leati_ramp;

leati_ramp leati_ramp_of(const float *values, size_t count);
/* out (count, 3) RGB. From 0, dark, over blue to light; signed ones from orange (negative) over
 * near white to blue. Both are read in gray as well: the first rises in lightness, the second falls
 * from the middle. NaN is gray. */
void leati_ramp_pixels(const leati_ramp *r, const float *values, size_t count, uint8_t *out);

#endif
