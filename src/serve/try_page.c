/* Owns: sending the page at "/", with a policy that lets exactly its own script and style run. The
 * page itself is try_page.html, put into the library by cmake/embed.cmake. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "serve/route.h"

extern const unsigned char leati_page_html[];
extern const size_t leati_page_html_size;

enum { HASH_TEXT = 45 }; /* 32 bytes in base 64, and a zero byte */

static const char *find(const char *text, const char *end, const char *wanted)
{
    size_t n = strlen(wanted);
    for (; (size_t)(end - text) >= n; text++)
        if (memcmp(text, wanted, n) == 0) return text;
    return NULL;
}

static void base64(const uint8_t digest[32], char out[HASH_TEXT])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = 0;
    for (size_t i = 0; i < 33; i += 3) { /* 32 bytes: the last group lacks one */
        uint32_t last = i + 2 < 32 ? digest[i + 2] : 0;
        uint32_t group = (uint32_t)digest[i] << 16 | (uint32_t)digest[i + 1] << 8 | last;
        for (int shift = 18; shift >= 0; shift -= 6) out[n++] = digits[group >> shift & 63];
    }
    out[n - 1] = '=';
    out[n] = '\0';
}

/* Of what stands between the only <tag> and its end. */
static void hash_of(const char *open, const char *close, char out[HASH_TEXT])
{
    const char *page = (const char *)leati_page_html, *end = page + leati_page_html_size;
    const char *from = find(page, end, open);
    const char *to = from ? find(from, end, close) : NULL;
    uint8_t digest[32];
    leati_sha256 h;
    *out = '\0';
    if (!to) return;
    from += strlen(open);
    leati_sha256_init(&h);
    leati_sha256_add(&h, from, (size_t)(to - from));
    leati_sha256_end(&h, digest);
    base64(digest, out);
}

int leati_route_page(leati_call *call)
{
    leati_http_exchange *exchange = call->exchange;
    char script[HASH_TEXT], style[HASH_TEXT], policy[400];
    hash_of("<script>", "</script>", script);
    hash_of("<style>", "</style>", style);
    /* Nothing from anywhere else, whatever a model's texts hold. */
    snprintf(policy, sizeof policy,
             "default-src 'none'; script-src 'sha256-%s'; style-src 'sha256-%s'; connect-src "
             "'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; "
             "frame-ancestors 'none'",
             script, style);
    leati_exchange_header(exchange, "Content-Type", "text/html; charset=utf-8");
    leati_exchange_header(exchange, "Content-Security-Policy", policy);
    leati_exchange_header(exchange, "X-Content-Type-Options", "nosniff");
    leati_exchange_header(exchange, "Referrer-Policy", "no-referrer");
    leati_exchange_header(exchange, "Cache-Control", "no-cache");
    leati_exchange_write(exchange, leati_page_html, leati_page_html_size);
    return 200;
}
