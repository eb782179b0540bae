/* Owns: finding and listing versions, aliases, forgetting versions, reading their files. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/model.h"
#include "model/registry.h"

/* --- lists ------------------------------------------------------------------------------------ */

struct leat_registered_list {
    leati_arena arena;
    leat_registered *items;
    size_t count, capacity;
};

void leat_registered_list_destroy(leat_registered_list *list)
{
    if (!list) return;
    leati_arena_fini(&list->arena);
    leati_free(list->items);
    leati_free(list);
}

size_t leat_registered_list_count(const leat_registered_list *list)
{
    return list->count;
}

const leat_registered *leat_registered_list_at(const leat_registered_list *list, size_t i)
{
    return i < list->count ? &list->items[i] : NULL;
}

/* NULL when out of memory. */
static const char *keep(leat_registered_list *list, const leati_sql_rows *rows, int column)
{
    const char *text = leati_sql_get_text(rows, column);
    return leati_arena_strdup(&list->arena, text ? text : "");
}

/* The query joins aliases: versions with several come in several rows, one after the other. */
static leat_status add_alias(leat_context *c, leat_registered_list *list,
                             const leati_sql_rows *rows, leat_registered *last)
{
    const char *alias = leati_sql_get_text(rows, 10);
    if (!alias) return LEAT_OK;
    size_t n = strlen(last->aliases) + strlen(alias) + 2;
    char *both = leati_arena_alloc(&list->arena, n);
    if (!both) return leat_error_status(c);
    snprintf(both, n, "%s%s%s", last->aliases, *last->aliases ? " " : "", alias);
    last->aliases = both;
    return LEAT_OK;
}

static leat_status add_row(leat_context *c, leat_registered_list *list, const leati_sql_rows *rows)
{
    const char *name = leati_sql_get_text(rows, 0), *kind = leati_sql_get_text(rows, 1);
    int64_t version = leati_sql_get_whole(rows, 2);
    LEATI_CHECK(c, name && kind, LEAT_FORMAT, "the catalogue of the registry is damaged");
    leat_registered *last = list->count ? &list->items[list->count - 1] : NULL;
    if (last && last->version == version && strcmp(last->name, name) == 0)
        return add_alias(c, list, rows, last);
    LEATI_TRY(leati_grow(c, &list->items, &list->capacity, list->count + 1, sizeof *list->items));
    leat_registered *item = &list->items[list->count];
    *item = (leat_registered){.model = strcmp(kind, "model") == 0,
                              .name = keep(list, rows, 0),
                              .version = version,
                              .aliases = "",
                              .sha256 = keep(list, rows, 3),
                              .bytes = (uint64_t)leati_sql_get_whole(rows, 4),
                              .created = leati_sql_get_whole(rows, 5),
                              .file = keep(list, rows, 6),
                              .summary = keep(list, rows, 7),
                              .note = keep(list, rows, 8),
                              .table = keep(list, rows, 9)};
    LEATI_TRY(leat_error_status(c));
    list->count++;
    return add_alias(c, list, rows, item);
}

#define COLUMNS                                                                                    \
    "SELECT v.name, n.kind, v.version, v.sha256, v.bytes, v.created, v.file, v.summary, v.note, "  \
    "v.table_sha256, a.alias FROM leat_version v JOIN leat_name n ON n.name = v.name "             \
    "LEFT JOIN leat_alias a ON a.name = v.name AND a.version = v.version "
#define ORDER " ORDER BY v.name, v.version, a.alias"

static leat_status list_by(leat_registry *r, leat_registered_list **out, const char *sql,
                           const leati_sql_arg *args, size_t count)
{
    leati_sql_rows rows;
    bool more = false;
    *out = NULL;
    leat_registered_list *list = leati_calloc(r->context, 1, sizeof *list);
    if (!list) return leat_error_status(r->context);
    leati_arena_init(&list->arena, r->context);
    leat_status st = leati_sql_query(r->db, &rows, sql, args, count);
    while (st == LEAT_OK && (st = leati_sql_next(&rows, &more)) == LEAT_OK && more)
        st = add_row(r->context, list, &rows);
    leati_sql_end(&rows);
    if (st == LEAT_OK) *out = list;
    else leat_registered_list_destroy(list);
    return st;
}

