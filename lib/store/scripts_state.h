#ifndef STORE_SCRIPTS_STATE_H
#define STORE_SCRIPTS_STATE_H

/*
 * scripts_state - what scripts.c, which reads them, scripts_change.c, and
 * scripts_long.c share.
 */

#include <sys/stat.h>

#include "store/scripts.h"

#define SCRIPTS_SUFFIX      ".sieve"
#define SCRIPTS_LONG_SUFFIX ".sieve.long"
#define SCRIPTS_ACTIVE_NAME "active"

enum {
	SCRIPTS_SHORT_MAX = 200 /* octets: with ".sieve.new" a file's name */
};

/* The file of a script; "" if no script can have that name. */
struct scripts_file {
	char name[SCRIPTS_SHORT_MAX + sizeof(SCRIPTS_SUFFIX)];
	bool is_long; /* it is called by the script's name's digest */
};
struct scripts_file scripts_file(struct span name);

/* Open the folder `sieve`; -1 with errno set. */
int scripts_open_folder(int maildir);

/* Is it there, and an ordinary file? */
bool scripts_is_there(int folder, const char *file, struct stat *status);

/* Append what is in a file, which need be no script's. */
enum scripts_status scripts_read_file(
    int folder, const char *file, struct buf *text);

/* As scripts_active, of the open folder. */
enum scripts_status scripts_read_active(int folder, struct buf *name);

/* Hand out the name of each script; false as scripts_list. */
bool scripts_walk(
    int folder, bool (*take)(void *context, struct span name), void *context);

/* What errno stands for. */
enum scripts_status scripts_error(void);

/* Close it, if it is open, without a change of errno. */
void scripts_close(int fd);

/* ---- scripts_long.c: names of more than SCRIPTS_SHORT_MAX ---- */

void scripts_long_file(struct span name, struct scripts_file *file);

/* What its file holds. */
void scripts_add_long(struct buf *whole, struct span name, struct span text);

/* Append the script; NONEXISTENT: the file has another's name, or none. */
enum scripts_status scripts_read_long(
    int folder, const struct scripts_file *file, struct buf *text);

/* Append the name; false: it has none, errno 0, or errno says why it cannot be
 * told. */
bool scripts_find_long(int folder, const char *file, struct buf *name);

#endif
