/* Owns: the tables of rollouts that servers decide together. Not: what is decided
 * (serve/rollout_pool.c). */
#include "model/registry_pool.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/registry.h"

static const char *const statements[] = {
    "CREATE TABLE leat_rollout (pool TEXT NOT NULL, name TEXT NOT NULL, revision BIGINT NOT NULL, "
    "epoch BIGINT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (pool, name))",

    "CREATE TABLE leat_rollout_part (pool TEXT NOT NULL, name TEXT NOT NULL, "
    "epoch BIGINT NOT NULL, server TEXT NOT NULL, counts TEXT NOT NULL, "
    "PRIMARY KEY (pool, name, epoch, server))",
    NULL};

static const leati_sql_schema schema = {"rollouts", 1, statements, NULL};

leat_status leati_pool_prepare(leat_registry *r)
{
    bool there;
    return leati_sql_use_schema(r->db, &schema, true, &there);
}

leat_status leati_pool_heads(leat_registry *r, const char *pool, leati_pool_head_fn fn, void *user)
{
    leati_sql_rows rows;
    bool more = false;
    leat_status st =
        leati_sql_query(r->db, &rows, "SELECT name, revision FROM leat_rollout WHERE pool = $1",
                        LEATI_SQL_ARGS(leati_sql_text(pool)));
    while (st == LEAT_OK && (st = leati_sql_next(&rows, &more)) == LEAT_OK && more) {
        const char *name = leati_sql_get_text(&rows, 0);
        if (name) fn(user, name, leati_sql_get_whole(&rows, 1));
    }
    leati_sql_end(&rows);
    return st;
}

leat_status leati_pool_read(leat_registry *r, const char *pool, const char *name,
                            leati_pool_state *out)
{
    leati_sql_rows rows;
    bool more = false;
    *out = (leati_pool_state){0};
    leat_status st = leati_sql_query(
        r->db, &rows,
        "SELECT revision, epoch, state FROM leat_rollout WHERE pool = $1 AND name = $2",
        LEATI_SQL_ARGS(leati_sql_text(pool), leati_sql_text(name)));
    if (st == LEAT_OK) st = leati_sql_next(&rows, &more);
    const char *text = st == LEAT_OK && more ? leati_sql_get_text(&rows, 2) : NULL;
    if (text) {
        out->revision = leati_sql_get_whole(&rows, 0);
        out->epoch = leati_sql_get_whole(&rows, 1);
        out->text = leati_strdup(r->context, text);
        if (!out->text) st = leat_error_status(r->context);
    }
    leati_sql_end(&rows);
    return st;
}

static leat_status put_state(leat_registry *r, const char *pool, const char *name, int64_t revision,
                             int64_t epoch, const char *text, bool *won)
{
    int64_t changed = 0;
    const leati_sql_arg args[] = {leati_sql_text(pool),          leati_sql_text(name),
                                  leati_sql_whole(revision + 1), leati_sql_whole(epoch),
                                  leati_sql_text(text),          leati_sql_whole(revision)};
    if (revision)
        LEATI_TRY(leati_sql_run(r->db,
                                "UPDATE leat_rollout SET revision = $3, epoch = $4, state = $5 "
                                "WHERE pool = $1 AND name = $2 AND revision = $6",
                                args, 6, &changed));
    else
        LEATI_TRY(leati_sql_run(r->db,
                                "INSERT INTO leat_rollout (pool, name, revision, epoch, state) "
                                "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (pool, name) DO NOTHING",
                                args, 5, &changed));
    *won = changed == 1;
    if (!*won) return LEAT_OK;
    return leati_sql_run(
        r->db, "DELETE FROM leat_rollout_part WHERE pool = $1 AND name = $2 AND epoch < $3",
        LEATI_SQL_ARGS(leati_sql_text(pool), leati_sql_text(name), leati_sql_whole(epoch)), NULL);
}

leat_status leati_pool_commit(leat_registry *r, const char *pool, const char *name,
                              int64_t revision, int64_t epoch, const char *text, bool *won)
{
    *won = false;
    LEATI_TRY(leati_sql_begin(r->db));
    leat_status st = put_state(r, pool, name, revision, epoch, text, won);
    if (st == LEAT_OK) st = leati_sql_commit(r->db);
    else leati_sql_undo(r->db);
    if (st != LEAT_OK) *won = false;
    return st;
}

leat_status leati_pool_publish(leat_registry *r, const char *pool, const char *name, int64_t epoch,
                               const char *server, const char *text)
{
    return leati_sql_run(r->db,
                         "INSERT INTO leat_rollout_part (pool, name, epoch, server, counts) "
                         "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (pool, name, epoch, server) "
                         "DO UPDATE SET counts = excluded.counts",
                         LEATI_SQL_ARGS(leati_sql_text(pool), leati_sql_text(name),
                                        leati_sql_whole(epoch), leati_sql_text(server),
                                        leati_sql_text(text)),
                         NULL);
}

leat_status leati_pool_parts(leat_registry *r, const char *pool, const char *name, int64_t epoch,
                             leati_pool_part_fn fn, void *user)
{
    leati_sql_rows rows;
    bool more = false;
    leat_status st = leati_sql_query(
        r->db, &rows,
        "SELECT server, counts FROM leat_rollout_part "
        "WHERE pool = $1 AND name = $2 AND epoch = $3 ORDER BY server",
        LEATI_SQL_ARGS(leati_sql_text(pool), leati_sql_text(name), leati_sql_whole(epoch)));
    while (st == LEAT_OK && (st = leati_sql_next(&rows, &more)) == LEAT_OK && more) {
        const char *server = leati_sql_get_text(&rows, 0), *text = leati_sql_get_text(&rows, 1);
        if (server && text) st = fn(user, server, text);
    }
    leati_sql_end(&rows);
    return st;
}
