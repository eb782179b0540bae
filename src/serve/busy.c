/* Owns: the measure of load that the agent check tells. */
#include "serve/busy.h"

#include <math.h>

void leati_busy_add(leati_busy *b, double seconds, double busy_seconds, size_t waiting,
                    uint32_t threads)
{
    if (!(seconds > 0) || !threads) return;
    double step = 1 - exp(-seconds), all = seconds * threads;
    double share = busy_seconds > 0 ? fmin(1, busy_seconds / all) : 0;
    b->share += step * (share - b->share);
    b->queue += step * ((double)waiting / threads - b->queue);
}

unsigned leati_busy_weight(const leati_busy *b)
{
    double weight = round(100 * (1 - b->share) / (1 + b->queue));
    return (unsigned)fmax(LEATI_BUSY_LEAST, fmin(100, weight));
}
