/* Owns: the list of named arrays that learned things are saved as. */
#include "learn/state.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

static const size_t sizes[LEATI_DTYPES] = {8, 4, 8, 4, 1};

size_t leati_dtype_size(leati_dtype type)
{
    return sizes[type];
}

void leati_state_init(leati_state *s, leat_context *c)
{
    *s = (leati_state){.context = c};
}

void leati_state_fini(leati_state *s)
{
    for (size_t i = 0; i < s->count; i++) {
        leati_free(s->entries[i].name);
        leati_free(s->entries[i].data);
    }
    leati_free(s->entries);
    leati_state_init(s, s->context);
}

leat_status leati_state_put_shaped(leati_state *s, const char *name, leati_dtype type,
                                   const void *data, int dims, const size_t *shape)
{
    leat_context *c = s->context;
    LEATI_BUG_IF(c, leati_state_find(s, name) != NULL || dims > LEATI_STATE_DIMS);
    LEATI_TRY(leati_grow(c, &s->entries, &s->capacity, s->count + 1, sizeof *s->entries));
    leati_array_entry e = {.type = type, .dims = dims, .count = 1};
    for (int i = 0; i < dims; i++) {
        e.shape[i] = shape[i];
        e.count *= shape[i];
    }
    e.name = leati_strdup(c, name);
    e.data = e.name ? leati_memdup(c, data, e.count * sizes[type]) : NULL;
    if (!e.data) {
        leati_free(e.name);
        return leat_error_status(c);
    }
    s->entries[s->count++] = e;
    return LEAT_OK;
}

leat_status leati_state_put(leati_state *s, const char *name, leati_dtype type, const void *data,
                            size_t rows, size_t cols)
{
    return leati_state_put_shaped(s, name, type, data, cols ? 2 : 1, (size_t[]){rows, cols});
}

leat_status leati_state_put_scalar(leati_state *s, const char *name, double value)
{
    return leati_state_put_shaped(s, name, LEATI_F64, &value, 0, NULL);
}

const leati_array_entry *leati_state_find(const leati_state *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->entries[i].name, name) == 0) return &s->entries[i];
    return NULL;
}

/* The entry of an array that must have this type and shape. */
static leat_status entry_of(leat_context *c, const leati_state *s, const char *name,
                            leati_dtype type, size_t rows, size_t cols, leati_array_entry **out)
{
    const leati_array_entry *e = leati_state_find(s, name);
    LEATI_CHECK(c, e, LEAT_FORMAT, "damaged model: the array '%s' is missing", name);
    bool fits = e->type == type && e->dims == (cols ? 2 : 1) &&
                (rows == SIZE_MAX || e->shape[0] == rows) && (!cols || e->shape[1] == cols);
    LEATI_CHECK(c, fits, LEAT_FORMAT, "damaged model: the array '%s' has the wrong type or shape",
                name);
    LEATI_BUG_IF(c, !e->data);
    *out = &s->entries[e - s->entries];
    return LEAT_OK;
}

leat_status leati_state_get(leat_context *c, const leati_state *s, const char *name,
                            leati_dtype type, size_t rows, size_t cols, void *out, size_t *count)
{
    leati_array_entry *e;
    LEATI_TRY(entry_of(c, s, name, type, rows, cols, &e));
    void *copy = leati_memdup(c, e->data, e->count * sizes[type]);
    if (!copy) return leat_error_status(c);
    memcpy(out, &copy, sizeof copy);
    if (count) *count = e->shape[0];
    return LEAT_OK;
}

leat_status leati_state_take(leat_context *c, leati_state *s, const char *name, leati_dtype type,
                             size_t rows, size_t cols, void *out, size_t *count)
{
    leati_array_entry *e;
    if (!s->given) return leati_state_get(c, s, name, type, rows, cols, out, count);
    LEATI_TRY(entry_of(c, s, name, type, rows, cols, &e));
    memcpy(out, &e->data, sizeof e->data);
    e->data = NULL;
    if (count) *count = e->shape[0];
    return LEAT_OK;
}

leat_status leati_state_get_scalar(leat_context *c, const leati_state *s, const char *name,
                                   double least, double most, double *out)
{
    const leati_array_entry *e = leati_state_find(s, name);
    LEATI_CHECK(c, e && e->type == LEATI_F64 && e->count == 1, LEAT_FORMAT,
                "damaged model: the value '%s' is missing", name);
    double v = *(const double *)e->data;
    LEATI_CHECK(c, v >= least && v <= most, LEAT_FORMAT,
                "damaged model: the value '%s' is %g, outside %g to %g", name, v, least, most);
    *out = v;
    return LEAT_OK;
}
