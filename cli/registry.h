/* What commands that use the registry share. */
#ifndef LEAT_CLI_REGISTRY_H
#define LEAT_CLI_REGISTRY_H

#include <leat/registry.h>

#include "command.h"

/* Rows for a command's option table. */
#define CLI_REGISTRY_OPTIONS                                                                       \
    {"registry", 0, "WHERE",                                                                       \
     "a folder or postgresql://...; default: $LEAT_REGISTRY, else registry in Leat's home "        \
     "($LEAT_HOME, else ~/.local/share/leat)",                                                     \
     false},                                                                                       \
    {                                                                                              \
        "objects", 0, "DIR", "with PostgreSQL: the folder of the files (asked for once)", false    \
    }

leat_status cli_open_registry(cli *c, leat_registry **out, bool make);
/* Whether -o - sends what is pulled to standard output, which then takes nothing else. */
bool cli_pipes(const cli *c);
/* "2026-11-21 11:19 UTC" */
void cli_time_text(int64_t seconds, char out[32]);
/* "90", "15m", "12h", "30d" as seconds; false for anything else. */
bool cli_duration(const char *text, double *seconds);

#endif
