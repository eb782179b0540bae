/* The head of a request: where it ends, and what it says, read strictly after RFC 9112. What two
 * readers could understand differently is refused, because a proxy in front of us may be the other
 * reader. Knows nothing of sockets, bodies or routes. */
#ifndef LEATI_SERVE_HTTP_HEAD_H
#define LEATI_SERVE_HTTP_HEAD_H

#include "serve/http.h"

enum {
    LEATI_HTTP_HEAD_MOST = 16 << 10,
    LEATI_HTTP_TARGET_MOST = 8 << 10,
    LEATI_HTTP_HEADERS_MOST = 64
};

/* Static; what leati_http_routes.fault is called with. */
typedef struct leati_http_fault {
    int status;
    const char *code, *message;
} leati_http_fault;

/* The state of looking for the empty line, from piece to piece. Starts as zeros. */
typedef struct leati_http_find {
    uint32_t lines; /* complete ones */
    size_t line;    /* bytes of the present line */
    size_t first;   /* bytes of the first one, once it is complete */
    bool cr;        /* the last byte is a CR */
} leati_http_find;

/* How many of these bytes belong to the head (*used), and whether it ends there. A fault: a line
 * that ends without CR; *used are the bytes before. */
const leati_http_fault *leati_http_head_find(leati_http_find *f, const char *data, size_t length,
                                             size_t *used, bool *complete);

typedef struct leati_http_head {
    leati_http_method method;
    bool minor;    /* HTTP/1.1, else 1.0 */
    bool asterisk; /* OPTIONS * */
    bool chunked, has_length;
    bool expect;            /* 100-continue */
    bool close, keep_alive; /* tokens of Connection */
    uint64_t content_length;
    leati_http_text path, query; /* the path not yet decoded */
    leati_http_text host, content_encoding, accept_encoding, request_id, authorization, key;
    size_t header_count;
    leati_http_header headers[LEATI_HTTP_HEADERS_MOST];
} leati_http_head;

/* The first line alone, without what ends it: refuses early what can become no request. */
const leati_http_fault *leati_http_head_line(const char *data, size_t length);

/* A whole head, CR LF CR LF included. Makes the names of headers lower case in place; all texts of
 * `head` lie in `data`. */
const leati_http_fault *leati_http_head_parse(leati_http_head *head, char *data, size_t length);

/* Undoes %XX in place. Refuses empty, "." and ".." segments (one '/' at the end may stay), control
 * bytes, an encoded '/' and what is not UTF-8 then. */
const leati_http_fault *leati_http_path_decode(char *path, size_t *length);

/* Equal to a lower-case word, ignoring case. */
bool leati_http_text_is(leati_http_text text, const char *word);

#endif