leat_status leati_registry_one(leat_registry *r, leat_registered_list **out, const char *name,
                               int64_t version)
{
    LEATI_TRY(list_by(r, out, COLUMNS "WHERE v.name = $1 AND v.version = $2" ORDER,
                      LEATI_SQL_ARGS(leati_sql_text(name), leati_sql_whole(version))));
    if ((*out)->count) return LEAT_OK;
    leat_registered_list_destroy(*out);
    *out = NULL;
    return LEATI_FAIL(r->context, LEAT_NOT_FOUND, "%s@%lld is gone from the registry %s", name,
                      (long long)version, r->name);
}

/* --- finding ---------------------------------------------------------------------------------- */

/* NOT_FOUND, with the name that is nearest. */
static leat_status no_such_name(leat_registry *r, const char *name)
{
    enum { MOST = 200 };
    char names[MOST][LEATI_NAME_MOST + 1];
    const char *pointers[MOST];
    size_t count = 0;
    leati_sql_rows rows;
    bool more = false;
    leat_status st = leati_sql_query(
        r->db, &rows, "SELECT name FROM leat_name ORDER BY name LIMIT 200", LEATI_SQL_NONE);
    while (st == LEAT_OK && count < MOST && (st = leati_sql_next(&rows, &more)) == LEAT_OK &&
           more) {
        snprintf(names[count], sizeof names[count], "%s", leati_sql_get_text(&rows, 0));
        pointers[count] = names[count];
        count++;
    }
    leati_sql_end(&rows);
    LEATI_TRY(st);
    const char *near = leati_nearest(name, pointers, count);
    LEATI_FAIL(r->context, LEAT_NOT_FOUND, "the registry %s has nothing called '%s'%s%s%s", r->name,
               name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return leati_error_hint(r->context, "leat registry list shows what it has");
}

/* Where an alias stands: 0 where it does not exist. */
static leat_status alias_at(leat_registry *r, const char *name, const char *alias, int64_t *version)
{
    return leati_sql_value(r->db, version, NULL,
                           "SELECT version FROM leat_alias WHERE name = $1 AND alias = $2",
                           LEATI_SQL_ARGS(leati_sql_text(name), leati_sql_text(alias)));
}

static leat_status known_name(leat_registry *r, const char *name)
{
    bool found;
    int64_t versions;
    LEATI_TRY(leati_sql_value(r->db, &versions, &found,
                              "SELECT versions FROM leat_name WHERE name = $1",
                              LEATI_SQL_ARGS(leati_sql_text(name))));
    return found ? LEAT_OK : no_such_name(r, name);
}

static leat_status has_version(leat_registry *r, const char *name, int64_t version, bool *has)
{
    int64_t unused;
    return leati_sql_value(r->db, &unused, has,
                           "SELECT version FROM leat_version WHERE name = $1 AND version = $2",
                           LEATI_SQL_ARGS(leati_sql_text(name), leati_sql_whole(version)));
}

static leat_status no_such_version(leat_registry *r, const char *name, int64_t version)
{
    int64_t latest;
    LEATI_TRY(leati_sql_value(r->db, &latest, NULL,
                              "SELECT max(version) FROM leat_version WHERE name = $1",
                              LEATI_SQL_ARGS(leati_sql_text(name))));
    LEATI_CHECK(r->context, latest, LEAT_NOT_FOUND, "%s has no versions left", name);
    return LEATI_FAIL(r->context, LEAT_NOT_FOUND, "%s has no version %lld; the latest is %lld",
                      name, (long long)version, (long long)latest);
}

leat_status leati_registry_resolve(leat_registry *r, const leati_spec *spec, int64_t *version)
{
    *version = spec->version;
    LEATI_TRY(known_name(r, spec->name));
    if (spec->version) {
        bool has;
        LEATI_TRY(has_version(r, spec->name, spec->version, &has));
        return has ? LEAT_OK : no_such_version(r, spec->name, spec->version);
    }
    if (strcmp(spec->alias, "latest") != 0) {
        LEATI_TRY(alias_at(r, spec->name, *spec->alias ? spec->alias : "champion", version));
        if (*version) return LEAT_OK;
        LEATI_CHECK(r->context, !*spec->alias, LEAT_NOT_FOUND,
                    "%s has no alias '%s'\nleat registry tag %s@%s VERSION makes it", spec->name,
                    spec->alias, spec->name, spec->alias);
    }
    LEATI_TRY(leati_sql_value(r->db, version, NULL,
                              "SELECT max(version) FROM leat_version WHERE name = $1",
                              LEATI_SQL_ARGS(leati_sql_text(spec->name))));
    return *version ? LEAT_OK : no_such_version(r, spec->name, 0);
}

leat_status leat_registry_list(leat_registry *r, leat_registered_list **out, const char *name)
{
    *out = NULL;
    if (!name) return list_by(r, out, COLUMNS ORDER, LEATI_SQL_NONE);
    LEATI_TRY(leati_name_check(r->context, name, "name"));
    LEATI_TRY(known_name(r, name));
    return list_by(r, out, COLUMNS "WHERE v.name = $1" ORDER, LEATI_SQL_ARGS(leati_sql_text(name)));
}

leat_status leat_registry_find(leat_registry *r, leat_registered_list **out, const char *text)
{
    leati_spec spec;
    int64_t version;
    *out = NULL;
    LEATI_TRY(leati_spec_parse(r->context, &spec, text));
    LEATI_TRY(leati_registry_resolve(r, &spec, &version));
    return leati_registry_one(r, out, spec.name, version);
}

/* --- files ------------------------------------------------------------------------------------ */

/* What became of the file of a version; ends the item after a failure. */
static leat_status opened(leat_registry *r, leat_registered_list **item, leat_status st)
{
    if (st == LEAT_OK) return st;
    const leat_registered *v = &(*item)->items[0];
    leati_error_within(r->context, "%s@%lld", v->name, (long long)v->version);
    leat_registered_list_destroy(*item);
    *item = NULL;
    return st;
}

leat_status leat_registry_pull(leat_registry *r, const char *version, const char *path)
{
    leat_registered_list *item;
    LEATI_TRY(leat_registry_find(r, &item, version));
    LEATI_TRY(opened(r, &item, leati_objects_copy(r, item->items[0].sha256, path)));
    leat_registered_list_destroy(item);
    return LEAT_OK;
}

leat_status leat_registry_open_model(leat_registry *r, const char *version, leat_model **out,
                                     int64_t *number)
{
    leat_registered_list *item;
    leati_bytes bytes = {0};
    *out = NULL;
    LEATI_TRY(leat_registry_find(r, &item, version));
    const leat_registered *v = &item->items[0];
    leat_status st = LEAT_OK;
    if (!v->model)
        st =
            LEATI_FAIL(r->context, LEAT_INVALID, "%s is a data set, a model was expected", v->name);
    else LEATI_TRY(opened(r, &item, leati_objects_read(r, v->sha256, &bytes)));
    if (st == LEAT_OK) st = leati_model_take(r->context, out, &bytes, v->name);
    if (st == LEAT_OK && number) *number = v->version;
    leati_bytes_release(&bytes);
    leat_registered_list_destroy(item);
    return st;
}

leat_status leat_registry_path(leat_registry *r, const char *version, char *path, size_t size)
{
    leat_registered_list *item;
    uint64_t length;
    LEATI_TRY(leat_registry_find(r, &item, version));
    LEATI_TRY(opened(r, &item, leati_objects_check(r, item->items[0].sha256, &length)));
    char *full = leati_objects_path(r, item->items[0].sha256);
    leat_status st = full ? LEAT_OK : leat_error_status(r->context);
    if (st == LEAT_OK) {
        int n = snprintf(path, size, "%s", full);
        if (n < 0 || (size_t)n >= size)
            st = LEATI_FAIL(r->context, LEAT_LIMIT, "the path of the store is too long: %s", full);
    }
    leati_free(full);
    leat_registered_list_destroy(item);
    return st;
}

/* --- aliases and forgetting ------------------------------------------------------------------- */

static leat_status stands_elsewhere(leat_registry *r, const char *name, const char *alias,
                                    int64_t is, int64_t expected)
{
    char found[64], wanted[64];
    snprintf(found, sizeof found, is ? "stands at version %lld" : "does not exist", (long long)is);
    snprintf(wanted, sizeof wanted, expected ? "expected at version %lld" : "expected not to exist",
             (long long)expected);
    return LEATI_FAIL(r->context, LEAT_DIFFERS, "%s@%s %s, %s; it was left as it is", name, alias,
                      found, wanted);
}

leat_status leati_registry_move_alias(leat_registry *r, const char *name, const char *alias,
                                      int64_t version, int64_t expected, int64_t *was)
{
    bool has;
    const leati_sql_arg args[] = {leati_sql_text(name), leati_sql_text(alias),
                                  leati_sql_whole(version)};
    LEATI_TRY(alias_at(r, name, alias, was));
    if (expected != LEAT_ALIAS_ANY && *was != expected)
        return stands_elsewhere(r, name, alias, *was, expected);
    if (!version) {
        LEATI_CHECK(r->context, *was, LEAT_NOT_FOUND, "%s has no alias '%s'", name, alias);
        return leati_sql_run(r->db, "DELETE FROM leat_alias WHERE name = $1 AND alias = $2", args,
                             2, NULL);
    }
    LEATI_TRY(has_version(r, name, version, &has));
    if (!has) return no_such_version(r, name, version);
    const char *sql = *was ? "UPDATE leat_alias SET version = $3 WHERE name = $1 AND alias = $2"
                           : "INSERT INTO leat_alias (name, alias, version) VALUES ($1, $2, $3)";
    return leati_sql_run(r->db, sql, args, 3, NULL);
}

leat_status leat_registry_tag(leat_registry *r, const char *name, const char *alias,
                              int64_t version, int64_t expected, int64_t *was)
{
    int64_t before = 0;
    LEATI_TRY(leati_name_check(r->context, name, "name"));
    LEATI_TRY(leati_alias_check(r->context, alias));
    LEATI_TRY(leati_sql_begin(r->db));
    leat_status st = known_name(r, name);
    if (st == LEAT_OK) st = leati_registry_move_alias(r, name, alias, version, expected, &before);
    if (st == LEAT_OK) st = leati_sql_commit(r->db);
    else leati_sql_undo(r->db);
    if (was) *was = before;
    return st;
}

static leat_status check_no_alias(leat_registry *r, const char *name, int64_t version)
{
    leat_registered_list *item;
    LEATI_TRY(leati_registry_one(r, &item, name, version));
    leat_status st = LEAT_OK;
    if (*item->items[0].aliases)
        st = LEATI_FAIL(r->context, LEAT_INVALID,
                        "%s@%lld cannot be removed: it is known as %s\n"
                        "move the alias first (leat registry tag), or remove it",
                        name, (long long)version, item->items[0].aliases);
    leat_registered_list_destroy(item);
    return st;
}

static leat_status remove_version(leat_registry *r, const char *name, int64_t version)
{
    bool has;
    const leati_sql_arg args[] = {leati_sql_text(name), leati_sql_whole(version)};
    LEATI_TRY(known_name(r, name));
    LEATI_TRY(has_version(r, name, version, &has));
    if (!has) return no_such_version(r, name, version);
    LEATI_TRY(check_no_alias(r, name, version));
    return leati_sql_run(r->db, "DELETE FROM leat_version WHERE name = $1 AND version = $2", args,
                         2, NULL);
}

leat_status leat_registry_remove(leat_registry *r, const char *name, int64_t version)
{
    LEATI_TRY(leati_name_check(r->context, name, "name"));
    LEATI_TRY(leati_sql_begin(r->db));
    leat_status st = remove_version(r, name, version);
    if (st == LEAT_OK) return leati_sql_commit(r->db);
    leati_sql_undo(r->db);
    return st;
}
