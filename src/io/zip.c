/* Owns: reading ZIP archives. Not: writing them (zip_write.c). */
#include "io/zip.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"

enum {
    END_SIZE = 22,
    END64_SIZE = 56,
    LOCATOR_SIZE = 20,
    ENTRY_SIZE = 46,
    LOCAL_SIZE = 30,
    COMMENT_MOST = 65535,
    EXTRA_ZIP64 = 1,
    METHOD_DEFLATE = 8,
    DEFLATE_RATIO = 1032 /* deflate cannot expand further than this */
};

#define DEFAULT_MOST ((uint64_t)64 << 30)

struct leati_zip {
    leati_bytes bytes;
    char *name;
    leati_zip_member *members;
    size_t count;
    uint64_t unpacked;
    leati_map names; /* member number of a name; keys include the terminator */
};

/* A directory entry before its local header has been looked at. */
typedef struct entry {
    uint64_t local, stored, size;
    uint32_t crc;
    uint16_t flags, method, name_length;
    const uint8_t *name;
} entry;

typedef struct directory {
    uint64_t at, bytes, count;
} directory;

typedef struct span {
    uint64_t from, to;
} span;

static uint16_t u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t u64(const uint8_t *p)
{
    return (uint64_t)u32(p) | (uint64_t)u32(p + 4) << 32;
}

static const uint8_t *file_bytes(const leati_zip *z)
{
    return (const uint8_t *)z->bytes.data;
}

/* The end record is the last thing in the file but for its own comment, whose length must fit. */
static leat_status find_end(leat_context *c, const leati_zip *z, size_t *at)
{
    const uint8_t *data = file_bytes(z);
    size_t size = z->bytes.size;
    size_t lowest = size > END_SIZE + COMMENT_MOST ? size - END_SIZE - COMMENT_MOST : 0;
    LEATI_CHECK(c, size >= 4 && data[0] == 'P' && data[1] == 'K', LEAT_FORMAT,
                "%s is not a ZIP archive (it does not begin with 'PK')", z->name);
    for (size_t i = size >= END_SIZE ? size - END_SIZE + 1 : 0; i-- > lowest;) {
        if (u32(data + i) == 0x06054b50 && u16(data + i + 20) == size - END_SIZE - i) {
            *at = i;
            return LEAT_OK;
        }
    }
    return LEATI_FAIL(c, LEAT_FORMAT,
                      "%s: the ZIP archive has no directory at its end; the file is cut short or "
                      "something was appended to it",
                      z->name);
}

static leat_status read_end64(leat_context *c, const leati_zip *z, size_t end, directory *d)
{
    const uint8_t *data = file_bytes(z);
    const uint8_t *locator = data + end - LOCATOR_SIZE;
    bool good = end >= LOCATOR_SIZE + END64_SIZE && u32(locator) == 0x07064b50;
    uint64_t at = good ? u64(locator + 8) : 0;
    good = good && at <= end - LOCATOR_SIZE - END64_SIZE && u32(data + at) == 0x06064b50;
    LEATI_CHECK(c, good, LEAT_FORMAT, "%s: the ZIP archive's 64-bit directory record is damaged",
                z->name);
    LEATI_CHECK(c, u32(data + at + 16) == 0 && u32(data + at + 20) == 0, LEAT_UNSUPPORTED,
                "%s: ZIP archives of several volumes are not supported", z->name);
    d->count = u64(data + at + 32);
    d->bytes = u64(data + at + 40);
    d->at = u64(data + at + 48);
    LEATI_CHECK(c, d->at <= at && d->bytes <= at - d->at, LEAT_FORMAT,
                "%s: the ZIP directory lies outside the file", z->name);
    return LEAT_OK;
}

