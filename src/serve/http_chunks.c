/* Owns: the automaton of chunk framing. */
#include "serve/http_chunks.h"

#include "serve/http_chars.h"

static const leati_http_fault bad_chunk = {400, "bad_chunk",
                                           "The chunked framing of the body is malformed."};
static const leati_http_fault big_chunk = {
    413, "too_large", "A chunk of the body says it is longer than any body may be."};
static const leati_http_fault chunk_flood = {
    400, "chunk_flood", "The body comes in chunks so small that they are mostly framing."};

enum state {
    SIZE,     /* the first digit */
    DIGITS,   /* further digits, ';' or CR */
    NAME,     /* an extension: behind ';' */
    QUOTED,   /* "..." in an extension */
    ESCAPED,  /* behind '\' in it */
    SIZE_LF,  /* LF behind the size */
    DATA,     /* `left` bytes */
    DATA_CR,  /* CR LF behind them */
    DATA_LF,  /**/
    LINE,     /* the first byte of a line of the trailer */
    FIELD,    /* its name */
    VALUE,    /* its value */
    VALUE_LF, /**/
    LAST_LF   /* of the empty line */
};

enum { LARGEST_DIGITS = 15 }; /* of a size: 2^60 */

static const leati_http_fault *size_ends(leati_http_chunks *c, char ch)
{
    if (ch == ';') {
        c->state = NAME;
        c->extension = 0;
    } else if (ch == '\r') c->state = SIZE_LF;
    else return &bad_chunk;
    return NULL;
}

static const leati_http_fault *size_byte(leati_http_chunks *c, char ch)
{
    if (!leati_http_is(ch, LEATI_HTTP_XDIGIT))
        return c->state == SIZE ? &bad_chunk : size_ends(c, ch);
    if (c->state == SIZE) c->left = c->digits = 0;
    if (++c->digits > LARGEST_DIGITS) return &big_chunk;
    c->left = c->left << 4 | leati_http_hex(ch);
    c->state = DIGITS;
    return NULL;
}

static const leati_http_fault *extension_byte(leati_http_chunks *c, char ch)
{
    if (++c->extension > LEATI_HTTP_EXTENSION_MOST) return &chunk_flood;
    if (ch == '\r' && c->state == NAME) {
        c->state = SIZE_LF;
        return NULL;
    }
    if (!leati_http_is(ch, LEATI_HTTP_VALUE)) return &bad_chunk;
    if (c->state == ESCAPED) c->state = QUOTED;
    else if (c->state == QUOTED) c->state = ch == '"' ? NAME : ch == '\\' ? ESCAPED : QUOTED;
    else if (ch == '"') c->state = QUOTED;
    else if (!leati_http_is(ch, LEATI_HTTP_TOKEN) && ch != '=' && ch != ';' && ch != ' ' &&
             ch != '\t')
        return &bad_chunk;
    return NULL;
}

/* Headers behind the body are read past: none of them may change what the request means. */
static const leati_http_fault *trailer_byte(leati_http_chunks *c, char ch)
{
    switch (c->state) {
    case LINE:
        c->some = false;
        if (ch == '\r') {
            c->state = LAST_LF;
            return NULL;
        }
        c->state = FIELD; /* fall through */
    case FIELD:
        if (ch == ':' && c->some) c->state = VALUE;
        else if (!leati_http_is(ch, LEATI_HTTP_TOKEN)) return &bad_chunk;
        c->some = true;
        return NULL;
    default:
        if (ch == '\r') c->state = VALUE_LF;
        else if (!leati_http_is(ch, LEATI_HTTP_VALUE)) return &bad_chunk;
        return NULL;
    }
}

static const leati_http_fault *expect(leati_http_chunks *c, char ch, char want, uint8_t next)
{
    if (ch != want) return &bad_chunk;
    c->state = next;
    return NULL;
}

static const leati_http_fault *framing_byte(leati_http_chunks *c, char ch)
{
    switch (c->state) {
    case SIZE:
    case DIGITS: return size_byte(c, ch);
    case NAME:
    case QUOTED:
    case ESCAPED: return extension_byte(c, ch);
    case SIZE_LF: return expect(c, ch, '\n', c->left ? DATA : LINE);
    case DATA_CR: return expect(c, ch, '\r', DATA_LF);
    case DATA_LF: return expect(c, ch, '\n', SIZE);
    case VALUE_LF: return expect(c, ch, '\n', LINE);
    default: return trailer_byte(c, ch);
    }
}

const leati_http_fault *leati_http_chunks_read(leati_http_chunks *c, const char *data,
                                               size_t length, size_t *used, bool *complete)
{
    const char *at = data, *end = data + length;
    *complete = false;
    while (at < end) {
        if (c->state == DATA) {
            size_t here = (size_t)(end - at) < c->left ? (size_t)(end - at) : (size_t)c->left;
            at += here;
            c->left -= here;
            c->body += here;
            if (c->left == 0) c->state = DATA_CR;
            continue;
        }
        *used = (size_t)(at - data);
        char ch = *at++;
        if (++c->framing > LEATI_HTTP_FRAMING_FREE + c->body / 4) return &chunk_flood;
        if (c->state == LAST_LF) {
            if (ch != '\n') return &bad_chunk;
            *complete = true;
            break;
        }
        const leati_http_fault *fault = framing_byte(c, ch);
        if (fault) return fault;
    }
    *used = (size_t)(at - data);
    return NULL;
}
