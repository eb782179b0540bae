/* Owns: the elements of tensors: reading JSON arrays of them, binary texts, and taking them out
 * again. Not: shapes and parameters (tensor_in.c). */
#include "serve/tensor_data.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/half.h"
#include "base/mem.h"
#include "io/encoding.h"

enum { KEPT_CELLS = 1 << 17, KEPT_TEXTS = 1 << 20, KEPT_TENSORS = 64 };

static const struct {
    const char *name;
    unsigned char size;
    bool is_signed;
    uint64_t most; /* of whole numbers; the least of signed ones is -most - 1 */
} types[LEATI_DATATYPES] = {
    [LEATI_BOOL] = {"BOOL", 1, false, 1},
    [LEATI_UINT8] = {"UINT8", 1, false, UINT8_MAX},
    [LEATI_UINT16] = {"UINT16", 2, false, UINT16_MAX},
    [LEATI_UINT32] = {"UINT32", 4, false, UINT32_MAX},
    [LEATI_UINT64] = {"UINT64", 8, false, UINT64_MAX},
    [LEATI_INT8] = {"INT8", 1, true, INT8_MAX},
    [LEATI_INT16] = {"INT16", 2, true, INT16_MAX},
    [LEATI_INT32] = {"INT32", 4, true, INT32_MAX},
    [LEATI_INT64] = {"INT64", 8, true, INT64_MAX},
    [LEATI_FP16] = {"FP16", 2, false, 0},
    [LEATI_BF16] = {"BF16", 2, false, 0},
    [LEATI_FP32] = {"FP32", 4, false, 0},
    [LEATI_FP64] = {"FP64", 8, false, 0},
    [LEATI_BYTES] = {"BYTES", 0, false, 0},
};

const char *leati_datatype_name(leati_datatype type)
{
    return types[type].name;
}

size_t leati_datatype_size(leati_datatype type)
{
    return types[type].size;
}

/* ---- memory -----------------------------------------------------------------------------------
 */

void leati_tensor_room_fini(leati_tensor_room *room)
{
    leati_free(room->tensors);
    leati_free(room->cells);
    leati_free(room->texts);
    room->tensors = NULL;
    room->cells = NULL;
    room->texts = NULL;
    room->tensor_capacity = room->cell_capacity = room->text_capacity = 0;
}

void leati_tensor_room_trim(leati_tensor_room *room)
{
    if (room->cell_capacity > KEPT_CELLS || room->text_capacity > KEPT_TEXTS ||
        room->tensor_capacity > KEPT_TENSORS)
        leati_tensor_room_fini(room);
}

bool leati_tensor_room_cells(leati_infer_in *in, size_t count)
{
    leati_tensor_room *room = in->room;
    if (room->cell_capacity - in->cell_count >= count) return true;
    if (leati_grow(room->context, &room->cells, &room->cell_capacity, in->cell_count + count,
                   sizeof *room->cells) == LEAT_OK)
        return true;
    return leati_fault_from(in->fault, room->context);
}

bool leati_tensor_room_texts(leati_infer_in *in, size_t bytes)
{
    leati_tensor_room *room = in->room;
    if (room->text_capacity - in->text_length >= bytes) return true;
    if (leati_grow(room->context, &room->texts, &room->text_capacity, in->text_length + bytes, 1) ==
        LEAT_OK)
        return true;
    return leati_fault_from(in->fault, room->context);
}

static bool wrong_element(leati_infer_in *in, const leati_tensor_in *t, size_t index,
                          const char *what, const char *hint)
{
    return leati_fault_set(
        in->fault, 400, "invalid_tensor", "input '%.*s', element %zu: %s is no %s%s",
        LEATI_CLIP(t->name, t->name_length), index, what, types[t->type].name, hint);
}

/* ---- one element ------------------------------------------------------------------------------
 */

