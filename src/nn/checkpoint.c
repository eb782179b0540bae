/* Owns: the format of checkpoints. Not: what is in them (trainer.c). */
#include "nn/checkpoint.h"

#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "graph/graph.h"

#define MAGIC "LEATCKP2"
enum { PIECE = 1 << 16, HEAD = 24, ROW = LEATI_CHECKPOINT_NAME + 8 };

/* What is written gathers in `room`, and is hashed and given on when that is full. */
typedef struct sink {
    leati_writer *to;
    char *room; /* (PIECE) */
    size_t used;
    uint64_t hash;
} sink;

static void flush(sink *s)
{
    if (!s->used) return;
    s->hash = leati_hash64(s->room, s->used, s->hash);
    leati_writer_write(s->to, s->room, s->used);
    s->used = 0;
}

/* The next bytes from `data`, or else from offset `at` of a variable. */
static leat_status put(sink *s, const void *data, leat_variable *v, size_t bytes)
{
    for (size_t at = 0, n; at < bytes; at += n) {
        n = bytes - at < PIECE - s->used ? bytes - at : PIECE - s->used;
        if (v) LEATI_TRY(leati_variable_read(v, at, s->room + s->used, n));
        else memcpy(s->room + s->used, (const char *)data + at, n);
        s->used += n;
        if (s->used == PIECE) flush(s);
    }
    return LEAT_OK;
}

static leat_status put_u64(sink *s, uint64_t value)
{
    return put(s, &value, NULL, sizeof value);
}

static leat_status put_all(leat_context *c, sink *s, const leati_checkpoint *from)
{
    static const char zeros[8];
    LEATI_TRY(put(s, MAGIC, NULL, 8));
    LEATI_TRY(put_u64(s, from->fingerprint));
    LEATI_TRY(put_u64(s, from->count));
    for (size_t i = 0; i < from->count; i++) {
        char name[LEATI_CHECKPOINT_NAME] = {0};
        LEATI_BUG_IF(c, strlen(from->part[i].name) >= sizeof name);
        memcpy(name, from->part[i].name, strlen(from->part[i].name));
        LEATI_TRY(put(s, name, NULL, sizeof name));
        LEATI_TRY(put_u64(s, from->part[i].bytes));
    }
    for (size_t i = 0; i < from->count; i++) {
        const leati_checkpoint_part *p = &from->part[i];
        LEATI_TRY(put(s, p->data, p->variable, p->bytes));
        LEATI_TRY(put(s, zeros, NULL, (8 - p->bytes % 8) % 8));
    }
    flush(s);
    leati_writer_write(s->to, &s->hash, sizeof s->hash);
    return LEAT_OK;
}

leat_status leati_checkpoint_write(leat_context *c, const char *path, const leati_checkpoint *from)
{
    sink s = {.room = leati_alloc(c, PIECE)};
    leat_status st = s.room ? leati_writer_open(c, &s.to, path) : LEAT_NOMEM;
    if (st == LEAT_OK) {
        st = put_all(c, &s, from);
        if (st == LEAT_OK) st = leati_writer_commit(s.to);
        else leati_writer_abort(s.to);
    }
    leati_free(s.room);
    return st;
}

uint64_t leati_checkpoint_hash(const void *data, size_t bytes)
{
    uint64_t hash = 0;
    for (size_t at = 0; at < bytes; at += PIECE)
        hash = leati_hash64((const char *)data + at, bytes - at < PIECE ? bytes - at : PIECE, hash);
    return hash;
}

static uint64_t u64_at(const char *data)
{
    uint64_t value;
    memcpy(&value, data, sizeof value);
    return value;
}

bool leati_checkpoint_is(const void *data, size_t size)
{
    return size >= 8 && memcmp(data, MAGIC, 8) == 0;
}

leat_status leati_checkpoint_parse(leat_context *c, const char *path, const void *bytes,
                                   size_t size, leati_checkpoint *out)
{
    const char *data = bytes;
    memset(out, 0, sizeof *out);
    LEATI_CHECK(c, size >= HEAD + 8 && memcmp(data, MAGIC, 8) == 0, LEAT_FORMAT,
                "%s is not a checkpoint", path);
    LEATI_CHECK(c, u64_at(data + size - 8) == leati_checkpoint_hash(data, size - 8), LEAT_FORMAT,
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
        out->part[out->count++] = (leati_checkpoint_part){row, data + at, (size_t)part, NULL};
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
