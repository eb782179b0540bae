/* Owns: sockets of clients, their time-outs, TLS on them. Not: what is said. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#endif
#include "client/stream.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/lookup.h"
#include "base/mem.h"
#include "base/progress.h"
#include "io/openssl.h"

static leati_stream_result failed(leati_stream *s, leati_stream_result result, const char *why)
{
    snprintf(s->why, sizeof s->why, "%s", why);
    return result;
}

/* Until the socket can be read or written. */
static leati_stream_result wait_for(leati_stream *s, short events, double until)
{
    for (;;) {
        double left = until - leati_now_s();
        struct pollfd p = {.fd = s->fd, .events = events};
        int n = left > 0 ? poll(&p, 1, left > 1e6 ? 1000000000 : (int)(left * 1000) + 1) : 0;
        if (n > 0) return LEATI_STREAM_OK;
        if (n == 0) return failed(s, LEATI_STREAM_LATE, "no answer in time");
        if (errno != EINTR) return failed(s, LEATI_STREAM_LOST, strerror(errno));
    }
}

/* --- TLS -------------------------------------------------------------------------------------- */

#if LEAT_HAVE_OPENSSL
struct leati_trust {
    leati_openssl lib;
    SSL_CTX *tls;
};

leat_status leati_trust_create(leat_context *c, leati_trust **out, const char *ca)
{
    *out = NULL;
    leati_trust *t = LEATI_NEW(c, leati_trust, 1);
    if (!t) return leat_error_status(c);
    const leati_openssl *l = &t->lib;
    leat_status st = leati_openssl_open(c, &t->lib);
    if (st != LEAT_OK) {
        leati_free(t);
        return st;
    }
    t->tls = l->SSL_CTX_new(l->TLS_client_method());
    bool good = t->tls && leati_openssl_least_tls12(l, t->tls);
    if (good) l->SSL_CTX_set_verify(t->tls, SSL_VERIFY_PEER, NULL);
    if (good)
        leati_openssl_mode(l, t->tls,
                           SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    good = good && (ca ? l->SSL_CTX_load_verify_locations(t->tls, ca, NULL)
                       : l->SSL_CTX_set_default_verify_paths(t->tls)) == 1;
    l->ERR_clear_error();
    if (good) {
        *out = t;
        return LEAT_OK;
    }
    leati_trust_destroy(t);
    return LEATI_FAIL(c, LEAT_INVALID, "no certificates of authorities can be read from %s",
                      ca ? ca : "the folders of the system");
}

void leati_trust_destroy(leati_trust *t)
{
    if (!t) return;
    t->lib.SSL_CTX_free(t->tls);
    leati_free(t);
}

/* OpenSSL writes to the socket by write(), which would end a program whose server has gone: the
 * signal is held back and taken. And it takes what stands in the thread's list of errors, be it of
 * something else, for one of its next call. */
typedef struct held {
    sigset_t before;
    bool pending;
} held;

static void hold_pipe(const leati_openssl *l, held *h)
{
    sigset_t pipe, now;
    l->ERR_clear_error();
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigemptyset(&now);
    sigpending(&now);
    h->pending = sigismember(&now, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &h->before);
}

static void release_pipe(const held *h)
{
    const struct timespec none = {0};
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    while (!h->pending && sigtimedwait(&pipe, NULL, &none) == -1 && errno == EINTR) continue;
    pthread_sigmask(SIG_SETMASK, &h->before, NULL);
}

/* Waits for what TLS wants; OK: try again. */
static leati_stream_result after(leati_stream *s, int error, double until)
{
    const leati_openssl *l = &s->trust->lib;
    if (error == SSL_ERROR_WANT_READ) return wait_for(s, POLLIN, until);
    if (error == SSL_ERROR_WANT_WRITE) return wait_for(s, POLLOUT, until);
    if (error == SSL_ERROR_ZERO_RETURN) return failed(s, LEATI_STREAM_END, "connection closed");
    unsigned long code = l->ERR_peek_error();
    const char *reason = code ? l->ERR_reason_error_string(code) : NULL;
    leati_stream_result r = failed(s, LEATI_STREAM_LOST, reason ? reason : "connection lost");
    l->ERR_clear_error();
    return r;
}

/* Server name indication (RFC 6066, 3). */
static bool name_server(const leati_openssl *l, SSL *tls, const char *host)
{
    return l->SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                       (void *)(uintptr_t)host) == 1;
}

