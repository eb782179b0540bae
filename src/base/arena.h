/* Many small allocations freed at once: parse trees, graph nodes, one request. */
#ifndef LEATI_BASE_ARENA_H
#define LEATI_BASE_ARENA_H

#include <stddef.h>

#include <leat/context.h>

typedef struct leati_arena {
    leat_context *context;
    struct leati_arena_chunk *chunks; /* newest first */
    size_t used;                      /* of the newest */
    size_t bytes;                     /* of all chunks */
} leati_arena;

/* A place in an arena. */
typedef struct leati_arena_mark {
    struct leati_arena_chunk *chunks;
    size_t used;
} leati_arena_mark;

void leati_arena_init(leati_arena *arena, leat_context *c);
void leati_arena_fini(leati_arena *arena); /* frees everything; arena may be used again */
/* Where it stands; and back there, which frees all that was allocated since. */
leati_arena_mark leati_arena_at(const leati_arena *arena);
void leati_arena_rewind(leati_arena *arena, leati_arena_mark mark);
/* 16-byte aligned; NULL on failure, recorded in the context. */
void *leati_arena_alloc(leati_arena *arena, size_t bytes);
void *leati_arena_calloc(leati_arena *arena, size_t count, size_t size);
char *leati_arena_strndup(leati_arena *arena, const char *text, size_t length);
char *leati_arena_strdup(leati_arena *arena, const char *text);

#endif
