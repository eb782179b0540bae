/* Template: the vector kernels that f32 and f64 share. The includer defines T, V, VL, NAME(x).
 * Sums run in LANES = 4 vectors, added pairwise at the end. */

/* Calls step(x, lane) for each vector of 0..n-1; the last one may be partial. */
#define REDUCE(n, full, part)                                                                      \
    size_t i = 0;                                                                                  \
    for (; i + 4 * VL <= (n); i += 4 * VL) {                                                       \
        UNROLL(4)                                                                                  \
        for (size_t lane = 0; lane < 4; lane++) {                                                  \
            size_t at = i + lane * VL;                                                             \
            full;                                                                                  \
        }                                                                                          \
    }                                                                                              \
    for (size_t lane = 0; i < (n); lane++, i += VL) {                                              \
        size_t at = i, left = (n)-i;                                                               \
        if (left >= VL) {                                                                          \
            full;                                                                                  \
        } else {                                                                                   \
            part;                                                                                  \
        }                                                                                          \
    }

INLINE T NAME(total)(const V sum[4])
{
    return NAME(lanes)((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

static T NAME(dot)(size_t n, const T *x, const T *y)
{
    V sum[4] = {{0}, {0}, {0}, {0}};
    REDUCE(n, sum[lane] += NAME(load)(x + at) * NAME(load)(y + at),
           sum[lane] += NAME(load_part)(x + at, left) * NAME(load_part)(y + at, left))
    return NAME(total)(sum);
}

/* x - x is 0 for finite values only. */
static T NAME(blemish)(size_t n, const T *x)
{
    V sum[4] = {{0}, {0}, {0}, {0}};
    REDUCE(
        n,
        {
            V v = NAME(load)(x + at);
            sum[lane] += v - v;
        },
        {
            V v = NAME(load_part)(x + at, left);
            sum[lane] += v - v;
        })
    return NAME(total)(sum);
}

static T NAME(dist2)(size_t n, const T *x, const T *y)
{
    V sum[4] = {{0}, {0}, {0}, {0}};
    REDUCE(
        n,
        {
            V d = NAME(load)(x + at) - NAME(load)(y + at);
            sum[lane] += d * d;
        },
        {
            V d = NAME(load_part)(x + at, left) - NAME(load_part)(y + at, left);
            sum[lane] += d * d;
        })
    return NAME(total)(sum);
}

static T NAME(max)(size_t n, const T *x)
{
    V top[4] = {x[0] - (V){0}, x[0] - (V){0}, x[0] - (V){0}, x[0] - (V){0}};
    size_t i = 0;
    for (; i + 4 * VL <= n; i += 4 * VL) {
        UNROLL(4)
        for (size_t lane = 0; lane < 4; lane++) {
            V v = NAME(load)(x + i + lane * VL);
            top[lane] = NAME(choose)(v > top[lane], v, top[lane]);
        }
    }
    T best = x[0];
    for (size_t lane = 0; lane < 4; lane++)
        for (size_t j = 0; j < VL; j++) best = top[lane][j] > best ? top[lane][j] : best;
    for (; i < n; i++) best = x[i] > best ? x[i] : best;
    return best;
}

static void NAME(axpy)(size_t n, T a, const T *x, T *y)
{
    size_t i = 0;
    for (; i + VL <= n; i += VL) NAME(store)(y + i, NAME(load)(y + i) + a * NAME(load)(x + i));
    if (i < n) NAME(store_part)
    (y + i, NAME(load_part)(y + i, n - i) + a * NAME(load_part)(x + i, n - i), n - i);
}

static void NAME(scale)(size_t n, T a, T *x)
{
    size_t i = 0;
    for (; i + VL <= n; i += VL) NAME(store)(x + i, a * NAME(load)(x + i));
    if (i < n) NAME(store_part)(x + i, a * NAME(load_part)(x + i, n - i), n - i);
}

/* norm - 2 x is exact in its product, so contraction cannot change a value between paths. */
static size_t NAME(below)(size_t n, const T *x, const T *norm, T limit, uint32_t *found, T *score)
{
    size_t count = 0, i = 0;
    for (; i + VL <= n; i += VL) {
        V s = NAME(load)(norm + i) - 2 * NAME(load)(x + i);
        if (!NAME(any)(~(s > limit))) continue;
        for (size_t j = 0; j < VL; j++) {
            if (s[j] > limit) continue;
            found[count] = (uint32_t)(i + j);
            score[count++] = s[j];
        }
    }
    for (; i < n; i++) {
        T s = norm[i] - 2 * x[i];
        if (s > limit) continue;
        found[count] = (uint32_t)i;
        score[count++] = s;
    }
    return count;
}

#undef T
#undef V
#undef VL
