/* Owns: support vector machines with kernels in C. */
#include <string.h>

#include "base/error.h"
#include "exchange/c_file.h"
#include "learn/kernel_fn.h"
#include "learn/platt.h"

static const char *const kernels[] = {"    return dot_row(x, v);\n",
                                      "    return pow(GAMMA * dot_row(x, v) + COEF0, DEGREE);\n",
                                      "    double d = 0;\n    for (int i = 0; i < FEATURES; i++) d "
                                      "+= (x[i] - v[i]) * (x[i] - v[i]);\n"
                                      "    return exp(-GAMMA * d);\n",
                                      "    return tanh(GAMMA * dot_row(x, v) + COEF0);\n"};

static void real_constant(leati_c_file *f, const char *name, double value)
{
    leati_str_addf(&f->data, "static const double %s = ", name);
    leati_c_number(&f->data, value, false);
    leati_str_add(&f->data, ";\n");
}

/* static double kernel(const double *x, const T *v), and the vectors. *count: how many. */
static leat_status write_kernel(leati_c_file *f, size_t *count, bool *moved)
{
    double kind, degree, gamma, coef0;
    LEATI_TRY(leati_c_scalar(f, "kernel", &kind));
    LEATI_TRY(leati_c_scalar(f, "degree", &degree));
    LEATI_TRY(leati_c_scalar(f, "gamma", &gamma));
    LEATI_TRY(leati_c_scalar(f, "coef0", &coef0));
    LEATI_CHECK(f->context, kind >= 0 && kind < LEATI_KERNEL_KINDS, LEAT_FORMAT,
                "damaged model: there is no kernel %g", kind);
    const leati_array_entry *narrow = leati_state_find(&f->state, "sv_f32");
    const leati_array_entry *sv = narrow ? narrow : leati_state_find(&f->state, "sv");
    const leati_array_entry *center = leati_state_find(&f->state, "center");
    size_t features = f->estimator->features;
    *count = sv && sv->dims == 2 ? sv->shape[0] : 0;
    *moved = center != NULL;
    if (*count == 0) return LEAT_OK;
    int k = (int)kind;
    if (k != LEATI_KERNEL_LINEAR) real_constant(f, "GAMMA", gamma);
    if (k == LEATI_KERNEL_POLY || k == LEATI_KERNEL_SIGMOID) real_constant(f, "COEF0", coef0);
    if (k == LEATI_KERNEL_POLY) real_constant(f, "DEGREE", degree);
    const char *type = narrow ? "float" : "double";
    if (narrow) leati_c_floats(f, "vector", sv->data, *count, features);
    else leati_c_doubles(f, "vector", sv->data, *count, features);
    if (center) leati_c_doubles(f, "center", center->data, features, 0);
    if (k != LEATI_KERNEL_RBF)
        leati_str_addf(&f->code,
                       "\nstatic double dot_row(const double *x, const %s *v)\n{\n"
                       "    double sum = 0;\n    for (int i = 0; i < FEATURES; i++) sum += x[i] * "
                       "v[i];\n    return sum;\n}\n",
                       type);
    leati_str_addf(&f->code, "\nstatic double kernel(const double *x, const %s *v)\n{\n%s}\n", type,
                   kernels[k]);
    if (narrow)
        leati_str_addf(&f->code,
                       "\n/* The row as the vectors were stored. */\n"
                       "static const double *moved(const double *x, workspace *w)\n{\n"
                       "    for (int i = 0; i < FEATURES; i++) w->moved[i] = (float)%s;\n"
                       "    return w->moved;\n}\n",
                       center ? "(x[i] - center[i])" : "x[i]");
    if (narrow) leati_str_addf(&f->space, "    double moved[%zu];\n", features);
    *moved = narrow != NULL;
    return LEAT_OK;
}

leat_status leati_c_svr(leati_c_file *f)
{
    size_t vectors;
    bool moved;
    double rho;
    LEATI_TRY(write_kernel(f, &vectors, &moved));
    LEATI_TRY(leati_c_scalar(f, "rho", &rho));
    real_constant(f, "RHO", rho);
    if (vectors) LEATI_TRY(leati_c_array(f, "coef"));
    leati_c_code(f, "\nstatic int answer(const double *x, double *out, workspace *w)\n{\n"
                    "    double sum = 0;\n");
    if (moved) leati_c_code(f, "    x = moved(x, w);\n");
    else leati_c_code(f, "    (void)w;\n");
    if (vectors)
        leati_str_addf(&f->code,
                       "    for (int i = 0; i < %zu; i++) sum += coef[i] * kernel(x, vector[i]);\n",
                       vectors);
    else leati_c_code(f, "    (void)x;\n");
    leati_c_code(f, "    out[0] = sum - RHO;\n    return 0;\n}\n");
    return LEAT_OK;
}

