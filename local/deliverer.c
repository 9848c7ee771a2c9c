#include "local/deliverer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/die.h"
#include "local/command.h"
#include "local/filer.h"
#include "local/forward.h"
#include "local/program.h"
#include "store/maildir_deliver.h"
#include "store/mbox_deliver.h"

enum {
	LOCK_TIMEOUT_MS = 30000,
	PRIVATE_MODE = 0600,
	SPOOL_MODE = 0660
};

struct deliverer {
	int fd;
	int64_t program_timeout_ms;
	struct packet packet;
	struct buf text; /* of the verdict */
	struct buf path; /* C strings for the kernel */
	struct buf name;
	struct buf answer;
	int include_fd; /* to go with the answer; -1 */
	struct filer filer;
};

static void
set_verdict(struct verdict *verdict, enum verdict_kind kind, const char *code,
    struct span text)
{
	verdict->kind = kind;
	verdict->code = span_of(code);
	verdict->text = text;
}

static void
later_errno(struct deliverer *deliverer, const char *code, struct span path,
    struct verdict *verdict)
{
	buf_clear(&deliverer->text);
	buf_printf(&deliverer->text, "%.*s: %s", (int)path.len, path.ptr,
	    strerror(errno));
	set_verdict(verdict, VERDICT_LATER, code, buf_span(&deliverer->text));
}

static const char *
code_of_errno(void)
{
	switch (errno) {
	case EDQUOT:
		return "4.2.2"; /* RFC 3463: mailbox full */
	case ENOSPC:
		return "4.3.1"; /* mail system full */
	default:
		return "4.3.0";
	}
}

static void
judge_store(struct deliverer *deliverer, const struct command *command,
    enum deliver_status status, struct verdict *verdict)
{
	switch (status) {
	case DELIVER_SYNCED:
	case DELIVER_LINKED:
		buf_clear(&deliverer->text);
		buf_add_string(&deliverer->text, "delivered to ");
		buf_add(&deliverer->text, command->path);
		set_verdict(verdict,
		    status == DELIVER_LINKED ? VERDICT_LINKED
					     : VERDICT_DELIVERED,
		    "2.0.0", buf_span(&deliverer->text));
		return;
	case DELIVER_BUSY:
		set_verdict(verdict, VERDICT_LATER, "4.2.0",
		    span_of("the mailbox is locked by another program"));
		return;
	case DELIVER_ERROR:
		later_errno(deliverer, code_of_errno(), command->path, verdict);
		return;
	}
}

static bool
is_in_spool(const char *path)
{
	return strncmp(path, "/var/spool/mail/", 16) == 0 ||
	       strncmp(path, "/var/mail/", 10) == 0;
}

static void
store(struct deliverer *deliverer, const struct command *command,
    int message_fd, struct verdict *verdict)
{
	const struct deliver_message message = { .fd = message_fd,
		.offset = command->offset,
		.length = command->length,
		.is_whole = command->is_whole,
		.may_be_there = command->may_be_there,
		.sender = command->sender,
		.recipient = command->recipient };
	const char *path = buf_string(&deliverer->path);
	const char *name = buf_string(&deliverer->name);
	enum deliver_status status = DELIVER_ERROR;

	errno = EINVAL;
	if (path == NULL || name == NULL || path[0] != '/') {
		judge_store(deliverer, command, status, verdict);
		return;
	}
	if (command->kind == COMMAND_MAILDIR) {
		status = maildir_deliver(&message, path, name);
	} else {
		struct mbox_options options = {
			.mode = is_in_spool(path) ? SPOOL_MODE : PRIVATE_MODE,
			.must_own = command->kind == COMMAND_MBOX,
			.timeout_ms = LOCK_TIMEOUT_MS
		};

		status = mbox_deliver(&message, path, &options);
	}
	judge_store(deliverer, command, status, verdict);
}

/* By his script, if the recipient has one; false: there is none. */
static bool
deliver_by_script(struct deliverer *deliverer, const struct command *command,
    int message_fd, int session, struct verdict *verdict)
{
	const char *path = buf_string(&deliverer->path);
	const int fds[] = { message_fd, session };
	uint64_t number = verdict->number;

	if (command->kind != COMMAND_MAILDIR || path == NULL ||
	    path[0] != '/' || !filer_is_wanted(path))
		return false;
	filer_deliver(&deliverer->filer, path, packet_span(&deliverer->packet),
	    fds, verdict);
	verdict->number = number;
	return true;
}

