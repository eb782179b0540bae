#!/bin/sh
# Networks from YAML: what they leave behind, reproduction, messages with the place of a layer.
. "$(dirname "$0")/lib.sh"

cat >net.yaml <<'END'
data: iris
target: species
cv: stratified:3
quick: true
network:
  layers:
    - reshape: [2, 2, 1]
    - conv2d: {filters: 4, kernel_size: 2, padding: same, activation: relu}
    - batch_norm
    - flatten
    - residual: [ {dense: 16}, tanh ]
    - dropout: 0.1
  loss: {cross_entropy: {label_smoothing: 0.05}}
  epochs: 5
END
check fit sh -c "$leat fit net.yaml --output one --threads 1 >fit.txt"
has settings fit.txt "network" "layers=reshape(2, 2, 1); conv2d(filters=4"
check again sh -c "$leat fit net.yaml --output two --threads 2 >fit2.txt"
check same-bytes cmp one/iris.leat two/iris.leat
check reproduce sh -c "$leat reproduce one/iris.leat >again.txt"
has identical again.txt "identical bytes: sha256"

sed 's/filters: 4/filter: 4/' net.yaml >wrong.yaml
fails parameter 2 "layer 2 \`conv2d\` (wrong.yaml:8)" $leat fit wrong.yaml
sed 's/reshape: .*/reshape: [3, 3]/' net.yaml >shape.yaml
fails no-model-but-the-baseline 3 "layer 1 \`reshape\` (shape.yaml:7)" $leat fit shape.yaml --output three
check nothing-written test ! -e three/iris.leat
sed 's/^network:/models: [network, logistic]\nnetwork:/' shape.yaml >beside.yaml
check left-out sh -c "$leat fit beside.yaml --output four >beside.txt"
has place beside.txt "network is left out: layer 1 \`reshape\` (beside.yaml:8)"

fails bare-conv 3 "network.input" $leat fit iris -m network --set "network.layers=conv2d(4, 3)" --quick
sed 's/^network:/netwrk:/' net.yaml >key.yaml
fails key 3 "key.yaml:6|'netwrk'|network" $leat fit key.yaml
sed 's/  layers:/  layer:/' net.yaml >inner.yaml
fails inner 2 "no parameter 'layer'|layers" $leat fit inner.yaml

check help sh -c "$leat help network >help.txt && $leat help lstm >lstm.txt"
has layers help.txt "conv2d(" "cross_entropy(" "orthogonal" "transformer_encoder("
has layer lstm.txt "return_sequences=false"

finish
