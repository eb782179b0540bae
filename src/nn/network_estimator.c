/* Owns: the estimator `network`: a neural network beside all other estimators. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "learn/estimator.h"
#include "learn/stats_sum.h"
#include "nn/auto_layers.h"
#include "nn/demand.h"
#include "nn/functions.h"
#include "nn/network_estimator.h"
#include "nn/network_session.h"
#include "nn/spec.h"
#include "nn/train_memory.h"
#include "nn/trainer.h"
#include "tensor/shape.h"

extern const leati_estimator_class leati_estimator_network;

typedef struct network {
    leati_estimator base;
    char layers[LEATI_TEXT_PARAM], places[LEATI_TEXT_PARAM], input[LEATI_TEXT_PARAM],
        optimizer[LEATI_TEXT_PARAM], loss[LEATI_TEXT_PARAM], schedule[LEATI_TEXT_PARAM],
        augment[LEATI_TEXT_PARAM], values[LEATI_TEXT_PARAM];
    int64_t epochs, batch_size, accumulate, patience;
    int64_t hidden_layers, units;
    int activation, head, precision;
    leati_mixed learning_rate; /* auto: of the optimiser and schedule */
    double clip_norm, clip_value, ema, validation_fraction;
    bool weights_skip;
    /* learned */
    float *weights, *states; /* the blocks of the network */
    size_t weight_count, state_count;
    double mean, scale; /* of a regression's target */
    leati_resting_pool *sessions;
    leati_shelf *shelf; /* what they share */
} network;

enum { PRECISION_F32, PRECISION_BF16 }; /* the order of the choices */

static const leati_param params[] = {
    {.name = "layers",
     .type = LEATI_PARAM_TEXT,
     .offset = offsetof(network, layers),
     .standard = "auto",
     .doc = "The layers, as in 'dense(128, activation=relu); dropout(0.2)' (leat help network); "
            "auto: `hidden_layers` dense ones with `units` each, behind convolutions where `input` "
            "is an image of 8x8 pixels or more, behind an LSTM where it is a sequence, behind "
            "flatten where it is another shape, behind an embedding and its mean where the columns "
            "are texts cut into tokens."},
    {.name = "places",
     .type = LEATI_PARAM_TEXT,
     .offset = offsetof(network, places),
     .standard = "",
     .doc = "Where the layers stand in a file, for messages.",
     .hidden = true},
    {.name = "hidden_layers",
     .type = LEATI_PARAM_INT,
     .offset = offsetof(network, hidden_layers),
     .standard = "1",
     .least = 0,
     .most = 1000,
     .grid = "1,2,3",
     .doc = "Number of dense layers where layers=auto."},
    {.name = "units",
     .type = LEATI_PARAM_INT,
     .offset = offsetof(network, units),
     .standard = "64",
     .least = 1,
     .most = 1e6,
     .grid = "16,64,256",
     .doc = "Size of each of them."},
    LEATI_ACTIVATION_PARAM(network, activation, "relu"),
    {.name = "head",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(network, head),
     .standard = "auto",
     .choices = "auto|dense",
     .doc = "The dense layer for the target behind the others; auto: unless the last one is such a "
            "layer already."},
    {.name = "input",
     .type = LEATI_PARAM_TEXT,
     .offset = offsetof(network, input),
     .standard = "auto",
     .doc = "Shape of a sample, as in 28x28x1 or [28, 28, 1]; auto: one row of features, or the "
            "image of a table of images where the layers want one."},
    {.name = "epochs",
     .type = LEATI_PARAM_INT,
     .offset = offsetof(network, epochs),
     .standard = "20",
     .least = 0,
     .most = 1e6,
     .grid = "5,10,20,50",
     .doc = "Passes over the data; 0: the network stays as `weights` makes it."},
    {.name = "weights",
     .type = LEATI_PARAM_TEXT,
     .offset = offsetof(network, values),
     .standard = "",
     .doc = "A safetensors file with values to start from, by the names that leat export gives "
            "them; or a checkpoint of this network."},
    {.name = "weights_skip",
     .type = LEATI_PARAM_BOOL,
     .offset = offsetof(network, weights_skip),
     .standard = "false",
     .doc =
         "Takes from `weights` what fits by name and shape; the other layers, such as a head for "
         "other classes, begin as without it, and a note names them. false: all must fit."},
    {.name = "batch_size",
     .type = LEATI_PARAM_INT,
     .offset = offsetof(network, batch_size),
     .standard = "32",
     .least = 1,
     .most = 1e6,
     .grid = "16,32,64,128",
     .doc = "Rows of a step."},
    {.name = "learning_rate",
     .type = LEATI_PARAM_MIXED,
     .offset = offsetof(network, learning_rate),
     .standard = "auto",
     .choices = "auto",
     .least = 0,
     .most = 1e3,
     .grid = "0.0001,0.0003,0.001,0.003,0.01",
     .doc = "Size of the steps; auto: PyTorch's for the optimiser, 0.001 for adam, adamw and sgd, "
            "0.01 for rmsprop and adagrad, 1 for adadelta, and 1 for the schedule noam, whose "
            "factor it is."},
    {.name = "optimizer",
     .type = LEATI_PARAM_TEXT,
     .single = true,
     .offset = offsetof(network, optimizer),
     .standard = "adam",
     .doc = "adam, adamw, sgd, rmsprop, adagrad, adadelta or lbfgs, with parameters as in "
            "'sgd(momentum=0.9, nesterov=true)'; defaults are PyTorch's."},
    {.name = "schedule",
     .type = LEATI_PARAM_TEXT,
     .single = true,
     .offset = offsetof(network, schedule),
     .standard = "constant",
     .doc = "Course of the learning rate: constant, step, exponential, cosine, one_cycle, warmup, "
            "noam or plateau, as in 'cosine(minimum=0.0001)'; with a linear rise of 500 steps "
            "before: 'cosine(warmup=500)'."},
    {.name = "accumulate",
     .type = LEATI_PARAM_INT,
     .offset = offsetof(network, accumulate),
     .standard = "1",
     .least = 1,
     .most = 1e6,
     .doc = "Batches whose gradients are averaged for one update."},
    {.name = "clip_norm",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(network, clip_norm),
     .standard = "0",
     .least = 0,
     .most = 1e9,
     .doc = "Largest norm of the gradient; 0: any."},
    {.name = "clip_value",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(network, clip_value),
     .standard = "0",
     .least = 0,
     .most = 1e9,
     .doc = "Largest size of an element of the gradient; 0: any."},
    {.name = "ema",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(network, ema),
     .standard = "0",
     .least = 0,
     .most = 0.999999,
     .doc = "Decay of a running mean of the weights, which becomes the model; 0: none."},
    {.name = "augment",
     .type = LEATI_PARAM_TEXT,
     .offset = offsetof(network, augment),
     .standard = "none",
     .doc = "Random changes of images while training, as in 'flip, crop=4, rotate=10, "
            "brightness=0.2, contrast=0.2, saturation=0.2, cutout=8', and samples mixed in pairs: "
            "'mixup=0.2'."},
    {.name = "precision",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(network, precision),
     .standard = "f32",
     .choices = "f32|bf16",
     .doc = "Of matrix products and convolutions, forward and backward, recurrent layers and "
            "attention "
            "included. bf16: operands rounded to 8 "
            "significant bits, sums, weights and all else in f32; faster on processors with bf16."},
    {.name = "loss",
     .type = LEATI_PARAM_TEXT,
     .single = true,
     .offset = offsetof(network, loss),
     .standard = "auto",
     .doc =
         "What is minimised, as in 'cross_entropy(label_smoothing=0.1)'; auto: cross_entropy for "
         "classes, mse for numbers."},
    {.name = "validation_fraction",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(network, validation_fraction),
     .standard = "0",
     .least = 0,
     .most = 0.9,
     .doc = "Share of the rows (of each class) that is set aside; the weights of the epoch with "
            "their least loss "
            "are kept."},
    {.name = "patience",
     .type = LEATI_PARAM_INT,
     .offset = offsetof(network, patience),
     .standard = "0",
     .least = 0,
     .most = 1e6,
     .doc = "Stop after so many epochs without a better validation loss (see "
            "validation_fraction); 0: never."},
    {0}};

