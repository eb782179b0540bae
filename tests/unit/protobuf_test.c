/* The wire format: hand-made bytes, round trips, and what must be refused. */
#include "io/protobuf.h"

#include <stdint.h>

#include "base/mem.h"
#include "support/leattest.h"

typedef struct inner {
    uint32_t has;
    int64_t number;
    const char *text;
    struct inner *child;
} inner;

/* Two bytes in a file, 328 in memory. */
typedef struct wide {
    uint32_t has;
    int64_t space[40];
} wide;

typedef struct outer {
    uint32_t has;
    int32_t i32;
    int64_t i64;
    uint64_t u64;
    float f;
    double d;
    const char *text;
    leati_pb_bytes bytes;
    inner *one;
    LEATI_PB_LIST(int32_t) i32s;
    LEATI_PB_LIST(float) floats;
    LEATI_PB_LIST(const char *) texts;
    LEATI_PB_LIST(leati_pb_bytes) blobs;
    LEATI_PB_LIST(inner) many;
    leati_pb_numbers lazy_ints, lazy_doubles;
    LEATI_PB_LIST(wide) wides;
} outer;

#define FIELD(T, n, k, many, lazy, f, type)                                                        \
    {                                                                                              \
        n, LEATI_PB_##k, many, lazy, offsetof(T, f), #f, type                                      \
    }

static const leati_pb_type inner_pb;
static const leati_pb_field inner_fields[] = {
    FIELD(inner, 1, INT64, false, false, number, NULL),
    FIELD(inner, 2, TEXT, false, false, text, NULL),
    FIELD(inner, 3, MESSAGE, false, false, child, &inner_pb),
};
static const leati_pb_type inner_pb = {"Inner", sizeof(inner), inner_fields, 3};
static const leati_pb_type wide_pb = {"Wide", sizeof(wide), NULL, 0};
static const leati_pb_field outer_fields[] = {
    FIELD(outer, 1, INT32, false, false, i32, NULL),
    FIELD(outer, 2, INT64, false, false, i64, NULL),
    FIELD(outer, 3, UINT64, false, false, u64, NULL),
    FIELD(outer, 4, FLOAT, false, false, f, NULL),
    FIELD(outer, 5, DOUBLE, false, false, d, NULL),
    FIELD(outer, 6, TEXT, false, false, text, NULL),
    FIELD(outer, 7, BYTES, false, false, bytes, NULL),
    FIELD(outer, 8, MESSAGE, false, false, one, &inner_pb),
    FIELD(outer, 9, INT32, true, false, i32s, NULL),
    FIELD(outer, 10, FLOAT, true, false, floats, NULL),
    FIELD(outer, 11, TEXT, true, false, texts, NULL),
    FIELD(outer, 12, BYTES, true, false, blobs, NULL),
    FIELD(outer, 13, MESSAGE, true, false, many, &inner_pb),
    FIELD(outer, 14, INT64, true, true, lazy_ints, NULL),
    FIELD(outer, 15, DOUBLE, true, true, lazy_doubles, NULL),
    FIELD(outer, 16, MESSAGE, true, false, wides, &wide_pb),
};
static const leati_pb_type outer_pb = {"Outer", sizeof(outer), outer_fields, 16};

/* Bytes as a literal, of which the last zero does not count. */
#define BYTES(text) ((leati_pb_bytes){text, sizeof(text) - 1})

static leat_status decode(leat_context *c, leati_pb_bytes bytes)
{
    leati_arena arena;
    void *message;
    leati_arena_init(&arena, c);
    leat_status st = leati_pb_decode(&arena, &outer_pb, bytes, &message);
    leati_arena_fini(&arena);
    return st;
}

