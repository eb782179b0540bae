/* Owns: from graph to plan: steps with addresses, inputs to be patched, scratch. */
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "graph/planner.h"
#include "graph/trace.h"
#include "tensor/shape.h"

static const leati_device_class *device_of(const leati_planner *p)
{
    return p->graph->device->class;
}

/* The kernel ASSIGN needs where its value could not be computed in place. */
static bool has_step(leati_planner *p, const leati_unit *u)
{
    if (u->fused) return true;
    const leati_node *n = p->node[u->member[0]];
    if (leati_is_leaf(n->op) || leati_is_view(n)) return false;
    if (n->op != LEATI_OP_ASSIGN) return true;
    const leati_value *v = &p->value[n->in[0]->slot];
    while (v->base != (uint32_t)(v - p->value)) v = &p->value[v->base];
    return !(v->place == LEATI_IN_VARIABLE && v->variable == n->variable);
}

static const leati_value *root_base(const leati_planner *p, uint32_t v, size_t *offset)
{
    *offset = 0;
    while (p->value[v].base != v) {
        *offset += p->value[v].offset;
        v = p->value[v].base;
    }
    return &p->value[v];
}

/* The weights of a kernel that lays them out, where they last; not of a step that lasts itself: it
 * runs once, before anything is laid out. */
static leat_status keep_weights(leati_planner *p, const leati_unit *u, leati_step *s)
{
    if (!s->kernel->keep || u->fused || u->lasting || s->ins < 2) return LEAT_OK;
    const leati_node *n = p->node[u->member[0]];
    uint32_t v = n->in[1]->slot;
    size_t offset, last = n->op == LEATI_OP_CONV_DEPTH ? n->ins : 2;
    for (size_t k = 1; k < last; k++)
        if (!p->lasting[p->value[n->in[k]->slot].node]) return LEAT_OK;
    if (p->measures) {
        p->kept += s->kernel->kept_bytes(p->context, s);
        s->kept = s; /* so that its scratch is that of a step that has them */
        return LEAT_OK;
    }
    if (last > 2) return leati_kept_of(p->graph, s, n->attr_bytes, NULL, 0); /* of two weights */
    const leati_value *base = root_base(p, v, &offset);
    return leati_kept_of(p->graph, s, n->attr_bytes,
                         base->place == LEATI_IN_VARIABLE ? base->variable : NULL, offset);
}

static leat_status shape_step(leati_planner *p, leati_plan *plan, const leati_unit *u,
                              leati_step *s)
{
    uint32_t ins = leati_unit_in_count(p, u), outs = leati_unit_out_count(p, u);
    leati_node *n = p->node[u->member[u->count - 1]];
    leati_operand *operands = leati_arena_calloc(&plan->arena, ins + outs + 1, sizeof *operands);
    if (!operands) return LEAT_NOMEM;
    *s = (leati_step){.op = u->fused ? LEATI_OP_FUSED : n->op,
                      .ins = (uint16_t)ins,
                      .outs = (uint16_t)outs,
                      .in = operands,
                      .out = operands + ins};
    for (uint32_t i = 0; i < ins + outs; i++) {
        uint32_t v = i < ins ? leati_unit_in(p, u, i) : leati_unit_out(p, u, i - ins);
        /* a view has the shape that this reader knows it by */
        const leat_tensor *t = p->value[v].tensor;
        operands[i] = (leati_operand){.shape = t->shape, .dtype = t->dtype};
    }
    const void *attrs = u->fused ? (const void *)u->program : n->attrs;
    size_t bytes = u->fused ? u->program_bytes : n->attr_bytes;
    if (bytes) {
        void *copy = leati_arena_alloc(&plan->arena, bytes);
        if (!copy) return LEAT_NOMEM;
        memcpy(copy, attrs, bytes);
        s->attrs = copy;
    }
    if (n->scope && !(s->scope = leati_arena_strdup(&plan->arena, n->scope))) return LEAT_NOMEM;
    s->kernel = device_of(p)->kernel(p->graph->device, s);
    if (!s->kernel)
        return leati_node_fail(p->context, n, LEAT_UNSUPPORTED, "device %s has no kernel",
                               device_of(p)->name);
    if (s->kernel->prepare) {
        s->prepared = leati_arena_calloc(&plan->arena, 1, s->kernel->prepared_bytes(p->context, s));
        if (!s->prepared) return LEAT_NOMEM;
        s->kernel->prepare(p->context, s);
    }
    LEATI_TRY(keep_weights(p, u, s));
    if (s->kernel->scratch) s->scratch_bytes = s->kernel->scratch(p->context, s);
    return LEAT_OK;
}

