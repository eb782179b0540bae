/* Owns: units of execution. Elementwise nodes of one shape that depend on each other become one
 * pass over memory, unless something outside would have to run between them. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "graph/planner.h"
#include "tensor/shape.h"

enum { MOST_MEMBERS = 64, MOST_INPUTS = 24 };

static uint32_t unit_at(leati_planner *p, uint32_t node)
{
    uint32_t u = p->unit_of[node];
    while (p->unit[u].merged != LEATI_NONE) u = p->unit[u].merged;
    return p->unit_of[node] = u;
}

static uint32_t unit_making(leati_planner *p, const leat_tensor *t)
{
    return unit_at(p, leati_value_of(p, t)->node);
}

static leat_status add_member(leati_planner *p, leati_unit *u, uint32_t node)
{
    if (u->count == u->capacity) {
        uint32_t capacity = u->capacity ? 2 * u->capacity : 4;
        uint32_t *more = leati_arena_alloc(&p->arena, capacity * sizeof *more);
        if (!more) return LEAT_NOMEM;
        if (u->count) memcpy(more, u->member, u->count * sizeof *more);
        u->member = more;
        u->capacity = capacity;
    }
    u->member[u->count++] = node;
    return LEAT_OK;
}

static leat_status new_unit(leati_planner *p, uint32_t node, bool fused)
{
    LEATI_TRY(
        leati_grow(p->context, &p->unit, &p->unit_capacity, p->unit_count + 1, sizeof *p->unit));
    leati_unit *u = &p->unit[p->unit_count];
    *u = (leati_unit){.fused = fused, .merged = LEATI_NONE, .position = LEATI_NONE};
    u->reader = LEATI_NONE;
    u->lasting = p->lasting[node];
    u->space = p->node[node]->out[0].shape;
    p->unit_of[node] = (uint32_t)p->unit_count++;
    return add_member(p, u, node);
}

/* ---- merging ----------------------------------------------------------------------------------
 *
 * A unit has a level above those of all units that it reads, so units can always be put in order.
 * A new node joins units of the level it gets; a unit below is lifted to that level where all that
 * read it are above. Nothing is searched, so compiling takes time in proportion to the graph. */

enum { MOST_JOINED = 3 };

typedef struct group {
    uint32_t unit[MOST_JOINED + 1]; /* the new node's first */
    uint32_t count, level;
} group;

static bool is_in(const group *g, uint32_t unit)
{
    for (uint32_t i = 0; i < g->count; i++)
        if (g->unit[i] == unit) return true;
    return false;
}

/* Few members, and few distinct values read from elsewhere. */
static bool few_enough(leati_planner *p, const group *g)
{
    uint32_t seen[MOST_INPUTS], count = 0, members = 0;
    for (uint32_t k = 0; k < g->count; k++) members += p->unit[g->unit[k]].count;
    if (members > MOST_MEMBERS) return false;
    for (uint32_t k = 0; k < g->count; k++) {
        const leati_unit *u = &p->unit[g->unit[k]];
        for (uint32_t m = 0; m < u->count; m++) {
            leati_node *n = p->node[u->member[m]];
            for (size_t i = 0; i < n->ins; i++) {
                uint32_t v = n->in[i]->slot, j = 0;
                if (is_in(g, unit_making(p, n->in[i]))) continue;
                while (j < count && seen[j] != v) j++;
                if (j < count) continue;
                if (count == MOST_INPUTS) return false;
                seen[count++] = v;
            }
        }
    }
    return true;
}

static bool same_scope(const leati_planner *p, uint32_t a, uint32_t b)
{
    const char *x = p->node[p->unit[a].member[0]]->scope;
    const char *y = p->node[p->unit[b].member[0]]->scope;
    return x == y || (x && y && strcmp(x, y) == 0);
}

static bool may_join(leati_planner *p, uint32_t a, uint32_t b)
{
    if (p->by_scope && !same_scope(p, a, b)) return false;
    return p->unit[a].fused && p->unit[b].fused && p->unit[a].lasting == p->unit[b].lasting &&
           leati_shape_equal(&p->unit[a].space, &p->unit[b].space);
}

