#!/bin/sh
# leat serve as a person uses it: the lines of the README, gentle ends, the clients of others.
. "$(dirname "$0")/lib.sh"
command -v curl >/dev/null || { skip "curl is not here"; finish; exit; }
python=${LEAT_CLIENTS_PYTHON:-python3} # with tritonclient[http] and kserve from PyPI

check fit $leat fit iris --target species -q
url=
serve() { # serve ARGUMENTS...: starts, waits for the address, sets url and server
    : >served.txt # else the words of the one before may stand there a moment longer
    $leat serve "$@" --listen 127.0.0.1:0 --workers 2 >served.txt 2>&1 &
    server=$!
    tries=0
    while [ $((tries += 1)) -lt 100 ]; do
        url=$(sed -n 's/^serving at \([^,]*\),.*/\1/p' served.txt)
        [ -n "$url" ] && return
        sleep 0.1
    done
    echo "the server did not start"; cat served.txt
}
trap 'kill $server 2>/dev/null; rm -rf "$scratch"' EXIT

serve iris.leat
has says served.txt iris "version 1" "$url/openapi.json"
check by-names sh -c "curl -sf $url/api/v1/iris -d '{\"sepal_length\": 5.1, \"sepal_width\": 3.5, \"petal_length\": 1.4, \"petal_width\": 0.2}' >a.json"
has by-names-answer a.json '"predictions":["setosa"]' '"probabilities":[{"setosa":' request_id
check query sh -c "curl -sf '$url/api/v1/iris?sepal_length=6&sepal_width=3&petal_length=5&petal_width=2' >b.json"
has query-answer b.json '"predictions":["virginica"]'
check protocol sh -c "curl -sf $url/v2/models/iris/infer -d '{\"inputs\": [{\"name\": \"input\", \"shape\": [1, 4], \"datatype\": \"FP64\", \"data\": [5.1, 3.5, 1.4, 0.2]}]}' >c.json"
has protocol-answer c.json '"data":["setosa"]'
check packed sh -c "curl -sf --compressed $url/openapi.json >d.json"
if command -v python3 >/dev/null; then check openapi-is-json python3 -m json.tool d.json; else skip "python3 is not here"; fi
check explained sh -c "curl -sf '$url/api/v1/iris?explain=true' -d '{\"sepal_length\": 5.1, \"sepal_width\": 3.5, \"petal_length\": 1.4, \"petal_width\": 0.2}' >e.json"
has explained-answer e.json '"contributions":{"sepal_length":' 'all subsets'
check form sh -c "curl -sf $url/api/v1/iris -F sepal_length=5.1 -F sepal_width=3.5 -F petal_length=1.4 -F petal_width=0.2 >f.json"
has form-answer f.json '"predictions":["setosa"]'
printf 'sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4,0.2\n' >row.csv
check form-file sh -c "curl -sf $url/api/v1/iris -F 'rows=@row.csv;type=text/csv' | grep -q setosa"
check explain-predict sh -c "$leat predict iris.leat row.csv --explain >why.csv"
has explain-predict-answer why.csv prediction,value,base,why_sepal_length setosa
check no-folder sh -c "curl -s $url/api/v1/other -T iris.leat | grep -q no_folder"
check page sh -c "curl -sf $url/ | grep -q 'Model card'"
# Long words, as layers written without spaces in the card, break inside their box.
check page-breaks sh -c "curl -sf --compressed $url/ | grep '^section{' | grep -q 'overflow-wrap:anywhere'"
check head sh -c "curl -sfI $url/v2/health/ready | grep -q '200 OK'"
check options sh -c "curl -sf -X OPTIONS -i $url/api/v1/iris | grep -qi '^allow: .*POST'"
# A model file that is written over in place, or cut short, while it is served: the loaded model answers as it did.
ask="curl -sf $url/api/v1/iris -d '{\"sepal_length\": 6, \"sepal_width\": 3, \"petal_length\": 5, \"petal_width\": 2}' | sed 's/.*\"predictions/predictions/; s/,\"request_id.*//'"
check other-fit $leat fit iris --target species -m cart --name tree --quick -q
check kept sh -c "cp iris.leat kept.leat && $ask >was.txt && cp tree.leat iris.leat && $ask >over.txt && : >iris.leat && $ask >cut.txt; cp kept.leat iris.leat"
has answered was.txt virginica probabilities
check overwritten cmp was.txt over.txt
check truncated cmp was.txt cut.txt
if command -v chromium >/dev/null && [ -z "$LEAT_NO_CHROMIUM" ]; then
    check chromium sh -c "timeout 60 chromium --headless --no-sandbox --disable-gpu --virtual-time-budget=5000 --dump-dom $url/ >page.txt 2>/dev/null"
    has chromium-answer page.txt '<div id="answer">' 'petal_width' 'Intended use'
    check chromium-predicts sh -c "grep -o '<div id=\"answer\">[a-z]*' page.txt | grep -qE 'setosa|versicolor|virginica'"
