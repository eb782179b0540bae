/* The table of a network's layers, and amounts as text. */
#ifndef LEAT_CLI_LAYERS_H
#define LEAT_CLI_LAYERS_H

#include <leat/inspect.h>

#include "command.h"

/* parameters (trained), states (not trained), flops: of the whole network. */
leat_status cli_print_layers(cli *c, const leat_layer_info *layers, size_t count, size_t parameters,
                             size_t states, double flops);
leat_status cli_print_inspected(cli *c, const leat_inspection *i); /* the same of an inspection */
void cli_flops_text(double flops, char out[32]);                   /* "1.64 M" */
void cli_bytes_text(size_t bytes, char out[32]);                   /* "50.2 kB" */

#endif
