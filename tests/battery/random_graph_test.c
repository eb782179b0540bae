/* Random graphs on every device: the planner decides differently on each (views, fusion, results in
 * place, parts of concatenations, values straight into variables), the values must agree.
 *
 * Integers (i32, wrapping) are compared bit for bit; in f64 the operations chosen are those that
 * all devices compute alike. A graph is recorded from a list of random numbers, so a failing one is
 * named by its seed: `random_graph_test --seed N [COUNT]` runs COUNT graphs from seed N on. */
#include <leat/graph.h>

#include "base/rng.h"
#include "graph/plan.h"
#include "support/leattest.h"
#include "tensor/shape.h"

enum { MOST_VALUES = 60, MOST_ROOTS = 12, VARIABLES = 4, RUNS = 3, INPUTS = 3 };

typedef struct builder {
    leati_rng rng;
    leat_graph *g;
    leat_dtype dtype;
    leat_tensor *value[MOST_VALUES];
    size_t values;
    leat_variable *variable[VARIABLES];
    bool stored[VARIABLES];
    leat_tensor *root[MOST_ROOTS];
    size_t roots;
    double data[INPUTS][64];
} builder;

static uint32_t below(builder *b, uint32_t n)
{
    return leati_rng_below(&b->rng, n);
}

static leat_tensor *any(builder *b)
{
    /* mostly late ones: deep graphs */
    uint32_t n = (uint32_t)b->values;
    return b->value[below(b, 2) && n > 6 ? n - 1 - below(b, 6) : below(b, n)];
}

static void add(builder *b, leat_tensor *x)
{
    if (x && b->values < MOST_VALUES) b->value[b->values++] = x;
}

/* Two tensors of one shape, the second by way of sums down and broadcasting. */
static leat_tensor *like(builder *b, leat_tensor *x, leat_tensor *y)
{
    leat_shape sx = leat_tensor_shape(x), sy = leat_tensor_shape(y);
    if (leati_shape_equal(&sx, &sy)) return y;
    if (leati_shape_count(&sx) == leati_shape_count(&sy)) return leat_reshape(y, sx);
    (void)b;
    return leat_expand(leat_max(y, 0, NULL, false), sx);
}

static leat_tensor *elementwise(builder *b, leat_tensor *x)
{
    leat_tensor *y = like(b, x, any(b));
    switch (below(b, 9)) {
    case 0: return leat_add(x, y);
    case 1: return leat_sub(y, x);
    case 2: return leat_maximum(x, y);
    case 3: return leat_minimum(x, y);
    case 4: return leat_neg(x);
    case 5: return leat_abs(x);
    case 6: return leat_relu(x);
    case 7: return leat_where(leat_less(x, y), x, leat_neg(y));
    default: return leat_cast(leat_cast(x, LEAT_DTYPE_I64), b->dtype);
    }
}

static leat_tensor *moved(builder *b, leat_tensor *x)
{
    leat_shape s = leat_tensor_shape(x);
    int axis = s.rank ? (int)below(b, (uint32_t)s.rank) : 0;
    int64_t dim = s.rank ? s.dim[axis] : 0, low[LEAT_MAX_RANK] = {0}, high[LEAT_MAX_RANK] = {0};
    switch (below(b, 8)) {
    case 0: return leat_transpose(x, NULL);
    case 1: return leat_flip(x, 0, NULL);
    case 2: return leat_reshape(x, LEAT_DIMS(-1));
    case 3:
        if (s.rank == 0 || dim < 2) return leat_unsqueeze(x, 0);
        int64_t start = below(b, (uint32_t)dim - 1);
        return leat_narrow(x, axis, start, 1 + below(b, (uint32_t)(dim - start)));
    case 4:
        if (s.rank == 0 || leati_shape_count(&s) > 60) return x;
        low[axis] = below(b, 3);
        high[axis] = below(b, 2);
        return leat_pad(x, LEAT_PAD_CONSTANT, low, high, 1);
    case 5:
        if (s.rank == 0) return leat_expand(x, LEAT_DIMS(3));
        int64_t begin = 0, end = LEAT_END, step = below(b, 2) ? 2 : -1;
        if (step < 0) begin = -1, end = LEAT_BEGIN;
        return leat_slice(x, 1, &axis, &begin, &end, &step);
    case 6: return s.rank ? leat_max(x, 1, &axis, below(b, 2)) : leat_neg(x);
    default: return s.rank ? leat_cumsum(x, axis, below(b, 2), below(b, 2)) : leat_abs(x);
    }
}

