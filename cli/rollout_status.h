/* How a rollout stands, as text. */
#ifndef LEAT_CLI_ROLLOUT_STATUS_H
#define LEAT_CLI_ROLLOUT_STATUS_H

#include <leat/rollout.h>

#include "command.h"

/* Returns the number of lines that it printed. */
int cli_print_rollout(cli *c, const leat_rollout *r);

#endif
