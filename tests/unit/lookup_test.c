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
    CHECK(!leati_lookup_by(slow, t->context, NULL, "127.0.0.1", "8080", AI_NUMERICSERV, 0, &found));
    REQUIRE(found && found->ai_family == AF_INET);
    CHECK_INT(ntohs(((struct sockaddr_in *)found->ai_addr)->sin_port), 8080);
    freeaddrinfo(found);
    CHECK(!leati_lookup_by(slow, t->context, NULL, "::1", "80", AI_NUMERICSERV, 0, &found));
    REQUIRE(found && found->ai_family == AF_INET6);
    freeaddrinfo(found);
    CHECK(!leati_lookup_by(slow, t->context, NULL, NULL, "80", AI_NUMERICSERV | AI_PASSIVE, 0,
                           &found));
    freeaddrinfo(found);
    CHECK_INT(atomic_load(&asked), 0);
}

/* Where the system's own reader takes the lower 16 bits of a number. */
static void ports_are_numbers_of_16_bits(leattest *t)
{
    static const char *const wrong[] = {"65536", "99999", "4294967376", "+80",
                                        " 80",   "-1",    "80x",        ""};
    struct addrinfo *found;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *why = leati_lookup(t->context, NULL, "127.0.0.1", wrong[i], AI_NUMERICSERV,
                                       leati_now_s() + 30, &found);
        CHECK(why && !found);
        if (why) CHECK_STR(why, "the port is no number from 0 to 65535");
    }
    CHECK(!leati_lookup(t->context, NULL, "127.0.0.1", "65535", AI_NUMERICSERV, 0, &found));
    if (found) freeaddrinfo(found);
}

static void names_are_waited_for(leattest *t)
{
    struct addrinfo *found;
    double until = leati_now_s() + 30;
    const char *why = leati_lookup_by(slow, t->context, NULL, "slow.example", "80", AI_NUMERICSERV,
                                      until, &found);
    CHECK(!why);
    REQUIRE(found);
    freeaddrinfo(found);
    why = leati_lookup_by(slow, t->context, NULL, "none.example", "80", AI_NUMERICSERV, until,
                          &found);
    CHECK(why && !found);
    if (why) CHECK_STR(why, gai_strerror(EAI_NONAME));
    CHECK(!leati_lookup(t->context, NULL, "localhost", "80", AI_NUMERICSERV, until, &found));
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
        const char *why = leati_lookup_by(slow, t->context, NULL, "slow.example", "80",
                                          AI_NUMERICSERV, leati_now_s() + 0.05, &found);
        CHECK(why && strstr(why, "in time") && !found);
    }
    CHECK(leati_now_s() - start < 0.9);
    for (int i = 0; i < 500 && leat_context_bytes(t->context) > before; i++) rest(0.02);
    CHECK_INT(atomic_load(&ended), TIMES);
    CHECK_INT(leat_context_bytes(t->context), before);
}

static atomic_bool hangs;

/* A name server that does not answer for as long as it hangs. */
static int hanging(const char *host, const char *port, const struct addrinfo *hints,
                   struct addrinfo **out)
{
    struct addrinfo numeric = *hints;
    (void)host;
    atomic_fetch_add(&asked, 1);
    while (atomic_load(&hangs)) rest(0.005);
    numeric.ai_flags |= AI_NUMERICHOST;
    int error = getaddrinfo("127.0.0.1", port, &numeric, out);
    atomic_fetch_add(&ended, 1);
    return error;
}

static const char *ask(leattest *t, leati_lookups *lookups, double seconds)
{
    struct addrinfo *found;
    const char *why = leati_lookup_by(hanging, t->context, lookups, "hangs.example", "80",
                                      AI_NUMERICSERV, leati_now_s() + seconds, &found);
    if (found) freeaddrinfo(found);
    return why;
}

/* However often it is tried, a resolver that hangs holds a few threads; when it answers again, so
 * does it here. */
static void threads_are_few(leattest *t)
{
    enum { TIMES = 12 };
    uint64_t before = leat_context_bytes(t->context);
    leati_lookups *lookups = leati_lookups_create(t->context);
    REQUIRE(lookups);
    atomic_store(&asked, 0);
    atomic_store(&ended, 0);
    atomic_store(&hangs, true);
    for (int i = 0; i < TIMES; i++) {
        const char *why = ask(t, lookups, 0.02);
        const char *expected = i < LEATI_LOOKUPS_MOST ? "in time" : "was not asked for";
        if (!CHECK(why && strstr(why, expected))) printf("  %d: %s\n", i, why ? why : "found");
    }
    for (int i = 0; i < 500 && atomic_load(&asked) < LEATI_LOOKUPS_MOST; i++) rest(0.01);
    CHECK_INT(atomic_load(&asked), LEATI_LOOKUPS_MOST);
    leati_lookups *other = leati_lookups_create(t->context); /* another name has turns of its own */
    REQUIRE(other);
    const char *late = ask(t, other, 0.02);
    CHECK(late && strstr(late, "in time"));
    leati_lookups_release(other);
    atomic_store(&hangs, false);
    CHECK(!ask(t, lookups, 30));
    leati_lookups_release(lookups);
    for (int i = 0; i < 500 && leat_context_bytes(t->context) > before; i++) rest(0.02);
    CHECK_INT(atomic_load(&ended), LEATI_LOOKUPS_MOST + 2);
    CHECK_INT(leat_context_bytes(t->context), before);
}

static leat_status look_up(leat_context *c, void *arg)
{
    struct addrinfo *found;
    (void)arg;
    leati_lookups *lookups = leati_lookups_create(c);
    if (!lookups) return leat_error_status(c);
    const char *why =
        leati_lookup(c, lookups, "localhost", "80", AI_NUMERICSERV, leati_now_s() + 30, &found);
    if (found) freeaddrinfo(found);
    leati_lookups_release(lookups);
    return why && strcmp(why, "out of memory") == 0 ? LEAT_NOMEM : LEAT_OK;
}

static void allocations_may_fail(leattest *t)
{
    leattest_fail_allocations(t, look_up, NULL);
}

static const leattest_case cases[] = {
    TEST(digits_are_not_asked_for), TEST(ports_are_numbers_of_16_bits),
    TEST(names_are_waited_for),     TEST(nobody_waits_longer),
    TEST(threads_are_few),          TEST(allocations_may_fail)};
LEATTEST_MAIN(cases)
