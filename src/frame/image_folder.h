/* Folders of images as frames. */
#ifndef LEATI_FRAME_IMAGE_FOLDER_H
#define LEATI_FRAME_IMAGE_FOLDER_H

#include "frame/read.h"

/* Whether the end of the name is that of an image, as in "a.png". */
bool leati_image_named(const char *name);
/* See leat/read.h; `path` may be that of one image. Errors name the file. */
leat_status leati_image_folder(leat_context *c, leat_frame **out, const char *path,
                               const leat_read_options *options, leat_read_report *report);

#endif
