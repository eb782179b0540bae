/* Networks prepared to answer: recorded and compiled once for each number of rows, then only run.
 *
 * A session is used by one thread at a time; a pool keeps those that rest, so that threads which
 * ask one model at once get one each and nobody compiles twice. Weights are shared. */
#ifndef LEATI_NN_NETWORK_SESSION_H
#define LEATI_NN_NETWORK_SESSION_H

#include "base/resting.h"
#include "graph/shelf.h"
#include "learn/dataset.h"
#include "nn/class_outputs.h"
#include "nn/network.h"

typedef enum leati_answer {
    LEATI_ANSWER_VALUES,        /* (rows, outputs) as they come */
    LEATI_ANSWER_PROBABILITIES, /* (rows, outputs), in f64 */
    LEATI_ANSWER_CLASS          /* (rows) the number of the first largest */
} leati_answer;

typedef struct leati_network_session leati_network_session;

/* What sessions are made of. weights and states must outlive the session. half: products in bf16.
 * says: what probabilities are made of. shelf: for what sessions of these weights share; NULL: they
 * share the weights alone. */
typedef struct leati_session_of {
    const float *weights, *states;
    bool half;
    leati_class_outputs says;
    leati_shelf *shelf;
} leati_session_of;
/* Takes the network, which is not open yet, also on failure. */
leat_status leati_network_session_create(leat_context *c, leati_network *n,
                                         const leati_session_of *of, leati_network_session **out);
void leati_network_session_destroy(leati_network_session *s); /* NULL is fine */
/* Allocates nothing where a number of rows comes again (whole batches and the rest are two
 * numbers; the last nine are kept). */
leat_status leati_network_session_run(leat_context *c, leati_network_session *s,
                                      const leati_matrix *x, leati_answer answer, double *out);

/* The class and the probabilities in one pass. */
leat_status leati_network_session_classify(leat_context *c, leati_network_session *s,
                                           const leati_matrix *x, double *value, double *proba);

/* A pool of sessions; to be destroyed before their networks' weights. */
leati_resting_pool *leati_session_pool_create(leat_context *c);
/* A session of that precision that fits the context, see leati_resting_pool_take. */
leati_network_session *leati_session_pool_take(leati_resting_pool *p, leat_context *c, bool half);

#endif
