/* Owns: FUSED on the CPU: the program runs tile by tile, intermediate results stay in L1.
 *
 * Neighbouring axes along which every operand is contiguous or constant are joined. An operand that
 * fills a tile without gaps is read where it lies; a scalar is spread once; others are gathered
 * tile by tile. Results larger than the caches are written past them. The border of tiles depends
 * on shapes only. */
#include <string.h>

#include "base/pool.h"
#include "device/cpu_kernels.h"
#include "device/cpu_layout.h"
#include "kernel/eltwise.h"
#include "kernel/net_kernels.h"
#include "tensor/shape.h"

enum {
    L1_BYTES = 24 << 10,
    LEAST_TILE = 64,
    MOST_TILE = 2048,
    GRAIN = 64 << 10,
    STREAM_BYTES = 32 << 20,
    FETCH_BYTES = 1 << 20, /* an operand from which on the next tile is fetched ahead */
    LINE_BYTES = 64,
    NO_ROOM = 0xffff,
    MOST_REGISTERS = 432
};

typedef struct reader {
    size_t size; /* of an element */
    enum { DIRECT, SCALAR, SPREAD } how;
    int rank;
    uint16_t room;                                     /* where it is spread to, unless DIRECT */
    int64_t dim[LEAT_MAX_RANK], stride[LEAT_MAX_RANK]; /* joined axes, in elements */
} reader;

typedef struct code {
    leati_elt_fn run;
    uint16_t in[3];
    uint16_t room; /* NO_ROOM: writes an output */
    uint16_t output;
    uint16_t size; /* of an element of the result */
    bool streams;  /* from its room to the output */
} code;

/* What is worked out once per plan. */
typedef struct program {
    size_t count, tile, chunk;
    void (*stream)(size_t bytes, const void *in, void *out);
    uint16_t inputs, codes, rooms;
    reader *in;
    code *code;
} program;

typedef struct job {
    const leati_step *s;
    const program *p;
} job;