static void plain_fields(leattest *t)
{
    leati_arena arena;
    void *message;
    leati_arena_init(&arena, t->context);
    /* -1 as ten bytes, 300, 2^64 - 1, 1.5f, -2.0, a text, bytes, a message, and an unknown field of
     * every wire type between them. */
    REQUIRE_OK(leati_pb_decode(
        &arena, &outer_pb,
        BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\xac\x02"
              "\xa0\x06\x07\xa1\x06"
              "12345678\xa2\x06\x03"
              "abc\xa5\x06"
              "1234"
              "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x25\x00\x00\xc0\x3f"
              "\x29\x00\x00\x00\x00\x00\x00\x00\xc0\x32\x03h\xc3\xbc\x3a\x02\x00\x01"
              "\xa3\x06\x08\x01\xab\x06\xac\x06\xa4\x06\x42\x05\x08\x07\x12\x01x"),
        &message));
    outer *m = message;
    CHECK_INT(m->i32, -1);
    CHECK_INT(m->i64, 300);
    CHECK(m->u64 == UINT64_MAX);
    CHECK(m->f == 1.5f && m->d == -2.0);
    CHECK_STR(m->text, "h\xc3\xbc");
    CHECK(m->bytes.size == 2 && m->bytes.data[1] == 1);
    REQUIRE(m->one != NULL);
    CHECK_INT(m->one->number, 7);
    CHECK_STR(m->one->text, "x");
    CHECK(m->one->child == NULL);
    CHECK_INT(m->has, 0x1fe);
    leati_arena_fini(&arena);
}

static void repeated_fields(leattest *t)
{
    leati_arena arena;
    void *message;
    leati_arena_init(&arena, t->context);
    /* Numbers packed, single and packed again. */
    REQUIRE_OK(leati_pb_decode(&arena, &outer_pb,
                               BYTES("\x4a\x02\x01\x02\x48\x03\x4a\x00\x4a\x01\x04"
                                     "\x52\x04\x00\x00\x80\x3f\x55\x00\x00\x00\x40"
                                     "\x5a\x01x\x5a\x00\x62\x01y\x6a\x00\x6a\x02\x08\x05"
                                     "\x72\x03\x01\xac\x02\x70\x09"),
                               &message));
    outer *m = message;
    REQUIRE(m->i32s.count == 4);
    for (int i = 0; i < 4; i++) CHECK_INT(m->i32s.at[i], i + 1);
    REQUIRE(m->floats.count == 2);
    CHECK(m->floats.at[0] == 1.0f && m->floats.at[1] == 2.0f);
    REQUIRE(m->texts.count == 2 && m->blobs.count == 1 && m->many.count == 2);
    CHECK_STR(m->texts.at[0], "x");
    CHECK_STR(m->texts.at[1], "");
    CHECK_STR(m->many.at[0].text, "");
    CHECK_INT(m->many.at[1].number, 5);
    CHECK_INT(m->lazy_ints.count, 3);
    CHECK_INT(m->lazy_doubles.count, 0);
    leati_pb_walk walk;
    uint64_t bits, want[] = {1, 300, 9};
    leati_pb_walk_begin(&walk, &m->lazy_ints);
    for (int i = 0; i < 3; i++) CHECK(leati_pb_walk_next(&walk, &bits) && bits == want[i]);
    CHECK(!leati_pb_walk_next(&walk, &bits));
    leati_arena_fini(&arena);
}

