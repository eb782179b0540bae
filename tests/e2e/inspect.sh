#!/bin/sh
# Looking inside a network from the command line: of a table's row, of one picture, of what is wrong.
. "$(dirname "$0")/lib.sh"
check fit $leat fit iris -t species -m network --quick -q --cv holdout:0.2 \
    --set "network.layers=dense(8, relu); residual { dense(8, tanh) }"
check inspect sh -c "$leat inspect iris.leat --input iris --row 60 -o pages >table.txt"
has table table.txt "layer" "residual_1" "  dense_2" "parameters" "versicolor" "all"
has page pages/iris.inspect.html "What moves the answer" "Layer by layer" "t-SNE" \
    "Principal components" "residual_1/dense_2" "prefers-color-scheme:dark"
check json sh -c "$leat inspect iris.leat --input iris --json --rows 20 >one.json"
has parts-said table.txt "activations, saliency, PCA and t-SNE: pages"
has numbers one.json '"layers"' '"saliency":{"features":["sepal_length"' '"tsne"' '"pca"' '"probabilities"' '"plane_of"'
check equal sh -c "$leat inspect iris.leat --input iris --json --rows 20 --threads 1 >two.json && cmp one.json two.json"
fails row 2 "no row 151|150" $leat inspect iris.leat --input iris --row 151
fails layer 2 "no layer 'dense_9'|did you mean|It has dense_1, residual_1, residual_1/dense_2, dense_3" $leat inspect iris.leat --input iris --layer dense_9
fails layer-foo 2 "no layer 'foo'; it has dense_1, " $leat inspect iris.leat --input iris --layer foo
check graph sh -c "tail -c +2 $here/fuzz/corpus/onnx/mlp >net.onnx && $leat import net.onnx -o net.leat"
fails onnx 4 "ONNX graph|leat show net.onnx" $leat inspect net.onnx --input iris
fails imported 4 "ONNX graph|leat show net.leat" $leat inspect net.leat --input iris
fails input 2 "--input" $leat inspect iris.leat --row 3
check layers sh -c "$leat inspect iris.leat >layers.txt"
has layers layers.txt "layer " "residual_1" "  dense_2" "parameters" "all" "leat inspect iris.leat --input X"
check layers-no-page sh -c "mkdir bare && cd bare && $leat inspect ../iris.leat && test -z \"\$(ls)\""
check layers-json sh -c "$leat inspect iris.leat --json >layers.json"
has layers-json layers.json '"layers":[{"name":"dense_1"' '"output":[8]'
check layers-only python3 -c "import json; assert 'verdict' not in json.load(open('layers.json'))['inspection']"
check shown sh -c "$leat show iris.leat >shown.txt"
has shown shown.txt "accuracy " "on rows it had not seen (95%" ", 20 epochs" "residual_1" "  dense_2" "all" "4.3 to 7.9"
check help sh -c "$leat inspect --help >help.txt"
has usage help.txt "leat inspect MODEL.leat [--input X]"
# A class that nobody would see is quoted; row 8 is a space.
python3 -c "print(chr(10).join(['to be or not to be'] * 60))" >small.txt
check fit-text $leat fit small.txt --text 8/1 --tokens characters -m network --quick -q --cv holdout:0.2 \
    --set "network.layers=embedding(12, 4); flatten; dense(16, relu)" --set network.epochs=5 --name letters
check shown-letters sh -c "$leat show letters.leat >letters.txt"
has letters-quoted letters.txt '8 characters: " ", "\n", "b", "e"' "nats a character, perplexity " "leat generate letters.leat START"
check fit-letters sh -c "$leat fit small.txt --text 8/1 --tokens characters -m network --quick --cv holdout:0.2 \
    --set 'network.layers=embedding(12, 4); flatten; dense(16, relu)' --set network.epochs=5 --name letters >fitted.txt"
has fit-letters fitted.txt 'target, 8 characters: " ", \n, b' "network: " " nats a character on text it had not seen, perplexity " \
    "next: leat generate letters.leat START"
