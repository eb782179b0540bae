/* Owns: processes of workers: starting, finding again, measuring, ending. Not: how many there
 * should be (scale_rule.c).
 *
 * A worker carries the folder of its crew in its environment, from its first instant on, so that
 * nothing has to be written down for another process to find it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* SO_REUSEPORT, SOCK_CLOEXEC, environ */
#endif
#include "deploy/scale_crew.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"

enum { ROOM = 256 << 10 }; /* for what the kernel tells of a process */
/* Seconds that a worker has to end; leat serve gives its requests 25. */
static const double END_MOST = 35;

/* ---- the address ------------------------------------------------------------------------------
 */

static leat_status read_address(leati_crew *crew, const char *listen)
{
    const char *colon = strrchr(listen, ':');
    LEATI_CHECK(crew->context, colon && colon[1] && strncmp(listen, "unix:", 5) != 0, LEAT_INVALID,
                "workers share HOST:PORT, as in 127.0.0.1:8080, not '%s'", listen);
    LEATI_TRY(leati_address_read(crew->context, listen, &crew->at));
    snprintf(crew->host, sizeof crew->host, "%.*s", (int)(colon - listen) % 256, listen);
    return LEAT_OK;
}

/* A socket bound to the address, not listening; -1 and errno. */
static int bind_socket(const leati_crew *crew, bool shared)
{
    int fd = socket(crew->at.at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shared) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&crew->at.at, crew->at.length) == 0) return fd;
    on = errno;
    close(fd);
    errno = on;
    return -1;
}

/* Workers with ports of their own find out themselves whether these are free. A proxy needs a host
 * that it can connect to. */
static leat_status number_ports(leati_crew *crew, const char *listen)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&crew->at.at;
    bool any = crew->at.at.ss_family == AF_INET && v4->sin_addr.s_addr == htonl(INADDR_ANY);
    crew->port = ntohs(*leati_address_port(&crew->at));
    LEATI_CHECK(crew->context,
                crew->at.at.ss_family == AF_INET && !any && crew->port &&
                    crew->port + crew->options->rule.most <= 65536,
                LEAT_INVALID,
                "behind a proxy workers listen on IPV4:PORT and the ports behind it, as in "
                "127.0.0.1:9001, not '%s'",
                listen);
    return LEAT_OK;
}

/* Whether the address is free is asked without sharing, where no worker of ours has it. Then a
 * socket holds it, so that it stays ours while workers come and go. */
static leat_status hold_port(leati_crew *crew, const char *listen)
{
    leat_context *c = crew->context;
    int fd = crew->found ? -1 : bind_socket(crew, false);
    LEATI_CHECK(c, crew->found || fd >= 0, LEAT_IO, "cannot listen on %s: %s", listen,
                strerror(errno));
    if (fd >= 0) {
        crew->at.length = sizeof crew->at.at;
        getsockname(fd, (struct sockaddr *)&crew->at.at, &crew->at.length);
        close(fd);
    }
    crew->holder = bind_socket(crew, true);
    LEATI_CHECK(c, crew->holder >= 0, LEAT_IO, "cannot listen on %s: %s", listen, strerror(errno));
    crew->port = ntohs(*leati_address_port(&crew->at));
    return LEAT_OK;
}

/* Where the workers that were found are, as far as that was written down. */
static leat_status meet_workers(leati_crew *crew, const char *was, const char **listen)
{
    leat_context *c = crew->context;
    leati_address old;
    crew->found = crew->count > 0;
    if (!crew->found || !*was) return LEAT_OK;
    if (leati_address_read(c, was, &old) != LEAT_OK || *leati_address_port(&old) == 0) {
        leat_error_clear(c);
        return LEAT_OK;
    }
    LEATI_TRY(leati_address_covers(c, *listen, &old, &crew->found));
    LEATI_CHECK(c, crew->found || !leati_crew_serving(crew), LEAT_INVALID,
                "the workers of the folder %s serve at %s, not at %s\nto take them over: --listen "
                "%s; to serve beside them: another --state",
                crew->options->state, was, *listen, was);
    if (crew->found) *listen = was;
    return LEAT_OK;
}

static leat_status take_address(leati_crew *crew, const char *was)
{
    const char *listen = crew->options->listen;
    LEATI_TRY(read_address(crew, listen));
    LEATI_TRY(meet_workers(crew, was, &listen));
    LEATI_TRY(read_address(crew, listen));
    LEATI_TRY(crew->options->haproxy ? number_ports(crew, listen) : hold_port(crew, listen));
    leati_crew_endpoint(crew, 0, crew->address);
    return LEAT_OK;
}