/* Scratch of one step lies behind all values: steps run one after another and share it. */
static leat_status make_steps(leati_planner *p, leati_plan *plan, size_t *scratch)
{
    plan->steps = leati_arena_calloc(&plan->arena, p->order_count + 1, sizeof *plan->steps);
    if (!plan->steps) return LEAT_NOMEM;
    *scratch = 0;
    for (size_t k = 0; k < p->order_count; k++) {
        leati_unit *u = &p->unit[p->order[k]];
        if (!has_step(p, u)) continue;
        leati_step *s = &plan->steps[plan->step_count];
        plan->step_count++; /* at once: what a step holds goes with its plan */
        plan->lasting_count += u->lasting;
        LEATI_TRY(shape_step(p, plan, u, s));
        if (s->scratch_bytes > *scratch) *scratch = s->scratch_bytes;
    }
    return LEAT_OK;
}

static void set_address(leati_planner *p, leati_plan *plan, uint32_t v, leati_operand *o)
{
    size_t offset;
    const leati_value *b = root_base(p, v, &offset);
    switch (b->place) {
    case LEATI_IN_WORKSPACE: o->data = (char *)plan->workspace->data + b->address + offset; break;
    case LEATI_IN_CONSTANT: o->data = (char *)plan->constants + b->address + offset; break;
    case LEATI_IN_VARIABLE: o->data = (char *)b->variable->data + offset; break;
    case LEATI_IN_INPUT:
        plan->patches[plan->patch_count++] = (leati_patch){(uint32_t)b->address, o, offset};
        break;
    }
}

static size_t scratch_offset(const leati_planner *p)
{
    return (p->workspace + 63) / 64 * 64;
}

/* Plans of one graph run one after another: what does not last needs no place of its own. */
static leati_workspace *take_workspace(leati_planner *p, const leati_plan *plan, size_t bytes)
{
    leat_graph *g = p->graph;
    leati_device *d = g->device;
    bool shares = p->shares && !plan->lasting_count;
    leati_workspace *w = shares ? g->workspace : NULL;
    if (!w || w->bytes < bytes) {
        w = LEATI_NEW(p->context, leati_workspace, 1);
        if (w) w->data = d->class->alloc(d, bytes);
        if (!w || !w->data) {
            leati_free(w);
            return NULL;
        }
        w->bytes = bytes;
        if (shares) g->workspace = w;
    }
    w->users++;
    return w;
}

static void leave_workspace(leat_graph *g, leati_workspace *w)
{
    if (!w || --w->users) return;
    if (g->workspace == w) g->workspace = NULL;
    g->device->class->free(g->device, w->data);
    leati_free(w);
}

/* The largest value in the workspace and the unit that makes it, as people look for what is too
 * large. */
static leat_status say_memory(leati_planner *p, const leati_plan *plan, size_t bytes)
{
    char all[LEATI_NUM_SIZE], most[LEATI_NUM_SIZE];
    const leati_value *top = NULL;
    for (size_t i = 0; i < p->value_count; i++) {
        const leati_value *v = &p->value[i];
        if (v->base == i && v->place == LEATI_IN_WORKSPACE && (!top || v->bytes > top->bytes))
            top = v;
    }
    leati_num_bytes(bytes, all);
    if (!top || !top->bytes)
        return leati_error_within(p->context, "a plan of %zu steps needs %s at once",
                                  plan->step_count, all);
    const leati_node *n = top->tensor->node;
    leati_num_bytes(top->bytes, most);
    return leati_error_within(
        p->context,
        "a plan of %zu steps needs %s at once, the largest value %s: %s%s`%s` "
        "gives %s of shape %s",
        plan->step_count, all, most, n->scope ? n->scope : "", n->scope ? ": " : "",
        leati_op_info_of(n->op)->name, leat_dtype_name(top->tensor->dtype),
        leati_shape_string(&top->tensor->shape).text);
}

