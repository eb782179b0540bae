/* Reading the JSON of requests member by member, without a tree: the caller steps into objects and
 * arrays, takes what it knows and skips the rest. Nothing recurses; the text need not be followed
 * by readable bytes. A member that is known and stands twice is refused by who knows it. */
#ifndef LEATI_SERVE_JSON_IN_H
#define LEATI_SERVE_JSON_IN_H

#include "frame/json_scan.h"
#include "serve/fault.h"

#include <stdint.h>

typedef struct leati_json_in {
    const char *begin, *at, *end;
    const char *far;    /* behind it fewer than LEATI_JSON_PAD readable bytes are left */
    leati_fault *fault; /* 400 "malformed_json" where the text is none */
} leati_json_in;

enum { LEATI_JSON_PAD = 64 };

/* padded: LEATI_JSON_PAD bytes of zero follow the data, which makes short texts quicker. */
void leati_json_in_init(leati_json_in *in, const void *data, size_t size, bool padded,
                        leati_fault *fault);
/* The first character of the value that follows, 0 at the end. */
char leati_json_peek(leati_json_in *in);
/* Steps into the object ('{') or array ('[') that must follow; `what` names it in the message. */
bool leati_json_enter(leati_json_in *in, char bracket, const char *what);
/* Before each member. *first begins as true. 1: one follows; 0: the bracket was closed and is
 * behind; -1: a fault. */
int leati_json_more(leati_json_in *in, char bracket, bool *first);
/* The name of a member and the colon. */
bool leati_json_key(leati_json_in *in, leati_json_value *key);
/* Any value; objects and arrays as they stand. */
bool leati_json_any(leati_json_in *in, leati_json_value *v);
/* Steps over `null`, by which clients say that a member is absent; false: another value follows. */
bool leati_json_absent(leati_json_in *in);
/* Nothing but space may follow. */
bool leati_json_finish(leati_json_in *in);
/* Records that the text is not JSON here. */
bool leati_json_wrong(leati_json_in *in, const char *place, const char *expected);

/* Whether a STRING, escapes undone, is this text. */
bool leati_json_is(const leati_json_value *v, const char *text, size_t length);
#define LEATI_JSON_IS(v, literal) leati_json_is((v), "" literal, sizeof(literal) - 1)

/* A number at p: the place behind it, or NULL where none of the grammar stands there. *out is
 * infinite where it is too large. */
const char *leati_json_real(const leati_json_in *in, const char *p, double *out);
/* A number without fraction and exponent; *fits: whether it is in the range. */
const char *leati_json_whole(const char *p, const char *end, bool *negative, uint64_t *magnitude,
                             bool *fits);

#endif
