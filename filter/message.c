/*
 * message - a message before a milter: header, body, end, and the edits.
 *
 * It streams: only the header is held, to be cut into fields.  Edits wait
 * until the milter's last word, so that a milter that fails has changed
 * nothing; a new body streams too, and a failure after its beginning defers.
 */

#include <fcntl.h>
#include <unistd.h>

#include "filter/edits.h"
#include "filter/judging.h"
#include "filter/milter.h"
#include "mail/header.h"

enum {
	MESSAGE_HEADER_MAX = 1 << 20
};

struct message {
	struct milter *milter;
	const struct facts *facts;
	struct milter_verdict *verdict;
	int session;
	struct reader *in;
	uint64_t size; /* read so far */
	struct buf header;
	struct buf chunk; /* of the body, on its way out */
	bool is_skipping;

	struct edits edits;
	struct buf reason;
	bool is_quarantined;
	struct writer *body; /* the new one's pipe */
	bool has_body;
	bool is_after_cr;
};

/* ---- towards the milter ---- */

/* The lines up to the empty one; false if they do not come. */
static bool
read_header(struct message *message)
{
	struct buf line = buf_new(MESSAGE_HEADER_MAX);
	enum io_status status;

	while ((status = read_line(message->in, &line)) == IO_OK) {
		message->size += line.len;
		if (line.len == 1)
			break;
		buf_add(&message->header, buf_span(&line));
	}
	buf_free(&line);
	return (status == IO_OK || status == IO_EOF) &&
	       !message->header.overflow;
}

static bool
send_field(struct message *message, struct span name, struct span value)
{
	struct milter *milter = message->milter;
	bool has_space = value.len > 0 && value.ptr[0] == ' ';

	if (has_space && (milter->options.protocol & WIRE_LEADING_SPACE) == 0)
		value = span_slice(value, 1, value.len);
	buf_clear(&milter->data);
	wire_add_text(&milter->data, name);
	wire_add_text(&milter->data, value);
	milter_send(milter, WIRE_HEADER, buf_span(&milter->data));
	return milter_await(milter, WIRE_MUTE_HEADER,
	    milter->settings->timeout_ms, message->verdict);
}

/* In all steps of a message: false is a verdict, and is given. */
static bool
send_header(struct message *message)
{
	struct milter *milter = message->milter;
	struct span rest = buf_span(&message->header);
	struct span name;
	struct span value;

	if (!milter_wants(milter, WIRE_NO_HEADER))
		return true;
	while (milter->state == MILTER_TALKING &&
	       header_next(&rest, &name, &value))
		if (!send_field(message, name, value))
			return false;
	return true;
}

static bool
send_event(struct message *message, enum wire_command command,
    enum wire_protocol no_step, enum wire_protocol mute)
{
	struct milter *milter = message->milter;

	if (milter->state != MILTER_TALKING || !milter_wants(milter, no_step))
		return true;
	milter_send_macros(milter, command, message->facts);
	milter_send(milter, command, (struct span){ "", 0 });
	return milter_await(
	    milter, mute, milter->settings->timeout_ms, message->verdict);
}

static bool
send_chunk(struct message *message)
{
	struct milter *milter = message->milter;
	struct wire_reply reply;

	if (message->chunk.len == 0 || milter->state != MILTER_TALKING)
		return true;
	milter_send(milter, WIRE_BODY, buf_span(&message->chunk));
	buf_clear(&message->chunk);
	if (!milter_wants(milter, WIRE_MUTE_BODY))
		return true;
	if (!milter_receive(milter, milter->settings->timeout_ms, &reply))
		return milter_default_verdict(milter, message->verdict);
	if (reply.kind == WIRE_SKIP_REST)
		message->is_skipping = true;
	return milter_judge(milter, &reply, message->verdict);
}

/* Lines end with CRLF there. */
static bool
send_lines(struct message *message, struct span bytes)
{
	for (size_t i = 0; i < bytes.len && !message->is_skipping; i++) {
		if (message->chunk.len + 2 > WIRE_CHUNK_MAX &&
		    !send_chunk(message))
			return false;
		if (bytes.ptr[i] == '\n')
			buf_add_char(&message->chunk, '\r');
		buf_add_char(&message->chunk, bytes.ptr[i]);
	}
	return true;
}

