/* The protocol machine: exchanges and connections without sockets, event loops or TLS. Bytes go in,
 * pieces of replies come out through a transport; so the machine runs in the server, in tests and
 * under a fuzzer alike. All of it belongs to one thread, the loop of its worker, but for the
 * functions of http.h that say otherwise. */
#ifndef LEATI_SERVE_HTTP_CORE_H
#define LEATI_SERVE_HTTP_CORE_H

#include <pthread.h>
#include <sys/uio.h>

#include "serve/http_buffer.h"
#include "serve/http_chunks.h"
#include "serve/http_coding.h"
#include "serve/http_framing.h"
#include "serve/http_head.h"
#include "serve/http_spares.h"

enum {
    LEATI_HTTP_ID_MOST = 64,
    LEATI_HTTP_PEER = 48,  /* bytes of an address, with its end */
    LEATI_HTTP_BATCH = 32, /* replies to pipelined requests that are sent together */
    LEATI_HTTP_PIECES = LEATI_HTTP_BATCH * 2 + 1,
    LEATI_HTTP_KEEP = 64 << 10,         /* larger buffers are freed when their exchange ends */
    LEATI_HTTP_SPARE_MOST = 256,        /* exchanges kept for the next requests */
    LEATI_HTTP_SHOW_EACH = 16 << 10,    /* bytes of a long body between two looks at it */
    LEATI_HTTP_LANDING = 128 << 10,     /* of such a body is taken from the socket at once */
    LEATI_HTTP_DISCARD_MOST = 64 << 10, /* of an unwanted body, so that the connection can stay */
    LEATI_HTTP_COMPRESS_LEAST = 1024,
    LEATI_HTTP_INLINE_MOST = 2048 /* bodies that are copied behind their head: one piece */
};

typedef struct leati_http_core leati_http_core;
typedef struct leati_http_conn leati_http_conn;

typedef enum leati_http_sending {
    LEATI_HTTP_SENT,
    LEATI_HTTP_LATER, /* leati_http_conn_sent follows; the pieces stay where they are until then */
    LEATI_HTTP_LOST
} leati_http_sending;

/* What the machine asks of those who own the bytes' way; none of these call the machine back
 * before they return, but `close`, which calls leati_http_conn_end. */
typedef struct leati_http_transport {
    leati_http_sending (*send)(leati_http_conn *conn, const struct iovec *pieces, size_t count);
    /* No more will be sent. `linger`: the client may still be sending; what comes is read and
     * dropped for a while, or the reply could be lost with it (RFC 9112, section 9.6). */
    void (*close)(leati_http_conn *conn, bool linger);
    /* From any thread: have the loop call leati_http_core_finished(core, exchange). */
    void (*post)(leati_http_core *core, leati_http_exchange *exchange);
} leati_http_transport;

/* Encoders that any thread may borrow; all workers share them. */
typedef struct leati_http_encoders {
    const leat_context *context;
    pthread_mutex_t lock;
    struct {
        leati_http_encoder *spare[8];
        size_t count;
    } of[LEATI_HTTP_CODINGS];
} leati_http_encoders;

void leati_http_encoders_init(leati_http_encoders *e, const leat_context *c);
void leati_http_encoders_fini(leati_http_encoders *e);

/* What the connections of one worker share. */
struct leati_http_core {
    const leat_context *context;
    const leati_http_routes *routes;
    const leati_http_transport *transport;
    leati_http_encoders *encoders; /* NULL: replies are not compressed */
    pthread_t thread;              /* of the loop */
    uint32_t worker;
    bool draining;                /* every reply closes its connection */
    bool settling;                /* the loop looks at what was posted by itself */
    leati_http_exchange *in_call; /* whose admit or handle is running */
    leati_http_exchange *spare;
    size_t spare_count;
    size_t live; /* exchanges that have not come back */
    leati_http_decoder *decoders[LEATI_HTTP_CODINGS];
    leati_http_spares spares;      /* of bodies and answers */
    leati_http_spares kept_spares; /* of what routes keep */
    uint64_t id_high, id_low;      /* of ids made here */
    int64_t date_second;
    char date[32]; /* "Sun, 06 Nov 1994 08:49:37 GMT" */
};

/* The caller has set context to thread; makes the ids distinct by `worker` and the clock. */
void leati_http_core_init(leati_http_core *core);
void leati_http_core_fini(leati_http_core *core);
/* Keeps the date of replies and frees what rests; about twice a second. */
void leati_http_core_tick(leati_http_core *core);
/* An exchange that was posted. */
void leati_http_core_finished(leati_http_core *core, leati_http_exchange *exchange);

typedef enum leati_http_phase {
    LEATI_HTTP_IDLE,     /* between requests */
    LEATI_HTTP_HEAD_IN,  /* a head has begun */
    LEATI_HTTP_BODY_IN,  /* a body is to come */
    LEATI_HTTP_HANDLING, /* the routes have the exchange */
    LEATI_HTTP_WRITING,  /* the transport has a reply */
    LEATI_HTTP_CLOSED
} leati_http_phase;

