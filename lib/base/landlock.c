#include "base/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/control.h"

/* Names that Debian 12's headers (version 3) do not have yet. */
enum {
	FS_V1 = (1 << 13) - 1,
	FS_REFER = 1 << 13,
	FS_TRUNCATE = 1 << 14,
	FS_IOCTL_DEV = 1 << 15,
	NET_BOTH = 3,
	SCOPE_BOTH = 3,
	VERSION_MAX = 6
};

/* struct landlock_ruleset_attr of version 6. */
struct ruleset {
	uint64_t files;
	uint64_t network;
	uint64_t scopes;
};

static const size_t ruleset_sizes[VERSION_MAX + 1] = { 0, 8, 8, 8, 16, 16, 24 };

static const uint64_t read_rights =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t file_rights =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
    LANDLOCK_ACCESS_FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV;

int
landlock_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	if (version <= 0)
		return 0;
	uint64_t max =
	    control_number("landlockmax", VERSION_MAX, 0, VERSION_MAX);
	return version < (long)max ? (int)version : (int)max;
}

static uint64_t
known_rights(int version)
{
	uint64_t rights = FS_V1;

	if (version >= 2)
		rights |= FS_REFER;
	if (version >= 3)
		rights |= FS_TRUNCATE;
	if (version >= 5)
		rights |= FS_IOCTL_DEV;
	return rights;
}

static uint64_t
path_rights(unsigned access, uint64_t known)
{
	uint64_t rights = 0;

	if (access & (LANDLOCK_READ | LANDLOCK_EXECUTE))
		rights |= read_rights;
	if (access & LANDLOCK_EXECUTE)
		rights |= LANDLOCK_ACCESS_FS_EXECUTE;
	if (access & LANDLOCK_WRITE)
		rights |= known & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE;
	return rights & known;
}

static bool
add_path(int ruleset, const struct landlock_path *path, uint64_t known)
{
	int fd = open(path->path, O_PATH | O_CLOEXEC);
	struct stat status;

	if (fd == -1)
		return errno == ENOENT;
	uint64_t rights = path_rights(path->access, known);
	if (fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode))
		rights &= file_rights;
	struct landlock_path_beneath_attr rule = { .allowed_access = rights,
		.parent_fd = fd };
	long added = syscall(SYS_landlock_add_rule, ruleset,
	    LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(fd);
	return added == 0;
}

static int
make_rules(int version, bool no_network)
{
	struct ruleset rules = { .files = known_rights(version),
		.network = no_network ? NET_BOTH : 0,
		.scopes = SCOPE_BOTH };

	return (int)syscall(
	    SYS_landlock_create_ruleset, &rules, ruleset_sizes[version], 0);
}

bool
landlock_enter(int rules)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_landlock_restrict_self, rules, 0) == 0;
}

int
landlock_session_rules(bool no_network)
{
	int version = landlock_version();

	return version == 0 ? -1 : make_rules(version, no_network);
}

bool
landlock_restrict(
    const struct landlock_path *paths, size_t count, bool no_network)
{
	int version = landlock_version();

	if (version == 0)
		return true;
	int rules = make_rules(version, no_network);
	if (rules == -1)
		return false;
	bool held = true;
	for (size_t i = 0; held && i < count; i++)
		held = add_path(rules, &paths[i], known_rights(version));
	held = held && landlock_enter(rules);
	close(rules);
	return held;
}
