/* Owns: the test runner, its checks, scratch files, the failing allocator. */
#include "support/leattest.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

bool leattest_check(leattest *t, bool ok, const char *file, int line, const char *text)
{
    t->checks++;
    if (ok) return true;
    t->failures++;
    printf("  %s:%d: failed: %s\n", file, line, text);
    if (leat_error_status(t->context) != LEAT_OK)
        printf("    error (%s): %s\n", leat_error_place(t->context),
               leat_error_message(t->context));
    return false;
}

bool leattest_ok(leattest *t, leat_status st, const char *file, int line, const char *text)
{
    if (leattest_check(t, st == LEAT_OK, file, line, text)) return true;
    printf("    status %s\n", leat_status_name(st));
    leat_error_clear(t->context);
    return false;
}

bool leattest_fails(leattest *t, leat_status st, leat_status want, const char *words,
                    const char *file, int line, const char *text)
{
    bool good = leattest_check(t, st == want, file, line, text);
    if (!good) printf("    status %s, expected %s\n", leat_status_name(st), leat_status_name(want));
    const char *message = leat_error_message(t->context);
    char copy[512];
    snprintf(copy, sizeof copy, "%s", words ? words : "");
    for (char *rest = copy, *word; (word = strtok_r(rest, "|", &rest));) {
        bool has = strstr(message, word) != NULL;
        if (!leattest_check(t, has, file, line, text)) {
            printf("    message lacks \"%s\"\n", word);
            good = false;
        }
    }
    leat_error_clear(t->context);
    return good;
}

bool leattest_equal_s(leattest *t, const char *got, const char *want, const char *file, int line)
{
    bool same = got && want ? strcmp(got, want) == 0 : got == want;
    if (leattest_check(t, same, file, line, "texts are equal")) return true;
    printf("    got      \"%s\"\n    expected \"%s\"\n", got ? got : "(null)",
           want ? want : "(null)");
    return false;
}

bool leattest_equal_i(leattest *t, long long got, long long want, const char *file, int line,
                      const char *text)
{
    if (leattest_check(t, got == want, file, line, text)) return true;
    printf("    got %lld, expected %lld\n", got, want);
    return false;
}

bool leattest_near(leattest *t, double got, double want, double rtol, double atol, const char *file,
                   int line, const char *text)
{
    bool same =
        (isnan(got) && isnan(want)) || got == want || fabs(got - want) <= atol + rtol * fabs(want);
    if (leattest_check(t, same, file, line, text)) return true;
    printf("    got %.17g, expected %.17g (relative error %.2g)\n", got, want,
           fabs(got - want) / fabs(want));
    return false;
}

void leattest_skip(leattest *t, const char *why)
{
    printf("  skipped: %s\n", why);
    t->skipped = true;
}

const char *leattest_shared(leattest *t, const char *relative)
{
    static char paths[8][4096];
    static unsigned next;
    char *path = paths[next++ % 8];
    const char *root = getenv("LEAT_SHARED_DATA");
    snprintf(path, sizeof paths[0], "%s/%s", root && *root ? root : LEATTEST_SHARED_DATA, relative);
    if (access(path, R_OK) == 0) return path;
    leattest_skip(t, "the shared test data is not here");
    return NULL;
}

static char scratch_root[64];

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    (void)info;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void remove_scratch(void)
{
    nftw(scratch_root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

const char *leattest_scratch(const char *name)
{
    static char paths[8][4096];
    static unsigned next;
    char *path = paths[next++ % 8];
    if (!scratch_root[0]) {
        snprintf(scratch_root, sizeof scratch_root, "/tmp/leattest-XXXXXX");
        if (!mkdtemp(scratch_root)) abort();
        atexit(remove_scratch);
    }
    snprintf(path, sizeof paths[0], "%s/%s", scratch_root, name);
    return path;
}

typedef struct failing {
    long left; /* allocations that still succeed */
    bool failed;
} failing;

static void *failing_alloc(void *user, size_t bytes)
{
    failing *f = user;
    if (__atomic_fetch_sub(&f->left, 1, __ATOMIC_RELAXED) <= 0) {
        __atomic_store_n(&f->failed, true, __ATOMIC_RELAXED);
        return NULL;
    }
    return malloc(bytes);
}

static void failing_free(void *user, void *block)
{
    (void)user;
    free(block);
}

static void fail_from(leattest *t, leat_status (*body)(leat_context *c, void *arg), void *arg,
                      bool all)
{
    enum { MOST = 200000, EACH = 150 };
    for (long k = 0; k < MOST; k += all || k < EACH ? 1 : 1 + k / 20) {
        failing f = {.left = k};
        leat_allocator a = {&f, failing_alloc, failing_free};
        leat_context_options o = leat_context_options_default();
        o.allocator = &a;
        o.threads = 2;
        leat_context *c;
        leat_status st = leat_context_create(&c, &o);
        if (st == LEAT_OK) {
            uint64_t before = leat_context_bytes(c);
            st = body(c, arg);
            /* The pool, made on demand, is the context's own. */
            bool freed = leat_context_bytes(c) <= before + 65536;
            if (!leattest_check(t, freed, __FILE__, __LINE__, "memory is given back"))
                printf("    allocation %ld: %llu bytes before, %llu after\n", k,
                       (unsigned long long)before, (unsigned long long)leat_context_bytes(c));
            if (st != LEAT_OK && st != LEAT_NOMEM)
                printf("    allocation %ld: %s\n", k, leat_error_message(c));
            leat_context_destroy(c);
        }
        if (st == LEAT_OK && !f.failed) return;
        bool good = st == LEAT_NOMEM || (st == LEAT_OK && f.failed);
        if (!leattest_check(t, good, __FILE__, __LINE__, "a failed allocation gives LEAT_NOMEM"))
            return;
    }
    leattest_check(t, false, __FILE__, __LINE__, "ends within the allowed number of allocations");
}

void leattest_fail_allocations(leattest *t, leat_status (*body)(leat_context *c, void *arg),
                               void *arg)
{
    fail_from(t, body, arg, true);
}

void leattest_fail_some_allocations(leattest *t, leat_status (*body)(leat_context *c, void *arg),
                                    void *arg)
{
    fail_from(t, body, arg, false);
}

static void run(const leattest_case *test, int *passed, int *failed, int *skipped)
{
    leattest t = {.name = test->name};
    printf("%s\n", test->name);
    fflush(stdout);
    if (leat_context_create(&t.context, NULL) != LEAT_OK) {
        printf("  no context\n");
        ++*failed;
        return;
    }
    test->run(&t);
    leat_context_destroy(t.context);
    if (!t.skipped && t.checks == 0) {
        printf("  a test without a check\n");
        t.failures++;
    }
    if (t.failures) {
        ++*failed;
        printf("  FAILED %s\n", test->name);
    } else if (t.skipped) {
        ++*skipped;
    } else {
        ++*passed;
    }
}

int leattest_main(int argc, char **argv, const leattest_case *cases, size_t count)
{
    int passed = 0, failed = 0, skipped = 0;
    for (size_t i = 0; i < count; i++) {
        bool wanted = argc < 2;
        for (int k = 1; k < argc; k++) wanted = wanted || strcmp(argv[k], cases[i].name) == 0;
        if (wanted) run(&cases[i], &passed, &failed, &skipped);
    }
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed > 0;
}
