/* ZIP archives: round trip, alignment, equal bytes, damage of every kind. */
#include "support/leattest.h"

#include <zlib.h>

#include "base/mem.h"
#include "io/zip.h"

static leat_status make(leat_context *c, const char *path)
{
    leati_writer *to;
    leati_zip_writer *w = NULL;
    leat_status st = leati_writer_open(c, &to, path);
    if (st != LEAT_OK) return st;
    leati_zip_part parts[2] = {{"hello ", 6}, {"world", 5}};
    st = leati_zip_writer_create(c, &w, to);
    if (!st) st = leati_zip_add(w, "a.txt", "alpha", 5);
    if (!st) st = leati_zip_add(w, "empty", NULL, 0);
    if (!st) st = leati_zip_add_parts(w, "dir/b.txt", parts, 2);
    if (!st) st = leati_zip_finish(w);
    leati_zip_writer_destroy(w);
    if (st == LEAT_OK) return leati_writer_commit(to);
    leati_writer_abort(to);
    return st;
}

static void round_trip(leattest *t)
{
    leat_context *c = t->context;
    const char *path = leattest_scratch("a.zip"), *again = leattest_scratch("b.zip");
    leati_bytes b, b2;
    leati_zip *z;
    leati_zip_data d;
    REQUIRE_OK(make(c, path));
    REQUIRE_OK(make(c, again));
    REQUIRE_OK(leati_file_read(c, &b, path));
    REQUIRE_OK(leati_file_read(c, &b2, again));
    CHECK(b.size == b2.size && memcmp(b.data, b2.data, b.size) == 0);
    REQUIRE_OK(leati_zip_open(c, &z, b, "a.zip", 0));
    CHECK_INT(leati_zip_count(z), 3);
    CHECK_STR(leati_zip_at(z, 1)->name, "empty");
    CHECK(leati_zip_at(z, 3) == NULL);
    for (size_t i = 0; i < 3; i++) CHECK_INT(leati_zip_at(z, i)->at % LEATI_ZIP_ALIGN, 0);
    const leati_zip_member *m = leati_zip_find(z, "dir/b.txt");
    REQUIRE(m);
    REQUIRE_OK(leati_zip_read(c, z, m, &d));
    CHECK(d.size == 11 && memcmp(d.data, "hello world", 11) == 0 && !d.owned);
    leati_zip_data_release(&d);
    CHECK(leati_zip_find(z, "nowhere") == NULL);
    leati_zip_close(z);
    leati_bytes_release(&b);
    leati_bytes_release(&b2);
}

static void put(uint8_t **p, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++, v >>= 8) *(*p)++ = (uint8_t)v;
}

typedef struct forged {
    uint16_t flags, method;
    uint32_t crc, stored, size, local;
    const void *data;
    const char *name;
} forged;

static void put_fields(uint8_t **p, const forged *m)
{
    put(p, 20, 2);
    put(p, m->flags, 2);
    put(p, m->method, 2);
    put(p, 0, 4);
    put(p, m->crc, 4);
    put(p, m->stored, 4);
    put(p, m->size, 4);
    put(p, strlen(m->name), 2);
    put(p, 0, 2);
}

/* An archive written field by field, so that any of them can lie. */
static size_t forge(uint8_t *out, forged *m, size_t count, uint32_t counted)
{
    uint8_t *p = out;
    for (size_t i = 0; i < count; i++) {
        if (!m[i].local) m[i].local = (uint32_t)(p - out);
        put(&p, 0x04034b50, 4);
        put_fields(&p, &m[i]);
        memcpy(p, m[i].name, strlen(m[i].name));
        p += strlen(m[i].name);
        memcpy(p, m[i].data, m[i].stored < 4096 ? m[i].stored : 0);
        p += m[i].stored < 4096 ? m[i].stored : 0;
    }
    size_t start = (size_t)(p - out);
    for (size_t i = 0; i < count; i++) {
        put(&p, 0x02014b50, 4);
        put(&p, 20, 2);
        put_fields(&p, &m[i]);
        put(&p, 0, 10);
        put(&p, m[i].local, 4);
        memcpy(p, m[i].name, strlen(m[i].name));
        p += strlen(m[i].name);
    }
    size_t end = (size_t)(p - out);
    put(&p, 0x06054b50, 4);
    put(&p, 0, 4);
    put(&p, counted, 2);
    put(&p, counted, 2);
    put(&p, end - start, 4);
    put(&p, start, 4);
    put(&p, 0, 2);
    return (size_t)(p - out);
}

static leat_status try_open(leat_context *c, uint8_t *data, size_t size, uint64_t most)
{
    leati_zip *z;
    leati_zip_data d;
    leati_bytes b = {.data = (const char *)data, .size = size};
    leat_status st = leati_zip_open(c, &z, b, "x.zip", most);
    for (size_t i = 0; !st && i < leati_zip_count(z); i++) {
        st = leati_zip_read(c, z, leati_zip_at(z, i), &d);
        leati_zip_data_release(&d);
    }
    leati_zip_close(z);
    return st;
}