/* "28x28x1", "[28, 28, 1]"; false: it is no list of sizes. */
static bool given_shape(const network *e, leat_shape *s)
{
    double size[LEAT_MAX_RANK];
    size_t count = leati_spec_numbers(e->input, size, LEAT_MAX_RANK - 1);
    *s = (leat_shape){.rank = (int)count};
    for (size_t i = 0; i < count; i++) {
        if (!(size[i] >= 1 && size[i] <= 1e9 && size[i] == floor(size[i]))) return false;
        s->dim[i] = (int64_t)size[i];
    }
    return count > 0;
}

bool leati_network_input(const leati_estimator *base, size_t features, leat_shape *shape)
{
    const network *e = (const network *)base;
    if (base->class != &leati_estimator_network || strcmp(e->input, "auto") == 0) return false;
    return given_shape(e, shape) && leati_shape_count(shape) == features;
}

static leat_status input_shape(leat_context *c, const network *e, size_t features, leat_shape *s)
{
    *s = LEAT_DIMS((int64_t)features);
    if (strcmp(e->input, "auto") == 0) return LEAT_OK;
    LEATI_CHECK(c, given_shape(e, s) && leati_shape_count(s) == features, LEAT_INVALID,
                "network.input is '%s'; it must be sizes as in 28x28x1 or [28, 28, 1], whose "
                "product is the number of features, %zu",
                e->input, features);
    return LEAT_OK;
}

static void add_dense_layers(const network *e, leati_str *text)
{
    for (int64_t i = 0; i < e->hidden_layers; i++)
        leati_str_addf(text, "%sdense(%lld, %s)", text->length ? "; " : "", (long long)e->units,
                       leati_activation_name(e->activation));
    if (!text->length) leati_str_add(text, "identity");
}

/* The layers as they were given, or as hidden_layers and units say. */
static leat_status layers_text(leat_context *c, const network *e, leati_str *text)
{
    leati_str_init(text, c);
    if (strcmp(e->layers, "auto") != 0) leati_str_add(text, e->layers);
    else add_dense_layers(e, text);
    return leati_str_status(text);
}

/* NULL: a text that names none. */
static const leati_loss_class *loss_class(const network *e)
{
    bool labels = e->base.task == LEATI_CLASSIFY;
    if (strcmp(e->loss, "auto") != 0) return leati_loss_named(e->loss);
    return leati_loss_named(labels ? "cross_entropy" : "mse");
}

leati_class_outputs leati_network_outputs(const leati_estimator *base)
{
    const leati_loss_class *l = loss_class((const network *)base);
    return l ? l->outputs : LEATI_OUTPUTS_LOGITS;
}

/* How the layers end: with the dense one for the target, with the function behind it that the loss
 * is about. */
typedef struct ending {
    bool dense, function;
} ending;

static bool is_one_of(const char *name, const char *a, const char *b)
{
    return name && (strcmp(name, a) == 0 || strcmp(name, b) == 0);
}

