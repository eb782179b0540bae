/* Owns: prediction of networks from plans that are kept, and the pool of such sessions. */
#include "nn/network_session.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "graph/plan.h"
#include "nn/demand.h"
#include "tensor/shape.h"

enum {
    BATCH = 256,
    PLANS = 9,                /* numbers of rows that are kept: 1, 2, 4 ... 256 */
    KEPT_BYTES = 64 * 1 << 20 /* workspaces above this are freed after use */
};

typedef struct batch {
    size_t rows;
    leati_plan *plan; /* NULL: free */
    float *in;        /* (rows, inputs) */
    uint64_t used;
} batch;

struct leati_network_session {
    leati_resting rest;
    leati_class_outputs says;
    leat_graph *graph;
    leati_network *network;
    size_t inputs, outputs;
    batch batches[PLANS];
    uint64_t runs;
};

leat_status leati_network_session_create(leat_context *c, leati_network *n,
                                         const leati_session_of *of, leati_network_session **out)
{
    leat_status st;
    *out = NULL;
    leati_network_session *s = LEATI_NEW(c, leati_network_session, 1);
    if (!s) {
        leati_network_destroy(n);
        return LEAT_NOMEM;
    }
    s->network = n;
    leati_resting_init(&s->rest, c, of->half);
    s->says = of->says;
    s->inputs = leati_shape_count(&n->input);
    s->outputs = leati_shape_count(&n->output);
    LEATI_GO(leat_graph_create(c, "cpu", &s->graph));
    leati_graph_share(s->graph, of->shelf);
    if (of->half) LEATI_GO(leat_graph_set_precision(s->graph, LEAT_DTYPE_BF16));
    LEATI_GO(leati_network_attach(n, s->graph, of->weights, of->states));
    *out = s;
out:
    if (st != LEAT_OK) leati_network_session_destroy(s);
    return st;
}

static void forget(batch *b)
{
    leati_plan_destroy(b->plan);
    leati_free(b->in);
    *b = (batch){0};
}

void leati_network_session_destroy(leati_network_session *s)
{
    if (!s) return;
    for (size_t i = 0; i < PLANS; i++) forget(&s->batches[i]);
    leati_network_destroy(s->network);
    leat_graph_destroy(s->graph);
    leati_free(s);
}

/* ---- plans ----------------------------------------------------------------------------------- */

static leat_status compile(leat_context *c, leati_network_session *s, batch *b, size_t rows)
{
    leat_shape shape = {.rank = s->network->input.rank + 1, .dim = {(int64_t)rows}};
    for (int i = 1; i < shape.rank; i++) shape.dim[i] = s->network->input.dim[i - 1];
    b->rows = rows;
    b->in = leati_array(c, rows, s->inputs * sizeof *b->in);
    if (!b->in) return leat_error_status(c);
    leati_builder builder = {.graph = s->graph, .bare = true}; /* rows are checked before */
    leat_tensor *x = leat_input(s->graph, LEAT_DTYPE_F32, shape, b->in);
    leat_tensor *y = leati_network_build(s->network, &builder, x);
    y = leat_reshape(y, LEAT_DIMS((int64_t)rows, (int64_t)s->outputs));
    leat_status st = leati_plan_prepare(s->graph, 1, &y, &b->plan);
    leati_free(builder.updates);
    leat_graph_clear(s->graph);
    return st;
}

/* The plan for so many rows: kept, or else in the place of the one unused for longest. */
static leat_status batch_of(leat_context *c, leati_network_session *s, size_t rows, batch **out)
{
    batch *oldest = &s->batches[0];
    s->runs++;
    for (size_t i = 0; i < PLANS; i++) {
        batch *b = &s->batches[i];
        if (b->plan && b->rows == rows) {
            b->used = s->runs;
            *out = b;
            return LEAT_OK;
        }
        if (b->used < oldest->used) oldest = b;
    }
    forget(oldest);
    leat_status st = compile(c, s, oldest, rows);
    if (st != LEAT_OK) {
        forget(oldest);
        return st;
    }
    oldest->used = s->runs;
    *out = oldest;
    return LEAT_OK;
}

