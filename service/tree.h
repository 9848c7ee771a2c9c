#ifndef SERVICE_TREE_H
#define SERVICE_TREE_H

/*
 * tree - the uids, groups and folders of an installation: what init makes and
 * check compares.
 */

#include <stddef.h>
#include <sys/types.h>

struct tree_entry {
	const char *path; /* below /var/mta, or absolute */
	const char *owner;
	const char *group;
	mode_t mode;
	char kind; /* d folder, p FIFO, f file that must exist already,
		    * s a secret: random bytes, made once */
};

extern const struct tree_entry tree_entries[];
extern const size_t tree_entry_count;

extern const char *const tree_users[];
extern const size_t tree_user_count;

/* The entry's absolute path. */
void tree_path(const struct tree_entry *entry, char *path, size_t size);

/* Whose it is to be; ends the program if there is no such user or group. */
uid_t tree_owner(const struct tree_entry *entry);
gid_t tree_group(const struct tree_entry *entry);

#endif
