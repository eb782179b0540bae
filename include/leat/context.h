/* The context: allocator, log, random seed, thread pool, CPU level, limits and the first error.
 *
 * Nothing in Leat is global. A context may be used by one thread at a time; objects made with it
 * (frames, models) may outlive it and, once complete, may be read from any thread. */
#ifndef LEAT_CONTEXT_H
#define LEAT_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include <leat/export.h>
#include <leat/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_context leat_context;

/* Both must be set and callable from any thread, with the contracts of malloc and free. */
typedef struct leat_allocator {
    void *user;
    void *(*alloc)(void *user, size_t bytes);
    void (*free)(void *user, void *block);
} leat_allocator;

typedef enum leat_log_level { LEAT_LOG_DEBUG, LEAT_LOG_INFO, LEAT_LOG_WARN } leat_log_level;

/* Called on the thread that uses the context. `text` has no final newline. */
typedef void (*leat_log_fn)(void *user, leat_log_level level, const char *text);

/* Called at most every 50 ms while a long job runs, and once at its end (done == total).
 * `total` is 0 where it is not known. Return non-zero to interrupt the job (LEAT_CANCELLED). */
typedef int (*leat_progress_fn)(void *user, const char *what, uint64_t done, uint64_t total);

/* Of the matrix products and convolutions of networks that predict. BF16: operands rounded to 8
 * significant bits, sums in f32; about twice as fast on processors with bf16 instructions. */
typedef enum leat_precision {
    LEAT_PRECISION_OF_MODEL, /* as it was trained: its parameter `precision`; f32 for ONNX models */
    LEAT_PRECISION_F32,
    LEAT_PRECISION_BF16
} leat_precision;

typedef struct leat_context_options {
    uint32_t struct_size;            /* set by leat_context_options_default */
    const leat_allocator *allocator; /* NULL: malloc */
    leat_log_fn log;                 /* NULL: silent */
    void *log_user;
    leat_progress_fn progress; /* NULL: none */
    void *progress_user;
    uint64_t seed;      /* default 1; the same seed gives the same bytes, whatever the threads */
    unsigned threads;   /* 0: as many as processors it may run on and its container has time for */
    const char *cpu;    /* NULL: the environment variable LEAT_CPU, else the best this CPU has;
                           "v2", "v3", "v4", "amx", "neon" or "generic" */
    uint64_t max_bytes; /* memory that may be allocated at once; 0: no limit */
    leat_precision precision;
} leat_context_options;

LEAT_API leat_context_options leat_context_options_default(void);

/* On failure *out is NULL and the status says why (INVALID: unknown or unavailable CPU level). */
LEAT_API LEAT_CHECKED leat_status leat_context_create(leat_context **out,
                                                      const leat_context_options *options);
LEAT_API void leat_context_destroy(leat_context *context); /* NULL is fine */

/* The first error since creation or leat_error_clear. Later errors do not replace it, and a
 * function called while it stands may fail with it: clear it once it has been dealt with. A graph
 * in which an operation failed stays so until leat_graph_clear. */
LEAT_API leat_status leat_error_status(const leat_context *context);
/* One or more lines: what was wrong, what was expected, how to mend it. "" if there is none. */
LEAT_API const char *leat_error_message(const leat_context *context);
/* "file.c:123" of the check that failed, for bug reports. */
LEAT_API const char *leat_error_place(const leat_context *context);
LEAT_API void leat_error_clear(leat_context *context);
/* Record an error of the caller's own (unless one stands); returns `status`. */
LEAT_API leat_status leat_error_set(leat_context *context, leat_status status, const char *format,
                                    ...) LEAT_PRINTF(3, 4);

/* Asks the job that runs in the context, else the next one, to end with LEAT_CANCELLED: within some
 * tens of milliseconds where it can be cut. From any thread, and from signal handlers. */
LEAT_API void leat_context_cancel(leat_context *context);

LEAT_API unsigned leat_context_threads(const leat_context *context);
LEAT_API uint64_t leat_context_seed(const leat_context *context);
/* The level the kernels of this context run at: "generic", "v2", "v3", "v4", "amx" or
 * "neon". */
LEAT_API const char *leat_context_cpu(const leat_context *context);
LEAT_API leat_precision leat_context_precision(const leat_context *context);
/* Bytes held through this context's allocator: now, and the most at any time. */
LEAT_API uint64_t leat_context_bytes(const leat_context *context);
LEAT_API uint64_t leat_context_peak_bytes(const leat_context *context);

/* "0.1.0" */
LEAT_API const char *leat_version(void);

#ifdef __cplusplus
}
#endif

#endif
