/* leat version */
#include "command.h"

static leat_status run_version(cli *c)
{
    if (!c->json) {
        cli_say(c, "leat %s\n", leat_version());
        return LEAT_OK;
    }
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "version", leat_version());
    leat_json_string(j, "cpu", leat_context_cpu(c->context));
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

const cli_command cli_command_version = {
    .name = "version",
    .arguments = "",
    .summary = "print the version",
    .run = run_version,
};
