/* Owns: merging the options of `fit` from command line and file. */
#include "settings.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <leat/data.h>

#include "load.h"

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* A value by name: from the command line, else from the file. */
static const char *setting(const cli *c, const cli_settings *s, const char *name)
{
    const char *value = cli_value(c, name);
    return value || !s->file ? value : leat_settings_value(s->file, name, 0);
}

/* A switch: given on the command line, or true in the file. */
static leat_status read_switch(cli *c, const cli_settings *s, const char *name, bool *out)
{
    static const char *const words[] = {"false", "no", "off", "true", "yes", "on"};
    const char *value = s->file ? leat_settings_value(s->file, name, 0) : NULL;
    int k = 0;
    while (value && k < 6 && strcmp(value, words[k]) != 0) k++;
    if (k == 6)
        return leat_error_set(c->context, LEAT_INVALID, "%s: %s is true or false, not '%s'",
                              c->arguments[0], name, value);
    *out = cli_has(c, name) || (value && k >= 3);
    return LEAT_OK;
}

/* All values of a repeated option; the file's come first, so that the command line wins. */
static size_t list(const cli *c, const cli_settings *s, const char *name, const char **out)
{
    size_t n = 0;
    for (size_t i = 0; s->file && i < leat_settings_count(s->file, name); i++)
        out[n++] = leat_settings_value(s->file, name, i);
    for (int i = 0; i < c->given_count; i++)
        if (strcmp(c->given[i].option->name, name) == 0) out[n++] = c->given[i].value;
    return n;
}

/* "60s", "5m", "1.5h", or seconds. */
static leat_status read_time(cli *c, const char *text, double *out)
{
    char *end;
    double value = strtod(text, &end);
    double unit = strcmp(end, "h") == 0                              ? 3600
                  : strcmp(end, "m") == 0 || strcmp(end, "min") == 0 ? 60
                  : strcmp(end, "s") == 0 || !*end                   ? 1
                                                                     : 0;
    if (end == text || unit == 0 || !(value > 0) || value > 1e9)
        return cli_usage(c, "--time-budget takes a time such as 60s, 5m or 1h, not '%s'", text);
    *out = value * unit;
    return LEAT_OK;
}

/* The name of model and files: what the data is called, without folder and suffixes. */
static char *name_of(const char *data)
{
    static const char *const suffixes[] = {".gz",  ".zst",    ".csv", ".tsv", ".txt",    ".json",
                                           ".npy", ".ndjson", ".npz", ".db",  ".sqlite", ".jsonl"};
    size_t end = strlen(data), start;
    while (end > 1 && data[end - 1] == '/') end--; /* a folder's name may end so */
    for (start = end; start && data[start - 1] != '/';) start--;
    bool nameless = strspn(data + start, "./-") == end - start;
    char *name = nameless ? strdup("model") : strndup(data + start, end - start);
    for (size_t i = 0; name && i < sizeof suffixes / sizeof *suffixes; i++)
        if (ends_with(name, suffixes[i]) && strlen(name) > strlen(suffixes[i]))
            name[strlen(name) - strlen(suffixes[i])] = '\0';
    for (char *p = name; p && *p; p++)
        if (*p == ':') *p = '-';
    return name;
}

/* What is read from the command line elsewhere too: seed, folder, how to read the table. */
static leat_status give_options(cli *c, const leat_settings *file)
{
    static const char *const names[] = {"seed",    "output", "types",    "missing",  "delimiter",
                                        "decimal", "header", "query",    "on-error", "images",
                                        "text",    "tokens", "register", "registry", "objects"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = leat_settings_value(file, names[i], 0);
        if (value && !cli_give(c, names[i], value))
            return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    }
    return leat_settings_count(file, "seed") ? cli_renew_context(c) : LEAT_OK;
}

