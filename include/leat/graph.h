/* Computational graphs with automatic differentiation: lazy and define-by-run.
 *
 * Calling an operation records a node; nothing is computed until leat_run, which compiles what its
 * roots need into a static plan and keeps the plan under the structure of the graph. So a C
 * program may record the same network again at every step, with loops, branches and shared
 * weights, and pays for a look-up; or record once and run many times with other inputs.
 *
 *     leat_tensor *y = leat_relu(leat_add(leat_matmul(x, w), b));
 *
 * Operations take and give NULL once something has failed: a model reads like maths and is checked
 * once, at leat_run, by its status and the context's message. The graph then records nothing more,
 * also when the error was cleared (a call tells it again), until leat_graph_clear. Tensors and
 * variables belong to their graph, and a graph to its context and to one thread at a time. */
#ifndef LEAT_GRAPH_H
#define LEAT_GRAPH_H

#include <stdbool.h>

#include <leat/context.h>
#include <leat/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_graph leat_graph;
typedef struct leat_tensor leat_tensor;     /* a value in a graph, until the graph is cleared */
typedef struct leat_variable leat_variable; /* storage that stays: a parameter, a state */

/* device: "cpu" (also for NULL), "reference" or "simulated". Errors: NOT_FOUND (another
 * device), LIMIT and NOMEM. */
LEAT_API LEAT_CHECKED leat_status leat_graph_create(leat_context *c, const char *device,
                                                    leat_graph **out);
LEAT_API void leat_graph_destroy(leat_graph *g); /* NULL is fine; frees tensors and variables */
/* Forget all tensors and what failed; variables and compiled plans stay. */
LEAT_API void leat_graph_clear(leat_graph *g);

/* How products of f32 matrices and convolutions are computed, those of gradients, recurrent layers
 * and attention included. LEAT_DTYPE_F32: as they are, the default. LEAT_DTYPE_BF16: both operands
 * rounded to bf16 (8 significant bits, to nearest even), sums in f32: twice as fast on processors
 * with bf16, equal bytes on those without but for subnormal numbers. The bodies of loops stay in
 * f32. Holds for the runs that follow. */
LEAT_API LEAT_CHECKED leat_status leat_graph_set_precision(leat_graph *g, leat_dtype precision);

/* ---- leaves ------------------------------------------------------------------------------- */

/* data is borrowed and read at each run; NULL: to be bound before. */
LEAT_API leat_tensor *leat_input(leat_graph *g, leat_dtype dtype, leat_shape shape,
                                 const void *data);
/* Of what leat_input gave; for anything else the next leat_run fails (INVALID). NULL is fine. */
LEAT_API void leat_bind(leat_tensor *input, const void *data);
LEAT_API leat_tensor *leat_constant(leat_graph *g, leat_dtype dtype, leat_shape shape,
                                    const void *data); /* copied */
/* A scalar; and one of the type of x. An integer type takes whole numbers in its range only:
 * another value is refused, here and in what is made of it (leat_shift, leat_scale). */
LEAT_API leat_tensor *leat_scalar(leat_graph *g, leat_dtype dtype, double value);
LEAT_API leat_tensor *leat_like(leat_tensor *x, double value);

/* data may be NULL: zeros. The name is for messages and files; NULL is "". Two variables may have
 * one name, but not in one file: leat_variables_save refuses them. Errors: SHAPE, LIMIT and
 * NOMEM. */
LEAT_API LEAT_CHECKED leat_status leat_variable_create(leat_graph *g, const char *name,
                                                       leat_dtype dtype, leat_shape shape,
                                                       const void *data, leat_variable **out);
/* A variable that is elements offset .. of another one (of the same type): many weights in one
 * block. It goes with the whole. */
LEAT_API LEAT_CHECKED leat_status leat_variable_part(leat_variable *whole, const char *name,
                                                     size_t offset, leat_shape shape,
                                                     leat_variable **out);
