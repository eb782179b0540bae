/* Owns: --registry and --register of `fit`. */
#include "keep.h"

#include <string.h>
#include <unistd.h>

static bool asked(const cli *c)
{
    return cli_value(c, "registry") || cli_value(c, "register");
}

leat_status cli_keep_check(cli *c)
{
    leat_registry *r;
    const char *name = cli_value(c, "register");
    if (!asked(c)) return LEAT_OK;
    leat_status st = cli_open_registry(c, &r, true);
    if (st != LEAT_OK) return st;
    if (name) st = leat_registry_check_name(r, name);
    leat_registry_close(r);
    if (st != LEAT_INVALID) return st;
    char why[600];
    snprintf(why, sizeof why, "%s", leat_error_message(c->context));
    leat_error_clear(c->context);
    return cli_usage(c, "--register: %s", why);
}

/* Whether the data of a version are in the registry too. */
static leat_status find_data(leat_registry *r, const char *version, bool *known)
{
    leat_lineage_list *list;
    leat_status st = leat_registry_lineage(r, &list, version);
    if (st != LEAT_OK) return st;
    *known = leat_lineage_list_count(list) == 0 || *leat_lineage_list_at(list, 0)->name;
    leat_lineage_list_destroy(list);
    return LEAT_OK;
}

static leat_status push_model(cli *c, leat_registry *r, const char *model, cli_kept *out)
{
    char note[64];
    leat_registered_list *list;
    leat_push_options o = leat_push_options_default();
    o.name = cli_value(c, "register");
    o.note = note;
    if (!o.name) return LEAT_OK;
    snprintf(note, sizeof note, "run %lld", (long long)out->run);
    leat_status st = leat_registry_push(r, &list, NULL, model, &o);
    if (st != LEAT_OK) return st;
    const leat_registered *v = leat_registered_list_at(list, 0);
    snprintf(out->registered, sizeof out->registered, "%s@%lld", v->name, (long long)v->version);
    leat_registered_list_destroy(list);
    return find_data(r, out->registered, &out->data_known);
}

leat_status cli_keep(cli *c, const leat_experiment *e, const char *command, const char *model,
                     const char *report, cli_kept *out)
{
    char record[4300], table[4300];
    const char *files[4] = {model, report};
    size_t count = 2;
    leat_registry *r;
    *out = (cli_kept){.data_known = true};
    if (!asked(c)) return LEAT_OK;
    int stem = (int)(strlen(model) - strlen(".leat"));
    snprintf(record, sizeof record, "%.*s.run/run.json", stem, model);
    snprintf(table, sizeof table, "%.*s.run/predictions.csv", stem, model);
    if (access(record, R_OK) == 0) files[count++] = record;
    if (access(table, R_OK) == 0) files[count++] = table;
    leat_status st = cli_open_registry(c, &r, true);
    if (st != LEAT_OK) return st;
    st = leat_experiment_register(c->context, e, r, command, files, count, &out->run);
    if (st == LEAT_OK) st = push_model(c, r, model, out);
    leat_registry_close(r);
    return st;
}

void cli_keep_say(cli *c, const cli_kept *kept, const char *data)
{
    if (!kept->run) return;
    cli_say(c, "kept as run %lld", (long long)kept->run);
    if (*kept->registered) {
        cli_say(c, ", registered as ");
        cli_styled(c, CLI_BOLD, "%s", kept->registered);
    }
    cli_say(c, "   leat runs show %lld\n", (long long)kept->run);
    if (!kept->data_known && access(data, R_OK) == 0)
        cli_say(c, "its data are not in the registry: leat registry push %s\n", data);
}
