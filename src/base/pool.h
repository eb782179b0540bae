/* The thread pool of a context. Work is cut into tasks whose number and borders must not depend
 * on the number of threads; then results do not either. */
#ifndef LEATI_BASE_POOL_H
#define LEATI_BASE_POOL_H

#include <stddef.h>

#include <leat/context.h>

/* Runs task `task` (0 .. tasks-1); `worker` (0 .. threads-1) picks scratch space. Must not record
 * errors in the context nor allocate with recording forms: report through `arg`. */
typedef void (*leati_task_fn)(void *arg, size_t task, unsigned worker);

/* Run all tasks and return when they are done. The caller works too. Each thread begins with a
 * share of its own, neighbours of one another and the same for every call of as many tasks; a task
 * must not wait for another. A call from inside a task runs its tasks in order on the calling
 * thread, as worker 0. Never fails: without threads it runs alone. */
void leati_parallel(leat_context *c, size_t tasks, leati_task_fn run, void *arg);

/* The same, but tasks begin in order, so that one may wait for those before it. */
void leati_parallel_in_order(leat_context *c, size_t tasks, leati_task_fn run, void *arg);

/* The same for work in steps, with one fork and join for all of them: `tasks` tasks of step 0, then
 * those of step 1 and so on. A task begins when all tasks of the steps before are done, and sees
 * what they wrote. */
typedef void (*leati_step_task_fn)(void *arg, size_t step, size_t task, unsigned worker);
void leati_parallel_steps(leat_context *c, size_t steps, size_t tasks, leati_step_task_fn run,
                          void *arg);

/* Work beside what follows: from begin on a worker that would wait takes a task of it, one at a
 * time, while the caller goes on; end does what is left, on all threads, and returns when all is
 * done. Tasks are short, about a microsecond, for work that is announced meanwhile waits for them.
 * One at a time per context, not from inside a task. Without threads begin does all. */
void leati_beside_begin(leat_context *c, size_t tasks, leati_task_fn run, void *arg);
void leati_beside_end(leat_context *c);

/* How many tasks of at least `grain` items cover `items`; capped at `most`. Not less than 1. */
static inline size_t leati_task_count(size_t items, size_t grain, size_t most)
{
    size_t n = items / (grain ? grain : 1);
    return n < 1 ? 1 : n > most ? most : n;
}

/* First item of task t of n over `items`: tasks cover [start(t), start(t+1)). */
static inline size_t leati_task_start(size_t items, size_t n, size_t t)
{
    return items / n * t + (t < items % n ? t : items % n);
}

typedef struct leati_pool leati_pool;
void leati_pool_destroy(leati_pool *pool); /* NULL is fine */

#endif
