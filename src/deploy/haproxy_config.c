/* Owns: what stands in an HAProxy configuration in front of servers of Leat. Not: which words may
 * (word.h), nor what is changed at run time (haproxy.h). */
#include "deploy/haproxy_config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/file.h"
#include "base/num.h"
#include "base/options.h"
#include "deploy/word.h"

enum { SERVERS_MOST = 512, SLOTS_MOST = 512, CONNECTIONS_MOST = 1000000 };
#define SECONDS_MOST 86400.0

/* A way of balancing; `agent`: by the agent check. */
static const struct balance {
    const char *name, *directive;
    bool agent;
} balances[] = {
    {"least-connections", "leastconn", false},
    {"round-robin", "roundrobin", false},
    {"random", "random(1)", false},
    {"power-of-two", "random(2)", false},
    {"least-load", "roundrobin", true},
};
enum { BALANCES = sizeof balances / sizeof *balances };

/* The options with what they leave open filled in. */
typedef struct plan {
    leat_context *context;
    leati_str *out;
    leat_haproxy_options o;
    const struct balance *balance;
} plan;

/* --- checks ----------------------------------------------------------------------------------- */

static leat_status find_balance(plan *p)
{
    const char *names[BALANCES];
    for (int i = 0; i < BALANCES; i++) {
        names[i] = balances[i].name;
        if (strcmp(p->o.balance, balances[i].name) == 0) p->balance = &balances[i];
    }
    if (p->balance) return LEAT_OK;
    const char *near = leati_nearest(p->o.balance, names, BALANCES);
    LEATI_FAIL(p->context, LEAT_INVALID,
               "'%.60s' is no way to balance; there are least-connections, round-robin, random, "
               "power-of-two and least-load",
               p->o.balance);
    if (near) leati_error_hint(p->context, "did you mean '%s'?", near);
    return LEAT_INVALID;
}

static leat_status check_seconds(plan *p, const char *what, double *value, double standard,
                                 double least)
{
    if (*value == 0) *value = standard;
    LEATI_CHECK(p->context, *value >= least && *value <= SECONDS_MOST, LEAT_INVALID,
                "%s: %g seconds; expected %g to %g", what, *value, least, SECONDS_MOST);
    return LEAT_OK;
}

/* The name of server i of a list, in room for 65 bytes. */
static leat_status server_name(plan *p, const char *const *list, const char *prefix, size_t i,
                               char out[65])
{
    size_t length;
    (void)leati_word_named(list[i], &length);
    snprintf(out, 65, "%s%zu", prefix, i + 1);
    if (!length) return LEAT_OK;
    LEATI_TRY(leati_word_name(p->context, "the name of a server", list[i], length));
    memcpy(out, list[i], length);
    out[length] = '\0';
    return LEAT_OK;
}

/* Server i of a list is none of those before it, by its name or by its address. */
static leat_status check_twice(plan *p, const char *const *list, const char *prefix, size_t i)
{
    leat_context *c = p->context;
    char name[65], other[65];
    leati_endpoint e, before;
    size_t skip;
    LEATI_TRY(server_name(p, list, prefix, i, name));
    LEATI_TRY(
        leati_word_endpoint(c, "a server", leati_word_named(list[i], &skip), false, true, &e));
    for (size_t k = 0; k < i; k++) {
        LEATI_TRY(server_name(p, list, prefix, k, other));
        LEATI_CHECK(c, strcmp(name, other) != 0, LEAT_INVALID, "two servers are called '%s'", name);
        LEATI_TRY(leati_word_endpoint(c, "a server", leati_word_named(list[k], &skip), false, true,
                                      &before));
        bool same = e.port == before.port && e.host_length == before.host_length &&
                    strncasecmp(e.host, before.host, e.host_length) == 0;
        LEATI_CHECK(c, !same, LEAT_INVALID,
                    "%.*s:%u stands twice among the servers, as %s and %s: it would get a double "
                    "share; name it once",
                    (int)e.host_length, e.host, (unsigned)e.port, other, name);
    }
    return LEAT_OK;
}

