#!/bin/sh
# A network learns from a folder of images, predicts from another one and is reproduced.
. "$(dirname "$0")/lib.sh"

python3 - <<'PY'
import os, random, struct, zlib

def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

def png(path, h, w, pixel):
    lines = b''.join(b'\0' + bytes(pixel(i, j) for j in range(w)) for i in range(h))
    with open(path, 'wb') as f:
        f.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', w, h, 8, 0, 0, 0, 0))
                + chunk(b'IDAT', zlib.compress(lines)) + chunk(b'IEND', b''))

random.seed(1)
for folder in 'photos/across', 'photos/down', 'new':
    os.makedirs(folder)
for n in range(60):
    noise = lambda: random.randrange(80)
    png(f'photos/across/{n}.png', 16, 16, lambda i, j: noise() + 170 * (i // 2 % 2))
    png(f'photos/down/{n}.png', 16, 16, lambda i, j: noise() + 170 * (j // 2 % 2))
for folder in 'wide/left', 'wide/right':
    os.makedirs(folder)
for n in range(20):
    png(f'wide/left/{n}.png', 8, 12, lambda i, j: 200 if j < 6 else noise())
    png(f'wide/right/{n}.png', 8, 12, lambda i, j: 200 if j >= 6 else noise())
png('new/a.png', 16, 16, lambda i, j: 200 * (i // 2 % 2))
png('new/b.png', 16, 16, lambda i, j: 200 * (j // 2 % 2))
png('odd.png', 9, 9, lambda i, j: 0)
PY
cat >photos.yaml <<'YAML'
data: photos
images: 16x16x1
models: network
network:
  input: [16, 16, 1]
  layers:
    - conv2d: {filters: 4, kernel_size: 3, activation: relu}
    - global_max_pool
  epochs: 30
  learning_rate: 0.01
YAML
check fit sh -c "$leat fit photos.yaml >fit.txt"
has fit-text fit.txt "across" "wrote photos.leat" "next: leat predict photos.leat FOLDER"
check predict sh -c "$leat predict photos.leat new >answers.csv"
has across answers.csv path,prediction new/a.png,across new/b.png,down
check predict-json sh -c "$leat predict photos.leat new --json >answers.json"
has files-json answers.json '{"path":"new/a.png","prediction":"across"}'
check classes-named sh -c "$leat predict photos.leat photos --proba -o all.csv && $leat predict photos.leat photos | grep -c photos/ >count.txt"
has classes-count count.txt 120
has classes-first all.csv path,prediction,p_across photos/across/0.png,across photos/down/9.png,down
# One picture, at any size.
check one-image sh -c "$leat predict photos.leat new/b.png >one.csv"
has one-answer one.csv path,prediction new/b.png,down
check one-odd sh -c "$leat predict photos.leat odd.png >odd.csv"
has one-odd-named odd.csv odd.png,
check one-inspected sh -c "$leat inspect photos.leat --input new/b.png --rows 0 >one.txt"
has one-verdict one.txt "down (0."
cp new/b.png nameless
check one-nameless sh -c "$leat predict photos.leat nameless >one.csv"
has one-nameless-answer one.csv nameless,down
head -c 60 new/a.png >cut.png
fails one-cut 3 "cut.png: " $leat predict photos.leat cut.png
fails one-missing 3 "there is no file nowhere.png" $leat predict photos.leat nowhere.png
$leat table iris --select sepal_length,petal_width -o line.csv >out.txt
check fit-table $leat fit line.csv -t petal_width -m linear --quick -q
fails no-image 3 "odd.png is no table: it looks like a PNG image|from a folder|whose input is an image" $leat predict line.leat odd.png
# One image, and the folder as a table, asked of a server.
$leat serve photos.leat --listen 127.0.0.1:0 --workers 1 >served.txt 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$scratch"' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    grep -qE '^serving at|has no server' served.txt && break
    sleep 0.1
done
url=$(sed -n 's/^serving at \([^,]*\),.*/\1/p' served.txt)
if [ -n "$url" ]; then
    check call sh -c "$leat call $url/photos new/a.png >call.txt; $leat call $url/photos new/b.png --json >>call.txt"
    has call-answers call.txt across '"prediction":"down"'
    check call-folder sh -c "$leat call $url/photos new >called.csv"
    check call-same cmp answers.csv called.csv
else skip "this build has no server"; fi
cp odd.png new/c.png
check inspect sh -c "$leat inspect photos.leat --input new --row 3 --rows 0 >inspect.txt"
check sizes-of-the-model sh -c "$leat predict photos.leat new >answers.csv"
check three sh -c "test \$(wc -l <answers.csv) = 4"
fails negative 2 "images is '-4x4x1'; expected height x width x channels" $leat describe photos --images=-4x4x1
check reproduce-1 sh -c "$leat reproduce photos.leat --threads 1 >one.txt"
check reproduce-2 sh -c "$leat reproduce photos.leat --threads 2 >two.txt"
check same-bytes cmp one.txt two.txt
has identical one.txt "identical bytes"
check describe sh -c "$leat describe photos >describe.txt"

check grey sh -c "$leat fit photos.yaml --quick --cv holdout:0.2 --name grey --set network.epochs=1 --set network.augment=saturation=0.2 2>grey.txt"
has grey-said grey.txt "the images are grey: it does nothing"

# The shape of a sample is that of the images, and no other one of as many pixels.
small="-m network --quick -q --set network.epochs=2 --set"
check shape-of-images sh -c "$leat fit wide $small 'network.layers=conv2d(2); flatten'"
check shape-kept sh -c "$leat predict wide.leat wide >wide.csv"
check shape-given sh -c "$leat fit wide $small 'network.layers=conv2d(2); flatten' --set network.input=8x12x1 --name given && $leat predict given.leat wide | cmp - wide.csv"
check shape-planned sh -c "$leat check wide -m network --set 'network.layers=conv2d(2); flatten' >plan.txt"
has shape-in-plan plan.txt "6 x 10 x 2"
check shape-of-rows sh -c "$leat check wide -m network --set network.units=5 >plan.txt"
has row-in-plan plan.txt "485"
check augment-of-images sh -c "$leat check wide -m network --set network.augment=flip --set 'network.layers=flatten' >plan.txt"
fails augment-too-large 2 "crop=30|8 x 12" $leat check wide -m network --set "network.augment=crop=30,cutout=60" --set network.layers=flatten
fails shape-turned 2 "network.input is '12x8x1'|8x12x1 (height, width, channels)|network.input=8x12x1" \
    $leat check wide -m network --set network.input=12x8x1 --set "network.layers=conv2d(2); flatten"
fails shape-turned-rows 2 "12x8|8x12x1" $leat check wide -m network --set network.input=12x8 --set "network.layers=lstm(2)"
fails shape-other 2 "4x24x1" $leat check wide -m network --set network.input=4x24x1 --set "network.layers=flatten"
check shape-as-steps sh -c "$leat check wide -m network --set network.input=8x12 --set 'network.layers=lstm(2)'"
fails shape-wrong-layer 3 "conv1d|(8, 12, 1)|network.input" $leat check wide -m network --set "network.layers=conv1d(2); flatten"

# Layers that nobody wrote follow the shape of a sample.
check augment-alone sh -c "$leat check wide -m network --set network.augment=flip >plan.txt"
has augment-alone-plan plan.txt conv2d max_pool2d flatten
check input-alone $leat fit wide $small network.input=8x12x1 --set network.augment=flip --name auto
check auto-answers sh -c "$leat predict auto.leat wide >auto.csv && $leat reproduce auto.leat >auto.txt"
check auto-looked-into sh -c "$leat inspect auto.leat --input wide --row 3 --rows 0 >auto.txt"
has auto-layers auto.txt conv2d
check auto-exported sh -c "$leat export --onnx auto.leat && $leat export --c auto.leat && test -s auto.onnx && test -s auto.c"
check auto-searched sh -c "$leat fit wide -m network --set network.input=8x12x1 --set network.epochs=1 --set network.units=3,5 --search grid --quick -q --name searched"

check slash sh -c "mkdir here && cd here && $leat fit ../photos/ -t label -m gaussian_nb --quick"
check named-after-the-folder test -s here/photos.leat
cp odd.png photos/down/
fails sizes 3 "odd.png has 9 x 9|--images 16x16x1" $leat describe photos
head -c 40 photos/down/1.png >photos/down/cut.png
fails cut 3 "photos/down/cut.png: a damaged PNG image" $leat describe photos --images 16x16x1
check cut-left-out sh -c "$leat describe photos --images 16x16x1 --on-error skip >left.txt"
has cut-named left.txt "left out photos/down/cut.png: a damaged PNG image"
mkdir unlabelled && cp photos/down/1.png photos/down/2.png unlabelled/
fails unlabelled 3 "no column 'label'|folder for each class|FOLDER/CLASS/" $leat fit unlabelled -m network
fails unlabelled-eval 3 "no column 'label'|folder for each class" $leat eval photos.leat unlabelled
mkdir empty
fails empty 2 "empty is a folder without images" $leat describe empty
finish
