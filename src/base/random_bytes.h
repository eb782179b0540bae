/* Random bytes of the operating system, for secrets and names that must not be guessed or meet.
 * Everything that has to be reproducible uses base/rng.h instead. */
#ifndef LEATI_BASE_RANDOM_BYTES_H
#define LEATI_BASE_RANDOM_BYTES_H

#include <stddef.h>

#include <leat/context.h>

/* IO where the system has none. */
leat_status leati_random_bytes(leat_context *c, void *out, size_t bytes);

#endif
