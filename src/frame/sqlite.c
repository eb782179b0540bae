/* Owns: reading SQLite. Not: other databases. */
#include "frame/sqlite.h"

#include "base/error.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/progress.h"
#include "base/str.h"

#if LEAT_HAVE_SQLITE
#include <sqlite3.h>
#include <stdio.h>
#include <strings.h>

typedef enum class_seen { NOTHING, WHOLE, NUMBER, TEXT } class_seen;

/* A column as its rows arrive: cells hold what `seen` says. */
typedef struct builder {
    class_seen seen;
    union cell {
        int64_t whole;
        double number;
        uint32_t code;
    } * cells;
    uint8_t *missing;
    size_t cell_capacity, missing_capacity;
    leati_map texts;
} builder;

typedef struct query {
    leat_context *context;
    const char *path;
    sqlite3 *db;
    sqlite3_stmt *statement;
    builder *builders;
    int columns;
    size_t rows;
    leat_status stopped; /* by the caller, between two rows */
} query;

enum { STEPS = 100000 }; /* of SQLite's machine between two looks at the caller: about 1 ms */

static leat_status put_text(query *q, builder *b, size_t row, const char *text, size_t n)
{
    b->cells[row].code = leati_map_put(&b->texts, text, n);
    return b->cells[row].code == LEATI_MAP_NONE ? leat_error_status(q->context) : LEAT_OK;
}

/* Rewrites the rows so far in a wider class. */
static leat_status widen(query *q, builder *b, class_seen to)
{
    for (size_t i = 0; b->seen != NOTHING && i < q->rows; i++) {
        char text[LEATI_NUM_SIZE];
        union cell *cell = &b->cells[i];
        if (b->missing[i]) continue;
        if (to == NUMBER) {
            cell->number = (double)cell->whole;
            continue;
        }
        size_t n = b->seen == WHOLE
                       ? (size_t)snprintf(text, sizeof text, "%lld", (long long)cell->whole)
                       : leati_num_format(cell->number, text);
        LEATI_TRY(put_text(q, b, i, text, n));
    }
    b->seen = to;
    return LEAT_OK;
}

static leat_status add_text(query *q, builder *b, int column, size_t row)
{
    if (b->seen != TEXT) LEATI_TRY(widen(q, b, TEXT));
    if (sqlite3_column_type(q->statement, column) == SQLITE_FLOAT) { /* SQLite gives 15 digits */
        char number[LEATI_NUM_SIZE];
        size_t n = leati_num_format(sqlite3_column_double(q->statement, column), number);
        return put_text(q, b, row, number, n);
    }
    const unsigned char *text = sqlite3_column_text(q->statement, column);
    LEATI_CHECK(q->context, text, LEAT_NOMEM, "out of memory reading %s", q->path);
    return put_text(q, b, row, (const char *)text,
                    (size_t)sqlite3_column_bytes(q->statement, column));
}

static leat_status add_cell(query *q, int column)
{
    builder *b = &q->builders[column];
    leat_context *c = q->context;
    size_t row = q->rows;
    LEATI_TRY(leati_grow(c, &b->cells, &b->cell_capacity, row + 1, sizeof *b->cells));
    LEATI_TRY(leati_grow(c, &b->missing, &b->missing_capacity, row + 1, 1));
    b->cells[row] = (union cell){0};
    b->missing[row] = 0;
    switch (sqlite3_column_type(q->statement, column)) {
    case SQLITE_NULL: b->missing[row] = 1; return LEAT_OK;
    case SQLITE_INTEGER:
        if (b->seen == NOTHING) b->seen = WHOLE;
        if (b->seen == TEXT) return add_text(q, b, column, row);
        if (b->seen == WHOLE) b->cells[row].whole = sqlite3_column_int64(q->statement, column);
        else b->cells[row].number = sqlite3_column_double(q->statement, column);
        return LEAT_OK;
    case SQLITE_FLOAT:
        if (b->seen == TEXT) return add_text(q, b, column, row);
        if (b->seen != NUMBER) LEATI_TRY(widen(q, b, NUMBER));
        b->cells[row].number = sqlite3_column_double(q->statement, column);
        return LEAT_OK;
    case SQLITE_TEXT: return add_text(q, b, column, row);
    default:
        return LEATI_FAIL(c, LEAT_TYPE,
                          "%s, row %zu: column '%s' holds a BLOB, which a table cannot keep\n"
                          "leave it out, or convert it in the query: hex(%s)",
                          q->path, row + 1, sqlite3_column_name(q->statement, column),
                          sqlite3_column_name(q->statement, column));
    }
}

