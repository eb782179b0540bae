/* Writing JSON: a builder that keeps commas, indentation and escapes right. */
#ifndef LEAT_JSON_H
#define LEAT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_json leat_json;

/* `indent` spaces per level; 0 writes one line. NULL on failure (recorded). All calls below accept
 * NULL and do nothing, so that a sequence is checked once, by leat_json_text. Not thread-safe. */
LEAT_API leat_json *leat_json_create(leat_context *context, int indent);
LEAT_API void leat_json_destroy(leat_json *json);

/* `key` is NULL inside an array and at the top. */
LEAT_API void leat_json_begin_object(leat_json *json, const char *key);
LEAT_API void leat_json_end_object(leat_json *json);
LEAT_API void leat_json_begin_array(leat_json *json, const char *key);
LEAT_API void leat_json_end_array(leat_json *json);
LEAT_API void leat_json_string(leat_json *json, const char *key,
                               const char *value); /* NULL: null */
LEAT_API void leat_json_stringn(leat_json *json, const char *key, const char *value, size_t length);
/* Shortest text that reads back the same; not-a-number and infinities become null. */
LEAT_API void leat_json_number(leat_json *json, const char *key, double value);
LEAT_API void leat_json_int(leat_json *json, const char *key, int64_t value);
LEAT_API void leat_json_bool(leat_json *json, const char *key, bool value);
LEAT_API void leat_json_null(leat_json *json, const char *key);
/* `text` must be JSON; written as it is. */
LEAT_API void leat_json_raw(leat_json *json, const char *key, const char *text);

/* The text so far, owned by the builder; NULL if anything failed (the context says what): INVALID
 * where something was ended that was not begun, or lies deeper than 63 objects and arrays. Bytes
 * that are not UTF-8 have become U+FFFD. */
LEAT_API const char *leat_json_text(leat_json *json);

#ifdef __cplusplus
}
#endif

#endif
