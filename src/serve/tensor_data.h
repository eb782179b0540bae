/* The data array of a JSON tensor: private to the reader of requests (tensor_in.c). */
#ifndef LEATI_SERVE_TENSOR_DATA_H
#define LEATI_SERVE_TENSOR_DATA_H

#include "serve/tensor_in.h"

/* Reads the array at json->at into cells (and texts) behind those of `in`. Sets t->form, first,
 * count; *rank and extent: the brackets as they came (rank 1: flat). */
bool leati_tensor_data_read(leati_infer_in *in, leati_json_in *json, leati_tensor_in *t,
                            size_t *rank, size_t extent[LEATI_TENSOR_RANK]);
/* Binary BYTES: lengths (4 bytes, little endian) and bytes, `count` of them in `size` bytes. */
bool leati_tensor_bytes_read(leati_infer_in *in, leati_tensor_in *t, const char *data, size_t size);
/* Room for `count` more cells, or `bytes` more of text. */
bool leati_tensor_room_cells(leati_infer_in *in, size_t count);
bool leati_tensor_room_texts(leati_infer_in *in, size_t bytes);

#endif
