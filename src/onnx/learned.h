/* What the operators of ai.onnx.ml share. */
#ifndef LEATI_ONNX_LEARNED_H
#define LEATI_ONNX_LEARNED_H

#include "onnx/operators.h"

/* Input i as a matrix (rows, features) of f32, or of f64 where it is: a list is one row. NULL with
 * an error. */
leat_tensor *leati_omatrix(leati_ocall *k, size_t i);
/* The floats of the attribute `list`, or else the elements of `tensor`, as f64 in the arena; 0 of
 * them where neither is there. Either name may be NULL. */
leat_status leati_onumbers(leati_ocall *k, const char *list, const char *tensor, const double **out,
                           size_t *count);
/* A constant (1, count) of y's type. */
leat_tensor *leati_orow(leati_ocall *k, size_t count, const double *list, leat_tensor *y);
/* "NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT" over the last axis. */
leat_tensor *leati_opost_transform(leati_ocall *k, leat_tensor *y, const char *name);

/* Number of class labels: classlabels_ints, _int64s or _strings. */
size_t leati_oclasses(const leati_ocall *k);
/* Output 0: the labels of class numbers (N), out of so many columns of scores. */
leat_status leati_oset_labels(leati_ocall *k, leat_tensor *number, size_t columns);
/* The two outputs of a classifier, label and scores after post_transform. single: y (N, 1) is the
 * score of the second of two classes; positive: it is a probability rather than a margin where
 * post_transform is NONE. */
leat_status leati_oclassified(leati_ocall *k, leat_tensor *y, bool single, bool positive);

#endif
