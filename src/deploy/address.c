/* Owns: reading addresses to listen on. Not: sockets. */
#include "deploy/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "base/error.h"
#include "base/lookup.h"
#include "base/progress.h"

enum { NAME_SECONDS = 10 }; /* for finding out a name */

leat_status leati_address_read(leat_context *c, const char *listen, leati_address *out)
{
    char host[256] = "";
    const char *colon = strrchr(listen, ':'), *from = listen, *to = colon;
    LEATI_CHECK(c, colon && colon[1], LEAT_INVALID,
                "the address to listen on is \"%s\"; expected HOST:PORT, as in 127.0.0.1:8080, or "
                "unix:PATH",
                listen);
    if (*from == '[' && to > from && to[-1] == ']') {
        from++;
        to--;
    }
    LEATI_CHECK(c, (size_t)(to - from) < sizeof host, LEAT_INVALID,
                "the host in \"%s\" is too long", listen);
    memcpy(host, from, (size_t)(to - from));
    struct addrinfo *found;
    const char *why =
        leati_lookup(c, NULL, *host ? host : NULL, colon + 1, AI_PASSIVE | AI_NUMERICSERV,
                     leati_now_s() + NAME_SECONDS, &found);
    LEATI_CHECK(c, !why, LEAT_INVALID, "the address \"%s\" cannot be listened on: %s", listen, why);
    memcpy(&out->at, found->ai_addr, found->ai_addrlen);
    out->length = found->ai_addrlen;
    freeaddrinfo(found);
    return LEAT_OK;
}

uint16_t *leati_address_port(leati_address *a)
{
    return a->at.ss_family == AF_INET6 ? &((struct sockaddr_in6 *)&a->at)->sin6_port
                                       : &((struct sockaddr_in *)&a->at)->sin_port;
}
