/* Owns: what gives the same at every run for as long as no variable changes: constants, variables
 * that the plan does not store to, and what is computed from them alone. A plan computes it once
 * and again only after one of the variables was set. */
#include "base/mem.h"
#include "graph/planner.h"

/* Operations whose time of running means something, and EXPAND, which costs memory and saves
 * nothing. */
static bool never_lasts(leati_op op)
{
    return op == LEATI_OP_INPUT || op == LEATI_OP_ASSIGN || op == LEATI_OP_EXPAND ||
           op == LEATI_OP_AFTER || op == LEATI_OP_CHECKPOINT || op == LEATI_OP_CUSTOM;
}

static bool is_stored(const leati_planner *p, const leat_variable *v)
{
    for (size_t i = 0; i < p->node_count; i++)
        if (p->node[i]->op == LEATI_OP_ASSIGN && leati_variables_overlap(p->node[i]->variable, v))
            return true;
    return false;
}

static bool lasts(const leati_planner *p, const leati_node *n)
{
    if (never_lasts(n->op)) return false;
    if (n->op == LEATI_OP_VARIABLE) return !is_stored(p, n->variable);
    for (size_t i = 0; i < n->ins; i++)
        if (!p->lasting[p->value[n->in[i]->slot].node]) return false;
    return true;
}

leat_status leati_plan_find_lasting(leati_planner *p, size_t more)
{
    p->lasting = leati_arena_calloc(&p->arena, p->node_count + more + 1, sizeof *p->lasting);
    if (!p->lasting) return LEAT_NOMEM;
    if (!p->graph->device->class->fuses) return LEAT_OK;
    for (size_t i = 0; i < p->node_count; i++) p->lasting[i] = lasts(p, p->node[i]);
    for (size_t i = 0; i < more; i++) p->lasting[p->node_count + i] = true;
    return LEAT_OK;
}

static bool add_whole(leat_variable **list, size_t count, const leat_variable *v)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == v->whole) return false;
    list[count] = v->whole;
    return true;
}

leat_status leati_plan_note_variables(const leati_planner *p, leati_plan *plan)
{
    size_t count = p->node_count + 1;
    plan->read = leati_arena_calloc(&plan->arena, count, sizeof(leat_variable *));
    plan->read_version = leati_arena_calloc(&plan->arena, count, sizeof(uint64_t));
    plan->stored = leati_arena_calloc(&plan->arena, count, sizeof(leat_variable *));
    if (!plan->read || !plan->read_version || !plan->stored) return LEAT_NOMEM;
    for (size_t i = 0; i < p->node_count; i++) {
        const leati_node *n = p->node[i];
        if (n->op == LEATI_OP_ASSIGN)
            plan->stored_count += add_whole(plan->stored, plan->stored_count, n->variable);
        if (n->op == LEATI_OP_VARIABLE && p->lasting[i])
            plan->read_count += add_whole(plan->read, plan->read_count, n->variable);
    }
    return LEAT_OK;
}
