/* URLs of models on servers, and the client's options that several commands have. */
#ifndef LEAT_CLI_SERVER_URL_H
#define LEAT_CLI_SERVER_URL_H

#include <leat/call.h>

#include "command.h"

/* "http://HOST:PORT/PREFIX/MODEL" is cut before its model, which is returned, "" where there is
 * none; .../MODEL/versions/2 is MODEL:2, and /api/v1 before a model is left out. */
const char *cli_cut_url(char *url);
/* --key (or $LEAT_KEY), --ca, --timeout */
leat_status cli_client_options(cli *c, leat_client_options *o);

#endif