LEAT_API leat_tensor *leat_read(leat_variable *v); /* its value before the run */
/* A root: running it stores x (of the variable's type and shape) when all reads are done; of
 * several into the same memory the one recorded last stays. Operations that use it see x and store
 * nothing: list it among the roots. */
LEAT_API leat_tensor *leat_assign(leat_variable *v, leat_tensor *x);
LEAT_API LEAT_CHECKED leat_status leat_variable_get(leat_variable *v, void *data, size_t bytes);
LEAT_API LEAT_CHECKED leat_status leat_variable_set(leat_variable *v, const void *data,
                                                    size_t bytes);
LEAT_API const char *leat_variable_name(const leat_variable *v);
LEAT_API leat_dtype leat_variable_dtype(const leat_variable *v);
LEAT_API leat_shape leat_variable_shape(const leat_variable *v);

/* ---- running ------------------------------------------------------------------------------ */

/* Computes the roots. Their data stay readable until the next run; one of no roots does nothing. */
LEAT_API LEAT_CHECKED leat_status leat_run(leat_graph *g, size_t count, leat_tensor *const *roots);
/* Copy a root's value after a run. bytes must be its size. */
LEAT_API LEAT_CHECKED leat_status leat_get(leat_tensor *root, void *data, size_t bytes);
/* Gradients of the scalar y in each of the xs (values of any kind, on the way to y): they are
 * tensors like all others, so gradients of gradients work. An x that is read from a variable stands
 * for the variable: its gradient is that of all reads of it together, and of its parts and the
 * whole, whichever of them the model made. An x that y does not depend on gets zeros. seed: the
 * gradient of y, NULL for 1 (required when y is not a scalar). */
LEAT_API LEAT_CHECKED leat_status leat_gradients(leat_tensor *y, leat_tensor *seed, size_t count,
                                                 leat_tensor *const *xs, leat_tensor **out);
/* x without a path for gradients. */
LEAT_API leat_tensor *leat_stop_gradient(leat_tensor *x);

/* Records a part of a model so that the results inside it are not kept for the gradients but
 * computed a second time when these need them: less memory for more work. fn records the part on
 * ins inputs and sets outs results; it is called at once, and again by leat_gradients, until when
 * `user` must stay. It may use other tensors recorded before; they get their gradients as well.
 * Draws repeat themselves: they are functions of their key. */
enum { LEAT_SEGMENT_OUTPUTS = 16 };
typedef leat_status (*leat_segment_fn)(leat_graph *g, void *user, leat_tensor *const *in,
                                       leat_tensor **out);
LEAT_API LEAT_CHECKED leat_status leat_checkpoint(leat_segment_fn fn, void *user, size_t ins,
                                                  leat_tensor *const *in, size_t outs,
                                                  leat_tensor **out);

/* Loops as one operation, of any length: fn records their body once, on a graph of its own, and
 * that is compiled once for all loops of the same structure. The body sees nothing but its inputs:
 * give weights and the like as `others`. fn is called at once, and again by leat_gradients, until
 * when `user` must stay. */
typedef leat_status (*leat_body_fn)(leat_graph *g, void *user, leat_tensor *const *in,
                                    leat_tensor **out);
typedef struct leat_loop_parts {
    size_t states, sequences, others, results;
    leat_tensor *const *state;    /* before the first step */
    leat_tensor *const *sequence; /* (length, ...), at least one, all of one length */
    leat_tensor *const *other;    /* the same for every step */
    bool reverse;                 /* from the last element to the first */
} leat_loop_parts;
/* For each element of the sequences, fn: states, elements (without the axis), others -> states,
 * results. out: the last states, then the results stacked along a new axis 0. Gradients are a scan
 * in the other direction. 2 states + results: at most 16 in all. */
LEAT_API LEAT_CHECKED leat_status leat_scan(leat_body_fn fn, void *user,
                                            const leat_loop_parts *parts, leat_tensor **out);
/* While `go` (bool scalar, NULL: true) and at most `most` steps, fn: number of the step (i64
 * scalar), states, others -> go, states. No sequences and results. out: the last states, then the
 * number of steps (i64). It has no gradient: how often it runs depends on data. */
