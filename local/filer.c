#include "local/filer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "base/die.h"
#include "base/paths.h"
#include "queue/neighbour.h"

enum {
	/* queue-inject's own answers may take five minutes each. */
	ANSWER_TIMEOUT_MS = 3600000
};

bool
filer_is_wanted(const char *maildir)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/sieve/active", maildir) >=
	    sizeof(path))
		return false;
	/* What cannot be looked at is for sieve-deliver to complain of. */
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	       (errno != ENOENT && errno != ENOTDIR);
}

void
filer_end(struct filer *filer)
{
	if (filer->pid == 0)
		return;
	close(filer->fd);
	while (waitpid(filer->pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	filer->pid = 0;
}

static _Noreturn void
be_filer(int end, const char *maildir)
{
	if (dup2(end, NEIGHBOUR_SELF) == -1)
		temp_fail("cannot place a pair");
	closefrom(STDERR_FILENO + 1);
	execl(MTA_BIN "/sieve-deliver", "sieve-deliver", maildir, (char *)NULL);
	temp_fail("cannot execute " MTA_BIN "/sieve-deliver");
}

static bool
begin(struct filer *filer, const char *maildir)
{
	int ends[2];

	if (filer->pid != 0 && strcmp(filer->maildir, maildir) == 0)
		return true;
	filer_end(filer);
	if (!packet_pair(ends))
		return false;
	pid_t child = fork();
	if (child == 0)
		be_filer(ends[1], maildir);
	close(ends[1]);
	if (child == -1) {
		close(ends[0]);
		return false;
	}
	filer->pid = child;
	filer->fd = ends[0];
	snprintf(filer->maildir, sizeof(filer->maildir), "%s", maildir);
	return true;
}

/* A silent one would be a second deliverer of what is tried again. */
static void
give_up(struct filer *filer)
{
	kill(filer->pid, SIGKILL);
	filer_end(filer);
}

void
filer_deliver(struct filer *filer, const char *maildir, struct span command,
    const int fds[2], struct verdict *verdict)
{
	const struct verdict later = { .kind = VERDICT_LATER,
		.code = span_of("4.3.0"),
		.text = span_of("the script's program cannot be had") };

	if (!begin(filer, maildir)) {
		warn_errno("cannot start sieve-deliver");
		*verdict = later;
		return;
	}
	if (neighbour_ask(filer->fd, command, fds, fds[1] == -1 ? 1 : 2,
		ANSWER_TIMEOUT_MS, &filer->packet) &&
	    verdict_parse(packet_span(&filer->packet), verdict))
		return;
	warn_errno("sieve-deliver does not answer");
	give_up(filer);
	*verdict = later;
}
