/* Owns: the framing of multipart/form-data and the header fields of its parts. Not: what parts mean
 * (rows_files.c). */
#include "serve/multipart.h"

#include <string.h>
#include <strings.h>

#include "io/encoding.h"

enum { MOST_PARTS = 1024, MOST_FIELDS = 8, MOST_HEAD = 4096 };

static bool malformed(leati_multipart *m, const char *why)
{
    return leati_fault_set(m->fault, 400, "malformed_multipart", "part %zu of the form: %s",
                           m->parts + 1, why);
}

/* ---- parameters of a field: ; name=token or "text" --------------------------------------------
 */

static bool is_blank(char ch)
{
    return ch == ' ' || ch == '\t';
}

static bool is_token(char ch)
{
    return ch > ' ' && ch < 127 && !strchr("()<>@,;:\\\"/[]?=", ch);
}

/* The next parameter from *p on. 1: one came; 0: the end; -1: none of the grammar. Its value is
 * without quotes, escapes as they came. */
typedef struct parameter {
    const char *name, *value;
    size_t name_length, value_length;
    bool quoted;
} parameter;

static int next_parameter(const char **p, const char *end, parameter *out)
{
    const char *at = *p;
    while (at < end && is_blank(*at)) at++;
    if (at == end) return 0;
    if (*at++ != ';') return -1;
    while (at < end && is_blank(*at)) at++;
    if (at == end) return 0;
    for (out->name = at; at < end && is_token(*at);) at++;
    out->name_length = (size_t)(at - out->name);
    if (out->name_length == 0 || at == end || *at++ != '=') return -1;
    out->quoted = at < end && *at == '"';
    if (!out->quoted) {
        for (out->value = at; at < end && is_token(*at);) at++;
        out->value_length = (size_t)(at - out->value);
        *p = at;
        return out->value_length ? 1 : -1;
    }
    for (out->value = ++at; at < end && *at != '"'; at++)
        if (*at == '\\' && end - at > 1 && (at[1] == '"' || at[1] == '\\')) at++;
    if (at >= end) return -1;
    out->value_length = (size_t)(at - out->value);
    *p = at + 1;
    return 1;
}

static bool is_called(const parameter *p, const char *name)
{
    return p->name_length == strlen(name) && strncasecmp(p->name, name, p->name_length) == 0;
}

/* Of names in quotes: \" and \\ after RFC 9110, %22, %0D and %0A after the HTML standard. */
static bool unescape(const parameter *p, leati_part *part)
{
    size_t n = 0;
    for (size_t i = 0; i < p->value_length; i++) {
        const char *at = p->value + i;
        size_t left = p->value_length - i;
        char ch = *at;
        if (p->quoted && ch == '\\' && left > 1 && (at[1] == '"' || at[1] == '\\')) ch = at[1], i++;
        else if (left > 2 && strncmp(at, "%22", 3) == 0) ch = '"', i += 2;
        else if (left > 2 && strncasecmp(at, "%0d", 3) == 0) ch = '\r', i += 2;
        else if (left > 2 && strncasecmp(at, "%0a", 3) == 0) ch = '\n', i += 2;
        if (n + 1 == sizeof part->name) return false;
        part->name[n++] = ch;
    }
    part->name[n] = '\0';
    part->name_length = n;
    return n && leati_utf8_valid(part->name, n);
}

/* ---- the boundary -----------------------------------------------------------------------------
 */

static bool is_boundary(const parameter *p)
{
    if (p->value_length == 0 || p->value_length > LEATI_BOUNDARY_MOST) return false;
    for (size_t i = 0; i < p->value_length; i++) {
        char ch = p->value[i], low = (char)(ch | 0x20);
        bool plain = (low >= 'a' && low <= 'z') || (ch >= '0' && ch <= '9');
        if (!plain && (!ch || !strchr("'()+_,-./:=? ", ch))) return false;
    }
    return p->value[p->value_length - 1] != ' ';
}

bool leati_multipart_begin(leati_multipart *m, leati_http_text type, const void *data, size_t size,
                           leati_fault *fault)
{
    static const char expected[] =
        "Content-Type multipart/form-data needs one boundary of 1 to 70 characters";
    *m = (leati_multipart){.at = data, .end = data ? (const char *)data + size : data};
    m->fault = fault;
    const char *end = type.data + type.length, *p = memchr(type.data, ';', type.length);
    parameter one;
    int more = 0;
    while (p && (more = next_parameter(&p, end, &one)) == 1) {
        if (!is_called(&one, "boundary")) continue;
        if (m->delimiter_length || !is_boundary(&one))
            return leati_fault_set(fault, 400, "malformed_multipart", "%s", expected);
        memcpy(m->delimiter, "\r\n--", 4);
        memcpy(m->delimiter + 4, one.value, one.value_length);
        m->delimiter_length = one.value_length + 4;
    }
    if (more < 0 || !m->delimiter_length)
        return leati_fault_set(fault, 400, "malformed_multipart", "%s", expected);
    size_t n = m->delimiter_length - 2; /* no CR LF before the first one */
    if (size < n || memcmp(m->at, m->delimiter + 2, n) != 0)
        return leati_fault_set(fault, 400, "malformed_multipart",
                               "the body does not begin with the boundary");
    m->at += n;
    return true;
}

