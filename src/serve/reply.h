/* Writing the body of an answer straight into the server's memory: text, JSON texts and numbers.
 *
 * Nothing here fails to the caller: without memory the server sends 503 in place of the answer. */
#ifndef LEATI_SERVE_REPLY_H
#define LEATI_SERVE_REPLY_H

#include "serve/fault.h"
#include "serve/http.h"

#include <string.h>

typedef struct leati_reply {
    leati_http_exchange *exchange;
    char *from, *at, *end; /* room of the server not yet handed back */
    size_t handed;         /* bytes handed back */
} leati_reply;

void leati_reply_init(leati_reply *r, leati_http_exchange *exchange);
/* Into memory of the caller instead; what finds no room is left out. */
void leati_reply_fixed(leati_reply *r, char *data, size_t size);
/* Hands back what was written. To be called before leati_exchange_finish. */
void leati_reply_end(leati_reply *r);
/* Bytes written so far. */
static inline size_t leati_reply_length(const leati_reply *r)
{
    return r->handed + (size_t)(r->at - r->from);
}
/* Room for `size` more bytes at r->at; false without memory. */
bool leati_reply_more(leati_reply *r, size_t size);
static inline bool leati_reply_room(leati_reply *r, size_t size)
{
    return (size_t)(r->end - r->at) >= size || leati_reply_more(r, size);
}
void leati_reply_raw(leati_reply *r, const char *text, size_t length);
/* Over `length` bytes that were written from byte `at` of the answer on. */
void leati_reply_amend(leati_reply *r, size_t at, const char *text, size_t length);
/* As a JSON text; bytes that are not UTF-8 become U+FFFD. */
void leati_reply_text(leati_reply *r, const char *text, size_t length);
/* The shortest text that reads back the same; null where it is not finite. */
void leati_reply_number(leati_reply *r, double value);
void leati_reply_unsigned(leati_reply *r, uint64_t value);
void leati_reply_whole(leati_reply *r, int64_t value);

/* Of a literal, or of a text that ends with a zero byte. */
#define LEATI_REPLY(r, literal) leati_reply_raw((r), "" literal, sizeof(literal) - 1)
static inline void leati_reply_string(leati_reply *r, const char *text)
{
    leati_reply_text(r, text, strlen(text));
}

/* The whole error answer but for its status, with its Content-Type. */
void leati_reply_fault(leati_http_exchange *exchange, const char *code, const char *message);

#endif
