/* Owns: reading servers' URLs, the ways of balancing, resting connections. */
#include "client/fleet.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/lookup.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/str.h"

/* A connection that rests longer is not trusted: servers close theirs after 75 seconds. */
#define REST_SECONDS 60.0
/* A server that fails is left in peace so long, twice as long each time, at most the second. */
#define PEACE_FIRST 0.1
#define PEACE_MOST  5.0

typedef struct resting {
    leati_stream stream;
    double since;
} resting;

typedef struct member {
    leati_server_address address;
    uint32_t busy, failures;
    double peace;  /* until then it is not asked if another one can be */
    resting *idle; /* those used last are at the end */
    uint32_t idle_count;
} member;

typedef enum balance { POWER_OF_TWO, RANDOM, ROUND_ROBIN, LEAST_CONNECTIONS, BALANCES } balance;
static const char *const balance_names[BALANCES] = {"power-of-two", "random", "round-robin",
                                                    "least-connections"};

struct leati_fleet {
    pthread_mutex_t lock;
    balance balance;
    leati_rng rng;
    size_t count, next; /* next: of round robin */
    uint32_t idle;
    member members[];
};

/* --- addresses -------------------------------------------------------------------------------- */

static leat_status bad_url(leat_context *c, const char *url)
{
    return LEATI_FAIL(
        c, LEAT_INVALID,
        "'%.100s' is no server; expected http://HOST:PORT, https://HOST, HOST:PORT or "
        "unix:PATH",
        url);
}

static bool printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7f) return false;
    return true;
}

static bool is_port(const char *text, size_t length)
{
    int64_t value;
    return length <= 5 && strspn(text, "0123456789") >= length &&
           leati_int_parse(text, length, &value) && value >= 1 && value <= UINT16_MAX;
}

/* "HOST", "HOST:PORT", "[::1]:PORT" of `length` bytes. */
static leat_status read_authority(leat_context *c, leati_server_address *a, const char *url,
                                  const char *text, size_t length)
{
    const char *end = text + length, *colon = NULL, *from = text, *to;
    for (const char *p = text; p < end; p++) {
        if (*p == ']') colon = NULL;
        if (*p == ':') colon = p;
    }
    to = colon ? colon : end;
    bool six = to - from > 2 && *from == '[' && to[-1] == ']';
    if (from == to || (!six && memchr(from, ':', (size_t)(to - from))) || memchr(from, '@', length))
        return bad_url(c, url);
    LEATI_CHECK(c, !colon || is_port(colon + 1, (size_t)(end - colon - 1)), LEAT_INVALID,
                "'%.100s' is no server: after ':' a port from 1 to 65535 is expected", url);
    a->header = leati_strndup(c, text, length);
    a->host = leati_strndup(c, from + six, (size_t)(to - from) - 2 * (size_t)six);
    a->port = colon ? leati_strndup(c, colon + 1, (size_t)(end - colon - 1))
                    : leati_strdup(c, a->tls ? "443" : "80");
    return leat_error_status(c);
}

static leat_status read_address(leat_context *c, leati_server_address *a, const char *url)
{
    const char *rest = url;
    if (!*url || !printable(url)) return bad_url(c, url);
    if (strncasecmp(url, "unix:", 5) == 0) {
        if (!url[5]) return bad_url(c, url);
        a->url = leati_strdup(c, url);
        a->host = leati_strdup(c, url + 5);
        a->header = leati_strdup(c, "localhost");
        a->prefix = leati_strdup(c, "");
        return leat_error_status(c);
    }
    if (strncasecmp(url, "http://", 7) == 0) rest = url + 7;
    else if (strncasecmp(url, "https://", 8) == 0) {
        rest = url + 8;
        a->tls = true;
    } else if (strstr(url, "://")) return bad_url(c, url);
    size_t length = strcspn(rest, "/?#"), path = strlen(rest + length);
    if (strpbrk(rest + length, "?#")) return bad_url(c, url);
    while (path && rest[length + path - 1] == '/') path--;
    a->prefix = leati_strndup(c, rest + length, path);
    LEATI_TRY(read_authority(c, a, url, rest, length));
    leati_str s;
    leati_str_init(&s, c);
    leati_str_addf(&s, "http%s://%s%s", a->tls ? "s" : "", a->header, a->prefix);
    a->url = leati_str_take(&s);
    leati_str_fini(&s);
    return leat_error_status(c);
}

