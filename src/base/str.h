/* A growing string. A failed append records LEAT_NOMEM in the context and the text stays as it
 * was, so a sequence of appends is checked once at its end (leati_str_status). */
#ifndef LEATI_BASE_STR_H
#define LEATI_BASE_STR_H

#include <stdarg.h>
#include <stddef.h>

#include <leat/context.h>

typedef struct leati_str {
    leat_context *context;
    char *text; /* terminated; NULL until the first append: use leati_str_text */
    size_t length;
    size_t capacity;
    leat_status status;
} leati_str;

void leati_str_init(leati_str *s, leat_context *c);
void leati_str_fini(leati_str *s);
void leati_str_clear(leati_str *s);             /* keeps the memory and the status */
const char *leati_str_text(const leati_str *s); /* never NULL */
leat_status leati_str_status(const leati_str *s);
void leati_str_add(leati_str *s, const char *text);
void leati_str_addn(leati_str *s, const char *text, size_t length);
void leati_str_addc(leati_str *s, char ch);
void leati_str_addu(leati_str *s, uint64_t value); /* decimal */
/* With `\`, `"` and line feeds escaped, as label values of Prometheus' text format are. */
void leati_str_add_label(leati_str *s, const char *value);
/* Once more what stands there already. */
void leati_str_again(leati_str *s, size_t from, size_t length);
void leati_str_addf(leati_str *s, const char *format, ...) LEAT_PRINTF(2, 3);
void leati_str_addv(leati_str *s, const char *format, va_list args);
/* Hand the text to the caller (leati_free) and empty the builder; NULL when an append failed. */
char *leati_str_take(leati_str *s);

/* The entry of `names` nearest to `wrong` by edit distance, for "did you mean"; NULL if none is
 * near. */
const char *leati_nearest(const char *wrong, const char *const *names, size_t count);

#endif
