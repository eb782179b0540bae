/* Telling the caller how far a long job is, and asking whether to go on. */
#ifndef LEATI_BASE_PROGRESS_H
#define LEATI_BASE_PROGRESS_H

#include <leat/context.h>

/* Cheap enough for every few milliseconds of work: passes on at most one call in 50 ms, and the
 * one with done == total. Returns LEAT_CANCELLED (recorded) when the caller wants to stop. Only
 * from the thread that uses the context. */
leat_status leati_progress(leat_context *c, const char *what, uint64_t done, uint64_t total);

/* Monotonic time. */
uint64_t leati_now_ns(void);
double leati_now_s(void);

#endif
