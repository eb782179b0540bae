#!/usr/bin/env python3
"""The polynomials of erf, and of erf(x / sqrt 2) in pieces, in src/kernel/isa/net_math.h: weighted
least squares on Chebyshev nodes, weights updated after Lawson (1961) until the error is level. Needs
numpy and mpmath."""
import numpy
from mpmath import cos, erf, erfc, log, mp, mpf, pi, sqrt

mp.dps = 40


def fit(function, low, high, degree, weight, nodes=400, rounds=60):
    xs = [(mpf(low) + high) / 2 + (mpf(high) - low) / 2 * cos(pi * (i + mpf(1) / 2) / nodes) for i in range(nodes)]
    basis = numpy.polynomial.chebyshev.chebvander([float((2 * x - low - high) / (high - low)) for x in xs], degree)
    y = numpy.array([float(function(x)) for x in xs])
    w = numpy.array([float(weight(x)) for x in xs])
    level = numpy.ones(nodes)
    for _ in range(rounds):
        s = numpy.sqrt(level) * w
        c = numpy.linalg.lstsq(basis * s[:, None], y * s, rcond=None)[0]
        error = numpy.abs(basis @ c - y) * w
        level = level * error / (level * error).sum()
    series = numpy.polynomial.chebyshev.Chebyshev(c, domain=[low, high])
    return series.convert(kind=numpy.polynomial.Polynomial).coef, error.max()


def show(name, fitted):
    coefficients, error = fitted
    print(name, "error %.2g:" % error, [float(numpy.float32(v)).hex() for v in coefficients])


show("P, erf(x) = x P(x^2) to 1", fit(lambda z: erf(sqrt(z)) / sqrt(z), 0, 1, 6, lambda z: 1))
show("Q, erf(x) = 1 - e^-Q(x) from 1 to 4", fit(lambda a: -log(erfc(a)), 1, 4, 8, erfc))


STEP, PIECES, DEGREE = mpf("0.375"), 16, 5


def normal(x):
    return erf(x / sqrt(2))


def piece(n):
    """Coefficients of t^0 .. t^5, t = x - n STEP; the first piece is 0 at 0, the last one 1."""
    if n == PIECES - 1:
        return [1.0] + [0.0] * DEGREE, 1 - float(normal((n - mpf(1) / 2) * STEP))
    if n == 0:
        c, error = fit(lambda t: normal(t) / t, mpf("1e-6"), STEP / 2, DEGREE - 1, lambda t: 1)
        return [0.0] + list(c), error * float(STEP) / 2
    return fit(lambda t: normal(n * STEP + t), -STEP / 2, STEP / 2, DEGREE, lambda t: 1)


pieces = [piece(n) for n in range(PIECES)]
print("erf(x / sqrt 2) in pieces, error %.2g:" % max(error for _, error in pieces))
for power in reversed(range(DEGREE + 1)):
    print("t^%d" % power, [float(numpy.float32(c[power])).hex() for c, _ in pieces])
