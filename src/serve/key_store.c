/* Owns: keys at rest: making, changing, listing. Not: judging requests by them (keys.c). */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/random_bytes.h"
#include "base/str.h"
#include "model/registry.h"
#include "serve/keys.h"

/* Times are seconds since 1970, days are days since 1970; both UTC. models: "," before and after
 * each name, or "". */
static const char *const statements[] = {
    "CREATE TABLE leat_key (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, "
    "old_sha256 TEXT NOT NULL, old_until BIGINT NOT NULL, scopes BIGINT NOT NULL, "
    "models TEXT NOT NULL, created BIGINT NOT NULL, expires BIGINT NOT NULL, "
    "revoked BIGINT NOT NULL, rate DOUBLE PRECISION NOT NULL, burst DOUBLE PRECISION NOT NULL, "
    "quota BIGINT NOT NULL)",
    "CREATE TABLE leat_key_use (name TEXT NOT NULL REFERENCES leat_key (name), "
    "day BIGINT NOT NULL, requests BIGINT NOT NULL, used_rows BIGINT NOT NULL, "
    "bytes BIGINT NOT NULL, us BIGINT NOT NULL, errors BIGINT NOT NULL, refused BIGINT NOT NULL, "
    "PRIMARY KEY (name, day))",
    "CREATE TABLE leat_key_change (part BIGINT PRIMARY KEY, generation BIGINT NOT NULL)",
    "INSERT INTO leat_key_change (part, generation) VALUES (1, 1)", NULL};

static const leati_sql_schema schema = {"keys", 1, statements, NULL};

struct leat_key_store {
    leat_context *context;
    leati_sql *db;
};

int64_t leati_key_day(int64_t seconds)
{
    return seconds / 86400;
}

/* leati_free */
static char *default_place(leat_context *c)
{
    const char *place = getenv("LEAT_KEYS");
    if (place && *place) return leati_strdup(c, place);
    char *home = leati_home(c), *path = home ? leati_path_join(c, home, "keys.db") : NULL;
    leati_free(home);
    return path;
}

static leat_status make_folder_of(leat_context *c, const char *path)
{
    const char *base = leati_path_base(path);
    if (base == path || leati_sql_is_server(path)) return LEAT_OK;
    char *folder = leati_strndup(c, path, (size_t)(base - path));
    leat_status st = folder ? leati_folder_make(c, folder) : leat_error_status(c);
    leati_free(folder);
    return st;
}

static leat_status open_place(leat_context *c, leati_sql **out, const char *place, bool make)
{
    bool there;
    bool absent = !make && !leati_sql_is_server(place) && !leati_path_exists(place);
    if (make) LEATI_TRY(make_folder_of(c, place));
    if (!absent) LEATI_TRY(leati_sql_open(c, out, place, make));
    if (!absent) LEATI_TRY(leati_sql_use_schema(*out, &schema, make, &there));
    LEATI_CHECK(c, !absent && there, LEAT_NOT_FOUND,
                "there are no keys in %s\nleat key add NAME makes the first one", place);
    return LEAT_OK;
}

char *leati_key_place(leat_context *c, const char *where)
{
    return where ? leati_strdup(c, where) : default_place(c);
}

leat_status leati_key_database_open(leat_context *c, leati_sql **out, const char *where, bool make)
{
    *out = NULL;
    char *place = leati_key_place(c, where);
    leat_status st = place ? open_place(c, out, place, make) : leat_error_status(c);
    leati_free(place);
    if (st == LEAT_OK) return st;
    leati_sql_close(*out);
    *out = NULL;
    return st;
}

leat_status leat_key_store_open(leat_context *c, leat_key_store **out, const char *where, bool make)
{
    *out = NULL;
    leat_key_store *s = leati_calloc(c, 1, sizeof *s);
    if (!s) return leat_error_status(c);
    s->context = c;
    leat_status st = leati_key_database_open(c, &s->db, where, make);
    if (st == LEAT_OK) *out = s;
    else leat_key_store_close(s);
    return st;
}

void leat_key_store_close(leat_key_store *s)
{
    if (!s) return;
    leati_sql_close(s->db);
    leati_free(s);
}

const char *leat_key_store_name(const leat_key_store *s)
{
    return leati_sql_name(s->db);
}

