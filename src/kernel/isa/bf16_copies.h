/* Template, without a guard: numbers to bf16 and into pairs. The including file defines COPY(name),
 * COPY_TARGET and COPY_SHORT(v), the bits of a vector rounded to bf16 (to nearest, ties to even;
 * NaN stays NaN), and undefines them. net_kernels.h says what the functions do. */

#define COPY_WIDE(v) __builtin_convertvector(COPY_SHORT(v), vf_bits)

static COPY_TARGET void COPY(bf16_round)(size_t n, const float *x, float *out)
{
    size_t j = 0;
    for (; j + VF <= n; j += VF) store_f32(out + j, (vf)(COPY_WIDE(load_f32(x + j)) << 16));
    if (j < n) store_last_f32(out + j, (vf)(COPY_WIDE(load_last_f32(x + j, n - j)) << 16), n - j);
}

static COPY_TARGET void COPY(bf16_zip)(size_t n, const float *first, const float *second,
                                       uint32_t *out)
{
    size_t j = 0;
    for (; j + VF <= n; j += VF) {
        vf_bits both = COPY_WIDE(load_f32(first + j));
        if (second) both |= COPY_WIDE(load_f32(second + j)) << 16;
        memcpy(out + j, &both, sizeof both);
    }
    if (j == n) return;
    vf_bits both = COPY_WIDE(load_last_f32(first + j, n - j));
    if (second) both |= COPY_WIDE(load_last_f32(second + j, n - j)) << 16;
    store_last_f32((float *)(void *)(out + j), (vf)both, n - j);
}

static COPY_TARGET void COPY(bf16_rows)(size_t m, size_t k, const float *x, size_t ld,
                                        uint32_t *out, size_t ld_out)
{
    for (size_t i = 0; i < m; i++, x += ld, out += ld_out) {
        uint16_t *row = (uint16_t *)out;
        size_t j = 0;
        if (k % 2) row[k] = 0;
        for (; j + VF <= k; j += VF) {
            vf_short lane = COPY_SHORT(load_f32(x + j));
            memcpy(row + j, &lane, sizeof lane);
        }
        if (j == k) continue;
        vf_short lane = COPY_SHORT(load_last_f32(x + j, k - j));
        memcpy(row + j, &lane, (k - j) * sizeof *row);
    }
}

static COPY_TARGET void COPY(bf16_spread)(size_t count, size_t x, size_t line, size_t channels,
                                          const float *g, const uint8_t *which, uint32_t *out,
                                          size_t pixel)
{
    for (size_t end = x + count; x < end; x++, out += pixel) {
        uint16_t *row = (uint16_t *)out;
        const float *from = g + x / 2 * channels;
        const uint8_t *told = which + x / 2 * channels;
        uint8_t tap = (uint8_t)(2 * line + x % 2);
        size_t j = 0;
        if (channels % 2) row[channels] = 0;
        for (; j + VF <= channels; j += VF) {
            vf_short lane = COPY_SHORT(load_f32(from + j)) & bf16_is_tap(told + j, VF, tap);
            memcpy(row + j, &lane, sizeof lane);
        }
        if (j == channels) continue;
        vf_short lane = COPY_SHORT(load_last_f32(from + j, channels - j)) &
                        bf16_is_tap(told + j, channels - j, tap);
        memcpy(row + j, &lane, (channels - j) * sizeof *row);
    }
}

static COPY_TARGET void COPY(bf16_spread_zip)(size_t windows, size_t n, size_t ld, const float *g,
                                              const uint8_t *which, uint32_t *upper,
                                              uint32_t *lower)
{
    for (size_t i = 0; i < windows; i++, g += ld, which += ld) {
        for (size_t j = 0; j < NR; j += VF) {
            size_t rest = n > j ? n - j : 0;
            vf_bits first = {0}, tap = {0};
            if (rest >= VF) {
                first = COPY_WIDE(load_f32(g + j));
                tap = bf16_taps(which + j, VF);
            } else if (rest) {
                first = COPY_WIDE(load_last_f32(g + j, rest));
                tap = bf16_taps(which + j, rest);
            }
            vf_bits second = first << 16;
            if (upper) {
                vf_bits v = (first & (vf_bits)(tap == 0)) | (second & (vf_bits)(tap == 1));
                memcpy(upper + i * NR + j, &v, sizeof v);
            }
            if (lower) {
                vf_bits v = (first & (vf_bits)(tap == 2)) | (second & (vf_bits)(tap == 3));
                memcpy(lower + i * NR + j, &v, sizeof v);
            }
        }
    }
}

#undef COPY_WIDE
