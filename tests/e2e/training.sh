#!/bin/sh
# A network from the command line: the same bytes at any number of threads and after kill -9;
# TensorBoard reads the events.
. "$(dirname "$0")/lib.sh"
train="fit iris -t species -m network --set network.epochs=60 --set network.batch_size=2 --quick -q \
    --set network.schedule=cosine --set network.validation_fraction=0.2 --cv holdout:0.2"

check one $leat $train --threads 1 -o one
check two $leat $train --threads 2 -o two
check same-bytes cmp one/iris.leat two/iris.leat
check reproduce $leat reproduce one/iris.leat --threads 2
has metrics one/iris.run/metrics.jsonl '"epoch":60,' validation_loss learning_rate
check best test -s one/iris.run/best.checkpoint

# Killed at some moment, whatever it was doing; resumed as often as it takes.
for try in 1 2 3 4 5; do
    $leat $train -o killed --resume >/dev/null 2>&1 &
    pid=$!
    sleep 0.0$((try * 2))
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
done
check resume $leat $train -o killed --resume
check same-after-kill cmp one/iris.leat killed/iris.leat
python=${LEAT_PEER_PYTHON:-python3}
fails another 1 "another training|settings differ (clip_norm was 0 and is 1)|--resume" $leat $train -o killed --resume \
    --set network.clip_norm=1
fails longer-cosine 1 "settings differ (epochs was 60 and is 70)" $leat $train -o killed --resume \
    --set network.epochs=70
fails epochs 2 "no option --epochs|--set network.epochs=" $leat $train --epochs 3
fails batch-size 2 "no option --batch-size=8|--set network.batch_size=" $leat $train --batch-size=8
fails rate 2 "network.learning_rate" $leat fit iris -t species -m network \
    --set network.learning_rate=-1

# More epochs than there were to be.
longer="fit iris -t species -m network --quick -q --cv holdout:0.2"
check few $leat $longer --set network.epochs=5 -o longer
check more $leat $longer --set network.epochs=30 -o longer --resume
check more-at-once $leat $longer --set network.epochs=30 -o at-once
check more-same-bytes cmp longer/iris.leat at-once/iris.leat
fails fewer 1 "is of epoch 30, and epochs is 10" $leat $longer --set network.epochs=10 -o longer \
    --resume

