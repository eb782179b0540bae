/* Owns: the steward, the one thread that changes what is loaded; which requests may have it do so.
 * Not: how that is done (repository.c). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"
#include "serve/serve_state.h"

enum { MOST_JOBS = 64 };

/* A change of the repository that waits for the steward. */
struct leati_waiting_job {
    leati_waiting_job *next;
    leati_job_run run;
    leati_job work;
    const leati_move *move; /* NULL: `run` of an exchange, or a model that is to be loaded */
    bool done, made;        /* of a move; `why` is whose who waits */
    char *why;
    char *path; /* of a version that is to be loaded where no folder has it; NULL: none */
};

static void run_job(leati_waiting_job *j)
{
    leati_http_exchange *exchange = j->work.exchange;
    leati_fault *why = &j->work.fault;
    int status = j->run(&j->work);
    if (status > 0) {
        leati_exchange_finish(exchange, status);
        return;
    }
    if (!why->http) leati_fault_set(why, 500, "internal", "a fault of the server");
    leati_exchange_rewind(exchange, j->work.fields);
    bool full = strcmp(why->code, "storage_full") == 0;
    if (why->http == 503) leati_exchange_header(exchange, "Retry-After", full ? "60" : "1");
    leati_reply_fault(exchange, why->code, why->message);
    leati_exchange_finish(exchange, why->http);
}

/* The one who waits for it owns the job. */
static void run_move(leati_serve *s, leati_waiting_job *j)
{
    const leati_move *m = j->move;
    leati_fault why = {0};
    bool made =
        leati_repository_move(s->repository, m->name, m->from, m->to, m->path, m->preferred, &why);
    if (!made) snprintf(j->why, 256, "%.250s", why.message);
    pthread_mutex_lock(&s->lock);
    j->made = made;
    j->done = true;
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->lock);
}

bool leati_steward_move(void *user, const leati_move *move, char *why)
{
    leati_serve *s = user;
    leati_waiting_job j = {.move = move, .why = why};
    pthread_mutex_lock(&s->lock);
    *s->last = &j;
    s->last = &j.next;
    s->jobs++;
    pthread_cond_signal(&s->wake);
    while (!j.done) pthread_cond_wait(&s->moved, &s->lock);
    pthread_mutex_unlock(&s->lock);
    return j.made;
}

/* Nobody waits for it. */
static void run_load(leati_serve *s, const leati_waiting_job *j)
{
    char line[600];
    leati_fault why = {0};
    leati_repository *r = s->repository;
    const char *name = j->work.name;
    bool seen = leati_repository_rescan(r, &why);
    bool here = !j->path || (seen && leati_repository_path(r, name, j->work.version));
    if (seen && (here ? leati_repository_load(r, name, &why)
                      : leati_repository_move(r, name, 0, j->work.version, j->path, false, &why)))
        return;
    snprintf(line, sizeof line,
             "the versions of '%.100s' that are rolled out cannot be loaded: %.400s", j->work.name,
             why.message);
    if (s->say) s->say(s->say_user, line);
}

