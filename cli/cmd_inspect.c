/* leat inspect: what a network makes of a row, layer by layer. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <leat/inspect.h>

#include "layers.h"
#include "load.h"

/* FOLDER/NAME.inspect.html; the folder is made. */
static leat_status page_path(cli *c, const leat_model *m, char *path, size_t size)
{
    const char *folder = cli_value(c, "output");
    if (folder && mkdir(folder, 0777) != 0 && errno != EEXIST)
        return leat_error_set(c->context, LEAT_IO, "cannot make the folder %s: %s", folder,
                              strerror(errno));
    int n = snprintf(path, size, "%s%s%s.inspect.html", folder ? folder : "", folder ? "/" : "",
                     leat_model_name(m));
    if (n >= 0 && (size_t)n < size) return LEAT_OK;
    return leat_error_set(c->context, LEAT_INVALID, "the path of the folder %s is too long",
                          folder);
}

/* What the page has. */
static void say_page(cli *c, const leat_inspection *i, const char *path)
{
    size_t n;
    const char *parts[5] = {"activations"};
    size_t count = 1;
    if (leat_inspection_filters(i)) parts[count++] = "filters";
    if (leat_inspection_saliency(i, &n)) parts[count++] = "saliency";
    if (leat_inspection_plane(i, false, &n)) parts[count++] = "PCA";
    if (leat_inspection_plane(i, true, &n)) parts[count++] = "t-SNE";
    for (size_t k = 0; k < count; k++)
        cli_say(c, "%s%s", k == 0 ? "" : k + 1 < count ? ", " : " and ", parts[k]);
    cli_say(c, ": ");
    cli_styled(c, CLI_ACCENT, "%s\n", path);
}

static leat_status show(cli *c, const leat_inspection *i, const char *path)
{
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_inspection_json(i, j, "inspection");
        leat_json_string(j, "page", path);
        leat_json_end_object(j);
        return cli_print_json(c, j);
    }
    leat_status st = cli_print_inspected(c, i);
    cli_say(c, "\n");
    cli_styled(c, CLI_BOLD, "%s", leat_inspection_verdict(i));
    cli_say(c, "\n\n");
    say_page(c, i, path);
    return st;
}

/* Graphs hold operators, of which `leat show` tells. */
static leat_status refuse_graph(cli *c, const char *path)
{
    if (!cli_is_graph(c, path)) return LEAT_OK;
    return leat_error_set(c->context, LEAT_UNSUPPORTED,
                          "%s holds an ONNX graph: only networks that Leat trains have layers to "
                          "look into; leat show %s lists what the graph holds",
                          path, path);
}

/* Without rows: the layers. */
static leat_status list_layers(cli *c, leat_model *m)
{
    leat_inspection *i;
    leat_status st = leat_inspect(c->context, &i, m, NULL, NULL);
    if (st != LEAT_OK) return st;
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_inspection_json(i, j, "inspection");
        leat_json_end_object(j);
        st = cli_print_json(c, j);
    } else {
        st = cli_print_inspected(c, i);
        cli_say(c, "\nwhat they make of a row: leat inspect %s --input X\n", c->arguments[0]);
    }
    leat_inspection_destroy(i);
    return st;
}

static leat_status run_inspect(cli *c)
{
    char path[4200];
    long row = 1, rows = 600;
    leat_model *m = NULL;
    leat_frame *f = NULL;
    leat_inspection *i = NULL;
    leat_inspect_options o = leat_inspect_options_default();
    o.source = cli_value(c, "input");
    o.layer = cli_value(c, "layer");
    if (!o.source && (o.layer || cli_value(c, "row") || cli_value(c, "rows")))
        return cli_usage(c, "say what to look at with --input: a table, an array or a data set");
    leat_status st = cli_whole(c, "row", 1, 2000000000, &row);
    if (st == LEAT_OK) st = cli_whole(c, "rows", 0, 5000, &rows);
    o.row = (size_t)row - 1;
    o.rows = (size_t)rows;
    if (st == LEAT_OK) st = refuse_graph(c, c->arguments[0]);
    if (st == LEAT_OK) st = leat_model_open(c->context, &m, c->arguments[0]);
    if (st == LEAT_OK && !o.source) {
        st = list_layers(c, m);
        leat_model_release(m);
        return st;
    }
    if (st == LEAT_OK) st = cli_load_inputs(c, &f, o.source, m);
    if (st == LEAT_OK) st = leat_inspect(c->context, &i, m, f, &o);
    leat_progress_clear(&c->progress);
    if (st == LEAT_OK) st = page_path(c, m, path, sizeof path);
    if (st == LEAT_OK) st = leat_inspection_page(c->context, i, path);
    if (st == LEAT_OK) st = show(c, i, path);
    leat_inspection_destroy(i);
    leat_frame_release(f);
    leat_model_release(m);
    return st;
}

static const cli_option options[] = {
    {"input", 0, "X",
     "what to look at: a table, an array, an image or a data set, as for predict; also one picture "
     "as .npy; default: nothing but the layers",
     false},
    {"row", 0, "N", "the row to look at; default: 1", false},
    {"layer", 0, "NAME",
     "the layer whose output is brought into a plane; default: the last but one", false},
    {"rows", 0, "N", "rows in that plane, the first of X; 0: none; default: 600", false},
    {"output", 'o', "DIR", "folder for NAME.inspect.html; default: here", false},
    CLI_READ_OPTIONS,
    {0}};

const cli_command cli_command_inspect = {
    .name = "inspect",
    .arguments = "MODEL.leat [--input X]",
    .least = 1,
    .most = 1,
    .summary = "look inside a network: what layers are, cost and make of a row",
    .details =
        "Prints the layers with their outputs, parameters, flops and memory, and with --input "
        "writes a\npage with the activations of every layer as pictures, the filters of the "
        "first, the\nsaliency of the input (the gradient of the winning output), and the "
        "output of one layer\nover many rows by principal components and t-SNE.",
    .examples = "  leat inspect fashion-mnist.leat\n"
                "  leat inspect fashion-mnist.leat --input fashion-mnist:test --row 18\n"
                "  leat inspect digits.leat --input seven.npy -o pages --rows 0",
    .options = options,
    .run = run_inspect,
};
