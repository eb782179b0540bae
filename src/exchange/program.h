/* A recorded network as a list of operations for a writer: what does not depend on the input is
 * computed and becomes data, compositions that the writer does not know are taken apart, and what
 * nobody reads is left out. */
#ifndef LEATI_EXCHANGE_PROGRAM_H
#define LEATI_EXCHANGE_PROGRAM_H

#include "graph/graph.h"

/* Whether a writer has this operation as it stands. Views (see leati_program_is_view) and
 * elementwise operations are asked too. */
typedef bool (*leati_program_takes_fn)(const leati_node *n);

typedef struct leati_program_value {
    leat_tensor *same; /* another tensor with this value, or NULL */
    void *data;        /* its elements, when they are known */
    uint32_t uses;     /* by listed nodes, and by the roots */
} leati_program_value;

typedef struct leati_program {
    leat_context *context;
    leat_graph *graph;
    leati_arena arena;
    leati_node **node; /* (count) in order */
    size_t count, capacity;
    leati_program_value **value; /* by id of node: one per output, or NULL */
    uint8_t *state;              /* by id of node */
    size_t ids;                  /* that both have room for */
    size_t value_capacity, state_capacity;
    leat_tensor **root;
    size_t roots;
} leati_program;

/* UNSUPPORTED names operation and layer. The graph must stay until fini. */
leat_status leati_program_make(leat_graph *g, size_t count, leat_tensor *const *roots,
                               leati_program_takes_fn takes, leati_program *out);
void leati_program_fini(leati_program *p);

/* What stands for the tensor: itself, or what it was taken apart to. */
leat_tensor *leati_program_resolve(const leati_program *p, leat_tensor *x);
leat_tensor *leati_program_in(const leati_program *p, const leati_node *n, size_t i);
leati_program_value *leati_program_value_of(const leati_program *p, const leat_tensor *x);
/* RESHAPE, EXPAND, TRANSPOSE, SLICE, REVERSE: the same elements in another order. */
bool leati_program_is_view(const leati_node *n);

#endif
