/* Owns: the table of names that other libraries have for what has another one here. */
#include "nn/other_names.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

typedef struct other {
    const char *what, *theirs, *ours; /* theirs: squashed; several between '|' */
} other;

#define FUNCTIONS(what)                                                                            \
    {what, "swish", "silu"}, {what, "hardsilu", "hard_swish"},                                     \
        {what, "gelunew|gelupytorchtanh|geluapproximate", "gelu_tanh"},                            \
    {                                                                                              \
        what, "exponential", "exp"                                                                 \
    }

static const other table[] = {
    FUNCTIONS("activation"),
    FUNCTIONS("layer"),
    {"activation", "linear|identity", "none"},
    {"layer", "linear|fullyconnected|fc", "dense"},
    {"layer", "convolution1d", "conv1d"},
    {"layer", "convolution2d", "conv2d"},
    {"layer", "convolution3d", "conv3d"},
    {"layer", "convtranspose1d|deconv1d", "conv1d_transpose"},
    {"layer", "convtranspose2d|deconv2d", "conv2d_transpose"},
    {"layer", "convtranspose3d|deconv3d", "conv3d_transpose"},
    {"layer", "batchnormalization|batchnorm1d|batchnorm2d|batchnorm3d", "batch_norm"},
    {"layer", "layernormalization", "layer_norm"},
    {"layer", "rmsnormalization", "rms_norm"},
    {"layer", "groupnormalization", "group_norm"},
    {"layer", "instancenorm1d|instancenorm2d|instancenorm3d|instancenormalization",
     "instance_norm"},
    {"layer", "maxpooling1d", "max_pool1d"},
    {"layer", "maxpooling2d", "max_pool2d"},
    {"layer", "maxpooling3d", "max_pool3d"},
    {"layer", "averagepooling1d|avgpool1d", "average_pool1d"},
    {"layer", "averagepooling2d|avgpool2d", "average_pool2d"},
    {"layer", "averagepooling3d|avgpool3d", "average_pool3d"},
    {"layer",
     "globalaveragepooling1d|globalaveragepooling2d|globalaveragepooling3d|globalavgpool1d|"
     "globalavgpool2d|globalavgpool3d|globalavgpool|adaptiveavgpool1d|adaptiveavgpool2d",
     "global_average_pool"},
    {"layer",
     "globalmaxpooling1d|globalmaxpooling2d|globalmaxpooling3d|globalmaxpool1d|globalmaxpool2d|"
     "globalmaxpool3d|adaptivemaxpool1d|adaptivemaxpool2d",
     "global_max_pool"},
    {"layer", "spatialdropout1d|spatialdropout2d|spatialdropout3d|dropout1d|dropout2d|dropout3d",
     "spatial_dropout"},
    {"layer", "featurealphadropout", "alpha_dropout"},
    {"layer", "zeropadding1d|zeropadding2d|zeropadding3d|zeropad2d", "pad"},
    {"layer", "cropping1d|cropping2d|cropping3d", "crop"},
    {"layer", "upsampling1d|upsampling2d|upsampling3d", "upsample"},
    {"layer", "concatenate", "concat"},
    {"layer", "repeatvector", "repeat"},
    {"layer", "simplernn|elman", "rnn"},
    {"layer", "bidirectional", "lstm(bidirectional=true)"},
    {"layer", "attention|selfattention|multiheadselfattention", "multi_head_attention"},
    {"layer", "positionembedding|positionalencoding|sinepositionencoding", "positions"},
    {"loss", "categoricalcrossentropy|sparsecategoricalcrossentropy|crossentropyloss",
     "cross_entropy"},
    {"loss", "logloss|binarycrossentropy", "cross_entropy"},
    {"loss", "bce|bceloss|bcewithlogitsloss", "bce_with_logits"},
    {"loss", "nllloss", "nll"},
    {"loss", "meansquarederror|mseloss|l2|l2loss", "mse"},
    {"loss", "meanabsoluteerror|l1|l1loss", "mae"},
    {"loss", "huberloss|smoothl1|smoothl1loss", "huber"},
    {"loss", "kldivergence|kullbackleiblerdivergence|kldiv|kldivloss", "kl"},
    {"loss", "categoricalhinge|multimarginloss|hingeloss", "hinge"},
    {"loss", "tripletmarginloss|tripletloss", "triplet"},
    {"loss", "ctcloss", "ctc"},
    {"initializer", "randomnormal", "normal"},
    {"initializer", "randomuniform", "uniform"},
    {"initializer", "xavieruniform", "glorot_uniform"},
    {"initializer", "xaviernormal", "glorot_normal"},
    {"initializer", "kaiminguniform", "he_uniform"},
    {"initializer", "kaimingnormal", "he_normal"},
    {"optimizer", "momentum|nesterov", "sgd(momentum=0.9)"},
    {"schedule", "reducelronplateau", "plateau"},
    {"schedule", "cosineannealing|cosineannealinglr|cosinedecay", "cosine"},
    {"schedule", "cosineannealingwarmrestarts|cosinedecayrestarts",
     "cosine(period=10, restarts=true, by=epoch)"},
    {"schedule", "steplr", "step"},
    {"schedule", "exponentiallr|exponentialdecay", "exponential"},
    {"schedule", "onecyclelr", "one_cycle"},
    {"schedule", "linearlr|warmuplr", "warmup"},
};

/* Small letters and digits of the name; "" where there are too many. */
static void squash(const char *name, char *out, size_t size)
{
    size_t n = 0;
    for (; *name && n < size; name++)
        if (*name != '_') out[n++] = (char)tolower((unsigned char)*name);
    out[n < size ? n : 0] = 0;
}

static bool is_among(const char *name, const char *list)
{
    size_t n = strlen(name);
    for (const char *at = list; n > 0 && at; at = strchr(at, '|')) {
        if (*at == '|') at++;
        if (strncmp(at, name, n) == 0 && (at[n] == '|' || !at[n])) return true;
    }
    return false;
}

const char *leati_other_name(const char *what, const char *name, const char *const *names,
                             size_t count)
{
    char given[64], own[64];
    squash(name, given, sizeof given);
    for (size_t i = 0; i < count; i++) {
        squash(names[i], own, sizeof own);
        if (*given && strcmp(given, own) == 0) return names[i];
    }
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].what, what) == 0 && is_among(given, table[i].theirs))
            return table[i].ours;
    return NULL;
}
