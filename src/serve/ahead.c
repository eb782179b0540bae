/* Owns: answers to rows whose request is not yet complete. Not: when it is asked (dispatch.c), nor
 * what becomes of the request (oip_infer.c). */
#include "serve/ahead.h"

#include <string.h>

#include "base/mem.h"
#include "base/num.h"

enum {
    HEAD_MOST = 4096, /* bytes of JSON */
    /* The loop has others to serve: models are left out of which a run may take longer than a long
     * answer, and what has come is looked at for so long. */
    PIECE_NS = 1000000,
    LOOK_NS = 150000
};

/* With the exchange. */
typedef struct ahead {
    char etag[sizeof((leati_served *)0)->etag]; /* of the model: equal files give equal answers */
    size_t head, width, rows, piece;            /* bytes of JSON, of a row; rows of all, of a run */
    bool f32;
    size_t done; /* rows, whole pieces */
    uint64_t ns; /* that they took */
    double value[];
} ahead;

/* Whether the first lines of the body ask for predictions alone, of one tensor of numbers. */
static bool is_plain(const leati_served *s, const leati_infer_in *in)
{
    const leati_tensor_in *t = in->room->tensors;
    if (in->tensor_count != 1 || !t->is_binary || t->rank != 2 || t->shape[1] != s->inputs)
        return false;
    if (t->type != LEATI_FP64 && t->type != LEATI_FP32) return false;
    if (!in->outputs_given) return !s->probabilities;
    for (size_t i = 0; i < in->output_count; i++)
        if (!LEATI_JSON_IS(&in->outputs[i].name, "prediction") || in->outputs[i].classification)
            return false;
    return in->output_count > 0;
}

static ahead *begin(leati_call *call, const leati_served *s, size_t head, size_t piece)
{
    leati_infer_in in;
    size_t coming = leati_exchange_coming(call->exchange), bytes;
    if (!leati_infer_read_head(&in, &call->desk->room, call->request->body, head, false,
                               &call->fault) ||
        !is_plain(s, &in))
        return NULL;
    const leati_tensor_in *t = in.room->tensors;
    bool f32 = t->type == LEATI_FP32;
    size_t width = s->inputs * (f32 ? sizeof(float) : sizeof(double)), rows = t->shape[0];
    if (leati_mul_overflows(rows, width, &bytes) || bytes != t->binary_size ||
        bytes != coming - head)
        return NULL;
    ahead *k = leati_exchange_keep(call->exchange, sizeof *k + rows * sizeof *k->value);
    if (!k) return NULL;
    *k = (ahead){.head = head, .width = width, .rows = rows, .piece = piece, .f32 = f32};
    memcpy(k->etag, s->etag, sizeof k->etag);
    return k;
}

/* Runs pieces that are there. */
static bool run(ahead *k, leati_ask *a, const leati_http_request *q)
{
    const char *first = (const char *)q->body + k->head;
    size_t here = (q->body_length - k->head) / k->width;
    uint64_t start = leati_serve_now(), now = start;
    while (here - k->done >= k->piece && now - start < LOOK_NS) {
        if (!leati_ask_ahead(a, first + k->done * k->width, k->f32, k->value + k->done))
            return false;
        uint64_t end = leati_serve_now();
        k->done += k->piece;
        k->ns += end - now;
        if (end - now > PIECE_NS) return false;
        now = end;
    }
    return true;
}

bool leati_ahead_look(leati_call *call, const leati_served *s)
{
    leati_http_text text =
        leati_exchange_header_in(call->exchange, "inference-header-content-length");
    int64_t head;
    if (s->graph || !s->matrix || !text.data || !leati_int_parse(text.data, text.length, &head) ||
        head < 1 || head > HEAD_MOST)
        return false;
    leati_ask *a = &s->ask[call->slot];
    size_t piece = leati_ask_piece(a);
    if (!piece || s->row_ns * piece > PIECE_NS) return false;
    if ((size_t)head > call->request->body_length) return true;
    ahead *k = leati_exchange_kept(call->exchange);
    if (!k) k = begin(call, s, (size_t)head, piece);
    return k && strcmp(k->etag, s->etag) == 0 && run(k, a, call->request);
}

void leati_ahead_use(leati_call *call, const leati_tensor_in *t)
{
    ahead *k = call->exchange ? leati_exchange_kept(call->exchange) : NULL;
    leati_ask *a = call->ask;
    if (!k || !k->done || a->wants_proba || a->known || strcmp(k->etag, call->served->etag) != 0)
        return;
    bool same = t->form == LEATI_FORM_RAW &&
                t->raw == (const char *)call->request->body + k->head && t->rank == 2 &&
                t->shape[0] == k->rows && t->type == (k->f32 ? LEATI_FP32 : LEATI_FP64);
    if (!same || leati_ask_piece(a) != k->piece) return;
    a->ahead = k->value;
    a->ahead_rows = k->done;
    a->infer_ns += k->ns;
}
