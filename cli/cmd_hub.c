/* leat hub: models from elsewhere. */
#include <stdlib.h>
#include <string.h>

#include <leat/hub.h>

#include "layers.h"

static leat_status run_get(cli *c, const char *what)
{
    char path[4096];
    leat_hub_options o = leat_hub_options_default();
    o.hub = cli_value(c, "hub");
    o.sha256 = cli_value(c, "sha256");
    o.path = cli_value(c, "output");
    leat_status st = leat_hub_get(c->context, what, &o, path, sizeof path);
    if (st != LEAT_OK) return st;
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "path", path);
        leat_json_end_object(j);
        return cli_print_json(c, j);
    }
    cli_say(c, "wrote ");
    cli_styled(c, CLI_ACCENT, "%s", path);
    cli_say(c, "; its SHA-256 is the one expected\nnext: leat show %s\n", path);
    return LEAT_OK;
}

static leat_status print_json(cli *c, const leat_hub_list *list)
{
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_begin_array(j, "models");
    for (size_t i = 0; i < leat_hub_list_count(list); i++) {
        const leat_hub_model *m = leat_hub_list_at(list, i);
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "name", m->name);
        leat_json_string(j, "file", m->file);
        leat_json_string(j, "sha256", m->sha256);
        leat_json_int(j, "bytes", (int64_t)m->bytes);
        leat_json_string(j, "summary", m->summary);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

static leat_status print_list(cli *c, const leat_hub_list *list)
{
    enum { COLUMNS = 3 };
    size_t n = leat_hub_list_count(list);
    const char **cells = calloc((n + 1) * COLUMNS, sizeof *cells);
    char(*sizes)[32] = calloc(n + 1, sizeof *sizes);
    leat_status st = LEAT_OK;
    if (cells && sizes) {
        const char *head[COLUMNS] = {"name", "size", "what"};
        memcpy(cells, head, sizeof head);
        for (size_t i = 0; i < n; i++) {
            const leat_hub_model *m = leat_hub_list_at(list, i);
            if (m->bytes) cli_bytes_text((size_t)m->bytes, sizes[i]);
            const char *row[COLUMNS] = {m->name, sizes[i], m->summary};
            memcpy(cells + (i + 1) * COLUMNS, row, sizeof row);
        }
        cli_table(c, cells, (int)n + 1, COLUMNS, true);
    } else {
        st = leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    }
    free(cells);
    free(sizes);
    return st;
}

static leat_status run_list(cli *c)
{
    leat_hub_list *list;
    leat_status st = leat_hub_list_create(c->context, &list, cli_value(c, "hub"));
    if (st != LEAT_OK) return st;
    st = c->json ? print_json(c, list) : print_list(c, list);
    leat_hub_list_destroy(list);
    return st;
}

static leat_status run_hub(cli *c)
{
    const char *verb = c->arguments[0], *what = c->count > 1 ? c->arguments[1] : NULL;
    if (strcmp(verb, "list") == 0 && cli_value(c, "output"))
        return cli_usage(c, "leat hub list writes no file; --output goes with get");
    if (strcmp(verb, "list") == 0)
        return what ? cli_usage(c, "list takes no name; leat hub get %s fetches one", what)
                    : run_list(c);
    if (strcmp(verb, "get") != 0) return cli_usage(c, "leat hub can list and get, not '%s'", verb);
    return what ? run_get(c, what) : cli_usage(c, "leat hub get needs a name or an address");
}

static const cli_option options[] = {
    {"sha256", 0, "HEX", "the bytes that are expected; required for an address", false},
    {"hub", 0, "ADDRESS", "the folder with hub.json; default: $LEAT_HUB", false},
    {"output", 'o', "FILE", "the file to write; default: NAME.leat here", false},
    {0}};

const cli_command cli_command_hub = {
    .name = "hub",
    .arguments = "get NAME|URL | list",
    .least = 1,
    .most = 2,
    .summary = "download models whose bytes are known beforehand",
    .details =
        "A hub is a web server with model files and an index (hub.json) that pins each by its "
        "SHA-256.\nA file that has other bytes, or is no sound model, is not kept.",
    .examples = "  leat hub list --hub https://models.example.org/leat\n"
                "  leat hub get iris --hub https://models.example.org/leat\n"
                "  leat hub get https://example.org/iris.leat --sha256 74dce2311940668a...",
    .options = options,
    .run = run_hub,
};
