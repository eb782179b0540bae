/* Any text as a rule: no crash; what is accepted reads back the same from its own text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "serve/rollout_judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leati_rule rule, again;
    char why[LEATI_RULE_WHY] = "";
    if (!leati_rule_parse((const char *)data, size, &rule, why)) {
        if (!*why || !memchr(why, '\0', sizeof why)) abort();
        return 0;
    }
    if (!leati_rule_parse(rule.text, strlen(rule.text), &again, why)) abort();
    if (again.measure != rule.measure || again.relative != rule.relative ||
        again.quantile != rule.quantile || again.factor != rule.factor ||
        again.offset != rule.offset)
        abort();
    /* And it can be judged, with nothing seen. */
    static const leati_arm_stats none;
    static const leati_shadow_stats nothing;
    leati_judgement j = leati_rule_judge(&rule, &none, &none, &nothing, 0.05);
    if (!(j.broken_p >= 0 && j.broken_p <= 1 && j.kept_p >= 0 && j.kept_p <= 1)) abort();
    return 0;
}
