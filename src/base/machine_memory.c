/* Owns: asking the kernel for memory that is left. */
#include "base/machine_memory.h"

#include <stdio.h>

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

uint64_t leati_memory_available(void)
{
    uint64_t machine = of_machine(), group = of_group();
    return machine < group ? machine : group;
}
