/* Named data sets: iris, Fashion-MNIST, the store, downloads from the local disk. */
#include "support/leattest.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leat/data.h>

#include "base/file.h"
#include "base/mem.h"
#include "frame/dataset_load.h"
#include "io/download.h"

static double at(const leat_frame *f, const char *name, size_t row)
{
    size_t column;
    double v = (double)NAN;
    return leat_frame_find(f, name, &column) && leat_frame_number(f, column, row, &v) ? v
                                                                                      : (double)NAN;
}

/* A home of this test alone. */
static void use_home(const char *name)
{
    setenv("LEAT_HOME", leattest_scratch(name), 1);
    unsetenv("LEAT_DATA_URL");
    unsetenv("LEAT_DATASETS");
}

static void iris(leattest *t)
{
    leat_frame *f;
    leat_data_info info;
    const char *text;
    use_home("h0");
    REQUIRE_OK(leat_data_open(t->context, &f, "iris", &info));
    CHECK(leat_frame_rows(f) == 150 && leat_frame_columns(f) == 5);
    double sum[4] = {0};
    static const char *const names[] = {"sepal_length", "sepal_width", "petal_length",
                                        "petal_width"};
    for (size_t i = 0; i < 150; i++)
        for (int k = 0; k < 4; k++) sum[k] += at(f, names[k], i);
    /* The means that Fisher's data are known by. */
    static const double means[] = {5.843333, 3.057333, 3.758, 1.199333};
    for (int k = 0; k < 4; k++) CHECK_NEAR(sum[k] / 150, means[k], 1e-6, 0);
    CHECK(at(f, "sepal_length", 0) == 5.1 && at(f, "petal_width", 149) == 1.8);
    CHECK(leat_frame_text(f, 4, 75, &text, NULL) && strcmp(text, "versicolor") == 0);
    CHECK_STR(info.target, "species");
    CHECK_STR(leat_data_target("iris"), "species");
    CHECK(!leat_data_has_test("iris") && leat_data_has_test("fashion-mnist"));
    CHECK(!leat_data_has_test("fashion-mnist:train") && !leat_data_target("cars.csv"));
    leat_frame_release(f);
}

static void fashion(leattest *t)
{
    leat_frame *f;
    const char *text;
    use_home("h1");
    if (!leati_dataset_fashion_present()) {
        leattest_skip(t, "the package dataset-fashion-mnist is not installed");
        return;
    }
    REQUIRE_OK(leat_data_open(t->context, &f, "fashion-mnist:test", NULL));
    CHECK(f->rows == 10000 && f->columns == 2 && f->column[0]->type == LEAT_ARRAY);
    CHECK(f->column[0]->shape[0] == 28 && f->column[0]->shape[1] == 28);
    CHECK(leat_frame_text(f, 1, 0, &text, NULL) && strcmp(text, "Ankle boot") == 0);
    size_t sum = 0;
    for (size_t i = 0; i < 784; i++) sum += f->column[0]->u8[i];
    CHECK_INT(sum, 33456);
    leat_frame_release(f);
}

static void absent(leattest *t)
{
    leat_frame *f;
    use_home("h2");
    setenv("LEAT_DATASETS", leattest_scratch("nothing"), 1);
    CHECK_FAILS(leat_data_open(t->context, &f, "fashion-mnist", NULL), LEAT_UNSUPPORTED,
                "apt install dataset-fashion-mnist");
    CHECK_FAILS(leat_data_open(t->context, &f, "fashion-mnist:dev", NULL), LEAT_NOT_FOUND,
                "no split 'dev'|train test");
    CHECK_FAILS(leat_data_open(t->context, &f, "titanc", NULL), LEAT_NOT_FOUND,
                "'titanc'|Did you mean 'titanic'|data sets: iris");
    CHECK_FAILS(leat_data_load(t->context, &f, "titanc", NULL), LEAT_NOT_FOUND,
                "titanc|leat data list");
    setenv("LEAT_DATA_URL", "http://127.0.0.1:9", 1);
    CHECK_FAILS(leat_data_open(t->context, &f, "titanic", NULL), LEAT_NETWORK,
                "data set titanic|127.0.0.1:9|network|LEAT_DATA_URL");
    CHECK(leat_data_is_name(t->context, "titanic") && !leat_data_is_name(t->context, "x"));
    use_home("h2");
}