/* head: whether the dense layer with that function, or NULL, is to be the last. */
static leat_status judge_end(leat_context *c, const network *e, const leati_layer *head,
                             const char *function, unsigned outputs, ending *out)
{
    const leati_loss_class *l = loss_class(e);
    bool labels = e->base.task == LEATI_CLASSIFY;
    if (e->head != 0 || leati_dense_units(head) != (int64_t)outputs) return LEAT_OK;
    if (labels && l && l->takes_logs) {
        out->function = is_one_of(function, "log_softmax", "log_softmax");
        out->dense = out->function || is_one_of(function, "none", "none");
        return LEAT_OK;
    }
    bool shares = is_one_of(function, "softmax", "sigmoid");
    if (labels && l && l->outputs == LEATI_OUTPUTS_SHARES) {
        out->dense = shares || is_one_of(function, "none", "none");
        return LEAT_OK;
    }
    LEATI_CHECK(c, !labels || !shares, LEAT_INVALID,
                "layer %u `dense` ends with %s: leave it out, the loss takes logits", head->number,
                function);
    out->dense = is_one_of(function, "none", "none");
    return LEAT_OK;
}

/* Whether an activation that is a layer of its own behind a dense one is what the loss is about. */
static bool closes(const leati_loss_class *l, const leati_layer *dense, const leati_layer *behind)
{
    const char *function = leati_activation_function(behind), *wanted = NULL;
    if (!dense || !is_one_of(leati_dense_function(dense), "none", "none")) return false;
    if (l && l->takes_logs) wanted = "log_softmax";
    else if (l && l->outputs == LEATI_OUTPUTS_SHARES) wanted = "softmax";
    return wanted && is_one_of(function, wanted, wanted);
}

static leat_status find_end(leat_context *c, const network *e, const char *text, unsigned outputs,
                            ending *out)
{
    leati_arena arena;
    leati_layer *last, *before = NULL;
    *out = (ending){false, false};
    leati_arena_init(&arena, c);
    leat_status st = leati_layers_parse(c, &arena, text, e->places, &last);
    for (; st == LEAT_OK && last->next; last = last->next) before = last;
    if (st == LEAT_OK && e->base.task == LEATI_CLASSIFY && closes(loss_class(e), before, last))
        st = judge_end(c, e, before, leati_activation_function(last), outputs, out);
    else if (st == LEAT_OK) st = judge_end(c, e, last, leati_dense_function(last), outputs, out);
    leati_arena_fini(&arena);
    return st;
}

/* What the loss needs behind the layers that were given. */
static leat_status add_end(leat_context *c, const network *e, unsigned outputs, leati_str *text)
{
    const leati_loss_class *l = loss_class(e);
    ending end;
    LEATI_TRY(find_end(c, e, leati_str_text(text), outputs, &end));
    if (!end.dense) leati_str_addf(text, "; dense(%u)", outputs);
    if (e->base.task == LEATI_CLASSIFY && l && l->takes_logs && !end.function)
        leati_str_add(text, "; log_softmax");
    return leati_str_status(text);
}

/* The layers and the last one for the target. */
static leat_status create(leat_context *c, const network *e, leati_network **out)
{
    leat_shape input;
    leati_str text;
    unsigned outputs = e->base.task == LEATI_CLASSIFY ? e->base.classes : 1;
    *out = NULL;
    leat_status st = layers_text(c, e, &text);
    if (st == LEAT_OK) st = input_shape(c, e, e->base.features, &input);
    if (st == LEAT_OK) st = add_end(c, e, outputs, &text);
    if (st == LEAT_OK)
        st = leati_network_create_at(c, leati_str_text(&text), e->places, input, out);
    leati_str_fini(&text);
    bool form = st == LEAT_SHAPE && strstr(leat_error_message(c), "a sample has shape");
    if (form && strcmp(e->input, "auto") == 0)
        leati_error_hint(c, "A sample is a row of features unless network.input says what it is, "
                            "as in 28x28x1 for images or 16x4 for 16 steps.");
    if (st != LEAT_OK) return st;
    size_t got = leati_shape_count(&(*out)->output);
    if (got == outputs) return LEAT_OK;
    leati_network_destroy(*out);
    *out = NULL;
    return LEATI_FAIL(
        c, LEAT_SHAPE,
        "network.layers gives %zu outputs for %u: end with flatten, global pooling or "
        "the last step of a sequence",
        got, outputs);
}

static bool keeps_places(const leati_layer *l)
{
    return leati_activation_function(l) || l->class->only_training;
}

static const char *wanted_outputs(const leati_loss_class *l, bool labels)
{
    if (!labels || !l) return "numbers as they are";
    if (l->takes_logs) return "log_softmax, which is added";
    return l->outputs == LEATI_OUTPUTS_SHARES ? "logits or dense(..., softmax)" : "logits";
}

/* dense: the last one; behind: what stands behind it, or NULL. */
static leat_status refuse_end(leat_context *c, const network *e, const leati_layer *dense,
                              const leati_layer *behind, unsigned outputs)
{
    bool labels = e->base.task == LEATI_CLASSIFY;
    const leati_loss_class *l = loss_class(e);
    char where[192];
    leati_layer_describe(behind ? behind : dense, where, sizeof where);
    const char *function = behind ? leati_activation_function(behind) : leati_dense_function(dense);
    if (leati_dense_units(dense) != (int64_t)outputs)
        (void)LEATI_FAIL(c, LEAT_INVALID,
                         "%s: the last dense layer gives 1 number, a network for %u classes gives "
                         "one for each: dense(%u)",
                         where, outputs, outputs);
    else if (behind && !function)
        (void)LEATI_FAIL(c, LEAT_INVALID, "%s stands behind dense(%u), which is for the target",
                         where, outputs);
    else
        (void)LEATI_FAIL(c, LEAT_INVALID,
                         "%s ends dense(%u), which is for the target, with %s: leave it out, the "
                         "loss %s takes %s",
                         where, outputs, function, l ? l->name : e->loss,
                         wanted_outputs(l, labels));
    return leati_error_hint(c,
                            "network.head=dense keeps these layers and adds dense(%u) for the "
                            "target behind them.",
                            outputs);
}