/* The level of node n and the units it joins, if those in `apart` stay by themselves. */
static void find_group(leati_planner *p, uint32_t self, const leati_node *n, uint32_t apart,
                       group *g)
{
    *g = (group){.unit = {self}, .count = 1};
    for (size_t k = 0; k < n->ins; k++) {
        uint32_t u = unit_making(p, n->in[k]);
        bool joins = k < MOST_JOINED && !(apart >> k & 1) && may_join(p, self, u);
        uint32_t level = p->unit[u].level + (joins ? 0 : 1);
        if (level > g->level) g->level = level;
    }
    for (size_t k = 0; k < n->ins && k < MOST_JOINED; k++) {
        uint32_t u = unit_making(p, n->in[k]);
        if ((apart >> k & 1) || !may_join(p, self, u) || is_in(g, u)) continue;
        if (p->unit[u].level == g->level || p->unit[u].reader > g->level) g->unit[g->count++] = u;
    }
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static leat_status merge(leati_planner *p, const group *g)
{
    uint32_t into = g->unit[0];
    for (uint32_t k = 1; k < g->count; k++) {
        leati_unit *b = &p->unit[g->unit[k]];
        for (uint32_t m = 0; m < b->count; m++)
            LEATI_TRY(add_member(p, &p->unit[into], b->member[m]));
        if (b->reader < p->unit[into].reader) p->unit[into].reader = b->reader;
        b->count = 0;
        b->merged = into;
    }
    leati_unit *u = &p->unit[into];
    u->level = g->level;
    if (g->count > 1) qsort(u->member, u->count, sizeof(uint32_t), compare_u32);
    return LEAT_OK;
}

static leat_status place_node(leati_planner *p, uint32_t i)
{
    leati_node *n = p->node[i];
    uint32_t self = p->unit_of[i];
    group g;
    find_group(p, self, n, 0, &g);
    for (uint32_t apart = 1; g.count > 1 && !few_enough(p, &g); apart = apart << 1 | 1)
        find_group(p, self, n, apart, &g);
    LEATI_TRY(merge(p, &g));
    for (size_t k = 0; k < n->ins; k++) {
        leati_unit *from = &p->unit[unit_making(p, n->in[k])];
        if (from != &p->unit[self] && from->reader > g.level) from->reader = g.level;
    }
    return LEAT_OK;
}

static leat_status make_units(leati_planner *p)
{
    bool fuses = p->graph->device->class->fuses;
    for (uint32_t i = 0; i < p->node_count; i++) {
        leati_node *n = p->node[i];
        bool fused = fuses && (leati_op_info_of(n->op)->elementwise || n->op == LEATI_OP_EXPAND);
        LEATI_TRY(new_unit(p, i, fused));
        LEATI_TRY(place_node(p, i));
    }
    return LEAT_OK;
}

/* When a node runs: lasting ones before all others, ASSIGN at the end, when all have read the
 * variables. */
static int turn(const leati_planner *p, uint32_t i)
{
    return p->node[i]->op == LEATI_OP_ASSIGN ? 2 : p->lasting[i] ? 0 : 1;
}

/* Units in order: those a unit depends on first, otherwise by their last member. */
static leat_status sort_units(leati_planner *p)
{
    leat_context *c = p->context;
    uint32_t *stack = NULL;
    size_t depth = 0, capacity = 0;
    leat_status st = LEAT_OK;
    uint32_t open = ++p->stamp, done = ++p->stamp;
    p->order = leati_arena_alloc(&p->arena, (p->unit_count + 1) * sizeof *p->order);
    if (!p->order) return LEAT_NOMEM;
    for (int now = 0; now < 3; now++) {
        for (uint32_t i = 0; i < p->node_count; i++) {
            if (turn(p, i) != now) continue;
            LEATI_GO(leati_grow(c, &stack, &capacity, depth + 1, sizeof *stack));
            uint32_t u = unit_at(p, i);
            if (p->unit[u].member[p->unit[u].count - 1] != i) continue;
            stack[depth++] = u;
            while (depth) {
                u = stack[depth - 1];
                leati_unit *unit = &p->unit[u];
                if (unit->seen == open || unit->seen == done) {
                    depth--;
                    if (unit->seen == done) continue;
                    unit->seen = done;
                    unit->position = (uint32_t)p->order_count;
                    p->order[p->order_count++] = u;
                    continue;
                }
                unit->seen = open;
                for (uint32_t m = 0; m < unit->count; m++) {
                    leati_node *n = p->node[unit->member[m]];
                    LEATI_GO(leati_grow(c, &stack, &capacity, depth + n->ins, sizeof *stack));
                    for (size_t k = n->ins; k-- > 0;) {
                        uint32_t next = unit_making(p, n->in[k]);
                        if (p->unit[next].seen != open && p->unit[next].seen != done)
                            stack[depth++] = next;
                    }
                }
            }
        }
    }
out:
    leati_free(stack);
    return st;
}

/* ---- programs
 * ------------------------------------------------------------------------------------- */

typedef struct writer {
    leati_planner *p;
    leati_unit *u;
    uint32_t self;
    leati_fused_attrs *program;
    uint32_t *reg_of; /* per value, of this unit where stamp_of matches */
    uint32_t *stamp_of;
    uint32_t stamp;
    size_t most_codes;
} writer;

static bool used_outside(leati_planner *p, const bool *outside, uint32_t value)
{
    return p->value[value].root || outside[value];
}

/* Values that some unit other than their own reads. */
static void mark_outside(leati_planner *p, bool *outside)
{
    for (uint32_t i = 0; i < p->node_count; i++) {
        leati_node *n = p->node[i];
        uint32_t unit = unit_at(p, i);
        for (size_t k = 0; k < n->ins; k++)
            if (unit_making(p, n->in[k]) != unit) outside[n->in[k]->slot] = true;
    }
}

static uint16_t register_of(const writer *w, const leat_tensor *t)
{
    return (uint16_t)w->reg_of[t->slot];
}

static uint16_t add_code(writer *w, leati_op op, leat_dtype in, leat_dtype out,
                         const uint16_t *regs)
{
    leati_fused_attrs *f = w->program;
    leati_fused_code *code = &f->code[f->codes];
    *code =
        (leati_fused_code){.op = (uint16_t)op, .in_type = (uint8_t)in, .out_type = (uint8_t)out};
    for (int i = 0; i < 3; i++) code->in[i] = regs[i];
    return (uint16_t)(f->inputs + f->codes++);
}

static bool is_half(leat_dtype d)
{
    return d == LEAT_DTYPE_BF16 || d == LEAT_DTYPE_F16;
}

/* The instructions of one node; halves are computed in f32. */
static void write_node(writer *w, leati_node *n)
{
    uint16_t regs[3] = {0}, reg;
    for (size_t i = 0; i < n->ins; i++) regs[i] = register_of(w, n->in[i]);
    if (n->op == LEATI_OP_EXPAND) {
        reg = regs[0];
    } else if (n->op == LEATI_OP_CAST) {
        reg = add_code(w, n->op, n->in[0]->dtype, n->out[0].dtype, regs);
    } else {
        leat_dtype type = n->in[n->ins == 3 ? 1 : 0]->dtype, out = n->out[0].dtype;
        bool widen = is_half(type) && n->op != LEATI_OP_COPY && n->op != LEATI_OP_WHERE;
        for (size_t i = 0; widen && i < n->ins; i++) {
            uint16_t from[3] = {regs[i]};
            regs[i] = add_code(w, LEATI_OP_CAST, type, LEAT_DTYPE_F32, from);
        }
        bool narrow = widen && is_half(out);
        reg =
            add_code(w, n->op, widen ? LEAT_DTYPE_F32 : type, narrow ? LEAT_DTYPE_F32 : out, regs);
        if (narrow) {
            uint16_t from[3] = {reg};
            reg = add_code(w, LEATI_OP_CAST, LEAT_DTYPE_F32, out, from);
        }
    }
    w->reg_of[n->out[0].slot] = reg;
    w->stamp_of[n->out[0].slot] = w->stamp;
}

/* Inputs get the first registers, then come the codes of the members in order. */
static leat_status write_program(writer *w, const bool *outside)
{
    leati_planner *p = w->p;
    leati_unit *u = w->u;
    leati_fused_attrs *f = w->program;
    u->in = leati_arena_alloc(&p->arena, (MOST_INPUTS * 4 + 3) * sizeof *u->in);
    u->out = leati_arena_alloc(&p->arena, (u->count + 1) * sizeof *u->out);
    if (!u->in || !u->out) return LEAT_NOMEM;
    for (uint32_t m = 0; m < u->count; m++) {
        leati_node *n = p->node[u->member[m]];
        for (size_t i = 0; i < n->ins; i++) {
            uint32_t v = n->in[i]->slot;
            if (unit_making(p, n->in[i]) == w->self || w->stamp_of[v] == w->stamp) continue;
            w->stamp_of[v] = w->stamp;
            w->reg_of[v] = f->inputs;
            u->in[f->inputs++] = v;
        }
    }
    for (uint32_t m = 0; m < u->count; m++) write_node(w, p->node[u->member[m]]);
    for (uint32_t m = 0; m < u->count; m++) {
        leati_node *n = p->node[u->member[m]];
        uint32_t v = n->out[0].slot;
        if (!used_outside(p, outside, v)) continue;
        uint16_t regs[3] = {register_of(w, &n->out[0])};
        bool taken = regs[0] < f->inputs;
        for (uint16_t i = 0; i < f->outputs; i++) taken |= f->out[i] == regs[0];
        if (taken) regs[0] = add_code(w, LEATI_OP_COPY, n->out[0].dtype, n->out[0].dtype, regs);
        f->out[f->outputs] = regs[0];
        u->out[f->outputs++] = v;
    }
    return LEAT_OK;
}

static uint32_t count_outputs(leati_planner *p, const leati_unit *u, const bool *outside)
{
    uint32_t count = 0;
    for (uint32_t m = 0; m < u->count; m++)
        count += used_outside(p, outside, p->node[u->member[m]]->out[0].slot);
    return count;
}

/* More results than a step may have: every member on its own. */
static leat_status split(leati_planner *p, uint32_t unit)
{
    leati_unit u = p->unit[unit];
    for (uint32_t m = 1; m < u.count; m++) LEATI_TRY(new_unit(p, u.member[m], true));
    p->unit[unit].count = 1;
    p->unit_of[u.member[0]] = unit;
    return LEAT_OK;
}

static leat_status split_wide_units(leati_planner *p, bool *outside)
{
    size_t units = p->unit_count;
    bool again = false;
    mark_outside(p, outside);
    for (uint32_t i = 0; i < units; i++) {
        leati_unit *u = &p->unit[i];
        if (!u->fused || !u->count || count_outputs(p, u, outside) <= LEATI_MAX_OUTPUTS) continue;
        LEATI_TRY(split(p, i));
        again = true;
    }
    if (again) mark_outside(p, outside);
    return LEAT_OK;
}

static leat_status write_programs(leati_planner *p, const bool *outside)
{
    size_t values = p->value_count + 1;
    writer w = {.p = p};
    w.reg_of = leati_arena_calloc(&p->arena, values, sizeof *w.reg_of);
    w.stamp_of = leati_arena_calloc(&p->arena, values, sizeof *w.stamp_of);
    if (!w.reg_of || !w.stamp_of) return LEAT_NOMEM;
    for (uint32_t i = 0; i < p->unit_count; i++) {
        leati_unit *u = &p->unit[i];
        if (!u->fused || !u->count) continue;
        size_t codes = 5 * (size_t)u->count + LEATI_MAX_OUTPUTS;
        w.u = u;
        w.self = i;
        w.stamp = i + 1;
        w.program =
            leati_arena_calloc(&p->arena, 1, sizeof *w.program + codes * sizeof(leati_fused_code));
        if (!w.program) return LEAT_NOMEM;
        w.program->space = u->space;
        LEATI_TRY(write_program(&w, outside));
        u->program = w.program;
        u->program_bytes = sizeof *w.program + w.program->codes * sizeof(leati_fused_code);
    }
    return LEAT_OK;
}

leat_status leati_plan_fuse(leati_planner *p)
{
    p->unit_of = leati_arena_calloc(&p->arena, p->node_count + 1, sizeof *p->unit_of);
    bool *outside = leati_arena_calloc(&p->arena, p->value_count + 1, sizeof *outside);
    if (!p->unit_of || !outside) return LEAT_NOMEM;
    LEATI_TRY(make_units(p));
    LEATI_TRY(split_wide_units(p, outside));
    LEATI_TRY(write_programs(p, outside));
    return sort_units(p);
}

uint32_t leati_unit_in_count(leati_planner *p, const leati_unit *u)
{
    return u->fused ? u->program->inputs : p->node[u->member[0]]->ins;
}

uint32_t leati_unit_in(leati_planner *p, const leati_unit *u, uint32_t i)
{
    return u->fused ? u->in[i] : p->node[u->member[0]]->in[i]->slot;
}

uint32_t leati_unit_out_count(leati_planner *p, const leati_unit *u)
{
    return u->fused ? u->program->outputs : p->node[u->member[0]]->outs;
}

uint32_t leati_unit_out(leati_planner *p, const leati_unit *u, uint32_t i)
{
    return u->fused ? u->out[i] : p->node[u->member[0]]->out[i].slot;
}
