/* Owns: the output of a layer over many rows, brought into a plane. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "learn/pca.h"
#include "learn/tsne.h"
#include "tensor/shape.h"
#include "workflow/inspect.h"

enum { COMPONENTS = 50, LEAST_ROWS = 8 }; /* t-SNE works on that many principal components */

void leati_layer_map_fini(leati_layer_map *m)
{
    leati_free(m->pca);
    leati_free(m->tsne);
    leati_free(m->group);
    leati_free(m->value);
    *m = (leati_layer_map){0};
}

static size_t width_of(const leati_layer_row *r)
{
    return leati_shape_count(&r->output);
}

/* Says which there are, as many as one reads. */
static leat_status no_layer(leat_context *c, const leati_layer_table *t, const char *name)
{
    enum { SAID = 40 };
    leati_str text;
    const char **names = LEATI_NEW(c, const char *, t->count + 1);
    if (!names) return LEAT_NOMEM;
    leati_str_init(&text, c);
    for (size_t k = 0; k < t->count; k++) names[k] = t->row[k].path;
    const char *near = leati_nearest(name, names, t->count);
    if (near) leati_str_addf(&text, "; did you mean '%s'?", near);
    for (size_t k = 0; k < t->count && k < SAID; k++)
        leati_str_addf(&text, "%s%s", k ? ", " : near ? " It has " : "; it has ", names[k]);
    if (t->count > SAID) leati_str_addf(&text, " and %zu more", t->count - SAID);
    leat_status st = leati_str_status(&text);
    if (st == LEAT_OK)
        st = LEATI_FAIL(c, LEAT_INVALID, "the network has no layer '%s'%s", name,
                        leati_str_text(&text));
    leati_str_fini(&text);
    leati_free(names);
    return st;
}

/* By name; else the last layer at the top that is followed by another. */
static leat_status choose(leat_context *c, const leat_inspection *i, const char *name, size_t *out)
{
    const leati_layer_table *t = &i->table;
    *out = 0;
    size_t last = 0;
    for (size_t k = 0; !name && k < t->count; k++) {
        if (t->row[k].depth > 0 || t->row[k].only_training) continue;
        *out = last;
        last = k;
    }
    if (!name) return LEAT_OK;
    for (size_t k = 0; k < t->count; k++)
        if (strcmp(t->row[k].path, name) == 0) {
            *out = k;
            return LEAT_OK;
        }
    return no_layer(c, t, name);
}

static leat_status project(leat_context *c, leati_layer_map *m, const float *values, size_t width,
                           double perplexity)
{
    size_t n = m->count, k = COMPONENTS;
    k = k > n ? n : k;
    k = k > width ? width : k;
    double *scores = leati_array(c, n, k * sizeof *scores);
    double *share = leati_array(c, k, sizeof *share);
    m->pca = LEATI_NEW(c, double, 2 * n);
    leat_status st = scores && share && m->pca ? LEAT_OK : LEAT_NOMEM;
    if (st == LEAT_OK) st = leati_pca(c, values, n, width, k, scores, share);
    for (size_t i = 0; st == LEAT_OK && i < n; i++)
        for (size_t j = 0; j < 2 && j < k; j++) m->pca[2 * i + j] = scores[i * k + j];
    for (size_t j = 0; st == LEAT_OK && j < 2 && j < k; j++) m->share[j] = share[j];
    if (st == LEAT_OK && n >= LEAST_ROWS) {
        m->tsne = LEATI_NEW(c, double, 2 * n);
        st = m->tsne ? leati_tsne(c, scores, n, k, perplexity, m->tsne, NULL) : LEAT_NOMEM;
    }
    leati_free(scores);
    leati_free(share);
    return st;
}

leat_status leati_layer_map_make(leat_context *c, leat_inspection *i, leati_network *n,
                                 const leati_matrix *x, const leat_inspect_options *o)
{
    leati_layer_map *m = &i->map;
    size_t layer;
    LEATI_TRY(choose(c, i, o->layer, &layer));
    size_t width = width_of(&i->table.row[layer]);
    if (x->rows < LEAST_ROWS || !width) return LEAT_OK;
    m->layer = layer;
    m->count = x->rows;
    float *values = leati_array(c, x->rows, width * sizeof *values);
    leat_status st = values ? leati_layer_values(c, n, x, layer, values, width) : LEAT_NOMEM;
    for (size_t k = 0; st == LEAT_OK && k < x->rows * width; k++)
        if (!isfinite(values[k]))
            st = LEATI_FAIL(c, LEAT_NUMERIC, "layer %s gives %g for row %zu",
                            i->table.row[layer].path, (double)values[k], k / width + 1);
    if (st == LEAT_OK) st = project(c, m, values, width, o->perplexity);
    leati_free(values);
    return st;
}
