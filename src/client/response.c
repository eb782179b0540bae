/* Owns: the automaton that reads a response. */
#include "client/response.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

enum { HEADERS_MOST = 256, LINE_MOST = 8192, INTERIM_MOST = 16 };

enum state {
    HEAD,
    BODY,   /* `left` bytes */
    TO_END, /* until the connection ends */
    SIZE,   /* the line of a chunk's size, up to its LF */
    EXTENSION,
    SIZE_LF,
    CHUNK, /* `left` bytes */
    CHUNK_CR,
    CHUNK_LF,
    TRAILER, /* the first byte of a line */
    FIELD,   /* the rest of it */
    FIELD_LF,
    LAST_LF,
    DONE
};

void leati_response_init(leati_response *r, const leat_context *c, bool no_body, size_t most)
{
    *r = (leati_response){.context = c, .most = most, .no_body = no_body, .retry_after = -1};
}

void leati_response_fini(leati_response *r)
{
    leati_free(r->head);
    leati_free(r->body);
    r->head = r->body = NULL;
}

bool leati_response_untouched(const leati_response *r)
{
    return r->state == HEAD && r->head_length == 0 && r->status == 0;
}

static leati_response_result fault(leati_response *r, const char *why)
{
    r->fault = why;
    return LEATI_RESPONSE_FAULT;
}

/* --- memory ----------------------------------------------------------------------------------- */

/* Room for `need` bytes and one more. */
static bool grow(const leat_context *c, char **data, size_t *capacity, size_t length, size_t need)
{
    if (need < *capacity) return true;
    size_t wanted = *capacity ? *capacity : 512;
    while (wanted <= need) {
        if (wanted > SIZE_MAX / 2) return false;
        wanted *= 2;
    }
    char *fresh = leati_alloc_quiet(c, wanted);
    if (!fresh) return false;
    if (length) memcpy(fresh, *data, length);
    leati_free(*data);
    *data = fresh;
    *capacity = wanted;
    return true;
}

static leati_response_result add_body(leati_response *r, const char *data, size_t length)
{
    if (length > r->most - r->length) return fault(r, "the answer is longer than it may be");
    if (!grow(r->context, &r->body, &r->capacity, r->length, r->length + length))
        return LEATI_RESPONSE_NOMEM;
    memcpy(r->body + r->length, data, length);
    r->length += length;
    r->body[r->length] = '\0';
    return LEATI_RESPONSE_MORE;
}

/* --- the head --------------------------------------------------------------------------------- */

static bool is_digit(char ch)
{
    return ch >= '0' && ch <= '9';
}

static bool is_token(char ch)
{
    return is_digit(ch) || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
           (ch && strchr("!#$%&'*+-.^_`|~", ch));
}

static bool same(const char *a, size_t length, const char *b)
{
    return strlen(b) == length && strncasecmp(a, b, length) == 0;
}

/* Digits and nothing else, in range. */
static bool read_whole(const char *text, size_t length, size_t *out)
{
    *out = 0;
    for (size_t i = 0; i < length; i++) {
        if (!is_digit(text[i]) || leati_mul_overflows(*out, 10, out) ||
            leati_add_overflows(*out, (size_t)(text[i] - '0'), out))
            return false;
    }
    return length > 0;
}

/* Whether a list of words, separated by commas, has this one. */
static bool has_word(const char *list, size_t length, const char *word)
{
    for (size_t at = 0; at < length;) {
        const char *comma = memchr(list + at, ',', length - at);
        size_t end = comma ? (size_t)(comma - list) : length, to = end;
        while (at < to && (list[at] == ' ' || list[at] == '\t')) at++;
        while (to > at && (list[to - 1] == ' ' || list[to - 1] == '\t')) to--;
        if (same(list + at, to - at, word)) return true;
        at = end + 1;
    }
    return false;
}

