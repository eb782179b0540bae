/* leat eval: how good a model is on data it has not seen. */
#include <math.h>
#include <string.h>

#include <leat/evaluate.h>

#include "load.h"

static void scores_json(leat_json *j, const leat_evaluation *e)
{
    leat_json_begin_object(j, "scores");
    for (size_t i = 0; i < leat_evaluation_scores(e); i++) {
        leat_score s = leat_evaluation_score(e, i);
        leat_json_begin_object(j, s.metric);
        leat_json_number(j, "value", s.value);
        leat_json_number(j, "low", s.low);
        leat_json_number(j, "high", s.high);
        leat_json_end_object(j);
    }
    leat_json_end_object(j);
}

static leat_status print_json(cli *c, const leat_model *m, const leat_evaluation *e, bool met,
                              const char *requirement)
{
    size_t classes = leat_model_classes(m);
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_int(j, "rows", (int64_t)leat_evaluation_rows(e));
    scores_json(j, e);
    if (classes) {
        leat_json_begin_array(j, "classes");
        for (size_t k = 0; k < classes; k++) leat_json_string(j, NULL, leat_model_class_name(m, k));
        leat_json_end_array(j);
        leat_json_begin_array(j, "confusion");
        for (size_t t = 0; t < classes; t++) {
            leat_json_begin_array(j, NULL);
            for (size_t p = 0; p < classes; p++)
                leat_json_number(j, NULL, leat_evaluation_confusion(e, t, p));
            leat_json_end_array(j);
        }
        leat_json_end_array(j);
    }
    if (requirement) {
        leat_json_string(j, "require", requirement);
        leat_json_bool(j, "met", met);
    }
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

static void print_confusion(cli *c, const leat_model *m, const leat_evaluation *e)
{
    enum { MOST = 12 };
    char text[MOST * MOST][24];
    const char *cells[(MOST + 1) * (MOST + 1)];
    size_t n = leat_model_classes(m);
    if (n < 2 || n > MOST) return;
    cells[0] = "truth \\ prediction";
    for (size_t k = 0; k < n; k++) cells[k + 1] = leat_model_class_name(m, k);
    for (size_t t = 0; t < n; t++) {
        cells[(t + 1) * (n + 1)] = leat_model_class_name(m, t);
        for (size_t p = 0; p < n; p++) {
            double count = leat_evaluation_confusion(e, t, p);
            snprintf(text[t * n + p], 24, count > 0 ? "%.0f" : ".", count);
            cells[(t + 1) * (n + 1) + p + 1] = text[t * n + p];
        }
    }
    cli_say(c, "\n");
    cli_table(c, cells, (int)n + 1, (int)n + 1, true);
}

static void print_scores(cli *c, const leat_evaluation *e)
{
    enum { MOST = 64 };
    leat_score scores[MOST];
    const char *cells[(MOST + 1) * 2] = {"", "value (95% interval)"};
    int n = 0;
    for (size_t i = 0; i < leat_evaluation_scores(e) && n < MOST; i++) {
        scores[n] = leat_evaluation_score(e, i);
        cells[2 * n + 2] = scores[n].title;
        cells[2 * n + 3] = scores[n].text;
        n++;
    }
    cli_table(c, cells, n + 1, 2, true);
}

static leat_status run_eval(cli *c)
{
    leat_model *model = NULL;
    leat_frame *frame = NULL;
    leat_evaluation *e = NULL;
    const char *requirement = cli_value(c, "require");
    leat_status st = leat_model_open(c->context, &model, c->arguments[0]);
    if (st == LEAT_OK) st = cli_check_precision(c, model);
    if (st == LEAT_OK) st = cli_load_inputs(c, &frame, c->arguments[1], model);
    if (st == LEAT_OK)
        st = leat_evaluate(c->context, &e, model, frame, cli_value(c, "metrics"),
                           cli_has(c, "drop-missing-target"));
    leat_status judged = LEAT_OK;
    if (st == LEAT_OK && requirement) {
        judged = leat_evaluation_require(c->context, e, requirement);
        if (judged != LEAT_OK && judged != LEAT_DIFFERS) st = judged;
    }
    if (st == LEAT_OK && c->json) {
        st = print_json(c, model, e, judged == LEAT_OK, requirement);
    } else if (st == LEAT_OK) {
        char rows[32];
        cli_say(c, "%s (%s) on %s row%s of %s\n", leat_model_name(model),
                leat_model_estimator(model), cli_grouped(leat_evaluation_rows(e), rows),
                leat_evaluation_rows(e) == 1 ? "" : "s", c->arguments[1]);
        print_scores(c, e);
        print_confusion(c, model, e);
        if (requirement && judged == LEAT_OK) cli_say(c, "\nrequired and met: %s\n", requirement);
    }
    leat_evaluation_destroy(e);
    leat_frame_release(frame);
    leat_model_release(model);
    if (st == LEAT_OK && judged == LEAT_DIFFERS && c->json) leat_error_clear(c->context);
    return st != LEAT_OK ? st : judged;
}

static const cli_option options[] = {
    {"metrics", 0, "A,B", "metrics to compute; default: the usual ones", false},
    {"require", 0, "WHAT",
     "exit with 1 unless it surely holds, as in 'accuracy>=0.93@95%,log_loss<=0.3'", false},
    {"drop-missing-target", 0, NULL, "leave out rows without a target", false},
    CLI_PRECISION_OPTION,
    CLI_READ_OPTIONS,
    {0}};

const cli_command cli_command_eval = {
    .name = "eval",
    .arguments = "MODEL.leat DATA",
    .least = 2,
    .most = 2,
    .summary = "how good a model is on data with known answers",
    .details = "Prints metrics with 95% intervals. --require judges the end of the interval that "
               "counts\n(the lower one for >=), so that a test in a build can gate on a model.",
    .examples = "  leat eval iris.leat holdout.csv\n"
                "  leat eval iris.leat holdout.csv --require 'accuracy>=0.93@95%'",
    .options = options,
    .run = run_eval,
};