static void set_reader(reader *r, const leati_operand *o, const leat_shape *space)
{
    int64_t strides[LEAT_MAX_RANK];
    leati_broadcast_strides(&o->shape, space, strides);
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

/* Elements first .. first + count - 1 of the iteration space, gathered run by run. */
static void spread(const reader *r, const char *data, size_t first, size_t count, char *to)
{
    int64_t index[LEAT_MAX_RANK] = {0};
    size_t rest = first;
    int64_t at = 0;
    for (int i = r->rank; rest && i-- > 0;) {
        index[i] = (int64_t)(rest % (size_t)r->dim[i]);
        rest /= (size_t)r->dim[i];
        at += index[i] * r->stride[i];
    }
    int inner = r->rank - 1;
    while (count) {
        size_t run = (size_t)(r->dim[inner] - index[inner]);
        if (run > count) run = count;
        const char *from = data + (size_t)at * r->size;
        if (r->stride[inner] == 0) leati_cpu_fill(to, from, r->size, run);
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

/* ---- once per plan
 * ---------------------------------------------------------------------------------- */

static size_t prepared_bytes(const leat_context *c, const leati_step *s)
{
    const leati_fused_attrs *f = s->attrs;
    (void)c;
    return sizeof(program) + f->inputs * sizeof(reader) + f->codes * sizeof(code);
}

/* The last code that reads register r; -1: none. */
static int last_reader(const leati_fused_attrs *f, size_t r)
{
    int last = -1;
    for (int k = 0; k < f->codes; k++) {
        int count = f->code[k].op == LEATI_OP_CAST ? 1 : leati_op_info_of(f->code[k].op)->least;
        for (int i = 0; i < count; i++)
            if (f->code[k].in[i] == r) last = k;
    }
    return last;
}

static uint16_t take_room(uint16_t *free, uint16_t *free_count, program *p)
{
    return *free_count ? free[--*free_count] : p->rooms++;
}

/* Results that no output takes lie in rooms of a tile each; a room is free for others after the
 * last code that reads it. */
static void give_rooms(const leati_fused_attrs *f, program *p)
{
    uint16_t free[MOST_REGISTERS], free_count = 0;
    int last[MOST_REGISTERS];
    for (uint16_t i = 0; i < p->inputs; i++)
        if (p->in[i].how != DIRECT) p->in[i].room = p->rooms++;
    for (uint16_t k = 0; k < p->codes; k++) {
        code *now = &p->code[k];
        last[k] = last_reader(f, (size_t)p->inputs + k);
        if (now->room != NO_ROOM) now->room = take_room(free, &free_count, p);
        for (uint16_t e = 0; e <= k; e++) {
            bool over = last[e] == k || (e == k && last[e] < 0);
            if (over && p->code[e].room != NO_ROOM) free[free_count++] = p->code[e].room;
        }
    }
}

/* Elements of a tile: rooms and streams fit into L1, a multiple of 64. */
static size_t tile_of(const program *p, uint16_t outputs)
{
    size_t streams = (size_t)p->rooms + outputs + 1;
    for (uint16_t i = 0; i < p->inputs; i++) streams += p->in[i].how == DIRECT;
    size_t tile = L1_BYTES / (4 * streams) / LEAST_TILE * LEAST_TILE;
    return tile < LEAST_TILE ? LEAST_TILE : tile > MOST_TILE ? MOST_TILE : tile;
}

static void prepare(leat_context *c, const leati_step *s)
{
    const leati_fused_attrs *f = s->attrs;
    program *p = s->prepared;
    p->inputs = f->inputs;
    p->codes = f->codes;
    p->in = (reader *)(p + 1);
    p->code = (code *)(p->in + f->inputs);
    p->count = leati_shape_count(&f->space);
    p->stream = leati_net_kernels_of(c)->stream;
    for (uint16_t i = 0; i < f->inputs; i++) set_reader(&p->in[i], &s->in[i], &f->space);
    for (uint16_t k = 0; k < f->codes; k++) {
        const leati_fused_code *from = &f->code[k];
        leat_dtype in = (leat_dtype)from->in_type;
        p->code[k].run = from->op == LEATI_OP_CAST
                             ? leati_cast_kernel(c, in, (leat_dtype)from->out_type)
                             : leati_elt_kernel(c, (leati_elt)from->op, in);
        memcpy(p->code[k].in, from->in, sizeof from->in);
        p->code[k].size = (uint16_t)leat_dtype_size((leat_dtype)from->out_type);
    }
    for (uint16_t o = 0; o < f->outputs; o++) {
        code *last = &p->code[f->out[o] - f->inputs];
        last->output = o;
        last->streams = p->count * last->size >= STREAM_BYTES;
        if (!last->streams) last->room = NO_ROOM;
    }
    give_rooms(f, p);
    p->tile = tile_of(p, f->outputs);
    size_t chunk = GRAIN / ((size_t)f->codes + 1);
    p->chunk = (chunk + p->tile - 1) / p->tile * p->tile;
}

static size_t room_bytes(const program *p)
{
    return p->rooms * p->tile * 8;
}

static size_t scratch(const leat_context *c, const leati_step *s)
{
    return room_bytes(s->prepared) * leat_context_threads(c);
}

/* ---- every run
 * -------------------------------------------------------------------------------------- */

/* A share of the next tile of every large operand, so that memory is busy while results that lie
 * in the caches are computed. */
static void fetch_ahead(const job *j, size_t next, size_t n, size_t share)
{
    const program *p = j->p;
    for (uint16_t i = 0; i < p->inputs; i++) {
        const reader *r = &p->in[i];
        if (r->how != DIRECT || p->count * r->size < FETCH_BYTES) continue;
        const char *data = (const char *)j->s->in[i].data + next * r->size;
        size_t bytes = n * r->size, end = bytes * (share + 1) / p->codes;
        for (size_t at = bytes * share / p->codes; at < end; at += LINE_BYTES)
            __builtin_prefetch(data + at);
    }
}

static void run_tile(const job *j, size_t first, size_t n, const void **reg, char *room)
{
    const program *p = j->p;
    size_t step = p->tile * 8;
    for (uint16_t i = 0; i < p->inputs; i++) {
        const reader *r = &p->in[i];
        const char *data = j->s->in[i].data;
        if (r->how == DIRECT) reg[i] = data + first * r->size;
        else if (r->how == SPREAD) spread(r, data, first, n, room + r->room * step);
    }
    size_t next = first + n, ahead = p->count - next < p->tile ? p->count - next : p->tile;
    for (uint16_t k = 0; k < p->codes; k++) {
        const code *now = &p->code[k];
        if (ahead) fetch_ahead(j, next, ahead, k);
        bool last = now->room == NO_ROOM || now->streams;
        char *to = last ? (char *)j->s->out[now->output].data + first * now->size : NULL;
        char *out = now->room == NO_ROOM ? to : room + now->room * step;
        now->run(n, reg[now->in[0]], reg[now->in[1]], reg[now->in[2]], out);
        if (now->streams) p->stream(n * now->size, out, to);
        reg[p->inputs + k] = out;
    }
}

static void run_chunk(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    const program *p = j->p;
    const void *reg[MOST_REGISTERS];
    char *room = (char *)j->s->scratch + worker * room_bytes(p);
    size_t first = task * p->chunk, end = first + p->chunk;
    if (end > p->count) end = p->count;
    size_t most = end - first < p->tile ? end - first : p->tile;
    for (uint16_t i = 0; i < p->inputs; i++) {
        const reader *r = &p->in[i];
        if (r->how == DIRECT) continue;
        char *to = room + r->room * p->tile * 8;
        reg[i] = to;
        if (r->how == SCALAR) leati_cpu_fill(to, j->s->in[i].data, r->size, most);
    }
    for (; first < end; first += p->tile)
        run_tile(j, first, end - first < p->tile ? end - first : p->tile, reg, room);
}

static leat_status run(leat_context *c, const leati_step *s)
{
    const program *p = s->prepared;
    job j = {s, p};
    if (p->count) leati_parallel(c, (p->count + p->chunk - 1) / p->chunk, run_chunk, &j);
    return LEAT_OK;
}

const leati_kernel leati_cpu_fused = {
    .run = run, .scratch = scratch, .prepared_bytes = prepared_bytes, .prepare = prepare};
