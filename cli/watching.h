/* The options of leat serve that say what is watched and logged. */
#ifndef LEAT_CLI_WATCHING_H
#define LEAT_CLI_WATCHING_H

#include <leat/serve.h>

#include "command.h"

/* Rows for a command's option table. */
#define CLI_WATCHING_OPTIONS                                                                       \
    {"metrics", 0, "ADDRESS",                                                                      \
     "a listener of its own for /metrics (Prometheus), which asks for no key; without it "         \
     "/metrics "                                                                                   \
     "is among the other paths",                                                                   \
     false},                                                                                       \
        {"access-log", 0, "FILE", "a JSON line for every request; -: standard output", false},     \
        {"prediction-log", 0, "FILE",                                                              \
         "a JSON line for every row: inputs and answers, for leat monitor and leat replay",        \
         false},                                                                                   \
        {"log-sample", 0, "SHARE",                                                                 \
         "share of the requests in the prediction log, chosen by their id (default 1)", false},    \
        {"log-redact", 0, "INPUT,...", "inputs that are left out of it", true},                    \
        {"log-arrays", 0, "hash|bytes|no",                                                         \
         "images and other arrays in it: their SHA-256 (default), their elements, nothing",        \
         false},                                                                                   \
        {"drift", 0, "yes|no", "compare what comes in with training (default yes)", false},        \
        {"window", 0, "TIME", "how long the windows of drift are: 90s, 15m, 1h (default), 1d",     \
         false},                                                                                   \
        {"window-rows", 0, "N", "a window goes on until it has so many rows (default 1000)",       \
         false},                                                                                   \
    {                                                                                              \
        "remember", 0, "N",                                                                        \
            "answers that are remembered for POST /api/v1/MODEL/feedback (default 100000)", false  \
    }

/* *space holds the texts; free() it. */
leat_status cli_watching(cli *c, leat_serve_options *o, char ***space);

#endif
