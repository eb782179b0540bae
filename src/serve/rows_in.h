/* Rows of requests by the names of the model's inputs, for the APIs that people write to: checked
 * against the schema of the model, with faults that name row and field. */
#ifndef LEATI_SERVE_ROWS_IN_H
#define LEATI_SERVE_ROWS_IN_H

#include "serve/json_in.h"
#include "serve/route.h"

typedef struct leati_rows {
    leati_call *call;
    const leati_served *served;
    leati_ask *ask;
    size_t row;     /* the present one, from 0 */
    bool single;    /* there is but one: faults do not count it */
    bool explain;   /* the request asks for explanations */
    bool says;      /* or says that it does not */
    bool said;      /* "explain" stood in this row, this object around rows, this query */
    bool large;     /* what it holds takes too long for a loop to read: nothing was read */
    size_t next;    /* input that is likely to come next */
    uint64_t *seen; /* (inputs) 1 + the row in which it was given last; in the worker's room */
} leati_rows;

/* Begins the call (leati_call_begin). */
bool leati_rows_begin(leati_rows *x, leati_call *call, leati_served *served, bool probabilities);
/* The input of that name; SIZE_MAX: the model has none. */
size_t leati_rows_input(leati_rows *x, const leati_json_value *name);
/* A value for an input of the present row: JSON, or text as in a table ("" is missing). */
bool leati_rows_json(leati_rows *x, size_t input, leati_json_in *json);
bool leati_rows_text(leati_rows *x, size_t input, const char *text, size_t length);
/* A whole row. Of objects, members that are no inputs are passed over. */
bool leati_rows_object(leati_rows *x, leati_json_in *json);
bool leati_rows_array(leati_rows *x, leati_json_in *json);
/* Checks that every input was given and goes on to the next row. */
bool leati_rows_next(leati_rows *x);
/* 422: the model has no input of that name, nor does a query or form take it. */
bool leati_rows_unknown(leati_rows *x, const char *name, size_t length);
/* Marks an input as given; false where it stands twice. */
bool leati_rows_mark(leati_rows *x, size_t input);
/* False: there was no row. */
bool leati_rows_end(leati_rows *x);

/* Whole bodies: the API's JSON and MLflow's; name=value pairs of a query or form. */
bool leati_rows_read_json(leati_rows *x);
bool leati_rows_read_mlflow(leati_rows *x);
bool leati_rows_read_pairs(leati_rows *x, leati_http_text pairs);
/* Delimited text with a line of names. */
bool leati_rows_csv(leati_rows *x, const void *data, size_t size);
/* A PNG or JPEG file for a model whose only input is an image. */
bool leati_rows_image(leati_rows *x, const void *data, size_t size);
bool leati_rows_takes_image(const leati_served *s);
/* A text file for a model whose only input is a text. */
bool leati_rows_plain(leati_rows *x, const void *data, size_t size);
bool leati_rows_takes_text(const leati_served *s);
/* multipart/form-data: a part per input, or a file for a model of one input, or a table. */
bool leati_rows_multipart(leati_rows *x, leati_http_text type, const void *data, size_t size);

/* The member "explain" of a request, where the model has no input of that name. */
bool leati_rows_explain_json(leati_rows *x, leati_json_in *json);
bool leati_rows_explain_text(leati_rows *x, const char *value, size_t length);

#endif
