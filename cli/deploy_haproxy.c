/* leat deploy haproxy: the configuration of HAProxy, and its runtime socket. */
#include <leat/haproxy.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy.h"
#include "registry.h"

#define DEFAULT_MAP "/etc/haproxy/leat.map"

/* --- the configuration ------------------------------------------------------------------------ */

/* All values of an option that repeats, in room for the number of options given. */
static size_t values_of(const cli *c, const char *option, const char **out)
{
    size_t n = 0;
    for (int i = 0; i < c->given_count; i++)
        if (strcmp(c->given[i].option->name, option) == 0) out[n++] = c->given[i].value;
    return n;
}

static leat_status read_time(cli *c, const char *option, double *out)
{
    const char *text = cli_value(c, option);
    if (text && !cli_duration(text, out))
        return cli_usage(c, "--%s takes a time such as 0.5s, 10s or 2m, not '%s'", option, text);
    return LEAT_OK;
}

/* Where no time cannot be meant: the library takes 0 for its default. */
static leat_status read_time_above_0(cli *c, const char *option, double *out)
{
    leat_status st = read_time(c, option, out);
    if (st == LEAT_OK && cli_value(c, option) && *out == 0)
        return cli_usage(c, "--%s takes a time above 0s, not '%s'", option, cli_value(c, option));
    return st;
}

/* 0s switches it off. */
static leat_status read_slow_start(cli *c, double *out)
{
    leat_status st = read_time(c, "slow-start", out);
    if (st == LEAT_OK && cli_value(c, "slow-start") && *out == 0) *out = -1;
    return st;
}

static leat_status read_options(cli *c, leat_haproxy_options *o)
{
    long slots = 0, connections = 0;
    o->listen = cli_value(c, "listen");
    o->balance = cli_value(c, "balance");
    o->tls_cert = cli_value(c, "tls-cert");
    o->server_ca = cli_value(c, "server-ca");
    o->stick = cli_value(c, "stick");
    o->canary_key = cli_value(c, "canary-key");
    o->socket = cli_value(c, "socket");
    o->map = cli_value(c, "map");
    o->observe = cli_value(c, "observe");
    leat_status st = cli_whole(c, "slots", 1, 512, &slots);
    if (st == LEAT_OK) st = cli_whole(c, "connections", 1, 1000000, &connections);
    if (st == LEAT_OK) st = read_time_above_0(c, "timeout", &o->timeout);
    if (st == LEAT_OK) st = read_time_above_0(c, "check-interval", &o->check_interval);
    if (st == LEAT_OK) st = read_slow_start(c, &o->slow_start);
    o->slots = (uint32_t)slots;
    o->connections = (uint32_t)connections;
    return st;
}

/* The map that the proxy wants to find; one that is there keeps its share. */
static leat_status write_map(cli *c, const leat_haproxy_options *o)
{
    const char *map = o->map ? o->map : DEFAULT_MAP;
    if (!o->canary_count || access(map, F_OK) == 0) return LEAT_OK;
    leat_status st = leat_haproxy_write_share(c->context, map, 0);
    if (st == LEAT_OK) cli_say(c, "wrote %s: the canary gets 0%% of the requests\n", map);
    return st;
}

static leat_status write_config(cli *c, int count, char **arguments)
{
    const char *path = cli_value(c, "output");
    const char **values = calloc(2 * (size_t)c->given_count + 1, sizeof *values);
    leat_haproxy_options o = leat_haproxy_options_default();
    if (!values) return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    o.servers = (const char *const *)arguments;
    o.server_count = (size_t)count;
    o.canary = values;
    o.canary_count = values_of(c, "canary", values);
    o.peers = values + c->given_count;
    o.peer_count = values_of(c, "peer", values + c->given_count);
    leat_status st = read_options(c, &o);
    if (st == LEAT_OK) st = leat_haproxy_write(c->context, &o, path ? path : "-");
    if (st == LEAT_OK && path) {
        cli_say(c, "wrote %s: %d server%s", path, count, count == 1 ? "" : "s");
        if (o.canary_count) cli_say(c, ", %zu to try the next version", o.canary_count);
        cli_say(c, "\n");
        st = write_map(c, &o);
    }
    free(values);
    return st;
}

