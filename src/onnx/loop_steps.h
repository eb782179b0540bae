/* Loops that are run step by step: what they hold on to, and what they give back on the way. */
#ifndef LEATI_ONNX_LOOP_STEPS_H
#define LEATI_ONNX_LOOP_STEPS_H

#include "onnx/run.h"

/* Values of one result, step by step; in the arena. */
typedef struct leati_olist {
    leati_oval **at;
    size_t count, capacity;
} leati_olist;
leat_status leati_olist_push(leati_ocall *k, leati_olist *l, leati_oval *v);

/* What the steps of a Loop gave of one result and holds no more in the recording. */
typedef struct leati_ogathered {
    int32_t element;
    leat_shape shape; /* of a step */
    bool varying;
    char *data;
    size_t count, bytes, capacity;
} leati_ogathered;

/* Steps record nodes and make values. Once these are large, the states and results are kept as
 * values and the rest is given back: a loop needs as much memory as what it computes, however many
 * steps it takes. */
typedef struct leati_osteps {
    leati_ocall *call;
    size_t states, results;
    leati_oval **state;
    leati_olist *result;
    int64_t most, done;
    /* Set by begin: where the recording stood. */
    leati_arena_mark values, tensors;
    size_t bytes, changes;
    bool holds_on; /* texts, sequences or results of several shapes: nothing is given back */
    leati_ogathered *gathered; /* per result; NULL: nothing was given back yet */
} leati_osteps;

void leati_osteps_begin(leati_osteps *s);
void leati_osteps_end(leati_osteps *s);
/* After each step, with its states and results in `state` and `result`. LIMIT: too many steps, or
 * too much that cannot be given back. */
leat_status leati_osteps_next(leati_osteps *s);
/* Result i of all steps along a new axis 0, if any of it was gathered; else it is in `result`. */
leat_status leati_osteps_gathered(leati_osteps *s, size_t i, leati_oval **out, bool *gathered);

/* Memory that the recording holds. */
size_t leati_orun_bytes(const leati_orun *r);
/* Counts a step of a loop. LIMIT: a run may not take as many. */
leat_status leati_ostep_count(leati_ocall *k, int64_t done, int64_t most);
/* LIMIT: the steps hold too much; `bytes`: what the recording held before the first. */
leat_status leati_ostep_hold(leati_ocall *k, int64_t done, int64_t most, size_t bytes);

#endif
