/* Keys at the door of the server: who may ask is decided before a body is read. */
#ifndef LEATI_SERVE_GUARD_H
#define LEATI_SERVE_GUARD_H

#include "serve/keys.h"
#include "serve/route.h"

typedef struct leati_guard {
    leati_keys *keys; /* NULL: everybody may ask */
} leati_guard;

/* Whether requests need a key, by what leati_guard_open is told; *where: for leati_keys_open. */
bool leati_guard_asks(const char *keys, bool local, const char **where);
/* keys: "no", "yes" (the default store) or a store; NULL: "no" where only this machine can ask
 * (`local`), else "yes". */
leat_status leati_guard_open(leat_context *c, leati_guard *guard, const char *keys, bool local);
void leati_guard_close(leati_guard *guard);

/* False: the request was refused and its exchange is finished. The key, let in or not, is the
 * exchange's user pointer. */
bool leati_guard_admit(leati_guard *guard, leati_call *call);
/* Whether an answer may tell the one who asks of that model, where it tells of several; NULL: of
 * all there may be. */
bool leati_guard_shows(const leati_guard *guard, const leati_call *call, const char *model);
/* The rows of the call are known and about to be answered: they are taken from what its key may ask
 * for today, and given back where they are not answered. False: there are not as many; with `says`
 * the fault is recorded. */
bool leati_guard_take(leati_call *call, size_t rows, bool says);
/* What is left of the day, in the answer's fields, which were written before its rows were known.
 */
void leati_guard_say_left(leati_call *call);
/* Usage of the key, where there is one. */
void leati_guard_count(leati_call *call, uint64_t rows, uint64_t ns, bool ok);
/* The exchange is over, however it went. */
void leati_guard_done(leati_http_exchange *exchange);
/* Retry-After for a call that leati_guard_take refused. */
void leati_guard_say_when(leati_call *call);

#endif
