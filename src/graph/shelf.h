/* What graphs over the same weights share: weights as a file holds them, and as kernels lay them
 * out. Sessions of one model have one copy, however many threads ask it. Thread-safe. */
#ifndef LEATI_GRAPH_SHELF_H
#define LEATI_GRAPH_SHELF_H

#include <leat/graph.h>

typedef struct leati_shelf leati_shelf;
typedef struct leati_kept leati_kept; /* of graph/kept.c */

leati_shelf *leati_shelf_create(leat_context *c); /* NULL with the error recorded */
leati_shelf *leati_shelf_retain(leati_shelf *s);  /* NULL is fine */
void leati_shelf_release(leati_shelf *s);         /* NULL is fine */

/* The graph keeps laid-out weights of the variables that it borrows on the shelf from now on, and
 * keeps the shelf. Before the first plan; on a device in host memory. NULL is fine. */
void leati_graph_share(leat_graph *g, leati_shelf *s);

/* Block number `index` of the shelf: the first who asks loads it, into zeroed memory. It stays
 * until the shelf goes. A number always asks for the same. */
typedef leat_status (*leati_shelf_load)(leat_context *c, void *arg, void *block);
leat_status leati_shelf_block(leat_context *c, leati_shelf *s, size_t index, size_t bytes,
                              leati_shelf_load load, void *arg, const void **out);

/* The list of what kernels laid out (kept.c); to be locked. */
leati_kept **leati_shelf_kept(leati_shelf *s);
void leati_shelf_lock(leati_shelf *s);
void leati_shelf_unlock(leati_shelf *s);

#endif
