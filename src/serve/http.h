/* The neutral request interface: all that a route sees of HTTP. The server (server.h) owns sockets,
 * framing, limits, encodings and time-outs; routes own meaning. No route sees the parser or the
 * event loop, and no part of the server knows a path.
 *
 * One exchange is one request and its reply. The handler runs on the loop of the connection's
 * worker and must not block: short work is done there, longer work is handed to another thread,
 * which ends the exchange by leati_exchange_finish from wherever it is. */
#ifndef LEATI_SERVE_HTTP_H
#define LEATI_SERVE_HTTP_H

#include <leat/status.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum leati_http_method {
    LEATI_HTTP_GET,
    LEATI_HTTP_HEAD,
    LEATI_HTTP_POST,
    LEATI_HTTP_PUT,
    LEATI_HTTP_DELETE,
    LEATI_HTTP_OPTIONS,
    LEATI_HTTP_PATCH
} leati_http_method;

/* Text inside the request; not terminated by a NUL. */
typedef struct leati_http_text {
    const char *data;
    size_t length;
} leati_http_text;

/* Names are in lower case; values without blanks around them. */
typedef struct leati_http_header {
    leati_http_text name, value;
} leati_http_header;

/* Lives as long as its exchange. */
typedef struct leati_http_request {
    leati_http_method method;
    /* Decoded once, begins with '/', has no empty, "." or ".." segment (one '/' may stand at the
     * end), no control byte and no encoded '/' (such requests get 400 from the server), is UTF-8;
     * ends with a NUL. "" where the head was not understood: for `fault` and `done` only. */
    const char *path;
    size_t path_length;
    leati_http_text query; /* after '?', as it came */
    const leati_http_header *headers;
    size_t header_count;
    /* Whole, chunks joined, Content-Encoding undone; empty (and perhaps NULL) while `admit` runs
     * and where none came. It begins at a multiple of 64 bytes, or, as it came with a
     * Content-Length, ends at one: what stands at its end, such as a tensor behind JSON, is aligned
     * there. */
    const void *body;
    size_t body_length;
    const char *id;   /* of the request: the client's X-Request-Id where it is sound, else ours */
    const char *peer; /* address without the port */
    uint64_t received_ns; /* CLOCK_MONOTONIC when its first byte was read */
    uint32_t worker;      /* 0 .. workers-1: for state that is kept by worker */
    bool secure;          /* came by TLS */
} leati_http_request;

typedef struct leati_http_exchange leati_http_exchange;

const leati_http_request *leati_exchange_request(const leati_http_exchange *exchange);
/* First header of that (lower case) name; a NULL text where there is none. */
leati_http_text leati_exchange_header_in(const leati_http_exchange *exchange, const char *name);

/* A pointer of the routes', NULL at first: found again in later calls for the same exchange (admit
 * to handle). The server does not free it. */
void leati_exchange_set_user(leati_http_exchange *exchange, void *user);
void *leati_exchange_user(const leati_http_exchange *exchange);

/* The same for a number, 0 at first. */
void leati_exchange_set_note(leati_http_exchange *exchange, uint32_t note);
uint32_t leati_exchange_note(const leati_http_exchange *exchange);
/* What one thread tells the next that takes the exchange up; 0 at first. */
void leati_exchange_carry(leati_http_exchange *exchange, uint64_t what);
uint64_t leati_exchange_carried(const leati_http_exchange *exchange);

/* What the request holds of something that others want as well, as the routes count it; 0 at
 * first. They give it back, at the latest when it is done. */
void leati_exchange_set_stake(leati_http_exchange *exchange, uint64_t stake);
uint64_t leati_exchange_stake(const leati_http_exchange *exchange);

/* When the request began to wait for a thread or for others, CLOCK_MONOTONIC; 0: it did not. */
void leati_exchange_set_waiting(leati_http_exchange *exchange, uint64_t since_ns);
uint64_t leati_exchange_waiting(const leati_http_exchange *exchange);

/* Memory for the bodies of many requests at once. Zero but for `most`. */
typedef struct leati_http_budget {
    size_t most; /* bytes */
    atomic_size_t used;
    atomic_uint refused; /* how often it had not enough */
} leati_http_budget;

/* Within `admit`: what the body has beyond LEATI_HTTP_FREE bytes is drawn from the budget until the
 * exchange ends, all at once where its length is known; what the budget does not have gets 503.
 * While others are refused, what holds a share of it has to move at a rate that fits the share. */
