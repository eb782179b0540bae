/* leat-onnx-tests DIR [--list] [--match TEXT]: runs ONNX's backend tests below a folder, each in a
 * process of its own. A line per failure with its reason, or with --list the names of those that
 * pass; then "N passed, N failed, N skipped". Exit code 1 when one failed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx/conformance.h"

int main(int argc, char **argv)
{
    const char *root = NULL, *match = NULL;
    bool list = false;
    size_t count, results[3] = {0};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--list")) list = true;
        else if (!strcmp(argv[i], "--match") && i + 1 < argc) match = argv[++i];
        else root = argv[i];
    }
    if (!root) {
        fprintf(stderr, "usage: leat-onnx-tests DIR [--list] [--match TEXT]\n");
        return 2;
    }
    char **folders = conformance_find(root, &count);
    for (size_t i = 0; i < count; i++) {
        char reason[1024];
        const char *name = folders[i] + strlen(root);
        while (*name == '/') name++;
        if (!match || strstr(name, match)) {
            conformance_result r = conformance_run(folders[i], 20, reason, sizeof reason);
            results[r]++;
            if (list && r == CONFORMANCE_PASS) puts(name);
            if (!list && r != CONFORMANCE_PASS)
                printf("%s %s: %s\n", r == CONFORMANCE_FAIL ? "failed" : "skipped", name, reason);
        }
        free(folders[i]);
    }
    free(folders);
    FILE *to = list ? stderr : stdout;
    fprintf(to, "%zu passed, %zu failed, %zu skipped\n", results[CONFORMANCE_PASS],
            results[CONFORMANCE_FAIL], results[CONFORMANCE_SKIP]);
    return results[CONFORMANCE_FAIL] > 0;
}
