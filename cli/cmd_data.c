/* leat data: named data sets. */
#include <stdlib.h>
#include <string.h>

#include <leat/data.h>

#include "load.h"

static void size_text(uint64_t bytes, char *out, size_t size)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
    double v = (double)bytes;
    int unit = 0;
    for (; v >= 999.5 && unit < 4; unit++) v /= 1000;
    *out = '\0';
    if (bytes) snprintf(out, size, v < 9.95 && unit ? "%.1f %s" : "%.0f %s", v, units[unit]);
}

static const char *state_of(const leat_data_info *d)
{
    if (d->source == LEAT_DATA_BUILT_IN) return "built in";
    if (d->present) return d->source == LEAT_DATA_ADDED ? "added" : "in place";
    if (d->source == LEAT_DATA_PACKAGE) return "to install";
    return d->source == LEAT_DATA_FETCHED ? "to fetch" : "gone";
}

static void json_info(leat_json *j, const char *key, const leat_data_info *d)
{
    leat_json_begin_object(j, key);
    leat_json_string(j, "name", d->name);
    leat_json_string(j, "version", d->version[0] ? d->version : NULL);
    leat_json_string(j, "source", leat_data_source_name(d->source));
    leat_json_bool(j, "present", d->present);
    leat_json_string(j, "task", d->task[0] ? d->task : NULL);
    leat_json_string(j, "target", d->target[0] ? d->target : NULL);
    leat_json_string(j, "splits", d->splits[0] ? d->splits : NULL);
    leat_json_string(j, "sha256", d->sha256[0] ? d->sha256 : NULL);
    leat_json_int(j, "bytes", (int64_t)d->bytes);
    leat_json_string(j, "path", d->path[0] ? d->path : NULL);
    leat_json_string(j, "origin", d->origin[0] ? d->origin : NULL);
    leat_json_string(j, "doc", d->doc[0] ? d->doc : NULL);
    leat_json_end_object(j);
}

static leat_status print_list_json(cli *c, const leat_data_list *list)
{
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_begin_array(j, "data");
    for (size_t i = 0; i < leat_data_list_count(list); i++)
        json_info(j, NULL, leat_data_list_at(list, i));
    leat_json_end_array(j);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

static leat_status print_list(cli *c, const leat_data_list *list)
{
    enum { COLUMNS = 4 };
    static const char *const head[COLUMNS] = {"name", "state", "target", "what"};
    size_t n = leat_data_list_count(list), absent = 0;
    const char **cells = calloc((n + 1) * COLUMNS, sizeof *cells);
    char(*names)[100] = calloc(n + 1, sizeof *names);
    leat_status st = LEAT_OK;
    if (!cells || !names) {
        st = leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    } else {
        memcpy(cells, head, sizeof head);
        for (size_t i = 0; i < n; i++) {
            const leat_data_info *d = leat_data_list_at(list, i);
            snprintf(names[i], sizeof names[i], "%s%s%s", d->name, d->version[0] ? "@" : "",
                     d->version);
            const char *row[COLUMNS] = {names[i], state_of(d), d->target,
                                        d->doc[0] ? d->doc : d->origin};
            memcpy(cells + (i + 1) * COLUMNS, row, sizeof row);
            absent += !d->present;
        }
        cli_table(c, cells, (int)n + 1, COLUMNS, true);
        if (absent)
            cli_say(c, "\nleat data get NAME fetches one; leat fit NAME does so by itself\n");
    }
    free(cells);
    free(names);
    return st;
}

static leat_status run_list(cli *c)
{
    leat_data_list *list;
    leat_status st = leat_data_list_create(c->context, &list);
    if (st != LEAT_OK) return st;
    st = c->json ? print_list_json(c, list) : print_list(c, list);
    leat_data_list_destroy(list);
    return st;
}

static leat_status print_info(cli *c, const leat_data_info *d)
{
    char size[32];
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        json_info(j, NULL, d);
        return cli_print_json(c, j);
    }
    size_text(d->bytes, size, sizeof size);
    cli_styled(c, CLI_BOLD, "%s%s%s", d->name, d->version[0] ? "@" : "", d->version);
    cli_say(c, ": %s\n", d->doc[0] ? d->doc : d->origin);
    const char *cells[] = {"state",  state_of(d), "task",   d->task,  "target", d->target,
                           "splits", d->splits,   "size",   size,     "file",   d->path,
                           "from",   d->origin,   "sha256", d->sha256};
    int rows = 0;
    const char *shown[sizeof cells / sizeof *cells];
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i += 2) {
        if (!*cells[i + 1]) continue;
        shown[2 * rows] = cells[i];
        shown[2 * rows + 1] = cells[i + 1];
        rows++;
    }
    cli_table(c, shown, rows, 2, false);
    return LEAT_OK;
}

static leat_status run_show(cli *c, const char *name)
{
    leat_data_info d;
    leat_status st = leat_data_find(c->context, name, &d);
    return st == LEAT_OK ? print_info(c, &d) : st;
}

