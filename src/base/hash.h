/* SHA-256 for content addresses, and a fast hash for tables. */
#ifndef LEATI_BASE_HASH_H
#define LEATI_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct leati_sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes so far */
    uint8_t block[64];
    int fast; /* the processor has SHA instructions */
} leati_sha256;

/* FIPS 180-4. */
void leati_sha256_init(leati_sha256 *h);
void leati_sha256_add(leati_sha256 *h, const void *data, size_t bytes);
void leati_sha256_end(leati_sha256 *h, uint8_t out[32]);
/* Lower-case hex with terminator. */
void leati_sha256_hex(const void *data, size_t bytes, char out[65]);
void leati_hex(const uint8_t *data, size_t bytes, char *out); /* out: 2*bytes + 1 */

/* Not for untrusted storage formats: may change between versions. */
uint64_t leati_hash64(const void *data, size_t bytes, uint64_t seed);

uint32_t leati_crc32(uint32_t crc, const void *data, size_t bytes); /* ZIP, PNG; start with 0 */

#endif
