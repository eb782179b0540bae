/* leat key: who may ask a server for what. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <leat/key.h>

#include "load.h"
#include "registry.h"

static const leat_key_scope scopes[] = {LEAT_KEY_INFER, LEAT_KEY_MONITOR, LEAT_KEY_MANAGE};
enum { SCOPES = sizeof scopes / sizeof *scopes };

/* --- options ---------------------------------------------------------------------------------- */

static leat_status read_scopes(cli *c, unsigned *out)
{
    const char *text = cli_value(c, "scope");
    if (!text) return LEAT_OK;
    if (!*text) return cli_usage(c, "--scope takes infer, monitor and manage, not nothing");
    *out = 0;
    while (*text) {
        size_t n = strcspn(text, ","), i = 0;
        while (i < SCOPES && !(strlen(leat_key_scope_name(scopes[i])) == n &&
                               memcmp(leat_key_scope_name(scopes[i]), text, n) == 0))
            i++;
        if (i == SCOPES)
            return cli_usage(c, "--scope takes infer, monitor and manage, not '%.*s'", (int)n,
                             text);
        *out |= scopes[i];
        text += n + (text[n] == ',');
    }
    return LEAT_OK;
}

static leat_status read_number(cli *c, const char *option, double *out)
{
    const char *text = cli_value(c, option);
    char *end;
    if (!text) return LEAT_OK;
    *out = strtod(text, &end);
    if (end == text || *end || !isfinite(*out) || *out <= 0)
        return cli_usage(c, "--%s takes a number above 0, not '%s'", option, text);
    return LEAT_OK;
}

static leat_status read_options(cli *c, leat_key_options *o)
{
    double quota = 0, seconds;
    *o = leat_key_options_default();
    o->models = cli_value(c, "models");
    /* An empty variable in a script must not make a key for all models. */
    if (o->models && !*o->models)
        return cli_usage(c, "--models takes names; without it the key may ask all models");
    leat_status st = read_scopes(c, &o->scopes);
    if (st == LEAT_OK) st = read_number(c, "rate", &o->rate);
    if (st == LEAT_OK) st = read_number(c, "burst", &o->burst);
    if (st == LEAT_OK) st = read_number(c, "quota", &quota);
    if (st != LEAT_OK) return st;
    if (quota > 1e12 || quota != floor(quota))
        return cli_usage(c, "--quota takes a whole number of rows per day up to 1e12, not '%s'",
                         cli_value(c, "quota"));
    o->quota = (uint64_t)quota;
    if (o->burst > 0 && o->rate <= 0) return cli_usage(c, "--burst goes with --rate");
    const char *expires = cli_value(c, "expires");
    if (expires && !cli_duration(expires, &seconds))
        return cli_usage(c, "--expires takes a time such as 12h or 90d, not '%s'", expires);
    if (expires) o->expires = (int64_t)time(NULL) + (int64_t)seconds;
    return LEAT_OK;
}

/* --- verbs ------------------------------------------------------------------------------------ */

static leat_status print_secret(cli *c, const char *name, const char *secret, const char *old)
{
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "name", name);
        leat_json_string(j, "key", secret);
        leat_json_end_object(j);
        return cli_print_json(c, j);
    }
    cli_say(c, "the key '%s', shown this once:\n\n  ", name);
    cli_styled(c, CLI_BOLD, "%s", secret);
    cli_say(c, "\n\nclients send it as   Authorization: Bearer leat_...\n%s", old);
    if (c->quiet) puts(secret); /* for scripts: nothing else */
    return LEAT_OK;
}

static leat_status run_add(cli *c, leat_key_store *s, const char *name)
{
    leat_key_options o;
    char secret[LEAT_KEY_SIZE];
    leat_status st = read_options(c, &o);
    if (st == LEAT_OK) st = leat_key_add(s, name, &o, secret);
    return st == LEAT_OK ? print_secret(c, name, secret, "") : st;
}

