/* leat report: the report of a model, or its charts as files. */
#include <string.h>

#include <leat/reproduce.h>

#include "command.h"

static void say_path(cli *c, const char *what, const char *path)
{
    cli_say(c, "%s: ", what);
    cli_styled(c, CLI_ACCENT, "%s\n", path);
}

static leat_status run_report(cli *c)
{
    const char *model = c->arguments[0], *data = c->count > 1 ? c->arguments[1] : NULL;
    const char *charts = cli_value(c, "charts"), *output = cli_value(c, "output");
    char beside[4200];
    size_t n = strlen(model);
    bool suffix = n > 5 && strcmp(model + n - 5, ".leat") == 0;
    snprintf(beside, sizeof beside, "%.*s.html", (int)(suffix ? n - 5 : n), model);
    const char *html = output ? output : charts ? NULL : beside;
    leat_status st = leat_report(c->context, model, data, html, charts);
    if (st != LEAT_OK) return st;
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "report", html);
        leat_json_string(j, "charts", charts);
        leat_json_end_object(j);
        return cli_print_json(c, j);
    }
    if (html) say_path(c, "report", html);
    if (charts) say_path(c, "charts", charts);
    return LEAT_OK;
}

static const cli_option options[] = {
    {"charts", 0, "DIR", "write every chart as SVG and PNG into a folder", false},
    {"output", 'o', "FILE", "the HTML file; default: beside the model", false},
    {0}};

const cli_command cli_command_report = {
    .name = "report",
    .arguments = "MODEL.leat [DATA]",
    .least = 1,
    .most = 2,
    .summary = "write a model's report again, or its charts as files",
    .details = "Runs the recorded experiment again, on the data that the run's folder beside the "
               "model\nnames or on DATA.",
    .examples = "  leat report iris.leat --charts pictures",
    .options = options,
    .run = run_report,
};