/* --- making ----------------------------------------------------------------------------------- */

static leat_status find_balance(leat_context *c, const char *name, balance *out)
{
    *out = POWER_OF_TWO;
    if (!name) return LEAT_OK;
    for (balance b = 0; b < BALANCES; b++)
        if (strcmp(name, balance_names[b]) == 0) {
            *out = b;
            return LEAT_OK;
        }
    return LEATI_FAIL(c, LEAT_INVALID,
                      "'%.60s' is no way to balance; there are power-of-two, random, round-robin "
                      "and least-connections",
                      name);
}

leat_status leati_fleet_create(leat_context *c, leati_fleet **out, const char *const *servers,
                               size_t count, const char *name, uint32_t idle, uint64_t seed)
{
    balance how;
    *out = NULL;
    LEATI_CHECK(c, count > 0 && count <= LEATI_FLEET_MOST, LEAT_INVALID,
                "a client asks 1 to %d servers, not %zu", LEATI_FLEET_MOST, count);
    LEATI_TRY(find_balance(c, name, &how));
    leati_fleet *f = leati_calloc(c, 1, sizeof *f + count * sizeof *f->members);
    if (!f) return leat_error_status(c);
    pthread_mutex_init(&f->lock, NULL);
    leati_rng_init(&f->rng, seed, LEATI_RNG_BALANCE, 0);
    f->balance = how;
    f->idle = idle;
    f->count = count;
    leat_status st = LEAT_OK;
    for (size_t i = 0; i < count && st == LEAT_OK; i++) {
        member *m = &f->members[i];
        m->address.lookups = leati_lookups_create(c);
        st = read_address(c, &m->address, servers[i]);
        m->idle = LEATI_NEW(c, resting, idle + (size_t)1);
        if (st == LEAT_OK && !(m->idle && m->address.lookups)) st = leat_error_status(c);
    }
    if (st == LEAT_OK) *out = f;
    else leati_fleet_destroy(f);
    return st;
}

void leati_fleet_destroy(leati_fleet *f)
{
    if (!f) return;
    for (size_t i = 0; i < f->count; i++) {
        member *m = &f->members[i];
        while (m->idle_count) leati_stream_close(&m->idle[--m->idle_count].stream);
        leati_free(m->idle);
        leati_lookups_release(m->address.lookups);
        leati_free(m->address.url);
        leati_free(m->address.host);
        leati_free(m->address.port);
        leati_free(m->address.header);
        leati_free(m->address.prefix);
    }
    pthread_mutex_destroy(&f->lock);
    leati_free(f);
}

bool leati_fleet_has_tls(const leati_fleet *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->members[i].address.tls) return true;
    return false;
}

size_t leati_fleet_count(const leati_fleet *f)
{
    return f->count;
}

const leati_server_address *leati_fleet_address(const leati_fleet *f, size_t server)
{
    return &f->members[server].address;
}

/* --- balancing -------------------------------------------------------------------------------- */

/* Among the `count` servers of `list`. Power of two: Mitzenmacher, "The Power of Two Choices in
 * Randomized Load Balancing", IEEE TPDS 12 (2001). */