const char *leat_key_scope_name(leat_key_scope scope)
{
    switch (scope) {
    case LEAT_KEY_INFER: return "infer";
    case LEAT_KEY_MONITOR: return "monitor";
    case LEAT_KEY_MANAGE: return "manage";
    }
    return NULL;
}

/* --- secrets ---------------------------------------------------------------------------------- */

/* 32 bytes as a number in base 62: 43 digits hold 2^256. */
static void to_base62(uint8_t bytes[32], char out[43])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (int k = 42; k >= 0; k--) {
        unsigned rest = 0;
        for (int i = 0; i < 32; i++) {
            unsigned value = rest * 256 + bytes[i];
            bytes[i] = (uint8_t)(value / 62);
            rest = value % 62;
        }
        out[k] = digits[rest];
    }
}

static leat_status new_secret(leat_context *c, char secret[LEAT_KEY_SIZE], char sha256[65])
{
    uint8_t random[32];
    LEATI_TRY(leati_random_bytes(c, random, sizeof random));
    memcpy(secret, "leat_", 5);
    to_base62(random, secret + 5);
    secret[LEAT_KEY_SIZE - 1] = '\0';
    leati_sha256_hex(secret, LEAT_KEY_SIZE - 1, sha256);
    return LEAT_OK;
}

/* --- changing --------------------------------------------------------------------------------- */

leat_status leati_key_generation(leati_sql *db, int64_t *out)
{
    return leati_sql_value(db, out, NULL, "SELECT generation FROM leat_key_change WHERE part = 1",
                           LEATI_SQL_NONE);
}

/* Ends a transaction in which `st` came about; servers look at the generation. */
static leat_status end_change(leat_key_store *s, leat_status st)
{
    if (st == LEAT_OK)
        st = leati_sql_run(s->db, "UPDATE leat_key_change SET generation = generation + 1",
                           LEATI_SQL_NONE, NULL);
    if (st == LEAT_OK) return leati_sql_commit(s->db);
    leati_sql_undo(s->db);
    return st;
}

leat_key_options leat_key_options_default(void)
{
    return (leat_key_options){.struct_size = sizeof(leat_key_options), .scopes = LEAT_KEY_INFER};
}

/* "iris,cars" -> ",iris,cars,"; leati_free. */
static leat_status model_list(leat_context *c, const char *models, char **out)
{
    leati_str s;
    char name[LEATI_NAME_MOST + 2];
    leati_str_init(&s, c);
    leat_status st = LEAT_OK;
    for (const char *at = models ? models : ""; *at && st == LEAT_OK;) {
        size_t n = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name), at);
        st = leati_name_check(c, name, "model");
        leati_str_addf(&s, "%s%s,", s.length ? "" : ",", name);
        at += n + (at[n] == ',');
    }
    if (st == LEAT_OK) *out = leati_str_take(&s);
    else leati_str_fini(&s);
    return st == LEAT_OK && !*out ? leat_error_status(c) : st;
}

static leat_status check_options(leat_context *c, const leat_key_options *o)
{
    unsigned all = LEAT_KEY_INFER | LEAT_KEY_MONITOR | LEAT_KEY_MANAGE;
    LEATI_CHECK(c, o->scopes && (o->scopes & ~all) == 0, LEAT_INVALID,
                "a key has one or more of the scopes infer, monitor and manage");
    LEATI_CHECK(c, o->rate >= 0 && o->rate <= 1e6 && !isnan(o->rate), LEAT_INVALID,
                "a key's rate is from 0 to 1e6 requests per second, not %g", o->rate);
    LEATI_CHECK(c, o->rate == 0 || o->rate >= 1e-4, LEAT_INVALID,
                "a key's rate is at least one request in three hours, not %g per second", o->rate);
    LEATI_CHECK(c, o->burst >= 0 && o->burst <= 1e6 && !isnan(o->burst), LEAT_INVALID,
                "a key's burst is from 1 to 1e6 requests, not %g", o->burst);
    LEATI_CHECK(c, o->quota <= 1000000000000, LEAT_INVALID,
                "a key's quota is at most 1e12 rows per day");
    LEATI_CHECK(c, o->expires == 0 || o->expires > leati_seconds_now(), LEAT_INVALID,
                "the key would have expired already");
    return LEAT_OK;
}

