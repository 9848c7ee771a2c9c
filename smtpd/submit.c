#include "smtpd/submit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"

enum {
	INJECT_TIMEOUT_MS = 300 * 1000
};

void
submit_init(struct submission *submission, const struct queue_id *id,
    int session, struct span envelope)
{
	*submission = (struct submission){ .id = *id,
		.session = session,
		.program = -1,
		.injection = { .session = -1,
		    .message_fd = -1,
		    .envelope_fd = -1 },
		.envelope = envelope,
		.held = buf_new(SUBMIT_HELD) };
}

static _Noreturn void
run_program(const int message[2], const int envelope[2])
{
	if (dup2(message[0], STDIN_FILENO) == -1 ||
	    dup2(envelope[0], STDOUT_FILENO) == -1)
		_exit(EX_OSERR);
	execl(MTA_BIN "/queue-inject", "queue-inject", (char *)NULL);
	_exit(EX_OSERR);
}

static bool
start_program(struct submission *submission)
{
	int message[2];
	int envelope[2];

	if (pipe2(message, O_CLOEXEC) == -1 || pipe2(envelope, O_CLOEXEC) == -1)
		return false;
	submission->program = fork();
	if (submission->program == 0)
		run_program(message, envelope);
	close(message[0]);
	close(envelope[0]);
	submission->injection.message_fd = message[1];
	submission->injection.envelope_fd = envelope[1];
	return submission->program != -1;
}

/* A program reads its envelope last; the service wants it first. */
static bool
open_way(struct submission *submission)
{
	struct injection *injection = &submission->injection;

	submission->is_open = true;
	if (submission->session == -1)
		return start_program(submission);
	if (!inject_begin(injection, submission->session, &submission->id) ||
	    !write_all(injection->envelope_fd, submission->envelope))
		return false;
	close(injection->envelope_fd);
	injection->envelope_fd = -1;
	return true;
}

static void
pass_on(struct submission *submission, struct span bytes)
{
	if (!submission->is_open && !open_way(submission))
		submission->has_failed = true;
	if (!submission->has_failed &&
	    !write_all(submission->injection.message_fd, bytes))
		submission->has_failed = true;
}

static void
pass_held(struct submission *submission)
{
	pass_on(submission, buf_span(&submission->held));
	buf_clear(&submission->held);
}

void
submit_add(struct submission *submission, struct span bytes)
{
	if (submission->has_failed)
		return;
	if (submission->held.len + bytes.len > SUBMIT_HELD)
		pass_held(submission);
	if (bytes.len > SUBMIT_HELD)
		pass_on(submission, bytes);
	else
		buf_add(&submission->held, bytes);
}

static enum inject_verdict
wait_program(struct submission *submission, struct buf *text)
{
	int status;

	while (waitpid(submission->program, &status, 0) == -1)
		if (errno != EINTR)
			return INJECT_LATER;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EX_OK)
		return INJECT_KEPT;
	buf_add_string(text, "4.3.0 queue-inject did not keep it");
	if (WIFEXITED(status) && WEXITSTATUS(status) == EX_DATAERR)
		return INJECT_REFUSED;
	return INJECT_LATER;
}

void
submit_abort(struct submission *submission)
{
	struct buf unused = buf_new(256);

	inject_abort(&submission->injection);
	if (submission->program > 0)
		wait_program(submission, &unused);
	buf_free(&unused);
	buf_free(&submission->held);
}

enum inject_verdict
submit_finish(struct submission *submission, struct buf *text)
{
	struct injection *injection = &submission->injection;

	if (!submission->is_open && submission->session != -1 &&
	    inject_fits(submission->envelope, buf_span(&submission->held))) {
		enum inject_verdict verdict = inject_whole(submission->session,
		    &submission->id, submission->envelope,
		    buf_span(&submission->held), INJECT_TIMEOUT_MS, text);

		buf_free(&submission->held);
		return verdict;
	}
	pass_held(submission);
	if (submission->session == -1) {
		close(injection->message_fd);
		injection->message_fd = -1;
		write_all(injection->envelope_fd, submission->envelope);
		inject_abort(injection);
		buf_free(&submission->held);
		return wait_program(submission, text);
	}
	buf_free(&submission->held);
	if (submission->has_failed) {
		inject_abort(injection);
		buf_add_string(text, "4.3.0 the queue does not take it");
		return INJECT_LATER;
	}
	return inject_finish(injection, INJECT_TIMEOUT_MS, text);
}
