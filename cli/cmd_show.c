/* leat show: what a model file holds. */
#include <stdlib.h>
#include <string.h>

#include <leat/model.h>
#include <leat/onnx.h>

#include "load.h"

static void range_text(leat_type type, double low, double high, char *out, size_t size)
{
    char from[CLI_DATE], to[CLI_DATE];
    if (type == LEAT_BOOL) {
        snprintf(out, size, "%s", low != high ? "true, false" : low != 0 ? "true" : "false");
    } else if (type == LEAT_TIME) {
        cli_date(low, from);
        cli_date(high, to);
        snprintf(out, size, "%s to %s", from, to);
    } else {
        snprintf(out, size, "%.6g to %.6g", low, high);
    }
}

static void print_inputs(cli *c, const leat_model *m)
{
    enum { MOST = 40 };
    char ranges[MOST][2 * CLI_DATE + 8];
    const char *cells[(MOST + 1) * 3] = {"input", "type", "trained on"};
    size_t n = leat_model_inputs(m), shown = n < MOST ? n : MOST;
    for (size_t i = 0; i < shown; i++) {
        double low, high;
        ranges[i][0] = '\0';
        if (leat_model_input_range(m, i, &low, &high))
            range_text(leat_model_input_type(m, i), low, high, ranges[i], sizeof ranges[i]);
        cells[3 * i + 3] = leat_model_input_name(m, i);
        cells[3 * i + 4] = leat_type_name(leat_model_input_type(m, i));
        cells[3 * i + 5] = ranges[i];
    }
    cli_table(c, cells, (int)shown + 1, 3, true);
    if (shown < n) cli_say(c, "  and %zu more\n", n - shown);
}

static leat_status show_onnx(cli *c)
{
    leat_onnx_summary *s;
    if (cli_has(c, "card") || cli_has(c, "reference"))
        return cli_usage(c, "%s holds an ONNX model: it has no card and no reference distributions",
                         c->arguments[0]);
    leat_status st = leat_onnx_summary_create(c->context, &s, c->arguments[0]);
    if (st != LEAT_OK) return st;
    if (c->json) puts(leat_onnx_summary_json(s));
    else cli_say(c, "%s", leat_onnx_summary_text(s));
    leat_onnx_summary_destroy(s);
    return LEAT_OK;
}

static leat_status run_show(cli *c)
{
    leat_model *m;
    if (cli_is_graph(c, c->arguments[0])) return show_onnx(c);
    leat_status st = leat_model_open(c->context, &m, c->arguments[0]);
    if (st != LEAT_OK) return st;
    if (c->json) {
        puts(leat_model_json(m));
    } else if (cli_has(c, "card")) {
        cli_say(c, "%s", leat_model_card(m));
    } else if (cli_has(c, "reference")) {
        cli_say(c, "%s\n", leat_model_reference(m));
    } else {
        cli_styled(c, CLI_BOLD, "%s", leat_model_name(m));
        cli_say(c, " predicts %s (%s) with %s\n", leat_model_target(m),
                leat_model_is_classifier(m) ? "classification" : "regression",
                leat_model_estimator(m));
        if (leat_model_is_classifier(m)) {
            size_t n = leat_model_classes(m);
            cli_say(c, "classes:");
            for (size_t k = 0; k < n && k < 20; k++)
                cli_say(c, "%s %s", k ? "," : "", leat_model_class_name(m, k));
            cli_say(c, "%s\n", n > 20 ? ", ..." : "");
        }
        cli_say(c, "\n");
        print_inputs(c, m);
        cli_say(c, "\nmore: leat show %s --card, --reference or --json\n", c->arguments[0]);
    }
    leat_model_release(m);
    return LEAT_OK;
}

static const cli_option options[] = {
    {"card", 0, NULL, "print the model card", false},
    {"reference", 0, NULL, "print the reference distributions (JSON)", false},
    {0}};

const cli_command cli_command_show = {
    .name = "show",
    .arguments = "MODEL.leat|MODEL.onnx",
    .least = 1,
    .most = 1,
    .summary = "what a model file holds",
    .details = "With --json the whole model.json: schema, preprocessing, parameters, metrics, "
               "lineage. Of an ONNX file or what\n"
               "leat import made of one it shows versions, inputs, outputs, parameters and "
               "operators.",
    .options = options,
    .run = run_show,
};