static leat_tensor *joined(builder *b, leat_tensor *x)
{
    leat_shape s = leat_tensor_shape(x);
    if (s.rank == 0 || leati_shape_count(&s) > 100)
        return leat_stack(2, (leat_tensor *[]){x, x}, 0);
    leat_tensor *part[3];
    size_t count = 2 + below(b, 2);
    for (size_t i = 0; i < count; i++) part[i] = below(b, 3) ? like(b, x, any(b)) : x;
    return leat_concat(count, part, below(b, 2) ? 0 : (int)below(b, (uint32_t)s.rank));
}

/* A product with what may become part of it: transposes, a bias, a residual, an activation. The
 * remainder keeps sums exact. */
static leat_tensor *product(builder *b, leat_tensor *x)
{
    leat_shape s = leat_tensor_shape(x);
    if (s.rank == 0 || leati_shape_count(&s) == 0) return x;
    x = leat_fmod(leat_reshape(x, LEAT_DIMS(s.dim[0], -1)), leat_like(x, 17));
    leat_tensor *y = below(b, 2) ? x : leat_scale(x, 2), *z;
    leat_tensor *turned = leat_transpose(below(b, 2) ? x : y, NULL);
    switch (below(b, 4)) {
    case 0: z = leat_matmul(turned, y); break;
    case 1: z = leat_matmul(x, turned); break;
    case 2: z = leat_matmul_t(x, true, y, false); break;
    default: z = leat_matmul_t(turned, true, turned, false); break;
    }
    if (below(b, 3) == 0) add(b, z); /* read by others, too */
    s = leat_tensor_shape(z);
    leat_tensor *row = leat_reshape(leat_narrow(z, 0, 0, 1), LEAT_DIMS(s.dim[1]));
    if (below(b, 2)) z = leat_add(z, like(b, row, any(b)));
    if (below(b, 2)) z = leat_add(z, like(b, z, any(b)));
    return below(b, 2) ? leat_relu(z) : z;
}

static void several(builder *b, leat_tensor *x)
{
    leat_shape s = leat_tensor_shape(x);
    leat_tensor *out[2], *index;
    if (s.rank == 0) return;
    int axis = (int)below(b, (uint32_t)s.rank);
    if (below(b, 2) && s.dim[axis] % 2 == 0 && s.dim[axis]) {
        if (leat_split(x, axis, 2, NULL, out) != LEAT_OK) return;
        add(b, out[0]);
        add(b, out[1]);
        return;
    }
    add(b, leat_sort(x, axis, below(b, 2), &index));
    add(b, leat_cast(index, b->dtype));
    if (s.dim[0] && s.rank < 4)
        add(b, leat_take(x, leat_cast(leat_argmax(x, 0, true), LEAT_DTYPE_I32), 0));
}

static void store(builder *b)
{
    uint32_t v = below(b, VARIABLES);
    if (b->stored[v] || b->roots == MOST_ROOTS) return;
    leat_shape s = leat_variable_shape(b->variable[v]);
    leat_tensor *shaped = leat_expand(leat_scalar(b->g, b->dtype, 0), s);
    b->stored[v] = true;
    if (v > 1) b->stored[2] = b->stored[3] = true; /* they share memory */
    leat_tensor *x = leat_assign(b->variable[v], like(b, shaped, any(b)));
    b->root[b->roots++] = x;
    if (below(b, 3) == 0) add(b, x);
}