static bool declared_bool(const query *q, int column)
{
    const builder *b = &q->builders[column];
    const char *type = sqlite3_column_decltype(q->statement, column);
    if (!type || (strcasecmp(type, "BOOL") != 0 && strcasecmp(type, "BOOLEAN") != 0)) return false;
    for (size_t i = 0; i < q->rows; i++)
        if (!b->missing[i] && (b->seen != WHOLE || b->cells[i].whole >> 1)) return false;
    return true;
}

static leati_column *finish_column(query *q, int column)
{
    builder *b = &q->builders[column];
    leat_context *c = q->context;
    bool truth = declared_bool(q, column);
    leat_type type = truth              ? LEAT_BOOL
                     : b->seen == WHOLE ? LEAT_I64
                     : b->seen == TEXT  ? LEAT_STRING
                                        : LEAT_F64;
    leati_column *col = leati_column_create(c, type, q->rows);
    if (col && type == LEAT_STRING) col->dict = leati_dict_from_map(c, &b->texts);
    bool good = col && (type != LEAT_STRING || col->dict);
    for (size_t i = 0; good && i < q->rows; i++) {
        if (b->missing[i]) good = leati_column_set_missing(c, col, i) == LEAT_OK;
        else if (truth) col->u8[i] = (uint8_t)b->cells[i].whole;
        else if (type == LEAT_I64) col->i64[i] = b->cells[i].whole;
        else if (type == LEAT_STRING) col->codes[i] = b->cells[i].code;
        else col->f64[i] = b->cells[i].number;
    }
    if (good) return col;
    leati_column_release(col);
    return NULL;
}

static leat_status finish_frame(query *q, leat_frame **out)
{
    leat_context *c = q->context;
    leat_frame *f = leati_frame_create(c, q->rows);
    leat_status st = f ? LEAT_OK : leat_error_status(c);
    for (int i = 0; st == LEAT_OK && i < q->columns; i++)
        st = leati_frame_add(c, f, sqlite3_column_name(q->statement, i), finish_column(q, i));
    if (st == LEAT_OK) *out = f;
    else leat_frame_release(f);
    return st;
}

static leat_status sql_error(query *q, const char *doing)
{
    int code = sqlite3_errcode(q->db) & 0xff;
    leat_status st = code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? LEAT_FORMAT
                     : code == SQLITE_NOMEM                          ? LEAT_NOMEM
                     : code == SQLITE_ERROR                          ? LEAT_INVALID
                                                                     : LEAT_IO;
    return LEATI_FAIL(q->context, st, "%s: cannot %s: %s", q->path, doing, sqlite3_errmsg(q->db));
}

/* A query may work for minutes before its first row. */
static int on_steps(void *user)
{
    query *q = user;
    q->stopped = leati_progress(q->context, "read", q->rows, 0);
    return q->stopped != LEAT_OK;
}

static leat_status run_query(query *q, leat_frame **out)
{
    leat_context *c = q->context;
    q->columns = sqlite3_column_count(q->statement);
    q->builders = LEATI_NEW(c, builder, (size_t)q->columns);
    if (!q->builders) return leat_error_status(c);
    for (int i = 0; i < q->columns; i++) leati_map_init(&q->builders[i].texts, c);
    int rc;
    while ((rc = sqlite3_step(q->statement)) == SQLITE_ROW) {
        LEATI_CHECK(c, q->rows < UINT32_MAX - 1, LEAT_LIMIT, "%s: too many rows", q->path);
        for (int i = 0; i < q->columns; i++) LEATI_TRY(add_cell(q, i));
        if (++q->rows % 4096 == 0) LEATI_TRY(leati_progress(c, "read", q->rows, 0));
    }
    if (q->stopped) return q->stopped;
    if (rc != SQLITE_DONE) return sql_error(q, "run the query");
    return finish_frame(q, out);
}

static leat_status prepare(query *q, const char *sql)
{
    const char *rest = NULL;
    leat_context *c = q->context;
    if (sqlite3_prepare_v2(q->db, sql, -1, &q->statement, &rest) != SQLITE_OK)
        return sql_error(q, "understand the query");
    while (*rest == ' ' || *rest == ';' || *rest == '\n' || *rest == '\t') rest++;
    LEATI_CHECK(c,
                !*rest && q->statement && sqlite3_stmt_readonly(q->statement) &&
                    sqlite3_column_count(q->statement) > 0,
                LEAT_INVALID, "%s: the query must be one statement that reads, such as SELECT",
                q->path);
    return LEAT_OK;
}

