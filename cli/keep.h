/* What `fit` keeps in a registry. */
#ifndef LEAT_CLI_KEEP_H
#define LEAT_CLI_KEEP_H

#include <leat/experiment.h>

#include "registry.h"

typedef struct cli_kept {
    int64_t run;          /* 0: nothing was kept */
    char registered[160]; /* "cars@3", or "" */
    bool data_known;      /* whether the registry has the data */
} cli_kept;

/* Before the work: whether a registry that is asked for can be opened, and takes a model of the
 * name. */
leat_status cli_keep_check(cli *c);
/* After it: the run with its files and, with --register NAME, the model as a version. */
leat_status cli_keep(cli *c, const leat_experiment *e, const char *command, const char *model,
                     const char *report, cli_kept *out);
void cli_keep_say(cli *c, const cli_kept *kept, const char *data);

#endif
