/* Owns: SHA-256 (with the x86 SHA instructions where present), the table hash, CRC-32. */
#include "base/hash.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotr(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static uint32_t load_be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void blocks_plain(uint32_t s[8], const uint8_t *data, size_t count)
{
    for (; count; count--, data += 64) {
        uint32_t w[64], v[8];
        for (int t = 0; t < 16; t++) w[t] = load_be(data + 4 * t);
        for (int t = 16; t < 64; t++) {
            uint32_t s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
            uint32_t s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10;
            w[t] = w[t - 16] + s0 + w[t - 7] + s1;
        }
        memcpy(v, s, sizeof v);
        for (int t = 0; t < 64; t++) {
            uint32_t e = v[4], a = v[0];
            uint32_t t1 = v[7] + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) +
                          ((e & v[5]) ^ (~e & v[6])) + K[t] + w[t];
            uint32_t t2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) +
                          ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
            memmove(v + 1, v, 7 * sizeof *v);
            v[4] += t1;
            v[0] = t1 + t2;
        }
        for (int i = 0; i < 8; i++) s[i] += v[i];
    }
}

#if defined(__x86_64__)
/* gcc's runtime has looked once, before main; CPUID itself takes microseconds in a virtual machine,
 * as long as hashing kilobytes. clang's has no name for these instructions. */
static int has_sha(void)
{
#if !defined(__clang__) && __GNUC__ >= 11
    int sha = __builtin_cpu_supports("sha");
#else
    unsigned a, b, c, d;
    int sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
#endif
    return sha && __builtin_cpu_supports("sse4.1");
}

#define SHA __attribute__((target("sha,sse4.1")))

/* Words t to t + 3 of the message schedule from the 16 before them. */
SHA static inline __m128i next_words(__m128i a, __m128i b, __m128i c, __m128i d)
{
    __m128i part = _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4));
    return _mm_sha256msg2_epu32(part, d);
}

/* Rounds t to t + 3; the state is (ABEF, CDGH). */
SHA static inline void four_rounds(__m128i *abef, __m128i *cdgh, __m128i words, int t)
{
    __m128i w = _mm_add_epi32(words, _mm_loadu_si128((const __m128i *)(const void *)(K + t)));
    *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, w);
    *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(w, 0x0e));
}

SHA static inline __m128i load_words(const uint8_t *at, __m128i swap)
{
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)at), swap);
}

SHA static void blocks_sha(uint32_t s[8], const uint8_t *data, size_t count)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i lo = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)s), 0xb1);
    __m128i hi = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)(s + 4)), 0x1b);
    __m128i abef = _mm_alignr_epi8(lo, hi, 8), cdgh = _mm_blend_epi16(hi, lo, 0xf0);
    for (; count; count--, data += 64) {
        __m128i abef0 = abef, cdgh0 = cdgh;
        __m128i a = load_words(data, swap), b = load_words(data + 16, swap);
        __m128i c = load_words(data + 32, swap), d = load_words(data + 48, swap);
        four_rounds(&abef, &cdgh, a, 0);
        four_rounds(&abef, &cdgh, b, 4);
        four_rounds(&abef, &cdgh, c, 8);
        four_rounds(&abef, &cdgh, d, 12);
        for (int t = 16; t < 64; t += 16) {
            a = next_words(a, b, c, d);
            four_rounds(&abef, &cdgh, a, t);
            b = next_words(b, c, d, a);
            four_rounds(&abef, &cdgh, b, t + 4);
            c = next_words(c, d, a, b);
            four_rounds(&abef, &cdgh, c, t + 8);
            d = next_words(d, a, b, c);
            four_rounds(&abef, &cdgh, d, t + 12);
        }
        abef = _mm_add_epi32(abef, abef0);
        cdgh = _mm_add_epi32(cdgh, cdgh0);
    }
    lo = _mm_shuffle_epi32(abef, 0x1b);
    hi = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)s, _mm_blend_epi16(lo, hi, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(s + 4), _mm_alignr_epi8(hi, lo, 8));
}
#endif

#if !defined(__x86_64__)
static int has_sha(void)
{
    return 0;
}
#endif

static void blocks(leati_sha256 *h, const uint8_t *data, size_t count)
{
#if defined(__x86_64__)
    if (h->fast) {
        blocks_sha(h->state, data, count);
        return;
    }
#endif
    blocks_plain(h->state, data, count);
}

void leati_sha256_init(leati_sha256 *h)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(h->state, start, sizeof start);
    h->length = 0;
    h->fast = has_sha();
}

void leati_sha256_add(leati_sha256 *h, const void *data, size_t bytes)
{
    const uint8_t *p = data;
    size_t held = h->length % 64;
    h->length += bytes;
    if (held) {
        size_t take = 64 - held < bytes ? 64 - held : bytes;
        memcpy(h->block + held, p, take);
        p += take;
        bytes -= take;
        if (held + take < 64) return;
        blocks(h, h->block, 1);
    }
    blocks(h, p, bytes / 64);
    if (bytes % 64) memcpy(h->block, p + bytes / 64 * 64, bytes % 64);
}

void leati_sha256_end(leati_sha256 *h, uint8_t out[32])
{
    uint64_t bits = h->length * 8;
    uint8_t pad[72] = {0x80};
    size_t held = h->length % 64, zeros = held < 56 ? 56 - held : 120 - held;
    for (int i = 0; i < 8; i++) pad[zeros + (size_t)i] = (uint8_t)(bits >> (56 - 8 * i));
    leati_sha256_add(h, pad, zeros + 8);
    for (int i = 0; i < 32; i++) out[i] = (uint8_t)(h->state[i / 4] >> (24 - 8 * (i % 4)));
}

void leati_hex(const uint8_t *data, size_t bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * bytes] = '\0';
}

void leati_sha256_hex(const void *data, size_t bytes, char out[65])
{
    leati_sha256 h;
    uint8_t digest[32];
    leati_sha256_init(&h);
    leati_sha256_add(&h, data, bytes);
    leati_sha256_end(&h, digest);
    leati_hex(digest, sizeof digest, out);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Eight bytes a step, each folded by a 64x64 multiplication. */
uint64_t leati_hash64(const void *data, size_t bytes, uint64_t seed)
{
    const uint64_t odd1 = 0x9e3779b97f4a7c15u, odd2 = 0xd6e8feb86659fd93u;
    const char *p = data;
    uint64_t h = seed ^ mix(bytes ^ odd1, odd2), word;
    for (; bytes >= 8; bytes -= 8, p += 8) {
        memcpy(&word, p, 8);
        h = mix(h ^ word, odd1);
    }
    word = 0;
    if (bytes) memcpy(&word, p, bytes);
    return mix(h ^ word, odd2) ^ h >> 32;
}

/* Nibble table: small, and fast enough for the kilobytes it is used on. Bulk data goes to zlib. */
uint32_t leati_crc32(uint32_t crc, const void *data, size_t bytes)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                       0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    const uint8_t *p = data;
    crc = ~crc;
    for (size_t i = 0; i < bytes; i++) {
        crc = table[(crc ^ p[i]) & 15] ^ crc >> 4;
        crc = table[(crc ^ p[i] >> 4) & 15] ^ crc >> 4;
    }
    return ~crc;
}
