/* leat export: a model in another form. */
#include <stdlib.h>
#include <string.h>

#include <leat/exchange.h>

#include "command.h"
#include "load.h"

/* "models/iris.leat" -> "iris.c", here. */
static char *usual_path(const char *model, const char *suffix)
{
    const char *base = strrchr(model, '/') ? strrchr(model, '/') + 1 : model;
    const char *dot = strrchr(base, '.');
    size_t stem = dot && dot != base ? (size_t)(dot - base) : strlen(base);
    char *path = malloc(stem + strlen(suffix) + 1);
    if (!path) return NULL;
    memcpy(path, base, stem);
    strcpy(path + stem, suffix);
    return path;
}

static void ask_for_one(cli *c)
{
    char list[256] = "";
    const char *name, *end;
    size_t n = 0;
    for (size_t i = 0; leat_export_format_at(i, &name, &end) && n < sizeof list; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s--%s", i ? ", " : "", name);
    (void)cli_usage(c, "which format? One of %s", list);
}

/* The format whose switch was given; NULL with an error of usage when there is not just one. */
static const char *chosen(cli *c, const char **suffix)
{
    const char *found = NULL, *name, *end;
    bool several = false;
    for (size_t i = 0; leat_export_format_at(i, &name, &end); i++) {
        if (!cli_has(c, name)) continue;
        several |= found != NULL;
        found = name;
        *suffix = end;
    }
    if (found && !several) return found;
    if (several) (void)cli_usage(c, "one format at a time");
    else ask_for_one(c);
    return NULL;
}

static leat_status say(cli *c, const char *format, const char *path)
{
    if (!c->json) {
        cli_say(c, "wrote %s\n", path);
        return LEAT_OK;
    }
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "format", format);
    leat_json_string(j, "output", path);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

static leat_status write_model(cli *c, const char *format, const char *path,
                               const leat_export_options *o)
{
    leat_model *m;
    const char *from = c->arguments[0];
    if (cli_is_graph(c, from)) return leat_graph_export(c->context, from, format, path, o);
    leat_status st = leat_model_open(c->context, &m, from);
    if (st != LEAT_OK) return st;
    st = leat_model_export(c->context, m, format, path, o);
    leat_model_release(m);
    return st;
}

static leat_status run_export(cli *c)
{
    const char *suffix = "", *given = cli_value(c, "output"), *format = chosen(c, &suffix);
    leat_export_options o = leat_export_options_default();
    if (!format) return LEAT_INVALID;
    char *usual = given ? NULL : usual_path(c->arguments[0], suffix);
    const char *path = given ? given : usual;
    o.name = cli_value(c, "name");
    leat_status st = path ? write_model(c, format, path, &o) : LEAT_NOMEM;
    if (st == LEAT_OK && strcmp(path, "-") != 0) st = say(c, format, path);
    free(usual);
    return st;
}

#define OPTION(name, suffix, doc) {#name, 0, NULL, doc, false},
static const cli_option options[] = {
    LEAT_EXPORT_LIST(OPTION){"output", 'o', "FILE",
                             "where to; default: the model's name here, - for standard output",
                             false},
    {"name", 0, "NAME", "what the result calls itself and begins its names with", false},
    {0}};
#undef OPTION

const cli_command cli_command_export = {
    .name = "export",
    .arguments = "MODEL.leat|MODEL.onnx",
    .least = 1,
    .most = 1,
    .summary = "a model as a C file or in formats of others",
    .details =
        "One of the formats has to be named. What has no form in it is refused by name; "
        "nothing is\nleft out in silence.\n\nAn imported graph is given back as the ONNX file "
        "it came from, or its weights as arrays;\nweights are taken out of ONNX files, too.",
    .examples = "  leat export --c iris.leat -o iris.c\n  leat export --onnx iris.leat\n"
                "  leat export --safetensors mobilenet.onnx",
    .options = options,
    .run = run_export,
};
