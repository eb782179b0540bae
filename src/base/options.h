/* Options of callers. Every struct of options begins with `struct_size`: how much of it the header
 * knew that the caller was compiled with. */
#ifndef LEATI_BASE_OPTIONS_H
#define LEATI_BASE_OPTIONS_H

#include <stddef.h>

#include <leat/context.h>

/* Puts what `given` (may be NULL: nothing) has over the defaults in `out`, of `size` bytes. INVALID
 * for a struct_size of 0, which is what somebody forgot to fill in, and for one beyond `size`: the
 * caller knows options that this library does not. */
leat_status leati_options_take(leat_context *c, void *out, size_t size, const void *given,
                               const char *type);

#define LEATI_OPTIONS(c, type, out, given)                                                         \
    leati_options_take((c), (out), sizeof(type), (given), #type)

#endif
