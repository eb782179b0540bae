/* Owns: FUSED on the CPU: the program runs tile by tile, intermediate results stay in L1.
 *
 * Neighbouring axes along which every operand is contiguous or constant are joined. An operand that
 * fills a tile without gaps is read where it lies; a scalar is spread once; others are gathered
 * tile by tile. The border of tiles depends on shapes only. */
#include <string.h>

#include "base/pool.h"
#include "device/cpu_kernels.h"
#include "kernel/eltwise.h"
#include "tensor/shape.h"

enum { MOST_IN = 32, L1_BYTES = 24 << 10, GRAIN = 16 << 10 };

typedef struct reader {
    const char *data;
    size_t size; /* of an element */
    enum { DIRECT, SCALAR, SPREAD } how;
    int rank;
    int64_t dim[LEAT_MAX_RANK], stride[LEAT_MAX_RANK]; /* joined axes, in elements */
} reader;

typedef struct code {
    leati_elt_fn run;
    uint16_t in[3];
} code;

typedef struct job {
    const leati_step *s;
    const leati_fused_attrs *f;
    leat_context *c;
    reader in[MOST_IN];
    code codes[400];
    int8_t out_of[400]; /* per code: the output it writes, or -1 */
    size_t size_of[400 + MOST_IN];
    size_t count, tile, chunk;
    char *scratch;
    size_t scratch_per_worker;
} job;

static size_t registers(const leati_fused_attrs *f)
{
    return (size_t)f->inputs + f->codes;
}

/* Elements of a tile: all registers fit into L1, a multiple of 64. */
static size_t tile_of(const leati_fused_attrs *f)
{
    size_t tile = L1_BYTES / (4 * (registers(f) + 1)) / 64 * 64;
    return tile < 64 ? 64 : tile > 2048 ? 2048 : tile;
}

static size_t scratch(const leat_context *c, const leati_step *s)
{
    const leati_fused_attrs *f = s->attrs;
    return registers(f) * tile_of(f) * 8 * leat_context_threads(c);
}

static void set_reader(reader *r, const leati_operand *o, const leat_shape *space)
{
    int64_t strides[LEAT_MAX_RANK];
    leati_broadcast_strides(&o->shape, space, strides);
    r->data = o->data;
    r->size = leat_dtype_size(o->dtype);
    r->rank = 0;
    for (int i = 0; i < space->rank; i++) {
        int64_t dim = space->dim[i];
        if (dim == 1) continue;
        if (r->rank && r->stride[r->rank - 1] == strides[i] * dim) {
            r->dim[r->rank - 1] *= dim;
            r->stride[r->rank - 1] = strides[i];
        } else {
            r->dim[r->rank] = dim;
            r->stride[r->rank++] = strides[i];
        }
    }
    bool constant = r->rank == 0 || (r->rank == 1 && r->stride[0] == 0);
    r->how = constant ? SCALAR : r->rank == 1 && r->stride[0] == 1 ? DIRECT : SPREAD;
}

static void fill(char *to, const char *from, size_t size, size_t count)
{
#define FILL(T)                                                                                    \
    {                                                                                              \
        T value = *(const T *)(const void *)from, *out = (T *)(void *)to;                          \
        for (size_t i = 0; i < count; i++) out[i] = value;                                         \
    }
    switch (size) {
    case 1: memset(to, *from, count); break;
    case 2: FILL(uint16_t) break;
    case 4: FILL(uint32_t) break;
    default: FILL(uint64_t) break;
    }
#undef FILL
}

