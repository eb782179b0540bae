/* Owns: reading and writing safetensors blocks. */
#include "learn/safetensors.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/half.h"
#include "base/mem.h"

enum { HEADER_MOST = 100 * 1000 * 1000, ARRAYS_MOST = 100000 };

static const char *const dtype_names[LEATI_DTYPES] = {"F64", "F32", "I64", "I32", "U8"};
static const leati_dtype order[LEATI_DTYPES] = {LEATI_F64, LEATI_I64, LEATI_F32, LEATI_I32,
                                                LEATI_U8};

static void put_length(leati_str *out, uint64_t value)
{
    for (int i = 0; i < 8; i++) leati_str_addc(out, (char)(value >> (8 * i)));
}

/* A name may come from a file and hold anything; strings of JSON escape quotes, backslashes and
 * control characters. */
void leati_safetensors_name(leati_str *h, const char *name)
{
    leati_str_addc(h, '"');
    for (; *name; name++) {
        if ((unsigned char)*name < 0x20) leati_str_addf(h, "\\u%04x", (unsigned)*name);
        else {
            if (*name == '"' || *name == '\\') leati_str_addc(h, '\\');
            leati_str_addc(h, *name);
        }
    }
    leati_str_addc(h, '"');
}

static void add_header_entry(leati_str *h, const leati_array_entry *e, size_t *at)
{
    size_t bytes = e->count * leati_dtype_size(e->type);
    if (h->length > 1) leati_str_addc(h, ',');
    leati_safetensors_name(h, e->name);
    leati_str_addf(h, ":{\"dtype\":\"%s\",\"shape\":[", dtype_names[e->type]);
    for (int d = 0; d < e->dims; d++) leati_str_addf(h, "%s%zu", d ? "," : "", e->shape[d]);
    leati_str_addf(h, "],\"data_offsets\":[%zu,%zu]}", *at, *at + bytes);
    *at += bytes;
}

leat_status leati_safetensors_write(leat_context *c, const leati_state *state, leati_str *out)
{
    return leati_safetensors_write_about(c, state, NULL, NULL, out);
}

leat_status leati_safetensors_write_about(leat_context *c, const leati_state *state,
                                          const char *key, const char *text, leati_str *out)
{
    leati_str header;
    size_t at = 0;
    leati_str_init(&header, c);
    leati_str_addc(&header, '{');
    if (key) {
        leati_str_add(&header, "\"__metadata__\":{");
        leati_safetensors_name(&header, key);
        leati_str_addc(&header, ':');
        leati_safetensors_name(&header, text);
        leati_str_addc(&header, '}');
    }
    for (int k = 0; k < LEATI_DTYPES; k++)
        for (size_t i = 0; i < state->count; i++)
            if (state->entries[i].type == order[k])
                add_header_entry(&header, &state->entries[i], &at);
    leati_str_addc(&header, '}');
    while (header.length % 8 && leati_str_status(&header) == LEAT_OK) leati_str_addc(&header, ' ');
    put_length(out, header.length);
    leati_str_addn(out, leati_str_text(&header), header.length);
    for (int k = 0; k < LEATI_DTYPES; k++) {
        for (size_t i = 0; i < state->count; i++) {
            const leati_array_entry *e = &state->entries[i];
            if (e->type == order[k])
                leati_str_addn(out, e->data, e->count * leati_dtype_size(e->type));
        }
    }
    leat_status st = leati_str_status(&header);
    leati_str_fini(&header);
    return st != LEAT_OK ? st : leati_str_status(out);
}

static leat_status LEAT_PRINTF(2, 3) damaged(leat_context *c, const char *format, ...)
{
    char why[512];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return LEATI_FAIL(c, LEAT_FORMAT, "damaged weights: %s", why);
}

static bool read_size(const json_t *value, size_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *out = (size_t)json_integer_value(value);
    return true;
}

