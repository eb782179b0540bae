/* Owns: IDX files (the MNIST family) as frames. Not: decompression.
 *
 * Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", section "file formats". */
#include "base/error.h"
#include "base/mem.h"
#include "frame/foreign.h"

static bool element_of(uint8_t code, leati_element *element, size_t *width)
{
    static const struct {
        uint8_t code, width;
        leati_element element;
    } kinds[] = {{0x08, 1, LEATI_EL_U8},  {0x09, 1, LEATI_EL_I8},  {0x0b, 2, LEATI_EL_I16},
                 {0x0c, 4, LEATI_EL_I32}, {0x0d, 4, LEATI_EL_F32}, {0x0e, 8, LEATI_EL_F64}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].code != code) continue;
        *element = kinds[i].element;
        *width = kinds[i].width;
        return true;
    }
    return false;
}

static leat_status parse(leat_context *c, leati_foreign *a, leati_bytes bytes, const char *path)
{
    const uint8_t *p = (const uint8_t *)bytes.data;
    bool good = bytes.size >= 4 && p[0] == 0 && p[1] == 0 && p[3] >= 1 &&
                element_of(p[2], &a->element, &a->width);
    LEATI_CHECK(c, good, LEAT_FORMAT,
                "%s is not an IDX file (two zero bytes, a type and a number of dimensions were "
                "expected first)",
                path);
    LEATI_CHECK(c, p[3] <= 4, LEAT_UNSUPPORTED,
                "%s has %u dimensions; a table holds up to 4 (row, height, width, channel)", path,
                p[3]);
    size_t start = 4 + 4 * (size_t)p[3], need;
    a->dims = p[3];
    a->big_endian = true;
    a->count = 1;
    good = bytes.size >= start;
    for (int i = 0; good && i < a->dims; i++) {
        const uint8_t *d = p + 4 + 4 * i;
        a->shape[i] = (size_t)d[0] << 24 | (size_t)d[1] << 16 | (size_t)d[2] << 8 | d[3];
        good = !leati_mul_overflows(a->count, a->shape[i], &a->count);
    }
    good = good && !leati_mul_overflows(a->count, a->width, &need);
    LEATI_CHECK(c, good && need <= bytes.size - start, LEAT_FORMAT,
                "%s is cut short: it has fewer bytes than its header says", path);
    LEATI_CHECK(c, need == bytes.size - start, LEAT_FORMAT,
                "%s has %zu bytes more than its header says", path, bytes.size - start - need);
    a->data = p + start;
    return LEAT_OK;
}

leat_status leati_idx_frame(leat_context *c, leat_frame **out, leati_bytes bytes, const char *path)
{
    leati_foreign a = {0};
    *out = NULL;
    LEATI_TRY(parse(c, &a, bytes, path));
    leat_frame *f = leati_frame_create(c, a.shape[0]);
    if (!f) return leat_error_status(c);
    leat_status st = leati_foreign_add(c, f,
                                       a.dims == 1   ? "label"
                                       : a.dims == 2 ? "x"
                                                     : "image",
                                       &a);
    if (st == LEAT_OK) *out = f;
    else leat_frame_release(f);
    return st == LEAT_OK ? st : leati_error_within(c, "%s", path);
}
