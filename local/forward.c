#include "local/forward.h"

#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "mail/date.h"
#include "queue/envelope.h"
#include "queue/inject.h"
#include "store/deliver.h"

enum {
	HEAD_MAX = 4096,
	ANSWER_TIMEOUT_MS = 300000
};

static bool
take_piece(void *context, struct span piece)
{
	const int *fd = context;

	return write_all(*fd, piece);
}

static void
add_head(struct buf *head, const struct command *command)
{
	buf_add_string(head, "Delivered-To: ");
	buf_add(head, command->recipient);
	buf_add_string(head, "\nReceived: by ");
	buf_add(head, command->name);
	buf_add_string(head, " with local id ");
	buf_add(head, command->new_id);
	buf_add_string(head, "\n\tfor ");
	buf_add(head, command->recipient);
	buf_add_string(head, "; ");
	date_add(head, (int64_t)time(NULL));
	buf_add_string(head, "\n");
}

static bool
write_message(const struct command *command, int message_fd, int out)
{
	const struct deliver_message message = { .fd = message_fd,
		.offset = command->offset,
		.length = command->length };
	struct buf head = buf_new(HEAD_MAX);

	add_head(&head, command);
	bool is_written = !head.overflow && write_all(out, buf_span(&head)) &&
			  deliver_each_piece(&message, take_piece, &out);
	buf_free(&head);
	return is_written;
}

static bool
write_envelope(const struct command *command, int out)
{
	struct buf bytes = buf_new(ENVELOPE_MAX);

	envelope_add_sender(&bytes, command->new_sender);
	if (command->is_8bit)
		record_add_string(&bytes, 'B', "8");
	if (command->needs_utf8)
		record_add_string(&bytes, 'U', "1");
	if (command->requires_tls)
		record_add_string(&bytes, 'Q', "1");
	priority_add(&bytes, 'P', command->priority);
	if (command->solicitation.len > 0)
		record_add(&bytes, 'S', command->solicitation);
	if (command->envid.len > 0)
		record_add(&bytes, 'E', command->envid);
	if (command->ret.len > 0)
		record_add(&bytes, 'R', command->ret);
	buf_add(&bytes, command->recipients);
	envelope_end(&bytes);
	bool is_written = write_all(out, buf_span(&bytes));
	buf_free(&bytes);
	return is_written;
}

static void
judge(enum inject_verdict answer, const struct command *command,
    struct buf *text, struct verdict *verdict)
{
	switch (answer) {
	case INJECT_KEPT:
	case INJECT_EXISTS:
		buf_clear(text);
		buf_add_string(text, "forwarded as ");
		buf_add(text, command->new_id);
		verdict->kind = VERDICT_DELIVERED;
		verdict->code = span_of("2.0.0");
		break;
	case INJECT_LATER:
	case INJECT_REFUSED: /* our own envelope: our own trouble */
		verdict->kind = VERDICT_LATER;
		verdict->code = span_of("4.3.0");
		break;
	}
	verdict->text = buf_span(text);
}

void
forward_run(const struct command *command, int message_fd, int session,
    struct buf *text, struct verdict *verdict)
{
	struct injection injection;
	struct queue_id id;

	*verdict = (struct verdict){ .number = verdict->number,
		.kind = VERDICT_LATER,
		.code = span_of("4.3.0"),
		.text = span_of("the queue cannot be reached to forward") };
	if (session == -1 || !queue_id_parse(command->new_id, &id) ||
	    !inject_begin(&injection, session, &id))
		return;
	if (!write_envelope(command, injection.envelope_fd) ||
	    !write_message(command, message_fd, injection.message_fd)) {
		inject_abort(&injection);
		return;
	}
	judge(inject_finish(&injection, ANSWER_TIMEOUT_MS, text), command, text,
	    verdict);
}
