/* Owns: messages to bytes by their tables. */
#include <string.h>

#include "base/mem.h"
#include "io/protobuf.h"

/* Bytes longer than this go to a file without a copy. */
enum { DIRECT = 4096 };

typedef struct sink {
    leati_str *text;
    leati_writer *file; /* NULL: the text is the result */
} sink;

typedef LEATI_PB_LIST(const char) list;

static const void *member(const void *message, const leati_pb_field *field)
{
    return (const char *)message + field->offset;
}

static size_t varint_size(uint64_t value)
{
    size_t n = 1;
    for (; value > 127; value >>= 7) n++;
    return n;
}

static size_t add(size_t a, size_t b)
{
    size_t sum;
    return leati_add_overflows(a, b, &sum) ? SIZE_MAX : sum;
}

static size_t size_with_length(size_t size)
{
    return add(size, varint_size(size));
}

static size_t scalar_width(leati_pb_kind kind)
{
    return kind == LEATI_PB_INT32 || kind == LEATI_PB_FLOAT ? 4 : 8;
}

/* A stored number as the wire has it. */
static uint64_t load(leati_pb_kind kind, const char *at)
{
    uint64_t bits = 0;
    if (scalar_width(kind) == 8) {
        memcpy(&bits, at, 8);
    } else {
        uint32_t low;
        memcpy(&low, at, 4);
        bits = kind == LEATI_PB_INT32 ? (uint64_t)(int64_t)(int32_t)low : low;
    }
    return bits;
}

static size_t number_size(leati_pb_kind kind, uint64_t bits)
{
    if (kind == LEATI_PB_FLOAT) return 4;
    return kind == LEATI_PB_DOUBLE ? 8 : varint_size(bits);
}

/* Numbers of a repeated field: from an array or lazily. */
typedef struct numbers {
    const leati_pb_field *field;
    list array;
    size_t next;
    leati_pb_walk walk;
} numbers;

static numbers begin_numbers(const void *message, const leati_pb_field *field)
{
    numbers n = {.field = field};
    if (field->lazy) {
        leati_pb_numbers lazy;
        memcpy(&lazy, member(message, field), sizeof lazy);
        leati_pb_walk_begin(&n.walk, &lazy);
    } else {
        memcpy(&n.array, member(message, field), sizeof n.array);
    }
    return n;
}

static bool next_number(numbers *n, uint64_t *bits)
{
    if (n->field->lazy) return leati_pb_walk_next(&n->walk, bits);
    if (n->next == n->array.count) return false;
    *bits = load(n->field->kind, n->array.at + n->next++ * scalar_width(n->field->kind));
    return true;
}

/* Bytes of the packed numbers. */
static size_t packed_size(const void *message, const leati_pb_field *field)
{
    numbers n = begin_numbers(message, field);
    size_t size = 0;
    uint64_t bits;
    while (next_number(&n, &bits)) size = add(size, number_size(field->kind, bits));
    return size;
}

/* Element k of a field that holds texts, bytes or messages; false when it is not to be written. */
typedef struct element {
    leati_pb_bytes bytes; /* text and bytes */
    const void *message;
} element;

static size_t element_count(const void *message, const leati_pb_field *field)
{
    if (!field->repeated) return 1;
    list l;
    memcpy(&l, member(message, field), sizeof l);
    return l.count;
}

static element element_at(const void *message, const leati_pb_field *field, size_t k)
{
    element e = {{"", 0}, NULL};
    const char *at = member(message, field);
    if (field->repeated) {
        list l;
        memcpy(&l, at, sizeof l);
        at = l.at;
    }
    if (field->kind == LEATI_PB_MESSAGE) {
        if (field->repeated) e.message = at + k * field->type->size;
        else memcpy(&e.message, at, sizeof e.message);
    } else if (field->kind == LEATI_PB_BYTES) {
        memcpy(&e.bytes, at + k * sizeof e.bytes, sizeof e.bytes);
    } else {
        const char *text;
        memcpy(&text, at + k * sizeof text, sizeof text);
        if (text) e.bytes = (leati_pb_bytes){text, strlen(text)};
    }
    return e;
}

static bool has(const void *message, const leati_pb_field *field)
{
    uint32_t bits;
    memcpy(&bits, message, sizeof bits);
    return bits >> field->number & 1;
}

static bool is_number(const leati_pb_field *field)
{
    return field->kind < LEATI_PB_TEXT;
}

/* Whether a plain text or bytes field, or a message, is written. */
static bool is_wanted(const void *message, const leati_pb_field *field, element e)
{
    if (field->kind == LEATI_PB_MESSAGE) return e.message != NULL;
    return field->repeated || has(message, field) || e.bytes.size;
}

