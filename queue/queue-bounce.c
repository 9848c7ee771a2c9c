/*
 * queue-bounce - tell a sender what became of a message.
 *
 * started by  service/queue/run, as a neighbour of queue-manager
 * uid         mta-bounce
 * fd 0        requests, report(5)
 * fd 2        the log
 * fd 10       queue-inject, inject(5)
 * reads       control/me doublebounceto bouncebytes; the message it is handed
 * writes      nothing: the report goes to queue-inject
 * runs        nothing; forks a child for each report, since it reads a text
 *             that a stranger wrote
 * exits       0 when the manager is gone; EX_USAGE; EX_TEMPFAIL
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/io.h"
#include "base/sandbox.h"
#include "mail/verp.h"
#include "queue/bounce.h"
#include "queue/inject.h"
#include "queue/neighbour.h"

static const char usage[] =
    "usage: queue-bounce   (started by service/queue/run)";

enum {
	INJECT_TIMEOUT_MS = 120 * 1000
};

static struct bounce_settings
read_settings(void)
{
	struct bounce_settings settings = { .me = control_me(),
		.original_max =
		    control_number("bouncebytes", 50000, 0, 10 << 20) };
	struct buf fallback = buf_new(1024);

	buf_add_string(&fallback, "postmaster@");
	buf_add(&fallback, buf_span(&settings.me));
	settings.double_to =
	    control_word("doublebounceto", buf_string(&fallback));
	buf_free(&fallback);
	return settings;
}

static bool
inject(const struct bounce *bounce, int session)
{
	struct injection injection;
	struct buf text = buf_new(1024);

	if (!inject_begin(&injection, session, &bounce->report->report_id) ||
	    !write_all(injection.envelope_fd, buf_span(&bounce->envelope))) {
		warn_errno("cannot reach the queue");
		return false;
	}
	close(injection.envelope_fd);
	injection.envelope_fd = -1;
	if (!write_all(injection.message_fd, buf_span(&bounce->text))) {
		inject_abort(&injection);
		return false;
	}
	enum inject_verdict verdict =
	    inject_finish(&injection, INJECT_TIMEOUT_MS, &text);
	if (verdict != INJECT_KEPT && verdict != INJECT_EXISTS)
		log_event("%s not kept text=%.*s",
		    bounce->report->report_id.text, (int)text.len,
		    text.len == 0 ? "" : text.data);
	buf_free(&text);
	return verdict == INJECT_KEPT || verdict == INJECT_EXISTS;
}

/* True if it is kept, or not due. */
static bool
make_one(struct bounce *bounce, int session)
{
	const char *id = bounce->file->name.id.text;
	const char *why = NULL;
	bool is_due = bounce_write(bounce, &why);
	bool is_done =
	    !bounce->has_failed && (!is_due || inject(bounce, session));

	if (is_done && is_due)
		log_event("%s reported by=%s to=<%.*s>", id,
		    bounce->report->report_id.text, (int)bounce->sender.len,
		    bounce->sender.ptr);
	else if (is_done && bounce->file->envelope.verp.len == 0)
		log_event("%s %s", id, why);
	bounce_free(bounce);
	return is_done;
}

/* With VERP: one about each recipient, to the sender that it had. */
static bool
make_each(const struct bounce_settings *settings, const struct report *report,
    const struct queue_file *file, int session)
{
	struct report one = *report;
	struct queue_file view = *file;
	struct span rest = file->envelope.recipients;
	struct buf text = buf_new(ENVELOPE_ADDRESS_MAX);
	struct recipient recipient;
	bool is_done = true;

	for (uint64_t i = 0; is_done; i++) {
		struct bounce bounce = { .settings = settings,
			.report = &one,
			.file = &view,
			.first = i };

		view.envelope.recipients = rest;
		if (!envelope_next(&rest, &recipient))
			break;
		view.envelope.recipients.len -= rest.len;
		buf_clear(&text);
		buf_printf(&text, "verp %llu", (unsigned long long)i);
		one.report_id =
		    queue_id_derive(&report->report_id, buf_span(&text));
		buf_clear(&text);
		verp_add(&text, file->envelope.sender, file->envelope.verp,
		    recipient.address);
		bounce.sender = buf_span(&text);
		is_done = make_one(&bounce, session);
	}
	buf_free(&text);
	return is_done;
}