static void refused(leattest *t)
{
    leat_context *c = t->context;
    CHECK_FAILS(decode(c, BYTES("\x08")), LEAT_FORMAT, "Outer|byte 0|truncated");
    CHECK_FAILS(decode(c, BYTES("\x08\x80")), LEAT_FORMAT, "byte 0");
    CHECK_FAILS(decode(c, BYTES("\x10\x01\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")),
                LEAT_FORMAT, "byte 2|64 bits");
    CHECK_FAILS(decode(c, BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")), LEAT_FORMAT,
                "64 bits");
    CHECK_FAILS(decode(c, BYTES("\x25\x01\x02\x03")), LEAT_FORMAT, "cut off");
    CHECK_FAILS(decode(c, BYTES("\x32\x05xx")), LEAT_FORMAT, "longer than");
    CHECK_FAILS(decode(c, BYTES("\x32\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01xx")), LEAT_FORMAT,
                "longer than");
    CHECK_FAILS(decode(c, BYTES("\x00\x01")), LEAT_FORMAT, "out of range");
    CHECK_FAILS(decode(c, BYTES("\x0e\x01")), LEAT_FORMAT, "wire type");
    CHECK_FAILS(decode(c, BYTES("\x0c")), LEAT_FORMAT, "group");
    CHECK_FAILS(decode(c, BYTES("\x0b")), LEAT_FORMAT, "no end");
    CHECK_FAILS(decode(c, BYTES("\x0b\x14")), LEAT_FORMAT, "not begun");
    CHECK_FAILS(decode(c, BYTES("\x0a\x01x")), LEAT_FORMAT, "field i32|wire type");
    CHECK_FAILS(decode(c, BYTES("\x30\x01")), LEAT_FORMAT, "field text|wire type");
    CHECK_FAILS(decode(c, BYTES("\x32\x02x\x00")), LEAT_FORMAT, "field text|UTF-8");
    CHECK_FAILS(decode(c, BYTES("\x32\x01\xff")), LEAT_FORMAT, "UTF-8");
    CHECK_FAILS(decode(c, BYTES("\x52\x03"
                                "abc")),
                LEAT_FORMAT, "floats|whole numbers");
    CHECK_FAILS(decode(c, BYTES("\x4a\x02\x01\x80")), LEAT_FORMAT, "i32s|whole numbers");
    CHECK_FAILS(decode(c, BYTES("\x42\x00\x42\x00")), LEAT_FORMAT, "field one|twice");
    CHECK_FAILS(decode(c, BYTES("\x6a\x00\x6a\x04\x1a\x02\x08\x80")), LEAT_FORMAT,
                "many[1].child (Inner)|byte 6");
}

/* `levels` messages inside each other. */
static void nest(leati_str *out, int levels)
{
    leati_str one, two;
    leati_str_init(&one, out->context);
    for (int i = 0; i < levels; i++) {
        leati_str_init(&two, out->context);
        leati_pb_put_bytes(&two, i + 1 < levels ? 3 : 8, leati_str_text(&one), one.length);
        leati_str_fini(&one);
        one = two;
    }
    leati_str_addn(out, leati_str_text(&one), one.length);
    leati_str_fini(&one);
}

static void limits(leattest *t)
{
    leat_context *c = t->context;
    leati_str s;
    leati_str_init(&s, c);
    nest(&s, LEATI_PB_DEPTH_MOST);
    CHECK_OK(decode(c, (leati_pb_bytes){s.text, s.length}));
    leati_str_clear(&s);
    nest(&s, LEATI_PB_DEPTH_MOST + 1);
    CHECK_FAILS(decode(c, (leati_pb_bytes){s.text, s.length}), LEAT_LIMIT, "too deep");
    /* Groups nested deep, and a great many empty messages. */
    leati_str_clear(&s);
    for (int i = 0; i < 100; i++) leati_str_addc(&s, '\x0b');
    CHECK_FAILS(decode(c, (leati_pb_bytes){s.text, s.length}), LEAT_FORMAT, "too deep");
    leati_str_fini(&s);
    enum { EMPTY = 2000000 };
    char *many = leati_alloc(c, 3 * EMPTY);
    REQUIRE(many);
    for (int i = 0; i < EMPTY; i++) memcpy(many + 3 * i, "\x82\x01", 3);
    CHECK_FAILS(decode(c, (leati_pb_bytes){many, 3 * EMPTY}), LEAT_LIMIT, "memory");
    CHECK_OK(decode(c, (leati_pb_bytes){many, 3000}));
    leati_free(many);
}

static void filled(outer *m)
{
    static int32_t i32s[] = {-5, 0, 7};
    static float floats[] = {1, -0.5f};
    static const char *texts[] = {"a", "", "b"};
    static leati_pb_bytes blobs[] = {{"\0\1", 2}};
    static inner child = {.number = -9, .text = "deep"},
                 many[] = {{.text = ""}, {.number = 1, .text = "m", .child = &child}};
    *m = (outer){
        .has = 1u << 2, .i32 = -3, .u64 = 1u << 31, .f = -0.0f, .d = 0.1, .text = "\xc3\xbc"};
    m->i32s.at = i32s;
    m->i32s.count = 3;
    m->floats.at = floats;
    m->floats.count = 2;
    m->texts.at = texts;
    m->texts.count = 3;
    m->blobs.at = blobs;
    m->blobs.count = 1;
    m->many.at = many;
    m->many.count = 2;
    m->one = &child;
}

/* Encodes, decodes, encodes again: the same bytes. */
static leat_status there_and_back(leat_context *c, void *arg)
{
    (void)arg;
    outer m;
    leati_arena arena;
    leati_str a, b;
    void *again = NULL;
    filled(&m);
    leati_arena_init(&arena, c);
    leati_str_init(&a, c);
    leati_str_init(&b, c);
    leat_status st = leati_pb_encode(&outer_pb, &m, &a);
    leati_pb_put_bytes(&a, 14, "\x05\x06", 2);
    leati_pb_put_int(&a, 14, -1);
    leati_pb_put_double(&a, 15, 0.5);
    leati_pb_put_float(&a, 31, 0.5f);
    if (!st) st = leati_str_status(&a);
    if (!st) st = leati_pb_decode(&arena, &outer_pb, (leati_pb_bytes){a.text, a.length}, &again);
    if (!st) st = leati_pb_encode(&outer_pb, again, &b);
    if (!st && b.length != leati_pb_size(&outer_pb, again)) st = LEAT_DIFFERS;
    leati_str_clear(&a);
    if (!st) st = leati_pb_decode(&arena, &outer_pb, (leati_pb_bytes){b.text, b.length}, &again);
    if (!st) st = leati_pb_encode(&outer_pb, again, &a);
    if (!st && (a.length != b.length || memcmp(a.text, b.text, a.length) != 0)) st = LEAT_DIFFERS;
    leati_str_fini(&a);
    leati_str_fini(&b);
    leati_arena_fini(&arena);
    return st;
}

static void round_trip(leattest *t)
{
    outer m;
    leati_str s;
    leati_writer *file;
    leati_bytes bytes;
    CHECK_OK(there_and_back(t->context, NULL));
    /* A file has the same bytes, also with a part too large for the buffer. */
    filled(&m);
    static char large[100000];
    for (size_t i = 0; i < sizeof large; i++) large[i] = (char)i;
    m.bytes = (leati_pb_bytes){large, sizeof large};
    leati_str_init(&s, t->context);
    CHECK_OK(leati_pb_encode(&outer_pb, &m, &s));
    const char *path = leattest_scratch("m.pb");
    REQUIRE_OK(leati_writer_open(t->context, &file, path));
    CHECK_OK(leati_pb_write(t->context, &outer_pb, &m, file));
    REQUIRE_OK(leati_writer_commit(file));
    REQUIRE_OK(leati_file_read(t->context, &bytes, path));
    CHECK(bytes.size == s.length && memcmp(bytes.data, s.text, s.length) == 0);
    leati_bytes_release(&bytes);
    leati_str_fini(&s);
}

static void allocations(leattest *t)
{
    leattest_fail_allocations(t, there_and_back, NULL);
}

static const leattest_case cases[] = {
    TEST(plain_fields), TEST(repeated_fields), TEST(refused),
    TEST(limits),       TEST(round_trip),      TEST(allocations),
};
LEATTEST_MAIN(cases)
