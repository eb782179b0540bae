/* Telling the caller how far a long job is, and asking whether to go on. */
#ifndef LEATI_BASE_PROGRESS_H
#define LEATI_BASE_PROGRESS_H

#include <stdbool.h>

#include <leat/context.h>

/* Cheap enough for every few milliseconds of work: passes on at most one call in 50 ms, and the
 * one with done == total. Returns LEAT_CANCELLED (recorded) when the caller wants to stop or
 * leati_go_on says so. Only from the thread that uses the context. */
leat_status leati_progress(leat_context *c, const char *what, uint64_t done, uint64_t total);

/* Which part of a longer job the coming ones are, for those that say so of themselves, as "fold 3
 * of 5"; "": none. */
void leati_stage_set(leat_context *c, const char *format, ...) LEAT_PRINTF(2, 3);
const char *leati_stage(const leat_context *c);

/* When the jobs of the context end by themselves, on the clock of leati_now_ns; 0: they do not.
 * From then on leati_progress and leati_go_on fail with LEAT_CANCELLED. Set between jobs, by the
 * thread that uses the context. */
void leati_deadline_set(leat_context *c, uint64_t at_ns);
/* Whether the last LEAT_CANCELLED came of the deadline, not of somebody who wants to stop. */
bool leati_out_of_time(const leat_context *c);

/* LEAT_CANCELLED (recorded) when the job is to stop: it was cancelled or its deadline has passed.
 * For loops that show nothing; costs as much as reading the clock. Only from the thread that uses
 * the context. */
leat_status leati_go_on(leat_context *c, const char *what);
/* The same question for tasks of leati_parallel: from any thread, nothing is recorded. Whoever ran
 * the tasks must ask leati_go_on or leati_progress before using what they made; it stays true until
 * then. */
bool leati_stopping(leat_context *c);

/* Monotonic time. */
uint64_t leati_now_ns(void);
double leati_now_s(void);

#endif
