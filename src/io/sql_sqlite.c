/* Owns: SQLite behind the interface of databases. Not: reading a SQLite file as a table. */
#include "io/sql.h"

#include "base/error.h"
#include "base/file.h"
#include "base/str.h"

#if LEAT_HAVE_SQLITE
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { WAIT_MS = 10000 };

static leat_status fault(leati_sql *db, const char *doing)
{
    sqlite3 *h = db->handle;
    leat_context *c = db->context;
    int code = sqlite3_errcode(h) & 0xff, why = sqlite3_system_errno(h);
    switch (code) {
    case SQLITE_NOMEM: return LEATI_FAIL(c, LEAT_NOMEM, "%s: out of memory", db->name);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return LEATI_FAIL(c, LEAT_FORMAT, "%s is no sound SQLite database: %s", db->name,
                          sqlite3_errmsg(h));
    case SQLITE_BUSY:
        return LEATI_FAIL(c, LEAT_IO,
                          "%s is in use: another process has been writing to it for %d s", db->name,
                          WAIT_MS / 1000);
    case SQLITE_FULL:
        return LEATI_FAIL(c, LEAT_IO,
                          "cannot %s %s: the disk is full; nothing was changed\n"
                          "make room and try again",
                          doing, db->name);
    case SQLITE_IOERR:
        return LEATI_FAIL(c, LEAT_IO, "cannot %s %s: %s; nothing was changed", doing, db->name,
                          why ? strerror(why) : sqlite3_errmsg(h));
    case SQLITE_ERROR:
        return LEATI_FAIL(c, LEAT_INTERNAL, "cannot %s %s: %s", doing, db->name, sqlite3_errmsg(h));
    default: return LEATI_FAIL(c, LEAT_IO, "cannot %s %s: %s", doing, db->name, sqlite3_errmsg(h));
    }
}

static leat_status execute(leati_sql *db, const char *sql)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? LEAT_OK
                                                                        : fault(db, "write to");
}

/* Two processes that make one file at the same time: SQLite does not wait for this lock itself. */
static leat_status use_log(leati_sql *db)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    for (int waited = 0; waited < WAIT_MS; waited += 10) {
        int code = sqlite3_exec(db->handle, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if (code == SQLITE_OK) return LEAT_OK;
        if ((code & 0xff) != SQLITE_BUSY) break;
        nanosleep(&pause, NULL);
    }
    return fault(db, "open");
}

