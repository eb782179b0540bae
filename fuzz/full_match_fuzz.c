/* Patterns of texts: any bytes give an answer or an error. The first byte says how long the pattern
 * is; the rest is the text. */
#include <stdint.h>
#include <stdlib.h>

#include "onnx/full_match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_context *c;
    leati_arena arena;
    leati_pattern *p;
    bool yes;
    if (size < 1 || leat_context_create(&c, NULL) != LEAT_OK) return 0;
    const char *text = (const char *)data + 1;
    size_t length = data[0] < size - 1 ? data[0] : size - 1;
    leati_arena_init(&arena, c);
    leat_status st = leati_pattern_parse(c, &arena, text, length, &p);
    if (st == LEAT_OK)
        st = leati_pattern_matches(c, &arena, p, text + length, size - 1 - length, &yes);
    if (st != LEAT_OK && !*leat_error_message(c)) abort();
    leati_arena_fini(&arena);
    leat_context_destroy(c);
    return 0;
}
