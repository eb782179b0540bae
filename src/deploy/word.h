/* Words that go into files of other programs: what is none of these classes is refused, so that
 * nothing has to be quoted and nothing can mean something else. */
#ifndef LEATI_DEPLOY_WORD_H
#define LEATI_DEPLOY_WORD_H

#include <leat/context.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "web-1", "a.b_c": letters, digits, '.', '_', '-', not first '-' or '.', at most 64 bytes. `what`
 * names it in the message. Errors: INVALID. */
leat_status leati_word_name(leat_context *c, const char *what, const char *text, size_t length);
/* A path of letters, digits and "/._-+@~=:" */
leat_status leati_word_path(leat_context *c, const char *what, const char *text);
/* The name of an HTTP header. */
leat_status leati_word_header(leat_context *c, const char *what, const char *text);

/* "HOST:PORT", "[IPV6]:PORT", ":PORT" where `any_host`, with '/' PORT behind it where `agent`. */
typedef struct leati_endpoint {
    const char *host; /* with the brackets of IPv6; inside the text */
    size_t host_length;
    uint16_t port, agent; /* agent: 0: none */
} leati_endpoint;
leat_status leati_word_endpoint(leat_context *c, const char *what, const char *text, bool any_host,
                                bool agent, leati_endpoint *out);

/* "NAME=REST": *name_length is 0 where there is no name; returns the rest. */
const char *leati_word_named(const char *text, size_t *name_length);

#endif
