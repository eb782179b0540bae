/* BMP and PNM files: every kind of pixel, and what is cut off. */
#include "support/leattest.h"

#include "io/image.h"

enum { MOST = 512 };

typedef struct bytes {
    uint8_t at[MOST];
    size_t size;
} bytes;

static void put(bytes *b, uint32_t value, size_t count)
{
    for (size_t i = 0; i < count; i++) b->at[b->size++] = (uint8_t)(value >> (8 * i));
}

static void put_all(bytes *b, const uint8_t *data, size_t count)
{
    if (count) memcpy(b->at + b->size, data, count);
    b->size += count;
}

/* A file header, a header of 40 bytes (12: the oldest), masks or a palette, then the pixels. */
static bytes bmp(size_t header, int32_t width, int32_t height, unsigned bits, uint32_t compression,
                 const uint8_t *extra, size_t extra_size, const uint8_t *pixels, size_t size)
{
    bytes b = {.size = 0};
    put_all(&b, (const uint8_t *)"BM", 2);
    put(&b, (uint32_t)(14 + header + extra_size + size), 4);
    put(&b, 0, 4);
    put(&b, (uint32_t)(14 + header + extra_size), 4);
    put(&b, (uint32_t)header, 4);
    put(&b, (uint32_t)width, header == 12 ? 2 : 4);
    put(&b, (uint32_t)height, header == 12 ? 2 : 4);
    put(&b, 1, 2);
    put(&b, bits, 2);
    if (header != 12) {
        put(&b, compression, 4);
        put(&b, (uint32_t)size, 4);
        put(&b, 0, 4);
        put(&b, 0, 4);
        put(&b, bits <= 8 ? (uint32_t)extra_size / 4 : 0, 4);
        put(&b, 0, 4);
    }
    put_all(&b, extra, extra_size);
    put_all(&b, pixels, size);
    return b;
}

static leat_status decode(leat_context *c, const bytes *b, size_t channels, leati_image_head *head,
                          uint8_t *pixels, char *why)
{
    leat_status st = leati_image_probe(b->at, b->size, head, why);
    if (st != LEAT_OK || head->width * head->height * 3 > MOST) return st;
    return leati_image_decode(c, b->at, b->size, head, channels, pixels, why);
}

static void check(leattest *t, const bytes *b, size_t width, size_t height, const uint8_t *rgb)
{
    leati_image_head head;
    char why[LEATI_IMAGE_WHY] = "";
    uint8_t pixels[MOST];
    if (!CHECK_OK(decode(t->context, b, 3, &head, pixels, why))) printf("    %s\n", why);
    CHECK_INT(head.width, width);
    CHECK_INT(head.height, height);
    CHECK(memcmp(pixels, rgb, width * height * 3) == 0);
    /* cut off anywhere it is an error and no image */
    for (size_t n = 0; n < b->size; n++) {
        bytes cut = *b;
        cut.size = n;
        leat_status st = decode(t->context, &cut, 3, &head, pixels, why);
        if (!CHECK(st == LEAT_FORMAT ||
                   (st == LEAT_OK && n + 1 == b->size && b->at[0] == 'P' && b->at[1] <= '3')))
            printf("    %zu of %zu bytes\n", n, b->size);
    }
}

static void bitmaps(leattest *t)
{
    static const uint8_t rgb[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 8, 16, 24};
    static const uint8_t wide[] = {255, 0, 0, 24, 16, 8, 0, 0, 0, 0, 255, 0, 255, 0, 0, 0};
    static const uint8_t flipped[] = {0, 0, 255, 0, 255, 0, 0, 0, 255, 0, 0, 24, 16, 8, 0, 0};
    static const uint8_t palette[] = {0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 24, 16, 8, 0};
    static const uint8_t old[] = {0, 0, 255, 0, 255, 0};
    static const uint8_t two[] = {255, 0, 0, 0, 255, 0, 255, 0, 0};
    static const uint8_t masks[] = {0, 0xf8, 0, 0, 0xe0, 7, 0, 0, 0x1f, 0, 0, 0};
    bytes b = bmp(40, 2, 2, 24, 0, NULL, 0, wide, sizeof wide);
    check(t, &b, 2, 2, rgb);
    b = bmp(40, 2, -2, 24, 0, NULL, 0, flipped, sizeof flipped);
    check(t, &b, 2, 2, rgb);
    b = bmp(40, 2, 2, 8, 0, palette, 16, (const uint8_t[]){2, 3, 0, 0, 0, 1, 0, 0}, 8);
    check(t, &b, 2, 2, rgb);
    b = bmp(40, 2, 2, 4, 0, palette, 16, (const uint8_t[]){0x23, 0, 0, 0, 0x01, 0, 0, 0}, 8);
    check(t, &b, 2, 2, rgb);
    b = bmp(12, 3, 1, 1, 0, old, 6, (const uint8_t[]){0x40, 0, 0, 0}, 4);
    check(t, &b, 3, 1, two);
    b = bmp(40, 3, 1, 16, 3, masks, 12, (const uint8_t[]){0, 0xf8, 0xe0, 0x07, 0x1f, 0, 0, 0}, 8);
    check(t, &b, 3, 1, (const uint8_t[]){255, 0, 0, 0, 255, 0, 0, 0, 255});
    b = bmp(40, 3, 1, 16, 0, NULL, 0, (const uint8_t[]){0, 0x7c, 0xe0, 0x03, 0x1f, 0, 0, 0}, 8);
    check(t, &b, 3, 1, (const uint8_t[]){255, 0, 0, 0, 255, 0, 0, 0, 255});
    b = bmp(40, 3, 1, 32, 0, NULL, 0, (const uint8_t[]){0, 0, 255, 9, 255, 255, 0, 9, 0, 0, 0, 9},
            12);
    check(t, &b, 3, 1, (const uint8_t[]){255, 0, 0, 0, 255, 255, 0, 0, 0});
}

