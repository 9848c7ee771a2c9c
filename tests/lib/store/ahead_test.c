/*
 * ahead_test - files that a thread opens before their turn: each message is
 * its own, whatever others rename or remove meanwhile; and the jail that lets
 * a session have that thread lets it have no process.
 */

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/sandbox.h"
#include "lib/store/maildir.h"
#include "scratch.h"

enum {
	MESSAGES = 200,
	JAIL = SANDBOX_READ_FILES | SANDBOX_WRITE_FILES | SANDBOX_WATCH_FILES |
	       SANDBOX_THREADS
};

static struct account *account;
static struct folder *folder;

static void
name_of(char name[64], size_t i, const char *flags)
{
	snprintf(name, 64, "m/cur/%zu.x:2,%s", 1000 + i, flags);
}

static void
fill(void)
{
	char name[64];
	char text[32];

	make_maildir("m");
	for (size_t i = 0; i < MESSAGES; i++) {
		name_of(name, i, "");
		snprintf(text, sizeof(text), "A: %zu\n\n", i);
		put(name, text);
	}
	if (account_open(&account, "maildir:m") != ACCOUNT_OK ||
	    folder_open(&folder, account, span_of("INBOX"), false) !=
		ACCOUNT_OK)
		exit(1);
}

static bool
is_own(size_t i, int fd)
{
	char want[32];
	char text[32];
	int len = snprintf(want, sizeof(want), "A: %zu\n\n", i);
	ssize_t got = read(fd, text, sizeof(text));

	close(fd);
	return got == len && memcmp(text, want, (size_t)len) == 0;
}

static size_t
count_threads(void)
{
	DIR *list = opendir("/proc/self/task");
	size_t count = 0;

	if (list == NULL)
		exit(1);
	for (const struct dirent *entry; (entry = readdir(list)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(list);
	return count;
}

static bool
read_from(size_t first, size_t end)
{
	bool is_good = true;

	for (size_t i = first; i < end; i++) {
		int fd = folder_open_message(folder, i);

		is_good &= fd != -1 && is_own(i, fd);
	}
	return is_good;
}

static void
test_changes(void)
{
	char before[64];
	char after[64];

	CHECK("in a row", read_from(0, 60));
	CHECK("by a thread", count_threads() == 2);
	for (size_t i = 60; i < MESSAGES; i += 7) {
		name_of(before, i, "");
		name_of(after, i, "S");
		if (rename(before, after) == -1)
			exit(1);
	}
	CHECK("others rename them", read_from(60, 150));
	CHECK("back, and a row of others", read_from(20, 50));
	for (size_t i = 160; i < MESSAGES; i++) {
		name_of(before, i, i % 7 == 60 % 7 ? "S" : "");
		if (unlink(before) == -1)
			exit(1);
	}
	CHECK("up to where others removed them", read_from(120, 160));
	size_t gone = 0;
	for (size_t i = 160; i < MESSAGES; i++) {
		int fd = folder_open_message(folder, i);

		if (fd == -1)
			gone += errno == ENOENT;
		else if (!is_own(i, fd))
			gone = MESSAGES;
	}
	CHECK("the removed are gone, or were open before",
	    gone >= MESSAGES - 160 - 32 && gone <= MESSAGES - 160);
	folder_rest(folder);
	CHECK("none while nothing is read", count_threads() == 1);
	CHECK("and again", read_from(0, 60));
}

static bool
read_row(void)
{
	return read_from(0, 100);
}

static bool
make_process(void)
{
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) != -1;
}

static bool
begin_loop(void)
{
	return epoll_create1(EPOLL_CLOEXEC) != -1;
}

static int
status_in_jail(unsigned allowed, bool (*try)(void))
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		sandbox_enter(allowed);
		_exit(try() ? 0 : 1);
	}
	waitpid(child, &status, 0);
	return status;
}

static bool
is_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static void
test_jail(void)
{
	CHECK("no process in the jail",
	    is_killed(status_in_jail(JAIL, make_process)));
	CHECK("nor an event loop", is_killed(status_in_jail(JAIL, begin_loop)));
	CHECK("but where it is named",
	    status_in_jail(JAIL | SANDBOX_EPOLL, begin_loop) == 0);
	CHECK("a row in the jail", status_in_jail(JAIL, read_row) == 0);
}

int
main(void)
{
	scratch_enter();
	fill();
	if (!sandbox_is_sanitized())
		test_jail();
	test_changes();
	folder_close(folder);
	account_close(account);
	return test_result();
}
