/* Texts that choose how a model is selected: the first byte says which reader gets the rest. What
 * is read well must print as text that reads the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "learn/search.h"
#include "learn/split.h"
#include "learn/stats_require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_split(leat_context *c, const char *text)
{
    leati_split_spec s, again;
    if (leati_split_parse(c, &s, text) != LEAT_OK) return;
    size_t n = leati_split_text(&s, NULL, 0);
    char *written = malloc(n + 1);
    if (!written) abort();
    leati_split_text(&s, written, n + 1);
    if (leati_split_parse(c, &again, written) != LEAT_OK) abort();
    if (again.kind != s.kind || again.folds != s.folds || again.repeats != s.repeats ||
        again.inner != s.inner || again.test_share != s.test_share || !again.column != !s.column ||
        (s.column && strcmp(again.column, s.column) != 0))
        abort();
    free(written);
}

static void fuzz_search(leat_context *c, const char *text)
{
    leati_search_spec s, again;
    char written[40];
    if (leati_search_parse(c, &s, text) != LEAT_OK) return;
    leati_search_text(&s, written, sizeof written);
    if (leati_search_parse(c, &again, written) != LEAT_OK || again.kind != s.kind ||
        again.draws != s.draws)
        abort();
}

static void fuzz_space(leat_context *c, const char *text)
{
    char *estimator, *name, *values;
    leati_space s;
    leati_candidates x;
    if (leati_space_split(c, text, &estimator, &name, &values) != LEAT_OK) return;
    leati_space_init(&s, c);
    if (leati_space_add(&s, name, values) == LEAT_OK) {
        leati_search_spec spec = {.kind = LEATI_SEARCH_RANDOM, .draws = 5};
        if (leati_candidates_make(c, &x, &s, &spec, 1) != LEAT_OK || x.count == 0) abort();
        leati_candidates_fini(&x);
    }
    leati_space_fini(&s);
    leati_free(estimator);
}

static void fuzz_require(leat_context *c, const char *text, leati_task task)
{
    leati_requirements r;
    char out[300];
    leati_interval x = {0.5, 0.25, 0.75, 0.95, ""};
    if (leati_requirements_parse(c, &r, task, text) != LEAT_OK) return;
    for (size_t i = 0; i < r.count; i++) leati_requirement_text(&r.at[i], &x, out, sizeof out);
    leati_requirements_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_context *c;
    leat_context_options o = leat_context_options_default();
    o.threads = 1;
    if (size == 0 || leat_context_create(&c, &o) != LEAT_OK) return 0;
    uint64_t before = leat_context_bytes(c);
    char *text = malloc(size);
    if (!text) abort();
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0] % 5) {
    case 0: fuzz_split(c, text); break;
    case 1: fuzz_search(c, text); break;
    case 2: fuzz_space(c, text); break;
    case 3: fuzz_require(c, text, LEATI_CLASSIFY); break;
    default: fuzz_require(c, text, LEATI_REGRESS); break;
    }
    free(text);
    if (leat_context_bytes(c) != before) abort(); /* a leak */
    leat_context_destroy(c);
    return 0;
}
