/* Optimisers and schedules against PyTorch's trajectories (tools/golden/torch_optimizers.py). */
#include <math.h>
#include <string.h>

#include <leat/function.h>
#include <leat/network.h>

#include "base/error.h"
#include "base/mem.h"
#include "golden/torch_optimizers.h"
#include "nn/optimizer.h"
#include "nn/schedule.h"
#include "support/leattest.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* One recorded step of least squares with the optimiser. */
typedef struct model {
    leat_graph *g;
    leat_variable *w, *slot[LEATI_MOST_SLOTS];
    leat_tensor *roots[2 + LEATI_MOST_SLOTS];
    size_t count;
    float rate, number;
} model;

static leat_status record(leat_context *c, model *m, const leati_optimizer *o)
{
    leat_dtype f32 = LEAT_DTYPE_F32;
    LEATI_TRY(leat_graph_create(c, NULL, &m->g));
    LEATI_TRY(leat_variable_create(m->g, "w", f32, LEAT_DIMS(GOLDEN_COLS), golden_w, &m->w));
    leati_update u = {.weight = leat_read(m->w),
                      .rate = leat_input(m->g, f32, LEAT_SCALAR, &m->rate),
                      .number = leat_input(m->g, f32, LEAT_SCALAR, &m->number)};
    leat_tensor *x = leat_constant(m->g, f32, LEAT_DIMS(GOLDEN_ROWS, GOLDEN_COLS), golden_x);
    leat_tensor *y = leat_constant(m->g, f32, LEAT_DIMS(GOLDEN_ROWS, 1), golden_y);
    leat_tensor *out = leat_matmul(x, leat_reshape(u.weight, LEAT_DIMS(GOLDEN_COLS, 1)));
    m->roots[m->count++] = leat_mse(out, y, LEAT_REDUCE_MEAN);
    LEATI_TRY(leat_gradients(m->roots[0], NULL, 1, &u.weight, &u.gradient));
    for (size_t k = 0; k < leati_optimizer_slots(o); k++) {
        LEATI_TRY(
            leat_variable_create(m->g, "slot", f32, LEAT_DIMS(GOLDEN_COLS), NULL, &m->slot[k]));
        u.slot[k] = leat_read(m->slot[k]);
    }
    m->roots[m->count++] = leat_assign(m->w, o->class->update(o, &u));
    for (size_t k = 0; k < leati_optimizer_slots(o); k++)
        if (u.new_slot[k] != u.slot[k])
            m->roots[m->count++] = leat_assign(m->slot[k], u.new_slot[k]);
    return leat_error_status(c);
}

static void follow(leattest *t, size_t k)
{
    leat_context *c = t->context;
    leati_optimizer *o;
    model m = {.rate = (float)golden_optimizers[k].rate};
    REQUIRE_OK(leati_optimizer_parse(c, golden_optimizers[k].text, &o));
    REQUIRE_OK(record(c, &m, o));
    double worst = 0;
    for (int step = 0; step < GOLDEN_STEPS; step++) {
        float w[GOLDEN_COLS];
        m.number = (float)(step + 1);
        REQUIRE_OK(leat_run(m.g, m.count, m.roots));
        REQUIRE_OK(leat_variable_get(m.w, w, sizeof w));
        for (int i = 0; i < GOLDEN_COLS; i++)
            worst = fmax(worst, fabs((double)w[i] - golden_optimizers[k].w[step][i]));
    }
    if (!CHECK(worst < 4e-6)) printf("    %s: %g\n", golden_optimizers[k].text, worst);
    leat_graph_destroy(m.g);
    leati_free(o);
}

static void optimizers_follow_pytorch(leattest *t)
{
    for (size_t k = 0; k < COUNT(golden_optimizers); k++) follow(t, k);
}

/* An optimiser on gradients that are given, weights far apart in size. */
typedef struct fed {
    leat_graph *g;
    leat_variable *w, *slot[LEATI_MOST_SLOTS];
    leat_tensor *roots[1 + LEATI_MOST_SLOTS];
    size_t count, n, slots;
    float rate, number, *gradient;
} fed;

