/* Owns: messages from bytes by their tables. Every message is read twice: once to count its
 * repeated fields, once to fill arrays of that size. Not: the fields' encoding (protobuf.c). */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "io/encoding.h"
#include "io/protobuf.h"

enum { FIELDS_MOST = 32, PATH_MOST = 512 };
static const size_t memory_least = (size_t)64 << 20, memory_times = 32;

typedef struct reader {
    leati_arena *arena;
    const char *start; /* of the whole input */
    size_t memory;     /* bytes of structs that may still be made */
} reader;

/* A message being read: the chain upwards is its path. */
typedef struct frame {
    const struct frame *up;
    const leati_pb_type *type;
    const leati_pb_field *via; /* the field of `up` that holds it */
    size_t index;              /* in a repeated field */
    size_t depth;
    leati_pb_bytes bytes;
} frame;

static void add_path(leati_str *path, const frame *f)
{
    if (!f->up || path->length > PATH_MOST) return;
    add_path(path, f->up);
    leati_str_addf(path, "%s%s", f->up->up ? "." : "", f->via->name);
    if (f->via->repeated) leati_str_addf(path, "[%zu]", f->index);
}

/* "graph.node[3] (NodeProto), field `input` at byte 120: why" */
static leat_status fail(reader *r, leat_status status, const frame *f, const leati_pb_field *field,
                        const char *at, const char *why)
{
    leati_str path;
    leati_str_init(&path, r->arena->context);
    add_path(&path, f);
    bool top = path.length == 0;
    leat_status st =
        LEATI_FAIL(r->arena->context, status, "%s%s%s%s%s%s at byte %zu: %s", leati_str_text(&path),
                   top ? "" : " (", f->type->name, top ? "" : ")", field ? ", field " : "",
                   field ? field->name : "", (size_t)(at - r->start), why);
    leati_str_fini(&path);
    return st;
}

static size_t width_of(leati_pb_kind kind)
{
    switch (kind) {
    case LEATI_PB_INT32:
    case LEATI_PB_FLOAT: return 4;
    case LEATI_PB_INT64:
    case LEATI_PB_UINT64:
    case LEATI_PB_DOUBLE: return 8;
    case LEATI_PB_TEXT: return sizeof(char *);
    case LEATI_PB_BYTES: return sizeof(leati_pb_bytes);
    default: return sizeof(void *);
    }
}

static unsigned wire_of(leati_pb_kind kind)
{
    return kind == LEATI_PB_FLOAT    ? 5
           : kind == LEATI_PB_DOUBLE ? 1
           : kind <= LEATI_PB_UINT64 ? 0
                                     : 2;
}

static void *member(void *message, const leati_pb_field *field)
{
    return (char *)message + field->offset;
}

static void *make(reader *r, size_t count, size_t size)
{
    size_t bytes;
    if (leati_mul_overflows(count, size, &bytes) || bytes > r->memory) {
        LEATI_FAIL(r->arena->context, LEAT_LIMIT,
                   "the structures of the file would take far more memory than the file itself; "
                   "it is damaged or made to exhaust memory");
        return NULL;
    }
    r->memory -= bytes;
    return leati_arena_calloc(r->arena, count, size);
}

static void begin_texts(const leati_pb_type *type, void *message)
{
    static const char *const empty = "";
    for (size_t i = 0; i < type->count; i++)
        if (type->fields[i].kind == LEATI_PB_TEXT && !type->fields[i].repeated)
            memcpy(member(message, &type->fields[i]), &empty, sizeof empty);
}

void *leati_pb_new(leati_arena *arena, const leati_pb_type *type)
{
    void *message = leati_arena_calloc(arena, 1, type->size);
    if (message) begin_texts(type, message);
    return message;
}