static leat_status read_file(cli *c, cli_settings *out, const char *path)
{
    /* Those that may have several values come first. */
    enum { LISTS = 4 };
    static const char *const names[] = {"set",        "keep",
                                        "drop",       "models",
                                        "data",       "target",
                                        "task",       "metric",
                                        "cv",         "seed",
                                        "output",     "fold-column",
                                        "preprocess", "search",
                                        "name",       "quick",
                                        "types",      "missing",
                                        "delimiter",  "time-budget",
                                        "decimal",    "header",
                                        "query",      "on-error",
                                        "images",     "text",
                                        "tokens",     "drop-missing-target",
                                        "network",    "validation-curve",
                                        "register",   "registry",
                                        "objects"};
    size_t count = sizeof names / sizeof *names;
    leat_status st = leat_settings_read(c->context, &out->file, path);
    if (st != LEAT_OK) return st;
    st = leat_settings_check(c->context, out->file, names, count);
    for (size_t i = LISTS; st == LEAT_OK && i < count; i++)
        if (leat_settings_count(out->file, names[i]) > 1)
            st = leat_error_set(c->context, LEAT_INVALID, "%s: %s takes one value, not a list",
                                path, names[i]);
    if (st == LEAT_OK) st = give_options(c, out->file);
    if (st != LEAT_OK) return st;
    if (leat_settings_value(out->file, "data", 0)) return LEAT_OK;
    return leat_error_set(c->context, LEAT_INVALID,
                          "%s: the setting 'data' is missing: the file or data set to learn from",
                          path);
}

/* models: [svc, knn] in a file is "svc,knn" on the command line. */
static const char *models(const cli *c, const cli_settings *s, char *space, size_t size)
{
    size_t n = s->file ? leat_settings_count(s->file, "models") : 0;
    bool network = s->file && leat_settings_count(s->file, "network");
    if (cli_value(c, "models") || n <= 1) {
        const char *given = setting(c, s, "models");
        return given || !network ? given : "network";
    }
    *space = '\0';
    for (size_t i = 0; i < n; i++) {
        size_t used = strlen(space);
        snprintf(space + used, size - used, "%s%s", i ? "," : "",
                 leat_settings_value(s->file, "models", i));
    }
    return space;
}

/* --output is a folder, or DIR/NAME.leat for one who thinks of the model file. */
static bool read_output(cli *c, cli_settings *out, const char *name)
{
    const char *output = cli_value(c, "output");
    struct stat is;
    if (!output) output = ".";
    bool model = ends_with(output, ".leat") && (stat(output, &is) != 0 || S_ISREG(is.st_mode));
    const char *slash = strrchr(output, '/'), *stem = slash ? slash + 1 : output;
    if (!model) out->folder = strdup(output);
    else if (!slash) out->folder = strdup(".");
    else out->folder = strndup(output, (size_t)(slash - output) + (slash == output));
    if (model) out->name = strndup(stem, strlen(stem) - strlen(".leat"));
    else if (name) out->name = strdup(name);
    return out->folder && (out->name || (!name && !model));
}

/* What texts and folders of images are read for; NULL: a table, which does not say. */
static const char *read_target(const cli *c, const cli_settings *s, const char *data)
{
    struct stat info;
    if (setting(c, s, "text")) return "next";
    return stat(data, &info) == 0 && S_ISDIR(info.st_mode) ? "label" : NULL;
}

/* Data that are not there are the first mistake. */
static leat_status no_target(cli *c, const char *data)
{
    struct stat info;
    leat_frame *f = NULL;
    leat_status st = LEAT_OK;
    if (strcmp(data, "-") != 0 && stat(data, &info) != 0) st = cli_load(c, &f, data);
    leat_frame_release(f);
    if (st != LEAT_OK) return st;
    return cli_usage(c,
                     "name the column to predict with --target COLUMN\nleat describe %s "
                     "shows the columns",
                     data);
}

