/* leat fit: from a table to a leaderboard, a model file and a report. */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leat/data.h>
#include <leat/experiment.h>
#include <leat/training_plan.h>

#include "keep.h"
#include "load.h"
#include "settings.h"

enum { MOST_ROWS = 64 }; /* of the leaderboard that are shown */

typedef struct fit {
    cli *c;
    const leat_experiment *experiment;    /* while it runs */
    leat_leaderboard_row rows[MOST_ROWS]; /* as far as known, best first */
    char text[MOST_ROWS][6][80];          /* cells of the table */
    int count, drawn;                     /* lines on the terminal that may be redrawn */
    bool live;
    bool apart; /* settings have no room on the board */
    int typed;  /* options on the command line */
    char *command;
    const char *data;
    const char *run; /* folder */
    cli_kept kept;   /* in a registry */
} fit;

static void seconds_text(double s, char out[24])
{
    if (s < 0.0001) snprintf(out, 24, "< 0.1 ms");
    else if (s < 0.01) snprintf(out, 24, "%.1f ms", s * 1e3);
    else if (s < 1) snprintf(out, 24, "%.0f ms", s * 1e3);
    else if (s < 100) snprintf(out, 24, "%.1f s", s);
    else snprintf(out, 24, "%.0f min", s / 60);
}

static bool higher_is_better(const fit *f)
{
    return leat_experiment_greater_is_better(f->experiment);
}

/* Keeps rows sorted, failed ones last, equal ones in the order they came. */
static void insert(fit *f, const leat_leaderboard_row *row)
{
    int at = f->count;
    if (f->count >= MOST_ROWS) return;
    while (at > 0 && !row->failed) {
        const leat_leaderboard_row *before = &f->rows[at - 1];
        bool better = higher_is_better(f) ? row->mean > before->mean : row->mean < before->mean;
        if (!before->failed && !better) break;
        f->rows[at] = *before;
        at--;
    }
    f->rows[at] = *row;
    f->count++;
}

/* Sentences of the library, folded to the terminal. */
static void say_lines(cli *c, const char *text, int indent)
{
    if (c->quiet || c->json) return;
    while (*text) {
        char line[1024];
        size_t n = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, text);
        cli_fold(stdout, line, 0, indent);
        text += n + (text[n] == '\n');
    }
}

static void print_failed(fit *f)
{
    for (int i = 0; i < f->count; i++) {
        const char *why = f->rows[i].failed;
        char line[600];
        if (!why) continue;
        size_t name = strlen(f->rows[i].estimator);
        if (strncmp(why, f->rows[i].estimator, name) == 0 && why[name] == ':') why += name + 2;
        snprintf(line, sizeof line, "  %s is left out: %.*s", f->rows[i].estimator,
                 (int)strcspn(why, "\n"), why);
        say_lines(f->c, line, 4);
    }
}

/* As much of the text as fits, "..." for the rest. */
static void shorten(const char *text, char *out, size_t size)
{
    int n = snprintf(out, size, "%s", text);
    if (n < 0 || (size_t)n < size) return;
    size_t at = size - sizeof "...";
    while (at > 0 && (out[at] & 0xc0) == 0x80) at--; /* between characters */
    strcpy(out + at, "...");
}

/* The settings that have no room on the board. */
static void print_settings(fit *f)
{
    for (int i = 0; i < f->count && f->apart; i++) {
        char line[600];
        const leat_leaderboard_row *r = &f->rows[i];
        if (r->failed || !*r->params) continue;
        snprintf(line, sizeof line, "  %s: %s", r->estimator, r->params);
        say_lines(f->c, line, 4);
    }
}

