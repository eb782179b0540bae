/* Owns: timelines: when each step of each run began and ended, what it read, wrote and computed, in
 * the Trace Event Format that Perfetto and chrome://tracing open ("X" events, microseconds). */
#include "graph/trace.h"

#include <string.h>

#include <leat/json.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/progress.h"
#include "tensor/shape.h"

enum { MOST_EVENTS = 1 << 20 };

typedef struct event {
    const char *name;  /* of the operation, static; NULL: a whole run */
    const char *scope; /* in `texts` */
    uint64_t begin, end;
    double bytes, flops;
    leat_shape shape; /* of output 0 */
    leat_dtype dtype;
} event;

struct leati_trace {
    event *events;
    size_t count, capacity, runs, lost;
    uint64_t start;
    leati_arena texts;
    const char *last_scope; /* of a step, and its copy */
    const char *last_copy;
};

leat_status leat_trace_start(leat_graph *g)
{
    leat_context *c = g->context;
    LEATI_CHECK(c, !g->trace, LEAT_INVALID, "a trace is being taken already");
    g->trace = LEATI_NEW(c, leati_trace, 1);
    if (!g->trace) return LEAT_NOMEM;
    leati_arena_init(&g->trace->texts, c);
    g->trace->start = leati_now_ns();
    return LEAT_OK;
}

void leati_trace_destroy(leati_trace *t)
{
    if (!t) return;
    leati_arena_fini(&t->texts);
    leati_free(t->events);
    leati_free(t);
}

/* Keys of a head; sums: (B, H, T). */
static double attention_keys(const leati_operand *k, const leati_operand *sums)
{
    double heads = sums->shape.rank == 3 ? (double)sums->shape.dim[1] : 0;
    return heads > 0 ? (double)(k->shape.dim[1] * k->shape.dim[2]) / heads : 0;
}

/* Products of queries with keys, of weights with values. */
static double attention_flops(const leati_step *s)
{
    double keys = attention_keys(&s->in[1], &s->out[1]);
    return 2 * keys * (double)(leati_operand_count(&s->in[0]) + leati_operand_count(&s->out[0]));
}

/* Queries with keys once more; the gradients of scores with keys and with queries; that of the
 * results with values, and with weights. */
static double attention_grad_flops(const leati_step *s)
{
    double keys = attention_keys(&s->in[2], &s->in[5]);
    double queries = (double)leati_operand_count(&s->in[1]);
    return 2 * keys * (3 * queries + 2 * (double)leati_operand_count(&s->in[0]));
}

/* Steps of optimisers, for a weight: as op_optimize.c writes them out. */
static double adam_flops(const leati_step *s)
{
    const leati_adam_attrs *a = s->attrs;
    double moments = 3 + 4, weight = 7;
    double decay = a->weight_decay > 0 && !a->decoupled ? 2 : 0;
    return moments + weight + decay + (s->ins == 7) + (a->limit > 0 ? 2 : 0);
}

static double sgd_flops(const leati_step *s)
{
    const leati_sgd_attrs *a = s->attrs;
    double velocity = a->momentum > 0 ? 3 + 2 * (a->nesterov != 0) : 0, weight = 2;
    double decay = a->weight_decay > 0 ? 2 : 0;
    return velocity + weight + decay + (s->ins == 6) + (a->limit > 0 ? 2 : 0);
}

/* Multiplications and additions of floating point, each one. Moves have none. */
double leati_step_flops(const leati_step *s)
{
    double outs = s->outs ? (double)leati_operand_count(&s->out[0]) : 0;
    double ins = s->ins ? (double)leati_operand_count(&s->in[0]) : 0;
    if (leati_op_info_of(s->op)->elementwise) return s->op == LEATI_OP_CAST ? 0 : outs;
    switch (s->op) {
    case LEATI_OP_FUSED: {
        const leati_fused_attrs *f = s->attrs;
        double codes = 0;
        for (uint16_t k = 0; k < f->codes; k++)
            codes += f->code[k].op != LEATI_OP_CAST && f->code[k].op != LEATI_OP_COPY;
        return codes * (double)leati_shape_count(&f->space);
    }
    case LEATI_OP_MATMUL: {
        const leati_matmul_attrs *t = s->attrs;
        const leat_shape *a = &s->in[0].shape;
        return 2 * outs * (double)a->dim[a->rank - (t->transpose_a ? 2 : 1)];
    }
    case LEATI_OP_CONV:
    case LEATI_OP_CONV_DATA:
    case LEATI_OP_CONV_WEIGHT: {
        /* every element of y meets a column of w */
        const leati_operand *y = s->op == LEATI_OP_CONV        ? &s->out[0]
                                 : s->op == LEATI_OP_CONV_DATA ? &s->in[0]
                                                               : &s->in[1];
        const leati_operand *w = s->op == LEATI_OP_CONV_WEIGHT ? &s->out[0] : &s->in[1];
        double filters = (double)w->shape.dim[0];
        double kept = ((const leati_conv_attrs *)s->attrs)->pool ? 4 : 1;
        return filters ? 2 * kept * (double)leati_operand_count(y) *
                             ((double)leati_operand_count(w) / filters)
                       : 0;
    }
    case LEATI_OP_CONV_DEPTH: {
        const leati_conv_depth_attrs *a = s->attrs;
        const leati_conv_attrs *b = &a->second;
        double filters = (double)s->in[1].shape.dim[0], images = (double)s->in[0].shape.dim[0];
        return 2 * outs * (double)(b->kernel[0] * b->kernel[1]) +
               2 * images * (double)(b->spatial[0] * b->spatial[1]) *
                   (filters ? (double)leati_operand_count(&s->in[1]) : 0);
    }
    case LEATI_OP_RECURRENT: /* (T, N, G H) by (G H, H) */
        return 2 * ins * (double)s->in[1].shape.dim[1];
    case LEATI_OP_RECURRENT_GRAD: /* (T, N, G H) by (G H, H), and by states (T, N, H) */
        return 4 * outs * (double)s->in[3].shape.dim[1];
    case LEATI_OP_ATTENTION: return attention_flops(s);
    case LEATI_OP_ATTENTION_GRAD: return attention_grad_flops(s);
    case LEATI_OP_ADAM: return ins * adam_flops(s);
    case LEATI_OP_SGD: return ins * sgd_flops(s);
    case LEATI_OP_REDUCE_SUM:
    case LEATI_OP_REDUCE_PROD:
    case LEATI_OP_CUMSUM:
    case LEATI_OP_CUMPROD: return ins;
    default: return 0;
    }
}

