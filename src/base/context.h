/* The inside of a context, for base/ only; other rooms use the functions. */
#ifndef LEATI_BASE_CONTEXT_H
#define LEATI_BASE_CONTEXT_H

#include <stdatomic.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/str.h"

struct leat_context {
    leati_heap *heap;
    leati_pool *pool; /* made at the first parallel call */
    unsigned threads;
    leati_cpu_level cpu;
    leat_precision precision;
    uint64_t seed;
    leat_log_fn log;
    void *log_user;
    leat_progress_fn progress;
    void *progress_user;
    uint64_t progress_last_ns;
    char stage[48];       /* see leati_stage_set */
    uint64_t deadline_ns; /* 0: none; set while no job runs */
    bool out_of_time;     /* the last CANCELLED came of the deadline */
    atomic_bool cancelled;
    bool made_up; /* see leati_context_made_up */
    leat_status error;
    char error_place[64];
    char error_text[2048];
};

#endif
