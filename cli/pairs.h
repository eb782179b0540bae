/* What a comparison says about each pair: `leat compare`, of models and of runs. */
#ifndef LEAT_CLI_PAIRS_H
#define LEAT_CLI_PAIRS_H

#include <leat/evaluate.h>

#include "command.h"

/* A sentence per pair. names: of the models or runs. */
void cli_say_pairs(cli *c, const leat_comparison *k, const char *const *names);
/* The member "pairs", a list. */
void cli_pairs_json(leat_json *j, const leat_comparison *k, const char *const *names);

#endif
