/* Owns: unpacking gzip (zlib) and zstd into memory; naming known kinds of content. */
#include "io/unpack.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>
#if LEAT_HAVE_ZSTD
#include <zstd.h>
#endif

#include "base/error.h"
#include "base/mem.h"
#include "io/source.h"

typedef struct output {
    leat_context *context;
    char *data;
    size_t size, capacity;
} output;

static bool starts(const void *data, size_t size, const char *magic, size_t length)
{
    return size >= length && memcmp(data, magic, length) == 0;
}

const char *leati_packing(const void *data, size_t size)
{
    if (starts(data, size, "\x1f\x8b\x08", 3)) return "gzip";
    if (starts(data, size, "\x28\xb5\x2f\xfd", 4)) return "zstd";
    return NULL;
}

/* Room for at least one more byte, and always for the padding. */
static leat_status make_room(output *o)
{
    if (o->capacity - o->size > LEATI_SOURCE_PAD) return LEAT_OK;
    return leati_grow(o->context, &o->data, &o->capacity, o->size + LEATI_SOURCE_PAD + 65536, 1);
}

static size_t room(const output *o)
{
    return o->capacity - o->size - LEATI_SOURCE_PAD;
}

static leat_status inflate_member(output *o, z_stream *z, const char *from, size_t left, bool *end)
{
    for (int code = Z_OK; code != Z_STREAM_END;) {
        LEATI_TRY(make_room(o));
        size_t space = room(o) < UINT_MAX ? room(o) : UINT_MAX;
        size_t feed = left < UINT_MAX ? left : UINT_MAX;
        z->next_in = (Bytef *)(uintptr_t)from;
        z->avail_in = (uInt)feed;
        z->next_out = (Bytef *)o->data + o->size;
        z->avail_out = (uInt)space;
        code = inflate(z, Z_NO_FLUSH);
        size_t used = feed - z->avail_in, made = space - z->avail_out;
        from += used;
        left -= used;
        o->size += made;
        if (code == Z_STREAM_END) break;
        LEATI_CHECK(o->context, code == Z_OK || code == Z_BUF_ERROR, LEAT_FORMAT,
                    "the gzip data are damaged after %zu bytes of content: %s", o->size,
                    z->msg ? z->msg : "bad stream");
        LEATI_CHECK(o->context, used || made, LEAT_FORMAT,
                    "the gzip data end early, after %zu bytes of content", o->size);
    }
    z->next_in = (Bytef *)(uintptr_t)from;
    *end = !leati_packing(from, left) || strcmp(leati_packing(from, left), "gzip") != 0;
    return LEAT_OK;
}

static leat_status gunzip(output *o, const char *data, size_t size)
{
    const char *at = data;
    for (bool end = false; !end;) {
        z_stream z = {0};
        LEATI_CHECK(o->context, inflateInit2(&z, 15 + 16) == Z_OK, LEAT_NOMEM,
                    "out of memory: zlib could not start");
        leat_status st = inflate_member(o, &z, at, size - (size_t)(at - data), &end);
        at = (const char *)z.next_in;
        inflateEnd(&z);
        if (st != LEAT_OK) return st;
    }
    return LEAT_OK;
}

#if LEAT_HAVE_ZSTD
/* The library also reads frames of its formats before RFC 8878, whose windows have no limit; here
 * every frame has to be of the standard: one of data, or one to be passed over. */
static bool known_frame(const char *data, size_t size)
{
    return starts(data, size, "\x28\xb5\x2f\xfd", 4) ||
           (size >= 4 && ((unsigned char)data[0] & 0xf0) == 0x50 &&
            starts(data + 1, 3, "\x2a\x4d\x18", 3));
}

