/* Template: nearest rows for one element type. The includer defines T, NAME(x), KERNELS (member
 * of leati_kernels), EXACT (distance in f64) and ROUNDING (of one operation, relative). */

typedef struct NAME(search) {
    const leati_kernels *kernels;
    const NAME(leati_gemm_kernels) * ker;
    const T *query, *data;
    size_t queries, ldq, rows, ldd, dims, k, kc;
    /* What is measured exactly: the same matrices, unless those above give lower bounds only. */
    const T *full_query, *full_data;
    size_t full_ldq, full_ldd, full_dims;
    bool lower;
    uint32_t *measured; /* (queries) or NULL */
    uint32_t *index;
    double *distance;
    double *query_norm; /* |q|^2 */
    T *norm;            /* |d|^2, rounded */
    double *norm_top;   /* the largest |d| of each chunk, then of all in [0] */
    T *packed;          /* rows first .. first+count as right operand, pass after pass */
    size_t first, count, padded;
    size_t chunk; /* queries of a task */
    size_t capacity;
    char *scratch; /* `each` bytes per worker */
    size_t each;
} NAME(search);

/* Candidates of one query that were not yet measured exactly. */
typedef struct NAME(pending) {
    size_t count;
    double error; /* bound of |score - exact| */
    T limit;      /* no row with a higher score can be among the k nearest */
    T *score;
    uint32_t *row;
} NAME(pending);

static double NAME(exact)(const NAME(search) * s, size_t q, size_t row)
{
    return EXACT(s->full_dims, s->full_query + q * s->full_ldq, s->full_data + row * s->full_ldd);
}

/* Bound of the error of |d|^2 - 2 q.d as computed, against the exact distance less |q|^2 that is
 * summed in f64. A sum of n products in any order is off by at most n u sum |q_i d_i| <= n u |q||d|
 * (Higham 2002, section 3.1), to first order; the margin of 1% covers the higher ones. */
static double NAME(error_bound)(const NAME(search) * s, double q2)
{
    double q = sqrt(q2), d = s->norm_top[0], n = (double)s->dims;
    double score = 2 * (n + 8) * ROUNDING * q * d + 4 * ROUNDING * (d * d + q * d);
    double exact = (n + (double)s->full_dims + 16) * DBL_EPSILON * (q + d) * (q + d);
    return 1.01 * (score + exact) + (n + 8) * TINIEST;
}

static void NAME(set_limit)(const NAME(search) * s, NAME(pending) * p, size_t q, size_t held)
{
    double worst = held < s->k ? HUGE_VAL : s->distance[q * s->k + s->k - 1];
    if (s->lower) { /* the coordinates of the bounds were rounded */
        double rounding = 4 * ROUNDING * (sqrt(s->query_norm[q]) + s->norm_top[0]);
        worst = (sqrt(worst) + rounding) * (sqrt(worst) + rounding);
    }
    double limit = worst - s->query_norm[q] + p->error;
    p->limit = (T)limit;
    p->limit += ROUNDING * 4 * (p->limit < 0 ? -p->limit : p->limit);
}

/* The value that k of the candidates do not exceed. Reorders them. */
static T NAME(kth_smallest)(NAME(pending) * p, size_t k)
{
    size_t low = 0, high = p->count - 1, want = k - 1;
    while (low < high) {
        T pivot = p->score[low + (high - low) / 2];
        size_t i = low, j = high;
        for (;;) {
            while (p->score[i] < pivot) i++;
            while (p->score[j] > pivot) j--;
            if (i >= j) break;
            T score = p->score[i];
            uint32_t row = p->row[i];
            p->score[i] = p->score[j];
            p->row[i++] = p->row[j];
            p->score[j] = score;
            p->row[j--] = row;
        }
        if (want <= j) high = j;
        else low = j + 1;
    }
    return p->score[want];
}

/* Measures the candidates that can still be among the nearest; `held` of those are known. */
static size_t NAME(flush)(const NAME(search) * s, NAME(pending) * p, size_t q, size_t held)
{
    double drop = HUGE_VAL;
    if (p->count > s->k) drop = (double)NAME(kth_smallest)(p, s->k) + 2 * p->error;
    if (s->lower) drop = HUGE_VAL; /* a bound says nothing on how far a row may be */
    for (size_t i = 0; i < p->count; i++) {
        if ((double)p->score[i] > drop || p->score[i] > p->limit) continue;
        nearest_offer(s->k, &held, s->index + q * s->k, s->distance + q * s->k, p->row[i],
                      NAME(exact)(s, q, p->row[i]));
        if (s->measured) s->measured[q]++;
        if (held == s->k) NAME(set_limit)(s, p, q, held);
    }
    p->count = 0;
    NAME(set_limit)(s, p, q, held);
    return held;
}

