/* leat inspect: what a network makes of a row, layer by layer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <leat/inspect.h>

#include "load.h"

enum { MOST_LAYERS = 200, CELLS = 5 };

static void flops_text(double flops, char out[32])
{
    if (flops >= 1e9) snprintf(out, 32, "%.2f G", flops / 1e9);
    else if (flops >= 1e6) snprintf(out, 32, "%.2f M", flops / 1e6);
    else if (flops >= 1e3) snprintf(out, 32, "%.1f k", flops / 1e3);
    else snprintf(out, 32, "%.0f", flops);
}

static void bytes_text(size_t bytes, char out[32])
{
    if (bytes >= 10000000) snprintf(out, 32, "%.1f MB", (double)bytes / 1e6);
    else if (bytes >= 10000) snprintf(out, 32, "%.1f kB", (double)bytes / 1e3);
    else snprintf(out, 32, "%zu B", bytes);
}

typedef struct row_text {
    char name[72], shape[64], parameters[32], flops[32], bytes[32];
} row_text;

static void fill(row_text *to, const leat_layer_info *l)
{
    const char *name = strrchr(l->name, '/');
    size_t n = 0;
    snprintf(to->name, sizeof to->name, "%*s%s", (int)(2 * (l->depth < 16 ? l->depth : 16)), "",
             name ? name + 1 : l->name);
    to->shape[0] = '\0';
    for (int k = 0; k < l->output.rank && n < sizeof to->shape; k++)
        n += (size_t)snprintf(to->shape + n, sizeof to->shape - n, "%s%lld", k ? " x " : "",
                              (long long)l->output.dim[k]);
    *to->parameters = *to->flops = '\0';
    if (l->parameters) cli_grouped(l->parameters, to->parameters);
    if (l->flops > 0) flops_text(l->flops, to->flops);
    bytes_text(l->bytes, to->bytes);
}

static leat_status print_layers(cli *c, const leat_inspection *i)
{
    size_t n = leat_inspection_layers(i), shown = n < MOST_LAYERS ? n : MOST_LAYERS;
    row_text *text = calloc(shown + 1, sizeof *text);
    const char **cells = calloc(CELLS * (shown + 2), sizeof *cells);
    if (!text || !cells) {
        free(text);
        free(cells);
        return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    }
    static const char *const head[CELLS] = {"layer", "output", "parameters", "flops", "memory"};
    memcpy(cells, head, sizeof head);
    for (size_t k = 0; k <= shown; k++) {
        const char **to = cells + CELLS * (k + 1);
        if (k < shown) {
            leat_layer_info l = leat_inspection_layer(i, k);
            fill(&text[k], &l);
        } else {
            snprintf(text[k].name, sizeof text[k].name, "all");
            cli_grouped(leat_inspection_parameters(i), text[k].parameters);
            flops_text(leat_inspection_flops(i), text[k].flops);
        }
        to[0] = text[k].name, to[1] = text[k].shape, to[2] = text[k].parameters;
        to[3] = text[k].flops, to[4] = text[k].bytes;
    }
    cli_table(c, cells, (int)shown + 2, CELLS, true);
    if (shown < n) cli_say(c, "  and %zu more layers\n", n - shown);
    free(text);
    free(cells);
    return LEAT_OK;
}

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
    leat_status st = print_layers(c, i);
    cli_say(c, "\n");
    cli_styled(c, CLI_BOLD, "%s", leat_inspection_verdict(i));
    cli_say(c, "\n\nactivations, filters, saliency, PCA and t-SNE: ");
    cli_styled(c, CLI_ACCENT, "%s\n", path);
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
    if (!o.source)
        return cli_usage(c, "say what to look at with --input: a table, an array or a data set");
    leat_status st = cli_whole(c, "row", 1, 2000000000, &row);
    if (st == LEAT_OK) st = cli_whole(c, "rows", 0, 5000, &rows);
    o.row = (size_t)row - 1;
    o.rows = (size_t)rows;
    if (st == LEAT_OK) st = leat_model_open(c->context, &m, c->arguments[0]);
    if (st == LEAT_OK) st = cli_load(c, &f, o.source);
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
    {"input", 0, "X", "a table, an array or a data set, as for predict; also one picture as .npy",
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
    .arguments = "MODEL.leat",
    .least = 1,
    .most = 1,
    .summary = "look inside a network: what each layer is, costs and makes of a row",
    .details = "Prints the layers with their outputs, parameters, flops and memory, and writes a "
               "page with\nthe activations of every layer as pictures, the filters of the first, "
               "the saliency of the\ninput (the gradient of the winning output), and the output of "
               "one layer over many rows by\nprincipal components and t-SNE.",
    .examples = "  leat inspect fashion-mnist.leat --input fashion-mnist:test --row 18\n"
                "  leat inspect digits.leat --input seven.npy -o pages --rows 0",
    .options = options,
    .run = run_inspect,
};
