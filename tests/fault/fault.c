/*
 * fault - kill a process at its n-th system call, or let that call fail.
 *
 * usage: fault [-c] [-e ERRNO] [-n NUMBER] [-o CALL] PID
 *
 *   -c         count the calls of PID's children, born from now on, not its own
 *   -e ERRNO   EIO, ENOSPC, EMFILE or ENOMEM: count the calls that can fail so
 *              on a real host, and let the n-th; without -e kill before it
 *   -n NUMBER  which call, from 1; 0: none, only count
 *   -o CALL    count only calls of this name
 *
 * Says "armed" when it has attached, "hit CALL" when it happened, and, when it
 * is ended by SIGTERM or has nothing left to trace, "calls COUNT".
 *
 * A jailed process dies of a call that its list does not have, so the call
 * that is to fail is replaced by one that is on each list: read from -1.
 */

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"

enum {
	OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
		  PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE,
	SYSCALL_STOP = SIGTRAP | 0x80
};

static const struct call {
	const char *name;
	long number;
	const char
	    *errors; /* first letters: I(O), S(pace), F(iles), M(emory) */
} calls[] = {
	{ "accept4", SYS_accept4, "FM" },
	{ "brk", SYS_brk, "" },
	{ "clone", SYS_clone, "M" },
	{ "close", SYS_close, "" },
	{ "dup2", SYS_dup2, "" },
	{ "exit_group", SYS_exit_group, "" },
	{ "fchmod", SYS_fchmod, "IS" },
	{ "fchown", SYS_fchown, "IS" },
	{ "fcntl", SYS_fcntl, "" },
	{ "fdatasync", SYS_fdatasync, "IS" },
	{ "flock", SYS_flock, "M" },
	{ "fremovexattr", SYS_fremovexattr, "I" },
	{ "fsetxattr", SYS_fsetxattr, "IS" },
	{ "fgetxattr", SYS_fgetxattr, "I" },
	{ "fsync", SYS_fsync, "IS" },
	{ "ftruncate", SYS_ftruncate, "IS" },
	{ "getdents64", SYS_getdents64, "I" },
	{ "link", SYS_link, "IS" },
	{ "linkat", SYS_linkat, "IS" },
	{ "mkdir", SYS_mkdir, "IS" },
	{ "mkdirat", SYS_mkdirat, "IS" },
	{ "mmap", SYS_mmap, "M" },
	{ "newfstatat", SYS_newfstatat, "I" },
	{ "open", SYS_open, "ISFM" },
	{ "openat", SYS_openat, "ISFM" },
	{ "pipe2", SYS_pipe2, "FM" },
	{ "poll", SYS_poll, "" },
	{ "pread64", SYS_pread64, "I" },
	{ "pwrite64", SYS_pwrite64, "IS" },
	{ "read", SYS_read, "" },
	{ "recvmsg", SYS_recvmsg, "M" },
	{ "rename", SYS_rename, "IS" },
	{ "renameat", SYS_renameat, "IS" },
	{ "renameat2", SYS_renameat2, "IS" },
	{ "sendmsg", SYS_sendmsg, "M" },
	{ "socket", SYS_socket, "FM" },
	{ "socketpair", SYS_socketpair, "FM" },
	{ "sync_file_range", SYS_sync_file_range, "IS" },
	{ "syncfs", SYS_syncfs, "IS" },
	{ "unlink", SYS_unlink, "I" },
	{ "unlinkat", SYS_unlinkat, "I" },
	{ "utimensat", SYS_utimensat, "IS" },
	{ "write", SYS_write, "" },
	{ "writev", SYS_writev, "IS" },
};

static const struct error {
	const char *name;
	int number;
	char letter;
} errors[] = {
	{ "EIO", EIO, 'I' },
	{ "ENOSPC", ENOSPC, 'S' },
	{ "EMFILE", EMFILE, 'F' },
	{ "ENOMEM", ENOMEM, 'M' },
};

static struct {
	pid_t target;
	bool is_children;
	const struct error *error; /* NULL: kill */
	const char *only;          /* NULL: all calls */
	unsigned long wanted;
	unsigned long count;
	bool is_hit;
	unsigned long number; /* of the call that was hit */
	size_t unarmed;       /* threads that have not stopped yet */
	pid_t failing; /* the thread whose call was replaced, until its exit */
	struct user_regs_struct saved;
} fault;

static const struct call *
find_call(unsigned long number)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if ((unsigned long)calls[i].number == number)
			return &calls[i];
	return NULL;
}

static void
finish(int signal)
{
	(void)signal;
	printf("calls %lu\n", fault.count);
	fflush(stdout);
	_exit(0); /* which detaches */
}

/* Which process a thread belongs to. */
static pid_t
process_of(pid_t thread)
{
	char path[64];
	char line[128];
	int process = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", thread);
	FILE *status = fopen(path, "re");
	if (status == NULL)
		return thread;
	while (fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "Tgid: %d", &process) == 1)
			break;
	fclose(status);
	return process;
}

