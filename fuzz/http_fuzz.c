/* Any bytes as requests, in one piece and in cuts: no crash, nothing left behind, every admitted
 * exchange ended once, and the same statuses however the bytes are cut and the replies delayed. The
 * first byte picks the cuts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "support/http_app.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STATUSES = 4096 };

static void run(leat_context *c, const char *data, size_t size, size_t cut, unsigned delay,
                unsigned lose, char *statuses)
{
    http_wire *w = malloc(sizeof *w);
    if (!w || !http_wire_init(w, c, true)) abort();
    statuses[0] = '\0';
    w->app.text_most = 65536;
    w->app.log = statuses;
    w->app.log_room = STATUSES;
    w->delay = delay;
    w->lose = lose;
    http_wire_feed(w, data, size, cut);
    http_wire_settle(w);
    if (!w->closed) leati_http_conn_eof(&w->conn);
    http_wire_settle(w);
    if (!w->closed && !lose) abort();
    http_wire_fini(w);
    free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || !leati_framing_name()) return 0;
    char whole[STATUSES], cut[STATUSES];
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    o.threads = 1;
    o.max_bytes = 1 << 28;
    if (leat_context_create(&c, &o) != LEAT_OK) abort();
    uint8_t pick = *data++;
    size--;
    const char *bytes = (const char *)data;
    run(c, bytes, size, 0, 0, 0, whole);
    run(c, bytes, size, 1 + pick % 16, 0, 0, cut);
    if (strcmp(whole, cut) != 0) abort();
    run(c, bytes, size, 1 + pick / 16, 1 + pick % 3, 0, cut);
    if (strcmp(whole, cut) != 0) abort();
    run(c, bytes, size, 1 + pick % 64, 2, 1 + pick % 4, cut);
    if (leat_context_bytes(c) > 4096) abort();
    leat_context_destroy(c);
    return 0;
}