static leati_stream_result start_tls(leati_stream *s, const leati_trust *trust, const char *host,
                                     double until)
{
    const leati_openssl *l = &trust->lib;
    held h;
    SSL *tls = l->SSL_new(trust->tls);
    bool address = strchr(host, ':') || !host[strspn(host, "0123456789.")];
    bool good = tls && l->SSL_set_fd(tls, s->fd) == 1;
    s->tls = tls;
    s->trust = trust;
    if (good && address) good = l->X509_VERIFY_PARAM_set1_ip_asc(l->SSL_get0_param(tls), host) == 1;
    else if (good) good = l->SSL_set1_host(tls, host) == 1 && name_server(l, tls, host);
    if (!good) return failed(s, LEATI_STREAM_REFUSED, "TLS cannot be set up");
    for (;;) {
        hold_pipe(l, &h);
        int done = l->SSL_connect(tls), error = done == 1 ? 0 : l->SSL_get_error(tls, done);
        release_pipe(&h);
        if (done == 1) return LEATI_STREAM_OK;
        leati_stream_result r = after(s, error, until);
        long verdict = l->SSL_get_verify_result(tls);
        if (verdict != X509_V_OK)
            return failed(s, LEATI_STREAM_REFUSED, l->X509_verify_cert_error_string(verdict));
        if (r != LEATI_STREAM_OK) return LEATI_STREAM_REFUSED;
    }
}

static leati_stream_result tls_send(leati_stream *s, const char *data, size_t length, double until)
{
    const leati_openssl *l = &s->trust->lib;
    while (length) {
        held h;
        size_t n = 0;
        hold_pipe(l, &h);
        int done = l->SSL_write_ex(s->tls, data, length, &n);
        int error = done == 1 ? 0 : l->SSL_get_error(s->tls, done);
        release_pipe(&h);
        data += n;
        length -= n;
        leati_stream_result r = done == 1 ? LEATI_STREAM_OK : after(s, error, until);
        if (r != LEATI_STREAM_OK) return r;
    }
    return LEATI_STREAM_OK;
}

static leati_stream_result tls_receive(leati_stream *s, char *to, size_t room, size_t *got,
                                       double until)
{
    const leati_openssl *l = &s->trust->lib;
    for (;;) {
        held h;
        hold_pipe(l, &h);
        int done = l->SSL_read_ex(s->tls, to, room, got);
        int error = done == 1 ? 0 : l->SSL_get_error(s->tls, done);
        release_pipe(&h);
        if (done == 1) return LEATI_STREAM_OK;
        leati_stream_result r = after(s, error, until);
        if (r != LEATI_STREAM_OK) return r;
    }
}

/* Takes in what TLS has to tell itself on the way. */
static bool tls_rests(const leati_stream *s)
{
    const leati_openssl *l = &s->trust->lib;
    held h;
    char byte;
    size_t n = 0;
    hold_pipe(l, &h);
    int done = l->SSL_peek_ex(s->tls, &byte, 1, &n);
    int error = done == 1 ? 0 : l->SSL_get_error(s->tls, done);
    release_pipe(&h);
    l->ERR_clear_error();
    return done != 1 && error == SSL_ERROR_WANT_READ;
}

static void end_tls(leati_stream *s)
{
    s->trust->lib.SSL_free(s->tls);
}
#else
leat_status leati_trust_create(leat_context *c, leati_trust **out, const char *ca)
{
    (void)ca;
    *out = NULL;
    return LEATI_FAIL(c, LEAT_UNSUPPORTED,
                      "https needs OpenSSL: install libssl-dev and build again");
}

void leati_trust_destroy(leati_trust *t)
{
    (void)t;
}

static leati_stream_result start_tls(leati_stream *s, const leati_trust *trust, const char *host,
                                     double until)
{
    (void)trust, (void)host, (void)until;
    return failed(s, LEATI_STREAM_REFUSED, "no TLS in this build");
}

static leati_stream_result tls_send(leati_stream *s, const char *data, size_t length, double until)
{
    (void)data, (void)length, (void)until;
    return failed(s, LEATI_STREAM_LOST, "no TLS in this build");
}

static leati_stream_result tls_receive(leati_stream *s, char *to, size_t room, size_t *got,
                                       double until)
{
    (void)to, (void)room, (void)until;
    *got = 0;
    return failed(s, LEATI_STREAM_LOST, "no TLS in this build");
}

static bool tls_rests(const leati_stream *s)
{
    (void)s;
    return false;
}

static void end_tls(leati_stream *s)
{
    (void)s;
}
#endif

