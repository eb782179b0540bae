#!/bin/sh
# leat scale behind HAProxy: workers come and go in its slots under load, without a failed request.
. "$(dirname "$0")/lib.sh"
for tool in curl python3 haproxy; do
    command -v $tool >/dev/null || { skip "$tool is not here"; finish; }
done

check fit $leat fit iris -m gaussian_nb --quick -q
row='{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}'
# A free port, and three in a row.
python3 - >ports.txt <<'P'
import random, socket
def free(*ports):
    held = []
    try:
        for p in ports:
            s = socket.socket()
            held.append(s)
            s.bind(("127.0.0.1", p))
        return True
    except OSError:
        return False
    finally:
        for s in held:
            s.close()
while True:
    p = random.randrange(20000, 32000)
    if free(p, p + 1, p + 2, p + 3):
        print(p, p + 1)
        break
P
read -r front base <ports.txt
url=http://127.0.0.1:$front
scale= proxy=
trap 'end_all; rm -rf "$scratch"' EXIT
end_all() {
    [ -n "$scale" ] && kill -TERM $scale 2>/dev/null && wait $scale 2>/dev/null
    [ -n "$proxy" ] && kill $proxy 2>/dev/null
    scale= proxy=
}
# until_has FILE PATTERN TIMES TENTHS: waits until the pattern stands there so often.
until_has() {
    for _ in $(seq "$4"); do
        [ "$(grep -c "$2" "$1")" -ge "$3" ] && return
        kill -0 $scale 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}
until_answers() {
    for _ in $(seq 100); do
        curl -sf "$url/api/v1/iris" -d "$row" >/dev/null && return
        sleep 0.1
    done
    return 1
}
start() { # start FILE: its words go there; sets scale
    : >"$1"
    $leat scale iris.leat --listen "127.0.0.1:$base" --haproxy ha.sock --state state --max 3 --up 12 \
        --down 4 --up-for 1 --down-for 2 --cool-down 1 --window 3 --every 0.5 >"$1" 2>&1 &
    scale=$!
    until_has "$1" '^serving at' 1 150
}

check config $leat deploy haproxy --slots 3 --listen "127.0.0.1:$front" --socket "$scratch/ha.sock" \
    --map "$scratch/leat.map" --observe no -o ha.cfg
haproxy -f ha.cfg -db >ha.txt 2>&1 &
proxy=$!
for _ in $(seq 50); do [ -S ha.sock ] && break; sleep 0.1; done
fails few-slots 3 "has 3 slots, not 4" $leat scale iris.leat --listen "127.0.0.1:$base" --haproxy ha.sock --max 4 --state other
fails any-host 2 "behind a proxy" $leat scale iris.leat --listen "0.0.0.0:$base" --haproxy ha.sock --state other
fails no-proxy 4 "" $leat scale iris.leat --listen "127.0.0.1:$base" --haproxy none.sock --state other

check starts start one.txt
check serves until_answers
python3 "$here/tests/deploy/load.py" "$url" 22 2 1 0.01 >light.txt 2>&1 &
light=$!
python3 "$here/tests/deploy/load.py" "$url" 9 4 4000 >heavy.txt 2>&1 &
heavy=$!
check more until_has one.txt '^started' 2 150
sleep 1
check in-use sh -c "$leat deploy haproxy status --socket ha.sock | grep -c 'slot[12].* UP' | grep -qx 2"
wait $heavy
check fewer until_has one.txt '^ended' 1 200
wait $light
has heavy-failed heavy.txt ' requests, 0 failed'
has light-failed light.txt ' requests, 0 failed'
cat heavy.txt light.txt

# A proxy that is started anew has forgotten the slots.
kill $proxy
wait $proxy 2>/dev/null
haproxy -f ha.cfg -db >>ha.txt 2>&1 &
proxy=$!
check told-anew until_answers

# Killed, it leaves them serving; the next one takes them over, slots and all.
kill -9 $scale
wait $scale 2>/dev/null
check orphans curl -sf "$url/api/v1/iris" -d "$row"
check starts-again start two.txt
has adopted two.txt 'adopted  worker'
check none-started [ "$(grep -c '^started' two.txt)" = 0 ]
check adopted-serve curl -sf "$url/api/v1/iris" -d "$row"

kill -TERM $scale
check gentle-end wait $scale
scale=
$leat deploy haproxy status --socket ha.sock >status.txt 2>&1
check slots-closed sh -c "[ \$(grep -c 'slot.*MAINT' status.txt) = 3 ]"
finish
