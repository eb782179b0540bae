/* Any bytes as a request of the Open Inference Protocol: JSON tensors, then binary ones. No crash,
 * nothing left behind, elements within their memory; the same with and without padding.
 *
 * The first two bytes say where the JSON ends (65535: it is all). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "serve/tensor_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything that may be asked of the elements; returns their sum, NaN left out. */
static double walk(const leati_infer_in *in)
{
    double sum = 0;
    for (size_t k = 0; k < in->tensor_count; k++) {
        const leati_tensor_in *t = &in->room->tensors[k];
        size_t product = 1;
        for (size_t d = 0; d < t->rank; d++) product *= t->shape[d];
        if (product != t->count) abort();
        if (t->form == LEATI_FORM_TEXTS) {
            for (size_t i = 0; i < t->count; i++) {
                const char *text = leati_tensor_text(in, t, i);
                if (text) sum += (double)strlen(text);
            }
            continue;
        }
        double *all = malloc((t->count + 1) * sizeof *all);
        if (!all) abort();
        leati_tensor_numbers(in, t, 0, t->count, all);
        for (size_t i = 0; i < t->count; i++) {
            double one = leati_tensor_number(in, t, i);
            if (memcmp(&one, &all[i], sizeof one) != 0) abort();
            if (one == one && one < 1e30 && one > -1e30) sum += one;
        }
        free(all);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    size_t head = (size_t)data[0] | (size_t)data[1] << 8;
    data += 2, size -= 2;
    bool whole = head == 65535;
    if (whole) head = size;
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    o.threads = 1;
    o.max_bytes = 1 << 28;
    if (leat_context_create(&c, &o) != LEAT_OK) abort();
    leati_tensor_room room = {.context = c};
    leati_fault fault = {0};
    leati_infer_in in;
    bool ok = leati_infer_read(&in, &room, (const char *)data, head, size, false, &fault);
    if (ok == (fault.http != 0)) abort();
    double sum = ok ? walk(&in) : 0;
    if (whole) {
        char *padded = calloc(1, size + LEATI_JSON_PAD);
        leati_fault again = {0};
        if (!padded) abort();
        memcpy(padded, data, size);
        bool same = leati_infer_read(&in, &room, padded, size, size, true, &again) == ok;
        if (!same || again.http != fault.http || (ok && walk(&in) != sum)) abort();
        free(padded);
    }
    leati_tensor_room_fini(&room);
    if (leat_context_bytes(c) > 65536) abort();
    leat_context_destroy(c);
    return 0;
}
