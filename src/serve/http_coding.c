/* Owns: the streams of zlib and zstd, the choice by Accept-Encoding, the limits of expansion. */
#include "serve/http_coding.h"

#include <limits.h>
#include <zlib.h>
#if LEAT_HAVE_ZSTD
#include <zstd.h>
#endif

#include "serve/http_chars.h"

static const leati_http_fault damaged = {400, "bad_encoding",
                                         "The encoded body of the request is damaged."};
static const leati_http_fault cut_off = {400, "bad_encoding",
                                         "The encoded body of the request ends early."};
static const leati_http_fault behind = {400, "bad_encoding",
                                        "Bytes follow the end of the encoded body."};
static const leati_http_fault too_large = {413, "too_large",
                                           "The decoded body is longer than this route takes."};
static const leati_http_fault bomb = {
    413, "bomb", "The encoded body expands to more than 20 times what was sent."};
static const leati_http_fault no_memory = {503, "no_memory", "There is no memory for the body."};

enum {
    STEP = 32 << 10,
    GZIP_LEVEL = 1,
    ZSTD_LEVEL = 1,
    ZSTD_WINDOW_LOG_MOST = 23,
    ZSTD_HEAD_MOST = 18 /* RFC 8878, section 3.1.1.1 */
};

leati_http_coding leati_http_coding_of(leati_http_text name)
{
    if (name.length == 0 || leati_http_text_is(name, "identity")) return LEATI_HTTP_IDENTITY;
    if (leati_http_text_is(name, "gzip") || leati_http_text_is(name, "x-gzip"))
        return LEATI_HTTP_GZIP;
    if (leati_http_text_is(name, "deflate")) return LEATI_HTTP_DEFLATE;
#if LEAT_HAVE_ZSTD
    if (leati_http_text_is(name, "zstd")) return LEATI_HTTP_ZSTD;
#endif
    return LEATI_HTTP_UNKNOWN;
}

const char *leati_http_codings(void)
{
    return LEAT_HAVE_ZSTD ? "gzip, zstd, deflate" : "gzip, deflate";
}

/* Thousandths of "q=0.5" (RFC 9110, section 12.4.2); without one 1000. */
static unsigned weight_of(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == ';')) at++;
    if (end - at < 3 || leati_http_lower(at[0]) != 'q' || at[1] != '=' || at[2] != '0') return 1000;
    unsigned weight = 0, unit = 100;
    at += 3;
    if (at < end && *at == '.') at++;
    for (; at < end && unit && *at >= '0' && *at <= '9'; at++, unit /= 10)
        weight += unit * (unsigned)(*at - '0');
    return weight;
}

/* Of equal weights zstd, then gzip; identity only where it is named with more than these. */
leati_http_coding leati_http_coding_choose(leati_http_text accept)
{
    const char *at = accept.data, *end = at + accept.length;
    unsigned gzip = 0, zstd = 0, identity = 0;
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        while (at < stop && (*at == ' ' || *at == '\t')) at++;
        const char *word = at;
        while (at < stop && leati_http_is(*at, LEATI_HTTP_TOKEN)) at++;
        leati_http_text name = {word, (size_t)(at - word)};
        unsigned weight = weight_of(at, stop);
        if (weight > gzip && leati_http_text_is(name, "gzip")) gzip = weight;
        if (weight > zstd && leati_http_text_is(name, "zstd")) zstd = weight;
        if (weight > identity && leati_http_text_is(name, "identity")) identity = weight;
        at = stop + 1;
    }
    if (!LEAT_HAVE_ZSTD) zstd = 0;
    if (zstd && zstd >= gzip && zstd >= identity) return LEATI_HTTP_ZSTD;
    return gzip && gzip >= identity ? LEATI_HTTP_GZIP : LEATI_HTTP_IDENTITY;
}