/* Scores (m queries from q0) x (n rows from `row`, a multiple of nr within the packed rows). */
static void NAME(scores)(const NAME(search) * s, size_t q0, size_t m, size_t row, size_t n, T *out)
{
    for (size_t p = 0; p < s->dims; p += s->kc) {
        size_t k = s->dims - p < s->kc ? s->dims - p : s->kc;
        NAME(leati_block)
        t = {.m = m,
             .n = n,
             .k = k,
             .left = LEATI_LEFT_ROWS,
             .a = s->query + q0 * s->ldq + p,
             .a_step = s->ldq,
             .b = s->packed + p * s->padded + row * k,
             .b_step = s->ker->nr,
             .b_panel = s->ker->nr * k,
             .alpha = 1,
             .beta = p ? 1 : 0,
             .c = out,
             .ldc = s->ker->nc};
        s->ker->block(&t);
    }
}

static void NAME(scan)(const NAME(search) * s, NAME(pending) * p, size_t q, const T *score,
                       size_t row, size_t n, size_t *held)
{
    if (p->count + n > s->capacity) *held = NAME(flush)(s, p, q, *held);
    T *found = p->score + p->count;
    uint32_t *rows = p->row + p->count;
    size_t got = s->kernels->NAME(below)(n, score, s->norm + s->first + row, p->limit, rows, found);
    for (size_t i = 0; i < got; i++) {
        rows[i] += (uint32_t)(s->first + row);
        if (found[i] != found[i]) found[i] = -(T)HUGE_VAL;
    }
    p->count += got;
}

static void NAME(search_task)(void *arg, size_t task, unsigned worker)
{
    const NAME(search) *s = arg;
    size_t q0 = task * s->chunk, m = s->queries - q0 < s->chunk ? s->queries - q0 : s->chunk;
    size_t held = s->first < s->k ? s->first : s->k, wide = s->ker->nc;
    T *score = (T *)(void *)(s->scratch + worker * s->each);
    T *found = score + s->chunk * wide;
    uint32_t *rows = (uint32_t *)(void *)(found + s->chunk * s->capacity);
    NAME(pending) p[MOST_CHUNK];
    size_t known[MOST_CHUNK];
    for (size_t i = 0; i < m; i++) {
        p[i].count = 0;
        p[i].error = NAME(error_bound)(s, s->query_norm[q0 + i]);
        p[i].score = found + i * s->capacity;
        p[i].row = rows + i * s->capacity;
        known[i] = held;
        NAME(set_limit)(s, &p[i], q0 + i, held);
    }
    for (size_t row = 0; row < s->count; row += wide) {
        size_t n = s->count - row < wide ? s->count - row : wide;
        NAME(scores)(s, q0, m, row, n, score);
        for (size_t i = 0; i < m; i++)
            NAME(scan)(s, &p[i], q0 + i, score + i * wide, row, n, &known[i]);
    }
    for (size_t i = 0; i < m; i++) NAME(flush)(s, &p[i], q0 + i, known[i]);
}

static void NAME(pack_task)(void *arg, size_t task, unsigned worker)
{
    const NAME(search) *s = arg;
    size_t row = task * PACK_ROWS, n = s->count - row < PACK_ROWS ? s->count - row : PACK_ROWS;
    (void)worker;
    for (size_t p = 0; p < s->dims; p += s->kc) {
        size_t k = s->dims - p < s->kc ? s->dims - p : s->kc;
        s->ker->pack_b(n, k, s->data + (s->first + row) * s->ldd + p, s->ldd, true,
                       s->packed + p * s->padded + row * k);
    }
}

/* Squared lengths: of the data in chunks of NORM_ROWS, then of the queries. */
static void NAME(norm_task)(void *arg, size_t task, unsigned worker)
{
    const NAME(search) *s = arg;
    size_t chunks = (s->rows + NORM_ROWS - 1) / NORM_ROWS;
    bool data = task < chunks;
    size_t from = (data ? task : task - chunks) * NORM_ROWS, most = data ? s->rows : s->queries;
    size_t to = from + NORM_ROWS < most ? from + NORM_ROWS : most;
    double top = 0;
    (void)worker;
    for (size_t i = from; i < to; i++) {
        const T *x = data ? s->data + i * s->ldd : s->query + i * s->ldq;
        double sum = 0;
        for (size_t j = 0; j < s->dims; j++) sum += (double)x[j] * (double)x[j];
        if (data) s->norm[i] = (T)sum;
        else s->query_norm[i] = sum;
        if (!(sum <= top)) top = sum;
    }
    if (data) s->norm_top[task] = sqrt(top) * (1 + (double)(s->dims + 4) * DBL_EPSILON);
}

static void NAME(norms)(leat_context *c, NAME(search) * s)
{
    size_t chunks = (s->rows + NORM_ROWS - 1) / NORM_ROWS;
    leati_parallel(c, chunks + (s->queries + NORM_ROWS - 1) / NORM_ROWS, NAME(norm_task), s);
    for (size_t i = 1; i < chunks; i++)
        if (!(s->norm_top[i] <= s->norm_top[0])) s->norm_top[0] = s->norm_top[i];
}

