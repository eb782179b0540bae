/* Owns: counting runs by their rows. Not: when runs are counted (route.c), how they are told
 * (oip_stats.c). */
#include "serve/batch_tally.h"

size_t leati_batch_bin(uint64_t rows)
{
    if (rows <= LEATI_BATCH_EXACT) return (size_t)rows;
    size_t log = 64 - (size_t)__builtin_clzll(rows - 1); /* the least power that holds them */
    if (log > LEATI_BATCH_LOG_MOST) log = LEATI_BATCH_LOG_MOST;
    return LEATI_BATCH_EXACT + log - 6;
}

uint64_t leati_batch_size(size_t bin)
{
    return bin <= LEATI_BATCH_EXACT ? bin : UINT64_C(1) << (bin - LEATI_BATCH_EXACT + 6);
}

static void add(atomic_uint_least64_t *n, uint64_t more)
{
    uint64_t old = atomic_load_explicit(n, memory_order_relaxed);
    atomic_store_explicit(n, old + more, memory_order_relaxed);
}

static void count(leati_batch_tally *b, uint64_t runs, uint64_t input_ns, uint64_t infer_ns,
                  uint64_t output_ns)
{
    add(&b->runs, runs);
    add(&b->input_ns, input_ns);
    add(&b->infer_ns, infer_ns);
    add(&b->output_ns, output_ns);
}

void leati_batch_count(leati_batch_tally *bins, const leati_batch_runs *r)
{
    uint64_t full = r->runs > 1 ? (r->runs - 1) * r->room : 0;
    if (!r->runs) {
        if (r->rows) add(&bins[leati_batch_bin(r->rows)].output_ns, r->output_ns);
        return;
    }
    if (full == 0 || full >= r->rows) {
        uint64_t each = r->rows / r->runs;
        count(&bins[leati_batch_bin(each)], r->runs, r->input_ns, r->infer_ns, r->output_ns);
        return;
    }
    double part = (double)full / (double)r->rows;
    uint64_t input = (uint64_t)((double)r->input_ns * part);
    uint64_t infer = (uint64_t)((double)r->infer_ns * part);
    uint64_t output = (uint64_t)((double)r->output_ns * part);
    count(&bins[leati_batch_bin(r->room)], r->runs - 1, input, infer, output);
    count(&bins[leati_batch_bin(r->rows - full)], 1, r->input_ns - input, r->infer_ns - infer,
          r->output_ns - output);
}
