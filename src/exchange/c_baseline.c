/* Owns: the baseline in C, its random answers too. */
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "exchange/c_file.h"

static leat_status number(leati_c_file *f)
{
    double value;
    LEATI_TRY(leati_c_scalar(f, "value", &value));
    leati_c_code(f, "\nstatic int answer(const double *x, double *out, workspace *w)\n{\n"
                    "    (void)x, (void)w;\n    out[0] = ");
    leati_c_number(&f->code, value, false);
    leati_c_code(f, ";\n    return 0;\n}\n");
    return LEAT_OK;
}

/* One draw of Philox4x32-10 by the seed and a checksum of the row. */
static const char draw[] =
    "\n"
    "/* CRC-32 of the bits of the features, lowest byte first. */\n"
    "static unsigned long checksum(const double *x)\n"
    "{\n"
    "    unsigned long crc = 0xffffffffUL;\n"
    "    for (int i = 0; i < FEATURES; i++) {\n"
    "        unsigned long long bits;\n"
    "        memcpy(&bits, &x[i], sizeof bits);\n"
    "        for (int k = 0; k < 64; k++, bits >>= 1)\n"
    "            crc = crc >> 1 ^ ((crc ^ bits) & 1 ? 0xedb88320UL : 0);\n"
    "    }\n"
    "    return crc ^ 0xffffffffUL;\n"
    "}\n"
    "\n"
    "/* Uniform in [0, 1) by Philox4x32-10 (Salmon et al., SC 2011). */\n"
    "static double uniform(unsigned long step)\n"
    "{\n"
    "    unsigned long long c0 = 0, c1 = 0, c2 = step, c3 = PURPOSE, k0 = seed[0], k1 = seed[1];\n"
    "    for (int round = 0; round < 10; round++) {\n"
    "        unsigned long long p0 = 0xD2511F53ULL * c0, p1 = 0xCD9E8D57ULL * c2;\n"
    "        c0 = (p1 >> 32) ^ c1 ^ k0;\n"
    "        c1 = p1 & 0xffffffffULL;\n"
    "        c2 = (p0 >> 32) ^ c3 ^ k1;\n"
    "        c3 = p0 & 0xffffffffULL;\n"
    "        k0 = (k0 + 0x9E3779B9ULL) & 0xffffffffULL;\n"
    "        k1 = (k1 + 0xBB67AE85ULL) & 0xffffffffULL;\n"
    "    }\n"
    "    return (double)((c0 | c1 << 32) >> 11) * 0x1p-53;\n"
    "}\n"
    "\n"
    "static int answer(const double *x, double *out, workspace *w)\n"
    "{\n"
    "    double u = uniform(checksum(x)), sum = 0;\n"
    "    int last = 0;\n"
    "    (void)w;\n"
    "    memcpy(out, prior, sizeof prior);\n"
    "    for (int k = 0; k < OUTPUTS; k++) {\n"
    "        if (prior[k] <= 0) continue;\n"
    "        last = k;\n"
    "        sum += prior[k];\n"
    "        if (u < sum) break;\n"
    "    }\n"
    "    return last;\n"
    "}\n";

leat_status leati_c_baseline(leati_c_file *f)
{
    char strategy[32];
    if (f->estimator->task == LEATI_REGRESS) return number(f);
    LEATI_TRY(leati_c_param(f, "strategy", strategy, sizeof strategy));
    LEATI_TRY(leati_c_array(f, "prior"));
    if (strcmp(strategy, "stratified") == 0 || strcmp(strategy, "uniform") == 0) {
        const leati_array_entry *e = leati_state_find(&f->state, "draws");
        LEATI_CHECK(f->context, e && e->type == LEATI_I32 && e->count == 2, LEAT_FORMAT,
                    "damaged model: the seed of baseline is missing");
        const uint32_t *half = e->data;
        leati_str_addf(&f->data, "static const unsigned long seed[2] = {%luUL, %luUL};\n",
                       (unsigned long)half[0], (unsigned long)half[1]);
        leati_c_constant(f, "PURPOSE", LEATI_RNG_BASELINE);
        leati_c_code(f, draw);
        return LEAT_OK;
    }
    f->helpers |= LEATI_C_LARGEST;
    leati_c_code(f, "\nstatic int answer(const double *x, double *out, workspace *w)\n{\n"
                    "    (void)x, (void)w;\n    memcpy(out, prior, sizeof prior);\n"
                    "    return largest(out, OUTPUTS);\n}\n");
    return LEAT_OK;
}
