/* Samples of IOTA and RANDOM: what is drawn is judged in random_test. */
#include "battery/op_samples.h"

#include "graph/op_classes.h"

/* number: rank, axis. The shape is that of input 0, which gives nothing but the type. */
static void record_iota(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                        leat_tensor **out)
{
    out[0] = leati_iota(g, leat_tensor_dtype(in[0]), leat_tensor_shape(in[0]), s->number[0],
                        s->number[1], s->number[2]);
}

static void record_arange(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                          leat_tensor **out)
{
    (void)s;
    out[0] = leat_arange(g, leat_tensor_dtype(in[0]), 3, 20, 4);
    out[1] = leat_arange(g, leat_tensor_dtype(in[0]), 5, 5, 1);
    out[2] = leat_arange(g, leat_tensor_dtype(in[0]), 5, 0, -1);
}

static const op_sample iotas[] = {
    OP_SAMPLE(IOTA, "vector", OP_NUMBERS, record_iota, OP_1(OP_IN(0, 1, 9)), .number = {0, 2, 3}),
    OP_SAMPLE(IOTA, "rows", OP_NUMBERS, record_iota, OP_1(OP_IN(0, 1, 3, 4)), .number = {0, 0, 1}),
    OP_SAMPLE(IOTA, "columns", OP_NUMBERS, record_iota, OP_1(OP_IN(0, 1, 3, 4)),
              .number = {-1, 1, 2}),
    OP_SAMPLE(IOTA, "empty", OP_NUMBERS, record_iota, OP_1(OP_IN(0, 1, 3, 0)), .number = {0, 0, 1}),
    OP_SAMPLE(IOTA, "range", OP_FLOATS | OP_SIGNED, record_arange, OP_1(OP_IN(0, 1, 1))),
    OP_SAMPLE(IOTA, "large", OP_BIT(F32) | OP_BIT(I64), record_iota, OP_1(OP_IN(0, 1, 101, 3, 97)),
              .number = {0, 5, 1}),
};

static const double keys[] = {7, 123456789012};
#define KEY OP_TYPED_EACH(LEAT_DTYPE_U64, keys, 2)

/* Input 0 is the key, input 1 gives type and shape. */
static void record_draws(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                         leat_tensor **out)
{
    (void)s, (void)g;
    leat_dtype d = leat_tensor_dtype(in[1]);
    leat_shape shape = leat_tensor_shape(in[1]);
    out[0] = leat_random_uniform(in[0], 1, d, shape, -2, 3);
    out[1] = leat_random_normal(in[0], 2, d, shape, 1, 0.5);
    out[2] = leat_random_truncated(in[0], 3, d, shape, 1, 0.5);
    out[3] = leat_random_bernoulli(in[0], 4, d, shape, 0.3);
    out[4] = leat_random_bernoulli(in[0], 5, LEAT_DTYPE_BOOL, shape, 1);
}

static const op_sample randoms[] = {
    OP_SAMPLE(RANDOM, "a few", OP_FLOATS, record_draws, OP_2(KEY, OP_IN(0, 1, 3, 5))),
    OP_SAMPLE(RANDOM, "scalar", OP_FLOATS, record_draws, OP_2(KEY, OP_SCALAR_IN(0, 1))),
    OP_SAMPLE(RANDOM, "empty", OP_FLOATS, record_draws, OP_2(KEY, OP_IN(0, 1, 0, 5))),
    OP_SAMPLE(RANDOM, "many", OP_FLOATS, record_draws, OP_2(KEY, OP_IN(0, 1, 101, 327))),
};

void op_samples_source(op_visit visit, void *user)
{
    OP_VISIT(iotas);
    OP_VISIT(randoms);
}

static leat_tensor *no_range(leat_graph *g)
{
    return leat_arange(g, LEAT_DTYPE_F32, 0, 10, 0);
}

static leat_tensor *half_steps(leat_graph *g)
{
    return leat_arange(g, LEAT_DTYPE_I32, 0, 10, 0.5);
}

static leat_tensor *count_in_truth(leat_graph *g)
{
    return leat_arange(g, LEAT_DTYPE_BOOL, 0, 2, 1);
}

static leat_tensor *wrong_key(leat_graph *g)
{
    leat_tensor *key = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(2), NULL);
    return leat_random_uniform(key, 0, LEAT_DTYPE_F32, LEAT_DIMS(3), 0, 1);
}

static leat_tensor *draw_integers(leat_graph *g)
{
    return leat_random_normal(leat_random_key(g, 1, 2), 0, LEAT_DTYPE_I32, LEAT_DIMS(3), 0, 1);
}

static leat_tensor *no_probability(leat_graph *g)
{
    return leat_random_bernoulli(leat_random_key(g, 1, 2), 0, LEAT_DTYPE_F32, LEAT_DIMS(3), 1.5);
}

static const op_failure failures[] = {
    OP_FAILURE(IOTA, "by 0", no_range, INVALID, "layer 7|from 0 to 10 by 0"),
    OP_FAILURE(IOTA, "half steps", half_steps, INVALID, "layer 7|0.5|i32"),
    OP_FAILURE(IOTA, "in bool", count_in_truth, TYPE, "layer 7|bool"),
    OP_FAILURE(RANDOM, "key of another type", wrong_key, TYPE, "layer 7|key|u64|i64"),
    OP_FAILURE(RANDOM, "integers", draw_integers, TYPE, "layer 7|floating point|i32"),
    OP_FAILURE(RANDOM, "probability 1.5", no_probability, INVALID, "layer 7|1.5|probability"),
};

void op_failures_source(op_visit_failure visit, void *user)
{
    OP_VISIT(failures);
}
