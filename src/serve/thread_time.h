/* How long a thread has wanted to compute: the time it had a processor, and the time it waited for
 * one. On a machine that is shared with others the second part is what makes its answers late. */
#ifndef LEATI_SERVE_THREAD_TIME_H
#define LEATI_SERVE_THREAD_TIME_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

/* Of the calling thread; 0 where the system has no such number. */
int leati_thread_number(void);
/* In ns, since the thread began. number: its own, or 0; without it, or where the kernel does not
 * tell (/proc/self/task/N/schedstat), the time it had a processor alone. 0 once it has ended. */
uint64_t leati_thread_busy_ns(pthread_t thread, int number);

#endif
