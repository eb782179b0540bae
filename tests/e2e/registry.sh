#!/bin/sh
# The registry from the command line: push, list, show, pull, tag, rm, gc, verify; a full disk; keys.
. "$(dirname "$0")/lib.sh"
export LEAT_HOME="$scratch/home"
unset LEAT_REGISTRY LEAT_KEYS XDG_DATA_HOME

fails nothing-yet 3 "there is no registry in|leat registry push" $leat registry list
fails no-verb 2 "can push, list" $leat registry bush x
fails no-file 2 "needs a file" $leat registry push
check table $leat table iris -o iris.csv -q
check fit $leat fit iris.csv -t species -m gaussian_nb --quick -q
check push-model sh -c "$leat registry push iris.leat --tag champion >pushed.txt"
has pushed pushed.txt "iris@1" "species by gaussian_nb, accuracy 0.9" champion
check show sh -c "$leat registry show iris >show.txt"
has not-registered show.txt "data that are not in the registry"
check push-data $leat registry push iris.csv --note 'as Fisher had it'
check show-model sh -c "$leat registry show iris >show.txt"
has made-of show.txt "made of" "iris.csv@1  (training)" "aliases  champion"
check show-data sh -c "$leat registry show iris.csv@1 >show.txt"
has used-by show.txt "used by" "iris@1  (training)" "as Fisher had it"
check again sh -c "$leat registry push iris.leat | grep -q 'is there already'"
check fit2 $leat fit iris.csv -t species -m lda --quick -q --name iris
check push2 sh -c "$leat registry push iris.leat | grep -q 'iris@2'"
check list sh -c "$leat registry list >list.txt && $leat registry list iris >versions.txt"
has listed list.txt "iris@2" "champion@1" "iris.csv@1" "150 rows, 5 columns"
has versions versions.txt "iris@1" "iris@2"
check pull sh -c "$leat registry pull iris -o old.leat && $leat registry pull iris@2 && cmp iris.leat iris.leat"
check usable sh -c "$leat predict old.leat iris.csv -o p.csv -q && test \$(wc -l <p.csv) = 151"
check pull-data sh -c "$leat registry pull iris.csv -o back.csv && cmp back.csv iris.csv"
check pull-pipe sh -c "$leat registry pull iris@2 -o - | cmp - iris.leat"
fails_json pull-pipe-json 2 "-o - and --json" $leat registry pull iris@2 -o - --json
fails other-kind 2 "the name of a model|--name" $leat registry push iris.csv --name iris
fails bad-name 2 "cannot be a name" $leat registry push iris.csv --name ../iris
fails no-version 3 "no version 7; the latest is 2" $leat registry show iris@7
fails near 3 "did you mean 'iris'" $leat registry show iriss

# Aliases: compare and set.
fails wrong-expectation 1 "stands at version 1, expected at version 2" \
    $leat registry tag iris@champion 2 --expect 2
fails must-be-new 1 "expected not to exist" $leat registry tag iris@champion 2 --expect none
check move sh -c "$leat registry tag iris@champion latest --expect 1 | grep -q 'version 2, before at 1'"
fails in-use 2 "champion" $leat registry rm iris@2
fails expect-of-a-version 2 "--expect says where an alias stands" \
    $leat registry rm iris@1 --expect 3
fails expect-elsewhere 2 "--expect goes with tag and rm" $leat registry gc --expect 3
fails dry-run-elsewhere 2 "--dry-run goes with gc" $leat registry rm iris@1 --dry-run
check rm $leat registry rm iris@1
check dry sh -c "$leat registry gc --dry-run | grep -q '^1 files'"
check gc sh -c "$leat registry gc | grep -q 'removed 1 files'"
check verify sh -c "$leat registry verify | grep -q '2 files'"
check push-gone sh -c "echo 1,2 >gone.txt && $leat registry push gone.txt --name gone -q && $leat registry rm gone@1 -q"
check all-gone sh -c "$leat registry list gone >gone.out"
has says-gone gone.out "gone has no version any more" "push FILE --name gone"
check gc-gone sh -c "$leat registry gc -q"
check verify-json sh -c "$leat registry verify --json | grep -q '\"good\":true,\"files\":2'"

# Damage is named and found again by everything that reads.
object=$(find home/registry/objects -type f -size +4k | head -n 1)
chmod u+w "$object" && printf 'x' >>"$object"
$leat registry verify >verify.txt 2>err.txt
[ $? = 1 ] && has damage verify.txt "iris@2" "is damaged" || { failed=$((failed + 1)); echo "failed: damage"; }
fails damaged-pull 3 "iris@2|is damaged" $leat registry pull iris -o never.leat
check nothing-left sh -c "test ! -e never.leat"
check mend sh -c "$leat registry push iris.leat && $leat registry verify"

# A full disk: first files that may not grow beyond 200 kB, then no room at all.
head -c 1200000 /dev/urandom >big.bin
fails full 4 "cannot write|File too large|nothing was registered" \
    sh -c "ulimit -f 200; $leat registry push big.bin"
