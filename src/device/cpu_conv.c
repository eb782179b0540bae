/* Owns: CONV, CONV_DATA and CONV_WEIGHT of f32 on the CPU, by the kernels of kernel/conv.h, which
 * have two dimensions and channels last: other layouts are turned in scratch, a third dimension is
 * a sum of two-dimensional convolutions over the taps of depth. Convolutions with a pool behind
 * them run block by block of images, so that what is pooled never leaves the caches, where the
 * kernels do not pool themselves. */
#include <string.h>

#include "base/error.h"
#include "base/pool.h"
#include "device/cpu_kernels.h"
#include "device/cpu_layout.h"
#include "device/window.h"
#include "kernel/conv.h"
#include "kernel/net_kernels.h"
#include "kernel/pool2d.h"

/* Images of a block: as many as have so many bytes before they are pooled. More for the gradient of
 * weights, which adds up once a block. */
enum { BLOCK_BYTES = 1 << 20, WEIGHT_BLOCK_BYTES = 4 << 20 };

typedef struct job {
    leat_context *c;
    const leati_step *s;
    leati_window w;
    leati_grid x, y;
    leati_conv_plan plan; /* of all images, or of one slice of depth */
    size_t filter;        /* weights of one slice of depth */
    bool deep, turn_x, turn_y;
    leati_pool2d pool;
    bool whole;           /* kernels pool, or take the gradient of the pool as it is */
    size_t block;         /* images; 0: there is no pool, or not for us to do */
    leati_conv_plan rest; /* of the images of a last block that is not whole */
    /* in scratch */
    float *x_last, *y_last; /* channels last, where the operands are not */
    float *slice;           /* weights (O, I, kH, kW) of one tap of depth */
    float *packed;          /* of all taps of depth */
    float *before;          /* a block of y before the pool */
    float *part;            /* the gradient of weights of a block */
    void *workspace;
} job;

