/* The thread pool: every task once, nested calls, many short jobs. */
#include "support/leattest.h"

#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/pool.h"

typedef struct job {
    leat_context *context;
    atomic_int counts[1000];
    atomic_int inner;
} job;

static leat_context *context_with(unsigned threads)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c = NULL;
    o.threads = threads;
    return leat_context_create(&c, &o) == LEAT_OK ? c : NULL;
}

static void count_task(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    atomic_fetch_add(&((job *)arg)->counts[task], 1);
}

static void every_task_once(leattest *t)
{
    for (unsigned threads = 1; threads <= 8; threads *= 2) {
        job j = {.context = context_with(threads)};
        REQUIRE(j.context);
        for (int round = 0; round < 200; round++) leati_parallel(j.context, 1000, count_task, &j);
        bool all = true;
        for (int i = 0; i < 1000; i++) all = all && atomic_load(&j.counts[i]) == 200;
        CHECK(all);
        leat_context_destroy(j.context);
    }
}

static void count_inner(void *arg, size_t task, unsigned worker)
{
    (void)task;
    (void)worker;
    atomic_fetch_add(&((job *)arg)->inner, 1);
}

static void nest(void *arg, size_t task, unsigned worker)
{
    (void)task;
    (void)worker;
    job *j = arg;
    leati_parallel(j->context, 10, count_inner, j);
}

static void nested_calls(leattest *t)
{
    job j = {.context = context_with(4)};
    REQUIRE(j.context);
    leati_parallel(j.context, 50, nest, &j);
    CHECK_INT(atomic_load(&j.inner), 500);
    leat_context_destroy(j.context);
}

enum { STEPS = 500, WIDE = 7 };

typedef struct stairs {
    leat_context *context;
    int at[STEPS][WIDE]; /* sums over the step before: wrong where a task began too early */
} stairs;

static void climb(void *arg, size_t step, size_t task, unsigned worker)
{
    stairs *s = arg;
    int sum = (int)task;
    (void)worker;
    for (int i = 0; step && i < WIDE; i++) sum += s->at[step - 1][i];
    s->at[step][task] += sum % 1000 + 1;
}

static void climb_inside(void *arg, size_t task, unsigned worker)
{
    stairs *s = (stairs *)arg + task;
    (void)worker;
    leati_parallel_steps(s->context, STEPS, WIDE, climb, s);
}

static void steps_in_order(leattest *t)
{
    static stairs s[16], inside[4];
    for (unsigned threads = 1; threads <= 8; threads *= 2) {
        stairs *one = &s[threads];
        one->context = context_with(threads);
        REQUIRE(one->context);
        leati_parallel_steps(one->context, STEPS, WIDE, climb, one);
        leati_parallel_steps(one->context, 0, WIDE, climb, one);
        leati_parallel_steps(one->context, STEPS, 0, climb, one);
        CHECK(!memcmp(one->at, s[1].at, sizeof one->at));
        leat_context_destroy(one->context);
    }
    for (int i = 0; i < 4; i++) inside[i].context = i ? inside[0].context : context_with(2);
    REQUIRE(inside[0].context);
    leati_parallel(inside[0].context, 4, climb_inside, inside);
    for (int i = 0; i < 4; i++) CHECK(!memcmp(inside[i].at, s[1].at, sizeof s->at));
    leat_context_destroy(inside[0].context);
}

typedef struct ordered {
    atomic_size_t turn;
    size_t at[1000];
} ordered;

/* Waits for all tasks before it: without their order, for ever. */
static void take_turn(void *arg, size_t task, unsigned worker)
{
    ordered *o = arg;
    (void)worker;
    while (atomic_load(&o->turn) != task) sched_yield();
    o->at[task] = task + 1;
    atomic_store(&o->turn, task + 1);
}

static void tasks_in_order(leattest *t)
{
    for (unsigned threads = 1; threads <= 8; threads *= 2) {
        static ordered o;
        leat_context *c = context_with(threads);
        REQUIRE(c);
        for (int round = 0; round < 20; round++) {
            memset(&o, 0, sizeof o);
            leati_parallel_in_order(c, 1000, take_turn, &o);
            CHECK_INT(atomic_load(&o.turn), 1000);
            CHECK_INT(o.at[999], 1000);
        }
        leati_parallel_in_order(c, 0, take_turn, &o);
        leat_context_destroy(c);
    }
}

/* Numbers of tasks below, at and above the number of threads, in turn: shares of other sizes than
 * those of the job before. */
static void shares_of_any_size(leattest *t)
{
    for (unsigned threads = 2; threads <= 8; threads++) {
        job j = {.context = context_with(threads)};
        bool all = true;
        REQUIRE(j.context);
        for (size_t tasks = 0; tasks < 40; tasks++) {
            for (int i = 0; i < 40; i++) atomic_store(&j.counts[i], 0);
            leati_parallel(j.context, tasks, count_task, &j);
            for (size_t i = 0; i < 40; i++) all = all && atomic_load(&j.counts[i]) == (i < tasks);
        }
        CHECK(all);
        leat_context_destroy(j.context);
    }
}

/* Jobs that are over before a worker comes: it may find the next one in place of what it saw. */
static void jobs_in_quick_succession(leattest *t)
{
    for (unsigned threads = 2; threads <= 8; threads *= 2) {
        job j = {.context = context_with(threads)};
        bool all = true;
        REQUIRE(j.context);
        for (int round = 1; round <= 60000; round++) {
            leati_parallel(j.context, 3, count_task, &j);
            for (int i = 0; i < 3; i++) all = all && atomic_load(&j.counts[i]) == round;
        }
        CHECK(all);
        leat_context_destroy(j.context);
    }
}

static void borders(leattest *t)
{
    size_t n = leati_task_count(1003, 100, 64), last = 0;
    CHECK_INT(n, 10);
    for (size_t k = 0; k < n; k++) {
        size_t from = leati_task_start(1003, n, k), to = leati_task_start(1003, n, k + 1);
        CHECK(from == last && to > from);
        last = to;
    }
    CHECK_INT(last, 1003);
}

/* Work beside other jobs is done once, by the time of its end, whatever runs meanwhile. */
static void work_beside(leattest *t)
{
    enum { BESIDE = 300, ROUNDS = 300 };
    for (unsigned threads = 1; threads <= 8; threads *= 2) {
        job j = {.context = context_with(threads)}, other = {.context = j.context};
        bool all = true;
        REQUIRE(j.context);
        leati_beside_end(j.context); /* nothing was begun */
        for (int round = 1; round <= ROUNDS; round++) {
            leati_beside_begin(j.context, round % 7 ? BESIDE : 0, count_task, &j);
            for (int k = 0; k < round % 5; k++) leati_parallel(j.context, 20, count_task, &other);
            leati_beside_end(j.context);
            for (int i = 0; i < BESIDE; i++)
                all = all && atomic_load(&j.counts[i]) == round - round / 7;
        }
        CHECK(all);
        for (int i = 0; i < 20; i++) CHECK_INT(atomic_load(&other.counts[i]), 2 * ROUNDS);
        leat_context_destroy(j.context);
    }
}

static const leattest_case list[] = {
    TEST(every_task_once), TEST(nested_calls),       TEST(steps_in_order),
    TEST(tasks_in_order),  TEST(shares_of_any_size), TEST(jobs_in_quick_succession),
    TEST(borders),         TEST(work_beside)};

LEATTEST_MAIN(list)