static bool
is_counted(pid_t thread, const struct call *call)
{
	if ((process_of(thread) == fault.target) == fault.is_children)
		return false;
	if (fault.only != NULL &&
	    (call == NULL || strcmp(call->name, fault.only) != 0))
		return false;
	if (fault.error == NULL)
		return true;
	return call != NULL &&
	       strchr(call->errors, fault.error->letter) != NULL;
}

static void
make_fail(pid_t thread)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, thread, 0, &regs) == -1)
		die(EX_OSERR, "cannot read registers");
	fault.saved = regs;
	fault.failing = thread;
	regs.orig_rax = SYS_read;
	regs.rdi = (unsigned long long)-1;
	if (ptrace(PTRACE_SETREGS, thread, 0, &regs) == -1)
		die(EX_OSERR, "cannot write registers");
}

static void
say_hit(void)
{
	const struct call *call = find_call(fault.number);

	if (call != NULL)
		printf("hit %s\n", call->name);
	else
		printf("hit %lu\n", fault.number);
	fflush(stdout);
}

static void
handle_entry(pid_t thread, unsigned long number)
{
	const struct call *call = find_call(number);

	if (fault.is_hit || !is_counted(thread, call))
		return;
	fault.count++;
	if (fault.count != fault.wanted)
		return;
	fault.is_hit = true;
	fault.number = number;
	if (fault.error != NULL) {
		make_fail(thread);
		return;
	}
	say_hit();
	kill(process_of(thread), SIGKILL);
}

static void
handle_exit(pid_t thread)
{
	if (fault.failing != thread)
		return;
	fault.failing = 0;
	fault.saved.rax = (unsigned long long)-(long long)fault.error->number;
	if (ptrace(PTRACE_SETREGS, thread, 0, &fault.saved) == -1)
		die(EX_OSERR, "cannot write registers");
	say_hit(); /* not before: who hears it may end us */
}

static void
handle_syscall(pid_t thread)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		handle_entry(thread, (unsigned long)info.entry.nr);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		handle_exit(thread);
}

/* One thread less that runs as it likes; nothing counts before the last. */
static void
arm(void)
{
	if (fault.unarmed == 0 || --fault.unarmed > 0)
		return;
	puts("armed");
	fflush(stdout);
}

/* What the thread is to be woken with. */
static int
handle_stop(pid_t thread, int status)
{
	int signal = WSTOPSIG(status);
	int event = status >> 16;

	if (signal == SYSCALL_STOP) {
		if (fault.unarmed == 0)
			handle_syscall(thread);
		return 0;
	}
	if (event == PTRACE_EVENT_STOP)
		arm();
	return event == 0 ? signal : 0;
}

static void
trace(void)
{
	int status;
	pid_t thread;

	while (
	    (thread = waitpid(-1, &status, __WALL)) != -1 || errno == EINTR) {
		if (thread == -1)
			continue;
		if (!WIFSTOPPED(status)) {
			arm(); /* it ended before it could be stopped */
			continue;
		}
		int signal = handle_stop(thread, status);
		ptrace(PTRACE_SYSCALL, thread, 0, signal);
	}
}

static void
attach(pid_t process)
{
	char path[64];
	const struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/task", process);
	DIR *threads = opendir(path);
	if (threads == NULL)
		die(EX_NOINPUT, "no process %d", process);
	while ((entry = readdir(threads)) != NULL) {
		pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);

		if (thread == 0)
			continue;
		if (ptrace(PTRACE_SEIZE, thread, 0, OPTIONS) == -1) {
			if (errno == ESRCH && thread != process)
				continue; /* a thread that has ended */
			temp_fail("cannot attach to %d", thread);
		}
		ptrace(PTRACE_INTERRUPT, thread, 0, 0);
		fault.unarmed++;
	}
	closedir(threads);
}

static const struct error *
find_error(const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (strcmp(errors[i].name, name) == 0)
			return &errors[i];
	die(EX_USAGE, "not an error that can be made: %s", name);
}

int
main(int argc, char **argv)
{
	int option;

	program_name("fault");
	while ((option = getopt(argc, argv, "ce:n:o:")) != -1) {
		switch (option) {
		case 'c':
			fault.is_children = true;
			break;
		case 'e':
			fault.error = find_error(optarg);
			break;
		case 'n':
			fault.wanted = strtoul(optarg, NULL, 10);
			break;
		case 'o':
			fault.only = optarg;
			break;
		default:
			die(EX_USAGE, "usage: fault [-c] [-e ERRNO] "
				      "[-n NUMBER] [-o CALL] PID");
		}
	}
	if (argc - optind != 1)
		die(EX_USAGE, "one process");
	fault.target = (pid_t)strtol(argv[optind], NULL, 10);
	signal(SIGTERM, finish);
	attach(fault.target);
	trace();
	finish(0);
}