/* A dense layer that looks like the one for the target but for what is behind it would get a
 * second one, and the network be another than its writer meant. Only before it learns: files of
 * models are read as they are. */
static leat_status check_end(leat_context *c, const network *e, const leati_layer *first)
{
    unsigned outputs = e->base.task == LEATI_CLASSIFY ? e->base.classes : 1;
    const leati_layer *dense = NULL, *behind = NULL;
    ending end;
    if (e->head != 0 || strcmp(e->layers, "auto") == 0) return LEAT_OK;
    LEATI_TRY(find_end(c, e, e->layers, outputs, &end));
    for (const leati_layer *l = first; l && !end.dense; l = l->next) {
        if (!dense || !keeps_places(l)) dense = l, behind = NULL;
        else if (!behind) behind = l;
    }
    int64_t units = dense ? leati_dense_units(dense) : 0;
    bool same = units == (int64_t)outputs, single = units == 1 && outputs > 1;
    return same || single ? refuse_end(c, e, dense, behind, outputs) : LEAT_OK;
}

static leat_status check_layers(leat_context *c, const network *e)
{
    leati_arena arena;
    leati_layer *first;
    if (strcmp(e->layers, "auto") == 0) return LEAT_OK;
    leati_arena_init(&arena, c);
    leat_status st = leati_layers_parse(c, &arena, e->layers, e->places, &first);
    if (st == LEAT_OK) st = check_end(c, e, first);
    leati_arena_fini(&arena);
    return st;
}

static leat_status check_batch(leat_context *c, const network *e, const leati_network *n)
{
    char where[192];
    if (e->batch_size > 1 || !n->alone || !n->alone->trainable) return LEAT_OK;
    leati_layer_describe(n->alone, where, sizeof where);
    (void)LEATI_FAIL(
        c, LEAT_INVALID,
        "%s: a batch of one row has no variance to normalise by (network.batch_size=1)", where);
    return leati_error_hint(c, "take two rows or more, or layer_norm, which is of each row");
}

/* A shape of as many numbers as the image has that puts them into other rows and columns. */
static leat_status check_image(leat_context *c, const network *e, const leati_dataset *d)
{
    leat_shape s;
    const size_t *image = d->image;
    if (!image[0] || !given_shape(e, &s) || leati_shape_count(&s) != d->x.cols) return LEAT_OK;
    bool turned = s.rank == 2 && (size_t)s.dim[0] == image[1] && (size_t)s.dim[1] == image[0];
    bool other = s.rank == 3 && ((size_t)s.dim[1] != image[1] || (size_t)s.dim[2] != image[2]);
    if (!other && !(turned && image[0] != image[1])) return LEAT_OK;
    (void)LEATI_FAIL(c, LEAT_INVALID,
                     "network.input is '%s', but the images are %zux%zux%zu (height, width, "
                     "channels): their pixels would stand in other places",
                     e->input, image[0], image[1], image[2]);
    return leati_error_hint(
        c,
        "write network.input=%zux%zux%zu, or leave it out; a layer reshape(...) "
        "makes another shape of it",
        image[0], image[1], image[2]);
}

static void take_image(network *e, const leati_dataset *d)
{
    snprintf(e->input, sizeof e->input, "%zux%zux%zu", d->image[0], d->image[1], d->image[2]);
}

/* Of input=auto: images are rows of features as other data are, unless the layers or the changes
 * of images want more of them. The shape stays in the parameter, and so in the model. */
static leat_status create_of_image(leat_context *c, network *e, const leati_dataset *d,
                                   const leati_augment *changes, leati_network **out)
{
    if (!leati_augment_any(changes)) {
        leat_status st = create(c, e, out);
        if (st != LEAT_SHAPE || !strstr(leat_error_message(c), "a sample has shape")) return st;
        leat_error_clear(c);
    }
    take_image(e, d);
    leat_status st = create(c, e, out);
    if (st == LEAT_SHAPE && strstr(leat_error_message(c), "a sample has shape"))
        leati_error_hint(c, "network.input says what a sample is; auto took it for the image, %s.",
                         e->input);
    return st;
}

/* Of layers=auto: what a sample that is no row of sizes needs before the dense layers. It stays
 * in the parameter, and so in the model; of rows `auto` stays. */
static leat_status choose_layers(leat_context *c, network *e, const leati_dataset *d,
                                 const leati_augment *changes)
{
    leat_shape sample;
    leati_str text;
    if (strcmp(e->layers, "auto") != 0) return LEAT_OK;
    if (d->image[0] && strcmp(e->input, "auto") == 0 && leati_augment_any(changes))
        take_image(e, d);
    LEATI_TRY(input_shape(c, e, d->x.cols, &sample));
    leati_str_init(&text, c);
    leati_auto_layers(&text, &sample, d);
    bool row = text.length == 0;
    if (!row) add_dense_layers(e, &text);
    leat_status st = leati_str_status(&text);
    if (st == LEAT_OK && text.length >= sizeof e->layers)
        st = LEATI_FAIL(
            c, LEAT_INVALID,
            "network.hidden_layers is %lld: behind the layers for %s they are more than "
            "the %zu characters that network.layers holds; take fewer",
            (long long)e->hidden_layers, d->tokens ? "texts" : e->input, sizeof e->layers - 1);
    if (st == LEAT_OK && !row) snprintf(e->layers, sizeof e->layers, "%s", leati_str_text(&text));
    leati_str_fini(&text);
    return st;
}

