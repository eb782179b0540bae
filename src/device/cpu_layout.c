/* Owns: turning (N, C, plane) to (N, plane, C) and back; pieces of scratch. */
#include "device/cpu_layout.h"

#include <string.h>

#include "base/pool.h"
#include "kernel/net_kernels.h"

typedef struct swap {
    const leati_net_kernels *k;
    size_t rows, columns, pieces;
    const float *in;
    float *out;
} swap;

enum { BAND = 64 };

static void swap_band(void *arg, size_t task, unsigned worker)
{
    const swap *s = arg;
    (void)worker;
    size_t image = task / s->pieces, first = task % s->pieces * BAND;
    size_t n = s->rows - first < BAND ? s->rows - first : BAND;
    size_t plane = image * s->rows * s->columns;
    s->k->transpose(n, s->columns, s->in + plane + first * s->columns, s->columns,
                    s->out + plane + first, s->rows);
}

void leati_cpu_swap_f32(leat_context *c, size_t batch, size_t rows, size_t columns, const float *in,
                        float *out)
{
    swap s = {.k = leati_net_kernels_of(c),
              .rows = rows,
              .columns = columns,
              .pieces = (rows + BAND - 1) / BAND,
              .in = in,
              .out = out};
    leati_parallel(c, batch * s.pieces, swap_band, &s);
}

void leati_cpu_fill(char *to, const void *value, size_t size, size_t count)
{
    char line[64];
    size_t bytes = count * size, some = bytes < sizeof line ? bytes : sizeof line, i = 0;
    for (size_t k = 0; k < some; k += size) memcpy(line + k, value, size);
    for (; i + sizeof line <= bytes; i += sizeof line) memcpy(to + i, line, sizeof line);
    memcpy(to + i, line, bytes - i);
}

void *leati_cpu_take(leati_cpu_room *room, size_t bytes)
{
    void *at = room->at ? room->at + room->bytes : NULL;
    room->bytes += (bytes + 63) / 64 * 64;
    return at;
}
