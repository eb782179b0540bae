/* Owns: what a comparison says about each pair. */
#include "pairs.h"

#include <math.h>

/* "knn against svc: the difference may be chance (p = 0.210, McNemar; difference 0.02, 95% ...)" */
static void pair_line(const leat_pair *p, const char *const *names, char *line, size_t size)
{
    const char *first = names[p->first], *second = names[p->second];
    const char *better = p->first_is_better ? first : second;
    const char *worse = p->first_is_better ? second : first;
    char text[32], ends[64] = "";
    if (isnan(p->difference)) {
        snprintf(line, size, "%s against %s: nothing to tell, the score is undefined", first,
                 second);
        return;
    }
    if (isnan(p->p_adjusted)) snprintf(text, sizeof text, "p unknown");
    else
        snprintf(text, sizeof text, p->p_adjusted < 0.001 ? "p < 0.001" : "p = %.3f",
                 p->p_adjusted);
    if (!isnan(p->low)) snprintf(ends, sizeof ends, ", 95%% %.4g to %.4g", p->low, p->high);
    int n = p->real ? snprintf(line, size, "%s is better than %s", better, worse)
                    : snprintf(line, size, "%s against %s: the difference may be chance", first,
                               second);
    if (n > 0 && (size_t)n < size)
        snprintf(line + n, size - (size_t)n, " (%s, %s; difference %.4g%s)", text, p->method,
                 p->difference, ends);
}

void cli_say_pairs(cli *c, const leat_comparison *k, const char *const *names)
{
    for (size_t i = 0; i < leat_comparison_pairs(k); i++) {
        leat_pair p = leat_comparison_pair(k, i);
        char line[1024];
        pair_line(&p, names, line, sizeof line);
        if (!c->quiet) cli_fold(stdout, line, 0, 2);
    }
    if (leat_comparison_pairs(k) > 1)
        cli_say(c, "p values are adjusted for %zu comparisons (Holm)\n", leat_comparison_pairs(k));
}

void cli_pairs_json(leat_json *j, const leat_comparison *k, const char *const *names)
{
    leat_json_begin_array(j, "pairs");
    for (size_t i = 0; i < leat_comparison_pairs(k); i++) {
        leat_pair p = leat_comparison_pair(k, i);
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "first", names[p.first]);
        leat_json_string(j, "second", names[p.second]);
        leat_json_number(j, "difference", p.difference);
        leat_json_number(j, "low", p.low);
        leat_json_number(j, "high", p.high);
        leat_json_number(j, "p", p.p);
        leat_json_number(j, "p_adjusted", p.p_adjusted);
        leat_json_string(j, "method", p.method);
        leat_json_bool(j, "real", p.real);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
}
