/* Reading one HTTP/1.1 response (RFC 9112) from bytes, without sockets: framing is read strictly,
 * because what follows on the connection is the next answer. */
#ifndef LEATI_CLIENT_RESPONSE_H
#define LEATI_CLIENT_RESPONSE_H

#include <leat/context.h>
#include <stdbool.h>
#include <stddef.h>

enum { LEATI_RESPONSE_HEAD_MOST = 64 << 10 };

typedef enum leati_response_result {
    LEATI_RESPONSE_MORE, /* give it more bytes */
    LEATI_RESPONSE_DONE,
    LEATI_RESPONSE_FAULT, /* `fault` says why */
    LEATI_RESPONSE_NOMEM
} leati_response_result;

typedef struct leati_response {
    const leat_context *context;
    size_t most;  /* bytes of body */
    bool no_body; /* the request was HEAD */
    /* What was read, once it is done. */
    int status;
    double retry_after; /* seconds; -1: none was said */
    bool keep;          /* the connection may be used again */
    char *body;         /* a zero byte follows; NULL where there is none */
    size_t length;
    const char *fault;
    /* While reading. */
    char *head;
    size_t head_length, head_capacity, capacity;
    int state;
    bool chunked, sized, last; /* last: HTTP/1.0 or Connection: close */
    size_t left;               /* of the body, or of the chunk */
    size_t line;               /* bytes of the present line of framing */
} leati_response;

/* Memory comes from the context's allocator; nothing is recorded in it. */
void leati_response_init(leati_response *r, const leat_context *c, bool no_body, size_t most);
void leati_response_fini(leati_response *r);
/* *used: how many of the bytes belong to this response; all of them while there is MORE. */
leati_response_result leati_response_feed(leati_response *r, const char *data, size_t length,
                                          size_t *used);
/* The connection has ended: DONE where that is the end of the body, else a FAULT. */
leati_response_result leati_response_end(leati_response *r);
/* Nothing of a response has come yet. */
bool leati_response_untouched(const leati_response *r);

#endif
