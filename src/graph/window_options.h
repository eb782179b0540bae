/* The options of windows as callers give them. */
#ifndef LEATI_GRAPH_WINDOW_OPTIONS_H
#define LEATI_GRAPH_WINDOW_OPTIONS_H

#include <leat/function.h>

/* The defaults overlaid by what the caller's struct, perhaps of an older version, has. */
leat_window leati_window_options(const leat_window *given);

#endif
