#!/bin/sh
# The main job: fit, what it leaves behind, and what the model then does.
. "$(dirname "$0")/lib.sh"

check iris sh -c "$leat fit iris --target species >fit.txt"
has leaderboard fit.txt "lda" "baseline" "95% interval" "wrote iris.leat" "report: iris.html"
has report iris.html "<!doctype html>" "</html>" "species"
check record test -f iris.run/run.json
check table test -f iris.run/predictions.csv
check reproduce-1 sh -c "$leat reproduce iris.leat --threads 1 >one.txt"
check reproduce-2 sh -c "$leat reproduce iris.leat --threads 2 >two.txt"
check same-bytes cmp one.txt two.txt
has identical one.txt "identical bytes: sha256"

# JSON keys are stable.
check json sh -c "$leat fit iris --target species --models lda,knn --json -o out >fit.json"
check named sh -c "$leat fit iris --target species --models lda --quick -o d/e/my.leat >/dev/null && [ -f d/e/my.leat ] && [ -f d/e/my.html ] && [ ! -e d/e/iris.leat ]"
check json-keys python3 -c "
import json
r = json.load(open('fit.json'))
assert list(r)[:4] == ['task', 'metric', 'leaderboard', 'best'], list(r)
assert {'estimator','params','mean','std','folds','fit_seconds','predict_seconds'} <= set(r['leaderboard'][0])
assert r['task'] == 'classification' and r['best'] == 'lda' and len(r['leaderboard'][0]['folds']) == 10
assert r['model'] == 'out/iris.leat' and r['report'] == 'out/iris.html'"

# A model file is an archive that anybody can open.
check archive python3 -c "
import json, zipfile
z = zipfile.ZipFile('iris.leat')
assert z.testzip() is None
assert z.namelist() == ['model.json', 'weights.safetensors', 'reference.json', 'card.md'], z.namelist()
assert all(i.header_offset >= 0 and i.compress_type == 0 for i in z.infolist())
m = json.loads(z.read('model.json'))
assert m['format'] == 'leat-model' and m['target']['classes'] == ['setosa', 'versicolor', 'virginica']
text = z.read('model.json').decode()
assert '$scratch' not in text and '/tmp' not in text"

# Predicting, evaluating, comparing.
cat >new.csv <<'CSV'
petal_width,petal_length,sepal_width,sepal_length,note
0.2,1.4,3.5,5.1,a
2.1,5.8,3.0,7.1,b
CSV
check predict sh -c "$leat predict iris.leat new.csv >answers.csv"
has answers answers.csv prediction setosa virginica
check proba sh -c "$leat predict iris.leat new.csv --proba -o p.csv"
has probabilities p.csv p_setosa p_virginica
check predict-dash sh -c "$leat predict iris.leat new.csv -o - | cmp - answers.csv"
check predict-dash-json sh -c "$leat predict iris.leat new.csv -o - --json | python3 -c 'import json, sys; assert len(json.load(sys.stdin)[\"predictions\"]) == 2'"
check data sh -c "$leat data show iris >/dev/null && $leat table iris -o all.csv"
check eval sh -c "$leat eval iris.leat all.csv --require 'accuracy>=0.9@95%' >eval.txt"
has eval-text eval.txt "accuracy" "truth" "required and met"
fails require 1 "accuracy" $leat eval iris.leat all.csv --require 'accuracy>=0.999'
check other sh -c "$leat fit iris -t species -m gaussian_nb --name nb -q"
check compare sh -c "$leat compare iris.leat nb.leat all.csv >compare.txt"
has compare-text compare.txt "McNemar"
check show sh -c "$leat show iris.leat >show.txt && $leat show iris.leat --json | python3 -m json.tool >/dev/null"
check charts sh -c "$leat report iris.leat --charts pictures && test -s pictures/leaderboard.svg"

