/* That one process at a time writes into a folder. */
#ifndef LEATI_BASE_FILE_LOCK_H
#define LEATI_BASE_FILE_LOCK_H

#include <leat/context.h>

/* A file FOLDER/lock that the process has locked by fcntl: the lock goes with the process, however
 * it ends, and what is left of the file binds nobody. It names who holds it. */
typedef struct leati_file_lock leati_file_lock;

/* Makes the folder. IO, naming the holder, where another process has it. *out is NULL, which is
 * no error, where nothing can be locked: on a file system without locks, or where one cannot write,
 * which whoever writes there will say. */
leat_status leati_file_lock_take(leat_context *c, leati_file_lock **out, const char *folder);
/* Removes the file, and the folders that were made for it where they are empty. NULL is fine. */
void leati_file_lock_release(leati_file_lock *lock);

#endif
