/* Owns: choosing rows at random: sample, shuffle, split. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "frame/table_op.h"

enum { GROUPS_MOST = 10000 };

/* Row numbers in random order. */
static uint32_t *random_order(leat_context *c, size_t rows, leati_rng_purpose purpose)
{
    leati_rng rng;
    uint32_t *order = leati_array(c, rows, sizeof *order);
    if (!order) return NULL;
    for (size_t i = 0; i < rows; i++) order[i] = (uint32_t)i;
    leati_rng_init(&rng, leat_context_seed(c), purpose, 0);
    leati_rng_shuffle(&rng, order, rows);
    return order;
}

/* The rows marked with `wanted`, in their order. */
static leat_status marked_rows(leat_context *c, leat_frame **out, const leat_frame *f,
                               const uint8_t *mark, uint8_t wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < f->rows; i++) count += mark[i] == wanted;
    uint32_t *rows = leati_array(c, count, sizeof *rows);
    if (!rows) return leat_error_status(c);
    for (size_t i = 0, n = 0; i < f->rows; i++)
        if (mark[i] == wanted) rows[n++] = (uint32_t)i;
    leat_status st = leati_rows_of(c, out, f, rows, count);
    leati_free(rows);
    return st;
}

leat_status leat_table_shuffle(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    *out = NULL;
    LEATI_CHECK(c, !*text, LEAT_INVALID, "shuffle takes no argument, not '%s'", text);
    LEATI_CHECK(c, f->rows < UINT32_MAX, LEAT_LIMIT, "the table has too many rows");
    uint32_t *order = random_order(c, f->rows, LEATI_RNG_SHUFFLE);
    leat_status st = order ? leati_rows_of(c, out, f, order, f->rows) : leat_error_status(c);
    leati_free(order);
    return st;
}

leat_status leat_table_sample(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    size_t count;
    *out = NULL;
    LEATI_TRY(leati_argument_share(c, f, text, &count));
    uint32_t *order = random_order(c, f->rows, LEATI_RNG_SAMPLE);
    uint8_t *mark = LEATI_NEW(c, uint8_t, f->rows);
    for (size_t i = 0; order && mark && i < count; i++) mark[order[i]] = 1;
    leat_status st = order && mark ? marked_rows(c, out, f, mark, 1) : leat_error_status(c);
    leati_free(order);
    leati_free(mark);
    return st;
}

/* Gives each group its share of the `count` rows, rounded down, and the rest to the groups that
 * rounding cost most, the earlier first (largest remainders). */
static leat_status share_out(leat_context *c, const leati_groups *g, size_t rows, size_t count,
                             uint32_t *quota)
{
    double *rest = LEATI_NEW(c, double, g->count);
    uint32_t *size = LEATI_NEW(c, uint32_t, g->count);
    leat_status st = rest && size ? LEAT_OK : leat_error_status(c);
    size_t given = 0;
    for (size_t i = 0; st == LEAT_OK && i < rows; i++) size[g->of[i]]++;
    for (size_t k = 0; st == LEAT_OK && k < g->count; k++) {
        double exact = (double)size[k] * (double)count / (double)rows;
        quota[k] = (uint32_t)floor(exact);
        rest[k] = exact - quota[k];
        given += quota[k];
    }
    while (st == LEAT_OK && given < count) {
        size_t best = 0;
        for (size_t k = 1; k < g->count; k++)
            if (rest[k] > rest[best]) best = k;
        quota[best]++;
        rest[best] = -1;
        given++;
    }
    leati_free(rest);
    leati_free(size);
    return st;
}

/* mark[row] = 1 for `count` random rows, in each group its quota. */
static leat_status mark_split(leat_context *c, const leat_frame *f, const size_t *by, size_t count,
                              uint8_t *mark)
{
    leati_groups g = {0};
    uint32_t *quota = NULL, *order = random_order(c, f->rows, LEATI_RNG_SPLIT);
    leat_status st = order ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK && by) {
        LEATI_GO(leati_groups_make(c, &g, f, by, 1));
        if (g.count > GROUPS_MOST)
            LEATI_GO(LEATI_FAIL(c, LEAT_LIMIT,
                                "column '%s' has %zu values; a split keeps the shares of at most "
                                "%d",
                                f->name[*by], g.count, GROUPS_MOST));
        quota = LEATI_NEW(c, uint32_t, g.count);
        if (!quota) LEATI_GO(leat_error_status(c));
        if (f->rows) LEATI_GO(share_out(c, &g, f->rows, count, quota));
    }
    for (size_t i = 0; st == LEAT_OK && i < f->rows; i++) {
        uint32_t row = order[i];
        if (by) {
            mark[row] = quota[g.of[row]] > 0;
            quota[g.of[row]] -= mark[row];
        } else {
            mark[row] = i < count;
        }
    }
out:
    leati_groups_free(&g);
    leati_free(quota);
    leati_free(order);
    return st;
}

leat_status leat_table_split(leat_context *c, leat_frame **first, leat_frame **second,
                             leat_frame *f, const char *text)
{
    leati_argument a;
    size_t count = 0, column = 0;
    bool by = false;
    uint8_t *mark = NULL;
    *first = *second = NULL;
    LEATI_CHECK(c, f->rows < UINT32_MAX, LEAT_LIMIT, "the table has too many rows");
    leat_status st = leati_argument_begin(c, &a, text);
    if (st == LEAT_OK) st = leati_argument_rows(&a, f->rows, &count);
    if (st == LEAT_OK) st = leati_lex_take(&a.lex, "by", &by);
    if (st == LEAT_OK && by) st = leati_argument_column(&a, f, &column);
    if (st == LEAT_OK) st = leati_argument_done(&a);
    leati_argument_end(&a);
    if (st == LEAT_OK && !(mark = LEATI_NEW(c, uint8_t, f->rows))) st = leat_error_status(c);
    if (st == LEAT_OK) st = mark_split(c, f, by ? &column : NULL, count, mark);
    if (st == LEAT_OK) st = marked_rows(c, first, f, mark, 0);
    if (st == LEAT_OK) st = marked_rows(c, second, f, mark, 1);
    leati_free(mark);
    if (st == LEAT_OK) return st;
    leat_frame_release(*first);
    *first = *second = NULL;
    return st;
}
