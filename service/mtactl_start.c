#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/io.h"
#include "base/landlock.h"
#include "base/paths.h"
#include "service/mtactl.h"

enum {
	READY_TIMEOUT_MS = 10000,
	STOP_TIMEOUT_MS = 15000,
	LOG_TAIL = 2048
};

bool
mtactl_is_running(void)
{
	int fd = open(MTA_SERVICE "/.s6-svscan/control",
	    O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return false;
	close(fd);
	return true;
}

static void
start_supervisor(void)
{
	pid_t pid = fork();

	if (pid == -1)
		die_errno(EX_OSERR, "cannot fork");
	if (pid > 0)
		return;
	int log = open(
	    MTA_LOG "/svscan", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (setsid() == -1 || log == -1 || null == -1 || dup2(null, 0) == -1 ||
	    dup2(log, 1) == -1 || dup2(log, 2) == -1)
		die_errno(EX_OSERR, "cannot detach");
	execlp("s6-svscan", "s6-svscan", MTA_SERVICE, (char *)NULL);
	die_errno(EX_OSERR, "cannot execute s6-svscan: make deps installs it");
}

/* The last line that a service logged: why it does not start. */
static void
print_last_line(const char *name)
{
	char path[PATH_MAX];
	char bytes[LOG_TAIL];

	snprintf(path, sizeof(path), "%s/%s/current", MTA_LOG, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return;
	off_t size = lseek(fd, 0, SEEK_END);
	off_t start = size > LOG_TAIL ? size - LOG_TAIL : 0;
	ssize_t got = pread(fd, bytes, sizeof(bytes), start);
	close(fd);
	struct span text =
	    span_trim((struct span){ bytes, got > 0 ? (size_t)got : 0 });
	size_t newline = span_last_index(text, '\n');
	if (newline < text.len)
		text = span_slice(text, newline + 1, text.len);
	fprintf(
	    stderr, "%s does not start: %.*s\n", name, (int)text.len, text.ptr);
}

static int
for_each_service(int (*act)(const char *name))
{
	DIR *folder = opendir(MTA_SERVICE);
	struct dirent *entry;
	char down[PATH_MAX];
	int failures = 0;

	if (folder == NULL)
		die_errno(EX_UNAVAILABLE, "cannot list %s", MTA_SERVICE);
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(down, sizeof(down), "%s/%s/down", MTA_SERVICE,
		    entry->d_name);
		if (access(down, F_OK) == -1 && act(entry->d_name) != 0)
			failures++;
	}
	closedir(folder);
	return failures;
}

/* The supervisor needs a moment before it can be asked. */
static void
await_supervisor(const char *path)
{
	char status[PATH_MAX + 32];
	int64_t deadline = clock_ms() + READY_TIMEOUT_MS;

	snprintf(status, sizeof(status), "%s/supervise/status", path);
	while (access(status, F_OK) == -1 && clock_ms() < deadline)
		usleep(10000);
}

/* One that is new, or whose down file is gone, since the supervisor looked. */
static int
bring_up(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", MTA_SERVICE, name);
	const char *const argv[] = { "s6-svc", "-u", path, NULL };
	await_supervisor(path);
	return mtactl_run(argv);
}

static int
await_ready(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", MTA_SERVICE, name);
	const char *const argv[] = { "s6-svwait", "-U", "-t", "10000", path,
		NULL };
	await_supervisor(path);
	if (mtactl_run(argv) == 0)
		return 0;
	print_last_line(name);
	return 1;
}

int
mtactl_start(void)
{
	const char *const scan[] = { "s6-svscanctl", "-a", MTA_SERVICE, NULL };

	mtactl_make_certificate();
	if (!mtactl_is_running()) {
		start_supervisor();
	} else {
		mtactl_run(scan);
		for_each_service(bring_up);
	}
	if (for_each_service(await_ready) > 0) {
		fprintf(stderr, "mend it, and the service starts by itself; "
				"mtactl stop ends all\n");
		return EX_UNAVAILABLE;
	}
	return EX_OK;
}

int
mtactl_stop(void)
{
	const char *const argv[] = { "s6-svscanctl", "-t", MTA_SERVICE, NULL };
	int64_t deadline = clock_ms() + STOP_TIMEOUT_MS;

	if (!mtactl_is_running())
		return EX_OK;
	if (mtactl_run(argv) != 0)
		return EX_UNAVAILABLE;
	while (mtactl_is_running())
		if (clock_ms() > deadline)
			die(EX_UNAVAILABLE, "a service does not stop");
		else
			usleep(20000);
	return EX_OK;
}

static int
print_status(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", MTA_SERVICE, name);
	const char *const argv[] = { "s6-svstat", path, NULL };
	printf("%-8s ", name);
	fflush(stdout);
	return mtactl_run(argv);
}

int
mtactl_status(void)
{
	if (!mtactl_is_running()) {
		puts("not running: mtactl start");
		return EX_UNAVAILABLE;
	}
	printf("landlock version %d\n", landlock_version());
	return for_each_service(print_status) > 0 ? EX_UNAVAILABLE : EX_OK;
}