static leat_status feed_open(leat_context *c, fed *m, const char *text, size_t n)
{
    leat_dtype f32 = LEAT_DTYPE_F32;
    leati_optimizer *o;
    *m = (fed){.n = n, .rate = 0.01f};
    m->gradient = LEATI_NEW(c, float, n);
    LEATI_TRY(leat_graph_create(c, NULL, &m->g));
    LEATI_TRY(leat_variable_create(m->g, "w", f32, LEAT_DIMS((int64_t)n), NULL, &m->w));
    LEATI_TRY(leati_optimizer_parse(c, text, &o));
    leati_update u = {.weight = leat_read(m->w),
                      .gradient = leat_input(m->g, f32, LEAT_DIMS((int64_t)n), m->gradient),
                      .rate = leat_input(m->g, f32, LEAT_SCALAR, &m->rate),
                      .number = leat_input(m->g, f32, LEAT_SCALAR, &m->number)};
    m->slots = leati_optimizer_slots(o);
    for (size_t k = 0; k < m->slots; k++) {
        LEATI_TRY(leat_variable_create(m->g, "s", f32, LEAT_DIMS((int64_t)n), NULL, &m->slot[k]));
        u.slot[k] = leat_read(m->slot[k]);
    }
    m->roots[m->count++] = leat_assign(m->w, o->class->update(o, &u));
    for (size_t k = 0; k < m->slots; k++)
        if (u.new_slot[k] != u.slot[k])
            m->roots[m->count++] = leat_assign(m->slot[k], u.new_slot[k]);
    leati_free(o);
    return leat_error_status(c);
}

static void feed_close(fed *m)
{
    leat_graph_destroy(m->g);
    leati_free(m->gradient);
}

/* Steps with gradients, 0 from the tenth on. */
static leat_status feed(fed *m, int from, int to)
{
    for (int step = from; step < to; step++) {
        for (size_t i = 0; i < m->n; i++)
            m->gradient[i] =
                step < 10 ? ldexpf((float)sin((double)i + step + 1), -(int)(i % 40)) : 0;
        m->number = (float)(step + 1);
        LEATI_TRY(leat_run(m->g, m->count, m->roots));
    }
    return LEAT_OK;
}

static bool any_subnormal(const float *x, size_t n)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) any = any || fpclassify(x[i]) == FP_SUBNORMAL;
    return any;
}

/* What decays without gradients gets to 0 and not into the range below the normal one, where a step
 * takes several times as long; where only that keeps 0 / 0 away, it stays. */
static void moments_of_adam_decay_to_0(leattest *t)
{
    enum { N = 80 };
    static const struct decay {
        const char *text;
        int steps;
        bool kept;
    } all[] = {{"adam(beta2=0.9)", 1200, false},
               {"adamw(beta2=0.9)", 1200, false},
               {"adam(beta2=0.9, epsilon=0)", 1200, true}};
    leat_context *c = t->context;
    for (size_t k = 0; k < COUNT(all); k++) {
        fed m;
        float x[N];
        bool good = true;
        REQUIRE_OK(feed_open(c, &m, all[k].text, N));
        for (int step = 0; step < all[k].steps && good; step += 10) {
            REQUIRE_OK(feed(&m, step, step + 10));
            for (size_t s = 0; s < m.slots && !all[k].kept; s++) {
                REQUIRE_OK(leat_variable_get(m.slot[s], x, sizeof x));
                good = good && CHECK(!any_subnormal(x, N));
            }
        }
        REQUIRE_OK(leat_variable_get(m.w, x, sizeof x));
        for (size_t i = 0; i < N && good; i++) good = CHECK(isfinite(x[i]));
        if (!good) printf("    %s\n", all[k].text);
        feed_close(&m);
    }
}

/* The same bytes at one thread and at two, before moments vanish and after. */
static void bytes_by_threads(leattest *t)
{
    enum { N = 70000, STEPS = 30 };
    static const char *const texts[] = {
        "rmsprop(alpha=0.1, momentum=0.05, centered=true)", "adadelta(rho=0.05)",
        "adam(amsgrad=true, beta1=0.05, beta2=0.05)", "adam(beta1=0.05, beta2=0.05)"};
    float *w[2] = {LEATI_NEW(t->context, float, N), LEATI_NEW(t->context, float, N)};
    REQUIRE(w[0] && w[1]);
    for (size_t k = 0; k < COUNT(texts); k++) {
        for (unsigned threads = 1; threads <= 2; threads++) {
            leat_context_options o = leat_context_options_default();
            leat_context *c;
            fed m;
            o.threads = threads;
            REQUIRE_OK(leat_context_create(&c, &o));
            CHECK(feed_open(c, &m, texts[k], N) == LEAT_OK && feed(&m, 0, STEPS) == LEAT_OK);
            CHECK(leat_variable_get(m.w, w[threads - 1], N * sizeof(float)) == LEAT_OK);
            feed_close(&m);
            leat_context_destroy(c);
        }
        CHECK(memcmp(w[0], w[1], N * sizeof(float)) == 0);
    }
    leati_free(w[0]);
    leati_free(w[1]);
}

