#include "send/children.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/die.h"

/* It only has to interrupt the wait for a packet. */
static void
note_child(int signal_number)
{
	(void)signal_number;
}

void
children_hold(void)
{
	const struct sigaction noted = { .sa_handler = note_child };
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigaction(SIGCHLD, &noted, NULL);
	sigprocmask(SIG_BLOCK, &child, NULL);
}

bool
children_wait(struct pollfd *wait, nfds_t count, int64_t timeout_ms)
{
	const struct timespec timeout = { .tv_sec = timeout_ms / 1000,
		.tv_nsec = timeout_ms % 1000 * 1000000 };
	sigset_t none;

	sigemptyset(&none);
	return ppoll(wait, count, timeout_ms < 0 ? NULL : &timeout, &none) > 0;
}

static bool
is_crash(int status)
{
	if (!WIFSIGNALED(status))
		return false;
	int number = WTERMSIG(status);
	if (number != SIGSEGV && number != SIGABRT && number != SIGBUS &&
	    number != SIGSYS)
		return false;
	log_event("a child died of signal %d", number);
	return true;
}

unsigned
children_reap(uint64_t *children)
{
	unsigned crashes = 0;
	int status;

	while (*children > 0 && waitpid(-1, &status, WNOHANG) > 0) {
		(*children)--;
		crashes += is_crash(status) ? 1U : 0U;
	}
	return crashes;
}

bool
children_has_ended(pid_t pid)
{
	int status;
	pid_t ended = waitpid(pid, &status, WNOHANG);

	if (ended == pid)
		is_crash(status);
	return ended != 0;
}