struct leati_http_conn {
    leati_http_core *core;
    char peer[LEATI_HTTP_PEER];
    leati_http_exchange *current; /* being read or handled */
    leati_http_exchange *unsent, **unsent_end;
    size_t unsent_count, sending;    /* `sending` of them are with the transport */
    leati_http_buffer pending;       /* input that could not be looked at yet */
    uint64_t discard;                /* bytes to come of a body that nobody wants */
    uint64_t came;                   /* bytes of bodies so far, for time-outs */
    uint64_t requests;               /* begun so far, for time-outs */
    uint8_t blank;                   /* bytes of the empty line that may stand before a request */
    bool secure, body;               /* body: the head of `current` is complete */
    bool handling, writing, interim; /* interim: 100 Continue is due */
    bool closing, linger, eof, closed;
};

/* conn->peer is the caller's to set. */
void leati_http_conn_init(leati_http_conn *conn, leati_http_core *core, bool secure);
/* Bytes came. */
void leati_http_conn_input(leati_http_conn *conn, const char *data, size_t length);
/* The client sends no more; replies may still go out. */
void leati_http_conn_eof(leati_http_conn *conn);
/* What was sent LATER is out. */
void leati_http_conn_sent(leati_http_conn *conn);
/* Time is up for what the connection is in: 408 where a request had begun, else it is closed. */
void leati_http_conn_expired(leati_http_conn *conn);
/* 503 and close, before anything was read: there are too many connections. */
void leati_http_conn_turn_away(leati_http_conn *conn);
/* Closes it as it is, without a word. */
void leati_http_conn_shut(leati_http_conn *conn);
/* The connection is gone: ends what can be ended; what the routes still have comes back later. */
void leati_http_conn_end(leati_http_conn *conn);

/* What the body that comes, and replies that go out, have drawn from a budget; 0: nothing.
 * *refused: how often that budget had not enough for others, so far. */
size_t leati_http_conn_share(const leati_http_conn *conn, unsigned *refused);
leati_http_phase leati_http_conn_phase(const leati_http_conn *conn);
/* Reading should stop: input is waiting already. */
bool leati_http_conn_full(const leati_http_conn *conn);
/* Where the next bytes are best put: the rest of a long body; false where it does not matter. */
bool leati_http_conn_landing(leati_http_conn *conn, char **at, size_t *room);

/* --- shared by http_exchange.c and http_connection.c -------------------------------------- */

struct leati_http_exchange {
    leati_http_request request;
    leati_http_core *core;
    leati_http_conn *conn; /* NULL once it is gone; for the loop only */
    leati_http_exchange *next;
    void *user;
    uint32_t note;
    uint64_t carried;
    uint64_t stake;
    uint64_t waiting; /* since */
    /* the request */
    leati_http_buffer raw; /* its head */
    leati_http_find find;
    bool admitted, line_read;
    bool keep; /* the connection stays */
    leati_framing framing;
    leati_http_chunks chunks;
    leati_http_decoder *decoder;
    leati_http_buffer body; /* the body behind `lead` bytes */
    size_t lead, body_most;
    leati_http_budget *budget;     /* NULL: none */
    size_t drawn;                  /* from it, for the body */
    size_t held;                   /* the same for the reply, until it is taken */
    uint64_t body_left;            /* of Content-Length */
    size_t show_at;                /* when the routes see the body on its way; SIZE_MAX: never */
    leati_http_buffer kept;        /* the routes' own */
    const leati_http_fault *fault; /* met while a piece of the body was taken */
    /* the reply */
    leati_http_buffer fields, out, packed, wire;
    bool finished, failed, has_type, dense; /* dense: the type does not compress */
    size_t crowded;                         /* it failed for want of so much budget */
    leati_http_coding coding;
    bool varies;
    int status;
    char id[LEATI_HTTP_ID_MOST + 1];
    char peer[LEATI_HTTP_PEER]; /* the connection may end before the exchange */
    leati_http_head head;
};

/* From the spare ones; NULL without memory. */
leati_http_exchange *leati_http_exchange_get(leati_http_core *core);
/* Tells routes.done where they know of the exchange, and keeps it for the next request. */
void leati_http_exchange_put(leati_http_exchange *ex, size_t reply_bytes, bool sent);
/* The body will have so many bytes; false: its budget has not. */
bool leati_http_exchange_reserve(leati_http_exchange *ex, size_t bytes);
/* The body is not needed any more, though its reply may take long to be taken. */
void leati_http_exchange_drop(leati_http_exchange *ex);
/* Makes the bytes of the reply: ex->wire, and the body behind it where it is not in there. */
bool leati_http_exchange_compose(leati_http_exchange *ex);
/* The reply is made: gives back what it does not need. */
void leati_http_exchange_settle(leati_http_exchange *ex);
const char *leati_http_reason(int status);

#endif
