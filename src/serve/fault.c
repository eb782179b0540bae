/* Owns: recording what is wrong with a request. Not: how it is written (reply.c). */
#include "serve/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool leati_fault_set(leati_fault *f, int http, const char *code, const char *format, ...)
{
    if (f->http) return false;
    f->http = http;
    f->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(f->message, sizeof f->message, format, args);
    va_end(args);
    return false;
}

/* Hints follow a message on lines of their own. Those that name an option of the command are for who
 * reads files with it, not for who asks a server. */
static void drop_options(char *text)
{
    char *line = strchr(text, '\n');
    while (line) {
        char *end = line + 1 + strcspn(line + 1, "\n");
        char *option = strstr(line, " --");
        if (option && option < end) {
            memmove(line, end, strlen(end) + 1);
            line = *line ? line : NULL;
        } else {
            line = *end ? end : NULL;
        }
    }
}

bool leati_fault_from(leati_fault *f, leat_context *c)
{
    leat_status st = leat_error_status(c);
    const char *message = leat_error_message(c);
    switch (st) {
    case LEAT_OK:
    case LEAT_INTERNAL: leati_fault_set(f, 500, "internal", "a fault of the server"); break;
    case LEAT_NOMEM:
    case LEAT_LIMIT: leati_fault_set(f, 503, "out_of_memory", "too little memory now"); break;
    case LEAT_IO: leati_fault_set(f, 500, "storage", "%s", message); break;
    case LEAT_NETWORK: leati_fault_set(f, 502, "upstream", "%s", message); break;
    case LEAT_UNSUPPORTED: leati_fault_set(f, 501, "unsupported", "%s", message); break;
    default: leati_fault_set(f, 422, "invalid_input", "%s", message);
    }
    drop_options(f->message);
    leat_error_clear(c);
    return false;
}
