"""One estimator of scikit-learn on Fashion-MNIST, the peer of bench/fashion_bench.c.

usage: peer_estimator.py NAME FOLDER [--rows N] [--test N]

Pixels are divided by 255 and single precision, as there. Prints one JSON object: seconds of fit
and predict, CPU seconds of both (all threads, user and system), accuracy. The interpreter's start,
imports, loading the data and a first small fit, which starts thread pools, are not timed.
"""
import argparse
import gzip
import json
import os
import time
import warnings

import numpy
import sklearn
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

PIXELS = 784
# The fastest configuration found of each, at unchanged accuracy; page() of estimators.py names it.
MODELS = {
    "logistic": lambda: LogisticRegression(solver="lbfgs", max_iter=100),
    "lda": lambda: LinearDiscriminantAnalysis(solver="lsqr"),
    "lda_svd": lambda: LinearDiscriminantAnalysis(),
    "knn": lambda: KNeighborsClassifier(5, algorithm="brute", n_jobs=2),
    "cart": lambda: DecisionTreeClassifier(random_state=0),
    "gaussian_nb": lambda: GaussianNB(),
    "linear_svc": lambda: LinearSVC(dual=False, tol=0.01),
    "svc": lambda: SVC(C=10, gamma="scale", cache_size=1000),
}


def load(folder, split, rows):
    def read(kind, header):
        with gzip.open(os.path.join(folder, "%s-%s-ubyte.gz" % (split, kind))) as f:
            return numpy.frombuffer(f.read(), numpy.uint8)[header:]

    pixels = read("images-idx3", 16).reshape(-1, PIXELS)[:rows]
    return pixels.astype(numpy.float32) / numpy.float32(255), read("labels-idx1", 8)[:rows]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("name", choices=MODELS)
    p.add_argument("folder")
    p.add_argument("--rows", type=int, default=60000)
    p.add_argument("--test", type=int, default=10000)
    a = p.parse_args()
    warnings.simplefilter("ignore")
    x, y = load(a.folder, "train", a.rows)
    asked, truth = load(a.folder, "t10k", a.test)
    MODELS[a.name]().fit(x[:300], y[:300]).predict(asked[:300])
    model = MODELS[a.name]()
    cpu, start = time.process_time(), time.perf_counter()
    model.fit(x, y)
    fitted = time.perf_counter()
    answer = model.predict(asked)
    done, cpu = time.perf_counter(), time.process_time() - cpu
    print(json.dumps({"estimator": a.name, "version": sklearn.__version__,
                      "fit": fitted - start, "predict": done - fitted, "cpu_seconds": cpu,
                      "accuracy": float((answer == truth).mean())}))


main()
