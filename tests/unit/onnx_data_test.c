/* ONNX's own test data (Debian's libonnx-testdata, or LEAT_ONNX_DATA): every model is sound, every
 * value is read, and all are the same when written and read again. */
#include <dirent.h>
#include <ftw.h>
#include <sys/stat.h>

#include "model/onnx_check.h"
#include "model/onnx_file.h"
#include "model/onnx_ops.h"
#include "model/onnx_tensor.h"
#include "model/onnx_value.h"
#include "support/leattest.h"

enum { FOLDERS_MOST = 8192 };

/* Folders that hold a model.onnx, for nftw, which passes no argument on. */
static char *folders[FOLDERS_MOST];
static size_t folder_count;

static int find_model(const char *path, const struct stat *info, int flag, struct FTW *at)
{
    (void)info;
    if (flag != FTW_F || strcmp(path + at->base, "model.onnx") != 0) return 0;
    if (folder_count == FOLDERS_MOST) return 1;
    folders[folder_count] = strndup(path, (size_t)at->base - 1);
    return !folders[folder_count++];
}

static const char *data_folder(leattest *t)
{
    const char *named = getenv("LEAT_ONNX_DATA");
    const char *path = named && *named ? named : "/usr/share/libonnx-testdata/data";
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) return path;
    leattest_skip(t, "ONNX's test data are not here: install libonnx-testdata, or set "
                     "LEAT_ONNX_DATA to a folder of them");
    return NULL;
}

static leat_status round_trip(leat_context *c, const leati_pb_type *type, const void *message)
{
    leati_arena arena;
    leati_str a, b;
    void *again;
    leati_arena_init(&arena, c);
    leati_str_init(&a, c);
    leati_str_init(&b, c);
    leat_status st = leati_pb_encode(type, message, &a);
    if (!st)
        st = leati_pb_decode(&arena, type, (leati_pb_bytes){leati_str_text(&a), a.length}, &again);
    if (!st) st = leati_pb_encode(type, again, &b);
    if (!st && (a.length != b.length || memcmp(leati_str_text(&a), leati_str_text(&b), a.length)))
        st = leat_error_set(c, LEAT_DIFFERS, "written again it is different");
    leati_str_fini(&a);
    leati_str_fini(&b);
    leati_arena_fini(&arena);
    return st;
}

static leat_status check_value(leat_context *c, const char *path, const leati_onnx_type *type)
{
    const leati_pb_type *pb = type && type->sequence_type   ? &leati_onnx_sequence_pb
                              : type && type->optional_type ? &leati_onnx_optional_pb
                                                            : &leati_onnx_tensor_pb;
    leati_arena arena;
    leati_bytes bytes;
    void *value;
    leat_status st = leati_file_read(c, &bytes, path);
    if (st) return st;
    leati_arena_init(&arena, c);
    st = leati_pb_decode(&arena, pb, (leati_pb_bytes){bytes.data, bytes.size}, &value);
    if (!st && pb == &leati_onnx_tensor_pb) st = leati_onnx_tensor_check(c, value);
    if (!st && pb == &leati_onnx_sequence_pb) st = leati_onnx_sequence_check(c, value);
    if (!st && pb == &leati_onnx_optional_pb) st = leati_onnx_optional_check(c, value);
    if (!st) st = round_trip(c, pb, value);
    leati_arena_fini(&arena);
    leati_bytes_release(&bytes);
    return st;
}

/* The values of one data set; adds to *count. */
static void check_set(leattest *t, const char *folder, const leati_onnx_graph *g, size_t *count)
{
    char path[4096 + 64];
    for (int out = 0; out < 2; out++) {
        size_t n = out ? g->output.count : g->input.count;
        for (size_t i = 0; i < n; i++) {
            struct stat info;
            snprintf(path, sizeof path, "%s/%s_%zu.pb", folder, out ? "output" : "input", i);
            if (stat(path, &info) != 0) continue;
            const leati_onnx_value_info *v = out ? &g->output.at[i] : &g->input.at[i];
            if (!CHECK_OK(check_value(t->context, path, v->type))) printf("    %s\n", path);
            ++*count;
        }
    }
}

/* Every node gives what the table says that its operator takes; adds to *count. */
static void check_nodes(leattest *t, const char *folder, const leati_onnx_model *m,
                        const leati_onnx_graph *g, size_t *count)
{
    for (size_t i = 0; i < g->node.count; i++) {
        const leati_onnx_node *n = &g->node.at[i];
        const leati_onnx_op *op =
            leati_onnx_op_find(n->domain, n->op_type, leati_onnx_opset_version(m, NULL, n->domain));
        if (!op) continue;
        if (!CHECK_OK(leati_onnx_node_check(t->context, op, n))) printf("    %s\n", folder);
        ++*count;
        for (size_t k = 0; k < n->attribute.count; k++)
            if (n->attribute.at[k].g) check_nodes(t, folder, m, n->attribute.at[k].g, count);
    }
}

static void test_data(leattest *t)
{
    const char *root = data_folder(t);
    char path[4096];
    size_t values = 0, nodes = 0;
    if (!root) return;
    REQUIRE(nftw(root, find_model, 16, FTW_PHYS) == 0);
    for (size_t i = 0; i < folder_count; i++) {
        leati_onnx *file;
        snprintf(path, sizeof path, "%s/model.onnx", folders[i]);
        if (CHECK_OK(leati_onnx_open(t->context, &file, path))) {
            CHECK_OK(round_trip(t->context, &leati_onnx_model_pb, file->model));
            check_nodes(t, folders[i], file->model, file->model->graph, &nodes);
            for (int k = 0; k < 4; k++) {
                snprintf(path, sizeof path, "%s/test_data_set_%d", folders[i], k);
                check_set(t, path, file->model->graph, &values);
            }
            leati_onnx_close(file);
        }
        free(folders[i]);
    }
    printf("  %zu models, %zu nodes of known operators, %zu values\n", folder_count, nodes, values);
    CHECK(folder_count > 0 && values > 0);
}

static const leattest_case cases[] = {TEST(test_data)};
LEATTEST_MAIN(cases)
