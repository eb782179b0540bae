/* Owns: the memory of recent answers. Not: labels, nor what is counted of them (feedback.c). */
#include "serve/recent.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"

enum { PER_CHAIN = 4, LOOK_MOST = 4096 };

leat_status leati_recent_init(leat_context *c, leati_recent *r, size_t capacity)
{
    size_t size = 1024;
    if (pthread_mutex_init(&r->lock, NULL) != 0)
        return LEATI_FAIL(c, LEAT_NOMEM, "no memory for a lock");
    r->made = true;
    if (!capacity) return LEAT_OK;
    while (size < capacity && size < (size_t)1 << 30) size *= 2;
    /* Not cleared: memory is taken as answers come. */
    r->ring = leati_array(c, size, sizeof *r->ring);
    r->newest = LEATI_NEW(c, uint32_t, size / PER_CHAIN);
    if (!r->ring || !r->newest) return leat_error_status(c);
    r->capacity = size;
    r->chains = size / PER_CHAIN;
    return LEAT_OK;
}

void leati_recent_fini(leati_recent *r)
{
    if (r->made) pthread_mutex_destroy(&r->lock);
    leati_free(r->ring);
    leati_free(r->newest);
    *r = (leati_recent){.made = false};
}

/* The finisher of SplitMix64 (Steele, Lea and Flood 2014). */
uint64_t leati_recent_key(uint64_t hash, uint64_t row)
{
    uint64_t x = hash + row * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

void leati_recent_begin(leati_recent *r)
{
    pthread_mutex_lock(&r->lock);
}

void leati_recent_end(leati_recent *r)
{
    pthread_mutex_unlock(&r->lock);
}

/* Numbers are kept in 32 bits: those of answers that are still there are told apart by how far they
 * are behind the newest. */
void leati_recent_add(leati_recent *r, uint64_t key, uint32_t serial, double value, double chance)
{
    if (!r->capacity) return;
    uint32_t number = (uint32_t)++r->count, *chain = &r->newest[key & (r->chains - 1)];
    r->ring[number & (r->capacity - 1)] = (leati_recent_answer){
        .key = key, .value = value, .chance = chance, .serial = serial, .before = *chain};
    *chain = number;
}

static bool among(uint32_t serial, const uint32_t *serials, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (serials[i] == serial) return true;
    return false;
}

static leati_recalled look(leati_recent *r, uint64_t key, const uint32_t *serials, size_t count,
                           leati_recent_answer *out)
{
    uint32_t now = (uint32_t)r->count, number = r->newest[key & (r->chains - 1)], last = 0;
    for (int steps = 0; number && steps < LOOK_MOST; steps++) {
        uint32_t age = now - number;
        if (age >= r->capacity || age >= r->count || (steps && age <= last)) break;
        leati_recent_answer *a = &r->ring[number & (r->capacity - 1)];
        if (a->key == key && among(a->serial, serials, count)) {
            *out = *a;
            if (a->told) return LEATI_TOLD_BEFORE;
            a->told = true;
            return LEATI_RECALLED;
        }
        last = age;
        number = a->before;
    }
    return LEATI_UNKNOWN;
}

leati_recalled leati_recent_tell(leati_recent *r, uint64_t key, const uint32_t *serials,
                                 size_t count, leati_recent_answer *out)
{
    if (!r->capacity) return LEATI_UNKNOWN;
    pthread_mutex_lock(&r->lock);
    leati_recalled found = look(r, key, serials, count, out);
    pthread_mutex_unlock(&r->lock);
    return found;
}
