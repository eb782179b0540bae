/* leat serve: models as a service. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <leat/serve.h>

#include "command.h"
#include "registry.h"
#include "watching.h"

enum { DRAIN_SECONDS = 25 };

static leat_status read_options(cli *c, leat_serve_options *o)
{
    long workers = 0, body = 0, model = 0, rows = 0, delay = 0, queue = 0, cache = 0;
    long bodies = 0, uploads = 0, versions = 0, stored = 0;
    *o = leat_serve_options_default();
    o->models = (const char *const *)c->arguments;
    o->model_count = (size_t)c->count;
    o->listen = cli_value(c, "listen");
    o->tls_cert = cli_value(c, "tls-cert");
    o->tls_key = cli_value(c, "tls-key");
    o->control = cli_value(c, "control");
    o->keys = cli_value(c, "keys");
    o->state = cli_value(c, "state");
    o->pool = cli_value(c, "pool");
    o->sandbox = cli_has(c, "sandbox");
    o->share_port = cli_has(c, "share-port");
    o->agent_check = cli_value(c, "agent-check");
    o->registry = cli_value(c, "registry");
    o->objects = cli_value(c, "objects");
    leat_status st = cli_whole(c, "workers", 1, 1024, &workers);
    if (st == LEAT_OK) st = cli_whole(c, "max-body", 1, 1 << 20, &body);
    if (st == LEAT_OK) st = cli_whole(c, "max-model", 1, 1 << 20, &model);
    if (st == LEAT_OK) st = cli_whole(c, "max-requests", 1, 1 << 20, &bodies);
    if (st == LEAT_OK) st = cli_whole(c, "max-uploads", 1, 1 << 20, &uploads);
    if (st == LEAT_OK) st = cli_whole(c, "max-versions", 1, 1 << 30, &versions);
    if (st == LEAT_OK) st = cli_whole(c, "max-stored", 1, 1 << 30, &stored);
    if (st == LEAT_OK) st = cli_whole(c, "batch-rows", 1, 128, &rows);
    if (st == LEAT_OK) st = cli_whole(c, "batch-delay", 0, 1000000, &delay);
    if (st == LEAT_OK) st = cli_whole(c, "cache", 1, 1 << 20, &cache);
    if (st == LEAT_OK) st = cli_whole(c, "queue", 1, 1 << 20, &queue);
    o->workers = (uint32_t)workers;
    o->batch_rows = (uint32_t)rows;
    o->batch_delay_us = (uint32_t)delay;
    o->queue = (uint32_t)queue;
    o->cache = (size_t)cache << 20;
    o->max_body = (size_t)body << 20;
    o->max_model = (size_t)model << 20;
    o->max_requests = (size_t)bodies << 20;
    o->max_uploads = (size_t)uploads << 20;
    o->max_versions = (uint32_t)versions;
    o->max_stored = (size_t)stored << 20;
    return st;
}

static leat_status say_json(cli *c, const leat_server *server)
{
    const char *name, *estimator;
    uint32_t version;
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "url", leat_server_url(server));
    leat_json_int(j, "workers", leat_server_workers(server));
    if (leat_server_metrics_url(server))
        leat_json_string(j, "metrics", leat_server_metrics_url(server));
    leat_json_begin_array(j, "models");
    for (size_t i = 0; leat_server_model(server, i, &name, &version, &estimator); i++) {
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "name", name);
        leat_json_int(j, "version", version);
        leat_json_string(j, "estimator", estimator);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
    leat_json_end_object(j);
    leat_status st = cli_print_json(c, j);
    fflush(stdout);
    return st;
}

/* How the first model is asked. A socket has no page that a browser opens; graphs take tensors. */
static void say_how(cli *c, const char *url, const char *name, bool graph)
{
    const char *before = graph ? "v2/models/" : "api/v1/", *after = graph ? "/infer" : "";
    if (strncmp(url, "unix:", 5) == 0) {
        if (!graph) cli_say(c, "  try it      leat call %s --servers %s\n", name, url);
        cli_say(c, "  with curl   curl --unix-socket %s http://localhost/%s%s%s\n", url + 5, before,
                name, after);
    } else {
        cli_say(c,
                "  try it      %s/\n  from C, Python, ...  POST %s/%s%s%s\n"
                "  protocol    %s/v2   described at %s/openapi.json\n",
                url, url, before, name, after, url, url);
    }
}

