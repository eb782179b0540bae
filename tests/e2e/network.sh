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
for shape in 4y 4x 4, x4; do
    fails "input $shape" 2 "network.input is '$shape'" $leat fit iris -t species -m network --set "network.input=$shape" --quick
done
sed 's/^network:/netwrk:/' net.yaml >key.yaml
fails key 3 "key.yaml:6|'netwrk'|network" $leat fit key.yaml
sed 's/  layers:/  layer:/' net.yaml >inner.yaml
fails inner 2 "no parameter 'layer'|layers" $leat fit inner.yaml

sed 's/epochs: 5/epochs: 5\n  precision: bf16/' net.yaml >half.yaml
check half sh -c "$leat fit half.yaml --output half --threads 1 >half.txt"
check half-again sh -c "$leat fit half.yaml --output half2 --threads 2 >half2.txt"
check half-same-bytes cmp half/iris.leat half2/iris.leat
check half-differs sh -c "! cmp -s one/iris.leat half/iris.leat"
check half-reproduce sh -c "$leat reproduce half/iris.leat >half3.txt"
has half-identical half3.txt "identical bytes: sha256"
if LEAT_CPU=amx $leat version >level.txt 2>&1; then # bf16 alone depends on tiles
    has half-level half3.txt "CPU level amx"
    check wide-level sh -c "LEAT_CPU=v4 $leat fit net.yaml --output v4 >v4.txt"
    check wide-same-bytes cmp one/iris.leat v4/iris.leat
fi
for precision in f32 bf16; do
    check predict-$precision sh -c "$leat predict half/iris.leat iris --proba --precision $precision >$precision.csv"
done
check as-trained sh -c "$leat predict half/iris.leat iris --proba | cmp - bf16.csv"
check other-precision sh -c "! cmp -s f32.csv bf16.csv"
check eval sh -c "$leat eval one/iris.leat iris --precision bf16 >eval.txt"
check logistic sh -c "$leat fit iris --target species --models logistic --output plain >plain.txt"
fails no-network 2 "--precision is of networks" $leat eval plain/iris.leat iris --precision bf16
fails which-precision 2 "--precision is f32 or bf16, not 'f16'" $leat predict one/iris.leat iris --precision f16

# Lists of numbers, and what probabilities there are, follow from the loss.
for weights in '[1, 2, 3]' '"1,2,3"' '1,2,3' 1x2x3; do
    check "weights $weights" $leat fit iris -t species -m network --set "network.loss=cross_entropy(class_weights=$weights)" \
        --set network.epochs=2 --quick -q --output weighted
    check "weights $weights answer" sh -c "$leat predict weighted/iris.leat iris --proba -o weighted.csv"
    [ -f first.csv ] || cp weighted.csv first.csv
    check "weights $weights are the same" cmp weighted.csv first.csv
done
fails weights-count 2 "2 numbers, '1,2', for 3 classes" $leat fit iris -t species -m network --set "network.loss=cross_entropy(class_weights=1,2)" --quick
printf 'data: iris\ntarget: species\nnetwork:\n  epochs: 2\n  loss: {cross_entropy: {class_weights: "1, 2, 3"}}\n' >weights.yaml
check weights-yaml $leat fit weights.yaml --quick -q --output yaml_weighted
check weights-yaml-same sh -c "$leat predict yaml_weighted/iris.leat iris --proba | cmp - first.csv"
check hinge $leat fit iris -t species -m network --set network.loss=hinge --set network.epochs=10 --quick -q --output hinge
fails hinge-proba 2 "gives no probabilities" $leat predict hinge/iris.leat iris --proba
check hinge-inspect sh -c "$leat inspect hinge/iris.leat --input iris --row 3 --json -o hinge.html >hinge.json"
has hinge-class hinge.json '"prediction":"'
check hinge-eval sh -c "$leat eval hinge/iris.leat iris >hinge.txt && ! grep -q 'log loss' hinge.txt"
check mse $leat fit iris -t species -m network --set network.loss=mse --set network.epochs=10 --quick -q --output squares
check mse-eval sh -c "$leat eval squares/iris.leat iris >squares.txt && grep -q 'log loss' squares.txt"

# Targets whose squares have no room: the same network, and every prediction times 2^700.
awk 'BEGIN { print "x,y,z" > "one.csv"; print "x,y,z" > "large.csv"; for (i = 0; i < 120; i++) {
    x = i % 17 / 17; y = i % 11 / 11; z = 3 * x - 2 * y
    printf "%.17g,%.17g,%.17g\n", x, y, z > "one.csv"
    printf "%.17g,%.17g,%.17g\n", x, y, z * 2 ^ 700 > "large.csv" } }'
