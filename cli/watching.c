/* What leat serve is to watch and to log. */
#include "watching.h"

#include <stdlib.h>
#include <string.h>

#include "registry.h"

enum { WINDOW_ROWS_MOST = 1 << 30, REMEMBER_MOST = 1 << 30 };

/* What happens while it serves. */
static void say_line(void *user, const char *line)
{
    (void)user;
    cli_complain("leat: %s\n", line);
}

static leat_status share(cli *c, double *out)
{
    const char *text = cli_value(c, "log-sample");
    char *end;
    if (!text) return LEAT_OK;
    *out = strtod(text, &end);
    if (end == text || *end || !(*out >= 0 && *out <= 1))
        return cli_usage(c, "--log-sample is a share from 0 to 1, not '%s'", text);
    return LEAT_OK;
}

/* The names in all --log-redact: an array, then the texts it points to, in one block. */
static leat_status redacted(cli *c, leat_serve_options *o, char ***space)
{
    size_t names = 0, bytes = 0;
    for (int i = 0; i < c->given_count; i++) {
        const char *text = c->given[i].value;
        if (strcmp(c->given[i].option->name, "log-redact") != 0) continue;
        bytes += strlen(text) + 1;
        names++;
        for (; *text; text++) names += *text == ',';
    }
    if (!names) return LEAT_OK;
    *space = malloc(names * sizeof **space + bytes);
    if (!*space) return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    char *at = (char *)(*space + names);
    names = 0;
    for (int i = 0; i < c->given_count; i++) {
        if (strcmp(c->given[i].option->name, "log-redact") != 0) continue;
        strcpy(at, c->given[i].value);
        for (char *next; at; at = next) {
            next = strchr(at, ',');
            if (next) *next++ = '\0';
            if (!*at) return cli_usage(c, "--log-redact takes names of inputs, one is empty");
            (*space)[names++] = at;
            if (!next) break;
        }
        at += strlen(at) + 1;
    }
    o->log_redact = (const char *const *)*space;
    o->log_redact_count = names;
    return LEAT_OK;
}

leat_status cli_watching(cli *c, leat_serve_options *o, char ***space)
{
    const char *window = cli_value(c, "window");
    long rows = 0, remember = (long)o->remember;
    o->metrics = cli_value(c, "metrics");
    o->access_log = cli_value(c, "access-log");
    o->prediction_log = cli_value(c, "prediction-log");
    o->log_arrays = cli_value(c, "log-arrays");
    o->drift = cli_value(c, "drift");
    o->say = say_line;
    if (window && (!cli_duration(window, &o->window_seconds) || !(o->window_seconds > 0)))
        return cli_usage(c, "--window is a time like 90s, 15m, 1h or 1d, not '%s'", window);
    leat_status st = share(c, &o->log_sample);
    if (st == LEAT_OK) st = cli_whole(c, "window-rows", 1, WINDOW_ROWS_MOST, &rows);
    if (st == LEAT_OK) st = cli_whole(c, "remember", 0, REMEMBER_MOST, &remember);
    if (st == LEAT_OK) st = redacted(c, o, space);
    o->window_rows = (size_t)rows;
    o->remember = (size_t)remember;
    return st;
}