static void deflated(leattest *t)
{
    uint8_t text[2000], packed[2000], file[8192];
    for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)("abc"[i % 3]);
    z_stream s = {.next_in = text, .avail_in = sizeof text, .next_out = packed};
    s.avail_out = sizeof packed;
    REQUIRE(deflateInit2(&s, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    REQUIRE(deflate(&s, Z_FINISH) == Z_STREAM_END);
    uint32_t stored = (uint32_t)s.total_out;
    deflateEnd(&s);
    forged m = {.method = 8, .stored = stored, .size = sizeof text, .data = packed, .name = "t"};
    m.crc = (uint32_t)crc32(0, text, sizeof text);
    leati_zip *z;
    leati_zip_data d;
    size_t n = forge(file, &m, 1, 1);
    REQUIRE_OK(leati_zip_open(t->context, &z, (leati_bytes){(const char *)file, n}, "x", 0));
    REQUIRE_OK(leati_zip_read(t->context, z, leati_zip_at(z, 0), &d));
    CHECK(d.size == sizeof text && memcmp(d.data, text, d.size) == 0);
    leati_zip_data_release(&d);
    leati_zip_close(z);
    m.size--;
    n = forge(file, &m, 1, 1);
    CHECK_FAILS(try_open(t->context, file, n, 0), LEAT_FORMAT, "'t'|damaged");
    m.size += 2;
    n = forge(file, &m, 1, 1);
    CHECK_FAILS(try_open(t->context, file, n, 0), LEAT_FORMAT, "'t'|damaged");
    m.size = 0x40000000; /* a claim that deflate cannot keep */
    n = forge(file, &m, 1, 1);
    CHECK_FAILS(try_open(t->context, file, n, 0), LEAT_FORMAT, "differs");
}

static void hostile(leattest *t)
{
    leat_context *c = t->context;
    uint8_t file[8192];
    uint32_t crc = (uint32_t)crc32(0, (const uint8_t *)"hello", 5);
    const forged good = {.crc = crc, .stored = 5, .size = 5, .data = "hello", .name = "a"};
    forged m[2] = {good, good};
    m[1].name = "b";
    size_t n = forge(file, m, 2, 2);
    CHECK_OK(try_open(c, file, n, 0));
    CHECK_FAILS(try_open(c, file, n, 9), LEAT_LIMIT, "x.zip|9 bytes");
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1);
        memcpy(exact, file, cut);
        CHECK(try_open(c, exact, cut, 0) == LEAT_FORMAT);
        leat_error_clear(c);
        free(exact);
    }
    m[1].local = m[0].local = 0;
    m[1].name = "a";
    n = forge(file, m, 2, 2);
    CHECK_FAILS(try_open(c, file, n, 0), LEAT_FORMAT, "two members|'a'");
    m[0] = m[1] = good;
    m[0].crc++;
    n = forge(file, m, 1, 1);
    CHECK_FAILS(try_open(c, file, n, 0), LEAT_FORMAT, "checksum");
    m[0] = good;
    m[0].flags = 1;
    n = forge(file, m, 1, 1);
    CHECK_FAILS(try_open(c, file, n, 0), LEAT_UNSUPPORTED, "encrypted");
    m[0] = good;
    m[0].method = 12;
    n = forge(file, m, 1, 1);
    CHECK_FAILS(try_open(c, file, n, 0), LEAT_UNSUPPORTED, "method 12");
    m[0] = good;
    n = forge(file, m, 1, 900);
    CHECK_FAILS(try_open(c, file, n, 0), LEAT_FORMAT, "too short");
    m[0] = good;
    m[0].stored = m[0].size = 100000;
    n = forge(file, m, 1, 1);
    CHECK_FAILS(try_open(c, file, n, 0), LEAT_FORMAT, "outside");
}

/* The second entry points into the first member's data, which holds a local header of its own. */
static void overlapping(leattest *t)
{
    uint8_t file[8192], inner[64], *p = inner;
    forged b = {.name = "b", .data = ""};
    put(&p, 0x04034b50, 4);
    put_fields(&p, &b);
    *p++ = 'b';
    forged m[2] = {{.stored = 64, .size = 64, .data = inner, .name = "a"}, b};
    m[0].crc = (uint32_t)crc32(0, inner, 64);
    m[1].local = 31;
    size_t n = forge(file, m, 2, 2);
    CHECK_FAILS(try_open(t->context, file, n, 0), LEAT_FORMAT, "overlap");
}

static void names(leattest *t)
{
    leat_context *c = t->context;
    leati_writer *to;
    leati_zip_writer *w;
    REQUIRE_OK(leati_writer_open(c, &to, leattest_scratch("n.zip")));
    REQUIRE_OK(leati_zip_writer_create(c, &w, to));
    CHECK_OK(leati_zip_add(w, "a", "x", 1));
    CHECK_FAILS(leati_zip_add(w, "a", "x", 1), LEAT_INVALID, "two members|'a'");
    CHECK_FAILS(leati_zip_add(w, "", "x", 1), LEAT_INVALID, "name");
    leati_zip_writer_destroy(w);
    leati_writer_abort(to);
}

static leat_status body(leat_context *c, void *arg)
{
    leati_bytes b;
    leat_status st = make(c, arg);
    if (!st) st = leati_file_read(c, &b, arg);
    if (st) return st;
    st = try_open(c, (uint8_t *)(uintptr_t)b.data, b.size, 0);
    leati_bytes_release(&b);
    return st;
}

static void allocations(leattest *t)
{
    leattest_fail_allocations(t, body, (void *)(uintptr_t)leattest_scratch("f.zip"));
}

static const leattest_case cases[] = {
    TEST(round_trip),  TEST(deflated), TEST(hostile),
    TEST(overlapping), TEST(names),    TEST(allocations),
};
LEATTEST_MAIN(cases)
