#!/bin/sh
# The examples, small: the programs in C as they are, the YAML files on a few rows and one epoch.
. "$(dirname "$0")/lib.sh"
examples=$here/examples programs=${LEAT_EXAMPLES:-$(dirname "$leat")/examples}

for source in "$examples"/*.c; do
    name=$(basename "$source" .c)
    check "$name" "$programs/$name"
    check "$name-length" test "$(wc -l <"$source")" -le 150
done
check perceptron-text sh -c "$programs/perceptron | grep -q ': *0 wrong'"

if [ -d /usr/share/datasets/fashion-mnist ]; then
    check rows sh -c "$leat table fashion-mnist --head 500 -o small.npz"
    for name in fashion-mlp fashion-cnn; do
        sed 's/^data: .*/data: small.npz\ntarget: label/; s/epochs: .*/epochs: 2/' \
            "$examples/$name.yaml" >$name.yaml
        check $name sh -c "$leat fit $name.yaml >$name.txt"
        has $name-text $name.txt "network" "wrote small.leat"
    done
else skip "Fashion-MNIST is not installed"; fi
finish