/* What stands at p instead, for people. */
static bool refuse(leati_infer_in *in, leati_json_in *json, const leati_tensor_in *t, const char *p,
                   size_t index)
{
    leati_json_value v;
    char what[80];
    if (!leati_json_take(p, json->end, &v)) return leati_json_wrong(json, v.text, v.wrong);
    bool quoted = v.kind == LEATI_JSON_STRING;
    snprintf(what, sizeof what, quoted ? "\"%.*s\"" : "%.*s", LEATI_CLIP(v.text, v.length));
    bool real = t->type == LEATI_FP32 || t->type == LEATI_FP64;
    return wrong_element(in, t, index, v.kind == LEATI_JSON_NESTED ? "an object" : what,
                         real && v.kind == LEATI_JSON_NULL
                             ? "; a missing number is null here, NaN in binary tensors"
                             : "");
}

static const char *take_real(leati_infer_in *in, leati_json_in *json, const leati_tensor_in *t,
                             const char *p, size_t index, uint64_t *cell)
{
    double value;
    const char *behind = leati_json_real(json, p, &value);
    if (!behind && json->end - p >= 4 && memcmp(p, "null", 4) == 0) {
        value = (double)NAN;
        behind = p + 4;
    } else if (!behind) {
        refuse(in, json, t, p, index);
        return NULL;
    } else {
        if (t->type == LEATI_FP32) value = (double)(float)value;
        if (!isfinite(value)) {
            wrong_element(in, t, index, "a number so large", "");
            return NULL;
        }
    }
    memcpy(cell, &value, sizeof value);
    return behind;
}

static const char *take_whole(leati_infer_in *in, leati_json_in *json, const leati_tensor_in *t,
                              const char *p, size_t index, uint64_t *cell)
{
    bool negative, fits;
    uint64_t magnitude;
    const char *behind = leati_json_whole(p, json->end, &negative, &magnitude, &fits);
    if (behind) {
        uint64_t most = types[t->type].most + (negative && types[t->type].is_signed);
        if (negative && !types[t->type].is_signed && magnitude) fits = false;
        if (fits && magnitude <= most) {
            *cell = negative ? 0 - magnitude : magnitude;
            return behind;
        }
    } else if (t->type == LEATI_BOOL) {
        leati_json_value v;
        behind = leati_json_take(p, json->end, &v);
        if (behind && (v.kind == LEATI_JSON_TRUE || v.kind == LEATI_JSON_FALSE)) {
            *cell = v.kind == LEATI_JSON_TRUE;
            return behind;
        }
    }
    refuse(in, json, t, p, index);
    return NULL;
}

static const char *take_text(leati_infer_in *in, leati_json_in *json, const leati_tensor_in *t,
                             const char *p, size_t index, uint64_t *cell)
{
    leati_json_value v;
    const char *behind = leati_json_take(p, json->end, &v);
    if (behind && v.kind == LEATI_JSON_NULL && v.length == 4) {
        *cell = LEATI_NO_TEXT;
        return behind;
    }
    if (!behind || v.kind != LEATI_JSON_STRING) {
        refuse(in, json, t, p, index);
        return NULL;
    }
    if (!leati_tensor_room_texts(in, v.length + 1)) return NULL;
    char *to = in->room->texts + in->text_length;
    size_t n = v.length;
    if (v.escaped) n = leati_json_unescape(&v, to);
    else memcpy(to, v.text, n);
    if (!leati_json_paired(&v)) {
        wrong_element(in, t, index, "a text with half a surrogate pair", "");
        return NULL;
    }
    if (memchr(to, '\0', n) || !leati_utf8_valid(to, n)) {
        wrong_element(in, t, index, "a text with a NUL character or bytes that are not UTF-8", "");
        return NULL;
    }
    to[n] = '\0';
    *cell = in->text_length;
    in->text_length += n + 1;
    return behind;
}

typedef const char *(*take_fn)(leati_infer_in *in, leati_json_in *json, const leati_tensor_in *t,
                               const char *p, size_t index, uint64_t *cell);

/* ---- arrays -----------------------------------------------------------------------------------
 */

