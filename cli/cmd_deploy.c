/* leat deploy: what runs servers beyond one: files for other programs, and driving these. */
#include <string.h>

#include "deploy.h"

static const cli_deploy_target *const targets[] = {&cli_deploy_haproxy, &cli_deploy_kubernetes};
enum { TARGETS = sizeof targets / sizeof *targets };

static const cli_option options[] = {
    {"output", 'o', "PATH",
     "haproxy: the file (default: standard output); kubernetes: the folder (default: NAME)", false},
    CLI_DEPLOY_HAPROXY_OPTIONS,
#define OPTION(key, name, kind, value, standard, least, most, doc)                                 \
    {name, 0, value, "kubernetes: " doc, false},
#include <leat/kubernetes_options.def>
#undef OPTION
    {0}};

/* Options of other targets are refused: they would do nothing. */
static leat_status check_options(cli *c, const cli_deploy_target *t)
{
    for (int i = 0; i < c->given_count; i++) {
        const cli_option *o = c->given[i].option;
        bool known = o < options || o >= options + sizeof options / sizeof *options;
        for (const char *const *name = t->options; !known && *name; name++)
            known = strcmp(*name, o->name) == 0;
        if (!known) return cli_usage(c, "leat deploy %s has no option --%s", t->name, o->name);
    }
    return LEAT_OK;
}

static leat_status run_deploy(cli *c)
{
    const cli_deploy_target *t = NULL;
    for (int i = 0; i < TARGETS; i++)
        if (strcmp(targets[i]->name, c->arguments[0]) == 0) t = targets[i];
    if (!t) {
        char known[200] = "";
        for (int i = 0; i < TARGETS; i++) {
            if (i) strcat(known, ", ");
            strcat(known, targets[i]->name);
        }
        return cli_usage(c, "leat deploy knows %s, not '%s'", known, c->arguments[0]);
    }
    leat_status st = check_options(c, t);
    return st == LEAT_OK ? t->run(c, c->count - 1, c->arguments + 1) : st;
}

const cli_command cli_command_deploy = {
    .name = "deploy",
    .arguments =
        "haproxy SERVER ... | haproxy status|drain|enable|weight|canary ... | kubernetes NAME",
    .least = 1,
    .most = -1,
    .summary = "several servers: files for other programs, and driving these",
    .details =
        "leat deploy haproxy SERVER ... writes the configuration of HAProxy in front of servers of "
        "Leat; a server is [NAME=]HOST:PORT[/AGENT], AGENT being the port of its agent check (leat "
        "serve --agent-check). With --canary, a share of the requests goes to other servers.\n"
        "Through the runtime socket: status; drain SERVER and enable SERVER; weight SERVER "
        "PERCENT; "
        "canary [PERCENT] tells or sets the share, now and in the map's file.\n"
        "leat deploy kubernetes NAME writes manifests (kubectl apply -k FOLDER) and a Dockerfile "
        "for "
        "models in the image, on a volume or from the registry.",
    .examples = "  leat deploy haproxy a=10.0.0.1:8080/8081 b=10.0.0.2:8080/8081 --listen :80 -o "
                "haproxy.cfg\n"
                "  leat deploy haproxy canary 5\n"
                "  leat deploy haproxy drain stable/a\n"
                "  leat deploy kubernetes iris --image registry.example/iris:3 --replicas 3 -o k8s",
    .options = options,
    .run = run_deploy,
};
