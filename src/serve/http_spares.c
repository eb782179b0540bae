/* Owns: which large buffers are kept, and for how long. */
#include "serve/http_spares.h"

enum { TICKS = 2 };

void leati_http_spares_take(leati_http_spares *s, leati_http_buffer *b, size_t need)
{
    leati_http_buffer *best = NULL;
    if (b->capacity >= need) return;
    for (size_t i = 0; i < LEATI_HTTP_SPARES; i++) {
        leati_http_buffer *spare = &s->of[i];
        if (spare->capacity >= need && (!best || spare->capacity < best->capacity)) best = spare;
    }
    if (!best) return;
    leati_http_buffer less = *b;
    *b = *best;
    b->size = 0;
    *best = (leati_http_buffer){NULL, 0, 0};
    leati_http_buffer_free(&less);
}

/* In the place of a smaller one where all are taken. */
void leati_http_spares_give(leati_http_spares *s, leati_http_buffer *b, size_t least)
{
    size_t at = 0;
    if (b->capacity <= least) return;
    for (size_t i = 1; i < LEATI_HTTP_SPARES; i++)
        if (s->of[i].capacity < s->of[at].capacity) at = i;
    if (b->capacity <= LEATI_HTTP_SPARE_BYTES && b->capacity > s->of[at].capacity) {
        leati_http_buffer_free(&s->of[at]);
        s->of[at] = *b;
        s->age[at] = 0;
        *b = (leati_http_buffer){NULL, 0, 0};
    }
    leati_http_buffer_free(b);
}

void leati_http_spares_tick(leati_http_spares *s)
{
    for (size_t i = 0; i < LEATI_HTTP_SPARES; i++)
        if (s->of[i].data && ++s->age[i] >= TICKS) leati_http_buffer_free(&s->of[i]);
}

void leati_http_spares_fini(leati_http_spares *s)
{
    for (size_t i = 0; i < LEATI_HTTP_SPARES; i++) leati_http_buffer_free(&s->of[i]);
}
