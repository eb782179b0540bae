/* Decimal fields of delimited text to doubles, many at a time. Included by kernels.c.
 *
 * The ends of the fields are found first, a block of 64 bytes at a time, so that no field waits for
 * the one before it. Then the digits of every field are moved to the end of 32 bytes, without sign
 * and mark; and eight fields at a time become integers (multiply-adds of neighbours) and doubles.
 * What is not of that form (an exponent, quotes, spaces, more than 19 digits) ends the run: the
 * caller's slow ways take it. */
#include "base/num_scan.h"

#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define DECIMALS decimals

enum {
    DECIMAL_RUN = 32,    /* fields at a time */
    DECIMAL_BLOCK = 64,  /* bytes */
    DECIMAL_ENDS = 8,    /* of a block that are written without asking whether there are as many */
    DECIMAL_DIGITS = 19, /* that fit 64 bits */
    DECIMAL_ROOM = 32,   /* bytes of a field's digits */
    DECIMAL_LANES = 8
};

/* What is left to compute of some fields. */
typedef struct decimal_run {
    uint8_t digit[DECIMAL_RUN][DECIMAL_ROOM]; /* 0 to 9, the last digit last */
    double power[DECIMAL_RUN], inverse[DECIMAL_RUN];
    uint64_t sign[DECIMAL_RUN];
    uint8_t after[DECIMAL_RUN]; /* digits behind the mark */
} decimal_run;

/* Bit i is set where p[i] ends a field. */
INLINE uint64_t field_ends(const char *p, char delimiter)
{
    __m512i x = _mm512_loadu_si512(p);
    return _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(delimiter)) |
           _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('\n')) |
           _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('\r'));
}

/* Offsets from p of the ends of at most `count` fields, none at or behind `end`. */
INLINE size_t find_ends(const char *p, const char *end, char delimiter, size_t count,
                        uint32_t *ends)
{
    size_t n = 0, most = count * DECIMAL_ROOM;
    for (size_t at = 0; n < count && at < most && at < (size_t)(end - p); at += DECIMAL_BLOCK) {
        uint64_t mask = field_ends(p + at, delimiter);
        size_t left = (size_t)(end - p) - at;
        if (left < DECIMAL_BLOCK) mask &= (UINT64_C(1) << left) - 1;
        size_t hits = (size_t)__builtin_popcountll(mask);
        for (size_t i = 0; i < DECIMAL_ENDS; i++, mask &= mask - 1)
            ends[n + i] = (uint32_t)(at + _tzcnt_u64(mask));
        for (size_t i = DECIMAL_ENDS; i < hits; i++, mask &= mask - 1)
            ends[n + i] = (uint32_t)(at + _tzcnt_u64(mask));
        n += hits;
    }
    return n < count ? n : count;
}

/* The digits of the field of `length` bytes before `stop`; 33 bytes before it are readable. False:
 * it is not of the form. */
INLINE bool take_digits(const char *stop, size_t length, char mark, decimal_run *r, size_t i)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                  1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
    static const double tenths[] = {1e0,   1e-1,  1e-2,  1e-3,  1e-4,  1e-5,  1e-6,
                                    1e-7,  1e-8,  1e-9,  1e-10, 1e-11, 1e-12, 1e-13,
                                    1e-14, 1e-15, 1e-16, 1e-17, 1e-18};
    const __m256i zero = _mm256_set1_epi8('0');
    if (length == 0) return false;
    uint32_t negative = stop[-(ptrdiff_t)length] == '-', left = (uint32_t)length - negative;
    if (length > DECIMAL_DIGITS + 2 || left == 0) return false;
    __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(stop - DECIMAL_ROOM));
    uint32_t field = UINT32_MAX << (DECIMAL_ROOM - left);
    uint32_t others = _mm256_cmpgt_epu8_mask(_mm256_sub_epi8(x, zero), _mm256_set1_epi8(9)) & field;
    uint32_t marks = _mm256_cmpeq_epi8_mask(x, _mm256_set1_epi8(mark)) & field;
    uint32_t digits = left - (others != 0);
    /* One mark with a digit on each side, or none; no leading zero before another digit. */
    if (others != marks || (others & (others - 1)) || digits - 1 > DECIMAL_DIGITS - 1) return false;
    uint32_t after = others ? (uint32_t)__builtin_clz(others) : 0;
    const char *first = stop - left;
    if ((others && after == 0) || digits == after || (*first == '0' && digits - after > 1))
        return false;
    /* What stands before the mark moves up by a byte. */
    uint32_t before = (others ^ (others - 1)) & field << 1;
    uint32_t behind = others ? ~(others ^ (others - 1)) : field;
    before = others ? before : 0;
    __m256i y = _mm256_loadu_si256((const __m256i *)(const void *)(stop - DECIMAL_ROOM - 1));
    __m256i value = _mm256_maskz_sub_epi8(behind, x, zero);
    value = _mm256_mask_sub_epi8(value, before, y, zero);
    _mm256_storeu_si256((__m256i *)(void *)r->digit[i], value);
    r->power[i] = tens[after];
    r->inverse[i] = tenths[after];
    r->sign[i] = (uint64_t)negative << 63;
    r->after[i] = (uint8_t)after;
    return true;
}

