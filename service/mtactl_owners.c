#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/paths.h"
#include "service/mtactl.h"
#include "service/tree.h"

/* One fault a line; returns 1 for each. */
static int
check_entry(const struct tree_entry *entry)
{
	char path[PATH_MAX];
	struct stat status;

	tree_path(entry, path, sizeof(path));
	if (lstat(path, &status) == -1) {
		printf("%s: %s: run mtactl init\n", path, strerror(errno));
		return 1;
	}
	if (status.st_uid == tree_owner(entry) &&
	    status.st_gid == tree_group(entry) &&
	    (status.st_mode & 07777) == entry->mode)
		return 0;
	printf("%s: should be %s:%s %04o, is %u:%u %04o: run mtactl init\n",
	    path, entry->owner, entry->group, (unsigned)entry->mode,
	    (unsigned)status.st_uid, (unsigned)status.st_gid,
	    (unsigned)(status.st_mode & 07777));
	return 1;
}

/* The one setting that is a secret, of one role. */
static bool
is_kept_well(const struct stat *status)
{
	const struct tree_entry secret = { "control/smtpauth", "root",
		"mta-remote-auth", 0640, 'f' };

	return status->st_uid == tree_owner(&secret) &&
	       status->st_gid == tree_group(&secret) &&
	       (status->st_mode & 07777) == secret.mode;
}

/* What is wrong with the mode of a file in control/; NULL if nothing. */
static const char *
mode_fault(const char *name, const struct stat *status)
{
	if (strcmp(name, "smtpauth") == 0)
		return is_kept_well(status)
			   ? NULL
			   : "it is a secret: chown root:mta-remote-auth and "
			     "chmod 640";
	return (status->st_mode & S_IROTH) != 0
		   ? NULL
		   : "the services cannot read it: chmod 644";
}

/*
 * Each role has a uid of its own, and reads control/ as it starts and later:
 * what only root can read is read by none of them.
 */
static int
check_readable(void)
{
	DIR *folder = opendir(MTA_CONTROL);
	struct dirent *entry;
	struct stat status;
	int faults = 0;

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.' ||
		    fstatat(dirfd(folder), entry->d_name, &status, 0) == -1 ||
		    !S_ISREG(status.st_mode))
			continue;
		const char *fault = mode_fault(entry->d_name, &status);
		if (fault == NULL)
			continue;
		printf("%s/%s: %s %s/%s\n", MTA_CONTROL, entry->d_name, fault,
		    MTA_CONTROL, entry->d_name);
		faults++;
	}
	if (folder != NULL)
		closedir(folder);
	return faults;
}

int
mtactl_check_owners(void)
{
	int faults = 0;

	for (size_t i = 0; i < tree_entry_count; i++)
		faults += check_entry(&tree_entries[i]);
	return faults + check_readable();
}
