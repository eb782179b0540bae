/* What a learning rate range test (trainer.h) says of one rate. */
#ifndef LEATI_NN_RATE_POINT_H
#define LEATI_NN_RATE_POINT_H

/* smooth: the running mean of the losses, decay 0.9, corrected for its start at 0 (as by Kingma and
 * Ba 2015, section 3). */
typedef struct leati_rate_point {
    double rate, loss, smooth;
} leati_rate_point;
/* Steps until the running mean of the losses of small batches is one of more than their noise. */
enum { LEATI_RATE_SETTLED = 10 };

#endif