/* What is served, and where. */
static leat_status say(cli *c, const leat_server *server)
{
    const char *name, *estimator, *url = leat_server_url(server);
    uint32_t version, n = leat_server_workers(server);
    if (c->json) return say_json(c, server);
    for (size_t i = 0; leat_server_model(server, i, &name, &version, &estimator); i++)
        cli_say(c, "  %-20s version %u, %s\n", name, version, estimator);
    cli_say(c, "serving at %s, %u worker%s\n", url, n, n == 1 ? "" : "s");
    if (cli_has(c, "sandbox")) cli_say(c, "in a sandbox\n");
    if (leat_server_agent_port(server))
        cli_say(c, "tells its load to HAProxy at port %u\n", leat_server_agent_port(server));
    if (leat_server_metrics_url(server))
        cli_say(c, "  metrics     %s/metrics\n", leat_server_metrics_url(server));
    if (leat_server_asks_for_keys(server)) cli_say(c, "asks for keys: leat key add NAME\n");
    if (leat_server_model(server, 0, &name, &version, &estimator))
        say_how(c, url, name, strcmp(estimator, "onnx") == 0);
    fflush(stdout);
    return LEAT_OK;
}

/* A second signal while the server drains ends at once. */
static void *impatient(void *arg)
{
    int got;
    sigwait(arg, &got);
    _exit(128 + got);
}

static void begin_anew(cli *c, leat_server *server)
{
    leat_server_reopen_logs(server);
    if (leat_server_renew_certificate(c->context, server) == LEAT_OK) return;
    fprintf(stderr, "leat serve: the certificate stays as it was: %s\n",
            leat_error_message(c->context));
    leat_error_clear(c->context);
}

/* Waits for the signal to end; SIGHUP has the logs opened anew, and the certificate. */
static void wait_for_the_end(cli *c, const sigset_t *waited, leat_server *server)
{
    int got;
    while (sigwait(waited, &got) == 0 && got == SIGHUP) begin_anew(c, server);
}

