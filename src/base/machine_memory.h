/* How much memory is left to this process. */
#ifndef LEATI_BASE_MACHINE_MEMORY_H
#define LEATI_BASE_MACHINE_MEMORY_H

#include <stdint.h>

/* Bytes that can still be had without swapping: what the kernel says is available, less where the
 * process's control group (version 2), or the process (RLIMIT_AS, RLIMIT_DATA), has a lower limit.
 * UINT64_MAX: not known. */
uint64_t leati_memory_available(void);
/* The same, and whose memory sets the bound: "this machine's memory". */
uint64_t leati_memory_available_of(const char **whose);

#endif
