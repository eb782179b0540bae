/* leat rollout: gives another version a growing share of a server's requests, or takes it back. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <leat/call.h>
#include <leat/rollout.h>

#include "registry.h"
#include "rollout_status.h"

enum { SERVERS = 64, PAUSE_SECONDS = 1 };

typedef struct verb {
    const char *name, *method;
    const char *mode;   /* PUT */
    const char *action; /* POST */
} verb;

static const verb verbs[] = {
    {"start", "PUT", "canary", NULL},     {"shadow", "PUT", "shadow", NULL},
    {"switch", "PUT", "switch", NULL},    {"status", "GET", NULL, NULL},
    {"promote", "POST", NULL, "promote"}, {"finish", "POST", NULL, "finish"},
    {"pause", "POST", NULL, "pause"},     {"resume", "POST", NULL, "resume"},
    {"abort", "POST", NULL, "abort"},     {"forget", "DELETE", NULL, NULL}};

/* --- what is asked for ------------------------------------------------------------------------ */

/* "5%" or "0.05" */
static leat_status put_share(cli *c, leat_json *j, const char *option, const char *member)
{
    const char *text = cli_value(c, option);
    char *end;
    if (!text) return LEAT_OK;
    double value = strtod(text, &end);
    bool percent = *end == '%';
    if (end == text || end[percent] || !(value >= 0 && value <= (percent ? 100 : 1)))
        return cli_usage(c, "--%s takes a share such as 10%%, not '%s'", option, text);
    leat_json_number(j, member, percent ? value / 100 : value);
    return LEAT_OK;
}

static leat_status put_time(cli *c, leat_json *j, const char *option)
{
    const char *text = cli_value(c, option);
    double seconds;
    if (!text) return LEAT_OK;
    if (!cli_duration(text, &seconds))
        return cli_usage(c, "--%s takes a time such as 90s, 10m or 2h, not '%s'", option, text);
    leat_json_number(j, option, seconds);
    return LEAT_OK;
}

static leat_status put_steps(cli *c, leat_json *j)
{
    const char *text = cli_value(c, "steps");
    if (!text) return LEAT_OK;
    leat_json_begin_array(j, "steps");
    for (const char *p = text; p;) {
        char *end;
        double percent = strtod(p, &end);
        end += end != p && *end == '%';
        if (end == p || (*end && *end != ',') || !(percent > 0 && percent <= 100))
            return cli_usage(c, "--steps takes percentages such as 1,5,25,50,100, not '%s'", text);
        leat_json_number(j, NULL, percent);
        p = *end ? end + 1 : NULL;
    }
    leat_json_end_array(j);
    return LEAT_OK;
}

static leat_status put_versions(cli *c, leat_json *j)
{
    long to = 0, from = 0, seed = 0;
    leat_status st = cli_whole(c, "to", 1, 999999999, &to);
    if (st == LEAT_OK) st = cli_whole(c, "from", 1, 999999999, &from);
    if (st == LEAT_OK) st = cli_whole(c, "seed", 1, 1L << 53, &seed);
    if (to) leat_json_int(j, "to", to);
    if (from) leat_json_int(j, "from", from);
    if (seed) leat_json_int(j, "seed", seed);
    return st;
}

static void put_rules(cli *c, leat_json *j)
{
    if (!cli_value(c, "abort-if")) return;
    leat_json_begin_array(j, "abort_if");
    for (int i = 0; i < c->given_count; i++)
        if (strcmp(c->given[i].option->name, "abort-if") == 0)
            leat_json_string(j, NULL, c->given[i].value);
    leat_json_end_array(j);
}

