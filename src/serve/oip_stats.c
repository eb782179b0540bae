/* Owns: statistics of served versions in Triton's form: sums over the threads that answer, which
 * count without locks. Time in the queue is that of requests handed on for taking long or gathered
 * to share a run, from when they were complete; all others are answered where they are read. */
#include <string.h>

#include "serve/route.h"

typedef struct sums {
    uint64_t requests, rows, failed, runs, total_ns, failed_ns, queue_ns, input_ns, infer_ns,
        output_ns;
    uint64_t last_ms, hits, hit_ns, misses;
} sums;

static uint64_t get(const atomic_uint_least64_t *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

static sums sum(const leati_served *s)
{
    sums all = {0};
    for (uint32_t w = 0; w < s->slots; w++) {
        const leati_tally *t = &s->tally[w];
        uint64_t last = get(&t->last_ms);
        all.requests += get(&t->requests);
        all.rows += get(&t->rows);
        all.failed += get(&t->failed);
        all.runs += get(&t->runs);
        all.hits += get(&t->hits);
        all.hit_ns += get(&t->hit_ns);
        all.misses += get(&t->misses);
        all.total_ns += get(&t->total_ns);
        all.failed_ns += get(&t->failed_ns);
        all.queue_ns += get(&t->queue_ns);
        all.input_ns += get(&t->input_ns);
        all.infer_ns += get(&t->infer_ns);
        all.output_ns += get(&t->output_ns);
        if (last > all.last_ms) all.last_ms = last;
    }
    return all;
}

static void duration(leati_reply *r, const char *name, uint64_t count, uint64_t ns)
{
    leati_reply_string(r, name);
    LEATI_REPLY(r, ":{\"count\":");
    leati_reply_unsigned(r, count);
    LEATI_REPLY(r, ",\"ns\":");
    leati_reply_unsigned(r, ns);
    LEATI_REPLY(r, "}");
}

static void member(leati_reply *r, const char *name, uint64_t value)
{
    LEATI_REPLY(r, ",");
    leati_reply_string(r, name);
    LEATI_REPLY(r, ":");
    leati_reply_unsigned(r, value);
}

/* Those that ran at all, smallest first. */
static void write_batches(leati_reply *r, const leati_served *s)
{
    bool written = false;
    for (size_t bin = 0; bin < LEATI_BATCH_BINS; bin++) {
        uint64_t runs = 0, input_ns = 0, infer_ns = 0, output_ns = 0;
        for (uint32_t w = 0; w < s->slots; w++) {
            const leati_batch_tally *b = &s->tally[w].batch[bin];
            runs += get(&b->runs);
            input_ns += get(&b->input_ns);
            infer_ns += get(&b->infer_ns);
            output_ns += get(&b->output_ns);
        }
        if (!runs) continue;
        if (written) LEATI_REPLY(r, ",");
        LEATI_REPLY(r, "{\"batch_size\":");
        leati_reply_unsigned(r, leati_batch_size(bin));
        LEATI_REPLY(r, ",");
        duration(r, "compute_input", runs, input_ns);
        LEATI_REPLY(r, ",");
        duration(r, "compute_infer", runs, infer_ns);
        LEATI_REPLY(r, ",");
        duration(r, "compute_output", runs, output_ns);
        LEATI_REPLY(r, "}");
        written = true;
    }
}

static void write_stats(leati_reply *r, const leati_served *s)
{
    const sums n = sum(s);
    LEATI_REPLY(r, "{\"name\":");
    leati_reply_string(r, s->name);
    LEATI_REPLY(r, ",\"version\":");
    leati_reply_string(r, s->version_text);
    member(r, "last_inference", n.last_ms);
    member(r, "inference_count", n.rows);
    member(r, "execution_count", n.runs);
    LEATI_REPLY(r, ",\"inference_stats\":{");
    duration(r, "success", n.requests, n.total_ns);
    LEATI_REPLY(r, ",");
    duration(r, "fail", n.failed, n.failed_ns);
    LEATI_REPLY(r, ",");
    duration(r, "queue", n.requests, n.queue_ns);
    LEATI_REPLY(r, ",");
    duration(r, "compute_input", n.requests, n.input_ns);
    LEATI_REPLY(r, ",");
    duration(r, "compute_infer", n.requests, n.infer_ns);
    LEATI_REPLY(r, ",");
    duration(r, "compute_output", n.requests, n.output_ns);
    LEATI_REPLY(r, ",");
    duration(r, "cache_hit", n.hits, n.hit_ns);
    LEATI_REPLY(r, ",");
    duration(r, "cache_miss", n.misses, 0);
    LEATI_REPLY(r, "},\"batch_stats\":[");
    write_batches(r, s);
    LEATI_REPLY(r, "]}");
}

int leati_route_oip_stats(leati_call *call)
{
    leati_reply r;
    leati_served *one = call->model_name.data ? leati_call_served(call) : NULL;
    if (call->fault.http) return 0;
    leati_reply_init(&r, call->exchange);
    LEATI_REPLY(&r, "{\"model_stats\":[");
    bool written = false;
    for (size_t i = 0; i < call->shelf->count; i++) {
        const leati_served *s = call->shelf->served[i];
        if (one && (call->version.data ? s != one : strcmp(s->name, one->name) != 0)) continue;
        if (!one && !leati_serve_shows(call, s->name)) continue;
        if (written) LEATI_REPLY(&r, ",");
        write_stats(&r, s);
        written = true;
    }
    LEATI_REPLY(&r, "]}\n");
    leati_reply_end(&r);
    leati_exchange_header(call->exchange, "Content-Type", "application/json");
    return 200;
}
