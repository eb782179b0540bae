/* Owns: the form of a window in memory that is kept. Not: files, nor what surrounds it (live.c). */
#include "monitor/window_bytes.h"

#include <string.h>

enum {
    HEAD = sizeof(leati_window_head) + 2 * sizeof(uint64_t),
    GROUPS_MOST = LEATI_COUNTERS_GROUPS + 1
};

size_t leati_window_size(const leati_counters *w)
{
    return HEAD + w->words * sizeof *w->word + w->groups * sizeof *w->group;
}

static char *put(char *to, const void *data, size_t bytes)
{
    memcpy(to, data, bytes);
    return to + bytes;
}

char *leati_window_put(char *to, const leati_window_head *head, const leati_counters *w)
{
    uint64_t words = w->words, groups = w->groups;
    to = put(to, head, sizeof *head);
    to = put(to, &words, sizeof words);
    to = put(to, &groups, sizeof groups);
    to = put(to, w->word, w->words * sizeof *w->word);
    return put(to, w->group, w->groups * sizeof *w->group);
}

static bool take(const char **at, const char *end, void *data, size_t bytes)
{
    if ((size_t)(end - *at) < bytes) return false;
    memcpy(data, *at, bytes);
    *at += bytes;
    return true;
}

static bool is_text(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

bool leati_window_take(const char **at, const char *end, leati_window_head *head, leati_counters *w)
{
    uint64_t words, groups;
    if (!take(at, end, head, sizeof *head) || !is_text(head->name, sizeof head->name) ||
        !take(at, end, &words, sizeof words) || !take(at, end, &groups, sizeof groups) ||
        words != w->words || groups > GROUPS_MOST)
        return false;
    leati_counters_reset(w);
    if (!take(at, end, w->word, w->words * sizeof *w->word) ||
        !take(at, end, w->group, (size_t)groups * sizeof *w->group))
        return false;
    w->groups = (size_t)groups;
    for (size_t g = 0; g < w->groups; g++)
        if (!is_text(w->group[g].name, sizeof w->group[g].name)) return false;
    return true;
}
