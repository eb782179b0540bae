/* The parser of the build (llhttp, else http-parser) behind one small interface. It is the second
 * reader of every request: http_head.h and http_chunks.h read strictly, and where the parser finds
 * another length, another coding or another end, the request is refused. */
#ifndef LEATI_SERVE_HTTP_FRAMING_H
#define LEATI_SERVE_HTTP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if LEAT_HAVE_LLHTTP
#include <llhttp.h>
#elif LEAT_HAVE_HTTP_PARSER
#include <http_parser.h>
#endif

/* Takes the bytes of the body as they are found, without chunk framing; false refuses them. */
typedef bool (*leati_framing_body_fn)(void *user, const char *data, size_t length);

/* One request; used for one at a time, begun anew for each. */
typedef struct leati_framing {
#if LEAT_HAVE_LLHTTP
    llhttp_t parser;
#elif LEAT_HAVE_HTTP_PARSER
    http_parser parser;
#endif
    leati_framing_body_fn body;
    void *user;
    bool head, complete, refused;
} leati_framing;

/* What the parser made of a head. */
typedef struct leati_framing_facts {
    bool chunked;
    uint64_t length; /* of the body; 0 where there is none, or where it is chunked */
    bool complete;   /* nothing follows the head */
} leati_framing_facts;

/* "llhttp 9.2.1", "http-parser 2.9.4"; NULL in a build without either. */
const char *leati_framing_name(void);
/* A whole head; false where the parser refuses it or does not see its end. */
bool leati_framing_head(leati_framing *f, const char *head, size_t length,
                        leati_framing_facts *facts);
/* A piece of the body, framing included. False: refused, by the parser or by `body`
 * (f->refused). f->complete tells whether the request ended with the last byte. */
bool leati_framing_body(leati_framing *f, const char *data, size_t length,
                        leati_framing_body_fn body, void *user);

#endif
