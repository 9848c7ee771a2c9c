#ifndef BASE_FILE_H
#define BASE_FILE_H

/*
 * file - putting ordinary files in place so that a power cut finds the old
 * one or the new one, whole (the queue has its own order: queue(5)); and
 * opening one to read it.
 */

#include "base/span.h"

/*
 * fsync fd, which was written under the name temporary, rename it to path and
 * sync the folder.  False with errno set; the file may then have either name.
 */
bool file_commit(int fd, const char *temporary, const char *path);

/*
 * How fsync and names go together on the file system of fd, for the functions
 * below: before the jail, for it asks /sys and /proc.  Where nobody knows they
 * take a syncfs.
 */
void file_know_system(int fd);

/*
 * Bring a new file, which has bytes in it and is open for reading too, to
 * stable storage with the name that it has; false with errno set.  An fsync,
 * where that was seen to keep the name as well (xfs, and ext4 with its journal:
 * power_test), or a syncfs.
 */
bool file_sync_named(int fd);

/* Have the kernel begin with what a sync of fd will wait for. */
void file_start_sync(int fd);

/*
 * Bring a new file's bytes in place, so that the file_sync_named of another
 * file of the same file system, after this one was renamed, keeps both; false
 * with errno set.  Where an fsync keeps no names it is one itself.
 */
bool file_sync_bytes(int fd);

/*
 * file_sync_named for count new files (at least one) of one file system, by a
 * single sync; false with errno set: one or more may not be kept.
 */
bool file_sync_all(const int *fds, size_t count);

/* fsync the folder that path lies in; false with errno set. */
bool folder_sync(const char *path);

/*
 * Open a file of the folder for reading, if it is no symbolic link, without a
 * wait if it is a FIFO; returns -1 with errno set.  Its owner leaves no trace:
 * the time of the last access would be a write for each file that is read.
 */
int file_open_quietly(int folder, const char *name);

#endif