static leat_status read_end(leat_context *c, const leati_zip *z, directory *d)
{
    size_t end = 0;
    LEATI_TRY(find_end(c, z, &end));
    const uint8_t *p = file_bytes(z) + end;
    LEATI_CHECK(c, (u16(p + 4) == 0 || u16(p + 4) == 0xffff) && u16(p + 8) == u16(p + 10),
                LEAT_UNSUPPORTED, "%s: ZIP archives of several volumes are not supported", z->name);
    d->count = u16(p + 10);
    d->bytes = u32(p + 12);
    d->at = u32(p + 16);
    if (d->count == 0xffff || d->bytes == UINT32_MAX || d->at == UINT32_MAX)
        return read_end64(c, z, end, d);
    LEATI_CHECK(c, d->at <= end && d->bytes <= end - d->at, LEAT_FORMAT,
                "%s: the ZIP directory lies outside the file", z->name);
    return LEAT_OK;
}

/* 64-bit values replace those directory fields that hold all ones, in this order. */
static bool apply_zip64(entry *e, const uint8_t *extra, size_t bytes)
{
    uint64_t *fields[3] = {&e->size, &e->stored, &e->local};
    bool wanted = e->size == UINT32_MAX || e->stored == UINT32_MAX || e->local == UINT32_MAX;
    while (wanted && bytes >= 4) {
        size_t id = u16(extra), length = u16(extra + 2), at = 0;
        if (length > bytes - 4) return false;
        for (int i = 0; id == EXTRA_ZIP64 && i < 3; i++) {
            if (*fields[i] != UINT32_MAX) continue;
            if (length - at < 8) return false;
            *fields[i] = u64(extra + 4 + at);
            at += 8;
        }
        if (id == EXTRA_ZIP64) return true;
        extra += 4 + length;
        bytes -= 4 + length;
    }
    return !wanted;
}

static leat_status read_entry(leat_context *c, const leati_zip *z, const uint8_t *p, size_t left,
                              entry *e, size_t *used)
{
    bool good = left >= ENTRY_SIZE && u32(p) == 0x02014b50;
    if (good) *used = (size_t)ENTRY_SIZE + u16(p + 28) + u16(p + 30) + u16(p + 32);
    good = good && *used <= left;
    if (good) {
        *e = (entry){.flags = u16(p + 8),
                     .method = u16(p + 10),
                     .crc = u32(p + 16),
                     .stored = u32(p + 20),
                     .size = u32(p + 24),
                     .name_length = u16(p + 28),
                     .local = u32(p + 42),
                     .name = p + ENTRY_SIZE};
        good = e->name_length && !memchr(e->name, 0, e->name_length) &&
               apply_zip64(e, p + ENTRY_SIZE + e->name_length, u16(p + 30));
    }
    LEATI_CHECK(c, good, LEAT_FORMAT, "%s: entry %zu of the ZIP directory is damaged", z->name,
                z->count + 1);
    LEATI_CHECK(c, !(e->flags & 0x2041), LEAT_UNSUPPORTED, "%s: member '%.*s' is encrypted",
                z->name, (int)e->name_length, (const char *)e->name);
    LEATI_CHECK(c, e->method == 0 || e->method == METHOD_DEFLATE, LEAT_UNSUPPORTED,
                "%s: member '%.*s' is compressed by method %u; stored and deflate are supported",
                z->name, (int)e->name_length, (const char *)e->name, (unsigned)e->method);
    return LEAT_OK;
}

