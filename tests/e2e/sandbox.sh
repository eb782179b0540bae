#!/bin/sh
# leat serve --sandbox as a person uses it: TLS, keys that are counted, files that are replaced,
# gentle ends; what it cannot reach.
. "$(dirname "$0")/lib.sh"
export LEAT_HOME="$scratch/home"
unset LEAT_KEYS
command -v curl >/dev/null || { skip "curl is not here"; finish; }

check fit $leat fit iris -m gaussian_nb --quick -q
row='{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}'
mkdir models secret
cp iris.leat models/iris.leat
cp iris.leat secret/hidden.leat

server=
trap 'kill $server 2>/dev/null; rm -rf "$scratch"' EXIT
serve() { # serve ARGUMENTS...: starts, waits for the address, sets url and server
    : >served.txt
    $leat serve "$@" --workers 2 --sandbox >served.txt 2>&1 &
    server=$!
    url=
    for _ in $(seq 50); do
        url=$(sed -n 's/^serving at \([^,]*\),.*/\1/p' served.txt)
        [ -n "$url" ] && return
        kill -0 $server 2>/dev/null || break
        sleep 0.1
    done
}

serve models --listen 127.0.0.1:0
if [ -z "$url" ] && grep -qE 'sandbox|no server' served.txt; then
    skip "$(head -n 1 served.txt)"
    finish
fi
has says served.txt "sandbox"
check row curl -sf "$url/api/v1/iris" -d "$row"
check stats curl -sf "$url/v2/models/stats"
check page curl -sf "$url/"

# Models are uploaded and removed.
check put curl -sf -X PUT "$url/api/v1/flower" -H 'Content-Type: application/octet-stream' --data-binary @iris.leat
check flower curl -sf "$url/api/v1/flower" -d "$row"
check delete curl -sf -X DELETE "$url/api/v1/flower"

# Models come and go in the folder; what leads out of it does not.
cp iris.leat models/new.leat
ln -s "$scratch/secret/hidden.leat" models/hidden.leat
check load-new curl -sf -X POST "$url/v2/repository/models/new/load"
check new curl -sf "$url/api/v1/new" -d "$row"
check unload-new curl -sf -X POST "$url/v2/repository/models/new/unload"
curl -s -X POST "$url/v2/repository/models/hidden/load" >hidden.txt
has hidden hidden.txt '"error"' 'ermission denied'
rm models/hidden.leat
check after curl -sf "$url/api/v1/iris" -d "$row"
kill -TERM $server
check gentle-end wait $server

# A single file may be replaced by another of its name.
serve models/iris.leat --listen 127.0.0.1:0
cp iris.leat models/next && mv models/next models/iris.leat
check load-replaced curl -sf -X POST "$url/v2/repository/models/iris/load"
check replaced curl -sf "$url/api/v1/iris" -d "$row"
kill -INT $server
check interrupt wait $server

# TLS.
if command -v openssl >/dev/null; then
    openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 \
        -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 >/dev/null 2>&1
    serve models --listen 127.0.0.1:0 --tls-cert cert.pem --tls-key key.pem
    for i in 1 2 3; do check "tls-$i" curl -sf --cacert cert.pem "$url/api/v1/iris" -d "$row"; done
    kill -TERM $server
    check tls-end wait $server
else skip "openssl is not here"; fi

# Keys: read, counted and written while it serves.
alice=$($leat key add alice --rate 1000 --quota 100 -q)
serve models --listen 127.0.0.1:0 --keys yes
check key curl -sf -H "X-API-Key: $alice" "$url/api/v1/iris" -d "$row"
[ "$(curl -s -o no.txt -w '%{http_code}' "$url/api/v1/iris" -d "$row")" = 401 ]
check no-key [ $? = 0 ]
bob=$($leat key add bob -q)
sleep 1
check later-key curl -sf -H "X-API-Key: $bob" "$url/api/v1/iris" -d "$row"
sleep 1.5
$leat key list --json >keys.json
has usage keys.json '"rows":1'
kill -TERM $server
check keys-end wait $server

# Logs, renamed and begun anew, and metrics on a listener of their own.
mkdir logs
serve models --listen 127.0.0.1:0 --metrics 127.0.0.1:0 --access-log logs/access.log --prediction-log logs/predictions.log
metrics=$(sed -n 's/^ *metrics *\([^ ]*\).*/\1/p' served.txt)
check logged curl -sf "$url/api/v1/iris" -d "$row"
check metrics curl -sf "$metrics"
check more-metrics curl -sf "$url/metrics"
sleep 1.2
has access-log logs/access.log '/api/v1/iris'
has prediction-log logs/predictions.log 'petal_width'
mv logs/access.log logs/access.1
kill -HUP $server
sleep 0.5
check logged-again curl -sf "$url/api/v1/iris" -d "$row"
sleep 1.2
has new-log logs/access.log '/api/v1/iris'
check drift curl -sf "$url/api/v1/iris/drift"
kill -TERM $server
check logs-end wait $server

# A rollout is kept in its folder; HAProxy is told the load.
mkdir -p models/tulip && cp iris.leat models/tulip/1.leat && cp iris.leat models/tulip/2.leat
serve models --listen 127.0.0.1:0 --state kept --agent-check 127.0.0.1:0
check rollout $leat rollout start tulip --to 2 --from 1 --steps 50,100 --hold 1h --server "$url"
check rollout-row curl -sf "$url/api/v1/tulip" -d "$row"
check rollout-kept [ -n "$(ls kept)" ]
check rollout-abort $leat rollout abort tulip --server "$url"
port=$(sed -n 's/^tells its load to HAProxy at port \([0-9]*\).*/\1/p' served.txt)
if command -v python3 >/dev/null; then
    check agent python3 -c "
import socket
text = socket.create_connection(('127.0.0.1', $port), 5).makefile().read()
raise SystemExit(not text.strip())"
else skip "python3 is not here"; fi
kill -TERM $server
check rollout-end wait $server
rm -r models/tulip

# A unix socket, removed at the end.
serve models --listen "unix:$scratch/run.sock"
check unix curl -sf --unix-socket run.sock http://leat/api/v1/iris -d "$row"
kill -TERM $server
check unix-end wait $server
check socket-gone [ ! -e run.sock ]

# A version of the registry.
$leat registry push iris.leat --name iris --tag champion >/dev/null 2>&1
serve iris@champion --listen 127.0.0.1:0
check registry curl -sf "$url/api/v1/iris" -d "$row"
kill -TERM $server
check registry-end wait $server
finish