static void broken_bitmaps(leattest *t)
{
    static const uint8_t palette[8] = {0}, line[8] = {0xff, 0xff};
    leati_image_head head;
    char why[LEATI_IMAGE_WHY];
    uint8_t pixels[MOST];
    const struct {
        bytes file;
        leat_status st;
        const char *why;
    } bad[] = {
        {bmp(40, 2, 1, 8, 1, palette, 8, line, 4), LEAT_UNSUPPORTED, "compressed"},
        {bmp(40, 2, 1, 7, 0, palette, 8, line, 4), LEAT_FORMAT, "number of bits"},
        {bmp(40, 0, 1, 24, 0, NULL, 0, line, 4), LEAT_FORMAT, "size"},
        {bmp(40, 2, 1, 8, 0, palette, 8, line, 4), LEAT_FORMAT, "a colour it does not have"},
        {bmp(40, 1, 1, 16, 3, palette, 8, line, 4), LEAT_FORMAT, "without bits"},
        {bmp(40, 1 << 14, 1 << 14, 24, 0, NULL, 0, line, 4), LEAT_FORMAT, "cut off"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_INT(decode(t->context, &bad[i].file, 3, &head, pixels, why), bad[i].st);
        if (!CHECK(strstr(why, bad[i].why))) printf("    %s\n", why);
    }
}

static bytes text(const char *head, const char *data, size_t size)
{
    bytes b = {.size = 0};
    put_all(&b, (const uint8_t *)head, strlen(head));
    put_all(&b, (const uint8_t *)data, size);
    return b;
}

static void any_maps(leattest *t)
{
    static const uint8_t grey[] = {0, 0, 0, 128, 128, 128, 255, 255, 255};
    static const uint8_t ink[] = {255, 255, 255, 0, 0, 0, 255, 255, 255};
    static const uint8_t rgb[] = {255, 0, 17, 0, 255, 0};
    bytes b = text("P5 # comment\n3 1\n255\n", "\0\200\377", 3);
    check(t, &b, 3, 1, grey);
    b = text("P5\n#a\n#b\n3\t1 65535\n", "\0\0\200\200\377\377", 6);
    check(t, &b, 3, 1, grey);
    b = text("P2\n3 1\n4\n", "0 2\n4", 5);
    check(t, &b, 3, 1, grey);
    b = text("P1\n3 1\n", "010", 3);
    check(t, &b, 3, 1, ink);
    b = text("P4\n3 1\n", "\100", 1);
    check(t, &b, 3, 1, ink);
    b = text("P6\n2 1\n255\n", "\377\0\21\0\377\0", 6);
    check(t, &b, 2, 1, rgb);
    b = text("P3\n2 1 255\n", "255 0 17 0 255 0", 16);
    check(t, &b, 2, 1, rgb);
    leati_image_head head;
    uint8_t one[4];
    char why[LEATI_IMAGE_WHY];
    b = text("P6\n2 1\n255\n", "\377\0\0\0\377\0", 6);
    CHECK_OK(decode(t->context, &b, 1, &head, one, why)); /* mixed from colours */
    CHECK(one[0] == 76 && one[1] == 150);
}

static void broken_any_maps(leattest *t)
{
    static const char *const bad[] = {"P5\n3 1\n0\n???",         "P5\n3 1\n70000\n??????",
                                      "P2\n2 1\n4\n3 5",         "P2\n2 1\n4\n3 x",
                                      "P5\n99999999999 1\n1\n?", "P1\n2 1\n02",
                                      "P5\n0 1\n255\n???????",   "P5 x 1\n255\n"};
    leati_image_head head;
    char why[LEATI_IMAGE_WHY];
    uint8_t pixels[MOST];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bytes b = text(bad[i], "", 0);
        if (!CHECK_INT(decode(t->context, &b, 3, &head, pixels, why), LEAT_FORMAT))
            printf("    %s\n", bad[i]);
    }
    bytes b = text("P5\n20000 20000\n255\n", "?", 1);
    CHECK_INT(decode(t->context, &b, 3, &head, pixels, why), LEAT_LIMIT);
}

static const leattest_case list[] = {TEST(bitmaps), TEST(broken_bitmaps), TEST(any_maps),
                                     TEST(broken_any_maps)};

LEATTEST_MAIN(list)