/* Finds the data behind the local header, which must name the same member. */
static leat_status place_member(leat_context *c, leati_zip *z, const entry *e, uint64_t limit,
                                span *s)
{
    leati_zip_member *m = &z->members[z->count];
    bool inside = limit >= LOCAL_SIZE && e->local <= limit - LOCAL_SIZE;
    const uint8_t *local = file_bytes(z) + (inside ? e->local : 0);
    bool good = inside && u32(local) == 0x04034b50 && u16(local + 8) == e->method &&
                u16(local + 26) == e->name_length;
    uint64_t at = e->local + LOCAL_SIZE + e->name_length + (good ? u16(local + 28) : 0);
    good = good && at <= limit && memcmp(local + LOCAL_SIZE, e->name, e->name_length) == 0 &&
           e->stored <= limit - at;
    if (e->method == 0) good = good && e->stored == e->size;
    else good = good && e->size / DEFLATE_RATIO <= e->stored + 1;
    LEATI_CHECK(c, good, LEAT_FORMAT,
                "%s: member '%.*s' lies outside the file or differs from its directory entry",
                z->name, (int)e->name_length, (const char *)e->name);
    *m = (leati_zip_member){.at = at,
                            .stored = e->stored,
                            .size = e->size,
                            .crc = e->crc,
                            .deflated = e->method == METHOD_DEFLATE};
    *s = (span){e->local, at + e->stored};
    return LEAT_OK;
}

static leat_status name_member(leat_context *c, leati_zip *z, const entry *e)
{
    char *name = leati_strndup(c, (const char *)e->name, e->name_length);
    if (!name) return leat_error_status(c);
    size_t index = z->count;
    z->members[z->count++].name = name;
    uint32_t got = leati_map_put(&z->names, name, e->name_length);
    if (got == LEATI_MAP_NONE) return leat_error_status(c);
    LEATI_CHECK(c, got == index, LEAT_FORMAT, "%s: two members are named '%s'", z->name, name);
    return LEAT_OK;
}

static int compare_spans(const void *a, const void *b)
{
    const span *x = a, *y = b;
    return x->from != y->from ? (x->from < y->from ? -1 : 1) : (x->to > y->to) - (x->to < y->to);
}

static leat_status check_overlap(leat_context *c, const leati_zip *z, span *spans)
{
    if (z->count) qsort(spans, z->count, sizeof *spans, compare_spans);
    for (size_t i = 1; i < z->count; i++)
        LEATI_CHECK(c, spans[i].from >= spans[i - 1].to, LEAT_FORMAT,
                    "%s: members of the ZIP archive overlap each other", z->name);
    return LEAT_OK;
}

static leat_status read_members(leat_context *c, leati_zip *z, const directory *d, span *spans,
                                uint64_t max_bytes)
{
    const uint8_t *p = file_bytes(z) + d->at;
    size_t left = (size_t)d->bytes;
    while (z->count < d->count) {
        entry e = {0};
        size_t used = 0;
        LEATI_TRY(read_entry(c, z, p, left, &e, &used));
        LEATI_TRY(place_member(c, z, &e, d->at, &spans[z->count]));
        LEATI_CHECK(c, e.size <= max_bytes - z->unpacked, LEAT_LIMIT,
                    "%s: its members hold more than the allowed %llu bytes", z->name,
                    (unsigned long long)max_bytes);
        z->unpacked += e.size;
        LEATI_TRY(name_member(c, z, &e));
        p += used;
        left -= used;
    }
    return check_overlap(c, z, spans);
}

leat_status leati_zip_open(leat_context *c, leati_zip **out, leati_bytes bytes, const char *name,
                           uint64_t max_bytes)
{
    directory d = {0};
    span *spans = NULL;
    *out = NULL;
    leati_zip *z = leati_calloc(c, 1, sizeof *z);
    if (!z) return leat_error_status(c);
    leat_status st = LEAT_OK;
    leati_map_init(&z->names, c);
    z->bytes = bytes;
    z->name = leati_strdup(c, name);
    if (!z->name) LEATI_GO(leat_error_status(c));
    LEATI_GO(read_end(c, z, &d));
    if (d.count > d.bytes / ENTRY_SIZE)
        LEATI_GO(
            LEATI_FAIL(c, LEAT_FORMAT, "%s: the ZIP directory is too short for its entries", name));
    z->members = LEATI_NEW(c, leati_zip_member, (size_t)d.count);
    spans = LEATI_NEW(c, span, (size_t)d.count);
    if (!z->members || !spans) LEATI_GO(leat_error_status(c));
    LEATI_GO(read_members(c, z, &d, spans, max_bytes ? max_bytes : DEFAULT_MOST));
    *out = z;
    z = NULL;
out:
    leati_free(spans);
    leati_zip_close(z);
    return st;
}

