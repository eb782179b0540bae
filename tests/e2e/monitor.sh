#!/bin/sh
# Watching a model from the command line: windows, labels, groups, logs, the page, what is wrong.
. "$(dirname "$0")/lib.sh"
python3 - <<'END'
import csv, json, random
random.seed(3)
def rows(n, shift):
    for i in range(n):
        age, income = random.gauss(40 + shift, 10), random.expovariate(1 / 30)
        sex = random.choice(["female", "male"])
        good = random.random() < 1 / (1 + 2.718 ** -((age - 40) / 8 + (income - 30) / 15))
        yield {"request": f"r{shift}-{i}", "when": f"2026-03-{1 + i * 4 // n:02d}T10:00:00Z",
               "age": round(age, 2), "income": round(income, 2), "sex": sex,
               "paid": "good" if good else "bad"}
def write(path, data, columns):
    with open(path, "w", newline="") as f:
        w = csv.DictWriter(f, columns, extrasaction="ignore")
        w.writeheader()
        w.writerows(data)
columns = ["request", "when", "age", "income", "sex", "paid"]
write("train.csv", rows(1500, 0), columns)
same, moved = list(rows(400, 0)), list(rows(400, 12))
write("same.csv", same, columns)
write("moved.csv", moved, columns)
write("bare.csv", same, columns[:-1])
write("paid.csv", same, ["request", "paid"])
with open("log.ndjson", "w") as f:
    for i, r in enumerate(same):
        inputs = {k: r[k] for k in ("age", "income", "sex")}
        f.write(json.dumps({"ts": r["when"], "request_id": r["request"], "inputs": inputs,
                            "outputs": {"prediction": "good"}}) + "\n")
    f.write('{"ts": "2026-03-04", "inputs": {"ag')
END
check fit $leat fit train.csv -t paid -m logistic --drop when --drop request -q --quick --name credit
check fresh sh -c "$leat monitor credit.leat --window same.csv --gate >fresh.txt"
has fresh-text fresh.txt "400 rows, against training" "accuracy" "fresh: The data look like"
check moved sh -c "$leat monitor credit.leat same.csv moved.csv moved.csv --html page.html >moved.txt"
has moved-text moved.txt "age" "alarm" "watch: age (PSI" "in at least 2 of the last 3 windows" "page.html"
has page page.html "Drift over the windows" "Are its answers still good?" "prefers-color-scheme:dark" "</html>"
$leat monitor credit.leat same.csv moved.csv --gate >/dev/null
check gate test $? = 1
check days sh -c "$leat monitor credit.leat same.csv --every 1d --json >days.json"
check days-json python3 -c "
import json
m = json.load(open('days.json'))['monitor']
assert [w['name'] for w in m['windows']] == ['2026-03-0%d' % d for d in (1, 2, 3, 4)], m
assert all(w['rows'] == 100 for w in m['windows']) and m['state'] == 'fresh'"
check threads sh -c "$leat monitor credit.leat same.csv --every 1d --json --threads 1 >one.json && cmp days.json one.json"
check answers sh -c "$leat monitor credit.leat bare.csv --answers paid.csv --id request --group sex >groups.txt"
has groups groups.txt "female" "male" "selected: predicted as good" "equalised odds" "from labels"
check log sh -c "$leat monitor credit.leat log.ndjson --time log.ts --every 1d >log.txt"
has log-text log.txt "4 windows, 400 rows" "2026-03-04"
# Two rows a request, as a server logs them: a label says of which row it is.
python3 - <<'END'
import csv, json
lines = [json.loads(l) for l in open("log.ndjson").read().splitlines()[:400]]
paid = [r["paid"] for r in csv.DictReader(open("same.csv"))]
with open("pairs.ndjson", "w") as log, open("by_row.csv", "w") as by_row, open("by_id.csv", "w") as by_id:
    by_row.write("request_id,row,paid\n")
    by_id.write("request_id,paid\n")
    for i, l in enumerate(lines):
        l["request_id"], l["row"] = f"q{i // 2}", i % 2
        log.write(json.dumps(l) + "\n")
        by_row.write(f"q{i // 2},{i % 2},{paid[i]}\n")
        if i % 2 == 0:
            by_id.write(f"q{i // 2},{paid[i]}\n")
END
check labels sh -c "$leat monitor credit.leat same.csv --json >truth.json"
check by-row sh -c "$leat monitor credit.leat pairs.ndjson --time log.ts --answers by_row.csv --id request_id --json >joined.json"
check by-row-score python3 -c "
import json
a, b = (json.load(open(f))['monitor']['windows'][0] for f in ('truth.json', 'joined.json'))
assert b['labelled'] == 400 and a['scores']['accuracy']['realised'] == b['scores']['accuracy']['realised']"
fails by-id 2 "'q0' has 2 rows in the log|a column 'row' beside 'request_id'" \
    $leat monitor credit.leat pairs.ndjson --time log.ts --answers by_id.csv --id request_id