void leati_crew_endpoint(const leati_crew *crew, uint32_t slot, char out[280])
{
    snprintf(out, 280, "%s:%u", crew->host, crew->port + (slot ? slot - 1 : 0));
}

bool leati_crew_answers(const leati_crew *crew, uint32_t slot)
{
    leati_address to = crew->at;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&to.at;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&to.at;
    if (to.at.ss_family == AF_INET && v4->sin_addr.s_addr == htonl(INADDR_ANY))
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (to.at.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr))
        v6->sin6_addr = in6addr_loopback;
    *leati_address_port(&to) = htons((uint16_t)(crew->port + (slot ? slot - 1 : 0)));
    int fd = socket(to.at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* A worker that was stopped answers nobody, once its queue is full. */
    const struct timeval limit = {1, 0};
    if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&to.at, to.length) == 0;
    if (fd >= 0) close(fd);
    return ok;
}

/* ---- what the kernel knows of a process -------------------------------------------------------
 */

/* Reads /proc/PID/name; the bytes. */
static size_t read_proc(long pid, const char *name, char *out, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    size_t length = 0;
    for (ssize_t n; length < size - 1; length += (size_t)n)
        if ((n = read(fd, out + length, size - 1 - length)) <= 0) break;
    close(fd);
    out[length] = '\0';
    return length;
}

/* Whether it is of this user. Anybody can give a process any mark; whose it is, only root can
 * change, who may read all of them. */
static bool is_own(long pid)
{
    char path[64];
    struct stat info;
    snprintf(path, sizeof path, "/proc/%ld", pid);
    return stat(path, &info) == 0 && info.st_uid == geteuid();
}

/* Whether it carries the crew's mark and runs; its slot. A process that has ended has no
 * environment. */
static bool is_ours(const leati_crew *crew, long pid, uint32_t *slot)
{
    static const char variable[] = "LEAT_SCALE_SLOT=";
    const char *text = crew->room;
    size_t n = is_own(pid) ? read_proc(pid, "environ", crew->room, ROOM) : 0;
    bool ours = false;
    *slot = 0;
    for (size_t at = 0; at < n; at += strlen(text + at) + 1) {
        ours = ours || strcmp(text + at, crew->mark) == 0;
        if (strncmp(text + at, variable, sizeof variable - 1) == 0)
            *slot = (uint32_t)strtoul(text + at + sizeof variable - 1, NULL, 10);
    }
    return ours;
}

/* Seconds of processor time so far; NAN: it is gone. */
static double processor_time(long pid)
{
    char text[1024];
    unsigned long user, kernel;
    if (!read_proc(pid, "stat", text, sizeof text)) return NAN;
    const char *rest = strrchr(text, ')'); /* the name may hold anything */
    if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                        &kernel) != 2)
        return NAN;
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

/* ---- the list ---------------------------------------------------------------------------------
 */

static leat_status add(leati_crew *crew, leati_crew_worker worker)
{
    LEATI_TRY(leati_grow(crew->context, &crew->workers, &crew->capacity, crew->count + 1,
                         sizeof *crew->workers));
    crew->workers[crew->count++] = worker;
    return LEAT_OK;
}

static int by_age(const void *a, const void *b)
{
    long x = ((const leati_crew_worker *)a)->pid, y = ((const leati_crew_worker *)b)->pid;
    return (x > y) - (x < y);
}

static leat_status find_workers(leati_crew *crew, const long *ending, size_t ending_count)
{
    DIR *proc = opendir("/proc");
    leat_status st = LEAT_OK;
    LEATI_CHECK(crew->context, proc, LEAT_IO, "/proc cannot be read: %s", strerror(errno));
    for (struct dirent *d; st == LEAT_OK && (d = readdir(proc));) {
        leati_crew_worker w = {.pid = isdigit((unsigned char)*d->d_name) ? atol(d->d_name) : 0};
        if (w.pid <= 1 || w.pid == getpid() || !is_ours(crew, w.pid, &w.slot)) continue;
        for (size_t i = 0; i < ending_count; i++) w.ending = w.ending || ending[i] == w.pid;
        st = add(crew, w);
    }
    closedir(proc);
    if (crew->count) qsort(crew->workers, crew->count, sizeof *crew->workers, by_age);
    return st;
}

static leat_status lock_folder(leati_crew *crew, const char *folder)
{
    leat_context *c = crew->context;
    char *path = leati_path_join(c, folder, "lock");
    if (!path) return leat_error_status(c);
    crew->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int error = crew->lock < 0 || flock(crew->lock, LOCK_EX | LOCK_NB) != 0 ? errno : 0;
    leati_free(path);
    LEATI_CHECK(c, error != EWOULDBLOCK, LEAT_IO, "another leat scale works with the folder %s",
                folder);
    LEATI_CHECK(c, !error, LEAT_IO, "the folder %s cannot be locked: %s", folder, strerror(error));
    return LEAT_OK;
}

