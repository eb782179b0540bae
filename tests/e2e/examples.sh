#!/bin/sh
# The examples, small: the programs in C as they are, the YAML files on a few rows and one epoch.
. "$(dirname "$0")/lib.sh"
examples=$here/examples programs=${LEAT_EXAMPLES:-$(dirname "$leat")/examples}

for source in "$examples"/*.c; do
    name=$(basename "$source" .c)
    "$programs/$name" >/dev/null 2>&1
    if [ $? = 4 ]; then skip "$name: its data are not on this machine"
    else check "$name" "$programs/$name"; fi
    check "$name-length" test "$(wc -l <"$source")" -le 150
done
for program in autoencoder dcgan whitening; do
    fails $program-steps 2 "--help|no number of steps|usage: $program" "$programs/$program" --help
done
for program in char_lstm char_transformer; do
    fails $program-file 1 "nofile: No such file" "$programs/$program" nofile
    fails $program-steps 2 "usage: $program" "$programs/$program" nofile 12x
done
if [ -f dcgan.png ]; then
    check pictures sh -c "file autoencoder.png | grep -q 'PNG image data, 289 x 57, 8-bit grayscale' &&
        file autoencoder-plane.png | grep -q '463 x 463' && file dcgan.png | grep -q '347 x 289'"
fi
i=0
while [ $i -lt 60 ]; do
    echo "the water turns the wheel and the wheel grinds the grain, line $i"
    i=$((i + 1))
done >tinyshakespeare.txt
sed 's/epochs: .*/epochs: 2/' "$examples/language.yaml" >language.yaml
check language sh -c "$leat fit language.yaml >language.txt"
has language-text language.txt "text  array     24 x 1" "network is better than baseline"
check language-again sh -c "$leat reproduce tinyshakespeare.leat --threads 1 >again.txt"
has language-same again.txt "identical bytes"
check language-write sh -c "$leat generate tinyshakespeare.leat 'the water' --length 40 >written.txt"
has language-written written.txt "the water"
sed 's/epochs: .*/epochs: 12/; s/batch_size: .*/batch_size: 16/' "$examples/language-words.yaml" >words.yaml
check words sh -c "$leat fit words.yaml >words.txt"
has words-text words.txt "text  tokens   " "as words" "network is better than baseline"
check words-again sh -c "$leat reproduce words.leat --threads 1 >again.txt"
has words-same again.txt "identical bytes"
check words-write sh -c "$leat generate words.leat 'and the wheel grinds the grain, line 31 the water turns' --temperature 0 --length 9 --json >written.txt"
has words-written written.txt "line 31 the water turns the wheel and the wheel grinds the grain,"
check words-predict sh -c "$leat predict words.leat tinyshakespeare.txt --text 12 >answers.csv"
# Text is read as it was to train.
check language-eval sh -c "$leat eval tinyshakespeare.leat tinyshakespeare.txt >scores.txt"
has language-eval-text scores.txt "--text 24/5" accuracy
check language-inspect sh -c "$leat inspect tinyshakespeare.leat --input tinyshakespeare.txt --row 1 -o . >layers.txt"
has language-inspect-text layers.txt "--text 24/5"
check words-eval sh -c "$leat eval words.leat tinyshakespeare.txt >scores.txt"
has words-eval-text scores.txt "--text 12/3" accuracy
check words-as-before sh -c "$leat predict words.leat tinyshakespeare.txt --text 12/3 >answers.csv &&
    $leat predict words.leat tinyshakespeare.txt >same.csv && cmp same.csv answers.csv"
fails words-export 4 "cut into tokens" $leat export --c words.leat
check perceptron-text sh -c "$programs/perceptron | grep -q ': *0 wrong'"

if [ -d /usr/share/datasets/fashion-mnist ]; then
    check rows sh -c "$leat table fashion-mnist --head 500 -o small.npz"
    for name in fashion-mlp fashion-cnn fashion-resnet; do
        sed 's/^data: .*/data: small.npz\ntarget: label/; s/epochs: .*/epochs: 2/' \
            "$examples/$name.yaml" >$name.yaml
        check $name sh -c "$leat fit $name.yaml >$name.txt"
        has $name-text $name.txt "network" "wrote small.leat"
    done
    check resnet-layers sh -c "$leat check fashion-resnet.yaml >layers.txt"
    has resnet-branches layers.txt "residual_1" "    conv2d_2" "add_1" "  sequence_1" "concat_1"
else skip "Fashion-MNIST is not installed"; fi
finish
