/* Expressions and arguments of table operations from anywhere: the first byte chooses what the
 * rest is given to. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <leat/table.h>

#include "base/map.h"
#include "frame/frame.h"
#include "frame/table_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Columns a (whole), b (number), s (text), t (time), q (bool); the third row is missing. */
static leat_frame *table(leat_context *c)
{
    static const leat_type types[] = {LEAT_I64, LEAT_F64, LEAT_STRING, LEAT_TIME, LEAT_BOOL};
    static const char *const names[] = {"a", "b", "s", "t", "q"};
    leat_frame *f = leati_frame_create(c, 5);
    for (int k = 0; f && k < 5; k++) {
        leati_column *col = leati_column_create(c, types[k], 5);
        leati_map map;
        leati_map_init(&map, c);
        for (uint32_t i = 0; col && i < 5; i++) {
            if (k == 0) col->i64[i] = (int64_t)i - 2;
            if (k == 1) col->f64[i] = 1.5 * i;
            if (k == 2) col->codes[i] = leati_map_put(&map, i % 2 ? "x" : "yy", i % 2 ? 1 : 2);
            if (k == 3) col->i64[i] = (int64_t)i * 40000000000000;
            if (k == 4) col->u8[i] = i % 2;
        }
        if (col && k == 2) col->dict = leati_dict_from_map(c, &map);
        leati_map_fini(&map);
        if (col && leati_column_set_missing(c, col, 2) != LEAT_OK) abort();
        if (leati_frame_add(c, f, names[k], col) != LEAT_OK) abort();
    }
    return f;
}

/* What join and concat are told about a file, without reading it. */
static void parse_file(leat_context *c, const char *text, size_t length)
{
    leati_arena arena;
    leat_read_options o;
    char *name;
    leati_arena_init(&arena, c);
    if (leati_table_file_parse(c, &arena, text, length, &name, &o) == LEAT_OK &&
        strlen(name) > length)
        abort();
    leati_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const ops[] = {"filter", "derive", "group",  "pivot",  "sort",
                                      "impute", "encode", "scale",  "rename", "select",
                                      "sample", "head",   "dedupe", "count"};
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leat_frame *out;
    if (size < 2) return 0;
    o.threads = 1;
    o.max_bytes = 1 << 26;
    if (leat_context_create(&c, &o) != LEAT_OK) return 0;
    char *text = malloc(size);
    leat_frame *f = table(c);
    if (!text || !f) abort();
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (data[0] % 15 == 14) parse_file(c, text, size - 1);
    else if (leat_table_apply(c, &out, f, ops[data[0] % 15], text) == LEAT_OK)
        leat_frame_release(out);
    leat_frame_release(f);
    free(text);
    leat_context_destroy(c);
    return 0;
}