static leat_status name_things(leati_crew *crew, const char *folder)
{
    leat_context *c = crew->context;
    char *real = realpath(folder, NULL);
    LEATI_CHECK(c, real, LEAT_IO, "the folder %s cannot be found: %s", folder, strerror(errno));
    size_t size = strlen(real) + 12;
    crew->mark = leati_alloc(c, size);
    if (crew->mark) snprintf(crew->mark, size, "LEAT_SCALE=%s", real);
    free(real);
    crew->log = leati_path_join(c, folder, "workers.log");
    struct stat info;
    if (crew->log && stat(crew->log, &info) == 0) crew->log_from = info.st_size;
    return leat_error_status(c);
}

leat_status leati_crew_open(leati_crew *crew, leat_context *c, const leat_scale_options *o,
                            const char *was, const long *ending, size_t ending_count)
{
    *crew = (leati_crew){.context = c, .options = o, .lock = -1, .holder = -1};
    crew->room = leati_alloc(c, ROOM);
    if (!crew->room) return leat_error_status(c);
    LEATI_TRY(leati_folder_make(c, o->state));
    LEATI_TRY(name_things(crew, o->state));
    LEATI_TRY(lock_folder(crew, o->state));
    LEATI_TRY(find_workers(crew, ending, ending_count));
    return take_address(crew, was);
}

void leati_crew_close(leati_crew *crew)
{
    if (crew->holder >= 0) close(crew->holder);
    if (crew->lock >= 0) close(crew->lock);
    leati_free(crew->workers);
    leati_free(crew->mark);
    leati_free(crew->log);
    leati_free(crew->room);
}

uint32_t leati_crew_serving(const leati_crew *crew)
{
    uint32_t n = 0;
    for (size_t i = 0; i < crew->count; i++) n += !crew->workers[i].ending;
    return n;
}

/* One that does not end, though its requests have no more time, holds a port for nothing. */
static void hurry(leati_crew_worker *w, double now)
{
    if (!w->ending) return;
    if (w->patience == 0) w->patience = now + END_MOST;
    if (now < w->patience) return;
    kill((pid_t)w->pid, SIGKILL);
    w->patience = 0;
}

bool leati_crew_reap(leati_crew *crew, double now, leati_crew_worker *gone)
{
    for (size_t i = 0; i < crew->count; i++) {
        leati_crew_worker *w = &crew->workers[i];
        uint32_t slot;
        bool here =
            w->child ? waitpid((pid_t)w->pid, NULL, WNOHANG) == 0 : is_ours(crew, w->pid, &slot);
        if (here) {
            hurry(w, now);
            continue;
        }
        *gone = *w;
        memmove(w, w + 1, (crew->count - i - 1) * sizeof *w);
        crew->count--;
        return true;
    }
    return false;
}

double leati_crew_load(leati_crew *crew, double now)
{
    double sum = 0;
    uint32_t n = 0, threads = crew->options->threads ? crew->options->threads : 1;
    for (size_t i = 0; i < crew->count; i++) {
        leati_crew_worker *w = &crew->workers[i];
        double busy = processor_time(w->pid);
        if (!w->ending && w->sampled && now > w->since && busy >= w->busy) {
            double share = (busy - w->busy) / (now - w->since) / threads;
            sum += share < 1 ? share : 1;
            n++;
        }
        w->sampled = busy == busy;
        w->busy = busy;
        w->since = now;
    }
    return n ? sum / n : NAN;
}

/* ---- starting and ending ----------------------------------------------------------------------
 */

typedef struct launch {
    char **arguments, **environment;
    char threads[16], address[280], slot[40];
} launch;

static leat_status prepare(const leati_crew *crew, uint32_t slot, launch *l)
{
    extern char **environ;
    const leat_scale_options *o = crew->options;
    leat_context *c = crew->context;
    size_t variables = 0, n = 0;
    while (environ[variables]) variables++;
    l->arguments = LEATI_NEW(c, char *, o->argument_count + 8);
    l->environment = LEATI_NEW(c, char *, variables + 3);
    if (!l->arguments || !l->environment) return leat_error_status(c);
    snprintf(l->threads, sizeof l->threads, "%u", o->threads ? o->threads : 1);
    snprintf(l->slot, sizeof l->slot, "LEAT_SCALE_SLOT=%u", slot);
    leati_crew_endpoint(crew, slot, l->address);
    const char *const head[] = {o->program, "serve",     "--listen",
                                l->address, "--workers", l->threads};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) l->arguments[n++] = (char *)head[i];
    if (!slot) l->arguments[n++] = "--share-port";
    for (size_t i = 0; i < o->argument_count; i++) l->arguments[n++] = (char *)o->arguments[i];
    l->arguments[n] = NULL;
    n = 0;
    l->environment[n++] = crew->mark;
    l->environment[n++] = l->slot;
    for (size_t i = 0; i < variables; i++)
        if (strncmp(environ[i], "LEAT_SCALE", 10) != 0) l->environment[n++] = environ[i];
    l->environment[n] = NULL;
    return LEAT_OK;
}

