/* Owns: saying commands to HAProxy's runtime socket and what their answers mean (management.txt,
 * section 9.3). Not: the text of statistics (haproxy_stat.h). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#endif
#include <errno.h>
#include <math.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/lookup.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/progress.h"
#include "deploy/haproxy_config.h"
#include "deploy/haproxy_stat.h"
#include "deploy/word.h"

enum { WAIT_SECONDS = 5, ANSWER_MOST = 64 << 20 };
#define DEFAULT_SOCKET "/run/haproxy/leat.sock"
#define DEFAULT_MAP    "/etc/haproxy/leat.map"

struct leat_haproxy {
    leat_context *context;
    char *address;
    leati_lookups *lookups;
};

/* --- one command ------------------------------------------------------------------------------ */

/* Connecting and writing wait no longer than reading does. -1 and errno. */
static int connect_in_time(int family, const void *address, socklen_t length)
{
    const struct timeval limit = {WAIT_SECONDS, 0};
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, address, length) == 0) return fd;
    int error = errno == EINPROGRESS || errno == EAGAIN ? ETIMEDOUT : errno;
    close(fd);
    errno = error;
    return -1;
}

static int connect_local(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof a.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(a.sun_path, path, length + 1);
    return connect_in_time(AF_UNIX, &a, sizeof a);
}

static int connect_tcp(const leat_haproxy *p)
{
    leat_context *c = p->context;
    const char *address = p->address;
    char host[256], port[8];
    leati_endpoint e;
    struct addrinfo *found;
    if (leati_word_endpoint(c, "the address of the runtime socket", address, false, false, &e) !=
        LEAT_OK)
        return -1;
    bool six = e.host[0] == '[';
    snprintf(host, sizeof host, "%.*s", (int)e.host_length - 2 * six, e.host + six);
    snprintf(port, sizeof port, "%u", (unsigned)e.port);
    const char *why = leati_lookup(c, p->lookups, host, port, AI_NUMERICSERV,
                                   leati_now_s() + WAIT_SECONDS, &found);
    if (why) {
        LEATI_FAIL(c, LEAT_NETWORK, "no connection to %s: %s", address, why);
        return -1;
    }
    int fd = connect_in_time(found->ai_family, found->ai_addr, found->ai_addrlen), error = errno;
    freeaddrinfo(found);
    errno = error;
    return fd;
}

static leat_status lost(leat_haproxy *h, const char *what, int error)
{
    LEATI_FAIL(h->context, LEAT_NETWORK, "%s %s: %s", what, h->address, strerror(error));
    if (error == ENOENT || error == ECONNREFUSED)
        leati_error_hint(h->context, "does HAProxy run? its `stats socket` line names the path");
    if (error == EACCES)
        leati_error_hint(h->context, "the socket is for its owner and group: run this as one of "
                                     "them");
    return LEAT_NETWORK;
}

/* What there is to read until the proxy closes. */
static leat_status receive(leat_haproxy *h, int fd, leati_str *out)
{
    double until = leati_now_s() + WAIT_SECONDS;
    char piece[16384];
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        double left = until - leati_now_s();
        int ready = left > 0 ? poll(&p, 1, (int)(left * 1000) + 1) : 0;
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0) return lost(h, "no answer in time from", ETIMEDOUT);
        ssize_t n = ready < 0 ? -1 : recv(fd, piece, sizeof piece, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return lost(h, "no answer from", errno);
        if (n == 0) return leati_str_status(out);
        LEATI_CHECK(h->context, out->length + (size_t)n <= ANSWER_MOST, LEAT_FORMAT,
                    "the proxy answers without end");
        leati_str_addn(out, piece, (size_t)n);
    }
}

/* The answer is added to *out, without the newlines at its end. */
static leat_status say(leat_haproxy *h, const char *command, leati_str *out)
{
    bool local = strchr(h->address, '/') || !strchr(h->address, ':');
    int fd = local ? connect_local(h->address) : connect_tcp(h);
    if (leat_error_status(h->context) != LEAT_OK) return leat_error_status(h->context);
    if (fd < 0) return lost(h, "no connection to", errno);
    size_t length = strlen(command);
    leat_status st = LEAT_OK;
    while (length && st == LEAT_OK) {
        ssize_t n = send(fd, command, length, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) st = lost(h, "nothing can be said to", errno);
        else {
            command += n;
            length -= (size_t)n;
        }
    }
    if (st == LEAT_OK) st = receive(h, fd, out);
    close(fd);
    while (st == LEAT_OK && out->length && out->text[out->length - 1] == '\n')
        out->text[--out->length] = '\0';
    return st;
}

