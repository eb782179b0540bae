/* The table of routes and what their handlers get. A route is a row of routes.def and a function
 * leati_route_<handler> in the file of its protocol. */
#ifndef LEATI_SERVE_ROUTE_H
#define LEATI_SERVE_ROUTE_H

#include "serve/http.h"
#include "serve/reply.h"
#include "serve/repository.h"
#include "serve/tensor_in.h"
#include "serve/watch.h"

typedef struct leati_serve leati_serve;

/* What belongs to one thread that answers and lasts. */
typedef struct leati_desk {
    leat_context *context;    /* for what allocates: tables, images */
    leati_tensor_room room;   /* for the values of a request */
    char *body;               /* a short body with zeros behind it */
    struct leati_call *calls; /* (LEATI_JOIN_MOST) that are answered together */
} leati_desk;

struct leati_join;

typedef enum leati_scope {
    LEATI_OPEN,
    LEATI_ANY,
    LEATI_INFER,
    LEATI_MONITOR,
    LEATI_MANAGE
} leati_scope;

/* Which part of a rollout a request belongs to. */
typedef enum leati_arm {
    LEATI_ARM_NONE, /* a version was named, or none is rolled out */
    LEATI_ARM_STABLE,
    LEATI_ARM_CANDIDATE,
    LEATI_ARM_SHADOW /* a mirrored request, which nobody asked */
} leati_arm;
const char *leati_arm_name(leati_arm arm); /* "", "stable", "canary", "shadow" */

typedef struct leati_call leati_call;

/* Writes the answer of a request whose rows were predicted (call->answers); false: the fault. */
typedef bool (*leati_write_fn)(leati_call *call, const void *state);
enum { LEATI_CALL_STATE = 192 };

struct leati_call {
    leati_serve *serve;
    uint32_t slot; /* of the thread that answers: a worker, or one for long answers */
    bool waited;   /* in the queue of long answers */
    bool gathered; /* with others that came to its loop */
    bool peeks;    /* only whether an answer is kept: where none is, LEATI_SPLIT */
    leati_desk *desk;
    leati_http_exchange *exchange;
    const leati_http_request *request;
    const struct leati_route *route;
    const leati_shelf *shelf;            /* pinned while the handler runs */
    leati_http_text model_name, version; /* of the path; NULL data where there is none */
    leati_arm arm;
    uint32_t arm_version;    /* that the arm stands for */
    struct leati_lane *lane; /* where the request is counted; NULL: nowhere */
    void *mirrored;          /* of the shadow's */
    struct leati_join *join; /* NULL: the rows are not joined with those of others */

    /* From leati_call_begin on. */
    leati_served *served;
    leati_ask *ask;
    size_t first, rows;    /* where its rows stand among those of the ask */
    bool probabilities;    /* are wanted */
    int not_finite;        /* status where an answer is not; 0: it may be told */
    uint64_t start, asked; /* when it was begun; when its answers were there */
    uint64_t explained_ns; /* of that, what explanations took */
    leati_answers answers;
    leati_write_fn write;
    size_t fields; /* bytes of header lines before the answer was written */
    bool recalled; /* the answer was kept and is written */
    bool counted;  /* and that was counted: nobody needs its rows, or they were read */
    bool example;  /* asked to show the model: no traffic that drift should know of */

    leati_fault fault; /* what lies before it is zero at first, `state` is not */
    _Alignas(16) unsigned char state[LEATI_CALL_STATE];
};

/* Returns the status of the answer it wrote; 0: the fault is the answer; LEATI_LATER: another
 * thread ends or will answer the exchange; LEATI_JOINED: its rows wait for their run. */
typedef int (*leati_handler)(leati_call *call);
enum {
    LEATI_LATER = -1,
    LEATI_LONG = -2, /* nothing was written: to be called again on a thread for long answers (only
                        where the call has not `waited`) */
    LEATI_JOINED = -3
};

typedef enum leati_body {
    LEATI_BODY_NONE,
    LEATI_BODY_SMALL,
    LEATI_BODY_ROWS,
    LEATI_BODY_MODEL
} leati_body;

typedef struct leati_route {
    leati_http_method method;
    const char *path;
    leati_handler handle;
    leati_body body;
    leati_scope scope;
    const char *summary;
    const char *name; /* of the handler */
} leati_route;

extern const leati_route leati_routes[];
extern const size_t leati_route_count;

#define ROUTE(method, path, handler, body, scope, summary)                                         \
    int leati_route_##handler(leati_call *call);
#include "serve/routes.def"
#undef ROUTE

/* The route of a request, with the parts of its path in `call`. NULL: *allowed says by bits
 * (1 << method) what the path takes; 0: there is no such path. */