for size in one large; do
    check "targets $size" $leat fit $size.csv -t z -m network --set "network.layers=dense(8, tanh)" --set network.epochs=20 --quick -q --output $size.out
    $leat predict $size.out/$size.leat $size.csv -q -o $size.told
done
check targets-alike sh -c "paste -d, one.told large.told | awk -F, 'NR > 1 && (\$1 == 0 || \$2 / 2 ^ 700 / \$1 - 1 > 1e-12 || \$2 / 2 ^ 700 / \$1 - 1 < -1e-12) { exit 1 } END { exit NR < 121 }'"

# Columns of texts, and numbers beside them, stand one behind the other.
i=0
echo "title,body,price,label" >notes.csv
while [ $i -lt 60 ]; do
    if [ $((i % 2)) = 0 ]; then echo "good$((i % 7)) one,a long note on tea $((i % 9)),0.$((i + 11)),yes"
    else echo "fine,bad$((i % 5)) idea,0.$((i + 13)),no"; fi
    i=$((i + 1))
done >>notes.csv
notes="fit notes.csv -t label -m network --tokens words(length=8) --keep * --cv holdout:0.2 -q
    --set network.epochs=2 --quick -o notes"
set -f
mask="embedding(99, 4, mask_zero=true); gru(4)"
fails texts 2 "step 3 of row|title is features 1 to 8, body is features 9 to 16|sequence { crop(0, high=8); embedding(...); gru(...) }; sequence { crop(8, high=0)" \
    $leat $notes --drop price --set "network.layers=$mask"
fails number 2 "feature 9 price|features 1 to 8, price is feature 9.|crop(8, high=0) }" $leat $notes --drop title \
    --set "network.layers=$mask"
check parted $leat $notes --set "network.layers=concat { sequence { crop(0, high=9); $mask }; sequence { crop(8, high=1); $mask }; crop(16, high=0) }"
set +f

# The default number of epochs is few updates on a small table: that is said, not that it has too few rows.
check short sh -c "$leat fit iris -t species -m network --quick -o short 2>&1 | tr '\n' ' ' >short.txt"
has short-said short.txt "the training loss was still falling" "network.epochs=200"
check short-curve sh -c "$leat fit iris -t species -m network -o short 2>&1 | tr '\n' ' ' >short.txt"
has short-curve-said short.txt "not what the data give" "network.epochs=200"
check short-no-blame sh -c "! grep -E 'too few rows|more data' short.txt"
check long-is-quiet sh -c "! $leat fit iris -t species -m network --set network.epochs=200 --quick -o short 2>&1 | grep 'still falling'"

# Texts without layers of one's own: tokens are looked up; what cannot do that is named.
i=0
echo "text,good" >opinions.csv
while [ $i -lt 120 ]; do
    if [ $((i * 7 % 3)) = 0 ]; then echo "mill number $i is fine,yes"; else echo "the dam $i looks poor,no"; fi
    i=$((i + 1))
done >>opinions.csv
fails texts-left-out 3 "no column is left|'text' holds texts|--tokens words -m network" $leat fit opinions.csv -t good
check texts-fit sh -c "$leat fit opinions.csv -t good --tokens words --cv holdout:0.2 --quick --set network.epochs=10 -o opinions >opinions.txt 2>&1"
has texts-better opinions.txt "network is better than baseline"
check texts-chosen sh -c "! grep -E 'logistic|taken for sizes' opinions.txt"
check texts-kept sh -c "$leat predict opinions/opinions.leat opinions.csv >answers.txt && $leat inspect opinions/opinions.leat --input opinions.csv --rows 0 >layers.txt"
has texts-layers layers.txt embedding global_average_pool
check texts-planned sh -c "$leat check opinions.csv -t good -m network --tokens words >layers.txt"
has texts-plan layers.txt embedding
check texts-as-sizes sh -c "$leat fit opinions.csv -t good --tokens words -m logistic --cv holdout:0.2 --quick -o sizes 2>sizes.txt"
has texts-as-sizes-said sizes.txt "logistic: the numbers of tokens are taken for sizes" "take -m network"
check texts-beside sh -c "$leat fit notes.csv -t label -m network --tokens words --cv holdout:0.2 --quick --set network.epochs=1 -o beside 2>sizes.txt"
has texts-beside-said sizes.txt "network: the numbers of tokens" "a branch for each"

