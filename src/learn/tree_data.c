/* Owns: turning columns into numbers of their distinct values. */
#include "learn/tree_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"

enum {
    GROUP = 8,       /* columns of one task: read together, they share cache lines */
    FEW = 4096,      /* most distinct values that the table counts; more are sorted */
    SLOTS = 4 * FEW, /* of the table */
    SLOT_BITS = 14
};

/* Scratch of one worker. */
typedef struct coder {
    double *column[GROUP]; /* (rows) */
    uint16_t *id;          /* (rows) order of appearance of the value */
    uint16_t slot[SLOTS];  /* id + 1; 0: empty */
    double value[FEW];     /* by id */
    uint16_t rank[FEW];    /* id to code */
} coder;

typedef struct coding_job {
    const leati_dataset *d;
    leati_tree_data *t;
    const leat_context *context;
    coder *coders; /* one a worker */
    bool *failed;  /* one a task: out of memory */
} coding_job;

void leati_radix_sort(uint64_t *keys, uint64_t *scratch, size_t n, unsigned shift, unsigned bits)
{
    uint64_t *from = keys, *to = scratch;
    for (unsigned done = 0; done < bits; done += 8) {
        uint32_t start[257] = {0};
        unsigned at = shift + done;
        for (size_t i = 0; i < n; i++) start[((from[i] >> at) & 255) + 1]++;
        if (start[((from[0] >> at) & 255) + 1] == n) continue; /* all alike */
        for (int b = 0; b < 256; b++) start[b + 1] += start[b];
        for (size_t i = 0; i < n; i++) to[start[(from[i] >> at) & 255]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != keys) memcpy(keys, from, n * sizeof *keys);
}

static void read_columns(const leati_dataset *d, size_t first, size_t count, coder *k)
{
    const leati_matrix *x = &d->x;
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < count; j++) /* + 0.0: one zero only */
            k->column[j][i] = leati_at(x, i, first + j) + 0.0;
}

/* Numbers the distinct values of v in order of appearance; 0 when there are more than FEW (or the
 * column is empty of values). NaN gets UINT16_MAX. */
static size_t count_values(coder *k, const double *v, size_t n, bool *missing)
{
    size_t count = 0, last = SIZE_MAX;
    memset(k->slot, 0, sizeof k->slot);
    for (size_t i = 0; i < n; i++) {
        if (last != SIZE_MAX && v[i] == k->value[last]) {
            k->id[i] = (uint16_t)last;
            continue;
        }
        if (isnan(v[i])) {
            *missing = true;
            k->id[i] = UINT16_MAX;
            continue;
        }
        uint64_t bits;
        memcpy(&bits, &v[i], sizeof bits);
        size_t at = (size_t)((bits * 0x9e3779b97f4a7c15u) >> (64 - SLOT_BITS));
        while (k->slot[at] && k->value[k->slot[at] - 1] != v[i]) at = (at + 1) % SLOTS;
        if (!k->slot[at]) {
            if (count == FEW) return 0;
            k->value[count++] = v[i];
            k->slot[at] = (uint16_t)count;
        }
        last = (size_t)k->slot[at] - 1;
        k->id[i] = (uint16_t)last;
    }
    return count;
}

typedef struct ranked {
    double value;
    uint16_t id;
} ranked;

static int by_value(const void *a, const void *b)
{
    double x = ((const ranked *)a)->value, y = ((const ranked *)b)->value;
    return (x > y) - (x < y);
}

static bool make_column(const coding_job *job, leati_tree_column *c, size_t distinct, bool missing)
{
    size_t rows = job->t->rows, codes = distinct + missing;
    c->distinct = (uint32_t)distinct;
    c->missing = missing;
    c->width = codes <= 256 ? 1 : codes <= 65536 ? 2 : 4;
    c->codes = leati_alloc_quiet(job->context, rows * c->width);
    if (!c->levels) c->values = leati_alloc_quiet(job->context, distinct * sizeof *c->values);
    return c->codes && (c->levels || c->values);
}

