/* leat check: what this machine and build offer, and whether they work. */
#include <leat/check.h>

#include "command.h"

static leat_status run_check(cli *c)
{
    leat_check_item items[LEAT_CHECK_MOST];
    size_t n;
    bool usable = true;
    leat_status st = leat_check(c->context, items, &n);
    if (st != LEAT_OK) return st;
    for (size_t i = 0; i < n; i++) usable = usable && (items[i].ok || !items[i].needed);
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_json_bool(j, "usable", usable);
        leat_json_begin_array(j, "items");
        for (size_t i = 0; i < n; i++) {
            leat_json_begin_object(j, NULL);
            leat_json_string(j, "name", items[i].name);
            leat_json_bool(j, "ok", items[i].ok);
            leat_json_string(j, "found", items[i].found);
            leat_json_string(j, "remark", items[i].remark);
            leat_json_end_object(j);
        }
        leat_json_end_array(j);
        leat_json_end_object(j);
        st = cli_print_json(c, j);
    }
    for (size_t i = 0; i < n; i++) {
        cli_styled(c, CLI_BOLD, "%-10s", items[i].name);
        cli_say(c, " %s\n", items[i].found);
        if (!*items[i].remark) continue;
        cli_say(c, "%-10s ", "");
        cli_styled(c, CLI_DIM, "%s\n", items[i].remark);
    }
    if (st == LEAT_OK && !usable)
        return leat_error_set(c->context, LEAT_UNSUPPORTED,
                              "this build does not work on this machine; see above");
    return st;
}

const cli_command cli_command_check = {
    .name = "check",
    .arguments = "",
    .summary = "what this machine and build offer, and whether they work",
    .run = run_check,
};
