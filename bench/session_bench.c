/* Latency of prepared prediction: one row and few rows of small networks, through the session of a
 * model, and through tables.
 *
 *     build/bench/session_bench [threads] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/leat.h>

#include "clock.h"

static void must(leat_context *c, leat_status st)
{
    if (st == LEAT_OK) return;
    fprintf(stderr, "%s\n", leat_error_message(c));
    exit(1);
}

static leat_model *fit(leat_context *c, leat_frame *iris, const char *layers)
{
    char text[128];
    const char *set[] = {text, "network.epochs=30", "network.learning_rate=0.01"};
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e;
    snprintf(text, sizeof text, "network.layers=%s", layers);
    o.target = "species", o.models = "network", o.cv = "holdout:0.2", o.quick = true;
    o.set = set, o.set_count = 3;
    must(c, leat_experiment_run(c, &e, iris, NULL, &o));
    leat_model *m = leat_model_retain(leat_experiment_model(e));
    if (strcmp(leat_model_estimator(m), "network") != 0) {
        fprintf(stderr, "%s is no better than the baseline\n", layers);
        exit(1);
    }
    leat_experiment_destroy(e);
    return m;
}

/* The best mean of several rounds, in microseconds. */
static double session_time(leat_context *c, leat_model *m, size_t rows)
{
    enum { ROUNDS = 20, RUNS = 1000 };
    double best = 1e9;
    leat_session *s;
    must(c, leat_session_create(c, m, rows, &s));
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < leat_model_inputs(m); i++)
            must(c, leat_session_set_number(s, r, i, 1.0 + (double)(r + i)));
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (int i = 0; i < RUNS; i++) must(c, leat_session_run(s, rows, true));
        double each = (now() - start) / RUNS * 1e6;
        if (each < best) best = each;
    }
    leat_session_destroy(s);
    return best;
}

static double table_time(leat_context *c, const leat_model *m, const leat_frame *f)
{
    enum { RUNS = 200 };
    double best = 1e9;
    for (int i = 0; i < RUNS; i++) {
        leat_frame *out;
        double start = now();
        must(c, leat_model_predict(c, m, f, true, &out));
        double each = (now() - start) * 1e6;
        if (each < best) best = each;
        leat_frame_release(out);
    }
    return best;
}

int main(int argc, char **argv)
{
    static const char *const layers[] = {"dense(16, relu)", "dense(64, relu); dense(64, relu)",
                                         "dense(512, relu); dense(512, relu)"};
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leat_frame *iris;
    o.threads = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
    if (leat_context_create(&c, &o) != LEAT_OK) return 1;
    must(c, leat_data_load(c, &iris, "iris", NULL));
    printf("%-36s %10s %10s %10s %12s\n", "us per call, 4 inputs, 3 classes", "1 row", "16 rows",
           "150 rows", "150, table");
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        leat_model *m = fit(c, iris, layers[i]);
        printf("%-36s %10.2f %10.2f %10.2f %12.2f\n", layers[i], session_time(c, m, 1),
               session_time(c, m, 16), session_time(c, m, 150), table_time(c, m, iris));
        leat_model_release(m);
    }
    leat_frame_release(iris);
    leat_context_destroy(c);
    return 0;
}
