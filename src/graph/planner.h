/* The state of compiling one plan; every stage is a file.
 *
 *   lower.c   which nodes are executed: compositions the device has no kernel for are written out
 *   layout.c  convolutions, pools and what is between them with channels last
 *   lasting.c which of them give the same at every run
 *   rewrite.c what simplify.c, pooled.c and depthwise.c have in common: changing the list of nodes
 *   simplify.c  products take in transposes, biases, residuals, activations
 *   pooled.c  convolutions take in the maximum pool behind them
 *   depthwise.c  convolutions take in the one with one filter per channel behind them
 *   fuse.c    units of execution: one node, or a run of elementwise nodes; their order
 *   memory.c  where every value lies: views, in-place results, variables, the workspace
 *   compile.c steps with addresses */
#ifndef LEATI_GRAPH_PLANNER_H
#define LEATI_GRAPH_PLANNER_H

#include "graph/plan.h"

enum { LEATI_NONE = UINT32_MAX };

typedef enum leati_place {
    LEATI_IN_WORKSPACE,
    LEATI_IN_INPUT,    /* address = number of the input */
    LEATI_IN_CONSTANT, /* address = offset in the constants */
    LEATI_IN_VARIABLE
} leati_place;

typedef struct leati_value {
    leat_tensor *tensor;
    uint32_t node; /* number of the node that makes it */
    uint32_t base; /* the value in whose memory it lies; itself where it has its own */
    size_t offset; /* in base */
    size_t bytes;
    bool root;
    /* of a base: */
    leati_place place;
    leat_variable *variable;
    size_t address;       /* in the place */
    uint32_t first, last; /* positions of the units that first write and last read it */
} leati_value;

typedef struct leati_unit {
    bool fused;
    bool lasting;     /* all members are, or none */
    uint32_t *member; /* nodes, rising */
    uint32_t count, capacity;
    leat_shape space; /* fused: of the iteration */
    uint32_t position;
    uint32_t merged; /* the unit it became part of, or LEATI_NONE */
    uint32_t seen;   /* stamp of a search */
    uint32_t level;  /* above those of all units it reads */
    uint32_t reader; /* the lowest level of a unit that reads it */
    /* fused: filled by fuse.c once all members are known */
    leati_fused_attrs *program;
    size_t program_bytes;
    uint32_t *in, *out; /* values in order of the program's inputs and outputs */
} leati_unit;

typedef struct leati_planner {
    leat_graph *graph;
    leat_context *context;
    leati_arena arena; /* all of the below but the growing arrays */
    leati_node **node;
    uint32_t *unit_of; /* per node */
    bool *lasting;     /* per node: the same at every run */
    size_t node_count, node_capacity, unit_of_capacity;
    uint32_t *number; /* by id of a node: its place in node[], or LEATI_NONE */
    size_t number_count, number_capacity;
    leati_value *value;
    size_t value_count, value_capacity;
    leati_unit *unit;
    size_t unit_count, unit_capacity;
    uint32_t *order; /* units in order of execution */
    size_t order_count;
    uint32_t stamp;
    bool by_scope;       /* nothing is fused across scopes */
    leat_tensor **roots; /* as given, or a copy where the value would be overwritten in the run */
    size_t workspace, constants, inputs;
    bool shares; /* the workspace with other plans of the graph */
    bool measures;
    size_t kept; /* bytes of laid-out weights, while it measures */
} leati_planner;

/* Whether storing into one changes the other: parts share memory with the whole. */
bool leati_variables_overlap(const leat_variable *a, const leat_variable *b);

leat_status leati_plan_lower(leati_planner *p, size_t count, leat_tensor *const *roots);
/* A value that node `node` makes, with a slot of its own. */
leat_status leati_plan_add_value(leati_planner *p, leat_tensor *t, uint32_t node);
/* A node and its values at the end of the list. */
leat_status leati_plan_add_node(leati_planner *p, leati_node *n);
leat_status leati_plan_round(leati_planner *p);
leat_status leati_plan_turn(leati_planner *p);
leat_status leati_plan_simplify(leati_planner *p);
leat_status leati_plan_pool(leati_planner *p);
leat_status leati_plan_join_depthwise(leati_planner *p);
leat_status leati_plan_fuse(leati_planner *p);
/* Fills p->lasting, for the nodes as they are; it has room for `more`, which last. */
leat_status leati_plan_find_lasting(leati_planner *p, size_t more);
/* Room for the weights of a step that lays them out once: s->kept, shared with the steps of other
 * plans that read them in the same form. `variable`: where input 1 lies, `offset` bytes behind its
 * start; NULL: it is a lasting value of this plan. */
leat_status leati_kept_of(leat_graph *g, leati_step *s, size_t attr_bytes,
                          const leat_variable *variable, size_t offset);
void leati_kept_release(leat_graph *g, leati_kept *k); /* NULL is fine */
/* The variables the plan stores to and those its lasting values are made of. */
leat_status leati_plan_note_variables(const leati_planner *p, leati_plan *plan);
leat_status leati_plan_place(leati_planner *p);

/* A step with shapes and attributes but no addresses, for questions to the device. `operands` has
 * room for all inputs and outputs. */
leati_step leati_step_of(const leati_node *n, leati_operand *operands);

static inline leati_value *leati_value_of(leati_planner *p, const leat_tensor *t)
{
    return &p->value[t->slot];
}

/* The input in whose memory output `index` of n lies, *offset bytes behind its start: RESHAPE,
 * SLICE where the elements are neighbours, AFTER, CHECKPOINT. NULL: in none. */
const leat_tensor *leati_view_of(const leati_node *n, uint32_t index, size_t *offset);
bool leati_is_view(const leati_node *n);

/* Executed without a step: leaves and views. */
static inline bool leati_is_leaf(leati_op op)
{
    return op == LEATI_OP_INPUT || op == LEATI_OP_CONSTANT || op == LEATI_OP_VARIABLE;
}

/* The values that unit u reads and writes outside itself, in the order of its step. */
uint32_t leati_unit_in_count(leati_planner *p, const leati_unit *u);
uint32_t leati_unit_in(leati_planner *p, const leati_unit *u, uint32_t i);
uint32_t leati_unit_out_count(leati_planner *p, const leati_unit *u);
uint32_t leati_unit_out(leati_planner *p, const leati_unit *u, uint32_t i);

#endif
