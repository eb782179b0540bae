/* Owns: where values lie. Views share their input's memory, parts of a concatenation are written in
 * place, a result that is assigned goes straight to its variable, elementwise results overwrite
 * inputs that die; the rest gets offsets in one workspace by size, largest first, at the lowest
 * place that is free during its life (greedy by size: Pisarchyk and Lee 2020, section 5.2). */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "graph/planner.h"
#include "tensor/shape.h"

enum { ALIGN = 64 };

static size_t round_up(size_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static uint32_t base_of(leati_planner *p, uint32_t v, size_t *offset)
{
    size_t at = 0;
    while (p->value[v].base != v) {
        at += p->value[v].offset;
        v = p->value[v].base;
    }
    if (offset) *offset = at;
    return v;
}

static void put_in(leati_planner *p, uint32_t v, uint32_t base, size_t offset)
{
    p->value[v].base = base;
    p->value[v].offset = offset;
}

static leati_node *maker(leati_planner *p, uint32_t v)
{
    return p->node[p->value[v].node];
}

/* Own memory in the workspace that a step writes: what may be moved elsewhere. */
static bool is_movable(leati_planner *p, uint32_t v)
{
    const leati_value *x = &p->value[v];
    leati_op op = maker(p, v)->op;
    return x->base == v && x->place == LEATI_IN_WORKSPACE && op != LEATI_OP_ASSIGN;
}

/* Whether the elements of a SLICE are neighbours, and where they begin. */
static bool is_run(const leati_node *n, size_t *offset)
{
    const leati_slice_attrs *a = n->attrs;
    const leat_shape *x = &n->in[0]->shape, *y = &n->out[0].shape;
    size_t stride = leat_dtype_size(n->in[0]->dtype);
    bool partial = false; /* an inner axis is not taken whole: those outside must be single */
    if (!leati_shape_count(y)) return false;
    for (int i = x->rank; i-- > 0;) {
        if (y->dim[i] > 1 && (partial || a->step[i] != 1)) return false;
        partial |= y->dim[i] != x->dim[i];
        *offset += (size_t)a->start[i] * stride;
        stride *= (size_t)x->dim[i];
    }
    return true;
}

const leat_tensor *leati_view_of(const leati_node *n, uint32_t index, size_t *offset)
{
    *offset = 0;
    switch (n->op) {
    case LEATI_OP_RESHAPE:
    case LEATI_OP_AFTER: return n->in[0];
    case LEATI_OP_CHECKPOINT: return n->in[n->ins - n->outs + index];
    case LEATI_OP_SLICE: return is_run(n, offset) ? n->in[0] : NULL;
    default: return NULL;
    }
}

bool leati_is_view(const leati_node *n)
{
    size_t offset;
    return leati_view_of(n, 0, &offset) != NULL;
}

static void place_leaves(leati_planner *p)
{
    for (uint32_t v = 0; v < p->value_count; v++) {
        leati_value *x = &p->value[v];
        leati_node *n = maker(p, v);
        if (n->op == LEATI_OP_INPUT) {
            x->place = LEATI_IN_INPUT;
            x->address = n->place; /* as the key numbers them, whatever the order of recording */
            p->inputs++;
        } else if (n->op == LEATI_OP_CONSTANT) {
            x->place = LEATI_IN_CONSTANT;
            x->address = p->constants;
            p->constants += round_up(x->bytes);
        } else if (n->op == LEATI_OP_VARIABLE || n->op == LEATI_OP_ASSIGN) {
            x->place = LEATI_IN_VARIABLE;
            x->variable = n->variable;
        } else {
            size_t offset;
            const leat_tensor *whole = leati_view_of(n, x->tensor->index, &offset);
            if (whole) put_in(p, v, whole->slot, offset);
        }
    }
}

/* ---- lives
 * ----------------------------------------------------------------------------------------- */

/* first and last of every base, from all values that lie in it. */
static void find_lives(leati_planner *p)
{
    for (uint32_t v = 0; v < p->value_count; v++) {
        p->value[v].first = LEATI_NONE;
        p->value[v].last = 0;
    }
    for (uint32_t k = 0; k < p->order_count; k++) {
        leati_unit *u = &p->unit[p->order[k]];
        uint32_t ins = leati_unit_in_count(p, u), outs = leati_unit_out_count(p, u);
        for (uint32_t i = 0; i < ins + outs; i++) {
            uint32_t v = i < ins ? leati_unit_in(p, u, i) : leati_unit_out(p, u, i - ins);
            leati_value *b = &p->value[base_of(p, v, NULL)];
            if (b->first == LEATI_NONE) b->first = k;
            b->last = k;
        }
    }
    for (uint32_t v = 0; v < p->value_count; v++) {
        leati_value *b = &p->value[base_of(p, v, NULL)];
        if (p->value[v].root) b->last = LEATI_NONE;
        if (!p->lasting[p->value[v].node]) continue;
        /* stays from run to run: nothing else ever lies there */
        b->first = b->first == LEATI_NONE ? LEATI_NONE : 0;
        b->last = LEATI_NONE;
    }
}

/* ---- concatenation
 * ---------------------------------------------------------------------------------- */

static void place_parts(leati_planner *p, leati_node *n, uint32_t out)
{
    const leati_axis_attrs *a = n->attrs;
    for (int i = 0; i < a->axis; i++)
        if (n->out[0].shape.dim[i] != 1) return;
    /* parts are written early: not into a variable that others may still read */
    if (p->value[base_of(p, out, NULL)].place != LEATI_IN_WORKSPACE) return;
    size_t offset = 0;
    for (size_t i = 0; i < n->ins; i++) {
        size_t within;
        uint32_t v = base_of(p, n->in[i]->slot, &within);
        size_t bytes = p->value[n->in[i]->slot].bytes;
        if (is_movable(p, v) && v != out && p->value[v].bytes == bytes && within == 0 &&
            base_of(p, out, NULL) != v)
            put_in(p, v, out, offset);
        offset += bytes;
    }
}

/* ---- variables
 * -------------------------------------------------------------------------------------- */

/* The last code of the program that reads register r, or -1. */
static int last_read(const leati_fused_attrs *f, uint16_t r)
{
    int last = -1;
    for (int k = 0; k < f->codes; k++)
        for (int i = 0; i < 3; i++)
            if (f->code[k].in[i] == r) last = k; /* an unused 0 only makes this stricter */
    return last;
}

/* Whether a fused unit may write output o over the memory of input i: the input is read element by
 * element of the same size (as many larger ones would be read again and again), and not after the
 * output is written. */
static bool fused_in_place(leati_planner *p, const leati_unit *u, uint32_t i, uint32_t o)
{
    const leati_fused_attrs *f = u->program;
    const leati_value *in = &p->value[u->in[i]], *out = &p->value[u->out[o]];
    size_t in_size = leat_dtype_size(in->tensor->dtype);
    if (in->bytes != out->bytes || in_size != leat_dtype_size(out->tensor->dtype)) return false;
    return last_read(f, (uint16_t)i) <= (int)f->out[o] - (int)f->inputs;
}

static bool unit_in_place(leati_planner *p, const leati_unit *u, uint32_t i, uint32_t o)
{
    if (u->fused) return fused_in_place(p, u, i, o);
    leati_operand few[32];
    const leati_node *n = p->node[u->member[0]];
    if (o >= n->outs || i >= 32 || n->ins + n->outs > 32) return false;
    leati_step s = leati_step_of(n, few);
    const leati_kernel *k = p->graph->device->class->kernel(p->graph->device, &s);
    bool may = k && ((o == 0 && (k->in_place >> i & 1)) || (k->in_place_pairs && i == o));
    return may && p->value[n->in[i]->slot].bytes == p->value[n->out[o].slot].bytes;
}

/* Does any unit read `variable` after position `at`, or the unit there in a way that does not allow
 * output o to overwrite it? */
static bool read_later(leati_planner *p, const leat_variable *variable, uint32_t at, uint32_t o)
{
    for (uint32_t k = at; k < p->order_count; k++) {
        leati_unit *u = &p->unit[p->order[k]];
        if (!u->fused && leati_is_view(p->node[u->member[0]])) continue;
        for (uint32_t i = 0; i < leati_unit_in_count(p, u); i++) {
            size_t offset;
            const leati_value *b = &p->value[base_of(p, leati_unit_in(p, u, i), &offset)];
            if (b->place != LEATI_IN_VARIABLE || !leati_variables_overlap(b->variable, variable))
                continue;
            bool same = (char *)b->variable->data + offset == (char *)variable->data;
            if (k > at || !same || !unit_in_place(p, u, i, o)) return true;
        }
    }
    for (uint32_t v = 0; v < p->value_count; v++) {
        const leati_value *b = &p->value[base_of(p, v, NULL)];
        if (p->value[v].root && b->place == LEATI_IN_VARIABLE &&
            leati_variables_overlap(b->variable, variable) && maker(p, v)->op != LEATI_OP_ASSIGN)
            return true;
    }
    return false;
}

static bool assigned_twice(leati_planner *p, const leati_node *n)
{
    size_t count = 0;
    for (size_t i = 0; i < p->node_count; i++)
        count += p->node[i]->op == LEATI_OP_ASSIGN &&
                 leati_variables_overlap(p->node[i]->variable, n->variable);
    return count > 1;
}

static void place_assign(leati_planner *p, leati_node *n)
{
    size_t offset;
    uint32_t v = base_of(p, n->in[0]->slot, &offset);
    if (!is_movable(p, v) || offset || p->value[v].bytes != n->variable->bytes) return;
    if (p->lasting[p->value[v].node]) return; /* computed once, stored at every run */
    uint32_t unit = p->unit_of[p->value[v].node];
    while (p->unit[unit].merged != LEATI_NONE) unit = p->unit[unit].merged;
    leati_unit *u = &p->unit[unit];
    uint32_t o = 0, outs = leati_unit_out_count(p, u);
    while (o < outs && leati_unit_out(p, u, o) != v) o++;
    if (o == outs || assigned_twice(p, n) || read_later(p, n->variable, u->position, o)) return;
    p->value[v].place = LEATI_IN_VARIABLE;
    p->value[v].variable = n->variable;
}

/* ---- in place
 * --------------------------------------------------------------------------------------- */

static void reuse_inputs(leati_planner *p, uint32_t position)
{
    leati_unit *u = &p->unit[p->order[position]];
    uint32_t ins = leati_unit_in_count(p, u), outs = leati_unit_out_count(p, u);
    if (!u->fused && (leati_is_leaf(p->node[u->member[0]]->op) || outs == 0)) return;
    for (uint32_t o = 0; o < outs; o++) {
        uint32_t v = leati_unit_out(p, u, o);
        if (!is_movable(p, v) || p->value[v].first != position || p->value[v].bytes == 0) continue;
        for (uint32_t i = 0; i < ins; i++) {
            uint32_t from = base_of(p, leati_unit_in(p, u, i), NULL);
            leati_value *b = &p->value[from];
            if (from == v || b->place != LEATI_IN_WORKSPACE || b->last != position ||
                b->bytes != p->value[v].bytes || maker(p, from)->op == LEATI_OP_ASSIGN)
                continue;
            bool alone = true; /* no other operand of this unit lies in the same memory */
            for (uint32_t k = 0; k < ins + outs; k++) {
                uint32_t w = k < ins ? leati_unit_in(p, u, k) : leati_unit_out(p, u, k - ins);
                alone &= k == i || base_of(p, w, NULL) != from;
            }
            if (!alone || !unit_in_place(p, u, i, o)) continue;
            b->last = p->value[v].last;
            put_in(p, v, from, 0);
            break;
        }
    }
}

/* ---- the workspace
 * ---------------------------------------------------------------------------------- */

typedef struct block {
    uint32_t value, first, last;
    size_t bytes, address;
} block;

static int larger_first(const void *a, const void *b)
{
    const block *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return (x->value > y->value) - (x->value < y->value);
}

/* The lowest address free from first to last; `placed` are the blocks that have one, by address. */
static size_t lowest_gap(const block *const *placed, size_t count, const block *b)
{
    size_t at = 0;
    for (size_t i = 0; i < count && placed[i]->address < at + b->bytes; i++) {
        const block *other = placed[i];
        if (other->first <= b->last && b->first <= other->last &&
            other->address + other->bytes > at)
            at = other->address + other->bytes;
    }
    return at;
}

/* Keeps `placed` in order of addresses. */
static void insert_block(const block **placed, size_t count, const block *b)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (placed[middle]->address <= b->address) low = middle + 1;
        else high = middle;
    }
    memmove(placed + low + 1, placed + low, (count - low) * sizeof *placed);
    placed[low] = b;
}

