# Sourced by the end-to-end tests: checks, a scratch folder, the closing line.
passed=0 failed=0 skipped=0
here=$(cd "$(dirname "$0")/../.." && pwd)
leat=${LEAT:-$here/build/leat}
shared=${LEAT_SHARED_DATA:-$here/../shared/data}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1

# check NAME COMMAND...: passes when the command succeeds.
check() {
    name=$1
    shift
    if "$@" >out.txt 2>err.txt; then passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: $name: $*"
        head -n 20 out.txt err.txt
    fi
}

# fails_json NAME CODE WORDS COMMAND...: with --json the error is the one object on stdout, and stderr is empty.
fails_json() {
    name=$1 code=$2 words=$3
    shift 3
    "$@" >out.txt 2>err.txt </dev/null
    got=$?
    if [ $got = "$code" ] && [ ! -s err.txt ] && python3 -c "
import json, sys
error = json.load(open('out.txt'))['error']
assert error['status'] and all(w in error['message'] for w in sys.argv[1].split('|')), error" "$words" 2>>err.txt
    then passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: $name: exit code $got, expected $code: $*"
        head -n 8 out.txt err.txt
    fi
}

# fails NAME CODE WORDS COMMAND...: the exit code, and every word (separated by |) on stderr.
fails() {
    name=$1 code=$2 words=$3
    shift 3
    "$@" >out.txt 2>err.txt </dev/null
    got=$?
    good=1
    [ $got = "$code" ] || { echo "failed: $name: exit code $got, expected $code: $*"; good=0; }
    rest=$words
    while [ -n "$rest" ]; do
        word=${rest%%|*}
        case $rest in *"|"*) rest=${rest#*|} ;; *) rest= ;; esac
        grep -qF -- "$word" err.txt || { echo "failed: $name: the message lacks '$word'"; good=0; }
    done
    if [ $good = 1 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); head -n 8 err.txt; fi
}

# has NAME FILE WORD...: the file holds each of the texts.
has() {
    name=$1 file=$2
    shift 2
    good=1
    for word in "$@"; do
        grep -qF -- "$word" "$file" || { echo "failed: $name: $file lacks '$word'"; good=0; }
    done
    if [ $good = 1 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); head -n 12 "$file"; fi
}

skip() { echo "skipped: $*"; skipped=$((skipped + 1)); }

finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ $failed = 0 ]
    exit
}