# Ctrl-C: a checkpoint and a report, and how to go on from there to the same bytes.
long="$train --set network.epochs=8000 --set network.patience=0"
check long $leat $long -o whole
$leat $long -o stopped >/dev/null 2>folds.txt &
pid=$!
sleep 0.3
kill -INT $pid
wait $pid
check interrupted-fold test $? = 5
has fold folds.txt "stopped/iris.run/model-1-fold-1/last.checkpoint" "--resume"
check fold-checkpoint test -s stopped/iris.run/model-1-fold-1/last.checkpoint
$leat $long -o stopped --resume >/dev/null 2>stopped.txt &
pid=$!
while ! [ -s stopped/iris.run/last.checkpoint ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
kill -INT $pid
wait $pid
check interrupted test $? = 5
has how-to-go-on stopped.txt "interrupted in epoch" "stopped/iris.run/interrupted.html" "--resume"
has interrupted-page stopped/iris.run/interrupted.html "How it learned" "--resume" "Scores so far"
check no-model test ! -e stopped/iris.leat
check go-on $leat $long -o stopped --resume
check same-after-interrupt cmp whole/iris.leat stopped/iris.leat
check folds-are-gone test ! -e stopped/iris.run/model-1-fold-1
check page-is-gone test ! -e stopped/iris.run/interrupted.html

# A baseline that scores better is the model; the network that was asked for stands beside it.
python3 -c "
import random
random.seed(3)
print('a,b,y')
for i in range(60): print(*[random.gauss(0, 1) for k in range(3)], sep=',')" >noise.csv
noise="noise.csv -t y -m network --quick --set network.epochs=30 --set network.learning_rate=0.05"
check beside sh -c "$leat fit $noise >beside.txt"
has beside-said beside.txt "nothing beats the baseline" "asked for and is kept beside it" \
    "wrote noise.leat and noise.network.leat"
has beside-metrics noise.run/metrics.jsonl '"epoch":30'
has beside-curves noise.html "How it learned"
check beside-model sh -c "$leat show noise.network.leat >shown.txt"
has beside-network shown.txt "network"
check beside-predicts $leat predict noise.network.leat noise.csv
check beside-again $leat reproduce noise.network.leat
check baseline-again $leat reproduce noise.leat
check beside-json sh -c "$leat fit $noise -q --json >beside.json"
has beside-path beside.json '"beside":"noise.network.leat"'
# So does one that loses to another estimator.
python3 -c "
import random
random.seed(4)
print('a,b,y')
for i in range(80):
    a, b = random.gauss(0, 1), random.gauss(0, 1)
    print(a, b, 3 * a - b + random.gauss(0, 0.01), sep=',')" >plane.csv
check outdone sh -c "$leat fit plane.csv -t y -m network,linear --quick --set network.epochs=2 >outdone.txt"
has outdone-said outdone.txt "asked for and is kept beside linear" \
    "wrote plane.leat and plane.network.leat"
has outdone-curves plane.html "The network that is kept beside the model: 2 of 2 epochs"
check outdone-model sh -c "$leat show plane.leat | grep -q linear"
check outdone-again $leat reproduce plane.network.leat
check outdone-linear $leat reproduce plane.leat
check none-beside sh -c "! $leat fit noise.csv -t y -m lda,ridge --quick 2>/dev/null | grep -q beside"

# Nothing to go on from is said, and is no error; settings that do nothing are one.
plain="-t species --quick --cv holdout:0.2 --resume"
check fresh sh -c "$leat fit iris -m network $plain -o fresh >fresh.txt"
has fresh-said fresh.txt "nothing to resume" "no checkpoint in fresh/iris.run"
check there sh -c "$leat fit iris -m network $plain -o fresh >there.txt"
check there-unsaid sh -c "! grep -q 'to resume' there.txt"
check no-network sh -c "$leat fit iris -m knn $plain >no-network.txt"
has no-network-said no-network.txt "--resume does nothing" "no model is a network"
fails idle-units 2 "network.units=64 does nothing|network.layers says" $leat fit iris -m network \
    --set "network.layers=dense(8)" --set network.units=64
fails idle-none 2 "network.activation=tanh does nothing|network.hidden_layers is 0" $leat fit iris \
    -m network --set network.hidden_layers=0 --set network.activation=tanh
check search-idle sh -c "$leat fit iris -t species -m network --set 'network.layers=dense(8)' \
    --set network.epochs=1 --quick --cv holdout:0.2 --search random:3 >searched.txt"
check search-of-others sh -c "! grep -q 'units=' searched.txt"

# Where nothing more can be written it says what there is to go on from.
if command -v prlimit >/dev/null; then
    $leat $long -o narrow >/dev/null 2>narrow.txt &
    pid=$!
    while ! [ -s narrow/iris.run/last.checkpoint ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
    prlimit --pid $pid --fsize=2000
    wait $pid
    check narrow test $? = 4
    has narrow-said narrow.txt "cannot write narrow/iris.run/" "--resume goes on from narrow/iris.run/last.checkpoint"
    check narrow-same sh -c "$leat $long -o narrow --resume && cmp whole/iris.leat narrow/iris.leat"
else skip "prlimit is not here"; fi

# A terminal that closes is like Ctrl-C, also where it says so twice; nohup is not.
$leat $long -o closed >/dev/null 2>closed.txt &
pid=$!
while ! [ -s closed/iris.run/last.checkpoint ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
kill -HUP $pid
kill -HUP $pid 2>/dev/null
wait $pid
check closed test $? = 5
has closed-said closed.txt "interrupted in epoch" "--resume"
check closed-same sh -c "$leat $long -o closed --resume && cmp whole/iris.leat closed/iris.leat"
(trap '' HUP; exec $leat $train -o nohup) >/dev/null 2>&1 &
pid=$!
sleep 0.1
kill -HUP $pid 2>/dev/null
wait $pid
check nohup test $? = 0

# Nor does anybody wait for standard input any longer.
mkfifo input
sleep 60 >input &
feeder=$!
$leat fit - -t y <input 2>waits.txt &
pid=$!
sleep 0.3
kill -INT $pid
wait $pid
check no-wait test $? = 5
kill $feeder
has no-wait-said waits.txt "interrupted during reading standard input"

# What cannot stop at once says so: here it waits for a registry that somebody has locked. A second
# Ctrl-C ends it.
check stored $leat registry push one/iris.leat --registry held
python3 -c "
import sqlite3, time
held = sqlite3.connect('held/registry.db', isolation_level=None)
held.execute('BEGIN EXCLUSIVE')
open('is-held', 'w').close()
time.sleep(60)" &
holder=$!
until [ -e is-held ] || ! kill -0 $holder 2>/dev/null; do sleep 0.05; done
$leat registry push one/iris.leat --registry held 2>held.txt &
pid=$!
sleep 0.3
kill -INT $pid
tries=0
until grep -q "Ctrl-C once more" held.txt || [ $((tries += 1)) = 60 ]; do sleep 0.05; done
kill -INT $pid
wait $pid
check second-interrupt test $? = 130
has stopping held.txt "stopping when what is under way is done"
kill $holder

# Two at a time in one folder would write over each other; one that is gone is in nobody's way.
$leat $long -o shared >/dev/null 2>&1 &
pid=$!
while ! [ -s shared/iris.run/lock ] && kill -0 $pid 2>/dev/null; do sleep 0.02; done
fails second 4 "shared/iris.run is in use by process $pid on|--output or --name" $leat $train -o shared
kill -KILL $pid
wait $pid 2>/dev/null
check left-over test -e shared/iris.run/lock
check third $leat $train -o shared
check no-lock test ! -e shared/iris.run/lock

# Other first weights are another training.
check arrays $leat export one/iris.leat --safetensors -o first.safetensors
check from-weights $leat $train --set network.weights=first.safetensors -o weights
fails other-weights 1 "another training" $leat $train -o weights --resume

# What an earlier training left in the folder is not taken for this one's.
check earlier $leat $train -o later
$leat $long -o later >/dev/null 2>&1 &
pid=$!
sleep 0.3
kill -INT $pid
wait $pid
check in-a-fold test -s later/iris.run/model-1-fold-1/last.checkpoint
check go-on-later $leat $long -o later --resume
check same-later cmp whole/iris.leat later/iris.leat

# What cannot be written beside the model costs neither the model nor the checkpoint.
mkdir -p full/iris.html
fails report-in-the-way 2 "iris.html" $leat $train -o full
check model-is-there cmp one/iris.leat full/iris.leat
check checkpoint-is-there test -s full/iris.run/last.checkpoint
fails what-is-written 2 "The model is written: full/iris.leat|record of the run are not|leat report" $leat $train -o full

# A timeline of the first 50 steps.
check trace $leat $train -o traced --trace trace.json
has perfetto trace.json '"traceEvents"' '"displayTimeUnit"' '"flops"' '"bytes"' '"dur"' dense
check trace-counts-adam $python -c "
import json
events = json.load(open('trace.json'))['traceEvents']
adam = [e['args']['flops'] for e in events if e['name'] == 'adam']
assert adam and min(adam) == 14 * (4 * 64 + 64 + 64 * 3 + 3), adam[:3]"
check trace-is-json sh -c "$python -m json.tool trace.json >/dev/null"
fails trace-nowhere 4 "--trace|cannot write nofolder/trace.json" $leat $train -o nowhere --trace nofolder/trace.json
check nothing-trained test ! -e nowhere/iris.run
check untraced sh -c "$leat fit iris -t species -m lda -q --trace none.json 2>untraced.txt && test ! -e none.json"
has untraced-said untraced.txt "no trace in none.json: lda"
check same-when-traced cmp one/iris.leat traced/iris.leat
check curves $leat report one/iris.leat --charts charts
for name in training_loss training_metric learning_rate confusion; do
    check $name.svg test -s charts/$name.svg
done

if $python -c "import tensorboard" 2>/dev/null; then
    check events sh -c "$python $here/tests/support/read_events.py \
        one/iris.run/events.out.tfevents.leat >events.txt"
    has tensorboard events.txt "loss" "validation/accuracy" "learning_rate"
else skip "the package tensorboard is not here"; fi
finish
