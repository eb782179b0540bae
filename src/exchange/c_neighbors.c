/* Owns: nearest neighbours in C, by brute force. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "exchange/c_file.h"

/* The terms of the distance that is compared, and the distance itself from their sum. */
typedef struct metric {
    const char *add, *whole;
    bool cosine;
    double p;
} metric;

static leat_status read_metric(const leati_c_file *f, metric *m)
{
    char name[32], power[64];
    LEATI_TRY(leati_c_param(f, "metric", name, sizeof name));
    LEATI_TRY(leati_c_param(f, "p", power, sizeof power));
    bool minkowski = strcmp(name, "minkowski") == 0;
    *m = (metric){"d += t * t", "sqrt(d)", strcmp(name, "cosine") == 0, 0};
    if (!leati_num_parse(power, strlen(power), &m->p)) m->p = 2;
    if (m->cosine) m->whole = "0.5 * d";
    if (strcmp(name, "manhattan") == 0 || (minkowski && m->p == 1))
        m->add = "d += fabs(t)", m->whole = "d";
    else if (strcmp(name, "chebyshev") == 0) m->add = "d = fmax(d, fabs(t))", m->whole = "d";
    else if (minkowski && m->p != 2)
        m->add = "d += pow(fabs(t), POWER)", m->whole = "pow(d, 1 / POWER)";
    return LEAT_OK;
}

static const char unit_row[] =
    "\n"
    "/* The row with length 1; one of zeros is at the distance 1 from all. */\n"
    "static const double *unit(const double *x, workspace *w)\n"
    "{\n"
    "    double most = 0, sum = 0;\n"
    "    memset(w->unit, 0, sizeof w->unit);\n"
    "    for (int j = 0; j < FEATURES; j++) most = fmax(most, fabs(x[j]));\n"
    "    if (most == 0) w->unit[FEATURES + 1] = 1;\n"
    "    for (int j = 0; j < FEATURES && most > 0; j++) {\n"
    "        w->unit[j] = x[j] / most;\n"
    "        sum += w->unit[j] * w->unit[j];\n"
    "    }\n"
    "    for (int j = 0; j < FEATURES && most > 0; j++) w->unit[j] /= sqrt(sum);\n"
    "    return w->unit;\n"
    "}\n";

static const char search[] =
    "\n"
    "/* The nearest rows, equal distances by number. */\n"
    "static void search(const double *x, workspace *w)\n"
    "{\n"
    "    int held = 0;\n"
    "    for (int r = 0; r < ROWS; r++) {\n"
    "        double d = distance(x, row[r]);\n"
    "        int at = held < NEIGHBORS ? held++ : NEIGHBORS - 1;\n"
    "        if (at == NEIGHBORS - 1 && held == NEIGHBORS && r >= NEIGHBORS && !(d < "
    "w->near[at]))\n"
    "            continue;\n"
    "        for (; at > 0 && d < w->near[at - 1]; at--) {\n"
    "            w->near[at] = w->near[at - 1];\n"
    "            w->index[at] = w->index[at - 1];\n"
    "        }\n"
    "        w->near[at] = d;\n"
    "        w->index[at] = r;\n"
    "    }\n"
    "}\n";

static const char by_distance[] =
    "\n"
    "/* Inverse distances, relative to the nearest; those at distance 0 leave the others no say. "
    "*/\n"
    "static void weigh(double *d)\n"
    "{\n"
    "    for (int i = 0; i < NEIGHBORS; i++) d[i] = whole(d[i]);\n"
    "    double nearest = d[0];\n"
    "    for (int i = 0; i < NEIGHBORS; i++)\n"
    "        d[i] = !(nearest < HUGE_VAL) ? 1 : nearest == 0 ? d[i] == 0 : nearest / d[i];\n"
    "}\n";
static const char uniform[] = "\n"
                              "static void weigh(double *d)\n"
                              "{\n"
                              "    for (int i = 0; i < NEIGHBORS; i++) d[i] = 1;\n"
                              "}\n";

static const char answer_class[] =
    "    memset(out, 0, OUTPUTS * sizeof *out);\n"
    "    for (int i = 0; i < NEIGHBORS; i++) out[label[w->index[i]]] += w->near[i];\n"
    "    for (int k = 0; k < OUTPUTS; k++) out[k] /= total;\n"
    "    return largest(out, OUTPUTS);\n"
    "}\n";
static const char answer_number[] =
    "    double sum = 0;\n"
    "    for (int i = 0; i < NEIGHBORS; i++) sum += w->near[i] * y[w->index[i]];\n"
    "    out[0] = sum / total;\n"
    "    return 0;\n"
    "}\n";

static void write_functions(leati_c_file *f, const metric *m, const char *type, bool distance)
{
    bool classify = f->estimator->task == LEATI_CLASSIFY;
    leati_str *s = &f->code;
    if (m->cosine) leati_str_add(s, unit_row);
    leati_str_addf(s,
                   "\nstatic double distance(const double *a, const %s *b)\n{\n"
                   "    double d = 0;\n    for (int j = 0; j < WIDTH; j++) {\n"
                   "        double t = a[j] - %sb[j];\n        %s;\n    }\n    return d;\n}\n",
                   type, type[0] == 'f' ? "(double)" : "", m->add);
    if (distance)
        leati_str_addf(s, "\nstatic double whole(double d)\n{\n    return %s;\n}\n", m->whole);
    leati_str_add(s, search);
    leati_str_add(s, distance ? by_distance : uniform);
    leati_str_addf(s,
                   "\nstatic int answer(const double *x, double *out, workspace *w)\n{\n"
                   "    double total = 0;\n    search(%s, w);\n    weigh(w->near);\n"
                   "    for (int i = 0; i < NEIGHBORS; i++) total += w->near[i];\n%s",
                   m->cosine ? "unit(x, w)" : "x", classify ? answer_class : answer_number);
    if (classify) f->helpers |= LEATI_C_LARGEST;
}

leat_status leati_c_knn(leati_c_file *f)
{
    metric m;
    char count[64], weights[32];
    const leati_array_entry *x = leati_state_find(&f->state, "x");
    LEATI_TRY(read_metric(f, &m));
    LEATI_TRY(leati_c_param(f, "n_neighbors", count, sizeof count));
    LEATI_TRY(leati_c_param(f, "weights", weights, sizeof weights));
    LEATI_CHECK(f->context, x && x->dims == 2, LEAT_FORMAT,
                "damaged model: the rows of knn are missing");
    leati_c_constant(f, "ROWS", x->shape[0]);
    leati_c_constant(f, "WIDTH", x->shape[1]);
    leati_c_constant(f, "NEIGHBORS", (size_t)strtoul(count, NULL, 10));
    if (strstr(m.add, "POWER")) {
        leati_str_add(&f->data, "static const double POWER = ");
        leati_c_number(&f->data, m.p, false);
        leati_str_add(&f->data, ";\n");
    }
    bool single = x->type == LEATI_F32;
    if (single) leati_c_floats(f, "row", x->data, x->shape[0], x->shape[1]);
    else leati_c_doubles(f, "row", x->data, x->shape[0], x->shape[1]);
    bool classify = f->estimator->task == LEATI_CLASSIFY;
    LEATI_TRY(leati_c_array(f, classify ? "label" : "y"));
    leati_str_addf(&f->space, "    double near[%s];\n    int index[%s];\n", count, count);
    if (m.cosine) leati_str_addf(&f->space, "    double unit[%zu];\n", x->shape[1]);
    write_functions(f, &m, single ? "float" : "double", strcmp(weights, "distance") == 0);
    return LEAT_OK;
}
