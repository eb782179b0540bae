/* Owns: the .npy header, reading elements of foreign arrays. Not: frames (npy_frame.c). */
#include "tensor/npy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

enum { HEADER_MOST = 1 << 16, TEXT_MOST = 1 << 20 };

/* The header is a Python dictionary literal; `at` walks over it. */
typedef struct cursor {
    const char *at, *end;
} cursor;

static void skip_space(cursor *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\t')) p->at++;
}

static bool take(cursor *p, char ch)
{
    skip_space(p);
    if (p->at == p->end || *p->at != ch) return false;
    p->at++;
    return true;
}

static bool take_word(cursor *p, const char *word)
{
    size_t n = strlen(word);
    skip_space(p);
    if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n) != 0) return false;
    p->at += n;
    return true;
}

static bool take_string(cursor *p, char *out, size_t size)
{
    size_t n = 0;
    skip_space(p);
    if (p->at == p->end || (*p->at != '\'' && *p->at != '"')) return false;
    char quote = *p->at++;
    while (p->at < p->end && *p->at != quote) {
        if (*p->at == '\\' || n + 1 >= size) return false;
        out[n++] = *p->at++;
    }
    out[n] = '\0';
    return take(p, quote);
}

static bool take_size(cursor *p, size_t *out)
{
    size_t value = 0;
    skip_space(p);
    if (p->at == p->end || *p->at < '0' || *p->at > '9') return false;
    for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++) {
        if (leati_mul_overflows(value, 10, &value)) return false;
        if (leati_add_overflows(value, (size_t)(*p->at - '0'), &value)) return false;
    }
    if (p->at < p->end && *p->at == 'L') p->at++; /* written by Python 2 */
    *out = value;
    return true;
}

static bool take_shape(cursor *p, leati_foreign *a)
{
    if (!take(p, '(')) return false;
    while (!take(p, ')')) {
        if (a->dims == LEATI_ARRAY_DIMS || !take_size(p, &a->shape[a->dims])) return false;
        a->dims++;
        if (!take(p, ',')) return take(p, ')');
    }
    return true;
}

static leat_status read_descr(leat_context *c, leati_foreign *a, const char *descr,
                              const char *name)
{
    static const struct {
        char kind;
        size_t width;
        leati_element element;
    } kinds[] = {{'b', 1, LEATI_EL_BOOL}, {'u', 1, LEATI_EL_U8},  {'i', 1, LEATI_EL_I8},
                 {'u', 2, LEATI_EL_U16},  {'i', 2, LEATI_EL_I16}, {'u', 4, LEATI_EL_U32},
                 {'i', 4, LEATI_EL_I32},  {'u', 8, LEATI_EL_U64}, {'i', 8, LEATI_EL_I64},
                 {'f', 2, LEATI_EL_F16},  {'f', 4, LEATI_EL_F32}, {'f', 8, LEATI_EL_F64}};
    cursor p = {descr, descr + strlen(descr)};
    size_t width = 0;
    a->big_endian = *descr == '>';
    if (p.at < p.end && strchr("<>|=", *p.at)) p.at++;
    char kind = p.at < p.end ? *p.at++ : '\0';
    bool sized = take_size(&p, &width) && p.at == p.end;
    for (size_t i = 0; sized && i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].kind != kind || kinds[i].width != width) continue;
        a->element = kinds[i].element;
        a->width = width;
        return LEAT_OK;
    }
    if (sized && (kind == 'S' || kind == 'U') && width <= TEXT_MOST) {
        a->element = kind == 'S' ? LEATI_EL_BYTES : LEATI_EL_UCS4;
        a->width = kind == 'S' ? width : 4 * width;
        return LEAT_OK;
    }
    if (kind == 'O')
        return LEATI_FAIL(c, LEAT_UNSUPPORTED,
                          "%s holds Python objects, which only Python can read; save it with a "
                          "plain type: np.save(file, array.astype(float))",
                          name);
    return LEATI_FAIL(c, LEAT_UNSUPPORTED,
                      "%s holds elements of NumPy type '%s'; supported are bool, whole numbers of "
                      "1 to 8 bytes, float16 to float64, bytes and str",
                      name, descr);
}

static leat_status read_fields(leat_context *c, leati_foreign *a, cursor p, const char *name)
{
    char key[32], descr[32] = "";
    bool order = false, shape = false, good = take(&p, '{');
    while (good && !take(&p, '}')) {
        good = take_string(&p, key, sizeof key) && take(&p, ':');
        if (good && strcmp(key, "descr") == 0) {
            skip_space(&p);
            LEATI_CHECK(c, p.at == p.end || *p.at != '[', LEAT_UNSUPPORTED,
                        "%s holds structured records; save each field as an array of its own "
                        "(np.savez)",
                        name);
            good = take_string(&p, descr, sizeof descr);
        } else if (good && strcmp(key, "fortran_order") == 0) {
            a->fortran = take_word(&p, "True");
            good = order = a->fortran || take_word(&p, "False");
        } else if (good && strcmp(key, "shape") == 0 && !shape) {
            good = shape = take_shape(&p, a);
        } else {
            good = false;
        }
        if (good && !take(&p, ',')) {
            good = take(&p, '}');
            break;
        }
    }
    LEATI_CHECK(c, good && order && shape && descr[0], LEAT_FORMAT,
                "%s: the header of the .npy array is damaged or has more than %d dimensions", name,
                LEATI_ARRAY_DIMS);
    return read_descr(c, a, descr, name);
}

