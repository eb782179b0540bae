/* Owns: attention as loops over the register tiles of products and the rows of softmax. A forward
 * task takes some queries of one head; a backward task a whole head, so that every sum has one
 * owner. */
#include "kernel/attention.h"

#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "kernel/kernels.h"
#include "kernel/net_kernels.h"
#include "kernel/panels.h"

enum { KEYS = 256 /* keys of a tile */, BANDS = 4 /* bands of register tiles in a tile */ };

typedef struct attention {
    const leati_attention *a;
    const leati_gemm_kernels_f32 *ker;
    const leati_kernels *level;
    const leati_net_kernels *net;
    const leati_bf16_kernels *half; /* NULL: products in f32 */
    const float *q, *k, *v, *g, *out_in, *log_sum_in;
    float *out, *log_sum, *dq, *dk, *dv;
    size_t rows, row_blocks; /* queries of a tile */
    float *scratch;
    size_t each;
} attention;

/* Elements of each piece of scratch; all are multiples of 16. */
typedef struct sizes {
    size_t keys, values, queries, score, pairs;
} sizes;

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static sizes sizes_of(const attention *x)
{
    size_t nr = x->ker->nr,
           widest = x->a->width > x->a->value_width ? x->a->width : x->a->value_width;
    sizes s = {.keys = round_up(KEYS, nr) * widest, .score = round_up(x->rows * KEYS, 16)};
    s.values = round_up(widest, nr) * KEYS;
    s.queries = round_up(x->rows * round_up(widest, nr), 16);
    /* the left operands in bf16: scores both ways, and queries */
    if (x->half)
        s.pairs = round_up((x->rows + 1) * (KEYS > widest + 1 ? KEYS : widest + 1) / 2, 16);
    return s;
}

static void init(leat_context *c, const leati_attention *a, attention *x)
{
    *x = (attention){.a = a, .level = leati_kernels_of(c), .net = leati_net_kernels_of(c)};
    x->ker = &x->level->f32;
    if (a->half) x->half = leati_bf16_kernels_of(c);
    x->rows = BANDS * x->ker->mr;
    /* Keys are packed for each block of queries: few blocks where there are heads enough. The order
     * of sums follows from the blocks, so they do not depend on the number of threads. */
    if (a->batch * a->heads >= 16) x->rows *= 3;
    if (x->rows > a->queries) x->rows = a->queries ? a->queries : 1;
    x->row_blocks = (a->queries + x->rows - 1) / x->rows;
    sizes s = sizes_of(x);
    /* forward: keys, values, scores, two numbers a row; backward: more of each */
    x->each = 3 * s.keys + 3 * s.values + 3 * s.queries + 2 * s.score + round_up(4 * x->rows, 16) +
              s.pairs;
}

size_t leati_attention_bytes(leat_context *c, const leati_attention *a)
{
    attention x;
    init(c, a, &x);
    return x.each * leat_context_threads(c) * sizeof(float);
}

/* The right operand as `product` reads it. */
static void pack(const attention *x, size_t n, size_t k, const float *b, size_t ldb, bool turned,
                 float *packed)
{
    if (x->half)
        leati_panels_bf16_pack(x->level, x->half, turned, n, k, b, ldb, (uint32_t *)(void *)packed);
    else x->ker->pack_b(n, k, b, ldb, turned, packed);
}

/* Rounded: alpha is 1 or beta 0. */
static void product_bf16(const attention *x, bool turned, size_t m, size_t n, size_t k,
                         const float *a, size_t lda, const float *packed, float alpha, float beta,
                         float *c, size_t ldc, uint32_t *pairs)
{
    leati_run run = {.k = (k + 1) / 2};
    for (size_t p = 0; p < k && turned; p += 2)
        x->half->zip(m, a + p * lda, p + 1 < k ? a + (p + 1) * lda : NULL, pairs + p / 2 * m);
    if (!turned) x->half->rows(m, k, a, lda, pairs, (k + 1) / 2);
    x->half->block(&(leati_bf16_block){.lines = 1,
                                       .rows = m,
                                       .n = n,
                                       .by_rows = !turned,
                                       .runs = &run,
                                       .run_count = 1,
                                       .a = pairs,
                                       .a_step = turned ? m : run.k,
                                       .b = (const uint32_t *)(const void *)packed,
                                       .b_panel = x->ker->nr * run.k,
                                       .c = c,
                                       .c_step = ldc,
                                       .add = beta != 0,
                                       .scale = alpha == 1 ? 0 : alpha});
}

