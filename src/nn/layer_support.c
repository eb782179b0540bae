/* Owns: what layers share: checks of shapes, lists of sizes, dropping. */
#include "nn/layer.h"
#include "nn/spec.h"
#include "tensor/shape.h"

bool leati_layer_rank(leati_builder *b, leat_tensor *x, int least, int most, const char *form)
{
    leat_shape s = leat_tensor_shape(x);
    if (!x) return false;
    if (s.rank >= least && s.rank <= most) return true;
    leat_shape sample = {.rank = s.rank > 0 ? s.rank - 1 : 0};
    for (int i = 0; i < sample.rank; i++) sample.dim[i] = s.dim[i + 1];
    (void)leati_layer_fail(b, LEAT_SHAPE, "expects %s; a sample has shape %s", form,
                           leati_shape_string(&sample).text);
    return false;
}

leat_tensor *leati_layer_mask(const leati_builder *b, leat_tensor *x)
{
    leat_shape s = leat_tensor_shape(x), m = leat_tensor_shape(b->mask);
    return b->mask && s.rank >= 2 && s.dim[0] == m.dim[0] && s.dim[1] == m.dim[1] ? b->mask : NULL;
}

enum { MOST_SIZE = 1000000 };

bool leati_layer_sizes(leati_builder *b, const char *param, const char *text, int count,
                       int64_t least, int64_t *out)
{
    double list[LEAT_MAX_RANK];
    size_t n = leati_spec_numbers(text, list, (size_t)count);
    bool good = n == 1 || n == (size_t)count;
    for (size_t i = 0; good && i < n; i++)
        good =
            list[i] >= (double)least && list[i] <= MOST_SIZE && list[i] == (double)(int64_t)list[i];
    if (!good) {
        (void)leati_layer_fail(b, LEAT_INVALID,
                               "%s cannot be '%s'; it takes a whole number from %lld to %d, or %d "
                               "of them as in %s",
                               param, text, (long long)least, MOST_SIZE, count,
                               count == 1   ? "3"
                               : count == 2 ? "3x5"
                                            : "3x3x5");
        return false;
    }
    for (int i = 0; i < count; i++) out[i] = (int64_t)list[n == 1 ? 0 : i];
    return true;
}

bool leati_layer_table_fits(leati_builder *b, int64_t rows, int64_t columns)
{
    int64_t count;
    if (!__builtin_mul_overflow(rows, columns, &count) && count <= (int64_t)1 << 28) return true;
    (void)leati_layer_fail(b, LEAT_LIMIT, "a table of positions of %lld by %lld is too large",
                           (long long)rows, (long long)columns);
    return false;
}