# A time budget ends fits that run: who is not done is left out and named, and the run is repeated without a clock.
check budget timeout 30 sh -c "$leat fit iris -t species -m lda,network --set network.epochs=1000000 --time-budget 2s --quick --name short --json >budget.json"
check budget-left-out python3 -c "
import json
r = json.load(open('budget.json'))
rows = {x['estimator']: x for x in r['leaderboard']}
assert r['best'] == 'lda' and not rows['lda'].get('left_out')
assert rows['network']['left_out'] and rows['network']['mean'] is None and rows['network']['folds'] == []
assert 'time budget' in rows['network']['failed']"
check budget-again timeout 30 sh -c "$leat reproduce short.leat >budget.txt"
has budget-same budget.txt "identical bytes"
fails budget-nothing 5 "stopped by the time budget of 1.00 s" timeout 30 $leat fit iris -t species -m network --set network.epochs=1000000 --time-budget 1s --name short

# The scores by the value of one parameter: said, drawn, and not in the bytes of the model again.
check curve sh -c "$leat fit iris -t species -m svc,knn --validation-curve svc.C=log:1e-3:1e4 --name curve >curve.txt"
has curve-text curve.txt "best at svc.C = 1 " "which is underfitting" "which is overfitting"
has curve-report curve.html "Validation curve" "which is overfitting"
check curve-again $leat reproduce curve.leat
check curve-file sh -c "$leat report curve.leat --charts curves && test -s curves/validation_curve.svg"
check curve-json sh -c "$leat fit iris -t species -m svc --validation-curve svc.C --name curve --json >curve.json"
check curve-points python3 -c "
import json
v = json.load(open('curve.json'))['validation_curve']
assert v['parameter'] == 'svc.C' and [p['value'] for p in v['points']] == [.1, 1, 10, 100], v"
fails curve-quick 2 "--quick leaves out" $leat fit iris -t species --validation-curve svc.C --quick

# What was a text stays one where a table has only "yes" and "no", or numbers, of it.
i=0
echo 'mood,size,answer' >mood.csv
while [ $i -lt 20 ]; do
    printf 'yes,1.0,no\nno,2.0,yes\nmaybe,2.0,maybe\n' >>mood.csv
    i=$((i + 1))
done
check mood $leat fit mood.csv -t answer -m cart --types size:text -q
printf 'mood,size,answer\nyes,1.0,no\nno,2.0,yes\n' >yes.csv
check mood-predict sh -c "$leat predict mood.leat yes.csv >moods.csv && printf 'prediction\nno\nyes\n' | cmp - moods.csv"
check mood-eval sh -c "$leat eval mood.leat yes.csv --require 'accuracy>=1'"
printf 'mood,size\n1,1.0\n2,2.0\n' >moved.csv
check mood-moved sh -c "$leat predict mood.leat moved.csv 2>moved.txt"
has mood-unknown moved.txt "knows no value of the column 'mood'" "'maybe'" "'1'"
printf 'mood,size\nno,1.0\nnever,2.0\n,1.0\nseldom,2.0\n' >some.csv
check mood-some sh -c "$leat predict mood.leat some.csv 2>some.txt"
has mood-unseen some.txt "2 rows have a value of the column 'mood'" "first 'never'"
check mood-known sh -c "$leat predict mood.leat yes.csv 2>known.txt && test ! -s known.txt"
check mood-compare $leat compare mood.leat mood.leat yes.csv
fails compare-other 2 "models 1 and 2 do not predict the same thing" $leat compare mood.leat iris.leat yes.csv
check size $leat fit mood.csv -t answer -m cart --types size:text --drop mood -q --name size
check size-eval sh -c "$leat eval size.leat yes.csv --metrics accuracy --require 'accuracy>=0.5'"

# The classes keep the words of the data; where a score is undefined it says so.
i=0
echo 'income,owner,paid' >paid.csv
while [ $i -lt 40 ]; do
    printf '%s,yes,Yes\n%s,no,No\n' $((20 + i)) $((i % 25)) >>paid.csv
    i=$((i + 1))
