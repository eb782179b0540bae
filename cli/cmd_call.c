/* leat call: asks a running server. */
#include <leat/call.h>
#include <leat/read.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "answers.h"
#include "load.h"
#include "registry.h"
#include "server_url.h"

enum { SERVERS_MOST = 256 };

/* Whom to ask for what; texts are owned. */
typedef struct target {
    char *space; /* of the texts below */
    const char *servers[SERVERS_MOST];
    size_t count;
    const char *model; /* "" where the URL names none */
} target;

/* --- addresses -------------------------------------------------------------------------------- */

/* The comma-separated list of --servers. */
static leat_status split_servers(cli *c, target *t, char *list)
{
    for (char *at = list; at;) {
        char *comma = strchr(at, ',');
        if (comma) *comma = '\0';
        if (t->count == SERVERS_MOST) return cli_usage(c, "at most %d servers", SERVERS_MOST);
        t->servers[t->count++] = at;
        at = comma ? comma + 1 : NULL;
    }
    return LEAT_OK;
}

static leat_status read_target(cli *c, target *t)
{
    const char *list = cli_value(c, "servers"), *first = c->arguments[0];
    size_t length = strlen(first) + 1, more = list ? strlen(list) + 1 : 0;
    t->space = malloc(length + more);
    if (!t->space) return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    memcpy(t->space, first, length);
    if (list) {
        memcpy(t->space + length, list, more);
        t->model = t->space;
        return split_servers(c, t, t->space + length);
    }
    if (strncasecmp(first, "unix:", 5) == 0)
        return cli_usage(c,
                         "a unix socket goes with the name of the model: leat call MODEL "
                         "--servers %s",
                         first);
    t->servers[t->count++] = t->space;
    t->model = cli_cut_url(t->space);
    return LEAT_OK;
}

/* --- the client ------------------------------------------------------------------------------- */

static leat_status make_client(cli *c, const target *t, leat_client **out)
{
    leat_client_options o;
    long retries = 5;
    leat_status st = cli_client_options(c, &o);
    o.balance = cli_value(c, "balance");
    if (st == LEAT_OK) st = cli_whole(c, "retries", 0, 1000, &retries);
    if (st != LEAT_OK) return st;
    o.once = retries == 0;
    o.retries = (uint32_t)retries;
    return leat_client_create(c->context, out, t->servers, t->count, &o);
}

/* --- what to ask ------------------------------------------------------------------------------ */

/* The server's own words: the models, or what a model says of itself. */
static leat_status describe(cli *c, leat_client *k, const char *model)
{
    char path[1024] = "/api/v1";
    leat_client_reply reply;
    leat_status st = *model ? leat_client_path(c->context, model, path, sizeof path) : LEAT_OK;
    leat_client_request q = {.path = path};
    if (st == LEAT_OK) st = leat_client_ask(c->context, k, &q, &reply);
    if (st != LEAT_OK) return st;
    if (reply.status == 200) cli_put(stdout, reply.body, reply.length, true);
    else st = leat_client_refused(c->context, &reply);
    leat_client_reply_free(&reply);
    return st;
}

static void say_row(cli *c, const leat_frame *f)
{
    char number[64];
    const char *text;
    size_t n;
    double value;
    for (size_t k = 0; k < leat_frame_columns(f); k++) {
        const char *name = leat_frame_name(f, k);
        if (leat_frame_text(f, k, 0, &text, &n))
            snprintf(number, sizeof number, "%.*s", (int)(n < 60 ? n : 60), text);
        else if (leat_frame_number(f, k, 0, &value)) snprintf(number, sizeof number, "%.6g", value);
        else snprintf(number, sizeof number, "-");
        if (k == 0) cli_styled(c, CLI_BOLD, "%s\n", number);
        else cli_say(c, "  %-20s %s\n", name + 2, number);
    }
}

/* The type of a file that is one row by itself; NULL: it is a table. */
static const char *image_type(const char *path)
{
    static const struct {
        const char *suffix, *type;
    } types[] = {{".png", "image/png"}, {".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"}};
    size_t n = strlen(path);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t k = strlen(types[i].suffix);
        if (n > k && strcasecmp(path + n - k, types[i].suffix) == 0) return types[i].type;
    }
    return NULL;
}

static leat_status give_answer(cli *c, leat_frame *answer)
{
    if (c->json || cli_value(c, "output")) return cli_write_answers(c, answer);
    say_row(c, answer);
    return LEAT_OK;
}

static leat_status ask_image(cli *c, leat_client *k, const char *model, const char *type)
{
    enum { MOST = 64 << 20 };
    FILE *f = fopen(c->arguments[1], "rb");
    char *body = f ? malloc(MOST) : NULL;
    leat_frame *answer = NULL;
    if (!body) {
        leat_status st = f ? leat_error_set(c->context, LEAT_NOMEM, "out of memory")
                           : leat_error_set(c->context, errno == ENOENT ? LEAT_NOT_FOUND : LEAT_IO,
                                            "cannot read %s: %s", c->arguments[1], strerror(errno));
        if (f) fclose(f);
        return st;
    }
    size_t length = fread(body, 1, MOST, f);
    leat_status st =
        ferror(f) || !feof(f)
            ? leat_error_set(c->context, LEAT_IO, "cannot read %s, or it has more than 64 MiB",
                             c->arguments[1])
            : leat_client_predict_body(c->context, k, model, type, body, length, true, &answer);
    fclose(f);
    free(body);
    if (st == LEAT_OK) st = give_answer(c, answer);
    leat_frame_release(answer);
    return st;
}

