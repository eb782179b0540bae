/* PNG and JPEG against Pillow; folders of images as tables; hostile files. */
#include <sys/stat.h>
#include <unistd.h>

#include <leat/image.h>
#include <leat/read.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "frame/frame.h"
#include "golden/images.h"
#include "io/image.h"
#include "support/leattest.h"

enum { GOLDEN = sizeof golden_images / sizeof *golden_images };

static bool built(leattest *t)
{
    if (LEAT_HAVE_PNG && LEAT_HAVE_JPEG) return true;
    leattest_skip(t, "this build lacks libpng or libjpeg");
    return false;
}

static void golden(leattest *t)
{
    char why[LEATI_IMAGE_WHY] = "";
    leati_image_head h;
    if (!built(t)) return;
    for (size_t i = 0; i < GOLDEN; i++) {
        const struct golden_image *g = &golden_images[i];
        size_t count = g->height * g->width * g->channels;
        uint8_t pixels[4096];
        if (!CHECK(leati_image_probe(g->file, g->size, &h, why) == LEAT_OK)) puts(why);
        CHECK_INT(h.height, g->height);
        CHECK_INT(h.width, g->width);
        CHECK_INT(h.channels, g->channels);
        if (!CHECK(leati_image_decode(t->context, g->file, g->size, &h, h.channels, pixels, why) ==
                   LEAT_OK))
            puts(why);
        int worst = 0;
        for (size_t k = 0; k < count; k++) {
            int off = abs(pixels[k] - g->pixels[k]);
            if (off > worst) worst = off;
        }
        if (!CHECK(worst <= g->tolerance)) printf("    %s: %d apart\n", g->name, worst);
    }
}

/* Grey files as three equal channels, coloured ones as their grey. */
static void channels(leattest *t)
{
    char why[LEATI_IMAGE_WHY];
    uint8_t rgb[105], grey[35];
    leati_image_head h;
    if (!built(t)) return;
    for (int k = 0; k < 2; k++) {
        const struct golden_image *g = &golden_images[k];
        REQUIRE(leati_image_probe(g->file, g->size, &h, why) == LEAT_OK);
        CHECK(!leati_image_decode(t->context, g->file, g->size, &h, 3, rgb, why));
        CHECK(!leati_image_decode(t->context, g->file, g->size, &h, 1, grey, why));
        for (int i = 0; i < 35; i++) {
            const uint8_t *p = rgb + 3 * i;
            int mixed = (299 * p[0] + 587 * p[1] + 114 * p[2] + 500) / 1000;
            CHECK_INT(grey[i], mixed);
            if (k == 0) CHECK(p[0] == p[1] && p[1] == p[2] && p[0] == g->pixels[i]);
        }
    }
}

static void resized(leattest *t)
{
    float room[5 * 16 * 3];
    uint8_t to[9 * 16 * 3];
    const uint8_t *from = golden_images[1].pixels;
    for (size_t k = 0; k < sizeof golden_sizes / sizeof *golden_sizes; k++) {
        size_t h = golden_sizes[k].height, w = golden_sizes[k].width;
        leati_image_resize(from, 5, 7, 3, to, h, w, room);
        for (size_t i = 0; i < h * w * 3; i++) /* Pillow rounds between the passes */
            CHECK_NEAR(to[i], golden_sizes[k].pixels[i], 0, 1.01);
    }
    leati_image_resize(from, 5, 7, 3, to, 5, 7, room);
    CHECK(memcmp(to, from, 105) == 0);
}