/* The names of all tables and views; leati_str_text(names) is " a b c". */
static leat_status list_tables(query *q, leati_str *names, leati_str *last, int *count)
{
    sqlite3_stmt *s = NULL;
    const char *sql = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND "
                      "name NOT LIKE 'sqlite_%' ORDER BY name";
    *count = 0;
    if (sqlite3_prepare_v2(q->db, sql, -1, &s, NULL) != SQLITE_OK)
        return sql_error(q, "list its tables");
    while (sqlite3_step(s) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(s, 0);
        leati_str_addf(names, " %s", name ? name : "");
        leati_str_clear(last);
        leati_str_add(last, name ? name : "");
        ++*count;
    }
    bool failed = sqlite3_finalize(s) != SQLITE_OK;
    if (failed) return sql_error(q, "list its tables");
    return leati_str_status(names) ? leati_str_status(names) : leati_str_status(last);
}

static bool is_table(query *q, const char *name)
{
    sqlite3_stmt *s = NULL;
    const char *sql = "SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view') AND name = ?1";
    bool found = sqlite3_prepare_v2(q->db, sql, -1, &s, NULL) == SQLITE_OK &&
                 sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC) == SQLITE_OK &&
                 sqlite3_step(s) == SQLITE_ROW;
    sqlite3_finalize(s);
    return found;
}

static leat_status prepare_table(query *q, const char *name)
{
    char *sql = sqlite3_mprintf("SELECT * FROM \"%w\"", name);
    LEATI_CHECK(q->context, sql, LEAT_NOMEM, "out of memory");
    leat_status st = prepare(q, sql);
    sqlite3_free(sql);
    return st;
}

static leat_status choose(query *q, const char *text)
{
    leat_context *c = q->context;
    leati_str names, last;
    int count = 0;
    if (text && strpbrk(text, " \t\n(") && !is_table(q, text)) return prepare(q, text);
    leati_str_init(&names, c);
    leati_str_init(&last, c);
    leat_status st = list_tables(q, &names, &last, &count);
    if (st == LEAT_OK && text && is_table(q, text)) st = prepare_table(q, text);
    else if (st == LEAT_OK && !text && count == 1) st = prepare_table(q, leati_str_text(&last));
    else if (st == LEAT_OK && text)
        st = LEATI_FAIL(c, LEAT_NOT_FOUND, "%s has no table '%s'\ntables:%s", q->path, text,
                        leati_str_text(&names));
    else if (st == LEAT_OK)
        st = LEATI_FAIL(c, LEAT_INVALID,
                        "%s has %d tables; say which one, or give a query (--query)\ntables:%s",
                        q->path, count, leati_str_text(&names));
    leati_str_fini(&names);
    leati_str_fini(&last);
    return st;
}

leat_status leati_sqlite_frame(leat_context *c, leat_frame **out, const char *path,
                               const char *text)
{
    query q = {.context = c, .path = path};
    *out = NULL;
    LEATI_CHECK(c, leati_path_exists(path), LEAT_NOT_FOUND, "there is no file %s", path);
    leat_status st = LEAT_OK;
    if (sqlite3_open_v2(path, &q.db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        st = q.db ? sql_error(&q, "open the database")
                  : LEATI_FAIL(c, LEAT_NOMEM, "out of memory opening %s", path);
    if (st == LEAT_OK) {
        /* The schema is the file's author's: it may not call functions with effects. */
        (void)sqlite3_db_config(q.db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        st = choose(&q, text);
    }
    if (st == LEAT_OK) {
        sqlite3_progress_handler(q.db, STEPS, on_steps, &q);
        st = run_query(&q, out);
    }
    for (int i = 0; q.builders && i < q.columns; i++) {
        leati_map_fini(&q.builders[i].texts);
        leati_free(q.builders[i].cells);
        leati_free(q.builders[i].missing);
    }
    leati_free(q.builders);
    sqlite3_finalize(q.statement);
    sqlite3_close(q.db);
    return st;
}

#else

leat_status leati_sqlite_frame(leat_context *c, leat_frame **out, const char *path,
                               const char *text)
{
    (void)text;
    *out = NULL;
    return LEATI_FAIL(c, LEAT_UNSUPPORTED,
                      "cannot read %s: this build of Leat has no SQLite\n"
                      "install libsqlite3-dev and build again",
                      path);
}

#endif
