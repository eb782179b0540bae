/* Owns: layers that move values without computing: flatten, reshape, permute, repeat, crop, pad,
 * upsample. */
#include <leat/function.h>

#include "nn/layer.h"
#include "tensor/shape.h"

enum { DIMS = 6 };

typedef struct form {
    leati_layer base;
    int64_t dim[DIMS], times;
    char low[LEATI_WORD_PARAM], high[LEATI_WORD_PARAM], size[LEATI_WORD_PARAM];
    int mode;
    bool align_corners;
    double value;
} form;

static const leati_param none[] = {{0}};

static leat_tensor *flatten(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    (void)layer, (void)b;
    int rank = leat_tensor_shape(x).rank;
    return rank == 1 ? leat_unsqueeze(x, 1) : leat_flatten(x, 1, -1);
}

const leati_layer_class leati_layer_flatten = {.name = "flatten",
                                               .doc = "Every sample becomes one row.",
                                               .size = sizeof(leati_layer),
                                               .params = none,
                                               .build = flatten};

/* ---- dimensions --------------------------------------------------------------------------------
 */

#define DIM(n, i, about)                                                                           \
    {                                                                                              \
        .name = n, .type = LEATI_PARAM_INT, .offset = offsetof(form, dim[i]), .standard = "0",     \
        .least = -1, .most = 1e9, .doc = about                                                     \
    }
#define SIZE "Size of the dimension; -1: what is left; 0: none."
static const leati_param reshape_params[] = {DIM("d1", 0, SIZE),
                                             DIM("d2", 1, SIZE),
                                             DIM("d3", 2, SIZE),
                                             DIM("d4", 3, SIZE),
                                             DIM("d5", 4, SIZE),
                                             DIM("d6", 5, SIZE),
                                             {0}};

static leat_tensor *reshape(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    (void)b;
    const form *l = (const form *)layer;
    leat_shape from = leat_tensor_shape(x), s = {.rank = 1, .dim = {from.dim[0]}};
    int open = 0;
    for (int i = 0; i < DIMS && l->dim[i] != 0; i++) {
        if (l->dim[i] < 0) open = s.rank;
        s.dim[s.rank++] = l->dim[i];
    }
    if (from.dim[0] == 0 && open) { /* what is left of nothing says nothing */
        from.dim[0] = 1;
        int64_t left = (int64_t)leati_shape_count(&from);
        for (int i = 1; i < s.rank; i++)
            if (s.dim[i] > 0) left /= s.dim[i];
        s.dim[open] = left;
    }
    return leat_reshape(x, s);
}

const leati_layer_class leati_layer_reshape = {
    .name = "reshape",
    .doc = "Another shape for every sample, as in reshape(28, 28, 1).",
    .size = sizeof(form),
    .params = reshape_params,
    .build = reshape};

#define PLACE "Which dimension comes here, from 1; the batch stays first."
static const leati_param permute_params[] = {DIM("d1", 0, PLACE),
                                             DIM("d2", 1, PLACE),
                                             DIM("d3", 2, PLACE),
                                             DIM("d4", 3, PLACE),
                                             DIM("d5", 4, PLACE),
                                             DIM("d6", 5, PLACE),
                                             {0}};

static leat_tensor *permute(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    const form *l = (const form *)layer;
    int perm[LEAT_MAX_RANK] = {0}, rank = leat_tensor_shape(x).rank, count = 1;
    unsigned seen = 1;
    int given = 0;
    while (given < DIMS && l->dim[given] != 0) given++;
    for (int i = 0; i < given; i++) {
        int64_t d = l->dim[i];
        if (d < 1 || d >= rank || (seen >> d & 1)) break;
        seen |= 1u << d;
        perm[count++] = (int)d;
    }
    if (count != rank || given != rank - 1)
        return leati_layer_fail(b, LEAT_INVALID, "takes each of the dimensions 1 to %d once",
                                rank - 1);
    return leat_transpose(x, perm);
}

const leati_layer_class leati_layer_permute = {
    .name = "permute",
    .doc = "The dimensions of a sample in another order, as in permute(2, 1).",
    .size = sizeof(form),
    .params = permute_params,
    .build = permute};

static const leati_param repeat_params[] = {{.name = "n",
                                             .type = LEATI_PARAM_INT,
                                             .offset = offsetof(form, times),
                                             .standard = "2",
                                             .least = 1,
                                             .most = 1e7,
                                             .doc = "How often."},
                                            {0}};

