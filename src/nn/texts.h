/* The inside of tensors of texts. */
#ifndef LEATI_NN_TEXTS_H
#define LEATI_NN_TEXTS_H

#include <leat/text.h>

#include "base/map.h"
#include "frame/frame.h"

enum { LEATI_TEXT_MISSING = UINT32_MAX };

struct leat_texts {
    leat_shape shape;
    size_t count;
    uint32_t *codes; /* (count) into the dictionary, or LEATI_TEXT_MISSING */
    leati_dict *dict;
};

/* Takes codes and dictionary over, also on failure; NULL ones forward the recorded error. */
leat_status leati_texts_make(leat_context *c, leat_shape shape, uint32_t *codes, leati_dict *dict,
                             leat_texts **out);

int64_t leati_vocabulary_find(const leat_vocabulary *v, const char *text, size_t length);

#endif
