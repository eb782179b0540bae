/* Folders of images as frames. */
#ifndef LEATI_FRAME_IMAGE_FOLDER_H
#define LEATI_FRAME_IMAGE_FOLDER_H

#include "frame/read.h"

/* See leat/read.h. Errors name the file. */
leat_status leati_image_folder(leat_context *c, leat_frame **out, const char *path,
                               const leat_read_options *options, leat_read_report *report);

#endif
