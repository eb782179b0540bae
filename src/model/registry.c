/* Owns: opening a registry, its schema, the forms of names, finding and listing versions, reading
 * their files. Not: pushes, aliases, upkeep. */
#include "model/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/str.h"
#include "model/model.h"

/* One schema for every kind of database. Times are seconds since 1970, UTC. Tables as they were
 * made first; what came later is below. */
static const char *const statements[] = {
    "CREATE TABLE leat_setting (key TEXT PRIMARY KEY, value TEXT NOT NULL)",

    /* versions: the largest number given so far */
    "CREATE TABLE leat_name (name TEXT PRIMARY KEY, "
    "kind TEXT NOT NULL CHECK (kind IN ('model', 'data')), versions BIGINT NOT NULL)",

    "CREATE TABLE leat_version (name TEXT NOT NULL REFERENCES leat_name (name), "
    "version BIGINT NOT NULL, sha256 TEXT NOT NULL, bytes BIGINT NOT NULL, "
    "created BIGINT NOT NULL, file TEXT NOT NULL, summary TEXT NOT NULL, note TEXT NOT NULL, "
    "table_sha256 TEXT NOT NULL, PRIMARY KEY (name, version))",
    "CREATE INDEX leat_version_object ON leat_version (sha256)",
    "CREATE INDEX leat_version_table ON leat_version (table_sha256)",

    "CREATE TABLE leat_alias (name TEXT NOT NULL, alias TEXT NOT NULL, version BIGINT NOT NULL, "
    "PRIMARY KEY (name, alias), "
    "FOREIGN KEY (name, version) REFERENCES leat_version (name, version))",

    "CREATE TABLE leat_lineage (name TEXT NOT NULL, version BIGINT NOT NULL, role TEXT NOT NULL, "
    "table_sha256 TEXT NOT NULL, PRIMARY KEY (name, version, role), "
    "FOREIGN KEY (name, version) REFERENCES leat_version (name, version) ON DELETE CASCADE)",
    "CREATE INDEX leat_lineage_table ON leat_lineage (table_sha256)",

    "CREATE TABLE leat_pending (token TEXT PRIMARY KEY, sha256 TEXT NOT NULL, "
    "created BIGINT NOT NULL)",
    "CREATE INDEX leat_pending_object ON leat_pending (sha256)",

    "CREATE TABLE leat_run (run BIGINT PRIMARY KEY, created BIGINT NOT NULL, name TEXT NOT NULL, "
    "data TEXT NOT NULL, table_sha256 TEXT NOT NULL, task TEXT NOT NULL, target TEXT NOT NULL, "
    "seconds DOUBLE PRECISION, command TEXT NOT NULL)",
    "CREATE TABLE leat_run_param (run BIGINT NOT NULL REFERENCES leat_run (run) ON DELETE CASCADE, "
    "key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run, key))",
    "CREATE TABLE leat_run_metric (run BIGINT NOT NULL REFERENCES leat_run (run) ON DELETE "
    "CASCADE, "
    "place BIGINT NOT NULL, key TEXT NOT NULL, value DOUBLE PRECISION, low DOUBLE PRECISION, "
    "high DOUBLE PRECISION, PRIMARY KEY (run, place))",
    "CREATE TABLE leat_run_file (run BIGINT NOT NULL REFERENCES leat_run (run) ON DELETE CASCADE, "
    "file TEXT NOT NULL, sha256 TEXT NOT NULL, bytes BIGINT NOT NULL, PRIMARY KEY (run, file))",
    "CREATE INDEX leat_run_file_object ON leat_run_file (sha256)", NULL};

/* Format 2: the scores of the folds of a run, and who was in which fold. */
static const char *const with_folds[] = {
    "ALTER TABLE leat_run ADD COLUMN folds_sha256 TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE leat_run ADD COLUMN test_ratio DOUBLE PRECISION",
    "CREATE TABLE leat_run_fold (run BIGINT NOT NULL REFERENCES leat_run (run) ON DELETE CASCADE, "
    "fold BIGINT NOT NULL, score DOUBLE PRECISION, PRIMARY KEY (run, fold))",
    NULL};

static const char *const *const upgrades[] = {with_folds};
static const leati_sql_schema schema = {"registry", 2, statements, upgrades};

int64_t leati_seconds_now(void)
{
    return (int64_t)time(NULL);
}