static leat_tensor *repeat(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    const form *l = (const form *)layer;
    if (!leati_layer_rank(b, x, 2, 2, "(features)")) return NULL;
    leat_shape s = leat_tensor_shape(x);
    return leat_expand(leat_unsqueeze(x, 1), LEAT_DIMS(s.dim[0], l->times, s.dim[1]));
}

const leati_layer_class leati_layer_repeat = {
    .name = "repeat",
    .doc = "Every sample (features) n times, as steps: (n, features).",
    .size = sizeof(form),
    .params = repeat_params,
    .build = repeat};

/* ---- borders -----------------------------------------------------------------------------------
 */

/* Spatial dimensions lie between batch and channels; of (batch, features) the features are one. */
static int spatial(leat_tensor *x)
{
    int rank = leat_tensor_shape(x).rank;
    return rank <= 2 ? 1 : rank - 2;
}

#define BORDER(field, usual, about)                                                                \
    {                                                                                              \
        .name = #field, .type = LEATI_PARAM_WORD, .offset = offsetof(form, field),                 \
        .standard = usual, .doc = about                                                            \
    }

static bool borders(const form *l, leati_builder *b, leat_tensor *x, int64_t *low, int64_t *high)
{
    const char *h = l->high[0] == 'l' ? l->low : l->high; /* "low" */
    if (!leati_layer_rank(b, x, 2, LEAT_MAX_RANK, "(places..., channels)")) return false;
    return leati_layer_sizes(b, "low", l->low, spatial(x), 0, low) &&
           leati_layer_sizes(b, "high", h, spatial(x), 0, high);
}

static const leati_param crop_params[] = {
    BORDER(low, "1", "Places cut off before, as in 1 or 1x2."),
    BORDER(high, "low", "Places cut off behind; low: as many as before."),
    {0}};

static leat_tensor *crop(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    int64_t low[LEAT_MAX_RANK], high[LEAT_MAX_RANK];
    if (!borders((const form *)layer, b, x, low, high)) return NULL;
    leat_shape s = leat_tensor_shape(x);
    for (int i = 0; i < spatial(x); i++) {
        int64_t left = s.dim[i + 1] - low[i] - high[i];
        if (left < 1)
            return leati_layer_fail(b, LEAT_SHAPE, "nothing is left of %lld places",
                                    (long long)s.dim[i + 1]);
        if (left < s.dim[i + 1]) x = leat_narrow(x, i + 1, low[i], left);
    }
    return x;
}

const leati_layer_class leati_layer_crop = {
    .name = "crop",
    .doc = "Without the first and last places of every spatial dimension.",
    .size = sizeof(form),
    .params = crop_params,
    .build = crop};

static const leati_param pad_params[] = {
    BORDER(low, "1", "Places put before, as in 1 or 1x2."),
    BORDER(high, "low", "Places put behind; low: as many as before."),
    {.name = "mode",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(form, mode),
     .standard = "constant",
     .choices = "constant|reflect|edge|wrap",
     .doc = "What is put there."},
    {.name = "value",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(form, value),
     .standard = "0",
     .least = -1e30,
     .most = 1e30,
     .doc = "The constant."},
    {0}};

static leat_tensor *pad(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    static const leat_pad_mode modes[] = {LEAT_PAD_CONSTANT, LEAT_PAD_REFLECT, LEAT_PAD_EDGE,
                                          LEAT_PAD_WRAP};
    const form *l = (const form *)layer;
    int64_t low[LEAT_MAX_RANK + 1] = {0}, high[LEAT_MAX_RANK + 1] = {0};
    if (!borders(l, b, x, low + 1, high + 1)) return NULL;
    for (int i = spatial(x) + 1; i <= LEAT_MAX_RANK; i++) low[i] = high[i] = 0;
    return leat_pad(x, modes[l->mode], low, high, l->value);
}

const leati_layer_class leati_layer_pad = {
    .name = "pad",
    .doc = "With more places before and behind in every spatial dimension.",
    .size = sizeof(form),
    .params = pad_params,
    .build = pad};