/* What is not wanted is read all the same: the end must be the end. */
static bool
send_body(struct message *message)
{
	struct milter *milter = message->milter;
	struct span bytes;

	message->is_skipping = !milter_wants(milter, WIRE_NO_BODY);
	while (milter->state == MILTER_TALKING &&
	       reader_peek(message->in, &bytes) == IO_OK) {
		message->size += bytes.len;
		if (!send_lines(message, bytes))
			return false;
		reader_consume(message->in, bytes.len);
	}
	return message->is_skipping || send_chunk(message);
}

/* ---- what the milter changes ---- */

/* Values go without CR; they bring their space, or get one. */
static void
keep_field(struct message *message, const struct wire_reply *reply,
    enum filter_edit edit)
{
	struct buf value = buf_new(WIRE_PACKET_MAX);

	if ((message->milter->options.protocol & WIRE_LEADING_SPACE) == 0)
		buf_add_char(&value, ' ');
	for (size_t i = 0; i < reply->value.len; i++)
		if (reply->value.ptr[i] != '\r')
			buf_add_char(&value, reply->value.ptr[i]);
	const struct filter_answer answer = { .edit = edit,
		.name = reply->name,
		.value = edit == FILTER_DELETE ? (struct span){ "", 0 }
					       : buf_span(&value),
		.index = reply->index };
	edits_keep(&message->edits, &answer);
	buf_free(&value);
}

/* A name without a domain is one of this host. */
static void
keep_address(struct message *message, struct span text, enum filter_edit edit)
{
	struct buf address = buf_new(FACTS_TEXT_MAX);

	buf_add(&address, text);
	if (text.len > 0 && span_index(text, '@') == text.len) {
		buf_add_char(&address, '@');
		buf_add(&address, buf_span(&message->facts->host));
	}
	const struct filter_answer answer = { .edit = edit,
		.address = buf_span(&address) };
	edits_keep(&message->edits, &answer);
	buf_free(&address);
}

static bool
begin_body(struct message *message)
{
	static struct writer body; /* large: untouched pages cost nothing */
	const struct filter_answer answer = { .edit = FILTER_BODY };
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) == -1)
		return false;
	bool is_sent = judging_answer(message->session, &answer, ends[0]);
	close(ends[0]);
	fd_set_nonblocking(ends[1]);
	writer_init(&body, ends[1], message->milter->settings->timeout_ms);
	message->body = &body;
	message->has_body = true;
	return is_sent;
}

/* CRLF becomes LF; its two bytes may come in two packets. */
static bool
pass_body(struct message *message, struct span bytes)
{
	if (!message->has_body && !begin_body(message))
		return false;
	while (bytes.len > 0) {
		size_t len = span_index(bytes, '\r');

		if (message->is_after_cr && bytes.ptr[0] != '\n')
			write_string(message->body, "\r");
		message->is_after_cr = len < bytes.len;
		write_span(message->body, span_slice(bytes, 0, len));
		bytes = span_slice(bytes, len + 1, bytes.len);
	}
	return message->body->status == IO_OK;
}

static void
end_body(struct message *message)
{
	if (message->body == NULL)
		return;
	writer_flush(message->body);
	close(message->body->fd);
	message->body = NULL;
}

static void
keep_reason(struct message *message, struct span text)
{
	message->is_quarantined = true;
	buf_clear(&message->reason);
	for (size_t i = 0; i < text.len && i < FILTER_REPLY_MAX; i++)
		buf_add_char(&message->reason,
		    text.ptr[i] >= ' ' && text.ptr[i] <= '~' ? text.ptr[i]
							     : '?');
}

/* False if it is no edit, or one that filter(5) does not have. */
static bool
take_edit(struct message *message, const struct wire_reply *reply)
{
	switch (reply->kind) {
	case WIRE_QUARANTINE:
		keep_reason(message, reply->text);
		break;
	case WIRE_ADD_HEADER:
		keep_field(message, reply, FILTER_ADD);
		break;
	case WIRE_INSERT_HEADER:
		keep_field(message, reply, FILTER_INSERT);
		break;
	case WIRE_CHANGE_HEADER:
		keep_field(message, reply,
		    reply->value.len == 0 ? FILTER_DELETE : FILTER_CHANGE);
		break;
	case WIRE_ADD_RCPT:
		keep_address(message, reply->text, FILTER_ADD_RECIPIENT);
		break;
	case WIRE_DELETE_RCPT:
		keep_address(message, reply->text, FILTER_DELETE_RECIPIENT);
		break;
	case WIRE_CHANGE_SENDER:
		keep_address(message, reply->text, FILTER_SENDER);
		break;
	case WIRE_REPLACE_BODY:
		return pass_body(message, reply->text);
	case WIRE_CONTINUE:
	case WIRE_ACCEPT:
	case WIRE_REJECT:
	case WIRE_TEMPFAIL:
	case WIRE_DISCARD:
	case WIRE_SHUTDOWN:
	case WIRE_REPLY:
	case WIRE_SKIP_REST:
	case WIRE_PROGRESS:
		break;
	}
	return !message->edits.is_bad;
}

