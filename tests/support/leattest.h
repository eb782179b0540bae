/* A small test harness. Each test program lists its tests and calls LEATTEST_MAIN(list).
 *
 * A test gets a fresh context and must leave none of its memory behind. Run one test with
 * `PROGRAM name`; the exit code is the number of failures (at most 1). The closing line is
 * "N passed, N failed, N skipped". */
#ifndef LEATTEST_H
#define LEATTEST_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/context.h>

typedef struct leattest {
    leat_context *context;
    const char *name;
    int checks, failures;
    bool skipped;
} leattest;

typedef struct leattest_case {
    const char *name;
    void (*run)(leattest *t);
} leattest_case;

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }

int leattest_main(int argc, char **argv, const leattest_case *cases, size_t count);
#define LEATTEST_MAIN(list)                                                                        \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        return leattest_main(argc, argv, (list), sizeof(list) / sizeof *(list));                   \
    }

/* All return whether the check held; a failed one prints place, values and the context's error. */
bool leattest_check(leattest *t, bool ok, const char *file, int line, const char *text);
bool leattest_ok(leattest *t, leat_status st, const char *file, int line, const char *text);
/* Expects the status and that every word list item of `words` (separated by '|') is in the
 * message; then clears the error. */
bool leattest_fails(leattest *t, leat_status st, leat_status want, const char *words,
                    const char *file, int line, const char *text);
bool leattest_equal_s(leattest *t, const char *got, const char *want, const char *file, int line);
bool leattest_equal_i(leattest *t, long long got, long long want, const char *file, int line,
                      const char *text);
bool leattest_near(leattest *t, double got, double want, double rtol, double atol, const char *file,
                   int line, const char *text);

#define CHECK(x)    leattest_check(t, (x), __FILE__, __LINE__, #x)
#define CHECK_OK(x) leattest_ok(t, (x), __FILE__, __LINE__, #x)
#define CHECK_FAILS(x, status, words)                                                              \
    leattest_fails(t, (x), (status), (words), __FILE__, __LINE__, #x)
#define CHECK_STR(got, want) leattest_equal_s(t, (got), (want), __FILE__, __LINE__)
#define CHECK_INT(got, want)                                                                       \
    leattest_equal_i(t, (long long)(got), (long long)(want), __FILE__, __LINE__, #got)
/* |got - want| <= atol + rtol * |want|; NaN equals NaN. */
#define CHECK_NEAR(got, want, rtol, atol)                                                          \
    leattest_near(t, (got), (want), (rtol), (atol), __FILE__, __LINE__, #got)
/* Leave the test when a check that the rest depends on fails. */
#define REQUIRE(x)                                                                                 \
    do {                                                                                           \
        if (!CHECK(x)) return;                                                                     \
    } while (0)
#define REQUIRE_OK(x)                                                                              \
    do {                                                                                           \
        if (!CHECK_OK(x)) return;                                                                  \
    } while (0)

/* Skip the rest of the test, saying why. */
void leattest_skip(leattest *t, const char *why);

/* A path below the folder of shared data (LEAT_SHARED_DATA, else ../shared/data beside the
 * sources); NULL and the test marked skipped when it is absent. Static buffer per call slot. */
const char *leattest_shared(leattest *t, const char *relative);
/* A path in this process's own scratch folder, removed at exit. */
const char *leattest_scratch(const char *name);

/* Run `body` with the first, second, ... allocation failing until it succeeds. It must return the
 * status of what it tried, free all it got, and fail only with LEAT_NOMEM. */
void leattest_fail_allocations(leattest *t, leat_status (*body)(leat_context *c, void *arg),
                               void *arg);
/* For long jobs: each of the first 150 allocations, then about every twentieth part further on. */
void leattest_fail_some_allocations(leattest *t, leat_status (*body)(leat_context *c, void *arg),
                                    void *arg);

#endif
