/* Named arrays: what an estimator or transform has learned, on its way to and from a file. */
#ifndef LEATI_LEARN_STATE_H
#define LEATI_LEARN_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

typedef enum leati_dtype {
    LEATI_F64,
    LEATI_F32,
    LEATI_I64,
    LEATI_I32,
    LEATI_U8,
    LEATI_DTYPES
} leati_dtype;

size_t leati_dtype_size(leati_dtype type);

enum { LEATI_STATE_DIMS = 8 };

typedef struct leati_array_entry {
    char *name;
    leati_dtype type;
    size_t shape[LEATI_STATE_DIMS];
    int dims; /* 0: a scalar */
    size_t count;
    void *data; /* owned; NULL: it was taken */
} leati_array_entry;

typedef struct leati_state {
    leat_context *context;
    leati_array_entry *entries;
    size_t count, capacity;
    bool given; /* nobody reads the arrays again: they may be taken */
} leati_state;

void leati_state_init(leati_state *s, leat_context *c);
void leati_state_fini(leati_state *s);

/* Copies the data. cols == 0: one-dimensional. */
leat_status leati_state_put(leati_state *s, const char *name, leati_dtype type, const void *data,
                            size_t rows, size_t cols);
/* The same for any number of dimensions up to LEATI_STATE_DIMS. */
leat_status leati_state_put_shaped(leati_state *s, const char *name, leati_dtype type,
                                   const void *data, int dims, const size_t *shape);
leat_status leati_state_put_scalar(leati_state *s, const char *name, double value);

const leati_array_entry *leati_state_find(const leati_state *s, const char *name);
/* A fresh copy in *out of the array, which must have this type and shape (rows == SIZE_MAX: any
 * number of rows, returned in *count when count is not NULL). LEAT_FORMAT otherwise. */
leat_status leati_state_get(leat_context *c, const leati_state *s, const char *name,
                            leati_dtype type, size_t rows, size_t cols, void *out, size_t *count);
/* The same for what loads once: the array itself where the state is given away. */
leat_status leati_state_take(leat_context *c, leati_state *s, const char *name, leati_dtype type,
                             size_t rows, size_t cols, void *out, size_t *count);
leat_status leati_state_get_scalar(leat_context *c, const leati_state *s, const char *name,
                                   double least, double most, double *out);

#endif
