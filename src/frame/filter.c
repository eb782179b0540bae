/* Owns: keeping the rows for which an expression is true; the first and the last rows. */
#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "frame/expr.h"
#include "frame/table_op.h"

enum { CHUNK_ROWS = 1 << 16 };

typedef struct chosen {
    const leati_column *test;
    size_t chunks;
    size_t *count; /* per chunk: its true rows, later those before it */
    uint32_t *rows;
} chosen;

static void count_task(void *arg, size_t chunk, unsigned worker)
{
    chosen *t = arg;
    size_t from = leati_task_start(t->test->rows, t->chunks, chunk), n = 0;
    size_t to = leati_task_start(t->test->rows, t->chunks, chunk + 1);
    const uint8_t *test = t->test->u8; /* missing ones hold 0 */
    (void)worker;
    while (from < to) { /* in pieces whose count fits a byte, so that bytes are added */
        size_t end = to - from < 255 ? to : from + 255;
        uint8_t piece = 0;
        for (; from < end; from++) piece = (uint8_t)(piece + test[from]);
        n += piece;
    }
    t->count[chunk] = n;
}

/* Without branches, which would be guessed wrong: every row is written, the next one over it
 * unless it stays. By way of a buffer, as the last such write lies behind the chunk's rows. */
static void choose_task(void *arg, size_t chunk, unsigned worker)
{
    enum { PIECE = 1024 };
    chosen *t = arg;
    size_t from = leati_task_start(t->test->rows, t->chunks, chunk);
    size_t to = leati_task_start(t->test->rows, t->chunks, chunk + 1);
    uint32_t *rows = t->rows + t->count[chunk], buffer[PIECE];
    const uint8_t *test = t->test->u8;
    (void)worker;
    while (from < to) {
        size_t end = to - from < PIECE ? to : from + PIECE, n = 0;
        for (; from < end; from++) {
            buffer[n] = (uint32_t)from;
            n += test[from];
        }
        memcpy(rows, buffer, n * sizeof *rows);
        rows += n;
    }
}

static leat_status true_rows(leat_context *c, leat_frame **out, const leat_frame *f,
                             const leati_column *test)
{
    size_t total = 0;
    LEATI_CHECK(c, f->rows < UINT32_MAX, LEAT_LIMIT, "the table has too many rows to filter");
    chosen t = {.test = test, .chunks = leati_task_count(f->rows, CHUNK_ROWS, SIZE_MAX)};
    t.count = LEATI_NEW(c, size_t, t.chunks);
    if (!t.count) return leat_error_status(c);
    leati_parallel(c, t.chunks, count_task, &t);
    for (size_t i = 0; i < t.chunks; i++) {
        size_t own = t.count[i];
        t.count[i] = total;
        total += own;
    }
    leat_status st = LEAT_OK;
    t.rows = leati_array(c, total, sizeof *t.rows);
    if (!t.rows) LEATI_GO(leat_error_status(c));
    leati_parallel(c, t.chunks, choose_task, &t);
    LEATI_GO(leati_rows_of(c, out, f, t.rows, total));
out:
    leati_free(t.rows);
    leati_free(t.count);
    return st;
}

/* What an expression of another type than bool could be compared with. */
static leat_status no_truth(leat_context *c, const char *text, leat_type type)
{
    leati_argument a;
    leat_status st = leati_argument_begin(c, &a, text);
    if (st == LEAT_OK)
        st = leati_lex_error(&a.lex, 0,
                             "a filter is true or false in each row, but this gives %s; compare it "
                             "with something, as in %s",
                             leat_type_name(type),
                             type == LEAT_STRING ? "... == \"yes\"" : "... > 0");
    leati_argument_end(&a);
    return st;
}

leat_status leat_table_filter(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    leati_expr *e;
    *out = NULL;
    LEATI_TRY(leati_expr_compile(c, &e, f, text));
    leat_type type = leati_expr_type(e);
    leat_status st = type == LEAT_BOOL ? LEAT_OK : no_truth(c, text, type);
    leati_column *test = st == LEAT_OK ? leati_expr_column(c, e, f) : NULL;
    if (st == LEAT_OK) st = test ? true_rows(c, out, f, test) : leat_error_status(c);
    leati_column_release(test);
    leati_expr_destroy(e);
    return st;
}

static leat_status range(leat_context *c, leat_frame **out, leat_frame *f, const char *text,
                         bool last)
{
    size_t count;
    *out = NULL;
    LEATI_TRY(leati_argument_share(c, f, text, &count));
    uint32_t *rows = leati_array(c, count, sizeof *rows);
    if (!rows) return leat_error_status(c);
    for (size_t i = 0; i < count; i++) rows[i] = (uint32_t)(last ? f->rows - count + i : i);
    leat_status st = leati_rows_of(c, out, f, rows, count);
    leati_free(rows);
    return st;
}

leat_status leat_table_head(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    return range(c, out, f, text, false);
}

leat_status leat_table_tail(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    return range(c, out, f, text, true);
}