/* NAME=VALUE ...: one row. */
static leat_status ask_row(cli *c, leat_client *k, const char *model)
{
    size_t count = (size_t)c->count - 1;
    const char **names = calloc(2 * count, sizeof *names), **values = names + count;
    leat_frame *answer = NULL;
    leat_status st = LEAT_OK;
    if (!names) return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    for (size_t i = 0; i < count && st == LEAT_OK; i++) {
        char *equals = strchr(c->arguments[i + 1], '=');
        if (!equals) {
            st = cli_usage(c, "'%s' is no input; expected NAME=VALUE", c->arguments[i + 1]);
            break;
        }
        *equals = '\0';
        names[i] = c->arguments[i + 1];
        values[i] = equals + 1;
    }
    if (st == LEAT_OK)
        st = leat_client_predict_row(c->context, k, model, names, values, count, true, &answer);
    if (st == LEAT_OK) st = give_answer(c, answer);
    leat_frame_release(answer);
    free(names);
    return st;
}

static leat_status ask_table(cli *c, leat_client *k, const char *model)
{
    leat_frame *rows = NULL, *answers = NULL;
    leat_call_options o = leat_call_options_default();
    long parallel = 1, batch = 0;
    bool was_quiet = c->quiet;
    leat_status st = cli_whole(c, "parallel", 1, 1024, &parallel);
    if (st == LEAT_OK) st = cli_whole(c, "rows", 1, 1000000, &batch);
    o.parallel = (uint32_t)parallel;
    o.rows = (uint32_t)batch;
    o.probabilities = cli_has(c, "proba");
    c->quiet = c->quiet || !cli_answers_path(c); /* stdout holds the answers */
    if (st == LEAT_OK) st = cli_load_rows(c, &rows, c->arguments[1], NULL);
    c->quiet = was_quiet;
    if (st == LEAT_OK) st = leat_client_predict(c->context, k, model, rows, &o, &answers);
    if (st == LEAT_OK) st = cli_name_files(c, rows, &answers);
    if (st == LEAT_OK) st = cli_write_answers(c, answers);
    leat_frame_release(answers);
    leat_frame_release(rows);
    return st;
}

static leat_status run_call(cli *c)
{
    target t = {.space = NULL};
    leat_client *k = NULL;
    leat_status st = read_target(c, &t);
    if (st == LEAT_OK && c->count > 1 && !*t.model)
        st = cli_usage(c, "the URL names no model: %s/MODEL", t.servers[0]);
    if (st == LEAT_OK) st = make_client(c, &t, &k);
    if (st == LEAT_OK) {
        if (c->count == 1) st = describe(c, k, t.model);
        else if (strchr(c->arguments[1], '=')) st = ask_row(c, k, t.model);
        else if (c->count == 2 && image_type(c->arguments[1]))
            st = ask_image(c, k, t.model, image_type(c->arguments[1]));
        else if (c->count == 2) st = ask_table(c, k, t.model);
        else st = cli_usage(c, "one table at a time, or NAME=VALUE for each input");
    }
    leat_client_destroy(k);
    free(t.space);
    return st;
}

static const cli_option options[] = {
    {"output", 'o', "FILE", "write to a file (.csv, .tsv, .json, .jsonl); default: standard output",
     false},
    {"proba", 0, NULL, "tables: add the probability of each class", false},
    {"parallel", 0, "N", "tables: requests under way at once (default 1)", false},
    {"rows", 0, "N", "tables: rows of one request (default 1000)", false},
    {"servers", 0, "A,B,...", "servers to balance over; the first argument is then the model",
     false},
    {"balance", 0, "HOW", "power-of-two (default), random, round-robin, least-connections", false},
    {"key", 0, "KEY", "the API key (default: $LEAT_KEY)", false},
    {"ca", 0, "FILE", "https: PEM file of the authorities to trust (default: the system's)", false},
    {"timeout", 0, "TIME", "for one answer, over all tries: above 0s (default 30s)", false},
    {"retries", 0, "N", "further tries, of which none can do harm (default 5)", false},
    CLI_READ_OPTIONS,
    {0}};

const cli_command cli_command_call = {
    .name = "call",
    .arguments = "URL|MODEL [NAME=VALUE ...|DATA]",
    .least = 1,
    .most = -1,
    .summary = "asks a running server",
    .details =
        "URL is http://HOST:PORT/MODEL, MODEL:VERSION for a certain one. With NAME=VALUE for each "
        "input it predicts a row, with a table (- for standard input) its rows, as leat predict "
        "does, with a PNG or JPEG file that image. Without either it prints what the server says "
        "of the model, or of all models.\n"
        "A request that a server refuses, loses or does not answer in time is sent to another one, "
        "or again after a moment.",
    .examples =
        "  leat call http://127.0.0.1:8080/iris petal_length=1.4 petal_width=0.2 sepal_length=5.1 "
        "sepal_width=3.5\n"
        "  leat call http://127.0.0.1:8080/iris rows.csv -o answers.csv --parallel 8\n"
        "  leat call iris rows.csv --servers a:8080,b:8080 --balance round-robin",
    .options = options,
    .run = run_call,
};
