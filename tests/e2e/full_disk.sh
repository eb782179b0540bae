#!/bin/sh
# A disk that is full: models, the state of rollouts and the prediction log on a small file system of
# their own. Answers go on, nothing is begun that would not last, nothing is left in half.
if [ -z "$LEAT_OWN_MOUNTS" ] && unshare -Urm true 2>/dev/null; then
    LEAT_OWN_MOUNTS=1 exec unshare -Urm sh "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
command -v curl >/dev/null || { skip "curl is not here"; finish; }
mkdir disk
[ -n "$LEAT_OWN_MOUNTS" ] && mount -t tmpfs -o size=2m tmpfs disk 2>/dev/null ||
    { skip "no file system can be mounted here"; finish; }

$leat fit iris --target species --models lda --quick -q -o lda.leat
$leat fit iris --target species --models cart --quick -q -o cart.leat
mkdir -p disk/models/iris
cp lda.leat disk/models/iris/1.leat
cp cart.leat disk/models/iris/2.leat
trap 'kill -9 $server 2>/dev/null; umount -l disk; rm -rf "$scratch"' EXIT
serve() { # sets server and url
    : >served.txt
    $leat serve disk/models --state disk/state --prediction-log disk/predictions.log \
        --listen 127.0.0.1:0 --workers 1 >served.txt 2>&1 &
    server=$!
    url= tries=0
    while [ -z "$url" ] && [ $((tries += 1)) -lt 300 ]; do
        grep -q 'no server' served.txt && { skip "this build has no server"; finish; }
        sleep 0.1
        url=$(sed -n 's/^serving at \([^,]*\),.*/\1/p' served.txt)
    done
    api=$url/api/v1/iris
}
serve

fill() { dd if=/dev/zero of=disk/fill bs=1k 2>/dev/null; ! dd if=/dev/zero of=disk/more bs=64k count=1 2>/dev/null; }
empty() { rm -f disk/fill disk/more; }
# asked STATUS CURL...: the answer is in answer.txt, its head in head.txt.
asked() {
    status=$1
    shift
    got=$(curl -s -D head.txt -o answer.txt -w '%{http_code}' "$@")
    [ "$got" = "$status" ] || { echo "$got"; cat answer.txt; return 1; }
}
predicts() { asked 200 "$api?sepal_length=6&sepal_width=3&petal_length=5&petal_width=2"; }
until_has() { # FILE WORD: within ten seconds
    for _ in $(seq 100); do
        grep -q -- "$2" "$1" && return
        sleep 0.1
    done
    return 1
}

check before predicts
check written until_has disk/predictions.log '"request_id"'
check full fill

# Uploads: refused, nothing left of them.
ls -A disk/models disk/models/iris >before.txt
check no-upload asked 503 -T cart.leat "$url/api/v1/other"
has no-upload-says answer.txt '"storage_full"' "it is as it was"
has no-upload-later head.txt "Retry-After"
check no-version asked 503 -T cart.leat "$url/api/v1/iris/versions/3"
ls -A disk/models disk/models/iris >after.txt
check nothing-left cmp before.txt after.txt

# Rollouts: what was acknowledged must survive, so it is not acknowledged.
check no-rollout asked 507 -X PUT "$api/rollout" -d '{"from":1,"to":2,"steps":[50],"hold":1000}'
has no-rollout-says answer.txt '"state_not_kept"'
check none-begun asked 200 "$api/rollout"
has none-begun-says answer.txt '"phase":"none"'

# The log: said once; answers go on.
for _ in $(seq 40); do predicts >/dev/null; done
check answers predicts
check log-says until_has served.txt "prediction log disk/predictions.log cannot be written"
sleep 0.5
check log-once [ "$(grep -c 'cannot be written' served.txt)" = 1 ]

# There is room again.
empty
check after predicts
check log-again until_has served.txt "is written again"
check whole-lines python3 -c 'import json; [json.loads(l) for l in open("disk/predictions.log")]'
check upload asked 201 -T cart.leat "$url/api/v1/other"
check rollout asked 200 -X PUT "$api/rollout" -d '{"from":1,"to":2,"steps":[50],"hold":1000}'

# A version goes back at once, disk or not; the state follows when it can.
check full-again fill
check abort asked 200 -X POST "$api/rollout" -d '{"action":"abort"}'
check trouble asked 200 "$api/rollout"
has trouble-says answer.txt '"phase":"aborted"' "No space left"
empty
kept() { # the state is on the disk, within ten seconds
    for _ in $(seq 100); do
        asked 200 "$api/rollout" && grep -q '"trouble":""' answer.txt && return
        sleep 0.1
    done
    return 1
}
check kept kept
kill -9 $server
wait $server 2>/dev/null
serve
check still asked 200 "$api/rollout"
has still-says answer.txt '"phase":"aborted"'
kill $server
check ends wait $server
finish
