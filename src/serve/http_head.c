/* Owns: the strict reading of heads. */
#include "serve/http_head.h"

#include <string.h>

#include "io/encoding.h"
#include "serve/http_chars.h"

#define FAULT(name, status, code, message)                                                         \
    static const leati_http_fault name = {status, code, message}

FAULT(bare_lf, 400, "bad_line_end", "A line of the request ends without CR before its LF.");
FAULT(
    bad_line, 400, "bad_request_line",
    "The first line of the request is not: method, target, HTTP version, with one space between.");
FAULT(bad_method, 501, "unknown_method", "The method of the request is not known here.");
FAULT(bad_version, 505, "unknown_version", "The request is not HTTP/1.0 or HTTP/1.1.");
FAULT(bad_target, 400, "bad_target", "The target of the request holds what a URL cannot.");
FAULT(bad_path, 400, "bad_path",
      "The path of the request has an empty, \".\" or \"..\" segment or a bad escape.");
FAULT(long_target, 414, "long_target", "The target of the request is longer than 8 kB.");
FAULT(many_headers, 431, "many_headers", "The request has more than 64 headers.");
FAULT(bad_name, 400, "bad_header", "The name of a header is malformed.");
FAULT(bad_value, 400, "bad_header", "The value of a header holds a control byte.");
FAULT(folded, 400, "bad_header", "A header is continued on a second line.");
FAULT(bad_host, 400, "bad_host", "The request needs exactly one Host header, and a sound one.");
FAULT(bad_length, 400, "bad_length",
      "Content-Length must be there at most once and be a plain decimal number.");
FAULT(bad_coding, 400, "bad_transfer_encoding",
      "Transfer-Encoding may only be \"chunked\", once, in HTTP/1.1.");
FAULT(unknown_coding, 501, "bad_transfer_encoding",
      "Transfer-Encoding may only be \"chunked\", once, in HTTP/1.1.");
FAULT(two_lengths, 400, "bad_length", "The request has both Content-Length and Transfer-Encoding.");
FAULT(bad_expect, 417, "bad_expect", "Expect may only be \"100-continue\".");
FAULT(twice, 400, "bad_header", "A header that may be there once is there twice.");

const leati_http_fault *leati_http_head_find(leati_http_find *f, const char *data, size_t length,
                                             size_t *used, bool *complete)
{
    const char *at = data, *end = data + length;
    *complete = false;
    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        if (!lf) {
            f->line += (size_t)(end - at);
            f->cr = end[-1] == '\r';
            break;
        }
        *used = (size_t)(lf - data);
        f->line += (size_t)(lf - at);
        if (lf > at) f->cr = lf[-1] == '\r';
        if (f->line == 0 || !f->cr) return &bare_lf;
        bool empty = f->line == 1;
        if (f->lines++ == 0) f->first = f->line;
        f->line = 0;
        f->cr = false;
        at = lf + 1;
        if (empty) {
            *used = (size_t)(at - data);
            *complete = true;
            return NULL;
        }
    }
    *used = length;
    return NULL;
}

bool leati_http_text_is(leati_http_text text, const char *word)
{
    size_t i = 0;
    for (; i < text.length && word[i]; i++)
        if (leati_http_lower(text.data[i]) != word[i]) return false;
    return i == text.length && !word[i];
}

static const leati_http_fault *read_method(leati_http_head *h, const char *text, size_t length)
{
    static const struct {
        const char *name;
        size_t length;
        leati_http_method method;
    } methods[] = {{"GET", 3, LEATI_HTTP_GET},       {"POST", 4, LEATI_HTTP_POST},
                   {"HEAD", 4, LEATI_HTTP_HEAD},     {"PUT", 3, LEATI_HTTP_PUT},
                   {"DELETE", 6, LEATI_HTTP_DELETE}, {"OPTIONS", 7, LEATI_HTTP_OPTIONS},
                   {"PATCH", 5, LEATI_HTTP_PATCH}};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (methods[i].length == length && memcmp(text, methods[i].name, length) == 0) {
            h->method = methods[i].method;
            return NULL;
        }
    return &bad_method;
}

