/* Owns: one backend test: reading values, running the model, comparing; process isolation. */
#include "onnx/conformance.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "model/onnx_tensor.h"
#include "model/onnx_value.h"
#include "onnx/import.h"

enum { INPUTS_MOST = 1024 };
static const double relative = 1e-3, absolute = 1e-7; /* of onnx's own loader */

/* ---- values of files ---------------------------------------------------------------------------
 */

static leati_oval *tensor_value(leati_orun *r, const leati_onnx_tensor *t)
{
    return leati_onnx_tensor_check(r->context, t) == LEAT_OK ? leati_oval_of_proto(r, t) : NULL;
}

static leati_oval *sequence_value(leati_orun *r, const leati_onnx_sequence *s)
{
    if (leati_onnx_sequence_check(r->context, s) != LEAT_OK) return NULL;
    if (s->elem_type != LEATI_ONNX_VALUE_TENSOR && leati_onnx_sequence_count(s)) {
        (void)LEATI_FAIL(r->context, LEAT_UNSUPPORTED, "a sequence that is not of tensors");
        return NULL;
    }
    leati_oval *v = leati_oval_new(r, LEATI_OVAL_SEQUENCE, 0, LEAT_SCALAR, true);
    if (!v) return NULL;
    v->count = s->tensor_values.count;
    v->items = leati_arena_calloc(&r->arena, v->count + 1, sizeof *v->items);
    for (size_t i = 0; v->items && i < v->count; i++) {
        v->items[i] = tensor_value(r, &s->tensor_values.at[i]);
        if (!v->items[i]) return NULL;
        v->items[i]->varying = true;
        v->element = v->items[i]->element;
    }
    return v->items ? v : NULL;
}

static leati_oval *optional_value(leati_orun *r, const leati_onnx_optional *o)
{
    if (leati_onnx_optional_check(r->context, o) != LEAT_OK) return NULL;
    if (o->tensor_value) return tensor_value(r, o->tensor_value);
    if (o->sequence_value) return sequence_value(r, o->sequence_value);
    return leati_oval_new(r, LEATI_OVAL_NONE, 0, LEAT_SCALAR, true);
}

static leati_oval *read_value(leati_orun *r, const char *path, const leati_onnx_type *type)
{
    const leati_pb_type *pb = type && type->sequence_type   ? &leati_onnx_sequence_pb
                              : type && type->optional_type ? &leati_onnx_optional_pb
                                                            : &leati_onnx_tensor_pb;
    leati_bytes bytes;
    void *value;
    if (leati_file_read(r->context, &bytes, path) != LEAT_OK) return NULL; /* kept until the end */
    if (leati_pb_decode(&r->arena, pb, (leati_pb_bytes){bytes.data, bytes.size}, &value) != LEAT_OK)
        return NULL;
    return pb == &leati_onnx_tensor_pb     ? tensor_value(r, value)
           : pb == &leati_onnx_sequence_pb ? sequence_value(r, value)
                                           : optional_value(r, value);
}

/* ---- comparison --------------------------------------------------------------------------------
 */

static bool close_enough(double got, double want)
{
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got);
    if (isinf(want) || isinf(got)) return got == want;
    return fabs(got - want) <= absolute + relative * fabs(want);
}

static bool same_elements(const leati_oval *got, const leati_oval *want, size_t *where)
{
    size_t count = leati_shape_count(&want->shape), parts = 1;
    int32_t e = want->element;
    if (e == LEATI_ONNX_COMPLEX64 || e == LEATI_ONNX_COMPLEX128) {
        parts = 2;
        e = e == LEATI_ONNX_COMPLEX64 ? LEATI_ONNX_FLOAT : LEATI_ONNX_DOUBLE;
    }
    for (*where = 0; *where < count * parts; ++*where) {
        size_t i = *where;
        if (e == LEATI_ONNX_STRING) {
            leati_pb_bytes a = ((const leati_pb_bytes *)got->host)[i];
            leati_pb_bytes b = ((const leati_pb_bytes *)want->host)[i];
            if (a.size != b.size || (a.size && memcmp(a.data, b.data, a.size))) return false;
        } else if (e == LEATI_ONNX_INT64 || e == LEATI_ONNX_UINT64) {
            if (!close_enough((double)leati_oget_int(e, got->host, i),
                              (double)leati_oget_int(e, want->host, i)))
                return false;
        } else if (!close_enough(leati_oget(e, got->host, i), leati_oget(e, want->host, i))) {
            return false;
        }
    }
    return true;
}

