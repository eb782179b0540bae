/* A running service: what serve.c, dispatch.c and steward.c share. Internal to them. */
#ifndef LEATI_SERVE_SERVE_STATE_H
#define LEATI_SERVE_SERVE_STATE_H

#include <leat/serve.h>
#include <pthread.h>

#include "serve/agent.h"
#include "serve/compute.h"
#include "serve/follow.h"
#include "serve/guard.h"
#include "serve/observe.h"
#include "serve/response_cache.h"
#include "serve/rollouts.h"
#include "serve/serve_sandbox.h"
#include "serve/server.h"

typedef struct leati_started {
    char *name, *estimator;
    uint32_t version;
} leati_started;

/* Requests of a loop that are answered together when it has read what there was. */
typedef struct leati_gathered {
    _Alignas(64) size_t count;
    leati_http_exchange **exchanges; /* (LEATI_JOIN_MOST) */
} leati_gathered;

/* A change of the repository that waits for the steward. */
typedef struct leati_waiting_job leati_waiting_job;

struct leati_serve {
    leat_context *context;         /* of starting and ending */
    leat_context *steward_context; /* of the repository */
    leati_http_server *http;
    leati_repository *repository;
    leati_compute *compute;
    leati_rollouts *rollouts;
    leati_desk *desks; /* (slots): of the workers, of the threads for long answers, of the shadow */
    leati_gathered *gathered; /* (workers) */
    uint32_t worker_count, slots;
    leati_served_plan plan;      /* of the versions */
    leati_response_cache *cache; /* NULL: none */
    size_t max_body, max_model, max_stored;
    uint32_t max_versions;
    leati_http_budget uploads, bodies; /* of models; of other requests */
    bool managed;                      /* requests may load and unload */
    atomic_bool ready;
    char url[160];
    leati_started *started;
    size_t started_count;

    pthread_t steward;
    bool steward_runs, lock_made;
    pthread_mutex_t lock; /* of the jobs */
    pthread_cond_t wake;
    pthread_cond_t moved;
    leati_waiting_job *first, **last;
    size_t jobs;
    bool stop;
    leati_follow *follow;
    leat_serve_say_fn say; /* may be NULL */
    void *say_user;
    leati_guard guard;
    leati_sandbox *sandbox;  /* NULL: none */
    leat_registry *registry; /* open for the sandbox's sake; NULL: none */
    leati_agent *agent;      /* NULL: none was asked for */
    leati_observer observer;
    atomic_bool listening; /* `http` is there */
};

/* dispatch.c: the routes of the HTTP server (user: the leati_serve). */
extern const leati_http_routes leati_serve_routes;
/* What the threads for long answers do with what they took. */
void leati_serve_answer_long(void *user, leati_http_exchange *const *exchanges, size_t count,
                             uint32_t thread);
void leati_serve_refuse_long(void *user, leati_http_exchange *exchange);

/* steward.c */
leat_status leati_steward_start(leati_serve *s);
void leati_steward_stop(leati_serve *s);
/* Has the steward make a move and waits for it (leati_follow_options.move; user: the leati_serve).
 */
bool leati_steward_move(void *user, const leati_move *move, char *why);
/* Has it load a version, some time later, from a folder that is served or else from `path`; what
 * fails is said (leati_pool_options.load; user: the leati_serve). */
void leati_steward_load(void *user, const char *model, uint32_t version, const char *path);

#endif