struct leati_http_decoder {
    leati_http_coding coding;
    bool end;      /* the stream is complete */
    uint64_t came; /* encoded bytes */
    uint64_t made; /* decoded ones */
    z_stream z;
#if LEAT_HAVE_ZSTD
    ZSTD_DStream *zstd;
    bool begun;                /* the frame has been */
    char head[ZSTD_HEAD_MOST]; /* the first bytes */
#endif
};

leati_http_decoder *leati_http_decoder_create(const leat_context *c, leati_http_coding coding)
{
    leati_http_decoder *d = leati_alloc_quiet(c, sizeof *d);
    if (!d) return NULL;
    memset(d, 0, sizeof *d);
    d->coding = coding;
    bool ok;
#if LEAT_HAVE_ZSTD
    if (coding == LEATI_HTTP_ZSTD) {
        d->zstd = ZSTD_createDStream();
        ok = d->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax,
                                                             ZSTD_WINDOW_LOG_MOST));
    } else
#endif
        ok = inflateInit2(&d->z, coding == LEATI_HTTP_GZIP ? 15 + 16 : 15) == Z_OK;
    if (ok) return d;
    leati_http_decoder_destroy(d);
    return NULL;
}

void leati_http_decoder_destroy(leati_http_decoder *d)
{
    if (!d) return;
#if LEAT_HAVE_ZSTD
    ZSTD_freeDStream(d->zstd);
#endif
    if (d->coding != LEATI_HTTP_ZSTD) inflateEnd(&d->z);
    leati_free(d);
}

leati_http_coding leati_http_decoder_coding(const leati_http_decoder *d)
{
    return d->coding;
}

void leati_http_decoder_begin(leati_http_decoder *d)
{
    d->end = false;
    d->came = d->made = 0;
#if LEAT_HAVE_ZSTD
    if (d->zstd) {
        ZSTD_DCtx_reset(d->zstd, ZSTD_reset_session_only);
        d->begun = false;
        return;
    }
#endif
    inflateReset(&d->z);
}

/* One step: takes from *data and adds at most `room` bytes at `to`. Returns those, or SIZE_MAX. */
static size_t inflate_step(leati_http_decoder *d, char *to, size_t room, const char **data,
                           size_t *left)
{
#if LEAT_HAVE_ZSTD
    if (d->zstd) {
        /* The first byte comes alone: given a frame in one piece the library takes another way
         * through it, which is less strict about empty blocks. */
        ZSTD_inBuffer in = {*data, d->begun ? *left : *left > 0, 0};
        d->begun = true;
        ZSTD_outBuffer out = {to, room, 0};
        size_t code = ZSTD_decompressStream(d->zstd, &out, &in);
        *data += in.pos;
        *left -= in.pos;
        if (ZSTD_isError(code)) return SIZE_MAX;
        d->end = code == 0;
        return out.pos;
    }
#endif
    size_t here = *left < UINT_MAX ? *left : UINT_MAX;
    d->z.next_in = (Bytef *)(uintptr_t)*data;
    d->z.avail_in = (uInt)here;
    d->z.next_out = (Bytef *)to;
    d->z.avail_out = (uInt)room;
    int code = inflate(&d->z, Z_NO_FLUSH);
    *data += here - d->z.avail_in;
    *left -= here - d->z.avail_in;
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return SIZE_MAX;
    d->end = code == Z_STREAM_END;
    return room - d->z.avail_out;
}

/* The library also reads frames of its formats before the standard, without a limit on their
 * windows; a body is the one format of RFC 8878. */
static bool known_frame(const leati_http_decoder *d, const char *data, size_t length)
{
    static const char magic[4] = "\x28\xb5\x2f\xfd";
    if (d->coding != LEATI_HTTP_ZSTD) return true;
    for (size_t i = 0; i < length && d->came + i < sizeof magic; i++)
        if (data[i] != magic[d->came + i]) return false;
    return true;
}

static void keep_head(leati_http_decoder *d, const char *data, size_t length)
{
#if LEAT_HAVE_ZSTD
    for (size_t i = 0; i < length && d->came + i < sizeof d->head; i++)
        d->head[d->came + i] = data[i];
#else
    (void)d, (void)data, (void)length;
#endif
}