else skip "chromium is not here"; fi

ask() { # ask CLIENT ARGUMENTS...
    client=$1
    shift
    timeout 120 $python "$here/tests/serve/$client.py" "${url#http://}" "$@" >client.txt 2>&1
    case $? in
    0) passed=$((passed + 1)) ;;
    77) skip "$(cat client.txt)" ;;
    *) failed=$((failed + 1)); echo "failed: $client.py"; tail -n 20 client.txt ;;
    esac
}
for client in triton_client kserve_client openapi_client; do ask $client iris; done
[ -n "$LEAT_NO_CHROMIUM" ] || ask page_client

# SIGTERM answers what is under way and ends with 0; the address is taken until then.
fails taken 4 "" $leat serve iris.leat --listen "${url#http://}"
kill -TERM $server
check gentle-end wait $server

# A folder with versions.
mkdir -p models/flower && cp iris.leat models/flower/1.leat && cp iris.leat models/flower/2.leat && cp iris.leat models/other.leat
serve models third:5=iris.leat
check versions sh -c "curl -sf $url/v2/models/flower | grep -q '\"versions\":\[\"1\",\"2\"\]'"
check names sh -c "curl -sf $url/v2/models | grep -q 'flower.*other.*third'"
check version-5 curl -sf "$url/v2/models/third/versions/5/ready"
check upload sh -c "curl -sf $url/api/v1/made -T iris.leat | grep -q created"
check uploaded cmp iris.leat models/made/1.leat
check deleted curl -sf -X DELETE "$url/api/v1/made"
check gone test ! -e models/made
kill -INT $server
check gentle-interrupt wait $server

# The page asks for a key where the server does.
secret=$($leat key add page --keys ./keys.db -q)
serve iris.leat --keys ./keys.db
check no-key sh -c "curl -s $url/api/v1/iris | grep -q request_id"
[ -n "$LEAT_NO_CHROMIUM" ] || ask page_client "$secret"
kill -INT $server
check gentle-end-with-keys wait $server

# Tokens with padding at the end: shuffled and mixed rows explain the model, as rows they are refused. What is wrong with
# one request stays with it.
awk 'BEGIN { srand(1); print "a,b,c,d,y"; for (i = 0; i < 200; i++) { n = 1 + i % 4; row = ""
    for (k = 0; k < 4; k++) { v = k < n ? 1 + int(9 * rand()) : 0; if (v) last = v; row = row v "," }
    print row (last % 2 ? "odd" : "even") } }' >last.csv
check tokens $leat fit last.csv -t y -m network --preprocess none --keep '*' --cv holdout:0.2 --set network.epochs=3 \
    --set "network.layers=embedding(10, 4, mask_zero=true); gru(4)"
check tokens-explained sh -c "$leat predict last.leat last.csv --explain | grep -q why_a"
serve last.leat
good='{"a":1,"b":2,"c":0,"d":0}'
echo "{\"rows\":[$good,$good,$good]}" >good.json
echo "{\"rows\":[$good,$good,$good,{\"a\":0,\"b\":2,\"c\":0,\"d\":0}]}" >bad.json
check tokens-served curl -sf $url/api/v1/last -d @good.json
check tokens-refused sh -c "curl -s $url/api/v1/last -d @bad.json >two.json"
has tokens-place two.json "step 1 of row 4 is padding" invalid_input
check tokens-refused-again sh -c "for i in 1 2 3 4; do curl -s $url/api/v1/last -d @bad.json; done"
for again in 1 2 3 4; do check "tokens-again $again" curl -sf $url/api/v1/last -d @good.json; done
kill -INT $server
check gentle-end-of-tokens wait $server

# A graph takes tensors, and the first lines say where.
check graph sh -c "tail -c +2 $here/fuzz/corpus/onnx/mlp >net.onnx"
serve net.onnx
has graph-says served.txt "POST $url/v2/models/net/infer"
check graph-answers sh -c "curl -sf $url/v2/models/net/infer -d '{\"inputs\": [{\"name\": \"x\", \"shape\": [1, 2], \"datatype\": \"FP32\", \"data\": [1, 2]}]}' >g.json"
# A terminal that closes ends a server that has no logs to open anew.
kill -HUP $server
wait $server
[ $? = 129 ] && passed=$((passed + 1)) || { failed=$((failed + 1)); echo "failed: hangup"; }

fails no-model 2 "" $leat serve
fails absent 3 "absent.leat" $leat serve absent.leat
printf 'no model' >bad.leat
fails damaged 3 "bad.leat" $leat serve bad.leat
fails two-alike 2 "iris:2=" $leat serve iris.leat iris.leat
fails half-tls 2 "certificate" $leat serve iris.leat --tls-cert x.pem
finish