done
check paid sh -c "$leat fit paid.csv -t paid -m cart,logistic --name paid >paid.txt"
has paid-words paid.txt "No, Yes" "yes 40, no 40"
printf 'income,owner,paid\n30,yes,Yes\n55,yes,Yes\n' >yes-only.csv
check paid-predict sh -c "$leat predict paid.leat yes-only.csv >yes-only.txt && printf 'prediction\nYes\nYes\n' | cmp - yes-only.txt"
check undefined sh -c "$leat eval paid.leat yes-only.csv --metrics accuracy,roc_auc,pr_auc >undefined.txt && ! grep -qiw nan undefined.txt"
has undefined-why undefined.txt "undefined (only class Yes in the data)"
check undefined-pair sh -c "$leat compare paid.leat paid.leat yes-only.csv --metric roc_auc >pair.txt && ! grep -qiw nan pair.txt"
has undefined-pair-why pair.txt "nothing to tell, the score is undefined"
check undefined-json sh -c "$leat eval paid.leat yes-only.csv --json >undefined.json"
check undefined-null python3 -c "import json; assert json.load(open('undefined.json'))['scores']['roc_auc']['value'] is None"
# A model of bools, as those of such tables once were, takes the words of the data.
check bools $leat fit paid.csv -t paid -m cart --types owner:bool,paid:bool -q --name bools
check bools-eval $leat eval bools.leat paid.csv --require 'accuracy>=1'
check bools-predict sh -c "$leat predict bools.leat yes-only.csv >bools.txt && printf 'prediction\ntrue\ntrue\n' | cmp - bools.txt"
fails words-regression 3 "--types paid:bool" $leat fit paid.csv -t paid --task regression
fails undefined-gate 1 "roc_auc is undefined on these rows" $leat eval paid.leat yes-only.csv --require 'roc_auc>=0.5'

# Times are dates and bools words wherever a column is described.
i=0
echo 'when,flag,y' >times.csv
while [ $i -lt 24 ]; do
    printf '2024-%02d-0%s,true,%s.5\n2024-%02d-1%s,false,%s.25\n' $((i / 2 + 1)) $((i % 2 + 1)) $i $((i / 2 + 1)) $((i % 2)) $((i + 3)) >>times.csv
    i=$((i + 1))
done
check times sh -c "$leat fit times.csv -t y -m linear --quick -q --name times && $leat show times.leat >times.txt && $leat describe times.csv >>times.txt"
has times-shown times.txt "2024-01-01 to 2024-12-11" "true, false" "true 24, false 24"

# The levels of a category follow from each other as one-hot columns: qda leaves one of them out.
python3 -c "
import random
random.seed(3)
print('colour,size,kind')
for i in range(300):
    print(random.choice(['red', 'green', 'blue']), round(random.gauss(i % 2, 0.7), 3), 'ab'[i % 2], sep=',')" >levels.csv
check qda-levels sh -c "$leat fit levels.csv -t kind -m qda,lda --cv stratified:5 --json --name levels >levels.json 2>levels.txt"
check qda-learned python3 -c "
import json
rows = json.load(open('levels.json'))['leaderboard']
qda = next(r for r in rows if r['estimator'] == 'qda')
assert qda['mean'] > 0.7, qda"
has qda-said levels.txt "follow from the others or never vary"

# Columns stand below each other on the screen, whatever their letters; a card shows names as they
# are.
check wide python3 -c "
rows = ['\u5e74\u9f62,length,cafe\u0301,**kind**']
for i in range(60):
    rows.append('%d.5,%d.25,%d.75,%s' % (i * 7 % 23, i * 5 % 19, i * 3 % 17, ('<b>', 'a|\x60b\x60')[i % 2]))
open('wide.csv', 'w', encoding='utf-8').write('\n'.join(rows) + '\n')"
check wide-fit sh -c "$leat fit wide.csv -t '**kind**' -m lda --name wide --quick >wide.txt"
check wide-lines python3 -c "
import unicodedata
def cells(text):
    return sum(0 if unicodedata.combining(x) else 1 + (unicodedata.east_asian_width(x) in 'WF') for x in text)