static leat_status find_header(leat_context *c, const uint8_t *p, size_t size, size_t *start,
                               size_t *length, const char *name)
{
    LEATI_CHECK(c, size >= 10 && memcmp(p, "\x93NUMPY", 6) == 0, LEAT_FORMAT,
                "%s is not a .npy array (it does not begin with \\x93NUMPY)", name);
    LEATI_CHECK(c, p[6] >= 1 && p[6] <= 3, LEAT_UNSUPPORTED,
                "%s has version %u.%u of the .npy format; versions 1.0 to 3.0 are known", name,
                p[6], p[7]);
    *start = p[6] == 1 ? 10 : 12;
    *length = (size_t)p[8] | (size_t)p[9] << 8;
    if (p[6] > 1 && size >= 12) *length |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    LEATI_CHECK(c, size >= *start && *length <= size - *start && *length <= HEADER_MOST,
                LEAT_FORMAT, "%s: the header of the .npy array is cut short", name);
    return LEAT_OK;
}

leat_status leati_npy_parse(leat_context *c, leati_foreign *out, const void *data, size_t size,
                            const char *name)
{
    const uint8_t *p = data;
    size_t start = 0, length = 0, bytes;
    leati_foreign a = {0};
    LEATI_TRY(find_header(c, p, size, &start, &length, name));
    const char *text = (const char *)p + start;
    LEATI_TRY(read_fields(c, &a, (cursor){text, text + length}, name));
    a.count = 1;
    bool fits = true, empty = false;
    for (int i = 0; i < a.dims; i++) {
        empty = empty || a.shape[i] == 0;
        fits = fits && !leati_mul_overflows(a.count, a.shape[i], &a.count);
    }
    if (empty) a.count = 0;
    bytes = start + length;
    fits = (fits || empty) && !leati_mul_overflows(a.count, a.width, &length) &&
           length <= size - bytes;
    LEATI_CHECK(c, fits, LEAT_FORMAT, "%s is cut short: it has fewer bytes than its header says",
                name);
    a.data = p + bytes;
    *out = a;
    return LEAT_OK;
}

bool leati_element_is_text(leati_element e)
{
    return e >= LEATI_EL_BYTES;
}

bool leati_element_is_float(leati_element e)
{
    return e == LEATI_EL_F16 || e == LEATI_EL_F32 || e == LEATI_EL_F64;
}

static uint64_t load(const leati_foreign *a, size_t index)
{
    const uint8_t *p = a->data + index * a->width;
    uint64_t v = 0;
    for (size_t i = 0; i < a->width; i++)
        v |= (uint64_t)p[i] << (8 * (a->big_endian ? a->width - 1 - i : i));
    return v;
}

/* IEEE 754 binary16. */
static double half(uint64_t bits)
{
    int exponent = (int)(bits >> 10 & 31);
    double fraction = (double)(bits & 1023), sign = bits & 0x8000 ? -1.0 : 1.0;
    if (exponent == 31) return fraction != 0 ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0) return sign * ldexp(fraction, -24);
    return sign * ldexp(fraction + 1024, exponent - 25);
}

int64_t leati_foreign_whole(const leati_foreign *a, size_t index)
{
    switch (a->element) {
    case LEATI_EL_BOOL: return load(a, index) != 0;
    case LEATI_EL_U8:
    case LEATI_EL_U16:
    case LEATI_EL_U32:
    case LEATI_EL_U64:
    case LEATI_EL_I64: return (int64_t)load(a, index);
    case LEATI_EL_I8: return (int8_t)load(a, index);
    case LEATI_EL_I16: return (int16_t)load(a, index);
    case LEATI_EL_I32: return (int32_t)load(a, index);
    default: return 0;
    }
}

double leati_foreign_number(const leati_foreign *a, size_t index)
{
    uint64_t bits;
    uint32_t narrow;
    float f;
    double d;
    switch (a->element) {
    case LEATI_EL_F16: return half(load(a, index));
    case LEATI_EL_F32:
        narrow = (uint32_t)load(a, index);
        memcpy(&f, &narrow, sizeof f);
        return (double)f;
    case LEATI_EL_F64:
        bits = load(a, index);
        memcpy(&d, &bits, sizeof d);
        return d;
    case LEATI_EL_U64: return (double)load(a, index);
    case LEATI_EL_BYTES:
    case LEATI_EL_UCS4: return (double)NAN;
    default: return (double)leati_foreign_whole(a, index);
    }
}

size_t leati_foreign_position(const leati_foreign *a, size_t index)
{
    if (!a->fortran) return index;
    size_t position = 0, at[LEATI_ARRAY_DIMS];
    for (int i = a->dims - 1; i >= 0; i--) {
        at[i] = index % a->shape[i];
        index /= a->shape[i];
    }
    for (int i = a->dims - 1; i >= 0; i--) position = position * a->shape[i] + at[i];
    return position;
}

size_t leati_npy_header(char out[256], const char *descr, const size_t *shape, int dims)
{
    char text[240];
    size_t n = (size_t)snprintf(text, sizeof text,
                                "{'descr': '%s', 'fortran_order': False, "
                                "'shape': (",
                                descr);
    for (int i = 0; i < dims; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%zu,%s", shape[i],
                              i + 1 < dims ? " " : "");
    n += (size_t)snprintf(text + n, sizeof text - n, "), }");
    size_t total = (10 + n + 1 + 63) / 64 * 64;
    memset(out, ' ', total);
    memcpy(out, "\x93NUMPY\x01", 8);
    out[8] = (char)((total - 10) & 255);
    out[9] = (char)((total - 10) >> 8);
    memcpy(out + 10, text, n);
    out[total - 1] = '\n';
    return total;
}