/* --- names ------------------------------------------------------------------------------------ */

bool leati_name_good(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return n > 0 && n <= LEATI_NAME_MOST && !name[n] && name[0] != '.';
}

leat_status leati_name_check(leat_context *c, const char *name, const char *what)
{
    LEATI_CHECK(
        c, leati_name_good(name), LEAT_INVALID,
        "'%.200s' cannot be a%s %s: use 1 to %d letters, digits, '.', '_' and '-', no '.' in "
        "front",
        name, strchr("aeiou", what[0]) ? "n" : "", what, LEATI_NAME_MOST);
    return LEAT_OK;
}

static bool all_digits(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == '\0';
}

bool leati_alias_good(const char *alias)
{
    return leati_name_good(alias) && !all_digits(alias) && strcmp(alias, "latest") != 0;
}

leat_status leati_alias_check(leat_context *c, const char *alias)
{
    LEATI_TRY(leati_name_check(c, alias, "alias"));
    LEATI_CHECK(c, leati_alias_good(alias), LEAT_INVALID,
                "'%s' cannot be an alias: numbers and \"latest\" stand for versions", alias);
    return LEAT_OK;
}

leat_status leati_spec_parse(leat_context *c, leati_spec *out, const char *text)
{
    size_t n = strcspn(text, "@");
    *out = (leati_spec){.version = 0};
    LEATI_CHECK(c, n <= LEATI_NAME_MOST, LEAT_INVALID,
                "'%.200s' names no version: names have at most %d characters", text,
                LEATI_NAME_MOST);
    memcpy(out->name, text, n);
    LEATI_TRY(leati_name_check(c, out->name, "name"));
    if (!text[n]) return LEAT_OK;
    const char *rest = text + n + 1;
    if (all_digits(rest)) {
        out->version = strlen(rest) < 18 ? strtoll(rest, NULL, 10) : 0;
        LEATI_CHECK(c, out->version > 0, LEAT_INVALID, "'%.200s': versions are 1, 2, ...", text);
        return LEAT_OK;
    }
    if (strcmp(rest, "latest") != 0) LEATI_TRY(leati_alias_check(c, rest));
    snprintf(out->alias, sizeof out->alias, "%s", rest);
    return LEAT_OK;
}

/* --- opening ---------------------------------------------------------------------------------- */

leat_registry_options leat_registry_options_default(void)
{
    return (leat_registry_options){.struct_size = sizeof(leat_registry_options)};
}

static leat_status no_registry(leat_registry *r)
{
    return LEATI_FAIL(r->context, LEAT_NOT_FOUND,
                      "there is no registry in %s\nleat registry push FILE makes one", r->name);
}

/* SQLite: the folder is the registry itself. */
static leat_status open_folder(leat_registry *r, const char *where, bool make)
{
    leat_context *c = r->context;
    char *path = leati_path_join(c, where, "registry.db");
    leat_status st = path ? LEAT_OK : leat_error_status(c);
    r->name = leati_strdup(c, where);
    r->folder = leati_strdup(c, where);
    if (!r->name || !r->folder) st = leat_error_status(c);
    if (st == LEAT_OK && !make && !leati_path_exists(path)) st = no_registry(r);
    if (st == LEAT_OK && make) st = leati_folder_make(c, where);
    if (st == LEAT_OK) st = leati_sql_open(c, &r->db, path, make);
    leati_free(path);
    return st;
}

/* Reads the folder of the files from the catalogue; NULL: it does not say. leati_free. */
static leat_status recorded_folder(leat_registry *r, char **out)
{
    leati_sql_rows rows;
    bool more = false;
    *out = NULL;
    leat_status st = leati_sql_query(r->db, &rows, "SELECT value FROM leat_setting WHERE key = $1",
                                     LEATI_SQL_ARGS(leati_sql_text("folder")));
    if (st == LEAT_OK) st = leati_sql_next(&rows, &more);
    if (st == LEAT_OK && more) {
        *out = leati_strdup(r->context, leati_sql_get_text(&rows, 0));
        if (!*out) st = leat_error_status(r->context);
    }
    leati_sql_end(&rows);
    return st;
}

/* The first folder given stays that of the registry; another one serves this handle only (a
 * machine that sees the same files elsewhere). */
