/*
 * attack - make a running process do what an attacker inside it would try.
 *
 * usage: attack [-s SIBLING] PID CALL...   (attack -l lists the calls)
 *
 * Each CALL is executed by PID itself, under its own uid, seccomp filters and
 * landlock domain: its registers are set by ptrace(2) at the call it waits in.
 * One line each: "CALL died SIGNAL", "CALL failed ERRNO" or "CALL worked".
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"

/* What an argument stands for; any other value is itself. */
enum {
	TEXT = -1000001, /* the address of the call's text, in its stack */
	ROOM = -1000002, /* the address of some zeros there */
	SIBLING = -1000003,
	PARENT = -1000004
};

enum {
	BELOW_STACK = 8192, /* beyond the red zone and what is used */
	ROOM_AT = 1024
};

static const struct call {
	const char *name;
	long number;
	const char *text;
	long arguments[6];
} calls[] = {
	{ "open-passwd", SYS_openat, "/etc/passwd", { AT_FDCWD, TEXT } },
	{ "open-shadow", SYS_openat, "/etc/shadow", { AT_FDCWD, TEXT } },
	{ "open-queue", SYS_openat, "/var/mta/queue/cur", { AT_FDCWD, TEXT } },
	{ "open-secrets", SYS_openat, "/var/mta/users/passwords",
	    { AT_FDCWD, TEXT } },
	{ "open-memory", SYS_openat, "/proc/self/mem",
	    { AT_FDCWD, TEXT, O_RDWR } },
	{ "open-old", SYS_open, "/etc/passwd", { TEXT } },
	{ "write-file", SYS_openat, "/tmp/attack",
	    { AT_FDCWD, TEXT, O_CREAT | O_WRONLY, 0600 } },
	{ "remove-control", SYS_unlink, "/var/mta/control/me", { TEXT } },
	{ "list-root", SYS_openat, "/", { AT_FDCWD, TEXT, O_DIRECTORY } },
	{ "socket-inet", SYS_socket, NULL, { AF_INET, SOCK_STREAM } },
	{ "socket-inet6", SYS_socket, NULL, { AF_INET6, SOCK_STREAM } },
	{ "socket-udp", SYS_socket, NULL, { AF_INET, SOCK_DGRAM } },
	{ "socket-unix", SYS_socket, NULL, { AF_UNIX, SOCK_STREAM } },
	{ "socket-netlink", SYS_socket, NULL, { AF_NETLINK, SOCK_RAW } },
	{ "socket-packet", SYS_socket, NULL, { AF_PACKET, SOCK_RAW } },
	{ "execve", SYS_execve, "/bin/sh", { TEXT, ROOM, ROOM } },
	{ "fork", SYS_fork, NULL, { 0 } },
	{ "clone-user", SYS_clone, NULL, { CLONE_NEWUSER | SIGCHLD } },
	{ "ptrace-sibling", SYS_ptrace, NULL, { PTRACE_ATTACH, SIBLING } },
	{ "ptrace-parent", SYS_ptrace, NULL, { PTRACE_ATTACH, PARENT } },
	{ "read-sibling", SYS_process_vm_readv, NULL,
	    { SIBLING, ROOM, 1, ROOM, 1 } },
	{ "read-parent", SYS_process_vm_readv, NULL,
	    { PARENT, ROOM, 1, ROOM, 1 } },
	{ "write-sibling", SYS_process_vm_writev, NULL,
	    { SIBLING, ROOM, 1, ROOM, 1 } },
	{ "pidfd-sibling", SYS_pidfd_open, NULL, { SIBLING } },
	{ "pidfd-parent", SYS_pidfd_open, NULL, { PARENT } },
	{ "pidfd-getfd", SYS_pidfd_getfd, NULL, { 0, 0 } },
	{ "kill-sibling", SYS_kill, NULL, { SIBLING, SIGURG } },
	{ "kill-parent", SYS_kill, NULL, { PARENT, SIGURG } },
	{ "kill-all", SYS_kill, NULL, { -1, SIGURG } },
	{ "tgkill-sibling", SYS_tgkill, NULL, { SIBLING, SIBLING, SIGURG } },
	{ "tkill-parent", SYS_tkill, NULL, { PARENT, SIGURG } },
	{ "queue-signal", SYS_rt_sigqueueinfo, NULL,
	    { SIBLING, SIGURG, ROOM } },
	{ "prlimit-sibling", SYS_prlimit64, NULL,
	    { SIBLING, RLIMIT_NOFILE, 0, ROOM } },
	{ "prlimit-parent", SYS_prlimit64, NULL,
	    { PARENT, RLIMIT_NOFILE, 0, ROOM } },
	{ "slow-sibling", SYS_setpriority, NULL,
	    { PRIO_PROCESS, SIBLING, 19 } },
	{ "slow-parent", SYS_setpriority, NULL, { PRIO_PROCESS, PARENT, 19 } },
	{ "affinity", SYS_sched_setaffinity, NULL, { SIBLING, 8, ROOM } },
	{ "accept4", SYS_accept4, NULL, { 20, 0, 0, SOCK_NONBLOCK } },
	{ "accept", SYS_accept, NULL, { 20 } },
	{ "shutdown-listener", SYS_shutdown, NULL, { 20, SHUT_RDWR } },
	{ "map-code", SYS_mmap, NULL,
	    { 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS, -1 } },
	{ "setuid", SYS_setuid, NULL, { 0 } },
	{ "setresuid", SYS_setresuid, NULL, { 0, 0, 0 } },
	{ "setgroups", SYS_setgroups, NULL, { 1, ROOM } },
	{ "unshare", SYS_unshare, NULL, { CLONE_NEWUSER } },
	{ "mount", SYS_mount, "/", { TEXT, TEXT, TEXT } },
	{ "chroot", SYS_chroot, "/", { TEXT } },
	{ "bpf", SYS_bpf, NULL, { 0, ROOM, 64 } },
	{ "io-uring", SYS_io_uring_setup, NULL, { 8, ROOM } },
	{ "keyctl", SYS_keyctl, NULL, { 0, -3, 1 } },
	{ "personality", SYS_personality, NULL, { 0x0400000 } },
	{ "memfd", SYS_memfd_create, "x", { TEXT } },
	{ "userfault", SYS_userfaultfd, NULL, { 1 } },
	{ "perf-event", SYS_perf_event_open, NULL, { ROOM, 0, -1, -1 } },
	{ "inotify", SYS_inotify_init1, NULL, { 0 } },
	{ "terminal", SYS_ioctl, "x", { 0, TIOCSTI, TEXT } },
	{ "dumpable", SYS_prctl, NULL, { PR_SET_DUMPABLE, 1 } },
	{ "own-signal-fd", SYS_fcntl, NULL, { 0, F_SETOWN, SIBLING } },
	{ "x32", 0x40000000 + SYS_getpid, NULL, { 0 } },
};