static leat_status sqlite_open(leati_sql *db, const char *where, bool make)
{
    leat_context *c = db->context;
    sqlite3 *h = NULL;
    LEATI_CHECK(c, make || leati_path_exists(where), LEAT_NOT_FOUND, "there is no file %s", where);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (make ? SQLITE_OPEN_CREATE : 0);
    int code = sqlite3_open_v2(where, &h, flags, NULL);
    db->handle = h;
    LEATI_CHECK(c, h, LEAT_NOMEM, "out of memory opening %s", where);
    if (code != SQLITE_OK) return fault(db, "open");
    (void)sqlite3_busy_timeout(h, WAIT_MS);
    (void)sqlite3_db_config(h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    LEATI_TRY(use_log(db));
    /* A commit is on the disk, also when the power fails, before it is acknowledged. */
    return execute(db, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
}

static void sqlite_close(leati_sql *db)
{
    (void)sqlite3_close(db->handle);
    db->handle = NULL;
}

static leat_status sqlite_begin(leati_sql *db)
{
    return execute(db, "BEGIN IMMEDIATE");
}

static leat_status sqlite_finish(leati_sql *db, bool commit)
{
    if (commit) return execute(db, "COMMIT");
    (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    return LEAT_OK;
}

static bool bind(sqlite3_stmt *s, const leati_sql_arg *arg, int at)
{
    switch (arg->kind) {
    case LEATI_SQL_NULL: return sqlite3_bind_null(s, at) == SQLITE_OK;
    case LEATI_SQL_WHOLE: return sqlite3_bind_int64(s, at, arg->whole) == SQLITE_OK;
    case LEATI_SQL_NUMBER: return sqlite3_bind_double(s, at, arg->number) == SQLITE_OK;
    case LEATI_SQL_TEXT: break;
    }
    return sqlite3_bind_text(s, at, arg->text, -1, SQLITE_TRANSIENT) == SQLITE_OK;
}

static leat_status prepare(leati_sql *db, sqlite3_stmt **out, const char *sql,
                           const leati_sql_arg *args, size_t count)
{
    *out = NULL;
    if (sqlite3_prepare_v2(db->handle, sql, -1, out, NULL) != SQLITE_OK) return fault(db, "read");
    for (size_t i = 0; i < count; i++) {
        char name[24];
        snprintf(name, sizeof name, "$%zu", i + 1);
        int at = sqlite3_bind_parameter_index(*out, name);
        if (at == 0 || bind(*out, &args[i], at)) continue;
        leat_status st = fault(db, "read");
        (void)sqlite3_finalize(*out);
        *out = NULL;
        return st;
    }
    return LEAT_OK;
}

static leat_status sqlite_run(leati_sql *db, const char *sql, const leati_sql_arg *args,
                              size_t count, int64_t *changed)
{
    sqlite3_stmt *s;
    LEATI_TRY(prepare(db, &s, sql, args, count));
    int code = sqlite3_step(s);
    leat_status st = code == SQLITE_DONE || code == SQLITE_ROW ? LEAT_OK : fault(db, "write to");
    (void)sqlite3_finalize(s);
    *changed = sqlite3_changes(db->handle);
    return st;
}

static leat_status sqlite_query(leati_sql_rows *rows, const char *sql, const leati_sql_arg *args,
                                size_t count)
{
    sqlite3_stmt *s;
    LEATI_TRY(prepare(rows->db, &s, sql, args, count));
    rows->handle = s;
    return LEAT_OK;
}

static leat_status sqlite_next(leati_sql_rows *rows, bool *more)
{
    int code = sqlite3_step(rows->handle);
    *more = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ? LEAT_OK : fault(rows->db, "read");
}

static void sqlite_end(leati_sql_rows *rows)
{
    (void)sqlite3_finalize(rows->handle);
}

static int64_t sqlite_whole(const leati_sql_rows *rows, int column)
{
    return sqlite3_column_int64(rows->handle, column);
}

static double sqlite_number(const leati_sql_rows *rows, int column)
{
    bool null = sqlite3_column_type(rows->handle, column) == SQLITE_NULL;
    return null ? (double)NAN : sqlite3_column_double(rows->handle, column);
}

static const char *sqlite_text(const leati_sql_rows *rows, int column)
{
    return (const char *)sqlite3_column_text(rows->handle, column);
}

static leat_status sqlite_check(leati_sql *db, char **damage)
{
    static const char *const checks[] = {
        "PRAGMA integrity_check(20)", "SELECT \"table\" || ' row ' || rowid || ' refers to nothing "
                                      "in ' || parent FROM pragma_foreign_key_check LIMIT 20"};
    leati_str found;
    leat_status st = LEAT_OK;
    leati_str_init(&found, db->context);
    for (size_t i = 0; i < 2 && st == LEAT_OK; i++) {
        leati_sql_rows rows;
        bool more = false;
        st = leati_sql_query(db, &rows, checks[i], LEATI_SQL_NONE);
        while (st == LEAT_OK && (st = leati_sql_next(&rows, &more)) == LEAT_OK && more) {
            const char *text = leati_sql_get_text(&rows, 0);
            if (text && strcmp(text, "ok") != 0)
                leati_str_addf(&found, "%s%s", found.length ? "\n" : "", text);
        }
        leati_sql_end(&rows);
    }
    if (st == LEAT_OK) *damage = leati_str_take(&found);
    else leati_str_fini(&found);
    return st == LEAT_OK && !*damage ? leat_error_status(db->context) : st;
}

/* The log and its index lie beside the file; a folder is listed to sync it. */
static leat_status sqlite_need(leat_context *c, const char *where, const leati_sql_needs *needs)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    leati_str path;
    leat_status st = LEAT_OK;
    leati_str_init(&path, c);
    for (size_t i = 0; i < sizeof ends / sizeof *ends && st == LEAT_OK; i++) {
        leati_str_clear(&path);
        leati_str_addf(&path, "%s%s", where, ends[i]);
        st = leati_str_status(&path);
        if (st == LEAT_OK && leati_path_exists(leati_str_text(&path)))
            st = needs->file(needs->user, leati_str_text(&path), true);
    }
    leati_str_clear(&path);
    leati_str_addn(&path, where, (size_t)(leati_path_base(where) - where));
    if (!path.length) leati_str_add(&path, ".");
    if (st == LEAT_OK) st = leati_str_status(&path);
    if (st == LEAT_OK) st = needs->list(needs->user, leati_str_text(&path));
    leati_str_fini(&path);
    return st;
}

const leati_sql_class leati_sql_sqlite = {.prefix = "",
                                          .open = sqlite_open,
                                          .close = sqlite_close,
                                          .begin = sqlite_begin,
                                          .finish = sqlite_finish,
                                          .run = sqlite_run,
                                          .query = sqlite_query,
                                          .next = sqlite_next,
                                          .end = sqlite_end,
                                          .whole = sqlite_whole,
                                          .number = sqlite_number,
                                          .text = sqlite_text,
                                          .check = sqlite_check,
                                          .need = sqlite_need,
                                          .has_table = "SELECT count(*) FROM sqlite_schema "
                                                       "WHERE type = 'table' AND name = $1"};

#else

static leat_status absent_open(leati_sql *db, const char *where, bool make)
{
    (void)make;
    return LEATI_FAIL(db->context, LEAT_UNSUPPORTED,
                      "cannot open %s: this build of Leat has no SQLite\n"
                      "install libsqlite3-dev and build again",
                      where);
}

static leat_status absent_need(leat_context *c, const char *where, const leati_sql_needs *needs)
{
    (void)c;
    (void)where;
    (void)needs;
    return LEAT_OK; /* whoever opens it is told */
}

const leati_sql_class leati_sql_sqlite = {.prefix = "", .open = absent_open, .need = absent_need};

#endif