/* Brackets so far: how many are open, how many members each has, and what closed ones had. */
typedef struct levels {
    size_t depth, rank; /* rank 0: no element was seen */
    size_t count[LEATI_TENSOR_RANK], extent[LEATI_TENSOR_RANK];
    bool known[LEATI_TENSOR_RANK];
} levels;

static bool ragged(leati_infer_in *in, const leati_tensor_in *t)
{
    return leati_fault_set(in->fault, 400, "invalid_tensor",
                           "input '%.*s': the rows of \"data\" have different lengths or levels",
                           LEATI_CLIP(t->name, t->name_length));
}

static bool close_level(leati_infer_in *in, const leati_tensor_in *t, levels *l)
{
    size_t k = --l->depth;
    if (l->known[k] && l->extent[k] != l->count[k]) return ragged(in, t);
    l->known[k] = true;
    l->extent[k] = l->count[k];
    if (k) l->count[k - 1]++;
    return true;
}

static bool open_level(leati_infer_in *in, const leati_tensor_in *t, levels *l)
{
    if (l->rank && l->depth == l->rank) return ragged(in, t);
    if (l->depth == LEATI_TENSOR_RANK)
        return leati_fault_set(in->fault, 400, "invalid_tensor",
                               "input '%.*s': more than %d levels of brackets",
                               LEATI_CLIP(t->name, t->name_length), LEATI_TENSOR_RANK);
    l->count[l->depth++] = 0;
    return true;
}

/* The number at p where it has one to three digits and another follows behind a comma, with or
 * without a blank, as the bytes of an image do: the place of that one, without a branch on how many
 * digits there are. NULL: something else stands there. 8 bytes can be read. */
static inline const char *take_short(const char *p, uint32_t *value)
{
    const uint32_t ones = 0x01010101, high = 0x80808080;
    uint32_t w;
    memcpy(&w, p, sizeof w);
    uint32_t x = w ^ ones * ',', comma = (x - ones) & ~x & high; /* the lowest one is right */
    if (!comma || comma & 0x80) return NULL;
    unsigned digits = (unsigned)__builtin_ctz(comma) / 8;
    uint32_t d = (w ^ ones * '0') << (32 - 8 * digits); /* the last one is the highest byte */
    if ((d | (d + ones * (0x80 - 10))) & high) return NULL;
    if (digits > 1 && *p == '0') return NULL;
    *value = (d >> 24) + 10 * (d >> 16 & 0xff) + 100 * (d >> 8 & 0xff);
    p += digits + 1;
    p += *p == ' ';
    return (unsigned)(*p - '0') <= 9 ? p : NULL;
}

/* Short whole numbers from p on, as far as there are; NULL: a fault. */
static const char *take_shorts(leati_infer_in *in, const leati_json_in *json, leati_tensor_in *t,
                               levels *l, const char *p)
{
    enum { SOME = 256 };
    for (size_t n = SOME; n == SOME;) {
        if (!leati_tensor_room_cells(in, SOME)) return NULL;
        uint64_t *cells = in->room->cells + in->cell_count;
        uint32_t value;
        for (n = 0; n < SOME && json->end - p >= 8; n++) {
            const char *behind = take_short(p, &value);
            if (!behind || value > types[t->type].most) break;
            cells[n] = value;
            p = behind;
        }
        in->cell_count += n;
        t->count += n;
        l->count[l->depth - 1] += n;
    }
    return p;
}

/* Elements one behind the other, up to what is neither an element nor a comma. */
static const char *take_run(leati_infer_in *in, leati_json_in *json, leati_tensor_in *t,
                            take_fn take, levels *l, const char *p)
{
    size_t *count = &l->count[l->depth - 1];
    bool whole = t->form == LEATI_FORM_UNSIGNED || t->form == LEATI_FORM_SIGNED;
    for (;;) {
        if (whole && !(p = take_shorts(in, json, t, l, p))) return NULL;
        if (!leati_tensor_room_cells(in, 1)) return NULL;
        p = take(in, json, t, p, t->count, &in->room->cells[in->cell_count]);
        if (!p) return NULL;
        in->cell_count++;
        t->count++;
        (*count)++;
        const char *next = leati_json_space(p, json->end);
        if (next == json->end || *next != ',') return next;
        p = leati_json_space(next + 1, json->end);
        if (p == json->end || *p == '[' || *p == ']') return next;
    }
}