static void add_and_verify(leattest *t)
{
    leat_context *c = t->context;
    leat_data_info info, again;
    leat_frame *f;
    use_home("h3");
    const char *path = leattest_scratch("mine.csv");
    REQUIRE_OK(leati_file_write(c, path, "a,b\n1,2\n3,4\n", 12));
    REQUIRE_OK(leat_data_add(c, path, "mine", NULL, &info));
    CHECK_STR(info.version, "1");
    REQUIRE_OK(leat_data_add(c, path, "mine", NULL, &again));
    CHECK_STR(again.version, "1"); /* the same contents */
    REQUIRE_OK(leati_file_write(c, path, "a,b\n1,2\n", 8));
    REQUIRE_OK(leat_data_add(c, path, "mine", NULL, &again));
    CHECK_STR(again.version, "2");
    CHECK_FAILS(leat_data_add(c, path, "mine", "1", NULL), LEAT_INVALID, "mine@1|other contents");
    CHECK_FAILS(leat_data_add(c, path, "iris", NULL, NULL), LEAT_INVALID, "'iris'");
    CHECK_FAILS(leat_data_add(c, path, "a/b", NULL, NULL), LEAT_INVALID, "'a/b'");
    REQUIRE_OK(leat_data_open(c, &f, "mine", NULL));
    CHECK_INT(f->rows, 1);
    leat_frame_release(f);
    REQUIRE_OK(leat_data_load(c, &f, "mine@1", NULL));
    CHECK_INT(f->rows, 2);
    leat_frame_release(f);
    CHECK_OK(leat_data_verify(c, "mine@1"));
    REQUIRE_OK(leati_file_write(c, info.path, "a,b\n9,9\n", 8));
    CHECK_FAILS(leat_data_verify(c, "mine@1"), LEAT_FORMAT, "mine|has changed");
    CHECK_OK(leat_data_verify(c, "mine@2"));
    CHECK_FAILS(leat_data_fetch(c, "mine@1", NULL), LEAT_FORMAT, "mine|has changed|leat data add");
    /* Adding the same contents again mends the kept copy, under its version. */
    REQUIRE_OK(leati_file_write(c, path, "a,b\n1,2\n3,4\n", 12));
    REQUIRE_OK(leat_data_add(c, path, "mine", NULL, &again));
    CHECK_STR(again.version, "1");
    CHECK_OK(leat_data_verify(c, "mine@1"));
    remove(info.path);
    CHECK_FAILS(leat_data_open(c, &f, "mine@1", NULL), LEAT_NOT_FOUND, "is gone");
    leat_data_list *list;
    REQUIRE_OK(leat_data_list_create(c, &list));
    CHECK_STR(leat_data_list_at(list, leat_data_list_count(list) - 1)->name, "mine");
    leat_data_list_destroy(list);
}

static void damaged_index(leattest *t)
{
    leat_context *c = t->context;
    leat_data_info info;
    leat_frame *f;
    char path[4200];
    use_home("h4");
    static const char *const texts[] = {
        "{\"sets\": 3}", "{", "[]", "{\"sets\": [{\"name\": 5}]}",
        ("{\"sets\": [{\"name\": \"x\", \"version\": \"1\", \"sha256\": \"../../etc/passwd\", "
         "\"suffix\": \"\", \"bytes\": 1, \"origin\": \"\"}]}")};
    snprintf(path, sizeof path, "%s/data", getenv("LEAT_HOME"));
    REQUIRE_OK(leati_folder_make(c, path));
    snprintf(path, sizeof path, "%s/data/index.json", getenv("LEAT_HOME"));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        REQUIRE_OK(leati_file_write(c, path, texts[i], strlen(texts[i])));
        CHECK_FAILS(leat_data_find(c, "x", &info), LEAT_FORMAT, "index.json|damaged");
        CHECK(leat_data_is_name(c, "iris") && !leat_data_is_name(c, "x"));
        CHECK_FAILS(leat_data_load(c, &f, "x", NULL), LEAT_NOT_FOUND, "x");
    }
}

static void downloads(leattest *t)
{
#if LEAT_HAVE_CURL
    leat_context *c = t->context;
    char source[4200], url[4300], digest[65], part[4300];
    const char *target = leattest_scratch("got.bin");
    uint64_t bytes;
    use_home("h5");
    snprintf(source, sizeof source, "%s", leattest_scratch("source.bin"));
    snprintf(url, sizeof url, "file://%s", source);
    snprintf(part, sizeof part, "%s.part", target);
    REQUIRE_OK(leati_file_write(c, source, "0123456789", 10));
    REQUIRE_OK(leati_file_digest(c, source, digest, &bytes));
    leat_status st = leati_download(c, url, target, digest, 10);
    if (st == LEAT_UNSUPPORTED) {
        leat_error_clear(c);
        leattest_skip(t, "libcurl is not installed");
        return;
    }
    CHECK_OK(st);
    CHECK(leati_path_exists(target) && !leati_path_exists(part));
    /* What is there already is continued, ... */
    remove(target);
    REQUIRE_OK(leati_file_write(c, part, "01234", 5));
    CHECK_OK(leati_download(c, url, target, digest, 10));
    CHECK(leati_path_exists(target));
    /* ... unless it turns out to be something else. */
    remove(target);
    REQUIRE_OK(leati_file_write(c, part, "xyz", 3));
    CHECK_OK(leati_download(c, url, target, digest, 10));
    CHECK(leati_path_exists(target));
    remove(target);
    char first = digest[0];
    digest[0] = first == '0' ? '1' : '0';
    CHECK_FAILS(leati_download(c, url, target, digest, 10), LEAT_FORMAT, "other contents|SHA-256");
    CHECK(!leati_path_exists(target) && !leati_path_exists(part));
    CHECK_FAILS(leati_download(c, "ftp://127.0.0.1/x", target, digest, 10), LEAT_NETWORK, "ftp");
    CHECK_FAILS(leati_download(c, "file:///nowhere/at/all", target, digest, 0), LEAT_NETWORK,
                "nowhere");
    /* No more is taken than there should be, also behind what is there already. */
    digest[0] = first;
    CHECK(!leati_path_exists(part)); /* nothing had arrived that could be continued */
    CHECK_FAILS(leati_download(c, url, target, digest, 9), LEAT_FORMAT, "more than the 9 bytes");
    CHECK(!leati_path_exists(target) && !leati_path_exists(part));
    REQUIRE_OK(leati_file_write(c, part, "0123456789abc", 13));
    CHECK_OK(leati_download(c, url, target, digest, 10));
    CHECK(leati_path_exists(target) && !leati_path_exists(part));
#else
    leattest_skip(t, "built without libcurl");
#endif
}

