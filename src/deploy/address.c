/* Owns: reading addresses to listen on. Not: sockets. */
#include "deploy/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "base/error.h"
#include "base/lookup.h"
#include "base/progress.h"

enum { NAME_SECONDS = 10 }; /* for finding out a name */

/* To be freed with freeaddrinfo. */
static leat_status find(leat_context *c, const char *listen, struct addrinfo **found)
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
    const char *why =
        leati_lookup(c, NULL, *host ? host : NULL, colon + 1, AI_PASSIVE | AI_NUMERICSERV,
                     leati_now_s() + NAME_SECONDS, found);
    LEATI_CHECK(c, !why, LEAT_INVALID, "the address \"%s\" cannot be listened on: %s", listen, why);
    return LEAT_OK;
}

static leati_address address_of(const struct addrinfo *a)
{
    leati_address out = {.length = a->ai_addrlen};
    memcpy(&out.at, a->ai_addr, a->ai_addrlen);
    return out;
}

leat_status leati_address_read(leat_context *c, const char *listen, leati_address *out)
{
    struct addrinfo *found;
    LEATI_TRY(find(c, listen, &found));
    *out = address_of(found);
    freeaddrinfo(found);
    return LEAT_OK;
}

leat_status leati_address_covers(leat_context *c, const char *listen, leati_address *at, bool *out)
{
    struct addrinfo *found;
    *out = false;
    LEATI_TRY(find(c, listen, &found));
    for (const struct addrinfo *a = found; a && !*out; a = a->ai_next) {
        leati_address one = address_of(a);
        if (one.at.ss_family != at->at.ss_family) continue;
        if (*leati_address_port(&one) == 0) *leati_address_port(&one) = *leati_address_port(at);
        *out = one.length == at->length && memcmp(&one.at, &at->at, at->length) == 0;
    }
    freeaddrinfo(found);
    return LEAT_OK;
}

uint16_t *leati_address_port(leati_address *a)
{
    return a->at.ss_family == AF_INET6 ? &((struct sockaddr_in6 *)&a->at)->sin6_port
                                       : &((struct sockaddr_in *)&a->at)->sin_port;
}