static bool takes(const leati_step *s)
{
    const leati_conv_attrs *a = s->attrs;
    if (s->in[0].dtype != LEAT_DTYPE_F32) return false;
    /* what follows is done to the whole sum, channels last */
    if ((a->bias || a->residual || a->activation) && a->rank == 3) return false;
    if (a->residual && !a->channels_last) return false;
    return leati_operand_count(&s->in[0]) && leati_operand_count(&s->in[1]) &&
           leati_operand_count(&s->out[0]);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Blocks of about equal size, whatever the number of threads. */
static void plan_blocks(job *j)
{
    size_t h = (size_t)j->w.out[1], w = (size_t)j->w.out[2], image = j->y.image_step;
    size_t bytes = j->s->op == LEATI_OP_CONV_WEIGHT ? WEIGHT_BLOCK_BYTES : BLOCK_BYTES;
    size_t most = bytes / sizeof(float) / image, blocks;
    if (most == 0) most = 1;
    blocks = (j->x.batch + most - 1) / most;
    j->block = (j->x.batch + blocks - 1) / blocks;
    j->pool = (leati_pool2d){.in_h = h,
                             .in_w = w,
                             .channels = j->y.channels,
                             .out_h = h / 2,
                             .out_w = w / 2,
                             .kernel_h = 2,
                             .kernel_w = 2,
                             .stride_h = 2,
                             .stride_w = 2,
                             .dilation_h = 1,
                             .dilation_w = 1};
}

static leat_status plan_job(leat_context *c, const leati_step *s, job *j)
{
    const leati_conv_attrs *a = s->attrs;
    const leat_shape *x = &s->in[0].shape, *y = &s->out[0].shape;
    if (s->op == LEATI_OP_CONV_DATA) x = &s->out[0].shape, y = &s->in[0].shape;
    if (s->op == LEATI_OP_CONV_WEIGHT) y = &s->in[1].shape;
    leat_shape before = *y;
    if (a->pool) before.dim[1] *= 2, before.dim[2] *= 2, y = &before;
    *j = (job){.c = c, .s = s, .w = leati_window_of_conv(a, y)};
    const leati_window *w = &j->w;
    j->x = leati_grid_of(x, a->channels_last);
    j->y = leati_grid_of(y, a->channels_last);
    j->deep = w->in[0] > 1 || w->kernel[0] > 1 || w->out[0] > 1;
    j->turn_x = j->x.place_step == 1 && j->x.channels > 1 && j->x.plane > 1;
    j->turn_y = j->y.place_step == 1 && j->y.channels > 1 && j->y.plane > 1;
    leati_conv conv = {.batch = j->deep ? 1 : j->x.batch,
                       .in_h = (size_t)w->in[1],
                       .in_w = (size_t)w->in[2],
                       .in_c = j->x.channels,
                       .out_c = j->y.channels,
                       .groups = (size_t)a->groups,
                       .kernel_h = (size_t)w->kernel[1],
                       .kernel_w = (size_t)w->kernel[2],
                       .stride_h = (size_t)w->stride[1],
                       .stride_w = (size_t)w->stride[2],
                       .dilation_h = (size_t)w->dilation[1],
                       .dilation_w = (size_t)w->dilation[2],
                       .pad_top = (size_t)w->low[1],
                       .pad_left = (size_t)w->low[2],
                       .pad_bottom = (size_t)w->high[1],
                       .pad_right = (size_t)w->high[2],
                       .half = a->half};
    LEATI_TRY(leati_conv_plan_make(c, &conv, &j->plan));
    j->whole = s->op == LEATI_OP_CONV ? j->plan.pools : j->plan.spreads;
    if (a->pool && !j->whole) {
        plan_blocks(j);
        conv.batch = j->block;
        LEATI_TRY(leati_conv_plan_make(c, &conv, &j->plan));
    }
    if (j->block && j->x.batch % j->block) {
        conv.batch = j->x.batch % j->block;
        LEATI_TRY(leati_conv_plan_make(c, &conv, &j->rest));
    }
    j->filter = j->plan.weights;
    return LEAT_OK;
}

/* Elements of the packed weights of one tap of depth. */
static size_t packed_each(const job *j)
{
    size_t n = j->s->op == LEATI_OP_CONV_DATA ? j->plan.packed_back : j->plan.packed;
    return (n + 15) / 16 * 16;
}

static size_t packed_bytes(const job *j)
{
    return (j->deep ? (size_t)j->w.kernel[0] : 1) * packed_each(j) * sizeof(float);
}

static size_t workspace_of(const job *j, const leati_conv_plan *p)
{
    const leati_conv_attrs *a = j->s->attrs;
    leati_op op = j->s->op;
    return op == LEATI_OP_CONV        ? a->pool && j->whole ? p->pooled_bytes : p->forward_bytes
           : op == LEATI_OP_CONV_DATA ? p->back_data_bytes
                                      : p->back_weights_bytes;
}

/* Divides the scratch; with at NULL its size is counted. */
static size_t divide(job *j, char *at)
{
    leati_cpu_room room = {at, 0};
    leati_op op = j->s->op;
    size_t work = workspace_of(j, &j->plan), rest = workspace_of(j, &j->rest);
    if (rest > work) work = rest;
    if (j->block) j->before = leati_cpu_take(&room, j->block * j->y.image_step * sizeof(float));
    if (j->block && op == LEATI_OP_CONV_WEIGHT)
        j->part = leati_cpu_take(&room, j->filter * sizeof(float));
    if (j->turn_x) j->x_last = leati_cpu_take(&room, j->x.batch * j->x.image_step * sizeof(float));
    if (j->turn_y) j->y_last = leati_cpu_take(&room, j->y.batch * j->y.image_step * sizeof(float));
    if (j->deep) j->slice = leati_cpu_take(&room, 2 * j->filter * sizeof(float));
    if (j->s->kept) j->packed = j->s->kept;
    else if (op != LEATI_OP_CONV_WEIGHT) j->packed = leati_cpu_take(&room, packed_bytes(j));
    j->workspace = leati_cpu_take(&room, work);
    return room.bytes;
}

static size_t kept_bytes(const leat_context *c, const leati_step *s)
{
    job j;
    if (plan_job((leat_context *)(uintptr_t)c, s, &j) != LEAT_OK) return 0;
    return packed_bytes(&j);
}

static size_t scratch(const leat_context *c, const leati_step *s)
{
    job j;
    /* the plan fails only for shapes that inference refuses; run() then reports it */
    if (plan_job((leat_context *)(uintptr_t)c, s, &j) != LEAT_OK) return 0;
    return divide(&j, NULL);
}

static size_t prepared_bytes(const leat_context *c, const leati_step *s)
{
    (void)c;
    (void)s;
    return sizeof(job);
}

static void prepare(leat_context *c, const leati_step *s)
{
    /* fails only for shapes that inference refuses; run() then reports it */
    (void)plan_job(c, s, s->prepared);
}

static leat_status begin(leat_context *c, const leati_step *s, job *j)
{
    *j = *(const job *)s->prepared;
    j->c = c;
    j->s = s;
    if (!j->plan.weights) LEATI_TRY(plan_job(c, s, j));
    divide(j, s->scratch);
    return LEAT_OK;
}

static const float *channels_last(const job *j, const leati_grid *g, bool turn,
                                  const leati_operand *o, float *to)
{
    if (!turn) return o->data;
    leati_cpu_swap_f32(j->c, g->batch, g->channels, g->plane, o->data, to);
    return to;
}

/* The weights of tap d of depth. */
static const float *filters(const job *j, const float *w, size_t d)
{
    if (!j->deep) return w;
    size_t taps = (size_t)(j->w.kernel[1] * j->w.kernel[2]), depth = (size_t)j->w.kernel[0];
    for (size_t i = 0; i < j->filter / taps; i++)
        memcpy(j->slice + i * taps, w + (i * depth + d) * taps, taps * sizeof *w);
    return j->slice;
}

static float *packed_at(const job *j, size_t d)
{
    return j->packed + d * packed_each(j);
}

static void pack_all(const job *j, const float *w)
{
    size_t depth = j->deep ? (size_t)j->w.kernel[0] : 1;
    for (size_t d = 0; d < depth; d++) {
        const float *from = filters(j, w, d);
        if (j->s->op == LEATI_OP_CONV) leati_conv_pack(j->c, &j->plan, from, packed_at(j, d));
        else leati_conv_pack_back(j->c, &j->plan, from, packed_at(j, d));
    }
}

static void keep(leat_context *c, const leati_step *s)
{
    job j;
    if (begin(c, s, &j) == LEAT_OK) pack_all(&j, s->in[1].data);
}

/* Calls `pair` for every image, slice o of y and tap of depth d that reads slice i of x. */
typedef void (*pair_fn)(const job *j, size_t d, size_t x_at, size_t y_at, bool first, void *arg);

static void each_pair(const job *j, pair_fn pair, void *arg)
{
    size_t x_slice = j->x.channels * (size_t)(j->w.in[1] * j->w.in[2]);
    size_t y_slice = j->y.channels * (size_t)(j->w.out[1] * j->w.out[2]);
    for (size_t image = 0; image < j->x.batch; image++)
        for (int64_t o = 0; o < j->w.out[0]; o++) {
            bool first = true;
            for (int64_t d = 0; d < j->w.kernel[0]; d++) {
                int64_t i = leati_window_read(&j->w, 0, o, d);
                if (i < 0) continue;
                pair(j, (size_t)d, image * j->x.image_step + (size_t)i * x_slice,
                     image * j->y.image_step + (size_t)o * y_slice, first, arg);
                first = false;
            }
            /* a window that sees padding only */
            if (first)
                pair(j, SIZE_MAX, 0, image * j->y.image_step + (size_t)o * y_slice, true, arg);
        }
}

/* ---- forward -------------------------------------------------------------------------------- */

typedef struct flow {
    const float *x, *y;
    float *to;
} flow;

static void forward_pair(const job *j, size_t d, size_t x_at, size_t y_at, bool first, void *arg)
{
    const flow *f = arg;
    if (d == SIZE_MAX) {
        size_t n = j->y.channels * (size_t)(j->w.out[1] * j->w.out[2]);
        memset(f->to + y_at, 0, n * sizeof *f->to);
        return;
    }
    leati_conv_epilogue e = {.residual = first ? NULL : f->to + y_at};
    leati_conv_forward(j->c, &j->plan, f->x + x_at, packed_at(j, d), &e, f->to + y_at,
                       j->workspace);
}

static const leati_conv_plan *plan_of(const job *j, size_t images)
{
    return images == j->block ? &j->plan : &j->rest;
}

static void run_blocks(job *j, const float *x, const leati_conv_epilogue *e)
{
    const leati_step *s = j->s;
    size_t pooled = j->y.image_step / 4;
    for (size_t at = 0, n; at < j->x.batch; at += n) {
        float *y = (float *)s->out[0].data + at * pooled;
        n = j->pool.batch = smaller(j->block, j->x.batch - at);
        leati_conv_forward(j->c, plan_of(j, n), x + at * j->x.image_step, j->packed, e, j->before,
                           j->workspace);
        if (s->outs > 1)
            leati_pool2d_which(j->c, &j->pool, j->before, y,
                               (uint8_t *)s->out[1].data + at * pooled);
        else leati_pool2d_forward(j->c, &j->pool, j->before, y);
    }
}

static leat_status run_conv(leat_context *c, const leati_step *s)
{
    job j;
    LEATI_TRY(begin(c, s, &j));
    flow f = {.x = channels_last(&j, &j.x, j.turn_x, &s->in[0], j.x_last)};
    f.to = j.turn_y ? j.y_last : s->out[0].data;
    if (!s->kept) pack_all(&j, s->in[1].data);
    const leati_conv_attrs *a = s->attrs;
    leati_conv_epilogue e = {.activation = (leati_activation)a->activation};
    if (a->bias) e.bias = s->in[2].data;
    if (a->residual) e.residual = s->in[2 + a->bias].data;
    if (a->pool && j.whole)
        leati_conv_forward_pooled(c, &j.plan, f.x, j.packed, &e, f.to,
                                  s->outs > 1 ? s->out[1].data : NULL, j.workspace);
    else if (j.block) run_blocks(&j, f.x, &e);
    else if (j.deep) each_pair(&j, forward_pair, &f);
    else leati_conv_forward(c, &j.plan, f.x, j.packed, &e, f.to, j.workspace);
    if (j.turn_y) leati_cpu_swap_f32(c, j.y.batch, j.y.plane, j.y.channels, f.to, s->out[0].data);
    return LEAT_OK;
}

const leati_kernel leati_cpu_conv = {.run = run_conv,
                                     .scratch = scratch,
                                     .takes = takes,
                                     .prepared_bytes = prepared_bytes,
                                     .prepare = prepare,
                                     .kept_bytes = kept_bytes,
                                     .keep = keep};

/* ---- gradients ------------------------------------------------------------------------------ */

static void data_pair(const job *j, size_t d, size_t x_at, size_t y_at, bool first, void *arg)
{
    const flow *f = arg;
    (void)first;
    if (d != SIZE_MAX)
        leati_conv_backward_data(j->c, &j->plan, f->y + y_at, packed_at(j, d), true, f->to + x_at,
                                 j->workspace);
}

/* dy of n images from `at` on: the gradient g of the pool, put where the largest were. */
static const float *spread(job *j, const float *g, size_t at, size_t n)
{
    size_t pooled = j->y.image_step / 4;
    j->pool.batch = n;
    leati_pool2d_spread(j->c, &j->pool, g + at * pooled,
                        (const uint8_t *)j->s->in[2].data + at * pooled, j->before);
    return j->before;
}

static void run_data_blocks(job *j, const float *g, float *dx)
{
    for (size_t at = 0, n; at < j->x.batch; at += n) {
        n = smaller(j->block, j->x.batch - at);
        const float *dy = spread(j, g, at, n);
        leati_conv_backward_data(j->c, plan_of(j, n), dy, j->packed, false,
                                 dx + at * j->x.image_step, j->workspace);
    }
}

static leat_status run_data(leat_context *c, const leati_step *s)
{
    job j;
    LEATI_TRY(begin(c, s, &j));
    const leati_conv_attrs *a = s->attrs;
    flow f = {.y = channels_last(&j, &j.y, j.turn_y, &s->in[0], j.y_last)};
    f.to = j.turn_x ? j.x_last : s->out[0].data;
    if (!s->kept) pack_all(&j, s->in[1].data);
    if (a->pool && j.whole) {
        leati_conv_backward_data_pooled(c, &j.plan, f.y, s->in[2].data, j.packed, f.to,
                                        j.workspace);
    } else if (j.block) {
        run_data_blocks(&j, f.y, f.to);
    } else if (j.deep) {
        memset(f.to, 0, j.x.batch * j.x.image_step * sizeof *f.to);
        each_pair(&j, data_pair, &f);
    } else {
        leati_conv_backward_data(c, &j.plan, f.y, j.packed, false, f.to, j.workspace);
    }
    if (j.turn_x) leati_cpu_swap_f32(c, j.x.batch, j.x.plane, j.x.channels, f.to, s->out[0].data);
    return LEAT_OK;
}

const leati_kernel leati_cpu_conv_data = {.run = run_data,
                                          .scratch = scratch,
                                          .takes = takes,
                                          .prepared_bytes = prepared_bytes,
                                          .prepare = prepare,
                                          .kept_bytes = kept_bytes,
                                          .keep = keep};

static void weight_pair(const job *j, size_t d, size_t x_at, size_t y_at, bool first, void *arg)
{
    const flow *f = arg;
    (void)first;
    if (d == SIZE_MAX) return;
    size_t taps = (size_t)(j->w.kernel[1] * j->w.kernel[2]), depth = (size_t)j->w.kernel[0];
    leati_conv_backward_weights(j->c, &j->plan, f->x + x_at, f->y + y_at, j->slice, NULL,
                                j->workspace);
    for (size_t i = 0; i < j->filter / taps; i++)
        for (size_t k = 0; k < taps; k++)
            f->to[(i * depth + d) * taps + k] += j->slice[i * taps + k];
}

static void run_weight_blocks(job *j, const float *x, const float *g, float *dw)
{
    const leati_net_kernels *k = leati_net_kernels_of(j->c);
    for (size_t at = 0, n; at < j->x.batch; at += n) {
        n = smaller(j->block, j->x.batch - at);
        const float *dy = spread(j, g, at, n);
        leati_conv_backward_weights(j->c, plan_of(j, n), x + at * j->x.image_step, dy,
                                    at ? j->part : dw, NULL, j->workspace);
        if (at) k->add_to(j->filter, j->part, dw);
    }
}

static leat_status run_weight(leat_context *c, const leati_step *s)
{
    job j;
    LEATI_TRY(begin(c, s, &j));
    const leati_conv_attrs *a = s->attrs;
    flow f = {.x = channels_last(&j, &j.x, j.turn_x, &s->in[0], j.x_last),
              .y = channels_last(&j, &j.y, j.turn_y, &s->in[1], j.y_last),
              .to = s->out[0].data};
    if (a->pool && j.whole) {
        leati_conv_backward_weights_pooled(c, &j.plan, f.x, f.y, s->in[2].data, f.to, j.workspace);
    } else if (j.block) {
        run_weight_blocks(&j, f.x, f.y, f.to);
    } else if (j.deep) {
        memset(f.to, 0, leati_operand_count(&s->out[0]) * sizeof *f.to);
        each_pair(&j, weight_pair, &f);
    } else {
        leati_conv_backward_weights(c, &j.plan, f.x, f.y, f.to, NULL, j.workspace);
    }
    return LEAT_OK;
}

const leati_kernel leati_cpu_conv_weight = {.run = run_weight,
                                            .scratch = scratch,
                                            .takes = takes,
                                            .prepared_bytes = prepared_bytes,
                                            .prepare = prepare};