/* In the new process: only what may stand between fork and exec. A group of its own, so that Ctrl-C
 * in a terminal reaches the one that ends the others in order. Signals are held back until they
 * mean what they mean to a worker: the handlers of leat scale would swallow its end. SIGHUP ends
 * none that has no logs, or is not ready for it. */
static void become(const leati_crew *crew, const launch *l)
{
    const struct sigaction usual = {.sa_handler = SIG_DFL}, ignored = {.sa_handler = SIG_IGN};
    sigset_t none;
    int in = open("/dev/null", O_RDONLY);
    int out = open(crew->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    sigaction(SIGINT, &usual, NULL);
    sigaction(SIGTERM, &usual, NULL);
    sigaction(SIGHUP, &ignored, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    if (in >= 0) dup2(in, 0);
    if (out >= 0) {
        dup2(out, 1);
        dup2(out, 2);
    }
    if (in > 2) close(in);
    if (out > 2) close(out);
    execve(l->arguments[0], l->arguments, l->environment);
    _exit(127);
}

/* The lowest slot that nobody is in, those that end included: their ports are taken. */
static uint32_t free_slot(const leati_crew *crew)
{
    for (uint32_t slot = 1;; slot++) {
        bool taken = false;
        for (size_t i = 0; i < crew->count; i++) taken = taken || crew->workers[i].slot == slot;
        if (!taken) return slot;
    }
}

leat_status leati_crew_start(leati_crew *crew)
{
    leat_context *c = crew->context;
    launch l = {0};
    uint32_t slot = crew->options->haproxy ? free_slot(crew) : 0;
    LEATI_CHECK(c, slot <= crew->options->rule.most, LEAT_IO,
                "no slot is free until a worker has ended");
    leat_status st = prepare(crew, slot, &l);
    /* Room first: what runs stands in the list. */
    if (st == LEAT_OK)
        st = leati_grow(c, &crew->workers, &crew->capacity, crew->count + 1, sizeof *crew->workers);
    if (st == LEAT_OK) {
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pid_t pid = fork();
        if (pid == 0) become(crew, &l);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (pid > 0) st = add(crew, (leati_crew_worker){.pid = pid, .slot = slot, .child = true});
        else st = LEATI_FAIL(c, LEAT_IO, "a worker could not be started: %s", strerror(errno));
    }
    leati_free(l.arguments);
    leati_free(l.environment);
    return st;
}

leati_crew_worker *leati_crew_newest(leati_crew *crew)
{
    for (size_t i = crew->count; i-- > 0;)
        if (!crew->workers[i].ending) return &crew->workers[i];
    return NULL;
}

void leati_crew_end(leati_crew_worker *worker)
{
    kill((pid_t)worker->pid, SIGTERM);
    worker->ending = true;
}

void leati_crew_reopen(const leati_crew *crew)
{
    for (size_t i = 0; i < crew->count; i++) kill((pid_t)crew->workers[i].pid, SIGHUP);
}

/* Where a worker, which is a command of Leat, begins to say what is wrong. */
#define COMPLAINT "leat: "

void leati_crew_last_words(const leati_crew *crew, char *out, size_t size)
{
    FILE *f = fopen(crew->log, "r");
    char line[512];
    size_t length = 0;
    bool complains = false;
    snprintf(out, size, "it wrote nothing to %s", crew->log);
    if (f && fseeko(f, crew->log_from, SEEK_SET) != 0) rewind(f);
    while (f && fgets(line, sizeof line, f)) {
        size_t skip =
            strncmp(line, COMPLAINT, sizeof COMPLAINT - 1) == 0 ? sizeof COMPLAINT - 1 : 0;
        line[strcspn(line, "\n")] = '\0';
        if (!line[skip]) continue;
        complains = complains || skip;
        if (skip || !complains) length = 0;
        if (length >= size) continue;
        length +=
            (size_t)snprintf(out + length, size - length, length ? "\n%s" : "%s", line + skip);
    }
    if (f) fclose(f);
}
