/* Owns: opening the registry that the options name, times as text. */
#include "registry.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

leat_status cli_open_registry(cli *c, leat_registry **out, bool make)
{
    leat_registry_options o = leat_registry_options_default();
    o.where = cli_value(c, "registry");
    o.folder = cli_value(c, "objects");
    o.make = make;
    return leat_registry_open(c->context, out, &o);
}

static bool is_version(const char *argument)
{
    return strchr(argument, '@') && !strchr(argument, '=') && access(argument, F_OK) != 0;
}

enum { PLACE = 4400 };

static leat_status place_of(cli *c, leat_registry *r, const char *version, char out[PLACE])
{
    char path[4096];
    leat_registered_list *item;
    leat_status st = leat_registry_find(r, &item, version);
    if (st != LEAT_OK) return st;
    const leat_registered *v = leat_registered_list_at(item, 0);
    if (!v->model) st = cli_usage(c, "%s is a data set, a model was expected", version);
    if (st == LEAT_OK) st = leat_registry_path(r, version, path, sizeof path);
    if (st == LEAT_OK) snprintf(out, PLACE, "%s:%lld=%s", v->name, (long long)v->version, path);
    leat_registered_list_destroy(item);
    return st;
}

leat_status cli_registry_models(cli *c, char **space)
{
    leat_registry *r = NULL;
    leat_status st = LEAT_OK;
    char *text = *space = calloc((size_t)c->count, PLACE);
    if (!text) return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    for (int i = 0; i < c->count && st == LEAT_OK; i++, text += PLACE) {
        if (!is_version(c->arguments[i])) continue;
        if (!r) st = cli_open_registry(c, &r, false);
        if (st == LEAT_OK) st = place_of(c, r, c->arguments[i], text);
        if (st == LEAT_OK) c->arguments[i] = text;
    }
    leat_registry_close(r);
    return st;
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