/* --- classes -------------------------------------------------------------------------------------
 */

static const char decide[] =
    "\n"
    "/* w->pairs: the decision values of all pairs of classes, > 0 for the first. */\n"
    "static void decide(const double *x, workspace *w)\n"
    "{\n"
    "    memset(w->sums, 0, sizeof w->sums);\n"
    "    for (int k = 0; k < OUTPUTS; k++)\n"
    "        for (int i = start[k]; i < start[k + 1]; i++) {\n"
    "            double value = kernel(x, vector[i]);\n"
    "            for (int j = 0; j < OUTPUTS - 1; j++) w->sums[k][j] += value * coef[i][j];\n"
    "        }\n"
    "    for (int i = 0, p = 0; i < OUTPUTS; i++)\n"
    "        for (int j = i + 1; j < OUTPUTS; j++, p++)\n"
    "            w->pairs[p] = w->sums[i][j - 1] + w->sums[j][i] - rho[p];\n"
    "}\n";

static const char vote[] =
    "\n"
    "/* The first class with the most votes. */\n"
    "static int vote(const workspace *w)\n"
    "{\n"
    "    int votes[OUTPUTS] = {0}, best = 0;\n"
    "    for (int i = 0, p = 0; i < OUTPUTS; i++)\n"
    "        for (int j = i + 1; j < OUTPUTS; j++, p++) votes[w->pairs[p] > 0 ? i : j]++;\n"
    "    for (int k = 1; k < OUTPUTS; k++)\n"
    "        if (votes[k] > votes[best]) best = k;\n"
    "    return best;\n"
    "}\n";

static const char score[] =
    "\n"
    "/* Votes, and among equal votes the sum of decision values squeezed into (-1/3, 1/3). */\n"
    "static void score(workspace *w, double *out)\n"
    "{\n"
    "    double *sums = w->sums[0];\n"
    "    for (int k = 0; k < OUTPUTS; k++) out[k] = sums[k] = 0;\n"
    "    for (int i = 0, p = 0; i < OUTPUTS; i++)\n"
    "        for (int j = i + 1; j < OUTPUTS; j++, p++) {\n"
    "            out[w->pairs[p] < 0 ? j : i]++;\n"
    "            sums[i] += w->pairs[p];\n"
    "            sums[j] -= w->pairs[p];\n"
    "        }\n"
    "    for (int k = 0; k < OUTPUTS; k++) out[k] += sums[k] / (3 * (fabs(sums[k]) + 1));\n"
    "}\n";

static const char platt[] = "\n"
                            "/* P(first of a pair) by Platt's sigmoid. */\n"
                            "static double pair_probability(const workspace *w, int p)\n"
                            "{\n"
                            "    double z = platt[p][0] * w->pairs[p] + platt[p][1];\n"
                            "    double v = z >= 0 ? exp(-z) / (1 + exp(-z)) : 1 / (1 + exp(z));\n"
                            "    return v > 1e-7 ? v < 1 - 1e-7 ? v : 1 - 1e-7 : 1e-7;\n"
                            "}\n";

/* Wu, Lin and Weng 2004, as learn/platt.c. */
static const char couple[] =
    "\n"
    "/* Probabilities of classes from those of pairs: Wu, Lin and Weng (2004), algorithm 2. */\n"
    "static void couple(workspace *w, double *p)\n"
    "{\n"
    "    double (*r)[OUTPUTS] = w->r, (*q)[OUTPUTS] = w->q, *qp = w->qp;\n"
    "    for (int i = 0, n = 0; i < OUTPUTS; i++)\n"
    "        for (int j = i + 1; j < OUTPUTS; j++, n++) {\n"
    "            r[i][j] = pair_probability(w, n);\n"
    "            r[j][i] = 1 - r[i][j];\n"
    "        }\n"
    "    for (int t = 0; t < OUTPUTS; t++) {\n"
    "        p[t] = 1.0 / OUTPUTS;\n"
    "        q[t][t] = 0;\n"
    "        for (int j = 0; j < OUTPUTS; j++) {\n"
    "            if (j == t) continue;\n"
    "            q[t][t] += r[j][t] * r[j][t];\n"
    "            q[t][j] = -r[j][t] * r[t][j];\n"
    "        }\n"
    "    }\n"
    "    for (int step = 0; step < (OUTPUTS > 100 ? OUTPUTS : 100); step++) {\n"
    "        double worst = 0, pqp = 0;\n"
    "        for (int t = 0; t < OUTPUTS; t++) {\n"
    "            qp[t] = 0;\n"
    "            for (int j = 0; j < OUTPUTS; j++) qp[t] += q[t][j] * p[j];\n"
    "            pqp += p[t] * qp[t];\n"
    "        }\n"
    "        for (int t = 0; t < OUTPUTS; t++) worst = fmax(worst, fabs(qp[t] - pqp));\n"
    "        if (worst < 0.005 / OUTPUTS) break;\n"
    "        for (int t = 0; t < OUTPUTS; t++) {\n"
    "            double diff = (pqp - qp[t]) / q[t][t], grown = 1 + diff;\n"
    "            p[t] += diff;\n"
    "            pqp = (pqp + diff * (diff * q[t][t] + 2 * qp[t])) / grown / grown;\n"
    "            for (int j = 0; j < OUTPUTS; j++) {\n"
    "                qp[j] = (qp[j] + diff * q[t][j]) / grown;\n"
    "                p[j] /= grown;\n"
    "            }\n"
    "        }\n"
    "    }\n"
    "}\n";

