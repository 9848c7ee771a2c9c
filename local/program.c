#include "local/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "store/deliver.h"

enum {
	HEAD_MAX = 2048,
	PIECE_SIZE = 16384,
	GRACE_MS = 2000 /* between SIGTERM and SIGKILL */
};

/* A running program, and what it has been given of the message. */
struct run {
	pid_t pid;
	int pid_fd;
	int input;  /* its standard input; -1 when all is written */
	int output; /* its standard output and error; -1 at the end */
	struct buf pending;
	uint64_t offset;
	uint64_t left;
	int parser_fd;
	int message_fd;
};

enum verdict_kind
program_verdict(int exit_code)
{
	switch (exit_code) {
	case 0:
	case 99:
		return VERDICT_DELIVERED;
	case 64:
	case 65:
	case 70:
	case 76:
	case 77:
	case 78:
	case 100:
	case 112:
		return VERDICT_FAILED;
	default:
		return VERDICT_LATER;
	}
}

static void
set_variable(const char *name, struct span value)
{
	struct buf text = buf_new(PACKET_MAX);

	buf_add(&text, value);
	const char *string = buf_string(&text);
	if (string == NULL || setenv(name, string, 1) == -1)
		_exit(EX_TEMPFAIL);
	buf_free(&text);
}

static void
set_environment(const struct command *command)
{
	struct span recipient = command->recipient;
	size_t at = span_last_index(recipient, '@');

	clearenv();
	set_variable("PATH", span_of("/usr/local/bin:/usr/bin:/bin"));
	set_variable("SHELL", span_of("/bin/sh"));
	set_variable("SENDER", command->sender);
	set_variable("RECIPIENT", recipient);
	set_variable("LOCAL", span_slice(recipient, 0, at));
	set_variable("DOMAIN", span_slice(recipient, at + 1, recipient.len));
	set_variable("EXTENSION", command->extension);
	set_variable("USER", command->account);
	set_variable("LOGNAME", command->account);
	set_variable("HOME", command->home);
	set_variable("QUEUE_ID", command->id);
}

static _Noreturn void
execute(const struct command *command, int input, int output)
{
	struct buf line = buf_new(PACKET_MAX);

	buf_add(&line, command->path);
	setsid();
	umask(077);
	signal(SIGPIPE, SIG_DFL);
	set_environment(command);
	const char *home = getenv("HOME");
	if ((home == NULL || chdir(home) == -1) && chdir("/") == -1)
		_exit(EX_TEMPFAIL);
	if (dup2(input, STDIN_FILENO) == -1 ||
	    dup2(output, STDOUT_FILENO) == -1 ||
	    dup2(output, STDERR_FILENO) == -1)
		_exit(EX_TEMPFAIL);
	closefrom(STDERR_FILENO + 1);
	execl("/bin/sh", "sh", "-c", buf_string(&line), (char *)NULL);
	_exit(EX_TEMPFAIL);
}

