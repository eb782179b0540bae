/* How busy a server is, as one number for a balancer: smoothed, so that a burst of a moment does
 * not throw all requests at its neighbours.
 *
 * share s: the part of the time that its threads compute or wait for a processor (thread_time.h);
 * queue w: requests that wait, by thread. Both are smoothed exponentially with a time constant of a
 * second: s += (1 - exp(-dt / 1 s)) (measured - s). The weight is 100% (1 - s) / (1 + w), never
 * below 5%: a server without any requests could not show that it has become free. */
#ifndef LEATI_SERVE_BUSY_H
#define LEATI_SERVE_BUSY_H

#include <stddef.h>
#include <stdint.h>

enum { LEATI_BUSY_LEAST = 5 }; /* percent */

typedef struct leati_busy {
    double share, queue;
} leati_busy; /* starts as zeros */

/* What was measured since the last time: `seconds` that passed, what the threads wanted to compute
 * in them. */
void leati_busy_add(leati_busy *b, double seconds, double busy_seconds, size_t waiting,
                    uint32_t threads);
/* LEATI_BUSY_LEAST to 100 */
unsigned leati_busy_weight(const leati_busy *b);

#endif