/* The row of a field number, or NULL; fields mostly come in the order of the table. */
static const leati_pb_field *find(const leati_pb_type *type, uint32_t number, size_t *hint)
{
    for (size_t k = 0; k < type->count; k++) {
        size_t i = *hint + k < type->count ? *hint + k : *hint + k - type->count;
        if (type->fields[i].number == number) {
            *hint = i;
            return &type->fields[i];
        }
    }
    return NULL;
}

/* Numbers that a packed field holds; false if its bytes are no whole numbers. */
static bool count_packed(leati_pb_kind kind, leati_pb_bytes bytes, size_t *count)
{
    leati_pb_cursor c = {bytes.data, bytes.data + bytes.size};
    uint64_t value;
    if (kind == LEATI_PB_FLOAT || kind == LEATI_PB_DOUBLE) {
        *count += bytes.size / width_of(kind);
        return bytes.size % width_of(kind) == 0;
    }
    for (; c.at < c.end; ++*count)
        if (!leati_pb_varint(&c, &value)) return false;
    return true;
}

/* First pass: how often each field comes, and whether each has the right form. */
static leat_status count_fields(reader *r, const frame *f, size_t counts[FIELDS_MOST])
{
    leati_pb_cursor c = {f->bytes.data, f->bytes.data + f->bytes.size};
    leati_pb_item item;
    const char *why, *at = c.at;
    size_t hint = 0;
    for (; leati_pb_next(&c, &item, &why); at = c.at) {
        const leati_pb_field *field = find(f->type, item.number, &hint);
        if (!field) continue;
        size_t *count = &counts[field - f->type->fields];
        bool number = field->kind < LEATI_PB_TEXT;
        if (item.wire == 2 && number && field->repeated) {
            if (!count_packed(field->kind, item.bytes, count))
                return fail(r, LEAT_FORMAT, f, field, at, "its bytes are not whole numbers");
        } else if (item.wire != wire_of(field->kind)) {
            return fail(r, LEAT_FORMAT, f, field, at, "it is of another wire type than expected");
        } else {
            ++*count;
        }
        if (*count > 1 && field->kind == LEATI_PB_MESSAGE && !field->repeated)
            return fail(r, LEAT_FORMAT, f, field, at, "it is given twice");
    }
    if (!why) return LEAT_OK;
    return fail(r, LEAT_FORMAT, f, find(f->type, item.number, &hint), c.at, why);
}

typedef LEATI_PB_LIST(void) list;

/* Between the passes: arrays for what repeats. */
static leat_status make_lists(reader *r, const frame *f, void *message,
                              const size_t counts[FIELDS_MOST])
{
    for (size_t i = 0; i < f->type->count; i++) {
        const leati_pb_field *field = &f->type->fields[i];
        if (counts[i] && field->number < 32) {
            uint32_t has;
            memcpy(&has, message, sizeof has);
            has |= UINT32_C(1) << field->number;
            memcpy(message, &has, sizeof has);
        }
        if (field->lazy) {
            leati_pb_numbers n = {f->bytes, field->number, field->kind, counts[i]};
            memcpy(member(message, field), &n, sizeof n);
        } else if (field->repeated && counts[i]) {
            bool nested = field->kind == LEATI_PB_MESSAGE;
            list l = {make(r, counts[i], nested ? field->type->size : width_of(field->kind)),
                      counts[i]};
            if (!l.at) return leat_error_status(r->arena->context);
            memcpy(member(message, field), &l, sizeof l);
        }
    }
    return LEAT_OK;
}

static leat_status decode(reader *r, const frame *f, void *message);

static leat_status read_text(reader *r, const frame *f, const leati_pb_field *field,
                             leati_pb_bytes bytes, void *to)
{
    const char *text = "";
    if (bytes.size) {
        if (memchr(bytes.data, 0, bytes.size) || !leati_utf8_valid(bytes.data, bytes.size))
            return fail(r, LEAT_FORMAT, f, field, bytes.data, "its text is not UTF-8");
        text = leati_arena_strndup(r->arena, bytes.data, bytes.size);
        if (!text) return leat_error_status(r->arena->context);
    }
    memcpy(to, &text, sizeof text);
    return LEAT_OK;
}