/* C (m, n) = alpha A B + beta C; B packed for k terms. `turned`: A is stored (k, m). */
static void product(const attention *x, bool turned, size_t m, size_t n, size_t k, const float *a,
                    size_t lda, const float *packed, float alpha, float beta, float *c, size_t ldc,
                    float *pairs)
{
    if (x->half) {
        product_bf16(x, turned, m, n, k, a, lda, packed, alpha, beta, c, ldc,
                     (uint32_t *)(void *)pairs);
        return;
    }
    x->ker->block(&(leati_block_f32){.m = m,
                                     .n = n,
                                     .k = k,
                                     .left = turned ? LEATI_LEFT_COLUMNS : LEATI_LEFT_ROWS,
                                     .a = a,
                                     .a_step = lda,
                                     .b = packed,
                                     .b_step = x->ker->nr,
                                     .b_panel = x->ker->nr * k,
                                     .alpha = alpha,
                                     .beta = beta,
                                     .c = c,
                                     .ldc = ldc});
}

/* Keys that query i sees, before the mask. */
static size_t seen(const leati_attention *a, size_t i)
{
    if (!a->causal) return a->keys;
    size_t end = i + 1 + a->keys;
    if (end <= a->queries) return 0;
    end -= a->queries;
    return end < a->keys ? end : a->keys;
}

static size_t offset(leati_attention_layout l, size_t batch, size_t head, size_t token)
{
    return batch * l.batch + head * l.head + token * l.token;
}

static void hide(const leati_attention *a, size_t batch, size_t from, size_t count, float *score)
{
    const uint8_t *mask = a->key_mask + batch * a->keys + from;
    for (size_t j = 0; j < count; j++)
        if (!mask[j]) score[j] = -(float)INFINITY;
}

static bool has_nan(size_t n, const float *x)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] != x[i]) return true;
    return false;
}

/* A row of scores of keys from .. from+count-1 becomes their share; the sum and the output so far
 * are brought to the new maximum. Scores of NaN alone are passed over by the maximum, not by the
 * sum. */
static void softmax_step(const attention *x, size_t visible, size_t count, float *score, float *top,
                         float *sum, float *out)
{
    const leati_attention *a = x->a;
    float most = x->net->row_max(visible, score);
    if (!(most > *top)) most = *top;
    if (most == -(float)INFINITY) {
        if (has_nan(visible, score)) *sum = (float)NAN;
        memset(score, 0, count * sizeof *score);
        return;
    }
    if (most != *top) {
        float factor = *top == -(float)INFINITY ? 0 : expf(*top - most);
        *sum *= factor;
        x->net->scale_row(a->value_width, factor, out);
        *top = most;
    }
    *sum += x->net->row_exp(visible, score, most, score);
    memset(score + visible, 0, (count - visible) * sizeof *score);
}