/* Path and query of "/path?query". */
static const leati_http_fault *split_target(leati_http_head *h, const char *text, size_t length)
{
    const char *end = text + length, *at = text;
    while (at < end && leati_http_is(*at, LEATI_HTTP_PATH)) at++;
    h->path = (leati_http_text){text, (size_t)(at - text)};
    h->query = (leati_http_text){end, 0};
    if (at == end) return NULL;
    if (*at != '?' || !leati_http_all(at + 1, (size_t)(end - at - 1), LEATI_HTTP_QUERY))
        return &bad_target;
    h->query = (leati_http_text){at + 1, (size_t)(end - at - 1)};
    return NULL;
}

/* "http://authority/path?query" (RFC 9112, section 3.2.2): the authority goes to *authority. */
static const leati_http_fault *absolute_target(leati_http_head *h, const char *text, size_t length,
                                               leati_http_text *authority)
{
    size_t scheme = length >= 7 && leati_http_text_is((leati_http_text){text, 7}, "http://")    ? 7
                    : length >= 8 && leati_http_text_is((leati_http_text){text, 8}, "https://") ? 8
                                                                                                : 0;
    if (!scheme) return &bad_target;
    const char *at = text + scheme, *end = text + length;
    while (at < end && *at != '/' && *at != '?') at++;
    *authority = (leati_http_text){text + scheme, (size_t)(at - text) - scheme};
    if (authority->length == 0 || at == end || *at != '/') return &bad_target;
    return split_target(h, at, (size_t)(end - at));
}

/* Method, target and version; `length` without CR LF. */
static const leati_http_fault *read_line(leati_http_head *h, const char *data, size_t length,
                                         leati_http_text *authority)
{
    const char *end = data + length, *at = data;
    while (at < end && leati_http_is(*at, LEATI_HTTP_TOKEN)) at++;
    size_t method = (size_t)(at - data);
    if (method == 0 || at == end || *at != ' ') return &bad_line;
    const char *target = ++at;
    while (at < end && *at != ' ') at++;
    size_t size = (size_t)(at - target);
    if (size > LEATI_HTTP_TARGET_MOST) return &long_target;
    if (size == 0 || at == end) return &bad_line;
    const char *version = at + 1;
    if (end - version != 8 || memcmp(version, "HTTP/", 5) != 0 || version[6] != '.' ||
        version[5] < '0' || version[5] > '9' || version[7] < '0' || version[7] > '9')
        return &bad_line;
    if (version[5] != '1' || version[7] > '1') return &bad_version;
    h->minor = version[7] == '1';
    const leati_http_fault *fault = read_method(h, data, method);
    if (fault) return fault;
    if (*target == '/') return split_target(h, target, size);
    if (size == 1 && *target == '*' && h->method == LEATI_HTTP_OPTIONS) {
        h->asterisk = true;
        h->path = (leati_http_text){target, 1};
        h->query = (leati_http_text){target + 1, 0};
        return NULL;
    }
    return absolute_target(h, target, size, authority);
}

const leati_http_fault *leati_http_head_line(const char *data, size_t length)
{
    leati_http_head scratch;
    leati_http_text authority = {NULL, 0};
    memset(&scratch, 0, offsetof(leati_http_head, headers));
    return read_line(&scratch, data, length, &authority);
}

