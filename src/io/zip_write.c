/* Owns: writing ZIP archives of stored, aligned members. Not: reading them (zip.c). */
#include <string.h>

#include <zlib.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "io/zip.h"

enum {
    EXTRA_ZIP64 = 1,
    EXTRA_PADDING = 0xd935, /* the identifier of Android's zipalign: u16 alignment, then zeros */
    VERSION = 20,
    VERSION_ZIP64 = 45,
    FLAG_UTF8 = 0x0800,
    DOS_DATE = 1 << 5 | 1 /* 1980-01-01 */
};

typedef struct written {
    uint64_t local, size;
    uint32_t crc;
} written;

struct leati_zip_writer {
    leat_context *context;
    leati_writer *to;
    uint64_t base; /* offset of the archive in the file */
    written *members;
    size_t capacity;
    leati_map names;
    bool finished;
};

/* A record under construction; all of ours fit. */
typedef struct record {
    uint8_t bytes[128];
    size_t length;
} record;

static void put(record *r, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) r->bytes[r->length++] = (uint8_t)(value >> (8 * i));
}

static uint32_t clip(uint64_t value)
{
    return value >= UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static uint64_t here(const leati_zip_writer *w)
{
    return leati_writer_offset(w->to) - w->base;
}

leat_status leati_zip_writer_create(leat_context *c, leati_zip_writer **out, leati_writer *to)
{
    leati_zip_writer *w = *out = leati_calloc(c, 1, sizeof *w);
    if (!w) return leat_error_status(c);
    w->context = c;
    w->to = to;
    w->base = leati_writer_offset(to);
    leati_map_init(&w->names, c);
    return LEAT_OK;
}

void leati_zip_writer_destroy(leati_zip_writer *w)
{
    if (!w) return;
    leati_map_fini(&w->names);
    leati_free(w->members);
    leati_free(w);
}

static leat_status remember(leati_zip_writer *w, const char *name, written **out)
{
    leat_context *c = w->context;
    size_t length = strlen(name), index = w->names.count;
    LEATI_BUG_IF(c, w->finished);
    LEATI_CHECK(c, length > 0 && length <= UINT16_MAX, LEAT_INVALID,
                "a member of a ZIP archive needs a name of 1 to 65,535 bytes");
    LEATI_CHECK(c, leati_map_get(&w->names, name, length) == LEATI_MAP_NONE, LEAT_INVALID,
                "two members are named '%s'", name);
    LEATI_TRY(leati_grow(c, &w->members, &w->capacity, index + 1, sizeof *w->members));
    if (leati_map_put(&w->names, name, length) == LEATI_MAP_NONE) return leat_error_status(c);
    *out = &w->members[index];
    **out = (written){0};
    return LEAT_OK;
}

/* Fields that the local header and the directory entry share. */
static void put_common(record *r, const written *m, size_t name_length, size_t extra)
{
    bool large = m->size >= UINT32_MAX || m->local >= UINT32_MAX;
    put(r, large ? VERSION_ZIP64 : VERSION, 2);
    put(r, FLAG_UTF8, 2);
    put(r, 0, 2); /* stored */
    put(r, 0, 2);
    put(r, DOS_DATE, 2);
    put(r, m->crc, 4);
    put(r, clip(m->size), 4);
    put(r, clip(m->size), 4);
    put(r, name_length, 2);
    put(r, extra, 2);
}

static void write_local(leati_zip_writer *w, const char *name, const written *m)
{
    static const uint8_t zeros[LEATI_ZIP_ALIGN];
    record r = {.length = 0}, extra = {.length = 0};
    size_t name_length = strlen(name);
    if (m->size >= UINT32_MAX) {
        put(&extra, EXTRA_ZIP64, 2);
        put(&extra, 16, 2);
        put(&extra, m->size, 8);
        put(&extra, m->size, 8);
    }
    uint64_t plain = m->local + 30 + name_length + extra.length + 6;
    size_t padding = (size_t)(-plain & (LEATI_ZIP_ALIGN - 1));
    put(&extra, EXTRA_PADDING, 2);
    put(&extra, 2 + padding, 2);
    put(&extra, LEATI_ZIP_ALIGN, 2);
    put(&r, 0x04034b50, 4);
    put_common(&r, m, name_length, extra.length + padding);
    leati_writer_write(w->to, r.bytes, r.length);
    leati_writer_write(w->to, name, name_length);
    leati_writer_write(w->to, extra.bytes, extra.length);
    leati_writer_write(w->to, zeros, padding);
}

leat_status leati_zip_add_parts(leati_zip_writer *w, const char *name, const leati_zip_part *parts,
                                size_t count)
{
    written *m = NULL;
    uLong crc = 0;
    LEATI_TRY(remember(w, name, &m));
    m->local = here(w);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].bytes) crc = crc32_z(crc, parts[i].data, parts[i].bytes);
        m->size += parts[i].bytes;
    }
    m->crc = (uint32_t)crc;
    write_local(w, name, m);
    for (size_t i = 0; i < count; i++) leati_writer_write(w->to, parts[i].data, parts[i].bytes);
    return LEAT_OK;
}

