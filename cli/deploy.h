/* The targets of leat deploy: a row of cmd_deploy.c and a file deploy_<name>.c each. */
#ifndef LEAT_CLI_DEPLOY_H
#define LEAT_CLI_DEPLOY_H

#include "command.h"

typedef struct cli_deploy_target {
    const char *name;
    /* The options of cmd_deploy.c that it takes besides those of all commands, NULL-terminated. */
    const char *const *options;
    /* arguments: those behind the name. */
    leat_status (*run)(cli *c, int count, char **arguments);
} cli_deploy_target;

extern const cli_deploy_target cli_deploy_haproxy, cli_deploy_kubernetes;

/* Rows for the table of options. */
#define CLI_DEPLOY_HAPROXY_OPTIONS                                                                 \
    {"listen", 'l', "ADDRESS",                                                                     \
     "where the proxy listens (default 127.0.0.1:8080; :443: everywhere)", false},                 \
        {"canary", 0, "SERVER",                                                                    \
         "a server that tries the next version; may be given several times", true},                \
        {"balance", 0, "HOW",                                                                      \
         "least-connections (default), round-robin, random, power-of-two, least-load", false},     \
        {"tls-cert", 0, "FILE", "PEM file of chain and key: https and HTTP/2 in front", false},    \
        {"server-ca", 0, "FILE", "the servers speak TLS, with certificates of this authority",     \
         false},                                                                                   \
        {"stick", 0, "HEADER", "clients with the same value stay with one server", false},         \
        {"share", 0, "PERCENT", "canary: the share of the requests that it gets", false},          \
        {"canary-key", 0, "HEADER",                                                                \
         "clients with the same value stay stable or canary (default X-Canary-Key)", false},       \
        {"peer", 0, "NAME=HOST:PORT", "a proxy that shares what --stick knows; each of them",      \
         true},                                                                                    \
        {"slots", 0, "N", "servers that may join at run time", false},                             \
        {"connections", 0, "N", "most at once to one server; others wait", false},                 \
        {"timeout", 0, "TIME", "that an answer may take (default 10s)", false},                    \
        {"check-interval", 0, "TIME", "between checks of a server (default 1s)", false},           \
        {"slow-start", 0, "TIME",                                                                  \
         "until a server that came back has its share (default 10s; 0s: at once)", false},         \
        {"socket", 0, "PATH", "the runtime socket (default /run/haproxy/leat.sock)", false},       \
        {"map", 0, "PATH", "the map of the canary's share (default /etc/haproxy/leat.map)",        \
         false},                                                                                   \
    {                                                                                              \
        "observe", 0, "ADDRESS|no", "statistics and /metrics (default 127.0.0.1:8404)", false      \
    }

#endif
