/* leat monitor: whether data still look like training, whether answers are still good and fair. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <leat/monitor.h>

#include "load.h"
#include "server_url.h"

enum { LISTED = 12, CELL = 48 };

/* --- options ---------------------------------------------------------------------------------- */

/* "500" rows, or "90s", "15m", "1h", "1d", "1w". */
static leat_status every(cli *c, leat_monitor_options *o)
{
    static const char units[] = "smhdw";
    static const double seconds[] = {1, 60, 3600, 86400, 604800};
    const char *text = cli_value(c, "every");
    if (!text) return LEAT_OK;
    char *end;
    double value = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (end == text || !(value > 0 && value <= 1e9) || (*end && (!unit || end[1])) ||
        (!*end && value != floor(value)))
        return cli_usage(c,
                         "--every takes a number of rows, or a time as 90s, 15m, 1h, 1d or 1w, "
                         "not '%s'",
                         text);
    if (unit) o->every_seconds = value * seconds[unit - units];
    else o->every_rows = (size_t)value;
    return LEAT_OK;
}

static leat_status number(cli *c, const char *option, double *out)
{
    const char *text = cli_value(c, option);
    if (!text) return LEAT_OK;
    char *end;
    *out = strtod(text, &end);
    if (end != text && !*end) return LEAT_OK;
    return cli_usage(c, "--%s takes a number, not '%s'", option, text);
}

static leat_status persistence(cli *c, leat_monitor_options *o)
{
    const char *text = cli_value(c, "alarm");
    char rest;
    if (!text || sscanf(text, "%u/%u%c", &o->persist, &o->of, &rest) == 2) return LEAT_OK;
    return cli_usage(c, "--alarm takes K/M, as 2/3, not '%s'", text);
}

static leat_status read_options(cli *c, leat_monitor_options *o)
{
    *o = leat_monitor_options_default();
    o->labels = cli_value(c, "labels");
    o->group = cli_value(c, "group");
    o->positive = cli_value(c, "positive");
    o->time = cli_value(c, "time");
    leat_status st = every(c, o);
    if (st == LEAT_OK) st = number(c, "alpha", &o->alpha);
    if (st == LEAT_OK) st = number(c, "psi", &o->effect);
    if (st == LEAT_OK) st = persistence(c, o);
    if (st == LEAT_OK && !cli_value(c, "answers") != !cli_value(c, "id"))
        st = cli_usage(c, "--answers FILE and --id COLUMN go together");
    return st;
}

/* --- reading ---------------------------------------------------------------------------------- */

static leat_status add_answers(cli *c, leat_monitor *m)
{
    leat_frame *f = NULL;
    const char *path = cli_value(c, "answers");
    if (!path) return LEAT_OK;
    leat_status st = cli_load(c, &f, path);
    if (st == LEAT_OK) st = leat_monitor_answers(c->context, m, f, cli_value(c, "id"));
    leat_frame_release(f);
    return st;
}

static leat_status add_window(cli *c, leat_monitor *m, leat_model *model, const char *path)
{
    leat_frame *f = NULL;
    const char *slash = strrchr(path, '/');
    leat_status st = leat_prediction_log_is(c->context, path) ? cli_load_log(c, &f, path)
                                                              : cli_load_inputs(c, &f, path, model);
    if (st == LEAT_OK) st = leat_monitor_add(c->context, m, f, slash ? slash + 1 : path);
    leat_frame_release(f);
    return st;
}

static leat_status add_windows(cli *c, leat_monitor *m, leat_model *model)
{
    leat_status st = add_answers(c, m);
    for (int i = 0; i < c->given_count && st == LEAT_OK; i++)
        if (strcmp(c->given[i].option->name, "window") == 0)
            st = add_window(c, m, model, c->given[i].value);
    for (int i = 1; i < c->count && st == LEAT_OK; i++)
        st = add_window(c, m, model, c->arguments[i]);
    return st;
}

/* --- printing --------------------------------------------------------------------------------- */

static void number_text(double value, int digits, char out[CELL])
{
    if (isnan(value)) snprintf(out, CELL, "-");
    else snprintf(out, CELL, "%.*f", digits, value);
}