static void damaged(leattest *t)
{
    char why[LEATI_IMAGE_WHY];
    uint8_t pixels[4096];
    leati_image_head h;
    if (!built(t)) return;
    /* every file cut off anywhere, and with every byte changed: an error or pixels, no more */
    for (size_t i = 0; i < GOLDEN; i++) {
        const struct golden_image *g = &golden_images[i];
        uint8_t *copy = leati_memdup(t->context, g->file, g->size);
        REQUIRE(copy);
        for (size_t k = 0; k < 2 * g->size; k++) {
            size_t n = k < g->size ? k : g->size, at = k - g->size;
            if (k >= g->size) copy[at] ^= 0x55;
            leat_status st = leati_image_probe(copy, n, &h, why);
            if (st == LEAT_OK && h.width * h.height * 3 <= sizeof pixels)
                st = leati_image_decode(t->context, copy, n, &h, 3, pixels, why);
            if (k < g->size - 12) CHECK(st != LEAT_OK && *why);
            if (k >= g->size) copy[at] ^= 0x55;
        }
        leati_free(copy);
    }
    /* 2^31 - 1 pixels each way */
    uint8_t *huge = leati_memdup(t->context, golden_images[0].file, golden_images[0].size);
    REQUIRE(huge);
    memset(huge + 16, 0x7f, 8);
    CHECK(leati_image_probe(huge, golden_images[0].size, &h, why) != LEAT_OK);
    leati_free(huge);
    CHECK(leati_image_probe("GIF89a", 6, &h, why) == LEAT_FORMAT);
}

/* ---- folders ----------------------------------------------------------------------------------
 */

static char root[1024];

static void write_file(leattest *t, const char *path, const void *data, size_t size)
{
    char whole[1200], *slash;
    snprintf(whole, sizeof whole, "%s/%s", root, path);
    slash = strrchr(whole, '/');
    *slash = 0;
    CHECK_OK(leati_folder_make(t->context, whole));
    *slash = '/';
    CHECK_OK(leati_file_write(t->context, whole, data, size));
}

static void write_golden(leattest *t, const char *path, int i)
{
    write_file(t, path, golden_images[i].file, golden_images[i].size);
}

static leat_status read_root(leat_context *c, const char *images, leat_frame **f)
{
    leat_read_options o = leat_read_options_default();
    o.images = images;
    return leat_frame_read(c, f, root, &o);
}

static void classes(leattest *t)
{
    leat_frame *f;
    leat_read_options o = leat_read_options_default();
    size_t length;
    const char *text;
    if (!built(t)) return;
    snprintf(root, sizeof root, "%s", leattest_scratch("classes"));
    write_golden(t, "dog/b.PNG", 1);
    write_golden(t, "dog/a.png", 0);
    write_golden(t, "cat/1.png", 2);
    write_file(t, "cat/notes.txt", "no image", 8);
    write_file(t, "cat/.hidden.png", "no image", 8);
    REQUIRE_OK(leat_read_report_create(t->context, &o.report));
    REQUIRE_OK(leat_frame_read(t->context, &f, root, &o));
    CHECK_STR(leat_read_report_format(o.report), "images");
    CHECK_STR(leat_read_report_note(o.report, 0, NULL), "1 files are no images by their names");
    CHECK_INT(leat_frame_rows(f), 3);
    CHECK_INT(leat_frame_shape(f, 0).dim[0], 5);
    CHECK_INT(leat_frame_shape(f, 0).dim[1], 7);
    CHECK_INT(leat_frame_shape(f, 0).dim[2], 3);
    const char *const want[] = {"cat", "dog", "dog"};
    for (size_t i = 0; i < 3; i++) {
        CHECK(leat_frame_text(f, 1, i, &text, &length));
        CHECK_STR(text, want[i]);
    }
    /* a.png is grey, b.PNG coloured */
    const uint8_t *x = f->column[0]->u8;
    CHECK(memcmp(x, golden_images[2].pixels, 105) == 0);
    CHECK(x[105] == golden_images[0].pixels[0] && x[106] == x[105]);
    CHECK(memcmp(x + 210, golden_images[1].pixels, 105) == 0);
    leat_frame_release(f);
    o.images = "2x3x1";
    REQUIRE_OK(leat_frame_read(t->context, &f, root, &o));
    CHECK_INT(leat_frame_shape(f, 0).dim[2], 1);
    CHECK_INT(f->column[0]->length, 6);
    leat_frame_release(f);
    leat_read_report_destroy(o.report);
}

