/* Owns: one connection of libuv: accepting, reading, writing, TLS, closing, what it waits for. */
#include "serve/server.h"

#if LEAT_HAVE_SERVER
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#if defined(__linux__)
#include <linux/sockios.h>
#endif

#include "serve/server_worker.h"

enum { LINGER_MOST = 1 << 20, SPARE_MOST = 256, TLS_RECORD = 16 << 10, TLS_PIECE = 64 << 10 };

static leati_connection *of(leati_http_conn *conn)
{
    return (leati_connection *)conn;
}

/* --- lists of waiting --------------------------------------------------------------------- */

static void unlist(leati_connection *k)
{
    leati_worker *w = k->worker;
    if (!k->listed) return;
    *(k->before ? &k->before->after : &w->waits[k->waiting].first) = k->after;
    *(k->after ? &k->after->before : &w->waits[k->waiting].last) = k->before;
    k->before = k->after = NULL;
    k->listed = false;
}

void leati_connection_list(leati_connection *k, leati_waiting waiting)
{
    leati_worker *w = k->worker;
    unlist(k);
    k->waiting = waiting;
    k->since = uv_now(&w->loop);
    k->before = w->waits[waiting].last;
    *(k->before ? &k->before->after : &w->waits[waiting].first) = k;
    w->waits[waiting].last = k;
    k->listed = true;
}

/* --- closing ------------------------------------------------------------------------------ */

static void on_closed(uv_handle_t *handle)
{
    leati_connection *k = handle->data;
    leati_worker *w = k->worker;
    leati_tls_destroy(k->tls);
    leati_free(k->rest);
    w->connections--;
    atomic_fetch_sub(&w->server->connections, 1);
    if (w->spare_count >= SPARE_MOST) {
        leati_free(k);
        return;
    }
    k->after = w->spare;
    w->spare = k;
    w->spare_count++;
}

static void close_now(leati_connection *k)
{
    if (k->gone) return;
    k->gone = true;
    k->conn.closed = true;
    unlist(k);
    leati_http_conn_end(&k->conn);
    uv_close(&k->uv.handle, on_closed);
}

void leati_connection_cut(leati_connection *k)
{
    close_now(k);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    leati_connection *k = request->handle->data;
    if (status < 0) close_now(k);
}

static bool send_tls(leati_connection *k);
static leati_http_sending send_rest(leati_connection *k);
static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buf);
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void transport_close(leati_http_conn *conn, bool linger)
{
    leati_connection *k = of(conn);
    if (k->tls && k->handshaken) {
        leati_tls_close(k->tls);
        (void)send_tls(k);
    }
    if (!linger || conn->eof || uv_shutdown(&k->shutdown, &k->uv.stream, on_shutdown) != 0) {
        close_now(k);
        return;
    }
    leati_http_conn_end(conn);
    leati_connection_list(k, LEATI_WAIT_LINGER);
    if (!k->reading && uv_read_start(&k->uv.stream, on_room, on_read) != 0) close_now(k);
    k->reading = true;
}

/* --- writing ------------------------------------------------------------------------------ */

static void on_written(uv_write_t *request, int status)
{
    leati_connection *k = request->handle->data;
    k->writes--;
    if (k->gone || k->conn.closed) return;
    if (status < 0) {
        leati_http_conn_shut(&k->conn);
        return;
    }
    leati_http_sending rest = k->writes || !k->rest ? LEATI_HTTP_SENT : send_rest(k);
    if (rest == LEATI_HTTP_LOST) leati_http_conn_shut(&k->conn);
    else if (k->writes == 0 && k->conn.writing) leati_http_conn_sent(&k->conn);
    leati_connection_settle(k);
}

static leati_http_sending send_plain(leati_connection *k, const struct iovec *pieces, size_t count)
{
    uv_buf_t bufs[LEATI_HTTP_PIECES];
    size_t total = 0, first = 0;
    for (size_t i = 0; i < count; i++) {
        bufs[i] = (uv_buf_t){.base = pieces[i].iov_base, .len = pieces[i].iov_len};
        total += pieces[i].iov_len;
    }
    k->handed += total;
    int n = uv_try_write(&k->uv.stream, bufs, (unsigned)count);
    if (n < 0 && n != UV_EAGAIN) return LEATI_HTTP_LOST;
    size_t done = n < 0 ? 0 : (size_t)n;
    if (done == total) return LEATI_HTTP_SENT;
    while (done >= bufs[first].len) done -= bufs[first++].len;
    bufs[first].base += done;
    bufs[first].len -= done;
    if (uv_write(&k->write, &k->uv.stream, bufs + first, (unsigned)(count - first), on_written))
        return LEATI_HTTP_LOST;
    k->writes++;
    return LEATI_HTTP_LATER;
}

