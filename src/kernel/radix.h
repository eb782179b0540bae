/* Template: stable radix sort of unsigned keys, least significant digit first, optionally carrying
 * an order. The includer defines K (key type) and NAME(x).
 *
 * Keys are cut into chunks; each pass counts the digits of every chunk and then moves the chunks to
 * places of their own. A stable order is unique, so the cut does not matter to the result. */

typedef struct NAME(radix) {
    K *key, *key_to;
    uint32_t *order, *order_to; /* NULL: keys only */
    size_t count, chunks;
    unsigned shift, bits;
    size_t *place; /* [chunk][digit]: counts, then places */
} NAME(radix);

static void NAME(count_task)(void *arg, size_t task, unsigned worker)
{
    const NAME(radix) *r = arg;
    size_t digits = (size_t)1 << r->bits, *count = r->place + task * digits;
    size_t from = leati_task_start(r->count, r->chunks, task);
    size_t to = leati_task_start(r->count, r->chunks, task + 1);
    K mask = (K)(digits - 1);
    (void)worker;
    memset(count, 0, digits * sizeof *count);
    for (size_t i = from; i < to; i++) count[r->key[i] >> r->shift & mask]++;
}

static void NAME(move_task)(void *arg, size_t task, unsigned worker)
{
    const NAME(radix) *r = arg;
    size_t digits = (size_t)1 << r->bits, *place = r->place + task * digits;
    size_t from = leati_task_start(r->count, r->chunks, task);
    size_t to = leati_task_start(r->count, r->chunks, task + 1);
    K mask = (K)(digits - 1);
    (void)worker;
    if (!r->order) {
        for (size_t i = from; i < to; i++)
            r->key_to[place[r->key[i] >> r->shift & mask]++] = r->key[i];
        return;
    }
    for (size_t i = from; i < to; i++) {
        size_t at = place[r->key[i] >> r->shift & mask]++;
        r->key_to[at] = r->key[i];
        r->order_to[at] = r->order[i];
    }
}

/* Counts to places; false when all keys share the digit and nothing need move. */
static bool NAME(places)(const NAME(radix) * r)
{
    size_t digits = (size_t)1 << r->bits, at = 0;
    for (size_t d = 0; d < digits; d++) {
        size_t before = at;
        for (size_t chunk = 0; chunk < r->chunks; chunk++) {
            size_t *place = &r->place[chunk * digits + d], n = *place;
            *place = at;
            at += n;
        }
        if (at - before == r->count) return false;
    }
    return true;
}

static void NAME(insertion)(K *key, uint32_t *order, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        K k = key[i];
        uint32_t o = order ? order[i] : 0;
        size_t j = i;
        for (; j > 0 && key[j - 1] > k; j--) {
            key[j] = key[j - 1];
            if (order) order[j] = order[j - 1];
        }
        key[j] = k;
        if (order) order[j] = o;
    }
}

/* Sorts key[0..count) and, unless NULL, order[0..count) with it; both are replaced by the other
 * of two buffers when that is where the result ends: *key and *order say where. */
static leat_status NAME(sort)(leat_context *c, K **key, K *key_to, uint32_t **order,
                              uint32_t *order_to, size_t count)
{
    NAME(radix) r = {.key = *key, .key_to = key_to, .order = order ? *order : NULL};
    if (count <= INSERTION) {
        NAME(insertion)(r.key, r.order, count);
        return LEAT_OK;
    }
    r.order_to = order_to;
    r.count = count;
    r.bits = count < FEW_KEYS ? 8 : 11;
    r.chunks = leati_task_count(count, CHUNK_KEYS, MOST_CHUNKS);
    r.place = leati_array(c, r.chunks << r.bits, sizeof *r.place);
    if (!r.place) return leat_error_status(c);
    for (r.shift = 0; r.shift < 8 * sizeof(K); r.shift += r.bits) {
        leati_parallel(c, r.chunks, NAME(count_task), &r);
        if (!NAME(places)(&r)) continue;
        leati_parallel(c, r.chunks, NAME(move_task), &r);
        K *old = r.key;
        uint32_t *old_order = r.order;
        r.key = r.key_to;
        r.key_to = old;
        r.order = r.order_to;
        r.order_to = old_order;
    }
    leati_free(r.place);
    *key = r.key;
    if (order) *order = r.order;
    return LEAT_OK;
}

#undef K
