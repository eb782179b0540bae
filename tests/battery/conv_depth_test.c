/* The battery of two convolutions as one: every CPU level, random shapes, strides, dilations,
 * paddings and activations against the two apart; bitwise equality for 1, 2 and 4 threads; refused
 * shapes; which pay. */
#include "support/arrays.h"
#include "support/leattest.h"
#include "support/levels.h"

#include "base/cpu.h"
#include "base/rng.h"
#include "kernel/conv_depth.h"

static void *dirty(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (p) memset(p, 0xff, bytes); /* NaN */
    return p;
}

/* Operands of one pair; they depend on the shapes only. */
typedef struct operands {
    float *x, *w1, *b1, *w2, *b2;
} operands;

static operands operands_of(const leati_conv_depth_plan *p)
{
    const leati_conv *a = &p->pair.first;
    leati_rng rng;
    leati_rng_init(&rng, 31, LEATI_RNG_TEST, (uint32_t)a->in_c);
    return (operands){.x = leattest_random_array(&rng, a->batch * a->in_h * a->in_w * a->in_c),
                      .w1 = leattest_random_array(&rng, p->first.weights),
                      .b1 = leattest_random_array(&rng, a->out_c),
                      .w2 = leattest_random_array(&rng, p->second.weights),
                      .b2 = leattest_random_array(&rng, a->out_c)};
}

