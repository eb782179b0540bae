/* A small blocking HTTP client for tests of the server: one connection that is kept. */
#ifndef SERVE_CLIENT_H
#define SERVE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct serve_client {
    int fd;
    char *reply; /* the last one: head and body, ended by a zero byte */
    size_t length, capacity;
    int status;
    const char *body; /* in reply */
    size_t body_length;
    size_t slice; /* bytes of a body that are sent at a time, with a rest between; 0: all */
} serve_client;

/* url: "http://127.0.0.1:PORT". */
bool serve_client_open(serve_client *k, const char *url);
void serve_client_close(serve_client *k);
/* headers: whole lines with their CRLF, or "". False: no whole answer came. */
bool serve_client_ask(serve_client *k, const char *method, const char *path, const char *headers,
                      const void *body, size_t length);
/* The value of a header of the last reply in a static-free buffer; false: it has none. */
bool serve_client_header(const serve_client *k, const char *name, char *out, size_t size);

/* Whether a text holds every one of the words, which are separated by '|'; says what it lacks. */
bool serve_client_holds(const char *text, const char *words);

#endif
