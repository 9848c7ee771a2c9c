#include "local/forward.h"

#include <time.h>

#include "queue/outgoing.h"

enum {
	HEAD_MAX = 4096
};

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
	struct buf head = buf_new(HEAD_MAX);
	struct outgoing outgoing = { .sender = command->new_sender,
		.recipients = command->recipients,
		.is_8bit = command->is_8bit,
		.needs_utf8 = command->needs_utf8,
		.requires_tls = command->requires_tls,
		.priority = command->priority,
		.solicitation = command->solicitation,
		.envid = command->envid,
		.ret = command->ret,
		.fd = message_fd,
		.offset = command->offset,
		.length = command->length };

	const struct outgoing_trace trace = { .recipient = command->recipient,
		.host = command->name,
		.protocol = "local",
		.id = &outgoing.id,
		.now = (int64_t)time(NULL) };
	enum inject_verdict answer = INJECT_LATER;

	buf_clear(text);
	if (queue_id_parse(command->new_id, &outgoing.id)) {
		outgoing_add_trace(&head, &trace);
		outgoing.head = buf_span(&head);
		if (!head.overflow)
			answer = outgoing_send(&outgoing, session, text);
	}
	judge(answer, command, text, verdict);
	buf_free(&head);
}