bool leati_tensor_data_read(leati_infer_in *in, leati_json_in *json, leati_tensor_in *t,
                            size_t *rank, size_t extent[LEATI_TENSOR_RANK])
{
    static const take_fn takes[] = {take_real, take_whole, take_whole, take_text};
    levels l = {0};
    bool value = true, first = false; /* a value may come; the bracket was just opened */
    bool whole = t->type <= LEATI_INT64;
    t->form = t->type == LEATI_BYTES     ? LEATI_FORM_TEXTS
              : !whole                   ? LEATI_FORM_DOUBLES
              : types[t->type].is_signed ? LEATI_FORM_SIGNED
                                         : LEATI_FORM_UNSIGNED;
    t->first = in->cell_count;
    t->count = 0;
    if (t->type == LEATI_FP16 || t->type == LEATI_BF16)
        return leati_fault_set(in->fault, 400, "invalid_tensor",
                               "input '%.*s': %s has no form in JSON; send it as a binary tensor",
                               LEATI_CLIP(t->name, t->name_length), types[t->type].name);
    if (leati_json_peek(json) != '[')
        return leati_fault_set(in->fault, 400, "invalid_tensor",
                               "input '%.*s': \"data\" must be an array",
                               LEATI_CLIP(t->name, t->name_length));
    do {
        const char *p = leati_json_space(json->at, json->end);
        if (p == json->end) return leati_json_wrong(json, p, "']'");
        if (*p == ']' && (first || !value)) {
            if (!close_level(in, t, &l)) return false;
            json->at = p + 1;
            value = first = false;
        } else if (!value) {
            if (*p != ',') return leati_json_wrong(json, p, "a comma or ']'");
            json->at = p + 1;
            value = true;
        } else if (*p == '[') {
            if (!open_level(in, t, &l)) return false;
            json->at = p + 1;
            first = true;
        } else {
            if (l.rank && l.rank != l.depth) return ragged(in, t);
            l.rank = l.depth;
            p = take_run(in, json, t, takes[t->form], &l, p);
            if (!p) return false;
            json->at = p;
            value = first = false;
        }
    } while (l.depth);
    *rank = l.rank ? l.rank : 1;
    memcpy(extent, l.extent, sizeof l.extent);
    return true;
}

/* ---- binary texts -----------------------------------------------------------------------------
 */

