/* leat compare: whether models really differ. */
#include <string.h>

#include "load.h"
#include "pairs.h"
#include "registry.h"
#include "runs.h"

enum { MOST = 20 };

static leat_status print_json(cli *c, const leat_comparison *k, int models,
                              const char *const *names)
{
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "metric", leat_comparison_score(k, 0).metric);
    leat_json_begin_array(j, "models");
    for (int i = 0; i < models; i++) {
        leat_score s = leat_comparison_score(k, (size_t)i);
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "file", names[i]);
        leat_json_number(j, "value", s.value);
        leat_json_number(j, "low", s.low);
        leat_json_number(j, "high", s.high);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
    cli_pairs_json(j, k, names);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

static void print_text(cli *c, const leat_comparison *k, int models, const char *const *names)
{
    leat_score scores[MOST];
    char heading[80];
    const char *cells[(MOST + 1) * 2];
    for (int i = 0; i < models; i++) {
        scores[i] = leat_comparison_score(k, (size_t)i);
        cells[2 * i + 2] = names[i];
        cells[2 * i + 3] = scores[i].text;
    }
    snprintf(heading, sizeof heading, "%s (95%% interval)", scores[0].title);
    cells[0] = "";
    cells[1] = heading;
    cli_table(c, cells, models + 1, 2, true);
    cli_say(c, "\n");
    cli_say_pairs(c, k, names);
}

static leat_status run_compare(cli *c)
{
    leat_model *models[MOST] = {NULL};
    const char *names[MOST];
    leat_frame *frame = NULL;
    leat_comparison *k = NULL;
    int n = c->count - 1;
    if (strcmp(c->arguments[0], "runs") == 0) return cli_compare_runs(c, c->arguments + 1, n);
    if (n > MOST) return cli_usage(c, "at most %d models can be compared", MOST);
    leat_status st = LEAT_OK;
    for (int i = 0; i < n && st == LEAT_OK; i++)
        st = leat_model_open(c->context, &models[i], names[i] = c->arguments[i]);
    if (st == LEAT_OK) st = cli_load_for(c, &frame, c->arguments[n], models, (size_t)n);
    if (st == LEAT_OK)
        st = leat_compare(c->context, &k, models, (size_t)n, frame, cli_value(c, "metric"),
                          cli_has(c, "drop-missing-target"));
    if (st == LEAT_OK && c->json) st = print_json(c, k, n, names);
    else if (st == LEAT_OK) print_text(c, k, n, names);
    leat_comparison_destroy(k);
    leat_frame_release(frame);
    for (int i = 0; i < n; i++) leat_model_release(models[i]);
    return st;
}

static const cli_option options[] = {
    {"metric", 0, "NAME", "what to compare by; default: accuracy or mae", false},
    {"drop-missing-target", 0, NULL, "leave out rows without a target", false},
    CLI_REGISTRY_OPTIONS,
    CLI_READ_OPTIONS,
    {0}};

const cli_command cli_command_compare = {
    .name = "compare",
    .arguments = "A.leat B.leat ... DATA | runs RUN RUN ...",
    .least = 3,
    .most = -1,
    .summary = "whether models really differ on the same rows",
    .details = "McNemar's test for accuracy, a paired bootstrap for other metrics, adjusted for "
               "the\nnumber of comparisons by Holm's method. The second form shows runs of the "
               "registry\nside by side (leat runs) and tests those that were made on the same "
               "folds: Student's t\nof the folds' differences, corrected for training sets that "
               "overlap.",
    .examples = "  leat compare old.leat new.leat holdout.csv\n  leat compare runs 3 5",
    .options = options,
    .run = run_compare,
};