static leat_status find_key(leat_key_store *s, const char *name, bool *found, int64_t *revoked)
{
    return leati_sql_value(s->db, revoked, found, "SELECT revoked FROM leat_key WHERE name = $1",
                           LEATI_SQL_ARGS(leati_sql_text(name)));
}

static leat_status insert_key(leat_key_store *s, const char *name, const leat_key_options *o,
                              const char *models, const char *sha256)
{
    bool found;
    int64_t revoked;
    double burst = o->burst > 0 ? o->burst : o->rate > 1 ? o->rate : 1;
    LEATI_TRY(find_key(s, name, &found, &revoked));
    LEATI_CHECK(s->context, !found, LEAT_INVALID, "there %s a key called '%s'; choose another name",
                revoked ? "was" : "is", name);
    return leati_sql_run(
        s->db,
        "INSERT INTO leat_key (name, sha256, old_sha256, old_until, scopes, models, created, "
        "expires, revoked, rate, burst, quota) "
        "VALUES ($1, $2, '', 0, $3, $4, $5, $6, 0, $7, $8, $9)",
        LEATI_SQL_ARGS(leati_sql_text(name), leati_sql_text(sha256), leati_sql_whole(o->scopes),
                       leati_sql_text(models), leati_sql_whole(leati_seconds_now()),
                       leati_sql_whole(o->expires), leati_sql_number(o->rate),
                       leati_sql_number(o->rate > 0 ? burst : 0),
                       leati_sql_whole((int64_t)o->quota)),
        NULL);
}

leat_status leat_key_add(leat_key_store *s, const char *name, const leat_key_options *options,
                         char secret[LEAT_KEY_SIZE])
{
    leat_key_options o = leat_key_options_default();
    char sha256[65], *models = NULL;
    LEATI_TRY(LEATI_OPTIONS(s->context, leat_key_options, &o, options));
    LEATI_TRY(leati_name_check(s->context, name, "name"));
    LEATI_TRY(check_options(s->context, &o));
    LEATI_TRY(model_list(s->context, o.models, &models));
    leat_status st = new_secret(s->context, secret, sha256);
    if (st == LEAT_OK) st = leati_sql_begin(s->db);
    if (st == LEAT_OK) st = end_change(s, insert_key(s, name, &o, models, sha256));
    leati_free(models);
    if (st != LEAT_OK) memset(secret, 0, LEAT_KEY_SIZE);
    return st;
}

static leat_status must_exist(leat_key_store *s, const char *name, int64_t *revoked)
{
    bool found;
    LEATI_TRY(find_key(s, name, &found, revoked));
    LEATI_CHECK(s->context, found, LEAT_NOT_FOUND,
                "there is no key called '%.200s'\nleat key list shows them", name);
    return LEAT_OK;
}

static leat_status replace_secret(leat_key_store *s, const char *name, double grace,
                                  const char *sha256)
{
    int64_t revoked;
    LEATI_TRY(must_exist(s, name, &revoked));
    LEATI_CHECK(s->context, !revoked, LEAT_INVALID, "the key '%s' is revoked, for good", name);
    int64_t until = grace > 0 ? leati_seconds_now() + (int64_t)ceil(grace) : 0;
    return leati_sql_run(
        s->db,
        "UPDATE leat_key SET old_sha256 = sha256, old_until = $2, sha256 = $3 "
        "WHERE name = $1",
        LEATI_SQL_ARGS(leati_sql_text(name), leati_sql_whole(until), leati_sql_text(sha256)), NULL);
}

leat_status leat_key_rotate(leat_key_store *s, const char *name, double grace,
                            char secret[LEAT_KEY_SIZE])
{
    char sha256[65];
    LEATI_CHECK(s->context, grace >= 0 && grace <= 366 * 86400.0, LEAT_INVALID,
                "the old secret can go on working for a year at most");
    LEATI_TRY(new_secret(s->context, secret, sha256));
    leat_status st = leati_sql_begin(s->db);
    if (st == LEAT_OK) st = end_change(s, replace_secret(s, name, grace, sha256));
    if (st != LEAT_OK) memset(secret, 0, LEAT_KEY_SIZE);
    return st;
}