/* ---- running --------------------------------------------------------------------------------- */

static void gather(const leati_matrix *x, size_t at, size_t rows, float *in)
{
    for (size_t i = 0; i < rows; i++, in += x->cols) {
        if (x->f32) memcpy(in, x->f32 + (at + i) * x->stride, x->cols * sizeof *in);
        else
            for (size_t j = 0; j < x->cols; j++) in[j] = (float)x->f64[(at + i) * x->stride + j];
    }
}

/* `sure`: NaN instead of a class that nothing speaks for. */
static double first_largest(const float *z, size_t n, bool sure)
{
    size_t best = 0;
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        any = any || isnan(z[i]);
        if (z[i] > z[best]) best = i;
    }
    return sure && (any || !isfinite(z[best])) ? (double)NAN : (double)best;
}

static void answer_rows(const leati_network_session *s, const float *z, size_t rows, bool sure,
                        leati_answer answer, double *out)
{
    size_t n = s->outputs;
    for (size_t i = 0; i < rows; i++, z += n) {
        if (answer == LEATI_ANSWER_CLASS) out[i] = first_largest(z, n, sure);
        else if (answer == LEATI_ANSWER_PROBABILITIES)
            leati_class_probabilities(s->says, z, n, out + i * n);
        else
            for (size_t k = 0; k < n; k++) out[i * n + k] = (double)z[k];
    }
}

/* One or two kinds of answers from one pass. */
typedef struct asked {
    leati_answer answer;
    double *out;
} asked;

static leat_status run_batches(leat_context *c, leati_network_session *s, const leati_matrix *x,
                               const asked *all, size_t count)
{
    LEATI_CHECK(c, s->inputs == x->cols, LEAT_SHAPE, "the network takes %zu inputs, got %zu",
                s->inputs, x->cols);
    bool sure = !leati_context_made_up(c);
    if (sure) LEATI_TRY(leati_demand_check(c, s->network, x, NULL));
    for (size_t at = 0; at < x->rows; at += BATCH) {
        size_t rows = x->rows - at < BATCH ? x->rows - at : BATCH;
        batch *b;
        LEATI_TRY(batch_of(c, s, rows, &b));
        gather(x, at, rows, b->in);
        LEATI_TRY(leati_plan_run(c, b->plan));
        for (size_t i = 0; i < count; i++) {
            size_t width = all[i].answer == LEATI_ANSWER_CLASS ? 1 : s->outputs;
            answer_rows(s, b->plan->roots[0].data, rows, sure, all[i].answer,
                        all[i].out + at * width);
        }
    }
    for (size_t i = 0; i < PLANS; i++)
        if (s->batches[i].plan && s->batches[i].plan->workspace->bytes > KEPT_BYTES)
            forget(&s->batches[i]);
    return LEAT_OK;
}

leat_status leati_network_session_run(leat_context *c, leati_network_session *s,
                                      const leati_matrix *x, leati_answer answer, double *out)
{
    return run_batches(c, s, x, &(asked){answer, out}, 1);
}

leat_status leati_network_session_classify(leat_context *c, leati_network_session *s,
                                           const leati_matrix *x, double *value, double *proba)
{
    const asked both[] = {{LEATI_ANSWER_CLASS, value}, {LEATI_ANSWER_PROBABILITIES, proba}};
    return run_batches(c, s, x, both, 2);
}

/* ---- the pool -------------------------------------------------------------------------------- */

static void end(void *session)
{
    leati_network_session_destroy(session);
}

leati_resting_pool *leati_session_pool_create(leat_context *c)
{
    return leati_resting_pool_create(c, end);
}

leati_network_session *leati_session_pool_take(leati_resting_pool *p, leat_context *c, bool half)
{
    leati_network_session *s = leati_resting_pool_take(p, c, half);
    if (!s) return NULL;
    leati_graph_adopt(s->graph, c);
    s->network->context = s->network->arena.context = c;
    return s;
}