void leati_zip_close(leati_zip *z)
{
    if (!z) return;
    for (size_t i = 0; i < z->count; i++) leati_free((void *)(uintptr_t)z->members[i].name);
    leati_map_fini(&z->names);
    leati_free(z->members);
    leati_free(z->name);
    leati_free(z);
}

size_t leati_zip_count(const leati_zip *z)
{
    return z->count;
}

uint64_t leati_zip_unpacked(const leati_zip *z)
{
    return z->unpacked;
}

const leati_zip_member *leati_zip_at(const leati_zip *z, size_t index)
{
    return index < z->count ? &z->members[index] : NULL;
}

const leati_zip_member *leati_zip_find(const leati_zip *z, const char *name)
{
    uint32_t index = leati_map_get(&z->names, name, strlen(name));
    return index == LEATI_MAP_NONE ? NULL : &z->members[index];
}

/* Raw deflate (RFC 1951) into exactly `m->size` bytes. zlib counts in 32 bits: feed it slices. */
static bool inflate_member(const leati_zip *z, const leati_zip_member *m, char *to)
{
    enum { SLICE = 1 << 30 };
    z_stream s = {0};
    if (inflateInit2(&s, -MAX_WBITS) != Z_OK) return false;
    uint64_t in_left = m->stored, out_left = m->size;
    uint8_t none;
    int rc = Z_OK;
    s.next_in = (Bytef *)(uintptr_t)(z->bytes.data + m->at);
    s.next_out = m->size ? (Bytef *)to : &none;
    while (rc == Z_OK) {
        if (s.avail_in == 0 && in_left) {
            s.avail_in = in_left < SLICE ? (uInt)in_left : SLICE;
            in_left -= s.avail_in;
        }
        if (s.avail_out == 0 && out_left) {
            s.avail_out = out_left < SLICE ? (uInt)out_left : SLICE;
            out_left -= s.avail_out;
        }
        rc = inflate(&s, Z_NO_FLUSH);
    }
    bool whole =
        rc == Z_STREAM_END && s.avail_out == 0 && out_left == 0 && s.avail_in == 0 && in_left == 0;
    inflateEnd(&s);
    return whole;
}

leat_status leati_zip_view(leat_context *c, const leati_zip *z, const leati_zip_member *m,
                           leati_zip_data *out)
{
    *out = (leati_zip_data){.data = z->bytes.data + m->at, .size = (size_t)m->size};
    if (m->deflated) {
        char *data = leati_alloc(c, out->size);
        if (!data) return leat_error_status(c);
        out->data = out->owned = data;
        if (!inflate_member(z, m, data)) {
            leati_zip_data_release(out);
            return LEATI_FAIL(c, LEAT_FORMAT, "%s: the compressed data of member '%s' are damaged",
                              z->name, m->name);
        }
    }
    return LEAT_OK;
}

leat_status leati_zip_check(leat_context *c, const leati_zip *z, const leati_zip_member *m,
                            const leati_zip_data *data)
{
    LEATI_CHECK(c, crc32_z(0, (const Bytef *)data->data, data->size) == m->crc, LEAT_FORMAT,
                "%s: member '%s' is damaged (its checksum differs); fetch or make the file again",
                z->name, m->name);
    return LEAT_OK;
}

leat_status leati_zip_read(leat_context *c, const leati_zip *z, const leati_zip_member *m,
                           leati_zip_data *out)
{
    LEATI_TRY(leati_zip_view(c, z, m, out));
    leat_status st = leati_zip_check(c, z, m, out);
    if (st != LEAT_OK) leati_zip_data_release(out);
    return st;
}

void leati_zip_data_release(leati_zip_data *d)
{
    leati_free(d->owned);
    *d = (leati_zip_data){0};
}
