/* Owns: a text as a table of windows of bytes and what follows each of them, for models of
 * language. Not: windows of tokens (token_windows.c). */
#include <stdlib.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "frame/read.h"
#include "frame/text_windows.h"

enum { MOST_LENGTH = 1000000 };

/* "64" or "64/3": length and step. */
static leat_status read_form(leat_context *c, const char *text, size_t *length, size_t *step)
{
    char *end = NULL;
    unsigned long n = strtoul(text, &end, 10), by = 1;
    bool good = end != text && *text >= '0' && *text <= '9';
    if (good && *end == '/') {
        const char *from = end + 1;
        by = strtoul(from, &end, 10);
        good = end != from && *from >= '0' && *from <= '9';
    }
    LEATI_CHECK(c, good && !*end && n >= 1 && n <= MOST_LENGTH && by >= 1, LEAT_INVALID,
                "text is '%s'; expected the length of a window, as in 64, or 64/3 for one at every "
                "third place",
                text);
    *length = n;
    *step = by;
    return LEAT_OK;
}

/* The classes are the bytes of the whole text, in their order. */
static leati_column *next_bytes(leat_context *c, const uint8_t *text, size_t size, size_t length,
                                size_t step, size_t rows)
{
    leati_map map;
    uint32_t code[256] = {0};
    bool seen[256] = {0}, good = true;
    leati_column *col = leati_column_create(c, LEAT_STRING, rows);
    leati_map_init(&map, c);
    for (size_t i = 0; i < size; i++) seen[text[i]] = true;
    for (unsigned b = 0; good && b < 256; b++) {
        char name[LEATI_SHOWN_BYTES];
        const char byte = (char)b;
        if (!seen[b]) continue;
        size_t n = leati_text_show(&byte, 1, true, name);
        code[b] = leati_map_put(&map, name, n);
        good = code[b] != LEATI_MAP_NONE;
    }
    if (col && good) col->dict = leati_dict_from_map(c, &map);
    leati_map_fini(&map);
    if (!col || !col->dict) {
        leati_column_release(col);
        return NULL;
    }
    for (size_t i = 0; i < rows; i++) col->codes[i] = code[text[i * step + length]];
    return col;
}

static leati_column *windows(leat_context *c, const uint8_t *text, size_t length, size_t step,
                             size_t rows)
{
    leati_column *col = leati_column_array(c, LEATI_ITEM_F32, (const size_t[]){length, 1, 1}, rows);
    if (!col) return NULL;
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < length; k++) col->f32[i * length + k] = (float)text[i * step + k];
    return col;
}

static leat_status read(leat_context *c, leat_frame **out, leati_source *source,
                        const leat_read_options *o, leat_read_report *report)
{
    const char *data, *name = leati_source_name(source);
    size_t size = leati_source_size(source), length = 0, step = 1;
    leati_token_rules rules;
    (void)report;
    *out = NULL;
    LEATI_CHECK(c, o->text, LEAT_INVALID, "%s: reading text needs the length of a window: text=64",
                name);
    LEATI_TRY(read_form(c, o->text, &length, &step));
    LEATI_TRY(leati_token_rules_parse(c, o->tokens, &rules));
    LEATI_TRY(leati_source_bytes(c, source, &data));
    if (rules.text[0])
        return leati_token_windows(c, out, &rules, data, size, length, step, (size_t)o->max_rows,
                                   name);
    LEATI_CHECK(c, size > length, LEAT_FORMAT,
                "%s has %zu characters; windows of %zu need one more at least", name, size, length);
    size_t rows = (size - length - 1) / step + 1;
    if (o->max_rows && rows > o->max_rows) rows = (size_t)o->max_rows;
    LEATI_CHECK(c, rows < UINT32_MAX, LEAT_LIMIT, "%s gives more windows than a table has rows",
                name);
    const uint8_t *text = (const uint8_t *)data;
    *out = leati_frame_create(c, rows);
    if (!*out) return leat_error_status(c);
    leat_status st = leati_frame_add(c, *out, "text", windows(c, text, length, step, rows));
    if (st == LEAT_OK)
        st = leati_frame_add(c, *out, "next", next_bytes(c, text, size, length, step, rows));
    if (st == LEAT_OK) return st;
    leat_frame_release(*out);
    *out = NULL;
    return st;
}

const leati_reader leati_reader_text = {.name = "text",
                                        .suffixes = "",
                                        .doc = "windows of a text and the character that follows "
                                               "each (with text=LENGTH)",
                                        .read = read};
