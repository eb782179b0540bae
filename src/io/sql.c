/* Owns: the table of databases and what is the same for all. Not: any one of them. */
#include "io/sql.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

/* The last one takes what the others do not. */
static const leati_sql_class *const classes[] = {&leati_sql_postgres, &leati_sql_sqlite};

static const leati_sql_class *class_of(const char *where)
{
    if (strncmp(where, "postgres://", 11) == 0) return &leati_sql_postgres;
    size_t i = 0;
    while (strncmp(where, classes[i]->prefix, strlen(classes[i]->prefix)) != 0) i++;
    return classes[i];
}

bool leati_sql_is_server(const char *where)
{
    return class_of(where)->prefix[0] != '\0';
}

/* "postgresql://user:secret@host/db?password=x" -> "postgresql://host/db" */
static char *public_name(leat_context *c, const char *where, bool server)
{
    if (!server) return leati_strdup(c, where);
    leati_str s;
    leati_str_init(&s, c);
    const char *host = strstr(where, "://") + 3;
    size_t n = strcspn(host, "?");
    for (size_t i = n; i > 0; i--)
        if (host[i - 1] == '@') {
            host += i;
            n -= i;
            break;
        }
    leati_str_addf(&s, "postgresql://%.*s", (int)(n < 500 ? n : 500), host);
    return leati_str_take(&s);
}

leat_status leati_sql_open(leat_context *c, leati_sql **out, const char *where, bool make)
{
    *out = NULL;
    leati_sql *db = leati_calloc(c, 1, sizeof *db);
    if (!db) return leat_error_status(c);
    db->class = class_of(where);
    db->context = c;
    db->name = public_name(c, where, db->class->prefix[0] != '\0');
    leat_status st = db->name ? db->class->open(db, where, make) : leat_error_status(c);
    if (st == LEAT_OK) {
        *out = db;
        return st;
    }
    leati_sql_close(db);
    return st;
}

void leati_sql_close(leati_sql *db)
{
    if (!db) return;
    leati_sql_undo(db);
    if (db->handle) db->class->close(db);
    leati_free(db->name);
    leati_free(db);
}

leat_status leati_sql_need(leat_context *c, const char *where, const leati_sql_needs *needs)
{
    return class_of(where)->need(c, where, needs);
}

const char *leati_sql_name(const leati_sql *db)
{
    return db->name;
}

leat_status leati_sql_begin(leati_sql *db)
{
    LEATI_BUG_IF(db->context, db->writing);
    LEATI_TRY(db->class->begin(db));
    db->writing = true;
    return LEAT_OK;
}

leat_status leati_sql_commit(leati_sql *db)
{
    LEATI_BUG_IF(db->context, !db->writing);
    leat_status st = db->class->finish(db, true);
    if (st == LEAT_OK) db->writing = false;
    else leati_sql_undo(db);
    return st;
}

void leati_sql_undo(leati_sql *db)
{
    if (!db->writing) return;
    db->writing = false;
    (void)db->class->finish(db, false);
}

leat_status leati_sql_run(leati_sql *db, const char *sql, const leati_sql_arg *args, size_t count,
                          int64_t *changed)
{
    int64_t unused;
    LEATI_BUG_IF(db->context, count > LEATI_SQL_MOST_ARGS);
    return db->class->run(db, sql, args, count, changed ? changed : &unused);
}

leat_status leati_sql_query(leati_sql *db, leati_sql_rows *rows, const char *sql,
                            const leati_sql_arg *args, size_t count)
{
    *rows = (leati_sql_rows){.db = db};
    LEATI_BUG_IF(db->context, count > LEATI_SQL_MOST_ARGS);
    return db->class->query(rows, sql, args, count);
}

leat_status leati_sql_next(leati_sql_rows *rows, bool *more)
{
    *more = false;
    return rows->db->class->next(rows, more);
}

void leati_sql_end(leati_sql_rows *rows)
{
    if (rows->handle) rows->db->class->end(rows);
    rows->handle = NULL;
}