static void refused(leattest *t)
{
    leat_frame *f;
    leat_context *c = t->context;
    if (!built(t)) return;
    snprintf(root, sizeof root, "%s", leattest_scratch("refused"));
    CHECK_OK(leati_folder_make(c, root));
    CHECK_FAILS(read_root(c, NULL, &f), LEAT_INVALID,
                "a folder without images|a folder for each class");
    write_golden(t, "a/1.png", 0);
    CHECK_FAILS(read_root(c, "0x3", &f), LEAT_INVALID, "0x3|64x64x3");
    CHECK_FAILS(read_root(c, "3x3x2", &f), LEAT_INVALID, "3x3x2");
    CHECK_FAILS(read_root(c, "3x3x3x3", &f), LEAT_INVALID, "3x3x3x3");
    write_golden(t, "a/2.jpg", 7);
    CHECK_FAILS(read_root(c, NULL, &f), LEAT_SHAPE, "a/2.jpg has 20 x 17|1.png|--images 5x7x3");
    CHECK_OK(read_root(c, "8x8", &f));
    leat_frame_release(f);
    write_file(t, "a/3.jpeg", golden_images[7].file, golden_images[7].size / 2);
    CHECK_FAILS(read_root(c, "8x8", &f), LEAT_FORMAT, "a/3.jpeg: a damaged JPEG");
    write_file(t, "a/3.jpeg", "what", 4);
    CHECK_FAILS(read_root(c, "8x8", &f), LEAT_FORMAT, "a/3.jpeg: no PNG, JPEG, BMP or PNM");
    write_golden(t, "a/3.jpeg", 8);
    write_file(t, "b/readme", "nothing", 7);
    CHECK_FAILS(read_root(c, "8x8", &f), LEAT_FORMAT,
                "refused/b holds no PNG, JPEG, BMP or PNM image");
    write_golden(t, "b/1.png", 0);
    write_golden(t, "beside.png", 0);
    CHECK_FAILS(read_root(c, "8x8", &f), LEAT_FORMAT, "both in folders");
}

/* Memory that cannot be had is told with what it was for. */
static void too_large(leattest *t)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leat_frame *f;
    if (!built(t)) return;
    snprintf(root, sizeof root, "%s", leattest_scratch("too-large"));
    write_golden(t, "a/1.png", 0);
    o.max_bytes = 10 << 20;
    REQUIRE(leat_context_create(&c, &o) == LEAT_OK);
    CHECK(read_root(c, "10000x9000x3", &f) == LEAT_LIMIT);
    CHECK(strstr(leat_error_message(c), ": 1 images of 10000x9000x3: 270 MB more would pass") &&
          strstr(leat_error_message(c), "--images 64x64x3"));
    leat_context_destroy(c);
}