static leat_status choose_folder(leat_registry *r, const char *given)
{
    leat_context *c = r->context;
    char *recorded;
    LEATI_TRY(recorded_folder(r, &recorded));
    leat_status st = LEAT_OK;
    if (!recorded && given)
        st = leati_sql_run(r->db,
                           "INSERT INTO leat_setting (key, value) VALUES ($1, $2) "
                           "ON CONFLICT (key) DO NOTHING",
                           LEATI_SQL_ARGS(leati_sql_text("folder"), leati_sql_text(given)), NULL);
    r->folder = given ? leati_strdup(c, given) : recorded;
    if (given) leati_free(recorded);
    if (st == LEAT_OK && given && !r->folder) st = leat_error_status(c);
    if (st == LEAT_OK && !r->folder)
        st = LEATI_FAIL(c, LEAT_INVALID,
                        "%s does not say where the files of the registry are kept\n"
                        "name a folder that all who use it see: --objects DIR",
                        r->name);
    return st;
}

static leat_status open_server(leat_registry *r, const char *where)
{
    LEATI_TRY(leati_sql_open(r->context, &r->db, where, false));
    r->name = leati_strdup(r->context, leati_sql_name(r->db));
    return r->name ? LEAT_OK : leat_error_status(r->context);
}

static leat_status open_all(leat_registry *r, const char *where, const leat_registry_options *o)
{
    bool there;
    bool server = leati_sql_is_server(where);
    if (server) LEATI_TRY(open_server(r, where));
    else LEATI_TRY(open_folder(r, where, o->make));
    LEATI_TRY(leati_sql_use_schema(r->db, &schema, o->make, &there));
    if (!there) return no_registry(r);
    if (server) LEATI_TRY(choose_folder(r, o->folder));
    return o->make ? leati_objects_make(r) : LEAT_OK;
}

/* leati_free */
static char *place_of(leat_context *c, const char *where)
{
    if (where) return leati_strdup(c, where);
    const char *place = getenv("LEAT_REGISTRY");
    if (place && *place) return leati_strdup(c, place);
    char *home = leati_home(c), *path = home ? leati_path_join(c, home, "registry") : NULL;
    leati_free(home);
    return path;
}

leat_status leat_registry_open(leat_context *c, leat_registry **out,
                               const leat_registry_options *options)
{
    leat_registry_options o = leat_registry_options_default();
    *out = NULL;
    LEATI_TRY(LEATI_OPTIONS(c, leat_registry_options, &o, options));
    char *where = place_of(c, o.where);
    leat_registry *r = leati_calloc(c, 1, sizeof *r);
    leat_status st = where && r ? LEAT_OK : leat_error_status(c);
    if (r) r->context = c;
    if (st == LEAT_OK && !*where) st = LEATI_FAIL(c, LEAT_INVALID, "the registry's place is empty");
    if (st == LEAT_OK) st = open_all(r, where, &o);
    leati_free(where);
    if (st == LEAT_OK) *out = r;
    else leat_registry_close(r);
    return st;
}

void leat_registry_close(leat_registry *r)
{
    if (!r) return;
    leati_sql_close(r->db);
    leati_free(r->name);
    leati_free(r->folder);
    leati_free(r);
}

leat_status leati_registry_is_server(leat_context *c, const char *where, bool *server)
{
    char *place = place_of(c, where);
    *server = place && leati_sql_is_server(place);
    leati_free(place);
    return leat_error_status(c);
}

leat_status leati_registry_need(leat_context *c, const leat_registry_options *o,
                                const leat_registry *r, const leati_sql_needs *needs)
{
    char *place = place_of(c, o->where), *file = NULL, *objects = NULL;
    bool server = place && leati_sql_is_server(place);
    const char *folder = r ? r->folder : server ? o->folder : place;
    if (place && !server) file = leati_path_join(c, place, "registry.db");
    if (folder) objects = leati_path_join(c, folder, "objects");
    leat_status st = leat_error_status(c);
    if (st == LEAT_OK) st = leati_sql_need(c, server ? place : file, needs);
    if (st == LEAT_OK && objects && leati_path_exists(objects))
        st = needs->file(needs->user, objects, false);
    leati_free(place);
    leati_free(file);
    leati_free(objects);
    return st;
}

const char *leat_registry_name(const leat_registry *r)
{
    return r->name;
}