check replay sh -c "$leat replay log.ndjson --model credit.leat -o answers.csv >replay.txt"
has replay-text replay.txt "400 rows, 400 with a logged prediction" "the same answer" "wrote answers.csv"
check replay-rows sh -c "test \$(wc -l <answers.csv) = 401"
# A server writes what all its models answered into one log.
sed 's/"inputs"/"model": "credit", "inputs"/' log.ndjson | head -n 400 >both.ndjson
for i in 1 2 3; do
    echo '{"request_id": "x", "model": "2", "inputs": {"length": 3}, "outputs": {"prediction": "ash"}}'
done >>both.ndjson
fails which 2 "rows of 2 models: credit, 2|--of NAME" $leat replay both.ndjson --model credit.leat
fails which-window 2 "--of NAME" $leat monitor credit.leat both.ndjson
fails none-of 2 "no row of 'debit'|credit" $leat replay both.ndjson --model credit.leat --of debit
fails nameless 2 "does not say" $leat replay log.ndjson --model credit.leat --of credit
check of sh -c "$leat replay both.ndjson --model credit.leat --of credit >of.txt"
has of-text of.txt "400 rows, 400 with a logged prediction"
check of-window sh -c "$leat monitor credit.leat both.ndjson --of credit >of.txt"
has of-window-text of.txt "1 window, 400 rows"
fails of-other 3 "'age'|is not in the data" $leat replay both.ndjson --model credit.leat --of 2
fails of-other-window 3 "'age'|is not in the data" $leat monitor credit.leat both.ndjson --of 2

fails nothing 2 "--window DATA" $leat monitor credit.leat
fails every 2 "--every takes|15m" $leat monitor credit.leat same.csv --every soon
fails alarm 2 "4 of 3" $leat monitor credit.leat same.csv --alarm 4/3
fails id 2 "go together" $leat monitor credit.leat same.csv --answers paid.csv
fails labels 3 "no column 'payed'|paid" $leat monitor credit.leat same.csv --labels payed
fails classes 3 "row 1|'sex'|is no class of the model|'bad'" $leat monitor credit.leat same.csv --labels sex
fails positive 2 "no class 'ja'" $leat monitor credit.leat same.csv --group sex --positive ja
fails column 3 "income" sh -c "$leat table same.csv --select request,age,sex -o less.csv -q; $leat monitor credit.leat less.csv"
printf '{"outputs": {}, "inputs": {"age": 3}}\n{"a": 1}\n{"inputs": {}}\n' >broken.ndjson
fails broken 3 "line 2 is not of a prediction log" $leat monitor credit.leat broken.ndjson
fails no-model 2 "--model" $leat replay log.ndjson

# A running server tells the same.
$leat serve credit.leat --listen 127.0.0.1:0 --workers 1 --window 1s --window-rows 100 >served.txt 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$scratch"' EXIT
for _ in $(seq 100); do
    url=$(sed -n 's/^serving at \([^,]*\),.*/\1/p' served.txt)
    [ -n "$url" ] || grep -q 'no server' served.txt && break
    sleep 0.1
done
if [ -z "$url" ]; then skip "no server"; finish; fi
check live-none sh -c "$leat monitor $url/credit >live.txt"
has live-none-text live.txt "no window is closed yet"
check live-rows $leat call "$url/credit" bare.csv -o told.csv
for _ in $(seq 50); do
    $leat monitor "$url/credit" >live.txt 2>&1 && grep -q '1 window, 400 rows' live.txt && break
    sleep 0.2
done
has live live.txt "1 window, 400 rows" "against training" "income" "estimated" "fresh:"
check live-gate $leat monitor "$url/credit" --gate
check live-page $leat monitor "$url/credit" --html live.html
has live-page-text live.html "<svg" "income"
check live-json sh -c "$leat monitor $url/credit --json >live.json"
check live-json-holds python3 -c "
import json
m = json.load(open('live.json'))
assert m['version'] == 1 and len(m['monitor']['windows']) == 1 and m['monitor']['state'] == 'fresh'"
fails live-option 2 "--every does not go with a server" $leat monitor "$url/credit" --every 1d
fails live-which 2 "which model" $leat monitor "$url"
fails live-unknown 3 "no model 'debit'" $leat monitor "$url/debit"
fails live-gone 4 "does not answer" $leat monitor "http://127.0.0.1:1/credit" --timeout 1s
finish
