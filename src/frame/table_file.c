/* Owns: the file of an operation's argument and how it is to be read. */
#include "frame/table_file.h"

#include <string.h>

#include <leat/data.h>

#include "base/error.h"

static const char mark[] = " with ";

/* Whether an option's name and '=' begin at p. */
static bool option_follows(const char *p, const char *end)
{
    while (p < end && *p == ' ') p++;
    for (size_t i = 0;; i++) {
        const char *name = leat_read_option(i);
        if (!name) return false;
        size_t n = strlen(name);
        if ((size_t)(end - p) > n && p[n] == '=' && memcmp(p, name, n) == 0) return true;
    }
}

/* Where the file's name ends; *options: what follows it, or `end`. */
static const char *name_end(const char *text, const char *end, const char **options)
{
    size_t n = sizeof mark - 1;
    *options = end;
    for (const char *p = end; p-- > text;) {
        if ((size_t)(end - p) <= n || memcmp(p, mark, n) != 0 || !option_follows(p + n, end))
            continue;
        *options = p + n;
        return p;
    }
    return end;
}

/* A value at *p into `to`, up to a space or, where it begins with a quote, to the quote that closes
 * it; one inside is written twice. */
static leat_status take_value(leat_context *c, const char **p, const char *end, char *to)
{
    const char *at = *p;
    char quote = at < end && (*at == '"' || *at == '\'') ? *at++ : '\0';
    for (; at < end && (quote || *at != ' '); at++) {
        if (quote && *at == quote && !(at + 1 < end && at[1] == quote)) break;
        if (quote && *at == quote) at++;
        *to++ = *at;
    }
    *to = '\0';
    LEATI_CHECK(c, !quote || at < end, LEAT_INVALID,
                "a quote is opened here and never closed: %.*s", (int)(end - *p), *p);
    *p = at + (quote != '\0');
    LEATI_CHECK(c, *p == end || **p == ' ', LEAT_INVALID, "a space was expected before %.*s",
                (int)(end - *p), *p);
    return LEAT_OK;
}

/* Words NAME=VALUE; values into memory of the arena. */
static leat_status read_options(leat_context *c, leati_arena *arena, const char *p, const char *end,
                                leat_read_options *o)
{
    for (;;) {
        while (p < end && *p == ' ') p++;
        if (p == end) return LEAT_OK;
        const char *equals = memchr(p, '=', (size_t)(end - p));
        LEATI_CHECK(c, equals, LEAT_INVALID,
                    "'%.*s' says nothing about reading; options are written NAME=VALUE, as in "
                    "with types=id:text",
                    (int)(end - p), p);
        char *name = leati_arena_strndup(arena, p, (size_t)(equals - p));
        char *value = leati_arena_alloc(arena, (size_t)(end - equals));
        if (!name || !value) return leat_error_status(c);
        p = equals + 1;
        LEATI_TRY(take_value(c, &p, end, value));
        LEATI_TRY(leat_read_options_set(c, o, name, value));
    }
}

leat_status leati_table_file_parse(leat_context *c, leati_arena *arena, const char *text,
                                   size_t length, char **name, leat_read_options *options)
{
    const char *from, *end = name_end(text, text + length, &from);
    *options = leat_read_options_default();
    *name = leati_arena_strndup(arena, text, (size_t)(end - text));
    if (!*name) return leat_error_status(c);
    return read_options(c, arena, from, text + length, options);
}

leat_status leati_table_file(leat_context *c, leat_frame **out, const char *text, size_t length,
                             const char *expected)
{
    leati_arena arena;
    leat_read_options options;
    char *name;
    *out = NULL;
    leati_arena_init(&arena, c);
    leat_status st = leati_table_file_parse(c, &arena, text, length, &name, &options);
    if (st == LEAT_OK) {
        if (expected && *expected) options.expected = expected;
        st = leat_data_load(c, out, name, &options);
    }
    leati_arena_fini(&arena);
    return st;
}
