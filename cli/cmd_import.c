/* leat import: someone else's model, or the weights of a network, as a model file. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <leat/data.h>
#include <leat/exchange.h>
#include <leat/experiment.h>

#include "load.h"
#include "settings.h"

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

/* What the network scores on the data of its settings. */
typedef struct score {
    char metric[64], text[64];
    double mean;
} score;

/* It stands beside the baseline as after `fit`, and is refused where that is as good: classes or
 * inputs are then not those it was trained on. */
static leat_status keep_network(cli *c, const leat_experiment *e, const char *path, score *out)
{
    leat_leaderboard_row row = leat_experiment_row(e, 0);
    for (size_t i = 0; i < leat_experiment_rows(e); i++)
        if (strcmp(leat_experiment_row(e, i).estimator, "network") == 0)
            row = leat_experiment_row(e, i);
    if (row.failed) return leat_error_set(c->context, LEAT_FORMAT, "%s", row.failed);
    out->mean = row.mean;
    snprintf(out->metric, sizeof out->metric, "%s", leat_experiment_metric_title(e));
    leat_experiment_format(e, row.mean, out->text, sizeof out->text);
    leat_model *m = leat_experiment_model(e);
    if (strcmp(leat_model_estimator(m), "network") == 0)
        return leat_model_save(c->context, m, path);
    return leat_error_set(c->context, LEAT_INVALID,
                          "with these weights the network is no better than the baseline (%s %s): "
                          "are inputs, preprocessing and the order of classes those it was trained "
                          "with?",
                          out->metric, out->text);
}

/* The experiment of the settings, with weights from the file and without training. */
static leat_status run_experiment(cli *c, cli_settings *s, const char *path, score *out)
{
    char part[256], from[4200];
    leat_frame *train = NULL;
    leat_experiment *e = NULL;
    leat_experiment_options *o = &s->options;
    const char *data = o->data;
    const char **set = calloc(o->set_count + 2, sizeof *set);
    if (!set) return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    if (leat_data_has_test(data)) {
        snprintf(part, sizeof part, "%s:train", data);
        data = part;
    }
    for (size_t i = 0; i < o->set_count; i++) set[i] = o->set[i];
    snprintf(from, sizeof from, "network.weights=%s", c->arguments[0]);
    set[o->set_count++] = from;
    set[o->set_count++] = "network.epochs=0";
    o->set = set;
    o->models = "network";
    o->search = o->validation_curve = NULL;
    o->quick = true;
    if (cli_value(c, "name")) o->name = cli_value(c, "name");
    leat_status st = cli_load(c, &train, data);
    if (st == LEAT_OK) st = leat_experiment_run(c->context, &e, train, NULL, o);
    if (st == LEAT_OK) st = keep_network(c, e, path, out);
    leat_experiment_destroy(e);
    leat_frame_release(train);
    free(set);
    return st;
}

static leat_status import_weights(cli *c, const char *path, score *out)
{
    cli_settings s;
    const char *network = cli_value(c, "network");
    if (!network)
        return cli_usage(c,
                         "%s holds weights only: name the experiment of their network with "
                         "--network FILE.yaml",
                         c->arguments[0]);
    leat_status st = cli_settings_read(c, &s, network);
    if (st == LEAT_OK) st = run_experiment(c, &s, path, out);
    cli_settings_fini(&s);
    return st;
}

static leat_status run_import(cli *c)
{
    const char *given = cli_value(c, "output"), *from = c->arguments[0];
    const char *dot = strrchr(from, '.');
    bool weights = dot && strcasecmp(dot, ".safetensors") == 0;
    char *usual = given ? NULL : usual_path(from);
    const char *path = given ? given : usual;
    score is = {.metric = ""};
    leat_export_options o = leat_export_options_default();
    o.name = cli_value(c, "name");
    leat_status st = LEAT_NOMEM;
    if (path)
        st = weights ? import_weights(c, path, &is) : leat_model_import(c->context, from, path, &o);
    if (st == LEAT_OK && weights)
        cli_say(c, "%s on the data of %s: %s\n", is.metric, cli_value(c, "network"), is.text);
    if (st == LEAT_OK && c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "output", path);
        if (weights) leat_json_number(j, "score", is.mean);
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
    {"network", 0, "FILE.yaml", "of .safetensors: the experiment whose network they are for",
     false},
    CLI_READ_OPTIONS,
    {0}};

const cli_command cli_command_import = {
    .name = "import",
    .arguments = "MODEL.onnx|WEIGHTS.safetensors",
    .least = 1,
    .most = 1,
    .summary = "an ONNX model, or weights of a network, as a model file",
    .details =
        "An ONNX file is checked and tried first: operators that are not supported are named "
        "at once.\nleat show, leat run and leat predict take the result.\n\n"
        "Weights go into the network of an experiment, instead of training: layers, inputs, "
        "classes\nand preprocessing come from its file and its data. The arrays have the "
        "names and shapes that\nleat export --safetensors gives them; what is missing, of "
        "another shape or too much is named\nat once. The result is a model like any other.",
    .examples = "  leat import mobilenet.onnx\n"
                "  leat run mobilenet.leat image.npy -o out\n"
                "  leat import weights.safetensors --network fashion-mlp.yaml -o mlp.leat",
    .options = options,
    .run = run_import,
};
