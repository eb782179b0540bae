/* Runs of experiments side by side: `leat compare runs`. */
#ifndef LEAT_CLI_RUNS_H
#define LEAT_CLI_RUNS_H

#include "command.h"

/* numbers: of the runs, as texts. */
leat_status cli_compare_runs(cli *c, char *const *numbers, int count);

#endif