static leat_status place_workspace(leati_planner *p)
{
    size_t count = 0;
    block *blocks = leati_arena_calloc(&p->arena, p->value_count + 1, sizeof *blocks);
    const block **placed = leati_arena_calloc(&p->arena, p->value_count + 1, sizeof *placed);
    if (!blocks || !placed) return LEAT_NOMEM;
    for (uint32_t v = 0; v < p->value_count; v++) {
        const leati_value *x = &p->value[v];
        if (x->base != v || x->place != LEATI_IN_WORKSPACE || !x->bytes || x->first == LEATI_NONE)
            continue;
        blocks[count++] = (block){v, x->first, x->last, round_up(x->bytes), 0};
    }
    qsort(blocks, count, sizeof *blocks, larger_first);
    for (size_t i = 0; i < count; i++) {
        block *b = &blocks[i];
        b->address = lowest_gap(placed, i, b);
        insert_block(placed, i, b);
        p->value[b->value].address = b->address;
        if (b->address + b->bytes > p->workspace) p->workspace = b->address + b->bytes;
    }
    return LEAT_OK;
}

leat_status leati_plan_place(leati_planner *p)
{
    place_leaves(p);
    for (size_t i = 0; i < p->node_count; i++)
        if (p->node[i]->op == LEATI_OP_ASSIGN) place_assign(p, p->node[i]);
    for (size_t i = 0; i < p->node_count; i++)
        if (p->node[i]->op == LEATI_OP_CONCAT) place_parts(p, p->node[i], p->node[i]->out[0].slot);
    find_lives(p);
    for (uint32_t k = 0; k < p->order_count; k++) reuse_inputs(p, k);
    return place_workspace(p);
}
