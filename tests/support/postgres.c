/* Owns: starting, killing and stopping a PostgreSQL server for tests. */
#include "support/postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "io/sql.h"

struct leattest_postgres {
    char folder[64], data[96], log[96], address[256], bin[256];
    uid_t uid;
    gid_t gid;
    pid_t server;
};

/* The newest /usr/lib/postgresql/N/bin; "" where there is none. */
static void find_programs(char out[256])
{
    int newest = 0;
    DIR *d = opendir("/usr/lib/postgresql");
    *out = '\0';
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[256];
        int version = atoi(e->d_name);
        snprintf(path, sizeof path, "/usr/lib/postgresql/%d/bin", version);
        char program[300];
        snprintf(program, sizeof program, "%s/initdb", path);
        if (version <= newest || access(program, X_OK) != 0) continue;
        newest = version;
        memcpy(out, path, sizeof path);
    }
    if (d) closedir(d);
}

/* As the user of the server, with its output in the log; does not return. */
static void become(const leattest_postgres *p, char *const *arguments)
{
    int log = open(p->log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (geteuid() == 0 && (setgid(p->gid) != 0 || setuid(p->uid) != 0)) _exit(126);
    if (chdir(p->folder) != 0) _exit(126);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(arguments[0], arguments);
    _exit(127);
}

static bool run(const leattest_postgres *p, char *const *arguments)
{
    int status;
    pid_t child = fork();
    if (child == 0) become(p, arguments);
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static bool make_cluster(leattest_postgres *p)
{
    char program[300];
    snprintf(program, sizeof program, "%s/initdb", p->bin);
    char *const arguments[] = {program,
                               (char[]){"-A"},
                               (char[]){"trust"},
                               (char[]){"-U"},
                               (char[]){"leat"},
                               (char[]){"-E"},
                               (char[]){"UTF8"},
                               (char[]){"--locale=C"},
                               (char[]){"--no-sync"},
                               (char[]){"-D"},
                               p->data,
                               NULL};
    return run(p, arguments);
}

static void start_server(leattest_postgres *p)
{
    char program[300];
    snprintf(program, sizeof program, "%s/postgres", p->bin);
    char *const arguments[] = {program,
                               (char[]){"-D"},
                               p->data,
                               (char[]){"-k"},
                               p->folder,
                               (char[]){"-c"},
                               (char[]){"listen_addresses="},
                               (char[]){"-c"},
                               (char[]){"shared_buffers=16MB"},
                               NULL};
    p->server = fork();
    if (p->server == 0) become(p, arguments);
}

/* Up to 20 seconds. */
static bool answers(const leattest_postgres *p)
{
    const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    leat_context *c;
    bool good = false;
    if (leat_context_create(&c, NULL) != LEAT_OK) return false;
    for (int i = 0; i < 400 && !good; i++) {
        leati_sql *db;
        good = leati_sql_open(c, &db, p->address, false) == LEAT_OK;
        leati_sql_close(db);
        leat_error_clear(c);
        if (!good) nanosleep(&pause, NULL);
    }
    leat_context_destroy(c);
    return good;
}

/* Whether this build, and this machine, can speak to a server at all. */
static bool has_library(void)
{
    leat_context *c;
    leati_sql *db;
    if (leat_context_create(&c, NULL) != LEAT_OK) return false;
    leat_status st = leati_sql_open(c, &db, "postgresql:///none?host=/nonexistent", false);
    leat_context_destroy(c);
    return st != LEAT_UNSUPPORTED;
}

bool leattest_postgres_revive(leattest_postgres *p)
{
    start_server(p);
    return answers(p);
}

leattest_postgres *leattest_postgres_start(leattest *t)
{
    leattest_postgres *p = calloc(1, sizeof *p);
    if (!CHECK(p != NULL)) return NULL;
    find_programs(p->bin);
    if (!has_library()) *p->bin = '\0';
    const struct passwd *user = getpwnam("postgres");
    if (!user) user = getpwnam("nobody");
    if (!*p->bin || (geteuid() == 0 && !user)) {
        leattest_skip(t, *p->bin ? "there is no user to run PostgreSQL as"
                                 : "PostgreSQL or libpq is not installed");
        free(p);
        return NULL;
    }
    p->uid = user ? user->pw_uid : 0;
    p->gid = user ? user->pw_gid : 0;
    snprintf(p->folder, sizeof p->folder, "/tmp/leattest-pg-XXXXXX");
    bool good = mkdtemp(p->folder) && chmod(p->folder, 0755) == 0 &&
                (geteuid() != 0 || chown(p->folder, p->uid, p->gid) == 0);
    snprintf(p->data, sizeof p->data, "%s/data", p->folder);
    snprintf(p->log, sizeof p->log, "%s/log", p->folder);
    snprintf(p->address, sizeof p->address, "postgresql://leat:secret@/postgres?host=%s",
             p->folder);
    good = good && make_cluster(p) && leattest_postgres_revive(p);
    if (CHECK(good)) return p;
    char line[300];
    FILE *log = fopen(p->log, "r");
    while (log && fgets(line, sizeof line, log)) printf("    %s", line);
    if (log) fclose(log);
    leattest_postgres_stop(p);
    return NULL;
}

const char *leattest_postgres_address(const leattest_postgres *p)
{
    return p->address;
}

bool leattest_postgres_empty(leattest *t, const char *address)
{
    leati_sql *db;
    if (leati_sql_open(t->context, &db, address, false) != LEAT_OK) return false;
    leat_status st = leati_sql_run(db, "DROP SCHEMA public CASCADE", LEATI_SQL_NONE, NULL);
    if (st == LEAT_OK) st = leati_sql_run(db, "CREATE SCHEMA public", LEATI_SQL_NONE, NULL);
    leati_sql_close(db);
    return st == LEAT_OK;
}

void leattest_postgres_kill(leattest_postgres *p)
{
    if (p->server <= 0) return;
    kill(p->server, SIGQUIT); /* no farewell to clients, no checkpoint */
    waitpid(p->server, NULL, 0);
    p->server = 0;
}

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    (void)info;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void leattest_postgres_stop(leattest_postgres *p)
{
    if (!p) return;
    leattest_postgres_kill(p);
    nftw(p->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(p);
}