leat_status leati_zip_add(leati_zip_writer *w, const char *name, const void *data, size_t bytes)
{
    return leati_zip_add_parts(w, name, &(leati_zip_part){data, bytes}, 1);
}

static void write_entry(leati_zip_writer *w, uint32_t index)
{
    const written *m = &w->members[index];
    size_t name_length;
    const char *name = leati_map_key(&w->names, index, &name_length);
    record r = {.length = 0}, extra = {.length = 0};
    bool large = m->size >= UINT32_MAX, far = m->local >= UINT32_MAX;
    if (large || far) {
        put(&extra, EXTRA_ZIP64, 2);
        put(&extra, (large ? 16u : 0u) + (far ? 8u : 0u), 2);
        if (large) put(&extra, m->size, 8);
        if (large) put(&extra, m->size, 8);
        if (far) put(&extra, m->local, 8);
    }
    put(&r, 0x02014b50, 4);
    put(&r, VERSION_ZIP64, 2); /* made by: MS-DOS attributes, so that no mode is recorded */
    put_common(&r, m, name_length, extra.length);
    put(&r, 0, 2); /* comment */
    put(&r, 0, 2); /* volume */
    put(&r, 0, 2); /* internal attributes */
    put(&r, 0, 4); /* external attributes */
    put(&r, clip(m->local), 4);
    leati_writer_write(w->to, r.bytes, r.length);
    leati_writer_write(w->to, name, name_length);
    leati_writer_write(w->to, extra.bytes, extra.length);
}

static void put_end64(record *r, uint64_t count, uint64_t start, uint64_t end)
{
    put(r, 0x06064b50, 4);
    put(r, 44, 8); /* bytes of this record after this field */
    put(r, VERSION_ZIP64, 2);
    put(r, VERSION_ZIP64, 2);
    put(r, 0, 4);
    put(r, 0, 4);
    put(r, count, 8);
    put(r, count, 8);
    put(r, end - start, 8);
    put(r, start, 8);
    put(r, 0x07064b50, 4);
    put(r, 0, 4);
    put(r, end, 8);
    put(r, 1, 4);
}

leat_status leati_zip_finish(leati_zip_writer *w)
{
    record r = {.length = 0};
    uint64_t start = here(w), count = w->names.count;
    for (uint32_t i = 0; i < count; i++) write_entry(w, i);
    uint64_t end = here(w);
    if (count >= UINT16_MAX || start >= UINT32_MAX || end - start >= UINT32_MAX)
        put_end64(&r, count, start, end);
    uint64_t shown = count >= UINT16_MAX ? UINT16_MAX : count;
    put(&r, 0x06054b50, 4);
    put(&r, 0, 4);
    put(&r, shown, 2);
    put(&r, shown, 2);
    put(&r, clip(end - start), 4);
    put(&r, clip(start), 4);
    put(&r, 0, 2);
    leati_writer_write(w->to, r.bytes, r.length);
    w->finished = true;
    return LEAT_OK;
}
