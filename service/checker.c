#include "service/checker.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/io.h"
#include "base/sandbox.h"
#include "queue/sasl.h"

enum {
	SECRET_FD = 3,
	MOVED_FD = 64, /* above all that is placed */
	TIMEOUT_S = 60,
	EXIT_RIGHT = 0,
	EXIT_WRONG = 1,
	EXIT_OTHER = 2 /* a token of another's */
};

static struct buf
program_of(const char *name)
{
	struct buf path = control_path(name);

	buf_string(&path); /* puts the NUL that execve wants behind it */
	return path;
}

void
checker_configure(struct checkers *checkers)
{
	checkers->password = program_of("passwordchecker");
	checkers->token = program_of("oauthchecker");
}

/* What the program reads; it must fit the pipe whole. */
static bool
fill_pipe(int pipe_fd, struct span name, struct span secret)
{
	struct buf text =
	    buf_new(LOGIN_USER_MAX + (size_t)SASL_MESSAGE_MAX + 64);

	/* No copy of the secret is left where the text has grown. */
	buf_room(&text, name.len + secret.len + 32);
	buf_add(&text, name);
	buf_add_char(&text, '\0');
	buf_add(&text, secret);
	buf_printf(&text, "%c%lld%c", '\0', (long long)time(NULL), '\0');
	bool is_filled = !text.overflow && write_all(pipe_fd, buf_span(&text));
	buf_wipe(&text);
	buf_free(&text);
	return is_filled;
}

/* dup2 onto a number that it has already would leave close-on-exec set. */
static void
place(int fd, int at)
{
	if (dup2(fd, at) == -1)
		temp_fail("cannot place a descriptor");
}

/* out: -1, or what descriptor 1 is. */
static void
place_descriptors(int secret, int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int moved_null = fcntl(null, F_DUPFD_CLOEXEC, MOVED_FD);
	int moved_secret = fcntl(secret, F_DUPFD_CLOEXEC, MOVED_FD);
	int moved_out =
	    out == -1 ? moved_null : fcntl(out, F_DUPFD_CLOEXEC, MOVED_FD);

	if (null == -1 || moved_null == -1 || moved_secret == -1 ||
	    moved_out == -1)
		temp_fail("cannot place a descriptor");
	place(moved_null, STDIN_FILENO);
	place(moved_out, STDOUT_FILENO);
	place(moved_secret, SECRET_FD);
	closefrom(SECRET_FD + 1);
}

static _Noreturn void
run(const char *program, int secret, int out)
{
	const struct passwd *role = getpwnam("mta-checker");
	char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
	char *const environment[] = { path, NULL };
	const char *const argv[] = { program, "/bin/true", NULL };

	if (role == NULL)
		die(EX_TEMPFAIL, "no user mta-checker: run mtactl init");
	place_descriptors(secret, out);
	signal(SIGPIPE, SIG_DFL);
	become_user(role->pw_uid, role->pw_gid, NULL, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		temp_fail("cannot ask for the parent's death signal");
	alarm(TIMEOUT_S);
	execve(program, (char *const *)(uintptr_t)argv, environment);
	temp_fail("cannot execute %s", program);
}

/* One name, and LF, of what a program wrote that has ended. */
static bool
read_owner(int out, struct buf *owner)
{
	char bytes[LOGIN_USER_MAX + 2];
	ssize_t got = read(out, bytes, sizeof(bytes));
	struct span rest = { bytes, got > 0 ? (size_t)got : 0 };
	struct span name = span_cut(&rest, '\n');

	if (got <= 0 || name.len == 0 || name.len + 1 != (size_t)got ||
	    !sasl_are_names(name, span_of("")))
		return false;
	buf_add(owner, name);
	return true;
}

/* out: -1, or what it may tell an owner by. */
static enum checkpw_verdict
wait_for(const char *program, pid_t pid, int out, struct buf *owner)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return CHECKPW_LATER;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_RIGHT)
		return CHECKPW_OK;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_WRONG)
		return CHECKPW_NO;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_OTHER &&
	    out != -1 && read_owner(out, owner))
		return CHECKPW_NO;
	log_event("%s ended with %s %d", program,
	    WIFEXITED(status) ? "exit code" : "signal",
	    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return CHECKPW_LATER;
}

static void
close_fd(int fd)
{
	if (fd != -1)
		close(fd);
}

enum checkpw_verdict
checker_verdict(const char *program, struct span name, struct span secret,
    struct buf *owner)
{
	enum checkpw_verdict verdict = CHECKPW_LATER;
	int ends[2];
	int out[2] = { -1, -1 };

	if (pipe2(ends, O_CLOEXEC) == -1)
		return CHECKPW_LATER;
	bool is_ready = fill_pipe(ends[1], name, secret) &&
			(owner == NULL || pipe2(out, O_CLOEXEC) == 0);
	close(ends[1]);
	pid_t pid = is_ready ? fork() : -1;
	if (pid == 0)
		run(program, ends[0], out[1]);
	close(ends[0]);
	close_fd(out[1]);
	/* A child of its own may have the other end for ever. */
	if (out[0] != -1)
		fd_set_nonblocking(out[0]);
	if (pid == -1)
		warn_errno("cannot run %s", program);
	else
		verdict = wait_for(program, pid, out[0], owner);
	close_fd(out[0]);
	return verdict;
}