/* Queries from .. from+count-1 of one head. */
static void forward_rows(const attention *x, size_t batch, size_t head, size_t from, size_t count,
                         float *scratch)
{
    const leati_attention *a = x->a;
    sizes s = sizes_of(x);
    float *packed_k = scratch, *packed_v = packed_k + s.keys, *score = packed_v + s.values;
    float *pairs = score + s.score, *top = pairs + s.pairs, *sum = top + x->rows;
    const float *q = x->q + offset(a->q, batch, head, from);
    float *out = x->out + offset(a->out, batch, head, from);
    for (size_t i = 0; i < count; i++) {
        top[i] = -(float)INFINITY;
        sum[i] = 0;
        memset(out + i * a->out.token, 0, a->value_width * sizeof *out);
    }
    size_t last = seen(a, from + count - 1);
    for (size_t j = 0; j < last; j += KEYS) {
        size_t n = last - j < KEYS ? last - j : KEYS;
        pack(x, n, a->width, x->k + offset(a->k, batch, head, j), a->k.token, true, packed_k);
        pack(x, a->value_width, n, x->v + offset(a->v, batch, head, j), a->v.token, false,
             packed_v);
        product(x, false, count, n, a->width, q, a->q.token, packed_k, a->scale, 0, score, KEYS,
                pairs);
        for (size_t i = 0; i < count; i++) {
            size_t visible = seen(a, from + i);
            visible = visible > j ? visible - j : 0;
            if (visible > n) visible = n;
            if (a->key_mask) hide(a, batch, j, visible, score + i * KEYS);
            softmax_step(x, visible, n, score + i * KEYS, &top[i], &sum[i], out + i * a->out.token);
        }
        product(x, false, count, a->value_width, n, score, KEYS, packed_v, 1, 1, out, a->out.token,
                pairs);
    }
    for (size_t i = 0; i < count; i++) {
        float factor = sum[i] > 0 ? 1 / sum[i] : sum[i]; /* NaN stays */
        x->net->scale_row(a->value_width, factor, out + i * a->out.token);
        if (x->log_sum)
            x->log_sum[(batch * a->heads + head) * a->queries + from + i] = top[i] + logf(sum[i]);
    }
}

static void forward_task(void *arg, size_t task, unsigned worker)
{
    const attention *x = arg;
    size_t block = task % x->row_blocks, head = task / x->row_blocks % x->a->heads;
    size_t from = leati_task_start(x->a->queries, x->row_blocks, block);
    size_t to = leati_task_start(x->a->queries, x->row_blocks, block + 1);
    forward_rows(x, task / x->row_blocks / x->a->heads, head, from, to - from,
                 x->scratch + worker * x->each);
}

void leati_attention_forward(leat_context *c, const leati_attention *a, const float *q,
                             const float *k, const float *v, float *out, float *log_sum,
                             void *workspace)
{
    attention x;
    init(c, a, &x);
    x.q = q;
    x.k = k;
    x.v = v;
    x.out = out;
    x.log_sum = log_sum;
    x.scratch = workspace;
    leati_parallel(c, a->batch * a->heads * x.row_blocks, forward_task, &x);
}

/* ---- backward -------------------------------------------------------------------------------- */

typedef struct tile {
    size_t batch, head, from, count, key, keys;
} tile;

/* Shares of the tile from the scores and the log sums; 0 for what a query does not see. */
static void shares(const attention *x, const tile *t, const float *log_sum, float *score)
{
    for (size_t i = 0; i < t->count; i++) {
        float *row = score + i * KEYS;
        size_t visible = seen(x->a, t->from + i);
        visible = visible > t->key ? visible - t->key : 0;
        if (visible > t->keys) visible = t->keys;
        if (x->a->key_mask) hide(x->a, t->batch, t->key, visible, row);
        if (log_sum[i] == -(float)INFINITY) visible = 0;
        x->net->row_exp(visible, row, log_sum[i], row);
        memset(row + visible, 0, (t->keys - visible) * sizeof *row);
    }
}

