/* Compiled plans: what leat_run executes. */
#ifndef LEATI_GRAPH_PLAN_H
#define LEATI_GRAPH_PLAN_H

#include "graph/graph.h"

/* Where the address of an input of a plan goes. */
typedef struct leati_patch {
    uint32_t input; /* number of the input leaf */
    leati_operand *operand;
    size_t offset;
} leati_patch;

/* Memory for values during a run. */
struct leati_workspace {
    void *data;
    size_t bytes;
    size_t users; /* plans */
};

struct leati_plan {
    leat_graph *graph;
    leati_arena arena; /* steps, operands, attributes */
    leati_step *steps; /* those of lasting values first */
    size_t step_count, lasting_count;
    /* Lasting values are computed, and weights laid out (kept.c), when the version of a variable
     * they are made of has changed. */
    leat_variable **read, **stored; /* wholes, each once */
    uint64_t *read_version;
    size_t read_count, stored_count;
    bool ready;
    leati_patch *patches;
    size_t patch_count;
    size_t *input_bytes; /* per input leaf, in order of the key */
    void **input_copies; /* device copies, where the device has foreign memory */
    size_t input_count;
    leati_workspace *workspace;
    void *constants;
    size_t constant_bytes;
    leati_operand *roots; /* where each root's value is */
    size_t root_count;
};

/* Nodes below the roots, inputs first, in the order of a search in depth. The arrays live in
 * `arena`. */
typedef struct leati_order {
    leati_node **node;
    size_t count, capacity;
} leati_order;
leat_status leati_order_make(leat_graph *g, size_t count, leat_tensor *const *roots,
                             leati_order *out);
void leati_order_fini(leati_order *order);

/* The structure below the roots as bytes; equal bytes, equal plan. Also lists the INPUT nodes and
 * numbers them in that order (`place`), which is that of the structure. */
leat_status leati_plan_key(leat_graph *g, size_t count, leat_tensor *const *roots, uint8_t **key,
                           size_t *bytes, leati_node ***inputs, size_t *input_count);

leat_status leati_plan_compile(leat_graph *g, size_t count, leat_tensor *const *roots,
                               leati_plan **out);
/* The same without fusion across scopes, to tell what each of them costs. */
leat_status leati_plan_compile_apart(leat_graph *g, size_t count, leat_tensor *const *roots,
                                     leati_plan **out);
void leati_plan_destroy(leati_plan *p); /* NULL is fine */
/* The same for one of the graph's own plans, which run one after another: where nothing of it lasts
 * from run to run, it lies in the workspace of those before it, if that is large enough. */
leat_status leati_plan_compile_sharing(leat_graph *g, size_t count, leat_tensor *const *roots,
                                       leati_plan **out);
/* What a plan would take, without taking it: the values of variables and inputs are not read. */
typedef struct leati_plan_size {
    size_t workspace, constants, kept; /* bytes; kept: of laid-out weights */
    double flops;                      /* of a run (leati_step_flops) */
    bool shares;                       /* whether it may lie in another one's workspace */
} leati_plan_size;
leat_status leati_plan_measure(leat_graph *g, size_t count, leat_tensor *const *roots,
                               leati_plan_size *out);

/* Before each run: brings up to date what lasts from run to run. */
leat_status leati_plan_refresh(leat_context *c, leati_plan *plan);
/* Of all laid-out weights of the graph. */
size_t leati_kept_bytes(const leat_graph *g);
/* A run is about to store: what others made of these variables is old. */
static inline void leati_plan_stores(const leati_plan *plan)
{
    for (size_t i = 0; i < plan->stored_count; i++) plan->stored[i]->version++;
}

/* A plan of the caller's own, on a device in host memory, with the present data of its inputs as
 * their addresses for good. It needs the device and the variables of the graph, no tensors: the
 * graph may be cleared. Running it allocates nothing; data of roots are at plan->roots[i].data.
 * Several threads may run one plan, but not at once. */
leat_status leati_plan_prepare(leat_graph *g, size_t count, leat_tensor *const *roots,
                               leati_plan **out);
/* With the pool and the error of context c, which has the threads and the CPU level of the one it
 * was compiled in. */
leat_status leati_plan_run(leat_context *c, leati_plan *plan);
/* From now on graph and device belong to context c, of as many threads and the same CPU level. */
void leati_graph_adopt(leat_graph *g, leat_context *c);

#endif
