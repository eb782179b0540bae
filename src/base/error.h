/* Recording and forwarding errors inside the library. The first error of a context sticks. */
#ifndef LEATI_BASE_ERROR_H
#define LEATI_BASE_ERROR_H

#include <leat/context.h>

/* Record `status` with a message unless an earlier error stands; returns `status`. A message says
 * what was wrong, what was expected and how to mend it, and names the thing (file, line, column).
 */
leat_status leati_error(leat_context *c, leat_status status, const char *file, int line,
                        const char *format, ...) LEAT_PRINTF(5, 6);

/* Put "text: " before the recorded message (the caller knows the name of the file, the fold, ...).
 * Does nothing when no error stands. Returns the recorded status. */
leat_status leati_error_within(leat_context *c, const char *format, ...) LEAT_PRINTF(2, 3);

/* Add a line to the recorded message that says how to mend it. */
leat_status leati_error_hint(leat_context *c, const char *format, ...) LEAT_PRINTF(2, 3);

#define LEATI_FAIL(c, status, ...) leati_error((c), (status), __FILE__, __LINE__, __VA_ARGS__)

/* Forward a failure without adding to it. */
#define LEATI_TRY(expression)                                                                      \
    do {                                                                                           \
        leat_status leati_try_ = (expression);                                                     \
        if (leati_try_ != LEAT_OK) return leati_try_;                                              \
    } while (0)

/* The same in functions with one cleanup label `out:` and a variable `st`. */
#define LEATI_GO(expression)                                                                       \
    do {                                                                                           \
        st = (expression);                                                                         \
        if (st != LEAT_OK) goto out;                                                               \
    } while (0)

/* Check something that a caller or a file controls. */
#define LEATI_CHECK(c, condition, status, ...)                                                     \
    do {                                                                                           \
        if (!(condition)) return LEATI_FAIL(c, status, __VA_ARGS__);                               \
    } while (0)

/* Check our own invariant: stops a debug build, reports LEAT_INTERNAL in a release build. */
#ifdef NDEBUG
#define LEATI_BUG_IF(c, condition)                                                                 \
    do {                                                                                           \
        if (condition) return LEATI_FAIL(c, LEAT_INTERNAL, "a fault of Leat: %s", #condition);     \
    } while (0)
#else
#define LEATI_BUG_IF(c, condition)                                                                 \
    do {                                                                                           \
        (void)(c);                                                                                 \
        if (condition) __builtin_trap();                                                           \
    } while (0)
#endif

/* Log through the context's hook; free of cost when there is none. */
void leati_log(leat_context *c, leat_log_level level, const char *format, ...) LEAT_PRINTF(3, 4);

#endif
