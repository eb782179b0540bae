/* Texts as tables of windows. */
#include <leat/read.h>

#include "base/file.h"
#include "frame/frame.h"
#include "support/leattest.h"

static char path[1024];

static leat_status read_text(leat_context *c, const char *form, leat_frame **f)
{
    leat_read_options o = leat_read_options_default();
    o.text = form;
    return leat_frame_read(c, f, path, &o);
}

static void check_next(leattest *t, const leat_frame *f, size_t row, const char *want)
{
    const char *text;
    size_t length;
    if (!CHECK(leat_frame_text(f, 1, row, &text, &length))) return;
    CHECK_INT(length, strlen(want));
    CHECK(memcmp(text, want, length) == 0);
}

static void windows(leattest *t)
{
    static const char text[] = "abcab\n\t\\\xc3\xa4z";
    leat_frame *f;
    snprintf(path, sizeof path, "%s", leattest_scratch("some.txt"));
    REQUIRE_OK(leati_file_write(t->context, path, text, sizeof text - 1));
    REQUIRE_OK(read_text(t->context, "3", &f));
    CHECK_INT(leat_frame_rows(f), 8);
    CHECK_INT(leat_frame_shape(f, 0).dim[0], 3);
    float x[24];
    REQUIRE_OK(leat_frame_values(t->context, f, 0, x, 24));
    for (size_t i = 0; i < 8; i++)
        for (size_t k = 0; k < 3; k++) CHECK(x[i * 3 + k] == (float)(unsigned char)text[i + k]);
    const char *const want[] = {"a", "b", "\\n", "\\t", "\\\\", "\\xc3", "\\xa4", "z"};
    for (size_t i = 0; i < 8; i++) check_next(t, f, i, want[i]);
    CHECK_STR(leat_frame_level(f, 1, 0), "\\t"); /* classes in the order of bytes */
    leat_frame_release(f);
    REQUIRE_OK(read_text(t->context, "2/4", &f));
    CHECK_INT(leat_frame_rows(f), 3);
    check_next(t, f, 0, "c");
    check_next(t, f, 1, "\\t");
    check_next(t, f, 2, "z");
    leat_frame_release(f);
    REQUIRE_OK(read_text(t->context, "10", &f));
    CHECK_INT(leat_frame_rows(f), 1);
    leat_frame_release(f);
}

static void refused(leattest *t)
{
    leat_frame *f;
    leat_read_options o = leat_read_options_default();
    static const char *const bad[] = {"", "0", "-3", "3/", "3/0", "3/x", "x", "3 4", "1000001"};
    snprintf(path, sizeof path, "%s", leattest_scratch("short.txt"));
    REQUIRE_OK(leati_file_write(t->context, path, "abc", 3));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_FAILS(read_text(t->context, bad[i], &f), LEAT_INVALID, "64/3");
    CHECK_FAILS(read_text(t->context, "3", &f), LEAT_FORMAT, "short.txt has 3 characters");
    o.format = "text";
    CHECK_FAILS(leat_frame_read(t->context, &f, path, &o), LEAT_INVALID, "text=64");
}

static leat_status read_some(leat_context *c, void *arg)
{
    leat_frame *f;
    (void)arg;
    leat_status st = read_text(c, "2", &f);
    if (st == LEAT_OK) leat_frame_release(f);
    return st;
}

static void memory(leattest *t)
{
    snprintf(path, sizeof path, "%s", leattest_scratch("memory.txt"));
    REQUIRE_OK(leati_file_write(t->context, path, "to be or not to be", 18));
    leattest_fail_allocations(t, read_some, NULL);
}

static const leattest_case cases[] = {TEST(windows), TEST(refused), TEST(memory)};
LEATTEST_MAIN(cases)
