/* Addresses of the names of hosts, asked for no longer than a caller wants to wait: the system's
 * resolver has no limit of its own but those of its configuration, which may be minutes. */
#ifndef LEATI_BASE_LOOKUP_H
#define LEATI_BASE_LOOKUP_H

#include <leat/context.h>
#include <netdb.h>

/* getaddrinfo, or what stands for it in tests. */
typedef int (*leati_resolver)(const char *host, const char *port, const struct addrinfo *hints,
                              struct addrinfo **out);

/* Who asks again and again: of its questions so many wait for the resolver at once, each on a
 * thread of its own, whatever becomes of the resolver; the next one waits for its turn. Questions
 * under way outlive the release and clean up after themselves. create: NULL without memory, which
 * is recorded; the others from any thread. */
typedef struct leati_lookups leati_lookups;
enum { LEATI_LOOKUPS_MOST = 4 };
leati_lookups *leati_lookups_create(leat_context *c);
void leati_lookups_release(leati_lookups *lookups); /* NULL is fine */

/* *out: the addresses of a stream to the host, for freeaddrinfo; host NULL: of this machine.
 * flags: those of addrinfo; until: a time of leati_now_s. NULL: there they are; else why not, in
 * words that stay. Addresses in digits are not asked for. A name is asked for on a thread of its
 * own, which, where it is too late, goes on until the resolver gives up. lookups: NULL for who asks
 * once. The context is used for memory alone; from any thread. */
const char *leati_lookup(const leat_context *c, leati_lookups *lookups, const char *host,
                         const char *port, int flags, double until, struct addrinfo **out);
const char *leati_lookup_by(leati_resolver resolve, const leat_context *c, leati_lookups *lookups,
                            const char *host, const char *port, int flags, double until,
                            struct addrinfo **out);

#endif
