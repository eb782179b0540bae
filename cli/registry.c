/* Owns: opening the registry that the options name, times as text. */
#include "registry.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

leat_status cli_open_registry(cli *c, leat_registry **out, bool make)
{
    leat_registry_options o = leat_registry_options_default();
    o.where = cli_value(c, "registry");
    o.folder = cli_value(c, "objects");
    o.make = make;
    return leat_registry_open(c->context, out, &o);
}

bool cli_pipes(const cli *c)
{
    const char *to = cli_value(c, "output");
    return to && strcmp(to, "-") == 0;
}

void cli_time_text(int64_t seconds, char out[32])
{
    time_t when = (time_t)seconds;
    struct tm utc;
    *out = '\0';
    if (gmtime_r(&when, &utc)) strftime(out, 32, "%Y-%m-%d %H:%M UTC", &utc);
}

bool cli_duration(const char *text, double *seconds)
{
    static const struct {
        char letter;
        double seconds;
    } units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    double value = strtod(text, &end);
    if (end == text || *text < '0' || *text > '9' || !(value < 1e9)) return false;
    if (end[0] && end[1]) return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (*end == units[i].letter) {
            *seconds = value * units[i].seconds;
            return true;
        }
    return false;
}