/* ---- parts ------------------------------------------------------------------------------------
 */

static bool take_disposition(leati_multipart *m, leati_part *part, const char *p, const char *end)
{
    static const char kind[] = "form-data";
    parameter one;
    int more;
    if (part->name_length) return malformed(m, "it has two Content-Dispositions");
    if ((size_t)(end - p) < sizeof kind - 1 || strncasecmp(p, kind, sizeof kind - 1) != 0)
        return malformed(m, "its Content-Disposition is not form-data");
    p += sizeof kind - 1;
    while ((more = next_parameter(&p, end, &one)) == 1) {
        if (is_called(&one, "filename") || is_called(&one, "filename*")) part->file = true;
        if (!is_called(&one, "name")) continue;
        if (part->name_length) return malformed(m, "it has two names");
        if (!unescape(&one, part))
            return malformed(m, "its name is empty, longer than 255 bytes or not UTF-8");
    }
    if (more < 0) return malformed(m, "its Content-Disposition cannot be read");
    return part->name_length || malformed(m, "it has no name");
}

/* One header field without its line end. */
static bool take_field(leati_multipart *m, leati_part *part, const char *line, const char *end)
{
    const char *colon = line;
    while (colon < end && is_token(*colon)) colon++;
    if (colon == line || colon == end || *colon != ':')
        return malformed(m, "a line of its head is no header field");
    for (const char *p = colon; p < end; p++)
        if ((unsigned char)*p < ' ' && *p != '\t')
            return malformed(m, "its head holds a control character");
    size_t n = (size_t)(colon - line);
    const char *value = colon + 1;
    while (value < end && is_blank(*value)) value++;
    while (end > value && is_blank(end[-1])) end--;
    size_t length = (size_t)(end - value);
    if (n == 19 && strncasecmp(line, "content-disposition", n) == 0)
        return take_disposition(m, part, value, end);
    if (n == 12 && strncasecmp(line, "content-type", n) == 0) {
        if (part->media != LEATI_MEDIA_NONE) return malformed(m, "it has two Content-Types");
        part->media = length > 10 && strncasecmp(value, "multipart/", 10) == 0
                          ? LEATI_MEDIA_MULTIPART
                          : leati_media_named(value, length);
        return true;
    }
    if (n == 25 && strncasecmp(line, "content-transfer-encoding", n) == 0) {
        bool plain = (length == 4 &&
                      (strncasecmp(value, "7bit", 4) == 0 || strncasecmp(value, "8bit", 4) == 0)) ||
                     (length == 6 && strncasecmp(value, "binary", 6) == 0);
        return plain || malformed(m, "it has a transfer encoding, which forms do not use");
    }
    return true;
}

/* From behind a delimiter's CR LF to the start of the data. */
static bool read_head(leati_multipart *m, leati_part *part)
{
    const char *limit = m->end - m->at > MOST_HEAD ? m->at + MOST_HEAD : m->end;
    for (int fields = 0;; fields++) {
        const char *line = m->at, *stop = memchr(line, '\r', (size_t)(limit - line));
        if (!stop || limit - stop < 2 || stop[1] != '\n')
            return malformed(m, "its head does not end, or not within 4,096 bytes");
        m->at = stop + 2;
        if (stop == line) break;
        if (fields == MOST_FIELDS) return malformed(m, "its head has more than 8 fields");
        if (!take_field(m, part, line, stop)) return false;
    }
    return part->name_length || malformed(m, "it has no Content-Disposition");
}

static const char *find_delimiter(const leati_multipart *m)
{
    const char *p = m->at;
    while ((size_t)(m->end - p) >= m->delimiter_length) {
        size_t room = (size_t)(m->end - p) - m->delimiter_length + 1;
        p = memchr(p, '\r', room);
        if (!p) return NULL;
        if (memcmp(p, m->delimiter, m->delimiter_length) == 0) return p;
        p++;
    }
    return NULL;
}

bool leati_multipart_next(leati_multipart *m, leati_part *part)
{
    size_t left = (size_t)(m->end - m->at);
    if (left >= 2 && m->at[0] == '-' && m->at[1] == '-') { /* the last delimiter */
        bool clean = left == 2 || (left == 4 && memcmp(m->at + 2, "\r\n", 2) == 0);
        if (!clean) malformed(m, "something follows the last boundary");
        return false;
    }
    while (m->at < m->end && is_blank(*m->at)) m->at++;
    if (m->end - m->at < 2 || memcmp(m->at, "\r\n", 2) != 0)
        return malformed(m, "a boundary is not followed by the end of its line");
    m->at += 2;
    *part = (leati_part){.media = LEATI_MEDIA_NONE};
    if (m->parts == MOST_PARTS) return malformed(m, "there are more than 1,024");
    if (!read_head(m, part)) return false;
    const char *stop = find_delimiter(m);
    if (!stop) return malformed(m, "no boundary ends it");
    part->data = m->at;
    part->length = (size_t)(stop - m->at);
    m->at = stop + m->delimiter_length;
    m->parts++;
    return true;
}