static leat_status run_rotate(cli *c, leat_key_store *s, const char *name)
{
    char secret[LEAT_KEY_SIZE], old[200];
    double grace = 0;
    const char *text = cli_value(c, "grace");
    if (text && !cli_duration(text, &grace))
        return cli_usage(c, "--grace takes a time such as 15m or 24h, not '%s'", text);
    leat_status st = leat_key_rotate(s, name, grace, secret);
    if (st != LEAT_OK) return st;
    if (grace > 0) snprintf(old, sizeof old, "the old one works for another %.20s\n", text);
    else snprintf(old, sizeof old, "the old one works no longer\n");
    return print_secret(c, name, secret, old);
}

static leat_status run_revoke(cli *c, leat_key_store *s, const char *name)
{
    leat_status st = leat_key_revoke(s, name);
    if (st != LEAT_OK) return st;
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "revoked", name);
        leat_json_end_object(j);
        return cli_print_json(c, j);
    }
    cli_say(c, "the key '%s' is revoked; running servers know within a second\n", name);
    return LEAT_OK;
}

static void optional_int(leat_json *j, const char *key, int64_t value)
{
    if (value) leat_json_int(j, key, value);
    else leat_json_null(j, key);
}

static void optional_number(leat_json *j, const char *key, double value)
{
    if (value > 0) leat_json_number(j, key, value);
    else leat_json_null(j, key);
}

/* null: all. */
static void models_json(leat_json *j, const char *models)
{
    char name[200];
    if (!*models) {
        leat_json_null(j, "models");
        return;
    }
    leat_json_begin_array(j, "models");
    while (*models) {
        size_t n = strcspn(models, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, models);
        leat_json_string(j, NULL, name);
        models += n + (models[n] == ',');
    }
    leat_json_end_array(j);
}

static void key_json(leat_json *j, const leat_key_info *k)
{
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "name", k->name);
    leat_json_begin_array(j, "scopes");
    for (size_t i = 0; i < SCOPES; i++)
        if (k->scopes & scopes[i]) leat_json_string(j, NULL, leat_key_scope_name(scopes[i]));
    leat_json_end_array(j);
    models_json(j, k->models);
    leat_json_int(j, "created", k->created);
    optional_int(j, "expires", k->expires);
    optional_int(j, "revoked", k->revoked);
    optional_int(j, "old_until", k->old_until);
    optional_number(j, "rate", k->rate);
    optional_number(j, "burst", k->burst);
    optional_int(j, "quota", (int64_t)k->quota);
    leat_json_begin_object(j, "today");
    leat_json_int(j, "requests", (int64_t)k->requests);
    leat_json_int(j, "rows", (int64_t)k->rows);
    leat_json_int(j, "bytes", (int64_t)k->bytes);
    leat_json_int(j, "errors", (int64_t)k->errors);
    leat_json_int(j, "refused", (int64_t)k->refused);
    leat_json_number(j, "seconds", k->seconds);
    leat_json_end_object(j);
    leat_json_end_object(j);
}

enum { COLUMNS = 6 };

typedef struct key_line {
    char state[48], may[64], limits[96], today[64];
} key_line;

static void fill_line(const leat_key_info *k, key_line *line)
{
    char when[32], quota[32];
    int64_t now = (int64_t)time(NULL);
    size_t n = 0;
    cli_time_text(k->revoked ? k->revoked : k->expires, when);
    if (k->revoked) snprintf(line->state, sizeof line->state, "revoked %s", when);
    else if (k->expires)
        snprintf(line->state, sizeof line->state, k->expires <= now ? "expired %s" : "until %s",
                 when);
    for (size_t i = 0; i < SCOPES; i++)
        if (k->scopes & scopes[i])
            n += (size_t)snprintf(line->may + n, sizeof line->may - n, "%s%s", n ? " " : "",
                                  leat_key_scope_name(scopes[i]));
    n = 0;
    if (k->rate > 0) n = (size_t)snprintf(line->limits, sizeof line->limits, "%g/s", k->rate);
    if (k->quota)
        snprintf(line->limits + n, sizeof line->limits - n, "%s%s rows/day", n ? ", " : "",
                 cli_grouped((size_t)k->quota, quota));
    if (k->requests || k->refused)
        snprintf(line->today, sizeof line->today, "%llu %s, %llu %s, %llu refused",
                 (unsigned long long)k->requests, k->requests == 1 ? "request" : "requests",
                 (unsigned long long)k->rows, k->rows == 1 ? "row" : "rows",
                 (unsigned long long)k->refused);
}