static const char *read_status(leati_response *r, const char *line, size_t length)
{
    if (length < 12 || memcmp(line, "HTTP/1.", 7) != 0 || (line[7] != '0' && line[7] != '1') ||
        line[8] != ' ' || (length > 12 && line[12] != ' '))
        return "the answer is not HTTP/1.1";
    for (int i = 9; i < 12; i++)
        if (!is_digit(line[i])) return "the answer has no status";
    for (size_t i = 12; i < length; i++)
        if ((unsigned char)line[i] < 0x20 && line[i] != '\t') return "the answer has no status";
    r->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    if (r->status < 100) return "the answer has no status";
    r->last = line[7] == '0';
    return NULL;
}

static const char *read_header(leati_response *r, const char *line, size_t length)
{
    size_t n = 0, to = length, whole;
    while (n < length && is_token(line[n])) n++;
    if (n == 0 || n == length || line[n] != ':') return "the answer has a malformed header";
    size_t from = n + 1;
    while (from < to && (line[from] == ' ' || line[from] == '\t')) from++;
    while (to > from && (line[to - 1] == ' ' || line[to - 1] == '\t')) to--;
    const char *value = line + from;
    size_t size = to - from;
    for (size_t i = 0; i < size; i++)
        if (((unsigned char)value[i] < 0x20 && value[i] != '\t') || value[i] == 0x7f)
            return "the answer has a control byte in a header";
    if (same(line, n, "content-length")) {
        if (!read_whole(value, size, &whole)) return "the answer has a malformed length";
        if (r->sized && whole != r->left) return "the answer has two lengths";
        r->sized = true;
        r->left = whole;
    } else if (same(line, n, "transfer-encoding")) {
        if (r->chunked || !same(value, size, "chunked"))
            return "the answer has a coding that is not known";
        r->chunked = true;
    } else if (same(line, n, "connection")) {
        r->last = r->last || has_word(value, size, "close");
    } else if (same(line, n, "retry-after") && read_whole(value, size, &whole)) {
        r->retry_after = (double)whole;
    }
    return NULL;
}

static const char *read_lines(leati_response *r)
{
    const char *at = r->head, *end = r->head + r->head_length - 2;
    for (int i = 0; at < end; i++) {
        const char *stop = memchr(at, '\r', (size_t)(end - at) + 1);
        if (!stop || stop[1] != '\n') return "the answer has a malformed line";
        const char *why =
            i ? read_header(r, at, (size_t)(stop - at)) : read_status(r, at, (size_t)(stop - at));
        if (why) return why;
        if (i > HEADERS_MOST) return "the answer has too many headers";
        at = stop + 2;
    }
    return r->status ? NULL : "the answer has no status";
}

/* What follows the head (RFC 9112, section 6.3). */
static leati_response_result head_ends(leati_response *r)
{
    const char *why = read_lines(r);
    if (why) return fault(r, why);
    if (r->status == 101) return fault(r, "the server wants another protocol");
    if (r->status < 200) { /* an interim answer: the final one follows */
        if (++r->line > INTERIM_MOST) return fault(r, "the answer never begins");
        r->head_length = 0;
        r->chunked = r->sized = r->last = false;
        r->left = 0;
        return LEATI_RESPONSE_MORE;
    }
    r->line = 0;
    r->keep = !r->last;
    if (r->chunked && r->sized) return fault(r, "the answer has a length and chunks");
    if (r->no_body || r->status == 204 || r->status == 304 || (r->sized && r->left == 0))
        r->state = DONE;
    else if (r->chunked) r->state = SIZE;
    else if (r->sized) {
        if (r->left > r->most) return fault(r, "the answer is longer than it may be");
        r->state = BODY;
    } else {
        r->keep = false;
        r->state = TO_END;
    }
    return r->state == DONE ? LEATI_RESPONSE_DONE : LEATI_RESPONSE_MORE;
}

