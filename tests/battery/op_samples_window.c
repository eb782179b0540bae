/* Samples of convolutions and pools. */
#include "battery/op_samples.h"

#include <leat/function.h>

#include "graph/graph.h"

typedef struct form {
    const char *name;
    int rank;
    leat_shape x, w;
    int groups, stride, dilation, low, high;
    bool last, second;
} form;

/* Of windows that move alike along every axis; dilation only along the first, so that axes differ.
 */
static const form convs[] = {
    {"padded", 2, OP_S(2, 3, 5, 6), OP_S(4, 3, 3, 3), 1, 1, 1, 1, 1, false, true},
    {"channels last", 2, OP_S(2, 7, 6, 3), OP_S(5, 3, 3, 2), 1, 2, 1, 1, 0, true, true},
    {"groups, dilated", 2, OP_S(2, 4, 6, 7), OP_S(6, 2, 2, 3), 2, 2, 2, 0, 2, false, false},
    {"depthwise", 2, OP_S(1, 5, 5, 4), OP_S(4, 1, 3, 3), 4, 1, 1, 1, 1, true, false},
    {"pointwise", 2, OP_S(3, 4, 2, 2), OP_S(5, 4, 1, 1), 1, 1, 1, 0, 0, false, false},
    {"line", 1, OP_S(2, 3, 11), OP_S(2, 3, 4), 1, 3, 1, 2, 2, false, true},
    {"line, channels last", 1, OP_S(2, 11, 3), OP_S(2, 3, 4), 1, 2, 2, 0, 3, true, false},
    {"solid", 3, OP_S(1, 2, 3, 4, 3), OP_S(3, 2, 3, 2, 3), 1, 1, 1, 1, 1, false, true},
    {"solid, channels last", 3, OP_S(2, 5, 4, 5, 2), OP_S(3, 2, 2, 3, 2), 1, 2, 2, 1, 1, true,
     false},
    {"window in the padding", 3, OP_S(1, 1, 2, 2, 2), OP_S(1, 1, 1, 1, 1), 1, 1, 1, 1, 1, false,
     false},
};

static leati_conv_attrs attrs_of(const form *f)
{
    leati_conv_attrs a = {.rank = f->rank, .groups = f->groups, .channels_last = f->last};
    for (int i = 0; i < f->rank; i++) {
        a.kernel[i] = f->w.dim[2 + i];
        a.stride[i] = f->stride;
        a.dilation[i] = i == 0 ? f->dilation : 1;
        a.pad_low[i] = f->low;
        a.pad_high[i] = f->high;
        a.spatial[i] = f->x.dim[(f->last ? 1 : 2) + i];
    }
    return a;
}

static void record_conv(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                        leat_tensor **out)
{
    leati_conv_attrs a = attrs_of(s->arg);
    out[0] = leati_op1(g, s->op, 2, in, &a, sizeof a);
}

/* The shape of y, by the formula. */
static leat_shape result_of(const form *f)
{
    leat_shape y = f->x;
    for (int i = 0; i < f->rank; i++) {
        int at = (f->last ? 1 : 2) + i;
        int64_t reach = (i == 0 ? f->dilation : 1) * (f->w.dim[2 + i] - 1) + 1;
        y.dim[at] = (f->x.dim[at] + f->low + f->high - reach) / f->stride + 1;
    }
    y.dim[f->last ? f->rank + 1 : 1] = f->w.dim[0];
    return y;
}

static void visit_conv(const form *f, leati_op op, op_visit visit, void *user)
{
    bool data = op == LEATI_OP_CONV_DATA, weight = op == LEATI_OP_CONV_WEIGHT;
    op_sample s = {.op = op, .name = f->name, .types = OP_FLOATS, .ins = 2, .record = record_conv};
    s.arg = f;
    s.in[0] = (op_in){OP_T, data ? result_of(f) : f->x, OP_UNIFORM, -1, 1, NULL};
    s.in[1] = (op_in){OP_T, weight ? result_of(f) : f->w, OP_UNIFORM, -1, 1, NULL};
    s.tol = 8;
    s.scale = 4;
    s.gradient = true;
    s.second = f->second;
    visit(user, &s);
}

