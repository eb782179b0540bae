/* Owns: the inventory of machine and build, and the self-test. */
#include <dlfcn.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <leat/check.h>
#include <leat/data.h>
#include <leat/experiment.h>

#include "base/cpu.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/progress.h"
#include "base/rng.h"
#include "io/openssl.h"
#include "kernel/gemm.h"

typedef struct list {
    leat_check_item *items;
    size_t count;
} list;

static leat_check_item *add(list *l, const char *name, bool ok, bool needed, const char *format,
                            ...) LEAT_PRINTF(5, 6);

static leat_check_item *add(list *l, const char *name, bool ok, bool needed, const char *format,
                            ...)
{
    leat_check_item *item = &l->items[l->count++];
    *item = (leat_check_item){.ok = ok, .needed = needed};
    snprintf(item->name, sizeof item->name, "%s", name);
    va_list args;
    va_start(args, format);
    vsnprintf(item->found, sizeof item->found, format, args);
    va_end(args);
    return item;
}

static void remark(leat_check_item *item, const char *text)
{
    snprintf(item->remark, sizeof item->remark, "%s", text);
}

static void check_processor(list *l, leat_context *c)
{
    char model[96], extras[64];
    leati_cpu_model(model, sizeof model);
    leati_cpu_extras(extras, sizeof extras);
    unsigned n = leati_cpu_count();
    leat_check_item *item =
        add(l, "cpu", true, true, "%s%s%u core%s, level %s%s", model, *model ? ", " : "", n,
            n == 1 ? "" : "s", leati_cpu_level_name(leati_cpu_best()), extras);
    if (leati_context_cpu_level(c) != leati_cpu_best())
        snprintf(item->remark, sizeof item->remark, "using level %s, as asked",
                 leat_context_cpu(c));
}

static void check_memory(list *l)
{
    char total[LEATI_NUM_SIZE], left[LEATI_NUM_SIZE];
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    unsigned long long available = 0;
    char line[256];
    FILE *f = fopen("/proc/meminfo", "re");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %llu kB", &available) == 1) break;
    if (f) fclose(f);
    if (pages <= 0 || size <= 0) return;
    leati_num_bytes((uint64_t)pages * (uint64_t)size, total);
    leati_num_bytes((uint64_t)available * 1024, left);
    if (available) add(l, "memory", true, false, "%s, %s free", total, left);
    else add(l, "memory", true, false, "%s", total);
}

/* Of a part whose library is opened when it is needed: its name, if it cannot be; NULL: it can, or
 * it is linked. */