leat_status cli_settings_read(cli *c, cli_settings *out, const char *data)
{
    leat_experiment_options *o = &out->options;
    memset(out, 0, sizeof *out);
    *o = leat_experiment_options_default();
    if (ends_with(data, ".yaml") || ends_with(data, ".yml")) {
        leat_status st = read_file(c, out, data);
        if (st != LEAT_OK) return st;
        data = leat_settings_value(out->file, "data", 0);
    }
    size_t most = (size_t)c->given_count + 1;
    static const char *const lists[] = {"set", "keep", "drop"};
    for (int i = 0; out->file && i < 3; i++) most += leat_settings_count(out->file, lists[i]);
    out->lists = calloc(3 * most + 256, sizeof *out->lists);
    out->reading = cli_reading_json(c);
    const char *name = setting(c, out, "name");
    bool read = read_output(c, out, name);
    if (read && !out->name) out->name = name_of(data);
    const char *wanted = cli_value(c, "name");
    if (read && out->name && wanted && strcmp(out->name, wanted) != 0)
        return cli_usage(c, "--output %s and --name %s name the model file twice; give one of them",
                         cli_value(c, "output"), wanted);
    if (!read || !out->lists || !out->reading || !out->name)
        return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    o->data = data;
    o->name = out->name;
    o->reading = out->reading;
    o->target = setting(c, out, "target");
    if (!o->target) o->target = leat_data_target(data);
    if (!o->target) o->target = read_target(c, out, data);
    if (!o->target) return no_target(c, data);
    o->task = setting(c, out, "task");
    o->models = models(c, out, (char *)(out->lists + 3 * most), 256 * sizeof *out->lists);
    o->metric = setting(c, out, "metric");
    o->cv = setting(c, out, "cv");
    o->fold_column = setting(c, out, "fold-column");
    o->preprocess = setting(c, out, "preprocess");
    o->search = setting(c, out, "search");
    o->tokens = setting(c, out, "tokens");
    o->validation_curve = setting(c, out, "validation-curve");
    o->set = out->lists;
    o->set_count = list(c, out, "set", out->lists);
    o->keep = out->lists + most;
    o->keep_count = list(c, out, "keep", out->lists + most);
    o->drop = out->lists + 2 * most;
    o->drop_count = list(c, out, "drop", out->lists + 2 * most);
    leat_status st = read_switch(c, out, "drop-missing-target", &o->drop_missing_target);
    if (st == LEAT_OK) st = read_switch(c, out, "quick", &o->quick);
    if (st == LEAT_OK && o->quick && o->validation_curve)
        st = cli_usage(c, "--quick leaves out curves, and --validation-curve asks for one");
    const char *budget = setting(c, out, "time-budget");
    return budget && st == LEAT_OK ? read_time(c, budget, &o->time_budget) : st;
}

leat_status cli_settings_locate(cli *c, const char *experiment, leat_status st)
{
    static const char lost[] = "there is no file ";
    char beside[4200], message[4096];
    struct stat is;
    const char *slash = strrchr(experiment, '/');
    bool yaml = ends_with(experiment, ".yaml") || ends_with(experiment, ".yml");
    const char *at = st == LEAT_OK ? NULL : strstr(leat_error_message(c->context), lost);
    if (!at || !slash || !yaml || stat(experiment, &is) != 0) return st;
    at += sizeof lost - 1;
    int n = snprintf(beside, sizeof beside, "%.*s/%.*s", (int)(slash - experiment), experiment,
                     (int)strcspn(at, "\n;"), at);
    if (*at == '/' || n >= (int)sizeof beside || stat(beside, &is) != 0) return st;
    snprintf(message, sizeof message, "%s", leat_error_message(c->context));
    leat_error_clear(c->context);
    return leat_error_set(c->context, st,
                          "%s\nThere is %s: paths in %s are of the current folder, not of its own; "
                          "go there first, or write them from here.",
                          message, beside, experiment);
}

void cli_settings_fini(cli_settings *s)
{
    leat_settings_destroy(s->file);
    free(s->lists);
    free(s->name);
    free(s->folder);
    free(s->reading);
}
