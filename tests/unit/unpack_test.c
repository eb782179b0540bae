/* gzip and zstd streams: whole, cut off, damaged, joined, and far larger than they look. */
#include "support/leattest.h"

#include <zlib.h>
#if LEAT_HAVE_ZSTD
#include <zstd.h>
#endif

#include "base/mem.h"
#include "io/source.h"
#include "io/unpack.h"

enum { PLAIN = 200000, PACKED = 300000 };

/* Text that packs to about a half. */
static void fill(char *out, size_t n)
{
    uint32_t state = 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        out[i] = (char)('a' + (state >> 28));
    }
}

static size_t gzip(char *out, size_t room, const char *data, size_t n)
{
    z_stream z = {0};
    if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)room;
    int code = deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return code == Z_STREAM_END ? room - z.avail_out : 0;
}

#if LEAT_HAVE_ZSTD
/* With a check sum, as the zstd command writes it. */
static size_t zstd(char *out, size_t room, const char *data, size_t n)
{
    ZSTD_CCtx *z = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
    size_t size = ZSTD_compress2(z, out, room, data, n);
    ZSTD_freeCCtx(z);
    return ZSTD_isError(size) ? 0 : size;
}
#endif

typedef size_t pack_fn(char *out, size_t room, const char *data, size_t n);

static bool gives(leattest *t, const char *packed, size_t size, const char *want, size_t n)
{
    char *out;
    size_t got = 0;
    if (!CHECK_OK(leati_unpack(t->context, &out, &got, packed, size))) return false;
    bool padded = true;
    for (size_t i = 0; i < LEATI_SOURCE_PAD; i++) padded = padded && out[got + i] == 0;
    bool same = got == n && memcmp(out, want, n) == 0;
    leati_free(out);
    return CHECK(same) && CHECK(padded);
}

static void whole(leattest *t, pack_fn *pack, char *plain, char *packed)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, PLAIN};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t size = pack(packed, PACKED, plain, sizes[i]);
        REQUIRE(size > 0 && gives(t, packed, size, plain, sizes[i]));
    }
}

/* Two streams one behind the other are the stream of both; an empty one between adds nothing. */
static void joined(leattest *t, pack_fn *pack, char *plain, char *packed)
{
    size_t size = pack(packed, PACKED, plain, 70000);
    size += pack(packed + size, PACKED - size, plain, 0);
    size += pack(packed + size, PACKED - size, plain + 70000, PLAIN - 70000);
    gives(t, packed, size, plain, PLAIN);
}

/* Cut off anywhere, it is refused, and so is a cut second stream. */
static void cut(leattest *t, pack_fn *pack, char *plain, char *packed)
{
    char *out;
    size_t n, size = pack(packed, PACKED, plain, PLAIN), step = size / 60;
    for (size_t left = 5; left < size; left += left < 20 || size - left < 2 * step ? 1 : step) {
        char *exact = malloc(left); /* so that reading past it is seen by a sanitizer */
        memcpy(exact, packed, left);
        leat_status st = leati_unpack(t->context, &out, &n, exact, left);
        free(exact);
        if (!CHECK_FAILS(st, LEAT_FORMAT, "end early|bytes of content")) return;
        CHECK(!out);
    }
    size_t both = size + pack(packed + size, PACKED - size, plain, 1000);
    CHECK_FAILS(leati_unpack(t->context, &out, &n, packed, both - 3), LEAT_FORMAT,
                "end early|after 20");
}

/* One bit turned anywhere: refused, or unpacked to the same (a bit that says nothing). */
static void damaged(leattest *t, pack_fn *pack, char *plain, char *packed)
{
    size_t size = pack(packed, PACKED, plain, 3000);
    int refused = 0, tried = 0;
    for (size_t at = 4; at < size; at += 7, tried++) {
        char *out;
        size_t n = 0;
        packed[at] ^= 0x10;
        leat_status st = leati_unpack(t->context, &out, &n, packed, size);
        packed[at] ^= 0x10;
        if (st == LEAT_OK) CHECK(n == 3000 && memcmp(out, plain, n) == 0);
        else CHECK(st == LEAT_FORMAT && !out);
        leat_error_clear(t->context);
        refused += st != LEAT_OK;
        leati_free(out);
    }
    CHECK(tried > 100 && refused >= tried - 2);
}

