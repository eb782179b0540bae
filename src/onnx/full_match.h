/* Regular expressions that match whole texts, in time proportional to pattern and text. */
#ifndef LEATI_ONNX_FULL_MATCH_H
#define LEATI_ONNX_FULL_MATCH_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

typedef struct leati_pattern leati_pattern;

/* The syntax of RE2 over code points of UTF-8: alternatives, groups (also (?:...), (?P<name>...)),
 * * + ? {m,n} (lazy or not: it matches the whole text), . classes with ranges and [:alpha:],
 * \d \w \s \D \W \S of ASCII, ^ $ \A \z \b \B, \x41 \x{1F600}. FORMAT names the place of a mistake;
 * UNSUPPORTED: flags, \p, \C, \Q; LIMIT: patterns of more than 20,000 steps. In the arena. */
leat_status leati_pattern_parse(leat_context *c, leati_arena *arena, const char *text, size_t size,
                                leati_pattern **out);
/* Whether all of the text matches. */
leat_status leati_pattern_matches(leat_context *c, leati_arena *arena, const leati_pattern *p,
                                  const char *text, size_t size, bool *yes);

#endif
