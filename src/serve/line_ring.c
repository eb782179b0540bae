/* Owns: the ring of lines. Not: who writes them out (line_log.c). */
#include "serve/line_ring.h"

#include "base/mem.h"

leat_status leati_line_ring_init(leat_context *c, leati_line_ring *r, size_t size)
{
    r->data = leati_alloc(c, size);
    if (!r->data) return leat_error_status(c);
    r->size = size;
    return LEAT_OK;
}

void leati_line_ring_fini(leati_line_ring *r)
{
    leati_free(r->data);
    r->data = NULL;
}

static void count(atomic_uint_least64_t *n)
{
    uint64_t old = atomic_load_explicit(n, memory_order_relaxed);
    atomic_store_explicit(n, old + 1, memory_order_relaxed);
}

void leati_line_ring_drop(leati_line_ring *r)
{
    count(&r->dropped);
}

/* head == tail: empty. While head is below tail, lines stand from tail to wrap and from 0 to head,
 * so a line must leave a byte between. */
char *leati_line_ring_room(leati_line_ring *r, size_t most)
{
    size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    size_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
    if (head < tail) {
        r->at = tail - head > most ? head : SIZE_MAX;
    } else if (r->size - head >= most) {
        r->at = head;
    } else {
        r->at = tail > most ? 0 : SIZE_MAX;
    }
    if (r->at != SIZE_MAX) return r->data + r->at;
    leati_line_ring_drop(r);
    return NULL;
}

static size_t waiting(size_t head, size_t tail, size_t size)
{
    return head >= tail ? head - tail : size - (tail - head);
}

bool leati_line_ring_put(leati_line_ring *r, size_t used)
{
    size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    size_t before = waiting(head, tail, r->size);
    if (r->at != head) atomic_store_explicit(&r->wrap, head, memory_order_relaxed);
    atomic_store_explicit(&r->head, r->at + used, memory_order_release);
    count(&r->lines);
    return before < r->size / 2 && waiting(r->at + used, tail, r->size) >= r->size / 2;
}

const char *leati_line_ring_peek(leati_line_ring *r, size_t *size)
{
    size_t head = atomic_load_explicit(&r->head, memory_order_acquire);
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    if (head < tail) {
        size_t wrap = atomic_load_explicit(&r->wrap, memory_order_relaxed);
        *size = wrap - tail;
        if (*size) return r->data + tail;
        tail = 0;
        atomic_store_explicit(&r->tail, 0, memory_order_release);
    }
    *size = head - tail;
    return *size ? r->data + tail : NULL;
}

void leati_line_ring_take(leati_line_ring *r, size_t size)
{
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    atomic_store_explicit(&r->tail, tail + size, memory_order_release);
}
