/* Owns: the warnings about what is passed over. Not: which names fit (served.c, repository.c). */
#include "serve/passed_over.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"

enum { MOST_SAID = 1000, NAME = 200, LINE = 1024 };

static bool is_model(const char *base)
{
    return *base != '.' && leati_path_has_suffix(base, ".leat");
}

/* A folder without such a file belongs to something else. */
static bool holds_model(const char *folder)
{
    bool found = false;
    DIR *dir = opendir(folder);
    for (const struct dirent *d; dir && !found && (d = readdir(dir));) found = is_model(d->d_name);
    if (dir) closedir(dir);
    return found;
}

/* False: it was said before, or as much was as anybody reads. Where memory is missing it is said
 * again. */
static bool is_new(leati_passed_over *p, leat_context *c, const char *path)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->said[i], path) == 0) return false;
    if (p->count == MOST_SAID) return false;
    char *copy = leati_alloc_quiet(c, strlen(path) + 1);
    if (!copy) return true;
    strcpy(copy, path);
    if (leati_grow(c, &p->said, &p->capacity, p->count + 1, sizeof *p->said) == LEAT_OK) {
        p->said[p->count++] = copy;
    } else {
        leat_error_clear(c);
        leati_free(copy);
    }
    return true;
}

static void say(leati_passed_over *p, leat_context *c, const char *path, const char *why)
{
    char line[LINE];
    if (!p->say.say || !is_new(p, c, path)) return;
    snprintf(line, sizeof line, "%.500s is passed over: %.490s", path, why);
    p->say.say(p->say.user, line);
}

static void tell(leati_passed_over *p, leat_context *c, const char *path, const char *what,
                 const char *fits)
{
    char why[LINE / 2 - 32];
    const char *base = leati_path_base(path);
    bool file = is_model(base);
    if (!p->say.say || (!file && !holds_model(path))) return;
    int stem = (int)strlen(base) - (file ? 5 : 0);
    snprintf(why, sizeof why, "'%.*s' cannot be %s: %s", stem < NAME ? stem : NAME, base, what,
             fits);
    say(p, c, path, why);
}

void leati_passed_over_name(leati_passed_over *p, leat_context *c, const char *path)
{
    tell(p, c, path, "the name of a model",
         "letters, digits, '.', '_' and '-' are allowed, 128 at most");
}

void leati_passed_over_version(leati_passed_over *p, leat_context *c, const char *path)
{
    tell(p, c, path, "the version of a model", "a whole number from 1 to 999999999, as in 2.leat");
}

bool leati_passed_over_ending(leati_passed_over *p, leat_context *c, const char *path)
{
    size_t n = strlen(path);
    if (!is_model(leati_path_base(path)) || strcmp(path + n - 5, ".leat") == 0 ||
        leati_path_is_folder(path))
        return false;
    say(p, c, path, "files of models end with '.leat', in small letters");
    return true;
}

void leati_passed_over_unsound(leati_passed_over *p, leat_context *c, const char *path,
                               const char *why)
{
    char line[LINE];
    if (!p->say.say || !is_new(p, c, path)) return;
    snprintf(line, sizeof line, "passed over, the others are served: %.900s", why);
    p->say.say(p->say.user, line);
}

bool leati_passed_over_hides(const char *name, size_t length)
{
    return length == 5 && memcmp(name, "stats", 5) == 0;
}

void leati_passed_over_hidden(leati_passed_over *p, leat_context *c, const char *path,
                              const char *name)
{
    char line[LINE];
    if (!p->say.say || !leati_passed_over_hides(name, strlen(name)) || !is_new(p, c, path)) return;
    snprintf(line, sizeof line,
             "%.500s: GET /v2/models/%s has the statistics of all models, not the metadata of this "
             "one, which only those of its versions have; another name has both",
             path, name);
    p->say.say(p->say.user, line);
}

void leati_passed_over_empty(leati_passed_over *p, const char *folder)
{
    char line[LINE];
    if (!p->say.say) return;
    snprintf(line, sizeof line,
             "the folder %.500s holds no models yet: expected NAME.leat or NAME/VERSION.leat, or "
             "uploads (PUT /api/v1/NAME)",
             folder);
    p->say.say(p->say.user, line);
}

void leati_passed_over_fini(leati_passed_over *p)
{
    for (size_t i = 0; i < p->count; i++) leati_free(p->said[i]);
    leati_free(p->said);
    *p = (leati_passed_over){.say = p->say};
}
