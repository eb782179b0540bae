/* Asking running servers: predictions of tables and plain requests, over one server or a list of
 * them among which the client balances by itself.
 *
 *     const char *servers[] = {"http://10.0.0.1:8080", "http://10.0.0.2:8080"};
 *     leat_client *client;
 *     leat_frame *answers;
 *     if (leat_client_create(c, &client, servers, 2, NULL) == LEAT_OK &&
 *         leat_client_predict(c, client, "iris", rows, NULL, &answers) == LEAT_OK)
 *         use(answers);
 *     leat_client_destroy(client);
 *
 * A client keeps connections open and may be used by any number of threads at once, each with a
 * context of its own. */
#ifndef LEAT_CALL_H
#define LEAT_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_client leat_client;

typedef struct leat_client_options {
    uint32_t struct_size;   /* set by leat_client_options_default */
    const char *balance;    /* "power-of-two" (also for NULL: the less busy of two random servers),
                               "random", "round-robin", "least-connections" */
    const char *key;        /* sent as Authorization: Bearer ...; NULL: none */
    const char *ca;         /* PEM file of the authorities to trust for https; NULL: the system's */
    double timeout;         /* seconds until an answer, over all tries; 0: 30 */
    double try_timeout;     /* of one try; 0: a third of `timeout` */
    double connect_timeout; /* 0: 2 */
    uint32_t retries;       /* further tries; 0: 5 */
    bool once;              /* no further tries at all */
    uint32_t idle;          /* connections kept to each server; 0: 64 */
    uint64_t max_answer;    /* bytes; 0: 1 GiB */
} leat_client_options;

LEAT_API leat_client_options leat_client_options_default(void);

/* servers: "http://HOST:PORT", "https://HOST", "HOST:PORT", "unix:PATH", with a path that goes
 * before those of requests, if need be. Connects to none yet. Errors: INVALID, UNSUPPORTED. */
LEAT_API LEAT_CHECKED leat_status leat_client_create(leat_context *context, leat_client **out,
                                                     const char *const *servers, size_t count,
                                                     const leat_client_options *options);
/* No call may be under way. NULL is fine. */
LEAT_API void leat_client_destroy(leat_client *client);

typedef struct leat_client_request {
    const char *method;         /* NULL: GET, or POST where there is a body */
    const char *path;           /* "/api/v1/iris?petal_width=0.2", as it is sent */
    const char *type;           /* of the body; NULL: "application/json" */
    const char *const *headers; /* further ones, "X-Request-Id: 17" each */
    size_t header_count;
    const void *body;
    size_t length;
    bool changes; /* it must not reach a server twice: it is sent again only where no server can
                     have acted on it. Predictions change nothing */
} leat_client_request;

typedef struct leat_client_reply {
    int status;
    char *body; /* followed by a zero byte; "" where there is none */
    size_t length;
    const char *server; /* who answered; belongs to the client */
    uint32_t tries;     /* requests that were sent, or could not be */
    double retry_after; /* seconds; -1: the server said nothing of the kind */
} leat_client_reply;

/* Any answer of a server is OK, whatever its status. A further try, with another server if there is
 * one, is made where nobody listens, after 503 and 429 with Retry-After, and, for requests that
 * change nothing, after other 503s, a lost connection and a try that took too long. Waits between
 * tries grow from 25 ms to 1 s. Errors: NETWORK (no server answered, and why; FORMAT: what came is
 * no HTTP), INVALID, NOMEM. */
LEAT_API LEAT_CHECKED leat_status leat_client_ask(leat_context *context, leat_client *client,
                                                  const leat_client_request *request,
                                                  leat_client_reply *reply);
LEAT_API void leat_client_reply_free(leat_client_reply *reply);

/* What happened so far, all servers together. */
typedef struct leat_client_counts {
    uint64_t requests;    /* calls of leat_client_ask, those of leat_client_predict included */
    uint64_t retries;     /* tries beyond the first of each */
    uint64_t connections; /* made */
} leat_client_counts;
LEAT_API leat_client_counts leat_client_count(leat_client *client);

typedef struct leat_call_options {
    uint32_t struct_size; /* set by leat_call_options_default */
    bool probabilities;   /* of each class, where the model has them */
    uint32_t parallel;    /* requests under way at once; 0: 1 */
    uint32_t rows;        /* of one request; 0: 1,000, fewer where rows are large */
} leat_call_options;

LEAT_API leat_call_options leat_call_options_default(void);

/* The answers of model "NAME" or "NAME:VERSION" for the rows of a table, in their order, as
 * leat_model_predict gives them: the column `prediction` and, if asked, `p_<class>`. Inputs are
 * found by name; other columns are not sent. Errors: those of leat_client_ask; NOT_FOUND (no such
 * model, or column), and what the server says of rows, tables or keys it refuses (INVALID, LIMIT,
 * with its message). */
LEAT_API LEAT_CHECKED leat_status leat_client_predict(leat_context *context, leat_client *client,
                                                      const char *model, const leat_frame *rows,
                                                      const leat_call_options *options,
                                                      leat_frame **out);
/* The same for one row of texts: "petal_width" = "0.2", read as the schema of the model says; an
 * empty text is a missing value. */
LEAT_API LEAT_CHECKED leat_status leat_client_predict_row(leat_context *context,
                                                          leat_client *client, const char *model,
                                                          const char *const *names,
                                                          const char *const *values, size_t count,
                                                          bool probabilities, leat_frame **out);
/* The same for one row as a body of its own: an image for a model of images ("image/png"). */
LEAT_API LEAT_CHECKED leat_status leat_client_predict_body(leat_context *context,
                                                           leat_client *client, const char *model,
                                                           const char *type, const void *body,
                                                           size_t length, bool probabilities,
                                                           leat_frame **out);
/* The path of a model below a server, as "/api/v1/iris/versions/2", for requests of one's own. */
LEAT_API LEAT_CHECKED leat_status leat_client_path(leat_context *context, const char *model,
                                                   char *out, size_t size);
/* The error for an answer that is none: what the server says, as a status and a message. DIFFERS:
 * what is there forbids it (409, 412). */
LEAT_API leat_status leat_client_refused(leat_context *context, const leat_client_reply *reply);

#ifdef __cplusplus
}
#endif

#endif
