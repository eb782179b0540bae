/* The battery of operations. Every row of eltwise.def and ops.def has samples (op_samples.h), and
 * every sample runs
 *   - on the reference, whose result is the measure; on the simulated device (equal bytes); on the
 *     cpu at every level this machine has (the sample's tolerance), with equal bytes for 1, 2 and
 *     4 threads and for a second run, its inputs untouched
 *   - backwards in f64 on reference and cpu, against central differences, if it is differentiable;
 *     the gradients of its gradients where it asks for that
 *   - with its first, second, ... allocation failing (one sample of each operation).
 * `op_test --list` prints the samples; names of operations as arguments run these only. */
#include "battery/op_samples.h"

#include <float.h>
#include <strings.h>

#include "base/cpu.h"
#include "base/hash.h"
#include "base/rng.h"
#include "graph/plan.h"
#include "kernel/eltwise.h"
#include "support/leattest.h"
#include "support/levels.h"
#include "tensor/shape.h"

enum { MOST_OUTPUTS = LEATI_MAX_OUTPUTS, THREADS = 3 };
static const unsigned thread_counts[THREADS] = {1, 2, 4};

/* ---- data ------------------------------------------------------------------------------------ */

static double special_value(leati_rng *rng, double low, double high)
{
    static const double odd[] = {NAN, INFINITY, -INFINITY, 0, -0.0, 1, -1, 0.5, 1e-30, -1e30};
    uint32_t k = leati_rng_below(rng, 20);
    return k < 10 ? odd[k] : low + (high - low) * leati_rng_uniform(rng);
}

/* A point of the half-open intervals [k / 2 + from, k / 2 + from + 0.1). */
static double smooth_value(leati_rng *rng, double low, double high, double from)
{
    for (int i = 0; i < 1000; i++) {
        double x = low + (high - low) * leati_rng_uniform(rng);
        x = floor(2 * x) / 2 + from + 0.1 * leati_rng_uniform(rng);
        if (x >= low && x <= high) return x;
    }
    return low;
}

static void fill_values(const op_in *in, bool integer, size_t count, leati_rng *rng, double *x)
{
    for (size_t i = 0; i < count; i++) {
        double u = leati_rng_uniform(rng);
        switch (in->fill) {
        case OP_UNIFORM:
            x[i] = integer ? floor(in->low + (in->high - in->low + 1) * u)
                           : in->low + (in->high - in->low) * u;
            break;
        case OP_SMOOTH: x[i] = smooth_value(rng, in->low, in->high, 0.1); break;
        case OP_SMOOTH_B: x[i] = smooth_value(rng, in->low, in->high, 0.3); break;
        case OP_DISTINCT:
            x[i] = in->low + (in->high - in->low) * (double)i / (double)(count > 1 ? count - 1 : 1);
            if (integer) x[i] = floor(x[i]);
            break;
        case OP_SPECIAL: x[i] = special_value(rng, in->low, in->high); break;
        case OP_VALUES: x[i] = in->values[i % (size_t)in->low]; break;
        }
    }
    if (in->fill != OP_DISTINCT) return;
    for (size_t i = count; i > 1; i--) {
        size_t k = leati_rng_below(rng, (uint32_t)i);
        double swap = x[k];
        x[k] = x[i - 1];
        x[i - 1] = swap;
    }
}

static leat_dtype type_of_input(const op_in *in, leat_dtype type)
{
    return in->dtype == OP_T ? type : (leat_dtype)in->dtype;
}

/* The inputs of a sample in one type. */
typedef struct inputs {
    size_t count, bytes[OP_MOST_INPUTS];
    void *data[OP_MOST_INPUTS];
} inputs;

static void inputs_make(inputs *x, const op_sample *s, leat_dtype type)
{
    *x = (inputs){.count = s->ins};
    for (size_t k = 0; k < s->ins; k++) {
        leat_dtype dtype = type_of_input(&s->in[k], type);
        size_t count = leati_shape_count(&s->in[k].shape);
        x->bytes[k] = count * leat_dtype_size(dtype);
        x->data[k] = malloc(x->bytes[k] + 1);
        double *values = malloc((count + 1) * sizeof *values);
        leati_rng rng;
        leati_rng_init(&rng, leati_hash64(s->name, strlen(s->name), (uint64_t)s->op),
                       LEATI_RNG_TEST, (uint32_t)k);
        fill_values(&s->in[k], !leati_dtype_is_float(dtype), count, &rng, values);
        leati_cast_kernel(NULL, LEAT_DTYPE_F64, dtype)(count, values, NULL, NULL, x->data[k]);
        free(values);
    }
}

