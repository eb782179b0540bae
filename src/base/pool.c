/* Owns: worker threads that spin briefly for work, then sleep.
 *
 * `state` is one word: generation << 32 | open << 31 | workers inside. A job is open from its
 * announcement until the caller has found no task left; workers enter only an open job, so the
 * caller never waits for one that is still asleep. */
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

typedef struct worker {
    struct leati_pool *pool;
    unsigned index;
    pthread_t thread;
} worker;

struct leati_pool {
    _Alignas(64) atomic_uint_fast64_t state;
    _Alignas(64) atomic_size_t next; /* task to hand out */
    leati_task_fn run;
    void *arg;
    size_t tasks;
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

static void run_tasks(leati_pool *p, unsigned index)
{
    for (;;) {
        size_t task = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
        if (task >= p->tasks) return;
        p->run(p->arg, task, index);
    }
}

/* Enter the announced job if it is still open. */
static bool enter(leati_pool *p, uint64_t seen)
{
    uint64_t s = seen;
    while (s & OPEN) {
        if (atomic_compare_exchange_weak_explicit(&p->state, &s, s + 1, memory_order_acquire,
                                                  memory_order_relaxed))
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
        generation = GENERATION(state);
        if (!enter(p, state)) continue;
        run_tasks(p, self->index);
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
        worker *w = &p->workers[i];
        *w = (worker){.pool = p, .index = i + 1};
        if (pthread_create(&w->thread, NULL, work, w) != 0) break;
        p->count++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static leati_pool *pool_create(leat_context *c)
{
    unsigned wanted = c->threads - 1;
    leati_pool *p = leati_alloc_quiet(c, sizeof *p + wanted * sizeof(worker) + 512);
    if (!p) return NULL;
    atomic_init(&p->state, 0);
    atomic_init(&p->next, 0);
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
    for (unsigned i = 0; i < p->count; i++) pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    leati_free(p);
}

static void announce(leati_pool *p)
{
    uint64_t generation = GENERATION(atomic_load_explicit(&p->state, memory_order_relaxed)) + 1;
    atomic_store(&p->state, (generation & UINT32_MAX) << 32 | OPEN);
    if (atomic_load(&p->sleepers) == 0) return;
    pthread_mutex_lock(&p->lock);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
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
    if (tasks <= 1 || !p || p->count == 0 || atomic_exchange(&p->busy, true)) {
        run_alone(tasks, run, arg);
        return;
    }
    p->run = run;
    p->arg = arg;
    p->tasks = tasks;
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    announce(p);
    run_tasks(p, 0);
    close_and_wait(p);
    atomic_store(&p->busy, false);
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

/* Tasks of all steps in one row, handed out in order: whoever waits for a task of the step before
 * waits for a thread that runs it, so any number of threads gets to the end. */
typedef struct stairs {
    _Alignas(64) atomic_size_t next;
    _Alignas(64) atomic_size_t done; /* tasks: all of a step before any of the next */
    size_t steps, tasks;
    leati_step_task_fn run;
    void *arg;
} stairs;

static void climb(void *argument, size_t task, unsigned index)
{
    stairs *s = argument;
    (void)task;
    for (;;) {
        size_t at = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed);
        size_t step = at / s->tasks, before = step * s->tasks;
        if (step >= s->steps) return;
        for (int i = 0; atomic_load_explicit(&s->done, memory_order_acquire) < before; i++) {
            if (i < SPINS_BEFORE_YIELD) relax();
            else sched_yield();
        }
        s->run(s->arg, step, at - before, index);
        atomic_fetch_add_explicit(&s->done, 1, memory_order_release);
    }
}

void leati_parallel_steps(leat_context *c, size_t steps, size_t tasks, leati_step_task_fn run,
                          void *arg)
{
    stairs s = {.steps = steps, .tasks = tasks, .run = run, .arg = arg};
    if (!steps || !tasks) return;
    atomic_init(&s.next, 0);
    atomic_init(&s.done, 0);
    leati_parallel(c, tasks < c->threads ? tasks : c->threads, climb, &s);
}
