/* Names of hosts: found out within a time, whatever the resolver does. */
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

#include "base/lookup.h"
#include "base/progress.h"
#include "support/leattest.h"

static atomic_int asked, ended;

static void rest(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)};
    nanosleep(&t, NULL);
}

/* A name server that answers after a second. */
static int slow(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **out)
{
    struct addrinfo numeric = *hints;
    atomic_fetch_add(&asked, 1);
    rest(1);
    numeric.ai_flags |= AI_NUMERICHOST;
    int error = strcmp(host, "slow.example") == 0 ? getaddrinfo("127.0.0.1", port, &numeric, out)
                                                  : EAI_NONAME;
    atomic_fetch_add(&ended, 1);
    return error;
}

static void digits_are_not_asked_for(leattest *t)
{
    struct addrinfo *found;
    atomic_store(&asked, 0);
    CHECK(!leati_lookup_by(slow, t->context, "127.0.0.1", "8080", AI_NUMERICSERV, 0, &found));
    REQUIRE(found && found->ai_family == AF_INET);
    CHECK_INT(ntohs(((struct sockaddr_in *)found->ai_addr)->sin_port), 8080);
    freeaddrinfo(found);
    CHECK(!leati_lookup_by(slow, t->context, "::1", "80", AI_NUMERICSERV, 0, &found));
    REQUIRE(found && found->ai_family == AF_INET6);
    freeaddrinfo(found);
    CHECK(!leati_lookup_by(slow, t->context, NULL, "80", AI_NUMERICSERV | AI_PASSIVE, 0, &found));
    freeaddrinfo(found);
    CHECK_INT(atomic_load(&asked), 0);
}

static void names_are_waited_for(leattest *t)
{
    struct addrinfo *found;
    double until = leati_now_s() + 30;
    const char *why =
        leati_lookup_by(slow, t->context, "slow.example", "80", AI_NUMERICSERV, until, &found);
    CHECK(!why);
    REQUIRE(found);
    freeaddrinfo(found);
    why = leati_lookup_by(slow, t->context, "none.example", "80", AI_NUMERICSERV, until, &found);
    CHECK(why && !found);
    if (why) CHECK_STR(why, gai_strerror(EAI_NONAME));
    CHECK(!leati_lookup(t->context, "localhost", "80", AI_NUMERICSERV, until, &found));
    if (found) freeaddrinfo(found);
}

/* Several at once, which all leave before the resolver answers; nothing stays behind. */
static void nobody_waits_longer(leattest *t)
{
    enum { TIMES = 4 };
    struct addrinfo *found;
    uint64_t before = leat_context_bytes(t->context);
    double start = leati_now_s();
    atomic_store(&ended, 0);
    for (int i = 0; i < TIMES; i++) {
        const char *why = leati_lookup_by(slow, t->context, "slow.example", "80", AI_NUMERICSERV,
                                          leati_now_s() + 0.05, &found);
        CHECK(why && strstr(why, "in time") && !found);
    }
    CHECK(leati_now_s() - start < 0.9);
    for (int i = 0; i < 500 && leat_context_bytes(t->context) > before; i++) rest(0.02);
    CHECK_INT(atomic_load(&ended), TIMES);
    CHECK_INT(leat_context_bytes(t->context), before);
}

static leat_status look_up(leat_context *c, void *arg)
{
    struct addrinfo *found;
    (void)arg;
    const char *why =
        leati_lookup(c, "localhost", "80", AI_NUMERICSERV, leati_now_s() + 30, &found);
    if (found) freeaddrinfo(found);
    return why && strcmp(why, "out of memory") == 0 ? LEAT_NOMEM : LEAT_OK;
}

static void allocations_may_fail(leattest *t)
{
    leattest_fail_allocations(t, look_up, NULL);
}

static const leattest_case cases[] = {TEST(digits_are_not_asked_for), TEST(names_are_waited_for),
                                      TEST(nobody_waits_longer), TEST(allocations_may_fail)};
LEATTEST_MAIN(cases)
