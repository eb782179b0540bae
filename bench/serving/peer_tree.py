"""scikit-learn's tree on the iris of Leat's table: to pure leaves, as Leat's. Writes a joblib file.

usage: peer_tree.py IRIS.csv OUT.joblib"""
import csv
import sys

import joblib
from sklearn.tree import DecisionTreeClassifier

with open(sys.argv[1]) as f:
    rows = list(csv.reader(f))[1:]
x = [[float(v) for v in row[:4]] for row in rows]
tree = DecisionTreeClassifier(random_state=0).fit(x, [row[4] for row in rows])
joblib.dump(tree, sys.argv[2])
