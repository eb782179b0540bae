/* Owns: prediction of networks from plans that are kept, and the pool of such sessions. */
#include "nn/network_session.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/cpu.h"
#include "base/error.h"
#include "base/mem.h"
#include "graph/plan.h"
#include "tensor/shape.h"

enum {
    BATCH = 256,
    PLANS = 9,                /* numbers of rows that are kept: 1, 2, 4 ... 256 */
    RESTING = 16,             /* sessions */
    KEPT_BYTES = 64 * 1 << 20 /* workspaces above this are freed after use */
};

typedef struct batch {
    size_t rows;
    leati_plan *plan; /* NULL: free */
    float *in;        /* (rows, inputs) */
    uint64_t used;
} batch;

struct leati_network_session {
    leati_network_session *next; /* in the pool */
    const leat_context *owner;   /* that used it last, to be compared alone; NULL: none did */
    unsigned threads;
    leati_cpu_level cpu;
    bool half;
    leati_class_outputs says;
    leat_graph *graph;
    leati_network *network;
    size_t inputs, outputs;
    batch batches[PLANS];
    uint64_t runs;
};

leat_status leati_network_session_create(leat_context *c, leati_network *n, const float *weights,
                                         const float *states, bool half, leati_class_outputs says,
                                         leati_network_session **out)
{
    leat_status st;
    *out = NULL;
    leati_network_session *s = LEATI_NEW(c, leati_network_session, 1);
    if (!s) {
        leati_network_destroy(n);
        return LEAT_NOMEM;
    }
    s->network = n;
    s->owner = c;
    s->threads = leat_context_threads(c);
    s->cpu = leati_context_cpu_level(c);
    s->half = half;
    s->says = says;
    s->inputs = leati_shape_count(&n->input);
    s->outputs = leati_shape_count(&n->output);
    LEATI_GO(leat_graph_create(c, "cpu", &s->graph));
    if (half) LEATI_GO(leat_graph_set_precision(s->graph, LEAT_DTYPE_BF16));
    LEATI_GO(leati_network_attach(n, s->graph, weights, states));
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
    leati_builder builder = {.graph = s->graph};
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

static double first_largest(const float *z, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (z[i] > z[best]) best = i;
    return (double)best;
}

static void answer_rows(const leati_network_session *s, const float *z, size_t rows,
                        leati_answer answer, double *out)
{
    size_t n = s->outputs;
    for (size_t i = 0; i < rows; i++, z += n) {
        if (answer == LEATI_ANSWER_CLASS) out[i] = first_largest(z, n);
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
    for (size_t at = 0; at < x->rows; at += BATCH) {
        size_t rows = x->rows - at < BATCH ? x->rows - at : BATCH;
        batch *b;
        LEATI_TRY(batch_of(c, s, rows, &b));
        gather(x, at, rows, b->in);
        LEATI_TRY(leati_plan_run(c, b->plan));
        for (size_t i = 0; i < count; i++) {
            size_t width = all[i].answer == LEATI_ANSWER_CLASS ? 1 : s->outputs;
            answer_rows(s, b->plan->roots[0].data, rows, all[i].answer, all[i].out + at * width);
        }
    }
    for (size_t i = 0; i < PLANS; i++)
        if (s->batches[i].plan && s->batches[i].plan->workspace_bytes > KEPT_BYTES)
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

struct leati_session_pool {
    pthread_mutex_t lock;
    leati_network_session *resting;
    size_t count, most;
};

leati_session_pool *leati_session_pool_create(leat_context *c)
{
    leati_session_pool *p = LEATI_NEW(c, leati_session_pool, 1);
    if (!p) return NULL;
    p->most = RESTING;
    if (pthread_mutex_init(&p->lock, NULL) == 0) return p;
    leati_free(p);
    (void)LEATI_FAIL(c, LEAT_NOMEM, "no room for a lock");
    return NULL;
}

void leati_session_pool_destroy(leati_session_pool *p)
{
    if (!p) return;
    while (p->resting) {
        leati_network_session *s = p->resting;
        p->resting = s->next;
        leati_network_session_destroy(s);
    }
    pthread_mutex_destroy(&p->lock);
    leati_free(p);
}

static void adopt(leati_network_session *s, leat_context *c)
{
    s->owner = c;
    leati_graph_adopt(s->graph, c);
    s->network->context = s->network->arena.context = c;
}

static bool fits(const leati_network_session *s, const leat_context *c, bool half)
{
    return s->threads == leat_context_threads(c) && s->cpu == leati_context_cpu_level(c) &&
           s->half == half;
}

void leati_session_pool_widen(leati_session_pool *p, size_t count)
{
    pthread_mutex_lock(&p->lock);
    if (count > p->most) p->most = count;
    pthread_mutex_unlock(&p->lock);
}

/* The context's own, else one that was nobody's, else anybody's. */
static leati_network_session **best_of(leati_session_pool *p, const leat_context *c, bool half)
{
    leati_network_session **best = NULL;
    for (leati_network_session **at = &p->resting; *at; at = &(*at)->next) {
        if (!fits(*at, c, half)) continue;
        if ((*at)->owner == c) return at;
        if (!best || ((*best)->owner && !(*at)->owner)) best = at;
    }
    return best;
}

leati_network_session *leati_session_pool_take(leati_session_pool *p, leat_context *c, bool half)
{
    leati_network_session *s = NULL;
    pthread_mutex_lock(&p->lock);
    leati_network_session **at = best_of(p, c, half);
    if (at) {
        s = *at;
        *at = s->next;
        p->count--;
    }
    pthread_mutex_unlock(&p->lock);
    if (s) adopt(s, c);
    return s;
}

void leati_session_pool_give(leati_session_pool *p, leati_network_session *s, bool own)
{
    if (!own) s->owner = NULL;
    pthread_mutex_lock(&p->lock);
    bool room = p->count < p->most;
    if (room) {
        s->next = p->resting;
        p->resting = s;
        p->count++;
    }
    pthread_mutex_unlock(&p->lock);
    if (!room) leati_network_session_destroy(s);
}