static leat_shape some_shape(builder *b)
{
    switch (below(b, 5)) {
    case 0: return LEAT_SCALAR;
    case 1: return LEAT_DIMS(6);
    case 2: return LEAT_DIMS(2, 3);
    case 3: return LEAT_DIMS(3, 1, 2);
    default: return LEAT_DIMS(4, 6);
    }
}

static leat_status record(builder *b)
{
    static const int64_t dims[VARIABLES][2] = {{2, 3}, {6, 1}, {4, 6}, {2, 3}};
    for (int v = 0; v < VARIABLES; v++) {
        int32_t ints[24];
        double reals[24];
        for (int i = 0; i < 24; i++) reals[i] = ints[i] = (int32_t)below(b, 19) - 9;
        const void *data = b->dtype == LEAT_DTYPE_F64 ? (void *)reals : (void *)ints;
        leat_status st = leat_variable_create(b->g, "v", b->dtype, leat_shape_make(2, dims[v]),
                                              data, &b->variable[v]);
        if (st == LEAT_OK && v == 3) /* the rows 1 and 2 of variable 2, in part */
            st = leat_variable_part(b->variable[2], "part", 6 + below(b, 6), LEAT_DIMS(2, 3),
                                    &b->variable[v]);
        if (st != LEAT_OK) return st;
    }
    for (int i = 0; i < INPUTS; i++) {
        for (int k = 0; k < 64; k++) b->data[i][k] = (double)below(b, 19) - 9;
        if (b->dtype == LEAT_DTYPE_I32)
            for (int k = 0; k < 64; k++)
                ((int32_t *)(void *)b->data[i])[k] = (int32_t)below(b, 19) - 9;
        add(b, leat_input(b->g, b->dtype, some_shape(b), b->data[i]));
    }
    size_t steps = 5 + below(b, 30);
    for (size_t i = 0; i < steps && b->values < MOST_VALUES; i++) {
        leat_tensor *x = any(b);
        leat_shape s = leat_tensor_shape(x);
        if (leati_shape_count(&s) > 4000 || s.rank > 5) x = leat_max(x, 0, NULL, false);
        switch (below(b, 12)) {
        case 0: add(b, leat_read(b->variable[below(b, VARIABLES)])); break;
        case 1: store(b); break;
        case 2: several(b, x); break;
        case 3: add(b, joined(b, x)); break;
        case 4:
        case 5: add(b, moved(b, x)); break;
        case 6: add(b, product(b, x)); break;
        default: add(b, elementwise(b, x)); break;
        }
        if (below(b, 8) == 0 && b->roots < MOST_ROOTS) b->root[b->roots++] = any(b);
    }
    if (b->roots < MOST_ROOTS) b->root[b->roots++] = b->value[b->values - 1];
    return leat_error_status(leat_graph_context(b->g));
}

typedef struct outcome {
    size_t bytes;
    unsigned char data[1 << 20];
} outcome;

/* Devices may take either zero as the larger one. */
static void drop_signs_of_zero(outcome *o)
{
    for (size_t at = 0; at + 8 <= o->bytes; at += 8) {
        uint64_t word;
        memcpy(&word, o->data + at, 8);
        if (word == (uint64_t)1 << 63) memset(o->data + at, 0, 8);
    }
}

static leat_status collect(outcome *o, leat_status (*get)(void *from, void *data, size_t bytes),
                           void *from, size_t bytes)
{
    if (o->bytes + bytes > sizeof o->data) return LEAT_OK; /* enough was compared */
    o->bytes += bytes;
    return get(from, o->data + o->bytes - bytes, bytes);
}

static leat_status get_root(void *from, void *data, size_t bytes)
{
    return leat_get(from, data, bytes);
}

static leat_status get_variable(void *from, void *data, size_t bytes)
{
    return leat_variable_get(from, data, bytes);
}

static size_t bytes_of(leat_shape s, leat_dtype d)
{
    return leati_shape_count(&s) * leat_dtype_size(d);
}