static leat_status allocate(leati_planner *p, leati_plan *plan, size_t scratch)
{
    leati_device *d = p->graph->device;
    size_t at = scratch_offset(p), operands = plan->root_count;
    plan->workspace = take_workspace(p, plan, at + scratch);
    plan->constant_bytes = p->constants;
    plan->constants = d->class->alloc(d, p->constants);
    if (!plan->workspace || !plan->constants)
        return say_memory(p, plan, at + scratch + p->constants);
    for (size_t k = 0; k < plan->step_count; k++) {
        operands += (size_t)plan->steps[k].ins + plan->steps[k].outs;
        plan->steps[k].scratch = (char *)plan->workspace->data + at;
    }
    plan->patches = leati_arena_calloc(&plan->arena, operands + 1, sizeof *plan->patches);
    return plan->patches ? LEAT_OK : LEAT_NOMEM;
}

static void set_addresses(leati_planner *p, leati_plan *plan, leat_tensor *const *roots)
{
    size_t step = 0;
    for (size_t k = 0; k < p->order_count; k++) {
        leati_unit *u = &p->unit[p->order[k]];
        if (!has_step(p, u)) continue;
        leati_step *s = &plan->steps[step++];
        for (uint32_t i = 0; i < s->ins; i++)
            set_address(p, plan, leati_unit_in(p, u, i), &s->in[i]);
        for (uint32_t i = 0; i < s->outs; i++)
            set_address(p, plan, leati_unit_out(p, u, i), &s->out[i]);
    }
    for (size_t i = 0; i < plan->root_count; i++) {
        plan->roots[i] = (leati_operand){.shape = roots[i]->shape, .dtype = roots[i]->dtype};
        set_address(p, plan, roots[i]->slot, &plan->roots[i]);
    }
}

static leat_status upload_constants(leati_planner *p, leati_plan *plan)
{
    leati_device *d = p->graph->device;
    for (uint32_t v = 0; v < p->value_count; v++) {
        const leati_value *x = &p->value[v];
        if (x->place == LEATI_IN_CONSTANT && x->base == v && x->bytes)
            LEATI_TRY(d->class->upload(d, (char *)plan->constants + x->address,
                                       p->node[x->node]->host, x->bytes));
    }
    return LEAT_OK;
}

static leat_status note_inputs(leati_planner *p, leati_plan *plan)
{
    plan->input_count = p->inputs;
    plan->input_bytes = leati_arena_calloc(&plan->arena, p->inputs + 1, sizeof *plan->input_bytes);
    plan->input_copies = leati_arena_calloc(&plan->arena, p->inputs + 1, sizeof(void *));
    if (!plan->input_bytes || !plan->input_copies) return LEAT_NOMEM;
    for (uint32_t v = 0; v < p->value_count; v++)
        if (p->value[v].place == LEATI_IN_INPUT && p->value[v].base == v)
            plan->input_bytes[p->value[v].address] = p->value[v].bytes;
    return LEAT_OK;
}

void leati_plan_destroy(leati_plan *plan)
{
    if (!plan) return;
    leati_device *d = plan->graph->device;
    for (size_t i = 0; plan->input_copies && i < plan->input_count; i++)
        if (plan->input_copies[i]) d->class->free(d, plan->input_copies[i]);
    leave_workspace(plan->graph, plan->workspace);
    if (plan->constants) d->class->free(d, plan->constants);
    for (size_t i = 0; i < plan->step_count; i++)
        leati_kept_release(plan->graph, plan->steps[i].keeper);
    leati_arena_fini(&plan->arena);
    leati_free(plan);
}

