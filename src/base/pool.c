/* Owns: worker threads that spin briefly for work, then sleep.
 *
 * `state` is one word: generation << 32 | open << 31 | workers inside. A job is open from its
 * announcement until the caller has found no task left; workers enter only an open job, so the
 * caller never waits for one that is still asleep.
 *
 * Each thread has a share of the tasks, the same in every job of as many, and takes from others'
 * when its own is done: what a task reads and writes is mostly in the cache of the core that had it
 * the last time, and between cores a line travels for 50 to 500 ns. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_setname_np */
#endif
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/context.h"
#include "base/mem.h"

enum { SPINS = 4000, SPINS_BEFORE_YIELD = 2000 };
#define OPEN              (UINT64_C(1) << 31)
#define INSIDE(state)     ((state) & (OPEN - 1))
#define GENERATION(state) ((state) >> 32)

/* One for each thread, the caller of the job first. */
typedef struct worker {
    _Alignas(64) atomic_uint_fast64_t taken; /* of its share: generation << 32 | tasks */
    struct leati_pool *pool;
    unsigned index;
    pthread_t thread;
} worker;

struct leati_pool {
    _Alignas(64) atomic_uint_fast64_t state;
    leati_task_fn run; /* beside `state`: who enters a job needs it next */
    void *arg;
    size_t each, longer;                      /* as in `job` */
    _Alignas(64) atomic_uint_fast64_t beside; /* open | workers inside, as `state` */
    atomic_size_t beside_next;
    leati_task_fn beside_run;
    void *beside_arg;
    size_t beside_tasks;
    _Alignas(64) atomic_int sleepers;
    atomic_bool stop;
    atomic_bool busy;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    unsigned count; /* worker threads started */
    worker workers[];
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* The job as one thread sees it: the words of the pool change hands too often to be read again. */
typedef struct job {
    leati_task_fn run;
    void *arg;
    size_t each, longer; /* tasks of a share; how many shares have one more */
    uint64_t generation;
} job;

/* The next task of a share. What another generation left in `taken` counts as nothing. */
static bool take(const job *j, atomic_uint_fast64_t *taken, unsigned share, size_t *task)
{
    size_t size = j->each + (share < j->longer);
    uint64_t s = atomic_load_explicit(taken, memory_order_relaxed), count;
    do {
        count = GENERATION(s) == j->generation ? s & UINT32_MAX : 0;
        if (count >= size) return false;
    } while (!atomic_compare_exchange_weak_explicit(taken, &s, j->generation << 32 | (count + 1),
                                                    memory_order_relaxed, memory_order_relaxed));
    *task = share * j->each + (share < j->longer ? share : j->longer) + count;
    return true;
}

static void run_tasks(leati_pool *p, unsigned index, uint64_t generation)
{
    const job j = {p->run, p->arg, p->each, p->longer, generation};
    size_t task;
    for (unsigned i = 0; i <= p->count; i++) {
        unsigned share = index + i <= p->count ? index + i : index + i - p->count - 1;
        while (take(&j, &p->workers[share].taken, share, &task)) j.run(j.arg, task, index);
    }
}

/* Enter a job if one is open. `state` becomes what was found: the job may be a later one. */
static bool enter(leati_pool *p, uint64_t *state)
{
    while (*state & OPEN) {
        if (atomic_compare_exchange_weak_explicit(&p->state, state, *state + 1,
                                                  memory_order_acquire, memory_order_relaxed))
            return true;
    }
    return false;
}

static void sleep_until_work(leati_pool *p, uint64_t generation)
{
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->sleepers, 1);
    while (GENERATION(atomic_load(&p->state)) == generation && !atomic_load(&p->stop))
        pthread_cond_wait(&p->wake, &p->lock);
    atomic_fetch_sub(&p->sleepers, 1);
    pthread_mutex_unlock(&p->lock);
}

/* Runs a task of the work beside. The last one out of tasks closes it, so that others need not
 * look. False: there was none. */
static bool take_beside(leati_pool *p, unsigned index)
{
    uint64_t s = atomic_load_explicit(&p->beside, memory_order_relaxed);
    do {
        if (!(s & OPEN)) return false;
    } while (!atomic_compare_exchange_weak_explicit(&p->beside, &s, s + 1, memory_order_acquire,
                                                    memory_order_relaxed));
    size_t task = atomic_fetch_add_explicit(&p->beside_next, 1, memory_order_relaxed);
    bool took = task < p->beside_tasks;
    if (took) p->beside_run(p->beside_arg, task, index);
    else atomic_fetch_and_explicit(&p->beside, ~OPEN, memory_order_relaxed);
    atomic_fetch_sub_explicit(&p->beside, 1, memory_order_release);
    return took;
}

