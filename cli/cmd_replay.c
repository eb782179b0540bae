/* leat replay: what a model answers to logged traffic, against what was answered then. */
#include <math.h>

#include <leat/monitor.h>

#include "load.h"

static leat_status print_json(cli *c, const leat_replay *r, const char *output)
{
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_int(j, "rows", (int64_t)r->rows);
    leat_json_int(j, "compared", (int64_t)r->compared);
    leat_json_begin_object(j, "same");
    leat_json_number(j, "value", r->same.value);
    leat_json_number(j, "low", r->same.low);
    leat_json_number(j, "high", r->same.high);
    leat_json_end_object(j);
    leat_json_number(j, "mean_difference", r->mean_difference);
    leat_json_number(j, "largest_difference", r->largest_difference);
    leat_json_number(j, "largest_probability", r->largest_probability);
    if (output) leat_json_string(j, "output", output);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

static void print_text(cli *c, const leat_replay *r, const char *output)
{
    char rows[32], compared[32];
    cli_say(c, "%s: %s rows", c->arguments[0], cli_grouped(r->rows, rows));
    if (r->compared == 0) {
        cli_say(c, ", none with a logged prediction to compare with\n");
    } else {
        cli_say(c, ", %s with a logged prediction\n", cli_grouped(r->compared, compared));
        cli_say(c, "  the same answer   %.4g%% (95%%: %.4g%% to %.4g%%)\n", 100 * r->same.value,
                100 * r->same.low, 100 * r->same.high);
        if (!isnan(r->mean_difference))
            cli_say(c, "  difference        mean %.3g, largest %.3g\n", r->mean_difference,
                    r->largest_difference);
    }
    if (!isnan(r->largest_probability))
        cli_say(c, "  probabilities     differ by at most %.3g\n", r->largest_probability);
    if (output) cli_say(c, "wrote %s\n", output);
}

static leat_status run_replay(cli *c)
{
    leat_model *model = NULL;
    leat_frame *log = NULL, *answers = NULL;
    leat_replay r;
    const char *path = cli_value(c, "model"), *output = cli_value(c, "output");
    if (!path) return cli_usage(c, "say which model answers: --model MODEL.leat");
    leat_status st = leat_model_open(c->context, &model, path);
    if (st == LEAT_OK) st = cli_load_log(c, &log, c->arguments[0]);
    if (st == LEAT_OK) st = leat_replay_log(c->context, model, log, &r, output ? &answers : NULL);
    if (st == LEAT_OK && output) st = leat_frame_write(c->context, answers, output, NULL);
    if (st == LEAT_OK && c->json) st = print_json(c, &r, output);
    else if (st == LEAT_OK) print_text(c, &r, output);
    leat_frame_release(answers);
    leat_frame_release(log);
    leat_model_release(model);
    return st;
}

static const cli_option options[] = {
    {"model", 'm', "MODEL", "the model that answers now", false},
    {"of", 0, "NAME", "of a log of several models: the rows that this one answered", false},
    {"output", 'o', "FILE", "write its answers, a row for each of the log", false},
    CLI_READ_OPTIONS,
    {0}};

const cli_command cli_command_replay = {
    .name = "replay",
    .arguments = "LOG",
    .least = 1,
    .most = 1,
    .summary = "what another model answers to logged traffic",
    .details = "Reads a prediction log (JSON Lines with inputs and outputs of each row), lets the "
               "model answer\nit anew and says how often and how far the answers differ.",
    .examples = "  leat replay predictions.ndjson --model candidate.leat\n"
                "  leat replay predictions.ndjson.gz -m candidate.leat -o answers.csv",
    .options = options,
    .run = run_replay,
};