const leati_route *leati_route_find(leati_http_method method, const char *path, size_t length,
                                    leati_call *call, unsigned *allowed);
const char *leati_method_name(leati_http_method method);

/* What the path names, chosen once for a call; the fault 404 where it is not loaded. */
leati_served *leati_call_served(leati_call *call);
/* The version that the path names: 0 where it names none; false: what it names is no version. */
bool leati_call_version(const leati_call *call, uint32_t *version);

enum { LEATI_SHORT_BODY = 65536 };
/* The body with LEATI_JSON_PAD zeros behind it where it is short; *padded says whether. */
const char *leati_call_body(leati_call *call, bool *padded);

/* call.c. A handler that predicts:
 *
 *     leati_ask *a = leati_call_begin(call, served, probabilities);
 *     if (!a || !read_rows(a)) return leati_call_refuse(call);
 *     return leati_call_run(call, write, &state, sizeof state);
 *
 * so that its rows may be joined with those of other requests between reading and writing. What is
 * in `state` points into the request at most, not into the desk. */
leati_ask *leati_call_begin(leati_call *call, leati_served *served, bool probabilities);
/* The same of answers that are no rows: true: a kept answer was written, 200. call->served is set;
 * then keep, once the answer is written. */
bool leati_call_recall(leati_call *call);
void leati_call_keep(leati_call *call);
/* Probabilities are wanted after all. */
void leati_call_want(leati_call *call);
int leati_call_refuse(leati_call *call);
/* Its rows cannot share a run with those of others after all. */
int leati_call_split(leati_call *call);
int leati_call_run(leati_call *call, leati_write_fn write, const void *state, size_t size);
/* The rows have their answers, or (ok is false) the fault was recorded: writes and counts. */
int leati_call_write(leati_call *call, bool ok);
/* Ends the exchange with what a handler returned. */
void leati_call_finish(leati_call *call, int status);

/* How long it waited for a thread or for others, ns; from call->start on. */
uint64_t leati_call_queued(const leati_call *call);
/* From the begin to the answers but for the runs; those of rows that came early lie before it. */
uint64_t leati_call_input_ns(const leati_call *call);

/* Counts a request whose model is known: call->served, start, asked, answers where `ok`. */
void leati_call_count(leati_call *call, bool ok);

/* What serve.c knows. */
struct leati_metrics_source;
void leati_serve_source(leati_serve *serve, struct leati_metrics_source *out);
size_t leati_serve_body_limit(const leati_serve *serve);
size_t leati_serve_model_limit(const leati_serve *serve);
size_t leati_serve_stored_limit(const leati_serve *serve);
uint32_t leati_serve_version_limit(const leati_serve *serve);
bool leati_serve_ready(const leati_serve *serve);
leati_repository *leati_serve_repository(leati_serve *serve);
struct leati_rollouts *leati_serve_rollouts(leati_serve *serve);
leat_context *leati_serve_steward_context(leati_serve *serve); /* the steward's alone */
/* Whether a browser that sends this request shows a page of this server; others may send what they
 * like. False: the fault says why. */
bool leati_serve_own_page(leati_call *call);
/* Whether the answer to a request that is about no model in particular may tell of that model, by
 * the key's list of models; NULL: of whatever there may be. */
bool leati_serve_shows(const leati_call *call, const char *model);
/* Whether a request may change what is served: from this machine, or by a key. */
bool leati_serve_may_manage(leati_call *call);
/* A change of what is served, by the steward: the one thread that makes such changes. Returns the
 * status of the answer it wrote; 0: the fault is the answer. */
typedef struct leati_job {
    leati_serve *serve;
    leati_repository *repository;
    leati_http_exchange *exchange;
    char name[132];
    uint32_t version; /* 0: none was named */
    size_t fields;    /* bytes of header lines that every answer has */
    leati_fault fault;
} leati_job;
typedef int (*leati_job_run)(leati_job *job);
/* Hands it on; the name and version are those of the path. */
int leati_serve_change(leati_call *call, leati_job_run run);
/* Hands a request to the threads for long answers, which begin it anew; ends it with 503 where too
 * many wait there. What was decided goes with it (leati_exchange_carry). */
enum {
    LEATI_CARRIED_LOOKED = 1,  /* its answer was not among those that are kept */
    LEATI_CARRIED_COUNTED = 2, /* by the lane of its model */
    LEATI_CARRIED_ARM = 2,     /* place of two bits: the leati_arm */
    LEATI_CARRIED_VERSION = 8  /* place of the version that it stands for */
};
void leati_serve_hand(leati_call *call);

#endif
