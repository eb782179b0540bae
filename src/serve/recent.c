/* Owns: the memory of recent answers. Not: labels, nor what is counted of them (feedback.c). */
#include "serve/recent.h"

#include <math.h>
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
    r->value = leati_array(c, size, sizeof *r->value);
    r->chance = leati_array(c, size, sizeof *r->chance);
    r->told = leati_array(c, size, sizeof *r->told);
    r->ring = leati_array(c, size, sizeof *r->ring);
    r->newest = LEATI_NEW(c, uint32_t, size / PER_CHAIN);
    if (!r->value || !r->chance || !r->told || !r->ring || !r->newest) return leat_error_status(c);
    r->capacity = size;
    r->chains = size / PER_CHAIN;
    return LEAT_OK;
}

void leati_recent_fini(leati_recent *r)
{
    if (r->made) pthread_mutex_destroy(&r->lock);
    leati_free(r->value);
    leati_free(r->chance);
    leati_free(r->told);
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

static leati_recent_run *run_at(const leati_recent *r, uint64_t number)
{
    return &r->ring[number & (r->capacity - 1)];
}

static void add_answers(leati_recent *r, size_t count, const double *value, const double *proba)
{
    size_t past = count > r->capacity ? count - r->capacity : 0; /* would be written over */
    r->answers += past;
    for (size_t done = past; done < count;) {
        size_t at = r->answers & (r->capacity - 1), n = count - done;
        if (n > r->capacity - at) n = r->capacity - at;
        memcpy(r->value + at, value + done, n * sizeof *value);
        memset(r->told + at, 0, n * sizeof *r->told);
        for (size_t i = 0; proba && i < n; i++) r->chance[at + i] = proba[2 * (done + i) + 1];
        r->answers += n;
        done += n;
    }
}

/* Numbers of runs are kept in 32 bits: those that are still there are told apart by how far they
 * are behind the newest. */
void leati_recent_add(leati_recent *r, uint64_t hash, uint64_t row, uint32_t serial, size_t count,
                      const double *value, const double *proba)
{
    if (!r->capacity || !count || row + count > INT32_MAX) return;
    leati_recent_run *last = run_at(r, r->runs);
    bool chances = proba != NULL;
    if (r->runs && last->hash == hash && last->serial == serial && last->chances == chances &&
        (uint64_t)last->row + last->rows == row) {
        last->rows = (uint32_t)(last->rows + count) & INT32_MAX;
    } else {
        uint32_t *chain = &r->newest[leati_recent_key(hash, 0) & (r->chains - 1)];
        r->runs++;
        *run_at(r, r->runs) = (leati_recent_run){.hash = hash,
                                                 .row = (uint32_t)row,
                                                 .rows = (uint32_t)count & INT32_MAX,
                                                 .number = r->answers,
                                                 .serial = serial,
                                                 .before = *chain,
                                                 .chances = chances};
        *chain = (uint32_t)r->runs;
    }
    add_answers(r, count, value, proba);
}

static bool among(uint32_t serial, const uint32_t *serials, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (serials[i] == serial) return true;
    return false;
}

/* Whether the run has an answer to the row that is still there: its place. */
static bool holds(const leati_recent *r, const leati_recent_run *run, uint64_t row, size_t *at)
{
    if (row < run->row || row - run->row >= run->rows) return false;
    uint64_t number = run->number + (row - run->row);
    *at = number & (r->capacity - 1);
    return r->answers - number <= r->capacity;
}

static leati_recalled look(leati_recent *r, uint64_t hash, uint64_t row, const uint32_t *serials,
                           size_t count, leati_recent_answer *out)
{
    uint32_t now = (uint32_t)r->runs, last = 0;
    uint32_t number = r->newest[leati_recent_key(hash, 0) & (r->chains - 1)];
    for (int steps = 0; number && steps < LOOK_MOST; steps++) {
        uint32_t age = now - number;
        size_t at;
        if (age >= r->capacity || age >= r->runs || (steps && age <= last)) break;
        const leati_recent_run *run = run_at(r, number);
        if (run->hash == hash && among(run->serial, serials, count) && holds(r, run, row, &at)) {
            *out = (leati_recent_answer){r->value[at], run->chances ? r->chance[at] : (double)NAN};
            if (r->told[at]) return LEATI_TOLD_BEFORE;
            r->told[at] = true;
            return LEATI_RECALLED;
        }
        last = age;
        number = run->before;
    }
    return LEATI_UNKNOWN;
}

leati_recalled leati_recent_tell(leati_recent *r, uint64_t hash, uint64_t row,
                                 const uint32_t *serials, size_t count, leati_recent_answer *out)
{
    if (!r->capacity) return LEATI_UNKNOWN;
    pthread_mutex_lock(&r->lock);
    leati_recalled found = look(r, hash, row, serials, count, out);
    pthread_mutex_unlock(&r->lock);
    return found;
}
