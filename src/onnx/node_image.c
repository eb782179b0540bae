/* Owns: the operator ImageDecoder: PNG, JPEG, BMP and PNM by the readers of io/image.h. */
#include <string.h>

#include "io/image.h"
#include "onnx/operators.h"

/* Rec. 601 luma in 16 bits of fraction, as the other runtimes of the operator have it. */
static uint8_t grey_of(const uint8_t *rgb)
{
    return (uint8_t)((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 0x8000u) >> 16);
}

leat_status leati_on_ImageDecoder(leati_ocall *k)
{
    const char *format = leati_oattr_text(k, "pixel_format", "RGB");
    bool grey = !strcmp(format, "Grayscale"), reverse = !strcmp(format, "BGR");
    char why[LEATI_IMAGE_WHY];
    leati_image_head head;
    const void *bytes;
    void *out;
    LEATI_TRY(leati_oneed(k, 1));
    if (k->in[0]->element != LEATI_ONNX_UINT8 || k->in[0]->shape.rank != 1)
        return leati_ofail(k, LEAT_TYPE, "its input is no list of bytes");
    if (!grey && !reverse && strcmp(format, "RGB") != 0)
        return leati_ofail(k, LEAT_FORMAT, "no such pixel_format: `%.20s`", format);
    LEATI_TRY(leati_ohost(k, 0, &bytes));
    size_t size = leati_shape_count(&k->in[0]->shape);
    leat_status st = leati_image_probe(bytes, size, &head, why);
    if (st != LEAT_OK) return leati_ofail(k, st, "%s", why);
    size_t pixels = head.width * head.height;
    leat_shape s = LEAT_DIMS((int64_t)head.height, (int64_t)head.width, grey ? 1 : 3);
    uint8_t *rgb = leati_oalloc(k, pixels, 3);
    if (!rgb) return LEAT_NOMEM;
    st = leati_image_decode(k->context, bytes, size, &head, 3, rgb, why);
    if (st != LEAT_OK) return leati_ofail(k, st, "%s", why);
    LEATI_TRY(leati_onew(k, 0, LEATI_ONNX_UINT8, s, &out));
    uint8_t *to = out;
    for (size_t i = 0; i < pixels; i++, rgb += 3) {
        if (grey) {
            *to++ = grey_of(rgb);
            continue;
        }
        for (int j = 0; j < 3; j++) *to++ = rgb[reverse ? 2 - j : j];
    }
    return LEAT_OK;
}
