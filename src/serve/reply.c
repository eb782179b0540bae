/* Owns: text, JSON texts and numbers of answers. Not: headers beyond Content-Type, nor sending. */
#include "serve/reply.h"

#include <math.h>

#include "base/num.h"
#include "io/encoding.h"

enum { PIECE = 2048 };

void leati_reply_init(leati_reply *r, leati_http_exchange *exchange)
{
    *r = (leati_reply){.exchange = exchange};
}

void leati_reply_fixed(leati_reply *r, char *data, size_t size)
{
    *r = (leati_reply){.from = data, .at = data, .end = data + size};
}

void leati_reply_end(leati_reply *r)
{
    size_t n = (size_t)(r->at - r->from);
    if (n) leati_exchange_wrote(r->exchange, n);
    r->handed += n;
    r->from = r->at = r->end = NULL;
}

bool leati_reply_more(leati_reply *r, size_t size)
{
    if (!r->exchange) return false;
    leati_reply_end(r);
    if (size < PIECE) size = PIECE;
    r->from = r->at = leati_exchange_room(r->exchange, size);
    r->end = r->from ? r->from + size : NULL;
    return r->from != NULL;
}

void leati_reply_raw(leati_reply *r, const char *text, size_t length)
{
    if (!leati_reply_room(r, length)) return;
    memcpy(r->at, text, length);
    r->at += length;
}

void leati_reply_amend(leati_reply *r, size_t at, const char *text, size_t length)
{
    if (at < r->handed) leati_exchange_amend(r->exchange, at, text, length);
    else if (at - r->handed <= (size_t)(r->at - r->from) &&
             length <= (size_t)(r->at - r->from) - (at - r->handed))
        memcpy(r->from + (at - r->handed), text, length);
}

static bool plain(unsigned char ch)
{
    return ch >= 0x20 && ch < 0x80 && ch != '"' && ch != '\\';
}

/* The bytes of the well-formed character at s, or 0. */
static size_t character(const unsigned char *s, size_t left)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    return n <= left && leati_utf8_valid((const char *)s, n) ? n : 0;
}

static char *escape(char *to, unsigned char ch)
{
    static const char codes[] = "\"\"\\\\\bb\ff\nn\rr\tt", hex[] = "0123456789abcdef";
    const char *found = ch ? strchr(codes, ch) : NULL;
    *to++ = '\\';
    if (found && (found - codes) % 2 == 0) {
        *to++ = found[1];
        return to;
    }
    memcpy(to, "u00", 3);
    to[3] = hex[ch >> 4];
    to[4] = hex[ch & 15];
    return to + 5;
}

void leati_reply_text(leati_reply *r, const char *text, size_t length)
{
    const unsigned char *s = (const unsigned char *)text;
    if (length > (SIZE_MAX - 2) / 6 || !leati_reply_room(r, 6 * length + 2)) return;
    char *to = r->at;
    *to++ = '"';
    for (size_t i = 0; i < length;) {
        size_t n;
        if (plain(s[i])) {
            *to++ = (char)s[i++];
        } else if (s[i] < 0x80) {
            to = escape(to, s[i++]);
        } else if ((n = character(s + i, length - i)) > 0) {
            memcpy(to, s + i, n);
            to += n, i += n;
        } else {
            memcpy(to, "\xef\xbf\xbd", 3);
            to += 3, i++;
        }
    }
    *to++ = '"';
    r->at = to;
}

void leati_reply_number(leati_reply *r, double value)
{
    if (!isfinite(value)) {
        LEATI_REPLY(r, "null");
        return;
    }
    if (leati_reply_room(r, LEATI_NUM_SIZE)) r->at += leati_num_format(value, r->at);
}

void leati_reply_unsigned(leati_reply *r, uint64_t value)
{
    char back[20];
    size_t n = 0;
    do back[n++] = (char)('0' + value % 10);
    while (value /= 10);
    if (!leati_reply_room(r, n)) return;
    while (n) *r->at++ = back[--n];
}

void leati_reply_whole(leati_reply *r, int64_t value)
{
    if (value < 0) LEATI_REPLY(r, "-");
    leati_reply_unsigned(r, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void leati_reply_fault(leati_http_exchange *exchange, const char *code, const char *message)
{
    leati_reply r;
    leati_reply_init(&r, exchange);
    leati_exchange_header(exchange, "Content-Type", "application/json");
    LEATI_REPLY(&r, "{\"error\":");
    leati_reply_string(&r, message);
    LEATI_REPLY(&r, ",\"code\":");
    leati_reply_string(&r, code);
    LEATI_REPLY(&r, ",\"request_id\":");
    const char *id = leati_exchange_request(exchange)->id;
    leati_reply_string(&r, id ? id : "");
    LEATI_REPLY(&r, "}\n");
    leati_reply_end(&r);
}
