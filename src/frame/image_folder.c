/* Owns: a folder of images as a frame: which files, which class, which size. Not: formats
 * (io/image.h). Files are looked at twice: first all heads, so that size, channels and memory are
 * known before a pixel is unpacked. */
#include "frame/image_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/progress.h"
#include "base/str.h"
#include "io/image.h"

enum { MOST_FILES = 100000000, BLOCK = 256, NOTED = 5 };
static const size_t most_bytes = (size_t)1 << 30; /* of a file */

typedef struct picture {
    char *path;
    uint32_t class;
    leati_image_head head;
    leat_status st;
    char why[LEATI_IMAGE_WHY];
} picture;

typedef struct folder {
    leat_context *context;
    const char *path;
    picture *file;
    size_t count, capacity;
    leati_map classes;
    char *bare;              /* the first inner folder without images */
    size_t others;           /* files that are no images by their names */
    size_t shape[3], length; /* of every image */
    leati_column *pixels;
    size_t first, done; /* of the files in work */
    bool unpack;        /* the second look */
    bool skip;          /* what cannot be read is left out */
    bool single;        /* the path is that of one image */
    leat_read_report *report;
    size_t left_out;
} folder;

/* ---- files ------------------------------------------------------------------------------------
 */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) leati_free(names[i]);
    leati_free(names);
}

