/* Owns: the reference of SLICE, PAD, REVERSE, CONCAT, IOTA, RANDOM. */
#include <string.h>

#include "device/random.h"
#include "device/reference_kernels.h"
#include "tensor/shape.h"

/* Bit for bit. */
static void copy_element(const leati_operand *to, size_t at, const leati_operand *from,
                         size_t from_at)
{
    size_t size = leat_dtype_size(to->dtype);
    memcpy((char *)to->data + at * size, (const char *)from->data + from_at * size, size);
}

static leat_status slice(leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_slice_attrs *a = s->attrs;
    int64_t index[LEAT_MAX_RANK];
    size_t count = leati_operand_count(&s->out[0]);
    for (size_t k = 0; k < count; k++) {
        leati_index_of(&s->out[0].shape, k, index);
        for (int i = 0; i < s->out[0].shape.rank; i++)
            index[i] = a->start[i] + index[i] * a->step[i];
        copy_element(&s->out[0], k, &s->in[0], leati_offset_of(&s->in[0].shape, index));
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_slice = {.run = slice};

static leat_status reverse(leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_reverse_attrs *a = s->attrs;
    int64_t index[LEAT_MAX_RANK];
    size_t count = leati_operand_count(&s->out[0]);
    for (size_t k = 0; k < count; k++) {
        leati_index_of(&s->out[0].shape, k, index);
        for (int i = 0; i < s->out[0].shape.rank; i++)
            if (a->axes >> i & 1) index[i] = s->out[0].shape.dim[i] - 1 - index[i];
        copy_element(&s->out[0], k, &s->in[0], leati_offset_of(&s->in[0].shape, index));
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_reverse = {.run = reverse};

/* The element of an axis that element i of the padded axis shows; -1: the constant. */
static int64_t pad_source(const leati_pad_attrs *a, int axis, int64_t dim, int64_t i)
{
    i -= a->low[axis];
    switch ((leati_pad_mode)a->mode) {
    case LEATI_PAD_CONSTANT: {
        int64_t pitch = a->interior[axis] + 1;
        return i < 0 || i % pitch != 0 || i / pitch >= dim ? -1 : i / pitch;
    }
    case LEATI_PAD_REFLECT: return i < 0 ? -i : i >= dim ? 2 * (dim - 1) - i : i;
    case LEATI_PAD_EDGE: return i < 0 ? 0 : i >= dim ? dim - 1 : i;
    case LEATI_PAD_WRAP: return (i % dim + dim) % dim;
    }
    return -1;
}

static leat_status pad(leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_pad_attrs *a = s->attrs;
    int64_t index[LEAT_MAX_RANK];
    size_t count = leati_operand_count(&s->out[0]);
    for (size_t k = 0; k < count; k++) {
        bool inside = true;
        leati_index_of(&s->out[0].shape, k, index);
        for (int i = 0; i < s->out[0].shape.rank; i++) {
            index[i] = pad_source(a, i, s->in[0].shape.dim[i], index[i]);
            inside &= index[i] >= 0;
        }
        if (inside) copy_element(&s->out[0], k, &s->in[0], leati_offset_of(&s->in[0].shape, index));
        else leati_element_set(&s->out[0], k, (leati_element){a->value, a->value_int});
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_pad = {.run = pad};

static leat_status concat(leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_axis_attrs *a = s->attrs;
    int64_t index[LEAT_MAX_RANK], at = 0;
    for (size_t p = 0; p < s->ins; p++) {
        size_t count = leati_operand_count(&s->in[p]);
        for (size_t k = 0; k < count; k++) {
            leati_index_of(&s->in[p].shape, k, index);
            index[a->axis] += at;
            size_t to = leati_offset_of(&s->out[0].shape, index);
            const char *target = (char *)s->out[0].data + to * leat_dtype_size(s->out[0].dtype);
            if (k == 0 && target == (const char *)s->in[p].data) break; /* it was made in place */
            copy_element(&s->out[0], to, &s->in[p], k);
        }
        at += s->in[p].shape.dim[a->axis];
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_concat = {.run = concat};

static leat_status iota(leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_iota_attrs *a = s->attrs;
    int64_t index[LEAT_MAX_RANK];
    size_t count = leati_operand_count(&s->out[0]);
    for (size_t k = 0; k < count; k++) {
        leati_index_of(&s->out[0].shape, k, index);
        int64_t i = index[a->axis];
        uint64_t whole = (uint64_t)a->start_int + (uint64_t)i * (uint64_t)a->step_int;
        leati_element_set(&s->out[0], k,
                          (leati_element){a->start + (double)i * a->step, (int64_t)whole});
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_iota = {.run = iota};

static leat_status draw(leat_context *c, const leati_step *s)
{
    (void)c;
    leati_random_fill(NULL, s->attrs, s->in[0].data, s->out[0].dtype, 0,
                      leati_operand_count(&s->out[0]), s->out[0].data);
    return LEAT_OK;
}

const leati_kernel leati_reference_random = {.run = draw};