static const leati_param upsample_params[] = {
    BORDER(size, "2", "Factors, as in 2 or 2x3."),
    {.name = "mode",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(form, mode),
     .standard = "nearest",
     .choices = "nearest|linear|bilinear|trilinear|cubic|bicubic",
     .doc =
         "nearest: each place several times; linear: between two places of every dimension, which "
         "of an image is bilinear and of a volume trilinear; cubic: between four (Keys 1981), of "
         "an image bicubic."},
    {.name = "align_corners",
     .type = LEATI_PARAM_BOOL,
     .offset = offsetof(form, align_corners),
     .standard = "false",
     .doc = "The first and last places stay what they are, and the others lie evenly between; else "
            "places are areas, whose borders stay. Not of nearest."},
    {0}};

/* In the order of the choices: of how many dimensions it is; 0: of any. */
static const struct {
    const char *name, *of_any;
    int dims;
    leat_resize_mode mode;
} upsample_modes[] = {
    {"nearest", NULL, 0, LEAT_RESIZE_NEAREST},     {"linear", NULL, 0, LEAT_RESIZE_LINEAR},
    {"bilinear", "linear", 2, LEAT_RESIZE_LINEAR}, {"trilinear", "linear", 3, LEAT_RESIZE_LINEAR},
    {"cubic", NULL, 0, LEAT_RESIZE_CUBIC},         {"bicubic", "cubic", 2, LEAT_RESIZE_CUBIC}};

static bool upsample_fits(const form *l, leati_builder *b, int dims)
{
    int of = upsample_modes[l->mode].dims;
    if (of && of != dims) {
        (void)leati_layer_fail(b, LEAT_INVALID,
                               "mode=%s is for %d dimensions beside the channels, "
                               "there %s %d: mode=%s is for any",
                               upsample_modes[l->mode].name, of, dims == 1 ? "is" : "are", dims,
                               upsample_modes[l->mode].of_any);
        return false;
    }
    if (l->align_corners && upsample_modes[l->mode].mode == LEAT_RESIZE_NEAREST) {
        (void)leati_layer_fail(b, LEAT_INVALID,
                               "mode=nearest has no corners to align: "
                               "align_corners goes with mode=linear or mode=cubic");
        return false;
    }
    return true;
}

/* (N, H, W, C) -> (N, H, 1, W, 1, C) -> (N, H, h, W, w, C) -> (N, H h, W w, C) */
static leat_tensor *repeat_places(leat_tensor *x, int dims, const int64_t *factor)
{
    leat_shape s = leat_tensor_shape(x), apart = {.rank = 1, .dim = {s.dim[0]}}, wide = apart;
    for (int i = 0; i < dims; i++) {
        apart.dim[apart.rank] = wide.dim[apart.rank] = s.dim[i + 1];
        apart.dim[apart.rank + 1] = 1;
        wide.dim[apart.rank + 1] = factor[i];
        apart.rank += 2;
        s.dim[i + 1] *= factor[i];
    }
    apart.dim[apart.rank] = wide.dim[apart.rank] = s.dim[s.rank - 1];
    wide.rank = ++apart.rank;
    return leat_reshape(leat_expand(leat_reshape(x, apart), wide), s);
}

static leat_tensor *upsample(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    const form *l = (const form *)layer;
    int64_t factor[LEAT_MAX_RANK], size[LEAT_MAX_RANK];
    int axis[LEAT_MAX_RANK], dims = spatial(x);
    size_t count = 0;
    if (!leati_layer_rank(b, x, 3, 5, "(places..., channels)") ||
        !leati_layer_sizes(b, "size", l->size, dims, 1, factor) || !upsample_fits(l, b, dims))
        return NULL;
    leat_resize o = leat_resize_default(upsample_modes[l->mode].mode);
    if (o.mode == LEAT_RESIZE_NEAREST) return repeat_places(x, dims, factor);
    if (l->align_corners) o.coordinates = LEAT_COORDINATES_CORNERS;
    leat_shape s = leat_tensor_shape(x);
    for (int i = 0; i < dims; i++) {
        if (factor[i] == 1) continue;
        axis[count] = i + 1;
        size[count++] = s.dim[i + 1] * factor[i];
    }
    return leat_interpolate(x, count, axis, size, &o);
}

const leati_layer_class leati_layer_upsample = {
    .name = "upsample",
    .doc = "Larger by whole factors in every spatial dimension, as torch.nn.Upsample.",
    .size = sizeof(form),
    .params = upsample_params,
    .build = upsample};