static leat_status print_list(cli *c, const leat_key_list *list)
{
    static const char *const head[COLUMNS] = {"name", "may", "models", "limits", "state", "today"};
    size_t n = leat_key_list_count(list);
    const char **cells = calloc((n + 1) * COLUMNS, sizeof *cells);
    key_line *lines = calloc(n + 1, sizeof *lines);
    leat_status st = LEAT_OK;
    if (!cells || !lines) {
        st = leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    } else if (n == 0) {
        cli_say(c, "there are no keys: leat key add NAME\n");
    } else {
        memcpy(cells, head, sizeof head);
        for (size_t i = 0; i < n; i++) {
            const leat_key_info *k = leat_key_list_at(list, i);
            fill_line(k, &lines[i]);
            const char *row[COLUMNS] = {
                k->name,         lines[i].may,   *k->models ? k->models : "all",
                lines[i].limits, lines[i].state, lines[i].today};
            memcpy(cells + (i + 1) * COLUMNS, row, sizeof row);
        }
        cli_table(c, cells, (int)n + 1, COLUMNS, true);
    }
    free(cells);
    free(lines);
    return st;
}

static leat_status run_list(cli *c, leat_key_store *s)
{
    leat_key_list *list;
    leat_status st = leat_key_list_create(s, &list);
    if (st != LEAT_OK) return st;
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_json_begin_array(j, "keys");
        for (size_t i = 0; i < leat_key_list_count(list); i++)
            key_json(j, leat_key_list_at(list, i));
        leat_json_end_array(j);
        leat_json_end_object(j);
        st = cli_print_json(c, j);
    } else {
        st = print_list(c, list);
    }
    leat_key_list_destroy(list);
    return st;
}

static leat_status run_key(cli *c)
{
    const char *verb = c->count ? c->arguments[0] : "list";
    const char *name = c->count > 1 ? c->arguments[1] : NULL;
    leat_key_store *s;
    bool list = strcmp(verb, "list") == 0, add = strcmp(verb, "add") == 0;
    bool rotate = strcmp(verb, "rotate") == 0;
    if (!list && !add && !rotate && strcmp(verb, "revoke") != 0)
        return cli_usage(c, "leat key can add, list, rotate and revoke, not '%s'", verb);
    if (!list && !name) return cli_usage(c, "leat key %s needs a name", verb);
    if (list && name) return cli_usage(c, "list takes no name");
    leat_status st = leat_key_store_open(c->context, &s, cli_value(c, "keys"), add);
    if (st != LEAT_OK) return st;
    st = list     ? run_list(c, s)
         : add    ? run_add(c, s, name)
         : rotate ? run_rotate(c, s, name)
                  : run_revoke(c, s, name);
    leat_key_store_close(s);
    return st;
}

static const cli_option options[] = {
    {"scope", 0, "A,B", "add: what it may do: infer (the default), monitor, manage", false},
    {"models", 0, "A,B", "add: the only models it may ask; default: all", false},
    {"expires", 0, "TIME", "add: after 12h, 90d", false},
    {"rate", 0, "N", "add: requests per second", false},
    {"burst", 0, "N", "add: requests at once; default: one second's worth", false},
    {"quota", 0, "N", "add: rows per day (UTC)", false},
    {"grace", 0, "TIME", "rotate: how long the old secret goes on working; default: not at all",
     false},
    {"keys", 0, "WHERE",
     "the store: a file or postgresql://...; default: $LEAT_KEYS, else keys.db in Leat's home "
     "($LEAT_HOME, else ~/.local/share/leat)",
     false},
    {0}};

const cli_command cli_command_key = {
    .name = "key",
    .arguments = "add NAME | list | rotate NAME | revoke NAME",
    .least = 0,
    .most = 2,
    .summary = "API keys: who may ask a server for what",
    .details = "A key is shown once, when it is made; the store keeps its SHA-256 only. Running "
               "servers\nsee changes within a second. With -q, add and rotate print the key alone.",
    .examples = "  leat key add alice --rate 100 --quota 1000000\n"
                "  leat key add dashboard --scope monitor --expires 90d\n"
                "  leat key rotate alice --grace 24h\n  leat key revoke alice",
    .options = options,
    .run = run_key,
};
