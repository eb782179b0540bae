/* Owns: linear estimators in C. */
#include <string.h>

#include "base/error.h"
#include "exchange/c_file.h"

/* static void scores(const double *x, double *out): (MACHINES) sums. */
static leat_status write_scores(leati_c_file *f)
{
    const leati_array_entry *coef = leati_state_find(&f->state, "coef");
    const leati_array_entry *intercept = leati_state_find(&f->state, "intercept");
    size_t features = f->estimator->features;
    LEATI_CHECK(f->context,
                coef && intercept && coef->type == LEATI_F64 && intercept->type == LEATI_F64 &&
                    coef->count == intercept->count * features,
                LEAT_FORMAT, "damaged model: the arrays of a linear model do not fit together");
    leati_c_constant(f, "MACHINES", intercept->count);
    leati_c_doubles(f, "coef", coef->data, intercept->count, features);
    leati_c_doubles(f, "intercept", intercept->data, intercept->count, 0);
    f->helpers |= LEATI_C_DOT;
    leati_c_code(f, "\n"
                    "static void scores(const double *x, double *out)\n"
                    "{\n"
                    "    for (int k = 0; k < MACHINES; k++) out[k] = dot(coef[k], x, FEATURES) + "
                    "intercept[k];\n"
                    "}\n");
    return LEAT_OK;
}

#define BEGIN "\nstatic int answer(const double *x, double *out, workspace *w)\n{\n    (void)w;\n"

leat_status leati_c_linear(leati_c_file *f)
{
    LEATI_TRY(write_scores(f));
    leati_c_code(f, BEGIN "    scores(x, out);\n    return 0;\n}\n");
    return LEAT_OK;
}

/* The class with the largest score; of two classes there is only the score of the second. */
static const char one_score[] = "    scores(x, out);\n"
                                "    out[1] = out[0];\n"
                                "    out[0] = -out[1];\n"
                                "    return out[1] > 0;\n"
                                "}\n";
static const char many_scores[] = "    scores(x, out);\n"
                                  "    return largest(out, OUTPUTS);\n"
                                  "}\n";

leat_status leati_c_linear_svc(leati_c_file *f)
{
    if (f->estimator->classes == 1) {
        leati_c_code(f, BEGIN "    (void)x;\n    out[0] = 0;\n    return 0;\n}\n");
        return LEAT_OK;
    }
    LEATI_TRY(write_scores(f));
    leati_c_code(f, BEGIN);
    leati_c_code(f, f->estimator->classes == 2 ? one_score : many_scores);
    if (f->estimator->classes > 2) f->helpers |= LEATI_C_LARGEST;
    return LEAT_OK;
}

leat_status leati_c_logistic(leati_c_file *f)
{
    LEATI_TRY(write_scores(f));
    leati_c_code(f, BEGIN);
    if (f->estimator->classes == 2) {
        f->helpers |= LEATI_C_LOGISTIC;
        leati_c_code(f, "    scores(x, out);\n"
                        "    int second = out[0] > 0;\n"
                        "    out[1] = logistic(out[0]);\n"
                        "    out[0] = logistic(-out[0]);\n"
                        "    return second;\n"
                        "}\n");
        return LEAT_OK;
    }
    f->helpers |= LEATI_C_LARGEST | LEATI_C_SOFTMAX;
    leati_c_code(f, "    scores(x, out);\n"
                    "    int best = largest(out, MACHINES);\n"
                    "    softmax(out, OUTPUTS);\n"
                    "    return best;\n"
                    "}\n");
    return LEAT_OK;
}

leat_status leati_c_lda(leati_c_file *f)
{
    LEATI_TRY(write_scores(f));
    f->helpers |= LEATI_C_LARGEST | LEATI_C_SOFTMAX;
    leati_c_code(f, BEGIN "    scores(x, out);\n"
                          "    softmax(out, OUTPUTS);\n"
                          "    return largest(out, OUTPUTS);\n"
                          "}\n");
    return LEAT_OK;
}

/* Probabilities of one class against the rest, scaled to sum 1. */
leat_status leati_c_sgd(leati_c_file *f)
{
    char loss[32];
    if (f->estimator->task == LEATI_REGRESS) return leati_c_linear(f);
    LEATI_TRY(leati_c_param(f, "loss", loss, sizeof loss));
    bool log_loss = strcmp(loss, "log_loss") == 0, huber = strcmp(loss, "modified_huber") == 0;
    if (!log_loss && !huber) return leati_c_linear_svc(f);
    LEATI_TRY(write_scores(f));
    if (log_loss) f->helpers |= LEATI_C_LOGISTIC;
    f->helpers |= LEATI_C_LARGEST;
    leati_c_code(f, BEGIN "    double sum = 0;\n    scores(x, out);\n");
    if (f->estimator->classes == 2)
        leati_c_code(f,
                     "    int best = out[0] > 0;\n    out[1] = out[0];\n    out[0] = -out[1];\n");
    else leati_c_code(f, "    int best = largest(out, OUTPUTS);\n");
    if (f->estimator->classes == 2) f->helpers &= ~(unsigned)LEATI_C_LARGEST;
    leati_str_addf(&f->code, "    for (int k = 0; k < OUTPUTS; k++) sum += out[k] = %s;\n",
                   log_loss ? "logistic(out[k])" : "(fmin(fmax(out[k], -1), 1) + 1) / 2");
    leati_c_code(f, "    for (int k = 0; k < OUTPUTS; k++) out[k] = sum > 0 ? out[k] / sum : 1.0 / "
                    "OUTPUTS;\n    return best;\n}\n");
    return LEAT_OK;
}