/* Whether a frame that says how long its content is tells the truth: the library does not see to it
 * where the last block is empty and came in a piece of its own. */
static bool true_length(const leati_http_decoder *d)
{
#if LEAT_HAVE_ZSTD
    if (!d->zstd) return true;
    size_t here = d->came < sizeof d->head ? (size_t)d->came : sizeof d->head;
    unsigned long long said = ZSTD_getFrameContentSize(d->head, here);
    return said == ZSTD_CONTENTSIZE_UNKNOWN || said == d->made;
#else
    (void)d;
    return true;
#endif
}

const leati_http_fault *leati_http_decoder_feed(leati_http_decoder *d, const leat_context *c,
                                                leati_http_buffer *out, const void *bytes,
                                                size_t length, size_t most)
{
    const char *data = bytes;
    if (!known_frame(d, data, length)) return &damaged;
    keep_head(d, data, length);
    d->came += length;
    while (!d->end) {
        size_t before = length, room = most - out->size < STEP ? most - out->size + 1 : STEP;
        if (!leati_http_buffer_room(c, out, room)) return &no_memory;
        size_t made = inflate_step(d, out->data + out->size, room, &data, &length);
        if (made == SIZE_MAX) return &damaged;
        out->size += made;
        d->made += made;
        if (out->size > most) return &too_large;
        if (out->size > LEATI_HTTP_BOMB_FREE && out->size / LEATI_HTTP_BOMB_RATIO > d->came)
            return &bomb;
        if (!made && before == length) break;
    }
    if (d->end && !true_length(d)) return &damaged;
    return length ? d->end ? &behind : &damaged : NULL;
}

const leati_http_fault *leati_http_decoder_end(leati_http_decoder *d)
{
    return d->end ? NULL : &cut_off;
}

struct leati_http_encoder {
    leati_http_coding coding;
    z_stream z;
#if LEAT_HAVE_ZSTD
    ZSTD_CCtx *zstd;
#endif
};

leati_http_encoder *leati_http_encoder_create(const leat_context *c, leati_http_coding coding)
{
    leati_http_encoder *e = leati_alloc_quiet(c, sizeof *e);
    if (!e) return NULL;
    memset(e, 0, sizeof *e);
    e->coding = coding;
    bool ok;
#if LEAT_HAVE_ZSTD
    if (coding == LEATI_HTTP_ZSTD) ok = (e->zstd = ZSTD_createCCtx()) != NULL;
    else
#endif
        ok = deflateInit2(&e->z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    if (ok) return e;
    leati_http_encoder_destroy(e);
    return NULL;
}

void leati_http_encoder_destroy(leati_http_encoder *e)
{
    if (!e) return;
#if LEAT_HAVE_ZSTD
    ZSTD_freeCCtx(e->zstd);
#endif
    if (e->coding != LEATI_HTTP_ZSTD) deflateEnd(&e->z);
    leati_free(e);
}

bool leati_http_encoder_run(leati_http_encoder *e, const leat_context *c, leati_http_buffer *out,
                            const void *data, size_t length)
{
    size_t room = length - length / 8; /* less is not worth the work of undoing it */
    if (length > UINT_MAX || !leati_http_buffer_room(c, out, room)) return false;
#if LEAT_HAVE_ZSTD
    if (e->zstd) {
        size_t made = ZSTD_compressCCtx(e->zstd, out->data, room, data, length, ZSTD_LEVEL);
        if (ZSTD_isError(made)) return false;
        out->size = made;
        return true;
    }
#endif
    deflateReset(&e->z);
    e->z.next_in = (Bytef *)(uintptr_t)data;
    e->z.avail_in = (uInt)length;
    e->z.next_out = (Bytef *)out->data;
    e->z.avail_out = (uInt)room;
    if (deflate(&e->z, Z_FINISH) != Z_STREAM_END) return false;
    out->size = room - e->z.avail_out;
    return true;
}