static void share_text(double value, char out[CELL])
{
    if (isnan(value)) snprintf(out, CELL, "-");
    else snprintf(out, CELL, "%.*f%%", value > 0 && value < 0.0995 ? 1 : 0, 100 * value);
}

/* The last judged window, else the last. */
static size_t shown_window(const leat_monitor *m)
{
    size_t n = leat_monitor_windows(m);
    for (size_t i = n; i-- > 0;)
        if (leat_monitor_window_at(m, i).judged) return i;
    return n - 1;
}

/* Those that drift first, then by PSI: the i-th of them. `taken` (features). */
static size_t next_feature(const leat_monitor *m, size_t window, bool *taken)
{
    size_t best = SIZE_MAX;
    leat_drift found = {.psi = -1};
    for (size_t i = 0; i < leat_monitor_features(m); i++) {
        leat_drift d = leat_monitor_drift(m, window, i);
        double psi = isnan(d.psi) ? 0 : d.psi;
        bool further = d.drifting != found.drifting ? d.drifting : psi > found.psi;
        if (taken[i] || (best != SIZE_MAX && !further)) continue;
        best = i;
        found = d;
        found.psi = psi;
    }
    if (best != SIZE_MAX) taken[best] = true;
    return best;
}

static const char *state_text(const leat_drift *d, bool judged)
{
    if (d->alarm) return "alarm";
    if (d->drifting) return "drifts";
    return judged && !isnan(d->p) ? "" : "too few rows";
}

static leat_status print_drift(cli *c, const leat_monitor *m, size_t window)
{
    enum { COLUMNS = 8 };
    static const char *const heads[COLUMNS] = {"",       "PSI",     "chance",  "KS",
                                               "W (sd)", "missing", "outside", ""};
    size_t features = leat_monitor_features(m), rows = features < LISTED ? features : LISTED;
    bool judged = leat_monitor_window_at(m, window).judged;
    char text[LISTED][COLUMNS][CELL];
    const char *cells[(LISTED + 1) * COLUMNS];
    bool *taken = calloc(features + 1, sizeof *taken);
    if (!taken) return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    memcpy(cells, heads, sizeof heads);
    for (size_t i = 0; i < rows; i++) {
        size_t k = next_feature(m, window, taken);
        leat_drift d = leat_monitor_drift(m, window, k);
        const char **row = cells + (i + 1) * COLUMNS;
        for (size_t j = 1; j < COLUMNS - 1; j++) row[j] = text[i][j];
        row[0] = leat_monitor_feature(m, k);
        row[COLUMNS - 1] = state_text(&d, judged);
        number_text(d.psi, 3, text[i][1]);
        number_text(d.psi_expected, 3, text[i][2]);
        number_text(d.ks, 3, text[i][3]);
        number_text(d.wasserstein, 2, text[i][4]);
        share_text(d.missing, text[i][5]);
        share_text(d.outside, text[i][6]);
    }
    free(taken);
    cli_table(c, cells, (int)rows + 1, COLUMNS, true);
    if (features > rows) cli_styled(c, CLI_DIM, "  and %zu more\n", features - rows);
    return LEAT_OK;
}

static void interval_text(double value, double low, double high, char out[CELL])
{
    if (isnan(value)) snprintf(out, CELL, "-");
    else if (isnan(low) || isnan(high)) snprintf(out, CELL, "%.3f", value);
    else snprintf(out, CELL, "%.3f (%.3f - %.3f)", value, low, high);
}

static void print_scores(cli *c, const leat_monitor *m, size_t window)
{
    enum { MOST = 3, COLUMNS = 4 };
    char text[MOST][COLUMNS][CELL];
    const char *cells[(MOST + 1) * COLUMNS] = {"", "in training", "estimated (95%)",
                                               "from labels (95%)"};
    int rows = 0;
    for (size_t i = 0; i < leat_monitor_scores(m) && rows < MOST; i++) {
        leat_monitored_score s = leat_monitor_score(m, window, i);
        if (isnan(s.estimated) && isnan(s.realised)) continue;
        const char **row = cells + (rows + 1) * COLUMNS;
        row[0] = s.metric;
        for (int k = 1; k < COLUMNS; k++) row[k] = text[rows][k];
        number_text(s.before, 3, text[rows][1]);
        interval_text(s.estimated, s.estimated_low, s.estimated_high, text[rows][2]);
        interval_text(s.realised, s.realised_low, s.realised_high, text[rows][3]);
        rows++;
    }
    if (rows == 0) return;
    cli_say(c, "\n");
    cli_table(c, cells, rows + 1, COLUMNS, true);
}

