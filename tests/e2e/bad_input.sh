#!/bin/sh
# Bad input gets a clear message, a documented exit code, and leaves nothing behind.
. "$(dirname "$0")/lib.sh"
$leat table iris -o good.csv >/dev/null
$leat fit iris -t species -m lda -q

# The command line.
fails no-command 2 "no command 'fitt'|leat fit" $leat fitt
fails option 2 "no option --taget|--target" $leat fit good.csv --taget species
fails twice 2 "given twice" $leat fit good.csv -t species -t species
fails value 2 "needs a value" $leat fit good.csv --target
fails threads 2 "--threads" $leat fit good.csv -t species --threads 0
fails seed 2 "--seed" $leat fit good.csv -t species --seed x
fails seed-most 2 "--seed|9223372036854775807" $leat fit good.csv -t species --seed 9223372036854775808
fails no-target 2 "--target" $leat fit good.csv
fails model 2 "no estimator 'scv'|Did you mean 'svc'?" $leat fit good.csv -t species -m scv
fails setting 2 "svc.C" $leat fit good.csv -t species -m svc --set svc.C=big
fails cv 2 "kfold" $leat fit good.csv -t species --cv folds
fails metric 2 "accuracy" $leat fit good.csv -t species --metric acuracy
fails folds 2 "1000" $leat fit good.csv -t species --cv kfold:1000
fails name 2 "cannot be named" $leat fit good.csv -t species --name other/good
fails no-such-data 3 "fashion_mnist|fashion-mnist" $leat fit fashion_mnist
fails drop-target 2 "cannot be left out" $leat fit good.csv -t species --drop species
# With --json a failure is one JSON object on stdout, and nothing on stderr.
fails_json json-option 2 "no option --taget|--target" $leat fit good.csv --taget x --json
fails_json json-command 2 "no command 'fitt'" $leat fitt --json
fails_json json-arguments 2 "" $leat fit --json
fails_json json-seed 2 "--seed" $leat fit good.csv -t species --seed x --json
fails_json json-help 2 "nobody" $leat help nobody --json
fails help-parameter 2 "no help on 'bidirectional'|leat help rnn|parameter bidirectional" $leat help bidirectional
fails help-choice 2 "no help on 'rotary'|leat help multi_head_attention|parameter positions" $leat help rotary
fails help-stem 2 "leat help positions'" $leat help positional_encoding
fails help-relative 2 "leat help multi_head_attention|parameter positions" $leat help relative_attention
fails_json json-data 3 "no file godo.csv|good.csv" $leat fit godo.csv -t species --json
fails_json json-cpu 4 "LEAT_CPU=none" env LEAT_CPU=none $leat describe good.csv --json
# It is on stderr where stdout takes nothing, or is not asked for JSON.
if [ -w /dev/full ]; then
    fails json-full 3 "no file godo.csv" sh -c "$leat fit godo.csv -t species --json >/dev/full"
fi
fails json-not 3 "no file godo.csv" $leat fit godo.csv -t species
check json-not-out sh -c "! $leat fit godo.csv -t species 2>/dev/null | grep -q ."
for topic in "" fit svc exit estimators metrics; do
    check "json-help: $topic" sh -c "$leat help $topic --json | python3 -m json.tool"
done
for topic in $($leat help --completion fish | sed -n 's/.*use_subcommand -a \([a-z]*\).*/\1/p'); do
    check "help-width: $topic" sh -c "$leat help $topic | awk 'length(\$0) > 80 && !/^  leat / { print; bad = 1 } END { exit bad }'"
done
# A settings file is checked as the command line is.
printf 'data: good.csv\ntarget: species\nquick: maybe\n' >switch.yaml
fails yaml-switch 2 "quick is true or false" $leat fit switch.yaml
printf 'data: good.csv\ntarget: [species, sepal_width]\n' >list.yaml
fails yaml-list 2 "target takes one value" $leat fit list.yaml
printf 'data: good.csv\ntarget: species\nseed: -1\n' >seed.yaml
fails yaml-seed 2 "the seed is a whole number" $leat fit seed.yaml