static leat_status check_servers(plan *p, const char *const *list, size_t count, const char *prefix)
{
    leat_context *c = p->context;
    leati_endpoint e;
    LEATI_CHECK(c, count <= SERVERS_MOST, LEAT_INVALID,
                "%zu servers; at most %d go behind one "
                "proxy",
                count, SERVERS_MOST);
    for (size_t i = 0; i < count; i++) {
        size_t skip;
        LEATI_TRY(check_twice(p, list, prefix, i));
        LEATI_TRY(
            leati_word_endpoint(c, "a server", leati_word_named(list[i], &skip), false, true, &e));
        LEATI_CHECK(c, e.agent || !p->balance->agent, LEAT_INVALID,
                    "least-load asks the agent check of every server; '%.60s' names no port of "
                    "one: HOST:PORT/AGENT",
                    list[i]);
    }
    return LEAT_OK;
}

/* The number N of "slotN"; 0: the name is another one. */
static uint32_t slot_number(const char *name)
{
    uint32_t number = 0;
    if (strncmp(name, "slot", 4) != 0 || name[4] == '0') return 0;
    for (const char *at = name + 4; *at; at++) {
        if (*at < '0' || *at > '9' || number > SLOTS_MOST) return 0;
        number = 10 * number + (uint32_t)(*at - '0');
    }
    return number;
}

/* No server has a name that is given here: of a slot beside the servers, of a backup beside the
 * canaries. */
static leat_status check_given_names(plan *p)
{
    leat_context *c = p->context;
    char name[65], other[65], backup[80];
    for (size_t i = 0; i < p->o.server_count; i++) {
        LEATI_TRY(server_name(p, p->o.servers, "server", i, name));
        uint32_t slot = slot_number(name);
        LEATI_CHECK(c, !slot || slot > p->o.slots, LEAT_INVALID,
                    "a server is called '%s', which is the name of a slot: slot1 to slot%u are for "
                    "servers that join at run time; choose another name, as in a=%s",
                    name, (unsigned)p->o.slots,
                    p->o.servers[i] + strcspn(p->o.servers[i], "=") + 1);
        snprintf(backup, sizeof backup, "backup-%s", name);
        for (size_t k = 0; k < p->o.canary_count; k++) {
            LEATI_TRY(server_name(p, p->o.canary, "canary", k, other));
            LEATI_CHECK(c, strcmp(backup, other) != 0, LEAT_INVALID,
                        "a canary is called '%s', which is the name of server '%s' as a backup of "
                        "the canaries; choose another one",
                        other, name);
        }
    }
    return LEAT_OK;
}

static leat_status check_peers(plan *p)
{
    leati_endpoint e;
    LEATI_CHECK(p->context, !p->o.peer_count || p->o.stick, LEAT_INVALID,
                "peers share which client stays with which server: they go with a header to stick "
                "by");
    for (size_t i = 0; i < p->o.peer_count; i++) {
        size_t length;
        const char *rest = leati_word_named(p->o.peers[i], &length);
        LEATI_TRY(leati_word_name(p->context, "the name of a peer (NAME=HOST:PORT)", p->o.peers[i],
                                  length));
        LEATI_TRY(leati_word_endpoint(p->context, "a peer", rest, false, false, &e));
    }
    return LEAT_OK;
}

static leat_status check_words(plan *p)
{
    leat_context *c = p->context;
    const leat_haproxy_options *o = &p->o;
    leati_endpoint e;
    LEATI_TRY(leati_word_endpoint(c, "the address to listen on", o->listen, true, false, &e));
    if (strcmp(o->observe, "no") != 0)
        LEATI_TRY(leati_word_endpoint(c, "the address of statistics", o->observe, true, false, &e));
    LEATI_TRY(leati_word_path(c, "the runtime socket", o->socket));
    LEATI_TRY(leati_word_path(c, "the map of the share", o->map));
    if (o->tls_cert) LEATI_TRY(leati_word_path(c, "the certificate", o->tls_cert));
    if (o->server_ca) LEATI_TRY(leati_word_path(c, "the authority of the servers", o->server_ca));
    if (o->stick) LEATI_TRY(leati_word_header(c, "the header to stick by", o->stick));
    return leati_word_header(c, "the header of the canary", o->canary_key);
}

