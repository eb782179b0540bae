/* Owns: the format of checkpoints. Not: what is in them (trainer.c). */
#include "nn/checkpoint.h"

#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"

#define MAGIC "LEATCKP1"
enum { HEAD = 24, ROW = LEATI_CHECKPOINT_NAME + 8 };

static void put(leati_str *s, const void *data, size_t bytes)
{
    if (bytes) leati_str_addn(s, data, bytes);
}

static void put_u64(leati_str *s, uint64_t value)
{
    put(s, &value, sizeof value);
}

leat_status leati_checkpoint_write(leat_context *c, const char *path, const leati_checkpoint *from)
{
    static const char zeros[8];
    leati_str s;
    leati_str_init(&s, c);
    put(&s, MAGIC, 8);
    put_u64(&s, from->fingerprint);
    put_u64(&s, from->count);
    for (size_t i = 0; i < from->count; i++) {
        char name[LEATI_CHECKPOINT_NAME] = {0};
        LEATI_BUG_IF(c, strlen(from->part[i].name) >= sizeof name);
        memcpy(name, from->part[i].name, strlen(from->part[i].name));
        put(&s, name, sizeof name);
        put_u64(&s, from->part[i].bytes);
    }
    for (size_t i = 0; i < from->count; i++) {
        put(&s, from->part[i].data, from->part[i].bytes);
        put(&s, zeros, (8 - from->part[i].bytes % 8) % 8);
    }
    put_u64(&s, leati_hash64(leati_str_text(&s), s.length, 0));
    leat_status st = leat_error_status(c);
    if (st == LEAT_OK) st = leati_file_write(c, path, leati_str_text(&s), s.length);
    leati_str_fini(&s);
    return st;
}

static uint64_t u64_at(const char *data)
{
    uint64_t value;
    memcpy(&value, data, sizeof value);
    return value;
}

leat_status leati_checkpoint_parse(leat_context *c, const char *path, const void *bytes,
                                   size_t size, leati_checkpoint *out)
{
    const char *data = bytes;
    memset(out, 0, sizeof *out);
    LEATI_CHECK(c, size >= HEAD + 8 && memcmp(data, MAGIC, 8) == 0, LEAT_FORMAT,
                "%s is not a checkpoint", path);
    LEATI_CHECK(c, u64_at(data + size - 8) == leati_hash64(data, size - 8, 0), LEAT_FORMAT,
                "%s: the checkpoint is damaged", path);
    uint64_t count = u64_at(data + 16);
    LEATI_CHECK(c, count <= LEATI_CHECKPOINT_PARTS && count * ROW <= size - HEAD - 8, LEAT_FORMAT,
                "%s: the checkpoint says it has %llu parts", path, (unsigned long long)count);
    size_t at = HEAD + (size_t)count * ROW;
    out->fingerprint = u64_at(data + 8);
    for (size_t i = 0; i < count; i++) {
        const char *row = data + HEAD + i * ROW;
        uint64_t part = u64_at(row + LEATI_CHECKPOINT_NAME);
        LEATI_CHECK(c, memchr(row, 0, LEATI_CHECKPOINT_NAME) && part <= size - 8 - at, LEAT_FORMAT,
                    "%s: part %zu of the checkpoint does not fit", path, i + 1);
        out->part[out->count++] = (leati_checkpoint_part){row, data + at, (size_t)part};
        at += (size_t)(part + (8 - part % 8) % 8);
        LEATI_CHECK(c, at <= size - 8, LEAT_FORMAT, "%s: part %zu of the checkpoint does not fit",
                    path, i + 1);
    }
    return LEAT_OK;
}

leat_status leati_checkpoint_read(leat_context *c, const char *path, leati_checkpoint *out)
{
    leati_bytes file;
    memset(out, 0, sizeof *out);
    LEATI_TRY(leati_file_read(c, &file, path));
    leat_status st = leati_checkpoint_parse(c, path, file.data, file.size, out);
    if (st == LEAT_OK) out->file = file;
    else leati_bytes_release(&file);
    return st;
}

void leati_checkpoint_release(leati_checkpoint *k)
{
    leati_bytes_release(&k->file);
    memset(k, 0, sizeof *k);
}

const void *leati_checkpoint_find(leat_context *c, const leati_checkpoint *k, const char *name,
                                  size_t bytes)
{
    size_t i = 0;
    while (i < k->count && strcmp(k->part[i].name, name) != 0) i++;
    if (i < k->count && k->part[i].bytes == bytes) return k->part[i].data;
    if (i == k->count) (void)LEATI_FAIL(c, LEAT_FORMAT, "the checkpoint has no '%s'", name);
    else
        (void)LEATI_FAIL(c, LEAT_FORMAT, "the checkpoint's '%s' has %zu bytes, expected %zu", name,
                         k->part[i].bytes, bytes);
    return NULL;
}
