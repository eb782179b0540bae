/* Tensors of requests: JSON data and binary data read into one form, checked against their shapes.
 *
 * The parser is bounded: levels of brackets, inputs, dimensions and names have limits, sizes are
 * multiplied with overflow checks, nothing recurses. Whole numbers stay exact in all 64 bits; NaN
 * and infinities are no JSON and refused; in binary tensors NaN is a missing number. A member that
 * is known and stands twice is refused, unknown ones are skipped. */
#ifndef LEATI_SERVE_TENSOR_IN_H
#define LEATI_SERVE_TENSOR_IN_H

#include "serve/json_in.h"

enum {
    LEATI_TENSOR_RANK = 8,
    LEATI_TENSOR_NAME = 256,
    LEATI_TENSORS_MOST = 4096, /* inputs of a request */
    LEATI_OUTPUTS_MOST = 16
};

typedef enum leati_datatype {
    LEATI_BOOL,
    LEATI_UINT8,
    LEATI_UINT16,
    LEATI_UINT32,
    LEATI_UINT64,
    LEATI_INT8,
    LEATI_INT16,
    LEATI_INT32,
    LEATI_INT64,
    LEATI_FP16,
    LEATI_BF16,
    LEATI_FP32,
    LEATI_FP64,
    LEATI_BYTES,
    LEATI_DATATYPES
} leati_datatype;

const char *leati_datatype_name(leati_datatype type);
size_t leati_datatype_size(leati_datatype type); /* of an element; 0: BYTES */

/* How the elements lie. CELLS: 8 bytes each as double, uint64_t or int64_t; TEXTS: 8 bytes each,
 * places in the text memory where a text with its zero byte begins, LEATI_NO_TEXT: missing; RAW:
 * as they came, of the datatype, not aligned. */
typedef enum leati_form {
    LEATI_FORM_DOUBLES,
    LEATI_FORM_UNSIGNED,
    LEATI_FORM_SIGNED,
    LEATI_FORM_TEXTS,
    LEATI_FORM_RAW
} leati_form;
#define LEATI_NO_TEXT UINT64_MAX

typedef struct leati_tensor_in {
    char name[LEATI_TENSOR_NAME];
    size_t name_length;
    leati_datatype type;
    leati_form form;
    size_t rank, shape[LEATI_TENSOR_RANK];
    size_t count;       /* of elements: the product of the shape */
    size_t first;       /* cell, where it is not RAW */
    const void *raw;    /* RAW */
    size_t binary_size; /* of the parameter */
    bool is_binary;
} leati_tensor_in;

typedef struct leati_output_in {
    leati_json_value name;
    int binary;            /* -1: as the request says */
    size_t classification; /* 0: not asked */
} leati_output_in;

/* The memory of a worker that a request is read into. */
typedef struct leati_tensor_room {
    leat_context *context;
    leati_tensor_in *tensors;
    size_t tensor_capacity;
    uint64_t *cells;
    size_t cell_capacity;
    char *texts;
    size_t text_capacity;
} leati_tensor_room;
void leati_tensor_room_fini(leati_tensor_room *room);
/* Gives back what an unusually large request took. */
void leati_tensor_room_trim(leati_tensor_room *room);

typedef struct leati_infer_in {
    leati_tensor_room *room;
    leati_json_value id; /* STRING, or NULL */
    bool binary_output;
    size_t tensor_count;
    leati_output_in outputs[LEATI_OUTPUTS_MOST];
    size_t output_count;
    bool outputs_given;
    size_t cell_count, text_length;
    leati_fault *fault;
} leati_infer_in;

/* body: JSON of `head` bytes, then binary tensors up to `size`. padded: see leati_json_in_init,
 * only where head is size. The result points into body and room. */
bool leati_infer_read(leati_infer_in *in, leati_tensor_room *room, const char *body, size_t head,
                      size_t size, bool padded, leati_fault *fault);

/* The JSON alone: binary tensors have no elements. */
bool leati_infer_read_head(leati_infer_in *in, leati_tensor_room *room, const char *body,
                           size_t head, bool padded, leati_fault *fault);

/* Elements of a tensor. */
double leati_tensor_number(const leati_infer_in *in, const leati_tensor_in *t, size_t i);
/* All of them from `first` on, as doubles. */
void leati_tensor_numbers(const leati_infer_in *in, const leati_tensor_in *t, size_t first,
                          size_t count, double *out);
/* BYTES: NULL where missing. */
const char *leati_tensor_text(const leati_infer_in *in, const leati_tensor_in *t, size_t i);

#endif
