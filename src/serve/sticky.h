/* What keeps a client on its version while a share of the requests goes to another one: a value of
 * the request, hashed. Who was among a share is so when the share grows. */
#ifndef LEATI_SERVE_STICKY_H
#define LEATI_SERVE_STICKY_H

#include "serve/rollout_walk.h"
#include "serve/route.h"

/* The value inside the request, or in `room`; false: it has none. */
enum { LEATI_STICKY_ROOM = 256 };
bool leati_sticky_find(leati_call *call, leati_sticky kind, const char *name,
                       char room[LEATI_STICKY_ROOM], leati_http_text *out);
/* The value of an input in the first row of a body: JSON in the forms of the APIs, a query or form,
 * or delimited text; as it stands there, quotes taken off. Pure; reads any bytes. */
bool leati_sticky_input(const char *body, size_t size, const char *name, leati_http_text *out);
bool leati_sticky_pair(leati_http_text pairs, const char *name, char room[LEATI_STICKY_ROOM],
                       leati_http_text *out);

/* Uniform on 0 .. 2^32 - 1: the first four bytes of SHA-256 of the seed (8 bytes, least first) and
 * the value, the same on every server and in every version of Leat. */
uint32_t leati_sticky_place(uint64_t seed, leati_http_text value);

#endif
