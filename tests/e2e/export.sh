#!/bin/sh
# Models in other forms: a C file compiled and called, ONNX files run by onnxruntime where a Python has it (LEAT_PYTHON).
. "$(dirname "$0")/lib.sh"
python=${LEAT_PYTHON:-python3}

awk 'BEGIN {
    split("red,green,blue", c, ","); split("ash,beech,cedar", k, ",")
    print "length,width,colour,when,fresh,kind,weight"
    for (i = 0; i < 150; i++) {
        n = i % 3; u = (i * 7919 % 101) / 101; v = (i * 104729 % 97) / 97
        printf "%.4f,%s,%s,2021-%02d-%02dT%02d:15:00,%s,%s,%.4f\n", 4 + 1.5 * n + u,
            i % 17 == 3 ? "" : sprintf("%.4f", 3 - 0.8 * n + v), i % 23 == 5 ? "" : c[(i * 31 % 5) % 3 + 1],
            i % 12 + 1, i % 28 + 1, i % 24, u < 0.5 ? "true" : "false", k[n + 1], 2 * u + v + n }
}' >wood.csv

# onnx NAME TARGET MODEL TOLERANCE SETTINGS...: fitted, exported, run, compared.
onnx() {
    what=$1 target=$2 model=$3 tolerance=$4
    shift 4
    case $model:$target in
    svc:* | *:weight) proba= ;; # has none
    *) proba=--proba ;;
    esac
    check "$what fit" "$leat" fit wood.csv --target "$target" --models "$model" --quick --cv holdout:0.2 --output "$what" "$@"
    check "$what export" "$leat" export --onnx "$what/wood.leat" -o "$what.onnx"
    check "$what predict" "$leat" predict "$what/wood.leat" wood.csv $proba -o "$what.csv"
    "$python" "$here/tests/support/compare_onnx.py" "$what.onnx" wood.csv "$what.csv" "$tolerance" >out.txt 2>err.txt
    case $? in
    0) passed=$((passed + 1)) ;;
    77) skip "$what: $(head -n 1 out.txt)" ;;
    *) failed=$((failed + 1)); echo "failed: $what"; tail -n 3 out.txt err.txt ;;
    esac
}

onnx logistic kind logistic 1e-9
onnx lda kind lda 1e-9
onnx knn kind knn 1e-9 --set knn.weights=distance
onnx cart kind cart 1e-12
onnx bayes kind gaussian_nb 1e-9
onnx svc kind svc 1e-4
onnx ridge weight ridge 1e-9
onnx tree weight cart 1e-12
onnx svr weight svr 1e-4
onnx dense weight network 1e-4 --set network.epochs=5
onnx conv kind network 1e-4 --set 'network.layers=dense(16); reshape(4, 4, 1); conv2d(4, 3, padding=same, activation=relu); batch_norm; max_pool2d; flatten' --set network.epochs=20
onnx transposed kind network 1e-4 --set 'network.layers=dense(16); reshape(4, 2, 2); conv2d_transpose(4, 3, 2, padding=1, groups=2, output_padding=1); flatten' --set network.epochs=20
onnx upsampled kind network 1e-4 --set 'network.layers=dense(24); reshape(4, 3, 2); upsample(2x3, bilinear); upsample(2, bicubic, align_corners=true); reshape(16, 36); upsample(2, cubic); conv1d(4, 3, strides=5); flatten' --set network.epochs=20
onnx lstm kind network 1e-4 --set 'network.layers=dense(24); reshape(6, 4); lstm(8, return_sequences=true, bidirectional=true); gru(6)' --set network.epochs=20
onnx encoder kind network 1e-4 --set 'network.layers=dense(24); reshape(6, 4); transformer_encoder(2, 8); flatten' --set network.epochs=20

# An exported model comes back as a graph; its answers are those of the file.
check import "$leat" import lda.onnx -o graph.leat
check show sh -c "$leat show graph.leat >show.txt && $leat show graph.leat --json >show.json"
has inputs show.txt "colour: text (batch, 1)" "probabilities: float64 (batch, 3)"
check predict-graph sh -c "$leat predict graph.leat wood.csv >from_graph.csv && $leat predict lda.onnx wood.csv >from_onnx.csv"
check same-answers cmp from_graph.csv from_onnx.csv
has columns from_graph.csv "class,probabilities_0,probabilities_1,probabilities_2"
fails proba 2 "--proba" "$leat" predict graph.leat wood.csv --proba
check graph-onnx "$leat" export --onnx graph.leat -o back.onnx
check graph-same cmp lda.onnx back.onnx
check graph-name sh -c "$leat export --safetensors graph.leat --json >said.json && test -s graph.safetensors"
has graph-said said.json '"output":"graph.safetensors"'
fails graph-c 4 "graph.leat|onnx, safetensors or npz" "$leat" export --c graph.leat
fails graph-twice 2 "an ONNX file already" "$leat" export --onnx lda.onnx -o x.onnx
fails eval-graph 4 "imported graph" "$leat" eval graph.leat wood.csv
fails not-onnx 2 "only ONNX files|.safetensors|called .onnx" "$leat" import wood.csv
fails no-format 2 "which format? One of --c, |--onnx" "$leat" export lda.leat
head -c 2000 graph.leat >cut.leat
fails cut 3 "cut.leat" "$leat" run cut.leat