/* The names in a folder, sorted; those that begin with a dot are hidden. */
static leat_status list(leat_context *c, const char *path, char ***out, size_t *count)
{
    size_t capacity = 0;
    leat_status st = LEAT_OK;
    *out = NULL;
    *count = 0;
    DIR *dir = opendir(path);
    LEATI_CHECK(c, dir, LEAT_IO, "cannot read the folder %s: %s", path, strerror(errno));
    for (struct dirent *e; st == LEAT_OK && (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        LEATI_GO(leati_grow(c, out, &capacity, *count + 1, sizeof **out));
        (*out)[*count] = leati_strdup(c, e->d_name);
        if (!(*out)[*count]) LEATI_GO(LEAT_NOMEM);
        ++*count;
    }
out:
    closedir(dir);
    if (st != LEAT_OK) {
        free_names(*out, *count);
        *out = NULL;
        *count = 0;
        return st;
    }
    if (*count) qsort(*out, *count, sizeof **out, by_name);
    return LEAT_OK;
}

bool leati_image_named(const char *name)
{
    static const char *const ends[] = {".png", ".jpg", ".jpeg", ".bmp",
                                       ".pbm", ".pgm", ".ppm",  ".pnm"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (leati_path_has_suffix(name, ends[i])) return true;
    return false;
}

/* The images among the names, all of one class. */
static leat_status add_files(folder *f, const char *path, char *const *names, size_t count,
                             uint32_t class)
{
    leat_context *c = f->context;
    for (size_t i = 0; i < count; i++) {
        if (!leati_image_named(names[i])) {
            f->others++;
            continue;
        }
        LEATI_CHECK(c, f->count < MOST_FILES, LEAT_LIMIT, "%s: more than %d images", f->path,
                    (int)MOST_FILES);
        LEATI_TRY(leati_grow(c, &f->file, &f->capacity, f->count + 1, sizeof *f->file));
        picture *p = &f->file[f->count];
        *p = (picture){.path = leati_path_join(c, path, names[i]), .class = class};
        if (!p->path) return LEAT_NOMEM;
        f->count++;
    }
    return LEAT_OK;
}

static leat_status add_class(folder *f, const char *name)
{
    leat_context *c = f->context;
    char **names = NULL, *path = leati_path_join(c, f->path, name);
    size_t count = 0, before = f->count;
    if (!path) return LEAT_NOMEM;
    leat_status st = access(path, R_OK | X_OK) == 0 ? list(c, path, &names, &count) : LEAT_OK;
    uint32_t class = (uint32_t)f->classes.count;
    if (st == LEAT_OK) st = add_files(f, path, names, count, class);
    if (st == LEAT_OK && f->count == before) {
        if (!f->bare) {
            f->bare = path;
            path = NULL;
        }
    } else if (st == LEAT_OK && leati_map_put(&f->classes, name, strlen(name)) == LEATI_MAP_NONE)
        st = LEAT_NOMEM;
    free_names(names, count);
    leati_free(path);
    return st;
}

static leat_status find_files(folder *f)
{
    leat_context *c = f->context;
    char **names, **flat = NULL;
    size_t count, plain = 0;
    LEATI_TRY(list(c, f->path, &names, &count));
    leat_status st = LEAT_OK;
    flat = LEATI_NEW(c, char *, count + 1);
    if (!flat) LEATI_GO(LEAT_NOMEM);
    for (size_t i = 0; i < count; i++) {
        char *path = leati_path_join(c, f->path, names[i]);
        if (!path) LEATI_GO(LEAT_NOMEM);
        bool inner = leati_path_is_folder(path);
        leati_free(path);
        if (inner) LEATI_GO(add_class(f, names[i]));
        else flat[plain++] = names[i];
    }
    size_t inside = f->count;
    LEATI_GO(add_files(f, f->path, flat, plain, 0));
    if (inside && f->count > inside)
        st = LEATI_FAIL(c, LEAT_FORMAT, "%s has images both in folders (%s) and beside them (%s)",
                        f->path, f->file[0].path, f->file[inside].path);
    else if (f->count == 0)
        st = LEATI_FAIL(c, LEAT_INVALID,
                        "%s is a folder without images: a folder for each class was expected, "
                        "with PNG, JPEG, BMP or PNM files",
                        f->path);
    else if (inside && f->bare)
        st = LEATI_FAIL(
            c, LEAT_FORMAT,
            "%s holds no PNG, JPEG, BMP or PNM image that can be read; each folder is a class",
            f->bare);
out:
    free_names(names, count);
    leati_free(flat);
    return st;
}

static leat_status add_single(folder *f)
{
    leat_context *c = f->context;
    LEATI_TRY(leati_grow(c, &f->file, &f->capacity, 1, sizeof *f->file));
    *f->file = (picture){.path = leati_strdup(c, f->path)};
    if (!f->file->path) return LEAT_NOMEM;
    f->count = 1;
    return LEAT_OK;
}

/* ---- pixels -----------------------------------------------------------------------------------
 */

static leat_status refuse(picture *p, leat_status st, const char *why)
{
    snprintf(p->why, sizeof p->why, "%s", why);
    return st;
}

/* What stands under the name is no file: a fault of it alone, as damaged pixels are. */
static leat_status refuse_kind(picture *p, mode_t mode)
{
    const char *what = S_ISDIR(mode)    ? "a folder"
                       : S_ISFIFO(mode) ? "a pipe"
                       : S_ISSOCK(mode) ? "a socket"
                                        : "a device";
    snprintf(p->why, sizeof p->why, "%s, a file with an image was expected", what);
    return LEAT_FORMAT;
}

static leat_status refuse_open(picture *p, int why)
{
    if (why == ELOOP) return refuse(p, LEAT_FORMAT, "a link that leads in a circle");
    if (why == ENOENT) return refuse(p, LEAT_FORMAT, "a link to what is not there");
    if (why == ENXIO) return refuse_kind(p, S_IFSOCK);
    return refuse(p, LEAT_IO, strerror(why));
}

/* All bytes of a file, for a worker thread. A pipe is not waited for. */
static leat_status load(const folder *f, picture *p, uint8_t **data, size_t *size)
{
    struct stat info;
    *data = NULL;
    int fd = open(p->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return refuse_open(p, errno);
    leat_status st = LEAT_OK;
    if (fstat(fd, &info) != 0) LEATI_GO(refuse(p, LEAT_IO, strerror(errno)));
    if (!S_ISREG(info.st_mode)) LEATI_GO(refuse_kind(p, info.st_mode));
    if ((uint64_t)info.st_size > most_bytes)
        LEATI_GO(refuse(p, LEAT_LIMIT, "more than a gigabyte"));
    *size = (size_t)info.st_size;
    *data = leati_alloc_quiet(f->context, *size + 1);
    if (!*data) LEATI_GO(refuse(p, LEAT_NOMEM, "no memory for the file"));
    for (size_t at = 0; at < *size;) {
        ssize_t n = read(fd, *data + at, *size - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) LEATI_GO(refuse(p, LEAT_IO, n ? strerror(errno) : "the file became shorter"));
        at += (size_t)n;
    }
out:
    close(fd);
    if (st == LEAT_OK) return st;
    leati_free(*data);
    *data = NULL;
    return st;
}

static leat_status unpack(const folder *f, picture *p, const uint8_t *data, size_t size,
                          uint8_t *to)
{
    const leati_image_head *h = &p->head;
    size_t channels = f->shape[2];
    if (h->height == f->shape[0] && h->width == f->shape[1])
        return leati_image_decode(f->context, data, size, h, channels, to, p->why);
    uint8_t *whole = leati_alloc_quiet(f->context, h->height * h->width * channels);
    float *room = leati_alloc_quiet(f->context, h->height * f->shape[1] * channels * sizeof *room);
    leat_status st = whole && room
                         ? leati_image_decode(f->context, data, size, h, channels, whole, p->why)
                         : refuse(p, LEAT_NOMEM, "no memory for its pixels");
    if (st == LEAT_OK)
        leati_image_resize(whole, h->height, h->width, channels, to, f->shape[0], f->shape[1],
                           room);
    leati_free(whole);
    leati_free(room);
    return st;
}

static void look(void *arg, size_t task, unsigned worker)
{
    folder *f = arg;
    size_t i = f->first + task, size;
    picture *p = &f->file[i];
    uint8_t *data;
    (void)worker;
    p->st = load(f, p, &data, &size);
    if (p->st != LEAT_OK) return;
    if (f->unpack) p->st = unpack(f, p, data, size, f->pixels->u8 + i * f->length);
    else p->st = leati_image_probe(data, size, &p->head, p->why);
    leati_free(data);
}

/* Of the file itself, not of the disk or the memory. */
static bool is_left_out(const folder *f, const picture *p)
{
    return f->skip && (p->st == LEAT_FORMAT || p->st == LEAT_UNSUPPORTED || p->st == LEAT_LIMIT);
}

/* All files on all threads; the first that cannot be read ends it, unless it is left out. */
static leat_status look_at_all(folder *f, bool unpacked)
{
    leat_context *c = f->context;
    f->unpack = unpacked;
    for (f->first = 0; f->first < f->count; f->first += BLOCK) {
        size_t left = f->count - f->first, now = left < BLOCK ? left : BLOCK;
        leati_parallel(c, now, look, f);
        for (size_t i = f->first; i < f->first + now; i++)
            if (f->file[i].st != LEAT_OK && !is_left_out(f, &f->file[i]))
                return LEATI_FAIL(c, f->file[i].st, "%s: %s", f->file[i].path, f->file[i].why);
        LEATI_TRY(leati_progress(c, unpacked ? "reading images" : "looking at images",
                                 f->first + now, f->count));
    }
    return LEAT_OK;
}

/* The files without those that could not be read, and, where there is one already, the frame
 * without their rows. */
static leat_status leave_out(folder *f, leat_frame **frame)
{
    leat_context *c = f->context;
    size_t kept = 0, count = f->count;
    uint32_t *row = leati_array(c, count, sizeof *row);
    leat_status st = row ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; st == LEAT_OK && i < count; i++) {
        const picture *p = &f->file[i];
        if (p->st == LEAT_OK) row[kept++] = (uint32_t)i;
        else if (++f->left_out <= NOTED)
            st = leati_report_note(f->report, SIZE_MAX, "left out %s: %s", p->path, p->why);
    }
    if (st == LEAT_OK && !kept)
        st = LEATI_FAIL(c, f->file[0].st, "%s: none of its %zu images can be read; %s: %s", f->path,
                        count, f->file[0].path, f->file[0].why);
    if (st == LEAT_OK && frame && kept < count) {
        leat_frame *few = leati_frame_take(c, *frame, row, kept);
        if (!few) st = leat_error_status(c);
        else leat_frame_release(*frame), *frame = few;
    }
    for (size_t i = 0, to = 0; st == LEAT_OK && i < count; i++) {
        if (to < kept && row[to] == i) f->file[to++] = f->file[i];
        else leati_free(f->file[i].path);
    }
    if (st == LEAT_OK) f->count = kept;
    leati_free(row);
    return st;
}

/* "64x64x3" or "64x64", whose channels are those of the files. */
static leat_status choose_shape(folder *f, const char *text)
{
    leat_context *c = f->context;
    const leati_image_head *h = &f->file[0].head;
    unsigned long height = h->height, width = h->width, channels = 1;
    for (size_t i = 0; i < f->count; i++)
        if (f->file[i].head.channels == 3) channels = 3;
    if (text) {
        int used = 0;
        int got = sscanf(text, "%6lux%6lu%nx%1lu%n", &height, &width, &used, &channels, &used);
        LEATI_CHECK(c,
                    got >= 2 && !text[used] && !strpbrk(text, "+- ") && height && width &&
                        (channels == 1 || channels == 3),
                    LEAT_INVALID,
                    "images is '%s'; expected height x width x channels (1 or 3), as in 64x64x3",
                    text);
    }
    for (size_t i = 0; !text && i < f->count; i++) {
        const leati_image_head *other = &f->file[i].head;
        if (other->height == height && other->width == width) continue;
        (void)LEATI_FAIL(c, LEAT_SHAPE, "%s has %zu x %zu pixels, %s has %zu x %zu",
                         f->file[i].path, other->height, other->width, f->file[0].path, h->height,
                         h->width);
        return leati_error_hint(c, "To bring them to one size: --images %lux%lux%lu", height, width,
                                channels);
    }
    f->shape[0] = height, f->shape[1] = width, f->shape[2] = channels;
    f->length = height * width * channels;
    return LEAT_OK;
}

static leati_column *labels(folder *f)
{
    leati_column *col = leati_column_create(f->context, LEAT_STRING, f->count);
    leati_map left; /* of what was not left out */
    bool good = col != NULL;
    leati_map_init(&left, f->context);
    for (size_t i = 0, n; good && i < f->count; i++) {
        const char *name = leati_map_key(&f->classes, f->file[i].class, &n);
        col->codes[i] = leati_map_put(&left, name, n);
        good = col->codes[i] != LEATI_MAP_NONE;
    }
    if (good) col->dict = leati_dict_from_map(f->context, &left);
    leati_map_fini(&left);
    if (good && col->dict) return col;
    leati_column_release(col);
    return NULL;
}

static leati_column *paths(folder *f)
{
    leati_column *col = leati_column_create(f->context, LEAT_STRING, f->count);
    leati_map all;
    bool good = col != NULL;
    leati_map_init(&all, f->context);
    for (size_t i = 0; good && i < f->count; i++) {
        const char *path = f->file[i].path;
        col->codes[i] = leati_map_put(&all, path, strlen(path));
        good = col->codes[i] != LEATI_MAP_NONE;
    }
    if (good) col->dict = leati_dict_from_map(f->context, &all);
    leati_map_fini(&all);
    if (good && col->dict) return col;
    leati_column_release(col);
    return NULL;
}

static leat_status no_room(const folder *f)
{
    leati_error_within(f->context, "%s: %zu images of %zux%zux%zu", f->path, f->count, f->shape[0],
                       f->shape[1], f->shape[2]);
    return leati_error_hint(f->context, "To make them smaller, as in: --images 64x64x%zu",
                            f->shape[2]);
}

static leat_status read_all(folder *f, leat_frame **out, const leat_read_options *o,
                            leat_read_report *report)
{
    leat_context *c = f->context;
    LEATI_TRY(f->single ? add_single(f) : find_files(f));
    if (o->max_rows && f->count > o->max_rows) {
        for (size_t i = (size_t)o->max_rows; i < f->count; i++) leati_free(f->file[i].path);
        f->count = (size_t)o->max_rows;
    }
    LEATI_TRY(look_at_all(f, false));
    LEATI_TRY(leave_out(f, NULL));
    LEATI_TRY(choose_shape(f, o->images));
    f->pixels = leati_column_array(c, LEATI_ITEM_U8, f->shape, f->count);
    if (!f->pixels) return no_room(f);
    LEATI_TRY(look_at_all(f, true));
    if (f->others)
        LEATI_TRY(leati_report_note(report, SIZE_MAX, "%zu files are no images by their names",
                                    f->others));
    *out = leati_frame_create(c, f->count);
    if (!*out) return leat_error_status(c);
    leati_column *pixels = f->pixels;
    f->pixels = NULL;
    LEATI_TRY(leati_frame_add(c, *out, "image", pixels));
    LEATI_TRY(leave_out(f, out));
    if (report) report->dropped += f->left_out;
    if (f->left_out > NOTED)
        LEATI_TRY(
            leati_report_note(report, SIZE_MAX, "left out %zu more images", f->left_out - NOTED));
    if (f->classes.count) LEATI_TRY(leati_frame_add(c, *out, "label", labels(f)));
    return o->paths ? leati_frame_add(c, *out, "path", paths(f)) : LEAT_OK;
}

leat_status leati_image_folder(leat_context *c, leat_frame **out, const char *path,
                               const leat_read_options *options, leat_read_report *report)
{
    folder f = {.context = c,
                .path = path,
                .skip = options->on_error == LEAT_ON_ERROR_SKIP,
                .single = !leati_path_is_folder(path),
                .report = report};
    *out = NULL;
    leati_map_init(&f.classes, c);
    leat_status st = read_all(&f, out, options, report);
    for (size_t i = 0; i < f.count; i++) leati_free(f.file[i].path);
    leati_free(f.file);
    leati_free(f.bare);
    leati_map_fini(&f.classes);
    leati_column_release(f.pixels);
    if (st == LEAT_OK) return st;
    leat_frame_release(*out);
    *out = NULL;
    return st;
}