void leati_steward_load(void *user, const char *model, uint32_t version, const char *path)
{
    leati_serve *s = user;
    size_t size = path ? strlen(path) + 1 : 0;
    leati_waiting_job *j = leati_alloc_quiet(s->steward_context, sizeof *j + size);
    if (!j) return;
    memset(j, 0, sizeof *j);
    snprintf(j->work.name, sizeof j->work.name, "%s", model);
    j->work.version = version;
    if (path) j->path = memcpy(j + 1, path, size);
    pthread_mutex_lock(&s->lock);
    *s->last = j;
    s->last = &j->next;
    s->jobs++;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

static void *steward(void *arg)
{
    leati_serve *s = arg;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!s->first && !s->stop) pthread_cond_wait(&s->wake, &s->lock);
        leati_waiting_job *j = s->first;
        if (!j) break;
        s->first = j->next;
        if (!s->first) s->last = &s->first;
        s->jobs--;
        pthread_mutex_unlock(&s->lock);
        if (j->move) {
            run_move(s, j);
        } else {
            if (j->run) run_job(j);
            else run_load(s, j);
            leati_free(j);
        }
        if (leati_rollouts_any(s->rollouts)) leati_rollouts_look(s->rollouts);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

int leati_serve_change(leati_call *call, leati_job_run run)
{
    leati_serve *s = call->serve;
    leati_waiting_job *j = LEATI_NEW(call->desk->context, leati_waiting_job, 1);
    if (!j) return leati_fault_from(&call->fault, call->desk->context);
    j->run = run;
    j->work.serve = s;
    j->work.repository = s->repository;
    j->work.exchange = call->exchange;
    j->work.fields = call->fields;
    size_t n = call->model_name.length < sizeof j->work.name ? call->model_name.length : 0;
    memcpy(j->work.name, call->model_name.data, n);
    (void)leati_call_version(call, &j->work.version);
    pthread_mutex_lock(&s->lock);
    bool fits = s->jobs < MOST_JOBS;
    if (fits) {
        *s->last = j;
        s->last = &j->next;
        s->jobs++;
        pthread_cond_signal(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    if (fits) return LEATI_LATER;
    leati_free(j);
    leati_exchange_header(call->exchange, "Retry-After", "1");
    leati_reply_fault(call->exchange, "busy", "too many changes wait; try again in a moment");
    return 503;
}

/* A page of another site must not change what is served through the browser of who looks at it:
 * where a browser names the origin, it is this server. */
static bool same_origin(leati_call *call)
{
    leati_http_text origin = leati_exchange_header_in(call->exchange, "origin");
    leati_http_text host = leati_exchange_header_in(call->exchange, "host");
    if (!origin.data) return true;
    const char *from = memchr(origin.data, ':', origin.length);
    size_t skip = from ? (size_t)(from - origin.data) + 3 : origin.length; /* "://" */
    return skip < origin.length && origin.length - skip == host.length &&
           strncasecmp(origin.data + skip, host.data, host.length) == 0;
}

/* A name that the owner of a page can have point at this machine, so that to the browser page and
 * server are one site; addresses and localhost cannot. */
static bool is_foreign_name(leati_http_text host)
{
    const char *port = memchr(host.data, ':', host.length);
    size_t n = port ? (size_t)(port - host.data) : host.length, digits = 0;
    if (n == 9 && strncasecmp(host.data, "localhost", n) == 0) return false;
    while (digits < n && (isdigit((unsigned char)host.data[digits]) || host.data[digits] == '.'))
        digits++;
    return digits < n && host.data[0] != '[';
}

bool leati_serve_own_page(leati_call *call)
{
    leati_http_text host = leati_exchange_header_in(call->exchange, "host");
    bool page = leati_exchange_header_in(call->exchange, "origin").data != NULL;
    if (!same_origin(call))
        return leati_fault_set(&call->fault, 403, "other_origin",
                               "this request comes from a page of another origin");
    if (page && !call->serve->guard.keys && is_foreign_name(host))
        return leati_fault_set(&call->fault, 403, "other_origin",
                               "pages change nothing here under a name, without keys: open the "
                               "page at localhost or an address, or ask for keys (--keys yes)");
    return true;
}

bool leati_serve_may_manage(leati_call *call)
{
    if (!call->serve->managed)
        return leati_fault_set(&call->fault, 403, "control_is_off",
                               "models of this server are not changed by request: it was started "
                               "with --control no, or listens for other machines");
    return leati_serve_own_page(call);
}

leat_status leati_steward_start(leati_serve *s)
{
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    pthread_cond_init(&s->moved, NULL);
    s->lock_made = true;
    s->last = &s->first;
    s->steward_runs = pthread_create(&s->steward, NULL, steward, s) == 0;
    LEATI_CHECK(s->context, s->steward_runs, LEAT_NOMEM, "no further thread can be started");
    return LEAT_OK;
}

void leati_steward_stop(leati_serve *s)
{
    if (s->steward_runs) {
        pthread_mutex_lock(&s->lock);
        s->stop = true;
        pthread_cond_signal(&s->wake);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->steward, NULL);
    }
    if (!s->lock_made) return;
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->moved);
}
