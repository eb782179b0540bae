/* leat scale: as many servers as the load needs. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <leat/scale.h>

#include "command.h"

/* Ctrl-C or SIGTERM: the workers are ended, then this. */
static volatile sig_atomic_t stop;

static void on_end(int got)
{
    if (stop) _exit(128 + got);
    stop = 1;
}

/* SIGHUP, where no terminal was closed: logs were renamed. */
static volatile sig_atomic_t reopen;

static void on_hang_up(int got)
{
    (void)got;
    reopen = 1;
}

static void tell_json(cli *c, const leat_scale_event *e)
{
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "event", e->what);
    leat_json_string(j, "address", e->address);
    if (e->pid) leat_json_int(j, "pid", e->pid);
    leat_json_int(j, "workers", e->workers);
    if (e->load == e->load) leat_json_number(j, "load", e->load);
    leat_json_end_object(j);
    if (cli_print_json(c, j) != LEAT_OK) leat_error_clear(c->context);
}

static void tell(void *user, const leat_scale_event *e)
{
    cli *c = user;
    if (c->json) tell_json(c, e);
    else if (strcmp(e->what, "serving") == 0) cli_say(c, "serving at http://%s\n", e->address);
    else if (e->pid) {
        cli_say(c, "%-8s worker %ld, %u serve", e->what, e->pid, e->workers);
        if (e->load == e->load) cli_say(c, ", %.0f%% busy", 100 * e->load);
        cli_say(c, "\n");
    }
    fflush(stdout);
}

static leat_status read_number(cli *c, const char *option, double least, double most, double *out)
{
    const char *text = cli_value(c, option);
    char *end;
    if (!text) return LEAT_OK;
    double value = strtod(text, &end);
    if (!*text || *end || !(value >= least && value <= most))
        return cli_usage(c, "--%s takes a number from %g to %g, not '%s'", option, least, most,
                         text);
    *out = value;
    return LEAT_OK;
}

static leat_status read_rule(cli *c, leat_scale_options *o)
{
    enum { MOST_TIME = 10000000 };
    leat_scale_rule *r = &o->rule;
    long least = r->least, most = r->most, threads = 1;
    double up = 100 * r->up, down = 100 * r->down;
    leat_status st = cli_whole(c, "min", 1, 1024, &least);
    if (least > most) most = least;
    if (st == LEAT_OK) st = cli_whole(c, "max", 1, 1024, &most);
    if (st == LEAT_OK) st = cli_whole(c, "threads-each", 1, 1024, &threads);
    if (st == LEAT_OK) st = read_number(c, "up", 0, 100, &up);
    if (st == LEAT_OK) st = read_number(c, "down", 0, 100, &down);
    if (st == LEAT_OK) st = read_number(c, "up-for", 0, MOST_TIME, &r->up_for);
    if (st == LEAT_OK) st = read_number(c, "down-for", 0, MOST_TIME, &r->down_for);
    if (st == LEAT_OK) st = read_number(c, "cool-down", 0, MOST_TIME, &r->cool_down);
    if (st == LEAT_OK) st = read_number(c, "window", 0, MOST_TIME, &r->window);
    if (st == LEAT_OK) st = read_number(c, "every", 0.1, 3600, &o->period);
    r->least = (uint32_t)least;
    r->most = (uint32_t)most;
    r->up = up / 100;
    r->down = down / 100;
    o->threads = (uint32_t)threads;
    return st;
}

static leat_status run_scale(cli *c)
{
    char program[4096];
    leat_scale_options o = leat_scale_options_default();
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n < 0)
        return leat_error_set(c->context, LEAT_UNSUPPORTED, "leat scale needs Linux's /proc");
    program[n] = '\0';
    leat_status st = read_rule(c, &o);
    if (st != LEAT_OK) return st;
    o.program = program;
    o.arguments = (const char *const *)c->arguments;
    o.argument_count = (size_t)c->count;
    o.listen = cli_value(c, "listen") ? cli_value(c, "listen") : "127.0.0.1:8080";
    o.haproxy = cli_value(c, "haproxy");
    o.backend = cli_value(c, "backend");
    o.state = cli_value(c, "state") ? cli_value(c, "state") : "leat-scale";
    o.told = tell;
    o.user = c;
    o.stop = &stop;
    o.reopen = &reopen;
    struct sigaction end = {.sa_handler = on_end}, hang_up = {.sa_handler = on_hang_up};
    sigaction(SIGINT, &end, NULL);
    sigaction(SIGTERM, &end, NULL);
    if (!isatty(STDOUT_FILENO)) sigaction(SIGHUP, &hang_up, NULL);
    return leat_scale_run(c->context, &o);
}

static const cli_option options[] = {
    {"listen", 'l', "HOST:PORT",
     "where all workers serve (default 127.0.0.1:8080); with --haproxy the first of them", false},
    {"haproxy", 0, "SOCKET",
     "the runtime socket of HAProxy: workers have ports of their own, from that of --listen on, "
     "and serve in its slots (leat deploy haproxy --slots)",
     false},
    {"backend", 0, "NAME", "the backend with the slots (default stable)", false},
    {"min", 0, "N", "workers at least (default 1)", false},
    {"max", 0, "N", "workers at most (default 4)", false},
    {"threads-each", 0, "N", "threads of a worker that answer (default 1)", false},
    {"up", 0, "PERCENT", "busy workers, on average, from which there are more (default 70)", false},
    {"down", 0, "PERCENT", "down to which there are fewer (default 25)", false},
    {"up-for", 0, "SECONDS", "how long it must have been that busy (default 10)", false},
    {"down-for", 0, "SECONDS", "how long it must have been that idle (default 120)", false},
    {"cool-down", 0, "SECONDS", "between two changes (default 30)", false},
    {"window", 0, "SECONDS", "in which the direction changes at most once (default 300)", false},
    {"every", 0, "SECONDS", "between two looks at the load (default 2)", false},
    {"state", 0, "FOLDER",
     "what outlives this process; by it the next one finds the workers "
     "(default leat-scale)",
     false},
    {0}};

const cli_command cli_command_scale = {
    .name = "scale",
    .arguments = "MODEL.leat|FOLDER|NAME@ALIAS ... [-- OPTIONS OF leat serve]",
    .least = 1,
    .most = -1,
    .summary = "as many servers as the load needs",
    .details =
        "Starts leat serve processes that share a port, and more or fewer of them by how busy "
        "their threads are: more where it lasted at --up for --up-for seconds, one less where it "
        "lasted at --down for --down-for and one less would do. Never two changes of direction "
        "within --window.\nWorkers leave without a failed request and are replaced when they die. "
        "If leat scale is killed they go on; started again with the same --state it takes them "
        "over. Ctrl-C or SIGTERM ends all, gently; SIGHUP has all open their logs anew.\nBehind "
        "HAProxy (--haproxy) each worker has a "
        "port "
        "of its own and a slot of the proxy, from when it serves until before it ends.",
    .examples = "  leat scale models/ --listen 0.0.0.0:8080 --max 8\n"
                "  leat scale iris.leat --state /var/lib/leat/iris -- --sandbox --keys yes",
    .options = options,
    .run = run_scale,
};