static leat_status write_pairs(leati_c_file *f, size_t vectors)
{
    size_t k = f->estimator->classes, pairs = k * (k - 1) / 2;
    const leati_array_entry *start = leati_state_find(&f->state, "start");
    LEATI_CHECK(f->context, start && start->type == LEATI_I64 && start->count == k + 1 && vectors,
                LEAT_FORMAT, "damaged model: the support vectors of svc are not whole");
    leati_str_addf(&f->data, "static const int start[%zu] = {", k + 1);
    for (size_t i = 0; i <= k; i++)
        leati_str_addf(&f->data, "%s%lld", i ? ", " : "",
                       (long long)((const int64_t *)start->data)[i]);
    leati_str_add(&f->data, "};\n");
    LEATI_TRY(leati_c_array(f, "coef"));
    LEATI_TRY(leati_c_array(f, "rho"));
    leati_str_addf(&f->space, "    double pairs[%zu], sums[%zu][%zu];\n", pairs, k, k - 1);
    leati_c_code(f, decide);
    return LEAT_OK;
}

leat_status leati_c_svc(leati_c_file *f)
{
    size_t vectors, k = f->estimator->classes;
    bool moved, proba = leati_estimator_has_proba(f->estimator);
    char ties[16];
    if (k == 1) {
        leati_str_addf(&f->code,
                       "\nstatic int answer(const double *x, double *out, workspace *w)\n{\n"
                       "    (void)x, (void)w;\n    out[0] = %d;\n    return 0;\n}\n",
                       proba);
        return LEAT_OK;
    }
    LEATI_TRY(leati_c_param(f, "break_ties", ties, sizeof ties));
    bool by_score = strcmp(ties, "true") == 0 && k > 2;
    LEATI_TRY(write_kernel(f, &vectors, &moved));
    LEATI_TRY(write_pairs(f, vectors));
    if (!by_score) leati_c_code(f, vote);
    if (by_score || (!proba && k > 2)) leati_c_code(f, score);
    if (proba) {
        LEATI_TRY(leati_c_array(f, "platt"));
        leati_c_code(f, platt);
    }
    if (proba && k > 2) {
        leati_c_code(f, couple);
        leati_str_addf(&f->space, "    double r[%zu][%zu], q[%zu][%zu], qp[%zu];\n", k, k, k, k, k);
    }
    leati_c_code(f, "\nstatic int answer(const double *x, double *out, workspace *w)\n{\n");
    leati_str_addf(&f->code, "    decide(%s, w);\n", moved ? "moved(x, w)" : "x");
    if (by_score) f->helpers |= LEATI_C_LARGEST;
    if (by_score) leati_c_code(f, "    score(w, out);\n    int best = largest(out, OUTPUTS);\n");
    else leati_c_code(f, "    int best = vote(w);\n");
    if (proba && k == 2)
        leati_c_code(f, "    out[0] = pair_probability(w, 0);\n    out[1] = 1 - out[0];\n");
    else if (proba) leati_c_code(f, "    couple(w, out);\n");
    else if (k == 2) leati_c_code(f, "    out[0] = w->pairs[0];\n    out[1] = -out[0];\n");
    else if (!by_score) leati_c_code(f, "    score(w, out);\n");
    leati_c_code(f, "    return best;\n}\n");
    return LEAT_OK;
}