static const form no_images = {"no images", 2,    OP_S(0, 3, 5, 6), OP_S(4, 3, 3, 3), 1, 1, 1, 1, 1,
                               false,       false};
static const form large = {"larger", 2,    OP_S(5, 30, 31, 17), OP_S(40, 17, 3, 3), 1, 1, 1, 1, 1,
                           true,     false};

/* ---- pools ------------------------------------------------------------------------------------
 */

typedef struct pool {
    const char *name;
    int rank;
    leat_shape x;
    int kernel, stride, dilation, pad;
    bool last, count, ceil;
} pool;

static const pool pools[] = {
    {"halves", 2, OP_S(2, 3, 6, 4), 2, 2, 1, 0, false, false, false},
    {"overlapping, channels last", 2, OP_S(2, 7, 6, 5), 3, 2, 1, 1, true, false, false},
    {"padding counts", 2, OP_S(1, 2, 5, 6), 3, 2, 1, 1, false, true, false},
    {"ceil", 2, OP_S(1, 2, 6, 8), 3, 2, 1, 0, false, false, true},
    {"ceil, padding counts", 2, OP_S(1, 2, 6, 8), 3, 2, 1, 1, false, true, true},
    {"ceil, larger than the input", 2, OP_S(2, 3, 1, 5), 2, 2, 1, 0, false, false, true},
    {"ceil, larger, channels last", 2, OP_S(2, 1, 5, 3), 2, 2, 1, 0, true, false, true},
    {"ceil, larger, padding counts", 1, OP_S(2, 3, 1), 5, 4, 1, 1, false, true, true},
    {"dilated", 2, OP_S(1, 6, 7, 3), 2, 1, 2, 1, true, false, false},
    {"line", 1, OP_S(2, 3, 8), 2, 2, 1, 0, false, false, false},
    {"solid", 3, OP_S(1, 4, 5, 4, 2), 3, 2, 1, 1, true, false, false},
    {"many channels", 2, OP_S(3, 5, 5, 130), 2, 1, 1, 0, true, false, false},
};

static leat_window window_of(const pool *p)
{
    leat_window w = leat_window_default();
    for (int i = 0; i < p->rank; i++) {
        w.kernel[i] = p->kernel;
        w.stride[i] = p->stride;
        w.dilation[i] = p->dilation;
        w.pad_low[i] = w.pad_high[i] = p->pad;
    }
    w.channels_last = p->last;
    w.count_padding = p->count;
    w.ceil_mode = p->ceil;
    return w;
}

/* The gradients run by way of the gradient of what they belong to. */
static void record_pool(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                        leat_tensor **out)
{
    (void)g;
    leat_window w = window_of(s->arg);
    leati_op op = s->op;
    bool plain = op == LEATI_OP_POOL_MAX || op == LEATI_OP_POOL_MAX_BACK;
    bool index = op == LEATI_OP_POOL_MAX_INDEX || op == LEATI_OP_POOL_MAX_DATA;
    out[0] = plain || index ? leat_pool_max(in[0], &w, index ? &out[1] : NULL)
                            : leat_pool_avg(in[0], &w);
    if (op == LEATI_OP_POOL_MAX || op == LEATI_OP_POOL_MAX_INDEX || op == LEATI_OP_POOL_AVG) return;
    leat_tensor *y = out[0];
    out[0] = out[1] = NULL;
    if (y && leat_gradients(y, leat_mul(y, y), 1, in, out) != LEAT_OK) out[0] = NULL;
}