#if LEAT_HAVE_CURL
/* Another process that is fetching: it holds the part and, seen waiting for it, ends. */
typedef struct other {
    int fd;
    const char *part, *target; /* target NULL: it gives up */
    bool stop;                 /* it goes on, and the one that waits is interrupted */
    int calls;
} other;

static int on_wait(void *user, const char *what, uint64_t done, uint64_t total)
{
    other *o = user;
    (void)what;
    if (o->stop) return 1;
    if (o->fd < 0 || (total && done == total)) return 0;
    o->calls++;
    if (o->target) rename(o->part, o->target);
    else unlink(o->part);
    close(o->fd);
    o->fd = -1;
    return 0;
}

static void download_waits(leattest *t)
{
    char source[4200], url[4300], digest[65], part[4300], target[4200];
    snprintf(target, sizeof target, "%s", leattest_scratch("shared.bin"));
    snprintf(source, sizeof source, "%s", leattest_scratch("whole.bin"));
    snprintf(part, sizeof part, "%s.part", target);
    REQUIRE_OK(leati_file_write(t->context, source, "0123456789", 10));
    REQUIRE_OK(leati_file_digest(t->context, source, digest, NULL));
    for (int round = 0; round < 3; round++) {
        other o = {.part = part, .target = round == 0 ? target : NULL, .stop = round == 2};
        leat_context *c;
        leat_context_options options = leat_context_options_default();
        options.progress = on_wait;
        options.progress_user = &o;
        REQUIRE(leat_context_create(&c, &options) == LEAT_OK);
        remove(target);
        REQUIRE_OK(leati_file_write(c, part, "0123456789", 10));
        o.fd = open(part, O_RDWR);
        REQUIRE(o.fd >= 0 && flock(o.fd, LOCK_EX) == 0);
        /* What the other one has finished is not fetched again. */
        snprintf(url, sizeof url, "file://%s", round == 0 ? "/nowhere/at/all" : source);
        leat_status st = leati_download(c, url, target, digest, 10);
        if (st == LEAT_UNSUPPORTED) leattest_skip(t, "libcurl is not installed");
        else if (round == 2) CHECK(st == LEAT_CANCELLED && leati_path_exists(part));
        else CHECK(st == LEAT_OK && leati_path_exists(target) && !leati_path_exists(part));
        CHECK(st == LEAT_UNSUPPORTED || round == 2 || o.calls == 1);
        if (o.fd >= 0) close(o.fd);
        remove(part);
        leat_context_destroy(c);
    }
}
#else
static void download_waits(leattest *t)
{
    leattest_skip(t, "built without libcurl");
}
#endif

static leat_status body(leat_context *c, void *arg)
{
    leat_frame *f = NULL, *g = NULL;
    leat_data_info info;
    leat_data_list *list = NULL;
    leat_status st = leat_data_open(c, &f, "iris", NULL);
    if (st == LEAT_OK) st = leat_data_add(c, arg, "tiny", "7", &info);
    if (st == LEAT_OK) st = leat_data_load(c, &g, "tiny@7", NULL);
    if (st == LEAT_OK) st = leat_data_list_create(c, &list);
    if (st == LEAT_OK) st = leat_data_verify(c, "tiny");
    leat_frame_release(f);
    leat_frame_release(g);
    leat_data_list_destroy(list);
    return st;
}

static void allocations(leattest *t)
{
    const char *path = leattest_scratch("tiny.csv");
    use_home("h6");
    REQUIRE_OK(leati_file_write(t->context, path, "a\n1\n", 4));
    leattest_fail_allocations(t, body, (void *)(uintptr_t)path);
}

static const leattest_case cases[] = {
    TEST(iris),          TEST(fashion),   TEST(absent),      TEST(add_and_verify),
    TEST(damaged_index), TEST(downloads), TEST(allocations), TEST(download_waits),
};
LEATTEST_MAIN(cases)
