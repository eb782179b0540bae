/* leat import: someone else's model, or the weights of a network, as a model file. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <leat/data.h>
#include <leat/evaluate.h>
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
    char metric[64], text[128];
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

/* "a,b,c" as a list, in place; free() it. */
static const char **split(char *text, size_t *count)
{
    size_t n = 1;
    for (const char *p = text; *p; p++) n += *p == ',';
    const char **list = calloc(n, sizeof *list);
    for (*count = 0; list && *count < n; (*count)++) {
        list[*count] = text;
        char *comma = strchr(text, ',');
        if (comma) *comma = '\0', text = comma + 1;
    }
    return list;
}

static leat_status make_of_graph(cli *c, const leat_frame *table, leat_model **out)
{
    leat_graph_options o = leat_graph_options_default();
    const char *classes = cli_value(c, "classes");
    char *text = classes ? strdup(classes) : NULL;
    const char **list = text ? split(text, &o.class_count) : NULL;
    leat_status st = LEAT_OK;
    if (classes && !list) st = leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    o.name = cli_value(c, "name");
    o.target = cli_value(c, "target");
    o.classes = list;
    if (st == LEAT_OK) st = leat_model_from_graph(c->context, out, c->arguments[0], table, &o);
    free(list);
    free(text);
    return st;
}

/* A graph as a model of the reference table. */
static leat_status import_table(cli *c, const char *path, score *out)
{
    leat_frame *table = NULL;
    leat_model *m = NULL;
    leat_evaluation *e = NULL;
    if (!cli_value(c, "target"))
        return cli_usage(c, "name the column of %s that the graph predicts with --target",
                         cli_value(c, "reference"));
    leat_status st = cli_load(c, &table, cli_value(c, "reference"));
    if (st == LEAT_OK) st = make_of_graph(c, table, &m);
    const char *usual = st == LEAT_OK && leat_model_is_classifier(m) ? "accuracy" : "mae";
    if (st == LEAT_OK) st = leat_evaluate(c->context, &e, m, table, usual, false);
    if (st == LEAT_OK) st = leat_model_save(c->context, m, path);
    if (st == LEAT_OK) {
        leat_score s = leat_evaluation_score(e, 0);
        out->mean = s.value;
        snprintf(out->metric, sizeof out->metric, "%s", s.metric);
        snprintf(out->text, sizeof out->text, "%s", s.text);
        cli_say(c, "%s predicts %s (%s) from %zu input%s\n%s on %s: %s\n", leat_model_name(m),
                leat_model_target(m), leat_model_is_classifier(m) ? "classification" : "regression",
                leat_model_inputs(m), leat_model_inputs(m) == 1 ? "" : "s", s.metric,
                cli_value(c, "reference"), s.text);
    }
    leat_evaluation_destroy(e);
    leat_model_release(m);
    leat_frame_release(table);
    return st;
}

/* Options that would do nothing are mistakes, and so are files of other kinds. */
static leat_status check_options(cli *c, const char *end, bool weights)
{
    if (!weights && (!end || strcasecmp(end, ".onnx") != 0))
        return cli_usage(c,
                         "%s: only ONNX files (.onnx) and weights of a network (.safetensors) are "
                         "imported; an ONNX file of another name has to be called .onnx",
                         c->arguments[0]);
    if (weights && cli_value(c, "reference"))
        return cli_usage(c, "--reference is of ONNX files; weights take the data of --network");
    if (!weights && cli_value(c, "network")) return cli_usage(c, "--network is of .safetensors");
    if (!cli_value(c, "reference") && (cli_value(c, "target") || cli_value(c, "classes")))
        return cli_usage(c, "--target and --classes are of the table named by --reference");
    return LEAT_OK;
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
    bool table = cli_value(c, "reference") != NULL;
    leat_status st = path ? check_options(c, dot, weights) : LEAT_NOMEM;
    if (st == LEAT_OK)
        st = weights ? import_weights(c, path, &is)
             : table ? import_table(c, path, &is)
                     : leat_model_import(c->context, from, path, &o);
    if (st == LEAT_OK && weights)
        cli_say(c, "%s on the data of %s: %s\n", is.metric, cli_value(c, "network"), is.text);
    if (st == LEAT_OK && c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "output", path);
        if (table) leat_json_string(j, "metric", is.metric);
        if (weights || table) leat_json_number(j, "score", is.mean);
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
    {"reference", 0, "DATA", "of ONNX: a table whose rows it takes; makes a model like any other",
     false},
    {"target", 0, "COL", "the column of the reference that the graph predicts", false},
    {"classes", 0, "A,B,C",
     "what its classes are called, in its order; default: as the file and the target say", false},
    CLI_READ_OPTIONS,
    {0}};

const cli_command cli_command_import = {
    .name = "import",
    .arguments = "MODEL.onnx|WEIGHTS.safetensors",
    .least = 1,
    .most = 1,
    .summary = "an ONNX model, or weights of a network, as a model file",
    .details =
        "An ONNX file is checked first: operators that are not supported are named at once, and "
        "shapes\nthat do not fit each other, as far as those of its inputs are fixed.\nleat show, "
        "leat run and leat predict take the result, and leat serve by its "
        "tensors.\n\n"
        "With --reference DATA --target COL the graph becomes a model of a table like those of "
        "leat fit:\nleat eval, leat monitor and leat serve (rows by name, drift, labels) take it. "
        "The columns of\nDATA but COL are its inputs, by their names where it has several, else in "
        "their order. DATA\nare the reference of drift and of how good it is: take rows that it "
        "was not trained on.\n\n"
        "Weights go into the network of an experiment, instead of training: layers, inputs, "
        "classes\nand preprocessing come from its file and its data. The arrays have the "
        "names and shapes that\nleat export --safetensors gives them; what is missing, of "
        "another shape or too much is named\nat once. The result is a model like any other.",
    .examples = "  leat import mobilenet.onnx\n"
                "  leat run mobilenet.leat image.npy -o out\n"
                "  leat import credit.onnx --reference held_out.csv --target repaid\n"
                "  leat import weights.safetensors --network fashion-mlp.yaml -o mlp.leat",
    .options = options,
    .run = run_import,
};
