/* Owns: judging requests by their keys: the table of digests, limits, usage, the thread that keeps
 * them up to date. Not: keys at rest (key_store.c), HTTP. */
#include "serve/keys.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/published.h"
#include "model/registry.h"

enum { LOOK_MS = 250, LOOKS_PER_WRITE = 4, DAY_SHIFT = 44 };
#define ROWS_MASK ((UINT64_C(1) << DAY_SHIFT) - 1)

/* Of a name, from its first appearance to the end: what survives changes of the table. */
struct leati_key_state {
    struct leati_key_state *next;
    char name[LEATI_NAME_MOST + 1];
    /* When the bucket is full again, ns of the steady clock (GCRA: ITU-T I.371, annex A): one word
     * is the whole token bucket. */
    atomic_uint_fast64_t full_at;
    /* Day and rows used on it, in one word: days << DAY_SHIFT | rows. Requests under way have a
     * part of them, which may come back. */
    atomic_uint_fast64_t used;
    atomic_uint_fast64_t under_way;
    atomic_uint_fast64_t quota; /* 0: none; with one, what other servers used counts */
    /* Since the server began: requests, rows, bytes, us, errors, refused. */
    atomic_uint_fast64_t use[LEATI_KEY_USES];
    /* Of the thread alone: the rows of `used` that the store is known to hold, and for which day.
     */
    uint64_t stored_rows;
    int64_t stored_day;
    uint64_t written[LEATI_KEY_USES]; /* of `use`: what is in the store */
    uint64_t taken[LEATI_KEY_USES];   /* what is to be written beyond that */
};

/* A digest that works, with all that a check needs. */
typedef struct entry {
    uint8_t digest[32];
    leati_key_state *state;
    unsigned scopes;
    bool revoked;
    int64_t expires, until;       /* 0: never; until: of a secret that was replaced */
    uint64_t interval, tolerance; /* ns per request and of a full burst less one; 0: no rate */
    uint64_t burst, quota;
    const char *models; /* ",a,b," or "" */
    size_t models_at;   /* where they begin in the table's texts, which move while they grow */
} entry;

typedef struct table {
    entry *entries;
    uint32_t *slots; /* 1 + entry, 0: free; a power of two of them */
    size_t count, capacity, slot_count;
    char *texts; /* of models */
    size_t text_size, text_capacity;
} table;

struct leati_keys {
    leati_published table;
    leati_sha256 blank; /* a hash of nothing: asking what the processor can is slow under a
                           hypervisor, so it is asked once */
    _Atomic(leati_key_state *) states; /* only the thread adds; entries of the table point there */
    leat_context *context;             /* the thread's */
    leati_sql *db;                     /* the thread's; NULL while the store cannot be opened */
    char *where;
    int64_t generation;
    pthread_t thread;
    pthread_mutex_t lock; /* of `stop`, and of the thread's things while refresh uses them */
    pthread_cond_t wake;
    bool stop, runs;
};

/* --- the table -------------------------------------------------------------------------------- */

static void table_free(table *t)
{
    if (!t) return;
    leati_free(t->entries);
    leati_free(t->slots);
    leati_free(t->texts);
    leati_free(t);
}

static uint64_t first_bytes(const uint8_t digest[32])
{
    uint64_t value;
    memcpy(&value, digest, sizeof value);
    return value;
}

/* The whole digest is compared whatever differs. */
static bool same_digest(const uint8_t *a, const uint8_t *b)
{
    unsigned differing = 0;
    for (int i = 0; i < 32; i++) differing |= (unsigned)(a[i] ^ b[i]);
    return differing == 0;
}

static const entry *table_find(const table *t, const uint8_t digest[32])
{
    size_t mask = t->slot_count - 1;
    if (!t->slot_count) return NULL;
    for (size_t i = first_bytes(digest) & mask; t->slots[i]; i = (i + 1) & mask)
        if (same_digest(t->entries[t->slots[i] - 1].digest, digest))
            return &t->entries[t->slots[i] - 1];
    return NULL;
}