static void every_optimizer_has_a_trajectory(leattest *t)
{
    for (size_t i = 0; i < leati_optimizer_count(); i++) {
        const leati_optimizer_class *class = leati_optimizer_at(i);
        size_t found = class->update == NULL;
        for (size_t k = 0; k < COUNT(golden_optimizers); k++)
            found += !strncmp(golden_optimizers[k].text, class->name, strlen(class->name));
        if (!CHECK(found > 0)) printf("    %s\n", class->name);
    }
}

static void schedules_follow_pytorch(leattest *t)
{
    leat_context *c = t->context;
    for (size_t k = 0; k < COUNT(golden_schedules); k++) {
        leati_schedule *s;
        double state[LEATI_SCHEDULE_STATE] = {0};
        REQUIRE_OK(leati_schedule_parse(c, golden_schedules[k].text, &s));
        for (uint64_t i = 0; i < GOLDEN_STEPS; i++) {
            /* where epochs count, many steps pass within one */
            bool by_step = golden_schedules[k].by_step;
            leati_schedule_at at = {.rate = golden_schedules[k].rate,
                                    .step = by_step ? i : 100 * i + 7,
                                    .steps = by_step ? GOLDEN_STEPS : 100 * GOLDEN_STEPS,
                                    .epoch = by_step ? i / 7 : i,
                                    .epochs = GOLDEN_STEPS};
            double got = s->class->rate(s, &at, state), want = golden_schedules[k].rates[i];
            if (!CHECK_NEAR(got, want, 1e-9, 1e-12)) printf("    %s\n", golden_schedules[k].text);
        }
        leati_free(s);
    }
}

static void plateau_follows_pytorch(leattest *t)
{
    leat_context *c = t->context;
    for (size_t k = 0; k < COUNT(golden_plateaus); k++) {
        leati_schedule *s;
        double state[LEATI_SCHEDULE_STATE] = {0};
        leati_schedule_at at = {.rate = golden_plateaus[k].rate};
        REQUIRE_OK(leati_schedule_parse(c, golden_plateaus[k].text, &s));
        for (int i = 0; i < GOLDEN_STEPS; i++) {
            double got = s->class->rate(s, &at, state);
            CHECK_NEAR(got, golden_plateaus[k].rates[i], 0, 1e-12);
            s->class->see(s, golden_losses[i], state);
        }
        leati_free(s);
    }
}

static double rate_at(leattest *t, const char *text, uint64_t step)
{
    leati_schedule *s;
    double state[LEATI_SCHEDULE_STATE] = {0}, rate = NAN;
    leati_schedule_at at = {.rate = 1, .step = step, .steps = 104, .epoch = step / 26, .epochs = 4};
    if (CHECK_OK(leati_schedule_parse(t->context, text, &s))) rate = s->class->rate(s, &at, state);
    leati_free(s);
    return rate;
}

/* A linear rise, then the course as if it began there. */
static void courses_begin_behind_a_warm_up(leattest *t)
{
    static const char *const all[] = {"cosine(warmup=4)", "step(10, 0.5, step, warmup=4)",
                                      "exponential(0.9, step, warmup=4)", "plateau(warmup=4)"};
    for (size_t k = 0; k < COUNT(all); k++)
        for (uint64_t i = 0; i < 5; i++)
            CHECK_NEAR(rate_at(t, all[k], i), i < 4 ? (double)(i + 1) / 4 : 1, 1e-12, 0);
    CHECK_NEAR(rate_at(t, "cosine(warmup=4)", 54), 0.5, 1e-12, 0);
    CHECK_NEAR(rate_at(t, "cosine(warmup=4)", 104), 0, 0, 1e-12);
    CHECK_NEAR(rate_at(t, "step(10, 0.5, step, warmup=4)", 14), 0.5, 1e-12, 0);
    CHECK_NEAR(rate_at(t, "exponential(0.9, step, warmup=4)", 6), 0.81, 1e-12, 0);
    CHECK_NEAR(rate_at(t, "cosine(by=epoch, warmup=4)", 52), 0.5, 1e-12, 0);
    CHECK_NEAR(rate_at(t, "cosine(warmup=500)", 103), 0.208, 1e-12, 0); /* nothing but the rise */
}