static void *work(void *argument)
{
    worker *self = argument;
    leati_pool *p = self->pool;
    uint64_t generation = 0;
    while (!atomic_load_explicit(&p->stop, memory_order_relaxed)) {
        uint64_t state = atomic_load_explicit(&p->state, memory_order_acquire);
        for (int i = 0; i < SPINS && GENERATION(state) == generation; i++) {
            if (take_beside(p, self->index)) i = 0;
            else relax();
            state = atomic_load_explicit(&p->state, memory_order_acquire);
        }
        if (GENERATION(state) == generation) {
            sleep_until_work(p, generation);
            continue;
        }
        bool inside = enter(p, &state);
        generation = GENERATION(state);
        if (!inside) continue;
        run_tasks(p, self->index, generation);
        atomic_fetch_sub_explicit(&p->state, 1, memory_order_release);
    }
    return NULL;
}

/* Workers take no signals: those belong to the program's own threads. */
static void start_workers(leati_pool *p, unsigned wanted)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (unsigned i = 0; i < wanted; i++) {
        worker *w = &p->workers[i + 1];
        w->pool = p;
        w->index = i + 1;
        if (pthread_create(&w->thread, NULL, work, w) != 0) break;
        p->count++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static leati_pool *pool_create(leat_context *c)
{
    unsigned wanted = c->threads - 1;
    leati_pool *p = leati_alloc_quiet(c, sizeof *p + ((size_t)wanted + 1) * sizeof(worker) + 512);
    if (!p) return NULL;
    atomic_init(&p->state, 0);
    for (unsigned i = 0; i <= wanted; i++) atomic_init(&p->workers[i].taken, 0);
    atomic_init(&p->beside, 0);
    atomic_init(&p->beside_next, 0);
    atomic_init(&p->sleepers, 0);
    atomic_init(&p->stop, false);
    atomic_init(&p->busy, false);
    p->count = 0;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    start_workers(p, wanted);
    return p;
}

void leati_pool_destroy(leati_pool *p)
{
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->stop, true);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 1; i <= p->count; i++) pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    leati_free(p);
}

/* Nobody is inside. What is left of a generation that comes again is made to count as nothing. */
static uint64_t announce(leati_pool *p)
{
    uint64_t last = GENERATION(atomic_load_explicit(&p->state, memory_order_relaxed));
    uint64_t generation = last == UINT32_MAX ? 1 : last + 1;
    for (unsigned i = 0; generation == 1 && i <= p->count; i++)
        atomic_store_explicit(&p->workers[i].taken, 0, memory_order_relaxed);
    atomic_store(&p->state, generation << 32 | OPEN);
    if (atomic_load(&p->sleepers) == 0) return generation;
    pthread_mutex_lock(&p->lock);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    return generation;
}

static void close_and_wait(leati_pool *p)
{
    uint64_t s = atomic_fetch_and_explicit(&p->state, ~OPEN, memory_order_acq_rel) & ~OPEN;
    for (int i = 0; INSIDE(s); i++) {
        if (i < SPINS_BEFORE_YIELD) relax();
        else sched_yield();
        s = atomic_load_explicit(&p->state, memory_order_acquire);
    }
}

static void run_alone(size_t tasks, leati_task_fn run, void *arg)
{
    for (size_t t = 0; t < tasks; t++) run(arg, t, 0);
}

void leati_parallel(leat_context *c, size_t tasks, leati_task_fn run, void *arg)
{
    if (tasks > 1 && c->threads > 1 && !c->pool) c->pool = pool_create(c);
    leati_pool *p = c->pool;
    if (tasks <= 1 || tasks > UINT32_MAX || !p || p->count == 0 ||
        atomic_exchange(&p->busy, true)) {
        run_alone(tasks, run, arg);
        return;
    }
    p->run = run;
    p->arg = arg;
    p->each = tasks / (p->count + 1);
    p->longer = tasks % (p->count + 1);
    run_tasks(p, 0, announce(p));
    close_and_wait(p);
    atomic_store(&p->busy, false);
}

/* ---- in order ------------------------------------------------------------------------------- */

typedef struct row {
    _Alignas(64) atomic_size_t next; /* to be handed out */
    _Alignas(64) size_t tasks;
    leati_task_fn run;
    void *arg;
} row;

static void hand_out(void *argument, size_t part, unsigned index)
{
    row *r = argument;
    (void)part;
    for (;;) {
        size_t task = atomic_fetch_add_explicit(&r->next, 1, memory_order_relaxed);
        if (task >= r->tasks) return;
        r->run(r->arg, task, index);
    }
}

void leati_parallel_in_order(leat_context *c, size_t tasks, leati_task_fn run, void *arg)
{
    row r = {.tasks = tasks, .run = run, .arg = arg};
    atomic_init(&r.next, 0);
    leati_parallel(c, tasks < c->threads ? tasks : c->threads, hand_out, &r);
}