/* --- the runtime socket ----------------------------------------------------------------------- */

static void server_json(leat_json *j, const leat_haproxy_server *s)
{
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "backend", s->backend);
    leat_json_string(j, "name", s->name);
    leat_json_string(j, "address", s->address);
    leat_json_string(j, "status", s->status);
    leat_json_string(j, "check", s->check);
    leat_json_string(j, "agent", *s->agent ? s->agent : NULL);
    leat_json_int(j, "weight", s->weight);
    leat_json_int(j, "sessions", (int64_t)s->sessions);
    leat_json_int(j, "queued", (int64_t)s->queued);
    leat_json_int(j, "requests", (int64_t)s->requests);
    leat_json_int(j, "errors", (int64_t)s->errors);
    leat_json_int(j, "retries", (int64_t)s->retries);
    leat_json_int(j, "redispatches", (int64_t)s->redispatches);
    leat_json_end_object(j);
}

enum { COLUMNS = 9 };

static leat_status print_servers(cli *c, const leat_haproxy_list *l)
{
    static const char *const head[COLUMNS] = {"backend", "server",   "address", "status", "check",
                                              "weight",  "requests", "errors",  "retries"};
    size_t n = leat_haproxy_list_count(l);
    const char **cells = calloc((n + 1) * COLUMNS, sizeof *cells);
    char(*texts)[4][24] = calloc(n + 1, sizeof *texts);
    leat_status st = LEAT_OK;
    if (!cells || !texts) {
        st = leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    } else {
        memcpy(cells, head, sizeof head);
        for (size_t i = 0; i < n; i++) {
            const leat_haproxy_server *s = leat_haproxy_list_at(l, i);
            const uint64_t values[4] = {s->weight, s->requests, s->errors, s->retries};
            for (int k = 0; k < 4; k++)
                snprintf(texts[i][k], sizeof texts[i][k], "%llu", (unsigned long long)values[k]);
            const char *row[COLUMNS] = {s->backend,  s->name,     s->address,  s->status,  s->check,
                                        texts[i][0], texts[i][1], texts[i][2], texts[i][3]};
            memcpy(cells + (i + 1) * COLUMNS, row, sizeof row);
        }
        cli_table(c, cells, (int)n + 1, COLUMNS, true);
    }
    free(cells);
    free(texts);
    return st;
}

/* Whether there is a share to tell: a configuration without a canary has no map. */
static bool read_share(cli *c, leat_haproxy *h, double *share)
{
    leat_status st = leat_haproxy_share(h, cli_value(c, "map"), share);
    if (st != LEAT_OK) leat_error_clear(c->context);
    return st == LEAT_OK;
}

static leat_status run_status(cli *c, leat_haproxy *h)
{
    leat_haproxy_list *l;
    double share;
    leat_status st = leat_haproxy_servers(h, &l);
    if (st != LEAT_OK) return st;
    bool shared = read_share(c, h, &share);
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        if (shared) leat_json_number(j, "canary_percent", share);
        else leat_json_null(j, "canary_percent");
        leat_json_begin_array(j, "servers");
        for (size_t i = 0; i < leat_haproxy_list_count(l); i++)
            server_json(j, leat_haproxy_list_at(l, i));
        leat_json_end_array(j);
        leat_json_end_object(j);
        st = cli_print_json(c, j);
    } else {
        st = print_servers(c, l);
        if (st == LEAT_OK && shared) cli_say(c, "\nthe canary gets %g%% of the requests\n", share);
    }
    leat_haproxy_list_destroy(l);
    return st;
}