/* --- sockets ---------------------------------------------------------------------------------- */

/* Waits for a connection that is under way. */
static leati_stream_result settle(leati_stream *s, double until)
{
    int error = 0;
    socklen_t size = sizeof error;
    leati_stream_result r = wait_for(s, POLLOUT, until);
    if (r != LEATI_STREAM_OK) return failed(s, LEATI_STREAM_REFUSED, "no connection in time");
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    return error ? failed(s, LEATI_STREAM_REFUSED, strerror(error)) : LEATI_STREAM_OK;
}

static leati_stream_result connect_to(leati_stream *s, int family, const void *address,
                                      socklen_t length, double until)
{
    int on = 1;
    s->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd < 0) return failed(s, LEATI_STREAM_REFUSED, strerror(errno));
    if (family != AF_UNIX) setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    leati_stream_result r = LEATI_STREAM_OK;
    if (connect(s->fd, address, length) != 0)
        r = errno == EINPROGRESS ? settle(s, until)
                                 : failed(s, LEATI_STREAM_REFUSED, strerror(errno));
    if (r != LEATI_STREAM_OK) {
        close(s->fd);
        s->fd = -1;
    }
    return r;
}

static leati_stream_result connect_local(leati_stream *s, const char *path, double until)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof a.sun_path)
        return failed(s, LEATI_STREAM_REFUSED, "the path of the socket is too long");
    memcpy(a.sun_path, path, length + 1);
    return connect_to(s, AF_UNIX, &a, sizeof a, until);
}

static leati_stream_result connect_name(const leat_context *c, leati_stream *s,
                                        leati_lookups *lookups, const char *host, const char *port,
                                        double until)
{
    struct addrinfo *found;
    const char *why = leati_lookup(c, lookups, host, port, AI_NUMERICSERV, until, &found);
    if (why) return failed(s, LEATI_STREAM_REFUSED, why);
    leati_stream_result r = failed(s, LEATI_STREAM_REFUSED, "the name has no address");
    for (const struct addrinfo *a = found; a && r != LEATI_STREAM_OK; a = a->ai_next)
        r = connect_to(s, a->ai_family, a->ai_addr, a->ai_addrlen, until);
    freeaddrinfo(found);
    return r;
}

leati_stream_result leati_stream_open(const leat_context *c, leati_stream *s,
                                      leati_lookups *lookups, const char *host, const char *port,
                                      const leati_trust *trust, double until)
{
    *s = (leati_stream){.fd = -1};
    leati_stream_result r =
        port ? connect_name(c, s, lookups, host, port, until) : connect_local(s, host, until);
    if (r == LEATI_STREAM_OK && trust) r = start_tls(s, trust, host, until);
    if (r != LEATI_STREAM_OK) leati_stream_close(s);
    return r;
}

void leati_stream_close(leati_stream *s)
{
    if (s->tls) end_tls(s);
    if (s->fd >= 0) close(s->fd);
    s->tls = NULL;
    s->fd = -1;
}

leati_stream_result leati_stream_send(leati_stream *s, const char *data, size_t length,
                                      double until)
{
    if (s->tls) return tls_send(s, data, length, until);
    while (length) {
        ssize_t n = send(s->fd, data, length, MSG_NOSIGNAL);
        if (n >= 0) {
            data += n;
            length -= (size_t)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            leati_stream_result r = wait_for(s, POLLOUT, until);
            if (r != LEATI_STREAM_OK) return r;
        } else if (errno != EINTR) {
            return failed(s, LEATI_STREAM_LOST, strerror(errno));
        }
    }
    return LEATI_STREAM_OK;
}

leati_stream_result leati_stream_receive(leati_stream *s, char *to, size_t room, size_t *got,
                                         double until)
{
    *got = 0;
    if (s->tls) return tls_receive(s, to, room, got, until);
    for (;;) {
        ssize_t n = recv(s->fd, to, room, 0);
        if (n > 0) {
            *got = (size_t)n;
            return LEATI_STREAM_OK;
        }
        if (n == 0) return failed(s, LEATI_STREAM_END, "connection closed");
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            leati_stream_result r = wait_for(s, POLLIN, until);
            if (r != LEATI_STREAM_OK) return r;
        } else if (errno != EINTR) {
            return failed(s, LEATI_STREAM_LOST, strerror(errno));
        }
    }
}

bool leati_stream_rests(const leati_stream *s)
{
    char byte;
    if (s->tls) return tls_rests(s);
    ssize_t n = recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}