/* The parser, which may open nothing, reads the list through this. */
static void
open_include(struct deliverer *deliverer, const struct command *command,
    struct verdict *verdict)
{
	const char *path = buf_string(&deliverer->path);
	struct stat status;
	int fd =
	    path == NULL ? -1 : open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1 || fstat(fd, &status) == -1) {
		later_errno(deliverer, "4.2.4", command->path, verdict);
	} else if (!S_ISREG(status.st_mode) || (status.st_mode & S_IWOTH)) {
		errno = EPERM;
		later_errno(deliverer, "4.2.4", command->path, verdict);
	} else {
		set_verdict(
		    verdict, VERDICT_DELIVERED, "2.0.0", span_of("opened"));
		deliverer->include_fd = fd;
		return;
	}
	if (fd != -1)
		close(fd);
}

static void
execute(struct deliverer *deliverer, const struct command *command,
    struct verdict *verdict)
{
	int message_fd = packet_take_fd(&deliverer->packet, 0);
	int session = packet_take_fd(&deliverer->packet, 1);

	buf_clear(&deliverer->path);
	buf_add(&deliverer->path, command->path);
	buf_clear(&deliverer->name);
	buf_add(&deliverer->name, command->name);
	buf_clear(&deliverer->text);
	if (message_fd == -1 && command->kind != COMMAND_INCLUDE) {
		set_verdict(verdict, VERDICT_LATER, "4.3.0",
		    span_of("the queue file was not handed over"));
		return;
	}
	switch (command->kind) {
	case COMMAND_MAILDIR:
	case COMMAND_MBOX:
	case COMMAND_FILE:
		if (!deliver_by_script(
			deliverer, command, message_fd, session, verdict))
			store(deliverer, command, message_fd, verdict);
		break;
	case COMMAND_PROGRAM:
		program_run(command, deliverer->fd, message_fd,
		    deliverer->program_timeout_ms, &deliverer->text, verdict);
		break;
	case COMMAND_FORWARD:
		forward_run(
		    command, message_fd, session, &deliverer->text, verdict);
		break;
	case COMMAND_INCLUDE:
		open_include(deliverer, command, verdict);
		break;
	}
	if (message_fd != -1)
		close(message_fd);
	if (session != -1)
		close(session);
}

static bool
answer(struct deliverer *deliverer, const struct verdict *verdict)
{
	buf_clear(&deliverer->answer);
	verdict_add(&deliverer->answer, verdict);
	bool is_sent = packet_send(deliverer->fd, buf_span(&deliverer->answer),
	    &deliverer->include_fd, deliverer->include_fd != -1 ? 1 : 0);
	if (deliverer->include_fd != -1)
		close(deliverer->include_fd);
	deliverer->include_fd = -1;
	return is_sent;
}

int
deliverer_run(int fd, int64_t program_timeout_ms)
{
	struct deliverer *deliverer = malloc(sizeof(*deliverer));
	struct command command;

	if (deliverer == NULL)
		temp_fail("out of memory");
	deliverer->fd = fd;
	deliverer->program_timeout_ms = program_timeout_ms;
	deliverer->text = buf_new(PROGRAM_OUTPUT_MAX);
	deliverer->path = buf_new(PACKET_MAX);
	deliverer->name = buf_new(PACKET_MAX);
	deliverer->answer = buf_new(PACKET_MAX);
	deliverer->include_fd = -1;
	deliverer->filer.pid = 0;
	signal(SIGPIPE, SIG_IGN);
	umask(0); /* each file's mode is given where it is made */
	while (packet_receive(fd, &deliverer->packet) == 1) {
		struct verdict verdict = { .kind = VERDICT_LATER };

		if (!command_parse(packet_span(&deliverer->packet), &command))
			die(EX_PROTOCOL, "not a command of the parser");
		verdict.number = command.number;
		execute(deliverer, &command, &verdict);
		packet_close_fds(&deliverer->packet);
		if (!answer(deliverer, &verdict))
			break;
	}
	filer_end(&deliverer->filer);
	buf_free(&deliverer->text);
	buf_free(&deliverer->path);
	buf_free(&deliverer->name);
	buf_free(&deliverer->answer);
	free(deliverer);
	return EX_OK;
}