/* Elements first .. first + count - 1 of the iteration space, gathered run by run. */
static void spread(const reader *r, size_t first, size_t count, char *to)
{
    int64_t index[LEAT_MAX_RANK];
    size_t rest = first;
    int64_t at = 0;
    for (int i = r->rank; i-- > 0;) {
        index[i] = (int64_t)(rest % (size_t)r->dim[i]);
        rest /= (size_t)r->dim[i];
        at += index[i] * r->stride[i];
    }
    int inner = r->rank - 1;
    while (count) {
        size_t run = (size_t)(r->dim[inner] - index[inner]);
        if (run > count) run = count;
        const char *from = r->data + (size_t)at * r->size;
        if (r->stride[inner] == 0) fill(to, from, r->size, run);
        else if (r->stride[inner] == 1) memcpy(to, from, run * r->size);
        else
            for (size_t i = 0; i < run; i++)
                memcpy(to + i * r->size, from + (size_t)(r->stride[inner]) * i * r->size, r->size);
        to += run * r->size;
        count -= run;
        index[inner] += (int64_t)run;
        at += (int64_t)run * r->stride[inner];
        for (int i = inner; i > 0 && index[i] == r->dim[i]; i--) {
            at += r->stride[i - 1] - r->dim[i] * r->stride[i];
            index[i] = 0;
            index[i - 1]++;
        }
    }
}

static void run_tile(const job *j, size_t first, size_t n, const void **reg, char *room)
{
    const leati_fused_attrs *f = j->f;
    for (uint16_t i = 0; i < f->inputs; i++) {
        const reader *r = &j->in[i];
        if (r->how == DIRECT) reg[i] = r->data + first * r->size;
        else if (r->how == SPREAD) spread(r, first, n, room + i * j->tile * 8);
    }
    for (uint16_t k = 0; k < f->codes; k++) {
        const code *now = &j->codes[k];
        uint16_t to = (uint16_t)(f->inputs + k);
        void *out = room + to * j->tile * 8;
        if (j->out_of[k] >= 0) out = (char *)j->s->out[j->out_of[k]].data + first * j->size_of[to];
        now->run(n, reg[now->in[0]], reg[now->in[1]], reg[now->in[2]], out);
        reg[to] = out;
    }
}

static void run_chunk(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    const void *reg[400 + MOST_IN];
    char *room = j->scratch + worker * j->scratch_per_worker;
    size_t first = task * j->chunk, end = first + j->chunk;
    if (end > j->count) end = j->count;
    for (uint16_t i = 0; i < j->f->inputs; i++) {
        reg[i] = room + i * j->tile * 8;
        if (j->in[i].how == SCALAR)
            fill(room + i * j->tile * 8, j->in[i].data, j->in[i].size, j->tile);
    }
    for (; first < end; first += j->tile)
        run_tile(j, first, end - first < j->tile ? end - first : j->tile, reg, room);
}

static leat_status run(leat_context *c, const leati_step *s)
{
    const leati_fused_attrs *f = s->attrs;
    job j = {.s = s, .f = f, .c = c, .tile = tile_of(f), .scratch = s->scratch};
    j.count = leati_shape_count(&f->space);
    if (!j.count) return LEAT_OK;
    for (uint16_t i = 0; i < f->inputs; i++) {
        set_reader(&j.in[i], &s->in[i], &f->space);
        j.size_of[i] = j.in[i].size;
    }
    for (uint16_t k = 0; k < f->codes; k++) {
        const leati_fused_code *from = &f->code[k];
        leat_dtype in = (leat_dtype)from->in_type;
        j.codes[k].run = from->op == LEATI_OP_CAST
                             ? leati_cast_kernel(c, in, (leat_dtype)from->out_type)
                             : leati_elt_kernel(c, (leati_elt)from->op, in);
        memcpy(j.codes[k].in, from->in, sizeof from->in);
        j.out_of[k] = -1;
        j.size_of[f->inputs + k] = leat_dtype_size((leat_dtype)from->out_type);
    }
    for (uint16_t o = 0; o < f->outputs; o++) j.out_of[f->out[o] - f->inputs] = (int8_t)o;
    j.scratch_per_worker = registers(f) * j.tile * 8;
    j.chunk = (GRAIN + j.tile - 1) / j.tile * j.tile;
    leati_parallel(c, (j.count + j.chunk - 1) / j.chunk, run_chunk, &j);
    return LEAT_OK;
}

const leati_kernel leati_cpu_fused = {.run = run, .scratch = scratch};
