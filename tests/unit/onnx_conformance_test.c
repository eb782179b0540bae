/* ONNX's backend tests that are known to pass still pass: tests/onnx/passing-*.txt, which
 * `leat-onnx-tests DIR --list` writes. Debian's data, and those of the package onnx 1.22.0 where
 * LEAT_ONNX_DATA_1_22 names their folder. */
#include <sys/stat.h>

#include "onnx/conformance.h"
#include "support/leattest.h"

static void check_list(leattest *t, const char *list, const char *root)
{
    char path[4096], name[512], reason[512];
    struct stat info;
    size_t count = 0;
    if (!root || stat(root, &info) != 0) {
        leattest_skip(t, "ONNX's test data are not here");
        return;
    }
    snprintf(path, sizeof path, LEATTEST_SOURCE_DIR "/tests/onnx/%s", list);
    FILE *f = fopen(path, "r");
    REQUIRE(f);
    while (fgets(name, sizeof name, f)) {
        name[strcspn(name, "\n")] = 0;
        snprintf(path, sizeof path, "%s/%s", root, name);
        conformance_result r = conformance_run(path, 60, reason, sizeof reason);
        if (!CHECK(r == CONFORMANCE_PASS)) printf("    %s: %s\n", name, reason);
        count++;
    }
    fclose(f);
    printf("  %zu tests of %s\n", count, list);
    CHECK(count > 0);
}

static void test_debian(leattest *t)
{
    check_list(t, "passing-debian.txt", "/usr/share/libonnx-testdata/data");
}

static void test_1_22(leattest *t)
{
    check_list(t, "passing-1.22.0.txt", getenv("LEAT_ONNX_DATA_1_22"));
}

static void check_folder(leattest *t, const char *folder)
{
    char reason[512];
    size_t count;
    char **folders = conformance_find(folder, &count);
    CHECK(count > 40);
    for (size_t i = 0; i < count; i++) {
        conformance_result r = conformance_run(folders[i], 60, reason, sizeof reason);
        if (!CHECK(r == CONFORMANCE_PASS)) printf("    %s: %s\n", folders[i], reason);
        free(folders[i]);
    }
    free(folders);
}

/* Operators that ONNX's tests leave out, with the outputs of other packages:
 * tools/golden/onnx_learned.py. */
static void test_learned(leattest *t)
{
    check_folder(t, LEATTEST_SOURCE_DIR "/tests/onnx/learned");
}

/* tools/golden/onnx_microsoft.py */
static void test_microsoft(leattest *t)
{
    check_folder(t, LEATTEST_SOURCE_DIR "/tests/onnx/microsoft");
}

static const leattest_case cases[] = {TEST(test_debian), TEST(test_1_22), TEST(test_learned),
                                      TEST(test_microsoft)};
LEATTEST_MAIN(cases)
