#!/bin/sh
# Imported graphs as models of tables: from a file to predictions, scores, a server by names, drift.
. "$(dirname "$0")/lib.sh"

awk 'BEGIN {
    split("ash,beech,cedar", k, ",")
    print "length,width,kind"
    for (i = 0; i < 240; i++) {
        n = i % 3; u = (i * 7919 % 101) / 101; v = (i * 104729 % 97) / 97
        printf "%.4f,%.4f,%s\n", 4 + 1.5 * n + 2 * u, 3 - 0.8 * n + v, k[n + 1]
    }
}' >wood.csv

# Leat's own file and back: an input per column, classes by its metadata.
check fit "$leat" fit wood.csv --target kind --models logistic --quick -q
check export "$leat" export --onnx wood.leat -o tree.onnx
check import sh -c "$leat import tree.onnx --reference wood.csv --target kind >import.txt"
has import-says import.txt "tree predicts kind (classification) from 2 inputs" "accuracy on wood.csv: 0.9" "wrote tree.leat"
check predict sh -c "$leat predict tree.leat wood.csv --proba -o graph.csv && $leat predict wood.leat wood.csv --proba -o own.csv"
check same-answers sh -c "cut -d, -f1 graph.csv >a.txt && cut -d, -f1 own.csv | cmp - a.txt"
check eval sh -c "$leat eval tree.leat wood.csv --require 'accuracy>=0.8' >eval.txt"
has eval-says eval.txt "tree (graph) on 240 rows" "log loss"
check compare sh -c "$leat compare tree.leat wood.leat wood.csv | grep -q 'may be chance'"
check show sh -c "$leat show tree.leat >show.txt && $leat show tree.leat --card >>show.txt"
has show-says show.txt "tree predicts kind (classification) with graph" "classes: ash, beech, cedar" "1.4 to 3.9897" "operators of ai.onnx"
check back "$leat" export --onnx tree.leat -o back.onnx
check same-file cmp back.onnx tree.onnx
fails reproduce 4 "trained elsewhere" "$leat" reproduce tree.leat wood.csv
fails run 4 "holds no graph" "$leat" run tree.leat wood.npy -o out

# Somebody else's: one input of floats (batch, any), classes by its operator.
awk -F, 'NR == 1 { print "a,b,c,d,kind"; next }
    { printf "%.1f,%.1f,%.1f,%.1f,%s\n", $1, $2, $1 - 2, $2 / 2, NR % 3 == 0 ? "a" : NR % 3 == 1 ? "bc" : "d" }' wood.csv >wood4.csv
check forest "$leat" import "$here/tests/onnx/learned/test_forest_texts/model.onnx" -o forest.leat --name forest --reference wood4.csv --target kind
check forest-predict sh -c "$leat predict forest.leat wood4.csv --proba -o forest.csv && cut -d, -f1-4 wood4.csv >inputs.csv"
check forest-plain sh -c "$leat predict $here/tests/onnx/learned/test_forest_texts/model.onnx inputs.csv -o plain.csv"
check forest-same sh -c "tail -n +2 forest.csv >a.txt && tail -n +2 plain.csv | cmp - a.txt"
has forest-columns forest.csv "prediction,p_a,p_bc,p_d"

# Drift against the reference.
awk -F, 'NR == 1 || $1 > 6 { print }' wood.csv >long.csv
check fresh "$leat" monitor tree.leat --window wood.csv --gate
fails drifts 1 "" "$leat" monitor tree.leat --window long.csv --gate
check drift-says sh -c "$leat monitor tree.leat --window long.csv >drift.txt; true"
has drift-of drift.txt "length" "prediction" "score" "in training"

# What does not fit.
fails no-target 2 "--target" "$leat" import tree.onnx --reference wood.csv
fails no-reference 2 "--reference" "$leat" import tree.onnx --target kind
fails weights 2 "--reference is of ONNX" "$leat" import x.safetensors --reference wood.csv --target kind
fails other-target 3 "kinds|kind" "$leat" import tree.onnx --reference wood.csv --target kinds
cut -d, -f2- wood.csv >narrow.csv
fails narrow 3 "'length'|not in the table" "$leat" import tree.onnx --reference narrow.csv --target kind
fails classes 2 "3 classes|2 were named" "$leat" import tree.onnx --reference wood.csv --target kind --classes ash,beech
fails strangers 3 "no class of the model" "$leat" import tree.onnx --reference wood.csv --target kind --classes a,b,c

# Served like any other.
command -v curl >/dev/null || { skip "curl is not here"; finish; exit; }
: >served.txt
"$leat" serve tree.leat --listen 127.0.0.1:0 --workers 1 >served.txt 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$scratch"' EXIT
url= tries=0
while [ -z "$url" ] && [ $((tries += 1)) -lt 100 ]; do
    sleep 0.1
    url=$(sed -n 's/^serving at \([^,]*\),.*/\1/p' served.txt)
done
check by-name sh -c "curl -sf $url/api/v1/tree -d '{\"width\": 3.4, \"length\": 4.1}' >a.json"
has by-name-says a.json '"predictions":["ash"]' '"probabilities":[{"ash":'
check protocol sh -c "curl -sf $url/v2/models/tree/infer -d '{\"inputs\": [{\"name\": \"input\", \"shape\": [1, 2], \"datatype\": \"FP64\", \"data\": [4.1, 3.4]}]}' >b.json"
has protocol-says b.json '"data":["ash"]'
check misses sh -c "curl -s $url/api/v1/tree -d '{\"width\": 3.4}' >c.json"
has misses-says c.json "'length' is missing"
check drift sh -c "curl -sf $url/api/v1/tree/drift >d.json"
has drift-counts d.json '"open_window":{"rows":2' '"inputs":2'
kill $server
wait $server
finish