static const char *scope_copy(leati_trace *t, const char *scope)
{
    if (!scope) return NULL;
    if (scope != t->last_scope || strcmp(scope, t->last_copy) != 0) {
        t->last_copy = leati_arena_strdup(&t->texts, scope);
        t->last_scope = t->last_copy ? scope : NULL;
    }
    return t->last_copy;
}

static leat_status add_event(leat_graph *g, const event *e)
{
    leati_trace *t = g->trace;
    if (t->count == MOST_EVENTS) {
        t->lost++;
        return LEAT_OK;
    }
    LEATI_TRY(leati_grow(g->context, &t->events, &t->capacity, t->count + 1, sizeof *e));
    t->events[t->count++] = *e;
    return LEAT_OK;
}

leat_status leati_trace_run(leat_graph *g, const leati_step *steps, size_t count)
{
    leati_device *d = g->device;
    event all = {.begin = leati_now_ns()};
    for (size_t i = 0; i < count; i++) {
        const leati_step *s = &steps[i];
        event e = {.name = leati_op_info_of(s->op)->name, .begin = leati_now_ns()};
        LEATI_TRY(d->class->run(d, s, 1));
        LEATI_TRY(d->class->sync(d));
        e.end = leati_now_ns();
        e.scope = scope_copy(g->trace, s->scope);
        e.flops = leati_step_flops(s);
        for (size_t k = 0; k < (size_t)s->ins + s->outs; k++) {
            const leati_operand *o = k < s->ins ? &s->in[k] : &s->out[k - s->ins];
            e.bytes += (double)leati_operand_count(o) * (double)leat_dtype_size(o->dtype);
        }
        if (s->outs) {
            e.shape = s->out[0].shape;
            e.dtype = s->out[0].dtype;
        }
        all.bytes += e.bytes;
        all.flops += e.flops;
        LEATI_TRY(add_event(g, &e));
    }
    all.end = leati_now_ns();
    g->trace->runs++;
    return add_event(g, &all);
}

static void write_event(leat_json *j, const leati_trace *t, const event *e)
{
    double seconds = (double)(e->end - e->begin) * 1e-9;
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "name", e->name ? e->name : "run");
    leat_json_string(j, "ph", "X");
    leat_json_int(j, "pid", 1);
    leat_json_int(j, "tid", e->name ? 2 : 1);
    leat_json_number(j, "ts", (double)(e->begin - t->start) * 1e-3);
    leat_json_number(j, "dur", seconds * 1e6);
    leat_json_begin_object(j, "args");
    if (e->scope) leat_json_string(j, "scope", e->scope);
    if (e->name) {
        leat_json_string(j, "type", leat_dtype_name(e->dtype));
        leat_json_string(j, "shape", leati_shape_string(&e->shape).text);
    }
    leat_json_number(j, "bytes", e->bytes);
    leat_json_number(j, "flops", e->flops);
    if (seconds > 0) {
        leat_json_number(j, "GB/s", e->bytes / seconds * 1e-9);
        leat_json_number(j, "GFLOP/s", e->flops / seconds * 1e-9);
    }
    leat_json_end_object(j);
    leat_json_end_object(j);
}

static void write_name(leat_json *j, const char *what, int thread, const char *name)
{
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "name", what);
    leat_json_string(j, "ph", "M");
    leat_json_int(j, "pid", 1);
    leat_json_int(j, "tid", thread);
    leat_json_begin_object(j, "args");
    leat_json_string(j, "name", name);
    leat_json_end_object(j);
    leat_json_end_object(j);
}

leat_status leat_trace_write(leat_graph *g, const char *path)
{
    leat_context *c = g->context;
    leati_trace *t = g->trace;
    LEATI_CHECK(c, t, LEAT_INVALID, "no trace was started");
    leat_json *j = leat_json_create(c, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "displayTimeUnit", "ms");
    leat_json_begin_object(j, "otherData");
    leat_json_string(j, "device", g->device->class->name);
    leat_json_string(j, "cpu", leat_context_cpu(c));
    leat_json_int(j, "threads", leat_context_threads(c));
    leat_json_int(j, "runs", (int64_t)t->runs);
    leat_json_int(j, "events lost", (int64_t)t->lost);
    leat_json_end_object(j);
    leat_json_begin_array(j, "traceEvents");
    write_name(j, "process_name", 0, "leat");
    write_name(j, "thread_name", 1, "runs");
    write_name(j, "thread_name", 2, "steps");
    for (size_t i = 0; i < t->count; i++) write_event(j, t, &t->events[i]);
    leat_json_end_array(j);
    leat_json_end_object(j);
    const char *text = leat_json_text(j);
    leat_status st = text ? leati_file_write(c, path, text, strlen(text)) : leat_error_status(c);
    leat_json_destroy(j);
    LEATI_TRY(st); /* another path may do: the trace goes on */
    leati_trace_destroy(t);
    g->trace = NULL;
    return LEAT_OK;
}