static const char *missing(const char *part)
{
    static const struct {
        const char *part, *names[3];
    } opened[] = {
        {"curl", {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.4.dylib"}},
        {"postgresql", {"libpq.so.5"}},
        {"cairo", {"libcairo.so.2", "libcairo.2.dylib"}},
        {"seccomp", {"libseccomp.so.2"}},
#if LEAT_HAVE_OPENSSL
        {"openssl", {LEATI_OPENSSL_NAMES("libssl")}},
#endif
    };
    for (size_t i = 0; i < sizeof opened / sizeof *opened; i++) {
        void *handle = NULL;
        if (strcmp(opened[i].part, part) != 0) continue;
        for (int k = 0; !handle && k < 3 && opened[i].names[k]; k++)
            handle = dlopen(opened[i].names[k], RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
        if (!handle) return opened[i].names[0];
        dlclose(handle);
    }
    return NULL;
}

static void check_build(list *l)
{
    static const struct {
        const char *name, *what;
        bool there;
    } parts[] = {
        {"zstd", "reading .zst files: build with libzstd-dev", LEAT_HAVE_ZSTD},
        {"sqlite", "tables from SQLite files: build with libsqlite3-dev", LEAT_HAVE_SQLITE},
        {"curl", "downloading data sets: build with libcurl4-openssl-dev", LEAT_HAVE_CURL},
        {"postgresql", "registries on PostgreSQL: build with libpq-dev", LEAT_HAVE_POSTGRES},
        {"libpng", "reading folders of PNG images: build with libpng-dev", LEAT_HAVE_PNG},
        {"libjpeg", "reading folders of JPEG images: build with libjpeg-dev", LEAT_HAVE_JPEG},
        {"cairo", "charts as PNG: build with libcairo2-dev", LEAT_HAVE_CAIRO},
        {"server", "serving models: build with libuv1-dev and libhttp-parser-dev",
         LEAT_HAVE_SERVER},
        {"openssl", "serving by TLS: build with libssl-dev", LEAT_HAVE_OPENSSL},
        {"seccomp", "serving in a sandbox: build with libseccomp-dev", LEAT_HAVE_SECCOMP},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *library = parts[i].there ? missing(parts[i].name) : NULL;
        leat_check_item *item = add(l, parts[i].name, parts[i].there && !library, false, "%s%s%s",
                                    parts[i].there ? "built in" : "not in this build",
                                    library ? ", but not installed: " : "", library ? library : "");
        if (!parts[i].there) remark(item, parts[i].what);
    }
}

static void check_data(list *l, leat_context *c)
{
    leat_data_list *all;
    size_t there = 0, n;
    if (leat_data_list_create(c, &all) != LEAT_OK) {
        add(l, "data", false, false, "%s", leat_error_message(c));
        leat_error_clear(c);
        return;
    }
    n = leat_data_list_count(all);
    for (size_t i = 0; i < n; i++) there += leat_data_list_at(all, i)->present;
    leat_check_item *item = add(l, "data", true, false, "%zu data sets in place", there);
    if (there < n)
        snprintf(item->remark, sizeof item->remark, "%zu more can be fetched: leat data list",
                 n - there);
    leat_data_list_destroy(all);
}

/* --- self-test -------------------------------------------------------------------------------- */

/* A product against plain sums in double precision. */
static leat_status test_gemm(leat_context *c)
{
    enum { M = 37, N = 29, K = 53 };
    float *a = leati_array(c, M * K, sizeof *a), *b = leati_array(c, K * N, sizeof *b);
    float *out = leati_array(c, M * N, sizeof *out);
    leat_status st = leat_error_status(c);
    leati_rng r;
    leati_rng_init(&r, 1, LEATI_RNG_TEST, 0);
    for (int i = 0; st == LEAT_OK && i < M * K; i++) a[i] = (float)leati_rng_normal(&r);
    for (int i = 0; st == LEAT_OK && i < K * N; i++) b[i] = (float)leati_rng_normal(&r);
    if (st == LEAT_OK) st = leati_gemm_f32(c, false, false, M, N, K, 1, a, K, b, N, 0, out, N);
    for (int i = 0; st == LEAT_OK && i < M; i++) {
        for (int j = 0; j < N; j++) {
            double sum = 0;
            for (int k = 0; k < K; k++) sum += (double)a[i * K + k] * (double)b[k * N + j];
            if (fabs(sum - (double)out[i * N + j]) < 1e-4) continue;
            st = LEATI_FAIL(c, LEAT_INTERNAL, "a matrix product is wrong");
            break;
        }
    }
    leati_free(a);
    leati_free(b);
    leati_free(out);
    return st;
}

/* Iris: fit, write, read, predict the same. */
static leat_status test_model(leat_context *c)
{
    leat_frame *f = NULL, *first = NULL, *second = NULL;
    leat_experiment *e = NULL;
    leat_model *m = NULL;
    const char *folder = getenv("TMPDIR");
    char path[4096];
    leat_experiment_options o = leat_experiment_options_default();
    snprintf(path, sizeof path, "%s/leat-check-XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = mkstemp(path);
    LEATI_CHECK(c, fd >= 0, LEAT_IO, "no file can be written in %s", path);
    close(fd);
    o.target = "species";
    o.models = "lda,knn";
    o.quick = true;
    leat_status st;
    LEATI_GO(leat_data_open(c, &f, "iris", NULL));
    LEATI_GO(leat_experiment_run(c, &e, f, NULL, &o));
    if (leat_experiment_row(e, 0).mean < 0.9) {
        st = LEATI_FAIL(c, LEAT_INTERNAL, "a model is worse than it must be");
        goto out;
    }
    LEATI_GO(leat_model_save(c, leat_experiment_model(e), path));
    LEATI_GO(leat_model_open(c, &m, path));
    LEATI_GO(leat_model_predict(c, leat_experiment_model(e), f, true, &first));
    LEATI_GO(leat_model_predict(c, m, f, true, &second));
    for (size_t i = 0; i < leat_frame_rows(f) && st == LEAT_OK; i++) {
        double x = 0, y = 1;
        leat_frame_number(first, 1, i, &x);
        leat_frame_number(second, 1, i, &y);
        if (x != y) st = LEATI_FAIL(c, LEAT_INTERNAL, "a model read back predicts otherwise");
    }
out:
    unlink(path);
    leat_frame_release(f);
    leat_frame_release(first);
    leat_frame_release(second);
    leat_model_release(m);
    leat_experiment_destroy(e);
    return st;
}

static void self_test(list *l, leat_context *c)
{
    char took[LEATI_NUM_SIZE];
    double start = leati_now_s();
    leat_status st = test_gemm(c);
    if (st == LEAT_OK) st = test_model(c);
    leati_num_seconds(leati_now_s() - start, took);
    if (st == LEAT_OK) {
        add(l, "self-test", true, true, "ok (matrix product, fit, model file), %s", took);
        return;
    }
    leat_check_item *item = add(l, "self-test", false, true, "failed");
    snprintf(item->remark, sizeof item->remark, "%.150s", leat_error_message(c));
    leat_error_clear(c);
}

leat_status leat_check(leat_context *c, leat_check_item *out, size_t *count)
{
    list l = {out, 0};
    check_processor(&l, c);
    check_memory(&l);
    check_build(&l);
    check_data(&l, c);
    self_test(&l, c);
    *count = l.count;
    return leat_error_status(c);
}
