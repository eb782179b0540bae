/* Databases behind one interface: SQLite files and, where libpq is at hand, PostgreSQL.
 *
 * A kind of database is one row of the table in sql.c and one file (sql_sqlite.c,
 * sql_postgres.c). Statements are written once, in what both understand; their arguments are $1,
 * $2, ... Integers are 64 bits wide (BIGINT), texts UTF-8.
 *
 * Writing transactions run one after the other, whoever begins them, on any machine: what one has
 * read stays true until it ends. A handle belongs to one thread at a time, that of its context. */
#ifndef LEATI_IO_SQL_H
#define LEATI_IO_SQL_H

#include <stdbool.h>

#include <leat/context.h>

typedef struct leati_sql leati_sql;
typedef struct leati_sql_class leati_sql_class;

/* --- arguments -------------------------------------------------------------------------------- */

typedef enum leati_sql_kind {
    LEATI_SQL_NULL,
    LEATI_SQL_WHOLE,
    LEATI_SQL_NUMBER,
    LEATI_SQL_TEXT
} leati_sql_kind;

typedef struct leati_sql_arg {
    leati_sql_kind kind;
    int64_t whole;
    double number;
    const char *text; /* borrowed during the call */
} leati_sql_arg;

static inline leati_sql_arg leati_sql_whole(int64_t value)
{
    return (leati_sql_arg){.kind = LEATI_SQL_WHOLE, .whole = value};
}

static inline leati_sql_arg leati_sql_number(double value) /* NaN: NULL */
{
    return (leati_sql_arg){.kind = value == value ? LEATI_SQL_NUMBER : LEATI_SQL_NULL,
                           .number = value};
}

static inline leati_sql_arg leati_sql_text(const char *value) /* NULL: NULL */
{
    return (leati_sql_arg){.kind = value ? LEATI_SQL_TEXT : LEATI_SQL_NULL, .text = value};
}

/* The tail of a call: a list of arguments and their number. */
#define LEATI_SQL_ARGS(...)                                                                        \
    (const leati_sql_arg[]){__VA_ARGS__},                                                          \
        sizeof((const leati_sql_arg[]){__VA_ARGS__}) / sizeof(leati_sql_arg)
#define LEATI_SQL_NONE NULL, 0

/* --- databases -------------------------------------------------------------------------------- */

enum { LEATI_SQL_MOST_ARGS = 32 };

/* `where` is "postgresql://..." (or "postgres://...") or the path of a SQLite file, which is made
 * if `make`. Errors: NOT_FOUND (no such file), FORMAT (not a database), IO, NETWORK (no server),
 * UNSUPPORTED (this build or this machine lacks it). */
leat_status leati_sql_open(leat_context *c, leati_sql **out, const char *where, bool make);
void leati_sql_close(leati_sql *db); /* NULL is fine; an open transaction is undone */
/* Whether `where` names a server and not a file. */
bool leati_sql_is_server(const char *where);
/* For messages: the path, or the address without user and password. */
const char *leati_sql_name(const leati_sql *db);

/* What opening a database asks of the system, each time, for who closes a process in. Of an SQLite
 * file these are the files of a database that is open: they stay as long as a handle that has read
 * is kept, and without one SQLite would make and remove them in their folder. */
typedef struct leati_sql_needs {
    void *user;
    leat_status (*port)(void *user, uint16_t port);                /* of TCP, to connect to */
    leat_status (*file)(void *user, const char *path, bool write); /* that is there */
    leat_status (*list)(void *user, const char *folder);           /* its names */
} leati_sql_needs;
/* Nothing is connected to. Errors: INVALID (an address), UNSUPPORTED, those of the functions. */
leat_status leati_sql_need(leat_context *c, const char *where, const leati_sql_needs *needs);

/* A writing transaction: waits until no other is open (at most 10 seconds with SQLite: IO). */
leat_status leati_sql_begin(leati_sql *db);
/* What was written is on the disk when this has returned OK; nothing of it where it has not. */
leat_status leati_sql_commit(leati_sql *db);
void leati_sql_undo(leati_sql *db); /* does nothing outside a transaction */

