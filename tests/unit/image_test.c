/* Pictures written as PNG; whole columns as numbers. */
#include <math.h>
#include <zlib.h>

#include <leat/frame.h>
#include <leat/image.h>
#include <leat/read.h>

#include "base/file.h"
#include "base/hash.h"
#include "support/leattest.h"

static uint32_t u32(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* The chunks follow each other as the standard says, with right checksums; lines without filter. */
static void unpack(leattest *t, const char *path, uint8_t *lines, size_t size, uint32_t *width,
                   uint32_t *height, int *colour)
{
    leati_bytes b;
    REQUIRE_OK(leati_file_read(t->context, &b, path));
    CHECK(b.size > 57 && memcmp(b.data, "\x89PNG\r\n\x1a\n", 8) == 0);
    size_t at = 8, found = 0;
    while (at + 12 <= b.size) {
        uint32_t n = u32(b.data + at);
        const char *type = b.data + at + 4;
        REQUIRE(at + 12 + n <= b.size);
        CHECK_INT(u32(type + 4 + n), leati_crc32(0, type, n + 4));
        if (memcmp(type, "IHDR", 4) == 0) {
            *width = u32(type + 4), *height = u32(type + 8), *colour = type[13];
            CHECK_INT(type[12], 8);
        }
        uLongf got = (uLongf)size;
        if (memcmp(type, "IDAT", 4) == 0 &&
            CHECK(uncompress(lines, &got, (const Bytef *)type + 4, n) == Z_OK))
            CHECK_INT(got, size);
        found++;
        at += 12 + n;
    }
    CHECK_INT(found, 3);
    CHECK_INT(at, b.size);
    leati_bytes_release(&b);
}

static void grey(leattest *t)
{
    /* three images of 1 x 2 in two columns: a line of white between, one place left over */
    const float x[] = {0, 1, 0.5f, -3, 7, NAN};
    const char *path = leattest_scratch("grey.png");
    uint32_t w = 0, h = 0;
    int colour = -1;
    uint8_t lines[3 * 6];
    REQUIRE_OK(leat_image_write(t->context, path, x, LEAT_DIMS(3, 1, 2, 1), 2, 0, 1));
    unpack(t, path, lines, sizeof lines, &w, &h, &colour);
    CHECK_INT(w, 5);
    CHECK_INT(h, 3);
    CHECK_INT(colour, 0);
    const uint8_t want[] = {0,   0,   255, 255, 128, 0, 0,   255, 255,
                            255, 255, 255, 0,   255, 0, 255, 255, 255};
    CHECK(memcmp(lines, want, sizeof want) == 0);
}

static void colour(leattest *t)
{
    const float x[] = {0, 127.5f, 255, 51, 102, 153};
    const char *path = leattest_scratch("colour.png");
    uint32_t w = 0, h = 0;
    int kind = -1;
    uint8_t lines[2 * 4];
    REQUIRE_OK(leat_image_write(t->context, path, x, LEAT_DIMS(1, 2, 1, 3), 9, 255, 0));
    unpack(t, path, lines, sizeof lines, &w, &h, &kind);
    CHECK_INT(w, 1);
    CHECK_INT(h, 2);
    CHECK_INT(kind, 2);
    const uint8_t want[] = {0, 255, 128, 0, 0, 204, 153, 102};
    CHECK(memcmp(lines, want, sizeof want) == 0);
}

static void refused(leattest *t)
{
    const float x[4] = {0};
    const char *path = leattest_scratch("no.png");
    leat_context *c = t->context;
    CHECK_FAILS(leat_image_write(c, path, x, LEAT_DIMS(1, 2, 2), 1, 0, 1), LEAT_SHAPE,
                "no.png|(N, H, W, C)");
    CHECK_FAILS(leat_image_write(c, path, x, LEAT_DIMS(1, 1, 2, 2), 1, 0, 1), LEAT_SHAPE, "1 or 3");
    CHECK_FAILS(leat_image_write(c, path, x, LEAT_DIMS(0, 1, 2, 1), 1, 0, 1), LEAT_SHAPE, "(N");
    CHECK_FAILS(leat_image_write(c, path, x, LEAT_DIMS(1, 2, 2, 1), 0, 0, 1), LEAT_INVALID,
                "column");
    CHECK_FAILS(leat_image_write(c, path, x, LEAT_DIMS(1, 2, 2, 1), 1, 1, 1), LEAT_INVALID,
                "apart");
    CHECK_FAILS(leat_image_write(c, path, x, LEAT_DIMS(1, 1 << 20, 1 << 20, 1), 1, 0, 1),
                LEAT_LIMIT, "too many");
    CHECK_FAILS(leat_image_write(c, "/nowhere/at/all.png", x, LEAT_DIMS(1, 2, 2, 1), 1, 0, 1),
                LEAT_IO, "/nowhere");
    CHECK(!leati_path_exists(path));
}

static leat_status write_one(leat_context *c, void *path)
{
    const float x[4] = {0, 1, 2, 3};
    return leat_image_write(c, path, x, LEAT_DIMS(2, 1, 2, 1), 2, 0, 3);
}

static void memory(leattest *t)
{
    char path[1024];
    snprintf(path, sizeof path, "%s", leattest_scratch("memory.png"));
    leattest_fail_allocations(t, write_one, path);
}

/* ---- columns ----------------------------------------------------------------------------------
 */

static leat_frame *table(leattest *t)
{
    static const char text[] = "n,w,b,s,at\n1.5,3,true,red,1970-01-01T00:00:01\n"
                               ",-4,false,blue,1970-01-01T00:00:00.5\n2,5,true,,1970-01-02\n";
    leat_frame *f = NULL;
    const char *path = leattest_scratch("columns.csv");
    CHECK_OK(leati_file_write(t->context, path, text, sizeof text - 1));
    CHECK_OK(leat_frame_read(t->context, &f, path, NULL));
    return f;
}

static void columns(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f = table(t);
    float x[3];
    int64_t k[3];
    REQUIRE(f);
    CHECK_OK(leat_frame_values(c, f, 0, x, 3));
    CHECK(x[0] == 1.5f && isnan(x[1]) && x[2] == 2);
    CHECK_OK(leat_frame_values(c, f, 1, x, 3));
    CHECK(x[0] == 3 && x[1] == -4 && x[2] == 5);
    CHECK_OK(leat_frame_values(c, f, 2, x, 3));
    CHECK(x[0] == 1 && x[1] == 0 && x[2] == 1);
    CHECK_OK(leat_frame_values(c, f, 4, x, 3));
    CHECK(x[0] == 1 && x[1] == 0.5f && x[2] == 86400);
    CHECK_OK(leat_frame_codes(c, f, 3, k, 3));
    CHECK(k[0] == 0 && k[1] == 1 && k[2] == -1);
    CHECK_INT(leat_frame_levels(f, 3), 2);
    CHECK_STR(leat_frame_level(f, 3, 1), "blue");
    CHECK(!leat_frame_level(f, 3, 2) && !leat_frame_level(f, 0, 0) && !leat_frame_level(f, 9, 0));
    CHECK_INT(leat_frame_levels(f, 0), 0);
    CHECK_INT(leat_frame_shape(f, 0).rank, 0);
    CHECK_INT(leat_frame_shape(f, 3).rank, -1);
    CHECK_INT(leat_frame_shape(f, 9).rank, -1);
    CHECK_FAILS(leat_frame_values(c, f, 3, x, 3), LEAT_TYPE, "column s|text");
    CHECK_FAILS(leat_frame_codes(c, f, 0, k, 3), LEAT_TYPE, "column n|number");
    CHECK_FAILS(leat_frame_values(c, f, 0, x, 2), LEAT_SHAPE, "column n|3 rows");
    CHECK_FAILS(leat_frame_values(c, f, 5, x, 3), LEAT_NOT_FOUND, "column 5");
    leat_frame_release(f);
}

static const leattest_case cases[] = {TEST(grey), TEST(colour), TEST(refused), TEST(memory),
                                      TEST(columns)};
LEATTEST_MAIN(cases)