LEAT_API LEAT_CHECKED leat_status leat_loop(leat_body_fn fn, void *user,
                                            const leat_loop_parts *parts, leat_tensor *go,
                                            int64_t most, leat_tensor **out);

/* Runs x now and gives a constant with its value, for loops and shapes that depend on data. Inputs
 * must be bound; what leat_run computed before is no longer readable. NULL on failure. */
LEAT_API leat_tensor *leat_force(leat_tensor *x);
/* *known: x depends on constants only and is small (2^16 elements are computed at most); then its
 * value is in data. bytes must be its size. */
LEAT_API LEAT_CHECKED leat_status leat_value_known(leat_tensor *x, void *data, size_t bytes,
                                                   bool *known);

/* From now on every run is timed step by step; leat_trace_write ends that and writes a timeline
 * that Perfetto (ui.perfetto.dev) and chrome://tracing open: time, bytes and floating-point
 * operations of each step, with the scope it was recorded in. A traced run waits after each step.
 * Where the file cannot be written the trace goes on, and may be written elsewhere. */
LEAT_API LEAT_CHECKED leat_status leat_trace_start(leat_graph *g);
LEAT_API LEAT_CHECKED leat_status leat_trace_write(leat_graph *g, const char *path);

/* Names the part of the model that is being recorded, for messages: "layer 3 `dense`
 * (net.yaml:12)". Nested scopes are joined by "/". */
LEAT_API void leat_scope_push(leat_graph *g, const char *name);
LEAT_API void leat_scope_pop(leat_graph *g);

LEAT_API leat_context *leat_graph_context(leat_graph *g);
LEAT_API leat_graph *leat_tensor_graph(leat_tensor *x);
/* Of NULL: f32 and rank -1, which every operation refuses. */
LEAT_API leat_dtype leat_tensor_dtype(const leat_tensor *x);
LEAT_API leat_shape leat_tensor_shape(const leat_tensor *x);

/* ---- elementwise, with NumPy's broadcasting; inputs have one type ----------------------------
 *
 * Integers wrap around at the ends of their type, also in sums, products and matmul, whose result
 * has the type of the inputs: i8 and u8 are best cast before. An integer divided by 0, and its
 * remainder, is 0. */

#define LEAT_UNARY_LIST(X)                                                                         \
    X(neg)                                                                                         \
    X(abs)                                                                                         \
    X(sign)                                                                                        \
    X(exp)                                                                                         \
    X(expm1)                                                                                       \
    X(log)                                                                                         \
    X(log1p)                                                                                       \
    X(sqrt)                                                                                        \
    X(rsqrt)                                                                                       \
    X(recip)                                                                                       \
    X(sin)                                                                                         \
    X(cos)                                                                                         \
    X(tan)                                                                                         \
    X(asin)                                                                                        \
    X(acos)                                                                                        \
    X(atan)                                                                                        \
    X(sinh)                                                                                        \
    X(cosh)                                                                                        \
    X(asinh)                                                                                       \
    X(acosh)                                                                                       \
    X(atanh)                                                                                       \
    X(tanh)                                                                                        \
    X(sigmoid)                                                                                     \
    X(erf)                                                                                         \
    X(floor)                                                                                       \
    X(ceil)                                                                                        \
    X(round) /* halves to even */                                                                  \
    X(trunc)                                                                                       \
    X(relu)                                                                                        \
    X(softplus)                                                                                    \
    X(isnan)                                                                                       \
    X(isinf)                                                                                       \
    X(not )                                                                                        \
    X(bitnot)
