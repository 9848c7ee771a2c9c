/*
 * confine - close the outer jail, then execute the role.
 *
 * started by  service/NAME/run, as root
 * uid         root; the role gets the user of -u, or a root without most
 *             capabilities (-c)
 * fd          all are passed on
 * reads       /etc/passwd, /etc/group, control/landlockmax
 * runs        the role
 * exits       EX_USAGE; EX_NOUSER; EX_OSERR if the kernel refuses
 */

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "base/die.h"
#include "base/landlock.h"
#include "base/paths.h"
#include "base/sandbox.h"
#include "base/span.h"
#include "queue/neighbour.h"

static const char usage[] =
    "usage: confine -u USER [-g GROUP]... [-r|-w|-x PATH]... [-N] [-n FILES]\n"
    "               [-m MIB] PROGRAM [ARGUMENT...]\n"
    "       confine -c CAPABILITY[,CAPABILITY...] [-n FILES] [-m MIB]\n"
    "               PROGRAM [ARGUMENT...]";

enum {
	PATHS_MAX = 32,
	GROUPS_MAX = 8
};

struct confinement {
	const char *user;
	char *capabilities; /* of a role that must stay root */
	unsigned groups[GROUPS_MAX];
	unsigned group_count;
	struct landlock_path paths[PATHS_MAX];
	size_t path_count;
	bool has_network;
	rlim_t files;
	rlim_t memory_mib;
};

/* What every role may read or execute: itself, its libraries, its settings. */
static const struct landlock_path common_paths[] = {
	{ MTA_BIN, LANDLOCK_EXECUTE },
	{ "/lib", LANDLOCK_EXECUTE },
	{ "/lib64", LANDLOCK_EXECUTE },
	{ "/usr/lib", LANDLOCK_EXECUTE },
	{ "/etc/ld.so.cache", LANDLOCK_READ },
	{ "/etc/localtime", LANDLOCK_READ },
	{ "/dev/null", LANDLOCK_READ | LANDLOCK_WRITE },
	{ MTA_CONTROL, LANDLOCK_READ },
};

static const struct {
	const char *name;
	int number;
} capabilities[] = {
	{ "audit_write", CAP_AUDIT_WRITE },
	{ "chown", CAP_CHOWN },
	{ "fowner", CAP_FOWNER },
	{ "kill", CAP_KILL },
	{ "setgid", CAP_SETGID },
	{ "setuid", CAP_SETUID },
	{ "dac_read_search", CAP_DAC_READ_SEARCH },
};

static unsigned
group_number(const char *name)
{
	const struct group *group = getgrnam(name);

	if (group == NULL)
		die(EX_NOUSER, "no group %s: run make install, which makes it",
		    name);
	return group->gr_gid;
}

static rlim_t
parse_count(const char *text, long long max)
{
	const char *error;
	long long count = strtonum(text, 1, max, &error);

	if (error != NULL)
		die(EX_USAGE, "%s is %s", text, error);
	return (rlim_t)count;
}

static void
add_path(struct confinement *want, const char *path, unsigned access)
{
	if (want->path_count == PATHS_MAX)
		die(EX_USAGE, "more than %d paths", PATHS_MAX);
	want->paths[want->path_count++] =
	    (struct landlock_path){ path, access };
}

static void
add_group(struct confinement *want, const char *name)
{
	if (want->group_count == GROUPS_MAX)
		die(EX_USAGE, "more than %d groups", GROUPS_MAX);
	want->groups[want->group_count++] = group_number(name);
}

static void
take_option(struct confinement *want, int option)
{
	switch (option) {
	case 'c':
		want->capabilities = optarg;
		return;
	case 'g':
		add_group(want, optarg);
		return;
	case 'm':
		want->memory_mib = parse_count(optarg, 1 << 20);
		return;
	case 'N':
		want->has_network = true;
		return;
	case 'n':
		want->files = parse_count(optarg, 1 << 20);
		return;
	case 'r':
		add_path(want, optarg, LANDLOCK_READ);
		return;
	case 'u':
		want->user = optarg;
		return;
	case 'w':
		add_path(want, optarg, LANDLOCK_READ | LANDLOCK_WRITE);
		return;
	case 'x':
		add_path(want, optarg, LANDLOCK_EXECUTE);
		return;
	case 'h':
		puts(usage);
		exit(EX_OK);
	default:
		die(EX_USAGE, "%s", usage);
	}
}

