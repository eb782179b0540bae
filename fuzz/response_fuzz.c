/* Any bytes as the answer of a server: the same result however they are cut, never more body than
 * may be, and nothing is read behind the end. The first byte picks the cut and whether there is no
 * body. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 4096 };

static leati_response_result read_cut(leati_response *r, const leat_context *c, bool no_body,
                                      const char *data, size_t size, size_t cut, size_t *end)
{
    leati_response_result result = LEATI_RESPONSE_MORE;
    leati_response_init(r, c, no_body, MOST);
    *end = 0;
    while (*end < size && result == LEATI_RESPONSE_MORE) {
        size_t here = size - *end < cut ? size - *end : cut, used;
        char *piece = malloc(here); /* of its own, so that reading beyond it is seen */
        if (!piece) abort();
        memcpy(piece, data + *end, here);
        result = leati_response_feed(r, piece, here, &used);
        free(piece);
        if (used > here || (result == LEATI_RESPONSE_MORE && used != here)) abort();
        *end += used;
    }
    if (result == LEATI_RESPONSE_MORE) result = leati_response_end(r);
    if (r->length > MOST || (r->body && r->body[r->length])) abort();
    if (result == LEATI_RESPONSE_DONE && (r->status < 200 || r->status > 999)) abort();
    if (result == LEATI_RESPONSE_FAULT && !r->fault) abort();
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leati_response a, b;
    size_t end_a, end_b;
    if (size < 1) return 0;
    o.threads = 1;
    if (leat_context_create(&c, &o) != LEAT_OK) abort();
    bool no_body = data[0] & 1;
    size_t cut = 1 + data[0] / 2u;
    const char *text = (const char *)data + 1;
    leati_response_result x = read_cut(&a, c, no_body, text, size - 1, size, &end_a);
    leati_response_result y = read_cut(&b, c, no_body, text, size - 1, cut, &end_b);
    if (x != y) abort();
    if (x == LEATI_RESPONSE_DONE &&
        (end_a != end_b || a.status != b.status || a.keep != b.keep || a.length != b.length ||
         (a.length && memcmp(a.body, b.body, a.length) != 0)))
        abort();
    leati_response_fini(&a);
    leati_response_fini(&b);
    leat_context_destroy(c);
    return 0;
}
