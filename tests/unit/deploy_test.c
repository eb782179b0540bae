/* Configurations of HAProxy as text, what is refused in them, its statistics, and the load that a
 * server tells. */
#include <leat/haproxy.h>

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "deploy/haproxy_config.h"
#include "deploy/haproxy_stat.h"
#include "serve/busy.h"
#include "support/leattest.h"

static const char *const two[] = {"a=10.0.0.1:8080/8081", "10.0.0.2:8080/8081"};
static const char *const one[] = {"web.example.org:8080"};

/* Everything that an option can change. */
static leat_haproxy_options full_options(void)
{
    static const char *const canary[] = {"next=[2001:db8::1]:8080/8081"};
    static const char *const peers[] = {"left=10.0.0.8:1024", "right=10.0.0.9:1024"};
    leat_haproxy_options o = leat_haproxy_options_default();
    o.servers = two;
    o.server_count = 2;
    o.canary = canary;
    o.canary_count = 1;
    o.listen = ":443";
    o.balance = "least-load";
    o.tls_cert = "/etc/ssl/site.pem";
    o.server_ca = "/etc/ssl/ca.pem";
    o.socket = "/run/p.sock";
    o.map = "/etc/p.map";
    o.canary_key = "X-User";
    o.stick = "X-Session";
    o.peers = peers;
    o.peer_count = 2;
    o.slots = 4;
    o.connections = 200;
    o.timeout = 2.5;
    o.check_interval = 0.5;
    o.slow_start = 3;
    return o;
}

/* `text` equals the file tests/golden/NAME. */
static void check_golden(leattest *t, const char *name, const char *text)
{
    char path[512];
    leati_bytes want;
    snprintf(path, sizeof path, "%s/tests/golden/%s", LEATTEST_SOURCE_DIR, name);
    REQUIRE_OK(leati_file_read(t->context, &want, path));
    bool same = want.size == strlen(text) && memcmp(want.data, text, want.size) == 0;
    if (!CHECK(same)) printf("%s", text);
    leati_bytes_release(&want);
}

static void config_is_as_written(leattest *t)
{
    leat_haproxy_options small = leat_haproxy_options_default(), full = full_options();
    leati_str s;
    small.servers = one;
    small.server_count = 1;
    leati_str_init(&s, t->context);
    if (CHECK_OK(leati_haproxy_config(t->context, &small, &s)))
        check_golden(t, "haproxy_small.cfg", leati_str_text(&s));
    leati_str_clear(&s);
    if (CHECK_OK(leati_haproxy_config(t->context, &full, &s)))
        check_golden(t, "haproxy_full.cfg", leati_str_text(&s));
    leati_str_fini(&s);
}

static const char *const ways[] = {"least-connections", "round-robin", "random", "power-of-two",
                                   "least-load"};

static void haproxy_takes_it(leattest *t)
{
    char command[2048], path[512], map[512];
    if (system("haproxy -v >/dev/null 2>&1") != 0) {
        leattest_skip(t, "haproxy is not installed");
        return;
    }
    snprintf(path, sizeof path, "%s", leattest_scratch("haproxy.cfg"));
    snprintf(map, sizeof map, "%s", leattest_scratch("p.map"));
    REQUIRE_OK(leat_haproxy_write_share(t->context, map, 2.5));
    snprintf(command, sizeof command, "haproxy -c -q -L left -f %s >/dev/null 2>&1", path);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        leat_haproxy_options o = full_options();
        o.map = map;
        o.balance = ways[i];
        o.tls_cert = o.server_ca = NULL; /* files that are not there */
        CHECK_OK(leat_haproxy_write(t->context, &o, path));
        if (!CHECK_INT(system(command), 0)) printf("    %s\n", ways[i]);
    }
}

typedef struct wrong {
    const char *what, *value, *words;
} wrong;

