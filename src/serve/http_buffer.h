/* A growing run of bytes, 64-byte aligned, for threads that record no errors. Starts as zeros. */
#ifndef LEATI_SERVE_HTTP_BUFFER_H
#define LEATI_SERVE_HTTP_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"

typedef struct leati_http_buffer {
    char *data;
    size_t size, capacity;
} leati_http_buffer;

/* Room for `more` bytes behind the present ones; false without memory, and nothing has changed. */
static inline bool leati_http_buffer_room(const leat_context *c, leati_http_buffer *b, size_t more)
{
    if (more <= b->capacity - b->size) return true;
    size_t need, wanted = b->capacity < 512 ? 512 : b->capacity;
    if (leati_add_overflows(b->size, more, &need) || need > SIZE_MAX / 2) return false;
    if (!b->data && wanted < need) wanted = need; /* whoever knows the length gets no more */
    while (wanted < need) wanted *= 2;
    char *fresh = leati_alloc_quiet(c, wanted);
    if (!fresh) return false;
    if (b->size) memcpy(fresh, b->data, b->size);
    leati_free(b->data);
    b->data = fresh;
    b->capacity = wanted;
    return true;
}

static inline bool leati_http_buffer_add(const leat_context *c, leati_http_buffer *b,
                                         const void *data, size_t length)
{
    if (!leati_http_buffer_room(c, b, length)) return false;
    if (length) memcpy(b->data + b->size, data, length);
    b->size += length;
    return true;
}

static inline void leati_http_buffer_free(leati_http_buffer *b)
{
    leati_free(b->data);
    *b = (leati_http_buffer){NULL, 0, 0};
}

/* Empties it for the next use; lets go of what is larger than `keep`. */
static inline void leati_http_buffer_reset(leati_http_buffer *b, size_t keep)
{
    if (b->capacity > keep) leati_http_buffer_free(b);
    b->size = 0;
}

#endif
