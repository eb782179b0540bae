/* Owns: the draw of the rows that validation_fraction sets aside. */
#include "nn/set_aside.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

/* Rows of each class to set aside: its share, where what a class loses by rounding down goes to the
 * next one; but all of them keep a row. Returns how many those are together. */
static size_t share_out(const uint32_t *size, uint32_t classes, size_t rows, size_t count,
                        uint32_t *quota)
{
    uint64_t owed = 0; /* in parts of a row, `rows` to one */
    size_t given = 0;
    for (uint32_t k = 0; k < classes; k++) {
        owed += (uint64_t)count * size[k];
        uint64_t whole = owed / rows, most = size[k] ? size[k] - 1 : 0;
        quota[k] = (uint32_t)(whole < most ? whole : most);
        owed -= (uint64_t)quota[k] * rows;
        given += quota[k];
    }
    for (uint32_t k = 0; k < classes; k++) {
        size_t room = size[k] ? size[k] - 1 - quota[k] : 0, left = count - given;
        size_t more = room < left ? room : left;
        quota[k] += (uint32_t)more;
        given += more;
    }
    return given;
}

/* Of the shuffled rows, the last ones of each class are set aside, as many as its quota and, where
 * the quotas are too few, the last ones of all. */
static void part(const uint32_t *label, size_t rows, size_t count, uint32_t *quota, size_t given,
                 const uint32_t *shuffled, uint32_t *out)
{
    size_t learn = rows - count, at = rows, surplus = count - given;
    for (size_t i = rows; i-- > 0;) {
        uint32_t row = shuffled[i], k = label[row];
        bool aside = quota[k] > 0;
        if (aside) quota[k]--;
        else if (surplus) surplus--, aside = true;
        if (aside) out[--at] = row;
        else out[--learn] = row;
    }
}

leat_status leati_set_aside(leat_context *c, const leati_dataset *d, uint64_t seed, size_t count,
                            uint32_t *rows)
{
    size_t n = d->x.rows;
    leati_rng rng;
    for (size_t i = 0; i < n; i++) rows[i] = (uint32_t)i;
    if (!count) return LEAT_OK;
    leati_rng_init(&rng, seed, LEATI_RNG_SPLIT, 0);
    leati_rng_shuffle(&rng, rows, n);
    if (!d->label) return LEAT_OK;
    uint32_t *size = LEATI_NEW(c, uint32_t, d->classes),
             *quota = LEATI_NEW(c, uint32_t, d->classes);
    uint32_t *shuffled = leati_array(c, n, sizeof *shuffled);
    if (size && quota && shuffled) {
        memcpy(shuffled, rows, n * sizeof *shuffled);
        for (size_t i = 0; i < n; i++) size[d->label[i]]++;
        size_t given = share_out(size, d->classes, n, count, quota);
        part(d->label, n, count, quota, given, shuffled, rows);
    }
    leat_status st = size && quota && shuffled ? LEAT_OK : LEAT_NOMEM;
    leati_free(size);
    leati_free(quota);
    leati_free(shuffled);
    return st;
}