static leat_status say_share(cli *c, double share)
{
    if (!c->json) {
        cli_say(c, "the canary gets %g%% of the requests\n", share);
        return LEAT_OK;
    }
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_number(j, "canary_percent", share);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

/* `canary 5`, or `canary --share 5` */
static leat_status run_canary(cli *c, leat_haproxy *h, const char *argument)
{
    const char *text = argument ? argument : cli_value(c, "share");
    const char *map = cli_value(c, "map");
    double share;
    leat_status st;
    if (text) {
        char *end;
        share = strtod(text, &end);
        if (end == text || (*end && strcmp(end, "%") != 0) || !(share >= 0 && share <= 100))
            return cli_usage(c, "the share is 0 to 100 percent, not '%s'", text);
        st = leat_haproxy_set_share(h, map, share);
    } else {
        st = leat_haproxy_share(h, map, &share);
    }
    return st == LEAT_OK ? say_share(c, share) : st;
}

static leat_status say_done(cli *c, const char *server, const char *what)
{
    if (!c->json) {
        cli_say(c, "%s %s\n", server, what);
        return LEAT_OK;
    }
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "server", server);
    leat_json_string(j, "done", what);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

static leat_status run_weight(cli *c, leat_haproxy *h, const char *server, const char *text)
{
    char *end, what[40];
    long percent = strtol(text, &end, 10);
    if (end == text || (*end && strcmp(end, "%") != 0) || percent < 0 || percent > 100)
        return cli_usage(c, "the weight is 0 to 100 percent, not '%s'", text);
    leat_status st = leat_haproxy_set_weight(h, server, (uint32_t)percent);
    snprintf(what, sizeof what, "has %ld%% of its weight", percent);
    return st == LEAT_OK ? say_done(c, server, what) : st;
}

static const struct verb {
    const char *name, *arguments;
    int least, most;
} verbs[] = {{"status", "", 0, 0},
             {"drain", " SERVER", 1, 1},
             {"enable", " SERVER", 1, 1},
             {"weight", " SERVER PERCENT", 2, 2},
             {"canary", " [PERCENT]", 0, 1}};
enum { STATUS, DRAIN, ENABLE, WEIGHT, CANARY, VERBS };

static leat_status run_verb(cli *c, int verb, int count, char **arguments)
{
    leat_haproxy *h;
    if (count < verbs[verb].least || count > verbs[verb].most)
        return cli_usage(c, "leat deploy haproxy %s%s", verbs[verb].name, verbs[verb].arguments);
    leat_status st = leat_haproxy_open(c->context, &h, cli_value(c, "socket"));
    if (st != LEAT_OK) return st;
    switch (verb) {
    case STATUS: st = run_status(c, h); break;
    case DRAIN:
        st = leat_haproxy_drain(h, arguments[0]);
        if (st == LEAT_OK) st = say_done(c, arguments[0], "gets no new requests");
        break;
    case ENABLE:
        st = leat_haproxy_enable(h, arguments[0]);
        if (st == LEAT_OK) st = say_done(c, arguments[0], "gets requests");
        break;
    case WEIGHT: st = run_weight(c, h, arguments[0], arguments[1]); break;
    default: st = run_canary(c, h, count ? arguments[0] : NULL); break;
    }
    leat_haproxy_close(h);
    return st;
}

static leat_status run(cli *c, int count, char **arguments)
{
    for (int i = 0; count && i < VERBS; i++)
        if (strcmp(arguments[0], verbs[i].name) == 0)
            return run_verb(c, i, count - 1, arguments + 1);
    if (!count && !cli_has(c, "slots"))
        return cli_usage(c, "leat deploy haproxy needs servers: HOST:PORT ..., or status, drain, "
                            "enable, weight or canary");
    return write_config(c, count, arguments);
}

static const char *const options[] = {
    "output",     "listen",     "canary", "balance", "tls-cert",    "server-ca", "stick",
    "share",      "canary-key", "peer",   "slots",   "connections", "timeout",   "check-interval",
    "slow-start", "socket",     "map",    "observe", NULL};

const cli_deploy_target cli_deploy_haproxy = {.name = "haproxy", .options = options, .run = run};
