/* Owns: reading the scheduler's account of a thread. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include "serve/thread_time.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int leati_thread_number(void)
{
#ifdef SYS_gettid
    return (int)syscall(SYS_gettid);
#else
    return 0;
#endif
}

/* "RUN WAITED SLICES" (Linux, Documentation/scheduler/sched-stats.rst). */
static uint64_t read_account(int number)
{
    char path[64], text[128];
    snprintf(path, sizeof path, "/proc/self/task/%d/schedstat", number);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (n <= 0) return 0;
    char *end;
    text[n] = '\0';
    uint64_t run = strtoull(text, &end, 10);
    return run + strtoull(end, NULL, 10);
}

uint64_t leati_thread_busy_ns(pthread_t thread, int number)
{
    clockid_t clock;
    struct timespec t;
    uint64_t told = number > 0 ? read_account(number) : 0;
    if (told) return told;
    if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &t) != 0) return 0;
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}
