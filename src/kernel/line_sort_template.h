/* Template: stable sorting of keys that carry their places. The includer defines K, an unsigned
 * type, and NAME(x); a key and its place are both of that type. */

typedef struct NAME(keyed) {
    K key, at;
} NAME(keyed);

static void NAME(insertion)(NAME(keyed) * x, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        NAME(keyed) e = x[i];
        size_t j = i;
        for (; j > 0 && x[j - 1].key > e.key; j--) x[j] = x[j - 1];
        x[j] = e;
    }
}

/* Least significant digit first; digits that all keys share cost a look at their counts only. */
static void NAME(radix)(NAME(keyed) * x, NAME(keyed) * other, size_t n)
{
    enum { BITS = 8, DIGITS = 1 << BITS, PASSES = sizeof(K) };
    size_t count[PASSES][DIGITS];
    NAME(keyed) *from = x, *to = other;
    memset(count, 0, sizeof count);
    for (size_t i = 0; i < n; i++)
        for (unsigned p = 0; p < PASSES; p++) count[p][x[i].key >> (p * BITS) & (DIGITS - 1)]++;
    for (unsigned p = 0; p < PASSES; p++) {
        if (count[p][x[0].key >> (p * BITS) & (DIGITS - 1)] == n) continue;
        size_t at = 0;
        for (size_t d = 0; d < DIGITS; d++) {
            size_t here = count[p][d];
            count[p][d] = at;
            at += here;
        }
        for (size_t i = 0; i < n; i++)
            to[count[p][from[i].key >> (p * BITS) & (DIGITS - 1)]++] = from[i];
        NAME(keyed) *swap = from;
        from = to;
        to = swap;
    }
    if (from != x) memcpy(x, from, n * sizeof *x);
}

static void NAME(merge)(const NAME(keyed) * a, size_t m, const NAME(keyed) * b, size_t n,
                        NAME(keyed) * to)
{
    const NAME(keyed) *a_end = a + m, *b_end = b + n;
    while (a < a_end && b < b_end) { /* no branch on the keys: nobody could foresee it */
        size_t right = b->key < a->key;
        const NAME(keyed) *next = right ? b : a;
        *to++ = *next;
        b += right;
        a += 1 - right;
    }
    m = (size_t)(a_end - a);
    n = (size_t)(b_end - b);
    memcpy(to, a, m * sizeof *a);
    memcpy(to + m, b, n * sizeof *b);
}

/* Stable. `other` has room for as many. */
static void NAME(sort)(NAME(keyed) * x, NAME(keyed) * other, size_t n)
{
    enum { INSERTION = 24, MERGED = 4 * sizeof(K) * INSERTION };
    if (n <= INSERTION) {
        NAME(insertion)(x, n);
    } else if (n <= MERGED) {
        size_t half = n / 2;
        NAME(sort)(x, other, half);
        NAME(sort)(x + half, other, n - half);
        memcpy(other, x, n * sizeof *x);
        NAME(merge)(other, half, other + half, n - half, x);
    } else {
        NAME(radix)(x, other, n);
    }
}

/* The first k of the sorted order, in order: x[0 .. k). Whatever beats the k-th so far is gathered
 * behind it; when the room of 2 k + 64 is full, it is sorted and cut. */
static void NAME(first)(NAME(keyed) * x, NAME(keyed) * room, size_t n, size_t k)
{
    size_t held = 0, most = 2 * k + 64;
    K cut = (K) ~(K)0;
    bool full = false;
    for (size_t i = 0; i < n; i++) {
        if (full && x[i].key >= cut) continue; /* of equals the first stays */
        room[held++] = x[i];
        if (held < most) continue;
        NAME(sort)(room, room + most, held);
        held = k;
        cut = room[k - 1].key;
        full = true;
    }
    NAME(sort)(room, room + most, held);
    memcpy(x, room, (held < k ? held : k) * sizeof *x);
}

/* Where the first `count` elements of the merged a and b come from: so many of a. */
static size_t NAME(split)(const NAME(keyed) * a, size_t m, const NAME(keyed) * b, size_t n,
                          size_t count)
{
    size_t low = count > n ? count - n : 0, high = count < m ? count : m;
    while (low < high) { /* the least i whose a[i] comes behind b[count - 1 - i] */
        size_t i = low + (high - low) / 2;
        if (a[i].key <= b[count - 1 - i].key) low = i + 1;
        else high = i;
    }
    return low;
}

/* ---- one long line on all threads --------------------------------------------------------------
 */

typedef struct NAME(long_line) {
    const leati_sort_line *line;
    NAME(keyed) * x, *other;
    size_t chunks, width; /* merging runs of `width` chunks */
} NAME(long_line);

static size_t NAME(border)(const NAME(long_line) * l, size_t chunk)
{
    return leati_task_start(l->line->count, l->chunks, chunk < l->chunks ? chunk : l->chunks);
}

static void NAME(chunk_task)(void *arg, size_t task, unsigned worker)
{
    const NAME(long_line) *l = arg;
    size_t from = NAME(border)(l, task), to = NAME(border)(l, task + 1);
    (void)worker;
    NAME(keys)(l->line, from, to, l->x + from);
    NAME(sort)(l->x + from, l->other + from, to - from);
}

/* The elements of one chunk of the result. */
static void NAME(merge_task)(void *arg, size_t task, unsigned worker)
{
    const NAME(long_line) *l = arg;
    size_t first = task / (2 * l->width) * 2 * l->width, start = NAME(border)(l, first);
    size_t m = NAME(border)(l, first + l->width) - start;
    size_t n = NAME(border)(l, first + 2 * l->width) - start - m;
    const NAME(keyed) *a = l->x + start, *b = a + m;
    size_t from = NAME(border)(l, task) - start, to = NAME(border)(l, task + 1) - start;
    size_t i = NAME(split)(a, m, b, n, from), j = NAME(split)(a, m, b, n, to);
    (void)worker;
    NAME(merge)(a + i, j - i, b + (from - i), (to - j) - (from - i), l->other + start + from);
}

/* Returns where the result lies: in x or in other. */
static NAME(keyed) * NAME(sort_long)(leat_context *c, const leati_sort_line *line, NAME(keyed) * x,
                                     NAME(keyed) * other)
{
    enum { KEYS = 64 << 10, MOST = 64 };
    NAME(long_line) l = {.line = line, .x = x, .other = other, .chunks = 2};
    while (l.chunks < MOST && l.chunks * KEYS < line->count) l.chunks *= 2;
    leati_parallel(c, l.chunks, NAME(chunk_task), &l);
    for (l.width = 1; l.width < l.chunks; l.width *= 2) {
        leati_parallel(c, l.chunks, NAME(merge_task), &l);
        NAME(keyed) *swap = l.x;
        l.x = l.other;
        l.other = swap;
    }
    return l.x;
}