static leat_status NAME(search_blocks)(leat_context *c, NAME(search) * s)
{
    size_t nc = s->ker->nc, passes = (s->dims + s->ker->kc - 1) / s->ker->kc;
    size_t step = PACKED_BYTES / sizeof(T) / s->dims / nc * nc;
    step = step < nc ? nc : step > 4096 ? 4096 / nc * nc : step;
    size_t most = step < s->rows ? step : (s->rows + nc - 1) / nc * nc;
    unsigned threads = leat_context_threads(c);
    leat_status st = LEAT_OK;
    s->kc = (s->dims + passes - 1) / passes;
    s->chunk = s->ker->mr * (MOST_CHUNK / s->ker->mr);
    while (s->chunk > s->ker->mr && s->queries < 2 * threads * s->chunk) s->chunk -= s->ker->mr;
    s->capacity = nc + (nc > 2 * s->k ? nc : 2 * s->k);
    s->each = s->chunk * (nc * sizeof(T) + s->capacity * (sizeof(T) + sizeof(uint32_t)));
    s->each = (s->each + 63) / 64 * 64;
    s->norm = leati_array(c, s->rows, sizeof *s->norm);
    s->norm_top = leati_array(c, s->rows / NORM_ROWS + 1, sizeof *s->norm_top);
    s->query_norm = leati_array(c, s->queries, sizeof *s->query_norm);
    s->packed = leati_array(c, most * s->dims, sizeof *s->packed);
    s->scratch = leati_array(c, s->each, threads);
    if (!s->norm || !s->norm_top || !s->query_norm || !s->packed || !s->scratch)
        st = leat_error_status(c);
    if (st == LEAT_OK) NAME(norms)(c, s);
    for (s->first = 0; st == LEAT_OK && s->first < s->rows; s->first += step) {
        s->count = s->rows - s->first < step ? s->rows - s->first : step;
        s->padded = (s->count + s->ker->nr - 1) / s->ker->nr * s->ker->nr;
        leati_parallel(c, (s->count + PACK_ROWS - 1) / PACK_ROWS, NAME(pack_task), s);
        leati_parallel(c, (s->queries + s->chunk - 1) / s->chunk, NAME(search_task), s);
    }
    leati_free(s->norm);
    leati_free(s->norm_top);
    leati_free(s->query_norm);
    leati_free(s->packed);
    leati_free(s->scratch);
    return st;
}

/* Few or short comparisons: every distance exactly. */
static void NAME(direct_task)(void *arg, size_t task, unsigned worker)
{
    const NAME(search) *s = arg;
    size_t held = 0;
    (void)worker;
    for (size_t row = 0; row < s->rows; row++)
        nearest_offer(s->k, &held, s->index + task * s->k, s->distance + task * s->k, (uint32_t)row,
                      NAME(exact)(s, task, row));
}

leat_status NAME(leati_neighbors)(leat_context *c, const T *query, size_t queries, size_t ldq,
                                  const T *data, size_t rows, size_t ldd, size_t dims, size_t k,
                                  uint32_t *index, double *distance)
{
    const leati_kernels *kernels = leati_kernels_of(c);
    NAME(search)
    s = {.kernels = kernels,
         .ker = &kernels->KERNELS,
         .query = query,
         .queries = queries,
         .ldq = ldq,
         .data = data,
         .rows = rows,
         .ldd = ldd,
         .dims = dims,
         .k = k,
         .full_query = query,
         .full_data = data,
         .full_ldq = ldq,
         .full_ldd = ldd,
         .full_dims = dims,
         .index = index,
         .distance = distance};
    LEATI_BUG_IF(c, k < 1 || k > rows || rows > UINT32_MAX);
    if (queries == 0) return LEAT_OK;
    if (queries > 4 && rows >= 64 && dims > 0 &&
        (double)queries * (double)rows * (double)dims > 100000)
        return NAME(search_blocks)(c, &s);
    leati_parallel(c, queries, NAME(direct_task), &s);
    return LEAT_OK;
}

leat_status NAME(leati_neighbors_bounded)(leat_context *c, const NAME(leati_bounded) * b, size_t k,
                                          uint32_t *index, double *distance, uint32_t *measured)
{
    const leati_kernels *kernels = leati_kernels_of(c);
    NAME(search)
    s = {.kernels = kernels,
         .ker = &kernels->KERNELS,
         .query = b->query_bound,
         .queries = b->queries,
         .ldq = b->bound_dims,
         .data = b->data_bound,
         .rows = b->rows,
         .ldd = b->bound_dims,
         .dims = b->bound_dims,
         .k = k,
         .full_query = b->query,
         .full_data = b->data,
         .full_ldq = b->ldq,
         .full_ldd = b->ldd,
         .full_dims = b->dims,
         .lower = true,
         .measured = measured,
         .index = index,
         .distance = distance};
    LEATI_BUG_IF(c, k < 1 || k > b->rows || b->rows > UINT32_MAX || b->bound_dims < 1);
    for (size_t i = 0; i < b->queries; i++) measured[i] = 0;
    return b->queries ? NAME(search_blocks)(c, &s) : LEAT_OK;
}

#undef T