lines = [l for l in open('wide.txt', encoding='utf-8') if ' number ' in l]
assert len(lines) == 3 and len({cells(l[:l.index(' number ')]) for l in lines}) == 1, lines"
check card sh -c "$leat show wide.leat --card >card.md"
has card-names card.md 'Predicts **\*\*kind\*\***' '\<b\>' 'a\|\`b\`'
has card-page wide.html '<strong>**kind**</strong>' '&lt;b&gt;, a|`b`'

# Probabilities that a model cannot give are refused; a note of every fold is said once; no line of
# the inferred is wider than a terminal.
check no-proba-model sh -c "$leat fit iris -t species -m svc --name plain --quick >plain.txt"
fails no-proba 2 "--proba|gives no probabilities|svc" $leat predict plain.leat iris --proba
check widths sh -c "test \$(head -n 8 plain.txt | awk '{ if (length(\$0) > 79) print }' | wc -l) = 0"
i=0
echo 'a,b,y' >apart.csv
while [ $i -lt 30 ]; do
    printf '%s.5,0,u\n%s.25,1,v\n' $((i * 7 % 13)) $((i * 5 % 11)) >>apart.csv
    i=$((i + 1))
done
check noted sh -c "$leat fit apart.csv -t y -m lda,cart --quick 2>noted.txt && test \$(grep -c '^note: lda' noted.txt) = 1"
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    # On a terminal no line of the leaderboard is too long to be drawn over.
    script -qec "stty cols 80; $leat fit iris -t species -m knn,cart --search grid --quick --name live" live.txt </dev/null >/dev/null
    check live python3 -c "
import re
text = re.sub('\x1b\\[[0-9;]*[A-Za-z]', '', open('live.txt', errors='replace').read())
lines = [l for part in text.split('\n') for l in part.rstrip('\r').split('\r')]
assert all(len(l) <= 80 for l in lines if not l.startswith('Script')), [l for l in lines if len(l) > 80]
assert any('knn: n_neighbors=' in l for l in lines)
assert any('best of 14 tried' in l for l in lines)"
else skip "script is not here"; fi

# What a search tried is told: shortly on the screen, in full in the report and the records.
search="iris -t species -m knn --search grid --quick --name searched"
check searched sh -c "$leat fit $search >searched.txt"
has searched-best searched.txt "best of 14 tried" "n_neighbors=7 weights=distance" "the others: in the report"
has searched-report searched.html "What the search tried: knn" "n_neighbors=25 weights=distance"
check searched-json sh -c "$leat fit $search --json >searched.json"
check searched-trials python3 -c "
import json
for board in (json.load(open('searched.json')), json.load(open('searched.run/run.json'))):
    rows = {r['estimator']: r for r in board['leaderboard']}
    trials = rows['knn']['trials']
    assert len(trials) == 14 and 'trials' not in rows['baseline'], trials
    assert trials[0]['rank'] == 1 and trials[0]['mean'] == rows['knn']['mean'], trials[0]
    assert trials[0]['seconds'] > 0 and trials[0]['low'] < trials[0]['mean'], trials[0]"

# A YAML file holds the same options.
cat >wood.yaml <<'YAML'
data: all.csv
target: species
models: [knn, svc]
set:
  knn: {n_neighbors: 3}
cv: stratified:5
name: from-yaml
YAML
check yaml sh -c "$leat fit wood.yaml >yaml.txt"
has yaml-text yaml.txt "n_neighbors=3" "5-fold" "from-yaml.leat"

# It may hold how the table is read and the seed too, and such a run is reproduced.
tr , '\t' <all.csv >tabs.txt
cat >tabs.yaml <<'YAML'
data: tabs.txt
target: species
models: lda
delimiter: '\t'
types: petal_width:text
seed: 7
output: tabs
YAML
check yaml-reading sh -c "$leat fit tabs.yaml --json >/dev/null && $leat reproduce tabs/tabs.leat >tabs-again.txt"
has yaml-seed tabs-again.txt "seed 7" "identical bytes"
# The data is looked for where the run was made, not where a file of that name lies.
mkdir elsewhere
echo other >elsewhere/tabs.txt
check elsewhere sh -c "cd elsewhere && $leat reproduce ../tabs/tabs.leat"
check input sh -c "$leat fit - -t species -m lda -q --name piped <all.csv"
check input-again sh -c "$leat fit - -t species -m lda --quick --name piped <all.csv | grep -q 'leat reproduce piped.leat DATA '"
fails no-input 3 "came from standard input" $leat reproduce piped.leat
check named-input $leat reproduce piped.leat all.csv

