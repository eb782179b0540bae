/* The wire format of protocol buffers: a bounded reader and a writer, both driven by tables.
 *
 * A message is a plain C struct that begins with `uint32_t has` (bit n: field number n stood in
 * the file) and a leati_pb_type that says where its fields lie. Texts are terminated copies and
 * never NULL, bytes are views into the input, repeated fields are arrays of their exact size.
 *
 * Source: "Encoding" in the Protocol Buffers documentation (version 2 and 3 of the language). */
#ifndef LEATI_IO_PROTOBUF_H
#define LEATI_IO_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/str.h"

/* A view of bytes; not terminated. */
typedef struct leati_pb_bytes {
    const char *data;
    size_t size;
} leati_pb_bytes;

/* A repeated field. */
#define LEATI_PB_LIST(type)                                                                        \
    struct {                                                                                       \
        type *at;                                                                                  \
        size_t count;                                                                              \
    }

typedef enum leati_pb_kind {
    LEATI_PB_INT32, /* also enums and bools */
    LEATI_PB_INT64,
    LEATI_PB_UINT64,
    LEATI_PB_FLOAT,
    LEATI_PB_DOUBLE,
    LEATI_PB_TEXT,   /* const char *: UTF-8 without zero bytes */
    LEATI_PB_BYTES,  /* leati_pb_bytes */
    LEATI_PB_MESSAGE /* pointer to a struct; repeated: array of structs */
} leati_pb_kind;

typedef struct leati_pb_type leati_pb_type;

typedef struct leati_pb_field {
    uint32_t number; /* 1 to 31 */
    leati_pb_kind kind;
    bool repeated;
    bool lazy; /* repeated numbers that stay where they are: leati_pb_numbers */
    size_t offset;
    const char *name;
    const leati_pb_type *type; /* of a message */
} leati_pb_field;

struct leati_pb_type {
    const char *name;
    size_t size; /* of the struct */
    const leati_pb_field *fields;
    size_t count; /* at most 32 */
};

/* Repeated numbers left in the input: their places were checked, their values are read on demand,
 * so that a large array is neither copied nor held twice. */
typedef struct leati_pb_numbers {
    leati_pb_bytes message; /* the message they are a field of */
    uint32_t number;
    leati_pb_kind kind;
    size_t count;
} leati_pb_numbers;

enum { LEATI_PB_DEPTH_MOST = 100 };

/* *out: a struct of `type` in `arena`, which views `bytes`. Unknown fields are skipped, the last of
 * a repeated plain field counts. FORMAT (with the path of the message, the field and the offset):
 * truncated or overlong data, a field of another wire type than the table says, a message of a
 * plain field given twice, texts that are not UTF-8. LIMIT: nested deeper than LEATI_PB_DEPTH_MOST,
 * or structs of more than 64 MB and 32 times the input. */
leat_status leati_pb_decode(leati_arena *arena, const leati_pb_type *type, leati_pb_bytes bytes,
                            void **out);

/* An empty message in the arena: zeros, and texts "". NULL on failure (recorded). */
void *leati_pb_new(leati_arena *arena, const leati_pb_type *type);

/* Bytes that the encoded message has; SIZE_MAX on overflow. */
size_t leati_pb_size(const leati_pb_type *type, const void *message);
/* Appends the message. A plain field is written when its bit of `has` is set or it is not zero. */
leat_status leati_pb_encode(const leati_pb_type *type, const void *message, leati_str *out);
/* The same to a file, without a copy of the bytes in it; commit reports failures of writing. */
leat_status leati_pb_write(leat_context *c, const leati_pb_type *type, const void *message,
                           leati_writer *out);

/* --- without tables ------------------------------------------------------------------------- */

/* One field of a message. */
typedef struct leati_pb_item {
    uint32_t number;
    unsigned wire;        /* 0 varint, 1 64-bit, 2 bytes, 5 32-bit; groups are skipped */
    uint64_t value;       /* of wire types 0, 1 and 5 */
    leati_pb_bytes bytes; /* of wire type 2 */
} leati_pb_item;

typedef struct leati_pb_cursor {
    const char *at, *end;
} leati_pb_cursor;

/* The next field. False at the end and on malformed data: *why is then NULL or says what is wrong,
 * the cursor stays at the field, and the item has its number or 0. */
bool leati_pb_next(leati_pb_cursor *cursor, leati_pb_item *item, const char **why);
/* A base-128 number; false if it is truncated or larger than 64 bits. */
bool leati_pb_varint(leati_pb_cursor *cursor, uint64_t *value);

/* The numbers one after the other, as 64 bits: integers extended by sign, float and double as the
 * bits of their format. */
typedef struct leati_pb_walk {
    leati_pb_numbers numbers;
    leati_pb_cursor message, packed;
} leati_pb_walk;
void leati_pb_walk_begin(leati_pb_walk *walk, const leati_pb_numbers *numbers);
bool leati_pb_walk_next(leati_pb_walk *walk, uint64_t *bits);

void leati_pb_put_varint(leati_str *out, uint64_t value);
void leati_pb_put_int(leati_str *out, uint32_t number, int64_t value);
void leati_pb_put_float(leati_str *out, uint32_t number, float value);
void leati_pb_put_double(leati_str *out, uint32_t number, double value);
/* Texts, bytes and encoded messages. */
void leati_pb_put_bytes(leati_str *out, uint32_t number, const void *data, size_t size);

#endif
