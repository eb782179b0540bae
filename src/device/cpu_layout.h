/* Layouts of activations on the CPU. */
#ifndef LEATI_DEVICE_CPU_LAYOUT_H
#define LEATI_DEVICE_CPU_LAYOUT_H

#include "device/step.h"

/* out (batch, columns, rows) = in (batch, rows, columns) with the last two swapped. */
void leati_cpu_swap_f32(leat_context *c, size_t batch, size_t rows, size_t columns, const float *in,
                        float *out);

/* Room in a step's scratch, handed out piece by piece; with room NULL only counted. */
typedef struct leati_cpu_room {
    char *at;
    size_t bytes;
} leati_cpu_room;
void *leati_cpu_take(leati_cpu_room *room, size_t bytes);

/* `count` times the element of `size` bytes (a divisor of 64) at `value`, by lines of the cache. */
void leati_cpu_fill(char *to, const void *value, size_t size, size_t count);

#endif