static void print_board(fit *f)
{
    char(*text)[6][80] = f->text;
    const char *cells[(MOST_ROWS + 1) * 6];
    char heading[80];
    int n = 0;
    snprintf(heading, sizeof heading, "%s (95%% interval)",
             leat_experiment_metric_title(f->experiment));
    const char *head[6] = {"", heading, "spread", "fit", "predict", "settings"};
    memcpy(cells, head, sizeof head);
    for (int i = 0; i < f->count; i++) {
        const leat_leaderboard_row *r = &f->rows[i];
        if (r->failed) continue;
        char mean[24], low[24], high[24], fit_time[24], predict_time[24];
        char(*row)[80] = text[n++];
        leat_experiment_format(f->experiment, r->mean, mean, sizeof mean);
        leat_experiment_format(f->experiment, r->low, low, sizeof low);
        leat_experiment_format(f->experiment, r->high, high, sizeof high);
        seconds_text(r->fit_seconds, fit_time);
        seconds_text(r->predict_seconds, predict_time);
        snprintf(row[0], 80, "%s", r->estimator);
        if (isnan(r->low)) snprintf(row[1], 80, "%s", mean);
        else snprintf(row[1], 80, "%s  %s - %s", mean, low, high);
        if (isnan(r->std)) snprintf(row[2], 80, "-");
        else leat_experiment_format(f->experiment, r->std, row[2], 80);
        snprintf(row[3], 80, "%s", fit_time);
        snprintf(row[4], 80, "%s", predict_time);
        shorten(r->params, row[5], 80);
        for (int k = 0; k < 6; k++) cells[n * 6 + k] = row[k];
    }
    bool settings = false;
    int terminal = cli_terminal_columns();
    for (int i = 1; i <= n; i++) settings = settings || *cells[i * 6 + 5];
    f->apart = settings && terminal && cli_table_width(cells, n + 1, 6, 6) > terminal;
    int columns = settings && !f->apart ? 6 : 5;
    if (columns == 5)
        for (int i = 0; i <= n; i++) memmove(cells + i * 5, cells + i * 6, 5 * sizeof *cells);
    cli_table(f->c, cells, n + 1, columns, true);
    int width = cli_table_width(cells, n + 1, columns, columns);
    int lines = terminal ? (width + terminal - 1) / terminal : 1;
    f->drawn = (n + 1) * lines;
}

enum { SHOWN_TRIALS = 5 };

static void print_trials_of(fit *f, const leat_experiment *e, size_t row)
{
    char text[SHOWN_TRIALS][5][80];
    const char *cells[(SHOWN_TRIALS + 1) * 5] = {"", "", "spread", "fits", "folds"};
    char heading[120];
    size_t all = leat_experiment_trials(e, row), n = 0;
    if (all < 2) return;
    snprintf(heading, sizeof heading, "%s: best of %zu tried",
             leat_experiment_row(e, row).estimator, all);
    cells[0] = heading;
    cells[1] = leat_experiment_metric_title(e);
    for (; n < all && n < SHOWN_TRIALS; n++) {
        leat_trial x = leat_experiment_trial(e, row, n);
        char(*cell)[80] = text[n];
        if (x.failed) break;
        shorten(x.params, cell[0], 80);
        leat_experiment_format(e, x.mean, cell[1], 80);
        if (isnan(x.std)) snprintf(cell[2], 80, "-");
        else leat_experiment_format(e, x.std, cell[2], 80);
        seconds_text(x.seconds, cell[3]);
        snprintf(cell[4], 80, "%zu", x.folds);
        for (size_t k = 0; k < 5; k++) cells[(n + 1) * 5 + k] = cell[k];
    }
    int columns =
        leat_experiment_trial(e, row, all - 1).folds != leat_experiment_trial(e, row, 0).folds ? 5
                                                                                               : 4;
    for (size_t i = 0; i <= n && columns == 4; i++)
        memmove(cells + i * 4, cells + i * 5, 4 * sizeof *cells);
    int terminal = cli_terminal_columns();
    int over = cli_table_width(cells, (int)n + 1, columns, columns) - terminal;
    int widest = 0;
    for (size_t i = 0; i < n; i++) widest = (int)fmax(widest, (double)strlen(text[i][0]));
    for (size_t i = 0; i < n && terminal && over > 0; i++) {
        char whole[80];
        strcpy(whole, text[i][0]);
        shorten(whole, text[i][0], (size_t)fmax(widest - over, 16) + 1);
    }
    cli_table(f->c, cells, (int)n + 1, columns, true);
    if (n < all) say_lines(f->c, "  the others: in the report, and with --json", 2);
}

/* What a search tried for the model that was chosen; for the others the report has it. */
static void print_trials(fit *f, const leat_experiment *e)
{
    if (f->c->quiet || f->c->json || leat_experiment_trials(e, 0) < 2) return;
    cli_say(f->c, "\n");
    print_trials_of(f, e, 0);
    cli_say(f->c, "\n");
}

