/* The files of models in a folder that is served: written whole or not at all, taken away together
 * or not at all. By the steward alone. */
#ifndef LEATI_SERVE_MODEL_FILES_H
#define LEATI_SERVE_MODEL_FILES_H

#include "serve/fault.h"

enum { LEATI_MODEL_PATH = 4096 };

/* `error`: an errno of the folder. Returns false. */
bool leati_model_file_fault(leati_fault *fault, int error);
/* Makes what was done to the name of a file last. */
void leati_model_file_sync(const char *path);

/* Writes the bytes to the disk, beside `path`, which is not touched; *temporary is where. Clears
 * away there what processes left that were killed on the way. */
bool leati_model_file_write(const char *path, const void *data, size_t size,
                            char temporary[LEATI_MODEL_PATH], leati_fault *fault);
/* Gives the file `temporary` its name; 0 or an errno: EEXIST where the name is taken. */
int leati_model_file_name(const char *temporary, const char *path);

/* Removes all, or on failure none; what is not there is fine. A process that is killed in between
 * leaves a part of them. */
bool leati_model_files_remove(char *const *paths, size_t count, leati_fault *fault);

#endif