static void operands_free(operands o)
{
    float *all[] = {o.x, o.w1, o.b1, o.w2, o.b2};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static size_t results(const leati_conv_plan *p)
{
    return p->conv.batch * p->out_h * p->out_w * p->conv.out_c;
}

/* y, to be freed; NULL where there is no room. */
static float *together(leat_context *c, const leati_conv_depth_plan *p, const operands *o,
                       bool biased, leati_activation activation)
{
    float *packed = dirty(p->packed * sizeof *packed), *y = dirty(results(&p->second) * sizeof *y);
    void *workspace = dirty(p->bytes);
    if (packed && y && workspace) {
        leati_conv_depth_pack(c, p, o->w1, o->w2, packed);
        leati_conv_depth_forward(c, p,
                                 &(leati_conv_depth_run){.x = o->x,
                                                         .packed = packed,
                                                         .first_bias = biased ? o->b1 : NULL,
                                                         .second_bias = biased ? o->b2 : NULL,
                                                         .activation = activation,
                                                         .y = y,
                                                         .workspace = workspace});
    }
    free(packed);
    free(workspace);
    return y;
}

static float *apart_one(leat_context *c, const leati_conv_plan *p, const float *x, const float *w,
                        const float *bias, leati_activation activation)
{
    float *packed = dirty(p->packed * sizeof *packed), *y = dirty(results(p) * sizeof *y);
    void *workspace = dirty(p->forward_bytes);
    leati_conv_epilogue e = {.bias = bias, .activation = activation};
    if (packed && y && workspace) {
        leati_conv_pack(c, p, w, packed);
        leati_conv_forward(c, p, x, packed, &e, y, workspace);
    }
    free(packed);
    free(workspace);
    return y;
}

static float *apart(leat_context *c, const leati_conv_depth_plan *p, const operands *o, bool biased,
                    leati_activation activation)
{
    float *m = apart_one(c, &p->first, o->x, o->w1, biased ? o->b1 : NULL, p->pair.between);
    float *y = apart_one(c, &p->second, m, o->w2, biased ? o->b2 : NULL, activation);
    free(m);
    return y;
}

static void print_pair(const leati_conv_depth *v)
{
    const leati_conv *all[] = {&v->first, &v->second};
    for (int i = 0; i < 2; i++)
        printf("    (%zu, %zu, %zu, %zu) to %zu, kernel %zu x %zu, stride %zu x %zu, dilation "
               "%zu x %zu, padding %zu %zu %zu %zu\n",
               all[i]->batch, all[i]->in_h, all[i]->in_w, all[i]->in_c, all[i]->out_c,
               all[i]->kernel_h, all[i]->kernel_w, all[i]->stride_h, all[i]->stride_w,
               all[i]->dilation_h, all[i]->dilation_w, all[i]->pad_top, all[i]->pad_left,
               all[i]->pad_bottom, all[i]->pad_right);
}

/* The sums have the same terms in the same order, and zeros of the border more. */
static void check_pair(leattest *t, leat_context *c, const leati_conv_depth *v, bool biased,
                       leati_activation activation)
{
    leati_conv_depth_plan p;
    REQUIRE_OK(leati_conv_depth_plan_make(c, v, &p));
    operands o = operands_of(&p);
    REQUIRE(o.x && o.w1 && o.b1 && o.w2 && o.b2);
    float *got = together(c, &p, &o, biased, activation),
          *want = apart(c, &p, &o, biased, activation);
    REQUIRE(got && want);
    size_t wrong = 0;
    for (size_t i = 0; i < results(&p.second); i++) wrong += !(got[i] == want[i]);
    if (!CHECK_INT(wrong, 0)) print_pair(v);
    free(got);
    free(want);
    operands_free(o);
}

/* ---- shapes -----------------------------------------------------------------------------------
 */

static size_t up_to(leati_rng *rng, uint32_t n)
{
    return 1 + leati_rng_u32(rng) % n;
}

/* The second convolution over what the first makes; false where it does not fit. */
static bool complete(leat_context *c, leati_conv_depth *v)
{
    leati_conv_plan p;
    leati_conv *b = &v->second;
    v->first.plain = true;
    if (leati_conv_plan_make(c, &v->first, &p) != LEAT_OK) return false;
    b->batch = v->first.batch;
    b->in_h = p.out_h, b->in_w = p.out_w;
    b->in_c = b->out_c = b->groups = v->first.out_c;
    return leati_conv_plan_make(c, b, &p) == LEAT_OK;
}

static leati_conv random_conv(leati_rng *rng, uint32_t kernel, uint32_t pad)
{
    leati_conv v = leati_conv_default(up_to(rng, 2), up_to(rng, 12), up_to(rng, 15), up_to(rng, 20),
                                      up_to(rng, 70), up_to(rng, kernel), up_to(rng, kernel));
    v.stride_h = up_to(rng, 2), v.stride_w = up_to(rng, 2);
    v.dilation_h = up_to(rng, 2), v.dilation_w = up_to(rng, 2);
    v.pad_top = up_to(rng, pad) - 1, v.pad_left = up_to(rng, pad) - 1;
    v.pad_bottom = up_to(rng, pad) - 1, v.pad_right = up_to(rng, pad) - 1;
    return v;
}

static void random_level(leattest *t, leat_context *c)
{
    static const leati_activation kinds[] = {LEATI_ACT_NONE, LEATI_ACT_RELU, LEATI_ACT_RELU6,
                                             LEATI_ACT_SILU, LEATI_ACT_TANH};
    leati_rng rng;
    leati_rng_init(&rng, 32, LEATI_RNG_TEST, 0);
    size_t checked = 0;
    for (int i = 0; i < 250; i++) {
        leati_conv_depth v = {.first = random_conv(&rng, i % 2 ? 1 : 3, i % 2 ? 1 : 3),
                              .second = random_conv(&rng, 4, 5),
                              .between = kinds[leati_rng_u32(&rng) % 5]};
        leati_activation last = kinds[leati_rng_u32(&rng) % 5];
        if (!complete(c, &v)) {
            leat_error_clear(c);
            continue;
        }
        check_pair(t, c, &v, i % 3 != 0, last);
        checked++;
    }
    CHECK(checked > 100);
}

static void random_shapes(leattest *t)
{
    leattest_at_levels(t, 2, random_level);
}

/* In side, in and out channels, kernel and stride of the first; stride of the second. */
static const size_t listed[][6] = {{32, 3, 32, 3, 2, 1},   {112, 16, 96, 1, 1, 2},
                                   {56, 24, 144, 1, 1, 1}, {28, 32, 192, 1, 1, 2},
                                   {14, 64, 80, 1, 1, 1},  {7, 160, 100, 1, 1, 1}};

static leati_conv_depth listed_pair(const size_t *s)
{
    leati_conv_depth v = {.first = leati_conv_default(1, s[0], s[0], s[1], s[2], s[3], s[3]),
                          .second = leati_conv_default(1, 1, 1, 1, 1, 3, 3),
                          .between = LEATI_ACT_RELU6};
    v.first.stride_h = v.first.stride_w = s[4];
    v.second.stride_h = v.second.stride_w = s[5];
    v.first.pad_top = v.first.pad_left = v.first.pad_bottom = v.first.pad_right = s[3] / 2;
    v.second.pad_top = v.second.pad_left = v.second.pad_bottom = v.second.pad_right = 1;
    return v;
}

static void listed_level(leattest *t, leat_context *c)
{
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++) {
        leati_conv_depth v = listed_pair(listed[i]);
        REQUIRE(complete(c, &v));
        CHECK(leati_conv_depth_pays(&v));
        check_pair(t, c, &v, true, LEATI_ACT_RELU6);
    }
}

