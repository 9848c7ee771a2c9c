#ifndef ALIASES_PASSWD_H
#define ALIASES_PASSWD_H

/*
 * passwd - the system's users, from /etc/passwd alone.
 *
 * The file is read whole and indexed, and read again when it was replaced or
 * changed: a lookup costs one stat.  The C library's getpwnam is not used,
 * because what /etc/nsswitch.conf names beside the file (systemd, LDAP) opens
 * sockets, which the jail forbids: such users get an account of their own with
 * mtactl(8), or an alias.
 *
 * Names are compared without case; of two that differ only so, the first
 * counts.  Lines that make no sense are skipped.
 */

#include <sys/stat.h>

#include "base/buf.h"

enum {
	PASSWD_MAX = 256 << 20
};

struct user {
	struct span name;
	struct span home; /* absolute */
	uint64_t uid;
	uint64_t gid;
};

struct passwd_file {
	const char *path;
	bool is_loaded;
	struct stat loaded;
	struct buf text;
	uint32_t *slots; /* offset of a line + 1; 0 is free */
	size_t slot_count;
};

void passwd_init(struct passwd_file *file, const char *path);
void passwd_free(struct passwd_file *file);

/*
 * 1 and *user (valid until the next call), 0 if there is none, -1 with errno
 * set if the file cannot be read.  name is in lower case.
 */
int passwd_find(struct passwd_file *file, struct span name, struct user *user);

/* One line of passwd(5); false if it makes no sense. */
bool passwd_parse(struct span line, struct user *user);

#endif