static leat_status create_shaped(leat_context *c, network *e, const leati_dataset *d,
                                 leati_network **out)
{
    leati_augment changes;
    LEATI_TRY(check_layers(c, e));
    LEATI_TRY(check_image(c, e, d));
    LEATI_TRY(leati_augment_parse(c, e->augment, &changes));
    LEATI_TRY(choose_layers(c, e, d, &changes));
    if (d->image[0] && strcmp(e->input, "auto") == 0)
        LEATI_TRY(create_of_image(c, e, d, &changes, out));
    else LEATI_TRY(create(c, e, out));
    leat_status st = leati_augment_check(c, &changes, &(*out)->input);
    if (st == LEAT_OK) return LEAT_OK;
    leati_network_destroy(*out);
    *out = NULL;
    return st;
}

/* The network for data that it takes. */
static leat_status create_for(leat_context *c, network *e, const leati_dataset *d,
                              leati_network **out)
{
    LEATI_TRY(create_shaped(c, e, d, out));
    LEATI_TRY(check_batch(c, e, *out));
    return leati_demand_check(c, *out, &d->x, d->features);
}

/* The parameters that describe the layers of layers=auto. */
static const char *idle(const leati_estimator *base, const char *param)
{
    const network *e = (const network *)base;
    if (strcmp(param, "weights_skip") == 0)
        return *e->values ? NULL : "network.weights names no file to take weights from";
    bool each = strcmp(param, "units") == 0 || strcmp(param, "activation") == 0;
    if (!each && strcmp(param, "hidden_layers") != 0) return NULL;
    if (strcmp(e->layers, "auto") != 0)
        return "network.layers says what the layers are; leave it out, or leave out network.layers";
    return each && e->hidden_layers == 0 ? "network.hidden_layers is 0" : NULL;
}

/* What can be read without data: layers, loss, optimiser, schedule, augmentation. */
static leat_status check(const leati_estimator *base, leat_context *c)
{
    const network *e = (const network *)base;
    leati_arena arena;
    leati_layer *first;
    leati_loss *loss = NULL;
    leati_optimizer *optimizer = NULL;
    leati_schedule *schedule = NULL;
    leati_augment augment;
    leat_status st = LEAT_OK;
    leati_arena_init(&arena, c);
    if (strcmp(e->layers, "auto") != 0)
        st = leati_layers_parse(c, &arena, e->layers, e->places, &first);
    if (st == LEAT_OK && strcmp(e->loss, "auto") != 0) st = leati_loss_parse(c, e->loss, &loss);
    if (st == LEAT_OK) st = leati_optimizer_parse(c, e->optimizer, &optimizer);
    if (st == LEAT_OK) st = leati_schedule_parse(c, e->schedule, &schedule);
    if (st == LEAT_OK) st = leati_augment_parse(c, e->augment, &augment);
    if (st == LEAT_OK && e->epochs == 0 && !*e->values)
        st = LEATI_FAIL(c, LEAT_INVALID,
                        "network.epochs is 0: nothing would be learned; name a file of weights "
                        "(network.weights) or take an epoch");
    leati_free(loss);
    leati_free(optimizer);
    leati_free(schedule);
    leati_arena_fini(&arena);
    return st;
}

static void clear(leati_estimator *base)
{
    network *e = (network *)base;
    leati_free(e->weights);
    leati_free(e->states);
    e->weights = e->states = NULL;
    leati_resting_pool_destroy(e->sessions);
    e->sessions = NULL;
    leati_shelf_release(e->shelf);
    e->shelf = NULL;
}

/* Rows with the target of a regression to mean 0 and deviation 1. */
static leat_status scaled_target(leat_context *c, network *e, const leati_dataset *d, double **out)
{
    size_t rows = d->x.rows;
    double sum = 0, squares = 0, most = 0;
    *out = leati_array(c, rows, sizeof **out);
    if (!*out) return LEAT_NOMEM;
    for (size_t i = 0; i < rows; i++) most = fmax(most, fabs(d->y[i]));
    const double unit = leati_unit_of(most);
    for (size_t i = 0; i < rows; i++) sum += (*out)[i] = d->y[i] / unit;
    const double mean = sum / (double)rows;
    for (size_t i = 0; i < rows; i++) squares += ((*out)[i] - mean) * ((*out)[i] - mean);
    const double scale = squares > 0 ? sqrt(squares / (double)rows) : 1;
    for (size_t i = 0; i < rows; i++) (*out)[i] = ((*out)[i] - mean) / scale;
    e->mean = mean * unit;
    e->scale = scale * unit;
    return LEAT_OK;
}

static leat_status make_pool(leat_context *c, network *e)
{
    e->sessions = leati_session_pool_create(c);
    e->shelf = e->sessions ? leati_shelf_create(c) : NULL;
    return e->shelf ? LEAT_OK : leat_error_status(c);
}

