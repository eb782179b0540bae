/* leat predict: a model's answers for new rows. */
#include <leat/explain.h>
#include <leat/model.h>
#include <leat/onnx.h>
#include <leat/read.h>

#include "answers.h"
#include "load.h"

/* The rows of a table through an ONNX model. */
static leat_status predict_graph(cli *c)
{
    leat_onnx_model *model;
    leat_frame *frame = NULL, *answers = NULL;
    bool was_quiet = c->quiet;
    if (cli_has(c, "proba") || cli_has(c, "explain"))
        return cli_usage(c, "--proba and --explain are of models that leat fit made; the outputs "
                            "of an ONNX model are what they are");
    leat_status st = leat_onnx_model_open(c->context, c->arguments[0], NULL, &model);
    if (st != LEAT_OK) return st;
    c->quiet = c->quiet || !cli_answers_path(c); /* stdout holds the answers */
    st = cli_load(c, &frame, c->arguments[1]);
    c->quiet = was_quiet;
    if (st == LEAT_OK) st = leat_onnx_model_predict(model, frame, &answers);
    if (st == LEAT_OK) st = cli_write_answers(c, answers);
    leat_frame_release(answers);
    leat_frame_release(frame);
    leat_onnx_model_close(model);
    return st;
}

static leat_status run_predict(cli *c)
{
    if (cli_is_graph(c, c->arguments[0])) return predict_graph(c);
    if (cli_has(c, "proba") && cli_has(c, "explain"))
        return cli_usage(c, "--explain tells of the class that is predicted; give it or --proba");

    leat_model *model = NULL;
    leat_frame *frame = NULL, *answers = NULL;
    bool was_quiet = c->quiet;
    leat_status st = leat_model_open(c->context, &model, c->arguments[0]);
    if (st == LEAT_OK) st = cli_check_precision(c, model);
    if (st == LEAT_OK && cli_has(c, "proba") && !leat_model_has_probabilities(model))
        st = cli_usage(c, "--proba: %s gives no probabilities, it is %s (%s)", c->arguments[0],
                       leat_model_is_classifier(model) ? "fitted without" : "a model of numbers",
                       leat_model_estimator(model));
    c->quiet = c->quiet || !cli_answers_path(c); /* stdout holds the answers */
    if (st == LEAT_OK) st = cli_load_rows(c, &frame, c->arguments[1], model);
    c->quiet = was_quiet;
    if (st == LEAT_OK)
        st = cli_has(c, "explain")
                 ? leat_model_explain(c->context, model, frame, NULL, &answers)
                 : leat_model_predict(c->context, model, frame, cli_has(c, "proba"), &answers);
    if (st == LEAT_OK) st = cli_name_files(c, frame, &answers);
    if (st == LEAT_OK) st = cli_write_answers(c, answers);
    else if (st != LEAT_NOMEM && frame && !c->json) cli_complain("leat: nothing was written\n");
    leat_frame_release(answers);
    leat_frame_release(frame);
    leat_model_release(model);
    return st;
}

static const cli_option options[] = {
    {"output", 'o', "FILE", "write to a file (.csv, .tsv, .json, .jsonl); default: standard output",
     false},
    {"proba", 0, NULL, "add the probability of each class", false},
    {"explain", 0, NULL,
     "add why: what the model says on average (base), of this row (value), and how much each input "
     "moves it (why_INPUT), as Shapley values",
     false},
    CLI_PRECISION_OPTION,
    CLI_READ_OPTIONS,
    {0}};

const cli_command cli_command_predict = {
    .name = "predict",
    .arguments = "MODEL.leat|MODEL.onnx DATA|IMAGE",
    .least = 2,
    .most = 2,
    .summary = "a model's answers for new rows",
    .details =
        "Columns are found by name; those the model does not use are ignored. A value that "
        "does\nnot fit what the model was trained on stops with its row and column; with "
        "--on-error skip\nits row is left out and named. Of an ONNX model the inputs are "
        "columns by "
        "name, or all\ncolumns of numbers side by side where it has one input for them.\nWhere the "
        "input is an image DATA is a folder of them, or one PNG or JPEG file; the answers "
        "begin\nwith the path of each.",
    .examples = "  leat predict iris.leat new.csv\n"
                "  leat predict iris.leat new.csv --explain\n"
                "  leat predict iris.leat new.csv --proba -o answers.csv\n"
                "  leat predict photos.leat holiday/",
    .options = options,
    .run = run_predict,
};