/* A command whose answer is empty where it worked; `good` is in it where it is not empty. */
static leat_status act(leat_haproxy *h, const char *good, const char *format, ...)
    LEAT_PRINTF(3, 4);
static leat_status act(leat_haproxy *h, const char *good, const char *format, ...)
{
    leati_str command, answer;
    va_list args;
    leati_str_init(&command, h->context);
    leati_str_init(&answer, h->context);
    va_start(args, format);
    leati_str_addv(&command, format, args);
    va_end(args);
    leati_str_addc(&command, '\n');
    leat_status st = leati_str_status(&command);
    if (st == LEAT_OK) st = say(h, leati_str_text(&command), &answer);
    const char *text = leati_str_text(&answer);
    if (st == LEAT_OK && answer.length && !(good && strstr(text, good))) {
        bool absent = strstr(text, "No such") || strstr(text, "no such") || strstr(text, "Unknown");
        st = LEATI_FAIL(h->context, absent ? LEAT_NOT_FOUND : LEAT_IO, "the proxy refuses: %.200s",
                        text);
    }
    leati_str_fini(&command);
    leati_str_fini(&answer);
    return st;
}

/* --- the proxy and its servers ---------------------------------------------------------------- */

leat_status leat_haproxy_open(leat_context *c, leat_haproxy **out, const char *address)
{
    leati_str info;
    *out = NULL;
    leat_haproxy *h = LEATI_NEW(c, leat_haproxy, 1);
    if (!h) return leat_error_status(c);
    h->context = c;
    h->address = leati_strdup(c, address ? address : DEFAULT_SOCKET);
    h->lookups = leati_lookups_create(c);
    leati_str_init(&info, c);
    leat_status st = h->address && h->lookups ? say(h, "show info\n", &info) : leat_error_status(c);
    if (st == LEAT_OK && !strstr(leati_str_text(&info), "HAProxy"))
        st = LEATI_FAIL(c, LEAT_FORMAT, "what answers at %s is not HAProxy", h->address);
    leati_str_fini(&info);
    if (st == LEAT_OK) *out = h;
    else leat_haproxy_close(h);
    return st;
}

void leat_haproxy_close(leat_haproxy *h)
{
    if (!h) return;
    leati_lookups_release(h->lookups);
    leati_free(h->address);
    leati_free(h);
}

leat_status leat_haproxy_servers(leat_haproxy *h, leat_haproxy_list **out)
{
    leati_str text;
    *out = NULL;
    leati_str_init(&text, h->context);
    leat_status st = say(h, "show stat -1 4 -1\n", &text);
    if (st == LEAT_OK) st = leati_haproxy_stat_read(h->context, leati_str_text(&text), out);
    leati_str_fini(&text);
    return st;
}

enum { FULL = 2 * 64 + 2 };

/* "BACKEND/NAME" of a server, in words that are safe to say. */
static leat_status full_name(leat_haproxy *h, const char *server, char out[FULL])
{
    leat_context *c = h->context;
    leat_haproxy_list *l;
    const char *slash = strchr(server, '/');
    size_t found = 0;
    if (slash) {
        LEATI_TRY(leati_word_name(c, "the backend", server, (size_t)(slash - server)));
        LEATI_TRY(leati_word_name(c, "the server", slash + 1, strlen(slash + 1)));
        snprintf(out, FULL, "%s", server);
        return LEAT_OK;
    }
    LEATI_TRY(leati_word_name(c, "the server", server, strlen(server)));
    LEATI_TRY(leat_haproxy_servers(h, &l));
    for (size_t i = 0; i < leat_haproxy_list_count(l); i++) {
        const leat_haproxy_server *s = leat_haproxy_list_at(l, i);
        if (strcmp(s->name, server) != 0 || found++) continue;
        snprintf(out, FULL, "%.64s/%.64s", s->backend, s->name);
    }
    leat_haproxy_list_destroy(l);
    LEATI_CHECK(c, found, LEAT_NOT_FOUND, "the proxy has no server '%s'", server);
    LEATI_CHECK(c, found == 1, LEAT_INVALID, "%zu backends have a server '%s': say BACKEND/NAME",
                found, server);
    return LEAT_OK;
}

static leat_status set_state(leat_haproxy *h, const char *server, const char *state)
{
    char name[FULL];
    LEATI_TRY(full_name(h, server, name));
    return act(h, NULL, "set server %s state %s", name, state);
}