static leat_status keep(leat_context *c, network *e, leati_network *n)
{
    e->weight_count = n->trained_count;
    e->state_count = n->state_count;
    e->weights = leati_array(c, n->trained_count + 1, sizeof *e->weights);
    e->states = leati_array(c, n->state_count + 1, sizeof *e->states);
    if (!e->weights || !e->states) return leat_error_status(c);
    LEATI_TRY(make_pool(c, e));
    LEATI_TRY(leat_variable_get(n->trained, e->weights, n->trained_count * sizeof(float)));
    return leat_variable_get(n->states, e->states, n->state_count * sizeof(float));
}

/* Dense layers one behind the other are as one. */
static leat_status note_linear(leat_context *c, const network *e)
{
    leati_arena arena;
    leati_layer *l = NULL;
    if (strcmp(e->layers, "auto") == 0) return LEAT_OK;
    leati_arena_init(&arena, c);
    leat_status st = leati_layers_parse(c, &arena, e->layers, e->places, &l);
    for (; st == LEAT_OK && l->next; l = l->next) {
        char first[160], second[160];
        bool linear = leati_dense_units(l) && leati_dense_units(l->next) &&
                      is_one_of(leati_dense_function(l), "none", "none");
        if (!linear) continue;
        leati_layer_describe(l, first, sizeof first);
        leati_layer_describe(l->next, second, sizeof second);
        leati_log(c, LEAT_LOG_WARN,
                  "network: between %s and %s stands no activation: both together are one linear "
                  "layer; dense(%lld, relu) is more",
                  first, second, (long long)leati_dense_units(l));
        break;
    }
    leati_arena_fini(&arena);
    return st;
}

/* What the texts among the parameters say. */
typedef struct recipe {
    leati_optimizer *optimizer;
    leati_schedule *schedule;
    leati_loss *loss;
    leati_augment augment;
} recipe;

static leat_status read_recipe(leat_context *c, const network *e, const leati_dataset *d, recipe *r)
{
    LEATI_TRY(leati_optimizer_parse(c, e->optimizer, &r->optimizer));
    LEATI_TRY(leati_schedule_parse(c, e->schedule, &r->schedule));
    LEATI_TRY(leati_augment_parse(c, e->augment, &r->augment));
    LEATI_TRY(leati_loss_for_task(c, e->loss, d->task, &r->loss));
    return leati_loss_see(c, r->loss, d);
}

static void free_recipe(recipe *r)
{
    leati_free(r->optimizer);
    leati_free(r->schedule);
    leati_free(r->loss);
}

static double rate_of(const network *e, const recipe *r)
{
    if (e->learning_rate.choice < 0) return e->learning_rate.value;
    if (r->schedule->class->standard_rate > 0) return r->schedule->class->standard_rate;
    double rate = r->optimizer->class->standard_rate;
    return rate > 0 ? rate : 0.001;
}

static leati_train_options options_of(const network *e, const leati_dataset *d, const recipe *r)
{
    leati_train_options o = {.loss = r->loss,
                             .schedule = r->schedule,
                             .augment = &r->augment,
                             .epochs = (size_t)e->epochs,
                             .batch_size = (size_t)e->batch_size,
                             .accumulate = (size_t)e->accumulate,
                             .learning_rate = rate_of(e, r),
                             .clip_norm = e->clip_norm,
                             .clip_value = e->clip_value,
                             .ema = e->ema,
                             .validation_fraction = e->validation_fraction,
                             .patience = (size_t)e->patience,
                             .half = e->precision == PRECISION_BF16,
                             .seed = d->seed,
                             .what = "network",
                             .checkpoint_seconds = 60};
    if (!d->run) return o;
    o.folder = d->run->path;
    o.resume = d->run->resume;
    o.passes_over = d->run->passes_over;
    o.trace = d->run->trace;
    o.wait = d->run->wait;
    o.watch = d->run->history != NULL;
    return o;
}

/* The network with its first values: from the seed, or from a file. Its targets are scaled as the
 * data say; without training as the file says, if it does. */
static leat_status begin(leat_context *c, network *e, leati_network *n, leat_graph *g,
                         leati_train_options *options)
{
    double mean = 0, scale = 1;
    LEATI_TRY(leati_network_open(n, g, options->seed));
    if (!*e->values) return LEAT_OK;
    leat_status st = leati_network_read(c, n, e->values, e->weights_skip, &mean, &scale);
    if (st == LEAT_FORMAT && !e->weights_skip && strstr(leat_error_message(c), "this network's"))
        leati_error_hint(c, "network.weights_skip=true takes what fits, as for other classes, and "
                            "lets the rest begin as without the file");
    if (st != LEAT_OK) return st;
    if (e->epochs == 0 && !isnan(mean)) e->mean = mean, e->scale = scale;
    size_t bytes = n->trained_count * sizeof(float);
    float *first = leati_array(c, n->trained_count + 1, sizeof *first);
    st = first ? leat_variable_get(n->trained, first, bytes) : leat_error_status(c);
    if (st == LEAT_OK) options->origin = leati_hash64(first, bytes, 1) | 1;
    leati_free(first);
    return st;
}

