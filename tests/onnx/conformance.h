/* Running ONNX's backend tests: folders with model.onnx and test_data_set_N of serialised values.
 */
#ifndef LEAT_TESTS_CONFORMANCE_H
#define LEAT_TESTS_CONFORMANCE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum conformance_result {
    CONFORMANCE_PASS,
    CONFORMANCE_FAIL,
    CONFORMANCE_SKIP
} conformance_result;

/* Runs the test in a process of its own, at most `seconds`; a crash or too long a run is a failure.
 * The reason for what is no pass is in `reason`. */
conformance_result conformance_run(const char *folder, unsigned seconds, char *reason, size_t room);

/* Folders below `root` that hold a model.onnx, sorted; free each and the list. */
char **conformance_find(const char *root, size_t *count);

#endif