static void
close_end(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

static bool
begin(struct run *run, const struct command *command)
{
	int input[2];
	int output[2];

	if (pipe2(input, O_CLOEXEC) == -1)
		return false;
	if (pipe2(output, O_CLOEXEC) == -1) {
		close(input[0]);
		close(input[1]);
		return false;
	}
	run->pid = fork();
	if (run->pid == 0)
		execute(command, input[0], output[1]);
	close(input[0]);
	close(output[1]);
	run->input = input[1];
	run->output = output[0];
	run->pid_fd = run->pid == -1 ? -1 : pidfd_open(run->pid, 0);
	if (run->pid != -1 && run->pid_fd != -1) {
		fd_set_nonblocking(run->input);
		fd_set_nonblocking(run->output);
		return true;
	}
	close_end(&run->input);
	close_end(&run->output);
	if (run->pid != -1) {
		kill(run->pid, SIGKILL);
		waitpid(run->pid, NULL, 0);
	}
	return false;
}

/* False if the message cannot be read: the program must not see its end. */
static bool
refill(struct run *run)
{
	char *room = buf_room(&run->pending, PIECE_SIZE);
	size_t want = run->left < PIECE_SIZE ? (size_t)run->left : PIECE_SIZE;
	ssize_t got = pread(run->message_fd, room, want, (off_t)run->offset);

	if (got <= 0)
		return got == -1 && errno == EINTR;
	buf_grown(&run->pending, (size_t)got);
	run->offset += (uint64_t)got;
	run->left -= (uint64_t)got;
	return true;
}

static bool
feed(struct run *run)
{
	if (run->pending.len == 0 && run->left > 0 && !refill(run))
		return false;
	ssize_t put = write(run->input, run->pending.data, run->pending.len);
	if (put > 0)
		buf_drop(&run->pending, (size_t)put);
	/* A program may close its input before the end: that is its right. */
	if ((put == -1 && errno != EAGAIN && errno != EINTR) ||
	    (run->pending.len == 0 && run->left == 0))
		close_end(&run->input);
	return true;
}

static void
listen_to(struct run *run, struct buf *output)
{
	char bytes[4096];
	ssize_t got = read(run->output, bytes, sizeof(bytes));

	if (got == 0 || (got == -1 && errno != EAGAIN && errno != EINTR)) {
		close_end(&run->output);
		return;
	}
	for (ssize_t i = 0; i < got && output->len < output->max; i++) {
		unsigned char c = (unsigned char)bytes[i];

		buf_add_char(output, c < ' ' || c == 0x7f ? ' ' : bytes[i]);
	}
}

enum outcome {
	RUN_ENDED,
	RUN_TOO_LONG,
	RUN_UNREADABLE,
	RUN_UNWANTED
};

/*
 * Until it ends: whoever keeps its output open does not count.  If the mail
 * system ends first, its message will be tried again: it must not stay.
 */
static enum outcome
converse(struct run *run, int64_t timeout_ms, struct buf *output)
{
	int64_t deadline = clock_ms() + timeout_ms;

	for (;;) {
		struct pollfd waits[] = {
			{ .fd = run->pid_fd, .events = POLLIN },
			{ .fd = run->output, .events = POLLIN },
			{ .fd = run->input, .events = POLLOUT },
			{ .fd = run->parser_fd }, /* POLLHUP alone */
		};
		int64_t left = deadline - clock_ms();

		if (left <= 0)
			return RUN_TOO_LONG;
		if (poll(waits, 4, (int)left) <= 0)
			continue;
		if (waits[1].revents != 0)
			listen_to(run, output);
		else if (waits[0].revents != 0)
			return RUN_ENDED;
		if (waits[3].revents != 0)
			return RUN_UNWANTED;
		if (waits[2].revents != 0 && !feed(run))
			return RUN_UNREADABLE;
	}
}

/* It and all of its session's first group. */
static void
stop(struct run *run)
{
	struct pollfd wait = { .fd = run->pid_fd, .events = POLLIN };

	kill(-run->pid, SIGTERM);
	poll(&wait, 1, GRACE_MS);
	kill(-run->pid, SIGKILL);
	kill(run->pid, SIGKILL);
}

static void
judge(struct verdict *verdict, int status, struct buf *output)
{
	size_t said = output->len;

	if (!WIFEXITED(status)) {
		verdict->kind = VERDICT_LATER;
		buf_clear(output);
		buf_printf(
		    output, "the program died of signal %d", WTERMSIG(status));
	} else {
		verdict->kind = program_verdict(WEXITSTATUS(status));
		if (said == 0 && verdict->kind == VERDICT_DELIVERED)
			buf_add_string(output, "handed to the program");
		else if (said == 0)
			buf_printf(output,
			    "the program ended with exit code %d",
			    WEXITSTATUS(status));
	}
	verdict->code = verdict->kind == VERDICT_DELIVERED ? span_of("2.0.0")
			: verdict->kind == VERDICT_FAILED  ? span_of("5.3.0")
							   : span_of("4.3.0");
	verdict->text = span_trim(buf_span(output));
}

static void
later(struct verdict *verdict, const char *why)
{
	verdict->kind = VERDICT_LATER;
	verdict->code = span_of("4.3.0");
	verdict->text = span_of(why);
}

static void
supervise(struct run *run, int64_t timeout_ms, struct buf *output,
    struct verdict *verdict)
{
	int status = 0;
	enum outcome outcome = converse(run, timeout_ms, output);

	if (outcome != RUN_ENDED)
		stop(run);
	while (waitpid(run->pid, &status, 0) == -1 && errno == EINTR)
		continue;
	switch (outcome) {
	case RUN_ENDED:
		judge(verdict, status, output);
		return;
	case RUN_TOO_LONG:
		later(verdict, "the program took too long "
			       "(control/programtimeout)");
		return;
	case RUN_UNREADABLE:
		later(verdict, "the message cannot be read");
		return;
	case RUN_UNWANTED:
		later(verdict, "the mail system ended before the program");
		return;
	}
}

void
program_run(const struct command *command, int parser_fd, int message_fd,
    int64_t timeout_ms, struct buf *output, struct verdict *verdict)
{
	struct run run = { .pending = buf_new(HEAD_MAX + PIECE_SIZE),
		.offset = command->offset,
		.left = command->length,
		.parser_fd = parser_fd,
		.message_fd = message_fd };
	struct deliver_message head = { .sender = command->sender,
		.recipient = command->recipient };

	if (!deliver_add_head(&run.pending, &head) || !begin(&run, command)) {
		warn_errno("cannot run a program");
		later(verdict, "cannot start the program");
	} else {
		supervise(&run, timeout_ms, output, verdict);
		close_end(&run.input);
		close_end(&run.output);
		close(run.pid_fd);
	}
	buf_free(&run.pending);
}