# Arrays: one file for each output, and what was written.
{
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 4), }"
    head -c 32 /dev/zero
} >row.npy
check run-arrays sh -c "$leat run $here/tests/onnx/learned/test_linear_regressor/model.onnx row.npy -o arrays >said.txt && test -s arrays/y.npy"
has run-said said.txt "y: written to arrays/y.npy"
check run-json sh -c "$leat run $here/tests/onnx/learned/test_linear_regressor/model.onnx row.npy -o arrays --json >said.json"
has run-json-said said.json '{"outputs":[{"name":"y","type":"float32","shape":[1,' '"file":"arrays/y.npy"}]}'

check run-texts sh -c "$leat run $here/tests/onnx/learned/test_forest_texts/model.onnx row.npy -o texts --json >said.json"
has run-texts-said said.json '"name":"label","type":"text","shape":[1],"file":"texts/label.npy"' '"file":"texts/y.npy"'
check run-str grep -q "'<U" texts/label.npy

# arrays MODEL NAME...: both kinds of arrays, the same and with these names.
arrays() {
    what=$1
    shift
    check "$what safetensors" "$leat" export --safetensors "$what/wood.leat" -o "$what.safetensors"
    check "$what npz" "$leat" export --npz "$what/wood.leat" -o "$what.npz"
    "$python" "$here/tests/support/compare_arrays.py" "$what.safetensors" "$what.npz" "$@" >out.txt 2>err.txt
    case $? in
    0) passed=$((passed + 1)) ;;
    77) skip "$what arrays: $(head -n 1 out.txt)" ;;
    *) failed=$((failed + 1)); echo "failed: $what arrays"; tail -n 3 out.txt err.txt ;;
    esac
}

# graph_arrays FILE: the weights of a graph in both forms, as the package onnx has them.
graph_arrays() {
    check "$1 safetensors" "$leat" export --safetensors "$1" -o given.safetensors
    check "$1 npz" "$leat" export --npz "$1" -o given.npz
    "$python" "$here/tests/support/compare_graph.py" lda.onnx given.safetensors given.npz >out.txt 2>err.txt
    case $? in
    0) passed=$((passed + 1)) ;;
    77) skip "$1 arrays: $(head -n 1 out.txt)" ;;
    *) failed=$((failed + 1)); echo "failed: $1 arrays"; tail -n 3 out.txt err.txt ;;
    esac
}
graph_arrays graph.leat
graph_arrays lda.onnx

arrays logistic encoder.fill encoder.scale coef intercept
arrays dense encoder.shift dense_1/kernel dense_2/bias target_mean target_scale
arrays conv conv2d_1/kernel batch_norm_1/gamma
arrays cart feature threshold right

# Weights back into the network of an experiment.
cat >flower.yaml <<'END'
data: iris
target: species
cv: holdout:0.2
network:
  layers:
    - dense: {units: 16, activation: relu}
  epochs: 40
  batch_size: 8
END
check flower "$leat" fit flower.yaml --quick -q -o flower
check flower-weights "$leat" export --safetensors flower/iris.leat -o flower.safetensors
check flower-import sh -c "$leat import flower.safetensors --network flower.yaml -o again.leat >import.txt"
has flower-score import.txt "accuracy on the data of flower.yaml: " "wrote again.leat"
check flower-predict sh -c "$leat predict flower/iris.leat iris --proba >first.csv &&
    $leat predict again.leat iris --proba >second.csv && cmp first.csv second.csv"
sed 's/units: 16/units: 12/' flower.yaml >other.yaml
fails flower-shapes 3 "dense_1/kernel (4, 16) for (4, 12)|dense_2/kernel (16, 3) for (12, 3)" \
    "$leat" import flower.safetensors --network other.yaml
fails flower-no-network 2 "--network FILE.yaml" "$leat" import flower.safetensors
sed 's/epochs: 40/weights: flower.safetensors\n  epochs: 1/' flower.yaml >tuned.yaml
check flower-tuned "$leat" fit tuned.yaml --quick -q -o tuned

# The C file, called by a program that sees its interface only.
check iris "$leat" fit iris --models logistic --quick --output flowers
check c "$leat" export --c flowers/iris.leat -o iris.c
"$leat" table iris --head 150 --output iris.csv >/dev/null 2>&1
cat >main.c <<'END'
#include <stdio.h>
#define iris_INTERFACE
#include "iris.c"
int main(void)
{
    iris_number x[iris_NUMBERS];
    iris_workspace w;
    double p[iris_OUTPUTS];
    puts("prediction");
    if (scanf("%*[^\n]") != 0) return 1;
    while (scanf("%lf,%lf,%lf,%lf,%*s", &x[0], &x[1], &x[2], &x[3]) == 4) {
        int k = iris_predict(x, p, &w);
        puts(k < 0 ? "?" : iris_class_names[k]);
    }
    return 0;
}
END
if cc --version >/dev/null 2>&1; then
    check compile cc -std=c99 -Wall -Wextra -Wpedantic -Werror -O2 main.c iris.c -lm -o iris_main
    check run sh -c "./iris_main <iris.csv >from_c.csv"
    check predict sh -c "$leat predict flowers/iris.leat iris.csv >from_leat.csv"
    check same cmp from_c.csv from_leat.csv
else
    skip "no C compiler"
fi

check stdout sh -c "$leat export --c flowers/iris.leat -o - --name 'my model' >named.c"
has named named.c "int my_model_predict(const my_model_number *x"
fails no-format 2 "which format?" "$leat" export flowers/iris.leat
fails two-formats 2 "one format at a time" "$leat" export --c --onnx flowers/iris.leat
fails no-model 3 "nothing.leat" "$leat" export --c nothing.leat
check completion sh -c "$leat help --completion bash >completion.txt"
has options completion.txt "export) words=\" --c --onnx"

finish
