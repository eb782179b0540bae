/* leat deploy kubernetes: manifests and a Dockerfile. */
#include <leat/kubernetes.h>

#include <stdlib.h>
#include <string.h>

#include "deploy.h"

static const char *const names[] = {"output",
#define OPTION(key, name, kind, value, standard, least, most, doc) name,
#include <leat/kubernetes_options.def>
#undef OPTION
                                    NULL};

static bool is_setting(const char *option)
{
    for (int i = 1; names[i]; i++)
        if (strcmp(names[i], option) == 0) return true;
    return false;
}

static leat_status print_answer(cli *c, const char *folder)
{
    if (!c->json) {
        cli_say(c, "wrote %s\nto apply it: kubectl apply -k %s\n", folder, folder);
        return LEAT_OK;
    }
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "folder", folder);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

static leat_status run(cli *c, int count, char **arguments)
{
    if (count != 1)
        return cli_usage(c, "leat deploy kubernetes takes one name for all objects, not %d", count);
    const char *name = arguments[0], *folder = cli_value(c, "output");
    size_t n = 0;
    leat_kubernetes_setting *settings = calloc((size_t)c->given_count + 1, sizeof *settings);
    if (!settings) return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    for (int i = 0; i < c->given_count; i++) {
        const cli_given *given = &c->given[i];
        if (!is_setting(given->option->name)) continue;
        settings[n].key = given->option->name;
        settings[n++].value = given->value ? given->value : "yes"; /* a switch */
    }
    if (!folder) folder = name;
    leat_status st = leat_kubernetes_write(c->context, name, settings, n, folder);
    free(settings);
    return st == LEAT_OK ? print_answer(c, folder) : st;
}

const cli_deploy_target cli_deploy_kubernetes = {
    .name = "kubernetes", .options = names, .run = run};