/* Where an array lies, and what it is but for its name and data. */
typedef struct place {
    size_t from, to;
    leati_array_entry entry;
    const char *name; /* the header's */
    bool half, brain; /* of 16 bits; bf16 */
    size_t number;    /* in the order of the header */
} place;

static int by_place(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->from != y->from) return x->from < y->from ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to); /* empty ones first */
}

static int by_number(const void *a, const void *b)
{
    const place *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* Singles from 16 bits each. */
static void *widen(leat_context *c, const char *data, size_t count, bool brain)
{
    float *out = leati_array(c, count, sizeof *out);
    for (size_t i = 0; out && i < count; i++) {
        uint16_t h = (uint16_t)((uint8_t)data[2 * i] | (uint8_t)data[2 * i + 1] << 8);
        out[i] = brain ? leati_bf16_to_f32(h) : leati_f16_to_f32(h);
    }
    return out;
}

/* Halves come behind the types that are written. */
enum { F16 = LEATI_DTYPES, BF16, READ_TYPES };

static int read_type(const char *text)
{
    int type = 0;
    if (text && strcmp(text, "F16") == 0) return F16;
    if (text && strcmp(text, "BF16") == 0) return BF16;
    while (type < LEATI_DTYPES && (!text || strcmp(text, dtype_names[type]) != 0)) type++;
    return type < LEATI_DTYPES ? type : READ_TYPES;
}

/* "(2, 3)" */
static void shape_text(const leati_array_entry *e, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "(");
    for (int d = 0; d < e->dims && n < size; d++)
        n += (size_t)snprintf(out + n, size - n, "%s%zu", d ? ", " : "", e->shape[d]);
    if (n < size) snprintf(out + n, size - n, ")");
}

static leat_status read_shape(leat_context *c, const char *name, const json_t *shape,
                              leati_array_entry *e)
{
    if (!json_is_array(shape)) return damaged(c, "array `%.60s` has no shape", name);
    if (json_array_size(shape) > LEATI_STATE_DIMS)
        return damaged(c, "array `%.60s` has %zu dimensions, at most %d are known", name,
                       json_array_size(shape), (int)LEATI_STATE_DIMS);
    e->dims = (int)json_array_size(shape);
    for (int d = 0; d < e->dims; d++) {
        if (!read_size(json_array_get(shape, (size_t)d), &e->shape[d]) ||
            leati_mul_overflows(e->count, e->shape[d], &e->count))
            return damaged(c, "array `%.60s` has a bad shape: dimension %d", name, d + 1);
    }
    return LEAT_OK;
}

static leat_status read_place(leat_context *c, const char *name, const json_t *json, size_t size,
                              place *out)
{
    leati_array_entry e = {.count = 1};
    const char *dtype = json_string_value(json_object_get(json, "dtype"));
    const json_t *offsets = json_object_get(json, "data_offsets");
    size_t from, to, bytes;
    int type = read_type(dtype);
    bool half = type == F16 || type == BF16;
    if (type == READ_TYPES)
        return damaged(c,
                       "array `%.60s` is of the unknown type %.20s; these are read: F64, F32, F16, "
                       "BF16, I64, I32, U8",
                       name, dtype ? dtype : "(none)");
    e.type = half ? LEATI_F32 : (leati_dtype)type;
    LEATI_TRY(read_shape(c, name, json_object_get(json, "shape"), &e));
    if (json_array_size(offsets) != 2 || !read_size(json_array_get(offsets, 0), &from) ||
        !read_size(json_array_get(offsets, 1), &to))
        return damaged(c, "array `%.60s` has bad offsets: two whole numbers were expected", name);
    if (leati_mul_overflows(e.count, half ? 2 : leati_dtype_size(e.type), &bytes) || to < from ||
        to - from != bytes) {
        char shape[160];
        shape_text(&e, shape, sizeof shape);
        return damaged(c, "array `%.60s`: its place, %zu to %zu, does not fit its shape %s of %s",
                       name, from, to, shape, dtype);
    }
    if (to > size)
        return damaged(c, "array `%.60s` ends at byte %zu of %zu: the file is cut off", name, to,
                       size);
    *out = (place){
        .from = from, .to = to, .entry = e, .name = name, .half = half, .brain = type == BF16};
    return LEAT_OK;
}