static void rate_text(leat_rate r, char out[CELL])
{
    char value[CELL], low[CELL], high[CELL];
    share_text(r.value, value);
    share_text(r.low, low);
    share_text(r.high, high);
    if (isnan(r.value)) snprintf(out, CELL, "-");
    else snprintf(out, CELL, "%.10s (%.10s - %.10s)", value, low, high);
}

static void print_gaps(cli *c, const leat_monitor *m)
{
    enum { ROWS = 4 };
    leat_fairness f = leat_monitor_fairness(m);
    const leat_rate rates[ROWS] = {f.parity_difference, f.parity_ratio, f.opportunity, f.odds};
    static const char *const names[ROWS] = {"parity difference", "parity ratio",
                                            "equal opportunity", "equalised odds"};
    char text[ROWS][CELL];
    const char *cells[2 * ROWS + 2] = {"gaps between groups", "value (95% interval)"};
    for (int i = 0; i < ROWS; i++) {
        interval_text(rates[i].value, rates[i].low, rates[i].high, text[i]);
        cells[2 * i + 2] = names[i];
        cells[2 * i + 3] = text[i];
    }
    cli_say(c, "\n");
    cli_table(c, cells, ROWS + 1, 2, true);
}

static void print_groups(cli *c, const leat_monitor *m)
{
    enum { MOST = 33, COLUMNS = 5 };
    char text[MOST][COLUMNS][CELL];
    const char *cells[(MOST + 1) * COLUMNS] = {"group", "rows", "selected", "true positive",
                                               "false positive"};
    int rows = 0;
    if (leat_monitor_groups(m) == 0) return;
    for (size_t g = 0; g < leat_monitor_groups(m) && rows < MOST; g++, rows++) {
        leat_monitored_group at = leat_monitor_group(m, g);
        const char **row = cells + (rows + 1) * COLUMNS;
        row[0] = at.name;
        for (int k = 1; k < COLUMNS; k++) row[k] = text[rows][k];
        if (at.withheld) snprintf(text[rows][1], CELL, "< 30");
        else (void)cli_grouped(at.rows, text[rows][1]);
        rate_text(at.selected, text[rows][2]);
        rate_text(at.true_positive, text[rows][3]);
        rate_text(at.false_positive, text[rows][4]);
    }
    cli_say(c, "\nselected: predicted as %s, over all windows\n", leat_monitor_positive(m));
    cli_table(c, cells, rows + 1, COLUMNS, true);
    print_gaps(c, m);
}

/* "3 days" of the model file; nothing where it cannot be asked. */
static void age_text(const char *path, char out[CELL])
{
    struct stat info;
    time_t now = time(NULL);
    *out = '\0';
    if (stat(path, &info) != 0 || now < info.st_mtime) return;
    double days = difftime(now, info.st_mtime) / 86400;
    if (days < 1) snprintf(out, CELL, ", a file of today");
    else snprintf(out, CELL, ", a file of %.0f day%s ago", floor(days), days < 2 ? "" : "s");
}

static leat_status print_text(cli *c, const leat_monitor *m, const char *page)
{
    static const char *const states[] = {"not judged", "fresh", "watch", "stale"};
    char age[CELL], rows[32];
    size_t n = leat_monitor_windows(m), window = shown_window(m), total = 0;
    leat_monitor_window w = leat_monitor_window_at(m, window);
    for (size_t i = 0; i < n; i++) total += leat_monitor_window_at(m, i).rows;
    age_text(c->arguments[0], age);
    cli_say(c, "%s%s: %zu window%s, %s rows\n", c->arguments[0], age, n, n == 1 ? "" : "s",
            cli_grouped(total, rows));
    cli_say(c, "%s, %s rows, against training\n", w.name, cli_grouped(w.rows, rows));
    leat_status st = print_drift(c, m, window);
    if (st != LEAT_OK) return st;
    print_scores(c, m, window);
    print_groups(c, m);
    cli_say(c, "\n");
    const char *state = states[leat_monitor_state(m)];
    cli_styled(c, CLI_BOLD, "%s:", state);
    if (!c->quiet) {
        fputc(' ', stdout);
        cli_fold(stdout, leat_monitor_verdict(m), (int)strlen(state) + 2, 0);
    }
    cli_styled(c, CLI_DIM, "%s", leat_monitor_notes(m));
    if (page) {
        cli_say(c, "plots: ");
        cli_styled(c, CLI_ACCENT, "%s\n", page);
    }
    return LEAT_OK;
}

