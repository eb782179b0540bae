/* Owns: the checks declared in opcheck.h. */
#include "support/opcheck.h"

static const char *const devices[] = {"reference", "simulated", "cpu"};

typedef struct values {
    double *wide[OPCHECK_INPUTS];
    float *single[OPCHECK_INPUTS];
    int64_t *index[OPCHECK_INPUTS];
    size_t count[OPCHECK_INPUTS];
} values;

static size_t count_of(leat_shape s)
{
    size_t n = 1;
    for (int i = 0; i < s.rank; i++) n *= (size_t)s.dim[i];
    return n;
}

static void make_values(const opcheck *o, values *v)
{
    uint32_t x = 2463534242u;
    double low = o->low, high = o->high;
    if (low == 0 && high == 0) low = -1, high = 1;
    for (int i = 0; i < o->inputs; i++) {
        size_t n = v->count[i] = count_of(o->shape[i]);
        v->wide[i] = calloc(n + 1, sizeof(double));
        v->single[i] = calloc(n + 1, sizeof(float));
        v->index[i] = calloc(n + 1, sizeof(int64_t));
        for (size_t k = 0; k < n; k++) {
            x ^= x << 13, x ^= x >> 17, x ^= x << 5;
            double u = (double)x / 4294967296.0;
            v->single[i][k] = (float)(low + (high - low) * u);
            v->wide[i][k] = v->single[i][k];
            v->index[i][k] = (int64_t)(u * (double)o->below[i]);
        }
    }
}

static void free_values(const opcheck *o, values *v)
{
    for (int i = 0; i < o->inputs; i++) {
        free(v->wide[i]);
        free(v->single[i]);
        free(v->index[i]);
    }
}

static bool is_index(const opcheck *o, int i)
{
    return o->first_index && i >= o->first_index;
}

static int floats_of(const opcheck *o)
{
    return o->first_index ? o->first_index : o->inputs;
}

/* y, the weighted sum of y, and its gradients. */
typedef struct record {
    leat_graph *g;
    leat_tensor *in[OPCHECK_INPUTS], *y, *loss, *grad[OPCHECK_INPUTS];
    size_t size;
} record;

/* sum(y * cos(i + 1)): no symmetry hides an error. */
static leat_tensor *weigh(leat_graph *g, leat_tensor *y, double shift)
{
    size_t n = count_of(leat_tensor_shape(y));
    bool single = leat_tensor_dtype(y) == LEAT_DTYPE_F32;
    double *w = calloc(n + 1, sizeof *w);
    for (size_t i = 0; i < n; i++) {
        w[i] = cos((double)i * 0.7 + shift);
        if (single) ((float *)(void *)w)[i] = (float)cos((double)i * 0.7 + shift);
    }
    leat_tensor *k = leat_constant(g, leat_tensor_dtype(y), leat_tensor_shape(y), w);
    free(w);
    return leat_sum(leat_mul(y, k), 0, NULL, false);
}

static bool make_record(leattest *t, const opcheck *o, values *v, const char *device,
                        leat_dtype type, bool second, record *r)
{
    *r = (record){.size = leat_dtype_size(type)};
    if (!CHECK_OK(leat_graph_create(t->context, device, &r->g))) return false;
    for (int i = 0; i < o->inputs; i++) {
        const void *data = type == LEAT_DTYPE_F32 ? (void *)v->single[i] : (void *)v->wide[i];
        r->in[i] = is_index(o, i) ? leat_input(r->g, LEAT_DTYPE_I64, o->shape[i], v->index[i])
                                  : leat_input(r->g, type, o->shape[i], data);
    }
    r->y = o->build(r->in, o->arg);
    if (!r->y) {
        CHECK_OK(leat_error_status(t->context));
        printf("  %s on %s\n", o->name, device);
        return false;
    }
    if (o->no_gradient) return true;
    r->loss = weigh(r->g, r->y, 0.3);
    if (!CHECK_OK(leat_gradients(r->loss, NULL, (size_t)floats_of(o), r->in, r->grad)))
        return false;
    if (second) {
        leat_tensor *sum = NULL;
        for (int i = 0; i < floats_of(o); i++) {
            leat_tensor *part = weigh(r->g, r->grad[i], 0.1 * i);
            sum = sum ? leat_add(sum, part) : part;
        }
        r->loss = sum;
        if (!CHECK_OK(leat_gradients(r->loss, NULL, (size_t)floats_of(o), r->in, r->grad)))
            return false;
    }
    return true;
}

static size_t roots_of(const opcheck *o, const record *r, leat_tensor **roots)
{
    size_t n = 0;
    roots[n++] = r->y;
    for (int i = 0; !o->no_gradient && i < floats_of(o); i++) roots[n++] = r->grad[i];
    return n;
}

