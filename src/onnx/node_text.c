/* Owns: operators on texts. Case is that of ASCII letters; others stay as they are. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "onnx/full_match.h"
#include "onnx/operators.h"

static bool same_text(leati_pb_bytes a, leati_pb_bytes b, bool exact)
{
    if (a.size != b.size) return false;
    if (a.size == 0) return true;
    return exact ? !memcmp(a.data, b.data, a.size) : !strncasecmp(a.data, b.data, a.size);
}

static leat_status change_case(leati_ocall *k, leati_pb_bytes *text, int (*change)(int))
{
    char *copy = leati_arena_strndup(&k->run->arena, text->size ? text->data : "", text->size);
    if (!copy) return leat_error_status(k->context);
    for (size_t i = 0; i < text->size; i++)
        if (!((unsigned char)copy[i] & 0x80)) copy[i] = (char)change((unsigned char)copy[i]);
    text->data = copy;
    return LEAT_OK;
}

/* Drops stop words, then changes the case; nothing left becomes one empty text. */
leat_status leati_on_StringNormalizer(leati_ocall *k)
{
    const void *data;
    void *out;
    size_t kept = 0;
    const char *action = leati_oattr_text(k, "case_change_action", "NONE");
    const leati_onnx_attribute *stop = leati_onnx_attribute_find(k->node, "stopwords");
    bool exact = leati_oattr_int(k, "is_case_sensitive", 0);
    LEATI_TRY(leati_ohost(k, 0, &data));
    leat_shape s = k->in[0]->shape;
    if (k->in[0]->element != LEATI_ONNX_STRING || s.rank < 1 || s.rank > 2 ||
        (s.rank == 2 && s.dim[0] != 1))
        return leati_ofail(k, LEAT_SHAPE, "the input is no list of texts: %s",
                           leati_shape_string(&s).text);
    size_t count = leati_shape_count(&s);
    leati_pb_bytes *list = leati_oalloc(k, count + 1, sizeof *list);
    if (!list) return LEAT_NOMEM;
    for (size_t i = 0; i < count; i++) {
        leati_pb_bytes text = ((const leati_pb_bytes *)data)[i];
        bool drop = false;
        for (size_t j = 0; stop && j < stop->strings.count && !drop; j++)
            drop = same_text(text, stop->strings.at[j], exact);
        if (drop) continue;
        if (!strcmp(action, "LOWER")) LEATI_TRY(change_case(k, &text, tolower));
        if (!strcmp(action, "UPPER")) LEATI_TRY(change_case(k, &text, toupper));
        list[kept++] = text;
    }
    if (kept == 0) kept = 1;
    s.dim[s.rank - 1] = (int64_t)kept;
    LEATI_TRY(leati_onew(k, 0, LEATI_ONNX_STRING, s, &out));
    memcpy(out, list, kept * sizeof *list);
    return LEAT_OK;
}

/* Texts of both inputs joined, with broadcasting. */
leat_status leati_on_StringConcat(leati_ocall *k)
{
    leat_shape s;
    const void *a, *b;
    void *out;
    int64_t sa[LEAT_MAX_RANK], sb[LEAT_MAX_RANK];
    LEATI_TRY(leati_oneed(k, 2));
    if (k->in[0]->element != LEATI_ONNX_STRING || k->in[1]->element != LEATI_ONNX_STRING)
        return leati_ofail(k, LEAT_TYPE, "the inputs are no texts");
    if (!leati_shape_broadcast(&k->in[0]->shape, &k->in[1]->shape, &s))
        return leati_ofail(k, LEAT_SHAPE, "the inputs' shapes do not broadcast");
    LEATI_TRY(leati_ohost(k, 0, &a));
    LEATI_TRY(leati_ohost(k, 1, &b));
    LEATI_TRY(leati_onew(k, 0, LEATI_ONNX_STRING, s, &out));
    leati_broadcast_strides(&k->in[0]->shape, &s, sa);
    leati_broadcast_strides(&k->in[1]->shape, &s, sb);
    size_t count = leati_shape_count(&s);
    for (size_t i = 0; i < count; i++) {
        leati_pb_bytes x = ((const leati_pb_bytes *)a)[leati_strided_place(&s, sa, i)];
        leati_pb_bytes y = ((const leati_pb_bytes *)b)[leati_strided_place(&s, sb, i)];
        char *joined = leati_oalloc(k, x.size + y.size, 1);
        if (!joined) return LEAT_NOMEM;
        if (x.size) memcpy(joined, x.data, x.size);
        if (y.size) memcpy(joined + x.size, y.data, y.size);
        ((leati_pb_bytes *)out)[i] = (leati_pb_bytes){joined, x.size + y.size};
    }
    return LEAT_OK;
}

/* ---- RegexFullMatch ---------------------------------------------------------------------------
 */

leat_status leati_on_RegexFullMatch(leati_ocall *k)
{
    const void *data;
    void *out;
    leati_pattern *p;
    const leati_onnx_attribute *a = leati_onnx_attribute_find(k->node, "pattern");
    LEATI_TRY(leati_oneed(k, 1));
    if (!a) return leati_ofail(k, LEAT_FORMAT, "it has no pattern");
    if (k->in[0]->element != LEATI_ONNX_STRING)
        return leati_ofail(k, LEAT_TYPE, "the input is no text");
    LEATI_TRY(leati_pattern_parse(k->context, &k->run->arena, a->s.data, a->s.size, &p));
    LEATI_TRY(leati_ohost(k, 0, &data));
    leat_shape s = k->in[0]->shape;
    LEATI_TRY(leati_onew(k, 0, LEATI_ONNX_BOOL, s, &out));
    for (size_t i = 0; i < leati_shape_count(&s); i++) {
        leati_pb_bytes text = ((const leati_pb_bytes *)data)[i];
        bool yes;
        LEATI_TRY(leati_pattern_matches(k->context, &k->run->arena, p, text.data, text.size, &yes));
        ((uint8_t *)out)[i] = yes;
    }
    return LEAT_OK;
}