check help sh -c "$leat help network >help.txt && $leat help lstm >lstm.txt"
check help-parts sh -c "$leat help sgd >sgd.txt && $leat help cosine >cosine.txt"
has help-optimizer-beside-estimator sgd.txt "one of the optimizers" "nesterov=false" "eta0=0.01"
has help-schedule cosine.txt "one of the schedules" "restarts=false"
check help-part-json sh -c "$leat help cosine --json >cosine.json"
has help-part-params cosine.json '"parts":[{"name":"cosine"' '"name":"restarts"'
has layers help.txt "conv2d(" "cross_entropy(" "orthogonal" "transformer_encoder("
check help-hides-places sh -c "! grep -q places= help.txt"
has layer lstm.txt "return_sequences=false"
has several help.txt "several values" "' | '"
# Names with commas between them are values of a search, but not layers.
tried="fit iris -t species -m network --quick -q --cv holdout:0.2 --set network.epochs=2 -o tried"
check search-names sh -c "$leat $tried --search grid --set 'network.optimizer=adam,sgd(momentum=0.9, nesterov=true)' \
    --set network.schedule=constant,cosine"
has search-tried tried/iris.run/run.json "adam,sgd(momentum=0.9, nesterov=true)"
fails no-search 2 "names several values|--search grid" $leat $tried --set network.optimizer=adam,sgd
fails layers-parted 2 "parted by ';'|' | '" $leat $tried --search grid \
    --set "network.layers=dense(16), dense(8)"
for name in residual add sequence concat memory; do
    check help-$name sh -c "$leat help $name | tr '\n' ' ' >container.txt"
    has help-$name-forms container.txt "In a line: " "{ " "in a file: "
done

# All parts of a kind.
for kind in layers activations losses optimizers schedules augmentations initializers; do
    check help-$kind sh -c "$leat help $kind >kind.txt && $leat help $kind --json >kind.json"
    has help-$kind-text kind.txt "$kind" "More on one of them: leat help NAME"
done
check help-kind-alone sh -c "$leat help losses >kind.txt && ! grep -q conv2d kind.txt && grep -q huber kind.txt"

# What runs and means little is said.
noted="-m network --quick --cv holdout:0.2 --set network.epochs=2"
quiet="$noted -q"
check linear sh -c "$leat fit iris -t species $noted --set 'network.layers=dense(8); dense(4)' 2>linear.txt"
has linear-said linear.txt 'between layer 1 `dense` and layer 2 `dense` stands no activation'
check curved sh -c "$leat fit iris -t species $noted --set 'network.layers=dense(8, relu); dense(4)' 2>linear.txt && ! grep -q activation linear.txt"
check seen sh -c "$leat eval iris.leat iris >seen.txt 2>seen.err"
has seen-said seen.err "learned from exactly this table"
check unseen sh -c "$leat table iris --head 149 -o some.csv && $leat eval iris.leat some.csv >seen.txt 2>seen.err && ! grep -q learned seen.err"
fails two-names 2 "--output x.leat and --name y name the model file twice" $leat fit iris -t species -m knn --quick -o x.leat --name y
check one-name sh -c "$leat fit iris -t species -m knn --quick -q -o x.leat --name x && test -s x.leat"

# Of another run under the same name nothing stays that would be taken for this one's.
check earlier sh -c "$leat fit iris -t species $quiet --set network.validation_fraction=0.2 -o same && test -s same/iris.run/best.checkpoint"
check no-best sh -c "$leat fit iris -t species $quiet -o same && test ! -e same/iris.run/best.checkpoint && test -s same/iris.run/metrics.jsonl"
: >same/iris.network.leat
check later sh -c "$leat fit iris -t species -m knn --quick -o same 2>later.txt"
check no-training sh -c "! ls same/iris.run | grep -E 'checkpoint|metrics.jsonl|tfevents'"
has stands-beside later.txt "same/iris.network.leat is not of this run"

# Paths in an experiment are of the current folder.
mkdir exp && $leat table iris -o exp/flowers.csv >out.txt
printf 'data: flowers.csv\ntarget: species\nnetwork:\n  epochs: 1\n' >exp/flowers.yaml
fails beside-the-file 3 "there is no file flowers.csv|There is exp/flowers.csv: paths in exp/flowers.yaml are of the current folder" $leat fit exp/flowers.yaml
fails beside-the-file-planned 3 "There is exp/flowers.csv" $leat check exp/flowers.yaml
printf 'data: iris\ntarget: species\nnetwork:\n  epochs: 1\n  weights: begin.safetensors\n' >exp/begin.yaml
: >exp/begin.safetensors
fails weights-beside 3 "no file begin.safetensors|There is exp/begin.safetensors" $leat fit exp/begin.yaml

finish