static leat_status put_options(cli *c, leat_json *j, const verb *v, uint64_t seed)
{
    leat_json_string(j, "mode", v->mode);
    leat_status st = put_versions(c, j);
    if (st == LEAT_OK && seed && !cli_value(c, "seed")) leat_json_int(j, "seed", (int64_t)seed);
    if (st == LEAT_OK) st = put_steps(c, j);
    if (st == LEAT_OK) st = put_time(c, j, "hold");
    if (st == LEAT_OK) st = put_time(c, j, "prolong");
    if (st == LEAT_OK) st = put_share(c, j, "alpha", "alpha");
    if (st == LEAT_OK) st = put_share(c, j, "mirror", "mirror");
    if (st == LEAT_OK) st = put_share(c, j, "tolerance", "tolerance");
    if (cli_value(c, "alias")) leat_json_string(j, "alias", cli_value(c, "alias"));
    if (cli_value(c, "sticky")) leat_json_string(j, "sticky", cli_value(c, "sticky"));
    if (cli_has(c, "other-schema")) leat_json_bool(j, "other_schema", true);
    put_rules(c, j);
    return st;
}

/* --- asking ----------------------------------------------------------------------------------- */

static leat_status make_client(cli *c, const char *server, leat_client **out)
{
    leat_client_options o = leat_client_options_default();
    o.ca = cli_value(c, "ca");
    o.key = cli_value(c, "key") ? cli_value(c, "key") : getenv("LEAT_KEY");
    if (o.key && !*o.key) o.key = NULL;
    o.timeout = 120; /* a version may have to be loaded */
    return leat_client_create(c->context, out, &server, 1, &o);
}

/* Sends one request; *text (free) is the answer. */
static leat_status ask(cli *c, const char *server, const verb *v, leat_json *body, char **text)
{
    char path[400];
    leat_client *k = NULL;
    leat_client_reply reply;
    leat_client_request q = {.method = v->method, .path = path};
    snprintf(path, sizeof path, "/api/v1/%.128s/rollout", c->arguments[1]);
    *text = NULL;
    if (body) {
        q.body = leat_json_text(body);
        if (!q.body) return leat_error_status(c->context);
        q.length = strlen(q.body);
        q.changes = true;
    }
    if (strcmp(v->method, "DELETE") == 0) q.changes = true;
    leat_status st = make_client(c, server, &k);
    if (st == LEAT_OK) st = leat_client_ask(c->context, k, &q, &reply);
    if (st == LEAT_OK) {
        if (reply.status == 200) *text = malloc(reply.length + 1);
        if (*text) memcpy(*text, reply.body, reply.length + 1);
        else if (reply.status == 200) st = leat_error_set(c->context, LEAT_NOMEM, "out of memory");
        else st = leat_client_refused(c->context, &reply);
        leat_client_reply_free(&reply);
    }
    leat_client_destroy(k);
    return st;
}

/* *seed: of the first server, so that clients are on the same side everywhere. */
static leat_status tell(cli *c, const char *server, const verb *v, uint64_t *seed,
                        leat_rollout **out)
{
    char *text = NULL;
    leat_json *j = NULL;
    leat_status st = LEAT_OK;
    *out = NULL;
    if (v->mode || v->action) {
        j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        if (v->action) leat_json_string(j, "action", v->action);
        else st = put_options(c, j, v, *seed);
        leat_json_end_object(j);
    }
    if (st == LEAT_OK) st = ask(c, server, v, j, &text);
    if (st == LEAT_OK) st = leat_rollout_read(c->context, out, text, strlen(text));
    if (st == LEAT_OK) *seed = leat_rollout_about(*out).seed;
    if (st == LEAT_OK && c->json) cli_put(stdout, text, strlen(text), true);
    leat_json_destroy(j);
    free(text);
    return st;
}

/* --- several servers, again and again --------------------------------------------------------- */

typedef struct round {
    int lines;
    bool under_way, aborted; /* on one of them */
    char pool[132];          /* whose servers know by now; "": none */
} round;

/* Taking back does not end at a server that cannot be asked: the others take back nevertheless. */
static bool goes_on(const verb *v)
{
    return v->action && (strcmp(v->action, "abort") == 0 || strcmp(v->action, "pause") == 0);
}

