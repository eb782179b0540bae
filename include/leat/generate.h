/* Text from a model of language: one that was fitted on the windows of a text (read.h, `text`). */
#ifndef LEAT_GENERATE_H
#define LEAT_GENERATE_H

#include <leat/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_generate_options {
    uint32_t struct_size; /* set by leat_generate_options_default */
    size_t length;        /* bytes, characters or words, whatever the model's tokens are; 200 */
    double temperature;   /* probabilities to the power of 1 / temperature; 0: the most probable
                             token always; 0.8 */
    /* Given what is to be written, from `start` on, as soon as it is known; false: stop. The text
     * is not terminated and may end within a character where tokens are bytes. */
    bool (*write)(void *user, const char *text, size_t length);
    void *user;
} leat_generate_options;

LEAT_API leat_generate_options leat_generate_options_default(void);

/* Draws token after token, each by the model's probabilities behind the window of those before it;
 * tokens that the model does not know are never drawn. A start shorter than the window is repeated
 * until it fills it. The same model, start, options and seed of the context give the same text.
 * INVALID: no token in `start`; UNSUPPORTED: the model was not fitted on windows of a text. */
LEAT_API LEAT_CHECKED leat_status leat_model_generate(leat_context *context, leat_model *model,
                                                      const char *start,
                                                      const leat_generate_options *options);

#ifdef __cplusplus
}
#endif

#endif
