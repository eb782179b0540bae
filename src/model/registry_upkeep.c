/* Owns: removing what nothing refers to, and checking that what is referred to is sound. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/str.h"
#include "model/registry.h"

/* --- collecting ------------------------------------------------------------------------------- */

enum { BATCH = 256 }; /* files that are looked at in one transaction */

typedef struct collection {
    leat_registry *registry;
    leat_collected *out;
    bool dry;
    size_t in_batch;
} collection;

/* Writers wait while a batch is looked at, so batches are short. */
static leat_status next_in_batch(collection *k)
{
    if (++k->in_batch < BATCH) return LEAT_OK;
    k->in_batch = 0;
    LEATI_TRY(leati_progress(k->registry->context, "gc", k->out->kept + k->out->removed, 0));
    LEATI_TRY(leati_sql_commit(k->registry->db));
    return leati_sql_begin(k->registry->db);
}

static const char references[] =
    "SELECT count(*) FROM (SELECT sha256 FROM leat_version WHERE sha256 = $1 "
    "UNION ALL SELECT sha256 FROM leat_run_file WHERE sha256 = $1 "
    "UNION ALL SELECT sha256 FROM leat_pending WHERE sha256 = $1) AS referring";

static leat_status collect_object(void *user, const char *name, const char *path)
{
    collection *k = user;
    int64_t count;
    struct stat is;
    LEATI_TRY(leati_sql_value(k->registry->db, &count, NULL, references,
                              LEATI_SQL_ARGS(leati_sql_text(name))));
    uint64_t bytes = stat(path, &is) == 0 ? (uint64_t)is.st_size : 0;
    if (count) {
        k->out->kept++;
        k->out->kept_bytes += bytes;
    } else if (k->dry || unlink(path) == 0) {
        k->out->removed++;
        k->out->removed_bytes += bytes;
    }
    return next_in_batch(k);
}

/* Leftovers of pushes that died. */
static leat_status collect_temporary(void *user, const char *name, const char *path)
{
    collection *k = user;
    int64_t count;
    LEATI_TRY(leati_sql_value(k->registry->db, &count, NULL,
                              "SELECT count(*) FROM leat_pending WHERE token = $1",
                              LEATI_SQL_ARGS(leati_sql_text(name))));
    if (!count && !k->dry) unlink(path);
    return next_in_batch(k);
}

static leat_status forget_old_pushes(collection *k, double patience)
{
    leati_sql *db = k->registry->db;
    int64_t count;
    double limit = (double)leati_seconds_now() - patience;
    if (!k->dry)
        LEATI_TRY(leati_sql_run(db, "DELETE FROM leat_pending WHERE created <= $1",
                                LEATI_SQL_ARGS(leati_sql_whole((int64_t)limit)), NULL));
    LEATI_TRY(
        leati_sql_value(db, &count, NULL, "SELECT count(*) FROM leat_pending", LEATI_SQL_NONE));
    k->out->pushes = (uint64_t)count;
    return LEAT_OK;
}

leat_status leat_registry_collect(leat_registry *r, double patience, bool dry, leat_collected *out)
{
    collection k = {.registry = r, .out = out, .dry = dry};
    *out = (leat_collected){0};
    LEATI_CHECK(r->context, patience >= 0 && patience < 1e9, LEAT_INVALID,
                "the time that pushes may take is from 0 to 1e9 seconds, not %g", patience);
    LEATI_TRY(leati_sql_begin(r->db));
    leat_status st = forget_old_pushes(&k, patience);
    if (st == LEAT_OK) st = leati_objects_each(r, collect_object, &k);
    if (st == LEAT_OK) st = leati_objects_each_temporary(r, collect_temporary, &k);
    if (st == LEAT_OK) return leati_sql_commit(r->db);
    leati_sql_undo(r->db);
    return st;
}

/* --- verifying -------------------------------------------------------------------------------- */

typedef struct verification {
    leat_registry *registry;
    leat_damage_fn on_damage;
    void *user;
    uint64_t files, damaged;
} verification;

static void report(verification *v, const char *what, const char *message)
{
    v->damaged++;
    if (v->on_damage) v->on_damage(v->user, what, message);
}