#define LEAT_BINARY_LIST(X)                                                                        \
    X(add)                                                                                         \
    X(sub)                                                                                         \
    X(mul)                                                                                         \
    X(div)                                                                                         \
    X(pow)                                                                                         \
    X(mod)  /* the sign of the divisor */                                                          \
    X(fmod) /* the sign of the dividend */                                                         \
    X(maximum)                                                                                     \
    X(minimum)                                                                                     \
    X(atan2)                                                                                       \
    X(equal)                                                                                       \
    X(not_equal)                                                                                   \
    X(less)                                                                                        \
    X(less_equal)                                                                                  \
    X(greater)                                                                                     \
    X(greater_equal)                                                                               \
    X(and)                                                                                         \
    X(or)                                                                                          \
    X(xor)                                                                                         \
    X(bitand)                                                                                      \
    X(bitor)                                                                                       \
    X(bitxor)                                                                                      \
    X(shift_left)                                                                                  \
    X(shift_right) /* by less than 0, or by all bits and more: only the sign is left */

#define LEAT_UNARY_DECLARE(name)  LEAT_API leat_tensor *leat_##name(leat_tensor *x);
#define LEAT_BINARY_DECLARE(name) LEAT_API leat_tensor *leat_##name(leat_tensor *a, leat_tensor *b);
LEAT_UNARY_LIST(LEAT_UNARY_DECLARE)
LEAT_BINARY_LIST(LEAT_BINARY_DECLARE)
#undef LEAT_UNARY_DECLARE
#undef LEAT_BINARY_DECLARE
LEAT_API leat_tensor *leat_where(leat_tensor *condition, leat_tensor *a, leat_tensor *b);
/* Floating point becomes the integer towards 0, the nearest end of the type where it is beyond, and
 * 0 where it is NaN; integers keep their lowest bits; bool is "not 0". */
LEAT_API leat_tensor *leat_cast(leat_tensor *x, leat_dtype dtype);
/* x + value, x * value with a constant of x's type. */
LEAT_API leat_tensor *leat_shift(leat_tensor *x, double value);
LEAT_API leat_tensor *leat_scale(leat_tensor *x, double value);

/* ---- reductions: over the axes (negative from the end, none twice); count 0: over all ---------
 *
 * Of no elements the sum is 0, the product 1, the largest -inf and the smallest inf (of integers
 * the ends of the type). */

LEAT_API leat_tensor *leat_sum(leat_tensor *x, size_t count, const int *axes, bool keep);
LEAT_API leat_tensor *leat_prod(leat_tensor *x, size_t count, const int *axes, bool keep);
LEAT_API leat_tensor *leat_max(leat_tensor *x, size_t count, const int *axes, bool keep);
LEAT_API leat_tensor *leat_min(leat_tensor *x, size_t count, const int *axes, bool keep);
/* Of floating point (cast integers); f16 and bf16 are summed in f32 and rounded once. */
LEAT_API leat_tensor *leat_mean(leat_tensor *x, size_t count, const int *axes, bool keep);

/* ---- linear algebra ----------------------------------------------------------------------------
 */

/* (..., m, k) x (..., k, n) -> (..., m, n); leading dimensions broadcast. Both of rank >= 2. */
LEAT_API leat_tensor *leat_matmul(leat_tensor *a, leat_tensor *b);
/* The same with either operand's last two dimensions swapped. */
LEAT_API leat_tensor *leat_matmul_t(leat_tensor *a, bool transpose_a, leat_tensor *b,
                                    bool transpose_b);

/* ---- form --------------------------------------------------------------------------------------
 */

/* One dimension may be -1: what is left. */
LEAT_API leat_tensor *leat_reshape(leat_tensor *x, leat_shape shape);
/* Broadcast x to the shape. */
LEAT_API leat_tensor *leat_expand(leat_tensor *x, leat_shape shape);
LEAT_API leat_tensor *leat_transpose(leat_tensor *x, const int *perm); /* NULL: reversed */

/* Elements start, start + step, ... before stop along the axes (NULL: the first `count`), as NumPy:
 * negative places count from the end, those beyond the ends are cut, a negative step goes backwards
 * (LEAT_BEGIN as stop then includes the first). steps NULL: 1. */