/* Cut off before and behind its head, the only one of its class, and none but those. */
static void left_out(leattest *t)
{
    leat_frame *f;
    leat_read_options o = leat_read_options_default();
    size_t length;
    const char *text;
    if (!built(t)) return;
    snprintf(root, sizeof root, "%s", leattest_scratch("left-out"));
    write_file(t, "ant/1.png", golden_images[2].file, 20);
    write_golden(t, "cat/1.png", 2);
    write_file(t, "cat/2.png", golden_images[2].file, golden_images[2].size / 2);
    write_golden(t, "dog/a.png", 0);
    REQUIRE_OK(leat_read_report_create(t->context, &o.report));
    CHECK_FAILS(leat_frame_read(t->context, &f, root, &o), LEAT_FORMAT, "ant/1.png: ");
    o.on_error = LEAT_ON_ERROR_SKIP;
    REQUIRE_OK(leat_frame_read(t->context, &f, root, &o));
    CHECK_INT(leat_frame_rows(f), 2);
    CHECK_INT(leat_frame_levels(f, 1), 2);
    CHECK(leat_frame_text(f, 1, 0, &text, &length) && !strcmp(text, "cat"));
    CHECK(leat_frame_text(f, 1, 1, &text, &length) && !strcmp(text, "dog"));
    const uint8_t *x = f->column[0]->u8;
    CHECK(memcmp(x, golden_images[2].pixels, 105) == 0 && x[105] == golden_images[0].pixels[0]);
    leat_frame_release(f);
    CHECK_INT((int)leat_read_report_dropped(o.report), 2);
    CHECK(strstr(leat_read_report_note(o.report, 0, NULL), "ant/1.png: "));
    CHECK(strstr(leat_read_report_note(o.report, 1, NULL), "cat/2.png: a damaged PNG"));
    snprintf(root, sizeof root, "%s", leattest_scratch("all-left-out"));
    write_file(t, "ant/1.png", golden_images[2].file, 20);
    write_file(t, "ant/2.png", golden_images[2].file, 30);
    CHECK_FAILS(leat_frame_read(t->context, &f, root, &o), LEAT_FORMAT,
                "none of its 2 images can be read; |ant/1.png: ");
    leat_read_report_destroy(o.report);
}

/* Pipes, folders and links with the ending of an image: nobody waits for them. */
static void no_files(leattest *t)
{
    leat_frame *f;
    leat_read_options o = leat_read_options_default();
    char path[1200];
    if (!built(t)) return;
    snprintf(root, sizeof root, "%s", leattest_scratch("no-files"));
    write_golden(t, "a/1.png", 0);
    snprintf(path, sizeof path, "%s/a/pipe.png", root);
    CHECK(mkfifo(path, 0666) == 0);
    CHECK_FAILS(read_root(t->context, NULL, &f), LEAT_FORMAT, "a/pipe.png: a pipe");
    snprintf(path, sizeof path, "%s/a/inner.png", root);
    CHECK(mkdir(path, 0777) == 0);
    CHECK_FAILS(read_root(t->context, NULL, &f), LEAT_FORMAT, "a/inner.png: a folder");
    snprintf(path, sizeof path, "%s/a/circle.png", root);
    CHECK(symlink("circle.png", path) == 0);
    CHECK_FAILS(read_root(t->context, NULL, &f), LEAT_FORMAT, "a/circle.png: a link|circle");
    snprintf(path, sizeof path, "%s/a/bare.png", root);
    CHECK(symlink("nothing.png", path) == 0);
    CHECK_FAILS(read_root(t->context, NULL, &f), LEAT_FORMAT, "a/bare.png: a link|not there");
    o.on_error = LEAT_ON_ERROR_SKIP;
    REQUIRE_OK(leat_frame_read(t->context, &f, root, &o));
    CHECK_INT(leat_frame_rows(f), 1);
    leat_frame_release(f);
}

static leat_status read_some(leat_context *c, void *arg)
{
    leat_frame *f;
    leat_read_options o = leat_read_options_default();
    (void)arg;
    o.images = "4x4x1";
    o.on_error = LEAT_ON_ERROR_SKIP;
    leat_status st = leat_frame_read(c, &f, root, &o);
    if (st == LEAT_OK) leat_frame_release(f);
    return st;
}

/* Images without classes, as for predictions. */
static void flat(leattest *t)
{
    leat_frame *f;
    if (!built(t)) return;
    snprintf(root, sizeof root, "%s", leattest_scratch("flat"));
    write_golden(t, "1.png", 0);
    write_golden(t, "2.jpg", 6);
    CHECK_OK(read_root(t->context, "4x4", &f));
    CHECK_INT(leat_frame_columns(f), 1);
    CHECK_INT(leat_frame_shape(f, 0).dim[2], 1);
    leat_frame_release(f);
    write_file(t, "3.png", golden_images[2].file, golden_images[2].size / 2);
    leattest_fail_allocations(t, read_some, NULL);
}

