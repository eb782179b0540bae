/* Owns: the first layers of a network whose layers nobody wrote: by the shape of a sample. */
#include "nn/auto_layers.h"

#include <string.h>

/* Fewer rows or columns than this are no picture to take windows of; what the blocks leave is as
 * small. */
enum { LEAST_SIDE = 8, MOST_BLOCKS = 5, MOST_FILTERS = 64 };

static void add(leati_str *text, const char *layer)
{
    if (text->length) leati_str_add(text, "; ");
    leati_str_add(text, layer);
}

/* Windows of 3x3 and halving, twice the channels each time, as in LeNet and VGG. */
static void add_image(leati_str *text, int64_t height, int64_t width)
{
    int64_t filters = 16;
    for (int i = 0; i < MOST_BLOCKS && height >= LEAST_SIDE && width >= LEAST_SIDE; i++) {
        if (text->length) leati_str_add(text, "; ");
        leati_str_addf(text, "conv2d(%lld, 3, padding=same, activation=relu); max_pool2d(2)",
                       (long long)filters);
        if (filters < MOST_FILTERS) filters *= 2;
        height /= 2, width /= 2;
    }
    add(text, "flatten");
}

/* A shape of two sizes says height and width of a grey image where the data are such. */
static bool is_grey(const leat_shape *s, const leati_dataset *d)
{
    return s->rank == 2 && d->image[2] == 1 && (size_t)s->dim[0] == d->image[0] &&
           (size_t)s->dim[1] == d->image[1];
}

void leati_auto_layers(leati_str *text, const leat_shape *sample, const leati_dataset *d)
{
    const int64_t *dim = sample->dim;
    if (sample->rank == 1 && d->tokens)
        leati_str_addf(text, "embedding(%zu, 64, mask_zero=true); global_average_pool", d->tokens);
    if (sample->rank == 1) return;
    if (is_grey(sample, d)) {
        leati_str_addf(text, "reshape(%lld, %lld, 1)", (long long)dim[0], (long long)dim[1]);
        add_image(text, dim[0], dim[1]);
    } else if (sample->rank == 3) {
        add_image(text, dim[0], dim[1]);
    } else {
        add(text, sample->rank == 2 && dim[0] > 1 ? "lstm(64)" : "flatten");
    }
}