#define LEAT_END   INT64_MAX
#define LEAT_BEGIN INT64_MIN
LEAT_API leat_tensor *leat_slice(leat_tensor *x, size_t count, const int *axes,
                                 const int64_t *starts, const int64_t *stops, const int64_t *steps);
/* length elements from start on along one axis; they must be there. */
LEAT_API leat_tensor *leat_narrow(leat_tensor *x, int axis, int64_t start, int64_t length);
/* Backwards along the axes (none twice); count 0: along all. */
LEAT_API leat_tensor *leat_flip(leat_tensor *x, size_t count, const int *axes);

typedef enum leat_pad_mode {
    LEAT_PAD_CONSTANT,
    LEAT_PAD_REFLECT, /* 3 2 | 1 2 3 | 2 1 */
    LEAT_PAD_EDGE,    /* 1 1 | 1 2 3 | 3 3 */
    LEAT_PAD_WRAP     /* 2 3 | 1 2 3 | 1 2, and on round and round */
} leat_pad_mode;
/* low[i] elements before and high[i] behind axis i; negative numbers cut. value: of CONSTANT. */
LEAT_API leat_tensor *leat_pad(leat_tensor *x, leat_pad_mode mode, const int64_t *low,
                               const int64_t *high, double value);
/* Joined along an axis; along a new axis of `count`. */
LEAT_API leat_tensor *leat_concat(size_t count, leat_tensor *const *parts, int axis);
LEAT_API leat_tensor *leat_stack(size_t count, leat_tensor *const *parts, int axis);
/* The inverse of leat_concat; sizes NULL: equal parts. */
LEAT_API LEAT_CHECKED leat_status leat_split(leat_tensor *x, int axis, size_t count,
                                             const int64_t *sizes, leat_tensor **out);
/* Without the axes, which must be of size 1 (count 0: all of size 1); with a new axis of size 1 at
 * `axis` of the result. */
LEAT_API leat_tensor *leat_squeeze(leat_tensor *x, size_t count, const int *axes);
LEAT_API leat_tensor *leat_unsqueeze(leat_tensor *x, int axis);
/* Axes first .. last as one. */
LEAT_API leat_tensor *leat_flatten(leat_tensor *x, int first, int last);

/* ---- made of others
 * ------------------------------------------------------------------------------
 */

/* The last two axes with zeros above (below) a diagonal: 0 the main one, 1 the next above it. */
LEAT_API leat_tensor *leat_tril(leat_tensor *x, int64_t diagonal);
LEAT_API leat_tensor *leat_triu(leat_tensor *x, int64_t diagonal);
/* A new last axis of `depth` with 1 at the index (negative from the end), else 0; all 0 where the
 * index is out of range. */
LEAT_API leat_tensor *leat_one_hot(leat_tensor *index, int64_t depth, leat_dtype dtype);
/* Sum of squares around the mean over (items - correction): 0 for the variance of these values, 1
 * for the unbiased estimate of Bessel. */
LEAT_API leat_tensor *leat_var(leat_tensor *x, size_t count, const int *axes, bool keep,
                               double correction);
LEAT_API leat_tensor *leat_std(leat_tensor *x, size_t count, const int *axes, bool keep,
                               double correction);
/* log(sum(e^x)) without overflow. */
LEAT_API leat_tensor *leat_logsumexp(leat_tensor *x, size_t count, const int *axes, bool keep);
/* (sum |x|^order)^(1/order) for any order; INFINITY: the largest |x|, -INFINITY: the smallest; 0:
 * how many are not 0. */
LEAT_API leat_tensor *leat_norm(leat_tensor *x, double order, size_t count, const int *axes,
                                bool keep);
/* Einstein's summation of up to 8 operands, as NumPy's: "bij,bjk->bik", "ii->i", "ij,kj". Axes are
 * letters; no ellipsis. Pairs are multiplied from left to right. */
LEAT_API leat_tensor *leat_einsum(const char *formula, size_t count, leat_tensor *const *operands);

/* ---- values out of nothing ---------------------------------------------------------------------
 */

