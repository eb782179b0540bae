/* Heap memory through the context's allocator.
 *
 * Every block remembers its heap, so it is freed without a context and may outlive the one that
 * made it. Blocks of 512 bytes or more are 64-byte aligned, smaller ones 16-byte. */
#ifndef LEATI_BASE_MEM_H
#define LEATI_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

/* NULL on failure, with LEAT_NOMEM or LEAT_LIMIT recorded. A size of 0 gives a block that may not
 * be read. Thread-safe but for the record of the error: workers use the _quiet forms. */
void *leati_alloc(leat_context *c, size_t bytes);
void *leati_calloc(leat_context *c, size_t count, size_t size);  /* checked product, zeroed */
void *leati_array(leat_context *c, size_t count, size_t size);   /* checked product */
void *leati_realloc(leat_context *c, void *block, size_t bytes); /* block stays on failure */
void leati_free(void *block);                                    /* NULL is fine */
char *leati_strdup(leat_context *c, const char *text);
char *leati_strndup(leat_context *c, const char *text, size_t length);
void *leati_memdup(leat_context *c, const void *data, size_t bytes);

/* As leati_alloc, recording nothing: for worker threads of the pool. */
void *leati_alloc_quiet(const leat_context *c, size_t bytes);

/* A typed array of `count` zeroed elements. */
#define LEATI_NEW(c, type, count) ((type *)leati_calloc((c), (count), sizeof(type)))

/* Grow *array (element size `size`, capacity *capacity) so that `need` elements fit; doubles.
 * On failure the array stays as it was. */
leat_status leati_grow(leat_context *c, void *array, size_t *capacity, size_t need, size_t size);

static inline bool leati_mul_overflows(size_t a, size_t b, size_t *out)
{
    return __builtin_mul_overflow(a, b, out);
}

static inline bool leati_add_overflows(size_t a, size_t b, size_t *out)
{
    return __builtin_add_overflow(a, b, out);
}

/* A context for another thread: its own errors and one thread, the allocator, limit, counts, CPU
 * level, precision and seed of `parent`, which it may outlive. leat_context_destroy. NOMEM is not
 * recorded. */
leat_status leati_context_branch(const leat_context *parent, leat_context **out);

/* Whether rows that are asked now are made up, as those that mix or shuffle others to explain a
 * model, or warm it up: they need not be such as it would be asked for an answer. set: gives what
 * was. */
bool leati_context_made_up(const leat_context *c);
bool leati_context_set_made_up(leat_context *c, bool made_up);

/* The heap behind a context: allocator, counts. Lives until the context and all blocks are gone. */
typedef struct leati_heap leati_heap;
leati_heap *leati_heap_create(const leat_allocator *allocator, uint64_t max_bytes);
leati_heap *leati_heap_retain(leati_heap *heap);
void leati_heap_release(leati_heap *heap);
void *leati_heap_alloc(leati_heap *heap, size_t bytes, leat_status *why);
uint64_t leati_heap_bytes(const leati_heap *heap);
uint64_t leati_heap_peak(const leati_heap *heap);
uint64_t leati_heap_limit(const leati_heap *heap);

#endif