enum { LEATI_HTTP_FREE = 64 << 10 };
void leati_exchange_draw(leati_http_exchange *exchange, leati_http_budget *budget);
/* Draws so many bytes more, until the exchange ends, for what its body unfolds to. False: the
 * budget has not as many. */
bool leati_exchange_reserve(leati_http_exchange *exchange, size_t bytes);
/* Whether the budget would have as many if nobody else had any. */
bool leati_exchange_affords(const leati_http_exchange *exchange, size_t bytes);

/* Bytes that the body will have, where that is known while it comes; else 0. */
size_t leati_exchange_coming(const leati_http_exchange *exchange);
/* Memory of the routes that stays with the exchange until its reply is made, drawn from its budget;
 * once per exchange. NULL: there is none. */
void *leati_exchange_keep(leati_http_exchange *exchange, size_t bytes);
void *leati_exchange_kept(const leati_http_exchange *exchange); /* NULL: nothing */

/* The reply. By one thread at a time; none of these fail: what cannot be held for want of memory
 * makes leati_exchange_finish send 503 instead. Content-Length, Date, Connection, X-Request-Id and
 * Content-Encoding are the server's. */
void leati_exchange_header(leati_http_exchange *exchange, const char *name, const char *value);
void leati_exchange_write(leati_http_exchange *exchange, const void *data, size_t length);
/* Room for `length` more bytes of body, to be filled by the caller at once; NULL without memory
 * (finish as if it had worked: 503 is sent). leati_exchange_wrote says how many were used. */
void *leati_exchange_room(leati_http_exchange *exchange, size_t length);
void leati_exchange_wrote(leati_http_exchange *exchange, size_t length);
/* Over `length` bytes that were written from byte `at` of the body on; nothing without memory. */
void leati_exchange_amend(leati_http_exchange *exchange, size_t at, const void *data,
                          size_t length);
/* The header lines and the body that were written so far; until more is. False: memory was missing
 * on the way, and the answer will be 503 instead. */
bool leati_exchange_written(const leati_http_exchange *exchange, leati_http_text *fields,
                            leati_http_text *body);
/* The value of a header line that was written, until more is; data NULL: there is none. And
 * another value in its place. */
leati_http_text leati_exchange_header_out(const leati_http_exchange *exchange, const char *name);
void leati_exchange_header_again(leati_http_exchange *exchange, const char *name,
                                 const char *value);
/* Forgets headers and body written so far; or the headers behind the first `fields` bytes of their
 * lines (leati_exchange_written), and the body. */
void leati_exchange_restart(leati_http_exchange *exchange);
void leati_exchange_rewind(leati_http_exchange *exchange, size_t fields);
/* Sends the reply and ends the exchange, which must not be used again. From any thread, exactly
 * once per exchange. */
void leati_exchange_finish(leati_http_exchange *exchange, int http_status);

/* What the server asks of its routes; both on the worker's loop, for many exchanges at once. */
typedef struct leati_http_routes {
    void *user;
    /* The head was read, the body not yet. Returns the most bytes of body that this request may
     * have (after decoding), or finishes the exchange (401, 404, 405 ...) and returns 0: the
     * answer is sent before the body is read. Sets *finished then. A longer body gets 413. */
    size_t (*admit)(void *user, leati_http_exchange *exchange, bool *finished);
    /* More of a long body has come, though not all of it: request.body has what there is, where it
     * will stay. For looking ahead: nothing is written or ended here. False: not to be called again
     * for this exchange. May be NULL. */
    bool (*arriving)(void *user, leati_http_exchange *exchange);
    /* The request is complete. */
    void (*handle)(void *user, leati_http_exchange *exchange);
    /* The server found fault (400, 408, 413, 414, 415, 417, 431, 501, 503, 505), before or after
     * `admit` saw the exchange: writes the body of that answer
     * in the routes' error shape; it does not finish the exchange. `code` is a short word,
     * `message` a sentence. */
    void (*fault)(void *user, leati_http_exchange *exchange, int http_status, const char *code,
                  const char *message);
    /* After the last byte of the reply was written, or the connection was lost (sent = false):
     * for logs and metrics. The exchange but for its body is still readable here. Every exchange
     * that `admit` saw comes here once, others only where they were answered. May be NULL. */
    void (*done)(void *user, leati_http_exchange *exchange, int http_status, size_t reply_bytes,
                 uint64_t duration_ns, bool sent);
    /* On the loop of the worker, after it handled all that had come: ends exchanges that `handle`
     * put off until then. False: there were none. May be NULL. */
    bool (*settle)(void *user, uint32_t worker);
} leati_http_routes;

#endif
