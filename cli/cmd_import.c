/* leat import: someone else's model as a model file. */
#include <stdlib.h>
#include <string.h>

#include <leat/exchange.h>

#include "command.h"

/* "models/mobilenet.onnx" -> "mobilenet.leat", here. */
static char *usual_path(const char *from)
{
    const char *base = strrchr(from, '/') ? strrchr(from, '/') + 1 : from;
    const char *dot = strrchr(base, '.');
    size_t stem = dot && dot != base ? (size_t)(dot - base) : strlen(base);
    char *path = malloc(stem + sizeof ".leat");
    if (!path) return NULL;
    memcpy(path, base, stem);
    strcpy(path + stem, ".leat");
    return path;
}

static leat_status run_import(cli *c)
{
    const char *given = cli_value(c, "output");
    char *usual = given ? NULL : usual_path(c->arguments[0]);
    const char *path = given ? given : usual;
    leat_export_options o = leat_export_options_default();
    o.name = cli_value(c, "name");
    leat_status st = path ? leat_model_import(c->context, c->arguments[0], path, &o) : LEAT_NOMEM;
    if (st == LEAT_OK && c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "output", path);
        leat_json_end_object(j);
        st = cli_print_json(c, j);
    } else if (st == LEAT_OK) {
        cli_say(c, "wrote %s\nnext: leat show %s\n", path, path);
    }
    free(usual);
    return st;
}

static const cli_option options[] = {
    {"output", 'o', "FILE", "where to; default: the name of the model here, with .leat", false},
    {"name", 0, "NAME", "what the model is called; default: the name of its file", false},
    {0}};

const cli_command cli_command_import = {
    .name = "import",
    .arguments = "MODEL.onnx",
    .least = 1,
    .most = 1,
    .summary = "an ONNX model as a model file",
    .details = "The file is checked and tried first: operators that are not supported are named at "
               "once.\nleat show, leat run and leat predict take the result.",
    .examples = "  leat import mobilenet.onnx\n"
                "  leat run mobilenet.leat image.npy -o out",
    .options = options,
    .run = run_import,
};