static void put_code(leati_tree_column *c, size_t row, uint32_t code)
{
    if (c->width == 1) ((uint8_t *)c->codes)[row] = (uint8_t)code;
    else if (c->width == 2) ((uint16_t *)c->codes)[row] = (uint16_t)code;
    else ((uint32_t *)c->codes)[row] = code;
}

static bool code_few(const coding_job *job, leati_tree_column *c, coder *k, size_t distinct,
                     bool missing)
{
    ranked *order = leati_alloc_quiet(job->context, distinct * sizeof *order);
    if (!order) return false;
    bool made = make_column(job, c, distinct, missing);
    if (made) {
        for (size_t i = 0; i < distinct; i++) order[i] = (ranked){k->value[i], (uint16_t)i};
        qsort(order, distinct, sizeof *order, by_value);
        for (size_t i = 0; i < distinct; i++) {
            k->rank[order[i].id] = (uint16_t)i;
            c->values[i] = order[i].value;
        }
        for (size_t i = 0; i < job->t->rows; i++)
            put_code(c, i, k->id[i] == UINT16_MAX ? (uint32_t)distinct : k->rank[k->id[i]]);
    }
    leati_free(order);
    return made;
}

/* Bits that order as the numbers do; NaN last. */
static uint64_t sortable(double v)
{
    if (isnan(v)) return UINT64_MAX;
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

typedef struct keyed {
    uint64_t key;
    uint32_t row;
} keyed;

static void sort_keyed(keyed *a, keyed *b, size_t n)
{
    for (unsigned shift = 0; shift < 64; shift += 8) {
        size_t start[257] = {0};
        for (size_t i = 0; i < n; i++) start[((a[i].key >> shift) & 255) + 1]++;
        bool alike = start[((a[0].key >> shift) & 255) + 1] == n;
        if (!alike) {
            for (int s = 0; s < 256; s++) start[s + 1] += start[s];
            for (size_t i = 0; i < n; i++) b[start[(a[i].key >> shift) & 255]++] = a[i];
            memcpy(a, b, n * sizeof *a);
        }
    }
}

static bool code_many(const coding_job *job, leati_tree_column *c, const double *v)
{
    size_t n = job->t->rows, distinct = 0, missing = 0;
    keyed *a = leati_alloc_quiet(job->context, 2 * n * sizeof *a);
    if (!a) return false;
    for (size_t i = 0; i < n; i++) {
        a[i] = (keyed){sortable(v[i]), (uint32_t)i};
        missing += isnan(v[i]) != 0;
    }
    sort_keyed(a, a + n, n);
    for (size_t i = 0; i + missing < n; i++) distinct += i == 0 || a[i].key != a[i - 1].key;
    bool made = make_column(job, c, distinct, missing > 0);
    if (made) {
        uint32_t code = 0;
        for (size_t i = 0; i + missing < n; i++) {
            if (i > 0 && a[i].key != a[i - 1].key) code++;
            c->values[code] = v[a[i].row];
            put_code(c, a[i].row, code);
        }
        for (size_t i = n - missing; i < n; i++) put_code(c, a[i].row, (uint32_t)distinct);
    }
    leati_free(a);
    return made;
}

static bool code_levels(const coding_job *job, leati_tree_column *c, const double *v,
                        uint32_t levels)
{
    c->levels = true;
    bool missing = false;
    for (size_t i = 0; i < job->t->rows; i++)
        missing |= !(v[i] >= 0 && v[i] < levels && v[i] == floor(v[i]));
    if (!make_column(job, c, levels, missing)) return false;
    for (size_t i = 0; i < job->t->rows; i++) {
        bool known = v[i] >= 0 && v[i] < levels && v[i] == floor(v[i]);
        put_code(c, i, known ? (uint32_t)v[i] : levels);
    }
    return true;
}

static void coding_task(void *arg, size_t task, unsigned worker)
{
    const coding_job *job = arg;
    coder *k = job->coders + worker;
    size_t first = task * GROUP, left = job->t->cols - first, count = left < GROUP ? left : GROUP;
    read_columns(job->d, first, count, k);
    for (size_t j = 0; j < count && !job->failed[task]; j++) {
        leati_tree_column *c = &job->t->columns[first + j];
        uint32_t levels = job->d->features ? job->d->features[first + j].levels : 0;
        bool missing = false, made;
        if (levels) {
            made = code_levels(job, c, k->column[j], levels);
        } else {
            size_t distinct = count_values(k, k->column[j], job->t->rows, &missing);
            made =
                distinct ? code_few(job, c, k, distinct, missing) : code_many(job, c, k->column[j]);
        }
        job->failed[task] = !made;
    }
}

static leat_status code_columns(leat_context *c, leati_tree_data *t, const leati_dataset *d)
{
    size_t tasks = (t->cols + GROUP - 1) / GROUP;
    coding_job job = {.d = d, .t = t, .context = c};
    job.failed = LEATI_NEW(c, bool, tasks);
    job.coders = leati_calloc(c, leat_context_threads(c), sizeof *job.coders);
    bool got = job.failed && job.coders;
    for (unsigned w = 0; got && w < leat_context_threads(c); w++) {
        coder *k = &job.coders[w];
        for (int j = 0; j < GROUP; j++)
            got = got && (k->column[j] = leati_array(c, t->rows, sizeof(double))) != NULL;
        got = got && (k->id = leati_array(c, t->rows, sizeof *k->id)) != NULL;
    }
    leat_status st = got ? LEAT_OK : leat_error_status(c);
    if (got) leati_parallel(c, tasks, coding_task, &job);
    for (size_t i = 0; got && i < tasks && st == LEAT_OK; i++)
        if (job.failed[i])
            st = LEATI_FAIL(c, LEAT_NOMEM, "out of memory while sorting the values of features");
    for (unsigned w = 0; job.coders && w < leat_context_threads(c); w++) {
        for (int j = 0; j < GROUP; j++) leati_free(job.coders[w].column[j]);
        leati_free(job.coders[w].id);
    }
    leati_free(job.coders);
    leati_free(job.failed);
    return st;
}

static leat_status copy_target(leat_context *c, leati_tree_data *t, const leati_dataset *d,
                               const double *class_weight)
{
    size_t n = t->rows;
    if (d->weight || class_weight) {
        t->weight = leati_array(c, n, sizeof *t->weight);
        if (!t->weight) return leat_error_status(c);
        for (size_t i = 0; i < n; i++)
            t->weight[i] =
                (d->weight ? d->weight[i] : 1) * (class_weight ? class_weight[d->label[i]] : 1);
    }
    if (d->task == LEATI_CLASSIFY) return LEAT_OK;
    t->y = leati_array(c, n, sizeof *t->y);
    if (!t->y) return leat_error_status(c);
    for (size_t i = 0; i < n; i++) t->shift += d->y[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        t->y[i] = d->y[i] - t->shift;
        t->spread += t->y[i] * t->y[i] / (double)n;
    }
    t->spread = sqrt(t->spread);
    return LEAT_OK;
}

leat_status leati_tree_data_init(leat_context *c, leati_tree_data *t, const leati_dataset *d,
                                 const double *class_weight)
{
    *t = (leati_tree_data){.rows = d->x.rows, .cols = d->x.cols};
    t->classes = d->task == LEATI_CLASSIFY ? d->classes : 0;
    t->label = d->label;
    for (size_t j = 0; d->features && j < t->cols; j++)
        LEATI_CHECK(c, d->features[j].levels <= LEATI_TREE_LEVELS, LEAT_INVALID,
                    "cart takes categorical features of at most %d levels; '%s' has %u",
                    LEATI_TREE_LEVELS, d->features[j].name, d->features[j].levels);
    t->columns = leati_calloc(c, t->cols, sizeof *t->columns);
    leat_status st = t->columns ? copy_target(c, t, d, class_weight) : leat_error_status(c);
    if (st == LEAT_OK) st = code_columns(c, t, d);
    if (st != LEAT_OK) leati_tree_data_fini(t);
    return st;
}

void leati_tree_data_fini(leati_tree_data *t)
{
    for (size_t j = 0; t->columns && j < t->cols; j++) {
        leati_free(t->columns[j].codes);
        leati_free(t->columns[j].values);
    }
    leati_free(t->columns);
    leati_free(t->y);
    leati_free(t->weight);
    *t = (leati_tree_data){0};
}
