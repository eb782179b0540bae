/* What `show stat` of HAProxy prints: delimited text with quoted values, whose first line names the
 * columns. */
#ifndef LEATI_DEPLOY_HAPROXY_STAT_H
#define LEATI_DEPLOY_HAPROXY_STAT_H

#include <leat/haproxy.h>

/* The servers (rows of type 2) in it. `text` ends with a zero byte. Errors: FORMAT, NOMEM. */
leat_status leati_haproxy_stat_read(leat_context *c, const char *text, leat_haproxy_list **out);

#endif