static leat_status compare(leati_orun *r, const leati_oval *got, leati_oval *want, size_t index)
{
    leat_context *c = r->context;
    size_t where;
    const void *unused;
    LEATI_CHECK(c, got->kind == want->kind, LEAT_DIFFERS, "output %zu: another kind of value",
                index);
    if (want->kind == LEATI_OVAL_NONE) return LEAT_OK;
    if (want->kind == LEATI_OVAL_SEQUENCE) {
        LEATI_CHECK(c, got->count == want->count, LEAT_DIFFERS,
                    "output %zu: %zu elements, %zu were expected", index, got->count, want->count);
        for (size_t i = 0; i < want->count; i++)
            LEATI_TRY(compare(r, got->items[i], want->items[i], index));
        return LEAT_OK;
    }
    LEATI_CHECK(c, got->element == want->element, LEAT_DIFFERS, "output %zu: type %s, expected %s",
                index, leati_onnx_element_name(got->element),
                leati_onnx_element_name(want->element));
    LEATI_CHECK(c, leati_shape_equal(&got->shape, &want->shape), LEAT_DIFFERS,
                "output %zu: shape %s, expected %s", index, leati_shape_string(&got->shape).text,
                leati_shape_string(&want->shape).text);
    LEATI_TRY(leati_oval_host(r, want, &unused));
    if (same_elements(got, want, &where)) return LEAT_OK;
    if (got->element == LEATI_ONNX_STRING)
        return LEATI_FAIL(c, LEAT_DIFFERS, "output %zu: text %zu is another one", index, where);
    return LEATI_FAIL(c, LEAT_DIFFERS, "output %zu: element %zu is %.9g, expected %.9g", index,
                      where, leati_oget(got->element, got->host, where),
                      leati_oget(want->element, want->host, where));
}

/* ---- one test ----------------------------------------------------------------------------------
 */

static leat_status run_set(leati_omodel *m, const char *folder, size_t set, bool *found)
{
    const leati_onnx_graph *g = leati_omodel_proto(m)->graph;
    leati_orun *r = leati_omodel_begin(m);
    char path[4096 + 64];
    size_t files = 0;
    leati_oval **outs;
    struct stat info;
    snprintf(path, sizeof path, "%s/test_data_set_%zu", folder, set);
    *found = stat(path, &info) == 0;
    if (!*found) return LEAT_OK;
    for (;; files++) {
        snprintf(path, sizeof path, "%s/test_data_set_%zu/input_%zu.pb", folder, set, files);
        if (stat(path, &info) != 0) break;
    }
    /* Files stand for all inputs or for those without initialisers. */
    bool all = files == g->input.count;
    LEATI_CHECK(r->context, files <= (all ? g->input.count : leati_omodel_input_count(m)),
                LEAT_INVALID, "more files than inputs");
    for (size_t i = 0, at = 0; i < files; i++, at++) {
        const leati_onnx_value_info *v = &g->input.at[at];
        while (!all && v != leati_omodel_input(m, i)) v = &g->input.at[++at];
        snprintf(path, sizeof path, "%s/test_data_set_%zu/input_%zu.pb", folder, set, i);
        LEATI_TRY(leati_omodel_give(m, at, read_value(r, path, v->type)));
    }
    LEATI_TRY(leati_omodel_compute(m, &outs));
    for (size_t i = 0; i < g->output.count; i++) {
        snprintf(path, sizeof path, "%s/test_data_set_%zu/output_%zu.pb", folder, set, i);
        if (stat(path, &info) != 0) continue;
        leati_oval *want = read_value(r, path, g->output.at[i].type);
        if (!want) return leat_error_status(r->context);
        LEATI_TRY(compare(r, outs[i], want, i));
    }
    return LEAT_OK;
}