leat_status leat_haproxy_drain(leat_haproxy *h, const char *server)
{
    return set_state(h, server, "drain");
}

leat_status leat_haproxy_enable(leat_haproxy *h, const char *server)
{
    return set_state(h, server, "ready");
}

leat_status leat_haproxy_disable(leat_haproxy *h, const char *server)
{
    return set_state(h, server, "maint");
}

leat_status leat_haproxy_set_weight(leat_haproxy *h, const char *server, uint32_t percent)
{
    char name[FULL];
    LEATI_CHECK(h->context, percent <= 100, LEAT_INVALID, "a weight of %u%%; expected 0 to 100",
                percent);
    LEATI_TRY(full_name(h, server, name));
    return act(h, NULL, "set server %s weight %u%%", name, percent);
}

leat_status leat_haproxy_set_address(leat_haproxy *h, const char *server, const char *endpoint)
{
    char name[FULL];
    leati_endpoint e;
    LEATI_TRY(leati_word_endpoint(h->context, "the address", endpoint, false, false, &e));
    LEATI_TRY(full_name(h, server, name));
    bool six = e.host[0] == '[';
    return act(h, "change", "set server %s addr %.*s port %u", name, (int)e.host_length - 2 * six,
               e.host + six, (unsigned)e.port);
}

/* --- the share -------------------------------------------------------------------------------- */

static leat_status parts_of(leat_context *c, double percent, unsigned *out)
{
    LEATI_CHECK(c, percent >= 0 && percent <= 100, LEAT_INVALID,
                "the share is %g percent; expected 0 to 100", percent);
    *out = (unsigned)lround(percent * (LEATI_HAPROXY_PARTS / 100));
    return LEAT_OK;
}

leat_status leat_haproxy_write_share(leat_context *c, const char *map, double percent)
{
    char text[200];
    unsigned parts = 0;
    LEATI_TRY(parts_of(c, percent, &parts));
    int n = snprintf(text, sizeof text,
                     "# The share of the canary, in ten-thousandths: leat deploy haproxy canary "
                     "PERCENT\n" LEATI_HAPROXY_SHARE " %u\n",
                     parts);
    return leati_file_write(c, map, text, (size_t)n);
}

leat_status leat_haproxy_set_share(leat_haproxy *h, const char *map, double percent)
{
    leat_context *c = h->context;
    unsigned parts = 0;
    if (!map) map = DEFAULT_MAP;
    LEATI_TRY(leati_word_path(c, "the map of the share", map));
    LEATI_TRY(parts_of(c, percent, &parts));
    leat_status st = act(h, NULL, "set map %s " LEATI_HAPROXY_SHARE " %u", map, parts);
    if (st != LEAT_OK && strstr(leat_error_message(c), "entry not found")) {
        leat_error_clear(c);
        st = act(h, NULL, "add map %s " LEATI_HAPROXY_SHARE " %u", map, parts);
    }
    LEATI_TRY(st);
    st = leat_haproxy_write_share(c, map, percent);
    if (st != LEAT_OK)
        leati_error_within(c, "the share is %g%% now, but a reload of the proxy will forget it",
                           percent);
    return st;
}

leat_status leat_haproxy_share(leat_haproxy *h, const char *map, double *percent)
{
    leat_context *c = h->context;
    leati_str command, answer;
    if (!map) map = DEFAULT_MAP;
    LEATI_TRY(leati_word_path(c, "the map of the share", map));
    leati_str_init(&command, c);
    leati_str_init(&answer, c);
    leati_str_addf(&command, "get map %s " LEATI_HAPROXY_SHARE "\n", map);
    leat_status st = leati_str_status(&command);
    if (st == LEAT_OK) st = say(h, leati_str_text(&command), &answer);
    if (st == LEAT_OK) {
        /* type=str, case=sensitive, found=yes, idx=tree, key="share", value="500", type="str" */
        const char *text = leati_str_text(&answer), *value = strstr(text, "value=\"");
        int64_t parts;
        size_t digits = value ? strcspn(value + 7, "\"") : 0;
        if (value && leati_int_parse(value + 7, digits, &parts))
            *percent = (double)parts / (LEATI_HAPROXY_PARTS / 100);
        else if (strstr(text, "found=no")) *percent = 0;
        else
            st = LEATI_FAIL(c, LEAT_NOT_FOUND, "the proxy knows no share in %s: %.120s", map, text);
    }
    leati_str_fini(&command);
    leati_str_fini(&answer);
    return st;
}