/* What an object is called by those that refer to it: "iris@2"; "" when nothing does any more. */
static leat_status name_object(leat_registry *r, const char *sha256, leati_str *out)
{
    leati_sql_rows rows;
    bool more = false;
    leati_str_clear(out);
    leat_status st = leati_sql_query(r->db, &rows,
                                     "SELECT name, version, '' FROM leat_version WHERE sha256 = $1 "
                                     "UNION ALL SELECT 'run', run, file FROM leat_run_file "
                                     "WHERE sha256 = $1",
                                     LEATI_SQL_ARGS(leati_sql_text(sha256)));
    while (st == LEAT_OK && (st = leati_sql_next(&rows, &more)) == LEAT_OK && more) {
        const char *file = leati_sql_get_text(&rows, 2);
        leati_str_addf(out, "%s%s%s%lld", out->length ? ", " : "", leati_sql_get_text(&rows, 0),
                       file && *file ? " " : "@", (long long)leati_sql_get_whole(&rows, 1));
        if (file && *file) leati_str_addf(out, " %s", file);
    }
    leati_sql_end(&rows);
    return st == LEAT_OK ? leati_str_status(out) : st;
}

/* A file that is missing, damaged or of another size; unless it was forgotten in the meantime. */
static leat_status verify_object(verification *v, const char *sha256, int64_t bytes,
                                 leati_str *name)
{
    uint64_t size = 0;
    leat_context *c = v->registry->context;
    v->files++;
    LEATI_TRY(leati_progress(c, "verify", v->files, 0));
    leat_status st = leati_objects_check(v->registry, sha256, &size);
    bool right = st == LEAT_OK && size == (uint64_t)bytes;
    if (right) return LEAT_OK;
    if (st == LEAT_NOMEM || st == LEAT_CANCELLED) return st;
    char message[1024] = "the catalogue records another size than the file has";
    if (st != LEAT_OK) snprintf(message, sizeof message, "%s", leat_error_message(c));
    leat_error_clear(c);
    LEATI_TRY(name_object(v->registry, sha256, name));
    if (name->length) report(v, leati_str_text(name), message);
    return LEAT_OK;
}

typedef struct object {
    char sha256[65];
    int64_t bytes;
} object;

/* All that is referred to, once each. *out: leati_free. */
static leat_status list_objects(leat_registry *r, object **out, size_t *count)
{
    leati_sql_rows rows;
    bool more = false;
    size_t capacity = 0;
    *out = NULL;
    *count = 0;
    leat_status st = leati_sql_query(r->db, &rows,
                                     "SELECT sha256, bytes FROM leat_version UNION "
                                     "SELECT sha256, bytes FROM leat_run_file ORDER BY sha256",
                                     LEATI_SQL_NONE);
    while (st == LEAT_OK && (st = leati_sql_next(&rows, &more)) == LEAT_OK && more) {
        const char *sha256 = leati_sql_get_text(&rows, 0);
        if (!sha256 || strlen(sha256) != 64 || strspn(sha256, "0123456789abcdef") != 64)
            st = LEATI_FAIL(r->context, LEAT_FORMAT,
                            "the catalogue of the registry %s is damaged: '%.64s' is no SHA-256",
                            r->name, sha256 ? sha256 : "");
        if (st == LEAT_OK) st = leati_grow(r->context, out, &capacity, *count + 1, sizeof **out);
        if (st != LEAT_OK) break;
        memcpy((*out)[*count].sha256, sha256, 65);
        (*out)[(*count)++].bytes = leati_sql_get_whole(&rows, 1);
    }
    leati_sql_end(&rows);
    return st;
}

static leat_status verify_catalogue(verification *v)
{
    char *damage;
    leat_context *c = v->registry->context;
    leat_status st = leati_sql_check(v->registry->db, &damage);
    if (st == LEAT_OK && *damage) report(v, "catalogue", damage);
    leati_free(damage);
    if (st != LEAT_FORMAT) return st;
    report(v, "catalogue", leat_error_message(c));
    leat_error_clear(c);
    return LEAT_OK;
}

leat_status leat_registry_verify(leat_registry *r, leat_damage_fn on_damage, void *user,
                                 uint64_t *files)
{
    verification v = {.registry = r, .on_damage = on_damage, .user = user};
    object *objects = NULL;
    size_t count = 0;
    leati_str name;
    leati_str_init(&name, r->context);
    leat_status st = verify_catalogue(&v);
    if (st == LEAT_OK) st = list_objects(r, &objects, &count);
    for (size_t i = 0; i < count && st == LEAT_OK; i++)
        st = verify_object(&v, objects[i].sha256, objects[i].bytes, &name);
    leati_free(objects);
    leati_str_fini(&name);
    if (files) *files = v.files;
    LEATI_TRY(st);
    LEATI_CHECK(r->context, v.damaged == 0, LEAT_DIFFERS,
                "the registry %s is damaged in %llu place%s", r->name,
                (unsigned long long)v.damaged, v.damaged == 1 ? "" : "s");
    return LEAT_OK;
}
