/* Owns: asking the kernel for memory that is left. */
#include "base/machine_memory.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* A whole number alone in a file; UINT64_MAX for "max" and for no such file. */
static uint64_t number_in(const char *path)
{
    unsigned long long value;
    FILE *f = fopen(path, "re");
    int got = f ? fscanf(f, "%llu", &value) : 0;
    if (f) fclose(f);
    return got == 1 ? value : UINT64_MAX;
}

static uint64_t of_machine(void)
{
    char line[256];
    unsigned long long kilobytes;
    uint64_t bytes = UINT64_MAX;
    FILE *f = fopen("/proc/meminfo", "re");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %llu kB", &kilobytes) == 1) bytes = kilobytes * 1024;
    if (f) fclose(f);
    return bytes;
}

/* Of the group that the process sees as its root, as in containers. */
static uint64_t of_group(void)
{
    uint64_t most = number_in("/sys/fs/cgroup/memory.max");
    uint64_t used = number_in("/sys/fs/cgroup/memory.current");
    if (most == UINT64_MAX || used == UINT64_MAX) return UINT64_MAX;
    return most > used ? most - used : 0;
}

static uint64_t left_of(int resource, unsigned long long pages)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
    uint64_t used = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return limit.rlim_cur > used ? (uint64_t)limit.rlim_cur - used : 0;
}

/* What `ulimit -v` and `ulimit -d` leave to the process. */
static uint64_t of_process(void)
{
    unsigned long long all = 0, data = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    int got = f ? fscanf(f, "%llu %*u %*u %*u %*u %llu", &all, &data) : 0;
    if (f) fclose(f);
    if (got != 2) all = data = 0;
    uint64_t space = left_of(RLIMIT_AS, all), heap = left_of(RLIMIT_DATA, data);
    return space < heap ? space : heap;
}

uint64_t leati_memory_available_of(const char **whose)
{
    const uint64_t left[] = {of_machine(), of_group(), of_process()};
    static const char *const names[] = {"this machine's memory", "the control group's memory",
                                        "the process's limit of memory (ulimit)"};
    int least = 0;
    for (int i = 1; i < 3; i++)
        if (left[i] < left[least]) least = i;
    *whose = names[least];
    return left[least];
}

uint64_t leati_memory_available(void)
{
    const char *whose;
    return leati_memory_available_of(&whose);
}