/* Encrypted bytes that the socket did not take at once. */
typedef struct later {
    uv_write_t write; /* first */
    char data[];
} later;

static void on_later(uv_write_t *request, int status)
{
    on_written(request, status);
    leati_free(request);
}

/* Sends what OpenSSL has made. False where the connection is lost. */
static bool send_tls(leati_connection *k)
{
    const char *data;
    size_t length = leati_tls_output(k->tls, &data), done = 0;
    if (length == 0) return true;
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)length);
    int n = uv_try_write(&k->uv.stream, &buf, 1);
    if (n < 0 && n != UV_EAGAIN) return false;
    if (n > 0) done = (size_t)n;
    if (done < length) {
        later *l = leati_alloc_quiet(k->worker->core.context, sizeof *l + length - done);
        if (!l) return false;
        memcpy(l->data, data + done, length - done);
        buf = uv_buf_init(l->data, (unsigned)(length - done));
        if (uv_write(&l->write, &k->uv.stream, &buf, 1, on_later) != 0) {
            leati_free(l);
            return false;
        }
        k->writes++;
    }
    k->handed += length;
    leati_tls_sent(k->tls);
    return true;
}

/* Encrypts as much as the socket takes, piece by piece, so that a long reply is in memory once. The
 * pieces are moved on. */
static leati_http_sending encrypt(leati_connection *k, struct iovec **pieces, size_t *count)
{
    const char *made;
    while (*count) {
        struct iovec *p = *pieces;
        size_t n = p->iov_len < TLS_PIECE ? p->iov_len : TLS_PIECE;
        if (!leati_tls_write(k->tls, p->iov_base, n)) return LEATI_HTTP_LOST;
        p->iov_base = (char *)p->iov_base + n;
        p->iov_len -= n;
        if (!p->iov_len) ++*pieces, --*count;
        if (*count && leati_tls_output(k->tls, &made) < TLS_PIECE) continue;
        if (!send_tls(k)) return LEATI_HTTP_LOST;
        if (k->writes) return LEATI_HTTP_LATER;
    }
    return k->writes ? LEATI_HTTP_LATER : LEATI_HTTP_SENT;
}

/* The socket has taken what was encrypted. */
static leati_http_sending send_rest(leati_connection *k)
{
    struct iovec *at = k->rest;
    leati_http_sending result = encrypt(k, &at, &k->rest_count);
    if (k->rest_count) {
        memmove(k->rest, at, k->rest_count * sizeof *at);
        return result;
    }
    leati_free(k->rest);
    k->rest = NULL;
    return result;
}

static leati_http_sending begin_tls(leati_connection *k, const struct iovec *pieces, size_t count)
{
    struct iovec all[LEATI_HTTP_PIECES], *at = all;
    memcpy(all, pieces, count * sizeof *all);
    leati_http_sending result = encrypt(k, &at, &count);
    if (result != LEATI_HTTP_LATER || !count) return result;
    k->rest = leati_alloc_quiet(k->worker->core.context, count * sizeof *at);
    if (!k->rest) return LEATI_HTTP_LOST;
    memcpy(k->rest, at, count * sizeof *at);
    k->rest_count = count;
    return result;
}

static leati_http_sending transport_send(leati_http_conn *conn, const struct iovec *pieces,
                                         size_t count)
{
    leati_connection *k = of(conn);
    return k->tls ? begin_tls(k, pieces, count) : send_plain(k, pieces, count);
}

static void transport_post(leati_http_core *core, leati_http_exchange *ex)
{
    leati_worker *w = (leati_worker *)core;
    atomic_fetch_add(&w->posting, 1); /* holds the worker until we have woken it */
    leati_http_exchange *head = atomic_load_explicit(&w->posted, memory_order_relaxed);
    do ex->next = head;
    while (!atomic_compare_exchange_weak_explicit(&w->posted, &head, ex, memory_order_acq_rel,
                                                  memory_order_relaxed));
    /* `settling` is the loop's own. */
    if (!pthread_equal(pthread_self(), core->thread) || !core->settling) uv_async_send(&w->wake);
    atomic_fetch_sub(&w->posting, 1);
}