/* Few bytes that would fill a gigabyte stop at the memory the context may use. */
static void bomb(leattest *t, pack_fn *pack, char *packed)
{
    enum { BLOCK = 1 << 24, TIMES = 64 };
    char *zeros = calloc(BLOCK, 1), *out = NULL;
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    size_t n, size = zeros ? pack(packed, PACKED, zeros, BLOCK) : 0, total = 0;
    free(zeros);
    char *many = malloc(TIMES * size);
    REQUIRE(size > 0 && many);
    for (int i = 0; i < TIMES; i++, total += size) memcpy(many + total, packed, size);
    o.max_bytes = 40 << 20;
    REQUIRE(leat_context_create(&c, &o) == LEAT_OK);
    leat_status st = leati_unpack(c, &out, &n, many, total);
    CHECK(st == LEAT_LIMIT && !out && leat_context_peak_bytes(c) <= o.max_bytes);
    leat_context_destroy(c);
    free(many);
}

static leat_status unpack_body(leat_context *c, void *packed)
{
    char *out = NULL;
    size_t n, size;
    memcpy(&size, packed, sizeof size);
    leat_status st = leati_unpack(c, &out, &n, (char *)packed + sizeof size, size);
    leati_free(out);
    return st;
}

static void all(leattest *t, pack_fn *pack)
{
    char *plain = malloc(PLAIN), *packed = malloc(PACKED);
    if (CHECK(plain && packed)) {
        fill(plain, PLAIN);
        whole(t, pack, plain, packed);
        joined(t, pack, plain, packed);
        cut(t, pack, plain, packed);
        damaged(t, pack, plain, packed);
        bomb(t, pack, packed);
        size_t size = pack(packed + sizeof size, PACKED - sizeof size, plain, PLAIN);
        memcpy(packed, &size, sizeof size);
        leattest_fail_allocations(t, unpack_body, packed);
    }
    free(plain);
    free(packed);
}

static void gzip_streams(leattest *t)
{
    all(t, gzip);
}

static void zstd_streams(leattest *t)
{
#if LEAT_HAVE_ZSTD
    static const char old[] = "\x27\xb5\x2f\xfd\x01\x02\x03\x04"; /* a frame of zstd 0.7 */
    static const char skipped[] = "\x5a\x2a\x4d\x18\x02\x00\x00\x00!!";
    char packed[256], *out;
    size_t size = zstd(packed, sizeof packed - 32, "hello", 5), n;
    all(t, zstd);
    memcpy(packed + size, skipped, sizeof skipped - 1);
    gives(t, packed, size + sizeof skipped - 1, "hello", 5);
    memcpy(packed + size, old, sizeof old - 1);
    CHECK_FAILS(leati_unpack(t->context, &out, &n, packed, size + sizeof old - 1), LEAT_FORMAT,
                "no zstd frame after 5 bytes");
    CHECK_FAILS(leati_unpack(t->context, &out, &n, packed, size + 3), LEAT_FORMAT, "no zstd frame");
#else
    char *out;
    size_t n;
    CHECK_FAILS(leati_unpack(t->context, &out, &n, "\x28\xb5\x2f\xfd", 4), LEAT_UNSUPPORTED,
                "no zstd");
#endif
}

static void neither(leattest *t)
{
    char *out;
    size_t n;
    CHECK_FAILS(leati_unpack(t->context, &out, &n, "hello", 5), LEAT_FORMAT, "neither gzip nor");
    CHECK(!leati_packing("\x1f\x8b", 2) && !leati_packing("", 0));
    CHECK_STR(leati_packing("\x28\xb5\x2f\xfd", 4), "zstd");
}

static const leattest_case cases[] = {TEST(gzip_streams), TEST(zstd_streams), TEST(neither)};
LEATTEST_MAIN(cases)
