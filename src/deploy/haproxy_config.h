/* The text of an HAProxy configuration. */
#ifndef LEATI_DEPLOY_HAPROXY_CONFIG_H
#define LEATI_DEPLOY_HAPROXY_CONFIG_H

#include <leat/haproxy.h>

#include "base/str.h"

/* The key of the share in the map, whose value is in ten-thousandths. */
#define LEATI_HAPROXY_SHARE "share"
enum { LEATI_HAPROXY_PARTS = 10000 };

/* Adds the configuration to *out. Errors: INVALID, NOMEM. */
leat_status leati_haproxy_config(leat_context *c, const leat_haproxy_options *options,
                                 leati_str *out);

#endif