/* In the child: true if the report is kept, or not due. */
static bool
make_report(const struct bounce_settings *settings, const struct report *report,
    int fd, int session)
{
	struct queue_name name;
	struct queue_file file;
	bool is_done;

	if (!queue_name_parse(report->file_name, &name) || fd == -1 ||
	    !queue_file_read(&file, fd, &name)) {
		warn_errno("%.*s cannot be read", (int)report->file_name.len,
		    report->file_name.ptr);
		return false;
	}
	struct bounce bounce = { .settings = settings,
		.report = report,
		.file = &file,
		.sender = file.envelope.sender };
	if (file.envelope.verp.len > 0 && file.envelope.sender.len > 0)
		is_done = make_each(settings, report, &file, session);
	else
		is_done = make_one(&bounce, session);
	queue_file_free(&file);
	return is_done;
}

static void
answer(uint64_t number, bool is_done)
{
	struct buf packet = buf_new(PACKET_MAX);

	report_add_answer(&packet, number, is_done);
	if (!packet_send(NEIGHBOUR_SELF, buf_span(&packet), NULL, 0))
		temp_fail("the manager is gone");
	buf_free(&packet);
}

/* One report in a child of its own; its exit code is the verdict. */
static bool
run_child(const struct bounce_settings *settings,
    const struct sandbox_layer *layer, const struct report *report, int fd)
{
	int session = neighbour_open_session(NEIGHBOUR_INJECT);
	int status;

	if (session == -1)
		temp_fail("the injector is gone");
	pid_t pid = fork();
	if (pid == 0) {
		close(NEIGHBOUR_SELF);
		sandbox_session(layer, (const int[]){ session, fd }, 2);
		_exit(make_report(settings, report, fd, session) ? EX_OK
								 : EX_TEMPFAIL);
	}
	close(session);
	if (pid == -1)
		return false;
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return false;
	if (WIFSIGNALED(status))
		log_event(
		    "a report's child died of signal %d", WTERMSIG(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == EX_OK;
}

static void
wait_request(void)
{
	struct pollfd wait[2] = { { .fd = NEIGHBOUR_SELF, .events = POLLIN },
		{ .fd = NEIGHBOUR_INJECT } };

	while (poll(wait, 2, -1) == -1 && errno == EINTR)
		;
	if (wait[1].revents != 0)
		die(EX_TEMPFAIL, "queue-inject is gone");
}

static void
serve(const struct bounce_settings *settings, const struct sandbox_layer *layer)
{
	static struct packet packet;
	struct report report;
	int got;

	wait_request();
	for (; (got = packet_receive(NEIGHBOUR_SELF, &packet)) != 0;
	     wait_request()) {
		if (got == -1 && errno != EBADMSG)
			temp_fail("cannot receive a request");
		if (got == -1 || !report_parse(packet_span(&packet), &report)) {
			packet_close_fds(&packet);
			log_event("no request of report(5)");
			continue;
		}
		int fd = packet_take_fd(&packet, 0);
		packet_close_fds(&packet);
		bool is_done = run_child(settings, layer, &report, fd);
		if (fd != -1)
			close(fd);
		answer(report.number, is_done);
	}
}

int
main(int argc, char **argv)
{
	program_name("queue-bounce");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	if (argc != 1 || !neighbour_is_given(NEIGHBOUR_INJECT))
		die(EX_USAGE, "%s", usage);
	signal(SIGPIPE, SIG_IGN);
	struct bounce_settings settings = read_settings();

	require_unprivileged();
	serve(&settings, sandbox_enter_for_sessions(
			     SANDBOX_FORK | SANDBOX_SOCKETPAIR, SANDBOX_PIPES));
	return EX_OK;
}
