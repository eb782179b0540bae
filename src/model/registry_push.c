/* Owns: pushing: announcing, keeping the file, entering the version. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/random_bytes.h"
#include "base/str.h"
#include "model/registry.h"

/* --- announcements ---------------------------------------------------------------------------- */

leat_status leati_push_announce(leat_registry *r, const char *sha256, char *token)
{
    uint8_t random[(LEATI_TOKEN - 1) / 2];
    LEATI_TRY(leati_random_bytes(r->context, random, sizeof random));
    leati_hex(random, sizeof random, token);
    LEATI_TRY(leati_sql_begin(r->db));
    leat_status st = leati_sql_run(
        r->db, "INSERT INTO leat_pending (token, sha256, created) VALUES ($1, $2, $3)",
        LEATI_SQL_ARGS(leati_sql_text(token), leati_sql_text(sha256),
                       leati_sql_whole(leati_seconds_now())),
        NULL);
    if (st == LEAT_OK) st = leati_sql_commit(r->db);
    else leati_sql_undo(r->db);
    if (st != LEAT_OK) *token = '\0';
    return st;
}

leat_status leati_push_settle(leat_registry *r, const char *token)
{
    int64_t removed;
    LEATI_TRY(leati_sql_run(r->db, "DELETE FROM leat_pending WHERE token = $1",
                            LEATI_SQL_ARGS(leati_sql_text(token)), &removed));
    LEATI_CHECK(r->context, removed == 1, LEAT_IO,
                "the push took so long that leat registry gc gave it up; push again");
    return LEAT_OK;
}

/* The error that made it fail stands in the context and stays there. */
void leati_push_abandon(leat_registry *r, const char *token)
{
    char *folder = leati_path_join(r->context, r->folder, "tmp");
    char *path = folder ? leati_path_join(r->context, folder, token) : NULL;
    if (path) unlink(path);
    leati_free(path);
    leati_free(folder);
    (void)leati_sql_run(r->db, "DELETE FROM leat_pending WHERE token = $1",
                        LEATI_SQL_ARGS(leati_sql_text(token)), NULL);
}

leat_status leati_push_file(leat_registry *r, const char *path, char sha256[65], uint64_t *bytes,
                            char *token)
{
    *token = '\0';
    LEATI_TRY(leati_file_sha256(r->context, path, sha256, bytes));
    leat_status st = leati_push_announce(r, sha256, token);
    if (st == LEAT_OK) st = leati_objects_put(r, token, path, sha256);
    if (st == LEAT_OK) return st;
    if (*token) leati_push_abandon(r, token);
    *token = '\0';
    return st;
}

/* --- versions --------------------------------------------------------------------------------- */

typedef struct push {
    leat_registry *registry;
    const leat_push_options *options;
    leati_manifest manifest;
    const char *name, *file;
    char sha256[65], token[LEATI_TOKEN];
    uint64_t bytes;
    int64_t version;
    bool added;
} push;

/* *versions: the largest number the name has given; the name is made if it is new. */
static leat_status claim_name(push *p, int64_t *versions)
{
    leat_registry *r = p->registry;
    const char *kind = p->manifest.model ? "model" : "data";
    bool found, same;
    const leati_sql_arg args[] = {leati_sql_text(p->name), leati_sql_text(kind)};
    LEATI_TRY(leati_sql_value(r->db, versions, &found,
                              "SELECT versions FROM leat_name WHERE name = $1", args, 1));
    if (!found)
        return leati_sql_run(r->db,
                             "INSERT INTO leat_name (name, kind, versions) VALUES ($1, $2, 0)",
                             args, 2, NULL);
    int64_t unused;
    LEATI_TRY(leati_sql_value(r->db, &unused, &same,
                              "SELECT versions FROM leat_name WHERE name = $1 AND kind = $2", args,
                              2));
    LEATI_CHECK(r->context, same, LEAT_INVALID,
                "'%s' is the name of %s in the registry, and %s is %s\nchoose another one: --name",
                p->name, p->manifest.model ? "a data set" : "a model", p->file,
                p->manifest.model ? "a model" : "a data set");
    return LEAT_OK;
}

static leat_status add_lineage(push *p, const char *role, const char *table)
{
    if (!*table) return LEAT_OK;
    return leati_sql_run(p->registry->db,
                         "INSERT INTO leat_lineage (name, version, role, table_sha256) "
                         "VALUES ($1, $2, $3, $4)",
                         LEATI_SQL_ARGS(leati_sql_text(p->name), leati_sql_whole(p->version),
                                        leati_sql_text(role), leati_sql_text(table)),
                         NULL);
}