/* A number of the wire into a field of `kind`. */
static void store(leati_pb_kind kind, uint64_t bits, void *to)
{
    uint32_t low = (uint32_t)bits;
    if (width_of(kind) == 4) memcpy(to, &low, 4);
    else memcpy(to, &bits, 8);
}

static leat_status read_message(reader *r, const frame *f, const leati_pb_field *field,
                                size_t index, leati_pb_bytes bytes, void *message)
{
    frame inner = {f, field->type, field, index, f->depth + 1, bytes};
    if (inner.depth > LEATI_PB_DEPTH_MOST)
        return fail(r, LEAT_LIMIT, f, field, bytes.data, "messages are nested too deep");
    return decode(r, &inner, message);
}

/* One occurrence of a field, `index` of its kind, into `to` (of a repeated one: the next element).
 * Adds to *index. */
static leat_status read_field(reader *r, const frame *f, const leati_pb_field *field,
                              const leati_pb_item *item, void *to, size_t *index)
{
    size_t k = (*index)++;
    if (field->kind == LEATI_PB_MESSAGE) {
        if (field->repeated)
            return read_message(r, f, field, k, item->bytes, (char *)to + k * field->type->size);
        void *inner = make(r, 1, field->type->size);
        if (!inner) return leat_error_status(r->arena->context);
        memcpy(to, &inner, sizeof inner);
        return read_message(r, f, field, k, item->bytes, inner);
    }
    size_t width = width_of(field->kind);
    char *at = (char *)to + (field->repeated ? k * width : 0);
    if (field->kind == LEATI_PB_TEXT) return read_text(r, f, field, item->bytes, at);
    if (field->kind == LEATI_PB_BYTES) {
        memcpy(at, &item->bytes, width);
    } else if (item->wire != 2) {
        store(field->kind, item->value, at);
    } else {
        leati_pb_numbers none = {.kind = field->kind};
        leati_pb_walk walk = {.numbers = none,
                              .packed = {item->bytes.data, item->bytes.data + item->bytes.size}};
        uint64_t bits;
        for (; leati_pb_walk_next(&walk, &bits); at += width) store(field->kind, bits, at);
        *index = (size_t)(at - (char *)to) / width;
    }
    return LEAT_OK;
}

static leat_status decode(reader *r, const frame *f, void *message)
{
    size_t counts[FIELDS_MOST] = {0}, hint = 0;
    leati_pb_cursor c = {f->bytes.data, f->bytes.data + f->bytes.size};
    leati_pb_item item;
    const char *why;
    begin_texts(f->type, message);
    LEATI_TRY(count_fields(r, f, counts));
    LEATI_TRY(make_lists(r, f, message, counts));
    memset(counts, 0, sizeof counts);
    while (leati_pb_next(&c, &item, &why)) {
        const leati_pb_field *field = find(f->type, item.number, &hint);
        if (!field || field->lazy) continue;
        void *to = member(message, field);
        if (field->repeated) {
            list l;
            memcpy(&l, to, sizeof l);
            to = l.at;
        }
        if (!to) continue; /* only empty packed fields */
        LEATI_TRY(read_field(r, f, field, &item, to, &counts[field - f->type->fields]));
    }
    return LEAT_OK;
}

leat_status leati_pb_decode(leati_arena *arena, const leati_pb_type *type, leati_pb_bytes bytes,
                            void **out)
{
    reader r = {.arena = arena, .start = bytes.data};
    frame top = {.type = type, .bytes = bytes};
    *out = NULL;
    if (leati_mul_overflows(bytes.size, memory_times, &r.memory) ||
        leati_add_overflows(r.memory, memory_least, &r.memory))
        r.memory = SIZE_MAX;
    void *message = make(&r, 1, type->size);
    if (!message) return leat_error_status(arena->context);
    LEATI_TRY(decode(&r, &top, message));
    *out = message;
    return LEAT_OK;
}