/* All results of a record as one array of doubles. */
static double *results(leattest *t, const opcheck *o, const record *r, size_t *count)
{
    leat_tensor *roots[OPCHECK_INPUTS + 1];
    size_t n = roots_of(o, r, roots), at = 0;
    *count = 0;
    for (size_t i = 0; i < n; i++) *count += count_of(leat_tensor_shape(roots[i]));
    double *all = calloc(*count + 1, sizeof *all);
    if (!CHECK_OK(leat_run(r->g, n, roots))) {
        printf("  %s\n", o->name);
        return all;
    }
    for (size_t i = 0; i < n; i++) {
        size_t k = count_of(leat_tensor_shape(roots[i]));
        bool single = leat_tensor_dtype(roots[i]) == LEAT_DTYPE_F32;
        CHECK_OK(leat_get(roots[i], all + at, k * (single ? 4 : 8)));
        if (single)
            for (size_t j = k; j-- > 0;) all[at + j] = ((float *)(void *)(all + at))[j];
        at += k;
    }
    return all;
}

static double loss_at(leattest *t, const record *r)
{
    double y = NAN;
    CHECK_OK(leat_run(r->g, 1, (leat_tensor *const *)&r->loss));
    CHECK_OK(leat_get(r->loss, &y, sizeof y));
    return y;
}

static void check_differences(leattest *t, const opcheck *o, values *v, bool second)
{
    record r;
    if (!make_record(t, o, v, "reference", LEAT_DTYPE_F64, second, &r)) {
        leat_graph_destroy(r.g);
        return;
    }
    if (second) CHECK_OK(leat_gradients(r.loss, NULL, (size_t)floats_of(o), r.in, r.grad));
    size_t count, at = count_of(leat_tensor_shape(r.y));
    double *all = results(t, o, &r, &count);
    for (int i = 0; i < floats_of(o); i++) {
        size_t step = v->count[i] > 40 ? v->count[i] / 20 : 1;
        for (size_t k = 0; k < v->count[i]; k += step) {
            double x = v->wide[i][k], h = 1e-5, up, down;
            v->wide[i][k] = x + h;
            up = loss_at(t, &r);
            v->wide[i][k] = x - h;
            down = loss_at(t, &r);
            v->wide[i][k] = x;
            if (!CHECK_NEAR(all[at + k], (up - down) / (2 * h), 2e-6, 3e-9)) {
                printf("  %s%s: input %d element %zu\n", o->name, second ? " twice" : "", i, k);
                break;
            }
        }
        at += v->count[i];
    }
    free(all);
    leat_graph_destroy(r.g);
}

static void compare(leattest *t, const opcheck *o, const char *what, const double *got,
                    const double *want, size_t count, double rtol)
{
    double scale = 0;
    for (size_t i = 0; i < count; i++)
        if (isfinite(want[i]) && fabs(want[i]) > scale) scale = fabs(want[i]);
    for (size_t i = 0; i < count; i++) {
        if (CHECK_NEAR(got[i], want[i], rtol, rtol * scale)) continue;
        printf("  %s on %s: element %zu of all results\n", o->name, what, i);
        return;
    }
}

static double *results_with(leattest *t, const opcheck *o, values *v, const char *device,
                            leat_dtype type, size_t *count)
{
    record r;
    double *all = NULL;
    *count = 0;
    if (make_record(t, o, v, device, type, false, &r)) all = results(t, o, &r, count);
    leat_graph_destroy(r.g);
    return all;
}

static void check_threads(leattest *t, const opcheck *o, values *v)
{
    double *all[2];
    size_t count[2];
    for (unsigned k = 0; k < 2; k++) {
        leattest inner = *t;
        leat_context_options options = leat_context_options_default();
        options.threads = k + 1;
        if (!CHECK_OK(leat_context_create(&inner.context, &options))) return;
        all[k] = results_with(&inner, o, v, "cpu", LEAT_DTYPE_F32, &count[k]);
        leat_context_destroy(inner.context);
        t->failures = inner.failures, t->checks = inner.checks;
    }
    CHECK(count[0] == count[1]);
    if (all[0] && all[1] && !CHECK(!memcmp(all[0], all[1], count[0] * sizeof(double))))
        printf("  %s: threads change the result\n", o->name);
    free(all[0]);
    free(all[1]);
}

void opcheck_run(leattest *t, const opcheck *o)
{
    values v = {0};
    size_t count, n;
    make_values(o, &v);
    double *want = results_with(t, o, &v, "reference", LEAT_DTYPE_F64, &count);
    for (int d = 0; want && d < 3; d++)
        for (int single = 0; single < 2; single++) {
            double *got =
                results_with(t, o, &v, devices[d], single ? LEAT_DTYPE_F32 : LEAT_DTYPE_F64, &n);
            if (got && CHECK(n == count))
                compare(t, o, devices[d], got, want, count,
                        single ? (o->rtol ? o->rtol : 2e-5) : 1e-12);
            free(got);
        }
    if (want && !o->no_gradient) check_differences(t, o, &v, false);
    if (want && o->second_order) check_differences(t, o, &v, true);
    if (want) check_threads(t, o, &v);
    free(want);
    free_values(o, &v);
}
