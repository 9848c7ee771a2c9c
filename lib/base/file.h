#ifndef BASE_FILE_H
#define BASE_FILE_H

/*
 * file - putting ordinary files in place so that a power cut finds the old
 * one or the new one, whole.  (The queue has its own order: queue(5).)
 */

#include "base/span.h"

/*
 * fsync fd, which was written under the name temporary, rename it to path and
 * sync the folder.  False with errno set; the file may then have either name.
 */
bool file_commit(int fd, const char *temporary, const char *path);

/* fsync the folder that path lies in; false with errno set. */
bool folder_sync(const char *path);

#endif
