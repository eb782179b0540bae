"""The rows of the networks benchmark: what runs on both sides and how much work it is."""
import collections

# flops of one unit (None: bound by memory or by overhead); bytes of one unit that must move.
Row = collections.namedtuple("Row", "name title flops bytes train")


def conv(out, side, kernel, channels):
    return 2 * out * side * side * kernel * kernel * channels


def encoder(layers, width, inner, tokens, batch):
    return layers * batch * tokens * 2 * (4 * width * width + 2 * width * inner
                                          + 2 * tokens * width)


CNN = conv(32, 28, 3, 1) + conv(64, 14, 3, 32) + 2 * (3136 * 128 + 128 * 10)
# Forward, and twice as much backward but for the gradient of the images.
CNN_STEP = 3 * CNN - conv(32, 28, 3, 1)
MLP = 2 * (784 * 128 + 128 * 10)
MLP_STEP = 3 * MLP - 2 * 784 * 128
# Without the first layer's weights of the characters: one-hot vectors select columns of them.
LSTM_WEIGHTS = 4 * 512 * (512 + 512 + 512) + 512 * 65


def mobilenet():
    total, side, width = conv(32, 112, 3, 3), 112, 32
    for grow, out, count, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                     (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(count):
            inner = width * grow
            total += conv(inner, side, 1, width) if grow > 1 else 0
            side //= stride if i == 0 else 1
            total += conv(inner, side, 3, 1) + conv(out, side, 1, inner)
            width = out
    return total + conv(1280, 7, 1, 320) + 2 * 1280 * 1000


def resnet18():
    total, width = conv(64, 112, 7, 3), 64
    for out, side in ((64, 56), (128, 28), (256, 14), (512, 7)):
        total += conv(out, side, 3, width) + 3 * conv(out, side, 3, out)
        total += conv(out, side, 1, width) if out != width else 0
        width = out
    return total + 2 * 512 * 1000


# Options of build/bench/network_bench for the rows that train in epochs.
CNN_LAYERS = ("reshape(28, 28, 1); conv2d(32, 3, padding=same, activation=relu); max_pool2d; "
              "conv2d(64, 3, padding=same, activation=relu); max_pool2d; flatten; "
              "dense(128, activation=relu)")
TINY = ["--optimizer", "sgd", "--epochs", "5"]
START = ["--layers", "dense(128, activation=relu)", "--inputs", "784", "--classes", "10",
         "--rows", "32", "--batch", "32", "--epochs", "1"]


def epoch(layers, batch):
    return ["--fashion", "--layers", layers, "--batch", str(batch)]


ROWS = [
    Row("tiny_mlp", "MLP 4-16-3, batch 16, SGD: a step", None, None, TINY),
    Row("mlp32", "MLP 784-128-10, batch 32, Adam: an epoch", 60000 * MLP_STEP, None,
        epoch("dense(128, activation=relu)", 32)),
    Row("mlp128", "the same, batch 128", 60000 * MLP_STEP, None,
        epoch("dense(128, activation=relu)", 128)),
    Row("cnn32", "CNN conv32-pool-conv64-pool-dense128-10, batch 32, Adam: an epoch",
        60000 * CNN_STEP, None, epoch(CNN_LAYERS, 32)),
    Row("cnn128", "the same, batch 128", 60000 * CNN_STEP, None, epoch(CNN_LAYERS, 128)),
    Row("cnn32_bf16", "the CNN in bf16, batch 32: an epoch", 60000 * CNN_STEP, None,
        epoch(CNN_LAYERS, 32) + ["--bf16"]),
    Row("cnn128_bf16", "the same, batch 128", 60000 * CNN_STEP, None,
        epoch(CNN_LAYERS, 128) + ["--bf16"]),
    Row("cnn_forward_1", "its forward pass, batch 1", CNN, None, None),
    Row("cnn_forward_256", "its forward pass, batch 256", 256 * CNN, None, None),
    Row("lstm_train", "LSTM 2 x 512, 50 sequences of 128 characters, RMSprop: a step",
        50 * 128 * 6 * LSTM_WEIGHTS, None, None),
    Row("lstm_train_bf16", "the LSTM in bf16: a step", 50 * 128 * 6 * LSTM_WEIGHTS, None, None),
    Row("lstm_generate", "the same: a character generated", None, 4 * LSTM_WEIGHTS, None),
    Row("bert_1", "Transformer encoder 12 x 768 (BERT-base), 1 x 128 tokens: forward",
        encoder(12, 768, 3072, 128, 1), None, None),
    Row("bert_8", "the same, 8 x 128 tokens", encoder(12, 768, 3072, 128, 8), None, None),
    Row("bert_1_bf16", "BERT-base in bf16, 1 x 128 tokens",
        encoder(12, 768, 3072, 128, 1), None, None),
    Row("bert_8_bf16", "the same, 8 x 128 tokens", encoder(12, 768, 3072, 128, 8), None, None),
    Row("minilm_1", "Transformer encoder 6 x 384 (MiniLM), 1 x 128 tokens: forward",
        encoder(6, 384, 1536, 128, 1), None, None),
    Row("minilm_8", "the same, 8 x 128 tokens", encoder(6, 384, 1536, 128, 8), None, None),
    Row("minilm_1_bf16", "MiniLM in bf16, 1 x 128 tokens",
        encoder(6, 384, 1536, 128, 1), None, None),
    Row("minilm_8_bf16", "the same, 8 x 128 tokens", encoder(6, 384, 1536, 128, 8), None, None),
    Row("mobilenet", "MobileNetV2, one image of 224 x 224: forward", mobilenet(), None, None),
    Row("resnet18", "ResNet-18, one image of 224 x 224: forward", resnet18(), None, None),
    Row("chain", "relu(tanh((x + y) / 2 - x)) of 10 million numbers", None, 120e6, None),
    Row("start", "from the start of the process to the first step of the MLP", None, None, START),
]
# At the end of a name: Leat in bf16, beside the peers in f32 and PyTorch in bf16.
HALF = "_bf16"


def is_half(row):
    return row.name.endswith(HALF)


def peer_row(row):
    return row.name.removesuffix(HALF)


ONNX = {"cnn_forward_1", "cnn_forward_256", "bert_1", "bert_8", "minilm_1", "minilm_8",
        "mobilenet", "resnet18"}
