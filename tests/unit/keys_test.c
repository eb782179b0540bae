/* API keys: the store, verdicts, limits under many threads, changes while requests come in, usage
 * that survives, a store that is gone. */
#include "support/leattest.h"
#include "support/postgres.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/published.h"
#include "serve/keys.h"

enum { SECOND = 1000000000, NOON = 1900000000 - 1900000000 % 86400 + 43200 };

static const char *server; /* NULL: files */

static leat_key_store *fresh(leattest *t, const char *name, const char **where)
{
    leat_key_store *s = NULL;
    *where = server ? server : leattest_scratch(name);
    if (server) CHECK(leattest_postgres_empty(t, server));
    else unlink(*where);
    CHECK_OK(leat_key_store_open(t->context, &s, *where, true));
    return s;
}

static leati_key_verdict ask_at(leati_keys *k, const char *secret, const char *model,
                                unsigned scope, uint64_t rows, uint64_t ns, int64_t seconds)
{
    leati_key_verdict v;
    char header[80];
    snprintf(header, sizeof header, "Bearer %s", secret ? secret : "");
    leati_keys_check_at(k, 0, secret ? header : NULL, strlen(header), model,
                        model ? strlen(model) : 0, scope, rows, ns, seconds, &v);
    return v;
}

static leati_key_verdict ask(leati_keys *k, const char *secret, const char *model, unsigned scope)
{
    return ask_at(k, secret, model, scope, 1, SECOND, (int64_t)time(NULL));
}