static leat_status print_json(cli *c, const leat_monitor *m, const char *page)
{
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_monitor_json(m, j, "monitor");
    if (page) leat_json_string(j, "page", page);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

/* --- a running server ------------------------------------------------------------------------- */

/* Behind the model's path. The reply is to be freed where it is 200. */
static leat_status get(cli *c, leat_client *k, const char *model, const char *what,
                       leat_client_reply *reply)
{
    char path[1200];
    leat_status st = leat_client_path(c->context, model, path, sizeof path - 64);
    if (st != LEAT_OK) return st;
    snprintf(path + strlen(path), 64, "%s", what);
    leat_client_request q = {.path = path};
    st = leat_client_ask(c->context, k, &q, reply);
    if (st != LEAT_OK || reply->status == 200) return st;
    st = leat_client_refused(c->context, reply);
    leat_client_reply_free(reply);
    return st;
}

static leat_status get_page(cli *c, leat_client *k, const char *model, const char *path)
{
    leat_client_reply r;
    leat_status st = get(c, k, model, "/drift/page", &r);
    if (st != LEAT_OK) return st;
    FILE *f = fopen(path, "wb");
    bool good = f && fwrite(r.body, 1, r.length, f) == r.length;
    if (f && fclose(f) != 0) good = false;
    leat_client_reply_free(&r);
    return good ? LEAT_OK : leat_error_set(c->context, LEAT_IO, "%s cannot be written", path);
}

static leat_status say_told(cli *c, const leat_monitor *m, const char *page)
{
    if (leat_monitor_windows(m)) return print_text(c, m, page);
    cli_say(c, "%s: no window is closed yet\n", c->arguments[0]);
    if (page) cli_say(c, "plots: %s\n", page);
    return LEAT_OK;
}

extern const cli_command cli_command_monitor;

/* Whether it is an option of this command that says what to do with data. */
static bool of_data(const cli_option *given)
{
    char name[40];
    bool own = false;
    for (const cli_option *o = cli_command_monitor.options; o->name; o++) own = own || o == given;
    snprintf(name, sizeof name, ",%.36s,", given->name);
    return own && !strstr(",html,gate,key,ca,timeout,", name);
}

/* What the server has counted by itself, as it would be told of a file. */
static leat_status monitor_server(cli *c)
{
    leat_client_options o;
    leat_client *k = NULL;
    leat_monitor *m = NULL;
    leat_client_reply r = {.body = NULL};
    const char *page = cli_value(c, "html");
    size_t size = strlen(c->arguments[0]) + 1;
    for (int i = 0; i < c->given_count; i++)
        if (of_data(c->given[i].option))
            return cli_usage(c, "--%s does not go with a server, whose windows are its own",
                             c->given[i].option->name);
    if (c->count > 1)
        return cli_usage(c, "a server has its own data; '%s' is too much", c->arguments[1]);
    char *url = malloc(size);
    if (!url) return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    memcpy(url, c->arguments[0], size);
    const char *model = cli_cut_url(url), *server = url;
    leat_status st = *model ? cli_client_options(c, &o)
                            : cli_usage(c, "say which model: leat monitor %s/MODEL", url);
    if (st == LEAT_OK) st = leat_client_create(c->context, &k, &server, 1, &o);
    if (st == LEAT_OK) st = get(c, k, model, "/drift?windows=1000", &r);
    if (st == LEAT_OK) st = leat_monitor_read(c->context, &m, r.body, r.length);
    if (st == LEAT_OK && page) st = get_page(c, k, model, page);
    if (st == LEAT_OK && c->json) cli_put(stdout, r.body, r.length, true);
    else if (st == LEAT_OK) st = say_told(c, m, page);
    bool no = st == LEAT_OK && cli_has(c, "gate") && leat_monitor_state(m) != LEAT_MONITOR_FRESH;
    leat_monitor_destroy(m);
    leat_client_reply_free(&r);
    leat_client_destroy(k);
    free(url);
    return no ? LEAT_DIFFERS : st;
}

static leat_status run_monitor(cli *c)
{
    leat_model *model = NULL;
    leat_monitor *m = NULL;
    leat_monitor_options o;
    const char *page = cli_value(c, "html");
    if (strstr(c->arguments[0], "://")) return monitor_server(c);
    if (c->count < 2 && !cli_value(c, "window"))
        return cli_usage(c, "say what to look at: leat monitor %s --window DATA", c->arguments[0]);
    leat_status st = read_options(c, &o);
    if (st == LEAT_OK) st = leat_model_open(c->context, &model, c->arguments[0]);
    if (st == LEAT_OK) st = leat_monitor_create(c->context, &m, model, &o);
    if (st == LEAT_OK) st = add_windows(c, m, model);
    if (st == LEAT_OK && page) st = leat_monitor_page(c->context, m, page);
    if (st == LEAT_OK) st = c->json ? print_json(c, m, page) : print_text(c, m, page);
    bool no = st == LEAT_OK && cli_has(c, "gate") && leat_monitor_state(m) != LEAT_MONITOR_FRESH;
    leat_monitor_destroy(m);
    leat_model_release(model);
    return no ? LEAT_DIFFERS : st;
}

static const cli_option options[] = {
    {"window", 'w', "DATA", "a window of data or a prediction log, oldest first; may be repeated",
     true},
    {"of", 0, "NAME", "of a log of several models: the rows that this one answered", false},
    {"every", 0, "ROWS|TIME", "cut each table into windows of 500 rows, or of 15m, 1h, 1d", false},
    {"time", 0, "COL", "the column of times; default: the only one", false},
    {"labels", 0, "COL", "the column with the truth; default: the target, where it is there",
     false},
    {"answers", 0, "FILE", "a table with labels that came later, joined by --id", false},
    {"id", 0, "COL", "the column that joins them; of a log with the column row, if they have it",
     false},
    {"group", 0, "COL", "compare decisions between the groups of this column", false},
    {"positive", 0, "CLASS", "the class that is favoured; default: the last one", false},
    {"alpha", 0, "P", "share of windows that may be called drifting by chance; default: 0.01",
     false},
    {"psi", 0, "X", "how far above chance a PSI must be to count; default: 0.1", false},
    {"alarm", 0, "K/M", "an alarm needs drift in K of the last M windows; default: 2/3", false},
    {"html", 0, "FILE", "write a page with plots", false},
    {"gate", 0, NULL, "exit with 1 unless all is fresh", false},
    {"key", 0, "KEY", "of a server: the API key; default: LEAT_KEY of the environment", false},
    {"ca", 0, "FILE", "of a server: PEM file of the authorities that https is checked by", false},
    {"timeout", 0, "TIME", "of a server: how long an answer may take, such as 5s (default 30s)",
     false},
    CLI_READ_OPTIONS,
    {0}};

const cli_command cli_command_monitor = {
    .name = "monitor",
    .arguments = "MODEL.leat|http://HOST:PORT/MODEL [DATA...]",
    .least = 1,
    .most = -1,
    .summary = "whether a model still fits the data it gets",
    .details = "Compares windows of data with the distributions in the model file: drift of every "
               "input and\nof the answers, accuracy estimated without labels, scores from labels, "
               "fairness by group.\nA feature drifts when a chi-square test says so at --alpha "
               "(adjusted for "
               "the number of features) and\nits PSI is --psi above what chance gives; an alarm "
               "needs that in K of M windows.\nOf the URL of a model on a server: the windows that "
               "the server has watched by itself.",
    .examples =
        "  leat monitor iris.leat --window monday.csv --window tuesday.csv --html iris.html\n"
        "  leat monitor credit.leat log.csv --every 1d --group sex --positive good\n"
        "  leat monitor credit.leat log.csv --answers paid.csv --id request --gate\n"
        "  leat monitor http://localhost:8080/credit --html drift.html --gate",
    .options = options,
    .run = run_monitor,
};
