/* Owns: values of variables in files of named arrays. */
#include <leat/network.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "graph/graph.h"
#include "learn/safetensors.h"

/* LEATI_DTYPES: the files that are read back here hold no such numbers. */
static leati_dtype kind_of(leat_dtype dtype)
{
    switch (dtype) {
    case LEAT_DTYPE_F64: return LEATI_F64;
    case LEAT_DTYPE_F32: return LEATI_F32;
    case LEAT_DTYPE_I64: return LEATI_I64;
    case LEAT_DTYPE_I32: return LEATI_I32;
    case LEAT_DTYPE_U8: return LEATI_U8;
    default: return LEATI_DTYPES;
    }
}

static leat_status check_variable(leat_context *c, const leat_graph *g, leat_variable *v)
{
    LEATI_CHECK(c, v && v->graph == g, LEAT_INVALID, "a variable is NULL or of another graph");
    LEATI_CHECK(c, kind_of(v->dtype) != LEATI_DTYPES, LEAT_UNSUPPORTED,
                "variable %s is of %s; files of variables hold f64, f32, i64, i32 and u8: cast it",
                v->name, leat_dtype_name(v->dtype));
    return LEAT_OK;
}

static leat_status put_variable(leat_context *c, leati_state *s, leat_variable *v)
{
    size_t shape[LEATI_STATE_DIMS];
    LEATI_CHECK(c, !leati_state_find(s, v->name), LEAT_INVALID,
                "two variables are named %s; names tell them apart in a file", v->name);
    for (int i = 0; i < v->shape.rank; i++) shape[i] = (size_t)v->shape.dim[i];
    char *data = leati_alloc(c, v->bytes + 1);
    if (!data) return leat_error_status(c);
    leat_status st = leat_variable_get(v, data, v->bytes);
    if (st == LEAT_OK)
        st = leati_state_put_shaped(s, v->name, kind_of(v->dtype), data, v->shape.rank, shape);
    leati_free(data);
    return st;
}

leat_status leat_variables_save(leat_graph *g, size_t count, leat_variable *const *variables,
                                const char *path)
{
    leat_context *c = leat_graph_context(g);
    leati_state s;
    leati_str bytes;
    leat_status st = LEAT_OK;
    leati_state_init(&s, c);
    leati_str_init(&bytes, c);
    for (size_t i = 0; i < count && st == LEAT_OK; i++) {
        st = check_variable(c, g, variables[i]);
        if (st == LEAT_OK) st = put_variable(c, &s, variables[i]);
    }
    if (st == LEAT_OK) st = leati_safetensors_write(c, &s, &bytes);
    if (st == LEAT_OK) st = leati_file_write(c, path, leati_str_text(&bytes), bytes.length);
    leati_str_fini(&bytes);
    leati_state_fini(&s);
    return st;
}

static void add_shape(leati_str *text, const leati_array_entry *e)
{
    static const char *const names[LEATI_DTYPES] = {"f64", "f32", "i64", "i32", "u8"};
    leati_str_addf(text, "%s (", names[e->type]);
    for (int i = 0; i < e->dims; i++) leati_str_addf(text, "%s%zu", i ? ", " : "", e->shape[i]);
    leati_str_addc(text, ')');
}

static leat_status check_entry(leat_context *c, const leati_array_entry *e, const leat_variable *v,
                               const char *path)
{
    leati_array_entry wanted = {.type = kind_of(v->dtype), .dims = v->shape.rank};
    LEATI_CHECK(c, e, LEAT_FORMAT, "%s holds no array named %s", path, v->name);
    bool same = e->type == wanted.type && e->dims == wanted.dims;
    for (int i = 0; i < wanted.dims; i++) {
        wanted.shape[i] = (size_t)v->shape.dim[i];
        same = same && e->shape[i] == wanted.shape[i];
    }
    if (same) return LEAT_OK;
    leati_str text;
    leati_str_init(&text, c);
    leati_str_addf(&text, "%s: %s is ", path, v->name);
    add_shape(&text, e);
    leati_str_add(&text, ", the variable ");
    add_shape(&text, &wanted);
    leat_status st = LEATI_FAIL(c, LEAT_FORMAT, "%s", leati_str_text(&text));
    leati_str_fini(&text);
    return st;
}

leat_status leat_variables_load(leat_graph *g, size_t count, leat_variable *const *variables,
                                const char *path)
{
    leat_context *c = leat_graph_context(g);
    leati_bytes bytes;
    leati_state s;
    LEATI_TRY(leati_file_read(c, &bytes, path));
    leati_state_init(&s, c);
    leat_status st = leati_safetensors_read(c, &s, bytes.data, bytes.size);
    if (st != LEAT_OK) leati_error_within(c, "%s", path);
    for (size_t i = 0; i < count && st == LEAT_OK; i++) {
        st = check_variable(c, g, variables[i]);
        if (st == LEAT_OK)
            st = check_entry(c, leati_state_find(&s, variables[i]->name), variables[i], path);
    }
    for (size_t i = 0; i < count && st == LEAT_OK; i++) {
        const leati_array_entry *e = leati_state_find(&s, variables[i]->name);
        st = leat_variable_set(variables[i], e->data, variables[i]->bytes);
    }
    leati_state_fini(&s);
    leati_bytes_release(&bytes);
    return st;
}
