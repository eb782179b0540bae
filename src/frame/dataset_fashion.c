/* Owns: Fashion-MNIST as Debian's package installs it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "frame/dataset_load.h"
#include "frame/foreign.h"
#include "io/source.h"

/* Of the paper: H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747, table 2. */
static const char *const classes[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                      "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
enum { CLASSES = sizeof classes / sizeof *classes };

/* LEAT_DATASETS stands for the folder where packages put data sets. */
static void place(char out[1024], const char *file)
{
    const char *root = getenv("LEAT_DATASETS");
    snprintf(out, 1024, "%s/fashion-mnist/%s", root && *root ? root : "/usr/share/datasets", file);
}

bool leati_dataset_fashion_present(void)
{
    char path[1024];
    place(path, "train-images-idx3-ubyte.gz");
    return leati_path_exists(path);
}

static leat_status read_idx(leat_context *c, leat_frame **out, const char *split, const char *what)
{
    char path[1024], file[64];
    leati_source *source = NULL;
    const char *data;
    snprintf(file, sizeof file, "%s-%s-ubyte.gz", strcmp(split, "test") == 0 ? "t10k" : "train",
             what);
    place(path, file);
    *out = NULL;
    LEATI_CHECK(c, leati_path_exists(path), LEAT_UNSUPPORTED,
                "fashion-mnist is not on this machine (%s)\n"
                "on Debian or Ubuntu: apt install dataset-fashion-mnist",
                path);
    LEATI_TRY(leati_source_open(c, &source, path));
    leat_status st = leati_source_bytes(c, source, &data);
    if (st == LEAT_OK)
        st = leati_idx_frame(c, out, (leati_bytes){.data = data, .size = leati_source_size(source)},
                             path);
    leati_source_close(source);
    return st;
}

/* Class numbers as a column of class names. */
static leati_column *class_names(leat_context *c, const leati_column *numbers)
{
    leati_map map;
    bool good = true;
    leati_map_init(&map, c);
    leati_column *col = leati_column_create(c, LEAT_STRING, numbers->rows);
    for (int k = 0; good && k < CLASSES; k++)
        good = leati_map_put(&map, classes[k], strlen(classes[k])) != LEATI_MAP_NONE;
    if (col && good) col->dict = leati_dict_from_map(c, &map);
    for (size_t i = 0; col && col->dict && i < col->rows; i++) {
        if (numbers->i64[i] >= 0 && numbers->i64[i] < CLASSES) {
            col->codes[i] = (uint32_t)numbers->i64[i];
            continue;
        }
        LEATI_FAIL(c, LEAT_FORMAT, "fashion-mnist: label %lld of row %zu is none of the %d classes",
                   (long long)numbers->i64[i], i + 1, CLASSES);
        leati_dict_release(col->dict);
        col->dict = NULL;
    }
    leati_map_fini(&map);
    if (col && col->dict) return col;
    leati_column_release(col);
    return NULL;
}

leat_status leati_dataset_fashion(leat_context *c, leat_frame **out, const char *split)
{
    leat_frame *images = NULL, *labels = NULL;
    *out = NULL;
    leat_status st = read_idx(c, &images, split, "images-idx3");
    if (st == LEAT_OK) st = read_idx(c, &labels, split, "labels-idx1");
    if (st == LEAT_OK && labels->column[0]->type != LEAT_I64)
        st = LEATI_FAIL(c, LEAT_FORMAT, "fashion-mnist: its labels are not whole numbers");
    if (st == LEAT_OK) st = leati_frame_add(c, images, "label", class_names(c, labels->column[0]));
    leat_frame_release(labels);
    if (st == LEAT_OK) *out = images;
    else leat_frame_release(images);
    return st;
}
