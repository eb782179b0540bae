#!/bin/sh
# leat scale: more workers under load, fewer without, no failed request; killed and taken up again.
. "$(dirname "$0")/lib.sh"
command -v curl >/dev/null || { skip "curl is not here"; finish; }
command -v python3 >/dev/null || { skip "python3 is not here"; finish; }

check fit $leat fit iris -m gaussian_nb --quick -q
row='{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}'
scale=
# Workers outlive a leat scale that is killed: the last one is ended in order.
trap 'end_all; rm -rf "$scratch"' EXIT
end_all() {
    [ -n "$scale" ] || return
    kill -TERM $scale 2>/dev/null && wait $scale 2>/dev/null
    scale=
}
start() { # start FILE: its words go there; sets scale and url
    : >"$1"
    $leat scale iris.leat --listen 127.0.0.1:0 --state state --max 3 --up 12 --down 4 --up-for 1 \
        --down-for 2 --cool-down 1 --window 3 --every 0.5 -- --access-log access.log >"$1" 2>&1 &
    scale=$!
    url=
    until_has "$1" '^serving at' 1 150 && url=$(sed -n 's/^serving at \(.*\)/\1/p' "$1")
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

start one.txt
if [ -z "$url" ]; then
    grep -q 'no server' one.txt && { scale=; skip "this build has no server"; finish; }
    cat one.txt
fi
check serves curl -sf "$url/api/v1/iris" -d "$row"
fails second 4 "another leat scale" $leat scale iris.leat --listen 127.0.0.1:0 --state state

# A light client asks all the time, so that it meets every change; then comes the load.
python3 "$here/tests/deploy/load.py" "$url" 22 2 1 0.01 >light.txt 2>&1 &
light=$!
python3 "$here/tests/deploy/load.py" "$url" 9 4 4000 >heavy.txt 2>&1 &
heavy=$!
check more until_has one.txt '^started' 2 150
wait $heavy
check fewer until_has one.txt '^ended' 1 200
check still-serves curl -sf "$url/api/v1/iris" -d "$row"
wait $light
has heavy-failed heavy.txt ' requests, 0 failed'
has light-failed light.txt ' requests, 0 failed'
cat heavy.txt light.txt

# A worker that dies is replaced.
before=$(grep -c '^started' one.txt)
worker=$(sed -n 's/^started *worker \([0-9]*\),.*/\1/p' one.txt | head -n 1)
kill -9 "$worker"
check replaced until_has one.txt '^started' $((before + 1)) 100
check after-death sh -c "for i in 1 2 3 4 5 6 7 8 9 10; do curl -sf '$url/api/v1/iris' -d '$row' && exit; sleep 0.3; done; exit 1"

# Killed, it leaves them serving; the next one takes them over, at the same address.
kill -9 $scale
wait $scale 2>/dev/null
check orphans curl -sf "$url/api/v1/iris" -d "$row"
was=$url
start two.txt
check same-address [ "$url" = "$was" ]
has adopted two.txt 'adopted  worker'
check none-started [ "$(grep -c '^started' two.txt)" = 0 ]
check adopted-serve curl -sf "$url/api/v1/iris" -d "$row"

# SIGHUP goes on to the workers: logs that were renamed are made anew.
check renamed mv access.log access.1
kill -HUP $scale
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ -s access.log ] && break
    curl -s "$url/api/v1/iris" -d "$row" >/dev/null
    sleep 0.3
done
check hang-up kill -0 $scale
check new-log [ -s access.log ]
check hang-up-none-died [ "$(grep -c '^died' two.txt)" = 0 ]

# The end: all of them.
kill -TERM $scale
check gentle-end wait $scale
scale=
has ended two.txt 'ended    worker'
curl -s "$url/v2/health/live" >/dev/null
check nobody [ $? != 0 ]

fails one-that-cannot 4 "a worker ended before it served|absent.leat" $leat scale absent.leat --listen 127.0.0.1:0 --state other
fails wrong-rule 2 "down < up" $leat scale iris.leat --up 20 --down 30 --state other
fails wrong-number 2 "--up takes a number" $leat scale iris.leat --up much --state other
finish