/* What a step of plain descent at rate 1 takes from the weights of dense(2, bias) on 3 inputs. */
static leat_status gradient_of(leat_context *c, double norm, double value, float out[8])
{
    static const float x[12] = {1, -2, 3, 0, 5, -1, 2, 2, 2, -4, 1, 0};
    static const float y[8] = {9, -3, 1, 0, 2, -8, 4, 5};
    leat_graph *g = NULL;
    leat_network *n = NULL;
    leat_optimizer *o = NULL;
    float after[8];
    leat_status st;
    LEATI_GO(leat_graph_create(c, NULL, &g));
    LEATI_GO(leat_network_create(g, "dense(2)", LEAT_DIMS(3), 5, &n));
    LEATI_GO(leat_optimizer_create(n, "sgd", &o));
    LEATI_GO(leat_optimizer_clip(o, norm, value));
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(4, 3), x);
    leat_tensor *want = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(4, 2), y);
    LEATI_GO(leat_optimizer_record(
        o, leat_network_loss(n, "mse", leat_network_build(n, in, true), want)));
    for (int k = 0; k < 2; k++) {
        float *to = k ? after : out;
        if (k) LEATI_GO(leat_optimizer_run(o, 1));
        LEATI_GO(leat_variable_get(leat_network_variable(n, 0), to, 6 * sizeof *to));
        LEATI_GO(leat_variable_get(leat_network_variable(n, 1), to + 6, 2 * sizeof *to));
    }
    for (int i = 0; i < 8; i++) out[i] -= after[i];
out:
    leat_optimizer_destroy(o);
    leat_network_destroy(n);
    leat_graph_destroy(g);
    return st;
}

/* A loop of one's own limits the gradient as a training does: by its norm, then every element. */
static void gradients_are_clipped(leattest *t)
{
    float plain[8], cut[8];
    double norm = 0;
    REQUIRE_OK(gradient_of(t->context, 0, 0, plain));
    for (int i = 0; i < 8; i++) norm += (double)plain[i] * (double)plain[i];
    norm = sqrt(norm);
    REQUIRE(norm > 2);
    REQUIRE_OK(gradient_of(t->context, 1.5, 0, cut));
    for (int i = 0; i < 8; i++) CHECK_NEAR(cut[i], plain[i] * 1.5 / norm, 1e-4, 1e-5);
    REQUIRE_OK(gradient_of(t->context, 0, 0.5, cut));
    for (int i = 0; i < 8; i++) CHECK_NEAR(cut[i], fmax(fmin(plain[i], 0.5), -0.5), 1e-4, 1e-5);
    REQUIRE_OK(gradient_of(t->context, 1.5, 0.5, cut));
    for (int i = 0; i < 8; i++)
        CHECK_NEAR(cut[i], fmax(fmin(plain[i] * 1.5 / norm, 0.5), -0.5), 1e-4, 1e-5);
    REQUIRE_OK(gradient_of(t->context, 1e6, 0, cut)); /* it is shorter */
    for (int i = 0; i < 8; i++) CHECK_NEAR(cut[i], plain[i], 1e-4, 1e-5);
    CHECK_FAILS(gradient_of(t->context, -1, 0, cut), LEAT_INVALID, "limits of the gradient");
}

/* The mean of the weights over four steps, and how they change places. */
static leat_status average_once(leat_context *c, void *worst)
{
    static const float x[6] = {1, -2, 3, 0, 5, -1}, y[2] = {9, -3};
    leat_graph *g = NULL;
    leat_network *n = NULL;
    leat_optimizer *o = NULL;
    float w[3], mean[3], got[3];
    leat_status st;
    LEATI_GO(leat_graph_create(c, NULL, &g));
    LEATI_GO(leat_network_create(g, "dense(1, use_bias=false)", LEAT_DIMS(3), 5, &n));
    LEATI_GO(leat_optimizer_create(n, "sgd(momentum=0.5)", &o));
    leat_variable *v = leat_network_variable(n, 0);
    LEATI_GO(leat_optimizer_average(o, 0.75));
    LEATI_GO(leat_variable_get(v, mean, sizeof mean));
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 3), x);
    leat_tensor *want = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 1), y);
    LEATI_GO(leat_optimizer_record(
        o, leat_network_loss(n, "mse", leat_network_build(n, in, true), want)));
    for (int step = 0; step < 4; step++) {
        LEATI_GO(leat_optimizer_run(o, 0.02));
        LEATI_GO(leat_variable_get(v, w, sizeof w));
        for (int i = 0; i < 3; i++) mean[i] = 0.75f * mean[i] + 0.25f * w[i];
    }
    for (int k = 0; k < 2; k++) {
        LEATI_GO(leat_optimizer_swap(o));
        LEATI_GO(leat_variable_get(v, got, sizeof got));
        for (int i = 0; i < 3; i++)
            *(double *)worst = fmax(*(double *)worst, fabs((double)(got[i] - (k ? w : mean)[i])));
    }