static size_t payload_size(const leati_pb_field *field, element e)
{
    return field->kind == LEATI_PB_MESSAGE ? leati_pb_size(field->type, e.message) : e.bytes.size;
}

static size_t field_size(const void *message, const leati_pb_field *field)
{
    size_t tag = varint_size((uint64_t)field->number << 3), size = 0;
    if (is_number(field) && field->repeated) {
        size = packed_size(message, field);
        return size ? add(tag, size_with_length(size)) : 0;
    }
    if (is_number(field)) {
        uint64_t bits = load(field->kind, member(message, field));
        return bits || has(message, field) ? tag + number_size(field->kind, bits) : 0;
    }
    for (size_t k = 0, n = element_count(message, field); k < n; k++) {
        element e = element_at(message, field, k);
        if (is_wanted(message, field, e))
            size = add(size, add(tag, size_with_length(payload_size(field, e))));
    }
    return size;
}

size_t leati_pb_size(const leati_pb_type *type, const void *message)
{
    size_t size = 0;
    for (size_t i = 0; i < type->count; i++)
        size = add(size, field_size(message, &type->fields[i]));
    return size;
}

static void flush(sink *s)
{
    if (!s->file) return;
    leati_writer_write(s->file, leati_str_text(s->text), s->text->length);
    leati_str_clear(s->text);
}

static void put_number(sink *s, leati_pb_kind kind, uint64_t bits)
{
    char bytes[8];
    size_t width = kind == LEATI_PB_FLOAT ? 4 : 8;
    if (kind != LEATI_PB_FLOAT && kind != LEATI_PB_DOUBLE) {
        leati_pb_put_varint(s->text, bits);
        return;
    }
    for (size_t i = 0; i < width; i++) bytes[i] = (char)(bits >> (8 * i));
    leati_str_addn(s->text, bytes, width);
}

static void put_tag(sink *s, uint32_t number, unsigned wire)
{
    leati_pb_put_varint(s->text, (uint64_t)number << 3 | wire);
}

static void put_numbers(sink *s, const void *message, const leati_pb_field *field)
{
    size_t size = packed_size(message, field);
    uint64_t bits;
    if (!size) return;
    put_tag(s, field->number, 2);
    leati_pb_put_varint(s->text, size);
    for (numbers n = begin_numbers(message, field); next_number(&n, &bits);) {
        put_number(s, field->kind, bits);
        if (s->text->length > DIRECT) flush(s);
    }
}

static void put_message(sink *s, const leati_pb_type *type, const void *message);

static void put_element(sink *s, const leati_pb_field *field, element e)
{
    put_tag(s, field->number, 2);
    leati_pb_put_varint(s->text, payload_size(field, e));
    if (field->kind == LEATI_PB_MESSAGE) {
        put_message(s, field->type, e.message);
    } else if (s->file && e.bytes.size > DIRECT) {
        flush(s);
        leati_writer_write(s->file, e.bytes.data, e.bytes.size);
    } else {
        leati_str_addn(s->text, e.bytes.data, e.bytes.size);
    }
    if (s->text->length > DIRECT) flush(s);
}

static void put_message(sink *s, const leati_pb_type *type, const void *message)
{
    for (size_t i = 0; i < type->count; i++) {
        const leati_pb_field *field = &type->fields[i];
        if (is_number(field) && field->repeated) {
            put_numbers(s, message, field);
        } else if (is_number(field)) {
            uint64_t bits = load(field->kind, member(message, field));
            if (!bits && !has(message, field)) continue;
            put_tag(s, field->number,
                    field->kind == LEATI_PB_FLOAT    ? 5
                    : field->kind == LEATI_PB_DOUBLE ? 1
                                                     : 0);
            put_number(s, field->kind, bits);
        } else {
            for (size_t k = 0, n = element_count(message, field); k < n; k++) {
                element e = element_at(message, field, k);
                if (is_wanted(message, field, e)) put_element(s, field, e);
            }
        }
    }
}

leat_status leati_pb_encode(const leati_pb_type *type, const void *message, leati_str *out)
{
    sink s = {.text = out};
    put_message(&s, type, message);
    return leati_str_status(out);
}

leat_status leati_pb_write(leat_context *c, const leati_pb_type *type, const void *message,
                           leati_writer *out)
{
    leati_str buffer;
    sink s = {.text = &buffer, .file = out};
    leati_str_init(&buffer, c);
    put_message(&s, type, message);
    flush(&s);
    leat_status st = leati_str_status(&buffer);
    leati_str_fini(&buffer);
    return st;
}