static const wrong wrongs[] = {
    {"server", "10.0.0.1", "HOST:PORT"},
    {"server", "10.0.0.1:0", "HOST:PORT"},
    {"server", "10.0.0.1:65536", "HOST:PORT"},
    {"server", "10.0.0.1:80x", "HOST:PORT"},
    {"server", "10.0.0.1:8080/", "HOST:PORT"},
    {"server", ":8080", "HOST:PORT"},
    {"server", "", "HOST:PORT"},
    {"server", "a b:8080", "HOST:PORT"},
    {"server", "h:80\n    server evil 6.6.6.6:80", "HOST:PORT"},
    {"server", "h:80 check", "HOST:PORT"},
    {"server", "x\ny=h:80", "the name of a server"},
    {"server", "-x=h:80", "the name of a server"},
    {"server", "a#b=h:80", "the name of a server"},
    {"server", "=h:80", "HOST:PORT"},
    {"balance", "weighted", "no way to balance"},
    {"balance", "least-conections", "did you mean 'least-connections'"},
    {"listen", ":443 ssl crt /etc/shadow", "listen on"},
    {"listen", "8080", "listen on"},
    {"map", "/a,b)", "the map"},
    {"map", "/a b", "the map"},
    {"map", "", "the map"},
    {"socket", "/run/x level admin", "the runtime socket"},
    {"socket", "/run/$HOME", "the runtime socket"},
    {"tls-cert", "/x\"y", "the certificate"},
    {"tls-cert", "/x'y", "the certificate"},
    {"key", "X-User) -m found } #", "header"},
    {"key", "", "header"},
    {"stick", "X User", "header"},
    {"peer", "10.0.0.1:1024", "peer"},
    {"peer", "a b=10.0.0.1:1024", "peer"},
    {"observe", "everywhere", "statistics"},
};

static void hostile_words_are_refused(leattest *t)
{
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        const wrong *w = &wrongs[i];
        leat_haproxy_options o = full_options();
        if (strcmp(w->what, "server") == 0) o.servers = &w->value, o.server_count = 1;
        else if (strcmp(w->what, "balance") == 0) o.balance = w->value;
        else if (strcmp(w->what, "listen") == 0) o.listen = w->value;
        else if (strcmp(w->what, "map") == 0) o.map = w->value;
        else if (strcmp(w->what, "socket") == 0) o.socket = w->value;
        else if (strcmp(w->what, "tls-cert") == 0) o.tls_cert = w->value;
        else if (strcmp(w->what, "key") == 0) o.canary_key = w->value;
        else if (strcmp(w->what, "stick") == 0) o.stick = w->value;
        else if (strcmp(w->what, "peer") == 0) o.peers = &w->value, o.peer_count = 1;
        else o.observe = w->value;
        leati_str s;
        leati_str_init(&s, t->context);
        if (!CHECK_FAILS(leati_haproxy_config(t->context, &o, &s), LEAT_INVALID, w->words))
            printf("    %s '%s'\n", w->what, w->value);
        CHECK_INT(s.length, 0);
        leati_str_fini(&s);
    }
}

static void contradictions_are_refused(leattest *t)
{
    static const char *const twice[] = {"a=h:1/2", "a=h:2/2"}, *const clash[] = {"server2=h:1/2",
                                                                                 "h:2/2"};
    static const char *const deaf[] = {"h:80"};
    leati_str s;
    leati_str_init(&s, t->context);
    leat_haproxy_options o = full_options();
    o.servers = twice;
    CHECK_FAILS(leati_haproxy_config(t->context, &o, &s), LEAT_INVALID, "two servers|'a'");
    o.servers = clash;
    CHECK_FAILS(leati_haproxy_config(t->context, &o, &s), LEAT_INVALID, "two servers|'server2'");
    static const char *const again[] = {"a=web.example:1/2", "WEB.example:1/3"};
    o.servers = again;
    CHECK_FAILS(leati_haproxy_config(t->context, &o, &s), LEAT_INVALID,
                "WEB.example:1 stands twice|as a and server2");
    o.servers = deaf;
    o.server_count = 1;
    CHECK_FAILS(leati_haproxy_config(t->context, &o, &s), LEAT_INVALID, "least-load|agent");
    static const char *const slot[] = {"a=h:1/2", "slot3=h:2/2"};
    static const char *const beyond[] = {"slot5=h:1/2", "slot03=h:2/2"};
    static const char *const backup[] = {"backup-slot5=h:3/4"};
    o = full_options();
    o.servers = slot;
    o.slots = 4;
    CHECK_FAILS(leati_haproxy_config(t->context, &o, &s), LEAT_INVALID,
                "'slot3'|name of a slot|slot1 to slot4|a=h:2/2");
    o.servers = beyond;
    CHECK_OK(leati_haproxy_config(t->context, &o, &s));
    o.canary = backup;
    o.canary_count = 1;
    CHECK_FAILS(leati_haproxy_config(t->context, &o, &s), LEAT_INVALID,
                "'backup-slot5'|server 'slot5' as a backup");
    o = full_options();
    o.stick = NULL;
    CHECK_FAILS(leati_haproxy_config(t->context, &o, &s), LEAT_INVALID, "peers");
    o = leat_haproxy_options_default();
    CHECK_FAILS(leati_haproxy_config(t->context, &o, &s), LEAT_INVALID, "no server");
    o = full_options();
    o.timeout = (double)NAN;
    CHECK_FAILS(leati_haproxy_config(t->context, &o, &s), LEAT_INVALID, "time of an answer");
    o.timeout = -1;
    CHECK_FAILS(leati_haproxy_config(t->context, &o, &s), LEAT_INVALID, "time of an answer");
    CHECK_FAILS(leat_haproxy_write_share(t->context, leattest_scratch("m"), 100.5), LEAT_INVALID,
                "100.5");
    CHECK_FAILS(leat_haproxy_write_share(t->context, leattest_scratch("m"), (double)NAN),
                LEAT_INVALID, "percent");
    leati_str_fini(&s);
}

