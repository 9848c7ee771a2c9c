#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/landlock.h"
#include "base/paths.h"
#include "service/mtactl.h"
#include "service/tree.h"

static void
make_group(const char *name)
{
	const char *const argv[] = { "groupadd", "--system", name, NULL };

	if (getgrnam(name) == NULL && mtactl_run(argv) != 0)
		die(EX_OSERR, "cannot make the group %s", name);
}

static void
make_user(const char *name)
{
	const char *const argv[] = { "useradd", "--system", "--gid", name,
		"--no-create-home", "--home-dir", MTA_HOME, "--shell",
		"/usr/sbin/nologin", "--comment", "Estafeta", name, NULL };

	make_group(name);
	if (getpwnam(name) == NULL && mtactl_run(argv) != 0)
		die(EX_OSERR, "cannot make the user %s", name);
}

static uid_t
user_number(const char *name)
{
	const struct passwd *user = getpwnam(name);

	if (user == NULL)
		die(EX_NOUSER, "no user %s: run mtactl init", name);
	return user->pw_uid;
}

static gid_t
group_number(const char *name)
{
	const struct group *group = getgrnam(name);

	if (group == NULL)
		die(EX_NOUSER, "no group %s: run mtactl init", name);
	return group->gr_gid;
}

/* Owner first: chown clears the setuid bits that chmod then sets. */
static void
make_entry(const struct tree_entry *entry)
{
	char path[PATH_MAX];

	tree_path(entry, path, sizeof(path));
	if (entry->kind == 'd' && mkdir(path, 0700) == -1 && errno != EEXIST)
		die_errno(EX_CANTCREAT, "cannot make %s", path);
	if (entry->kind == 'p' && mkfifo(path, 0600) == -1 && errno != EEXIST)
		die_errno(EX_CANTCREAT, "cannot make %s", path);
	if (entry->kind == 'f' && access(path, F_OK) == -1)
		return;
	if (chown(path, user_number(entry->owner),
		group_number(entry->group)) == -1 ||
	    chmod(path, entry->mode) == -1)
		die_errno(EX_OSERR, "cannot set owner and mode of %s", path);
}

int
mtactl_init(void)
{
	make_group("mta-admin");
	for (size_t i = 0; i < tree_user_count; i++)
		make_user(tree_users[i]);
	for (size_t i = 0; i < tree_entry_count; i++)
		make_entry(&tree_entries[i]);
	return EX_OK;
}

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
	if (status.st_uid == user_number(entry->owner) &&
	    status.st_gid == group_number(entry->group) &&
	    (status.st_mode & 07777) == entry->mode)
		return 0;
	printf("%s: should be %s:%s %04o, is %u:%u %04o: run mtactl init\n",
	    path, entry->owner, entry->group, (unsigned)entry->mode,
	    (unsigned)status.st_uid, (unsigned)status.st_gid,
	    (unsigned)(status.st_mode & 07777));
	return 1;
}

/* Settings are read by the code that will use them, in a child of their own:
 * a fault ends it with a line that names file and line. */
static const struct {
	const char *name;
	uint64_t min;
	uint64_t max;
} numbers[] = {
	{ "databytes", 0, INT64_MAX },
	{ "maxrecipients", 100, 50000 },
	{ "maxhops", 10, 1000 },
	{ "maxerrors", 1, 1000 },
	{ "timeoutsmtpd", 1, 3600 },
	{ "maxmessages", 1, 1000000 },
	{ "futurereleasemax", 0, 31536000 },
	{ "deliverbymin", 0, 86400 },
	{ "prioritymax", 0, 9 },
	{ "smtpdconnections", 1, 4096 },
	{ "smtpdpernetwork", 1, 4096 },
	{ "lmtpconnections", 1, 4096 },
	{ "lmtppernetwork", 1, 4096 },
	{ "pop3dconnections", 1, 4096 },
	{ "pop3dpernetwork", 1, 4096 },
	{ "timeoutpop3", 1, 86400 },
	{ "logindelaymax", 0, 60 },
	{ "checkpwconcurrency", 1, 500 },
	{ "concurrencylocal", 1, 128 },
	{ "concurrencyremote", 1, 500 },
	{ "queuelifetime", 60, 10000000 },
	{ "delaywarning", 0, 10000000 },
	{ "retrymin", 1, 86400 },
	{ "retrymax", 1, 86400 },
	{ "landlockmax", 0, 6 },
};

/* 1 if a child that reads it comes to a bad end. */
static int
check_number(size_t i)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == -1)
		die_errno(EX_OSERR, "cannot fork");
	if (pid == 0) {
		control_number(numbers[i].name, numbers[i].min, numbers[i].min,
		    numbers[i].max);
		_exit(EX_OK);
	}
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	return status == 0 ? 0 : 1;
}

int
mtactl_check(void)
{
	int faults = 0;

	for (size_t i = 0; i < tree_entry_count; i++)
		faults += check_entry(&tree_entries[i]);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		faults += check_number(i);
	printf("%d fault%s; landlock version %d\n", faults,
	    faults == 1 ? "" : "s", landlock_version());
	return faults == 0 ? EX_OK : EX_CONFIG;
}