/* start, start + step, ... before stop. */
LEAT_API leat_tensor *leat_arange(leat_graph *g, leat_dtype dtype, double start, double stop,
                                  double step);
/* Random numbers are a function of a key (u64 of shape (2): seed and step, an input or variable
 * that changes from run to run, or leat_random_key), the stream (a number that tells the draws of a
 * graph apart) and the place of the element: equal on every device and for any number of threads.
 * Philox4x32-10 (Salmon et al., SC 2011). */
LEAT_API leat_tensor *leat_random_key(leat_graph *g, uint64_t seed, uint64_t step);
/* low <= x < high. */
LEAT_API leat_tensor *leat_random_uniform(leat_tensor *key, uint32_t stream, leat_dtype dtype,
                                          leat_shape shape, double low, double high);
/* deviation: 0 or more. */
LEAT_API leat_tensor *leat_random_normal(leat_tensor *key, uint32_t stream, leat_dtype dtype,
                                         leat_shape shape, double mean, double deviation);
/* Normal within two deviations of the mean; `deviation` is that of the untruncated normal. */
LEAT_API leat_tensor *leat_random_truncated(leat_tensor *key, uint32_t stream, leat_dtype dtype,
                                            leat_shape shape, double mean, double deviation);
/* 1 with the probability, else 0; floating point or bool. */
LEAT_API leat_tensor *leat_random_bernoulli(leat_tensor *key, uint32_t stream, leat_dtype dtype,
                                            leat_shape shape, double probability);

/* ---- along one axis ----------------------------------------------------------------------------
 */

/* The place (i64) of the first largest or smallest; NaN counts as both. */
LEAT_API leat_tensor *leat_argmax(leat_tensor *x, int axis, bool keep);
LEAT_API leat_tensor *leat_argmin(leat_tensor *x, int axis, bool keep);
/* exclusive: without the element itself; reverse: from the end. */
LEAT_API leat_tensor *leat_cumsum(leat_tensor *x, int axis, bool exclusive, bool reverse);
LEAT_API leat_tensor *leat_cumprod(leat_tensor *x, int axis, bool exclusive, bool reverse);
/* Stable; NaN is the largest. indices (i64, may be NULL): where the values were. */
LEAT_API leat_tensor *leat_sort(leat_tensor *x, int axis, bool descending, leat_tensor **indices);
/* The k largest or smallest in order, of equals the first. */
LEAT_API leat_tensor *leat_topk(leat_tensor *x, int64_t k, int axis, bool smallest,
                                leat_tensor **indices);

/* ---- indices (i64 or i32; negative ones count from the end; others out of range fail the run)
 * ----
 */

/* x.shape[:axis] + index.shape + x.shape[axis + 1:], as NumPy's take. */
LEAT_API leat_tensor *leat_take(leat_tensor *x, leat_tensor *index, int axis);
/* As NumPy's take_along_axis; beside the axis the index may be smaller than x. */
LEAT_API leat_tensor *leat_take_along(leat_tensor *x, leat_tensor *index, int axis);
/* The last axis of the index holds coordinates into the axes of x after the first `batch`, which
 * both have in common. */
LEAT_API leat_tensor *leat_take_nd(leat_tensor *x, leat_tensor *index, int batch);

typedef enum leat_scatter_mode {
    LEAT_SCATTER_SET, /* of several to one place the last */
    LEAT_SCATTER_ADD, /* in the order of the index */
    LEAT_SCATTER_MUL,
    LEAT_SCATTER_MAX,
    LEAT_SCATTER_MIN
} leat_scatter_mode;
/* x with the updates written where leat_take_along, leat_take_nd would read. */
LEAT_API leat_tensor *leat_scatter_along(leat_tensor *x, leat_tensor *index, leat_tensor *updates,
                                         int axis, leat_scatter_mode mode);
LEAT_API leat_tensor *leat_scatter_nd(leat_tensor *x, leat_tensor *index, leat_tensor *updates,
                                      int batch, leat_scatter_mode mode);

#ifdef __cplusplus
}
#endif

#endif