static leat_status run_get(cli *c, const char *name)
{
    leat_data_info d;
    leat_status st = leat_data_fetch(c->context, name, &d);
    if (st == LEAT_OK && !d.present) {
        leat_frame *f;
        st = leat_data_open(c->context, &f, name, NULL); /* says how to get it */
        if (st == LEAT_OK) leat_frame_release(f);
    }
    if (st != LEAT_OK) return st;
    if (c->json) return print_info(c, &d);
    cli_say(c, "%s is in place%s%s\nnext: leat fit %s%s%s\n", d.name, d.path[0] ? ": " : "", d.path,
            d.name, d.target[0] ? " --target " : "", d.target);
    return LEAT_OK;
}

static leat_status run_add(cli *c, const char *path)
{
    leat_data_info d;
    const char *name = cli_value(c, "name");
    if (!name) return cli_usage(c, "say how the data set is to be called: --name NAME");
    leat_status st = leat_data_add(c->context, path, name, cli_value(c, "version"), &d);
    if (st != LEAT_OK || c->json) return st == LEAT_OK ? print_info(c, &d) : st;
    cli_say(c, "kept %s as %s@%s (SHA-256 %.12s...)\n", path, d.name, d.version, d.sha256);
    return st;
}

static bool is_named(const char *name, const char *text, size_t length)
{
    return strlen(name) == length && memcmp(name, text, length) == 0;
}

/* What is wrong with a set, below its name from the second line on. */
static void say_lines(cli *c, const char *text)
{
    for (const char *end; *text; text = end) {
        end = text + strcspn(text, "\n");
        cli_say(c, "%.*s\n", (int)(end - text), text);
        if (*end == '\n') cli_say(c, "%*s", *++end ? 22 : 0, "");
    }
}

/* One set, or all that are present. A set that fails does not stop the others. */
static leat_status run_verify(cli *c, const char *name)
{
    leat_data_list *list;
    leat_data_info named;
    size_t checked = 0, failed = 0,
           length = name ? strcspn(name, ":") : 0; /* splits are one file */
    leat_status st = name ? leat_data_find(c->context, name, &named) : LEAT_OK;
    if (st == LEAT_OK) st = leat_data_list_create(c->context, &list);
    if (st != LEAT_OK) return st;
    leat_json *j = c->json ? leat_json_create(c->context, 0) : NULL;
    leat_json_begin_object(j, NULL);
    leat_json_begin_array(j, "checked");
    for (size_t i = 0; i < leat_data_list_count(list); i++) {
        const leat_data_info *d = leat_data_list_at(list, i);
        char full[100];
        snprintf(full, sizeof full, "%s%s%s", d->name, d->version[0] ? "@" : "", d->version);
        bool wanted = name ? is_named(d->name, name, length) || is_named(full, name, length)
                           : d->present || d->source == LEAT_DATA_ADDED;
        if (!wanted) continue;
        checked++;
        bool good = leat_data_verify(c->context, full) == LEAT_OK;
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "name", full);
        leat_json_bool(j, "good", good);
        if (!good) leat_json_string(j, "message", leat_error_message(c->context));
        leat_json_end_object(j);
        cli_say(c, "%-20s  ", full);
        say_lines(c, good ? "good" : leat_error_message(c->context));
        failed += !good;
        leat_error_clear(c->context);
    }
    leat_json_end_array(j);
    leat_json_bool(j, "good", failed == 0 && checked > 0);
    leat_json_end_object(j);
    if (j) st = cli_print_json(c, j);
    if (st == LEAT_OK && failed) st = LEAT_DIFFERS;
    leat_data_list_destroy(list);
    return st;
}

static leat_status run_data(cli *c)
{
    const char *verb = c->count ? c->arguments[0] : "list";
    const char *what = c->count > 1 ? c->arguments[1] : NULL;
    if (strcmp(verb, "list") == 0) {
        if (what) return cli_usage(c, "list takes no name; leat data show %s describes one", what);
        return run_list(c);
    }
    if (strcmp(verb, "verify") == 0) return run_verify(c, what);
    bool add = strcmp(verb, "add") == 0, get = strcmp(verb, "get") == 0;
    if (!add && !get && strcmp(verb, "show") != 0)
        return cli_usage(c, "leat data can list, get, show, add and verify, not '%s'", verb);
    if (!what) return cli_usage(c, "leat data %s needs %s", verb, add ? "a file" : "a name");
    return add ? run_add(c, what) : get ? run_get(c, what) : run_show(c, what);
}

static const cli_option options[] = {
    {"name", 0, "NAME", "add: what the data set is called", false},
    {"version", 0, "V", "add: its version; by default 1, 2, ...", false},
    {0}};

const cli_command cli_command_data = {
    .name = "data",
    .arguments = "list | get NAME | show NAME | add FILE --name NAME | verify [NAME]",
    .least = 0,
    .most = 2,
    .summary = "named data sets: list, fetch, add, verify",
    .details = "A name works wherever a file does: leat describe iris. Names may carry a version "
               "and a\nsplit: sales@2, fashion-mnist:test. Files are kept under the SHA-256 of "
               "their contents\nbelow $LEAT_HOME (~/.local/share/leat); LEAT_DATA_URL replaces the "
               "address that\ndownloads come from.",
    .examples = "  leat data list\n  leat data get titanic\n"
                "  leat data add sales.csv --name sales --version 2024\n  leat data verify",
    .options = options,
    .run = run_data,
};