struct victim {
	pid_t pid;
	pid_t sibling;
	pid_t parent;
	struct user_regs_struct regs;
};

static pid_t
parent_of(pid_t pid)
{
	char path[64];
	char line[128];
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *status = fopen(path, "re");
	if (status == NULL)
		die(EX_NOINPUT, "no process %d", pid);
	while (fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "PPid: %d", &parent) == 1)
			break;
	fclose(status);
	return parent;
}

static int
wait_stop(const struct victim *victim)
{
	int status;

	if (waitpid(victim->pid, &status, __WALL) == -1)
		temp_fail("cannot wait for %d", victim->pid);
	return status;
}

static void
seize(struct victim *victim)
{
	unsigned short opcode;

	if (ptrace(PTRACE_SEIZE, victim->pid, 0, PTRACE_O_TRACESYSGOOD) == -1 ||
	    ptrace(PTRACE_INTERRUPT, victim->pid, 0, 0) == -1)
		temp_fail("cannot attach to %d", victim->pid);
	wait_stop(victim);
	if (ptrace(PTRACE_GETREGS, victim->pid, 0, &victim->regs) == -1)
		temp_fail("cannot read registers");
	opcode = (unsigned short)ptrace(
	    PTRACE_PEEKTEXT, victim->pid, victim->regs.rip - 2, 0);
	if (opcode != 0x050f)
		die(EX_UNAVAILABLE, "%d does not wait in a system call",
		    victim->pid);
}

static void
poke(const struct victim *victim, unsigned long long at, const void *bytes,
    size_t len)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", victim->pid);
	int memory = open(path, O_RDWR | O_CLOEXEC);
	if (memory == -1 ||
	    pwrite(memory, bytes, len, (off_t)at) != (ssize_t)len)
		temp_fail("cannot write to the stack of %d", victim->pid);
	close(memory);
}

