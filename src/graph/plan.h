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

struct leati_plan {
    leat_graph *graph;
    leati_arena arena; /* steps, operands, attributes */
    leati_step *steps;
    size_t step_count;
    leati_patch *patches;
    size_t patch_count;
    size_t *input_bytes; /* per input leaf, in order of the key */
    void **input_copies; /* device copies, where the device has foreign memory */
    size_t input_count;
    void *workspace;
    size_t workspace_bytes;
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
void leati_plan_destroy(leati_plan *p); /* NULL is fine */

#endif