# Files.
fails missing 3 "no file godo.csv|good.csv" $leat fit godo.csv -t species
: >empty.csv
fails empty 3 "empty" $leat fit empty.csv -t species
fails folder 2 "folder" $leat fit / -t species
head -c 3000 /dev/urandom >noise.csv
printf 'PK\003\004' | cat - noise.csv >noise.zip
fails noise 3 "noise" $leat fit noise.csv -t species
fails zip 3 "ZIP" $leat fit noise.zip -t species
head -n 1 good.csv >header.csv
fails header-only 3 "no row of data" $leat fit header.csv -t species
head -n 2 good.csv >one.csv
fails one-row 3 "one class" $leat fit one.csv -t species
printf 'a,b\n1,2\n3,4,5\n' >ragged.csv
fails ragged 3 "line 3" $leat fit ragged.csv -t b
printf 'a,b\n1,"2\n3,4\n' >quote.csv
fails quote 3 "line 2" $leat fit quote.csv -t b
tail -c +2 "$here/fuzz/corpus/onnx/mlp" >net.onnx
check onnx sh -c "$leat show net.onnx | grep -q 'x: float32 (batch, 2)'"
check onnx-json sh -c "$leat show net.onnx --json | python3 -c 'import json, sys; assert json.load(sys.stdin)[\"parameters\"] == 9'"
head -c 100 net.onnx >cut.onnx
fails onnx-cut 3 "cut.onnx|field graph at byte|damaged" $leat show cut.onnx
fails onnx-text 3 "no ONNX model" sh -c "cp good.csv text.onnx; $leat show text.onnx"
tail -c +2 "$here/fuzz/corpus/onnx/circle" >circle.onnx
fails onnx-circle 3 "node 0 (Add)|in a circle" $leat show circle.onnx

# Names and values of files do not command the terminal: control characters, what turns the direction
# of a line, and bytes that are no UTF-8 are shown, on stdout and stderr.
# (The reader makes such names and bytes that are no UTF-8 readable itself.)
printf 'x,species\n' >escape.csv
for i in 1 2 3 4 5 6 7 8 9 10; do
    printf '%s,a\033]0;owned\007\n%s,b\302\233\342\200\256z\n' $i $((i + 20)) >>escape.csv
done
sed '3s/[^,]*$/c\x1b[31m/' escape.csv >escape2.csv
raw() { # NAME FILE...: no raw control character but newlines, only UTF-8
    name=$1
    shift
    check "$name" python3 -c "
import sys, unicodedata
for path in sys.argv[1:]:
    text = open(path, 'rb').read().decode('utf-8')
    assert not [c for c in text if c != '\\n' and unicodedata.category(c) in ('Cc', 'Cf')], (path, text)" "$@"
}
$leat fit escape.csv -t species -m knn,cart --name escape >e1.txt 2>e1.err
$leat eval escape.leat escape2.csv >e2.txt 2>e2.err
$leat fit escape.csv -t x --types species:number >e3.txt 2>e3.err
$leat describe escape.csv >e4.txt 2>e4.err
$leat table escape.csv >e5.txt 2>e5.err
$leat eval escape.leat escape.csv >e6.txt 2>e6.err
$leat show escape.leat >e7.txt 2>e7.err
$leat show escape.leat --card >e8.txt 2>e8.err
$leat "$(printf 'f\033[1mit\377')" >e9.txt 2>e9.err
$leat fit escape.csv "$(printf -- '--\033[1m\303')" >e10.txt 2>e10.err
for i in 1 2 3 4 5 6 7 8 9 10; do raw escaped-$i e$i.txt e$i.err; done
has escape-fit e1.txt 'a\x1b]0;owned\x07' 'b\u009b\u202ez'
has escape-class e2.err 'c\x1b[31m'
has escape-value e3.err 'a\x1b]0;owned\x07'
has escape-describe e4.txt 'a\x1b]0;owned\x07'
has escape-table e5.txt 'a\x1b]0;owned\x07' 'b\u009b\u202ez'
has escape-eval e6.txt 'b\u009b\u202ez'
has escape-show e7.txt 'b\u009b\u202ez'
has escape-command e9.err 'f\x1b[1mit\xff'
has escape-option e10.err '\x1b[1m'

