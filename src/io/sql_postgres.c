/* Owns: PostgreSQL behind the interface of databases, by libpq, which is opened at run time. */
#include "io/sql.h"

#include "base/error.h"
#include "base/file.h"

#if LEAT_HAVE_POSTGRES
#include <dlfcn.h>
#include <errno.h>
#include <libpq-fe.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/progress.h"
#include "base/str.h"

enum { PATIENCE = 30 }; /* s: more than a lock or a machine that has gone may take */

/* The functions we use. */
typedef struct connection {
    void *library;
    PGconn *server;
    PGconn *(*connect)(const char *const *, const char *const *, int);
    ConnStatusType (*status)(const PGconn *);
    char *(*message)(const PGconn *);
    void (*finish)(PGconn *);
    PQnoticeProcessor (*on_notice)(PGconn *, PQnoticeProcessor, void *);
    int (*send)(PGconn *, const char *, int, const Oid *, const char *const *, const int *,
                const int *, int);
    int (*consume)(PGconn *);
    int (*busy)(PGconn *);
    int (*socket)(const PGconn *);
    PGresult *(*result)(PGconn *);
    ExecStatusType (*result_status)(const PGresult *);
    char *(*result_field)(const PGresult *, int);
    char *(*command)(PGresult *);
    char *(*affected)(PGresult *);
    void (*clear)(PGresult *);
    int (*rows)(const PGresult *);
    char *(*value)(const PGresult *, int, int);
    int (*is_null)(const PGresult *, int, int);
    PQconninfoOption *(*parse)(const char *, char **);
    PQconninfoOption *(*defaults)(void);
    void (*free_options)(PQconninfoOption *);
    void (*free_text)(void *);
    bool silent; /* the server has not answered in time: it is not asked again */
} connection;

/* ISO C has no cast from object to function pointer: copy the bits. */
static bool find(void *library, const char *name, void *to)
{
    void *symbol = dlsym(library, name);
    memcpy(to, &symbol, sizeof symbol);
    return symbol != NULL;
}

static leat_status load(leat_context *c, connection *k)
{
    k->library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    LEATI_CHECK(c, k->library, LEAT_UNSUPPORTED,
                "PostgreSQL needs libpq, which is not installed\n"
                "on Debian or Ubuntu: apt install libpq5");
    void *l = k->library;
    bool good = find(l, "PQconnectdbParams", &k->connect) && find(l, "PQstatus", &k->status) &&
                find(l, "PQerrorMessage", &k->message) && find(l, "PQfinish", &k->finish) &&
                find(l, "PQsetNoticeProcessor", &k->on_notice) &&
                find(l, "PQsendQueryParams", &k->send) && find(l, "PQconsumeInput", &k->consume) &&
                find(l, "PQisBusy", &k->busy) && find(l, "PQsocket", &k->socket) &&
                find(l, "PQgetResult", &k->result) &&
                find(l, "PQresultStatus", &k->result_status) &&
                find(l, "PQresultErrorField", &k->result_field) &&
                find(l, "PQcmdStatus", &k->command) && find(l, "PQcmdTuples", &k->affected) &&
                find(l, "PQclear", &k->clear) && find(l, "PQntuples", &k->rows) &&
                find(l, "PQgetvalue", &k->value) && find(l, "PQgetisnull", &k->is_null) &&
                find(l, "PQconninfoParse", &k->parse) && find(l, "PQconndefaults", &k->defaults) &&
                find(l, "PQconninfoFree", &k->free_options) && find(l, "PQfreemem", &k->free_text);
    LEATI_CHECK(c, good, LEAT_UNSUPPORTED, "the installed libpq lacks functions Leat needs");
    return LEAT_OK;
}