/* Servers of a pool that was told need not be told again: they follow. */
static leat_status tell_once(cli *c, const char *server, const verb *v, uint64_t *seed, round *out,
                             leat_rollout **r)
{
    const verb *status = &verbs[3];
    if (v != status && *out->pool) {
        leat_rollout_info about;
        bool json = c->json;
        c->json = false;
        leat_status st = tell(c, server, status, seed, r);
        c->json = json;
        if (st != LEAT_OK) return st;
        about = leat_rollout_about(*r);
        bool same = strcmp(about.pool, out->pool) == 0 && !about.pool_lost;
        leat_rollout_destroy(*r);
        *r = NULL;
        if (same) v = status;
    }
    leat_status st = tell(c, server, v, seed, r);
    if (st != LEAT_OK) return st;
    leat_rollout_info about = leat_rollout_about(*r);
    if (!about.pool_lost && about.pool_told)
        snprintf(out->pool, sizeof out->pool, "%.128s", about.pool);
    return LEAT_OK;
}

static leat_status one_round(cli *c, const char *const *servers, size_t count, const verb *v,
                             uint64_t *seed, round *out)
{
    leat_status failed = LEAT_OK;
    *out = (round){0};
    for (size_t i = 0; i < count; i++) {
        leat_rollout *r;
        leat_status st = tell_once(c, servers[i], v, seed, out, &r);
        if (st != LEAT_OK && count > 1 && goes_on(v)) {
            cli_complain("leat: %s\n", leat_error_message(c->context));
            leat_error_clear(c->context);
            failed = st;
            continue;
        }
        if (st != LEAT_OK) return st;
        leat_rollout_info about = leat_rollout_about(r);
        out->under_way = out->under_way || strcmp(about.phase, "running") == 0;
        out->aborted = out->aborted || strcmp(about.phase, "aborted") == 0;
        if (count > 1) cli_styled(c, CLI_DIM, "%s%s\n", i ? "\n" : "", servers[i]);
        out->lines += (count > 1) + (count > 1 && i);
        if (!c->json) out->lines += cli_print_rollout(c, r);
        leat_rollout_destroy(r);
    }
    fflush(stdout);
    if (failed == LEAT_OK) return LEAT_OK;
    return leat_error_set(c->context, failed, "not every server did: %s", v->name);
}

static leat_status watch(cli *c, const char *const *servers, size_t count, uint64_t *seed,
                         round *last)
{
    const verb *status = &verbs[3];
    leat_status st = LEAT_OK;
    while (st == LEAT_OK && last->under_way) {
        const struct timespec pause = {.tv_sec = PAUSE_SECONDS};
        nanosleep(&pause, NULL);
        if (c->color) cli_rewind(c, last->lines);
        else cli_say(c, "\n");
        st = one_round(c, servers, count, status, seed, last);
    }
    return st;
}

static leat_status check(cli *c, const verb *v)
{
    if (c->count < 2) return cli_usage(c, "say of which model: leat rollout %s MODEL", v->name);
    bool begins = v->mode != NULL, switches = begins && strcmp(v->mode, "switch") == 0;
    for (int i = 0; !begins && i < c->given_count; i++) {
        static const char *const of_beginning[] = {
            "to",     "from", "steps",  "hold",      "prolong", "abort-if",    "alpha",
            "sticky", "seed", "mirror", "tolerance", "alias",   "other-schema"};
        for (size_t k = 0; k < sizeof of_beginning / sizeof *of_beginning; k++)
            if (strcmp(c->given[i].option->name, of_beginning[k]) == 0)
                return cli_usage(c, "--%s goes with start, shadow and switch, not with %s",
                                 of_beginning[k], v->name);
    }
    if (begins && !switches && !cli_value(c, "to"))
        return cli_usage(c, "say which version: leat rollout %s %s --to N", v->name,
                         c->arguments[1]);
    return LEAT_OK;
}

