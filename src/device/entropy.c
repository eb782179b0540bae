/* Owns: the check of labels. */
#include "device/entropy.h"

#include "base/error.h"

leat_status leati_labels_check(leat_context *c, const leati_step *s)
{
    const leati_entropy_attrs *a = s->attrs;
    const int64_t *y = s->in[1].data;
    int64_t rows = s->in[0].shape.dim[0], classes = s->in[0].shape.dim[1];
    for (int64_t i = 0; i < rows; i++)
        LEATI_CHECK(c, (y[i] >= 0 && y[i] < classes) || (a->has_ignored && y[i] == a->ignored),
                    LEAT_INVALID, "the label of row %lld is %lld, there are classes 0 to %lld",
                    (long long)i + 1, (long long)y[i], (long long)classes - 1);
    return LEAT_OK;
}
