/* What a body says it is, and query strings. */
#ifndef LEATI_SERVE_MEDIA_H
#define LEATI_SERVE_MEDIA_H

#include "serve/route.h"

typedef enum leati_media {
    LEATI_MEDIA_NONE, /* no Content-Type */
    LEATI_MEDIA_JSON,
    LEATI_MEDIA_CSV,
    LEATI_MEDIA_FORM,
    LEATI_MEDIA_IMAGE,     /* PNG or JPEG */
    LEATI_MEDIA_TEXT,      /* text/plain */
    LEATI_MEDIA_MULTIPART, /* multipart/form-data */
    LEATI_MEDIA_SOUND,     /* any audio type */
    LEATI_MEDIA_MODEL,     /* a model file, or bytes of no type */
    LEATI_MEDIA_OTHER      /* also texts that are not UTF-8 */
} leati_media;

leati_media leati_media_of(leati_call *call);
/* Of the value of a Content-Type. */
leati_media leati_media_named(const char *type, size_t length);

/* The next pair of a query string or form, escapes undone, in buffers of the caller; false at the
 * end or where the fault says why not. */
enum { LEATI_QUERY_TEXT = 4096 };
typedef struct leati_pair {
    char name[LEATI_QUERY_TEXT], value[LEATI_QUERY_TEXT];
    size_t name_length, value_length;
} leati_pair;
bool leati_query_next(leati_http_text *rest, leati_pair *pair, leati_fault *fault);

#endif