/* Takes bytes up to the empty line. */
static leati_response_result feed_head(leati_response *r, const char *data, size_t length,
                                       size_t *used)
{
    for (size_t i = 0; i < length; i++) {
        if (r->head_length == LEATI_RESPONSE_HEAD_MOST)
            return fault(r, "the head of the answer is too long");
        if (!grow(r->context, &r->head, &r->head_capacity, r->head_length, r->head_length + 1))
            return LEATI_RESPONSE_NOMEM;
        r->head[r->head_length++] = data[i];
        if (data[i] != '\n' || r->head_length < 4 ||
            memcmp(r->head + r->head_length - 4, "\r\n\r\n", 4) != 0)
            continue;
        *used = i + 1;
        return head_ends(r);
    }
    *used = length;
    return LEATI_RESPONSE_MORE;
}

/* --- the body --------------------------------------------------------------------------------- */

static int hex(char ch)
{
    return is_digit(ch)             ? ch - '0'
           : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
           : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10
                                    : -1;
}

static bool step(leati_response *r, char ch, char want, int next)
{
    if (ch != want) return false;
    r->state = next;
    r->line = 0;
    return true;
}

/* `line` counts the digits of the size. */
static bool size_byte(leati_response *r, char ch)
{
    int digit = hex(ch);
    if (digit >= 0) {
        if (r->line == 0) r->left = 0;
        if (++r->line > 2 * sizeof r->left - 1) return false;
        r->left = r->left * 16 + (size_t)digit;
        return true;
    }
    if (r->line == 0) return false;
    if (ch == ';') return step(r, ch, ';', EXTENSION);
    return step(r, ch, '\r', SIZE_LF);
}

/* Bytes that are not the body's; false: malformed. */
static bool framing_byte(leati_response *r, char ch)
{
    switch (r->state) {
    case SIZE: return size_byte(r, ch);
    case EXTENSION:
    case FIELD:
        if (ch == '\r') return step(r, ch, '\r', r->state == FIELD ? FIELD_LF : SIZE_LF);
        return ch != '\n' && ch != '\0' && ++r->line <= LINE_MOST;
    case SIZE_LF: return step(r, ch, '\n', r->left ? CHUNK : TRAILER);
    case CHUNK_CR: return step(r, ch, '\r', CHUNK_LF);
    case CHUNK_LF: return step(r, ch, '\n', SIZE);
    case TRAILER:
        if (ch == '\r') return step(r, ch, '\r', LAST_LF);
        r->state = FIELD;
        return is_token(ch);
    case FIELD_LF: return step(r, ch, '\n', TRAILER);
    default: return step(r, ch, '\n', DONE);
    }
}

leati_response_result leati_response_feed(leati_response *r, const char *data, size_t length,
                                          size_t *used)
{
    size_t at = 0;
    leati_response_result result = LEATI_RESPONSE_MORE;
    *used = 0;
    while (at < length && result == LEATI_RESPONSE_MORE) {
        size_t here = length - at;
        switch (r->state) {
        case HEAD:
            result = feed_head(r, data + at, here, &here);
            at += here;
            break;
        case BODY:
        case CHUNK:
            if (here > r->left) here = r->left;
            result = add_body(r, data + at, here);
            at += here;
            r->left -= here;
            if (r->left == 0) r->state = r->state == BODY ? DONE : CHUNK_CR;
            break;
        case TO_END:
            result = add_body(r, data + at, here);
            at += here;
            break;
        case DONE: result = LEATI_RESPONSE_DONE; break;
        default:
            if (!framing_byte(r, data[at++])) result = fault(r, "the answer has malformed chunks");
        }
        if (r->state == DONE && result == LEATI_RESPONSE_MORE) result = LEATI_RESPONSE_DONE;
    }
    if (r->state == DONE && result == LEATI_RESPONSE_MORE) result = LEATI_RESPONSE_DONE;
    *used = at;
    return result;
}

leati_response_result leati_response_end(leati_response *r)
{
    if (r->state == DONE) return LEATI_RESPONSE_DONE;
    if (r->state != TO_END) return fault(r, "the connection ended within the answer");
    r->state = DONE;
    return LEATI_RESPONSE_DONE;
}