out:
    leat_optimizer_destroy(o);
    leat_network_destroy(n);
    leat_graph_destroy(g);
    return st;
}

static void weights_have_a_mean(leattest *t)
{
    double worst = 0;
    leat_graph *g;
    leat_network *n;
    leat_optimizer *o;
    REQUIRE_OK(average_once(t->context, &worst));
    CHECK(worst < 1e-5);
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    REQUIRE_OK(leat_network_create(g, "dense(1)", LEAT_DIMS(3), 5, &n));
    REQUIRE_OK(leat_optimizer_create(n, "sgd", &o));
    CHECK_FAILS(leat_optimizer_swap(o), LEAT_INVALID, "no mean|leat_optimizer_average");
    CHECK_FAILS(leat_optimizer_average(o, 1), LEAT_INVALID, "between 0 and 1");
    CHECK_OK(leat_optimizer_average(o, 0.9));
    CHECK_FAILS(leat_optimizer_average(o, 0.9), LEAT_INVALID, "a mean already");
    leat_optimizer_destroy(o);
    leat_network_destroy(n);
    leat_graph_destroy(g);
    leattest_fail_some_allocations(t, average_once, &worst);
}

static void texts_are_checked(leattest *t)
{
    leat_context *c = t->context;
    leati_optimizer *o;
    leati_schedule *s;
    CHECK_FAILS(leati_optimizer_parse(c, "adm", &o), LEAT_INVALID, "adm|adam");
    CHECK_FAILS(leati_optimizer_parse(c, "sgd(momentum=2)", &o), LEAT_INVALID, "momentum");
    CHECK_FAILS(leati_optimizer_parse(c, "sgd(nesterov=true)", &o), LEAT_INVALID,
                "nesterov|momentum above 0");
    CHECK_FAILS(leati_optimizer_parse(c, "sgd(momentum=0.9, dampening=0.1, nesterov=true)", &o),
                LEAT_INVALID, "nesterov|dampening 0");
    CHECK(o == NULL);
    CHECK_FAILS(leati_optimizer_parse(c, "adamw(beta2=1)", &o), LEAT_INVALID,
                "adamw: beta1 and beta2");
    CHECK_FAILS(leati_schedule_parse(c, "cosin", &s), LEAT_INVALID, "cosin|cosine");
    CHECK_FAILS(leati_schedule_parse(c, "step(step_size=0)", &s), LEAT_INVALID, "step_size");
    CHECK_FAILS(leati_schedule_parse(c, "warmup(steps=5); cosine", &s), LEAT_INVALID,
                "the end|cosine(warmup=500)");
    CHECK(s == NULL);
    CHECK_FAILS(leati_schedule_parse(c, "cosine(restarts=true)", &s), LEAT_INVALID,
                "period is 0|the steps from|cosine(period=500, restarts=true)");
    CHECK(s == NULL);
    CHECK_FAILS(leati_schedule_parse(c, "cosine(0, restarts=true, by=epoch)", &s), LEAT_INVALID,
                "the epochs from|cosine(period=10, restarts=true, by=epoch)");
}

static const leattest_case cases[] = {TEST(optimizers_follow_pytorch),
                                      TEST(moments_of_adam_decay_to_0),
                                      TEST(bytes_by_threads),
                                      TEST(every_optimizer_has_a_trajectory),
                                      TEST(schedules_follow_pytorch),
                                      TEST(plateau_follows_pytorch),
                                      TEST(courses_begin_behind_a_warm_up),
                                      TEST(gradients_are_clipped),
                                      TEST(weights_have_a_mean),
                                      TEST(texts_are_checked)};
LEATTEST_MAIN(cases)
