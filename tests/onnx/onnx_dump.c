/* Prints what the reader of ONNX sees, in a plain form that tools/compare-onnx.py also makes of
 * what Python's onnx package sees. Lines "KIND PATH" on stdin (model, tensor, sequence, optional);
 * a file that cannot be read gives a line "error: ...". Exit code 1 when there was one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/onnx_check.h"
#include "model/onnx_proto.h"
#include "model/onnx_tensor.h"

static const void *member(const void *message, const leati_pb_field *f)
{
    return (const char *)message + f->offset;
}

typedef LEATI_PB_LIST(const char) list;

static void print_bytes(const char *name, const char *data, size_t size)
{
    printf("%s %zu %08lx\n", name, size, crc32(crc32(0, NULL, 0), (const Bytef *)data, (uInt)size));
}

static size_t width_of(leati_pb_kind kind)
{
    return kind == LEATI_PB_INT32 || kind == LEATI_PB_FLOAT ? 4 : 8;
}

/* The bits of a number, integers extended by sign. */
static uint64_t bits_at(leati_pb_kind kind, const char *at)
{
    uint64_t wide = 0;
    uint32_t low;
    memcpy(&low, at, 4);
    if (kind == LEATI_PB_INT32) return (uint64_t)(int64_t)(int32_t)low;
    if (kind == LEATI_PB_FLOAT) return low;
    memcpy(&wide, at, 8);
    return wide;
}

static void print_numbers(const leati_pb_field *f, const void *message)
{
    uint64_t bits;
    uLong sum = crc32(0, NULL, 0);
    size_t count = 0;
    if (f->lazy) {
        leati_pb_numbers n;
        leati_pb_walk walk;
        memcpy(&n, member(message, f), sizeof n);
        leati_pb_walk_begin(&walk, &n);
        for (; leati_pb_walk_next(&walk, &bits); count++) sum = crc32(sum, (Bytef *)&bits, 8);
    } else {
        list l;
        memcpy(&l, member(message, f), sizeof l);
        for (; count < l.count; count++) {
            bits = bits_at(f->kind, l.at + count * width_of(f->kind));
            sum = crc32(sum, (Bytef *)&bits, 8);
        }
    }
    if (count) printf("%s %zu %08lx\n", f->name, count, sum);
}

static void dump(const leati_pb_type *type, const void *message);

static void dump_field(const leati_pb_field *f, const void *message)
{
    uint32_t has;
    list l = {member(message, f), 1};
    memcpy(&has, message, sizeof has);
    if (f->repeated && f->kind < LEATI_PB_TEXT) {
        print_numbers(f, message);
        return;
    }
    if (!(has >> f->number & 1)) return;
    if (f->repeated) memcpy(&l, l.at, sizeof l);
    for (size_t i = 0; i < l.count; i++) {
        const char *text;
        leati_pb_bytes bytes;
        if (f->kind == LEATI_PB_MESSAGE) {
            const void *inner = l.at + i * f->type->size;
            if (!f->repeated) memcpy(&inner, l.at, sizeof inner);
            printf("%s {\n", f->name);
            dump(f->type, inner);
            puts("}");
        } else if (f->kind == LEATI_PB_TEXT) {
            memcpy(&text, l.at + i * sizeof text, sizeof text);
            print_bytes(f->name, text, strlen(text));
        } else if (f->kind == LEATI_PB_BYTES) {
            memcpy(&bytes, l.at + i * sizeof bytes, sizeof bytes);
            print_bytes(f->name, bytes.data, bytes.size);
        } else {
            printf("%s %" PRIu64 "\n", f->name, bits_at(f->kind, l.at));
        }
    }
}

static void dump(const leati_pb_type *type, const void *message)
{
    for (uint32_t number = 1; number < 32; number++)
        for (size_t i = 0; i < type->count; i++)
            if (type->fields[i].number == number) dump_field(&type->fields[i], message);
}

/* The elements as numbers: "elements BYTES CRC"; not of texts and of elements below 8 bits. */
static leat_status dump_elements(leat_context *c, const leati_onnx_tensor *t)
{
    size_t count;
    if (leati_onnx_element_bits(t->data_type) < 8 || leati_onnx_tensor_is_external(t))
        return LEAT_OK;
    leat_status st = leati_onnx_tensor_count(c, t, &count);
    if (st != LEAT_OK) return st;
    size_t bytes = leati_onnx_bytes(t->data_type, count);
    char *out = leati_alloc(c, bytes);
    st = out ? leati_onnx_tensor_read(c, t, out, bytes) : leat_error_status(c);
    if (st == LEAT_OK) print_bytes("elements", out, bytes);
    leati_free(out);
    return st;
}

/* Written and read again it must be the same; leaves the second reading in *message. */
static leat_status round_trip(leat_context *c, leati_arena *arena, const leati_pb_type *type,
                              leati_str *bytes, void **message)
{
    leat_status st = leati_pb_encode(type, *message, bytes);
    if (st != LEAT_OK) return st;
    if (leati_pb_size(type, *message) != bytes->length)
        return leat_error_set(c, LEAT_DIFFERS, "the size is not that of the bytes");
    return leati_pb_decode(arena, type, (leati_pb_bytes){bytes->text, bytes->length}, message);
}

static bool dump_file(const char *kind, const char *path)
{
    const leati_pb_type *type = !strcmp(kind, "model")      ? &leati_onnx_model_pb
                                : !strcmp(kind, "tensor")   ? &leati_onnx_tensor_pb
                                : !strcmp(kind, "sequence") ? &leati_onnx_sequence_pb
                                                            : &leati_onnx_optional_pb;
    leat_context *c;
    leati_arena arena;
    leati_bytes file;
    leati_str again;
    void *message;
    if (leat_context_create(&c, NULL) != LEAT_OK) return false;
    leati_arena_init(&arena, c);
    leati_str_init(&again, c);
    printf("file %s\n", path);
    leat_status st = leati_file_read(c, &file, path);
    if (st == LEAT_OK) {
        st = leati_pb_decode(&arena, type, (leati_pb_bytes){file.data, file.size}, &message);
        if (st == LEAT_OK && type == &leati_onnx_model_pb) st = leati_onnx_check(c, message);
        if (st == LEAT_OK && type == &leati_onnx_tensor_pb)
            st = leati_onnx_tensor_check(c, message);
        if (st == LEAT_OK) st = round_trip(c, &arena, type, &again, &message);
        if (st == LEAT_OK) dump(type, message);
        if (st == LEAT_OK && type == &leati_onnx_tensor_pb) st = dump_elements(c, message);
    }
    if (st != LEAT_OK) printf("error: %s: %s\n", leat_status_name(st), leat_error_message(c));
    leati_arena_fini(&arena);
    leati_str_fini(&again);
    leati_bytes_release(&file);
    leat_context_destroy(c);
    return st == LEAT_OK;
}

int main(void)
{
    char line[4400], kind[16];
    int at;
    bool good = true;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%15s %n", kind, &at) == 1 && !dump_file(kind, line + at)) good = false;
    }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