static leat_status table_index(leat_context *c, table *t)
{
    t->slot_count = 8;
    while (t->slot_count < 2 * t->count) t->slot_count *= 2;
    t->slots = LEATI_NEW(c, uint32_t, t->slot_count);
    if (!t->slots) return leat_error_status(c);
    for (size_t k = 0; k < t->count; k++) {
        size_t i = first_bytes(t->entries[k].digest) & (t->slot_count - 1);
        while (t->slots[i]) i = (i + 1) & (t->slot_count - 1);
        t->slots[i] = (uint32_t)k + 1;
    }
    return LEAT_OK;
}

static bool from_hex(const char *hex, uint8_t out[32])
{
    if (!hex || strlen(hex) != 64 || strspn(hex, "0123456789abcdef") != 64) return false;
    for (int i = 0; i < 64; i++) {
        unsigned digit = (unsigned)(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);
        out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] | digit : digit << 4);
    }
    return true;
}

static leati_key_state *state_of(leati_keys *k, leat_context *c, const char *name)
{
    for (leati_key_state *s = atomic_load(&k->states); s; s = s->next)
        if (strcmp(s->name, name) == 0) return s;
    leati_key_state *s = leati_calloc(c, 1, sizeof *s);
    if (!s) return NULL;
    snprintf(s->name, sizeof s->name, "%s", name);
    s->next = atomic_load(&k->states);
    atomic_store(&k->states, s);
    return s;
}

static leat_status add_entry(leati_keys *k, leat_context *c, table *t, const leati_sql_rows *rows)
{
    entry e = {.scopes = (unsigned)leati_sql_get_whole(rows, 4)};
    const char *name = leati_sql_get_text(rows, 0), *models = leati_sql_get_text(rows, 5);
    double rate = leati_sql_get_number(rows, 8), burst = leati_sql_get_number(rows, 9);
    int64_t old_until = leati_sql_get_whole(rows, 3);
    LEATI_CHECK(c, name && models && from_hex(leati_sql_get_text(rows, 1), e.digest), LEAT_FORMAT,
                "the store of keys is damaged");
    e.state = state_of(k, c, name);
    if (!e.state) return leat_error_status(c);
    e.expires = leati_sql_get_whole(rows, 6);
    e.revoked = leati_sql_get_whole(rows, 7) != 0;
    if (rate > 0 && burst >= 1) {
        e.interval = (uint64_t)(1e9 / rate);
        if (e.interval == 0) e.interval = 1;
        e.tolerance = (uint64_t)((burst - 1) * 1e9 / rate);
        e.burst = (uint64_t)burst;
    }
    e.quota = (uint64_t)leati_sql_get_whole(rows, 10);
    atomic_store(&e.state->quota, e.quota);
    size_t n = strlen(models) + 1;
    LEATI_TRY(leati_grow(c, &t->entries, &t->capacity, t->count + 2, sizeof *t->entries));
    LEATI_TRY(leati_grow(c, &t->texts, &t->text_capacity, t->text_size + n, 1));
    memcpy(t->texts + t->text_size, models, n);
    e.models_at = t->text_size;
    t->text_size += n;
    t->entries[t->count++] = e;
    if (old_until && from_hex(leati_sql_get_text(rows, 2), e.digest)) {
        e.until = old_until;
        t->entries[t->count++] = e;
    }
    return LEAT_OK;
}

static leat_status read_table(leati_keys *k, leat_context *c, table *t)
{
    leati_sql_rows rows;
    bool more = false;
    leat_status st = leati_sql_query(k->db, &rows,
                                     "SELECT name, sha256, old_sha256, old_until, scopes, models, "
                                     "expires, revoked, rate, burst, "
                                     "quota FROM leat_key",
                                     LEATI_SQL_NONE);
    while (st == LEAT_OK && (st = leati_sql_next(&rows, &more)) == LEAT_OK && more)
        st = add_entry(k, c, t, &rows);
    leati_sql_end(&rows);
    for (size_t i = 0; i < t->count; i++) t->entries[i].models = t->texts + t->entries[i].models_at;
    return st == LEAT_OK ? table_index(c, t) : st;
}

