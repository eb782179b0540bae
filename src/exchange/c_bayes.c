/* Owns: naive Bayes and quadratic discriminant analysis in C: scores that a softmax turns into
 * probabilities. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "exchange/c_file.h"

/* A writer of `static void scores(const double *x, double *out, workspace *w)` stood before. */
static void answer_by_softmax(leati_c_file *f)
{
    f->helpers |= LEATI_C_SOFTMAX | LEATI_C_LARGEST;
    leati_c_code(f, "\n"
                    "static int answer(const double *x, double *out, workspace *w)\n"
                    "{\n"
                    "    scores(x, out, w);\n"
                    "    softmax(out, OUTPUTS);\n"
                    "    return largest(out, OUTPUTS);\n"
                    "}\n");
}

/* The (classes, features) array of the state; NULL with an error. */
static const double *table(const leati_c_file *f, const char *name, size_t rows, size_t cols)
{
    const leati_array_entry *e = leati_state_find(&f->state, name);
    if (e && e->type == LEATI_F64 && e->count == rows * cols) return e->data;
    (void)LEATI_FAIL(f->context, LEAT_FORMAT, "damaged model: the array '%s' is missing", name);
    return NULL;
}

leat_status leati_c_gaussian_nb(leati_c_file *f)
{
    static const double log_2pi = 1.8378770664093454836;
    size_t k = f->estimator->classes, p = f->estimator->features;
    const double *prior = table(f, "log_prior", k, 1), *variance = table(f, "variance", k, p);
    const double *mean = table(f, "mean", k, p);
    if (!prior || !variance || !mean) return leat_error_status(f->context);
    double *inverse = leati_array(f->context, k * p + k, sizeof *inverse);
    if (!inverse) return leat_error_status(f->context);
    double *constant = inverse + k * p;
    for (size_t i = 0; i < k; i++) {
        double sum = 0;
        for (size_t j = i * p; j < (i + 1) * p; j++) {
            inverse[j] = 1 / variance[j];
            sum += log_2pi + log(variance[j]);
        }
        constant[i] = prior[i] - 0.5 * sum;
    }
    leati_c_doubles(f, "mean", mean, k, p);
    leati_c_doubles(f, "inverse", inverse, k, p);
    leati_c_doubles(f, "constant", constant, k, 0);
    leati_free(inverse);
    leati_c_code(f,
                 "\n"
                 "/* Logarithms of the normal densities of each class, and of its frequency. */\n"
                 "static void scores(const double *x, double *out, workspace *w)\n"
                 "{\n"
                 "    (void)w;\n"
                 "    for (int k = 0; k < OUTPUTS; k++) {\n"
                 "        double sum = 0;\n"
                 "        for (int i = 0; i < FEATURES; i++) {\n"
                 "            double d = x[i] - mean[k][i];\n"
                 "            sum += d * d * inverse[k][i];\n"
                 "        }\n"
                 "        out[k] = constant[k] - 0.5 * sum;\n"
                 "    }\n"
                 "}\n");
    answer_by_softmax(f);
    return LEAT_OK;
}

leat_status leati_c_multinomial_nb(leati_c_file *f)
{
    size_t k = f->estimator->classes, p = f->estimator->features;
    const double *prior = table(f, "log_prior", k, 1), *prob = table(f, "log_prob", k, p);
    if (!prior || !prob) return leat_error_status(f->context);
    leati_c_doubles(f, "log_prob", prob, k, p);
    leati_c_doubles(f, "log_prior", prior, k, 0);
    f->helpers |= LEATI_C_DOT;
    leati_c_code(f, "\n"
                    "static void scores(const double *x, double *out, workspace *w)\n"
                    "{\n"
                    "    (void)w;\n"
                    "    for (int k = 0; k < OUTPUTS; k++) out[k] = log_prior[k] + "
                    "dot(log_prob[k], x, FEATURES);\n"
                    "}\n");
    answer_by_softmax(f);
    return LEAT_OK;
}

leat_status leati_c_bernoulli_nb(leati_c_file *f)
{
    size_t k = f->estimator->classes, p = f->estimator->features;
    const double *prior = table(f, "log_prior", k, 1), *prob = table(f, "log_prob", k, p);
    char binarize[64];
    LEATI_TRY(leati_c_param(f, "binarize", binarize, sizeof binarize));
    if (!prior || !prob) return leat_error_status(f->context);
    double *weight = leati_array(f->context, k * p + k, sizeof *weight);
    if (!weight) return leat_error_status(f->context);
    double *constant = weight + k * p;
    for (size_t i = 0; i < k; i++) {
        constant[i] = prior[i];
        for (size_t j = i * p; j < (i + 1) * p; j++) {
            double absent = log1p(-exp(prob[j]));
            constant[i] += absent;
            weight[j] = prob[j] - absent;
        }
    }
    leati_c_doubles(f, "weight", weight, k, p);
    leati_c_doubles(f, "constant", constant, k, 0);
    leati_free(weight);
    leati_str_addf(&f->code,
                   "\n"
                   "/* What the features that are present add to all being absent. */\n"
                   "static void scores(const double *x, double *out, workspace *w)\n"
                   "{\n"
                   "    (void)w;\n"
                   "    for (int k = 0; k < OUTPUTS; k++) {\n"
                   "        double sum = 0;\n"
                   "        for (int i = 0; i < FEATURES; i++) sum += x[i] > %s ? weight[k][i] : "
                   "0;\n"
                   "        out[k] = constant[k] + sum;\n"
                   "    }\n"
                   "}\n",
                   binarize);
    answer_by_softmax(f);
    return LEAT_OK;
}

leat_status leati_c_qda(leati_c_file *f)
{
    size_t k = f->estimator->classes, p = f->estimator->features;
    const double *mean = table(f, "mean", k, p), *whitener = table(f, "whitener", k * p, p);
    const double *constant = table(f, "constant", k, 1);
    if (!mean || !whitener || !constant) return leat_error_status(f->context);
    leati_c_doubles(f, "mean", mean, k, p);
    leati_c_doubles(f, "whitener", whitener, k * p, p);
    leati_c_doubles(f, "constant", constant, k, 0);
    leati_str_addf(&f->space, "    double centred[%zu];\n", p);
    leati_c_code(f,
                 "\n"
                 "/* Logarithms of the normal densities of each class, and of its frequency: the "
                 "whitener of a class is the\n"
                 " * inverse of the triangular factor of its covariance. */\n"
                 "static void scores(const double *x, double *out, workspace *w)\n"
                 "{\n"
                 "    for (int k = 0; k < OUTPUTS; k++) {\n"
                 "        double sum = 0;\n"
                 "        for (int i = 0; i < FEATURES; i++) w->centred[i] = x[i] - "
                 "mean[k][i];\n"
                 "        for (int i = 0; i < FEATURES; i++) {\n"
                 "            double z = 0;\n"
                 "            for (int j = 0; j <= i; j++) z += whitener[k * FEATURES + i][j] * "
                 "w->centred[j];\n"
                 "            sum += z * z;\n"
                 "        }\n"
                 "        out[k] = constant[k] - 0.5 * sum;\n"
                 "    }\n"
                 "}\n");
    answer_by_softmax(f);
    return LEAT_OK;
}