fails all-full 4 "File too large|nothing was" sh -c "ulimit -f 1; $leat registry push iris.csv --name c"
check sound-after sh -c "$leat registry verify && ! $leat registry list | grep -q big"
check then-it-works $leat registry push big.bin
if [ "$(id -u)" = 0 ] && mkdir small && mount -t tmpfs -o size=1m tmpfs small 2>/dev/null; then
    check on-small $leat registry push iris.leat --registry small/r
    fails no-room 4 "No space left|nothing was registered" $leat registry push big.bin --registry small/r
    check small-sound $leat registry verify --registry small/r
    umount small
else skip "no small file system can be mounted here"; fi

# Runs of experiments.
check fit-kept sh -c "$leat fit iris.csv -t species -m knn --quick --register flower >fit.txt"
has kept fit.txt "kept as run 1, registered as flower@1"
check fit-secret sh -c "! grep -q register iris.run/run.json"
check fit-kept2 sh -c "$leat fit iris.csv -t species -m knn --set knn.n_neighbors=9 --quick --register flower --json >fit.json"
has kept2 fit.json '"run":2,"registered":"flower@2"'
check fit-only-run sh -c "$leat fit iris -m gaussian_nb --quick --registry home/registry | grep -q '^kept as run 3 '"
check runs sh -c "$leat runs >runs.txt && $leat runs show 1 >run.txt"
has runs runs.txt species accuracy iris.csv
has run run.txt "run 1: iris, classification of species" "knn.n_neighbors" "out of fold f1_macro" "run.json" "leat fit iris.csv"
check compare sh -c "$leat compare runs 1 2 >compared.txt"
has compared compared.txt "run 1" "run 2" knn.n_neighbors accuracy "run 1 against run 2: the difference may be chance" "corrected"
check compare-json sh -c "$leat compare runs 1 2 --json | grep -q '\"method\":\"corrected resampled t\"'"
check same-is-hidden sh -c "! grep -q knn.weights compared.txt"
check fit-seed sh -c "$leat fit iris.csv -t species -m knn --seed 7 --quick --registry home/registry | grep -q '^kept as run 4 '"
check compare-three sh -c "$leat compare runs 1 2 4 >three.txt"
has three three.txt "run 1 against run 2: the difference" "run 1 and run 4: the same data, but different folds" "run 2 and run 4: the same"
check pull-run sh -c "$leat runs pull 2 iris.leat -o two.leat && $leat predict two.leat iris.csv -q >two.csv"
check noted sh -c "$leat registry show flower@2 | grep -q 'run 2'"
check pull-run-pipe sh -c "$leat runs pull 2 iris.leat -o - | cmp - two.leat"
fails no-run 3 "no run 9" $leat runs show 9
fails no-number 2 "numbered 1, 2" $leat runs show x
fails show-writes-nothing 2 "leat runs show writes no file|pull RUN FILE" $leat runs show 1 -o run.txt
fails list-writes-nothing 2 "leat runs list writes no file" $leat runs list -o run.txt
fails registry-writes-nothing 2 "leat registry list writes no file" $leat registry list -o run.txt
fails name-of-data 2 "--register: 'iris.csv' is the name of a data set" \
    $leat fit iris.csv -t species -m gaussian_nb --quick -q -o clash.leat --register iris.csv
fails no-name-at-all 2 "--register: |cannot be" \
    $leat fit iris.csv -t species -m gaussian_nb --quick -q -o clash.leat --register ../x
check not-trained test ! -e clash.leat
fails registry-fails 4 "cannot" $leat fit iris -m gaussian_nb --quick -q --registry /dev/null/r
check rm-run $leat runs rm 3
check sound-with-runs $leat registry verify

# Two at once.
check two sh -c "$leat registry push iris.csv --name a & $leat registry push iris.csv --name b && wait \$!"
check both sh -c "$leat registry show a && $leat registry show b && $leat registry verify"

# Keys.
fails no-keys 3 "there are no keys" $leat key list
check add sh -c "$leat key add alice --scope infer,monitor --models iris --rate 10 --quota 1000 -q >key.txt"
check key-form grep -Eqx 'leat_[0-9A-Za-z]{43}' key.txt
fails twice 2 "there is a key called 'alice'" $leat key add alice
fails bad-scope 2 "infer, monitor and manage" $leat key add bob --scope root
check list-keys sh -c "$leat key list >keys.txt"
has keys keys.txt alice "infer monitor" iris "10/s, 1,000 rows/day"
check only-hash sh -c "! grep -rqF \"\$(cat key.txt)\" home"
check rotate sh -c "$leat key rotate alice --grace 1h -q >key2.txt && ! cmp -s key.txt key2.txt"
check revoke sh -c "$leat key revoke alice && $leat key list --json | grep -q '\"revoked\":1'"
fails revoked 2 "is revoked" $leat key rotate alice
finish