static void visit_pool(leati_op op, op_visit visit, void *user)
{
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        op_sample s = {.op = op, .name = pools[i].name, .types = OP_SINGLES, .ins = 1};
        s.record = record_pool;
        s.arg = &pools[i];
        s.in[0] = (op_in){OP_T, pools[i].x, OP_DISTINCT, -2, 3.1, NULL};
        bool is_max = op == LEATI_OP_POOL_MAX || op == LEATI_OP_POOL_MAX_INDEX;
        s.tol = is_max ? 0 : 8;
        s.scale = 1;
        s.gradient = pools[i].x.dim[3] < 100;
        s.second = op == LEATI_OP_POOL_AVG && s.gradient;
        visit(user, &s);
        if (!is_max) continue;
        s.in[0].fill = OP_SPECIAL;
        s.gradient = s.second = false;
        visit(user, &s);
        s.types = OP_BIT(I8) | OP_BIT(U8) | OP_BIT(I64);
        s.in[0] = (op_in){OP_T, pools[i].x, OP_UNIFORM, 0, 9, NULL};
        visit(user, &s);
    }
}

/* ---- resampling -------------------------------------------------------------------------------
 */

static const leati_resample_attrs resamples[] = {
    {.in = 4, .size = 7, .axis = 1, .mode = LEATI_RESAMPLE_NEAREST},
    {.in = 4,
     .size = 3,
     .axis = 1,
     .mode = LEATI_RESAMPLE_NEAREST,
     .coordinates = 2,
     .rounding = 2},
    {.in = 4, .size = 9, .axis = 1, .mode = LEATI_RESAMPLE_LINEAR},
    {.in = 4, .size = 6, .axis = 1, .mode = LEATI_RESAMPLE_LINEAR, .coordinates = 1},
    {.in = 4, .size = 2, .axis = 1, .mode = LEATI_RESAMPLE_LINEAR},
    {.in = 4, .size = 10, .axis = 1, .mode = LEATI_RESAMPLE_CUBIC, .cubic = -0.75, .scale = 2.6},
};

static void record_resample(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                            leat_tensor **out)
{
    out[0] = leati_op1(g, s->op, 1, in, s->arg, sizeof(leati_resample_attrs));
}

static void visit_resamples(leati_op op, op_visit visit, void *user)
{
    for (size_t i = 0; i < sizeof resamples / sizeof *resamples; i++)
        for (int64_t inner = 1; inner <= 1025; inner += 512) {
            const leati_resample_attrs *a = &resamples[i];
            op_sample s = {.op = op, .name = "one axis", .types = OP_SINGLES, .ins = 1};
            bool back = op == LEATI_OP_RESAMPLE_DATA;
            s.record = record_resample;
            s.arg = a;
            s.in[0] =
                (op_in){OP_T, LEAT_DIMS(3, back ? a->size : a->in, inner), OP_UNIFORM, -1, 1, NULL};
            s.tol = 16, s.scale = 1;
            s.gradient = s.second = inner == 1;
            visit(user, &s);
        }
}

void op_samples_window(op_visit visit, void *user)
{
    visit_resamples(LEATI_OP_RESAMPLE, visit, user);
    visit_resamples(LEATI_OP_RESAMPLE_DATA, visit, user);
    static const leati_op ops[] = {LEATI_OP_CONV, LEATI_OP_CONV_DATA, LEATI_OP_CONV_WEIGHT};
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < sizeof convs / sizeof *convs; i++)
            visit_conv(&convs[i], ops[k], visit, user);
        op_sample s = {.op = ops[k], .types = OP_BIT(F32), .ins = 2, .record = record_conv};
        const form *f[2] = {&no_images, &large};
        for (size_t i = 0; i < 2; i++) {
            s.name = f[i]->name;
            s.arg = f[i];
            s.tol = 32, s.scale = 16;
            s.in[0] = (op_in){OP_T, k == 1 ? result_of(f[i]) : f[i]->x, OP_UNIFORM, -1, 1, NULL};
            s.in[1] = (op_in){OP_T, k == 2 ? result_of(f[i]) : f[i]->w, OP_UNIFORM, -1, 1, NULL};
            if (i == 0 || k == 0) visit(user, &s); /* the reference of the others takes seconds */
        }
    }
    visit_pool(LEATI_OP_POOL_MAX, visit, user);
    visit_pool(LEATI_OP_POOL_MAX_BACK, visit, user);
    visit_pool(LEATI_OP_POOL_MAX_INDEX, visit, user);
    visit_pool(LEATI_OP_POOL_MAX_DATA, visit, user);
    visit_pool(LEATI_OP_POOL_AVG, visit, user);
    visit_pool(LEATI_OP_POOL_AVG_DATA, visit, user);
}