static bool has_checkpoint(const char *folder)
{
    char path[4400];
    return snprintf(path, sizeof path, "%s/last.checkpoint", folder) < (int)sizeof path &&
           access(path, F_OK) == 0;
}

/* Of the final fit, or of a fold. */
static bool has_checkpoints(const char *run)
{
    char path[4400];
    bool found = has_checkpoint(run);
    DIR *folder = opendir(run);
    for (struct dirent *d; folder && !found && (d = readdir(folder));)
        found = strncmp(d->d_name, "model-", 6) == 0 &&
                snprintf(path, sizeof path, "%s/%s", run, d->d_name) < (int)sizeof path &&
                has_checkpoint(path);
    if (folder) closedir(folder);
    return found;
}

/* Not an error: the same command line begins a training and goes on with it. */
static void say_resume(cli *c, const leat_experiment *e, const char *run)
{
    bool network = false;
    for (size_t i = 0; i < leat_experiment_rows(e); i++)
        network |= strcmp(leat_experiment_row(e, i).estimator, "network") == 0;
    if (!network)
        cli_say(c, "--resume does nothing: no model is a network, and others leave no "
                   "checkpoints\n\n");
    else if (!has_checkpoints(run))
        cli_say(c, "nothing to resume: there is no checkpoint in %s, training begins anew\n\n",
                run);
}

static void on_ready(void *user, const leat_experiment *e)
{
    fit *f = user;
    f->experiment = e;
    cli_say(f->c, "%s\n", leat_experiment_inferred(e));
    if (cli_has(f->c, "resume")) say_resume(f->c, e, f->run);
    say_lines(f->c, leat_experiment_validation(e), 2);
}

static void on_row(void *user, const leat_leaderboard_row *row)
{
    fit *f = user;
    insert(f, row);
    if (!f->live) return;
    leat_progress_clear(&f->c->progress);
    cli_rewind(f->c, f->drawn);
    print_board(f);
    fflush(stdout);
}

static void trials_json(leat_json *j, const leat_experiment *e, size_t row)
{
    size_t n = leat_experiment_trials(e, row);
    if (n == 0) return;
    leat_json_begin_array(j, "trials");
    for (size_t i = 0; i < n; i++) {
        leat_trial x = leat_experiment_trial(e, row, i);
        leat_json_begin_object(j, NULL);
        leat_json_int(j, "rank", (int64_t)x.rank);
        leat_json_string(j, "params", x.params);
        leat_json_number(j, "mean", x.mean);
        leat_json_number(j, "std", x.std);
        leat_json_number(j, "low", x.low);
        leat_json_number(j, "high", x.high);
        leat_json_int(j, "folds", (int64_t)x.folds);
        leat_json_number(j, "seconds", x.seconds);
        if (x.failed) leat_json_string(j, "failed", x.failed);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
}

static void row_json(leat_json *j, const leat_experiment *e, size_t at)
{
    leat_leaderboard_row row = leat_experiment_row(e, at);
    const leat_leaderboard_row *r = &row;
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "estimator", r->estimator);
    leat_json_string(j, "params", r->params);
    leat_json_number(j, "mean", r->mean);
    leat_json_number(j, "std", r->std);
    leat_json_number(j, "low", r->low);
    leat_json_number(j, "high", r->high);
    leat_json_begin_array(j, "folds");
    for (size_t i = 0; i < r->fold_count && !r->failed; i++) leat_json_number(j, NULL, r->folds[i]);
    leat_json_end_array(j);
    leat_json_number(j, "fit_seconds", r->fit_seconds);
    leat_json_number(j, "predict_seconds", r->predict_seconds);
    leat_json_string(j, "prepared", r->prepared);
    if (r->failed) leat_json_string(j, "failed", r->failed);
    if (r->left_out) leat_json_bool(j, "left_out", true);
    trials_json(j, e, at);
    leat_json_end_object(j);
}

