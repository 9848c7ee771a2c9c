/*
 * jail_test - what local-deliver's parser could do if its reading of a message
 * went wrong: each attempt from inside its jail ends it.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/packet.h"
#include "base/sandbox.h"
#include "test.h"

static void
try_open(void)
{
	open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static void
try_create(void)
{
	open("/tmp/jail_test", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
}

static void
try_socket(void)
{
	socket(AF_INET, SOCK_STREAM, 0);
}

static void
try_unix_socket(void)
{
	socket(AF_UNIX, SOCK_STREAM, 0);
}

static void
try_execute(void)
{
	execl("/bin/true", "true", (char *)NULL);
}

static void
try_fork(void)
{
	if (fork() == 0)
		_exit(0);
}

static void
try_ptrace(void)
{
	ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static void
try_kill(void)
{
	kill(getppid(), 0);
}

static void
try_limit(void)
{
	struct rlimit limit = { 10, 10 };

	prlimit(getppid(), RLIMIT_NOFILE, &limit, NULL);
}

static void
try_become(void)
{
	if (setuid(0) == -1)
		_exit(0);
}

static void
try_own(void)
{
	if (fchown(0, 0, 0) == -1)
		_exit(0);
}

static void
try_link(void)
{
	if (link("/etc/passwd", "/tmp/jail_test") == -1)
		_exit(0);
}

static void
try_memory(void)
{
	syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}

static void
try_take_fd(void)
{
	syscall(SYS_pidfd_open, getppid(), 0);
}

static void
try_accept(void)
{
	accept(0, NULL, NULL);
}

static const struct {
	const char *label;
	void (*attack)(void);
} attacks[] = {
	{ "open", try_open },
	{ "create", try_create },
	{ "a network socket", try_socket },
	{ "a local socket", try_unix_socket },
	{ "execute", try_execute },
	{ "fork", try_fork },
	{ "ptrace", try_ptrace },
	{ "kill", try_kill },
	{ "prlimit", try_limit },
	{ "setuid", try_become },
	{ "fchown", try_own },
	{ "link", try_link },
	{ "process_vm_readv", try_memory },
	{ "pidfd_open", try_take_fd },
	{ "accept", try_accept },
};

/* The signal that ends a child which tries it; 0 if it got through. */
static int
signal_of(void (*attack)(void))
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		sandbox_enter(SANDBOX_SOCKETPAIR);
		attack();
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
try_pair(void)
{
	int ends[2];

	if (!packet_pair(ends))
		abort();
}

int
main(void)
{
#if defined(__SANITIZE_ADDRESS__)
	printf("1..0 # skip a sanitized build has a wider jail\n");
	return 0;
#endif
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
		CHECK(attacks[i].label, signal_of(attacks[i].attack) == SIGSYS);
	CHECK("what the parser needs is allowed", signal_of(try_pair) == 0);
	return test_result();
}