static leat_status run_test(leat_context *c, const char *folder)
{
    leati_omodel *m;
    char path[4096 + 16];
    bool found = true;
    size_t set = 0;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    LEATI_TRY(leati_omodel_open(c, path, getenv("LEAT_DEVICE"), &m));
    leat_status st = LEAT_OK;
    for (; st == LEAT_OK && found; set++) st = run_set(m, folder, set, &found);
    if (st == LEAT_OK && set == 1) st = LEATI_FAIL(c, LEAT_NOT_FOUND, "no data");
    leati_omodel_close(m);
    return st;
}

static void child(const char *folder, unsigned seconds, int out)
{
    leat_context *c;
    leat_context_options o = leat_context_options_default();
    o.threads = 1;
    alarm(seconds);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (leat_context_create(&c, &o) != LEAT_OK) _exit(3);
    leat_status st = run_test(c, folder);
    const char *text = leat_error_message(c);
    if (st != LEAT_OK && write(out, text, strlen(text)) < 0) _exit(3);
    leat_context_destroy(c);
    _exit(st == LEAT_OK ? 0 : st == LEAT_NOT_FOUND ? 2 : 1); /* open files belong to the parent */
}

conformance_result conformance_run(const char *folder, unsigned seconds, char *reason, size_t room)
{
    int ends[2], status = 0;
    size_t have = 0;
    ssize_t n;
    *reason = 0;
    fflush(NULL);
    if (pipe(ends) != 0) return CONFORMANCE_FAIL;
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        child(folder, seconds, ends[1]);
    }
    close(ends[1]);
    while (pid > 0 && (n = read(ends[0], reason + have, room - 1 - have)) > 0) have += (size_t)n;
    reason[have] = 0;
    close(ends[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        snprintf(reason, room, "no process");
        return CONFORMANCE_FAIL;
    }
    if (WIFSIGNALED(status))
        snprintf(reason, room, WTERMSIG(status) == SIGALRM ? "too slow" : "CRASH: signal %d",
                 WTERMSIG(status));
    else if (WEXITSTATUS(status) > 2 && !have)
        snprintf(reason, room, "CRASH: exit code %d", WEXITSTATUS(status));
    for (char *p = reason; *p; p++)
        if (*p == '\n') *p = ' ';
    if (!WIFEXITED(status)) return CONFORMANCE_FAIL;
    return WEXITSTATUS(status) == 0   ? CONFORMANCE_PASS
           : WEXITSTATUS(status) == 2 ? CONFORMANCE_SKIP
                                      : CONFORMANCE_FAIL;
}

/* ---- finding -----------------------------------------------------------------------------------
 */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

typedef struct found {
    char **list;
    size_t count, capacity;
} found;

static void find(found *f, const char *folder, int depth)
{
    char path[4096];
    struct dirent *e;
    DIR *d = opendir(folder);
    if (!d) return;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    if (access(path, R_OK) == 0) {
        if (f->count == f->capacity) {
            f->capacity = f->capacity ? 2 * f->capacity : 256;
            char **more = realloc(f->list, f->capacity * sizeof *more);
            if (!more) abort();
            f->list = more;
        }
        f->list[f->count++] = strdup(folder);
    } else if (depth < 4) {
        while ((e = readdir(d))) {
            if (e->d_name[0] == '.') continue;
            if (snprintf(path, sizeof path, "%s/%s", folder, e->d_name) < (int)sizeof path)
                find(f, path, depth + 1);
        }
    }
    closedir(d);
}

char **conformance_find(const char *root, size_t *count)
{
    found f = {0};
    find(&f, root, 0);
    if (f.count) qsort(f.list, f.count, sizeof *f.list, by_name);
    *count = f.count;
    return f.list;
}
