/* Any bytes as what asks for a rollout, as a state file, and as a body in which the value of an
 * input is looked for: no crash; a state that is accepted can go on, and is written so that it is
 * accepted again. The first byte picks. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "serve/rollout_json.h"
#include "serve/sticky.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static leat_context *context;
static leati_rollout_kept kept, again;

static void go_on(void)
{
    char why[LEATI_RULE_WHY] = "";
    leati_rollout_seen seen = {&kept.stable, &kept.candidate, &kept.shadow};
    leat_json *j = leat_json_create(context, 0);
    leati_rollout_keep(j, "iris", &kept.rollout, &seen);
    const char *text = leat_json_text(j);
    if (!text || !leati_rollout_recall(text, strlen(text), &again, why)) abort();
    leat_json_destroy(j);
    leati_rollout_tick(&kept.rollout, &seen, 1, 1);
    leati_rollout_plan p = leati_rollout_plan_of(&kept.rollout);
    if (!(p.share >= 0 && p.share <= 1 && p.mirror >= 0 && p.mirror <= 1)) abort();
    for (leati_rollout_action a = LEATI_ROLLOUT_PROMOTE; a <= LEATI_ROLLOUT_ABORT; a++)
        (void)leati_rollout_act(&kept.rollout, a, &seen, 2, why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[LEATI_RULE_WHY] = "";
    if (!context && leat_context_create(&context, NULL) != LEAT_OK) abort();
    if (size == 0) return 0;
    const char *text = (const char *)data + 1;
    uint8_t what = data[0] % 4;
    size--;
    if (what == 0) {
        leati_rollout_spec s = leati_rollout_spec_default();
        if (leati_rollout_spec_read(text, size, &s, why)) (void)leati_rollout_spec_check(&s, why);
        else if (!*why) abort();
    } else if (what == 1) {
        if (leati_rollout_recall(text, size, &kept, why)) go_on();
        else if (!*why) abort();
    } else if (what == 2) {
        leati_rollout_action action;
        (void)leati_rollout_action_read(text, size, &action, why);
    } else {
        leati_http_text value;
        char room[LEATI_STICKY_ROOM];
        if (leati_sticky_input(text, size, "user", &value) &&
            (value.data < text || value.data + value.length > text + size))
            abort();
        (void)leati_sticky_pair((leati_http_text){text, size}, "user", room, &value);
    }
    return 0;
}