static leat_status fit(leati_estimator *base, leat_context *c, const leati_dataset *d)
{
    network *e = (network *)base;
    leati_network *n = NULL;
    leat_graph *g = NULL;
    recipe r = {0};
    leati_history history = {0};
    leati_dataset scaled = *d;
    double *y = NULL;
    bool fits = false;
    leat_status st;
    e->mean = 0, e->scale = 1;
    if (d->task == LEATI_REGRESS) {
        LEATI_GO(scaled_target(c, e, d, &y));
        scaled.y = y;
    }
    LEATI_GO(read_recipe(c, e, d, &r));
    leati_train_options options = options_of(e, d, &r);
    LEATI_GO(create_for(c, e, d, &n));
    LEATI_GO(note_linear(c, e));
    if (e->epochs) LEATI_GO(leati_train_memory_check(c, n, r.optimizer, d, &options));
    fits = true; /* as far as one can tell before */
    LEATI_GO(leat_graph_create(c, "cpu", &g));
    LEATI_GO(begin(c, e, n, g, &options));
    if (e->epochs) LEATI_GO(leati_train(c, n, r.optimizer, &scaled, &options, &history));
    e->base.iterations = (uint32_t)history.count;
    e->base.converged = true;
    LEATI_GO(keep(c, e, n));
out:
    if (st == LEAT_NOMEM && fits)
        leati_error_within(c, "training the network of %zu weights", n->trained_count);
    if (d->run && d->run->history) {
        leati_history_fini(d->run->history);
        *d->run->history = history;
    } else {
        leati_history_fini(&history);
    }
    leati_network_destroy(n);
    leat_graph_destroy(g);
    free_recipe(&r);
    leati_free(y);
    return st;
}

leat_status leati_network_of(leat_context *c, const leati_estimator *base, leat_graph *g,
                             leati_network **out, double *mean, double *scale)
{
    LEATI_BUG_IF(c, base->class != &leati_estimator_network || !base->fitted);
    const network *e = (const network *)base;
    leati_network *n = NULL;
    leat_status st;
    *out = NULL;
    LEATI_GO(create(c, e, &n));
    LEATI_GO(leati_network_open(n, g, 0));
    LEATI_GO(leat_variable_set(n->trained, e->weights, n->trained_count * sizeof(float)));
    LEATI_GO(leat_variable_set(n->states, e->states, n->state_count * sizeof(float)));
    if (mean) *mean = e->mean;
    if (scale) *scale = e->scale;
    *out = n;
    return LEAT_OK;
out:
    leati_network_destroy(n);
    return st;
}

static leat_status estimate(leat_context *c, network *e, const leati_dataset *d, const recipe *r,
                            leati_network_estimate *out)
{
    leati_network *n = NULL;
    leati_train_options options = options_of(e, d, r);
    leat_status st = create_shaped(c, e, d, &n);
    if (st == LEAT_OK) st = leati_train_memory_plan(c, n, r->optimizer, d, &options, &out->memory);
    if (st == LEAT_OK) st = leat_graph_create(c, "cpu", &n->graph);
    if (st == LEAT_OK) st = leati_layer_table_make(c, n, &out->layers);
    if (n) leat_graph_destroy(n->graph);
    leati_network_destroy(n);
    out->batch = options.batch_size < d->x.rows ? options.batch_size : d->x.rows;
    out->optimizer = r->optimizer->class->name;
    return st;
}

leat_status leati_network_estimate_make(leat_context *c, const leati_estimator *base,
                                        const leati_dataset *d, leati_network_estimate *out)
{
    LEATI_BUG_IF(c, base->class != &leati_estimator_network);
    leati_estimator *clone;
    recipe r = {0};
    *out = (leati_network_estimate){0};
    LEATI_TRY(leati_estimator_clone(c, &clone, base));
    network *e = (network *)clone;
    clone->task = d->task;
    clone->classes = d->classes;
    clone->features = d->x.cols;
    leat_status st = leati_optimizer_parse(c, e->optimizer, &r.optimizer);
    if (st == LEAT_OK) st = leati_schedule_parse(c, e->schedule, &r.schedule);
    if (st == LEAT_OK) st = leati_loss_for_task(c, e->loss, d->task, &r.loss);
    if (st == LEAT_OK) st = estimate(c, e, d, &r, out);
    free_recipe(&r);
    leati_estimator_destroy(clone);
    return st;
}

static leat_status sweep_rates(leat_context *c, network *e, const leati_dataset *d, recipe *r,
                               leati_rate_point **points, size_t *count)
{
    enum { RATES = 120 };
    leati_network *n = NULL;
    leat_graph *g = NULL;
    leati_dataset scaled = *d;
    double *y = NULL;
    leat_status st = LEAT_OK;
    if (d->task == LEATI_REGRESS) LEATI_GO(scaled_target(c, e, d, &y));
    if (y) scaled.y = y;
    LEATI_GO(read_recipe(c, e, d, r));
    leati_train_options options = options_of(e, d, r);
    LEATI_GO(create_for(c, e, d, &n));
    LEATI_GO(leati_train_memory_check(c, n, r->optimizer, d, &options));
    LEATI_GO(leat_graph_create(c, "cpu", &g));
    LEATI_GO(begin(c, e, n, g, &options));
    LEATI_GO(
        leati_rate_test(c, n, r->optimizer, &scaled, &options, 1e-6, 10, RATES, points, count));
out:
    leati_network_destroy(n);
    leat_graph_destroy(g);
    leati_free(y);
    return st;
}

leat_status leati_network_rate_range(leat_context *c, const leati_estimator *base,
                                     const leati_dataset *d, leati_rate_point **points,
                                     size_t *count)
{
    LEATI_BUG_IF(c, base->class != &leati_estimator_network);
    leati_estimator *clone;
    recipe r = {0};
    *points = NULL;
    *count = 0;
    LEATI_TRY(leati_estimator_clone(c, &clone, base));
    clone->task = d->task;
    clone->classes = d->classes;
    clone->features = d->x.cols;
    leat_status st = sweep_rates(c, (network *)clone, d, &r, points, count);
    free_recipe(&r);
    leati_estimator_destroy(clone);
    return st;
}

static bool is_half(const network *e, const leat_context *c)
{
    leat_precision asked = leat_context_precision(c);
    return asked == LEAT_PRECISION_OF_MODEL ? e->precision == PRECISION_BF16
                                            : asked == LEAT_PRECISION_BF16;
}

