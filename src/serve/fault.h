/* What is wrong with a request, on its way to the one shape of error answers:
 * {"error": message, "code": code, "request_id": id}. */
#ifndef LEATI_SERVE_FAULT_H
#define LEATI_SERVE_FAULT_H

#include <leat/context.h>

#include <stdbool.h>
#include <stddef.h>

typedef struct leati_fault {
    int http;         /* 0: there is none */
    const char *code; /* a short word, static */
    char message[640];
} leati_fault;

/* In place of a status, never sent: the request cannot share a run with those before it. */
enum { LEATI_SPLIT = 1 };

/* Records the first fault; returns false, so that a parser can end with it. Texts out of a request
 * go through LEATI_CLIP, which bounds them. */
bool leati_fault_set(leati_fault *f, int http, const char *code, const char *format, ...)
    LEAT_PRINTF(4, 5);

enum { LEATI_CLIP_MOST = 60 };
/* For "%.*s". */
#define LEATI_CLIP(text, length)                                                                   \
    (int)((length) > LEATI_CLIP_MOST ? LEATI_CLIP_MOST : (length)), (text)

/* The error that stands in a context, as a fault; clears it there. */
bool leati_fault_from(leati_fault *f, leat_context *c);

#endif
