#!/bin/sh
# A server that asks for keys: who may ask what, how often, and changes while it runs.
. "$(dirname "$0")/lib.sh"
export LEAT_HOME="$scratch/home"
unset LEAT_KEYS

command -v curl >/dev/null || { skip "curl is not here"; finish; }
check fit $leat fit iris -m gaussian_nb --quick -q
alice=$($leat key add alice --models iris --rate 1000 --quota 5 -q)
fails no-models 2 "--models takes names" $leat key add everybody --models ""
fails no-scope 2 "--scope takes" $leat key add everybody --scope ""
other=$($leat key add other --models cars -q)
boss=$($leat key add boss --scope manage,monitor -q)
: >served.txt
$leat serve iris.leat --listen 127.0.0.1:0 --workers 2 --keys yes >served.txt 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$scratch"' EXIT
for _ in $(seq 50); do
    url=$(sed -n 's/.*serving at \(http[^,]*\),.*/\1/p' served.txt)
    [ -n "$url" ] && break
    sleep 0.1
done
[ -n "$url" ] || { cat served.txt; skip "this build has no server"; finish; }
has asks served.txt "asks for keys"
row='{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}'

# code KEY PATH [CURL OPTIONS]: the status; head.txt and body.txt have the rest.
code() {
    key=$1 path=$2
    shift 2
    curl -s -D head.txt -o body.txt -w '%{http_code}' ${key:+-H "Authorization: Bearer $key"} "$@" "$url$path"
}
is() { # is NAME WANT GOT
    if [ "$2" = "$3" ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "failed: $1: $3, expected $2"
        head -n 12 head.txt body.txt
    fi
}

is open 200 "$(code '' /v2/health/ready)"
is no-key 401 "$(code '' /api/v1/iris -d "$row")"
has says body.txt '"code":"no_key"' request_id
check www-authenticate grep -qi '^www-authenticate: Bearer' head.txt
is wrong-key 401 "$(code leat_0000000000000000000000000000000000000000000 /api/v1/iris -d "$row")"
is ask 200 "$(code "$alice" /api/v1/iris -d "$row")"
check limits grep -qi '^ratelimit: "rate";r=' head.txt
check policy grep -qi '^ratelimit-policy: "rate";q=1000;w=1, "day";q=5;w=86400' head.txt
is by-header 200 "$(code '' /api/v1/iris -d "$row" -H "X-API-Key: $alice")"
is other-model 403 "$(code "$other" /api/v1/iris -d "$row")"
is only-model 403 "$(code "$other" /invocations -H 'Content-Type: application/json' -d "{\"dataframe_records\": [$row]}")"
is not-monitor 403 "$(code "$alice" /v2/models/iris/stats)"
is monitor 200 "$(code "$boss" /v2/models/iris/stats)"
is not-infer 403 "$(code "$boss" /api/v1/iris -d "$row")"
is not-manage 403 "$(code "$alice" /v2/repository/models/iris/load -X POST -d '{}')"
is manage 200 "$(code "$boss" /v2/repository/models/iris/load -X POST -d '{}')"
is rows 200 "$(code "$alice" /api/v1/iris -d "[$row, $row, $row]")"
is used-up 429 "$(code "$alice" /api/v1/iris -d "$row")"
has quota body.txt quota_used_up
check retry-after grep -qi '^retry-after: [1-9]' head.txt

# Changes without a restart.
bob=$($leat key add bob -q)
sleep 1.2
is new 200 "$(code "$bob" /api/v1/iris -d "$row")"
check revoke $leat key revoke bob
sleep 1.2
is revoked 401 "$(code "$bob" /api/v1/iris -d "$row")"
sleep 1
check usage sh -c "$leat key list --json | grep -q '\"name\":\"alice\".*\"requests\":3,\"rows\":5,.*\"refused\":'"
kill $server && wait $server
is ended 0 $?
$leat key add brief --expires 12h -q >/dev/null
check list-json python3 -c "
import json, subprocess
keys = {k['name']: k for k in json.loads(subprocess.check_output(['$leat', 'key', 'list', '--json']))['keys']}
assert keys['alice']['models'] == ['iris'] and keys['alice']['rate'] == 1000
assert keys['brief']['models'] is keys['brief']['rate'] is keys['brief']['burst'] is keys['brief']['quota'] is None"
check list-hour sh -c "$leat key list | grep -q '^ *brief.*until 20..-..-.. ..:.. UTC'"

# A version of the registry as the model of a server.
check push sh -c "$leat registry push iris.leat --name flower && $leat registry tag flower@champion 1"
fails no-alias 3 "no alias 'best'" $leat serve flower@best --listen 127.0.0.1:0
: >served.txt
$leat serve flower@champion --listen 127.0.0.1:0 --workers 1 --keys no >served.txt 2>&1 &
server=$!
for _ in $(seq 50); do
    url=$(sed -n 's/.*serving at \(http[^,]*\),.*/\1/p' served.txt)
    [ -n "$url" ] && break
    sleep 0.1
done
is registered 200 "$(code '' /api/v1/flower -d "$row")"
is its-version 200 "$(code '' /v2/models/flower/versions/1)"
kill $server && wait $server
check usage-stays sh -c "$leat key list | grep -q '1 request, 1 row,'"
finish
