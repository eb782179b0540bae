/* Lines of text from one thread that must never wait to one that may: a ring of bytes without
 * locks. A line that finds no room is dropped and counted. */
#ifndef LEATI_SERVE_LINE_RING_H
#define LEATI_SERVE_LINE_RING_H

#include <leat/context.h>

#include <stdatomic.h>
#include <stdbool.h>

typedef struct leati_line_ring {
    /* Of the producer: behind its last line; behind the last line before it began anew at 0. */
    _Alignas(64) atomic_size_t head, wrap;
    atomic_uint_least64_t lines, dropped;
    size_t at; /* where the line stands that is being written */
    char *data;
    size_t size;
    /* Of the consumer: behind what it has taken. */
    _Alignas(64) atomic_size_t tail;
} leati_line_ring;

leat_status leati_line_ring_init(leat_context *c, leati_line_ring *r, size_t size);
void leati_line_ring_fini(leati_line_ring *r); /* idempotent; a ring of zeros is fine */

/* The producer. Room for a line of at most that many bytes; NULL: it is dropped. */
char *leati_line_ring_room(leati_line_ring *r, size_t most);
/* The line is complete. True: the ring became half full by it, the consumer should be woken. */
bool leati_line_ring_put(leati_line_ring *r, size_t used);
void leati_line_ring_drop(leati_line_ring *r);

/* The consumer. Whole lines that stand together; NULL: there are none now. */
const char *leati_line_ring_peek(leati_line_ring *r, size_t *size);
void leati_line_ring_take(leati_line_ring *r, size_t size);

#endif
