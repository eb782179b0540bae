#!/bin/sh
# leat rollout as a person uses it, and a server that is killed in the middle of one.
. "$(dirname "$0")/lib.sh"
command -v curl >/dev/null || { skip "curl is not here"; finish; exit; }

$leat fit iris --target species --models lda --quick -q -o lda.leat
$leat fit iris --target species --models knn --quick -q -o knn.leat
$leat fit iris --target species --models baseline --quick -q -o same.leat
mkdir -p models/iris
cp lda.leat models/iris/3.leat
cp knn.leat models/iris/4.leat
cp same.leat models/iris/5.leat
trap 'kill -9 $server $load 2>/dev/null; rm -rf "$scratch"' EXIT

serve() { # sets url and server
    : >served.txt
    $leat serve models --state state --listen 127.0.0.1:0 --workers 2 >served.txt 2>&1 &
    server=$!
    url= tries=0
    while [ -z "$url" ] && [ $((tries += 1)) -lt 300 ]; do
        sleep 0.1
        url=$(sed -n 's/^serving at \([^,]*\),.*/\1/p' served.txt)
    done
    [ -n "$url" ] || { echo "the server did not start"; cat served.txt; }
}
rollout() { $leat rollout "$@" --server "$url"; }
ask='sepal_length=6&sepal_width=3&petal_length=5&petal_width=2'
answers() { # answers N: the versions of N answers, and how many were no 200
    for i in $(seq "$1"); do curl -s -o answer.json -w '%{http_code} %header{leat-model-version}\n' "$url/api/v1/iris?$ask"; done
}

serve
kill $server
wait $server 2>/dev/null
check nothing-kept sh -c "[ ! -e state ]" # without a rollout nothing is left behind

serve
fails no-verb 2 "start, shadow, switch" rollout begin iris
fails no-model 2 "of which model" rollout status
fails no-version 2 "--to N" rollout start iris
fails needless 2 "goes with start" rollout abort iris --to 4
fails steps 2 "percentages" rollout start iris --to 4 --steps 0,5
fails hold 2 "a time such as" rollout start iris --to 4 --hold 10x
fails no-rollout 1 "no rollout is under way" rollout pause iris
fails rule 3 "expected a number|character 5" rollout start iris --to 4 --from 3 --abort-if 'p99>fast'
fails no-server 4 "127.0.0.1:1" $leat rollout status iris --server http://127.0.0.1:1
check none sh -c "$leat rollout status iris --server $url >none.txt"
has none-says none.txt "no rollout, version 5 answers"

# Half of the requests, exactly; then the server is killed and goes on where it was.
check start sh -c "$leat rollout start iris --from 3 --to 4 --steps 50,100 --hold 1h --abort-if 'error_rate>stable+5%' --server $url >start.txt"
has start-says start.txt "step 1 of 2: 50% to version 4" "error_rate>stable+5%" "not decided"
answers 40 >first.txt
check all-answered sh -c "[ \$(grep -c '^200 [34]$' first.txt) = 40 ]"
check half sh -c "n=\$(grep -c ' 4$' first.txt); [ \$n -ge 16 ] && [ \$n -le 24 ]"
check promote sh -c "$leat rollout pause iris --server $url --json | python3 -c 'import json, sys; assert json.load(sys.stdin)[\"phase\"] == \"paused\"'"
sleep 6 # counts are kept every five seconds
kill -9 $server
wait $server 2>/dev/null
serve
check after-kill sh -c "$leat rollout status iris --server $url --json >after.json"
check after-kill-counts python3 -c "
import json
r = json.load(open('after.json'))
s = r['walk'][0]
assert r['phase'] == 'paused' and r['share'] == 50 and r['stable'] == 3, r
assert s['stable']['requests'] + s['candidate']['requests'] == 40, s"
check resume rollout resume iris
check finish rollout finish iris
answers 10 >second.txt
check finished sh -c "[ \$(grep -c '^200 4$' second.txt) = 10 ]"

# One server that cannot be asked does not keep the others from taking back.
check again sh -c "$leat rollout start iris --from 4 --to 3 --hold 1h --server $url"
fails abort-beside-a-dead-one 4 "127.0.0.1:1|not every server did" $leat rollout abort iris --server http://127.0.0.1:1 --server "$url"
check abort-done sh -c "$leat rollout status iris --server $url >aborted.txt"
has abort-says aborted.txt "aborted, version 4 answers"