# Who cannot be fitted to all rows makes room for the next best.
printf 'a,y\n1,p\n2,q\n' >two.csv
check next-best sh -c "$leat fit two.csv -t y >two.txt && $leat reproduce two.leat"
has next-best-said two.txt "lda is left out: it could not be fitted to all rows" "lda did no worse in" "the model is cart"
fails no-next 2 "lda: it could not be fitted to all rows" $leat fit two.csv -t y -m lda
fails none-learns 2 "no estimator could learn from this data; lda: " $leat fit two.csv -t y -m lda,qda
check alone-is-not-all sh -c "! $leat fit two.csv -t y -m lda 2>&1 | grep 'no estimator could learn'"

# Times are shown as such; names count in characters, not bytes.
printf 'größe,wann,wert\n1.5,2024-02-28,3.5\n2.5,2024-03-01,5.5\n4,2024-03-09,6.5\n5,2024-03-11,8\n' >zeit.csv
check times sh -c "$leat fit zeit.csv -t wert -m ridge --quick >zeit.txt"
has time-range zeit.txt "  größe  number    1.5 to 5" "  wann   time      2024-02-28 to 2024-03-11"

# One changed data byte is named.
check table-model sh -c "$leat fit all.csv -t species -m lda --name all -q"
sed '20s/\.[0-9]/.9/' all.csv >changed.csv
fails changed 1 "the data changed|holds other values" $leat reproduce all.leat changed.csv

# The sets shared for tests: scikit-learn's folds give scikit-learn's scores.
if [ -f "$shared/iris_folds.csv" ]; then
    check folds sh -c "$leat fit $shared/iris_folds.csv --target species --fold-column fold --models logistic,lda,qda,knn,cart,gaussian_nb,svc --set svc.gamma=auto --preprocess none --json >folds.json"
    check scores python3 -c "
import json
got = {r['estimator']: r['mean'] for r in json.load(open('folds.json'))['leaderboard']}
want = dict(lda=.975, qda=.975, knn=.9583333, gaussian_nb=.95, svc=.9833333, logistic=.9666667)
for k, v in want.items(): assert abs(got[k] - v) < 1e-6, (k, got[k], v)
assert abs(got['cart'] - .95) < .02, got['cart']"
    check scaled sh -c "$leat fit $shared/iris_folds.csv --target species --fold-column fold --models logistic,lda,qda,knn,cart,gaussian_nb,svc --set svc.gamma=auto --preprocess standard --json >scaled.json"
    check scaled-scores python3 -c "
import json
want = json.load(open('$shared/iris_expected.json'))['scaled']
got = {r['estimator']: r for r in json.load(open('scaled.json'))['leaderboard']}
names = dict(logistic='logistic', lda='lda', qda='qda', knn='knn', gaussian_nb='gaussian_nb', svc='svc_auto')
for k, w in names.items():
    assert abs(got[k]['mean'] - want[w]['mean']) < 1e-9, (k, got[k]['mean'], want[w]['mean'])
    assert all(abs(a - b) < 1e-9 for a, b in zip(sorted(got[k]['folds']), sorted(want[w]['folds']))), k
assert abs(got['cart']['mean'] - want['cart']['mean']) < .02, got['cart']['mean']"
    check mpg sh -c "$leat fit $shared/tables/mpg.csv --target mpg --json >mpg.json && $leat fit $shared/tables/mpg.csv --target mpg >mpg.txt"
    check mpg-score python3 -c "
import json
r = json.load(open('mpg.json'))
assert r['leaderboard'][0]['mean'] < 2.2, r['leaderboard'][0]"
    has mpg-text mpg.txt "left out (an identifier; --keep name to use it)" "is better than baseline (p < 0.001)"
else skip "the shared test data is not here"; fi
finish
