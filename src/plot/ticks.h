/* Scales: from values to pixels, and the values worth a label. Pure functions of their arguments.
 */
#ifndef LEATI_PLOT_TICKS_H
#define LEATI_PLOT_TICKS_H

#include <stdbool.h>
#include <stddef.h>

/* The finite values met so far; empty while lo > hi. */
typedef struct leati_range {
    double lo, hi;
} leati_range;

leati_range leati_range_empty(void);
void leati_range_add(leati_range *r, double value); /* not finite: ignored */
void leati_range_add_all(leati_range *r, const double *values, size_t count);
/* The extent of an axis: widened by `pad` of its length at both ends; 0..1 when empty; around the
 * value when there is but one; and so that hi - lo is finite. */
leati_range leati_range_widen(leati_range r, double pad);
/* The same for a logarithmic axis: by a factor; 1..10 when nothing is positive. */
leati_range leati_range_widen_log(leati_range r, double pad);

typedef enum leati_number_form { LEATI_PLAIN, LEATI_PERCENT } leati_number_form;

enum { LEATI_TICKS = 24, LEATI_TICK_SIZE = 48 };

typedef struct leati_ticks {
    double value[LEATI_TICKS];
    int count;
    int decimals;
    bool scientific; /* labels like 2.5 x 10^-7 */
    leati_number_form form;
} leati_ticks;

/* About `want` (2 to 20) round values in lo..hi; at least one. Linear: Talbot, Lin and Hanrahan,
 * "An extension of Wilkinson's algorithm for positioning tick labels on axes", IEEE TVCG 2010,
 * section 4, with the weights of its table (simplicity .2, coverage .25, density .5, legibility
 * .05) and the legibility of all candidates equal; at multiples of the step only. */
leati_ticks leati_ticks_linear(leati_range r, int want, leati_number_form form);
/* Powers of ten; with 2 and 5 between them when there are few; linear within one decade. */
leati_ticks leati_ticks_log(leati_range r, int want);
size_t leati_tick_text(const leati_ticks *t, double value, char out[LEATI_TICK_SIZE]);
/* The widest label in pixels at that font size. */
double leati_ticks_width(const leati_ticks *t, double size);

typedef struct leati_scale {
    leati_range range;
    bool log;
    double from, to; /* pixels of range.lo and range.hi */
} leati_scale;

/* NaN for values that have no place: not finite, or not positive on a logarithmic scale. */
double leati_scale_at(const leati_scale *s, double value);

#endif
