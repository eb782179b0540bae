/* Owns: the wire format itself: fields one by one, in and out. Not: messages (protobuf_decode.c,
 * protobuf_encode.c). */
#include "io/protobuf.h"

#include <string.h>

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, GROUP = 3, GROUP_END = 4, FIXED32 = 5 };
enum { GROUPS_MOST = 32 };

bool leati_pb_varint(leati_pb_cursor *cursor, uint64_t *value)
{
    uint64_t v = 0;
    const char *p = cursor->at;
    for (unsigned shift = 0; shift < 70 && p < cursor->end; shift += 7) {
        uint8_t b = (uint8_t)*p++;
        if (shift == 63 && b > 1) return false;
        v |= (uint64_t)(b & 127) << shift;
        if (b < 128) {
            cursor->at = p;
            *value = v;
            return true;
        }
    }
    return false;
}

static uint64_t fixed(const char *p, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes - 1; i >= 0; i--) v = v << 8 | (uint8_t)p[i];
    return v;
}

/* Reads a tag and what follows it. NULL, or what is wrong. */
static const char *read_item(leati_pb_cursor *c, leati_pb_item *item)
{
    uint64_t tag;
    item->number = 0;
    if (!leati_pb_varint(c, &tag)) return "the number of a field is truncated or too large";
    if (tag >> 3 == 0 || tag > UINT32_MAX) return "the number of a field is out of range";
    *item = (leati_pb_item){.number = (uint32_t)(tag >> 3), .wire = tag & 7};
    size_t left = (size_t)(c->end - c->at), width = item->wire == FIXED64 ? 8 : 4;
    switch (item->wire) {
    case VARINT:
        if (!leati_pb_varint(c, &item->value)) return "its number is truncated or over 64 bits";
        return NULL;
    case FIXED32:
    case FIXED64:
        if (left < width) return "its number is cut off by the end of the data";
        item->value = fixed(c->at, (int)width);
        c->at += width;
        return NULL;
    case BYTES:
        if (!leati_pb_varint(c, &item->value)) return "its length is truncated or over 64 bits";
        left = (size_t)(c->end - c->at);
        if (item->value > left) return "it is longer than the data that are left";
        item->bytes = (leati_pb_bytes){c->at, (size_t)item->value};
        c->at += item->bytes.size;
        return NULL;
    case GROUP:
    case GROUP_END: return NULL;
    default: return "its wire type does not exist";
    }
}

/* The rest of a group that has begun. */
static const char *skip_group(leati_pb_cursor *c, uint32_t number)
{
    uint32_t open[GROUPS_MOST];
    int depth = 0;
    leati_pb_item item;
    open[depth++] = number;
    while (depth) {
        if (c->at == c->end) return "a group has no end";
        const char *why = read_item(c, &item);
        if (why) return why;
        if (item.wire == GROUP) {
            if (depth == GROUPS_MOST) return "groups are nested too deep";
            open[depth++] = item.number;
        } else if (item.wire == GROUP_END && open[--depth] != item.number) {
            return "a group ends that has not begun";
        }
    }
    return NULL;
}

bool leati_pb_next(leati_pb_cursor *cursor, leati_pb_item *item, const char **why)
{
    *why = NULL;
    leati_pb_cursor c = *cursor;
    while (c.at < c.end) {
        *why = read_item(&c, item);
        if (!*why && item->wire == GROUP_END) *why = "a group ends that has not begun";
        if (!*why && item->wire == GROUP) *why = skip_group(&c, item->number);
        if (*why) return false;
        cursor->at = c.at;
        if (item->wire != GROUP) return true;
    }
    return false;
}

void leati_pb_walk_begin(leati_pb_walk *walk, const leati_pb_numbers *numbers)
{
    const char *at = numbers->message.data;
    *walk = (leati_pb_walk){.numbers = *numbers};
    if (numbers->count) walk->message = (leati_pb_cursor){at, at + numbers->message.size};
}

static bool next_packed(leati_pb_walk *walk, uint64_t *bits)
{
    leati_pb_cursor *p = &walk->packed;
    if (p->at == p->end) return false;
    if (walk->numbers.kind != LEATI_PB_FLOAT && walk->numbers.kind != LEATI_PB_DOUBLE)
        return leati_pb_varint(p, bits);
    int width = walk->numbers.kind == LEATI_PB_FLOAT ? 4 : 8;
    if (p->end - p->at < width) return false;
    *bits = fixed(p->at, width);
    p->at += width;
    return true;
}

bool leati_pb_walk_next(leati_pb_walk *walk, uint64_t *bits)
{
    leati_pb_item item;
    const char *why;
    while (!next_packed(walk, bits)) {
        if (!leati_pb_next(&walk->message, &item, &why)) return false;
        if (item.number != walk->numbers.number) continue;
        if (item.wire != BYTES) {
            *bits = item.value;
            break;
        }
        walk->packed = (leati_pb_cursor){item.bytes.data, item.bytes.data + item.bytes.size};
    }
    /* An int32 is written as 64 bits by some and as 32 by others. */
    if (walk->numbers.kind == LEATI_PB_INT32) *bits = (uint64_t)(int64_t)(int32_t)(uint32_t)*bits;
    return true;
}

void leati_pb_put_varint(leati_str *out, uint64_t value)
{
    char bytes[10];
    size_t n = 0;
    for (; value > 127; value >>= 7) bytes[n++] = (char)(value | 128);
    bytes[n++] = (char)value;
    leati_str_addn(out, bytes, n);
}

static void put_tag(leati_str *out, uint32_t number, unsigned wire)
{
    leati_pb_put_varint(out, (uint64_t)number << 3 | wire);
}

static void put_fixed(leati_str *out, uint64_t bits, int width)
{
    char bytes[8];
    for (int i = 0; i < width; i++) bytes[i] = (char)(bits >> (8 * i));
    leati_str_addn(out, bytes, (size_t)width);
}

void leati_pb_put_int(leati_str *out, uint32_t number, int64_t value)
{
    put_tag(out, number, VARINT);
    leati_pb_put_varint(out, (uint64_t)value);
}

void leati_pb_put_float(leati_str *out, uint32_t number, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_tag(out, number, FIXED32);
    put_fixed(out, bits, 4);
}

void leati_pb_put_double(leati_str *out, uint32_t number, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_tag(out, number, FIXED64);
    put_fixed(out, bits, 8);
}

void leati_pb_put_bytes(leati_str *out, uint32_t number, const void *data, size_t size)
{
    put_tag(out, number, BYTES);
    leati_pb_put_varint(out, size);
    leati_str_addn(out, data, size);
}
