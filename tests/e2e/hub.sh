#!/bin/sh
# Models from a web server of our own: pinned hashes, refusals that leave nothing behind.
. "$(dirname "$0")/lib.sh"
export LEAT_HOME="$scratch/home"
unset LEAT_HUB

command -v python3 >/dev/null || { skip "python3 is not here"; finish; }
mkdir web
check fit $leat fit iris -m gaussian_nb --quick -q
cp iris.leat web/flower.leat
hash=$(sha256sum iris.leat | cut -d ' ' -f 1)
size=$(wc -c <iris.leat)
cat >web/hub.json <<END
{"format": "leat-hub", "models": [{"name": "flower", "file": "flower.leat", "sha256": "$hash", "bytes": $size,
 "summary": "species of iris"}]}
END
python3 -u -m http.server 0 --bind 127.0.0.1 --directory web >server.txt 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$scratch"' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10; do
    port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' server.txt)
    [ -n "$port" ] && break
    sleep 0.3
done
hub="http://127.0.0.1:$port"

fails list-writes-nothing 2 "leat hub list writes no file" $leat hub list --hub $hub -o list.txt
check list sh -c "$leat hub list --hub $hub >list.txt"
has listed list.txt flower "species of iris"
check by-name sh -c "$leat hub get flower --hub $hub && cmp flower.leat iris.leat"
check by-variable sh -c "LEAT_HUB=$hub/ $leat hub get flower -o again.leat && cmp again.leat iris.leat"
check by-address sh -c "$leat hub get $hub/flower.leat --sha256 $hash -o third.leat && cmp third.leat iris.leat"
check usable sh -c "$leat predict third.leat iris -o p.csv -q"
fails no-hash 2 "--sha256" $leat hub get "$hub/flower.leat" -o never.leat
fails wrong-hash 3 "was not kept" $leat hub get "$hub/flower.leat" -o never.leat --sha256 "$(printf '%064d' 7)"
fails no-pipe 2 "fetched into a file" $leat hub get "$hub/flower.leat" --sha256 "$hash" -o -
check no-dash test ! -e -
fails no-name 3 "did you mean 'flower'" $leat hub get flowr --hub "$hub"
fails no-hub 2 "no hub is known" $leat hub get flower
fails missing 4 "404" $leat hub get "$hub/none.leat" -o none.leat --sha256 "$hash"
printf 'x' >>web/flower.leat
fails changed 3 "not kept" $leat hub get flower --hub "$hub" -o never.leat
check earlier-stays sh -c "$leat hub get flower --hub $hub; cmp flower.leat iris.leat"
check nothing-left sh -c "! ls -A | grep -q -e never -e '\\.part' -e '\\.got'"
echo 'not json' >web/hub.json
fails bad-index 3 "no index of a hub" $leat hub list --hub "$hub"
kill $server
fails gone 4 "cannot fetch" $leat hub list --hub "$hub"
check gone-hint sh -c '! $0 hub list --hub $1 2>&1 | grep -q LEAT_DATA_URL' "$leat" "$hub"
finish
