#!/bin/sh
# Named data sets: built in, from a package, downloaded with a pinned hash, one's own.
. "$(dirname "$0")/lib.sh"
export LEAT_HOME="$scratch/home"
unset XDG_DATA_HOME

check list sh -c "$leat data list >list.txt"
has list-names list.txt iris fashion-mnist titanic
check show sh -c "$leat data show iris >show.txt"
check iris sh -c "test \$($leat table iris -o - | wc -l) = 151"
printf 'a,b\n1,2\n3,4\n' >own.csv
check add sh -c "$leat data add own.csv --name own --version 7"
check by-name sh -c "$leat table own -o - | cmp - own.csv && $leat table own@7 -o - | cmp - own.csv"
check verify $leat data verify own
check verify-version sh -c "$leat data verify own@7 | grep -q good"
fails verify-unknown 3 "no split 'x'" $leat data verify iris:x
check two-added sh -c "$leat data add own.csv --name one & $leat data add own.csv --name two && wait \$!"
check both-there sh -c "$leat data verify one && $leat data verify two"
printf 'x' >>"$(find home -name '*.csv')" 2>/dev/null || { chmod u+w "$(find home -name '*.csv')"; printf 'x' >>"$(find home -name '*.csv')"; }
fails tampered 1 "" $leat data verify own
fails tampered-get 3 "has changed|leat data add" $leat data get own
check mended sh -c "$leat data add own.csv --name own && $leat data verify own"
fails unknown 3 "titanic" $leat data get titanik
fails neither 3 "nowhere" $leat describe nowhere

# Without a network the message says so; with a server of our own the hash is checked.
fails offline 4 "" env LEAT_DATA_URL=http://127.0.0.1:9/ $leat data get titanic
if [ -d "$shared/tables" ] && command -v python3 >/dev/null; then
    mkdir -p web && cp "$shared"/tables/*.csv web/
    python3 -u -m http.server 0 --bind 127.0.0.1 --directory web >server.txt 2>&1 &
    server=$!
    trap 'kill $server 2>/dev/null; rm -rf "$scratch"' EXIT
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' server.txt)
        [ -n "$port" ] && break
        sleep 0.3
    done
    export LEAT_DATA_URL="http://127.0.0.1:$port/"
    check get $leat data get titanic
    held=$($leat data show titanic | sed -n 's/^  file *//p')
    check get-again sh -c "chmod u+w '$held' && echo x >>'$held' && ! $leat data verify titanic -q && $leat data get titanic && $leat data verify titanic -q"
    check fit $leat fit titanic -m gaussian_nb --quick -q
    check two-at-once sh -c "$leat data get penguins & $leat data get penguins && wait \$!"
    check no-part sh -c "$leat data verify penguins && test -z \"\$(find home -name '*.part')\""
    printf '\n' >>web/tips.csv
    fails changed-download 3 "" $leat data get tips
    check nothing-kept sh -c "! $leat data list | grep tips | grep -q fetched"
else skip "the shared test data is not here"; fi
finish