/* ---- beside --------------------------------------------------------------------------------- */

void leati_beside_begin(leat_context *c, size_t tasks, leati_task_fn run, void *arg)
{
    if (c->threads > 1 && !c->pool) c->pool = pool_create(c);
    leati_pool *p = c->pool;
    if (!p || p->count == 0) {
        run_alone(tasks, run, arg);
        return;
    }
    p->beside_run = run;
    p->beside_arg = arg;
    p->beside_tasks = tasks;
    atomic_store_explicit(&p->beside_next, 0, memory_order_relaxed);
    atomic_store_explicit(&p->beside, OPEN, memory_order_release);
}

static void take_rest(void *argument, size_t task, unsigned index)
{
    leati_pool *p = argument;
    (void)task;
    for (;;) {
        size_t at = atomic_fetch_add_explicit(&p->beside_next, 1, memory_order_relaxed);
        if (at >= p->beside_tasks) return;
        p->beside_run(p->beside_arg, at, index);
    }
}

void leati_beside_end(leat_context *c)
{
    leati_pool *p = c->pool;
    if (!p || p->count == 0) return;
    uint64_t s = atomic_fetch_and_explicit(&p->beside, ~OPEN, memory_order_acq_rel) & ~OPEN;
    if (atomic_load_explicit(&p->beside_next, memory_order_relaxed) < p->beside_tasks)
        leati_parallel(c, (size_t)p->count + 1, take_rest, p);
    for (int i = 0; INSIDE(s); i++) {
        if (i) relax();
        if (i > SPINS_BEFORE_YIELD) sched_yield();
        s = atomic_load_explicit(&p->beside, memory_order_acquire);
    }
    p->beside_tasks = 0;
}

/* ---- steps ---------------------------------------------------------------------------------- */

enum { MOST_CLIMBERS = 64 };

/* Each climber has a share of the tasks, the same in every step, and takes from others' what is
 * left of a step before it goes on to the next. A task is taken before it is known whether the
 * step before is done: that is waited for, and every task that is waited for is in the hands of a
 * thread, so any number of threads gets to the end. */
typedef struct stairs {
    size_t steps, tasks;
    unsigned climbers;
    leati_step_task_fn run;
    void *arg;
    _Alignas(64) atomic_size_t done; /* tasks: all of a step before any of the next */
    struct {
        _Alignas(64) atomic_size_t taken; /* of a share, over all steps */
    } shares[MOST_CLIMBERS];
} stairs;

static void wait_for_steps_before(stairs *s, size_t step)
{
    for (int i = 0; atomic_load_explicit(&s->done, memory_order_acquire) < step * s->tasks; i++) {
        if (i < SPINS_BEFORE_YIELD) relax();
        else sched_yield();
    }
}

/* Runs what is left of a share in a step, one task after the other. */
static void climb_share(stairs *s, size_t step, unsigned share, unsigned index)
{
    atomic_size_t *taken = &s->shares[share].taken;
    size_t first = leati_task_start(s->tasks, s->climbers, share);
    size_t size = leati_task_start(s->tasks, s->climbers, share + 1) - first;
    for (;;) {
        size_t at = atomic_load_explicit(taken, memory_order_relaxed);
        do {
            if (at >= (step + 1) * size) return;
        } while (!atomic_compare_exchange_weak_explicit(taken, &at, at + 1, memory_order_relaxed,
                                                        memory_order_relaxed));
        wait_for_steps_before(s, step);
        s->run(s->arg, step, first + at - step * size, index);
        atomic_fetch_add_explicit(&s->done, 1, memory_order_release);
    }
}

static void climb(void *argument, size_t part, unsigned index)
{
    stairs *s = argument;
    for (size_t step = 0; step < s->steps; step++) {
        climb_share(s, step, (unsigned)part, index);
        for (unsigned i = 1; i < s->climbers; i++)
            climb_share(s, step, ((unsigned)part + i) % s->climbers, index);
    }
}

void leati_parallel_steps(leat_context *c, size_t steps, size_t tasks, leati_step_task_fn run,
                          void *arg)
{
    stairs s;
    size_t most = c->threads < MOST_CLIMBERS ? c->threads : MOST_CLIMBERS;
    if (!steps || !tasks) return;
    s.steps = steps;
    s.tasks = tasks;
    s.climbers = (unsigned)(tasks < most ? tasks : most);
    s.run = run;
    s.arg = arg;
    atomic_init(&s.done, 0);
    for (unsigned i = 0; i < s.climbers; i++) atomic_init(&s.shares[i].taken, 0);
    leati_parallel(c, s.climbers, climb, &s);
}
