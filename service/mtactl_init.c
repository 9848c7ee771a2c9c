#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/io.h"
#include "base/landlock.h"
#include "base/paths.h"
#include "net/dial.h"
#include "net/mechanisms.h"
#include "net/milters.h"
#include "queue/filters.h"
#include "queue/guarding.h"
#include "service/checker.h"
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
	mtactl_make_certificate();
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
	{ "timeoutstrain", 1, 3600 },
	{ "sessionmax", 1, 604800 },
	{ "datawindow", 1, 3600 },
	{ "mindatarate", 0, 1 << 20 },
	{ "maxheaderfields", 20, 100000 },
	{ "maxjunk", 1, 100000 },
	{ "greetdelay", 0, 60 },
	{ "smtpdrate", 0, 1000000 },
	{ "smtpdwiderate", 0, 4000000 },
	{ "lmtprate", 0, 1000000 },
	{ "lmtpwiderate", 0, 4000000 },
	{ "submissionrate", 0, 1000000 },
	{ "submissionwiderate", 0, 4000000 },
	{ "pop3drate", 0, 1000000 },
	{ "pop3dwiderate", 0, 4000000 },
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
	{ "timeouttls", 1, 3600 },
	{ "logindelaymax", 0, 60 },
	{ "checkpwconcurrency", 1, 500 },
	{ "submissionconnections", 1, 4096 },
	{ "submissionpernetwork", 1, 4096 },
	{ "messagesperhour", 0, UINT32_MAX },
	{ "recipientsperhour", 0, UINT32_MAX },
	{ "hideclient", 0, 1 },
	{ "concurrencylocal", 1, 128 },
	{ "concurrencyremote", 1, 500 },
	{ "queuelifetime", 60, 10000000 },
	{ "delaywarning", 0, 10000000 },
	{ "retrymin", 1, 86400 },
	{ "retrymax", 1, 86400 },
	{ "landlockmax", 0, 6 },
	{ "timeoutfilter", 1, 3600 },
	{ "timeoutmilter", 1, 3600 },
	{ "timeoutmiltermessage", 1, 3600 },
	{ "timeoutrspamd", 1, 3600 },
	{ "timeoutguard", 1, 60 },
	{ "dnsblreject", 0, WEIGHT_MAX },
	{ "greylistweight", 0, WEIGHT_MAX },
	{ "greylistallow", 0, 100000 },
};

static void
read_number(size_t i)
{
	control_number(
	    numbers[i].name, numbers[i].min, numbers[i].min, numbers[i].max);
}

static void
read_mechanisms(size_t i)
{
	struct mechanisms mechanisms;

	(void)i;
	mechanisms_read(&mechanisms);
}

static void
read_checkers(size_t i)
{
	struct checkers checkers;

	(void)i;
	checker_configure(&checkers);
}

/* Lines "ADDRESS: ACCOUNT ...": smtpd(8). */
static void
read_sender_logins(size_t i)
{
	struct control_list list = control_list("senderlogins");

	(void)i;
	for (size_t n = 0; n < list.count; n++) {
		struct span accounts = list.items[n];
		struct span what = span_cut(&accounts, ':');

		if (span_index(what, '@') == what.len ||
		    span_trim(accounts).len == 0)
			control_complain("senderlogins", list.lines[n],
			    "write ADDRESS: ACCOUNT, or @DOMAIN: ACCOUNT");
	}
	control_list_free(&list);
}

static void
read_filters(size_t i)
{
	struct filters filters = { .count = 0 };

	(void)i;
	filters_read(&filters);
}

static void
read_milters(size_t i)
{
	static struct milter_settings milters;

	(void)i;
	milters_read(&milters);
}

static void
read_rspamd(size_t i)
{
	struct dial dial;

	(void)i;
	dial_control("rspamd", "127.0.0.1:11333", &dial);
}

static void
read_lists(size_t i)
{
	static struct dnsbls lists;

	(void)i;
	dnsbls_read(&lists);
}

static void
read_weights(size_t i)
{
	int weights[SIGN_COUNT];

	(void)i;
	weights_read(weights);
}

static void
read_greylisting(size_t i)
{
	struct greylisting greylisting;

	(void)i;
	greylisting_read(&greylisting);
}

/* What has a grammar of its own. */
static void (*const grammars[])(size_t i) = { read_mechanisms, read_checkers,
	read_sender_logins, read_filters, read_milters, read_rspamd, read_lists,
	read_weights, read_greylisting };

/* 1 if a child that reads it comes to a bad end. */
static int
check_setting(void (*read_it)(size_t i), size_t i)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == -1)
		die_errno(EX_OSERR, "cannot fork");
	if (pid == 0) {
		read_it(i);
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
		faults += check_setting(read_number, i);
	for (size_t i = 0; i < sizeof(grammars) / sizeof(*grammars); i++)
		faults += check_setting(grammars[i], i);
	faults += mtactl_check_certificates();
	printf("%d fault%s; landlock version %d\n", faults,
	    faults == 1 ? "" : "s", landlock_version());
	return faults == 0 ? EX_OK : EX_CONFIG;
}