/* name[:port] or [address][:port]. */
static bool sound_host(leati_http_text host)
{
    const char *at = host.data, *end = at + host.length;
    if (at < end && *at == '[') {
        const char *close = memchr(at, ']', host.length);
        if (!close || close == at + 1) return false;
        for (at++; at < close; at++)
            if (!leati_http_is(*at, LEATI_HTTP_XDIGIT) && *at != ':' && *at != '.') return false;
        at = close + 1;
    } else {
        while (at < end && leati_http_is(*at, LEATI_HTTP_HOST)) at++;
        if (at == host.data) return false;
    }
    if (at == end) return true;
    if (*at != ':' || end - at > 6) return false;
    for (at++; at < end; at++)
        if (*at < '0' || *at > '9') return false;
    return true;
}

static const leati_http_fault *read_length(leati_http_head *h, leati_http_text value)
{
    if (h->has_length || value.length == 0 || value.length > 18) return &bad_length;
    if (value.length > 1 && value.data[0] == '0') return &bad_length;
    uint64_t number = 0;
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') return &bad_length;
        number = number * 10 + (uint64_t)(value.data[i] - '0');
    }
    h->has_length = true;
    h->content_length = number;
    return NULL;
}

/* A coding that stands alone and is no "chunked" is one that we do not have: 501 (RFC 9112, section
 * 6.1); all else is framing that another reader could take differently. */
static const leati_http_fault *read_coding(leati_http_head *h, leati_http_text value)
{
    if (h->chunked) return &bad_coding;
    if (leati_http_text_is(value, "chunked")) {
        h->chunked = true;
        return NULL;
    }
    bool one = value.length > 0 && leati_http_all(value.data, value.length, LEATI_HTTP_TOKEN);
    bool near = false;
    for (size_t i = 0; one && i + 5 <= value.length; i++)
        near = near || leati_http_text_is((leati_http_text){value.data + i, 5}, "chunk");
    return one && !near ? &unknown_coding : &bad_coding;
}

static void read_connection(leati_http_head *h, leati_http_text value)
{
    const char *at = value.data, *end = at + value.length;
    while (at < end) {
        while (at < end && (*at == ' ' || *at == '\t' || *at == ',')) at++;
        const char *from = at;
        while (at < end && *at != ' ' && *at != '\t' && *at != ',') at++;
        leati_http_text word = {from, (size_t)(at - from)};
        if (leati_http_text_is(word, "close")) h->close = true;
        if (leati_http_text_is(word, "keep-alive")) h->keep_alive = true;
    }
}

static const leati_http_fault *once(leati_http_text *slot, leati_http_text value)
{
    if (slot->data) return &twice;
    *slot = value;
    return NULL;
}

static bool named(leati_http_text name, const char *word)
{
    return memcmp(name.data, word, name.length) == 0;
}

/* The headers that the server itself goes by. */
static const leati_http_fault *note_header(leati_http_head *h, leati_http_text name,
                                           leati_http_text value)
{
    switch (name.length) {
    case 4:
        if (!named(name, "host")) return NULL;
        if (h->host.data || !sound_host(value)) return &bad_host;
        h->host = value;
        return NULL;
    case 6:
        if (!named(name, "expect")) return NULL;
        if (!leati_http_text_is(value, "100-continue")) return &bad_expect;
        h->expect = true;
        return NULL;
    case 9: return named(name, "x-api-key") ? once(&h->key, value) : NULL;
    case 10:
        if (named(name, "connection")) read_connection(h, value);
        return NULL;
    case 12: return named(name, "x-request-id") ? once(&h->request_id, value) : NULL;
    case 13: return named(name, "authorization") ? once(&h->authorization, value) : NULL;
    case 14: return named(name, "content-length") ? read_length(h, value) : NULL;
    case 15:
        if (named(name, "accept-encoding") && !h->accept_encoding.data) h->accept_encoding = value;
        return NULL;
    case 16: return named(name, "content-encoding") ? once(&h->content_encoding, value) : NULL;
    case 17: return named(name, "transfer-encoding") ? read_coding(h, value) : NULL;
    default: return NULL;
    }
}