/* All roots and variables after each of several runs. */
static leat_status run_graph(leat_context *c, const char *device, uint64_t seed, outcome *o)
{
    builder b = {.dtype = seed % 2 ? LEAT_DTYPE_F64 : LEAT_DTYPE_I32};
    o->bytes = 0;
    leati_rng_init(&b.rng, seed, LEATI_RNG_TEST, 77);
    leat_status st = leat_graph_create(c, device, &b.g);
    if (st == LEAT_OK) st = record(&b);
    for (int run = 0; st == LEAT_OK && run < RUNS; run++) {
        st = leat_run(b.g, b.roots, b.root);
        for (size_t i = 0; st == LEAT_OK && i < b.roots; i++)
            st = collect(o, get_root, b.root[i],
                         bytes_of(leat_tensor_shape(b.root[i]), leat_tensor_dtype(b.root[i])));
        for (int v = 0; st == LEAT_OK && v < VARIABLES; v++)
            st = collect(o, get_variable, b.variable[v],
                         bytes_of(leat_variable_shape(b.variable[v]), b.dtype));
    }
    leat_graph_destroy(b.g);
    if (b.dtype == LEAT_DTYPE_F64) drop_signs_of_zero(o);
    return st;
}

/* The graph below the roots, a node per line, for a failing seed. */
static void print_graph(leattest *t, uint64_t seed)
{
    builder b = {.dtype = seed % 2 ? LEAT_DTYPE_F64 : LEAT_DTYPE_I32};
    leati_order order;
    leati_rng_init(&b.rng, seed, LEATI_RNG_TEST, 77);
    if (leat_graph_create(t->context, NULL, &b.g) != LEAT_OK || record(&b) != LEAT_OK) return;
    if (leati_order_make(b.g, b.roots, b.root, &order) != LEAT_OK) return;
    for (size_t i = 0; i < order.count; i++) {
        const leati_node *n = order.node[i];
        printf("      %u = %s %s", n->id, leati_op_info_of(n->op)->name,
               leati_shape_string(&n->out[0].shape).text);
        for (size_t k = 0; k < n->ins; k++) printf(" %u.%u", n->in[k]->node->id, n->in[k]->index);
        for (int v = 0; n->variable && v < VARIABLES; v++)
            if (n->variable == b.variable[v]) printf(" variable %d", v);
        printf("\n");
    }
    printf("      roots");
    for (size_t i = 0; i < b.roots; i++) printf(" %u.%u", b.root[i]->node->id, b.root[i]->index);
    printf("\n");
    leati_order_fini(&order);
    leat_graph_destroy(b.g);
}

static bool check_seed(leattest *t, uint64_t seed)
{
    static outcome want, got;
    static const char *const devices[] = {"reference", "cpu", "simulated"};
    for (int d = 0; d < 3; d++) {
        outcome *o = d ? &got : &want;
        bool good = CHECK_OK(run_graph(t->context, devices[d], seed, o));
        if (good && d)
            good = CHECK(got.bytes == want.bytes && !memcmp(got.data, want.data, got.bytes));
        if (!good) {
            size_t at = 0;
            while (at < got.bytes && got.data[at] == want.data[at]) at++;
            printf("    graph %llu on %s, byte %zu of %zu\n", (unsigned long long)seed, devices[d],
                   at, want.bytes);
            print_graph(t, seed);
            return false;
        }
    }
    return true;
}

static uint64_t first_seed = 1, seeds = 8000;

static void devices_agree_on_random_graphs(leattest *t)
{
    int wrong = 0;
    for (uint64_t s = first_seed; s < first_seed + seeds && wrong < 10; s++)
        wrong += !check_seed(t, s);
}

static const leattest_case cases[] = {TEST(devices_agree_on_random_graphs)};

int main(int argc, char **argv)
{
    if (argc > 2 && !strcmp(argv[1], "--seed")) {
        first_seed = strtoull(argv[2], NULL, 10);
        seeds = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    }
    return leattest_main(1, argv, cases, 1);
}
