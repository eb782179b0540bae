/* Texts at the borders of a graph.
 *
 * A graph computes on numbers. A leat_texts is a tensor of texts beside it: codes of some shape and
 * a dictionary of the distinct texts, as columns of tables have them. Operations on texts work on
 * each distinct text once; leat_texts_lookup and leat_texts_one_hot lead into the graph.
 *
 *     leat_texts *reviews, *words;
 *     leat_vocabulary *v;
 *     leat_token_options o = leat_token_options_default();
 *     o.length = 40;
 *     leat_texts_column(c, frame, 0, &reviews);
 *     leat_texts_tokens(c, reviews, &o, &words);              // (rows, 40)
 *     leat_vocabulary_create(c, words, 10000, &v);
 *     leat_tensor *x = leat_embedding(table, leat_texts_lookup(g, words, v));
 *
 * Both types are immutable, may be read from any thread and outlive the frame they came from. */
#ifndef LEAT_TEXT_H
#define LEAT_TEXT_H

#include <leat/frame.h>
#include <leat/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_texts leat_texts;
typedef struct leat_vocabulary leat_vocabulary;

/* texts: as many as the shape has elements, row-major; they are copied; NULL is a missing one. */
LEAT_API LEAT_CHECKED leat_status leat_texts_create(leat_context *context, leat_shape shape,
                                                    const char *const *texts, leat_texts **out);
/* A column of text, (rows). TYPE for another column. */
LEAT_API LEAT_CHECKED leat_status leat_texts_column(leat_context *context, const leat_frame *frame,
                                                    size_t column, leat_texts **out);
LEAT_API void leat_texts_destroy(leat_texts *texts); /* NULL is fine */
LEAT_API leat_shape leat_texts_shape(const leat_texts *texts);
/* Element i in row-major order; NULL where it is missing, or there is none. */
LEAT_API const char *leat_texts_at(const leat_texts *texts, size_t i);

typedef enum leat_token_unit {
    LEAT_TOKEN_CHARACTER, /* code points of UTF-8 */
    LEAT_TOKEN_WORD /* runs of letters, digits, '_', inner apostrophes and anything beyond ASCII;
                       any other character but space is a token of its own */
} leat_token_unit;

typedef struct leat_token_options {
    uint32_t struct_size;
    leat_token_unit unit;
    bool lower;    /* A to Z become a to z */
    size_t length; /* tokens of a text: later ones are cut, those that lack are missing; 0: as many
                      as the longest has */
} leat_token_options;
/* Words as they are, the longest text. */
LEAT_API leat_token_options leat_token_options_default(void);
/* texts of shape S -> tokens of shape (S..., length). options may be NULL. */
LEAT_API LEAT_CHECKED leat_status leat_texts_tokens(leat_context *context, const leat_texts *texts,
                                                    const leat_token_options *options,
                                                    leat_texts **out);

enum { LEAT_ID_MISSING = 0, LEAT_ID_UNKNOWN = 1 };
/* The distinct texts get numbers from 2 on, the most frequent first, equally frequent ones in the
 * order of their bytes. most: at most so many texts; 0: all. */
LEAT_API LEAT_CHECKED leat_status leat_vocabulary_create(leat_context *context,
                                                         const leat_texts *texts, size_t most,
                                                         leat_vocabulary **out);
LEAT_API void leat_vocabulary_destroy(leat_vocabulary *v);       /* NULL is fine */
LEAT_API int64_t leat_vocabulary_size(const leat_vocabulary *v); /* numbers, 0 and 1 included */
/* 0 (LEAT_ID_MISSING) of NULL, 1 (LEAT_ID_UNKNOWN) of a text that is not in it. */
LEAT_API int64_t leat_vocabulary_find(const leat_vocabulary *v, const char *text);
/* NULL of 0, 1 and numbers that are none. */
LEAT_API const char *leat_vocabulary_text(const leat_vocabulary *v, int64_t id);

/* Constants of the graph: numbers (i64, of the texts' shape), and rows of zeros with a one where
 * the number is (of the shape and the vocabulary's size). NULL after an error, which stands in the
 * context. */
LEAT_API leat_tensor *leat_texts_lookup(leat_graph *g, const leat_texts *texts,
                                        const leat_vocabulary *v);
LEAT_API leat_tensor *leat_texts_one_hot(leat_graph *g, const leat_texts *texts,
                                         const leat_vocabulary *v, leat_dtype dtype);

#ifdef __cplusplus
}
#endif

#endif