static leat_status run_serve(cli *c)
{
    leat_serve_options o;
    leat_server *server;
    sigset_t ends, waited;
    char **names = NULL;
    leat_status st = read_options(c, &o);
    if (st == LEAT_OK) st = cli_watching(c, &o, &names);
    if (st != LEAT_OK) {
        free(names);
        return st;
    }
    /* Threads of the server inherit this: signals are waited for, not handled. */
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    waited = ends;
    if (o.access_log || o.prediction_log || o.tls_cert) sigaddset(&waited, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &waited, NULL);
    /* One that is ignored, as under nohup, would not be waited for either. Else it ends the server,
     * which the handler of other commands does not. */
    struct sigaction hangup;
    sigaction(SIGHUP, NULL, &hangup);
    if (sigismember(&waited, SIGHUP) || hangup.sa_handler != SIG_IGN) signal(SIGHUP, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    st = leat_server_start(c->context, &o, &server);
    if (st != LEAT_OK) {
        free(names);
        return st;
    }
    st = say(c, server);
    if (st == LEAT_OK) {
        wait_for_the_end(c, &waited, server);
        pthread_t thread;
        cli_say(c, "\nending: requests under way are answered\n");
        if (pthread_create(&thread, NULL, impatient, &ends) == 0) pthread_detach(thread);
        leat_server_drain(server, DRAIN_SECONDS);
    }
    leat_server_destroy(server);
    free(names);
    return st;
}

static const cli_option options[] = {
    {"listen", 'l', "ADDRESS",
     "host and port, \"[::1]:0\" (any free port) or \"unix:PATH\" (default 127.0.0.1:8080)", false},
    {"workers", 0, "N", "threads that answer (default: one per core)", false},
    {"batch-rows", 0, "N",
     "most rows of requests that share a run, where that is faster (default 64; 1: none do)",
     false},
    {"batch-delay", 0, "US",
     "microseconds that a request may wait for others to share a run (default 0)", false},
    {"cache", 0, "MB",
     "answers that are kept for requests that come again, in MiB (default: none are)", false},
    {"queue", 0, "N", "requests that may wait for long answers (default 2048); beyond it: 503",
     false},
    {"tls-cert", 0, "FILE", "certificate chain in PEM: serves https; read again at SIGHUP", false},
    {"tls-key", 0, "FILE", "its private key", false},
    {"max-body", 0, "MB", "largest request, unpacked, in MiB (default 16)", false},
    {"max-model", 0, "MB", "largest model that is uploaded, in MiB (default 256)", false},
    {"max-requests", 0, "MB",
     "long requests and answers that may be at hand at once, in MiB (default 1024, or half of the "
     "memory that is left); beyond it: 503",
     false},
    {"max-uploads", 0, "MB", "the same of models that are uploaded (default: four of the largest)",
     false},
    {"max-versions", 0, "N", "versions of a model that uploads may make (default 100); beyond: 409",
     false},
    {"max-stored", 0, "MB",
     "what all models in the folders may have for one more to be uploaded, in MiB, each counted as "
     "1 at least (default: 16 of the largest, or half of the memory that is left); beyond: 507",
     false},
    {"control", 0, "WHO",
     "who may load, unload, upload and delete models by request: local (default: if only this "
     "machine is listened "
     "to, or keys are asked for), yes, no",
     false},
    {"keys", 0, "yes|no|WHERE",
     "whether requests need a key (leat key); default: unless only this machine is listened to",
     false},
    {"share-port", 0, NULL, "other servers may listen to the same port (leat scale does that)",
     false},
    {"sandbox", 0, NULL,
     "close the process in: no file but models, keys and a registry that is followed, no program, "
     "no connection but to their databases",
     false},
    {"agent-check", 0, "ADDRESS",
     "where HAProxy's agent check is answered with the load, as 127.0.0.1:8081", false},
    {"state", 0, "DIR|no",
     "where rollouts and windows of drift survive a restart; default: by the address, in Leat's "
     "home",
     false},
    {"pool", 0, "NAME",
     "decide rollouts together with the servers of this name that share the registry", false},
    CLI_WATCHING_OPTIONS,
    CLI_REGISTRY_OPTIONS,
    {0}};

const cli_command cli_command_serve = {
    .name = "serve",
    .arguments = "MODEL.leat|NAME=MODEL.leat|FOLDER|NAME@ALIAS ...",
    .least = 1,
    .most = -1,
    .summary = "models as a service over HTTP",
    .details =
        "Answers the Open Inference Protocol v2 with binary tensors (/v2), MLflow's /invocations "
        "and an API of its own by the names of the inputs (/api/v1/MODEL), described at "
        "/openapi.json; at / a page to try a model. Input is checked against the schema in the "
        "model file.\nA folder holds NAME.leat, NAME/VERSION.leat or NAME/VERSION/ANY.leat; "
        "NAME:VERSION=MODEL.leat gives a file another name and version; NAME@ALIAS and NAME@3 are "
        "versions of the registry: where the alias moves, the new version takes over without a "
        "failed request. Imported ONNX graphs answer /v2 alone. Ctrl-C or SIGTERM ends gently: "
        "requests under way are answered.",
    .examples = "  leat serve iris.leat\n"
                "  leat serve models/ --listen 0.0.0.0:8080 --workers 4\n"
                "  curl localhost:8080/api/v1/iris -d '{\"sepal_length\": 5.1, ...}'",
    .options = options,
    .run = run_serve,
};