/* Fours of digits of two fields. */
INLINE __m512i join_fours(const decimal_run *r, size_t i)
{
    __m512i x = _mm512_inserti64x4(
        _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(const void *)r->digit[i])),
        _mm256_loadu_si256((const __m256i *)(const void *)r->digit[i + 1]), 1);
    x = _mm512_maddubs_epi16(x, _mm512_set1_epi16(0x010a));
    return _mm512_madd_epi16(x, _mm512_set1_epi32(0x00010064));
}

/* The integers of eight fields. */
INLINE __m512i join_digits(const decimal_run *r, size_t i)
{
    const __m512i tens = _mm512_set1_epi32(0x00012710), eight = _mm512_set1_epi64(100000000);
    __m512i a = _mm512_packus_epi32(join_fours(r, i), join_fours(r, i + 2));
    __m512i b = _mm512_packus_epi32(join_fours(r, i + 4), join_fours(r, i + 6));
    a = _mm512_madd_epi16(a, tens);
    b = _mm512_madd_epi16(b, tens);
    /* Of every field the eight digits 8 to 15, then 16 to 23 below 24 to 31. */
    __m512i top = _mm512_permutex2var_epi64(a, _mm512_setr_epi64(0, 4, 1, 5, 8, 12, 9, 13), b);
    __m512i low = _mm512_permutex2var_epi64(a, _mm512_setr_epi64(2, 6, 3, 7, 10, 14, 11, 15), b);
    __m512i m = _mm512_mul_epu32(_mm512_srli_epi64(top, 32), eight);
    m = _mm512_add_epi64(m, _mm512_and_si512(low, _mm512_set1_epi64(UINT32_MAX)));
    m = _mm512_mullo_epi64(m, eight);
    return _mm512_add_epi64(m, _mm512_srli_epi64(low, 32));
}

/* Eight quotients m / 10**after, correctly rounded. The quotient is a sum of two doubles, of which
 * the second is off by at most 2**-100 of the first; where more than that either way gives the same
 * double it is the right one (Ziv's test, ACM TOMS 17, 1991), elsewhere leati_num_compose_any
 * decides. */
INLINE void compose(const decimal_run *r, size_t i, __m512i m, uint64_t *out)
{
    __m512d power = _mm512_loadu_pd(r->power + i), inverse = _mm512_loadu_pd(r->inverse + i);
    __m512d high = _mm512_cvtepu64_pd(m);
    __m512d low = _mm512_cvtepi64_pd(_mm512_sub_epi64(m, _mm512_cvttpd_epu64(high)));
    /* Rounding that is named keeps the compiler from fusing this product with the sums below. */
    __m512d q = _mm512_mul_round_pd(high, inverse, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512d rest = _mm512_add_pd(_mm512_fnmadd_pd(q, power, high), low);
    __m512d more = _mm512_mul_pd(rest, inverse);
    __m512d margin = _mm512_mul_pd(q, _mm512_set1_pd(0x1p-98));
    __m512d up = _mm512_add_pd(q, _mm512_add_pd(more, margin));
    __m512d down = _mm512_add_pd(q, _mm512_sub_pd(more, margin));
    __m512i sign = _mm512_loadu_si512(r->sign + i);
    _mm512_storeu_si512(out, _mm512_or_si512(_mm512_castpd_si512(up), sign));
    unsigned open = _mm512_cmp_pd_mask(up, down, _CMP_NEQ_UQ);
    if (open == 0) return;
    uint64_t mantissa[DECIMAL_LANES];
    _mm512_storeu_si512(mantissa, m);
    for (size_t k = 0; k < DECIMAL_LANES; k++) {
        if (!(open >> k & 1)) continue;
        double v = leati_num_compose_any(mantissa[k], -(int64_t)r->after[i + k]);
        memcpy(&out[k], &v, sizeof v);
        out[k] |= r->sign[i + k];
    }
}

static size_t decimals(const leati_decimals *d, const char **text, size_t count, double *const *out,
                       size_t row)
{
    uint32_t ends[DECIMAL_RUN + DECIMAL_BLOCK];
    decimal_run r;
    const char *p = *text, *from = p;
    size_t done = 0;
    if (count > DECIMAL_RUN) count = DECIMAL_RUN;
    count = find_ends(p, d->end, d->delimiter, count, ends);
    if (count == 0 || p + ends[0] - d->begin <= DECIMAL_ROOM) return 0;
    while (done < count) {
        const char *stop = p + ends[done];
        if (!take_digits(stop, (size_t)(stop - from), d->mark, &r, done)) break;
        done++;
        from = stop + 1;
        if (*stop != d->delimiter) break;
    }
    if (done == 0) return 0;
    *text = p + ends[done - 1];
    for (size_t i = 0; i < done; i += DECIMAL_LANES) {
        uint64_t value[DECIMAL_LANES];
        for (size_t k = done; k < i + DECIMAL_LANES; k++) { /* lanes that nobody asked for */
            memset(r.digit[k], 0, DECIMAL_ROOM);
            r.power[k] = r.inverse[k] = 1;
            r.sign[k] = 0;
        }
        compose(&r, i, join_digits(&r, i), value);
        size_t lanes = done - i < DECIMAL_LANES ? done - i : DECIMAL_LANES;
        for (size_t k = 0; k < lanes; k++) memcpy(&out[i + k][row], &value[k], sizeof value[k]);
    }
    return done;
}
#else
#define DECIMALS NULL
#endif
