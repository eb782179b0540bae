/* Owns: the table of a network's layers on the terminal. */
#include "layers.h"

#include <stdlib.h>
#include <string.h>

#include "load.h"

enum { MOST_LAYERS = 200, CELLS = 5 };

/* Three digits and a unit: thousands of it are the next one. */
static void scaled(double value, const char *const *units, int count, char out[32])
{
    int k = 0;
    while (value >= 999.5 && k < count - 1) value /= 1000, k++;
    int decimals = k == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    snprintf(out, 32, "%.*f%s%s", decimals, value, *units[k] ? " " : "", units[k]);
}

void cli_flops_text(double flops, char out[32])
{
    static const char *const units[] = {"", "k", "M", "G", "T", "P"};
    scaled(flops, units, 6, out);
}

void cli_bytes_text(size_t bytes, char out[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    scaled((double)bytes, units, 6, out);
}

typedef struct row_text {
    char name[72], shape[64], parameters[32], flops[32], bytes[32];
} row_text;

static void fill(row_text *to, const leat_layer_info *l)
{
    const char *name = strrchr(l->name, '/');
    size_t n = 0;
    snprintf(to->name, sizeof to->name, "%*s%s%s", (int)(2 * (l->depth < 16 ? l->depth : 16)), "",
             name ? name + 1 : l->name, l->shared ? " (shared)" : "");
    to->shape[0] = '\0';
    for (int k = 0; k < l->output.rank && n < sizeof to->shape; k++)
        n += (size_t)snprintf(to->shape + n, sizeof to->shape - n, "%s%lld", k ? " x " : "",
                              (long long)l->output.dim[k]);
    *to->parameters = *to->flops = '\0';
    size_t parameters = l->parameters + l->states;
    if (parameters && !l->shared) cli_grouped(parameters, to->parameters);
    if (l->flops > 0) cli_flops_text(l->flops, to->flops);
    cli_bytes_text(l->bytes, to->bytes);
}

static void sum_row(row_text *to, const char *name, size_t parameters)
{
    snprintf(to->name, sizeof to->name, "%s", name);
    cli_grouped(parameters, to->parameters);
}

leat_status cli_print_layers(cli *c, const leat_layer_info *layers, size_t n, size_t parameters,
                             size_t states, double flops)
{
    size_t shown = n < MOST_LAYERS ? n : MOST_LAYERS, rows = shown + (states ? 3 : 1);
    row_text *text = calloc(rows, sizeof *text);
    const char **cells = calloc(CELLS * (rows + 1), sizeof *cells);
    if (!text || !cells) {
        free(text);
        free(cells);
        return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    }
    static const char *const head[CELLS] = {"layer", "output", "parameters", "flops", "memory"};
    memcpy(cells, head, sizeof head);
    for (size_t k = 0; k < shown; k++) fill(&text[k], &layers[k]);
    sum_row(&text[shown], "all", parameters + states);
    cli_flops_text(flops, text[shown].flops);
    if (states) {
        sum_row(&text[shown + 1], "  trained", parameters);
        sum_row(&text[shown + 2], "  not trained", states);
    }
    for (size_t k = 0; k < rows; k++) {
        const char **to = cells + CELLS * (k + 1);
        to[0] = text[k].name, to[1] = text[k].shape, to[2] = text[k].parameters;
        to[3] = text[k].flops, to[4] = text[k].bytes;
    }
    cli_table(c, cells, (int)rows + 1, CELLS, true);
    if (shown < n) cli_say(c, "  and %zu more layers\n", n - shown);
    free(text);
    free(cells);
    return LEAT_OK;
}

leat_status cli_print_inspected(cli *c, const leat_inspection *i)
{
    size_t n = leat_inspection_layers(i);
    leat_layer_info *layers = calloc(n + 1, sizeof *layers);
    if (!layers) return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    for (size_t k = 0; k < n; k++) layers[k] = leat_inspection_layer(i, k);
    leat_status st = cli_print_layers(c, layers, n, leat_inspection_parameters(i),
                                      leat_inspection_states(i), leat_inspection_flops(i));
    free(layers);
    return st;
}
