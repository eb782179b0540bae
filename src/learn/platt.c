/* Owns: sigmoid calibration and pairwise coupling. */
#include "learn/platt.h"

#include <math.h>

enum { MOST_STEPS = 100 };

double leati_platt_probability(leati_platt p, double decision)
{
    double z = p.a * decision + p.b;
    return z >= 0 ? exp(-z) / (1 + exp(-z)) : 1 / (1 + exp(z));
}

typedef struct likelihood {
    size_t count;
    const double *f;
    const uint8_t *positive;
    double high, low; /* targets of positives and negatives */
} likelihood;

/* Negative log-likelihood, written so that no exp overflows. */
static double loss(const likelihood *l, leati_platt p)
{
    double sum = 0;
    for (size_t i = 0; i < l->count; i++) {
        double z = p.a * l->f[i] + p.b, target = l->positive[i] ? l->high : l->low;
        sum += z >= 0 ? target * z + log1p(exp(-z)) : (target - 1) * z + log1p(exp(z));
    }
    return sum;
}

typedef struct newton {
    double g1, g2, h11, h22, h21;
} newton;

static newton derivatives(const likelihood *l, leati_platt p)
{
    newton d = {.h11 = 1e-12, .h22 = 1e-12}; /* keeps the Hessian regular */
    for (size_t i = 0; i < l->count; i++) {
        double q = leati_platt_probability(p, l->f[i]), curve = q * (1 - q);
        double slope = (l->positive[i] ? l->high : l->low) - q;
        d.h11 += l->f[i] * l->f[i] * curve;
        d.h22 += curve;
        d.h21 += l->f[i] * curve;
        d.g1 += l->f[i] * slope;
        d.g2 += slope;
    }
    return d;
}

leati_platt leati_platt_fit(size_t count, const double *decision, const uint8_t *positive)
{
    double ones = 0;
    for (size_t i = 0; i < count; i++) ones += positive[i];
    double zeros = (double)count - ones;
    likelihood l = {.count = count,
                    .f = decision,
                    .positive = positive,
                    .high = (ones + 1) / (ones + 2),
                    .low = 1 / (zeros + 2)};
    leati_platt p = {0, log((zeros + 1) / (ones + 1))};
    double now = loss(&l, p);
    for (int k = 0; k < MOST_STEPS; k++) {
        newton d = derivatives(&l, p);
        if (fabs(d.g1) < 1e-5 && fabs(d.g2) < 1e-5) break;
        double det = d.h11 * d.h22 - d.h21 * d.h21;
        double da = -(d.h22 * d.g1 - d.h21 * d.g2) / det;
        double db = -(d.h11 * d.g2 - d.h21 * d.g1) / det;
        double slope = d.g1 * da + d.g2 * db, size = 1;
        for (; size >= 1e-10; size /= 2) {
            leati_platt next = {p.a + size * da, p.b + size * db};
            double then = loss(&l, next);
            if (!(then < now + 1e-4 * size * slope)) continue;
            p = next;
            now = then;
            break;
        }
        if (size < 1e-10) break;
    }
    return p;
}

void leati_platt_couple(size_t classes, const double *r, double *p, double *scratch)
{
    size_t k = classes;
    double *q = scratch, *qp = scratch + k * k, pqp = 0;
    for (size_t t = 0; t < k; t++) {
        p[t] = 1 / (double)k;
        q[t * k + t] = 0;
        for (size_t j = 0; j < k; j++) {
            if (j == t) continue;
            q[t * k + t] += r[j * k + t] * r[j * k + t];
            q[t * k + j] = -r[j * k + t] * r[t * k + j];
        }
    }
    double tolerance = 0.005 / (double)k;
    size_t most = k > MOST_STEPS ? k : MOST_STEPS;
    for (size_t step = 0; step < most; step++) {
        double worst = 0;
        pqp = 0;
        for (size_t t = 0; t < k; t++) {
            qp[t] = 0;
            for (size_t j = 0; j < k; j++) qp[t] += q[t * k + j] * p[j];
            pqp += p[t] * qp[t];
        }
        for (size_t t = 0; t < k; t++) worst = fmax(worst, fabs(qp[t] - pqp));
        if (worst < tolerance) break;
        for (size_t t = 0; t < k; t++) {
            double diff = (pqp - qp[t]) / q[t * k + t], grown = 1 + diff;
            p[t] += diff;
            pqp = (pqp + diff * (diff * q[t * k + t] + 2 * qp[t])) / grown / grown;
            for (size_t j = 0; j < k; j++) {
                qp[j] = (qp[j] + diff * q[t * k + j]) / grown;
                p[j] /= grown;
            }
        }
    }
}
