/* leat show: what a model file holds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <leat/inspect.h>
#include <leat/model.h>
#include <leat/onnx.h>

#include "layers.h"
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

/* What an input without a range was: the shape of arrays, how many texts. */
static void kind_text(const leat_model *m, size_t i, char *out, size_t size)
{
    char count[32];
    leat_shape s = leat_model_input_shape(m, i);
    size_t distinct = leat_model_input_distinct(m, i);
    if (s.rank == 3)
        snprintf(out, size, "%lld x %lld x %lld", (long long)s.dim[0], (long long)s.dim[1],
                 (long long)s.dim[2]);
    else if (distinct)
        snprintf(out, size, "%s different value%s", cli_grouped(distinct, count),
                 distinct == 1 ? "" : "s");
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
        else kind_text(m, i, ranges[i], sizeof ranges[i]);
        cells[3 * i + 3] = leat_model_input_name(m, i);
        cells[3 * i + 4] = leat_type_name(leat_model_input_type(m, i));
        cells[3 * i + 5] = ranges[i];
    }
    cli_table(c, cells, (int)shown + 1, 3, true);
    if (shown < n) cli_say(c, "  and %zu more\n", n - shown);
}

/* A class in quotes, so that blanks are seen and commas are told from those between classes. */
static void say_quoted(cli *c, const char *text)
{
    static const char escapes[] = "\nn\tt\rr";
    cli_say(c, "\"");
    for (const char *p = text; *p; p++) {
        const char *e = (unsigned char)*p < ' ' ? strchr(escapes, *p) : NULL;
        if (e) cli_say(c, "\\%c", e[1]);
        else if ((*p & 0xc0) != 0x80) { /* a whole character */ int n = 1;
            while ((p[n] & 0xc0) == 0x80) n++;
            cli_say(c, "%.*s", n, p);
        }
    }
    cli_say(c, "\"");
}

/* What a model of language counts in; NULL: it is none. */
static const char *unit_of(const leat_model *m)
{
    char windows[64];
    if (!leat_model_reading(m, "text", windows, sizeof windows)) return NULL;
    return strncmp(leat_model_tokens(m), "words", 5) == 0 ? "word" : "character";
}

static void print_classes(cli *c, const leat_model *m)
{
    const char *unit = unit_of(m);
    size_t n = leat_model_classes(m);
    if (!n) return;
    if (unit) cli_say(c, "%zu %ss:", n, unit);
    else cli_say(c, "classes:");
    for (size_t k = 0; k < n && k < 20; k++) {
        const char *name = leat_model_class_name(m, k);
        cli_say(c, "%s ", k ? "," : "");
        size_t length = strlen(name);
        bool blank = !length || *name == ' ' || name[length - 1] == ' ';
        if (unit || blank || strpbrk(name, ",\n\t\r")) say_quoted(c, name);
        else cli_say(c, "%s", name);
    }
    cli_say(c, "%s\n", n > 20 ? ", ..." : "");
}

/* "accuracy 0.8600 (95% 0.7911 - 0.9289), 20 epochs" */
static void print_score(cli *c, const leat_model *m)
{
    char metric[64], epochs[32];
    double score, low, high;
    bool scored = leat_model_score(m, metric, sizeof metric, &score, &low, &high) > 0;
    bool learned = leat_model_parameter(m, "epochs", epochs, sizeof epochs) > 0;
    if (!scored && !learned) return;
    if (scored) cli_say(c, "%s %.4g on rows it had not seen", metric, score);
    if (scored && !isnan(low)) cli_say(c, " (95%% %.4g - %.4g)", low, high);
    if (learned) cli_say(c, "%s%s epochs", scored ? ", " : "", epochs);
    cli_say(c, "\n");
    double nats = leat_model_metric(m, "log_loss");
    if (unit_of(m) && !isnan(nats))
        cli_say(c, "%.4g nats a %s, perplexity %.3g\n", nats, unit_of(m), exp(nats));
}

static leat_status print_network(cli *c, leat_model *m)
{
    leat_inspection *i;
    if (strcmp(leat_model_estimator(m), "network") != 0) return LEAT_OK;
    leat_status st = leat_inspect(c->context, &i, m, NULL, NULL);
    if (st != LEAT_OK) return st;
    cli_say(c, "\n");
    st = cli_print_inspected(c, i);
    leat_inspection_destroy(i);
    return st;
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
        print_classes(c, m);
        print_score(c, m);
        cli_say(c, "\n");
        print_inputs(c, m);
        st = print_network(c, m);
        if (unit_of(m)) cli_say(c, "\nwrite: leat generate %s START\n", c->arguments[0]);
        cli_say(c, "\nmore: leat show %s --card, --reference or --json\n", c->arguments[0]);
    }
    leat_model_release(m);
    return st;
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
    .details = "Target, score, inputs and what they were trained on; of a network also its layers "
               "with\noutputs and parameters. With --json the whole model.json: schema, "
               "preprocessing,\nparameters, metrics, lineage. Of an ONNX file or what leat import "
               "made of one it shows\nversions, inputs, outputs, parameters and operators.",
    .options = options,
    .run = run_show,
};