/* One tile: adds to dq, dk and dv. Packed: keys both ways, values turned. */
static void backward_tile(const attention *x, const tile *t, const float *k_columns,
                          const float *k_rows, const float *v_columns, float *scratch)
{
    const leati_attention *a = x->a;
    sizes s = sizes_of(x);
    float *score = scratch, *change = score + s.score, *packed = change + s.score;
    float *pairs = packed + s.queries;
    const float *q = x->q + offset(a->q, t->batch, t->head, t->from);
    const float *g = x->g + offset(a->out, t->batch, t->head, t->from);
    const float *out = x->out_in + offset(a->out, t->batch, t->head, t->from);
    product(x, false, t->count, t->keys, a->width, q, a->q.token, k_columns, a->scale, 0, score,
            KEYS, pairs);
    shares(x, t, x->log_sum_in + (t->batch * a->heads + t->head) * a->queries + t->from, score);
    pack(x, a->value_width, t->count, g, a->out.token, false, packed);
    product(x, true, t->keys, a->value_width, t->count, score, KEYS, packed, 1, 1,
            x->dv + offset(a->v, t->batch, t->head, t->key), a->v.token, pairs);
    product(x, false, t->count, t->keys, a->value_width, g, a->out.token, v_columns, 1, 0, change,
            KEYS, pairs);
    for (size_t i = 0; i < t->count; i++) {
        size_t at = i * a->out.token, row = i * KEYS;
        float along = x->net->dot_row(a->value_width, g + at, out + at);
        x->net->share_back_row(t->keys, score + row, along, a->scale, change + row);
    }
    product(x, false, t->count, a->width, t->keys, change, KEYS, k_rows, 1, 1,
            x->dq + offset(a->q, t->batch, t->head, t->from), a->q.token, pairs);
    pack(x, a->width, t->count, q, a->q.token, false, packed);
    product(x, true, t->keys, a->width, t->count, change, KEYS, packed, 1, 1,
            x->dk + offset(a->k, t->batch, t->head, t->key), a->k.token, pairs);
}

static void clear(float *out, size_t tokens, size_t step, size_t width)
{
    for (size_t i = 0; i < tokens; i++) memset(out + i * step, 0, width * sizeof *out);
}

static void backward_task(void *arg, size_t task, unsigned worker)
{
    const attention *x = arg;
    const leati_attention *a = x->a;
    tile t = {.batch = task / a->heads, .head = task % a->heads};
    sizes s = sizes_of(x);
    float *scratch = x->scratch + worker * x->each, *k_columns = scratch;
    float *k_rows = k_columns + s.keys, *v_columns = k_rows + s.values;
    float *rest = v_columns + s.keys;
    clear(x->dq + offset(a->q, t.batch, t.head, 0), a->queries, a->q.token, a->width);
    clear(x->dk + offset(a->k, t.batch, t.head, 0), a->keys, a->k.token, a->width);
    clear(x->dv + offset(a->v, t.batch, t.head, 0), a->keys, a->v.token, a->value_width);
    for (t.key = 0; t.key < a->keys; t.key += KEYS) {
        t.keys = a->keys - t.key < KEYS ? a->keys - t.key : KEYS;
        const float *k = x->k + offset(a->k, t.batch, t.head, t.key);
        pack(x, t.keys, a->width, k, a->k.token, true, k_columns);
        pack(x, a->width, t.keys, k, a->k.token, false, k_rows);
        pack(x, t.keys, a->value_width, x->v + offset(a->v, t.batch, t.head, t.key), a->v.token,
             true, v_columns);
        for (size_t block = 0; block < x->row_blocks; block++) {
            t.from = leati_task_start(a->queries, x->row_blocks, block);
            t.count = leati_task_start(a->queries, x->row_blocks, block + 1) - t.from;
            if (seen(a, t.from + t.count - 1) > t.key)
                backward_tile(x, &t, k_columns, k_rows, v_columns, rest);
        }
    }
}

void leati_attention_backward(leat_context *c, const leati_attention *a, const float *q,
                              const float *k, const float *v, const float *out,
                              const float *log_sum, const float *g, float *dq, float *dk, float *dv,
                              void *workspace)
{
    attention x;
    init(c, a, &x);
    x.q = q;
    x.k = k;
    x.v = v;
    x.out_in = out;
    x.log_sum_in = log_sum;
    x.g = g;
    x.dq = dq;
    x.dk = dk;
    x.dv = dv;
    x.scratch = workspace;
    leati_parallel(c, a->batch * a->heads, backward_task, &x);
}