static void slow_start_can_be_left_out(leattest *t)
{
    leat_haproxy_options o = leat_haproxy_options_default();
    leati_str s;
    o.servers = one;
    o.server_count = 1;
    o.slow_start = -1;
    leati_str_init(&s, t->context);
    CHECK_OK(leati_haproxy_config(t->context, &o, &s));
    CHECK(!strstr(leati_str_text(&s), "slowstart"));
    CHECK(strstr(leati_str_text(&s), "rise 2 init-addr"));
    leati_str_fini(&s);
}

static void statistics_are_read(leattest *t)
{
    static const char head[] = "# pxname,svname,qcur,scur,stot,econ,eresp,wretr,wredis,status,"
                               "weight,type,check_status,agent_status,addr,\n";
    char text[2000];
    leat_haproxy_list *l = NULL;
    snprintf(
        text, sizeof text,
        "%sleat,FRONTEND,,3,10,,,,,OPEN,,0,,,,\n\nstable,a,1,2,7,3,4,5,6,UP 1/2,75,2,L7OK,L7OK,"
        "127.0.0.1:80,\nstable,\"b,\"\"c\"\"\",,,,,,,,DOWN,-1,2,L4CON,,\n",
        head);
    if (CHECK_OK(leati_haproxy_stat_read(t->context, text, &l))) {
        CHECK_INT(leat_haproxy_list_count(l), 2);
        const leat_haproxy_server *a = leat_haproxy_list_at(l, 0), *b = leat_haproxy_list_at(l, 1);
        CHECK_STR(a->backend, "stable");
        CHECK_STR(a->name, "a");
        CHECK_STR(a->status, "UP 1/2");
        CHECK_STR(a->address, "127.0.0.1:80");
        CHECK_INT(a->weight, 75);
        CHECK_INT(a->queued, 1);
        CHECK_INT(a->sessions, 2);
        CHECK_INT(a->requests, 7);
        CHECK_INT(a->errors, 7);
        CHECK_INT(a->retries, 5);
        CHECK_INT(a->redispatches, 6);
        CHECK_STR(b->name, "b,\"c\"");
        CHECK_INT(b->weight, 0);
        CHECK(!leat_haproxy_list_at(l, 2));
    }
    leat_haproxy_list_destroy(l);
    CHECK_FAILS(leati_haproxy_stat_read(t->context, "", &l), LEAT_FORMAT, "empty");
    CHECK_FAILS(leati_haproxy_stat_read(t->context, "Unknown command\n", &l), LEAT_FORMAT,
                "columns");
    CHECK_FAILS(leati_haproxy_stat_read(t->context, "# pxname,svname\n", &l), LEAT_FORMAT,
                "no column 'qcur'");
}

static void nobody_answers(leattest *t)
{
    leat_haproxy *h;
    CHECK_FAILS(leat_haproxy_open(t->context, &h, leattest_scratch("absent.sock")), LEAT_NETWORK,
                "no connection|does HAProxy run");
    CHECK_FAILS(leat_haproxy_open(t->context, &h, "a b:80"), LEAT_INVALID, "HOST:PORT");
}

/* --- a runtime socket that says what it is told ------------------------------------------------
 */

#define STAT_HEAD                                                                                  \
    "# pxname,svname,qcur,scur,stot,econ,eresp,wretr,wredis,status,weight,type,check_status,"      \
    "agent_status,addr,\n"