static leat_status make_plan(plan *p, const leat_haproxy_options *options)
{
    leat_haproxy_options *o = &p->o;
    *o = leat_haproxy_options_default();
    LEATI_TRY(LEATI_OPTIONS(p->context, leat_haproxy_options, o, options));
    if (!o->listen) o->listen = "127.0.0.1:8080";
    if (!o->balance) o->balance = balances[0].name;
    if (!o->socket) o->socket = "/run/haproxy/leat.sock";
    if (!o->map) o->map = "/etc/haproxy/leat.map";
    if (!o->observe) o->observe = "127.0.0.1:8404";
    if (!o->canary_key) o->canary_key = "X-Canary-Key";
    LEATI_CHECK(p->context, o->server_count || o->slots, LEAT_INVALID,
                "there is no server to put behind the proxy");
    LEATI_CHECK(p->context, o->slots <= SLOTS_MOST, LEAT_INVALID, "%u slots; at most %d", o->slots,
                SLOTS_MOST);
    LEATI_CHECK(p->context, o->connections <= CONNECTIONS_MOST, LEAT_INVALID,
                "%u connections to a server; at most %d", o->connections, CONNECTIONS_MOST);
    LEATI_TRY(find_balance(p));
    LEATI_TRY(check_words(p));
    LEATI_TRY(check_seconds(p, "the time of an answer", &o->timeout, 10, 0.001));
    LEATI_TRY(check_seconds(p, "the interval of checks", &o->check_interval, 1, 0.01));
    if (!(o->slow_start < 0))
        LEATI_TRY(check_seconds(p, "the slow start", &o->slow_start, 10, 0.001));
    LEATI_TRY(check_servers(p, o->servers, o->server_count, "server"));
    LEATI_TRY(check_servers(p, o->canary, o->canary_count, "canary"));
    LEATI_TRY(check_given_names(p));
    return check_peers(p);
}

/* --- the text --------------------------------------------------------------------------------- */

/* A line that is written as it stands here. */
static void line(plan *p, const char *text)
{
    leati_str_add(p->out, text);
    leati_str_addc(p->out, '\n');
}

static long long ms(double seconds)
{
    return (long long)ceil(seconds * 1000);
}

static void write_global(plan *p)
{
    leati_str_addf(
        p->out,
        "# Servers of Leat behind HAProxy 2.4 or later, written by `leat deploy haproxy`.\n"
        "# Check it:  haproxy -c -f FILE      Run it:  haproxy -W -f FILE\n"
        "\n"
        "global\n"
        "    log stdout format raw local0 notice\n"
        "    stats socket %s mode 660 level admin expose-fd listeners\n"
        "    stats timeout 30s\n"
        "    hard-stop-after 60s\n",
        p->o.socket);
    line(p, "    # A request that fits here whole can be sent to another server.\n"
            "    tune.bufsize 65536");
    if (p->o.tls_cert || p->o.server_ca)
        line(p, "    ssl-default-bind-options ssl-min-ver TLSv1.2\n"
                "    ssl-default-server-options ssl-min-ver TLSv1.2");
}

static void write_defaults(plan *p)
{
    line(p, "\n"
            "defaults\n"
            "    mode http\n"
            "    log global\n"
            "    option httplog\n"
            "    option dontlognull\n"
            "    option dontlog-normal\n"
            "    timeout connect 1s\n"
            "    timeout client 60s\n"
            "    timeout http-request 10s\n"
            "    timeout http-keep-alive 75s\n"
            "    timeout queue 5s");
    leati_str_addf(p->out, "    timeout server %lldms\n    timeout check %lldms\n",
                   ms(p->o.timeout), ms(fmax(fmin(p->o.check_interval, 2), 0.5)));
    line(
        p,
        "    # A request that a server did not answer goes to another one: `retry-on` holds for\n"
        "    # those that may be sent twice (see the frontend), a connection that was refused for\n"
        "    # all.\n"
        "    retries 3\n"
        "    option redispatch 1\n"
        "    retry-on conn-failure empty-response response-timeout 503\n"
        "    compression algo gzip\n"
        "    compression type application/json text/csv text/html text/plain");
}

