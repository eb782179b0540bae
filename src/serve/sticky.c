/* Owns: values that requests are kept together by. */
#include "serve/sticky.h"

#include <string.h>

#include "base/hash.h"
#include "frame/json_scan.h"
#include "serve/keys.h"
#include "serve/media.h"

enum { MOST_LOOKED_AT = 65536 }; /* bytes of a body */

uint32_t leati_sticky_place(uint64_t seed, leati_http_text value)
{
    uint8_t digest[32], head[8];
    leati_sha256 h;
    for (int i = 0; i < 8; i++) head[i] = (uint8_t)(seed >> 8 * i);
    leati_sha256_init(&h);
    leati_sha256_add(&h, head, sizeof head);
    leati_sha256_add(&h, value.data, value.length);
    leati_sha256_end(&h, digest);
    return (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 |
           digest[3];
}

/* ---- JSON -------------------------------------------------------------------------------------
 */

static bool is_name(const leati_json_value *v, const char *name, size_t length)
{
    return v->kind == LEATI_JSON_STRING && !v->escaped && v->length == length &&
           memcmp(v->text, name, length) == 0;
}

static bool scalar(const leati_json_value *v, leati_http_text *out)
{
    if (v->kind == LEATI_JSON_NESTED || v->kind == LEATI_JSON_WRONG || v->kind == LEATI_JSON_NULL)
        return false;
    *out = (leati_http_text){v->text, v->length};
    return true;
}

/* Walks over the text without a tree: brackets and commas are stepped over, so that members are
 * seen at every level, in their order. A member of that name with a plain value, or with an array
 * of them, is it; so is "data" behind "name": that name (tensors). */
static bool find_in_json(const char *p, const char *end, const char *name, leati_http_text *out)
{
    size_t length = strlen(name);
    bool named = false, wanted = false; /* in the tensor of that name; the value follows */
    while ((p = leati_json_space(p, end)) < end) {
        if (strchr("{}[],", *p) && *p) {
            named = named && *p != '{' && *p != '}';
            wanted = wanted && *p == '[';
            p++;
            continue;
        }
        leati_json_value v;
        p = leati_json_take(p, end, &v);
        if (!p) return false;
        const char *next = leati_json_space(p, end);
        if (v.kind == LEATI_JSON_STRING && next < end && *next == ':') {
            p = next + 1;
            wanted = is_name(&v, name, length) || (named && is_name(&v, "data", 4));
            next = leati_json_space(p, end);
            if (is_name(&v, "name", 4) && next < end && *next == '"') {
                const char *behind = leati_json_take(next, end, &v);
                if (!behind) return false;
                if (wanted) return scalar(&v, out);
                named = is_name(&v, name, length);
                p = behind;
            }
            continue;
        }
        if (wanted) return scalar(&v, out);
    }
    return false;
}

/* ---- delimited text ---------------------------------------------------------------------------
 */

/* The next cell of a line, quotes taken off; *p behind its comma. False: the line has ended. */
static bool next_cell(const char **p, const char *end, bool *last, leati_http_text *out)
{
    if (*last) return false;
    const char *from = *p, *at = from;
    if (at < end && *at == '"') {
        for (from = ++at; at < end && *at != '"'; at++) continue;
        *out = (leati_http_text){from, (size_t)(at - from)};
        at += at < end;
    } else {
        while (at < end && *at != ',' && *at != '\n' && *at != '\r') at++;
        *out = (leati_http_text){from, (size_t)(at - from)};
    }
    *last = at == end || *at != ',';
    *p = at + (at < end);
    return true;
}

static bool find_in_lines(const char *p, const char *end, const char *name, leati_http_text *out)
{
    leati_http_text cell;
    size_t column = 0, length = strlen(name);
    bool last = false, found = false;
    while (!found && next_cell(&p, end, &last, &cell)) {
        found = cell.length == length && memcmp(cell.data, name, length) == 0;
        column += !found;
    }
    const char *line = found ? memchr(p - 1, '\n', (size_t)(end - p + 1)) : NULL;
    if (!line) return false;
    p = line + 1;
    last = false;
    for (size_t i = 0; i <= column; i++)
        if (!next_cell(&p, end, &last, &cell)) return false;
    *out = cell;
    return cell.length > 0;
}

bool leati_sticky_input(const char *body, size_t size, const char *name, leati_http_text *out)
{
    const char *end = body + (size < MOST_LOOKED_AT ? size : MOST_LOOKED_AT);
    const char *p = leati_json_space(body, end);
    if (p == end) return false;
    if (*p == '{' || *p == '[') return find_in_json(p, end, name, out);
    return find_in_lines(p, end, name, out);
}

/* ---- requests ---------------------------------------------------------------------------------
 */

bool leati_sticky_pair(leati_http_text pairs, const char *name, char room[LEATI_STICKY_ROOM],
                       leati_http_text *out)
{
    leati_fault none = {0};
    leati_pair pair;
    size_t length = strlen(name);
    while (leati_query_next(&pairs, &pair, &none)) {
        if (pair.name_length != length || memcmp(pair.name, name, length) != 0) continue;
        size_t n = pair.value_length < LEATI_STICKY_ROOM ? pair.value_length : LEATI_STICKY_ROOM;
        memcpy(room, pair.value, n);
        *out = (leati_http_text){room, n};
        return n > 0;
    }
    return false;
}

static bool input(leati_call *call, const char *name, char room[LEATI_STICKY_ROOM],
                  leati_http_text *out)
{
    const leati_http_request *q = call->request;
    const char *body = q->body;
    if (q->body_length == 0) return leati_sticky_pair(q->query, name, room, out);
    bool json = *body == '{' || *body == '[';
    if (!json && leati_media_of(call) == LEATI_MEDIA_FORM)
        return leati_sticky_pair((leati_http_text){body, q->body_length}, name, room, out);
    return leati_sticky_input(body, q->body_length, name, out);
}

bool leati_sticky_find(leati_call *call, leati_sticky kind, const char *name,
                       char room[LEATI_STICKY_ROOM], leati_http_text *out)
{
    const leati_key_state *key;
    switch (kind) {
    case LEATI_STICKY_HEADER:
        *out = leati_exchange_header_in(call->exchange, name);
        return out->data != NULL;
    case LEATI_STICKY_INPUT: return input(call, name, room, out);
    case LEATI_STICKY_KEY:
        key = leati_exchange_user(call->exchange);
        out->data = key ? leati_key_name(key) : call->request->peer;
        out->length = out->data ? strlen(out->data) : 0;
        return out->length > 0;
    default: return false;
    }
}
