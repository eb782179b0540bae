/* Addresses that servers listen on. */
#ifndef LEATI_DEPLOY_ADDRESS_H
#define LEATI_DEPLOY_ADDRESS_H

#include <leat/context.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct leati_address {
    struct sockaddr_storage at;
    socklen_t length;
} leati_address;

/* "HOST:PORT", "[HOST]:PORT": numeric, or a name of this machine; an empty host is all of its
 * addresses. INVALID: neither, or a name that is not known. */
leat_status leati_address_read(leat_context *c, const char *listen, leati_address *out);
/* Whether `at`, whose port is not 0, is one of the addresses that `listen` has: a name may have
 * several, and port 0 is any. Fails as leati_address_read does. */
leat_status leati_address_covers(leat_context *c, const char *listen, leati_address *at, bool *out);
/* In the order of the network. */
uint16_t *leati_address_port(leati_address *a);

#endif