int64_t leati_sql_get_whole(const leati_sql_rows *rows, int column)
{
    return rows->db->class->whole(rows, column);
}

double leati_sql_get_number(const leati_sql_rows *rows, int column)
{
    return rows->db->class->number(rows, column);
}

const char *leati_sql_get_text(const leati_sql_rows *rows, int column)
{
    return rows->db->class->text(rows, column);
}

leat_status leati_sql_value(leati_sql *db, int64_t *out, bool *found, const char *sql,
                            const leati_sql_arg *args, size_t count)
{
    leati_sql_rows rows;
    bool more = false;
    *out = 0;
    leat_status st = leati_sql_query(db, &rows, sql, args, count);
    if (st == LEAT_OK) st = leati_sql_next(&rows, &more);
    if (st == LEAT_OK && more) *out = leati_sql_get_whole(&rows, 0);
    leati_sql_end(&rows);
    if (found) *found = more;
    return st;
}

/* --- schemas ---------------------------------------------------------------------------------- */

static leat_status format_of(leati_sql *db, const leati_sql_schema *schema, int64_t *format)
{
    int64_t tables = 0;
    bool found;
    *format = 0;
    LEATI_TRY(leati_sql_value(db, &tables, NULL, db->class->has_table,
                              LEATI_SQL_ARGS(leati_sql_text("leat_format"))));
    if (!tables) return LEAT_OK;
    LEATI_TRY(leati_sql_value(db, format, &found, "SELECT format FROM leat_format WHERE part = $1",
                              LEATI_SQL_ARGS(leati_sql_text(schema->name))));
    LEATI_CHECK(
        db->context, *format <= schema->format, LEAT_UNSUPPORTED,
        "%s: the tables of the %s have format %lld, leat %s knows up to %d; use a newer Leat",
        db->name, schema->name, (long long)*format, leat_version(), schema->format);
    return LEAT_OK;
}

static leat_status run_all(leati_sql *db, const char *const *statements)
{
    for (size_t i = 0; statements[i]; i++)
        LEATI_TRY(leati_sql_run(db, statements[i], LEATI_SQL_NONE, NULL));
    return LEAT_OK;
}

/* From whatever is there, nothing included, to the format of the schema. */
static leat_status bring_to_format(leati_sql *db, const leati_sql_schema *schema)
{
    int64_t format;
    LEATI_TRY(format_of(db, schema, &format)); /* another process may have been first */
    if (!format) {
        LEATI_TRY(leati_sql_run(db,
                                "CREATE TABLE IF NOT EXISTS leat_format (part TEXT PRIMARY KEY, "
                                "format BIGINT NOT NULL)",
                                LEATI_SQL_NONE, NULL));
        LEATI_TRY(run_all(db, schema->statements));
        LEATI_TRY(leati_sql_run(db, "INSERT INTO leat_format (part, format) VALUES ($1, 1)",
                                LEATI_SQL_ARGS(leati_sql_text(schema->name)), NULL));
        format = 1;
    }
    for (; format < schema->format; format++) LEATI_TRY(run_all(db, schema->upgrades[format - 1]));
    return leati_sql_run(
        db, "UPDATE leat_format SET format = $2 WHERE part = $1",
        LEATI_SQL_ARGS(leati_sql_text(schema->name), leati_sql_whole(schema->format)), NULL);
}

leat_status leati_sql_use_schema(leati_sql *db, const leati_sql_schema *schema, bool make,
                                 bool *there)
{
    int64_t format;
    *there = false;
    LEATI_TRY(format_of(db, schema, &format));
    *there = format == schema->format;
    if (*there || (!format && !make)) return LEAT_OK;
    LEATI_TRY(leati_sql_begin(db));
    leat_status st = bring_to_format(db, schema);
    if (st == LEAT_OK) st = leati_sql_commit(db);
    else leati_sql_undo(db);
    *there = st == LEAT_OK;
    return st;
}

leat_status leati_sql_check(leati_sql *db, char **damage)
{
    *damage = NULL;
    return db->class->check(db, damage);
}
