/* Owns: evaluating expressions in blocks of rows, in parallel. Not: what functions compute.
 *
 * A call that depends on one text column only is computed once per entry of the column's dictionary
 * and then looked up by code ("lifted"), so `upper(city)` costs as much as there are cities. */
#include <math.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/pool.h"
#include "frame/expr_node.h"

enum {
    SLOT_DATA = LEATI_EXPR_BLOCK * sizeof(leati_text),
    SLOT = SLOT_DATA + LEATI_EXPR_BLOCK, /* bytes of scratch per node */
    TASK_ROWS = 1 << 16                  /* a multiple of the block */
};

/* Values of a lifted call for each dictionary entry; the last one is that of a missing text. */
typedef struct lifted {
    leati_block values;
    const leati_column *by;
} lifted;

typedef struct run {
    const leati_expr *expr;
    const leat_frame *frame;
    const leati_dict *dict; /* set: rows are its entries, and one more that is missing */
    lifted *lifted;         /* (nodes) */
    uint8_t *scratch;       /* (nodes, SLOT) */
    void *result;           /* where the root's values go; NULL: its scratch */
    bool filled;            /* constants stand in their scratch, as functions write no argument */
    leati_arena *arena;
} run;

static size_t kind_size(leati_kind kind)
{
    return kind == LEATI_KIND_TEXT ? sizeof(leati_text) : kind == LEATI_KIND_BOOL ? 1 : 8;
}

static bool any_missing(const uint8_t *missing, size_t rows)
{
    uint8_t any = 0;
    for (size_t i = 0; i < rows; i++) any |= missing[i];
    return any != 0;
}

static void read_text(const run *r, const leati_column *col, size_t start, size_t rows,
                      leati_block *out)
{
    for (size_t i = 0; i < rows; i++) {
        size_t row = start + i;
        bool missing = r->dict ? row == r->dict->count : !leati_valid(col, row);
        out->missing[i] = missing;
        out->t[i] = (leati_text){"", 0};
        if (missing) continue;
        uint32_t code = r->dict ? (uint32_t)row : col->codes[row];
        out->t[i].at = leati_dict_text(col->dict, code, &out->t[i].length);
    }
    out->clean = !any_missing(out->missing, rows);
}

/* Numbers stay where they are. */
static void read_column(const run *r, const leati_node *n, size_t start, size_t rows,
                        leati_block *out)
{
    const leati_column *col = r->frame->column[n->column];
    if (n->kind == LEATI_KIND_TEXT) {
        read_text(r, col, start, rows, out);
        return;
    }
    out->data = (char *)col->data + start * kind_size(n->kind); /* functions write no argument */
    memset(out->missing, 0, rows);
    for (size_t i = 0; col->missing && i < rows; i++)
        out->missing[i] = !(col->valid[(start + i) / 8] >> ((start + i) % 8) & 1);
    out->clean = !col->missing || !any_missing(out->missing, rows);
}

static void read_constant(const run *r, const leati_node *n, leati_block *out)
{
    out->clean = n->kind != LEATI_KIND_NONE;
    if (r->filled) return;
    memset(out->missing, !out->clean, LEATI_EXPR_BLOCK);
    for (size_t i = 0; i < LEATI_EXPR_BLOCK; i++) {
        switch (n->kind) {
        case LEATI_KIND_NUMBER: out->n[i] = n->number; break;
        case LEATI_KIND_TEXT: out->t[i] = n->text; break;
        case LEATI_KIND_BOOL: out->b[i] = n->whole != 0; break;
        case LEATI_KIND_NONE: out->t[i] = (leati_text){"", 0}; break;
        default: out->i[i] = n->whole; break;
        }
    }
}

static void look_up(const lifted *l, leati_kind kind, size_t start, size_t rows, leati_block *out)
{
    for (size_t i = 0; i < rows; i++) {
        const leati_column *col = l->by;
        size_t e = leati_valid(col, start + i) ? col->codes[start + i] : col->dict->count;
        out->missing[i] = l->values.missing[e];
        if (kind == LEATI_KIND_TEXT) out->t[i] = l->values.t[e];
        else if (kind == LEATI_KIND_BOOL) out->b[i] = l->values.b[e];
        else out->i[i] = l->values.i[e]; /* the bits, of numbers too */
    }
    out->clean = !any_missing(out->missing, rows);
}

static void add_missing(uint8_t *restrict to, const uint8_t *restrict from, size_t rows)
{
    for (size_t i = 0; i < rows; i++) to[i] |= from[i];
}

/* A number that is none is missing. First whether there may be any: 0 * x is 0 but for infinite x
 * and NaN, and eight sums side by side are vectors. */
static void add_nan(uint8_t *restrict to, const double *restrict values, size_t rows)
{
    double sum[8] = {0};
    size_t i = 0;
    for (; i + 8 <= rows; i += 8)
        for (size_t k = 0; k < 8; k++) sum[k] += values[i + k] * 0.0;
    for (; i < rows; i++) sum[0] += values[i] * 0.0;
    for (size_t k = 1; k < 8; k++) sum[0] += sum[k];
    if (sum[0] == 0) return;
    for (i = 0; i < rows; i++) to[i] |= values[i] != values[i];
}

