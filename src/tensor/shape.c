/* Owns: element types and shapes. */
#include "tensor/shape.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

const char *leat_dtype_name(leat_dtype dtype)
{
    switch (dtype) {
#define ROW(code, name, text, bytes)                                                               \
    case LEAT_DTYPE_##name: return text;
        LEAT_DTYPE_LIST(ROW)
#undef ROW
    }
    return "?";
}

size_t leat_dtype_size(leat_dtype dtype)
{
    switch (dtype) {
#define ROW(code, name, text, bytes)                                                               \
    case LEAT_DTYPE_##name: return bytes;
        LEAT_DTYPE_LIST(ROW)
#undef ROW
    }
    return 0;
}

leat_shape leat_shape_make(int rank, const int64_t *dims)
{
    leat_shape s = {.rank = -1};
    if (rank < 0 || rank > LEAT_MAX_RANK) return s;
    s.rank = rank;
    for (int i = 0; i < rank; i++) s.dim[i] = dims[i];
    return s;
}

static bool count_elements(const leat_shape *s, size_t *count)
{
    size_t n = 1;
    if (s->rank < 0 || s->rank > LEAT_MAX_RANK) return false;
    bool overflow = false, empty = false;
    for (int i = 0; i < s->rank; i++) {
        if (s->dim[i] < 0) return false;
        empty |= s->dim[i] == 0;
        overflow |= leati_mul_overflows(n, (size_t)s->dim[i], &n);
    }
    *count = empty ? 0 : n;
    return empty || !overflow;
}

size_t leati_shape_count(const leat_shape *s)
{
    size_t n;
    return count_elements(s, &n) ? n : 0;
}

leat_status leati_shape_check(leat_context *c, const leat_shape *s, leat_dtype dtype)
{
    LEATI_CHECK(c, s->rank >= 0 && s->rank <= LEAT_MAX_RANK, LEAT_SHAPE,
                "a tensor has at most %d dimensions", LEAT_MAX_RANK);
    for (int i = 0; i < s->rank; i++)
        LEATI_CHECK(c, s->dim[i] >= 0, LEAT_SHAPE, "shape %s has a negative dimension",
                    leati_shape_string(s).text);
    size_t n, bytes;
    LEATI_CHECK(c,
                count_elements(s, &n) && !leati_mul_overflows(n, leat_dtype_size(dtype), &bytes) &&
                    bytes < (size_t)1 << 47,
                LEAT_LIMIT, "a tensor of shape %s does not fit into memory",
                leati_shape_string(s).text);
    return LEAT_OK;
}

bool leati_shape_equal(const leat_shape *a, const leat_shape *b)
{
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

bool leati_shape_broadcast(const leat_shape *a, const leat_shape *b, leat_shape *out)
{
    leat_shape s = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 0; i < s.rank; i++) {
        int ia = i - (s.rank - a->rank), ib = i - (s.rank - b->rank);
        int64_t da = ia < 0 ? 1 : a->dim[ia], db = ib < 0 ? 1 : b->dim[ib];
        if (da != db && da != 1 && db != 1) return false;
        s.dim[i] = da == 1 ? db : da;
    }
    *out = s;
    return true;
}

void leati_broadcast_strides(const leat_shape *from, const leat_shape *to, int64_t *strides)
{
    int64_t stride = 1;
    for (int i = to->rank; i-- > 0;) {
        int f = i - (to->rank - from->rank);
        int64_t dim = f < 0 ? 1 : from->dim[f];
        strides[i] = dim == 1 && to->dim[i] != 1 ? 0 : stride;
        if (f < 0) strides[i] = 0;
        stride *= dim;
    }
}

size_t leati_strided_place(const leat_shape *space, const int64_t *strides, size_t i)
{
    int64_t place = 0;
    for (int d = space->rank; d-- > 0; i /= (size_t)space->dim[d])
        place += (int64_t)(i % (size_t)space->dim[d]) * strides[d];
    return (size_t)place;
}

leati_shape_text leati_shape_string(const leat_shape *s)
{
    leati_shape_text t;
    size_t n = (size_t)snprintf(t.text, sizeof t.text, "(");
    for (int i = 0; i < s->rank && n < sizeof t.text; i++)
        n += (size_t)snprintf(t.text + n, sizeof t.text - n, "%s%lld", i ? ", " : "",
                              (long long)s->dim[i]);
    if (n < sizeof t.text) snprintf(t.text + n, sizeof t.text - n, ")");
    return t;
}
