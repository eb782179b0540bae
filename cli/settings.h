/* The settings of an experiment from the command line or a YAML file. */
#ifndef LEAT_CLI_SETTINGS_H
#define LEAT_CLI_SETTINGS_H

#include <leat/experiment.h>
#include <leat/settings.h>

#include "command.h"

typedef struct cli_settings {
    leat_experiment_options options; /* options.data is what to load */
    leat_settings *file;             /* the YAML file, or NULL */
    const char **lists;              /* memory of the lists */
    char *name, *reading;
    char *folder; /* to write to; --output NAME.leat names the model in it as well */
} cli_settings;

/* data: a YAML file, or what to learn from. The command line wins over the file. On failure too,
 * fini is needed. */
leat_status cli_settings_read(cli *c, cli_settings *out, const char *data);
/* Paths in an experiment's file are of the current folder. Where a file was not found and lies
 * beside the experiment, the error says so; returns `st`. */
leat_status cli_settings_locate(cli *c, const char *experiment, leat_status st);
void cli_settings_fini(cli_settings *s);

#endif