static void parameter_json(leat_json *j, const leat_experiment *e)
{
    size_t n = leat_experiment_parameter_points(e);
    if (n == 0) return;
    leat_json_begin_object(j, "validation_curve");
    leat_json_string(j, "parameter", leat_experiment_parameter(e));
    leat_json_begin_array(j, "points");
    for (size_t i = 0; i < n; i++) {
        leat_parameter_point p = leat_experiment_parameter_point(e, i);
        leat_json_begin_object(j, NULL);
        leat_json_number(j, "value", p.value);
        leat_json_number(j, "train", p.train);
        leat_json_number(j, "train_std", p.train_std);
        leat_json_number(j, "validation", p.validation);
        leat_json_number(j, "validation_std", p.validation_std);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
    leat_json_string(j, "reading", leat_experiment_parameter_reading(e));
    leat_json_end_object(j);
}

/* NAME.network.leat beside NAME.leat; false: there is none. */
static bool beside_path(const leat_experiment *e, const char *model, char *path, size_t size)
{
    int stem = (int)strlen(model) - 5;
    if (!leat_experiment_beside(e)) return false;
    snprintf(path, size, "%.*s.network.leat", stem, model);
    return true;
}

static leat_status print_result_json(const fit *f, const leat_experiment *e, const char *model,
                                     const char *report)
{
    double score, low, high;
    cli *c = f->c;
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "task", leat_experiment_task(e));
    leat_json_string(j, "metric", leat_experiment_metric(e));
    leat_json_begin_array(j, "leaderboard");
    for (size_t i = 0; i < leat_experiment_rows(e); i++) row_json(j, e, i);
    leat_json_end_array(j);
    leat_json_string(j, "best", leat_experiment_row(e, 0).estimator);
    if (leat_experiment_test(e, &score, &low, &high)) {
        leat_json_begin_object(j, "test");
        leat_json_number(j, "score", score);
        leat_json_number(j, "low", low);
        leat_json_number(j, "high", high);
        leat_json_end_object(j);
    }
    parameter_json(j, e);
    leat_json_string(j, "model", model);
    leat_json_string(j, "report", report);
    char other[4200];
    if (beside_path(e, model, other, sizeof other)) leat_json_string(j, "beside", other);
    if (leat_experiment_traced(e)) leat_json_string(j, "trace", cli_value(c, "trace"));
    if (f->kept.run) leat_json_int(j, "run", f->kept.run);
    if (*f->kept.registered) leat_json_string(j, "registered", f->kept.registered);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

static void print_trace(cli *c, const leat_experiment *e)
{
    const char *trace = cli_value(c, "trace");
    size_t steps = leat_experiment_traced(e);
    if (!trace || !steps) return;
    cli_say(c, "\ntrace of %zu steps: ", steps);
    cli_styled(c, CLI_ACCENT, "%s", trace);
    cli_say(c, "   open it at https://ui.perfetto.dev");
}

static bool is_folder(const char *path)
{
    struct stat is;
    return stat(path, &is) == 0 && S_ISDIR(is.st_mode);
}

static void print_result(fit *f, const leat_experiment *e, const char *model, const char *report)
{
    cli *c = f->c;
    double score, low, high;
    char other[4200];
    f->count = 0;
    for (size_t i = 0; i < leat_experiment_rows(e) && f->count < MOST_ROWS; i++)
        f->rows[f->count++] = leat_experiment_row(e, i);
    f->experiment = e;
    if (f->live) cli_rewind(c, f->drawn);
    print_board(f);
    print_settings(f);
    print_failed(f);
    print_trials(f, e);
    say_lines(c, leat_experiment_verdict(e), 0);
    say_lines(c, leat_experiment_reading(e), 0);
    say_lines(c, leat_experiment_parameter_reading(e), 0);
    if (leat_experiment_test(e, &score, &low, &high)) {
        char a[24], b[24], d[24];
        leat_experiment_format(e, score, a, sizeof a);
        leat_experiment_format(e, low, b, sizeof b);
        leat_experiment_format(e, high, d, sizeof d);
        cli_say(c, "test %s of %s: ", leat_experiment_metric_title(e),
                leat_experiment_row(e, 0).estimator);
        cli_styled(c, CLI_BOLD, "%s", a);
        if (isnan(low)) cli_say(c, "\n");
        else cli_say(c, " (95%% %s - %s)\n", b, d);
    }
    cli_say(c, "\nwrote ");
    cli_styled(c, CLI_ACCENT, "%s", model);
    if (beside_path(e, model, other, sizeof other)) {
        cli_say(c, " and ");
        cli_styled(c, CLI_ACCENT, "%s", other);
    }
    cli_say(c, "   report: ");
    cli_styled(c, CLI_ACCENT, "%s", report);
    print_trace(c, e);
    bool kept = strcmp(c->arguments[0], "-") != 0; /* else nobody has the data any more */
    cli_say(c, "\nagain: leat reproduce %s%s   next: ", model, kept ? "" : " DATA");
    if (cli_value(c, "text")) cli_say(c, "leat generate %s START\n", model);
    else cli_say(c, "leat predict %s %s\n", model, is_folder(f->data) ? "FOLDER" : "NEW.csv");
}

/* An address may hold a password, and a second run need not be registered again. */
static bool is_shown(const cli_given *g)
{
    const char *name = g->option->name;
    return strcmp(name, "registry") != 0 && strcmp(name, "objects") != 0 &&
           strcmp(name, "register") != 0;
}

/* The command line as a person would type it again, quoted for a shell; `typed` options of those
 * given, the others stand in the YAML file. */
static char *command_text(const cli *c, int typed)
{
    size_t size = 16;
    for (int i = 0; i < c->count; i++) size += 4 * strlen(c->arguments[i]) + 4;
    for (int i = 0; i < typed; i++)
        size += strlen(c->given[i].option->name) + 8 +
                (c->given[i].value ? 4 * strlen(c->given[i].value) : 0);
    char *text = calloc(1, size);
    if (!text) return NULL;
    strcpy(text, "leat fit");
    for (int i = 0; i < c->count + typed; i++) {
        bool option = i >= c->count;
        const cli_given *g = option ? &c->given[i - c->count] : NULL;
        const char *value = option ? g->value : c->arguments[i];
        if (option && !is_shown(g)) continue;
        strcat(text, " ");
        if (option) sprintf(text + strlen(text), "--%s%s", g->option->name, value ? " " : "");
        if (!value) continue;
        bool plain = *value && !strpbrk(value, " \t\n\"'\\$`*?[]{}()<>|&;#~!");
        char *to = text + strlen(text);
        if (!plain) *to++ = '\'';
        for (const char *p = value; *p; p++) {
            if (*p == '\'') to += sprintf(to, "'\\''");
            else *to++ = *p;
        }
        if (!plain) *to++ = '\'';
        *to = '\0';
    }
    return text;
}

/* A named data set with a test part of its own is scored on it at the end. */
static leat_status load_both(cli *c, const char *name, leat_frame **train, leat_frame **test)
{
    char part[256], size[80];
    *test = NULL;
    bool splits = leat_data_has_test(name);
    if (splits) snprintf(part, sizeof part, "%s:train", name);
    leat_status st = cli_load(c, train, splits ? part : name);
    if (st != LEAT_OK) return st;
    cli_size_text(*train, size, sizeof size);
    bool input = strcmp(name, "-") == 0;
    cli_styled(c, CLI_BOLD, "%s", input ? "standard input" : name);
    cli_say(c, ": %s", size);
    if (splits) {
        char rows[32];
        snprintf(part, sizeof part, "%s:test", name);
        st = cli_load(c, test, part);
        if (st == LEAT_OK)
            cli_say(c, "; %s more rows held out for the final score",
                    cli_grouped(leat_frame_rows(*test), rows));
    }
    cli_say(c, "\n");
    return st;
}

static leat_status save(cli *c, fit *f, const leat_experiment *e, const char *folder)
{
    char model[4200], report[4200];
    leat_status st = leat_experiment_save(c->context, e, folder, f->command, model, sizeof model,
                                          report, sizeof report);
    if (st != LEAT_OK) return st;
    leat_status kept = cli_keep(c, e, f->command, model, report, &f->kept);
    if (cli_value(c, "trace") && !leat_experiment_traced(e)) /* a file that was asked for */
        cli_complain(
            "leat: no trace in %s: %s, the best, had no steps of training to show, or they "
            "could not be written\n",
            cli_value(c, "trace"), leat_experiment_row(e, 0).estimator);
    if (c->json) return kept == LEAT_OK ? print_result_json(f, e, model, report) : kept;
    print_result(f, e, model, report); /* what was written stays, whatever the registry says */
    cli_keep_say(c, &f->kept, f->data);
    return kept;
}

/* Better said before the work than after it. */
static leat_status check_folder(cli *c, const char *folder)
{
    struct stat is;
    if (stat(folder, &is) != 0) return LEAT_OK; /* it will be made */
    if (S_ISDIR(is.st_mode) && access(folder, W_OK | X_OK) == 0) return LEAT_OK;
    return leat_error_set(c->context, LEAT_IO, "cannot write into %s: %s", folder,
                          S_ISDIR(is.st_mode) ? "the folder is read-only" : "it is no folder");
}

/* NAME.run beside the model. */
static leat_status name_run_folder(cli *c, cli_settings *s, char *space, size_t size)
{
    const char *folder = s->folder;
    int n = strcmp(folder, ".") == 0 ? snprintf(space, size, "%s.run", s->name)
                                     : snprintf(space, size, "%s/%s.run", folder, s->name);
    if (n < 0 || (size_t)n >= size)
        return leat_error_set(c->context, LEAT_INVALID, "the path of the folder %s is too long",
                              folder);
    s->options.run_folder = space;
    s->options.resume = cli_has(c, "resume");
    return LEAT_OK;
}

/* ---- the learning rate range test ---------------------------------------------------------------
 */

static leat_status range_json(cli *c, const leat_rate_range *r, const char *path)
{
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_number(j, "least_at", leat_rate_range_least(r));
    leat_json_number(j, "start_from", leat_rate_range_suggestion(r));
    leat_json_string(j, "chart", path);
    leat_json_begin_array(j, "points");
    for (size_t i = 0; i < leat_rate_range_points(r); i++) {
        leat_rate_point p = leat_rate_range_point(r, i);
        leat_json_begin_object(j, NULL);
        leat_json_number(j, "rate", p.rate);
        leat_json_number(j, "loss", p.loss);
        leat_json_number(j, "smooth", p.smooth);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

static void say_rates(cli *c, const leat_rate_range *r)
{
    size_t n = leat_rate_range_points(r);
    cli_say(c, "%zu steps, learning rates from %.2g to %.2g: ", n, leat_rate_range_point(r, 0).rate,
            leat_rate_range_point(r, n - 1).rate);
    if (isnan(leat_rate_range_least(r))) {
        cli_say(c, "no minimum found: the running mean of the loss is least at one end, or "
                   "goes up and down with the batches\n"
                   "look at the curve; a larger network.batch_size has less noise\n");
        return;
    }
    cli_say(c, "the loss is least at %.2g\nstart from a tenth of it: ", leat_rate_range_least(r));
    cli_styled(c, CLI_BOLD, "--set network.learning_rate=%.2g", leat_rate_range_suggestion(r));
    cli_say(c, "\n");
}

/* NAME.rates.svg instead of a model. */
static leat_status test_rates(cli *c, cli_settings *s, leat_frame *train)
{
    char path[4200];
    leat_rate_range *r;
    leat_status st = leat_rate_range_create(c->context, &r, train, &s->options);
    if (st != LEAT_OK) return st;
    leat_progress_clear(&c->progress);
    const char *folder = s->folder;
    bool here = strcmp(folder, ".") == 0;
    snprintf(path, sizeof path, "%.4000s%s%.120s.rates.svg", here ? "" : folder, here ? "" : "/",
             s->name);
    st = leat_rate_range_draw(c->context, r, path);
    if (st == LEAT_OK && c->json) st = range_json(c, r, path);
    if (st == LEAT_OK && !c->json) {
        say_rates(c, r);
        cli_say(c, "wrote ");
        cli_styled(c, CLI_ACCENT, "%s\n", path);
    }
    leat_rate_range_destroy(r);
    return st;
}

static leat_status run_fit(cli *c)
{
    char run_folder[4200];
    fit f = {.c = c, .live = c->color && !c->json && !c->quiet, .typed = c->given_count};
    cli_settings s;
    leat_frame *train = NULL, *test = NULL;
    leat_experiment *e = NULL;
    f.command = command_text(c, f.typed);
    if (!f.command) return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    leat_status st = cli_settings_read(c, &s, c->arguments[0]);
    if (st == LEAT_OK) st = check_folder(c, s.folder);
    if (st == LEAT_OK) st = cli_keep_check(c);
    if (st == LEAT_OK) st = name_run_folder(c, &s, run_folder, sizeof run_folder);
    if (st == LEAT_OK) st = load_both(c, s.options.data, &train, &test);
    if (st == LEAT_OK && cli_has(c, "lr-range")) {
        st = test_rates(c, &s, train);
    } else if (st == LEAT_OK) {
        f.run = s.options.run_folder;
        f.data = s.options.data;
        s.options.on_ready = on_ready;
        s.options.on_row = on_row;
        s.options.user = &f;
        s.options.trace = cli_value(c, "trace");
        s.options.command = f.command;
        st = leat_experiment_run(c->context, &e, train, test, &s.options);
    }
    st = cli_settings_locate(c, c->arguments[0], st);
    if (st == LEAT_OK && e) st = save(c, &f, e, s.folder);
    if (st == LEAT_OK) st = cli_keep_check(c);
    leat_experiment_destroy(e);
    leat_frame_release(train);
    leat_frame_release(test);
    cli_settings_fini(&s);
    free(f.command);
    return st;
}

static const cli_option options[] = {
    {"target", 't', "COL",
     "the column to predict; data sets, folders of images and --text know theirs", false},
    {"task", 0, "TASK", "classification or regression; default: by the target", false},
    {"models", 'm', "A,B", "estimators to try; default: those that suit the data", false},
    {"metric", 0, "NAME", "what decides; default: accuracy or mae; leat help metrics lists them",
     false},
    {"cv", 0, "HOW",
     "kfold:10, stratified:10, repeated:5x2, loo, group:COL, time:5, holdout:0.2, nested:5x3; "
     "default: suits the data",
     false},
    {"fold-column", 0, "COL", "use the folds that this column gives", false},
    {"preprocess", 0, "MODE", "auto, none, standard, minmax, robust", false},
    {"set", 0, "M.P=V",
     "set a parameter, as in knn.n_neighbors=7; with --search several values, 1,5,25, or "
     "'flip, crop=4 | none' where they have commas of their own",
     true},
    {"search", 0, "HOW", "grid, random:50 or halving over the parameters' grids", false},
    {"validation-curve", 0, "M.P[=V]",
     "scores by the value of one parameter, as in svc.C or svc.C=log:1e-3:1e3", false},
    {"time-budget", 0, "TIME",
     "60s, 5m, 1h: a model by then; estimators that are not done are cut and left out", false},
    {"keep", 0, "COL", "use a column that would be left out; *: all of them", true},
    {"drop", 0, "COL", "leave a column out; once for each column", true},
    {"drop-missing-target", 0, NULL, "leave out rows without a target", false},
    {"quick", 0, NULL, "no importances and no curves", false},
    {"trace", 0, "FILE", "a timeline of a network's first 50 training steps, for Perfetto", false},
    {"lr-range", 0, NULL, "only try a network's learning rates and draw the loss by them", false},
    {"resume", 0, NULL, "go on with the training of a network: interrupted, or to more epochs",
     false},
    {"name", 0, "NAME", "of the model and its files; default: from the data", false},
    {"output", 'o', "DIR", "folder to write to, or DIR/NAME.leat; default: here", false},
    {"register", 0, "NAME", "keep the run and the model in the registry, under this name", false},
    CLI_REGISTRY_OPTIONS,
    CLI_READ_OPTIONS,
    {0}};

const cli_command cli_command_fit = {
    .name = "fit",
    .arguments = "DATA | EXPERIMENT.yaml",
    .least = 1,
    .most = 1,
    .summary = "learn from a table: leaderboard, model file, report",
    .details = "Infers what the columns are, compares estimators by cross-validation, refits the "
               "best\non all rows and writes NAME.leat (the model), NAME.html (the report) and "
               "NAME.run/\n(what was run). DATA is a file (CSV, JSON Lines, NumPy, IDX, SQLite; "
               "- for standard\ninput), a folder of images or a named data set (leat data list). A "
               "YAML file holds the\nsame options by name, and `data`.",
    .examples = "  leat fit iris --target species\n"
                "  leat fit cars.csv --target mpg --models ridge,svr,cart --metric rmse\n"
                "  leat fit cars.csv -t mpg -m svr --set svr.C=1,10,100 --search grid\n"
                "  leat fit cars.csv -t mpg -m svr --validation-curve svr.C=log:1e-2:1e4\n"
                "  leat fit visits.csv -t sick --cv group:patient --metric roc_auc",
    .options = options,
    .run = run_fit,
};