const leati_http_transport leati_server_transport = {transport_send, transport_close,
                                                     transport_post};

/* --- reading ------------------------------------------------------------------------------ */

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    leati_connection *k = handle->data;
    char *at = k->worker->scratch;
    size_t room = LEATI_SERVER_SCRATCH;
    (void)wanted;
    if (!k->tls) leati_http_conn_landing(&k->conn, &at, &room);
    if (room > (size_t)1 << 30) room = (size_t)1 << 30;
    *buf = uv_buf_init(at, (unsigned)room);
}

static void plain_input(leati_connection *k, const char *data, size_t length)
{
    leati_http_conn_input(&k->conn, data, length);
}

static void tls_input(leati_connection *k, const char *data, size_t length)
{
    if (!leati_tls_feed(k->tls, data, length)) {
        leati_http_conn_shut(&k->conn);
        return;
    }
    while (!k->conn.closed) {
        char *at = k->worker->plain;
        size_t room = TLS_RECORD, got = 0;
        leati_http_conn_landing(&k->conn, &at, &room);
        leati_tls_result result = leati_tls_read(k->tls, at, room, &got);
        k->handshaken = leati_tls_ready(k->tls);
        if (result == LEATI_TLS_DATA) {
            plain_input(k, at, got);
            continue;
        }
        if (!send_tls(k)) result = LEATI_TLS_FAILED;
        if (result == LEATI_TLS_END) leati_http_conn_eof(&k->conn);
        if (result == LEATI_TLS_FAILED) leati_http_conn_shut(&k->conn);
        break;
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    leati_connection *k = stream->data;
    if (k->gone || n == 0) return;
    if (k->conn.closed) { /* lingering */
        k->dropped += n > 0 ? (size_t)n : 0;
        if (n < 0 || k->dropped > LINGER_MOST) close_now(k);
        return;
    }
    if (n > 0) {
        if (k->tls) tls_input(k, buf->base, (size_t)n);
        else plain_input(k, buf->base, (size_t)n);
    } else if (n == UV_EOF && (!k->tls || k->handshaken)) {
        uv_read_stop(stream);
        k->reading = false;
        leati_http_conn_eof(&k->conn);
    } else leati_http_conn_shut(&k->conn);
    if (!k->gone) leati_connection_settle(k);
}

/* --- what a connection waits for ---------------------------------------------------------- */

static leati_waiting waiting_for(const leati_connection *k)
{
    switch (leati_http_conn_phase(&k->conn)) {
    case LEATI_HTTP_IDLE: return LEATI_WAIT_REQUEST;
    case LEATI_HTTP_HEAD_IN: return LEATI_WAIT_HEAD;
    case LEATI_HTTP_BODY_IN: return LEATI_WAIT_BODY;
    case LEATI_HTTP_WRITING: return LEATI_WAIT_WRITE;
    case LEATI_HTTP_HANDLING: return LEATI_WAIT_ROUTES;
    case LEATI_HTTP_CLOSED: break;
    }
    return LEATI_WAIT_LINGER;
}

/* Bytes of replies that the client has taken: not those that libuv still has and, where it says so,
 * the kernel, which takes megabytes at once and then nothing for long. */
static uint64_t taken(const leati_connection *k)
{
    uint64_t left = k->uv.stream.write_queue_size;
#if defined(SIOCOUTQ)
    int held = 0;
    uv_os_fd_t fd;
    if (uv_fileno(&k->uv.handle, &fd) == 0 && ioctl(fd, SIOCOUTQ, &held) == 0 && held > 0)
        left += (uint64_t)held;
#endif
    return k->handed > left ? k->handed - left : 0;
}

void leati_connection_settle(leati_connection *k)
{
    if (k->gone || k->conn.closed) return;
    leati_waiting now = waiting_for(k);
    if (now == LEATI_WAIT_REQUEST && k->tls && !k->handshaken) now = LEATI_WAIT_HEAD;
    if (now != k->waiting || k->requests != k->conn.requests) {
        leati_connection_list(k, now);
        k->requests = k->conn.requests;
        k->mark = now == LEATI_WAIT_WRITE ? taken(k) : k->conn.came;
        (void)leati_http_conn_share(&k->conn, &k->refused);
    }
    bool read = !leati_http_conn_full(&k->conn) && !k->conn.eof;
    if (read == k->reading) return;
    k->reading = read;
    if (!read) uv_read_stop(&k->uv.stream);
    else if (uv_read_start(&k->uv.stream, on_room, on_read) != 0) leati_http_conn_shut(&k->conn);
}

/* Bytes that went in or out since the time began to run. */
static uint64_t moved(const leati_connection *k)
{
    if (k->waiting == LEATI_WAIT_BODY) return k->conn.came - k->mark;
    uint64_t now = k->waiting == LEATI_WAIT_WRITE ? taken(k) : k->mark;
    return now > k->mark ? now - k->mark : 0;
}

/* Bytes that have to move in the time: more of what has a share of the memory for which others
 * wait, so that nobody keeps it from them by sending or taking slowly. */
static uint64_t enough(leati_connection *k)
{
    uint64_t least = k->worker->waits[k->waiting].limit * LEATI_SERVER_SLOW_BODY / 1000;
    unsigned before = k->refused;
    size_t share = leati_http_conn_share(&k->conn, &k->refused) / LEATI_SERVER_SHARE_PARTS;
    return k->refused != before && share > least ? share : least;
}

/* Slow is not stuck: who moves enough bytes gets the same time again. */
void leati_connection_expire(leati_connection *k)
{
    bool moves = k->waiting == LEATI_WAIT_BODY || k->waiting == LEATI_WAIT_WRITE;
    if (moves && moved(k) >= enough(k)) {
        leati_connection_list(k, k->waiting);
        k->mark = k->waiting == LEATI_WAIT_BODY ? k->conn.came : taken(k);
    } else if (k->conn.closed || (k->tls && !k->handshaken)) {
        close_now(k);
    } else {
        leati_http_conn_expired(&k->conn);
        if (!k->gone) leati_connection_settle(k);
    }
}

/* --- accepting ---------------------------------------------------------------------------- */

static void name_peer(leati_connection *k)
{
    struct sockaddr_storage address;
    char *peer = k->conn.peer;
    int length = sizeof address;
    strcpy(peer, "unix");
    if (k->worker->server->local) return;
    if (uv_tcp_getpeername(&k->uv.tcp, (struct sockaddr *)&address, &length) != 0) {
        strcpy(peer, "unknown");
        return;
    }
    if (address.ss_family == AF_INET6)
        uv_ip6_name((const struct sockaddr_in6 *)&address, peer, LEATI_HTTP_PEER);
    else uv_ip4_name((const struct sockaddr_in *)&address, peer, LEATI_HTTP_PEER);
}

static leati_connection *fresh(leati_worker *w)
{
    leati_connection *k = w->spare;
    if (k) {
        w->spare = k->after;
        w->spare_count--;
    } else k = leati_alloc_quiet(w->core.context, sizeof *k);
    if (k) memset(k, 0, sizeof *k);
    return k;
}

static void start_reading(leati_connection *k)
{
    leati_worker *w = k->worker;
    leati_http_server *s = w->server;
    leati_http_conn_init(&k->conn, &w->core, s->tls != NULL);
    leati_connection_list(k, s->tls ? LEATI_WAIT_HEAD : LEATI_WAIT_REQUEST);
    if (uv_accept(&w->listener.stream, &k->uv.stream) != 0) {
        close_now(k);
        return;
    }
    if (!s->local) uv_tcp_nodelay(&k->uv.tcp, 1);
    name_peer(k);
    if (s->tls && !(k->tls = leati_tls_create(w->core.context, s->tls))) {
        close_now(k);
        return;
    }
    k->reading = true;
    if (uv_read_start(&k->uv.stream, on_room, on_read) != 0) {
        close_now(k);
        return;
    }
    if (atomic_load(&s->connections) > s->most) {
        if (k->tls) close_now(k);
        else leati_http_conn_turn_away(&k->conn);
    }
    if (!k->gone) leati_connection_settle(k);
}

/* Without memory the client stays in the queue of the socket until the next tick. */
void leati_connection_accept(leati_worker *w)
{
    leati_connection *k = fresh(w);
    w->owed = !k;
    if (!k) return;
    int failed = w->server->local ? uv_pipe_init(&w->loop, &k->uv.pipe, 0)
                                  : uv_tcp_init(&w->loop, &k->uv.tcp);
    if (failed) {
        leati_free(k);
        w->owed = true;
        return;
    }
    k->uv.handle.data = k;
    k->worker = w;
    w->connections++;
    atomic_fetch_add(&w->server->connections, 1);
    start_reading(k);
}
#endif
