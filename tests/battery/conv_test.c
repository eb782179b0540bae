/* The battery of the convolutions: every CPU level, random shapes, strides, dilations, paddings and
 * groups against sums in f64; bitwise equality for 1, 2 and 4 threads; refused shapes. */
#include "support/arrays.h"
#include "support/leattest.h"
#include "support/levels.h"

#include "base/cpu.h"
#include "base/half.h"
#include "base/mem.h"
#include "base/rng.h"
#include "kernel/conv.h"
#include "kernel/pool2d.h"

/* All operands and results of one shape. */
typedef struct trial {
    leati_conv_plan p;
    size_t nx, ny;
    float *x, *y, *w, *b, *residual, *dy, *dx, *dw, *db, *packed, *back, *before;
    void *workspace;
} trial;

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

static bool trial_init(trial *t, leat_context *c, const leati_conv *v, leati_rng *rng)
{
    *t = (trial){.nx = v->batch * v->in_h * v->in_w * v->in_c};
    if (leati_conv_plan_make(c, v, &t->p) != LEAT_OK) return false;
    t->ny = v->batch * t->p.out_h * t->p.out_w * v->out_c;
    size_t bytes =
        largest(t->p.forward_bytes, largest(t->p.back_data_bytes, t->p.back_weights_bytes));
    t->x = leattest_random_array(rng, t->nx);
    t->y = leattest_spoiled_array(t->ny);
    t->w = leattest_random_array(rng, t->p.weights);
    t->b = leattest_random_array(rng, v->out_c);
    t->residual = leattest_random_array(rng, t->ny);
    t->dy = leattest_random_array(rng, t->ny);
    t->dx = leattest_spoiled_array(t->nx);
    t->before = leattest_random_array(rng, t->nx);
    t->dw = leattest_spoiled_array(t->p.weights);
    t->db = leattest_spoiled_array(v->out_c);
    t->packed = leattest_spoiled_array(t->p.packed);
    t->back = leattest_spoiled_array(t->p.packed_back);
    t->workspace = leattest_spoiled_array((bytes + 3) / 4);
    return t->x && t->y && t->w && t->b && t->residual && t->dy && t->dx && t->dw && t->db &&
           t->packed && t->back && t->workspace && t->before;
}