static leat_status run_rollout(cli *c)
{
    const char *servers[SERVERS];
    size_t count = 0;
    uint64_t seed = 0;
    const verb *v = NULL;
    round last;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(c->arguments[0], verbs[i].name) == 0) v = &verbs[i];
    if (!v)
        return cli_usage(c,
                         "leat rollout can start, shadow, switch, status, promote, finish, pause, "
                         "resume, abort and forget, not '%s'",
                         c->arguments[0]);
    leat_status st = check(c, v);
    if (st != LEAT_OK) return st;
    for (int i = 0; i < c->given_count; i++)
        if (strcmp(c->given[i].option->name, "server") == 0 && count < SERVERS)
            servers[count++] = c->given[i].value;
    if (count == 0) servers[count++] = "http://127.0.0.1:8080";
    st = one_round(c, servers, count, v, &seed, &last);
    if (st == LEAT_OK && cli_has(c, "watch")) {
        st = watch(c, servers, count, &seed, &last);
        if (st == LEAT_OK && last.aborted) return LEAT_DIFFERS;
    }
    return st;
}

static const cli_option options[] = {
    {"server", 0, "URL", "the server (default http://127.0.0.1:8080); may be given several times",
     true},
    {"key", 0, "KEY", "the API key (default: $LEAT_KEY)", false},
    {"ca", 0, "FILE", "https: PEM file of the authorities to trust (default: the system's)", false},
    {"to", 0, "N", "the version to roll out; of switch: default the one before", false},
    {"from", 0, "N", "the stable version; default: the one that answers now", false},
    {"steps", 0, "P,P,...", "shares in percent (default 1,5,25,50,100)", false},
    {"hold", 0, "TIME", "how long a step is held at least (default 10m)", false},
    {"prolong", 0, "TIME", "hold an undecided step so much longer before it pauses (default 0s)",
     false},
    {"abort-if", 0, "RULE",
     "error_rate>stable+1%, p99>stable*1.5, mean>40ms, disagreement>5%; may be repeated", true},
    {"alpha", 0, "P", "how often a version without fault may be taken back (default 5%)", false},
    {"sticky", 0, "WHAT", "keep clients on their side: key, header:NAME or input:COLUMN", false},
    {"seed", 0, "N", "divide clients as another server with this seed does", false},
    {"mirror", 0, "SHARE", "ask the new version too for so many of the stable one's requests",
     false},
    {"tolerance", 0, "SHARE", "numbers agree up to this part of the larger (default 1%)", false},
    {"alias", 0, "NAME|none",
     "the registry's alias to move to what answers in the end (default: the one it is served by)",
     false},
    {"other-schema", 0, NULL,
     "although the new version needs other inputs or answers in another way, and no rule about "
     "error_rate takes it back",
     false},
    {"watch", 0, NULL, "show how it goes until it is over; exit code 1 if it was taken back",
     false},
    {0}};

const cli_command cli_command_rollout = {
    .name = "rollout",
    .arguments = "start|shadow|switch|status|promote|finish|pause|resume|abort|forget MODEL",
    .least = 1,
    .most = 2,
    .summary = "bring a new version to a running server's clients step by step",
    .details =
        "start gives version --to a share of the requests, then more, step by step. After each, "
        "tests that may be looked at all the time say whether every rule is kept (it goes on), one "
        "is broken (the stable version gets all requests at once) or nothing is known yet (it "
        "pauses). shadow asks the new version beside the stable one, whose answers are given, and "
        "compares. switch changes over at once, and without --to back.\n"
        "promote takes the next step now, finish the last one; forget lets the highest version "
        "answer again. Servers of a pool (leat serve --pool) count and decide together: one of "
        "them is told. An alias of the registry by which the model is served (NAME@ALIAS) is moved "
        "when the rollout is done. See docs/rollout.md.",
    .examples = "  leat rollout start iris --to 4 --abort-if 'error_rate>stable+1%' --watch\n"
                "  leat rollout start iris --to 4 --steps 5,50,100 --hold 1h --sticky "
                "header:X-User \\\n"
                "      --abort-if 'p99>stable*1.5' --abort-if 'disagreement>5%'\n"
                "  leat rollout status iris\n"
                "  leat rollout switch iris --to 4; leat rollout switch iris",
    .options = options,
    .run = run_rollout,
};