bool leati_tensor_bytes_read(leati_infer_in *in, leati_tensor_in *t, const char *data, size_t size)
{
    const unsigned char *p = (const unsigned char *)data;
    size_t left = size;
    t->form = LEATI_FORM_TEXTS;
    t->first = in->cell_count;
    /* Each element takes 4 bytes at least, which bounds the count before memory is asked for. */
    if (t->count > size / 4 || !leati_tensor_room_cells(in, t->count))
        return leati_fault_set(in->fault, 400, "invalid_tensor",
                               "input '%.*s': %zu bytes cannot hold %zu texts",
                               LEATI_CLIP(t->name, t->name_length), size, t->count);
    if (!leati_tensor_room_texts(in, size)) return false;
    for (size_t i = 0; i < t->count; i++) {
        size_t n = left < 4
                       ? 0
                       : (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
        if (left < 4 || n > left - 4)
            return leati_fault_set(in->fault, 400, "invalid_tensor",
                                   "input '%.*s': text %zu is longer than the tensor",
                                   LEATI_CLIP(t->name, t->name_length), i);
        if (memchr(p + 4, '\0', n) || !leati_utf8_valid((const char *)p + 4, n))
            return wrong_element(in, t, i,
                                 "a text with a NUL character or bytes that are not UTF-8", "");
        char *to = in->room->texts + in->text_length;
        memcpy(to, p + 4, n);
        to[n] = '\0';
        in->room->cells[in->cell_count++] = in->text_length;
        in->text_length += n + 1;
        p += 4 + n;
        left -= 4 + n;
    }
    return left == 0 || leati_fault_set(in->fault, 400, "invalid_tensor",
                                        "input '%.*s': %zu bytes follow its %zu texts",
                                        LEATI_CLIP(t->name, t->name_length), left, t->count);
}

/* ---- taking elements out ----------------------------------------------------------------------
 */

#define LOAD(type)                                                                                 \
    type v;                                                                                        \
    memcpy(&v, (const char *)t->raw + i * sizeof v, sizeof v)

static double raw_number(const leati_tensor_in *t, size_t i)
{
    switch (t->type) {
    case LEATI_BOOL:
    case LEATI_UINT8: return ((const uint8_t *)t->raw)[i];
    case LEATI_INT8: return ((const int8_t *)t->raw)[i];
    case LEATI_UINT16: {
        LOAD(uint16_t);
        return v;
    }
    case LEATI_INT16: {
        LOAD(int16_t);
        return v;
    }
    case LEATI_UINT32: {
        LOAD(uint32_t);
        return v;
    }
    case LEATI_INT32: {
        LOAD(int32_t);
        return v;
    }
    case LEATI_UINT64: {
        LOAD(uint64_t);
        return (double)v;
    }
    case LEATI_INT64: {
        LOAD(int64_t);
        return (double)v;
    }
    case LEATI_FP16: {
        LOAD(uint16_t);
        return (double)leati_f16_to_f32(v);
    }
    case LEATI_BF16: {
        LOAD(uint16_t);
        return (double)leati_bf16_to_f32(v);
    }
    case LEATI_FP32: {
        LOAD(float);
        return (double)v;
    }
    default: {
        LOAD(double);
        return v;
    }
    }
}

double leati_tensor_number(const leati_infer_in *in, const leati_tensor_in *t, size_t i)
{
    if (t->form == LEATI_FORM_RAW) return raw_number(t, i);
    uint64_t cell = in->room->cells[t->first + i];
    double value;
    if (t->form == LEATI_FORM_UNSIGNED) return (double)cell;
    if (t->form == LEATI_FORM_SIGNED) return (double)(int64_t)cell;
    memcpy(&value, &cell, sizeof value);
    return value;
}

void leati_tensor_numbers(const leati_infer_in *in, const leati_tensor_in *t, size_t first,
                          size_t count, double *out)
{
    if (t->form == LEATI_FORM_DOUBLES) {
        memcpy(out, in->room->cells + t->first + first, count * sizeof *out);
    } else if (t->form == LEATI_FORM_UNSIGNED) {
        const uint64_t *from = in->room->cells + t->first + first;
        for (size_t i = 0; i < count; i++) out[i] = (double)from[i];
    } else if (t->form == LEATI_FORM_RAW && t->type == LEATI_FP64) {
        memcpy(out, (const char *)t->raw + first * sizeof *out, count * sizeof *out);
    } else if (t->form == LEATI_FORM_RAW && t->type == LEATI_FP32) {
        const char *from = (const char *)t->raw + first * sizeof(float);
        for (size_t i = 0; i < count; i++) {
            float v;
            memcpy(&v, from + i * sizeof v, sizeof v);
            out[i] = (double)v;
        }
    } else if (t->form == LEATI_FORM_RAW && t->type == LEATI_UINT8) {
        const uint8_t *from = (const uint8_t *)t->raw + first;
        for (size_t i = 0; i < count; i++) out[i] = from[i];
    } else {
        for (size_t i = 0; i < count; i++) out[i] = leati_tensor_number(in, t, first + i);
    }
}

const char *leati_tensor_text(const leati_infer_in *in, const leati_tensor_in *t, size_t i)
{
    uint64_t cell = in->room->cells[t->first + i];
    return cell == LEATI_NO_TEXT ? NULL : in->room->texts + cell;
}
