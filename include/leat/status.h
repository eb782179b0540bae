/* Status codes. Every public function that can fail returns one; values come by out-parameter. */
#ifndef LEAT_STATUS_H
#define LEAT_STATUS_H

#include <leat/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One row per status: X(code, NAME, "meaning"). Codes are part of the ABI and never renumbered. */
#define LEAT_STATUS_LIST(X)                                                                        \
    X(0, OK, "success")                                                                            \
    X(1, NOMEM, "out of memory")                                                                   \
    X(2, INVALID, "invalid argument or option")                                                    \
    X(3, SHAPE, "shapes do not fit together")                                                      \
    X(4, TYPE, "value or column of the wrong type")                                                \
    X(5, NOT_FOUND, "no such file, column, model or name")                                         \
    X(6, IO, "reading or writing failed")                                                          \
    X(7, FORMAT, "malformed or damaged data")                                                      \
    X(8, LIMIT, "a configured limit was exceeded")                                                 \
    X(9, UNSUPPORTED, "not supported by this build, machine or format")                            \
    X(10, NUMERIC, "the computation has no finite answer")                                         \
    X(11, CANCELLED, "interrupted")                                                                \
    X(12, DIFFERS, "the answer is no: a comparison or requirement failed")                         \
    X(13, NETWORK, "network or remote server failed")                                              \
    X(14, INTERNAL, "a fault of Leat itself")

typedef enum leat_status {
#define LEAT_STATUS_ROW(code, name, text) LEAT_##name = code,
    LEAT_STATUS_LIST(LEAT_STATUS_ROW)
#undef LEAT_STATUS_ROW
} leat_status;

/* "NOMEM" and "out of memory". Never NULL, also for values outside the enum. */
LEAT_API const char *leat_status_name(leat_status status);
LEAT_API const char *leat_status_text(leat_status status);

#ifdef __cplusplus
}
#endif

#endif