static leat_status unzstd(output *o, const char *data, size_t size)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    LEATI_CHECK(o->context, z, LEAT_NOMEM, "out of memory: zstd could not start");
    ZSTD_inBuffer in = {data, size, 0};
    leat_status st = LEAT_OK;
    bool begins = true; /* a frame, at in.pos */
    for (size_t code = 1; st == LEAT_OK && (in.pos < in.size || code);) {
        if (begins && in.pos < size && !known_frame(data + in.pos, size - in.pos))
            st = LEATI_FAIL(o->context, LEAT_FORMAT,
                            "bytes that are no zstd frame after %zu bytes of content", o->size);
        if (st == LEAT_OK) st = make_room(o);
        if (st != LEAT_OK) break;
        ZSTD_outBuffer to = {o->data + o->size, room(o), 0};
        size_t before = in.pos;
        code = ZSTD_decompressStream(z, &to, &in);
        o->size += to.pos;
        begins = code == 0;
        if (ZSTD_isError(code))
            st = LEATI_FAIL(o->context, LEAT_FORMAT,
                            "the zstd data are damaged after %zu bytes of content: %s", o->size,
                            ZSTD_getErrorName(code));
        else if (code && in.pos == before && to.pos == 0)
            st = LEATI_FAIL(o->context, LEAT_FORMAT,
                            "the zstd data end early, after %zu bytes of content", o->size);
    }
    ZSTD_freeDStream(z);
    return st;
}
#else
static leat_status unzstd(output *o, const char *data, size_t size)
{
    (void)data;
    (void)size;
    return LEATI_FAIL(o->context, LEAT_UNSUPPORTED,
                      "this is zstd data, and this build of Leat has no zstd; unpack it first");
}
#endif

leat_status leati_unpack(leat_context *c, char **out, size_t *out_size, const void *data,
                         size_t size)
{
    output o = {.context = c};
    const char *kind = leati_packing(data, size);
    *out = NULL;
    LEATI_CHECK(c, kind, LEAT_FORMAT, "neither gzip nor zstd data");
    leat_status st = make_room(&o);
    if (st == LEAT_OK)
        st = strcmp(kind, "gzip") == 0 ? gunzip(&o, data, size) : unzstd(&o, data, size);
    if (st != LEAT_OK) {
        leati_free(o.data);
        return st;
    }
    memset(o.data + o.size, 0, LEATI_SOURCE_PAD);
    *out = o.data;
    *out_size = o.size;
    return LEAT_OK;
}

const char *leati_content_kind(const void *data, size_t size)
{
    static const struct {
        const char *magic;
        size_t length;
        const char *kind;
    } kinds[] = {
        {"\x89PNG\r\n\x1a\n", 8, "a PNG image"},
        {"\xff\xd8\xff", 3, "a JPEG image"},
        {"GIF8", 4, "a GIF image"},
        {"RIFF", 4, "a RIFF file (WAV, WebP or AVI)"},
        {"%PDF-", 5, "a PDF document"},
        {"PK\x03\x04", 4, "a ZIP archive (perhaps an Excel workbook; save it as CSV)"},
        {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, "an old Office document (save the sheet as CSV)"},
        {"\x7f"
         "ELF",
         4, "an ELF program"},
        {"\x1f\x8b", 2, "gzip data"},
        {"BZh", 3, "bzip2 data (unpack it first)"},
        {"\xfd"
         "7zXZ",
         5, "xz data (unpack it first)"},
        {"7z\xbc\xaf\x27\x1c", 6, "a 7z archive (unpack it first)"},
        {"PAR1", 4, "a Parquet file"},
        {"ARROW1", 6, "an Arrow file"},
        {"\x89HDF\r\n\x1a\n", 8, "an HDF5 file"},
        {"SQLite format 3", 16, "an SQLite database"},
        {"\x93NUMPY", 6, "a NumPy array"},
        {"\x80\x04\x95", 3, "a Python pickle"},
        {"OggS", 4, "an Ogg file"},
        {"fLaC", 4, "a FLAC file"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (starts(data, size, kinds[i].magic, kinds[i].length)) return kinds[i].kind;
    return NULL;
}

bool leati_content_is_image(const void *data, size_t size)
{
    static const char end[] = " image";
    const char *kind = leati_content_kind(data, size);
    size_t n = kind ? strlen(kind) : 0, m = sizeof end - 1;
    return n > m && strcmp(kind + n - m, end) == 0;
}