static leat_status make_session(const network *e, leat_context *c, leati_network_session **out)
{
    leati_network *n;
    LEATI_TRY(create(c, e, &n));
    leati_session_of of = {e->weights, e->states, is_half(e, c), leati_network_outputs(&e->base),
                           e->shelf};
    return leati_network_session_create(c, n, &of, out);
}

static leat_status reserve(const leati_estimator *base, leat_context *c, size_t threads)
{
    const network *e = (const network *)base;
    leati_resting_pool_widen(e->sessions, threads);
    for (size_t i = 0; i < threads; i++) {
        leati_network_session *s;
        LEATI_TRY(make_session(e, c, &s));
        leati_resting_pool_give(e->sessions, s, false);
    }
    return LEAT_OK;
}

/* A session that rests in the pool, or else a new one: calls from several threads do not meet.
 * proba: NULL, or for the probabilities beside the class. */
static leat_status run(const network *e, leat_context *c, const leati_matrix *x,
                       leati_answer answer, double *out, double *proba)
{
    leati_network_session *s = leati_session_pool_take(e->sessions, c, is_half(e, c));
    if (!s) LEATI_TRY(make_session(e, c, &s));
    leat_status st = proba ? leati_network_session_classify(c, s, x, out, proba)
                           : leati_network_session_run(c, s, x, answer, out);
    if (st == LEAT_OK) leati_resting_pool_give(e->sessions, s, true);
    else leati_network_session_destroy(s);
    return st;
}

static bool gives_proba(const leati_estimator *base)
{
    return leati_network_outputs(base) != LEATI_OUTPUTS_SCORES;
}

static leat_status check_proba(const leati_estimator *base, leat_context *c)
{
    if (gives_proba(base)) return LEAT_OK;
    (void)LEATI_FAIL(c, LEAT_UNSUPPORTED, "a network with the loss %s gives no probabilities",
                     loss_class((const network *)base)->name);
    return leati_error_hint(c, "fit it again with network.loss=cross_entropy");
}

static leat_status proba(const leati_estimator *base, leat_context *c, const leati_matrix *x,
                         double *out)
{
    LEATI_TRY(check_proba(base, c));
    return run((const network *)base, c, x, LEATI_ANSWER_PROBABILITIES, out, NULL);
}

static leat_status predict(const leati_estimator *base, leat_context *c, const leati_matrix *x,
                           double *out)
{
    const network *e = (const network *)base;
    if (base->task == LEATI_CLASSIFY) return run(e, c, x, LEATI_ANSWER_CLASS, out, NULL);
    LEATI_TRY(run(e, c, x, LEATI_ANSWER_VALUES, out, NULL));
    for (size_t i = 0; i < x->rows; i++) out[i] = out[i] * e->scale + e->mean;
    return LEAT_OK;
}

static leat_status decision(const leati_estimator *base, leat_context *c, const leati_matrix *x,
                            double *out)
{
    return run((const network *)base, c, x, LEATI_ANSWER_VALUES, out, NULL);
}

static leat_status answer(const leati_estimator *base, leat_context *c, const leati_matrix *x,
                          double *value, double *proba_out)
{
    LEATI_TRY(check_proba(base, c));
    return run((const network *)base, c, x, LEATI_ANSWER_CLASS, value, proba_out);
}

static leat_status save(const leati_estimator *base, leat_context *c, leati_state *s)
{
    const network *e = (const network *)base;
    (void)c;
    LEATI_TRY(leati_state_put(s, "weights", LEATI_F32, e->weights, e->weight_count, 0));
    LEATI_TRY(leati_state_put(s, "states", LEATI_F32, e->states, e->state_count, 0));
    LEATI_TRY(leati_state_put_scalar(s, "target_mean", e->mean));
    return leati_state_put_scalar(s, "target_scale", e->scale);
}

static leat_status load(leati_estimator *base, leat_context *c, leati_state *s)
{
    network *e = (network *)base;
    leati_network *n;
    LEATI_TRY(create(c, e, &n));
    e->weight_count = n->trained_count;
    e->state_count = n->state_count;
    leati_network_destroy(n);
    LEATI_TRY(leati_state_take(c, s, "weights", LEATI_F32, e->weight_count, 0, &e->weights, NULL));
    LEATI_TRY(leati_state_take(c, s, "states", LEATI_F32, e->state_count, 0, &e->states, NULL));
    LEATI_TRY(make_pool(c, e));
    LEATI_TRY(leati_state_get_scalar(c, s, "target_mean", -INFINITY, INFINITY, &e->mean));
    return leati_state_get_scalar(c, s, "target_scale", 0, INFINITY, &e->scale);
}

const leati_estimator_class leati_estimator_network = {
    .name = "network",
    .title = "neural network",
    .doc =
        "Layers of weighted sums and functions, trained by gradients in mini-batches. For images, "
        "text and tables where simpler methods level off.",
    .traits = LEATI_CLASSIFIER | LEATI_REGRESSOR | LEATI_WANTS_SCALING | LEATI_WANTS_F32 |
              LEATI_RANDOM | LEATI_SLOW_ON_ROWS | LEATI_MAY_OVERFLOW,
    .size = sizeof(network),
    .params = params,
    .check = check,
    .idle = idle,
    .fit = fit,
    .predict = predict,
    .proba = proba,
    .gives_proba = gives_proba,
    .decision = decision,
    .answer = answer,
    .reserve = reserve,
    .save = save,
    .load = load,
    .clear = clear};
