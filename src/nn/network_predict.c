/* Owns: prediction of networks in batches. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/trainer.h"
#include "tensor/shape.h"

static leat_shape batch_shape(size_t rows, const leat_shape *sample)
{
    leat_shape s = {.rank = sample->rank + 1, .dim = {(int64_t)rows}};
    for (int i = 0; i < sample->rank; i++) s.dim[i + 1] = sample->dim[i];
    return s;
}

/* In f64, so that they sum to 1. */
static void to_probabilities(double *z, size_t n)
{
    double top = z[0], sum = 0;
    for (size_t i = 1; i < n; i++) top = fmax(top, z[i]);
    for (size_t i = 0; i < n; i++) sum += z[i] = exp(z[i] - top);
    for (size_t i = 0; i < n; i++) z[i] /= sum;
}

leat_status leati_network_predict(leat_context *c, leati_network *n, const leati_matrix *x,
                                  bool softmax, double *out)
{
    enum { BATCH = 256 };
    size_t inputs = leati_shape_count(&n->input), outputs = leati_shape_count(&n->output);
    LEATI_CHECK(c, inputs == x->cols, LEAT_SHAPE, "the network takes %zu inputs, got %zu", inputs,
                x->cols);
    float *in = leati_array(c, BATCH * inputs, sizeof *in);
    float *z = leati_array(c, BATCH * outputs, sizeof *z);
    leat_status st = in && z ? LEAT_OK : LEAT_NOMEM;
    leat_tensor *y = NULL;
    size_t recorded = 0;
    for (size_t at = 0; st == LEAT_OK && at < x->rows; at += BATCH) {
        size_t rows = x->rows - at < BATCH ? x->rows - at : BATCH;
        for (size_t i = 0; i < rows * inputs; i++)
            in[i] = (float)leati_at(x, at + i / inputs, i % inputs);
        if (rows != recorded) {
            leat_graph_clear(n->graph);
            leati_builder b = {.graph = n->graph};
            y = leati_network_build(
                n, &b, leat_input(n->graph, LEAT_DTYPE_F32, batch_shape(rows, &n->input), in));
            y = leat_reshape(y, LEAT_DIMS((int64_t)rows, (int64_t)outputs));
            recorded = rows;
        }
        LEATI_GO(leat_run(n->graph, 1, &y));
        LEATI_GO(leat_get(y, z, rows * outputs * sizeof *z));
        for (size_t i = 0; i < rows * outputs; i++) out[at * outputs + i] = (double)z[i];
        for (size_t i = 0; softmax && i < rows; i++)
            to_probabilities(out + (at + i) * outputs, outputs);
    }
out:
    leati_free(in);
    leati_free(z);
    return st;
}