has report-letters letters.html "nats a character" "&quot; &quot;"
text="letters.leat --input small.txt --text 8/1 --row 8"
check space sh -c "$leat inspect $text --rows 100 >space.txt"
check no-plane sh -c "$leat inspect iris.leat --input iris --rows 0 | grep -q '^activations and saliency: iris'"
has space-quoted space.txt '" " (0.' ', and so it is'
has space-saliency space.txt "activations, saliency, PCA and t-SNE"
check space-json sh -c "$leat inspect $text --rows 0 --json >space.json"
check space-tokens python3 -c "
import json
s = json.load(open('space.json'))['inspection']['saliency']
assert ''.join(s['tokens']) in 'to be or not to be' and len(s['tokens']) == 8, s
assert min(s['values']) >= 0 and max(s['values']) > 0, s"
has space-read letters.inspect.html "What was read" "the length of the gradient"
has space-page letters.inspect.html '<strong>&quot; &quot; (0.' '>&quot; &quot;</text>'
check fit-knn $leat fit iris -t species -m knn --quick -q --name near
fails knn 4 "knn|only networks" $leat inspect near.leat --input iris
# A library that is opened at run time and cannot be.
mkdir broken && : >broken/libcairo.so.2
check parts sh -c "LD_LIBRARY_PATH=$scratch/broken $leat check >parts.txt"
grep -q '^cairo *not in this build' parts.txt || has absent parts.txt "not installed: libcairo.so.2"
check plan sh -c "$leat check iris -t species -m network --set network.units=100 >plan.txt"
has memory plan.txt "dense_1" "weights" "gradients" "the state of adam" "activations of 32 samples" "free"
check plan-json sh -c "$leat check iris -m network --json >plan.json"
has plan-numbers plan.json '"memory"' '"activations"' '"step_flops"'
check frozen sh -c "$leat check iris -m network --set 'network.layers=dense(8, trainable=false); dense(8, name=a); dense(8, name=a)' >frozen.txt"
has frozen-counts frozen.txt "139" "  trained" "99" "  not trained" "40" "a (shared)"
check frozen-json sh -c "$leat check iris -m network --json --set 'network.layers=dense(8, trainable=false)' >frozen.json"
has frozen-numbers frozen.json '"states":40'
check plan-columns sh -c "$leat check iris -t species -m network --drop sepal_length --preprocess minmax --task classification --keep '*' >plan2.txt"
check plan-columns-fewer sh -c "grep -q '^ *all *451 ' plan2.txt"
fails no-network 3 "no model of the experiment is a network" $leat check iris -m knn
fails too-large 4 "needs|are free" $leat check iris -m network --set network.units=900000 \
    --set network.hidden_layers=2
fails refused 4 "training the network needs|weights 3.2 TB|the state of adam" $leat fit iris \
    -m network --set network.units=900000 --set network.hidden_layers=2
check range sh -c "$leat fit iris -t species -m network --lr-range >rates.txt"
check range-none sh -c "$leat fit iris -t species -m network --lr-range -o none \
    --set network.optimizer=sgd --set network.clip_norm=0.0001 >none.txt"
has no-rate none.txt "no minimum found" "iris.rates.svg"
check no-rate-named sh -c "! grep -q learning_rate= none.txt"
check no-rate-json sh -c "$leat fit iris -t species -m network --lr-range -o none -q --json \
    --set network.optimizer=sgd --set network.clip_norm=0.0001 | grep -q '\"start_from\":null'"
check range-folder $leat fit iris -t species -m network --lr-range -q -o new/folder
check range-folder-chart test -s new/folder/iris.rates.svg
has rates rates.txt "the loss is least at" "--set network.learning_rate=" "iris.rates.svg"
check rates-chart test -s iris.rates.svg
fails no-rates 3 "no model of the experiment is a network" $leat fit iris -m knn --lr-range
finish