static void listed_shapes(leattest *t)
{
    leattest_at_levels(t, 2, listed_level);
}

/* ---- threads ----------------------------------------------------------------------------------
 */

static void threads_level(leattest *t, leat_context *one)
{
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++) {
        leati_conv_depth v = listed_pair(listed[i]);
        float *first = NULL;
        REQUIRE(complete(one, &v));
        for (unsigned threads = 1; threads <= 4; threads *= 2) {
            leat_context *c = leattest_context(leati_context_cpu_level(one), threads);
            leati_conv_depth_plan p;
            REQUIRE(c);
            REQUIRE_OK(leati_conv_depth_plan_make(c, &v, &p));
            operands o = operands_of(&p);
            float *y = together(c, &p, &o, true, LEATI_ACT_RELU);
            REQUIRE(y);
            if (first) CHECK(!memcmp(first, y, results(&p.second) * sizeof *y));
            if (first) free(y);
            else first = y;
            operands_free(o);
            leat_context_destroy(c);
        }
        free(first);
    }
}

static void threads_agree(leattest *t)
{
    leattest_at_levels(t, 1, threads_level);
}

/* ---- what is refused, what does not pay -------------------------------------------------------
 */

static void refused_shapes(leattest *t)
{
    leat_context *c = t->context;
    leati_conv_depth good = listed_pair(listed[4]), v;
    leati_conv_depth_plan p;
    REQUIRE(complete(c, &good));
    for (int i = 0; i < 4; i++) {
        v = good;
        if (i == 0) v.second.groups = 1;
        if (i == 1) v.second.in_h++;
        if (i == 2) v.first.groups = 2;
        if (i == 3) v.second.out_c = v.second.groups = v.second.in_c = 16;
        CHECK_FAILS(leati_conv_depth_plan_make(c, &v, &p), LEAT_INVALID,
                    i == 2 ? "groups" : "together");
        leat_error_clear(c);
    }
    v = good; /* Winograd's way */
    v.first.kernel_h = v.first.kernel_w = 3;
    CHECK(!leati_conv_depth_pays(&v));
    v = good; /* most lines would be made several times */
    v.first.in_w = v.second.in_w = 1200;
    v.first.in_h = v.second.in_h = 1200;
    CHECK(!leati_conv_depth_pays(&v));
}

static const leattest_case list[] = {TEST(random_shapes), TEST(listed_shapes), TEST(threads_agree),
                                     TEST(refused_shapes)};
LEATTEST_MAIN(list)
