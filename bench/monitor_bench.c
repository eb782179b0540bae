/* What watching costs a server: nanoseconds to count a row of 4, 20 or 100 numbers, and an answer
 * of two classes with its probabilities.
 *
 *   monitor_bench [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "clock.h"
#include "monitor/counters.h"

enum { MOST = 100, ROWS = 1024 };

/* Twenty bins of a normal distribution for each of the features. */
static char *reference(leat_context *c, const leati_schema_column *columns)
{
    static const double edges[] = {-4,    -1.64, -1.28, -1.04, -0.84, -0.67, -0.52,
                                   -0.39, -0.25, -0.13, 0,     0.13,  0.25,  0.39,
                                   0.52,  0.67,  0.84,  1.04,  1.28,  1.64,  4};
    leat_json *j = leat_json_create(c, 0);
    leat_json_begin_object(j, NULL);
    leat_json_begin_array(j, "inputs");
    for (size_t i = 0; i < MOST; i++) {
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "name", columns[i].name);
        leat_json_number(j, "std", 1);
        leat_json_begin_array(j, "edges");
        for (size_t k = 0; k < 21; k++) leat_json_number(j, NULL, edges[k]);
        leat_json_end_array(j);
        leat_json_begin_array(j, "counts");
        for (size_t k = 0; k < 20; k++) leat_json_int(j, NULL, 50);
        leat_json_end_array(j);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
    leat_json_end_object(j);
    const char *text = leat_json_text(j);
    char *copy = text ? leati_strdup(c, text) : NULL;
    leat_json_destroy(j);
    return copy;
}

static leat_status measure(leat_context *c, leat_model *model, size_t inputs, size_t rounds)
{
    leati_norm n;
    leati_counters w;
    leati_cell *cells = LEATI_NEW(c, leati_cell, ROWS * inputs);
    double p[ROWS][2], best[2] = {1, 1};
    leati_rng r;
    model->input_count = inputs;
    if (!cells) return leat_error_status(c);
    leat_status st = leati_norm_read(c, &n, model);
    if (st == LEAT_OK) st = leati_counters_create(c, &w, &n);
    if (st != LEAT_OK) return st;
    leati_rng_init(&r, 1, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < ROWS * inputs; i++) cells[i].number = leati_rng_normal(&r);
    for (size_t i = 0; i < ROWS; i++) p[i][1] = leati_rng_uniform(&r), p[i][0] = 1 - p[i][1];
    for (size_t round = 0; round < rounds; round++) {
        double t0 = now();
        for (size_t i = 0; i < ROWS; i++) leati_counters_add_row(&w, cells + i * inputs);
        double t1 = now();
        for (size_t i = 0; i < ROWS; i++) leati_counters_add_prediction(&w, p[i][1] > 0.5, p[i]);
        double t2 = now();
        best[0] = t1 - t0 < best[0] ? t1 - t0 : best[0];
        best[1] = t2 - t1 < best[1] ? t2 - t1 : best[1];
    }
    printf("%3zu numbers: %7.1f ns a row (%.1f a number), %5.1f ns an answer\n", inputs,
           1e9 * best[0] / ROWS, 1e9 * best[0] / ROWS / (double)inputs, 1e9 * best[1] / ROWS);
    leati_counters_destroy(&w);
    leati_norm_fini(&n);
    leati_free(cells);
    return LEAT_OK;
}

int main(int argc, char **argv)
{
    static char names[MOST][8], class_names[2][4] = {"no", "yes"};
    static leati_schema_column columns[MOST];
    static uint32_t inputs[MOST];
    static const size_t sizes[] = {4, 20, 100};
    char *classes[2] = {class_names[0], class_names[1]};
    leat_context *c;
    leat_model model = {.inputs = inputs};
    size_t rounds = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 2000;
    if (leat_context_create(&c, NULL) != LEAT_OK) return 1;
    for (uint32_t i = 0; i < MOST; i++) {
        snprintf(names[i], sizeof names[i], "x%u", i);
        columns[i] = (leati_schema_column){.name = names[i], .type = LEAT_F64};
        inputs[i] = i;
    }
    model.schema = (leati_schema){
        .task = LEATI_CLASSIFY, .classes = 2, .class_names = classes, .columns = columns};
    model.reference = reference(c, columns);
    leat_status st = model.reference ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; i < 3 && st == LEAT_OK; i++) st = measure(c, &model, sizes[i], rounds);
    if (st != LEAT_OK) fprintf(stderr, "%s\n", leat_error_message(c));
    leati_free(model.reference);
    leat_context_destroy(c);
    return st != LEAT_OK;
}