static size_t choose(leati_fleet *f, const uint16_t *list, uint32_t count)
{
    const member *m = f->members;
    switch (count == 1 ? RANDOM : f->balance) {
    case ROUND_ROBIN:
        for (uint32_t i = 0; i < count; i++)
            if (list[i] >= f->next) {
                f->next = list[i] + (size_t)1;
                return list[i];
            }
        f->next = list[0] + (size_t)1;
        return list[0];
    case LEAST_CONNECTIONS: {
        uint32_t start = leati_rng_below(&f->rng, count);
        size_t best = list[start];
        for (uint32_t i = 1; i < count; i++) {
            size_t next = list[(start + i) % count];
            if (m[next].busy < m[best].busy) best = next;
        }
        return best;
    }
    case POWER_OF_TWO: {
        uint32_t a = leati_rng_below(&f->rng, count), b = leati_rng_below(&f->rng, count - 1);
        if (b >= a) b++;
        return m[list[b]].busy < m[list[a]].busy ? list[b] : list[a];
    }
    default: return list[count == 1 ? 0 : leati_rng_below(&f->rng, count)];
    }
}

static bool was_tried(const leati_fleet_tried *t, size_t server)
{
    return t->bits[server / 64] >> (server % 64) & 1;
}

size_t leati_fleet_pick(leati_fleet *f, leati_fleet_tried *tried, bool *fresh)
{
    uint16_t list[LEATI_FLEET_MOST];
    uint32_t count = 0;
    double now = leati_now_s();
    pthread_mutex_lock(&f->lock);
    /* The best of: well and not tried; not tried; well; all. */
    for (int grade = 0; grade < 4 && !count; grade++) {
        for (size_t i = 0; i < f->count; i++) {
            if (grade < 2 && was_tried(tried, i)) continue;
            if (grade % 2 == 0 && f->members[i].peace > now) continue;
            list[count++] = (uint16_t)i;
        }
        *fresh = grade == 0;
    }
    size_t server = choose(f, list, count);
    f->members[server].busy++;
    pthread_mutex_unlock(&f->lock);
    tried->bits[server / 64] |= (uint64_t)1 << (server % 64);
    return server;
}

void leati_fleet_leave(leati_fleet *f, size_t server, bool ok, double rest)
{
    member *m = &f->members[server];
    pthread_mutex_lock(&f->lock);
    m->busy--;
    if (ok) {
        m->failures = 0;
        m->peace = 0;
    } else {
        double peace = PEACE_FIRST * (double)((uint64_t)1 << (m->failures < 20 ? m->failures : 20));
        if (rest >= 0) peace = rest;
        else m->failures++;
        m->peace = leati_now_s() + (peace < PEACE_MOST ? peace : PEACE_MOST);
    }
    pthread_mutex_unlock(&f->lock);
}

void leati_fleet_unpick(leati_fleet *f, size_t server)
{
    pthread_mutex_lock(&f->lock);
    f->members[server].busy--;
    pthread_mutex_unlock(&f->lock);
}

double leati_fleet_random(leati_fleet *f)
{
    pthread_mutex_lock(&f->lock);
    double u = leati_rng_uniform(&f->rng);
    pthread_mutex_unlock(&f->lock);
    return u;
}

/* --- resting connections ---------------------------------------------------------------------- */

bool leati_fleet_take(leati_fleet *f, size_t server, leati_stream *out)
{
    member *m = &f->members[server];
    for (;;) {
        resting r = {.stream = {.fd = -1}};
        pthread_mutex_lock(&f->lock);
        bool some = m->idle_count > 0;
        if (some) r = m->idle[--m->idle_count];
        pthread_mutex_unlock(&f->lock);
        if (!some) return false;
        if (leati_now_s() - r.since < REST_SECONDS && leati_stream_rests(&r.stream)) {
            *out = r.stream;
            return true;
        }
        leati_stream_close(&r.stream);
    }
}

void leati_fleet_put(leati_fleet *f, size_t server, leati_stream *s)
{
    member *m = &f->members[server];
    pthread_mutex_lock(&f->lock);
    bool room = m->idle_count < f->idle;
    if (room) m->idle[m->idle_count++] = (resting){*s, leati_now_s()};
    pthread_mutex_unlock(&f->lock);
    if (!room) leati_stream_close(s);
    *s = (leati_stream){.fd = -1};
}
