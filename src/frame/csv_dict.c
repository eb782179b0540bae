/* Owns: the hash table of one column's texts (linear probing). */
#include "frame/csv_dict.h"

#include <string.h>

#include "base/mem.h"
#include "base/num_scan.h"

enum {
    FIRST = 64,
    AHEAD = 8,   /* bytes that may be read behind a text */
    STRIDE = 32, /* words between asking for a slot and using it */
    LARGE = 4096 /* texts that no longer fit the nearest cache */
};

void leati_csv_dict_fini(leati_csv_dict *d)
{
    leati_free(d->slots);
    leati_free(d->offsets);
    leati_free(d->bytes);
    *d = (leati_csv_dict){0};
}

/* Memory that is reserved and not used costs nothing; memory that is moved does. */
static bool grow(const leat_context *c, void *array, size_t *capacity, size_t need, size_t size,
                 double ahead)
{
    if (need <= *capacity) return true;
    size_t wanted = need + need / 2 + FIRST, bytes, used;
    if ((double)need * ahead > (double)wanted) wanted = (size_t)((double)need * ahead);
    if (leati_mul_overflows(wanted, size, &bytes)) return false;
    void *fresh = leati_alloc_quiet(c, bytes), *old;
    if (!fresh) return false;
    memcpy(&old, array, sizeof old);
    used = *capacity * size;
    if (used) memcpy(fresh, old, used);
    leati_free(old);
    memcpy(array, &fresh, sizeof fresh);
    *capacity = wanted;
    return true;
}

static bool resize_slots(const leat_context *c, leati_csv_dict *d, size_t texts)
{
    size_t count = d->slot_count ? d->slot_count : FIRST;
    while (count / 3 * 2 <= texts) count *= 2;
    if (count == d->slot_count) return true;
    if (count > (size_t)UINT32_MAX + 1) return false;
    leati_csv_slot *fresh = leati_alloc_quiet(c, count * sizeof *fresh);
    if (!fresh) return false;
    memset(fresh, 0, count * sizeof *fresh);
    for (size_t i = 0; i < d->slot_count; i++) {
        if (!d->slots[i].entry) continue;
        size_t at = d->slots[i].hash & (count - 1);
        while (fresh[at].entry) at = (at + 1) & (count - 1);
        fresh[at] = d->slots[i];
    }
    leati_free(d->slots);
    d->slots = fresh;
    d->slot_count = count;
    return true;
}

/* Eight bytes a step; both are readable so far. */
static inline bool same(const char *a, const char *b, size_t n)
{
    for (; n > 8; n -= 8, a += 8, b += 8)
        if (leati_load8(a) != leati_load8(b)) return false;
    return n == 0 || (leati_load8(a) ^ leati_load8(b)) << (64 - 8 * n) == 0;
}

/* Eight bytes a step; as many may be read and written behind the end. */
static inline void copy(char *to, const char *from, size_t n)
{
    for (size_t i = 0; i < n; i += 8) memcpy(to + i, from + i, 8);
}

static uint32_t append(const leat_context *c, leati_csv_dict *d, const leati_csv_word *w)
{
    size_t end = d->count ? d->offsets[d->count] : 0, need = end + w->length + 1;
    if (d->count >= LEATI_CSV_NONE - 1 ||
        !grow(c, &d->offsets, &d->offset_capacity, (size_t)d->count + 2, sizeof *d->offsets,
              d->ahead) ||
        !grow(c, &d->bytes, &d->byte_capacity, need + AHEAD, 1, d->ahead))
        return LEATI_CSV_NONE;
    copy(d->bytes + end, w->text, w->length);
    d->bytes[end + w->length] = '\0';
    d->offsets[d->count] = end;
    d->offsets[d->count + 1] = need;
    return d->count++;
}

static inline uint32_t put(const leat_context *c, leati_csv_dict *d, const leati_csv_word *w)
{
    size_t at = w->hash & (d->slot_count - 1), length;
    for (; d->slots[at].entry; at = (at + 1) & (d->slot_count - 1)) {
        if (d->slots[at].hash != w->hash) continue;
        uint32_t entry = d->slots[at].entry - 1;
        const char *text = leati_csv_dict_text(d, entry, &length);
        if (length == w->length && same(text, w->text, length)) return entry;
    }
    uint32_t entry = append(c, d, w);
    if (entry != LEATI_CSV_NONE) d->slots[at] = (leati_csv_slot){w->hash, entry + 1};
    return entry;
}

/* Ask the memory for what the words to come will touch: the slot, then the place of the text that
 * it names, then that text. Always in line: GCC takes a function that only prefetches for one
 * without effect and drops the calls. */
LEATI_INLINE void ask(const leati_csv_dict *d, const leati_csv_word *w)
{
    size_t mask = d->slot_count - 1;
    __builtin_prefetch(&d->slots[w[STRIDE].hash & mask]);
    uint32_t next = d->slots[w[STRIDE / 2].hash & mask].entry;
    if (next) __builtin_prefetch(&d->offsets[next - 1]);
    uint32_t soon = d->slots[w[STRIDE / 4].hash & mask].entry;
    if (soon) __builtin_prefetch(d->bytes + d->offsets[soon - 1]);
}

bool leati_csv_dict_put(const leat_context *c, leati_csv_dict *d, const leati_csv_word *words,
                        size_t count, uint32_t *codes)
{
    for (size_t i = 0; i < count; i++) {
        if (d->count >= d->slot_count / 3 * 2) {
            size_t likely = (size_t)((double)d->count * d->ahead);
            if (!resize_slots(c, d, likely > d->count ? likely : d->count)) return false;
        }
        if (i + STRIDE < count && d->count > LARGE) ask(d, words + i);
        codes[i] = words[i].text ? put(c, d, &words[i]) : 0;
        if (codes[i] == LEATI_CSV_NONE) return false;
    }
    return true;
}