static bool eval(const run *r, const leati_node *n, size_t start, size_t rows, leati_block *out);

static bool eval_call(const run *r, const leati_node *n, size_t start, size_t rows,
                      leati_block *out, leati_block *args)
{
    for (int k = 0; k < n->count; k++)
        if (!eval(r, n->args[k], start, rows, &args[k])) return false;
    memset(out->missing, 0, rows);
    for (int k = 0; k < n->count && !(n->function->flags & LEATI_FN_LOOSE); k++)
        if (!args[k].clean) add_missing(out->missing, args[k].missing, rows);
    if (!n->function->run(out, args, n->count, rows, r->arena)) return false;
    if (n->kind == LEATI_KIND_NUMBER) add_nan(out->missing, out->n, rows);
    out->clean = !any_missing(out->missing, rows);
    return true;
}

/* Apart, so that deep expressions do not carry its large frame. */
static bool eval_many(const run *r, const leati_node *n, size_t start, size_t rows,
                      leati_block *out)
{
    leati_block args[LEATI_EXPR_ARGS];
    return eval_call(r, n, start, rows, out, args);
}

static bool eval(const run *r, const leati_node *n, size_t start, size_t rows, leati_block *out)
{
    leati_block args[3];
    out->data = r->scratch + (size_t)n->index * SLOT;
    if (n == r->expr->root && r->result) out->data = r->result;
    out->missing = r->scratch + (size_t)n->index * SLOT + SLOT_DATA;
    if (n->op == LEATI_NODE_COLUMN) read_column(r, n, start, rows, out);
    else if (n->op == LEATI_NODE_CONSTANT) read_constant(r, n, out);
    else if (r->lifted && r->lifted[n->index].by)
        look_up(&r->lifted[n->index], n->kind, start, rows, out);
    else if (n->count > 3) return eval_many(r, n, start, rows, out);
    else return eval_call(r, n, start, rows, out, args);
    return true;
}

/* Computes a call for every entry of the dictionary of its one text column. */
static bool lift(const run *r, const leati_node *n, leat_context *c)
{
    const leati_column *col = r->frame->column[n->source];
    size_t count = (size_t)col->dict->count + 1, size = kind_size(n->kind);
    run inside = *r;
    lifted *l = &r->lifted[n->index];
    inside.dict = col->dict;
    inside.lifted = NULL;
    inside.filled = false;
    l->values.data = leati_array(c, count, size);
    l->values.missing = leati_alloc(c, count);
    if (!l->values.data || !l->values.missing) return false;
    for (size_t at = 0; at < count; at += LEATI_EXPR_BLOCK) {
        size_t rows = count - at < LEATI_EXPR_BLOCK ? count - at : LEATI_EXPR_BLOCK;
        leati_block block;
        if (!eval(&inside, n, at, rows, &block)) return false;
        memcpy((char *)l->values.data + at * size, block.data, rows * size);
        memcpy(l->values.missing + at, block.missing, rows);
    }
    l->by = col;
    return true;
}

static bool lift_all(const run *r, const leati_node *n, leat_context *c)
{
    if (n->op != LEATI_NODE_CALL) return true;
    if (n->source >= 0 && r->frame->column[n->source]->dict->count <= r->frame->rows)
        return lift(r, n, c);
    for (int k = 0; k < n->count; k++)
        if (!lift_all(r, n->args[k], c)) return false;
    return true;
}

static bool makes_text(const run *r, const leati_node *n)
{
    if (n->op != LEATI_NODE_CALL || r->lifted[n->index].by) return false;
    if (n->kind == LEATI_KIND_TEXT) return true;
    for (int k = 0; k < n->count; k++)
        if (makes_text(r, n->args[k])) return true;
    return false;
}

typedef struct job {
    run run;
    leati_column *col;
    size_t *missing; /* per task */
    uint8_t *scratch;
    bool failed;
} job;

static void store(leati_column *col, size_t at, size_t rows, const leati_block *b, size_t *missing)
{
    size_t size = col->type == LEAT_BOOL ? 1 : 8;
    char *to = (char *)col->data + at * size;
    if (b->data != to) memcpy(to, b->data, rows * size);
    for (size_t i = 0; !b->clean && i < rows; i++) {
        if (!b->missing[i]) continue;
        size_t row = at + i;
        col->valid[row / 8] = (uint8_t)(col->valid[row / 8] & ~(1u << (row % 8)));
        ++*missing;
        if (col->type == LEAT_BOOL) col->u8[row] = 0;
        else if (col->type == LEAT_F64) col->f64[row] = (double)NAN;
        else col->i64[row] = 0;
    }
}

