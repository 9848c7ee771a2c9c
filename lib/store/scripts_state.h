#ifndef STORE_SCRIPTS_STATE_H
#define STORE_SCRIPTS_STATE_H

/*
 * scripts_state - what scripts.c, which reads them, and scripts_change.c share.
 */

#include <sys/stat.h>

#include "store/scripts.h"

#define SCRIPTS_SUFFIX      ".sieve"
#define SCRIPTS_ACTIVE_NAME "active"

/* The file of a script; "" if no script can have that name. */
struct scripts_file {
	char name[SCRIPTS_NAME_MAX + sizeof(SCRIPTS_SUFFIX)];
};
struct scripts_file scripts_file(struct span name);

/* Open the folder `sieve`; -1 with errno set. */
int scripts_open_folder(int maildir);

/* Is it there, and an ordinary file? */
bool scripts_is_there(int folder, const char *file, struct stat *status);

/* As scripts_active, of the open folder. */
enum scripts_status scripts_read_active(int folder, struct buf *name);

/* Hand out the file of each script; false as scripts_list. */
bool scripts_walk(
    int folder, bool (*take)(void *context, const char *file), void *context);

/* What errno stands for. */
enum scripts_status scripts_error(void);

/* Close it, if it is open, without a change of errno. */
void scripts_close(int fd);

#endif