static unsigned long long
argument(const struct victim *victim, const struct call *call, int i,
    unsigned long long base)
{
	switch (call->arguments[i]) {
	case TEXT:
		return base;
	case ROOM:
		return base + ROOM_AT;
	case SIBLING:
		return (unsigned long long)victim->sibling;
	case PARENT:
		return (unsigned long long)victim->parent;
	default:
		return (unsigned long long)call->arguments[i];
	}
}

static void
prepare(const struct victim *victim, const struct call *call)
{
	static const char zeros[ROOM_AT];
	struct user_regs_struct regs = victim->regs;
	unsigned long long base = (regs.rsp - BELOW_STACK) & ~15ULL;

	if (call->text != NULL)
		poke(victim, base, call->text, strlen(call->text) + 1);
	poke(victim, base + ROOM_AT, zeros, sizeof(zeros));
	regs.rip -= 2;
	regs.orig_rax = (unsigned long long)-1;
	regs.rax = (unsigned long long)call->number;
	regs.rdi = argument(victim, call, 0, base);
	regs.rsi = argument(victim, call, 1, base);
	regs.rdx = argument(victim, call, 2, base);
	regs.r10 = argument(victim, call, 3, base);
	regs.r8 = argument(victim, call, 4, base);
	regs.r9 = argument(victim, call, 5, base);
	if (ptrace(PTRACE_SETREGS, victim->pid, 0, &regs) == -1)
		temp_fail("cannot write registers");
}

static bool
is_alive(const struct victim *victim, const struct call *call, int status)
{
	while (WIFSTOPPED(status) && WSTOPSIG(status) == SIGSYS) {
		ptrace(PTRACE_CONT, victim->pid, 0, SIGSYS);
		status = wait_stop(victim);
	}
	if (!WIFSIGNALED(status))
		return true;
	printf("%s died %d\n", call->name, WTERMSIG(status));
	return false;
}

/* A filter's verdict comes after the call's exit: one more step shows it. */
static bool
survives(const struct victim *victim, const struct call *call)
{
	struct user_regs_struct regs = victim->regs;

	regs.orig_rax = (unsigned long long)-1;
	if (ptrace(PTRACE_SETREGS, victim->pid, 0, &regs) == -1 ||
	    ptrace(PTRACE_SINGLESTEP, victim->pid, 0, 0) == -1)
		temp_fail("cannot go on");
	return is_alive(victim, call, wait_stop(victim));
}

/* Run the call; false if that was the end of the victim. */
static bool
execute(const struct victim *victim, const struct call *call)
{
	struct __ptrace_syscall_info info = { .op = 0 };

	do {
		if (ptrace(PTRACE_SYSCALL, victim->pid, 0, 0) == -1)
			temp_fail("cannot go on");
		if (!is_alive(victim, call, wait_stop(victim)))
			return false;
		ptrace(
		    PTRACE_GET_SYSCALL_INFO, victim->pid, sizeof(info), &info);
	} while (info.op != PTRACE_SYSCALL_INFO_EXIT);
	if (!survives(victim, call))
		return false;
	if (info.exit.is_error)
		printf("%s failed %d\n", call->name, (int)-info.exit.rval);
	else
		printf("%s worked\n", call->name);
	return true;
}

static const struct call *
find_call(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (strcmp(calls[i].name, name) == 0)
			return &calls[i];
	die(EX_USAGE, "no such call: %s", name);
}

int
main(int argc, char **argv)
{
	struct victim victim = { .sibling = 1 };
	int option;

	program_name("attack");
	while ((option = getopt(argc, argv, "ls:")) != -1) {
		if (option == 's') {
			victim.sibling = (pid_t)strtol(optarg, NULL, 10);
		} else if (option == 'l') {
			for (size_t i = 0; i < sizeof(calls) / sizeof(*calls);
			     i++)
				puts(calls[i].name);
			return EX_OK;
		}
	}
	if (argc - optind < 2)
		die(EX_USAGE, "usage: attack [-s SIBLING] PID CALL...");
	victim.pid = (pid_t)strtol(argv[optind++], NULL, 10);
	victim.parent = parent_of(victim.pid);
	seize(&victim);
	for (; optind < argc; optind++) {
		const struct call *call = find_call(argv[optind]);

		prepare(&victim, call);
		if (!execute(&victim, call))
			return EX_OK; /* it is dead */
	}
	ptrace(PTRACE_SETREGS, victim.pid, 0, &victim.regs);
	return EX_OK; /* which lets go of it */
}