/* ---- failures ---------------------------------------------------------------------------------
 */

static leat_tensor *input(leat_graph *g, leat_shape shape)
{
    return leat_input(g, LEAT_DTYPE_F32, shape, NULL);
}

static leat_tensor *wrong_channels(leat_graph *g)
{
    return leat_conv(input(g, LEAT_DIMS(1, 3, 8, 8)), input(g, LEAT_DIMS(4, 5, 3, 3)), NULL);
}

static leat_tensor *large_kernel(leat_graph *g)
{
    return leat_conv(input(g, LEAT_DIMS(1, 3, 2, 8)), input(g, LEAT_DIMS(4, 3, 3, 3)), NULL);
}

static leat_tensor *flat(leat_graph *g)
{
    return leat_conv(input(g, LEAT_DIMS(3, 8)), input(g, LEAT_DIMS(4, 3)), NULL);
}

static leat_tensor *negative_stride(leat_graph *g)
{
    leat_window w = leat_window_default();
    w.stride[0] = -1;
    return leat_conv(input(g, LEAT_DIMS(1, 3, 8, 8)), input(g, LEAT_DIMS(4, 3, 3, 3)), &w);
}

static leat_tensor *much_output_padding(leat_graph *g)
{
    leat_window w = leat_window_default();
    w.output_padding[0] = 2;
    return leat_conv_transpose(input(g, LEAT_DIMS(1, 3, 8)), input(g, LEAT_DIMS(3, 4, 3)), &w);
}

static leat_tensor *huge_window(leat_graph *g)
{
    leat_window w = leat_window_default();
    for (int i = 0; i < 3; i++) {
        w.kernel[i] = w.stride[i] = (int64_t)1 << 30;
        w.pad_low[i] = w.pad_high[i] = (int64_t)1 << 29;
    }
    return leat_pool_avg(input(g, LEAT_DIMS(1, 1, 2, 2, 2)), &w);
}

static leat_tensor *foreign_gradient(leat_graph *g)
{
    leati_conv_attrs a = {.rank = 1, .groups = 1, .kernel = {3}, .stride = {1}, .dilation = {1}};
    leat_tensor *in[2] = {input(g, LEAT_DIMS(1, 3, 8)), input(g, LEAT_DIMS(1, 4, 7))};
    return leati_op1(g, LEATI_OP_CONV_WEIGHT, 2, in, &a, sizeof a);
}

static leat_tensor *only_padding(leat_graph *g)
{
    leat_window w = leat_window_default();
    w.kernel[0] = w.kernel[1] = w.pad_low[0] = 2;
    return leat_pool_max(input(g, LEAT_DIMS(1, 3, 8, 8)), &w, NULL);
}

static leat_tensor *large_pool(leat_graph *g)
{
    leat_window w = leat_window_default();
    w.kernel[0] = 9;
    return leat_pool_avg(input(g, LEAT_DIMS(1, 3, 8)), &w);
}

static leat_tensor *wrong_index(leat_graph *g)
{
    leati_pool_attrs a = {.rank = 1, .kernel = {2}, .stride = {2}, .dilation = {1}, .spatial = {8}};
    leat_tensor *in[2] = {input(g, LEAT_DIMS(1, 3, 4)), input(g, LEAT_DIMS(1, 3, 4))};
    return leati_op1(g, LEATI_OP_POOL_MAX_DATA, 2, in, &a, sizeof a);
}