static leat_status read_named(leat_context *c, void *arg)
{
    leat_frame *f, *named;
    leat_read_options o = leat_read_options_default();
    o.images = "4x4x1";
    o.on_error = LEAT_ON_ERROR_SKIP;
    o.paths = true;
    LEATI_TRY(leat_frame_read(c, &f, arg, &o));
    leat_status st = leat_frame_require(c, f, "path", &(size_t){0});
    if (st == LEAT_OK) {
        leat_frame *image = leati_frame_select(c, f, (size_t[]){0}, 1);
        st = image ? leat_frame_lead(c, image, f, f->columns - 1, &named) : leat_error_status(c);
        if (st == LEAT_OK) leat_frame_release(named);
        leat_frame_release(image);
    }
    leat_frame_release(f);
    return st;
}

/* The file of each row, also where others are left out; one file as a folder of its own. */
static void paths(leattest *t)
{
    leat_frame *f, *led;
    leat_context *c = t->context;
    leat_read_options o = leat_read_options_default();
    char one[1100];
    size_t length;
    const char *text;
    if (!built(t)) return;
    snprintf(root, sizeof root, "%s", leattest_scratch("paths"));
    write_file(t, "cat/0.png", "no image", 8);
    write_golden(t, "cat/1.png", 0);
    write_golden(t, "dog/2.jpg", 6);
    o.images = "4x4x1";
    o.on_error = LEAT_ON_ERROR_SKIP;
    o.paths = true;
    REQUIRE_OK(leat_frame_read(c, &f, root, &o));
    CHECK_STR(leat_frame_name(f, 2), "path");
    CHECK_INT(leat_frame_rows(f), 2);
    snprintf(one, sizeof one, "%s/cat/1.png", root);
    CHECK(leat_frame_text(f, 2, 0, &text, &length));
    CHECK_STR(text, one);
    leat_frame *label = leati_frame_select(c, f, (size_t[]){1}, 1);
    REQUIRE(label);
    REQUIRE_OK(leat_frame_lead(c, label, f, 2, &led));
    CHECK_STR(leat_frame_name(led, 0), "path");
    CHECK_STR(leat_frame_name(led, 1), "label");
    leat_frame_release(led);
    CHECK_FAILS(leat_frame_lead(c, label, f, 1, &led), LEAT_INVALID, "label");
    CHECK_FAILS(leat_frame_lead(c, label, f, 3, &led), LEAT_INVALID, "no column 4");
    leat_frame_release(label);
    label = f;
    REQUIRE_OK(leat_frame_read(c, &f, one, &o));
    CHECK_INT(leat_frame_rows(f), 1);
    CHECK_INT(leat_frame_columns(f), 2);
    CHECK_INT(leat_frame_shape(f, 0).dim[0], 4);
    CHECK(leat_frame_text(f, 1, 0, &text, &length));
    CHECK_STR(text, one);
    CHECK_FAILS(leat_frame_lead(c, label, f, 1, &led), LEAT_SHAPE, "1 rows beside 2");
    leat_frame_release(f);
    leat_frame_release(label);
    o.images = NULL;
    CHECK_FAILS(leat_frame_read(c, &f, one, &o), LEAT_FORMAT,
                "a PNG image|whose input is an image");
    leattest_fail_allocations(t, read_named, root);
    leattest_fail_allocations(t, read_named, one);
}

static const leattest_case cases[] = {TEST(paths),    TEST(golden),   TEST(channels), TEST(resized),
                                      TEST(damaged),  TEST(classes),  TEST(refused),  TEST(flat),
                                      TEST(left_out), TEST(no_files), TEST(too_large)};
LEATTEST_MAIN(cases)