static inputs inputs_copy(const inputs *x)
{
    inputs copy = *x;
    for (size_t k = 0; k < x->count; k++) {
        copy.data[k] = malloc(x->bytes[k] + 1);
        memcpy(copy.data[k], x->data[k], x->bytes[k]);
    }
    return copy;
}

static void inputs_free(inputs *x)
{
    for (size_t k = 0; k < x->count; k++) free(x->data[k]);
    x->count = 0;
}

/* ---- running a sample -------------------------------------------------------------------------
 */

typedef struct case_run {
    leat_graph *g;
    inputs x;
    leat_tensor *in[OP_MOST_INPUTS], *out[MOST_OUTPUTS];
    size_t outs;
} case_run;

typedef struct result {
    leat_dtype dtype;
    leat_shape shape;
    size_t bytes;
    void *data;
} result;

typedef struct results {
    size_t count;
    result r[MOST_OUTPUTS];
} results;

static void results_free(results *r)
{
    for (size_t i = 0; i < r->count; i++) free(r->r[i].data);
    *r = (results){0};
}

static void case_close(case_run *r)
{
    leat_graph_destroy(r->g);
    inputs_free(&r->x);
}

/* Records the sample on a copy of the inputs x. To be closed in any case. */
static leat_status case_open(leat_context *c, const char *device, const op_sample *s,
                             leat_dtype type, const inputs *x, case_run *r)
{
    *r = (case_run){0};
    leat_status st = leat_graph_create(c, device, &r->g);
    if (st != LEAT_OK) return st;
    r->x = inputs_copy(x);
    for (size_t k = 0; k < s->ins; k++) {
        leat_dtype dtype = type_of_input(&s->in[k], type);
        r->in[k] = leat_input(r->g, dtype, s->in[k].shape, r->x.data[k]);
    }
    if ((st = leat_error_status(c)) != LEAT_OK) return st;
    s->record(s, r->g, r->in, r->out);
    for (size_t i = 0; i < MOST_OUTPUTS; i++)
        if (r->out[i]) r->out[r->outs++] = r->out[i];
    return leat_error_status(c);
}

/* The values of the outputs, allocated. */
static leat_status case_get(case_run *r, results *out)
{
    *out = (results){0};
    leat_status st = leat_run(r->g, r->outs, r->out);
    for (size_t i = 0; st == LEAT_OK && i < r->outs; i++) {
        result *to = &out->r[out->count++];
        to->dtype = leat_tensor_dtype(r->out[i]);
        to->shape = leat_tensor_shape(r->out[i]);
        to->bytes = leati_shape_count(&to->shape) * leat_dtype_size(to->dtype);
        to->data = calloc(to->bytes + 1, 1);
        st = leat_get(r->out[i], to->data, to->bytes);
    }
    return st;
}