static leat_tensor *foreign_result(leat_graph *g)
{
    leati_pool_attrs a = {.rank = 1, .kernel = {2}, .stride = {2}, .dilation = {1}, .spatial = {8}};
    leat_tensor *in[3] = {input(g, LEAT_DIMS(1, 3, 8)), input(g, LEAT_DIMS(1, 3, 4)),
                          input(g, LEAT_DIMS(1, 3, 3))};
    return leati_op1(g, LEATI_OP_POOL_MAX_BACK, 3, in, &a, sizeof a);
}

static leat_tensor *flat_index(leat_graph *g)
{
    leat_tensor *index;
    leat_window w = leat_window_default();
    return leat_pool_max(input(g, LEAT_DIMS(3, 8)), &w, &index);
}

static leat_tensor *average_of_integers(leat_graph *g)
{
    leati_pool_attrs a = {.rank = 1, .kernel = {2}, .stride = {2}, .dilation = {1}, .spatial = {8}};
    leat_tensor *x = leat_input(g, LEAT_DTYPE_I32, LEAT_DIMS(1, 3, 4), NULL);
    return leati_op1(g, LEATI_OP_POOL_AVG_DATA, 1, &x, &a, sizeof a);
}

static leat_tensor *to_nothing(leat_graph *g)
{
    int axis = 1;
    int64_t size = 0;
    return leat_interpolate(input(g, LEAT_DIMS(2, 3)), 1, &axis, &size, NULL);
}

static leat_tensor *foreign_resample(leat_graph *g)
{
    leat_tensor *x = input(g, LEAT_DIMS(2, 3));
    leati_resample_attrs a = {.in = 4, .size = 5, .axis = 1};
    return leati_op1(g, LEATI_OP_RESAMPLE_DATA, 1, &x, &a, sizeof a);
}

static const op_failure failures[] = {
    OP_FAILURE(RESAMPLE, "to nothing", to_nothing, SHAPE, "layer 7|3 to 0"),
    OP_FAILURE(RESAMPLE_DATA, "foreign", foreign_resample, SHAPE, "layer 7|(2, 3)|5 places"),
    OP_FAILURE(CONV, "wrong channels", wrong_channels, SHAPE, "layer 7|3 channels|expect 5"),
    OP_FAILURE(CONV, "large kernel", large_kernel, SHAPE, "layer 7|3|does not fit|2"),
    OP_FAILURE(CONV, "flat", flat, SHAPE, "layer 7|3, 4 or 5 dimensions|(3, 8)"),
    OP_FAILURE(CONV, "negative stride", negative_stride, INVALID, "layer 7|stride -1"),
    OP_FAILURE(POOL_AVG, "window", huge_window, INVALID, "layer 7|2^30 places"),
    OP_FAILURE(CONV_DATA, "output padding", much_output_padding, SHAPE, "layer 7|output padding"),
    OP_FAILURE(CONV_WEIGHT, "foreign gradient", foreign_gradient, SHAPE, "layer 7|(1, 4, 7)"),
    OP_FAILURE(POOL_MAX, "only padding", only_padding, INVALID, "layer 7|padding of 2"),
    OP_FAILURE(POOL_MAX_BACK, "result", foreign_result, SHAPE, "layer 7|(1, 3, 3)|(1, 3, 4)"),
    OP_FAILURE(POOL_MAX_INDEX, "flat", flat_index, SHAPE, "layer 7|(3, 8)"),
    OP_FAILURE(POOL_MAX_DATA, "index", wrong_index, SHAPE, "layer 7|i64"),
    OP_FAILURE(POOL_AVG, "large window", large_pool, SHAPE, "layer 7|kernel 9|into 8|padding of 0"),
    OP_FAILURE(POOL_AVG_DATA, "integers", average_of_integers, TYPE, "layer 7|i32"),
};

void op_failures_window(op_visit_failure visit, void *user)
{
    OP_VISIT(failures);
}