/* All but memory and addresses. */
static leat_status lay_out(leati_planner *p, size_t count, leat_tensor *const *roots,
                           leati_plan *plan, size_t *scratch)
{
    LEATI_TRY(leati_plan_lower(p, count, roots));
    LEATI_TRY(leati_plan_round(p));
    LEATI_TRY(leati_plan_turn(p));
    LEATI_TRY(leati_plan_simplify(p));
    LEATI_TRY(leati_plan_pool(p));
    LEATI_TRY(leati_plan_join_depthwise(p));
    LEATI_TRY(leati_plan_find_lasting(p, 0));
    LEATI_TRY(leati_plan_note_variables(p, plan));
    LEATI_TRY(leati_plan_fuse(p));
    LEATI_TRY(leati_plan_place(p));
    LEATI_TRY(note_inputs(p, plan));
    return make_steps(p, plan, scratch);
}

static leat_status compile(leati_planner *p, size_t count, leat_tensor *const *roots,
                           leati_plan *plan)
{
    size_t scratch;
    LEATI_TRY(lay_out(p, count, roots, plan, &scratch));
    plan->root_count = count;
    plan->roots = leati_arena_calloc(&plan->arena, count + 1, sizeof *plan->roots);
    if (!plan->roots) return LEAT_NOMEM;
    LEATI_TRY(allocate(p, plan, scratch));
    set_addresses(p, plan, p->roots);
    return upload_constants(p, plan);
}

static void free_planner(leati_planner *p)
{
    leati_arena_fini(&p->arena);
    leati_free(p->node);
    leati_free(p->number);
    leati_free(p->value);
    leati_free(p->unit);
}

leat_status leati_plan_measure(leat_graph *g, size_t count, leat_tensor *const *roots,
                               leati_plan_size *out)
{
    size_t scratch = 0;
    leat_context *c = g->context;
    leati_planner p = {.graph = g, .context = c, .measures = true};
    leati_plan *plan = LEATI_NEW(c, leati_plan, 1);
    if (!plan) return LEAT_NOMEM;
    plan->graph = g;
    leati_arena_init(&plan->arena, c);
    leati_arena_init(&p.arena, c);
    leat_status st = lay_out(&p, count, roots, plan, &scratch);
    *out = (leati_plan_size){.workspace = scratch_offset(&p) + scratch,
                             .constants = p.constants,
                             .kept = p.kept,
                             .shares = !plan->lasting_count};
    for (size_t i = 0; st == LEAT_OK && i < plan->step_count; i++)
        out->flops += leati_step_flops(&plan->steps[i]);
    free_planner(&p);
    leati_plan_destroy(plan);
    return st;
}

static leat_status compile_plan(leat_graph *g, size_t count, leat_tensor *const *roots, bool shares,
                                bool by_scope, leati_plan **out)
{
    leat_context *c = g->context;
    leati_planner p = {.graph = g, .context = c, .shares = shares, .by_scope = by_scope};
    *out = NULL;
    leati_plan *plan = LEATI_NEW(c, leati_plan, 1);
    if (!plan) return LEAT_NOMEM;
    plan->graph = g;
    leati_arena_init(&plan->arena, c);
    leati_arena_init(&p.arena, c);
    leat_status st = compile(&p, count, roots, plan);
    free_planner(&p);
    if (st != LEAT_OK) {
        leati_plan_destroy(plan);
        return st;
    }
    *out = plan;
    return LEAT_OK;
}

leat_status leati_plan_compile(leat_graph *g, size_t count, leat_tensor *const *roots,
                               leati_plan **out)
{
    return compile_plan(g, count, roots, false, false, out);
}

leat_status leati_plan_compile_sharing(leat_graph *g, size_t count, leat_tensor *const *roots,
                                       leati_plan **out)
{
    return compile_plan(g, count, roots, true, false, out);
}

leat_status leati_plan_compile_apart(leat_graph *g, size_t count, leat_tensor *const *roots,
                                     leati_plan **out)
{
    return compile_plan(g, count, roots, false, true, out);
}