static void write_peers(plan *p)
{
    if (!p->o.peer_count) return;
    line(p, "\npeers leat");
    for (size_t i = 0; i < p->o.peer_count; i++) {
        size_t length;
        const char *rest = leati_word_named(p->o.peers[i], &length);
        leati_str_addf(p->out, "    peer %.*s %s\n", (int)length, p->o.peers[i], rest);
    }
}

static void write_split(plan *p)
{
    leati_str_addf(p->out,
                   "    # The share of the canary, in ten-thousandths of the requests, or of the\n"
                   "    # values of %s where clients send one.\n"
                   "    http-request set-var(txn.part) req.hdr(%s),crc32(1),mod(%d) if { "
                   "req.hdr(%s) -m found }\n"
                   "    http-request set-var(txn.part) rand(%d) unless { var(txn.part) -m found }\n"
                   "    http-request set-var(txn.share) str(%s),map_str_int(%s,0)\n"
                   "    use_backend canary if { var(txn.part),sub(txn.share) -m int lt 0 } { "
                   "nbsrv(canary) gt 0 }\n",
                   p->o.canary_key, p->o.canary_key, LEATI_HAPROXY_PARTS, p->o.canary_key,
                   LEATI_HAPROXY_PARTS, LEATI_HAPROXY_SHARE, p->o.map);
}

static void write_frontend(plan *p)
{
    leati_str_addf(p->out, "\nfrontend leat\n    bind %s", p->o.listen);
    if (p->o.tls_cert) leati_str_addf(p->out, " ssl crt %s alpn h2,http/1.1", p->o.tls_cert);
    line(p, "\n"
            "    option forwardfor\n"
            "    http-request set-header X-Forwarded-Proto https if { ssl_fc }\n"
            "    http-request set-header X-Forwarded-Proto http unless { ssl_fc }\n"
            "    # What may be sent twice: reading, and predictions.\n"
            "    acl reads method GET HEAD OPTIONS\n"
            "    acl posts method POST\n"
            "    acl predicts path /invocations\n"
            "    acl predicts path_reg ^/api/v1/[^/]+(/versions/[^/]+)?$\n"
            "    acl predicts path_reg ^/v2/models/[^/]+(/versions/[^/]+)?/infer$\n"
            "    http-request disable-l7-retry unless reads or posts predicts");
    if (p->o.canary_count) write_split(p);
    line(p, "    default_backend stable");
}

/* backup: for the case that the others of the backend are gone; it is as well as in `stable`. */
static void write_server(plan *p, const char *const *list, const char *prefix, size_t i,
                         bool backup)
{
    char name[65];
    size_t skip;
    leati_endpoint e;
    const char *rest = leati_word_named(list[i], &skip);
    if (server_name(p, list, prefix, i, name) != LEAT_OK ||
        leati_word_endpoint(p->context, "a server", rest, false, true, &e) != LEAT_OK)
        return;
    leati_str_addf(p->out, "    server %s%s %.*s:%u", backup ? "backup-" : "", name,
                   (int)e.host_length, e.host, (unsigned)e.port);
    bool named = false; /* not by its address: the certificate says the name */
    for (size_t k = 0; k < e.host_length && *e.host != '['; k++)
        named = named || !strchr("0123456789.", e.host[k]);
    if (p->o.server_ca && named)
        leati_str_addf(p->out, " sni str(%.*s) check-sni %.*s verifyhost %.*s", (int)e.host_length,
                       e.host, (int)e.host_length, e.host, (int)e.host_length, e.host);
    if (backup) leati_str_addf(p->out, " no-check track stable/%s backup non-stick", name);
    else if (e.agent)
        leati_str_addf(p->out, " agent-check agent-port %u agent-inter %lldms", (unsigned)e.agent,
                       ms(p->o.check_interval));
    leati_str_addc(p->out, '\n');
}

