/* Texts as windows of tokens: the first line is the setting, the rest the text. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "frame/text_windows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leati_token_rules rules;
    leat_frame *f;
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    if (!end) return 0;
    o.max_bytes = 64u << 20;
    if (leat_context_create(&c, &o) != LEAT_OK) return 0;
    char *setting = leati_strndup(c, (const char *)data, (size_t)(end - data));
    size_t head = (size_t)(end - data) + 1;
    if (setting && leati_token_rules_parse(c, setting, &rules) == LEAT_OK && rules.text[0] &&
        leati_token_windows(c, &f, &rules, (const char *)data + head, size - head, 3, 2, 0,
                            "fuzz") == LEAT_OK)
        leat_frame_release(f);
    leati_free(setting);
    leat_context_destroy(c);
    return 0;
}