static void trial_free(trial *t)
{
    void *all[] = {t->x,  t->y,  t->w,      t->b,    t->residual, t->dy,       t->dx,
                   t->dw, t->db, t->packed, t->back, t->before,   t->workspace};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void trial_run(trial *t, leat_context *c, leati_activation activation, bool add)
{
    leati_conv_epilogue e = {t->b, t->residual, activation};
    memcpy(t->dx, t->before, t->nx * sizeof *t->dx);
    leati_conv_pack(c, &t->p, t->w, t->packed);
    leati_conv_forward(c, &t->p, t->x, t->packed, &e, t->y, t->workspace);
    leati_conv_pack_back(c, &t->p, t->w, t->back);
    leati_conv_backward_data(c, &t->p, t->dy, t->back, add, t->dx, t->workspace);
    leati_conv_backward_weights(c, &t->p, t->x, t->dy, t->dw, t->db, t->workspace);
}

/* Sums in f64 with the sums of absolute values, which bound the rounding. */
typedef struct sums {
    double *value, *size;
} sums;

static sums sums_new(size_t n)
{
    return (sums){calloc(n, sizeof(double)), calloc(n, sizeof(double))};
}

static void sums_free(sums s)
{
    free(s.value);
    free(s.size);
}

static void term(sums s, size_t at, double v)
{
    s.value[at] += v;
    s.size[at] += fabs(v);
}

static bool agree(const char *name, size_t n, const float *got, sums want, leati_activation act)
{
    double epsilon = 1.0 / (1 << 23);
    for (size_t i = 0; i < n; i++) {
        double x = leattest_activated(act, want.value[i]);
        double bound = (want.size[i] * 8 + 4 * fabs(x)) * epsilon + 1e-7 * (act > 2);
        if (fabs(x - (double)got[i]) <= bound) continue;
        printf("    %s[%zu]: %.9g, not %.9g\n", name, i, (double)got[i], x);
        return false;
    }
    return true;
}

/* Factors of sums, as they are or rounded to bf16. */
static double *factors(const leati_conv *v, size_t n, const float *x)
{
    double *f = malloc((n + 1) * sizeof *f);
    for (size_t i = 0; f && i < n; i++)
        f[i] = (double)(v->half ? leati_bf16_to_f32(leati_f32_to_bf16(x[i])) : x[i]);
    return f;
}

/* The products of one output with the pixel that begins at `at` under the tap of filter that begins
 * at `w`: what each of them belongs to. */
typedef struct products {
    double *x, *w, *dy;
    size_t channels, taps; /* per group; from a channel's tap to the next one's */
} products;

static void add_products(const products *p, size_t i, size_t at, size_t w, sums y, sums dx, sums dw)
{
    double sum = 0, size = 0, d = p->dy[i];
    for (size_t k = 0; k < p->channels; k++, at++, w += p->taps) {
        double part = p->x[at] * p->w[w];
        sum += part;
        size += fabs(part);
        term(dx, at, d * p->w[w]);
        term(dw, w, d * p->x[at]);
    }
    y.value[i] += sum;
    y.size[i] += size;
}

/* Adds every product of the convolution to the outputs it belongs to. */
static void reference(const trial *t, sums y, sums dx, sums dw, sums db)
{
    const leati_conv *v = &t->p.conv;
    size_t gk = v->in_c / v->groups, gn = v->out_c / v->groups, taps = v->kernel_h * v->kernel_w;
    products p = {factors(v, t->nx, t->x), factors(v, t->p.weights, t->w), factors(v, t->ny, t->dy),
                  gk, taps};
    for (size_t i = 0; i < t->ny; i++) {
        size_t o = i % v->out_c, ox = i / v->out_c % t->p.out_w;
        size_t oy = i / v->out_c / t->p.out_w % t->p.out_h,
               n = i / v->out_c / t->p.out_w / t->p.out_h;
        term(y, i, (double)t->b[o]);
        term(db, o, (double)t->dy[i]);
        for (size_t tap = 0; tap < taps; tap++) {
            size_t iy = oy * v->stride_h + tap / v->kernel_w * v->dilation_h - v->pad_top;
            size_t ix = ox * v->stride_w + tap % v->kernel_w * v->dilation_w - v->pad_left;
            if (iy >= v->in_h || ix >= v->in_w) continue; /* wraps below 0 */
            size_t at = ((n * v->in_h + iy) * v->in_w + ix) * v->in_c + o / gn * gk;
            add_products(&p, i, at, o * gk * taps + tap, y, dx, dw);
        }
        term(y, i, (double)t->residual[i]);
    }
    free(p.x);
    free(p.w);
    free(p.dy);
}

static void print_shape(const leati_conv *v)
{
    printf("    batch %zu, %zu x %zu x %zu to %zu, %zu groups, kernel %zu x %zu, stride %zu x %zu, "
           "dilation %zu x %zu, pad %zu %zu %zu %zu%s\n",
           v->batch, v->in_h, v->in_w, v->in_c, v->out_c, v->groups, v->kernel_h, v->kernel_w,
           v->stride_h, v->stride_w, v->dilation_h, v->dilation_w, v->pad_top, v->pad_left,
           v->pad_bottom, v->pad_right, v->half ? ", bf16" : "");
}

typedef struct expected {
    sums y, dx, dw, db;
} expected;

/* Of the first level's trial: the others have the same operands. */
static expected expect(const trial *r, bool add)
{
    expected e = {sums_new(r->ny), sums_new(r->nx), sums_new(r->p.weights),
                  sums_new(r->p.conv.out_c)};
    reference(r, e.y, e.dx, e.dw, e.db);
    for (size_t i = 0; add && i < r->nx; i++) term(e.dx, i, (double)r->before[i]);
    return e;
}

static void expected_free(expected e)
{
    sums_free(e.y);
    sums_free(e.dx);
    sums_free(e.dw);
    sums_free(e.db);
}

static void check_trial(leattest *t, const trial *r, const expected *e, leati_activation act)
{
    CHECK(agree("y", r->ny, r->y, e->y, act));
    CHECK(agree("dx", r->nx, r->dx, e->dx, LEATI_ACT_NONE));
    CHECK(agree("dw", r->p.weights, r->dw, e->dw, LEATI_ACT_NONE));
    CHECK(agree("db", r->p.conv.out_c, r->db, e->db, LEATI_ACT_NONE));
}

/* One shape at every level. */
static void check_shape(leattest *t, leat_context *const *at, const leati_conv *v,
                        leati_activation act, bool add, leati_rng *rng)
{
    expected e = {0};
    leati_rng begin = *rng;
    for (size_t level = 0; at[level]; level++) {
        trial r;
        int before = t->failures;
        *rng = begin;
        REQUIRE(trial_init(&r, at[level], v, rng));
        if (level == 0) e = expect(&r, add);
        trial_run(&r, at[level], act, add);
        check_trial(t, &r, &e, act);
        if (t->failures > before) {
            printf("    at level %s\n", leat_context_cpu(at[level]));
            print_shape(v);
        }
        trial_free(&r);
    }
    expected_free(e);
}

static size_t up_to(leati_rng *rng, uint32_t n)
{
    return leati_rng_below(rng, n + 1);
}

static leati_conv random_shape(leati_rng *rng)
{
    static const size_t channels[] = {1, 2, 3, 4, 8, 13, 16, 17, 20, 32, 33, 70};
    static const size_t sides[] = {1, 2, 3, 5, 7, 9, 14, 15, 31};
    leati_conv v;
    size_t groups = leati_rng_below(rng, 4) ? 1 : 1 + up_to(rng, 3);
    size_t kernel = 1 + up_to(rng, 4), side = sides[leati_rng_below(rng, 9)];
    v = leati_conv_default(1 + up_to(rng, 3), side, sides[leati_rng_below(rng, 9)],
                           channels[leati_rng_below(rng, 12)] * groups,
                           channels[leati_rng_below(rng, 12)] * groups, kernel,
                           leati_rng_below(rng, 3) ? kernel : 1 + up_to(rng, 4));
    v.groups = groups;
    if (leati_rng_below(rng, 5) == 0) {
        v.groups = v.in_c;
        v.out_c = v.in_c * (1 + leati_rng_below(rng, 4) / 3);
    }
    v.stride_h = 1 + leati_rng_below(rng, 3) / 2 + leati_rng_below(rng, 4) / 3;
    v.stride_w = leati_rng_below(rng, 3) ? v.stride_h : 1 + up_to(rng, 2);
    v.plain = leati_rng_below(rng, 2);
    if (leati_rng_below(rng, 4) == 0) v.dilation_h = 2;
    if (leati_rng_below(rng, 4) == 0) v.dilation_w = 1 + up_to(rng, 2);
    if (leati_rng_below(rng, 3)) {
        v.pad_top = v.pad_bottom = (v.kernel_h - 1) * v.dilation_h / 2;
        v.pad_left = v.pad_right = (v.kernel_w - 1) * v.dilation_w / 2;
    }
    if (leati_rng_below(rng, 3) == 0) v.pad_top = up_to(rng, 4), v.pad_right = up_to(rng, 4);
    return v;
}

static bool fits(const leati_conv *v)
{
    return (v->kernel_h - 1) * v->dilation_h < v->in_h + v->pad_top + v->pad_bottom &&
           (v->kernel_w - 1) * v->dilation_w < v->in_w + v->pad_left + v->pad_right;
}

static void random_of(leattest *t, bool half)
{
    leat_context *at[LEATI_CPU_LEVELS + 1];
    leati_rng rng;
    leati_rng_init(&rng, 21, LEATI_RNG_TEST, half);
    bool opened = leattest_open_levels(t, 2, true, at);
    for (int done = 0; opened && done < 150;) {
        leati_conv v = random_shape(&rng);
        v.half = half;
        size_t work =
            v.batch * v.in_h * v.in_w * v.in_c * v.out_c / v.groups * v.kernel_h * v.kernel_w;
        if (!fits(&v) || work > 6000000) continue;
        check_shape(t, at, &v, (leati_activation)(done % LEATI_ACTIVATIONS), done % 3 == 0, &rng);
        done++;
    }
    leattest_close_levels(at);
}

static void random_shapes(leattest *t)
{
    random_of(t, false);
}

static void random_half_shapes(leattest *t)
{
    random_of(t, true);
}

/* Shapes that take every path of the cutting: column blocks, spread pixels, split filters. */
static const leati_conv listed[] = {
    {1, 1, 9000, 8, 8, 1, 1, 5, 1, 1, 1, 1, 0, 2, 0, 2, false, false}, /* column blocks */
    {2, 7, 7, 512, 40, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, false, false}, /* pixels far apart */
    {1, 8, 8, 256, 24, 1, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, false, false}, /* the same with a stride */
    {3, 5, 5, 512, 64, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, false, false}, /* flat and spread */
    {40, 6, 6, 32, 64, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, false,
     false}, /* Winograd, several images a task */
    {40, 6, 6, 32, 64, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, true, false},  /* several images a piece */
    {2, 9, 13, 20, 35, 1, 3, 3, 1, 1, 1, 1, 0, 2, 1, 0, false, false}, /* Winograd, odd sides */
    {1, 57, 33, 64, 40, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, false,
     false}, /* Winograd, rows of tiles */
    {17, 28, 28, 1, 32, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, false, false}, /* one channel */
    {1, 60, 60, 3, 16, 1, 7, 7, 2, 2, 1, 1, 3, 3, 3, 3, false, false},  /* line blocks */
    {1, 3, 3, 480, 512, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, false,
     false}, /* splits of large filters */
    {2, 30, 31, 40, 40, 40, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, false, false},     /* depthwise */
    {1, 14, 14, 100, 100, 100, 5, 5, 2, 2, 1, 1, 2, 2, 2, 2, false, false}}; /* and with a stride */

static void listed_shapes(leattest *t)
{
    leat_context *at[LEATI_CPU_LEVELS + 1];
    bool opened = leattest_open_levels(t, 2, true, at);
    leati_rng rng;
    leati_rng_init(&rng, 22, LEATI_RNG_TEST, 0);
    for (size_t i = 0; opened && i < 2 * (sizeof listed / sizeof *listed); i++) {
        leati_conv v = listed[i / 2];
        v.half = i % 2;
        check_shape(t, at, &v, LEATI_ACT_RELU, false, &rng);
    }
    leattest_close_levels(at);
}

static void threads_level(leattest *t, leat_context *one)
{
    leati_cpu_level level = leati_context_cpu_level(one);
    leat_context *all[3] = {one, leattest_context(level, 2), leattest_context(level, 4)};
    REQUIRE(all[1] && all[2]);
    for (size_t s = 0; s < 2 * (sizeof listed / sizeof *listed); s++) {
        leati_conv v = listed[s / 2];
        trial r[3];
        v.half = s % 2;
        for (int i = 0; i < 3; i++) {
            leati_rng rng;
            leati_rng_init(&rng, 23, LEATI_RNG_TEST, 0);
            REQUIRE(trial_init(&r[i], all[i], &v, &rng));
            trial_run(&r[i], all[i], LEATI_ACT_GELU, false);
        }
        for (int i = 1; i < 3; i++) {
            CHECK(memcmp(r[0].y, r[i].y, r[0].ny * sizeof(float)) == 0);
            CHECK(memcmp(r[0].dx, r[i].dx, r[0].nx * sizeof(float)) == 0);
            CHECK(memcmp(r[0].dw, r[i].dw, r[0].p.weights * sizeof(float)) == 0);
            CHECK(memcmp(r[0].db, r[i].db, r[0].p.conv.out_c * sizeof(float)) == 0);
        }
        for (int i = 0; i < 3; i++) trial_free(&r[i]);
    }
    leat_context_destroy(all[1]);
    leat_context_destroy(all[2]);
}

static void threads_agree(leattest *t)
{
    leattest_at_bf16_levels(t, 1, threads_level);
}

static leati_pool2d pool_of(const trial *r)
{
    return (leati_pool2d){.batch = r->p.conv.batch,
                          .in_h = r->p.out_h,
                          .in_w = r->p.out_w,
                          .channels = r->p.conv.out_c,
                          .out_h = r->p.out_h / 2,
                          .out_w = r->p.out_w / 2,
                          .kernel_h = 2,
                          .kernel_w = 2,
                          .stride_h = 2,
                          .stride_w = 2,
                          .dilation_h = 1,
                          .dilation_w = 1};
}

/* A pool that the convolution does itself, against the two one after the other: equal bytes. */
static bool same_pooled(trial *r, leat_context *c, leati_activation act, leati_rng *rng)
{
    leati_conv_epilogue e = {r->b, NULL, act};
    leati_pool2d pool = pool_of(r);
    size_t n = r->ny / 4;
    float *want = leattest_random_array(rng, n), *got = leattest_random_array(rng, n);
    uint8_t *which = malloc(2 * n);
    void *workspace = aligned_alloc(64, (r->p.pooled_bytes + 127) / 64 * 64);
    bool same = want && got && which && workspace;
    if (same) {
        leati_conv_pack(c, &r->p, r->w, r->packed);
        leati_conv_forward(c, &r->p, r->x, r->packed, &e, r->y, r->workspace);
        leati_pool2d_which(c, &pool, r->y, want, which);
        leati_conv_forward_pooled(c, &r->p, r->x, r->packed, &e, got, which + n, workspace);
        same = memcmp(want, got, n * sizeof *got) == 0 && memcmp(which, which + n, n) == 0;
        memset(got, 0, n * sizeof *got);
        leati_conv_forward_pooled(c, &r->p, r->x, r->packed, &e, got, NULL, workspace);
        same = same && memcmp(want, got, n * sizeof *got) == 0;
    }
    free(want);
    free(got);
    free(which);
    free(workspace);
    return same;
}

/* Gradients of pools as they are against the same spread beforehand: equal bytes. */
static bool same_spread(trial *r, leat_context *c, leati_rng *rng)
{
    leati_pool2d pool = pool_of(r);
    size_t n = r->ny / 4;
    float *g = leattest_random_array(rng, n), *dx = leattest_random_array(rng, r->nx);
    float *dw = leattest_random_array(rng, r->p.weights);
    uint8_t *which = malloc(n);
    bool same = g && dx && dw && which;
    for (size_t i = 0; same && i < n; i++) which[i] = (uint8_t)leati_rng_below(rng, 4);
    if (same) {
        leati_pool2d_spread(c, &pool, g, which, r->dy);
        leati_conv_pack_back(c, &r->p, r->w, r->back);
        leati_conv_backward_data(c, &r->p, r->dy, r->back, false, r->dx, r->workspace);
        leati_conv_backward_data_pooled(c, &r->p, g, which, r->back, dx, r->workspace);
        leati_conv_backward_weights(c, &r->p, r->x, r->dy, r->dw, NULL, r->workspace);
        leati_conv_backward_weights_pooled(c, &r->p, r->x, g, which, dw, r->workspace);
        same = memcmp(dx, r->dx, r->nx * sizeof *dx) == 0 &&
               memcmp(dw, r->dw, r->p.weights * sizeof *dw) == 0;
    }
    free(g);
    free(dx);
    free(dw);
    free(which);
    return same;
}

static void check_pooled(leattest *t, leat_context *c, const leati_conv *v, leati_activation act,
                         leati_rng *rng, int *done)
{
    trial r;
    REQUIRE(trial_init(&r, c, v, rng));
    bool same =
        (!r.p.pools || same_pooled(&r, c, act, rng)) && (!r.p.spreads || same_spread(&r, c, rng));
    if (!CHECK(same)) print_shape(v);
    *done += r.p.pools || r.p.spreads;
    trial_free(&r);
}

static void pooled_level(leattest *t, leat_context *c)
{
    leati_rng rng;
    int done = 0;
    leati_rng_init(&rng, 24, LEATI_RNG_TEST, 0);
    while (done < 80) {
        leati_conv v = random_shape(&rng);
        v.half = leati_rng_below(&rng, 2);
        if (!fits(&v) || v.batch * v.in_h * v.in_w * v.in_c * v.out_c > 3000000) continue;
        check_pooled(t, c, &v, (leati_activation)(done % LEATI_ACTIVATIONS), &rng, &done);
    }
    static const leati_conv large[] = {
        {2, 4, 3000, 9, 12, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, false, true}, /* column blocks */
        {1, 66, 64, 8, 40, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, true, false},  /* line blocks */
        {1, 66, 64, 8, 40, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, false, true}};
    for (int i = 0; i < 3; i++) check_pooled(t, c, &large[i], LEATI_ACT_RELU, &rng, &done);
}

static void pools_inside(leattest *t)
{
    leattest_at_bf16_levels(t, 2, pooled_level);
}

static void refused_shapes(leattest *t)
{
    leati_conv_plan p;
    leati_conv v = leati_conv_default(1, 5, 5, 4, 4, 3, 3);
    CHECK_OK(leati_conv_plan_make(t->context, &v, &p));
    CHECK_INT(p.out_h, 3);
    v.stride_w = 0;
    CHECK_FAILS(leati_conv_plan_make(t->context, &v, &p), LEAT_INVALID, "stride");
    v.stride_w = 1;
    v.groups = 3;
    CHECK_FAILS(leati_conv_plan_make(t->context, &v, &p), LEAT_INVALID, "3 groups");
    v.groups = 1;
    v.dilation_h = 3;
    CHECK_FAILS(leati_conv_plan_make(t->context, &v, &p), LEAT_INVALID, "does not fit");
    v.dilation_h = SIZE_MAX / 2;
    CHECK_FAILS(leati_conv_plan_make(t->context, &v, &p), LEAT_INVALID, "does not fit");
    v.dilation_h = 1;
    v.batch = SIZE_MAX / 1000;
    CHECK_FAILS(leati_conv_plan_make(t->context, &v, &p), LEAT_INVALID, "too large");
}

static const leattest_case list[] = {TEST(random_shapes), TEST(random_half_shapes),
                                     TEST(listed_shapes), TEST(threads_agree),
                                     TEST(pools_inside),  TEST(refused_shapes)};
LEATTEST_MAIN(list)
