/* Owns: what a comparison says about each pair. */
#include "pairs.h"

#include <math.h>

void cli_say_pairs(cli *c, const leat_comparison *k, const char *const *names)
{
    for (size_t i = 0; i < leat_comparison_pairs(k); i++) {
        leat_pair p = leat_comparison_pair(k, i);
        const char *first = names[p.first], *second = names[p.second];
        const char *better = p.first_is_better ? first : second;
        const char *worse = p.first_is_better ? second : first;
        char text[32], line[1024];
        if (isnan(p.p_adjusted)) snprintf(text, sizeof text, "p unknown");
        else
            snprintf(text, sizeof text, p.p_adjusted < 0.001 ? "p < 0.001" : "p = %.3f",
                     p.p_adjusted);
        int n = p.real ? snprintf(line, sizeof line, "%s is better than %s", better, worse)
                       : snprintf(line, sizeof line, "%s against %s: the difference may be chance",
                                  first, second);
        if (n > 0 && (size_t)n < sizeof line)
            snprintf(line + n, sizeof line - (size_t)n,
                     " (%s, %s; difference %.4g, 95%% %.4g to %.4g)", text, p.method, p.difference,
                     p.low, p.high);
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