static void
set_limit(__rlimit_resource_t resource, rlim_t value)
{
	const struct rlimit limit = { value, value };

	if (setrlimit(resource, &limit) == -1)
		die_errno(EX_OSERR, "cannot set a resource limit");
}

static bool
is_kept(const char *list, int number)
{
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(*capabilities);
	     i++) {
		struct span rest = span_of(list);

		while (capabilities[i].number == number && rest.len > 0)
			if (span_equal(span_cut(&rest, ','),
				span_of(capabilities[i].name)))
				return true;
	}
	return false;
}

/* Root, but only for what the list names, here and in all it executes. */
static void
drop_capabilities(const char *list)
{
	for (int number = 0; number <= CAP_LAST_CAP; number++)
		if (!is_kept(list, number) &&
		    prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == -1 &&
		    errno != EINVAL)
			die_errno(EX_OSERR, "cannot drop a capability");
	if (setgroups(0, NULL) == -1)
		die_errno(EX_OSERR, "cannot drop the groups");
}

/* The kernel forgets it when the uid changes. */
static void
keep_death_signal(int number, pid_t parent)
{
	if (number == 0)
		return;
	if (prctl(PR_SET_PDEATHSIG, number) == -1)
		die_errno(EX_OSERR, "cannot ask for the parent's death signal");
	if (getppid() != parent)
		exit(EX_TEMPFAIL);
}

static void
become_role(const struct confinement *want)
{
	const struct passwd *user = getpwnam(want->user);
	struct landlock_path paths[PATHS_MAX + 16];
	size_t count = sizeof(common_paths) / sizeof(*common_paths);
	const pid_t parent = getppid();
	int death_signal = 0;

	if (prctl(PR_GET_PDEATHSIG, &death_signal) == -1)
		die_errno(EX_OSERR, "cannot read the death signal");
	if (user == NULL)
		die(EX_NOUSER, "no user %s: run make install, which makes it",
		    want->user);
	memcpy(paths, common_paths, sizeof(common_paths));
	memcpy(paths + count, want->paths,
	    want->path_count * sizeof(*want->paths));
	become_user(
	    user->pw_uid, user->pw_gid, want->groups, want->group_count);
	keep_death_signal(death_signal, parent);
	if (!landlock_restrict(
		paths, count + want->path_count, !want->has_network))
		die_errno(EX_OSERR, "cannot close the jail (landlock)");
	sandbox_outer();
}

int
main(int argc, char **argv)
{
	struct confinement want = { .files = 1024, .memory_mib = 1024 };
	int option;

	program_name("confine");
	while ((option = getopt(argc, argv, "+:c:g:hm:Nn:r:u:w:x:")) != -1)
		take_option(&want, option);
	if (argv[optind] == NULL ||
	    (want.user == NULL) == (want.capabilities == NULL))
		die(EX_USAGE, "%s", usage);

	umask(077);
	const bool rests = getenv(NEIGHBOUR_RESTS) != NULL;
	if (clearenv() != 0 ||
	    setenv("PATH", MTA_BIN ":/usr/bin:/bin", 1) == -1 ||
	    (rests && setenv(NEIGHBOUR_RESTS, "1", 1) == -1) ||
	    chdir("/") == -1)
		die_errno(EX_OSERR, "cannot clean the environment");
	set_limit(RLIMIT_CORE, 0);
	set_limit(RLIMIT_NOFILE, want.files);
	if (!sandbox_is_sanitized())
		set_limit(RLIMIT_AS, want.memory_mib << 20);
	if (want.capabilities != NULL)
		drop_capabilities(want.capabilities);
	else
		become_role(&want);
	execvp(argv[optind], argv + optind);
	die_errno(EX_OSERR, "cannot execute %s", argv[optind]);
}