static const char *title(const op_sample *s, leat_dtype type)
{
    static char text[256];
    snprintf(text, sizeof text, "%s (%s, %s)", leati_op_info_of(s->op)->name, s->name,
             leat_dtype_name(type));
    return text;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static double epsilon_of(leat_dtype d)
{
    switch (d) {
    case LEAT_DTYPE_F64: return DBL_EPSILON;
    case LEAT_DTYPE_BF16: return 0x1p-7;
    case LEAT_DTYPE_F16: return 0x1p-10;
    default: return FLT_EPSILON;
    }
}

/* The smallest normal number: below it the grid of values is coarser than epsilon says. */
static double least_of(leat_dtype d)
{
    return d == LEAT_DTYPE_F64 ? DBL_MIN : d == LEAT_DTYPE_F16 ? 0x1p-14 : FLT_MIN;
}

static bool near(double got, double want, double tolerance)
{
    if (isnan(got) || isnan(want)) return isnan(got) && isnan(want);
    return got == want || fabs(got - want) <= tolerance;
}

static bool is_equal(leattest *t, const results *got, const results *want, const char *what)
{
    bool same = got->count == want->count;
    for (size_t i = 0; same && i < got->count; i++)
        same = got->r[i].bytes == want->r[i].bytes &&
               !memcmp(got->r[i].data, want->r[i].data, got->r[i].bytes);
    if (!CHECK(same)) printf("    %s\n", what);
    return same;
}

static bool is_near(leattest *t, const op_sample *s, const result *got, const result *want)
{
    if (!CHECK(got->bytes == want->bytes && got->dtype == want->dtype)) return false;
    size_t count = leati_shape_count(&got->shape);
    double *x = malloc((count + 1) * sizeof *x), *y = malloc((count + 1) * sizeof *y);
    bool floats = leati_dtype_is_float(got->dtype), good = true;
    leati_elt_fn cast = leati_cast_kernel(t->context, got->dtype, LEAT_DTYPE_F64);
    cast(count, got->data, NULL, NULL, x);
    cast(count, want->data, NULL, NULL, y);
    double unit = s->tol * epsilon_of(got->dtype), least = least_of(got->dtype);
    for (size_t i = 0; good && i < count; i++) {
        double size = fabs(y[i]) > s->scale ? fabs(y[i]) : s->scale;
        if (size < least) size = least;
        good = floats ? near(x[i], y[i], unit * size) : x[i] == y[i];
        if (!good) printf("    element %zu: got %.9g, the reference says %.9g\n", i, x[i], y[i]);
    }
    free(x);
    free(y);
    return CHECK(good);
}

/* ---- forward ----------------------------------------------------------------------------------
 */

typedef struct battery {
    leattest *t;
    leat_context *at[LEATI_CPU_LEVELS][THREADS]; /* NULL where this machine lacks the level */
    uint32_t samples[LEATI_OP_COUNT];
    size_t runs;
} battery;

static const char *const *only; /* names of operations, NULL-terminated; NULL: all */

static bool wanted(leati_op op)
{
    bool yes = !only || !*only;
    for (const char *const *name = only; name && *name; name++)
        yes |= strcasecmp(*name, leati_op_info_of(op)->name) == 0;
    return yes;
}

static void open_contexts(battery *b)
{
    leattest *t = b->t;
    for (int level = 0; level < LEATI_CPU_LEVELS; level++) {
        if (!leattest_has_level(level)) continue;
        for (int k = 0; k < THREADS; k++) {
            leat_context_options o = leat_context_options_default();
            o.cpu = leati_cpu_level_name((leati_cpu_level)level);
            o.threads = thread_counts[k];
            CHECK_OK(leat_context_create(&b->at[level][k], &o));
        }
    }
}

static void close_contexts(battery *b)
{
    for (int level = 0; level < LEATI_CPU_LEVELS; level++)
        for (int k = 0; k < THREADS; k++) leat_context_destroy(b->at[level][k]);
}

/* Runs twice (the reference, whose second run is the simulated device's, once); the inputs must
 * stay as they were. */
static bool run_on(leattest *t, leat_context *c, const char *device, const op_sample *s,
                   leat_dtype type, const inputs *x, results *out)
{
    case_run r;
    results again = {0};
    *out = (results){0};
    leat_status st = case_open(c, device, s, type, x, &r);
    if (st == LEAT_OK) st = case_get(&r, out);
    bool twice = strcmp(device, "reference") != 0;
    if (st == LEAT_OK && twice) st = case_get(&r, &again);
    bool good = CHECK(st == LEAT_OK);
    if (!good) {
        printf("    %s on %s: %s\n", title(s, type), device, leat_error_message(c));
        leat_error_clear(c);
    } else {
        good = !twice || is_equal(t, &again, out, "a second run gives the same");
        for (size_t k = 0; k < x->count; k++)
            good &= CHECK(!memcmp(x->data[k], r.x.data[k], x->bytes[k]));
    }
    results_free(&again);
    case_close(&r);
    return good;
}

static bool records_its_operation(leattest *t, const op_sample *s, leat_dtype type, const inputs *x)
{
    case_run r;
    leati_order order = {0};
    bool found = false;
    if (case_open(t->context, "reference", s, type, x, &r) == LEAT_OK &&
        leati_order_make(r.g, r.outs, r.out, &order) == LEAT_OK)
        for (size_t i = 0; i < order.count; i++) found |= order.node[i]->op == s->op;
    leati_order_fini(&order);
    case_close(&r);
    return CHECK(found);
}

static void run_on_cpu(battery *b, const op_sample *s, leat_dtype type, const inputs *x,
                       const results *want)
{
    leattest *t = b->t;
    for (int level = 0; level < LEATI_CPU_LEVELS; level++) {
        results got[THREADS] = {0};
        if (!b->at[level][0]) continue;
        bool good = true;
        for (int k = 0; good && k < THREADS; k++) {
            good = run_on(t, b->at[level][k], "cpu", s, type, x, &got[k]);
            if (good && k) good = is_equal(t, &got[k], &got[0], "for any number of threads");
        }
        for (size_t i = 0; good && i < want->count; i++)
            good = is_near(t, s, &got[0].r[i], &want->r[i]);
        if (!good)
            printf("    %s at level %s\n", title(s, type),
                   leati_cpu_level_name((leati_cpu_level)level));
        for (int k = 0; k < THREADS; k++) results_free(&got[k]);
    }
}

static void forward_type(battery *b, const op_sample *s, leat_dtype type)
{
    leattest *t = b->t;
    results want, far = {0};
    int before = t->failures;
    b->runs++;
    inputs x;
    inputs_make(&x, s, type);
    if (records_its_operation(t, s, type, &x) &&
        run_on(t, t->context, "reference", s, type, &x, &want)) {
        if (run_on(t, t->context, "simulated", s, type, &x, &far))
            is_equal(t, &far, &want, "the simulated device is the reference");
        run_on_cpu(b, s, type, &x, &want);
        results_free(&far);
        results_free(&want);
    }
    inputs_free(&x);
    if (t->failures > before) printf("    %s\n", title(s, type));
    leat_error_clear(t->context);
}

static void forward_sample(void *user, const op_sample *s)
{
    battery *b = user;
    leattest *t = b->t;
    b->samples[s->op]++;
    if (!wanted(s->op)) return;
    CHECK(s->types != 0);
    for (int type = 0; type < LEAT_DTYPES; type++)
        if (s->types >> type & 1) forward_type(b, s, (leat_dtype)type);
}

static void each_sample(op_visit visit, void *user)
{
#define G(group) op_samples_##group(visit, user);
    OP_SAMPLE_GROUPS(G)
#undef G
}

static void devices_agree(leattest *t)
{
    battery b = {.t = t};
    open_contexts(&b);
    each_sample(forward_sample, &b);
    close_contexts(&b);
    printf("  %zu samples and types\n", b.runs);
}

static void count_sample(void *user, const op_sample *s)
{
    ((uint32_t *)user)[s->op]++;
}

/* Leaves, ASSIGN and what only the planner makes are tested with whole graphs. */
static void every_operation_has_samples(leattest *t)
{
    uint32_t samples[LEATI_OP_COUNT] = {0};
    each_sample(count_sample, samples);
    for (int op = 0; op < LEATI_OP_COUNT; op++) {
        bool apart = op == LEATI_OP_INPUT || op == LEATI_OP_CONSTANT || op == LEATI_OP_VARIABLE ||
                     op == LEATI_OP_ASSIGN || op == LEATI_OP_FUSED || op == LEATI_OP_CONV_DEPTH;
        if (!CHECK(apart || samples[op]))
            printf("    %s has no sample\n", leati_op_info_of((leati_op)op)->name);
    }
}

/* ---- gradients --------------------------------------------------------------------------------
 */

/* A sum over a tensor with fixed weights that differ: no error cancels. */
static leat_tensor *weighed(leat_tensor *x, uint32_t purpose)
{
    leat_graph *g = leat_tensor_graph(x);
    leat_shape shape = leat_tensor_shape(x);
    size_t count = leati_shape_count(&shape);
    double *w = malloc((count + 1) * sizeof *w);
    leati_rng rng;
    leati_rng_init(&rng, count, LEATI_RNG_TEST, 1000 + purpose);
    for (size_t i = 0; i < count; i++) w[i] = 0.5 + leati_rng_uniform(&rng);
    leat_tensor *y = leat_mul(x, leat_constant(g, LEAT_DTYPE_F64, shape, w));
    free(w);
    return leat_sum(y, 0, NULL, false);
}

static bool is_checked(const op_sample *s, size_t k)
{
    return s->in[k].dtype == OP_T && !(s->fixed >> k & 1);
}

/* The scalar to differentiate: the weighed sum of all outputs, or of their gradients. */
static leat_status make_scalar(const op_sample *s, case_run *r, bool second, leat_tensor **loss,
                               leat_tensor **grad)
{
    leat_tensor *xs[OP_MOST_INPUTS], *dx[OP_MOST_INPUTS];
    size_t count = 0;
    *loss = NULL;
    for (size_t k = 0; k < s->ins; k++)
        if (is_checked(s, k)) xs[count++] = r->in[k];
    for (size_t i = 0; i < r->outs; i++) {
        if (leat_tensor_dtype(r->out[i]) != LEAT_DTYPE_F64) continue;
        leat_tensor *part = weighed(r->out[i], (uint32_t)i);
        *loss = *loss ? leat_add(*loss, part) : part;
    }
    if (second) {
        leat_status st = leat_gradients(*loss, NULL, count, xs, dx);
        if (st != LEAT_OK) return st;
        *loss = NULL;
        for (size_t k = 0; k < count; k++) {
            leat_tensor *part = weighed(dx[k], 100 + (uint32_t)k);
            *loss = *loss ? leat_add(*loss, part) : part;
        }
    }
    leat_status st = leat_gradients(*loss, NULL, count, xs, dx);
    for (size_t k = 0, i = 0; k < s->ins; k++) grad[k] = is_checked(s, k) ? dx[i++] : NULL;
    return st;
}

static double loss_at(leattest *t, case_run *r, leat_tensor *loss)
{
    double y = NAN;
    CHECK_OK(leat_run(r->g, 1, &loss));
    CHECK_OK(leat_get(loss, &y, sizeof y));
    return y;
}

/* Elements of an input whose differences are taken: all of a small one. */
static size_t stride_of(size_t count)
{
    return count <= 48 ? 1 : count / 48;
}

static bool compare_differences(leattest *t, const op_sample *s, case_run *r, leat_tensor *loss,
                                leat_tensor *const *grad, size_t k)
{
    enum { MOST = 4096 };
    static double got[MOST];
    size_t count = leati_shape_count(&s->in[k].shape);
    if (!CHECK(count <= MOST)) return false;
    leat_tensor *root = grad[k];
    if (!CHECK_OK(leat_run(r->g, 1, &root)) || !CHECK_OK(leat_get(root, got, count * sizeof *got)))
        return false;
    double *x = r->x.data[k];
    for (size_t i = 0; i < count; i += stride_of(count)) {
        double at = x[i], h = 1e-5 * (fabs(at) > 0.1 ? fabs(at) : 0.1);
        x[i] = at + h;
        double up = loss_at(t, r, loss), wide = x[i];
        x[i] = at - h;
        double down = loss_at(t, r, loss);
        wide -= x[i];
        x[i] = at;
        double want = (up - down) / wide;
        double size = fabs(up) * DBL_EPSILON / h * 8; /* what rounding makes of the difference */
        if (!CHECK_NEAR(got[i], want, 2e-6, 1e-8 + size)) {
            printf("    input %zu, element %zu at %.9g\n", k + 1, i, at);
            return false;
        }
    }
    return true;
}

static void check_gradient(leattest *t, const op_sample *s, const char *device, bool second)
{
    case_run r;
    leat_tensor *loss, *grad[OP_MOST_INPUTS];
    int before = t->failures;
    inputs x;
    inputs_make(&x, s, LEAT_DTYPE_F64);
    if (CHECK_OK(case_open(t->context, device, s, LEAT_DTYPE_F64, &x, &r)) &&
        CHECK_OK(make_scalar(s, &r, second, &loss, grad)))
        for (size_t k = 0; k < s->ins; k++)
            if (is_checked(s, k) && !compare_differences(t, s, &r, loss, grad, k)) break;
    if (t->failures > before)
        printf("    %s on %s%s\n", title(s, LEAT_DTYPE_F64), device, second ? ", second" : "");
    leat_error_clear(t->context);
    case_close(&r);
    inputs_free(&x);
}

static void gradient_sample(void *user, const op_sample *s)
{
    leattest *t = user;
    if (!s->gradient || !wanted(s->op)) return;
    CHECK(s->types & OP_BIT(F64));
    check_gradient(t, s, "reference", false);
    check_gradient(t, s, "cpu", false);
}

static void second_sample(void *user, const op_sample *s)
{
    leattest *t = user;
    if (!s->second || !wanted(s->op)) return;
    check_gradient(t, s, "reference", true);
    check_gradient(t, s, "cpu", true);
}

static void gradients_match_differences(leattest *t)
{
    each_sample(gradient_sample, t);
    CHECK(true);
}

static void second_gradients_match_differences(leattest *t)
{
    each_sample(second_sample, t);
    CHECK(true);
}

/* ---- failures ---------------------------------------------------------------------------------
 */

static void check_failure(void *user, const op_failure *f)
{
    static const char *const devices[] = {"reference", "simulated", "cpu"};
    leattest *t = user;
    if (!wanted(f->op)) return;
    int before = t->failures;
    for (size_t d = 0; d < 3; d++) {
        leat_graph *g;
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        leat_scope_push(g, "layer 7");
        leat_tensor *y = f->record(g);
        leat_scope_pop(g);
        leat_status st = leat_error_status(t->context);
        if (f->at_run) {
            char byte[65536];
            CHECK(y && st == LEAT_OK);
            st = leat_run(g, 1, &y);
            /* a device with a queue of its own tells when its results are asked for */
            leat_shape shape = y ? leat_tensor_shape(y) : LEAT_SCALAR;
            size_t bytes =
                y ? leati_shape_count(&shape) * leat_dtype_size(leat_tensor_dtype(y)) : 0;
            if (st == LEAT_OK && CHECK(bytes <= sizeof byte)) st = leat_get(y, byte, bytes);
        } else {
            CHECK(y == NULL);
        }
        CHECK_FAILS(st, f->status, f->words);
        leat_graph_destroy(g);
        if (t->failures > before) {
            printf("    %s: %s on %s\n", leati_op_info_of(f->op)->name, f->name, devices[d]);
            break;
        }
    }
}

static void wrong_uses_are_refused(leattest *t)
{
#define G(group) op_failures_##group(check_failure, t);
    OP_SAMPLE_GROUPS(G)
#undef G
}

/* ---- allocations ------------------------------------------------------------------------------
 */

static leat_status run_sample_once(leat_context *c, void *arg)
{
    const op_sample *s = arg;
    case_run r;
    results got = {0};
    leat_dtype type = LEAT_DTYPE_F32;
    while (!(s->types >> type & 1)) type++;
    inputs x;
    inputs_make(&x, s, type);
    leat_status st = case_open(c, "cpu", s, type, &x, &r);
    if (st == LEAT_OK) st = case_get(&r, &got);
    results_free(&got);
    case_close(&r);
    inputs_free(&x);
    return st;
}

typedef struct allocations {
    leattest *t;
    bool seen[LEATI_OP_COUNT];
} allocations;

static void fail_sample(void *user, const op_sample *s)
{
    allocations *a = user;
    if (a->seen[s->op] || !wanted(s->op)) return;
    a->seen[s->op] = true;
    int before = a->t->failures;
    op_sample copy = *s;
    leattest_fail_allocations(a->t, run_sample_once, &copy);
    if (a->t->failures > before) printf("    %s\n", title(s, LEAT_DTYPE_F32));
}

static void failing_allocations(leattest *t)
{
    allocations a = {.t = t};
    each_sample(fail_sample, &a);
}

static const leattest_case cases[] = {
    TEST(every_operation_has_samples), TEST(devices_agree),
    TEST(gradients_match_differences), TEST(second_gradients_match_differences),
    TEST(wrong_uses_are_refused),      TEST(failing_allocations)};

static void print_sample(void *user, const op_sample *s)
{
    (void)user;
    printf("%s: %s%s\n", leati_op_info_of(s->op)->name, s->name, s->gradient ? ", gradient" : "");
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--list")) {
        each_sample(print_sample, NULL);
        return 0;
    }
    only = (const char *const *)argv + 1;
    return leattest_main(1, argv, cases, sizeof cases / sizeof *cases);
}
