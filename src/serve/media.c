/* Owns: media types of bodies (RFC 9110, section 8.3) and pairs of query strings. */
#include "serve/media.h"

#include <string.h>
#include <strings.h>

static bool equals(const char *text, size_t length, const char *wanted)
{
    return length == strlen(wanted) && strncasecmp(text, wanted, length) == 0;
}

/* "; charset=utf-8" and the like: false where it names another one. */
static bool is_utf8(const char *p, const char *end)
{
    for (; p < end; p++) {
        if (end - p < 8 || strncasecmp(p, "charset=", 8) != 0) continue;
        p += 8;
        p += p < end && *p == '"';
        const char *from = p;
        while (p < end && *p != ';' && *p != ' ' && *p != '"') p++;
        size_t n = (size_t)(p - from);
        return equals(from, n, "utf-8") || equals(from, n, "utf8") || equals(from, n, "us-ascii");
    }
    return true;
}

leati_media leati_media_named(const char *type, size_t length)
{
    static const struct {
        const char *name;
        leati_media media;
    } known[] = {{"application/json", LEATI_MEDIA_JSON},
                 {"text/csv", LEATI_MEDIA_CSV},
                 {"application/x-www-form-urlencoded", LEATI_MEDIA_FORM},
                 {"image/png", LEATI_MEDIA_IMAGE},
                 {"image/jpeg", LEATI_MEDIA_IMAGE},
                 {"text/plain", LEATI_MEDIA_TEXT},
                 {"multipart/form-data", LEATI_MEDIA_MULTIPART},
                 {"application/octet-stream", LEATI_MEDIA_MODEL},
                 {"application/vnd.leat", LEATI_MEDIA_MODEL}};
    const char *mark = memchr(type, ';', length);
    size_t n = mark ? (size_t)(mark - type) : length;
    while (n && type[n - 1] == ' ') n--;
    if (n > 6 && strncasecmp(type, "audio/", 6) == 0) return LEATI_MEDIA_SOUND;
    if (mark && !is_utf8(mark, type + length)) return LEATI_MEDIA_OTHER;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (equals(type, n, known[i].name)) return known[i].media;
    return LEATI_MEDIA_OTHER;
}

leati_media leati_media_of(leati_call *call)
{
    leati_http_text type = leati_exchange_header_in(call->exchange, "content-type");
    return type.data ? leati_media_named(type.data, type.length) : LEATI_MEDIA_NONE;
}

static int hex(char ch)
{
    if (ch >= '0' && ch <= '9') return ch - '0';
    ch |= 0x20;
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

static bool unescape(const char *p, const char *end, char *to, size_t *length, leati_fault *fault)
{
    size_t n = 0;
    for (; p < end; p++) {
        if (n + 1 >= LEATI_QUERY_TEXT)
            return leati_fault_set(fault, 400, "invalid_query",
                                   "a name or value of the query is too long");
        if (*p != '%') {
            to[n++] = *p == '+' ? ' ' : *p;
            continue;
        }
        int high = end - p > 2 ? hex(p[1]) : -1, low = high >= 0 ? hex(p[2]) : -1;
        if (low < 0 || high + low == 0)
            return leati_fault_set(fault, 400, "invalid_query",
                                   "'%%' in the query is not followed by the code of a character");
        to[n++] = (char)(high * 16 + low);
        p += 2;
    }
    to[n] = '\0';
    *length = n;
    return true;
}

bool leati_query_next(leati_http_text *rest, leati_pair *pair, leati_fault *fault)
{
    const char *p = rest->data, *end = p + rest->length;
    while (p < end && *p == '&') p++;
    if (p == end) return false;
    const char *stop = memchr(p, '&', (size_t)(end - p));
    if (!stop) stop = end;
    const char *equal = memchr(p, '=', (size_t)(stop - p));
    if (!equal) equal = stop;
    *rest = (leati_http_text){stop, (size_t)(end - stop)};
    return unescape(p, equal, pair->name, &pair->name_length, fault) &&
           unescape(equal < stop ? equal + 1 : stop, stop, pair->value, &pair->value_length, fault);
}
