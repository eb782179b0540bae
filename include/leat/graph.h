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
 * once, at leat_run, by its status and the context's message. Tensors and variables belong to
 * their graph, and a graph to its context and to one thread at a time. */
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

/* device: "cpu" (also for NULL), "reference" or "simulated". */
LEAT_API LEAT_CHECKED leat_status leat_graph_create(leat_context *c, const char *device,
                                                    leat_graph **out);
LEAT_API void leat_graph_destroy(leat_graph *g); /* NULL is fine; frees tensors and variables */
/* Forget all tensors; variables and compiled plans stay. */
LEAT_API void leat_graph_clear(leat_graph *g);

/* ---- leaves ------------------------------------------------------------------------------- */

/* data is borrowed and read at each run; NULL: to be bound before. */
LEAT_API leat_tensor *leat_input(leat_graph *g, leat_dtype dtype, leat_shape shape,
                                 const void *data);
LEAT_API void leat_bind(leat_tensor *input, const void *data);
LEAT_API leat_tensor *leat_constant(leat_graph *g, leat_dtype dtype, leat_shape shape,
                                    const void *data); /* copied */
/* A scalar; and one of the type of x. */
LEAT_API leat_tensor *leat_scalar(leat_graph *g, leat_dtype dtype, double value);
LEAT_API leat_tensor *leat_like(leat_tensor *x, double value);

/* data may be NULL: zeros. The name is for messages and files. */
LEAT_API LEAT_CHECKED leat_status leat_variable_create(leat_graph *g, const char *name,
                                                       leat_dtype dtype, leat_shape shape,
                                                       const void *data, leat_variable **out);
/* A variable that is elements offset .. of another one (of the same type): many weights in one
 * block. It goes with the whole. */
LEAT_API LEAT_CHECKED leat_status leat_variable_part(leat_variable *whole, const char *name,
                                                     size_t offset, leat_shape shape,
                                                     leat_variable **out);
LEAT_API leat_tensor *leat_read(leat_variable *v); /* its value before the run */
/* A root: running it stores x (of the variable's type and shape) when all reads are done. */
LEAT_API leat_tensor *leat_assign(leat_variable *v, leat_tensor *x);
LEAT_API LEAT_CHECKED leat_status leat_variable_get(leat_variable *v, void *data, size_t bytes);
LEAT_API LEAT_CHECKED leat_status leat_variable_set(leat_variable *v, const void *data,
                                                    size_t bytes);
LEAT_API const char *leat_variable_name(const leat_variable *v);
LEAT_API leat_dtype leat_variable_dtype(const leat_variable *v);
LEAT_API leat_shape leat_variable_shape(const leat_variable *v);

/* ---- running ------------------------------------------------------------------------------ */

/* Computes the roots. Their data stay readable until the next run. */
LEAT_API LEAT_CHECKED leat_status leat_run(leat_graph *g, size_t count, leat_tensor *const *roots);
/* Copy a root's value after a run. bytes must be its size. */
LEAT_API LEAT_CHECKED leat_status leat_get(leat_tensor *root, void *data, size_t bytes);
/* Gradients of the scalar y in each of the xs (values of any kind, on the way to y): they are
 * tensors like all others, so gradients of gradients work. An x that y does not depend on gets
 * zeros. seed: the gradient of y, NULL for 1 (required when y is not a scalar). */
LEAT_API LEAT_CHECKED leat_status leat_gradients(leat_tensor *y, leat_tensor *seed, size_t count,
                                                 leat_tensor *const *xs, leat_tensor **out);
/* x without a path for gradients. */
LEAT_API leat_tensor *leat_stop_gradient(leat_tensor *x);

/* Names the part of the model that is being recorded, for messages: "layer 3 `dense`
 * (net.yaml:12)". Nested scopes are joined by "/". */
LEAT_API void leat_scope_push(leat_graph *g, const char *name);
LEAT_API void leat_scope_pop(leat_graph *g);

LEAT_API leat_context *leat_graph_context(leat_graph *g);
LEAT_API leat_graph *leat_tensor_graph(leat_tensor *x);
/* Of NULL: f32 and rank -1, which every operation refuses. */
LEAT_API leat_dtype leat_tensor_dtype(const leat_tensor *x);
LEAT_API leat_shape leat_tensor_shape(const leat_tensor *x);

/* ---- elementwise, with NumPy's broadcasting; inputs have one type ---------------------------- */

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
    X(shift_right)

#define LEAT_UNARY_DECLARE(name)  LEAT_API leat_tensor *leat_##name(leat_tensor *x);
#define LEAT_BINARY_DECLARE(name) LEAT_API leat_tensor *leat_##name(leat_tensor *a, leat_tensor *b);
LEAT_UNARY_LIST(LEAT_UNARY_DECLARE)
LEAT_BINARY_LIST(LEAT_BINARY_DECLARE)
#undef LEAT_UNARY_DECLARE
#undef LEAT_BINARY_DECLARE
LEAT_API leat_tensor *leat_where(leat_tensor *condition, leat_tensor *a, leat_tensor *b);
LEAT_API leat_tensor *leat_cast(leat_tensor *x, leat_dtype dtype);
/* x + value, x * value with a constant of x's type. */
LEAT_API leat_tensor *leat_shift(leat_tensor *x, double value);
LEAT_API leat_tensor *leat_scale(leat_tensor *x, double value);

/* ---- reductions: over the axes (negative from the end); count 0: over all ---------------------
 */

LEAT_API leat_tensor *leat_sum(leat_tensor *x, size_t count, const int *axes, bool keep);
LEAT_API leat_tensor *leat_prod(leat_tensor *x, size_t count, const int *axes, bool keep);
LEAT_API leat_tensor *leat_max(leat_tensor *x, size_t count, const int *axes, bool keep);
LEAT_API leat_tensor *leat_min(leat_tensor *x, size_t count, const int *axes, bool keep);
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

#ifdef __cplusplus
}
#endif

#endif
