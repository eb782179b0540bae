/* Any bytes as what a server of a pool counted: no crash; what is accepted is added up, judged, and
 * written so that it is accepted again. The first byte is a count of servers that say the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "serve/rollout_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static leat_context *context;
static leati_rollout_part part, again, sum;

static void judge(void)
{
    static const char *const rules[] = {"error_rate>stable+1%", "p99>stable*1.5", "mean>stable",
                                        "disagreement>5%"};
    char why[LEATI_RULE_WHY];
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        leati_rule rule;
        if (!leati_rule_parse(rules[i], strlen(rules[i]), &rule, why)) abort();
        leati_judgement j = leati_rule_judge(&rule, &sum.stable, &sum.candidate, &sum.shadow, 0.01);
        if (j.finding > LEATI_RULE_BROKEN) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[LEATI_RULE_WHY] = "";
    if (!context && leat_context_create(&context, NULL) != LEAT_OK) abort();
    if (size == 0) return 0;
    if (!leati_rollout_part_recall((const char *)data + 1, size - 1, &part, why)) {
        if (!*why) abort();
        return 0;
    }
    leati_rollout_seen seen = {&part.stable, &part.candidate, &part.shadow};
    leat_json *j = leat_json_create(context, 0);
    leati_rollout_part_keep(j, part.holds, part.held, &seen);
    const char *text = leat_json_text(j);
    if (!text || !leati_rollout_part_recall(text, strlen(text), &again, why)) abort();
    leat_json_destroy(j);
    memset(&sum, 0, sizeof sum);
    bool fits = true;
    for (int i = 0; i <= data[0] % 4 && fits; i++)
        fits = leati_arm_stats_add(&sum.stable, &again.stable) &&
               leati_arm_stats_add(&sum.candidate, &again.candidate) &&
               leati_shadow_stats_add(&sum.shadow, &again.shadow);
    if (fits) judge();
    return 0;
}