/* --- judging ---------------------------------------------------------------------------------- */

/* The key inside a header's value; NULL: none of ours. */
static const char *find_secret(const char *text, size_t length)
{
    if (length > 7 && strncasecmp(text, "bearer ", 7) == 0) {
        text += 7;
        length -= 7;
        while (length && *text == ' ') {
            text++;
            length--;
        }
    }
    return length == LEAT_KEY_SIZE - 1 && memcmp(text, "leat_", 5) == 0 ? text : NULL;
}

static bool allows_model(const char *models, const char *model, size_t length)
{
    if (!*models || !model) return true;
    for (const char *at = models + 1; *at;) {
        size_t n = strcspn(at, ",");
        if (n == length && memcmp(at, model, n) == 0) return true;
        at += n + 1;
    }
    return false;
}

static void refuse(leati_key_verdict *v, int status, const char *code, const char *message)
{
    v->status = status;
    v->code = code;
    v->message = message;
}

static uint32_t seconds_up(uint64_t ns)
{
    uint64_t s = (ns + 999999999) / 1000000000;
    return s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

/* A token of the bucket; false where there is none. */
static bool take_token(const entry *e, uint64_t now, leati_key_verdict *v)
{
    leati_key_state *s = e->state;
    uint64_t full = atomic_load_explicit(&s->full_at, memory_order_relaxed), next;
    do {
        uint64_t from = full > now ? full : now;
        if (from - now > e->tolerance) {
            v->rate.left = 0;
            v->rate.reset = seconds_up(from - now);
            v->retry_seconds = seconds_up(from - now - e->tolerance);
            return false;
        }
        next = from + e->interval;
    } while (!atomic_compare_exchange_weak_explicit(&s->full_at, &full, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    uint64_t owed = next - now;
    uint64_t free_ns = e->tolerance + e->interval > owed ? e->tolerance + e->interval - owed : 0;
    v->rate.left = free_ns / e->interval;
    v->rate.reset = seconds_up(owed);
    return true;
}

/* Adds rows to those of a day, unless that would be more than `most` (0: any number). Returns
 * whether it did; *after: the sum, or what there was. */
static bool add_rows(leati_key_state *s, int64_t day, uint64_t rows, uint64_t most, uint64_t *after)
{
    const uint64_t today = (uint64_t)day << DAY_SHIFT;
    uint64_t was = atomic_load_explicit(&s->used, memory_order_relaxed), sum;
    do {
        uint64_t used = (was & ~ROWS_MASK) == today ? was & ROWS_MASK : 0;
        *after = used;
        if (most && (used >= most || rows > most - used)) return false;
        sum = used + rows > ROWS_MASK ? ROWS_MASK : used + rows;
        *after = sum;
    } while (!atomic_compare_exchange_weak_explicit(&s->used, &was, today | sum,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

static void tell_day(const entry *e, int64_t seconds, uint64_t used, leati_key_verdict *v)
{
    v->day.left = e->quota > used ? e->quota - used : 0;
    v->day.reset = leati_key_seconds_left(seconds);
}

static bool take_rows(const entry *e, int64_t seconds, uint64_t rows, leati_key_verdict *v)
{
    uint64_t used;
    uint32_t to_midnight = leati_key_seconds_left(seconds);
    bool good = add_rows(e->state, leati_key_day(seconds), rows, e->quota, &used);
    tell_day(e, seconds, used, v);
    /* What is under way may come back. */
    bool soon = v->day.left == 0 && atomic_load(&e->state->under_way);
    if (!good) v->retry_seconds = soon ? 1 : to_midnight;
    return good;
}

static void judge_limits(const entry *e, uint64_t rows, uint64_t now_ns, int64_t seconds,
                         leati_key_verdict *v)
{
    if (e->interval) {
        v->rate.most = e->burst;
        v->rate.window = seconds_up(e->interval * e->burst);
    }
    if (e->quota) {
        v->day.most = e->quota;
        v->day.window = 86400;
    }
    if (e->interval && !take_token(e, now_ns, v)) {
        uint64_t used;
        add_rows(e->state, leati_key_day(seconds), 0, 0, &used);
        tell_day(e, seconds, used, v);
        refuse(v, 429, "too_many_requests", "this key is asking more often than its rate allows");
    } else if (!take_rows(e, seconds, rows, v)) {
        refuse(v, 429, "quota_used_up", "the rows that this key may ask for today are used up");
    }
    if (v->status == 429 && v->retry_seconds == 0) v->retry_seconds = 1;
}

static void use(leati_key_state *s, int what, uint64_t more)
{
    atomic_fetch_add_explicit(&s->use[what], more, memory_order_relaxed);
}

static bool is_past(int64_t time, int64_t seconds)
{
    return time && seconds >= time;
}

static const char *wanted_scope(unsigned scope)
{
    switch (scope) {
    case LEAT_KEY_INFER: return "this key may not do that: it takes the scope infer";
    case LEAT_KEY_MONITOR: return "this key may not do that: it takes the scope monitor";
    case LEAT_KEY_MANAGE: return "this key may not do that: it takes the scope manage";
    default: return "this key may not do that";
    }
}

static void judge(const table *t, const uint8_t digest[32], const char *model, size_t model_length,
                  unsigned scope, uint64_t rows, uint64_t now_ns, int64_t seconds,
                  leati_key_verdict *v)
{
    const entry *e = table_find(t, digest);
    if (!e || is_past(e->until, seconds)) {
        refuse(v, 401, "unknown_key", "this key is not known");
        return;
    }
    v->key = e->state;
    if (e->revoked || is_past(e->expires, seconds)) {
        use(e->state, LEATI_KEY_REFUSED, 1);
        refuse(v, 401, e->revoked ? "revoked_key" : "expired_key",
               e->revoked ? "this key was revoked" : "this key has expired");
        return;
    }
    if (!(e->scopes & scope)) {
        refuse(v, 403, "scope", wanted_scope(scope));
    } else if (!allows_model(e->models, model, model_length)) {
        refuse(v, 403, "model", "this key may not ask this model");
    } else {
        judge_limits(e, rows, now_ns, seconds, v);
    }
    use(e->state, v->status == 200 ? LEATI_KEY_REQUESTS : LEATI_KEY_REFUSED, 1);
    if (v->status == 200 && rows) use(e->state, LEATI_KEY_ROWS, rows);
}

void leati_keys_check_at(leati_keys *k, unsigned worker, const char *text, size_t length,
                         const char *model, size_t model_length, unsigned scope, uint64_t rows,
                         uint64_t now_ns, int64_t seconds, leati_key_verdict *v)
{
    leati_sha256 h = k->blank;
    uint8_t digest[32];
    leati_borrowed loan;
    *v = (leati_key_verdict){.status = 200, .code = "", .message = ""};
    const char *secret = text ? find_secret(text, length) : NULL;
    if (!secret) {
        refuse(v, 401, text ? "unknown_key" : "no_key",
               text ? "this key is not known"
                    : "this server asks for a key: Authorization: Bearer leat_...");
        return;
    }
    leati_sha256_add(&h, secret, LEAT_KEY_SIZE - 1);
    leati_sha256_end(&h, digest);
    const table *t = leati_published_borrow(&k->table, worker, &loan);
    judge(t, digest, model, model_length, scope, rows, now_ns, seconds, v);
    leati_published_give_back(&k->table, &loan);
}

void leati_keys_check(leati_keys *k, unsigned worker, const char *text, size_t length,
                      const char *model, size_t model_length, unsigned scope, uint64_t rows,
                      leati_key_verdict *v)
{
    struct timespec steady, wall;
    clock_gettime(CLOCK_MONOTONIC, &steady);
    clock_gettime(CLOCK_REALTIME, &wall);
    uint64_t ns = (uint64_t)steady.tv_sec * 1000000000 + (uint64_t)steady.tv_nsec;
    leati_keys_check_at(k, worker, text, length, model, model_length, scope, rows, ns,
                        (int64_t)wall.tv_sec, v);
}

const leati_key_state *leati_keys_look(leati_keys *k, unsigned worker, const char *text,
                                       size_t length)
{
    leati_sha256 h = k->blank;
    uint8_t digest[32];
    leati_borrowed loan;
    const char *secret = text ? find_secret(text, length) : NULL;
    int64_t seconds = leati_seconds_now();
    if (!secret) return NULL;
    leati_sha256_add(&h, secret, LEAT_KEY_SIZE - 1);
    leati_sha256_end(&h, digest);
    const entry *e = table_find(leati_published_borrow(&k->table, worker, &loan), digest);
    bool counts = e && !is_past(e->until, seconds) && !e->revoked && !is_past(e->expires, seconds);
    const leati_key_state *s = counts ? e->state : NULL;
    leati_published_give_back(&k->table, &loan);
    return s;
}

bool leati_keys_allow(leati_keys *k, unsigned worker, const leati_key_state *s, const char *model)
{
    leati_borrowed loan;
    const table *t = leati_published_borrow(&k->table, worker, &loan);
    const entry *e = NULL;
    for (size_t i = 0; s && !e && i < t->count; i++)
        if (t->entries[i].state == s) e = &t->entries[i];
    bool allowed = e && (!*e->models || (model && allows_model(e->models, model, strlen(model))));
    leati_published_give_back(&k->table, &loan);
    return allowed;
}

uint32_t leati_key_seconds_left(int64_t seconds)
{
    return (uint32_t)(86400 - seconds % 86400);
}

bool leati_keys_take_at(leati_key_state *s, uint64_t rows, int64_t seconds, uint64_t *stake,
                        uint64_t *left)
{
    uint64_t has = *stake & ROWS_MASK, quota = atomic_load(&s->quota), used;
    int64_t day = leati_key_day(seconds);
    *left = 0;
    if (rows <= has) return true;
    if (!add_rows(s, day, rows - has, quota, &used)) {
        *left = quota > used ? quota - used : 0;
        use(s, LEATI_KEY_REFUSED, 1);
        return false;
    }
    atomic_fetch_add_explicit(&s->under_way, rows - has, memory_order_relaxed);
    *stake = (uint64_t)day << DAY_SHIFT | rows;
    return true;
}

bool leati_keys_take(leati_key_state *s, uint64_t rows, uint64_t *stake, uint64_t *left)
{
    return leati_keys_take_at(s, rows, leati_seconds_now(), stake, left);
}

/* Those of a day that is over are forgotten. */
static void put_rows(leati_key_state *s, uint64_t stake, uint64_t rows)
{
    uint64_t was = atomic_load_explicit(&s->used, memory_order_relaxed), less;
    do {
        if ((was & ~ROWS_MASK) != (stake & ~ROWS_MASK)) return;
        less = (was & ROWS_MASK) > rows ? was - rows : was & ~ROWS_MASK;
    } while (!atomic_compare_exchange_weak_explicit(&s->used, &was, less, memory_order_relaxed,
                                                    memory_order_relaxed));
}

void leati_keys_give_back(leati_key_state *s, uint64_t stake)
{
    uint64_t has = stake & ROWS_MASK;
    if (!s || !has) return;
    put_rows(s, stake, has);
    atomic_fetch_sub_explicit(&s->under_way, has, memory_order_relaxed);
}

uint64_t leati_key_quota(const leati_key_state *s)
{
    return atomic_load(&s->quota);
}

uint64_t leati_key_left(const leati_key_state *s)
{
    uint64_t today = (uint64_t)leati_key_day(leati_seconds_now()) << DAY_SHIFT,
             was = atomic_load_explicit(&s->used, memory_order_relaxed),
             used = (was & ~ROWS_MASK) == today ? was & ROWS_MASK : 0, quota = leati_key_quota(s);
    return quota > used ? quota - used : 0;
}

void leati_keys_count(leati_key_state *s, uint64_t stake, uint64_t rows, uint64_t bytes,
                      uint64_t ns, bool error)
{
    uint64_t has = stake & ROWS_MASK, unused;
    if (!s) return;
    if (rows > has) add_rows(s, leati_key_day(leati_seconds_now()), rows - has, 0, &unused);
    if (rows < has) put_rows(s, stake, has - rows);
    if (has) atomic_fetch_sub_explicit(&s->under_way, has, memory_order_relaxed);
    if (rows) use(s, LEATI_KEY_ROWS, rows);
    use(s, LEATI_KEY_BYTES, bytes);
    use(s, LEATI_KEY_US, ns / 1000);
    if (error) use(s, LEATI_KEY_ERRORS, 1);
}

const leati_key_state *leati_keys_next(leati_keys *k, const leati_key_state *after,
                                       leati_key_use *out)
{
    const leati_key_state *s = after ? after->next : atomic_load(&k->states);
    for (int i = 0; s && i < LEATI_KEY_USES; i++)
        out->of[i] = atomic_load_explicit(&s->use[i], memory_order_relaxed);
    return s;
}

const char *leati_key_name(const leati_key_state *s)
{
    return s->name;
}

void leati_key_fields(const leati_key_verdict *v, char policy[LEATI_KEY_FIELD],
                      char limit[LEATI_KEY_FIELD])
{
    const struct {
        const char *name;
        const leati_key_limit *limit;
    } all[] = {{"rate", &v->rate}, {"day", &v->day}};
    size_t p = 0, l = 0;
    *policy = *limit = '\0';
    for (size_t i = 0; i < 2; i++) {
        const leati_key_limit *k = all[i].limit;
        if (!k->most) continue;
        p += (size_t)snprintf(policy + p, LEATI_KEY_FIELD - p, "%s\"%s\";q=%llu;w=%u",
                              p ? ", " : "", all[i].name, (unsigned long long)k->most, k->window);
        l += (size_t)snprintf(limit + l, LEATI_KEY_FIELD - l, "%s\"%s\";r=%llu;t=%u", l ? ", " : "",
                              all[i].name, (unsigned long long)k->left, k->reset);
    }
}

void leati_key_limit_again(const char *was, size_t length, uint64_t left,
                           char limit[LEATI_KEY_FIELD])
{
    static const char day[] = "\"day\";r=";
    snprintf(limit, LEATI_KEY_FIELD, "%.*s", (int)length, was);
    char *at = strstr(limit, day), rest[LEATI_KEY_FIELD];
    if (!at) return;
    at += sizeof day - 1;
    snprintf(rest, sizeof rest, "%s", at + strcspn(at, ";"));
    snprintf(at, (size_t)(limit + LEATI_KEY_FIELD - at), "%llu%s", (unsigned long long)left, rest);
}

/* --- keeping up ------------------------------------------------------------------------------- */

static leat_status write_use(leati_keys *k, const leati_key_state *s, int64_t day)
{
    return leati_sql_run(
        k->db,
        "INSERT INTO leat_key_use (name, day, requests, used_rows, bytes, us, errors, refused) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name, day) DO UPDATE SET "
        "requests = leat_key_use.requests + excluded.requests, "
        "used_rows = leat_key_use.used_rows + excluded.used_rows, "
        "bytes = leat_key_use.bytes + excluded.bytes, us = leat_key_use.us + excluded.us, "
        "errors = leat_key_use.errors + excluded.errors, "
        "refused = leat_key_use.refused + excluded.refused",
        LEATI_SQL_ARGS(leati_sql_text(s->name), leati_sql_whole(day),
                       leati_sql_whole((int64_t)s->taken[0]), leati_sql_whole((int64_t)s->taken[1]),
                       leati_sql_whole((int64_t)s->taken[2]), leati_sql_whole((int64_t)s->taken[3]),
                       leati_sql_whole((int64_t)s->taken[4]),
                       leati_sql_whole((int64_t)s->taken[5])),
        NULL);
}

/* What is to be written; whether there is anything. */
static bool take_counts(leati_key_state *s)
{
    uint64_t any = 0;
    for (int i = 0; i < LEATI_KEY_USES; i++) {
        s->taken[i] = atomic_load(&s->use[i]) - s->written[i];
        any |= s->taken[i];
    }
    return any != 0;
}

static leat_status write_all(leati_keys *k, int64_t day)
{
    LEATI_TRY(leati_sql_begin(k->db));
    leat_status st = LEAT_OK;
    for (leati_key_state *s = atomic_load(&k->states); s && st == LEAT_OK; s = s->next) {
        uint64_t any = 0;
        for (int i = 0; i < LEATI_KEY_USES; i++) any |= s->taken[i];
        if (any) st = write_use(k, s, day);
    }
    if (st == LEAT_OK) return leati_sql_commit(k->db);
    leati_sql_undo(k->db);
    return st;
}

/* What was taken is in the store. */
static void note_written(leati_key_state *s)
{
    for (int i = 0; i < LEATI_KEY_USES; i++) s->written[i] += s->taken[i];
    s->stored_rows += s->taken[LEATI_KEY_ROWS];
}

/* What other servers wrote since counts here too. */
static leat_status learn_use(leati_keys *k, leati_key_state *s, int64_t day)
{
    int64_t total;
    uint64_t unused;
    if (s->stored_day != day) s->stored_rows = 0;
    s->stored_day = day;
    if (!atomic_load(&s->quota)) return LEAT_OK;
    LEATI_TRY(leati_sql_value(k->db, &total, NULL,
                              "SELECT used_rows FROM leat_key_use WHERE name = $1 AND day = $2",
                              LEATI_SQL_ARGS(leati_sql_text(s->name), leati_sql_whole(day))));
    if ((uint64_t)total <= s->stored_rows) return LEAT_OK;
    add_rows(s, day, (uint64_t)total - s->stored_rows, 0, &unused);
    s->stored_rows = (uint64_t)total;
    return LEAT_OK;
}

/* What others counted comes from the store. */
static leat_status learn_all(leati_keys *k, int64_t day)
{
    for (leati_key_state *s = atomic_load(&k->states); s; s = s->next)
        LEATI_TRY(learn_use(k, s, day));
    return LEAT_OK;
}

/* What this server counted goes there. After a failure the numbers are kept for the next time. */
static leat_status give_use(leati_keys *k, int64_t day)
{
    bool any = false;
    for (leati_key_state *s = atomic_load(&k->states); s; s = s->next)
        if (take_counts(s)) any = true;
    if (any) LEATI_TRY(write_all(k, day));
    for (leati_key_state *s = atomic_load(&k->states); s; s = s->next) note_written(s);
    return LEAT_OK;
}

/* The new table is published when the quotas of its keys are known; that nothing can be written, on
 * a full disk say, does not keep a revoked key alive. */
static leat_status reload(leati_keys *k, leat_context *c, int64_t generation)
{
    int64_t day = leati_key_day(leati_seconds_now());
    table *t = leati_calloc(c, 1, sizeof *t);
    leat_status st = t ? read_table(k, c, t) : leat_error_status(c);
    if (st == LEAT_OK) st = learn_all(k, day);
    if (st != LEAT_OK) {
        table_free(t);
        return st;
    }
    table_free(leati_published_exchange(&k->table, t));
    k->generation = generation;
    return give_use(k, day);
}

static leat_status exchange_use(leati_keys *k)
{
    int64_t day = leati_key_day(leati_seconds_now());
    LEATI_TRY(learn_all(k, day));
    return give_use(k, day);
}

static leat_status keep_up(leati_keys *k, leat_context *c, bool write)
{
    int64_t generation;
    if (!k->db) LEATI_TRY(leati_key_database_open(c, &k->db, k->where, true));
    LEATI_TRY(leati_key_generation(k->db, &generation));
    if (generation != k->generation) return reload(k, c, generation);
    return write ? exchange_use(k) : LEAT_OK;
}

/* A store that fails is opened anew the next time; keys go on working meanwhile. */
static leat_status try_to_keep_up(leati_keys *k, leat_context *c, bool write)
{
    leat_status st = keep_up(k, c, write);
    if (st == LEAT_OK) return st;
    leati_sql_close(k->db);
    k->db = NULL;
    return st;
}

static void *run_thread(void *user)
{
    leati_keys *k = user;
    pthread_mutex_lock(&k->lock);
    for (unsigned round = 1; !k->stop; round++) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOOK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&k->wake, &k->lock, &until);
        if (k->stop) break;
        (void)try_to_keep_up(k, k->context, round % LOOKS_PER_WRITE == 0);
        leat_error_clear(k->context);
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

leat_status leati_keys_refresh(leati_keys *k, leat_context *c)
{
    pthread_mutex_lock(&k->lock);
    leat_status st = try_to_keep_up(k, k->context, true);
    if (st != LEAT_OK) LEATI_FAIL(c, st, "%s", leat_error_message(k->context));
    leat_error_clear(k->context);
    pthread_mutex_unlock(&k->lock);
    return st;
}

static leat_status start(leati_keys *k, leat_context *c)
{
    leat_context_options o = leat_context_options_default();
    o.threads = 1;
    leat_status st = leat_context_create(&k->context, &o);
    LEATI_CHECK(c, st == LEAT_OK, st, "cannot make a context for keys");
    LEATI_TRY(leati_keys_refresh(k, c)); /* what does not open is an error at the start */
    int why = pthread_create(&k->thread, NULL, run_thread, k);
    LEATI_CHECK(c, why == 0, LEAT_IO, "cannot start a thread: %s", strerror(why));
    k->runs = true;
    return LEAT_OK;
}

leat_status leati_keys_open(leat_context *c, leati_keys **out, const char *where)
{
    *out = NULL;
    leati_keys *k = leati_calloc(c, 1, sizeof *k);
    table *empty = k ? leati_calloc(c, 1, sizeof *empty) : NULL;
    if (!empty) {
        leati_free(k);
        return leat_error_status(c);
    }
    leati_published_init(&k->table, empty);
    leati_sha256_init(&k->blank);
    pthread_mutex_init(&k->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&k->wake, &attr);
    pthread_condattr_destroy(&attr);
    leat_status st = LEAT_OK;
    if (where && !(k->where = leati_strdup(c, where))) st = leat_error_status(c);
    if (st == LEAT_OK) st = start(k, c);
    if (st == LEAT_OK) *out = k;
    else leati_keys_close(k);
    return st;
}

void leati_keys_close(leati_keys *k)
{
    if (!k) return;
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    if (k->runs) {
        pthread_join(k->thread, NULL);
        (void)try_to_keep_up(k, k->context, true);
    }
    leati_sql_close(k->db);
    table_free(atomic_load(&k->table.value));
    for (leati_key_state *s = atomic_load(&k->states), *next; s; s = next) {
        next = s->next;
        leati_free(s);
    }
    leat_context_destroy(k->context);
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->lock);
    leati_free(k->where);
    leati_free(k);
}