static bool
is_edit(enum wire_kind kind)
{
	return kind >= WIRE_QUARANTINE;
}

/* Nothing of a body that broke off may be taken for a whole one. */
static bool
fail_in_end(struct message *message)
{
	struct milter_verdict *verdict = message->verdict;

	if (!message->has_body)
		return milter_default_verdict(message->milter, verdict);
	verdict->verdict = FILTER_DEFER;
	buf_clear(&verdict->text);
	buf_add_string(&verdict->text,
	    "451 4.7.1 a milter failed while it changed the message");
	return false;
}

static bool
await_end(struct message *message)
{
	struct milter *milter = message->milter;
	struct wire_reply reply;

	do {
		if (!milter_receive(
			milter, milter->settings->timeout_message_ms, &reply))
			break;
		if (is_edit(reply.kind) && !take_edit(message, &reply))
			milter_fail(milter, "an edit that makes no sense");
	} while (is_edit(reply.kind) && milter->state != MILTER_FAILED);
	end_body(message);
	if (milter->state == MILTER_FAILED)
		return fail_in_end(message);
	if (!milter_judge(milter, &reply, message->verdict))
		return false;
	if (milter->state == MILTER_FAILED ||
	    !edits_send(&message->edits, message->session))
		return fail_in_end(message);
	return true;
}

static bool
send_end(struct message *message)
{
	struct milter *milter = message->milter;
	struct milter_verdict *verdict = message->verdict;

	if (milter->state != MILTER_TALKING)
		return true;
	milter_send_macros(milter, WIRE_END, message->facts);
	milter_send(milter, WIRE_END, (struct span){ "", 0 });
	if (!await_end(message))
		return false;
	if (!message->is_quarantined)
		return true;
	verdict->verdict = FILTER_QUARANTINE;
	buf_clear(&verdict->text);
	buf_add(&verdict->text, buf_span(&message->reason));
	return false;
}

/* ---- all of it ---- */

static bool
run(struct message *message)
{
	struct milter *milter = message->milter;

	if (milter->options.version >= 4 &&
	    !send_event(message, WIRE_DATA, WIRE_NO_DATA, WIRE_MUTE_DATA))
		return false;
	if (!read_header(message)) {
		milter_fail(milter, "a header that is too big for it");
		return milter_default_verdict(milter, message->verdict);
	}
	if (!send_header(message) ||
	    !send_event(message, WIRE_END_OF_HEADER, WIRE_NO_END_OF_HEADER,
		WIRE_MUTE_END_OF_HEADER) ||
	    !send_body(message))
		return false;
	if (milter->state == MILTER_TALKING &&
	    message->size != message->facts->size)
		milter_fail(milter, "the message was not whole");
	if (milter->state == MILTER_FAILED)
		return milter_default_verdict(milter, message->verdict);
	return send_end(message);
}

bool
milter_message(struct milter *milter, int session, int pipe,
    const struct facts *facts, struct milter_verdict *verdict)
{
	static struct reader in; /* large: untouched pages cost nothing */
	struct message message = { .milter = milter,
		.facts = facts,
		.verdict = verdict,
		.session = session,
		.in = &in,
		.header = buf_new(MESSAGE_HEADER_MAX),
		.chunk = buf_new(WIRE_CHUNK_MAX),
		.edits = edits_new(),
		.reason = buf_new(FILTER_REPLY_MAX) };

	if (milter->state == MILTER_FAILED)
		return milter_default_verdict(milter, verdict);
	if (milter->state != MILTER_TALKING)
		return true;
	fd_set_nonblocking(pipe);
	reader_init(&in, pipe, milter->settings->timeout_message_ms);
	bool goes_on = run(&message);
	end_body(&message);
	buf_free(&message.header);
	buf_free(&message.chunk);
	edits_free(&message.edits);
	buf_free(&message.reason);
	return goes_on;
}