/* A statement that gives no rows. *changed (may be NULL): rows written or removed. Errors: IO (a
 * full disk, a constraint), NETWORK (the server is gone), INTERNAL (the statement is wrong). */
leat_status leati_sql_run(leati_sql *db, const char *sql, const leati_sql_arg *args, size_t count,
                          int64_t *changed);

/* A statement that gives rows: query, then next until !*more, then end (always, also after a
 * failure of query or next). Texts live until the following next or end. */
typedef struct leati_sql_rows {
    leati_sql *db;
    void *handle;
    int at, count;
} leati_sql_rows;
leat_status leati_sql_query(leati_sql *db, leati_sql_rows *rows, const char *sql,
                            const leati_sql_arg *args, size_t count);
leat_status leati_sql_next(leati_sql_rows *rows, bool *more);
void leati_sql_end(leati_sql_rows *rows);
int64_t leati_sql_get_whole(const leati_sql_rows *rows, int column);    /* NULL: 0 */
double leati_sql_get_number(const leati_sql_rows *rows, int column);    /* NULL: NaN */
const char *leati_sql_get_text(const leati_sql_rows *rows, int column); /* NULL: NULL */

/* The first value of a query that gives at most one row; *found (may be NULL: NOT_FOUND is not told
 * from 0) whether there was one. */
leat_status leati_sql_value(leati_sql *db, int64_t *out, bool *found, const char *sql,
                            const leati_sql_arg *args, size_t count);

/* What a part of Leat keeps in a database: statements that make its tables, and the number of their
 * format, which stands beside them. Lists of statements end with NULL. */
typedef struct leati_sql_schema {
    const char *name; /* "registry" */
    int format;
    const char *const *statements;      /* make format 1 */
    const char *const *const *upgrades; /* (format - 1): [i] makes format i + 2 of i + 1 */
} leati_sql_schema;
/* Makes the tables if they are absent and `make`, and brings those of an older format to this one;
 * *there says whether they are there now. UNSUPPORTED: a newer Leat made them. */
leat_status leati_sql_use_schema(leati_sql *db, const leati_sql_schema *schema, bool make,
                                 bool *there);

/* The database's own check of its structure. *damage: what it found, "" for nothing; leati_free. */
leat_status leati_sql_check(leati_sql *db, char **damage);

/* --- for the kinds of databases --------------------------------------------------------------- */

struct leati_sql {
    const leati_sql_class *class;
    leat_context *context;
    char *name;
    void *handle;    /* sqlite3 *, or what sql_postgres.c keeps */
    bool writing;    /* a transaction is open */
    double patience; /* s until a server that says nothing counts as gone (NETWORK) */
};

struct leati_sql_class {
    const char *prefix; /* of `where`; "" for files */
    leat_status (*open)(leati_sql *db, const char *where, bool make);
    void (*close)(leati_sql *db);
    leat_status (*begin)(leati_sql *db);
    leat_status (*finish)(leati_sql *db, bool commit); /* errors of undoing are not recorded */
    leat_status (*run)(leati_sql *db, const char *sql, const leati_sql_arg *args, size_t count,
                       int64_t *changed);
    leat_status (*query)(leati_sql_rows *rows, const char *sql, const leati_sql_arg *args,
                         size_t count);
    leat_status (*next)(leati_sql_rows *rows, bool *more);
    void (*end)(leati_sql_rows *rows);
    int64_t (*whole)(const leati_sql_rows *rows, int column);
    double (*number)(const leati_sql_rows *rows, int column);
    const char *(*text)(const leati_sql_rows *rows, int column);
    leat_status (*check)(leati_sql *db, char **damage);
    leat_status (*need)(leat_context *c, const char *where, const leati_sql_needs *needs);
    const char *has_table; /* a query that counts the tables called $1 */
};

extern const leati_sql_class leati_sql_sqlite, leati_sql_postgres;

#endif
