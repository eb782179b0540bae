/* URLs of models on servers. */
#include "server_url.h"

#include <stdlib.h>
#include <string.h>

#include "registry.h"

static const double LONGEST = 1e6; /* seconds that a client waits */

const char *cli_cut_url(char *url)
{
    char *authority = strstr(url, "://");
    char *path = strchr(authority ? authority + 3 : url, '/'), *slash, *version = NULL;
    if (!path) return "";
    for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--) path[n - 1] = '\0';
    slash = strrchr(path, '/');
    if (slash > path + 9 && strncmp(slash - 9, "/versions", 9) == 0) {
        version = slash + 1;
        slash[-9] = '\0';
        slash = strrchr(path, '/');
    }
    const char *model = slash + 1;
    if (version) { /* "MODEL\0ersions/2" holds "MODEL:2" */
        size_t n = strlen(slash + 1), digits = strlen(version) + 1;
        slash[1 + n] = ':';
        memmove(slash + 2 + n, version, digits);
    }
    *slash = '\0';
    size_t n = strlen(path);
    if (n >= 7 && strcmp(path + n - 7, "/api/v1") == 0) path[n - 7] = '\0';
    return model;
}

leat_status cli_client_options(cli *c, leat_client_options *o)
{
    const char *timeout = cli_value(c, "timeout");
    *o = leat_client_options_default();
    o->ca = cli_value(c, "ca");
    o->key = cli_value(c, "key") ? cli_value(c, "key") : getenv("LEAT_KEY");
    if (o->key && !*o->key) o->key = NULL;
    if (timeout &&
        (!cli_duration(timeout, &o->timeout) || !(o->timeout > 0) || o->timeout > LONGEST))
        return cli_usage(
            c, "--timeout takes a time above 0s, up to 1,000,000s, such as 0.5s or 2m, not '%s'",
            timeout);
    return LEAT_OK;
}
