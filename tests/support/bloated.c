#include "support/bloated.h"

#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/zip.h"

static void number(leati_str *s, uint64_t value, int bytes)
{
    char text[8];
    for (int i = 0; i < bytes; i++) text[i] = (char)(value >> 8 * i);
    leati_str_addn(s, text, (size_t)bytes);
}

typedef struct packed {
    char *data;
    size_t size, from;
    uint32_t crc;
} packed;

static leat_status pack(leat_context *c, const leati_zip_data *d, size_t blanks, packed *out)
{
    z_stream s = {0};
    size_t size = d->size + blanks, room = size + size / 1000 + 100;
    char *text = leati_alloc(c, size + 1);
    out->data = leati_alloc(c, room);
    if (!text || !out->data) {
        leati_free(text);
        return LEAT_NOMEM;
    }
    memcpy(text, d->data, d->size);
    memset(text + d->size, ' ', blanks);
    out->from = size;
    out->crc = (uint32_t)crc32_z(0, (const Bytef *)text, size);
    deflateInit2(&s, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    s.next_in = (Bytef *)text, s.avail_in = (uInt)size;
    s.next_out = (Bytef *)out->data, s.avail_out = (uInt)room;
    int rc = deflate(&s, Z_FINISH);
    out->size = room - s.avail_out;
    deflateEnd(&s);
    leati_free(text);
    return rc == Z_STREAM_END ? LEAT_OK : LEAT_INTERNAL;
}

/* What local header and directory have in common, from the flags on. */
static void describe(leati_str *s, const packed *p, const char *name)
{
    number(s, 0, 2);
    number(s, 8, 2);
    number(s, 0, 4);
    number(s, p->crc, 4);
    number(s, p->size, 4);
    number(s, p->from, 4);
    number(s, strlen(name), 2);
    number(s, 0, 2);
}

static leat_status add(leat_context *c, const leati_zip *z, const leati_zip_member *m,
                       size_t blanks, leati_str *file, leati_str *directory)
{
    leati_zip_data d;
    packed p = {0};
    uint64_t at = file->length;
    leat_status st = leati_zip_read(c, z, m, &d);
    if (st != LEAT_OK) return st;
    st = pack(c, &d, blanks, &p);
    leati_zip_data_release(&d);
    number(file, 0x04034b50, 4);
    number(file, 20, 2);
    describe(file, &p, m->name);
    leati_str_add(file, m->name);
    if (st == LEAT_OK) leati_str_addn(file, p.data, p.size);
    number(directory, 0x02014b50, 4);
    number(directory, 20, 2);
    number(directory, 20, 2);
    describe(directory, &p, m->name);
    number(directory, 0, 8);
    number(directory, 0, 2);
    number(directory, at, 4);
    leati_str_add(directory, m->name);
    leati_free(p.data);
    return st;
}

static leat_status write_all(leat_context *c, const leati_zip *z, const char *member, size_t blanks,
                             leati_str *file, leati_str *directory)
{
    for (size_t i = 0; i < leati_zip_count(z); i++) {
        const leati_zip_member *m = leati_zip_at(z, i);
        leat_status st = add(c, z, m, strcmp(m->name, member) == 0 ? blanks : 0, file, directory);
        if (st != LEAT_OK) return st;
    }
    size_t at = file->length;
    leati_str_addn(file, leati_str_text(directory), directory->length);
    number(file, 0x06054b50, 4);
    number(file, 0, 4);
    number(file, leati_zip_count(z), 2);
    number(file, leati_zip_count(z), 2);
    number(file, directory->length, 4);
    number(file, at, 4);
    number(file, 0, 2);
    return leati_str_status(file);
}

leat_status leattest_bloated(leat_context *c, leati_bytes archive, const char *member,
                             size_t blanks, leati_bytes *out)
{
    leati_zip *z;
    leati_str file, directory;
    *out = (leati_bytes){0};
    leat_status st = leati_zip_open(c, &z, archive, "archive", 0);
    if (st != LEAT_OK) return st;
    leati_str_init(&file, c);
    leati_str_init(&directory, c);
    st = write_all(c, z, member, blanks, &file, &directory);
    size_t size = file.length;
    if (st == LEAT_OK) *out = (leati_bytes){.data = leati_str_take(&file), .size = size};
    leati_str_fini(&file);
    leati_str_fini(&directory);
    leati_zip_close(z);
    return st;
}
