/* The inside of frames and columns, for the rooms that compute on them. */
#ifndef LEATI_FRAME_FRAME_H
#define LEATI_FRAME_FRAME_H

#include <stdatomic.h>
#include <string.h>

#include <leat/frame.h>

/* The distinct texts of a column, in order of first appearance in it. Entry i is
 * bytes[offsets[i] .. offsets[i+1]) and is followed by a zero byte that is not part of it:
 * offsets[i+1] == offsets[i] + length + 1. Immutable and shared once built. */
typedef struct leati_dict {
    atomic_uint references;
    uint32_t count;
    size_t *offsets; /* (count + 1) */
    char *bytes;
} leati_dict;

typedef enum leati_item { LEATI_ITEM_U8, LEATI_ITEM_F32, LEATI_ITEM_F64 } leati_item;

/* Missing values: bit (i % 8) of valid[i / 8] is 0, and the value itself is NaN (F64) or 0. */
typedef struct leati_column {
    atomic_uint references;
    leat_type type;
    size_t rows;
    size_t missing;
    uint8_t *valid; /* ((rows + 7) / 8); NULL: nothing is missing */
    union {
        void *data;
        double *f64;     /* F64: NaN where missing */
        int64_t *i64;    /* I64, TIME */
        uint8_t *u8;     /* BOOL; ARRAY of U8 */
        uint32_t *codes; /* STRING: index into dict */
        float *f32;      /* ARRAY of F32 */
    };
    leati_dict *dict; /* STRING */
    leati_item item;  /* ARRAY: type of an element */
    size_t shape[3];  /* ARRAY: (H, W, C), 1 where unused */
    size_t length;    /* ARRAY: elements per row, the product of shape */
} leati_column;

struct leat_frame {
    atomic_uint references;
    size_t rows, columns, capacity;
    leati_column **column;
    char **name;
    uint32_t *slots; /* of many columns, by name: 1 + column, 0 = free; a power of two of them */
    size_t slot_count;
};

static inline bool leati_valid(const leati_column *col, size_t row)
{
    return !col->valid || (col->valid[row / 8] >> (row % 8) & 1);
}

static inline const char *leati_dict_text(const leati_dict *d, uint32_t code, size_t *length)
{
    if (length) *length = d->offsets[code + 1] - d->offsets[code] - 1;
    return d->bytes + d->offsets[code];
}

/* A column of zeros without missing values; ARRAY columns by leati_column_array. */
leati_column *leati_column_create(leat_context *c, leat_type type, size_t rows);
leati_column *leati_column_array(leat_context *c, leati_item item, const size_t shape[3],
                                 size_t rows);
/* The same without setting the data (not for ARRAY): for readers that fill every row. */
leati_column *leati_column_uninit(leat_context *c, leat_type type, size_t rows);
leati_column *leati_column_retain(leati_column *col);
void leati_column_release(leati_column *col); /* NULL is fine */
/* Mark one row missing while the column is being built (makes the bits on first use). */
leat_status leati_column_set_missing(leat_context *c, leati_column *col, size_t row);
/* Rows by number, in that order; UINT32_MAX gives a missing value. Dictionaries are shared. */
leati_column *leati_column_take(leat_context *c, const leati_column *col, const uint32_t *rows,
                                size_t count);
size_t leati_column_bytes(const leati_column *col); /* data, bits and dictionary */

/* Build a dictionary column from codes and the texts of a leati_map (takes a copy). */
struct leati_map;
leati_dict *leati_dict_from_map(leat_context *c, const struct leati_map *map);
leati_dict *leati_dict_retain(leati_dict *d);
void leati_dict_release(leati_dict *d);

leat_frame *leati_frame_create(leat_context *c, size_t rows);
/* Takes the column over, also on failure. Names must be unique: INVALID. NULL column: forwards the
 * recorded error, so that a constructor can be nested. */
leat_status leati_frame_add(leat_context *c, leat_frame *f, const char *name, leati_column *col);
leat_frame *leati_frame_take(leat_context *c, const leat_frame *f, const uint32_t *rows,
                             size_t count);
leat_frame *leati_frame_select(leat_context *c, const leat_frame *f, const size_t *columns,
                               size_t count);
/* SHA-256 over type, validity and values of a column. */
void leati_column_hash(const leati_column *col, char out[65]);
/* SHA-256 over names, types, validity and values: equal for equal tables, however they came. */
void leati_frame_hash(const leat_frame *f, char out[65]);

#endif