static void store(leattest *t)
{
    const char *where;
    char a[LEAT_KEY_SIZE], b[LEAT_KEY_SIZE];
    leat_key_list *list;
    leat_key_store *s = fresh(t, "store.db", &where);
    REQUIRE(s);
    leat_key_options o = leat_key_options_default();
    o.models = "iris,cars";
    o.rate = 10;
    o.quota = 5;
    REQUIRE_OK(leat_key_add(s, "alice", &o, a));
    CHECK(strlen(a) == 48 && strncmp(a, "leat_", 5) == 0);
    CHECK(strspn(a + 5, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == 43);
    CHECK_FAILS(leat_key_add(s, "alice", NULL, b), LEAT_INVALID, "there is a key called 'alice'");
    REQUIRE_OK(leat_key_add(s, "bob", NULL, b));
    CHECK(strcmp(a, b) != 0);
    CHECK_FAILS(leat_key_add(s, "a b", NULL, b), LEAT_INVALID, "cannot be a name");
    o.models = "iris,../x";
    CHECK_FAILS(leat_key_add(s, "eve", &o, b), LEAT_INVALID, "cannot be a model");
    o = leat_key_options_default();
    o.scopes = 0;
    CHECK_FAILS(leat_key_add(s, "eve", &o, b), LEAT_INVALID, "one or more of the scopes");
    o.scopes = LEAT_KEY_INFER;
    o.rate = (double)NAN;
    CHECK_FAILS(leat_key_add(s, "eve", &o, b), LEAT_INVALID, "rate");
    o.rate = 0;
    o.expires = 1000;
    CHECK_FAILS(leat_key_add(s, "eve", &o, b), LEAT_INVALID, "expired already");
    CHECK_OK(leat_key_revoke(s, "bob"));
    CHECK_OK(leat_key_revoke(s, "bob"));
    CHECK_FAILS(leat_key_rotate(s, "bob", 0, b), LEAT_INVALID, "is revoked");
    CHECK_FAILS(leat_key_add(s, "bob", NULL, b), LEAT_INVALID, "there was a key");
    CHECK_FAILS(leat_key_revoke(s, "bobb"), LEAT_NOT_FOUND, "no key called 'bobb'");
    REQUIRE_OK(leat_key_list_create(s, &list));
    REQUIRE(leat_key_list_count(list) == 2);
    CHECK(leat_key_list_at(list, 1) && !leat_key_list_at(list, 2));
    CHECK_STR(leat_key_list_at(list, 0)->models, "iris,cars");
    CHECK(leat_key_list_at(list, 0)->quota == 5 && leat_key_list_at(list, 0)->burst == 10);
    CHECK(leat_key_list_at(list, 1)->revoked > 0);
    leat_key_list_destroy(list);
    leat_key_store_close(s);
    /* Neither secret is anywhere in the files. */
    leati_bytes bytes;
    REQUIRE_OK(leati_file_read(t->context, &bytes, where));
    char hex[65];
    leati_sha256_hex(a, 48, hex);
    bool secret = false, hash = false;
    for (size_t i = 0; i + 64 < bytes.size; i++) {
        secret = secret || memcmp(bytes.data + i, a + 5, 20) == 0;
        hash = hash || memcmp(bytes.data + i, hex, 64) == 0;
    }
    CHECK(hash && !secret);
    leati_bytes_release(&bytes);
    CHECK_FAILS(leat_key_store_open(t->context, &s, leattest_scratch("none.db"), false),
                LEAT_NOT_FOUND, "there are no keys in|leat key add");
}

static void verdicts(leattest *t)
{
    const char *where;
    char a[LEAT_KEY_SIZE], m[LEAT_KEY_SIZE], wrong[LEAT_KEY_SIZE];
    leati_keys *k;
    leati_key_verdict v;
    leat_key_store *s = fresh(t, "verdicts.db", &where);
    REQUIRE(s);
    leat_key_options o = leat_key_options_default();
    o.models = "iris,cars";
    o.expires = (int64_t)time(NULL) + 1000;
    REQUIRE_OK(leat_key_add(s, "alice", &o, a));
    o = leat_key_options_default();
    o.scopes = LEAT_KEY_MANAGE | LEAT_KEY_MONITOR;
    REQUIRE_OK(leat_key_add(s, "boss", &o, m));
    REQUIRE_OK(leati_keys_open(t->context, &k, where));
    v = ask(k, a, "iris", LEAT_KEY_INFER);
    CHECK(v.status == 200 && v.key);
    CHECK_STR(leati_key_name(v.key), "alice");
    CHECK_INT(ask(k, a, "cars", LEAT_KEY_INFER).status, 200);
    CHECK_INT(ask(k, a, NULL, LEAT_KEY_INFER).status, 200);
    v = ask(k, a, "car", LEAT_KEY_INFER);
    CHECK_INT(v.status, 403);
    CHECK_STR(v.code, "model");
    CHECK_INT(ask(k, a, "", LEAT_KEY_INFER).status, 403);
    v = ask(k, a, "iris", LEAT_KEY_MANAGE);
    CHECK_INT(v.status, 403);
    CHECK_STR(v.code, "scope");
    CHECK_INT(ask(k, m, "iris", LEAT_KEY_INFER).status, 403);
    CHECK_INT(ask(k, m, "iris", LEAT_KEY_MANAGE).status, 200);
    v = ask(k, NULL, "iris", LEAT_KEY_INFER);
    CHECK_INT(v.status, 401);
    CHECK_STR(v.code, "no_key");
    v = ask_at(k, a, "iris", LEAT_KEY_INFER, 1, SECOND, (int64_t)time(NULL) + 1001);
    CHECK_INT(v.status, 401);
    CHECK_STR(v.code, "expired_key");
    CHECK(v.key && strcmp(leati_key_name(v.key), "alice") == 0);
    leati_key_use used = {{0}};
    for (const leati_key_state *key = NULL; (key = leati_keys_next(k, key, &used));)
        if (key == v.key) break;
    CHECK_INT(used.of[LEATI_KEY_REFUSED], 4); /* that among them */
    /* Every other text is unknown: each character changed, lengths, prefixes. */
    for (size_t i = 0; i < 48; i++) {
        memcpy(wrong, a, sizeof wrong);
        wrong[i] = wrong[i] == 'x' ? 'y' : 'x';
        if (!CHECK(ask(k, wrong, "iris", LEAT_KEY_INFER).status == 401)) break;
        wrong[i] = '\0';
        if (!CHECK(ask(k, wrong, "iris", LEAT_KEY_INFER).status == 401)) break;
    }
    leati_keys_check(k, 3, a, 48, "iris", 4, LEAT_KEY_INFER, 1, &v); /* X-API-Key */
    CHECK_INT(v.status, 200);
    leati_keys_check(k, 3, "Basic leat_", 11, "iris", 4, LEAT_KEY_INFER, 1, &v);
    CHECK_INT(v.status, 401);
    leati_keys_check(k, 3, "", 0, "iris", 4, LEAT_KEY_INFER, 1, &v);
    CHECK_INT(v.status, 401);
    leati_keys_close(k);
    leat_key_store_close(s);
}

/* Changes of the store reach a running table; the old secret works for its grace. */
static void changes(leattest *t)
{
    const char *where;
    char a[LEAT_KEY_SIZE], b[LEAT_KEY_SIZE];
    leati_keys *k;
    int64_t now = (int64_t)time(NULL);
    leat_key_store *s = fresh(t, "changes.db", &where);
    REQUIRE(s);
    REQUIRE_OK(leati_keys_open(t->context, &k, where));
    REQUIRE_OK(leat_key_add(s, "alice", NULL, a));
    bool known = false;
    for (int i = 0; i < 100 && !known; i++) { /* by the thread alone */
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
        known = ask(k, a, "iris", LEAT_KEY_INFER).status == 200;
    }
    CHECK(known);
    REQUIRE_OK(leat_key_rotate(s, "alice", 100, b));
    CHECK_OK(leati_keys_refresh(k, t->context));
    CHECK_INT(ask(k, a, "iris", LEAT_KEY_INFER).status, 200);
    CHECK_INT(ask(k, b, "iris", LEAT_KEY_INFER).status, 200);
    CHECK_INT(ask_at(k, a, "iris", LEAT_KEY_INFER, 1, SECOND, now + 200).status, 401);
    CHECK_INT(ask_at(k, b, "iris", LEAT_KEY_INFER, 1, SECOND, now + 200).status, 200);
    REQUIRE_OK(leat_key_rotate(s, "alice", 0, a));
    CHECK_OK(leati_keys_refresh(k, t->context));
    CHECK_INT(ask(k, b, "iris", LEAT_KEY_INFER).status, 401);
    CHECK_INT(ask(k, a, "iris", LEAT_KEY_INFER).status, 200);
    REQUIRE_OK(leat_key_revoke(s, "alice"));
    CHECK_OK(leati_keys_refresh(k, t->context));
    CHECK_INT(ask(k, a, "iris", LEAT_KEY_INFER).status, 401);
    leati_keys_close(k);
    leat_key_store_close(s);
}

static void limits(leattest *t)
{
    const char *where;
    char a[LEAT_KEY_SIZE], q[LEAT_KEY_SIZE], both[LEAT_KEY_SIZE], policy[LEATI_KEY_FIELD],
        limit[LEATI_KEY_FIELD];
    leati_keys *k;
    leati_key_verdict v;
    uint64_t now = UINT64_C(1000) * SECOND;
    leat_key_store *s = fresh(t, "limits.db", &where);
    REQUIRE(s);
    leat_key_options o = leat_key_options_default();
    o.rate = 2;
    o.burst = 3;
    REQUIRE_OK(leat_key_add(s, "alice", &o, a));
    o = leat_key_options_default();
    o.quota = 10;
    REQUIRE_OK(leat_key_add(s, "bob", &o, q));
    o.rate = 1;
    o.burst = 1;
    REQUIRE_OK(leat_key_add(s, "both", &o, both));
    REQUIRE_OK(leati_keys_open(t->context, &k, where));
    /* Who is too quick is not told that the day is used up. */
    CHECK_INT(ask_at(k, both, "iris", LEAT_KEY_INFER, 3, now, NOON).status, 200);
    v = ask_at(k, both, "iris", LEAT_KEY_INFER, 3, now, NOON);
    CHECK_STR(v.code, "too_many_requests");
    CHECK_INT(v.retry_seconds, 1);
    leati_key_fields(&v, policy, limit);
    CHECK_STR(limit, "\"rate\";r=0;t=1, \"day\";r=7;t=43200");
    /* Three at once, the fourth half a second later. */
    for (int i = 0; i < 3; i++) {
        v = ask_at(k, a, "iris", LEAT_KEY_INFER, 0, now, NOON);
        CHECK_INT(v.status, 200);
        CHECK_INT(v.rate.left, 2 - i);
    }
    leati_key_fields(&v, policy, limit);
    CHECK_STR(policy, "\"rate\";q=3;w=2");
    CHECK_STR(limit, "\"rate\";r=0;t=2");
    v = ask_at(k, a, "iris", LEAT_KEY_INFER, 0, now, NOON);
    CHECK_INT(v.status, 429);
    CHECK_STR(v.code, "too_many_requests");
    CHECK_INT(v.retry_seconds, 1);
    CHECK_INT(ask_at(k, a, "iris", LEAT_KEY_INFER, 0, now + SECOND / 2 - 1, NOON).status, 429);
    CHECK_INT(ask_at(k, a, "iris", LEAT_KEY_INFER, 0, now + SECOND / 2, NOON).status, 200);
    CHECK_INT(ask_at(k, a, "iris", LEAT_KEY_INFER, 0, now + SECOND / 2, NOON).status, 429);
    v = ask_at(k, a, "iris", LEAT_KEY_INFER, 0, now + UINT64_C(3600) * SECOND,
               NOON); /* full again, not more */
    CHECK_INT(v.rate.left, 2);
    /* Rows of a day. */
    v = ask_at(k, q, "iris", LEAT_KEY_INFER, 6, now, NOON);
    CHECK(v.status == 200 && v.day.left == 4 && v.day.reset == 43200);
    v = ask_at(k, q, "iris", LEAT_KEY_INFER, 5, now, NOON);
    CHECK_INT(v.status, 429);
    CHECK_STR(v.code, "quota_used_up");
    CHECK_INT(v.retry_seconds, 43200);
    leati_key_fields(&v, policy, limit);
    CHECK_STR(policy, "\"day\";q=10;w=86400");
    CHECK_STR(limit, "\"day\";r=4;t=43200");
    CHECK_INT(ask_at(k, q, "iris", LEAT_KEY_INFER, 4, now, NOON).status, 200);
    CHECK_INT(ask_at(k, q, "iris", LEAT_KEY_INFER, 0, now, NOON).status,
              429); /* rows not known yet */
    CHECK_INT(ask_at(k, q, "iris", LEAT_KEY_INFER, 10, now, NOON + 86400).status, 200);
    leati_keys_close(k);
    leat_key_store_close(s);
}

/* --- many threads ----------------------------------------------------------------------------- */

enum { THREADS = 4, ASKS = 20000 };

typedef struct crowd {
    leati_keys *keys;
    const char *secret;
    unsigned worker;
    uint64_t allowed, wrong;
} crowd;

static void *ask_often(void *user)
{
    crowd *w = user;
    for (int i = 0; i < ASKS; i++) {
        leati_key_verdict v;
        leati_keys_check_at(w->keys, w->worker, w->secret, 48, "iris", 4, LEAT_KEY_INFER, 1,
                            SECOND + (uint64_t)i, NOON, &v);
        if (v.status == 200) w->allowed++;
        else if (v.status != 429) w->wrong++;
        leati_keys_count(v.key, 0, 0, 10, 1000, false);
    }
    return NULL;
}

/* Exactly as many pass as the limits allow, whatever the threads, while the table is exchanged. */
static void threads(leattest *t)
{
    const char *where;
    char rate[LEAT_KEY_SIZE], quota[LEAT_KEY_SIZE], other[LEAT_KEY_SIZE], name[32];
    leati_keys *k;
    leat_key_store *s = fresh(t, "threads.db", &where);
    REQUIRE(s);
    leat_key_options o = leat_key_options_default();
    o.rate = 1;
    o.burst = 1000;
    REQUIRE_OK(leat_key_add(s, "rate", &o, rate));
    o = leat_key_options_default();
    o.quota = 1234;
    REQUIRE_OK(leat_key_add(s, "quota", &o, quota));
    REQUIRE_OK(leati_keys_open(t->context, &k, where));
    for (int part = 0; part < 2; part++) {
        pthread_t thread[THREADS];
        crowd all[THREADS];
        uint64_t allowed = 0, wrong = 0;
        for (unsigned i = 0; i < THREADS; i++) {
            all[i] = (crowd){.keys = k, .secret = part ? quota : rate, .worker = i / 2};
            REQUIRE(pthread_create(&thread[i], NULL, ask_often, &all[i]) == 0);
        }
        for (int i = 0; i < 10; i++) {
            snprintf(name, sizeof name, "other%d-%d", part, i);
            CHECK_OK(leat_key_add(s, name, NULL, other));
            CHECK_OK(leati_keys_refresh(k, t->context));
        }
        for (unsigned i = 0; i < THREADS; i++) {
            pthread_join(thread[i], NULL);
            allowed += all[i].allowed;
            wrong += all[i].wrong;
        }
        CHECK_INT(allowed, part ? 1234 : 1000);
        CHECK_INT(wrong, 0);
    }
    CHECK_OK(leati_keys_refresh(k, t->context));
    leat_key_list *list;
    REQUIRE_OK(leat_key_list_create(s, &list));
    uint64_t requests = 0, refused = 0, bytes = 0;
    for (size_t i = 0; i < leat_key_list_count(list); i++) {
        requests += leat_key_list_at(list, i)->requests;
        refused += leat_key_list_at(list, i)->refused;
        bytes += leat_key_list_at(list, i)->bytes;
    }
    CHECK_INT(requests, 2234);
    CHECK_INT(requests + refused, 2 * THREADS * ASKS);
    CHECK_INT(bytes, 2 * THREADS * ASKS * 10);
    leat_key_list_destroy(list);
    leati_keys_close(k);
    leat_key_store_close(s);
}

/* A request holds rows of the quota from when they are known until they are answered or not. */
static void under_way(leattest *t)
{
    const char *where;
    char q[LEAT_KEY_SIZE];
    leati_keys *k;
    uint64_t one = 0, two = 0, late = 0, left;
    leat_key_store *s = fresh(t, "under_way.db", &where);
    REQUIRE(s);
    leat_key_options o = leat_key_options_default();
    o.quota = 10;
    REQUIRE_OK(leat_key_add(s, "alice", &o, q));
    REQUIRE_OK(leati_keys_open(t->context, &k, where));
    leati_key_state *key = ask_at(k, q, "iris", LEAT_KEY_INFER, 0, SECOND, NOON).key;
    REQUIRE(key);
    CHECK(leati_keys_take_at(key, 6, NOON, &one, &left));
    CHECK(leati_keys_take_at(key, 5, NOON, &one, &left)); /* it has them */
    CHECK_INT(ask_at(k, q, "iris", LEAT_KEY_INFER, 0, SECOND, NOON).day.left, 4);
    CHECK(!leati_keys_take_at(key, 5, NOON, &two, &left));
    CHECK_INT(left, 4);
    CHECK(!two);
    CHECK(leati_keys_take_at(key, 4, NOON, &two, &left));
    leati_key_verdict v = ask_at(k, q, "iris", LEAT_KEY_INFER, 0, SECOND, NOON);
    CHECK(v.status == 429 && v.retry_seconds == 1); /* some may come back */
    CHECK(!leati_keys_take_at(key, 7, NOON, &one, &left));
    leati_keys_give_back(key, two);
    CHECK(leati_keys_take_at(key, 10, NOON, &one, &left)); /* it turned out to be more */
    leati_keys_count(key, one, 7, 0, 0, false);
    CHECK_INT(ask_at(k, q, "iris", LEAT_KEY_INFER, 0, SECOND, NOON).day.left, 3);
    /* Over midnight: what was of yesterday is not given back to today. */
    CHECK(leati_keys_take_at(key, 3, NOON, &late, &left));
    CHECK_INT(ask_at(k, q, "iris", LEAT_KEY_INFER, 9, SECOND, NOON + 86400).day.left, 1);
    leati_keys_give_back(key, late);
    v = ask_at(k, q, "iris", LEAT_KEY_INFER, 1, SECOND, NOON + 86400);
    CHECK(v.status == 200 && v.day.left == 0);
    v = ask_at(k, q, "iris", LEAT_KEY_INFER, 1, SECOND, NOON + 86400);
    CHECK(v.status == 429 && v.retry_seconds == 43200);
    leati_keys_close(k);
    leat_key_store_close(s);
}

/* --- the store and several servers ------------------------------------------------------------ */

static void usage(leattest *t)
{
    const char *where;
    char a[LEAT_KEY_SIZE];
    leati_keys *one, *two;
    leati_key_verdict v;
    leat_key_list *list;
    leat_key_store *s = fresh(t, "usage.db", &where);
    REQUIRE(s);
    leat_key_options o = leat_key_options_default();
    o.quota = 100;
    REQUIRE_OK(leat_key_add(s, "alice", &o, a));
    REQUIRE_OK(leati_keys_open(t->context, &one, where));
    REQUIRE_OK(leati_keys_open(t->context, &two, where));
    int64_t now = (int64_t)time(NULL);
    v = ask_at(one, a, "iris", LEAT_KEY_INFER, 40, SECOND, now);
    CHECK(v.status == 200 && v.day.left == 60);
    leati_keys_count(v.key, 0, 10, 500, 2000000, true); /* known later */
    v = ask_at(two, a, "iris", LEAT_KEY_INFER, 30, SECOND, now);
    CHECK(v.status == 200 && v.day.left == 70);
    CHECK_OK(leati_keys_refresh(one, t->context));
    CHECK_OK(leati_keys_refresh(two, t->context));
    CHECK_OK(leati_keys_refresh(one, t->context));
    CHECK_INT(ask_at(one, a, "iris", LEAT_KEY_INFER, 1, SECOND, now).day.left, 19);
    CHECK_INT(ask_at(two, a, "iris", LEAT_KEY_INFER, 21, SECOND, now).status, 429);
    leati_keys_close(one);
    leati_keys_close(two);
    REQUIRE_OK(leati_keys_open(t->context, &one, where)); /* a restart forgets nothing */
    CHECK_INT(ask_at(one, a, "iris", LEAT_KEY_INFER, 1, SECOND, now).day.left, 18);
    leati_keys_close(one);
    REQUIRE_OK(leat_key_list_create(s, &list));
    const leat_key_info *k = leat_key_list_at(list, 0);
    CHECK(k->requests == 4 && k->rows == 82 && k->errors == 1 && k->refused == 1 &&
          k->bytes == 500);
    CHECK_NEAR(k->seconds, 0.002, 1e-9, 0);
    leat_key_list_destroy(list);
    leat_key_store_close(s);
}

/* The store becomes nonsense while a server runs: known keys go on working, usage is not lost. */
static void store_is_gone(leattest *t)
{
    const char *where;
    char a[LEAT_KEY_SIZE], aside[4200];
    leati_keys *k;
    leat_key_store *s = fresh(t, "gone.db", &where);
    REQUIRE(s);
    REQUIRE_OK(leat_key_add(s, "alice", NULL, a));
    leat_key_store_close(s);
    REQUIRE_OK(leati_keys_open(t->context, &k, where));
    CHECK_INT(ask(k, a, "iris", LEAT_KEY_INFER).status, 200);
    snprintf(aside, sizeof aside, "%s.aside", where);
    leati_bytes b;
    REQUIRE_OK(leati_file_read(t->context, &b, where));
    REQUIRE_OK(leati_file_write(t->context, aside, b.data, b.size));
    leati_bytes_release(&b);
    char noise[8192];
    memset(noise, 'x', sizeof noise);
    REQUIRE_OK(leati_file_write(t->context, where, noise, sizeof noise));
    leat_status st = LEAT_OK;
    for (int i = 0; i < 3 && st == LEAT_OK; i++) { /* the handle that is open may not notice */
        ask(k, a, "iris", LEAT_KEY_INFER);
        st = leati_keys_refresh(k, t->context);
    }
    leat_error_clear(t->context);
    CHECK_INT(ask(k, a, "iris", LEAT_KEY_INFER).status, 200);
    CHECK(rename(aside, where) == 0);
    CHECK_INT(ask(k, a, "iris", LEAT_KEY_INFER).status, 200);
    leati_keys_close(k);
}

/* Usage cannot be written, as on a full disk: keys that are revoked are refused nevertheless. */
static void usage_is_refused(leattest *t)
{
    const char *where;
    char a[LEAT_KEY_SIZE];
    leati_keys *k;
    leati_sql *db;
    leat_key_list *list;
    leat_key_store *s = fresh(t, "full.db", &where);
    REQUIRE(s);
    REQUIRE_OK(leat_key_add(s, "alice", NULL, a));
    REQUIRE_OK(leati_keys_open(t->context, &k, where));
    CHECK_INT(ask(k, a, "iris", LEAT_KEY_INFER).status, 200);
    REQUIRE_OK(leati_key_database_open(t->context, &db, where, false));
    CHECK_OK(leati_sql_run(db, "ALTER TABLE leat_key_use RENAME COLUMN us TO gone", LEATI_SQL_NONE,
                           NULL));
    REQUIRE_OK(leat_key_revoke(s, "alice"));
    CHECK(leati_keys_refresh(k, t->context) != LEAT_OK);
    leat_error_clear(t->context);
    CHECK_INT(ask(k, a, "iris", LEAT_KEY_INFER).status, 401);
    CHECK_OK(leati_sql_run(db, "ALTER TABLE leat_key_use RENAME COLUMN gone TO us", LEATI_SQL_NONE,
                           NULL));
    leati_sql_close(db);
    CHECK_OK(leati_keys_refresh(k, t->context));
    leati_keys_close(k);
    REQUIRE_OK(leat_key_list_create(s, &list));
    CHECK_INT(leat_key_list_at(list, 0)->requests, 1);
    leat_key_list_destroy(list);
    leat_key_store_close(s);
}

/* The same with the keys on a server, which then dies while keys are asked for. */
static void on_postgres(leattest *t)
{
    const char *where;
    char a[LEAT_KEY_SIZE];
    leati_keys *k;
    leat_key_list *list;
    leattest_postgres *p = leattest_postgres_start(t);
    if (!p) return;
    server = leattest_postgres_address(p);
    verdicts(t);
    changes(t);
    usage(t);
    usage_is_refused(t);
    leat_key_store *s = fresh(t, "", &where);
    if (s && CHECK_OK(leat_key_add(s, "alice", NULL, a)) &&
        CHECK_OK(leati_keys_open(t->context, &k, where))) {
        leattest_postgres_kill(p);
        for (int i = 0; i < 5; i++) CHECK_INT(ask(k, a, "iris", LEAT_KEY_INFER).status, 200);
        CHECK_FAILS(leati_keys_refresh(k, t->context), LEAT_NETWORK, "no connection");
        CHECK_INT(ask(k, a, "iris", LEAT_KEY_INFER).status, 200);
        CHECK(leattest_postgres_revive(p));
        CHECK_OK(leati_keys_refresh(k, t->context)); /* what was counted meanwhile is written */
        leat_key_store_close(s);
        s = NULL;
        CHECK_OK(leat_key_store_open(t->context, &s, where, false));
        if (s && CHECK_OK(leat_key_list_create(s, &list))) {
            CHECK_INT(leat_key_list_at(list, 0)->requests, 6);
            leat_key_list_destroy(list);
        }
        leati_keys_close(k);
    }
    leat_key_store_close(s);
    server = NULL;
    leattest_postgres_stop(p);
}

static void *read_published(void *user)
{
    leati_published *p = user;
    leati_borrowed loan;
    for (int i = 0; i < 200000; i++) {
        const int *value = leati_published_borrow(p, 1, &loan);
        if (*value != 7) return user;
        leati_published_give_back(p, &loan);
    }
    return NULL;
}

/* What an exchange gives back is nobody's any more: it is spoilt at once. */
static void published(leattest *t)
{
    leati_published p;
    pthread_t thread[3];
    int values[2] = {7, 7}, at = 0;
    leati_published_init(&p, &values[0]);
    for (int i = 0; i < 3; i++) REQUIRE(pthread_create(&thread[i], NULL, read_published, &p) == 0);
    for (int i = 0; i < 2000; i++) {
        int *old = leati_published_exchange(&p, &values[1 - at]);
        CHECK(old == &values[at]);
        *old = 0;
        *old = 7;
        at = 1 - at;
    }
    for (int i = 0; i < 3; i++) {
        void *bad;
        pthread_join(thread[i], &bad);
        CHECK(bad == NULL);
    }
}

static leat_status body(leat_context *c, void *arg)
{
    leat_key_store *s = NULL;
    leat_key_list *list = NULL;
    leati_keys *k = NULL;
    char secret[LEAT_KEY_SIZE], name[32];
    int *round = arg;
    leat_key_options o = leat_key_options_default();
    o.models = "iris,cars";
    snprintf(name, sizeof name, "key%d", (*round)++);
    leat_status st = leat_key_store_open(c, &s, leattest_scratch("memory.db"), true);
    if (st == LEAT_OK) st = leat_key_add(s, name, &o, secret);
    if (st == LEAT_OK) st = leat_key_rotate(s, name, 10, secret);
    if (st == LEAT_OK) st = leat_key_revoke(s, name);
    if (st == LEAT_OK) st = leat_key_list_create(s, &list);
    if (st == LEAT_OK) st = leati_keys_open(c, &k, leattest_scratch("memory.db"));
    leati_keys_close(k);
    leat_key_list_destroy(list);
    leat_key_store_close(s);
    return st;
}

static void allocations(leattest *t)
{
    int round = 0;
    leattest_fail_allocations(t, body, &round);
}

static const leattest_case cases[] = {
    TEST(store),         TEST(verdicts),         TEST(changes),     TEST(limits),
    TEST(threads),       TEST(under_way),        TEST(usage),       TEST(published),
    TEST(store_is_gone), TEST(usage_is_refused), TEST(allocations), TEST(on_postgres),
};
LEATTEST_MAIN(cases)
