/* Any bytes as what HAProxy prints of its servers, and as words of a configuration: what is taken
 * holds no byte that could end a line or begin another word. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "deploy/haproxy_config.h"
#include "deploy/haproxy_stat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void statistics(leat_context *c, const char *text)
{
    leat_haproxy_list *l;
    if (leati_haproxy_stat_read(c, text, &l) != LEAT_OK) return;
    size_t sum = 0;
    for (size_t i = 0; i < leat_haproxy_list_count(l); i++) {
        const leat_haproxy_server *s = leat_haproxy_list_at(l, i);
        sum += strlen(s->backend) + strlen(s->name) + strlen(s->address) + strlen(s->status) +
               strlen(s->check) + strlen(s->agent);
    }
    if (sum > strlen(text)) abort();
    leat_haproxy_list_destroy(l);
}

static size_t count(const char *text, char ch)
{
    size_t n = 0;
    for (; *text; text++) n += *text == ch;
    return n;
}

/* The text instead of a word that is fine: as many lines and blanks as before. */
static void configuration(leat_context *c, const char *text, unsigned which)
{
    static const char *const fine = "a=h:1/2";
    const char *words[7] = {fine, ":1", "/m", "/s", "/c", "X-K", "X-S"};
    size_t lines[2] = {0}, blanks[2] = {0};
    for (int round = 0; round < 2; round++) {
        leati_str out;
        leat_haproxy_options o = leat_haproxy_options_default();
        if (round) words[which % 7] = text;
        o.servers = o.canary = words;
        o.server_count = o.canary_count = 1;
        o.listen = words[1];
        o.map = words[2];
        o.socket = words[3];
        o.tls_cert = words[4];
        o.canary_key = words[5];
        o.stick = words[6];
        leati_str_init(&out, c);
        bool taken = leati_haproxy_config(c, &o, &out) == LEAT_OK;
        if (!taken && round == 0) abort();
        if (!taken && out.length) abort();
        lines[round] = count(leati_str_text(&out), '\n');
        blanks[round] = count(leati_str_text(&out), ' ');
        leati_str_fini(&out);
        leat_error_clear(c);
        if (!taken) return;
    }
    /* A server with or without an agent, whose host is a name or not, has other words. */
    if (lines[0] != lines[1] || (which % 7 && blanks[0] != blanks[1])) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    if (size < 1) return 0;
    o.threads = 1;
    if (leat_context_create(&c, &o) != LEAT_OK) abort();
    char *text = leati_strndup(c, (const char *)data + 1, size - 1);
    if (!text) abort();
    statistics(c, text);
    leat_error_clear(c);
    configuration(c, text, data[0]);
    leati_free(text);
    leat_context_destroy(c);
    return 0;
}