# Targets.
fails target 3 "no column 'specis'|Did you mean 'species'?|columns:" $leat fit good.csv -t specis
sed 's/versicolor/setosa/; s/virginica/setosa/' good.csv >constant.csv
fails one-class 3 "one class" $leat fit constant.csv -t species
sed '5s/[a-z]*$//' good.csv >hole.csv
fails missing-target 3 "missing in 1 of 150|--drop-missing-target" $leat fit hole.csv -t species
check dropped sh -c "$leat fit hole.csv -t species -m lda --drop-missing-target -q --name hole"
sed '3s/^[0-9.]*/inf/' good.csv >infinite.csv
fails infinite 3 "row 2, column sepal_length: the value is infinite" $leat fit infinite.csv -t species
printf 'x,y\n1,5\n2,5\n3,5\n4,5\n5,5\n6,5\n' >flat.csv
fails constant 3 "nothing to learn" $leat fit flat.csv -t y --task regression
{ head -n 30 good.csv; echo 5,5,5,5,rare; } >rare.csv
# A class with one row cannot be both learned from and tested on: said, and no reason to give up.
check rare-class sh -c "$leat fit rare.csv -t species --metric log_loss >rare.txt"
has rare-warning rare.txt "warning: the class 'rare' (1 row: 30) is not in the training rows of 1 of 10" "lda" "knn"
check rare-predicts sh -c "$leat predict rare.leat rare.csv --proba -o rare-p.csv"
has rare-column rare-p.csv p_rare
head -n 8 good.csv >few.csv
tail -n 3 good.csv >>few.csv
$leat fit few.csv -t species -m knn --set knn.n_neighbors=50 --cv kfold:2 --name few >few.txt 2>&1
has k-too-large few.txt "n_neighbors"

# Models.
fails no-model 3 "is not a Leat model" $leat predict good.csv good.csv
head -c 4000 iris.leat >cut.leat
fails cut 3 "cut.leat" $leat predict cut.leat good.csv
python3 - <<'PY'
data = bytearray(open("iris.leat", "rb").read())
at = data.find(b'"seed"')
data[at + 8] = ord("7")
open("tampered.leat", "wb").write(data)
PY
fails tampered 3 "tampered.leat" $leat predict tampered.leat good.csv
cut -d, -f1-3 good.csv >lacking.csv
fails lacking 3 "petal_width|the model needs:" $leat predict iris.leat lacking.csv
sed '1s/petal_width/petal.width/' good.csv >renamed.csv
fails renamed 3 "Did you rename it?|petal.width" $leat predict iris.leat renamed.csv
sed '1s/sepal_width/sepal_length/' good.csv >both.csv
fails both 3 "both.csv names the column 'sepal_length' twice" $leat predict iris.leat both.csv
sed '17s/^[0-9.]*/3,4o9/; 17s/,/;/' good.csv | sed '17s/;/./' >retyped.csv
fails retyped 3 "sepal_length|is not a number|trained on" $leat predict iris.leat retyped.csv
fails no-output 3 "is not a number" $leat predict iris.leat retyped.csv -o answers.csv
# Asked to, it leaves such rows out and names their lines on standard error.
check retyped-skip sh -c "$leat predict iris.leat retyped.csv --on-error skip >kept.csv 2>left.txt"
has retyped-skip-named left.txt "column sepal_length" "row left out"
check nothing-written sh -c "! test -e answers.csv"
fails other-levels 4 "LEAT_CPU" env LEAT_CPU=v9 $leat version

fails no-folder 4 "cannot write into good.csv: it is no folder" $leat fit good.csv -t species -o good.csv
fails under-file 4 "cannot make the folder good.csv/x" $leat fit good.csv -t species -m lda -o good.csv/x
mkdir locked
chmod 555 locked
if ! [ -w locked ]; then
    fails locked 4 "the folder is read-only" $leat fit good.csv -t species -o locked
fi

# A full disk and a killed process lose nothing earlier.
if [ -w /dev/full ]; then
    fails full 4 "cannot write" sh -c "exec $leat predict iris.leat good.csv >/dev/full"
fi
cp iris.leat before.leat
if [ -w /dev/full ]; then
    fails full-help 4 "cannot write" sh -c "exec $leat fit --help >/dev/full"
fi
if (ulimit -f 1 2>/dev/null); then
    (trap '' XFSZ 2>/dev/null; ulimit -f 1; $leat fit good.csv -t species --name iris >/dev/null 2>limit.txt)
    check limit-code test $? -ne 0
    check earlier-model cmp iris.leat before.leat
fi
for delay in 0.002 0.004 0.006 0.01 0.02 0.04; do
    timeout -s KILL $delay $leat fit good.csv -t species --name iris -q 2>/dev/null
    $leat show iris.leat >/dev/null 2>kill.txt || { echo "killed after $delay: the model is damaged"; cat kill.txt; break; }
done
check after-kill $leat show iris.leat
finish
