/* Owns: chained chunks of memory freed at once. */
#include "base/arena.h"

#include <string.h>

#include "base/mem.h"

typedef struct leati_arena_chunk {
    struct leati_arena_chunk *next;
    size_t size; /* of the space after this header */
    char space[] __attribute__((aligned(16)));
} chunk;

enum { CHUNK_BYTES = 16 * 1024, ALIGN = 16 };

void leati_arena_init(leati_arena *arena, leat_context *c)
{
    *arena = (leati_arena){.context = c};
}

void leati_arena_fini(leati_arena *arena)
{
    leati_arena_rewind(arena, (leati_arena_mark){0});
}

leati_arena_mark leati_arena_at(const leati_arena *arena)
{
    return (leati_arena_mark){arena->chunks, arena->used};
}

void leati_arena_rewind(leati_arena *arena, leati_arena_mark mark)
{
    while (arena->chunks != mark.chunks) {
        chunk *at = arena->chunks;
        arena->chunks = at->next;
        arena->bytes -= at->size;
        leati_free(at);
    }
    arena->used = mark.used;
}

void *leati_arena_alloc(leati_arena *arena, size_t bytes)
{
    size_t need = bytes < SIZE_MAX - ALIGN ? (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1) : bytes;
    chunk *top = arena->chunks;
    if (!top || top->size - arena->used < need) {
        size_t size = need > CHUNK_BYTES ? need : CHUNK_BYTES, total;
        if (leati_add_overflows(size, sizeof(chunk), &total)) total = SIZE_MAX;
        chunk *fresh = leati_alloc(arena->context, total);
        if (!fresh) return NULL;
        fresh->size = size;
        fresh->next = top;
        arena->chunks = top = fresh;
        arena->used = 0;
        arena->bytes += size;
    }
    void *p = top->space + arena->used;
    arena->used += need;
    return p;
}

void *leati_arena_calloc(leati_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (leati_mul_overflows(count, size, &bytes)) bytes = SIZE_MAX;
    void *p = leati_arena_alloc(arena, bytes);
    if (p) memset(p, 0, bytes);
    return p;
}

char *leati_arena_strndup(leati_arena *arena, const char *text, size_t length)
{
    char *copy = leati_arena_alloc(arena, length + 1);
    if (!copy) return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *leati_arena_strdup(leati_arena *arena, const char *text)
{
    return leati_arena_strndup(arena, text, strlen(text));
}