static leat_status set_revoked(leat_key_store *s, const char *name)
{
    int64_t revoked;
    LEATI_TRY(must_exist(s, name, &revoked));
    return leati_sql_run(s->db, "UPDATE leat_key SET revoked = $2 WHERE name = $1 AND revoked = 0",
                         LEATI_SQL_ARGS(leati_sql_text(name), leati_sql_whole(leati_seconds_now())),
                         NULL);
}

leat_status leat_key_revoke(leat_key_store *s, const char *name)
{
    LEATI_TRY(leati_sql_begin(s->db));
    return end_change(s, set_revoked(s, name));
}

/* --- listing ---------------------------------------------------------------------------------- */

struct leat_key_list {
    leati_arena arena;
    leat_key_info *items;
    size_t count, capacity;
};

void leat_key_list_destroy(leat_key_list *list)
{
    if (!list) return;
    leati_arena_fini(&list->arena);
    leati_free(list->items);
    leati_free(list);
}

size_t leat_key_list_count(const leat_key_list *list)
{
    return list->count;
}

const leat_key_info *leat_key_list_at(const leat_key_list *list, size_t i)
{
    return i < list->count ? &list->items[i] : NULL;
}

static leat_status add_key(leat_context *c, leat_key_list *list, const leati_sql_rows *rows)
{
    const char *name = leati_sql_get_text(rows, 0), *models = leati_sql_get_text(rows, 2);
    LEATI_CHECK(c, name && models, LEAT_FORMAT, "the store of keys is damaged");
    size_t n = strlen(models);
    LEATI_TRY(leati_grow(c, &list->items, &list->capacity, list->count + 1, sizeof *list->items));
    list->items[list->count] =
        (leat_key_info){.name = leati_arena_strdup(&list->arena, name),
                        .scopes = (unsigned)leati_sql_get_whole(rows, 1),
                        .models = n > 2 ? leati_arena_strndup(&list->arena, models + 1, n - 2) : "",
                        .created = leati_sql_get_whole(rows, 3),
                        .expires = leati_sql_get_whole(rows, 4),
                        .revoked = leati_sql_get_whole(rows, 5),
                        .old_until = leati_sql_get_whole(rows, 6),
                        .rate = leati_sql_get_number(rows, 7),
                        .burst = leati_sql_get_number(rows, 8),
                        .quota = (uint64_t)leati_sql_get_whole(rows, 9),
                        .requests = (uint64_t)leati_sql_get_whole(rows, 10),
                        .rows = (uint64_t)leati_sql_get_whole(rows, 11),
                        .bytes = (uint64_t)leati_sql_get_whole(rows, 12),
                        .seconds = (double)leati_sql_get_whole(rows, 13) / 1e6,
                        .errors = (uint64_t)leati_sql_get_whole(rows, 14),
                        .refused = (uint64_t)leati_sql_get_whole(rows, 15)};
    LEATI_TRY(leat_error_status(c));
    list->count++;
    return LEAT_OK;
}

leat_status leat_key_list_create(leat_key_store *s, leat_key_list **out)
{
    leati_sql_rows rows;
    bool more = false;
    *out = NULL;
    leat_key_list *list = leati_calloc(s->context, 1, sizeof *list);
    if (!list) return leat_error_status(s->context);
    leati_arena_init(&list->arena, s->context);
    leat_status st = leati_sql_query(
        s->db, &rows,
        "SELECT k.name, k.scopes, k.models, k.created, k.expires, k.revoked, k.old_until, k.rate, "
        "k.burst, k.quota, u.requests, u.used_rows, u.bytes, u.us, u.errors, u.refused "
        "FROM leat_key k LEFT JOIN leat_key_use u ON u.name = k.name AND u.day = $1 "
        "ORDER BY k.name",
        LEATI_SQL_ARGS(leati_sql_whole(leati_key_day(leati_seconds_now()))));
    while (st == LEAT_OK && (st = leati_sql_next(&rows, &more)) == LEAT_OK && more)
        st = add_key(s->context, list, &rows);
    leati_sql_end(&rows);
    if (st == LEAT_OK) *out = list;
    else leat_key_list_destroy(list);
    return st;
}
