/* The C file that a model is exported to, while it is written: format_c.c makes interface and
 * preprocessing, a writer of c_writers.def the estimator.
 *
 * A writer adds to `data` what was learned, as constants, and to `code` functions, of which
 *
 *     static int answer(const number *x, double *out, NAME_workspace *w)
 *
 * gives the class (0 for numbers) of x (FEATURES) and sets out (OUTPUTS). `number` is double, or
 * float for networks. FEATURES and OUTPUTS are constants of the file. */
#ifndef LEATI_EXCHANGE_C_FILE_H
#define LEATI_EXCHANGE_C_FILE_H

#include "base/str.h"
#include "model/model.h"

typedef struct leati_c_file {
    leat_context *context;
    const leat_model *model;
    const leati_estimator *estimator;
    char *name;        /* an identifier */
    leati_state state; /* what was learned */
    leati_str data, code;
    leati_str space;  /* members of the workspace */
    leati_str layers; /* of a network: a line each, for the comment at the top */
    unsigned helpers; /* bits of leati_c_helper */
    bool single;      /* `number` is float */
    bool tokens;      /* some input is an index, and fails a call when it is out of range */
    bool padded;      /* padding fails a call unless it is at the end */
} leati_c_file;

#define C_WRITER(estimator, writer) leat_status leati_c_##writer(leati_c_file *f);
#include "exchange/c_writers.def"
#undef C_WRITER

/* Functions that several writers call; written once where asked for. */
typedef enum leati_c_helper {
    LEATI_C_LARGEST = 1,  /* static int largest(const double *v, int n): the first */
    LEATI_C_SOFTMAX = 2,  /* static void softmax(double *v, int n), in place */
    LEATI_C_LOGISTIC = 4, /* static double logistic(double z) */
    LEATI_C_DOT = 8,      /* static double dot(const double *a, const double *b, int n) */
    LEATI_C_LOGS = 16,    /* static void logs(double *v, int n): of sigmoids, in place */
    LEATI_C_NEAREST = 32  /* static void nearest(double *v, int n): probabilities, in place */
} leati_c_helper;

/* `text` as it is; use leati_str_addf on f->code for the rest. */
void leati_c_code(leati_c_file *f, const char *text);
/* "static const double name[rows][cols] = {...};" and the like; cols 0: one dimension. Nothing is
 * written for 0 rows. */
void leati_c_doubles(leati_c_file *f, const char *name, const double *v, size_t rows, size_t cols);
void leati_c_floats(leati_c_file *f, const char *name, const float *v, size_t rows, size_t cols);
void leati_c_ints(leati_c_file *f, const char *name, const int32_t *v, size_t rows, size_t cols);
void leati_c_bytes(leati_c_file *f, const char *name, const uint8_t *v, size_t count);
/* enum { NAME = value }; */
void leati_c_constant(leati_c_file *f, const char *name, size_t value);
/* A number as C has it: "0.1", "2.0", "-HUGE_VAL"; single: "0.1f". */
void leati_c_number(leati_str *s, double value, bool single);
/* "text", with what is not printable as \ooo. */
void leati_c_string(leati_str *s, const char *text);

/* The array `name` of the state as constants of the same type and shape, of the element type
 * given in the state. FORMAT: there is none. */
leat_status leati_c_array(leati_c_file *f, const char *name);
/* The scalar `name` of the state. */
leat_status leati_c_scalar(const leati_c_file *f, const char *name, double *out);
/* A parameter of the estimator as text. */
leat_status leati_c_param(const leati_c_file *f, const char *name, char *out, size_t size);

#endif
