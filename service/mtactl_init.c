#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "service/mtactl.h"
#include "service/tree.h"

enum {
	SECRET_BYTES = 32 /* SCRAM_SECRET_BYTES */
};

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

/* What nobody can guess; one that is there stays. */
static void
make_secret(const char *path)
{
	char bytes[SECRET_BYTES];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd == -1 && errno == EEXIST)
		return;
	if (fd == -1 || getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes) ||
	    !write_all(fd, (struct span){ bytes, sizeof(bytes) }))
		die_errno(EX_CANTCREAT, "cannot make %s", path);
	explicit_bzero(bytes, sizeof(bytes));
	close(fd);
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
	if (entry->kind == 's')
		make_secret(path);
	if (entry->kind == 'f' && access(path, F_OK) == -1)
		return;
	if (chown(path, tree_owner(entry), tree_group(entry)) == -1 ||
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
	mtactl_make_certificate();
	return EX_OK;
}
