/* Parts of a multipart/form-data body (RFC 7578), one after the other, without a copy.
 *
 * Strict where readers differ: no preamble, nothing behind the last delimiter, lines end with CRLF,
 * one Content-Disposition with one name, no transfer encoding. */
#ifndef LEATI_SERVE_MULTIPART_H
#define LEATI_SERVE_MULTIPART_H

#include "serve/http.h"
#include "serve/media.h"

enum { LEATI_PART_NAME = 256, LEATI_BOUNDARY_MOST = 70 };

typedef struct leati_part {
    char name[LEATI_PART_NAME]; /* escapes undone, UTF-8, ended by a zero byte */
    size_t name_length;
    bool file; /* has a file name, which is not read */
    leati_media media;
    const char *data; /* in the body */
    size_t length;
} leati_part;

typedef struct leati_multipart {
    const char *at, *end;
    char delimiter[LEATI_BOUNDARY_MOST + 4]; /* CR LF - - boundary */
    size_t delimiter_length, parts;
    leati_fault *fault; /* 400 "malformed_multipart" */
} leati_multipart;

/* type: the value of Content-Type. */
bool leati_multipart_begin(leati_multipart *m, leati_http_text type, const void *data, size_t size,
                           leati_fault *fault);
/* False at the end, or where the fault says why not. */
bool leati_multipart_next(leati_multipart *m, leati_part *part);

#endif