static void run_task(void *arg, size_t task, unsigned worker)
{
    job *j = arg;
    run r = j->run;
    size_t rows = r.frame->rows, from = task * TASK_ROWS;
    size_t to = rows - from < TASK_ROWS ? rows : from + TASK_ROWS;
    bool constant = r.expr->root->op == LEATI_NODE_CONSTANT;
    r.scratch = j->scratch + (size_t)worker * (size_t)r.expr->nodes * SLOT;
    for (size_t at = from; at < to; at += LEATI_EXPR_BLOCK) {
        size_t n = to - at < LEATI_EXPR_BLOCK ? to - at : LEATI_EXPR_BLOCK;
        leati_block b;
        if (!constant) r.result = (char *)j->col->data + at * kind_size(r.expr->root->kind);
        if (!eval(&r, r.expr->root, at, n, &b)) {
            j->failed = true; /* only where texts are made, and then there is one thread */
            return;
        }
        store(j->col, at, n, &b, &j->missing[task]);
        r.filled = true;
        if (r.arena) leati_arena_fini(r.arena);
    }
}

/* Numbers, booleans and times: in parallel unless texts are made on the way. */
static leati_column *plain_column(leat_context *c, run *r)
{
    size_t rows = r->frame->rows, tasks = (rows + TASK_ROWS - 1) / TASK_ROWS;
    bool alone = makes_text(r, r->expr->root);
    leati_arena arena;
    job j = {.run = *r, .col = leati_column_uninit(c, leati_expr_type(r->expr), rows)};
    leati_arena_init(&arena, c);
    j.run.arena = alone ? &arena : NULL;
    j.missing = LEATI_NEW(c, size_t, tasks);
    j.scratch =
        alone ? r->scratch
              : leati_calloc(c, (size_t)leat_context_threads(c) * (size_t)r->expr->nodes, SLOT);
    bool good = j.col && j.missing && j.scratch;
    if (good) good = (j.col->valid = leati_alloc(c, (rows + 7) / 8)) != NULL;
    if (good) {
        memset(j.col->valid, 0xff, (rows + 7) / 8);
        if (alone)
            for (size_t t = 0; t < tasks && !j.failed; t++) run_task(&j, t, 0);
        else leati_parallel(c, tasks, run_task, &j);
        for (size_t t = 0; t < tasks; t++) j.col->missing += j.missing[t];
        good = !j.failed;
    }
    if (good && j.col->missing == 0) {
        leati_free(j.col->valid);
        j.col->valid = NULL;
    }
    leati_arena_fini(&arena);
    leati_free(j.missing);
    if (!alone) leati_free(j.scratch);
    if (good) return j.col;
    leati_column_release(j.col);
    return NULL;
}

static bool put_texts(leat_context *c, leati_column *col, leati_map *map, size_t at, size_t rows,
                      const leati_block *b)
{
    for (size_t i = 0; i < rows; i++) {
        if (b->missing[i]) {
            if (leati_column_set_missing(c, col, at + i) != LEAT_OK) return false;
            continue;
        }
        col->codes[at + i] = leati_map_put(map, b->t[i].at, b->t[i].length);
        if (col->codes[at + i] == LEATI_MAP_NONE) return false;
    }
    return true;
}

static leati_column *text_column(leat_context *c, run *r)
{
    leati_map map;
    leati_arena arena;
    leati_column *col = leati_column_create(c, LEAT_STRING, r->frame->rows);
    bool good = col != NULL;
    leati_map_init(&map, c);
    leati_arena_init(&arena, c);
    r->arena = &arena;
    for (size_t at = 0; good && at < col->rows; at += LEATI_EXPR_BLOCK) {
        size_t n = col->rows - at < LEATI_EXPR_BLOCK ? col->rows - at : LEATI_EXPR_BLOCK;
        leati_block b;
        good = eval(r, r->expr->root, at, n, &b) && put_texts(c, col, &map, at, n, &b);
        r->filled = true;
        leati_arena_fini(&arena);
    }
    good = good && (col->dict = leati_dict_from_map(c, &map)) != NULL;
    leati_arena_fini(&arena);
    leati_map_fini(&map);
    if (good) return col;
    leati_column_release(col);
    return NULL;
}

leati_column *leati_expr_column(leat_context *c, const leati_expr *e, const leat_frame *f)
{
    leati_arena texts; /* of lifted calls */
    leati_column *col = NULL;
    if (e->root->op == LEATI_NODE_COLUMN) return leati_column_retain(f->column[e->root->column]);
    leati_arena_init(&texts, c);
    run r = {.expr = e, .frame = f, .arena = &texts};
    r.lifted = LEATI_NEW(c, lifted, (size_t)e->nodes);
    r.scratch = leati_calloc(c, (size_t)e->nodes, SLOT);
    if (r.lifted && r.scratch && lift_all(&r, e->root, c)) {
        r.arena = NULL;
        col = leati_expr_type(e) == LEAT_STRING ? text_column(c, &r) : plain_column(c, &r);
    }
    for (int i = 0; r.lifted && i < e->nodes; i++) {
        leati_free(r.lifted[i].values.data);
        leati_free(r.lifted[i].values.missing);
    }
    leati_free(r.lifted);
    leati_free(r.scratch);
    leati_arena_fini(&texts);
    return col;
}