static const char *const replies[][2] = {
    {"show info", "Name: HAProxy\nVersion: 2.6\n\n"},
    {"show stat", STAT_HEAD "stable,a,,,,,,,,UP,100,2,,,,\nstable,b,,,,,,,,UP,100,2,,,,\n"
                            "canary,b,,,,,,,,UP,100,2,,,,\n\n"},
    {"set server stable/a state drain", "\n"},
    {"set server stable/a state ready", "\n"},
    {"set server stable/a state maint", "\n"},
    {"set server stable/a weight 5%", "\n"},
    {"set server stable/a addr 10.0.0.1 port 80", "IP changed from '1' to '2'\n\n"},
    {"set server stable/a addr ::1 port 80", "no need to change the addr\n\n"},
    {"set server canary/b", "No such server.\n\n"},
    {"set server stable/b", "Permission denied\n\n"},
    {"set map /new share 500", "entry not found.\n\n"},
    {"set map", "\n"},
    {"add map /new share 500", "\n"},
    {"get map /absent", "Unknown map identifier. Please use #<id> or <file>.\n\n"},
    {"get map /empty", "type=str, case=sensitive, found=no\n\n"},
    {"get map",
     "type=str, case=sensitive, found=yes, key=\"share\", value=\"250\", type=\"str\"\n"},
};

typedef struct fake {
    int fd;
    char path[64], last[300];
    atomic_bool stranger; /* it is no HAProxy */
    pthread_t thread;
} fake;

static void *speak(void *arg)
{
    fake *f = arg;
    for (int fd; (fd = accept(f->fd, NULL, NULL)) >= 0; close(fd)) {
        ssize_t n = recv(fd, f->last, sizeof f->last - 1, 0);
        f->last[n > 0 ? n : 0] = '\0';
        const char *say = "Unknown command\n";
        for (size_t i = 0; i < sizeof replies / sizeof *replies && !f->stranger; i++)
            if (strncmp(f->last, replies[i][0], strlen(replies[i][0])) == 0) {
                say = replies[i][1];
                break;
            }
        if (send(fd, say, strlen(say), MSG_NOSIGNAL) < 0) continue;
    }
    return NULL;
}

static bool fake_start(leattest *t, fake *f)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    *f = (fake){.fd = socket(AF_UNIX, SOCK_STREAM, 0)};
    snprintf(f->path, sizeof f->path, "/tmp/leattest-fake-%ld.sock", (long)getpid());
    snprintf(at.sun_path, sizeof at.sun_path, "%s", f->path);
    unlink(f->path);
    return CHECK(bind(f->fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(f->fd, 8) == 0 &&
                 pthread_create(&f->thread, NULL, speak, f) == 0);
}

static void fake_stop(fake *f)
{
    shutdown(f->fd, SHUT_RDWR);
    pthread_join(f->thread, NULL);
    close(f->fd);
    unlink(f->path);
}

static leat_status drive(leat_context *c, void *arg)
{
    leat_haproxy *h = NULL;
    leat_haproxy_list *l = NULL;
    double share = 0;
    char map[512];
    snprintf(map, sizeof map, "%s", leattest_scratch("driven.map"));
    leat_status st = leat_haproxy_open(c, &h, arg);
    if (st == LEAT_OK) st = leat_haproxy_servers(h, &l);
    leat_haproxy_list_destroy(l);
    if (st == LEAT_OK) st = leat_haproxy_drain(h, "a");
    if (st == LEAT_OK) st = leat_haproxy_enable(h, "stable/a");
    if (st == LEAT_OK) st = leat_haproxy_disable(h, "a");
    if (st == LEAT_OK) st = leat_haproxy_set_weight(h, "stable/a", 5);
    if (st == LEAT_OK) st = leat_haproxy_set_address(h, "a", "10.0.0.1:80");
    if (st == LEAT_OK) st = leat_haproxy_set_address(h, "a", "[::1]:80");
    if (st == LEAT_OK) st = leat_haproxy_set_share(h, map, 2.5);
    if (st == LEAT_OK) st = leat_haproxy_share(h, map, &share);
    if (st == LEAT_OK && share != 2.5) st = LEAT_INTERNAL;
    leat_haproxy_close(h);
    return st;
}

