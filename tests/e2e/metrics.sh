#!/bin/sh
# leat serve as Prometheus sees it, its logs and their rotation, and deploy/prometheus.
. "$(dirname "$0")/lib.sh"
command -v curl >/dev/null || { skip "curl is not here"; finish; exit; }
python=${LEAT_CLIENTS_PYTHON:-python3} # with prometheus_client from PyPI
promtool=${LEAT_PROMTOOL:-promtool}    # of Debian's package prometheus
deploy=$here/deploy/prometheus

check fit $leat fit iris --target species --models cart --quick -q
check key sh -c "$leat key add watcher --keys keys.db --scope infer,monitor >key.txt"
secret=$(grep -o 'leat_[0-9A-Za-z]*' key.txt | head -n 1)
: >served.txt
$leat serve iris.leat --listen 127.0.0.1:0 --workers 2 --keys keys.db --metrics 127.0.0.1:0 \
    --access-log access.log --prediction-log predictions.log --log-redact petal_width >served.txt 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$scratch"' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    metrics=$(sed -n 's/^ *metrics *\(http.*\)/\1/p' served.txt)
    url=$(sed -n 's/^serving at \([^,]*\),.*/\1/p' served.txt) # stands before it
    [ -n "$metrics" ] && break
    sleep 0.1
done
row='{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}'
for id in r1 r2 r3; do
    check "row-$id" sh -c "curl -sf -H 'X-API-Key: $secret' -H 'X-Request-Id: $id' $url/api/v1/iris -d '$row' >/dev/null"
done
check label sh -c "curl -sf -H 'X-API-Key: $secret' $url/api/v1/iris/feedback -d '{\"request_id\": \"r2\", \"label\": \"setosa\"}' >label.json"
has label-answer label.json '"status":"counted"'
check drift sh -c "curl -sf -H 'X-API-Key: $secret' $url/api/v1/iris/drift | grep -q '\"open_window\":{\"rows\":3'"
check metrics sh -c "curl -sf $metrics >metrics.txt"
has rows metrics.txt 'leat_rows_total{model="iris",version="1"} 3' 'leat_key_rows_total{key="watcher"} 3' \
    'leat_feedback_total{model="iris",version="1",outcome="counted"} 1'
fails no-key 22 "" curl -sf "$url/metrics"
check with-key sh -c "curl -sf -H 'X-API-Key: $secret' $url/metrics | grep -q leat_ready"

if command -v "$python" >/dev/null; then
    $python "$here/tests/serve/metrics.py" "$metrics" "$deploy" >names.txt 2>&1
    case $? in
    0) passed=$((passed + 1)) ;;
    77) skip "$(cat names.txt)" ;;
    *) failed=$((failed + 1)); echo "failed: metrics.py"; tail -n 20 names.txt ;;
    esac
else skip "python3 is not here"; fi
if command -v "$promtool" >/dev/null; then
    check promtool-metrics sh -c "$promtool check metrics <metrics.txt"
    check promtool-rules "$promtool" check rules "$deploy/leat.rules.yml"
    check promtool-test "$promtool" test rules "$deploy/leat.rules.test.yml"
    check promtool-config "$promtool" check config "$deploy/prometheus.yml"
else skip "promtool is not here"; fi

# Logs are renamed, SIGHUP makes new ones; the end writes what is left.
sleep 0.3
check rename mv access.log access.1
kill -HUP $server
sleep 0.5
check after sh -c "curl -sf -H 'X-API-Key: $secret' $url/v2/models/iris >/dev/null"
kill -TERM $server
check gentle-end wait $server
has before access.1 '"request_id":"r1"' '"key":"watcher"' '"path":"/api/v1/iris"'
has after access.log '"path":"/v2/models/iris"'
check no-secret sh -c "! grep -q '$secret' access.1 access.log predictions.log"
check redacted sh -c "! grep -q petal_width predictions.log"
check lines sh -c "[ \$(wc -l <predictions.log) = 3 ]"

# What was logged is a window, and is answered anew.
: >served.txt # else the words of the one before may stand there a moment longer
$leat serve iris.leat --listen 127.0.0.1:0 --prediction-log whole.log >served.txt 2>&1 &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    url=$(sed -n 's/^serving at \([^,]*\),.*/\1/p' served.txt)
    [ -n "$url" ] && break
    sleep 0.1
done
for id in 1 2 3 4 5; do check "row-$id" sh -c "curl -sf $url/api/v1/iris -d '[$row, $row, $row, $row, $row, $row, $row, $row]' >/dev/null"; done
kill -TERM $server
check gentle-end wait $server
check replay sh -c "$leat replay whole.log --model iris.leat >replay.txt"
has same replay.txt 40
check monitor sh -c "$leat monitor iris.leat whole.log --json >monitor.json"
has drifts monitor.json '"rows":40'

fails no-folder 4 "nowhere" $leat serve iris.leat --listen 127.0.0.1:0 --access-log nowhere/a.log
fails no-share 2 "--log-sample" $leat serve iris.leat --log-sample 3
fails no-input 2 "petal_widht" $leat serve iris.leat --listen 127.0.0.1:0 --log-redact petal_widht
finish
