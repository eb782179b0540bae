/* Content-Encoding both ways: gzip and zstd; deflate (zlib's form) on the way in only. Decoding
 * stops at the most a body may have and at what only a bomb expands to. */
#ifndef LEATI_SERVE_HTTP_CODING_H
#define LEATI_SERVE_HTTP_CODING_H

#include "serve/http_buffer.h"
#include "serve/http_head.h"

typedef enum leati_http_coding {
    LEATI_HTTP_IDENTITY,
    LEATI_HTTP_GZIP,
    LEATI_HTTP_ZSTD,
    LEATI_HTTP_DEFLATE,
    LEATI_HTTP_CODINGS,
    LEATI_HTTP_UNKNOWN = LEATI_HTTP_CODINGS /* or not in this build */
} leati_http_coding;

/* A body may always expand to LEATI_HTTP_BOMB_FREE bytes, further only to 20 times what came. */
enum { LEATI_HTTP_BOMB_FREE = 1 << 20, LEATI_HTTP_BOMB_RATIO = 20 };

/* Of the value of Content-Encoding; none is identity, two are unknown. */
leati_http_coding leati_http_coding_of(leati_http_text name);
/* For a reply, by Accept-Encoding (RFC 9110, section 12.5.3): zstd before gzip before none. */
leati_http_coding leati_http_coding_choose(leati_http_text accept);
/* What this build decodes: "gzip, zstd, deflate". */
const char *leati_http_codings(void);

typedef struct leati_http_decoder leati_http_decoder;
/* NULL without memory. For one body after another: begin anew for each. */
leati_http_decoder *leati_http_decoder_create(const leat_context *c, leati_http_coding coding);
void leati_http_decoder_destroy(leati_http_decoder *d); /* NULL is fine */
leati_http_coding leati_http_decoder_coding(const leati_http_decoder *d);
void leati_http_decoder_begin(leati_http_decoder *d);
/* Adds to `out` what comes of the next bytes; `out` never holds more than `most` + 1. Faults: 400
 * damaged, 413 too long or a bomb, 503 no memory. */
const leati_http_fault *leati_http_decoder_feed(leati_http_decoder *d, const leat_context *c,
                                                leati_http_buffer *out, const void *data,
                                                size_t length, size_t most);
/* 400 where the content was cut off. */
const leati_http_fault *leati_http_decoder_end(leati_http_decoder *d);

typedef struct leati_http_encoder leati_http_encoder;
leati_http_encoder *leati_http_encoder_create(const leat_context *c, leati_http_coding coding);
void leati_http_encoder_destroy(leati_http_encoder *e); /* NULL is fine */
/* Into the empty `out`. False where it does not get smaller, or without memory. */
bool leati_http_encoder_run(leati_http_encoder *e, const leat_context *c, leati_http_buffer *out,
                            const void *data, size_t length);

#endif