static void a_proxy_is_driven(leattest *t)
{
    fake f;
    leat_haproxy *h = NULL;
    double share = -1;
    if (!fake_start(t, &f)) return;
    CHECK_OK(drive(t->context, f.path));
    if (CHECK_OK(leat_haproxy_open(t->context, &h, f.path))) {
        CHECK_FAILS(leat_haproxy_drain(h, "b"), LEAT_INVALID, "2 backends|BACKEND/NAME");
        CHECK_FAILS(leat_haproxy_drain(h, "canary/b"), LEAT_NOT_FOUND, "No such server");
        CHECK_FAILS(leat_haproxy_drain(h, "stable/b"), LEAT_IO, "Permission denied");
        CHECK_FAILS(leat_haproxy_drain(h, "none"), LEAT_NOT_FOUND, "no server 'none'");
        CHECK_FAILS(leat_haproxy_drain(h, "a/b/c"), LEAT_INVALID, "a name has");
        CHECK_FAILS(leat_haproxy_drain(h, "a\nshow env"), LEAT_INVALID, "a name has");
        CHECK_FAILS(leat_haproxy_set_weight(h, "a", 101), LEAT_INVALID, "101%");
        CHECK_FAILS(leat_haproxy_set_address(h, "a", "x"), LEAT_INVALID, "HOST:PORT");
        CHECK_FAILS(leat_haproxy_set_share(h, "/x;y", 1), LEAT_INVALID, "the map");
        CHECK_FAILS(leat_haproxy_set_share(h, "/x", -1), LEAT_INVALID, "0 to 100");
        CHECK_FAILS(leat_haproxy_share(h, "/absent", &share), LEAT_NOT_FOUND, "Unknown map");
        CHECK_OK(leat_haproxy_share(h, "/empty", &share));
        CHECK_NEAR(share, 0, 0, 0);
        /* A share that is not in the map yet; the file cannot be written at the root. */
        if (geteuid() != 0)
            CHECK_FAILS(leat_haproxy_set_share(h, "/new", 5), LEAT_IO, "a reload|forget");
        f.stranger = true;
        leat_haproxy_list *l;
        CHECK_FAILS(leat_haproxy_servers(h, &l), LEAT_FORMAT, "columns");
    }
    leat_haproxy_close(h);
    CHECK_FAILS(leat_haproxy_open(t->context, &h, f.path), LEAT_FORMAT, "not HAProxy");
    f.stranger = false;
    leattest_fail_allocations(t, drive, f.path);
    fake_stop(&f);
}

static leat_status write_all(leat_context *c, void *arg)
{
    leat_haproxy_options o = full_options();
    (void)arg;
    leat_status st = leat_haproxy_write(c, &o, leattest_scratch("failing.cfg"));
    if (st == LEAT_OK) st = leat_haproxy_write_share(c, leattest_scratch("failing.map"), 1);
    return st;
}

static leat_status read_stat(leat_context *c, void *arg)
{
    leat_haproxy_list *l;
    leat_status st = leati_haproxy_stat_read(c, arg, &l);
    if (st == LEAT_OK) leat_haproxy_list_destroy(l);
    return st;
}

static void allocations_may_fail(leattest *t)
{
    char text[] = "# pxname,svname,qcur,scur,stot,econ,eresp,wretr,wredis,status,weight,type,"
                  "check_status,agent_status,addr\ns,a,,,,,,,,UP,1,2,,,\n";
    leattest_fail_allocations(t, write_all, NULL);
    leattest_fail_allocations(t, read_stat, text);
}

/* Half busy for long is 50%; waiting requests halve what is left; nothing is ever 0. */
static void weight_follows_the_load(leattest *t)
{
    leati_busy b = {0};
    CHECK_INT(leati_busy_weight(&b), 100);
    for (int i = 0; i < 100; i++) leati_busy_add(&b, 0.1, 0.1, 0, 2);
    CHECK_INT(leati_busy_weight(&b), 50);
    for (int i = 0; i < 100; i++) leati_busy_add(&b, 0.1, 0.1, 2, 2);
    CHECK_INT(leati_busy_weight(&b), 25);
    for (int i = 0; i < 100; i++) leati_busy_add(&b, 0.1, 9, 50, 2);
    CHECK_INT(leati_busy_weight(&b), LEATI_BUSY_LEAST);
    for (int i = 0; i < 100; i++) leati_busy_add(&b, 0.1, 0, 0, 2);
    CHECK_INT(leati_busy_weight(&b), 100);
    /* One second is one time constant, in one step or in ten. */
    leati_busy whole = {0}, parts = {0};
    leati_busy_add(&whole, 1, 2, 0, 2);
    for (int i = 0; i < 10; i++) leati_busy_add(&parts, 0.1, 0.2, 0, 2);
    CHECK_NEAR(whole.share, 1 - exp(-1), 1e-12, 0);
    CHECK_NEAR(parts.share, whole.share, 1e-12, 0);
}

static const leattest_case cases[] = {TEST(config_is_as_written),
                                      TEST(haproxy_takes_it),
                                      TEST(hostile_words_are_refused),
                                      TEST(contradictions_are_refused),
                                      TEST(slow_start_can_be_left_out),
                                      TEST(statistics_are_read),
                                      TEST(nobody_answers),
                                      TEST(a_proxy_is_driven),
                                      TEST(allocations_may_fail),
                                      TEST(weight_follows_the_load)};
LEATTEST_MAIN(cases)