# A version is not deleted under it; where its file goes all the same, that is said. It is uploaded again afterwards.
check deleted-start sh -c "$leat rollout start iris --from 4 --to 3 --hold 1h --server $url"
curl -sS -X DELETE "$url/api/v1/iris/versions/3" >refused.txt
has deleted-refused refused.txt "rollout_under_way" "finish or abort the rollout first"
rm models/iris/3.leat
check deleted curl -fsS -X POST "$url/v2/repository/models/iris/load"
check deleted-status sh -c "$leat rollout status iris --server $url >deleted.txt"
has deleted-says deleted.txt "version 3 is not loaded: it was deleted or unloaded"
check deleted-abort sh -c "$leat rollout abort iris --server $url >abort.txt"
check reason-once [ "$(grep -c 'by hand' abort.txt)" = 1 ]
check deleted-again curl -fsS -T lda.leat "$url/api/v1/iris/versions/3"

# Killed at any instant of many changes: what was acknowledged last is there.
for i in 1 2 3 4 5 6; do
    want=$((3 + i % 2))
    check "switch-$i" rollout switch iris --to $want
    kill -9 $server
    wait $server 2>/dev/null
    serve
    answers 1 >one.txt
    check "switch-survives-$i" grep -q "^200 $want$" one.txt
done

# Under requests: a version that answers otherwise is taken back, --watch says so by its exit code.
check to-3 rollout switch iris --to 3
(while :; do curl -s "$url/api/v1/iris?$ask" >/dev/null; done) &
load=$!
fails taken-back 1 "" rollout shadow iris --to 5 --abort-if 'disagreement>20%' --watch
check taken-back-status sh -c "$leat rollout status iris --server $url >back.txt"
has taken-back-says back.txt "aborted, version 3 answers" "broken" "mirrored:"
check shadow-agrees rollout shadow iris --to 4 --hold 1s --abort-if 'disagreement>20%' --watch
kill $load 2>/dev/null
wait $load 2>/dev/null
check forget sh -c "$leat rollout forget iris --server $url >forgot.txt"
has forget-says forgot.txt "no rollout, version 5 answers"
kill -TERM $server
check gentle-end wait $server

# Two servers of a pool: one is told, both do it; the version that is rolled out comes from the
# registry.
check push-1 $leat registry push lda.leat --name iris --registry registry
check push-2 $leat registry push knn.leat --name iris --registry registry
serve_pool() { # sets url and server
    $leat serve iris@1 --registry registry --pool both --state "pool$1" --listen 127.0.0.1:0 --workers 1 >"pool$1.txt" 2>&1 &
    server=$!
    url= tries=0
    while [ -z "$url" ] && [ $((tries += 1)) -lt 300 ]; do
        sleep 0.1
        url=$(sed -n 's/^serving at \([^,]*\),.*/\1/p' "pool$1.txt")
    done
    [ -n "$url" ] || { echo "the server did not start"; cat "pool$1.txt"; }
}
until_says() { # until_says URL WORDS
    tries=0
    until $leat rollout status iris --server "$1" | grep -q "$2"; do
        [ $((tries += 1)) -lt 100 ] || return 1
        sleep 0.2
    done
}
serve_pool 1
one=$url load=$server
serve_pool 2
check pool-start sh -c "$leat rollout start iris --to 2 --steps 50,100 --hold 1h --server $one --server $url >pooled.txt"
has pool-says pooled.txt "step 1 of 2: 50% to version 2" "pool both"
check pool-follows until_says "$url" "step 1 of 2: 50% to version 2"
check pool-counts until_says "$one" "2 servers counted together"
answers 20 >pooled.txt
check pool-half sh -c "n=\$(grep -c '^200 2$' pooled.txt); [ \$n -ge 8 ] && [ \$n -le 12 ]"
check pool-abort $leat rollout abort iris --server "$url"
check pool-aborts until_says "$one" "aborted, version 1 answers"
# An alias of the registry comes along, and is left where somebody has put it meanwhile.
check alias-set $leat registry tag iris@champion 1 --registry registry
check alias-switch $leat rollout switch iris --to 2 --alias champion --server "$one"
check alias-moved until_says "$url" "iris@champion stands at version 2"
check alias-stands $leat registry tag iris@champion 1 --expect 2 --registry registry
check alias-back $leat rollout switch iris --alias champion --server "$one"
check alias-left until_says "$url" "iris@champion stands at version 1"
check alias-start $leat rollout start iris --to 2 --hold 1h --alias champion --server "$one"
check alias-rm $leat registry rm iris@champion --registry registry
check alias-finish $leat rollout finish iris --server "$one"
check alias-lost until_says "$url" "iris@champion does not stand at version 2: the events say why"
fails pool-needs-a-registry 3 "there is no registry" $leat serve models --pool both --registry absent --listen 127.0.0.1:0
kill -TERM $server $load
check pool-ends wait $server
finish