static leat_status add_version(push *p, int64_t versions)
{
    const leati_manifest *m = &p->manifest;
    leati_sql *db = p->registry->db;
    p->version = versions + 1;
    p->added = true;
    LEATI_TRY(leati_sql_run(db, "UPDATE leat_name SET versions = $2 WHERE name = $1",
                            LEATI_SQL_ARGS(leati_sql_text(p->name), leati_sql_whole(p->version)),
                            NULL));
    LEATI_TRY(leati_sql_run(
        db,
        "INSERT INTO leat_version (name, version, sha256, bytes, created, file, summary, note, "
        "table_sha256) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        LEATI_SQL_ARGS(
            leati_sql_text(p->name), leati_sql_whole(p->version), leati_sql_text(p->sha256),
            leati_sql_whole((int64_t)p->bytes), leati_sql_whole(leati_seconds_now()),
            leati_sql_text(p->file), leati_sql_text(m->summary),
            leati_sql_text(p->options->note ? p->options->note : ""), leati_sql_text(m->table)),
        NULL));
    LEATI_TRY(add_lineage(p, "training", m->training));
    return add_lineage(p, "test", m->test);
}

/* In one transaction: the version (or the one that these bytes are already), its alias, and the
 * end of the announcement. */
static leat_status enter(push *p)
{
    leat_registry *r = p->registry;
    int64_t versions, unused;
    LEATI_TRY(claim_name(p, &versions));
    LEATI_TRY(
        leati_sql_value(r->db, &p->version, NULL,
                        "SELECT max(version) FROM leat_version WHERE name = $1 AND sha256 = $2",
                        LEATI_SQL_ARGS(leati_sql_text(p->name), leati_sql_text(p->sha256))));
    if (!p->version) LEATI_TRY(add_version(p, versions));
    if (p->options->alias)
        LEATI_TRY(leati_registry_move_alias(r, p->name, p->options->alias, p->version,
                                            LEAT_ALIAS_ANY, &unused));
    return leati_push_settle(r, p->token);
}

static leat_status choose_name(push *p)
{
    leat_context *c = p->registry->context;
    p->name = p->options->name ? p->options->name : p->manifest.name;
    if (!p->options->name && !leati_name_good(p->name))
        return LEATI_FAIL(c, LEAT_INVALID,
                          "%s needs a name in the registry, '%.100s' cannot be one: --name NAME",
                          p->file, p->name);
    LEATI_TRY(leati_name_check(c, p->name, "name"));
    return p->options->alias ? leati_alias_check(c, p->options->alias) : LEAT_OK;
}

static leat_status run_push(push *p, const char *path)
{
    leat_registry *r = p->registry;
    LEATI_TRY(leati_manifest_read(r->context, &p->manifest, path, p->options->reading));
    LEATI_TRY(choose_name(p));
    leat_status st = leati_push_file(r, path, p->sha256, &p->bytes, p->token);
    if (st == LEAT_OK) st = leati_sql_begin(r->db);
    if (st == LEAT_OK) st = enter(p);
    if (st == LEAT_OK) st = leati_sql_commit(r->db);
    if (st == LEAT_OK) return st;
    leati_sql_undo(r->db);
    if (*p->token) leati_push_abandon(r, p->token);
    return st;
}

leat_push_options leat_push_options_default(void)
{
    return (leat_push_options){.struct_size = sizeof(leat_push_options)};
}

leat_status leat_registry_check_name(leat_registry *r, const char *name)
{
    int64_t unused;
    bool taken;
    LEATI_TRY(leati_name_check(r->context, name, "name"));
    LEATI_TRY(leati_sql_value(r->db, &unused, &taken,
                              "SELECT versions FROM leat_name WHERE name = $1 AND kind = 'data'",
                              LEATI_SQL_ARGS(leati_sql_text(name))));
    LEATI_CHECK(r->context, !taken, LEAT_INVALID,
                "'%s' is the name of a data set in the registry %s, a model needs another one",
                name, r->name);
    return LEAT_OK;
}

leat_status leat_registry_push(leat_registry *r, leat_registered_list **out, bool *added,
                               const char *path, const leat_push_options *options)
{
    leat_push_options o = leat_push_options_default();
    push p = {.registry = r, .options = &o};
    char name[LEATI_NAME_MOST + 1] = "";
    *out = NULL;
    LEATI_TRY(LEATI_OPTIONS(r->context, leat_push_options, &o, options));
    p.file = leati_path_base(path);
    leat_status st = run_push(&p, path);
    if (st == LEAT_OK) snprintf(name, sizeof name, "%s", p.name);
    leati_manifest_fini(&p.manifest);
    LEATI_TRY(st);
    if (added) *added = p.added;
    return leati_registry_one(r, out, name, p.version);
}