/* The line at *at, which ends by CR LF somewhere before the end of the head. */
static const leati_http_fault *read_header(leati_http_head *h, char **at)
{
    char *p = *at, *name = p;
    if (*p == ' ' || *p == '\t') return &folded;
    for (; leati_http_is(*p, LEATI_HTTP_TOKEN); p++) *p = leati_http_lower(*p);
    if (p == name || *p != ':') return &bad_name;
    leati_http_text key = {name, (size_t)(p - name)};
    p++;
    /* Tabs around values become blanks, as RFC 9110, section 5.6.3 allows: parsers trip over them.
     */
    while (*p == ' ' || *p == '\t') *p++ = ' ';
    char *value = p;
    while (leati_http_is(*p, LEATI_HTTP_VALUE)) p++;
    if (p[0] != '\r' || p[1] != '\n') return &bad_value;
    *at = p + 2;
    for (; p > value && (p[-1] == ' ' || p[-1] == '\t'); p--) p[-1] = ' ';
    if (h->header_count == LEATI_HTTP_HEADERS_MOST) return &many_headers;
    leati_http_text text = {value, (size_t)(p - value)};
    h->headers[h->header_count++] = (leati_http_header){key, text};
    return note_header(h, key, text);
}

static bool same_host(leati_http_text a, leati_http_text b)
{
    if (a.length != b.length) return false;
    for (size_t i = 0; i < a.length; i++)
        if (leati_http_lower(a.data[i]) != leati_http_lower(b.data[i])) return false;
    return true;
}

const leati_http_fault *leati_http_head_parse(leati_http_head *h, char *data, size_t length)
{
    leati_http_text authority = {NULL, 0};
    memset(h, 0, offsetof(leati_http_head, headers));
    char *lf = memchr(data, '\n', length);
    if (!lf || lf == data) return &bad_line;
    const leati_http_fault *fault = read_line(h, data, (size_t)(lf - data) - 1, &authority);
    if (fault) return fault;
    char *at = lf + 1, *end = data + length - 2;
    while (at < end) {
        fault = read_header(h, &at);
        if (fault) return fault;
    }
    if (h->minor && !h->host.data) return &bad_host;
    if (authority.data && h->host.data && !same_host(authority, h->host)) return &bad_host;
    if (authority.data && !sound_host(authority)) return &bad_host;
    if (h->chunked && h->has_length) return &two_lengths;
    if (h->chunked && !h->minor) return &bad_coding;
    return NULL;
}

/* The segment before `end` of a decoded path that began at `begin` is sound. */
static bool sound_segment(const char *begin, const char *end)
{
    size_t length = (size_t)(end - begin);
    if (length == 0) return false;
    return !(begin[0] == '.' && (length == 1 || (length == 2 && begin[1] == '.')));
}

const leati_http_fault *leati_http_path_decode(char *path, size_t *length)
{
    const char *from = path + 1, *end = path + *length;
    char *to = path + 1, *segment = to;
    bool high = false;
    if (*length == 0 || path[0] != '/') return &bad_path;
    while (from < end) {
        char ch = *from++;
        if (ch == '/') {
            if (!sound_segment(segment, to)) return &bad_path;
            segment = to + 1;
        } else if (ch == '%') {
            if (end - from < 2 || !leati_http_is(from[0], LEATI_HTTP_XDIGIT) ||
                !leati_http_is(from[1], LEATI_HTTP_XDIGIT))
                return &bad_path;
            unsigned code = leati_http_hex(from[0]) << 4 | leati_http_hex(from[1]);
            if (code < 0x20 || code == 0x7f || code == '/' || code == '\\') return &bad_path;
            high = high || code >= 0x80;
            ch = (char)code;
            from += 2;
        }
        *to++ = ch;
    }
    if (to > segment && !sound_segment(segment, to)) return &bad_path;
    *length = (size_t)(to - path);
    if (high && !leati_utf8_valid(path, *length)) return &bad_path;
    return NULL;
}