static void write_backend(plan *p, const char *name, const char *const *list, size_t count,
                          const char *prefix, uint32_t slots, bool backups)
{
    leati_str_addf(p->out,
                   "\nbackend %s\n    balance %s\n    option httpchk\n"
                   "    http-check send meth GET uri /v2/health/ready ver HTTP/1.1 hdr Host leat\n"
                   "    http-check expect status 200\n",
                   name, p->balance->directive);
    if (p->o.stick) {
        leati_str_addf(p->out, "    stick-table type string len 64 size 100k expire 30m%s\n",
                       p->o.peer_count ? " peers leat" : "");
        leati_str_addf(p->out, "    stick on req.hdr(%s)\n", p->o.stick);
    }
    leati_str_addf(
        p->out,
        "    default-server weight 100 check inter %lldms fastinter %lldms downinter %lldms fall 2 "
        "rise 2 ",
        ms(p->o.check_interval), ms(fmin(p->o.check_interval / 4, 0.25)), ms(p->o.check_interval));
    if (p->o.slow_start > 0) leati_str_addf(p->out, "slowstart %lldms ", ms(p->o.slow_start));
    leati_str_add(p->out, "init-addr last,libc,none observe layer4 error-limit 2 on-error "
                          "sudden-death");
    if (p->o.connections) leati_str_addf(p->out, " maxconn %u", p->o.connections);
    if (p->o.server_ca)
        leati_str_addf(p->out, " ssl verify required ca-file %s alpn http/1.1", p->o.server_ca);
    leati_str_addc(p->out, '\n');
    for (size_t i = 0; i < count; i++) write_server(p, list, prefix, i, false);
    if (backups && p->o.server_count) {
        line(p, "    # For requests that were on their way to a canary that has died.\n"
                "    option allbackups");
        for (size_t i = 0; i < p->o.server_count; i++)
            write_server(p, p->o.servers, "server", i, true);
    }
    if (slots) {
        line(p, "    # Servers that join at run time.");
        leati_str_addf(p->out, "    server-template slot 1-%u 127.0.0.1:1 disabled\n", slots);
    }
}

static void write_observe(plan *p)
{
    if (strcmp(p->o.observe, "no") == 0) return;
    leati_str_addf(p->out,
                   "\nfrontend observe\n    bind %s\n    option dontlog-normal\n"
                   "    http-request use-service prometheus-exporter if { path /metrics }\n"
                   "    stats enable\n    stats uri /\n    stats refresh 5s\n",
                   p->o.observe);
}

leat_status leati_haproxy_config(leat_context *c, const leat_haproxy_options *options,
                                 leati_str *out)
{
    plan p = {.context = c, .out = out};
    LEATI_TRY(make_plan(&p, options));
    write_global(&p);
    write_defaults(&p);
    write_peers(&p);
    write_frontend(&p);
    write_backend(&p, "stable", p.o.servers, p.o.server_count, "server", p.o.slots, false);
    if (p.o.canary_count)
        write_backend(&p, "canary", p.o.canary, p.o.canary_count, "canary", 0, true);
    write_observe(&p);
    if (leat_error_status(c) != LEAT_OK) return leat_error_status(c);
    return leati_str_status(out);
}

leat_haproxy_options leat_haproxy_options_default(void)
{
    return (leat_haproxy_options){.struct_size = sizeof(leat_haproxy_options)};
}

leat_status leat_haproxy_write(leat_context *c, const leat_haproxy_options *options,
                               const char *path)
{
    leati_str text;
    leati_str_init(&text, c);
    leat_status st = leati_haproxy_config(c, options, &text);
    if (st == LEAT_OK) st = leati_file_write(c, path, leati_str_text(&text), text.length);
    leati_str_fini(&text);
    return st;
}