static leat_status copy_array(leat_context *c, leati_state *state, const place *p, const char *data)
{
    leati_array_entry e = p->entry;
    LEATI_TRY(
        leati_grow(c, &state->entries, &state->capacity, state->count + 1, sizeof *state->entries));
    e.name = leati_strdup(c, p->name);
    if (e.name && p->half) e.data = widen(c, data + p->from, e.count, p->brain);
    else if (e.name) e.data = leati_memdup(c, data + p->from, p->to - p->from);
    if (!e.data) {
        leati_free(e.name);
        return leat_error_status(c);
    }
    state->entries[state->count++] = e;
    return LEAT_OK;
}

static leat_status nobodys(leat_context *c, size_t from, size_t to)
{
    return damaged(c,
                   "bytes %zu to %zu of the data belong to no array: is one missing in the header?",
                   from, to);
}

/* Every byte belongs to one array. */
static leat_status check_places(leat_context *c, place *places, size_t count, size_t room)
{
    size_t at = 0;
    if (count) qsort(places, count, sizeof *places, by_place);
    for (size_t i = 0; i < count; i++) {
        if (places[i].from < at)
            return damaged(c, "array `%.60s` overlaps `%.60s`", places[i].name, places[i - 1].name);
        if (places[i].from > at) return nobodys(c, at, places[i].from);
        at = places[i].to;
    }
    return at == room ? LEAT_OK : nobodys(c, at, room);
}

/* All places are known to be apart before anything is copied: a small file cannot ask for much
 * memory by naming the same bytes many times. */
static leat_status read_arrays(leat_context *c, leati_state *state, json_t *header,
                               const char *data, size_t room, place *places)
{
    size_t count = 0;
    const char *name;
    json_t *value;
    leat_status st = LEAT_OK;
    json_object_foreach(header, name, value)
    {
        if (st != LEAT_OK) break;
        if (strcmp(name, "__metadata__") == 0) continue;
        st = read_place(c, name, value, room, &places[count]);
        places[count].number = count;
        count++;
    }
    LEATI_TRY(st);
    LEATI_TRY(check_places(c, places, count, room));
    if (count) qsort(places, count, sizeof *places, by_number);
    for (size_t i = 0; i < count; i++) LEATI_TRY(copy_array(c, state, &places[i], data));
    return LEAT_OK;
}

static leat_status load_header(leat_context *c, const char *data, size_t size, json_t **out)
{
    json_error_t where;
    leat_status st = LEAT_OK;
    *out = json_loadb(data, size, JSON_REJECT_DUPLICATES, &where);
    if (!*out)
        return damaged(c, "the header cannot be read: %.120s at byte %d", where.text,
                       where.position);
    if (!json_is_object(*out)) st = damaged(c, "the header is no JSON object");
    else if (json_object_size(*out) > ARRAYS_MOST)
        st =
            damaged(c, "%zu arrays, at most %d are read", json_object_size(*out), (int)ARRAYS_MOST);
    if (st != LEAT_OK) json_decref(*out);
    return st;
}

leat_status leati_safetensors_read(leat_context *c, leati_state *state, const char *data,
                                   size_t size)
{
    uint64_t length = 0;
    json_t *header;
    if (size < 8) return damaged(c, "shorter than their header");
    for (int i = 7; i >= 0; i--) length = length << 8 | (uint8_t)data[i];
    if (length > size - 8 || length > HEADER_MOST) return damaged(c, "shorter than their header");
    LEATI_TRY(load_header(c, data + 8, (size_t)length, &header));
    place *places = leati_array(c, json_object_size(header) + 1, sizeof *places);
    leat_status st =
        places ? read_arrays(c, state, header, data + 8 + length, size - 8 - (size_t)length, places)
               : leat_error_status(c);
    json_decref(header);
    leati_free(places);
    return st;
}
