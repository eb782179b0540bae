/* Which bytes HTTP allows where (RFC 9110, RFC 3986). */
#ifndef LEATI_SERVE_HTTP_CHARS_H
#define LEATI_SERVE_HTTP_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LEATI_HTTP_TOKEN = 1,  /* methods, names of headers (RFC 9110, section 5.6.2) */
    LEATI_HTTP_VALUE = 2,  /* values of headers: no control byte but the tab (section 5.5) */
    LEATI_HTTP_PATH = 4,   /* of a target: pchar, '%' and '/' (RFC 3986, section 3.3) */
    LEATI_HTTP_QUERY = 8,  /* as clients send it: anything printable but '#' and '\' */
    LEATI_HTTP_HOST = 16,  /* registered names (RFC 3986, section 3.2.2) */
    LEATI_HTTP_ID = 32,    /* ids of requests that are passed on */
    LEATI_HTTP_XDIGIT = 64 /* hexadecimal digits */
};

extern const uint8_t leati_http_chars[256];

static inline bool leati_http_is(char ch, unsigned what)
{
    return (leati_http_chars[(unsigned char)ch] & what) != 0;
}

/* All `length` bytes are of a class of `what`. */
static inline bool leati_http_all(const char *text, size_t length, unsigned what)
{
    for (size_t i = 0; i < length; i++)
        if (!leati_http_is(text[i], what)) return false;
    return true;
}

static inline char leati_http_lower(char ch)
{
    return ch >= 'A' && ch <= 'Z' ? (char)(ch | 0x20) : ch;
}

/* Value of a hexadecimal digit. */
static inline unsigned leati_http_hex(char ch)
{
    return ch <= '9' ? (unsigned)(ch - '0') : (unsigned)(leati_http_lower(ch) - 'a') + 10;
}

#endif
