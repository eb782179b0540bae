/* Any bytes as an encoded body: the same content (or fault) however it is cut, never more than may
 * be, and what our encoder makes comes back. The first byte picks coding, limit and cuts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "serve/http_coding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const leati_http_fault *decode(const leat_context *c, leati_http_coding coding,
                                      const uint8_t *data, size_t size, size_t cut, size_t most,
                                      leati_http_buffer *out)
{
    leati_http_decoder *d = leati_http_decoder_create(c, coding);
    const leati_http_fault *f = NULL;
    if (!d) abort();
    for (int round = 0; round < 2; round++) { /* twice: a used one is as good as a new one */
        leati_http_decoder_begin(d);
        out->size = 0;
        f = NULL;
        for (size_t at = 0; at < size && !f; at += cut) {
            size_t here = size - at < cut ? size - at : cut;
            f = leati_http_decoder_feed(d, c, out, data + at, here, most);
            if (out->size > most + 1) abort();
        }
        if (!f) f = leati_http_decoder_end(d);
    }
    leati_http_decoder_destroy(d);
    return f;
}

static void round_trip(const leat_context *c, leati_http_coding coding, const uint8_t *data,
                       size_t size)
{
    leati_http_encoder *e = leati_http_encoder_create(c, coding);
    leati_http_buffer packed = {0}, back = {0};
    if (!e) abort();
    if (leati_http_encoder_run(e, c, &packed, data, size)) {
        if (packed.size > size) abort();
        const leati_http_fault *f =
            decode(c, coding, (const uint8_t *)packed.data, packed.size, packed.size, size, &back);
        if (f || back.size != size || memcmp(back.data, data, size) != 0) abort();
    }
    leati_http_encoder_destroy(e);
    leati_http_buffer_free(&packed);
    leati_http_buffer_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const leati_http_coding codings[] = {LEATI_HTTP_GZIP, LEATI_HTTP_DEFLATE,
                                                LEAT_HAVE_ZSTD ? LEATI_HTTP_ZSTD : LEATI_HTTP_GZIP};
    static const size_t limits[] = {64, 4096, 1 << 20, (size_t)8 << 20};
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leati_http_buffer whole = {0}, cut = {0};
    if (size < 2) return 0;
    o.threads = 1;
    if (leat_context_create(&c, &o) != LEAT_OK) abort();
    uint8_t pick = *data++;
    size--;
    leati_http_coding coding = codings[pick % 3];
    size_t most = limits[pick / 3 % 4];
    const leati_http_fault *a = decode(c, coding, data, size, size, most, &whole);
    const leati_http_fault *b = decode(c, coding, data, size, 1 + pick / 12u, most, &cut);
    if (!a != !b || (!a && (whole.size != cut.size || memcmp(whole.data, cut.data, cut.size) != 0)))
        abort();
    if (coding != LEATI_HTTP_DEFLATE) round_trip(c, coding, data, size);
    leati_http_text text = {(const char *)data, size};
    (void)leati_http_coding_choose(text);
    (void)leati_http_coding_of(text);
    leati_http_buffer_free(&whole);
    leati_http_buffer_free(&cut);
    leat_context_destroy(c);
    return 0;
}
