/* Owns: reading lists of entity tags. Not: what follows from them (upload.c, api.c). */
#include "serve/entity_tag.h"

#include <string.h>

int leati_entity_tag_listed(leati_http_text list, const char *etag, bool weak)
{
    const char *p = list.data, *end = p + list.length;
    int found = 0;
    if (list.length == 1 && *p == '*') return 1;
    while (p < end) {
        bool is_weak = end - p > 2 && p[0] == 'W' && p[1] == '/';
        if (is_weak) p += 2;
        const char *stop = p < end && *p == '"' ? memchr(p + 1, '"', (size_t)(end - p - 1)) : NULL;
        if (!stop) return -1;
        size_t n = (size_t)(stop + 1 - p);
        if ((!is_weak || weak) && n == strlen(etag) && memcmp(p, etag, n) == 0) found = 1;
        for (p = stop + 1; p < end && (*p == ' ' || *p == '\t'); p++) continue;
        if (p < end && *p++ != ',') return -1;
        while (p < end && (*p == ' ' || *p == '\t' || *p == ',')) p++;
    }
    return list.length ? found : -1;
}
