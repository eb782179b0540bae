"""The six classic algorithms of scikit-learn on iris in 10 stratified folds, as one would write it.

Columns are standardised inside each fold for the algorithms that want it, as Leat does by itself.
Prints one JSON object: seconds after the imports, and the mean accuracy of each.
"""
import json
import time
import warnings

import sklearn
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

MODELS = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "lda": LinearDiscriminantAnalysis(),
    "knn": make_pipeline(StandardScaler(), KNeighborsClassifier()),
    "cart": DecisionTreeClassifier(random_state=1),
    "gaussian_nb": GaussianNB(),
    "svc": make_pipeline(StandardScaler(), SVC()),
}


def main():
    start = time.perf_counter()
    warnings.simplefilter("ignore")
    x, y = load_iris(return_X_y=True)
    folds = StratifiedKFold(10, shuffle=True, random_state=1)
    means = {name: float(cross_val_score(model, x, y, cv=folds).mean())
             for name, model in MODELS.items()}
    print(json.dumps({"version": sklearn.__version__, "work": time.perf_counter() - start,
                      "means": means}))


main()
