/* Owns: the generated table. */
#include "support/tables.h"

#include <string.h>

#include "base/map.h"
#include "base/rng.h"

typedef struct columns {
    leati_column *length, *width, *colour, *round, *when, *kind, *weight, *id;
} columns;

static leati_dict *dictionary(leat_context *c, const char *const *texts, size_t count)
{
    leati_map map;
    leati_dict *dict = NULL;
    bool good = true;
    leati_map_init(&map, c);
    for (size_t i = 0; i < count; i++)
        good = good && leati_map_put(&map, texts[i], strlen(texts[i])) == i;
    if (good) dict = leati_dict_from_map(c, &map);
    leati_map_fini(&map);
    return dict;
}

static leat_status fill(leat_context *c, columns *k, size_t rows, uint64_t seed)
{
    leat_status st = LEAT_OK;
    for (size_t i = 0; i < rows && st == LEAT_OK; i++) {
        leati_rng r;
        leati_rng_init(&r, seed, LEATI_RNG_TEST, (uint32_t)i);
        uint32_t kind = (uint32_t)(i % 3), colour = leati_rng_below(&r, 3);
        double length = 4 + 1.5 * kind + 0.5 * leati_rng_normal(&r);
        double width = 3 - 0.8 * kind + 0.4 * leati_rng_normal(&r);
        k->length->f64[i] = length;
        k->width->f64[i] = width;
        k->colour->codes[i] = colour;
        k->round->u8[i] = (uint8_t)leati_rng_below(&r, 2);
        k->when->i64[i] = INT64_C(1600000000000000) + (int64_t)i * INT64_C(90000000000);
        k->kind->codes[i] = kind;
        k->weight->f64[i] = 2 * length - width + colour + 0.2 * leati_rng_normal(&r);
        k->id->i64[i] = (int64_t)i + 1;
        if (i % 17 == 3) st = leati_column_set_missing(c, k->width, i);
        if (i % 23 == 5 && st == LEAT_OK) st = leati_column_set_missing(c, k->colour, i);
    }
    return st;
}

leat_frame *leattest_table(leat_context *c, size_t rows, uint64_t seed)
{
    static const char *const colours[] = {"red", "green", "blue"};
    static const char *const kinds[] = {"ash", "beech", "cedar"};
    leat_frame *f = leati_frame_create(c, rows);
    columns k = {
        leati_column_create(c, LEAT_F64, rows),    leati_column_create(c, LEAT_F64, rows),
        leati_column_create(c, LEAT_STRING, rows), leati_column_create(c, LEAT_BOOL, rows),
        leati_column_create(c, LEAT_TIME, rows),   leati_column_create(c, LEAT_STRING, rows),
        leati_column_create(c, LEAT_F64, rows),    leati_column_create(c, LEAT_I64, rows)};
    leati_column *all[] = {k.length, k.width, k.colour, k.round, k.when, k.kind, k.weight, k.id};
    static const char *const names[] = {"length", "width", "colour", "round",
                                        "when",   "kind",  "weight", "id"};
    if (k.colour) k.colour->dict = dictionary(c, colours, 3);
    if (k.kind) k.kind->dict = dictionary(c, kinds, 3);
    leat_status st = leat_error_status(c);
    if (st == LEAT_OK) st = fill(c, &k, rows, seed);
    for (int i = 0; i < 8; i++) {
        if (st == LEAT_OK && f) st = leati_frame_add(c, f, names[i], all[i]);
        else leati_column_release(all[i]);
    }
    if (st == LEAT_OK && f) return f;
    leat_frame_release(f);
    return NULL;
}