/* The first line of what the server or libpq says. */
static leat_status fault(leati_sql *db, const PGresult *result)
{
    connection *k = db->handle;
    leat_context *c = db->context;
    const char *said = result ? k->result_field(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *state = result ? k->result_field(result, PG_DIAG_SQLSTATE) : NULL;
    if (!said) said = k->server ? k->message(k->server) : "out of memory";
    if (k->silent) said = "it has not answered in time";
    int n = (int)strcspn(said, "\n");
    if (n > 400) n = 400;
    if (!k->server) return LEATI_FAIL(c, LEAT_NOMEM, "%s: out of memory", db->name);
    /* What libpq itself reports has no state; 57P: the server is ending. */
    bool lost = k->silent || k->status(k->server) != CONNECTION_OK || !state ||
                strncmp(state, "08", 2) == 0 || strncmp(state, "57P", 3) == 0;
    if (lost)
        return LEATI_FAIL(c, LEAT_NETWORK,
                          "%s: no connection to the database: %.*s\n"
                          "what was under way has not been written",
                          db->name, n, said);
    if (state && strcmp(state, "55P03") == 0)
        return LEATI_FAIL(
            c, LEAT_IO, "%s is in use: another process has been writing to it for 10 s", db->name);
    if (state && (strncmp(state, "53", 2) == 0 || strncmp(state, "58", 2) == 0))
        return LEATI_FAIL(c, LEAT_IO, "cannot write to %s: %.*s; nothing was changed", db->name, n,
                          said);
    bool ours = state && strncmp(state, "42", 2) == 0 && strcmp(state, "42501") != 0;
    return LEATI_FAIL(c, ours ? LEAT_INTERNAL : LEAT_IO, "%s: %.*s", db->name, n, said);
}

static void ignore_notice(void *user, const char *text)
{
    (void)user;
    (void)text;
}

static void postgres_close(leati_sql *db)
{
    connection *k = db->handle;
    if (k->server) k->finish(k->server);
    if (k->library) dlclose(k->library);
    leati_free(k);
    db->handle = NULL;
}

static leat_status postgres_open(leati_sql *db, const char *where, bool make)
{
    /* What stands in the address, which comes later, wins. */
    const char *const keys[] = {"connect_timeout",
                                "tcp_user_timeout",
                                "fallback_application_name",
                                "options",
                                "client_encoding",
                                "dbname",
                                NULL};
    const char *const values[] = {"10",   "20000", "leat", "-c lock_timeout=10s",
                                  "UTF8", where,   NULL};
    (void)make; /* databases are made by their administrators */
    connection *k = db->handle = leati_calloc(db->context, 1, sizeof *k);
    if (!k) return leat_error_status(db->context);
    LEATI_TRY(load(db->context, k));
    k->server = k->connect(keys, values, 1);
    if (!k->server || k->status(k->server) != CONNECTION_OK) return fault(db, NULL);
    db->patience = PATIENCE;
    (void)k->on_notice(k->server, ignore_notice, NULL);
    return LEAT_OK;
}

/* Until the next result can be taken without waiting. */
static bool wait_for(connection *k, double until)
{
    while (k->busy(k->server)) {
        double left = until - leati_now_s();
        struct pollfd p = {.fd = k->socket(k->server), .events = POLLIN};
        int came = left > 0 && p.fd >= 0 ? poll(&p, 1, (int)ceil(1000 * left)) : 0;
        if (came < 0 && errno != EINTR) return false;
        if (came == 0) k->silent = true;
        if (came == 0 || (came > 0 && !k->consume(k->server))) return false;
    }
    return true;
}

/* As PQexecParams, but that a server which takes a statement and says nothing, for ever, is given
 * up after a while: whoever waits for it holds others up, and keeps the process from ending. */
static PGresult *ask(leati_sql *db, const char *sql, int count, const char *const *values)
{
    connection *k = db->handle;
    double until = leati_now_s() + db->patience;
    PGresult *last = NULL, *next;
    if (k->silent || !k->send(k->server, sql, count, NULL, values, NULL, NULL, 0)) return NULL;
    while (wait_for(k, until) && (next = k->result(k->server))) {
        ExecStatusType is = k->result_status(next);
        k->clear(last);
        last = next;
        if (is != PGRES_COMMAND_OK && is != PGRES_TUPLES_OK && is != PGRES_FATAL_ERROR &&
            is != PGRES_EMPTY_QUERY)
            k->silent = true; /* copies and the like, which nobody asked for */
        if (k->silent) break;
    }
    if (!k->silent) return last;
    k->clear(last);
    return NULL;
}

/* NULL with the error recorded; PQclear. */
static PGresult *execute(leati_sql *db, const char *sql, const leati_sql_arg *args, size_t count)
{
    connection *k = db->handle;
    const char *values[LEATI_SQL_MOST_ARGS + 1] = {NULL};
    char numbers[LEATI_SQL_MOST_ARGS][LEATI_NUM_SIZE];
    for (size_t i = 0; i < count; i++) {
        values[i] = args[i].kind == LEATI_SQL_TEXT ? args[i].text : numbers[i];
        if (args[i].kind == LEATI_SQL_NULL) values[i] = NULL;
        if (args[i].kind == LEATI_SQL_NUMBER) leati_num_format(args[i].number, numbers[i]);
        if (args[i].kind == LEATI_SQL_WHOLE)
            snprintf(numbers[i], sizeof numbers[i], "%lld", (long long)args[i].whole);
    }
    PGresult *r = ask(db, sql, (int)count, values);
    ExecStatusType is = r ? k->result_status(r) : PGRES_FATAL_ERROR;
    if (is == PGRES_COMMAND_OK || is == PGRES_TUPLES_OK) return r;
    (void)fault(db, r);
    k->clear(r);
    return NULL;
}

static leat_status postgres_run(leati_sql *db, const char *sql, const leati_sql_arg *args,
                                size_t count, int64_t *changed)
{
    connection *k = db->handle;
    PGresult *r = execute(db, sql, args, count);
    if (!r) return leat_error_status(db->context);
    *changed = strtoll(k->affected(r), NULL, 10);
    k->clear(r);
    return LEAT_OK;
}

static leat_status postgres_begin(leati_sql *db)
{
    int64_t unused;
    LEATI_TRY(postgres_run(db, "BEGIN", LEATI_SQL_NONE, &unused));
    /* One lock for all writers of a database, given back at the end of the transaction. */
    leat_status st =
        postgres_run(db, "SELECT pg_advisory_xact_lock(7812632951)", LEATI_SQL_NONE, &unused);
    if (st != LEAT_OK) (void)db->class->finish(db, false);
    return st;
}

static leat_status postgres_finish(leati_sql *db, bool commit)
{
    connection *k = db->handle;
    leat_status st = LEAT_OK;
    PGresult *r;
    if (commit) {
        if (!(r = execute(db, "COMMIT", LEATI_SQL_NONE))) return leat_error_status(db->context);
        /* The server ends a transaction in which something failed, and answers with its word. */
        if (strcmp(k->command(r), "COMMIT") != 0)
            st = LEATI_FAIL(db->context, LEAT_INTERNAL, "%s: the transaction had failed", db->name);
    } else {
        r = ask(db, "ROLLBACK", 0, NULL);
    }
    k->clear(r);
    return st;
}

static leat_status postgres_query(leati_sql_rows *rows, const char *sql, const leati_sql_arg *args,
                                  size_t count)
{
    connection *k = rows->db->handle;
    PGresult *r = execute(rows->db, sql, args, count);
    if (!r) return leat_error_status(rows->db->context);
    rows->handle = r;
    rows->at = -1;
    rows->count = k->rows(r);
    return LEAT_OK;
}

static leat_status postgres_next(leati_sql_rows *rows, bool *more)
{
    *more = ++rows->at < rows->count;
    return LEAT_OK;
}

static void postgres_end(leati_sql_rows *rows)
{
    connection *k = rows->db->handle;
    k->clear(rows->handle);
}

static const char *postgres_text(const leati_sql_rows *rows, int column)
{
    connection *k = rows->db->handle;
    bool null = k->is_null(rows->handle, rows->at, column) != 0;
    return null ? NULL : k->value(rows->handle, rows->at, column);
}

static int64_t postgres_whole(const leati_sql_rows *rows, int column)
{
    const char *text = postgres_text(rows, column);
    return text ? strtoll(text, NULL, 10) : 0;
}

static double postgres_number(const leati_sql_rows *rows, int column)
{
    const char *text = postgres_text(rows, column);
    double value = (double)NAN;
    if (text) (void)leati_num_parse(text, strlen(text), &value);
    return value;
}

/* The server looks after its files and constraints itself. */
static leat_status postgres_check(leati_sql *db, char **damage)
{
    *damage = leati_strdup(db->context, "");
    return *damage ? LEAT_OK : leat_error_status(db->context);
}

/* What an address says, else the environment; NULL: neither. */
static const char *option(const PQconninfoOption *given, const PQconninfoOption *defaults,
                          const char *name)
{
    const PQconninfoOption *const both[] = {given, defaults};
    for (size_t i = 0; i < 2; i++)
        for (const PQconninfoOption *o = both[i]; o && o->keyword; o++)
            if (strcmp(o->keyword, name) == 0 && o->val && *o->val) return o->val;
    return NULL;
}

/* Whether one of the hosts is reached by TCP: a folder and no host at all mean a local socket. */
static bool is_remote(const char *hosts, const char *addresses)
{
    if (addresses) return true;
    for (const char *at = hosts; at && *at; at += strcspn(at, ","), at += *at == ',')
        if (*at != '/' && *at != '@' && *at != ',') return true;
    return false;
}

static leat_status need_ports(leat_context *c, const char *ports, const leati_sql_needs *needs)
{
    const char *at = ports ? ports : "5432";
    for (;;) {
        long port = *at == ',' || !*at ? 5432 : strtol(at, NULL, 10);
        LEATI_CHECK(c, port > 0 && port <= UINT16_MAX, LEAT_INVALID,
                    "'%.60s' is no port of a database", at);
        LEATI_TRY(needs->port(needs->user, (uint16_t)port));
        at += strcspn(at, ",");
        if (!*at++) return LEAT_OK;
    }
}

/* Passwords and certificates: those that are named, else those in the home. */
static leat_status need_files(leat_context *c, const PQconninfoOption *given,
                              const PQconninfoOption *defaults, const leati_sql_needs *needs)
{
    static const char *const names[] = {"passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl"};
    static const char *const usual[] = {".pgpass", ".postgresql"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = option(given, defaults, names[i]);
        if (path && leati_path_exists(path)) LEATI_TRY(needs->file(needs->user, path, false));
    }
    const char *home = getenv("HOME");
    for (size_t i = 0; home && *home && i < sizeof usual / sizeof *usual; i++) {
        char *path = leati_path_join(c, home, usual[i]);
        leat_status st = path ? LEAT_OK : leat_error_status(c);
        if (path && leati_path_exists(path)) st = needs->file(needs->user, path, false);
        leati_free(path);
        LEATI_TRY(st);
    }
    return LEAT_OK;
}

static leat_status postgres_need(leat_context *c, const char *where, const leati_sql_needs *needs)
{
    connection k = {0};
    char *why = NULL;
    LEATI_TRY(load(c, &k));
    PQconninfoOption *given = k.parse(where, &why), *defaults = k.defaults();
    leat_status st = LEAT_OK;
    if (!given)
        st = LEATI_FAIL(c, LEAT_INVALID, "the address of the database cannot be read: %.*s",
                        (int)strcspn(why ? why : "", "\n"), why ? why : "");
    if (st == LEAT_OK &&
        is_remote(option(given, defaults, "host"), option(given, defaults, "hostaddr")))
        st = need_ports(c, option(given, defaults, "port"), needs);
    if (st == LEAT_OK) st = need_files(c, given, defaults, needs);
    if (why) k.free_text(why);
    k.free_options(given);
    k.free_options(defaults);
    dlclose(k.library);
    return st;
}

const leati_sql_class leati_sql_postgres = {.prefix = "postgresql://",
                                            .open = postgres_open,
                                            .close = postgres_close,
                                            .begin = postgres_begin,
                                            .finish = postgres_finish,
                                            .run = postgres_run,
                                            .query = postgres_query,
                                            .next = postgres_next,
                                            .end = postgres_end,
                                            .whole = postgres_whole,
                                            .number = postgres_number,
                                            .text = postgres_text,
                                            .check = postgres_check,
                                            .need = postgres_need,
                                            .has_table = "SELECT count(*) FROM pg_catalog.pg_class "
                                                         "WHERE oid = to_regclass($1)"};

#else

static leat_status absent_open(leati_sql *db, const char *where, bool make)
{
    (void)where;
    (void)make;
    return LEATI_FAIL(db->context, LEAT_UNSUPPORTED,
                      "cannot open %s: this build of Leat has no PostgreSQL\n"
                      "install libpq-dev and build again",
                      db->name);
}

static leat_status absent_need(leat_context *c, const char *where, const leati_sql_needs *needs)
{
    (void)c;
    (void)where;
    (void)needs;
    return LEAT_OK; /* whoever opens it is told */
}

const leati_sql_class leati_sql_postgres = {
    .prefix = "postgresql://", .open = absent_open, .need = absent_need};

#endif
