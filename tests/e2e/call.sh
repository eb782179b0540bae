#!/bin/sh
# leat call and leat deploy as a person uses them.
. "$(dirname "$0")/lib.sh"

check fit $leat fit iris --target species -q
check table $leat table iris -o rows.csv
sed '1s/sepal_width/rows/' rows.csv >w.csv # an input of the name that a body may have
check fit-rows $leat fit w.csv -t species -m gaussian_nb --quick -q
serve() { # serve N ARGUMENTS...: starts server N, sets urlN and pidN
    n=$1
    shift
    $leat serve "$@" --listen 127.0.0.1:0 --workers 1 >"served$n.txt" 2>&1 &
    eval "pid$n=$!"
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        got=$(sed -n 's/^serving at \([^,]*\),.*/\1/p' "served$n.txt" 2>/dev/null)
        [ -n "$got" ] && { eval "url$n=$got"; return; }
        grep -q 'has no server' "served$n.txt" && { skip "this build has no server"; finish; }
        sleep 0.1
    done
    echo "the server did not start"; cat "served$n.txt"
}
trap 'kill $pid1 $pid2 $pid3 2>/dev/null; rm -rf "$scratch"' EXIT
serve 1 iris.leat w.leat --agent-check 127.0.0.1:0
serve 2 iris.leat
has agent served1.txt "tells its load to HAProxy at port"

row="petal_length=1.4 petal_width=0.2 sepal_length=5.1 sepal_width=3.5"
check row sh -c "$leat call $url1/iris $row >a.txt"
has row-answer a.txt setosa versicolor
check version sh -c "$leat call $url1/api/v1/iris/versions/1 $row --json >b.txt"
has version-answer b.txt '"prediction":"setosa"' '"p_virginica":'
check describe sh -c "$leat call $url1/iris >c.txt"
has description c.txt '"target":"species"'
check models sh -c "$leat call $url1 >d.txt"
has models-answer d.txt '"model":"iris"'

# A table answered over the network is the table answered here.
check here $leat predict iris.leat rows.csv --proba -o here.csv
check there $leat call "$url1/iris" rows.csv --proba -o there.csv --parallel 3 --rows 20
check same cmp here.csv there.csv
check input sh -c "$leat call iris - --servers $url1,$url2 --balance round-robin --proba <rows.csv >input.csv"
check same-input cmp here.csv input.csv
kill -KILL "$pid2"
check one-is-gone sh -c "$leat call iris rows.csv --servers $url1,$url2,127.0.0.1:1 --proba -o gone.csv --rows 5"
check same-gone cmp here.csv gone.csv

check rows-here $leat predict w.leat w.csv --proba -o here.csv
check rows-there $leat call "$url1/w" w.csv --proba -o there.csv --rows 40
check rows-same cmp here.csv there.csv
awk 'NR == 131 { sub(/^[^,]*/, "x") } 1' rows.csv >bad.csv
fails bad-row 3 "leat: row 130, field|'x'" $leat call "$url1/iris" bad.csv --rows 20
fails bad-row-alone 3 "leat: row 130, field|'x'" $leat call "$url1/iris" bad.csv
# A server at a socket says how it is asked.
$leat serve iris.leat --listen "unix:$scratch/s.sock" --workers 1 >served3.txt 2>&1 &
pid3=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    grep -q 'try it' served3.txt && break
    sleep 0.1
done
has socket-says served3.txt "curl --unix-socket $scratch/s.sock http://localhost/api/v1/iris"
how=$(sed -n 's/^ *try it *leat //p' served3.txt)
check socket-answers $leat $how $row
fails half-a-row 3 "sepal_length|422" $leat call "$url1/iris" petal_length=1.4
fails no-such-model 3 "there is no model 'absent'" $leat call "$url1/absent" a=1
printf 'a,b\n1,2\n' >other.csv
fails no-column 3 "sepal_length" $leat call "$url1/iris" other.csv
fails nobody 4 "127.0.0.1:1|Connection refused" $leat call http://127.0.0.1:1/iris a=1 --retries 0
fails no-url 2 "no server" $leat call ftp://x/iris a=1
fails no-model 2 "names no model" $leat call "$url1" rows.csv
fails no-balance 2 "no way to balance" $leat call iris a=1 --servers "$url1" --balance best
fails no-time 2 "above 0s, up to 1,000,000s|not '0s'" $leat call "$url1/iris" $row --timeout 0s
fails long-time 2 "above 0s, up to 1,000,000s" $leat call "$url1/iris" $row --timeout 20d
fails key 2 "key" $leat call "$url1/iris" $row --key "a b"

check config sh -c "$leat deploy haproxy a=10.0.0.1:8080 b=10.0.0.2:8080 --canary c=10.0.0.3:8080 --map $scratch/leat.map -o h.cfg >e.txt"
has config-text h.cfg "server a 10.0.0.1:8080" "default_backend stable" "map_str_int($scratch/leat.map,0)"
has map leat.map "share 0"
check map-stays sh -c "echo 'share 700' >leat.map; $leat deploy haproxy a=10.0.0.1:8080 --canary c=10.0.0.3:8080 --map $scratch/leat.map -o h.cfg; grep -q 700 leat.map"
if command -v haproxy >/dev/null; then check haproxy-takes-it haproxy -c -q -f h.cfg; else skip "haproxy is not here"; fi
fails hostile 2 "HOST:PORT" $leat deploy haproxy "a=h:80 check"
fails no-target 2 "leat deploy knows haproxy" $leat deploy nginx
fails no-time 2 "--timeout takes a time above 0s" $leat deploy haproxy a:80 --timeout 0s
fails no-interval 2 "--check-interval takes a time above 0s" $leat deploy haproxy a:80 --check-interval 0s
check at-once sh -c "! $leat deploy haproxy a:80 --slow-start 0s | grep slowstart"
fails no-servers 2 "needs servers" $leat deploy haproxy
fails no-proxy 4 "no connection|does HAProxy run" $leat deploy haproxy status --socket "$scratch/none.sock"
fails arguments 2 "drain SERVER" $leat deploy haproxy drain
finish
