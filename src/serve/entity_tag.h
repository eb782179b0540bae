/* Entity tags in conditions of requests (RFC 9110, section 13.1). */
#ifndef LEATI_SERVE_ENTITY_TAG_H
#define LEATI_SERVE_ENTITY_TAG_H

#include <stdbool.h>

#include "serve/http.h"

/* 1 where `etag` (in double quotes) stands in the list, or the list is "*"; weak ones count only
 * with `weak`, as for If-None-Match. -1: it is no list of entity tags. */
int leati_entity_tag_listed(leati_http_text list, const char *etag, bool weak);

#endif
