/*
 * message - what DATA and BDAT share: the envelope, the checks, the verdict.
 */

#include "smtpd/message.h"

#include <stdio.h>
#include <string.h>

#include "base/die.h"
#include "mail/date.h"
#include "mail/header.h"
#include "queue/envelope.h"
#include "smtpd/session.h"

void
message_refuse(struct message *message, const char *reply)
{
	if (message->refusal == NULL)
		message->refusal = reply;
}

void
message_count(struct message *message, uint64_t bytes)
{
	uint64_t limit = message->session->settings->size_max;

	if (limit == 0)
		limit = INT64_MAX;
	if (bytes > limit || message->size > limit - bytes) {
		message_refuse(message, "552 5.3.4 the message is too big");
		return;
	}
	message->size += bytes;
}

/* ---- lines ---- */

/* Hops and size of the header, RFC 5321 section 6.3. */
static void
look_at_header(struct message *message, struct span line)
{
	const struct settings *settings = message->session->settings;

	if (line.len == 0) {
		message->is_body = true;
		return;
	}
	message->header_size += line.len + 1;
	if (span_starts_nocase(line, span_of("Message-ID:")) &&
	    message->message_id.len == 0)
		header_add_message_id(
		    &message->message_id, span_slice(line, 11, line.len));
	if (message->header_size > HEADER_MAX)
		message_refuse(
		    message, "552 5.3.4 the message's header is too big");
	if ((span_starts_nocase(line, span_of("Received:")) ||
		span_starts_nocase(line, span_of("Delivered-To:"))) &&
	    ++message->hops > settings->hops_max)
		message_refuse(
		    message, "554 5.4.6 too many hops: this message loops");
}

/* ---- what the submission service adds, and leaves out ---- */

/* Whole lines of the header that are ours, in the way that this message goes.
 */
static void
add_fields(struct message *message, struct span fields)
{
	if (!message->is_binary) {
		submit_add(&message->submission, fields);
		return;
	}
	while (fields.len > 0)
		transfer_add(
		    &message->transfer, span_cut(&fields, '\n'), TRANSFER_CRLF);
}

/* What a user's message lacks, where its header ends. */
static void
complete(struct message *message)
{
	const struct session *session = message->session;
	struct buf fields = buf_new(4096);
	const struct completion_facts facts = { .me = buf_span(
						    &session->settings->me),
		.id = span_of(message->submission.id.text),
		.from = session->sender.len > 0 ? buf_span(&session->sender)
						: buf_span(&session->user),
		.now_s = (int64_t)(queue_id_time_us(&message->submission.id) /
				   1000000) };

	completion_add(&message->completion, &facts, &fields);
	if (!message->completion.has_id)
		buf_printf(&message->message_id, "<%s@%.*s>", facts.id.ptr,
		    (int)facts.me.len, facts.me.ptr);
	add_fields(message, buf_span(&fields));
	buf_free(&fields);
}

/* Is the line, of a user's message, to be left out? */
static bool
is_left_out(struct message *message, struct span line)
{
	if (!message->session->settings->is_submission ||
	    message->completion.is_ended)
		return false;
	switch (completion_take(&message->completion, line)) {
	case COMPLETION_KEEP:
		return false;
	case COMPLETION_DROP:
		return true;
	case COMPLETION_END:
		break;
	}
	complete(message);
	message->is_body = true;
	if (line.len > 0)
		add_fields(message, (struct span){ "\n", 1 });
	return false;
}

bool
message_check_line(struct message *message, struct span *line)
{
	bool is_crlf = line->len > 0 && line->ptr[line->len - 1] == '\r';

	if (is_crlf)
		line->len--;
	else
		message_refuse(
		    message, "554 5.6.0 a bare LF: lines end with CRLF");
	if (span_index(*line, '\r') < line->len)
		message_refuse(
		    message, "554 5.6.0 a bare CR: lines end with CRLF");
	if (span_index(*line, '\0') < line->len)
		message_refuse(message, "554 5.6.0 a NUL byte in the message");
	return is_crlf;
}

void
message_add_line(struct message *message, struct span line)
{
	if (message->lines.is_too_long)
		message_refuse(
		    message, "554 5.6.0 a line of the message is too long");
	if (!message->is_body)
		look_at_header(message, line);
	if (message->refusal != NULL || is_left_out(message, line))
		return;
	submit_add(&message->submission, line);
	submit_add(&message->submission, (struct span){ "\n", 1 });
}

/* ---- BODY=BINARYMIME: RFC 3030 section 3 ---- */

static void
pass_on(void *context, struct span bytes)
{
	struct message *message = context;

	if (message->refusal == NULL)
		submit_add(&message->submission, bytes);
}

static void
refuse_transfer(struct message *message)
{
	switch (message->transfer.status) {
	case TRANSFER_OK:
		return;
	case TRANSFER_UNCLEAN:
		message_refuse(message, "554 5.6.0 bytes that are no lines, in "
					"a part that is not called binary");
		return;
	case TRANSFER_HEADER:
		message_refuse(
		    message, "552 5.3.4 the message's header is too big");
		return;
	case TRANSFER_IMPOSSIBLE:
		message_refuse(message, "554 5.6.1 a signed or too deep binary "
					"part cannot be kept as lines");
	}
}

void
message_add_piece(
    struct message *message, struct span piece, enum transfer_end end)
{
	if (!message->is_body && message->transfer.line_len == 0 &&
	    end == TRANSFER_CRLF) {
		look_at_header(message, piece);
		if (is_left_out(message, piece))
			return;
	}
	transfer_add(&message->transfer, piece, end);
	refuse_transfer(message);
}

void
message_end_pieces(struct message *message, struct span last)
{
	transfer_finish(&message->transfer, last);
	refuse_transfer(message);
}

/* ---- the beginning ---- */

/* Who sent it, as control/hideclient lets it be seen. */
static void
add_from(const struct session *session, struct buf *field)
{
	const struct peer *peer = session->peer;
	bool is_ipv6 = strchr(peer->text, ':') != NULL;

	buf_add_string(field, "Received: from ");
	if (session->settings->hides_client && session->user.len > 0) {
		buf_add_string(field, "localhost");
		return;
	}
	buf_add(field, buf_span(&session->helo));
	buf_printf(field, " ([%s%s])", is_ipv6 ? "IPv6:" : "", peer->text);
}

/* The word after "with": RFC 3848, RFC 6531 section 4.3. */
static void
add_protocol(const struct session *session, struct buf *field)
{
	bool is_lmtp = session->settings->is_lmtp;

	if (session->needs_utf8)
		buf_add_string(field, "UTF8");
	else if (session->is_esmtp && !is_lmtp)
		buf_add_string(field, "E");
	buf_add_string(field, is_lmtp ? "LMTP" : "SMTP");
	if (session->is_esmtp && session->is_tls)
		buf_add_char(field, 'S');
	if (session->is_esmtp && session->user.len > 0)
		buf_add_char(field, 'A');
}

/* RFC 5321 section 4.4. */
static void
add_received(struct message *message)
{
	struct session *session = message->session;
	struct buf field = buf_new(4096);

	add_from(session, &field);
	buf_add_string(&field, "\n\tby ");
	buf_add(&field, buf_span(&session->settings->me));
	buf_add_string(&field, " with ");
	add_protocol(session, &field);
	buf_printf(&field, " id %s", message->submission.id.text);
	if (session->only_recipient.len > 0) {
		buf_add_string(&field, "\n\tfor <");
		buf_add(&field, buf_span(&session->only_recipient));
		buf_add_char(&field, '>');
	}
	if (session->is_tls) /* RFC 8314 section 4.3 */
		buf_printf(&field, "\n\ttls %s", session->tls.cipher);
	buf_add_string(&field, ";\n\t");
	date_add(&field,
	    (int64_t)(queue_id_time_us(&message->submission.id) / 1000000));
	buf_add_char(&field, '\n');
	submit_add(&message->submission, buf_span(&field));
	buf_free(&field);
}

static void
make_envelope(struct message *message)
{
	const struct session *session = message->session;
	struct buf *envelope = &message->envelope;

	envelope_add_sender(envelope, buf_span(&session->sender));
	buf_add(envelope, buf_span(&session->records));
	record_add_string(envelope, 'C', session->peer->text);
	if (session->user.len > 0)
		record_add(envelope, 'A', buf_span(&session->user));
	buf_add(envelope, buf_span(&session->recipients));
	envelope_end(envelope);
}

void
message_begin(struct message *message, struct session *session)
{
	struct queue_id id = queue_id_make();

	*message = (struct message){ .session = session,
		.envelope = buf_new(ENVELOPE_MAX),
		.message_id = buf_new(MESSAGE_ID_MAX),
		.is_binary = session->is_binary };
	lines_init(&message->lines);
	transfer_init(
	    &message->transfer, TRANSFER_FROM_BINARY, pass_on, message);
	make_envelope(message);
	submit_init(&message->submission, &id, session->neighbours.inject,
	    buf_span(&message->envelope));
	add_received(message);
}

/* ---- the end ---- */

static void
free_message(struct message *message)
{
	lines_free(&message->lines);
	transfer_free(&message->transfer);
	buf_free(&message->message_id);
	buf_free(&message->envelope);
}

void
message_abort(struct message *message)
{
	submit_abort(&message->submission);
	free_message(message);
}

/* The injector's own words, where they begin with their code (inject(5)). */
static void
reply_later(struct session *session, struct span text)
{
	struct buf line = buf_new(1024);

	if (span_starts(text, span_of("4.3.1 "))) /* RFC 5321 section 4.2.3 */
		buf_add_string(&line, "452 ");
	else
		buf_add_string(&line, "451 ");
	if (!span_starts(text, span_of("4.")))
		buf_add_string(&line, "4.3.0 not kept: try again later");
	else
		buf_add(&line, text);
	const char *whole = buf_string(&line);
	reply_verdict(session, whole == NULL ? "451 4.3.0 not kept" : whole);
	buf_free(&line);
}

static void
log_accepted(const struct message *message)
{
	const struct session *session = message->session;

	log_event("%s accepted client=%s helo=%.*s%s%.*s from=<%.*s> "
		  "recipients=%llu bytes=%llu tls=%s message-id=%.*s%.*s",
	    message->submission.id.text, session->peer->text,
	    (int)session->helo.len, session->helo.data,
	    session->user.len > 0 ? " user=" : "", (int)session->user.len,
	    session->user.len == 0 ? "" : session->user.data,
	    (int)session->sender.len,
	    session->sender.len == 0 ? "" : session->sender.data,
	    (unsigned long long)session->recipient_count,
	    (unsigned long long)message->size,
	    session->is_tls ? session->tls.protocol : "no",
	    (int)message->message_id.len,
	    message->message_id.len == 0 ? "" : message->message_id.data,
	    (int)session->forwarded.len,
	    session->forwarded.len == 0 ? "" : session->forwarded.data);
}

static void
commit(struct message *message)
{
	struct session *session = message->session;
	struct buf text = buf_new(1024);
	const char *id = message->submission.id.text;
	char line[64];

	switch (submit_finish(&message->submission, &text)) {
	case INJECT_KEPT:
		session->messages++;
		log_accepted(message);
		snprintf(line, sizeof(line), "250 2.0.0 accepted %s", id);
		reply_verdict(session, line);
		break;
	case INJECT_REFUSED:
		reply_refusal(session, "554 5.3.0 the queue refuses it");
		log_event("%s refused text=%.*s", id, (int)text.len, text.data);
		break;
	case INJECT_EXISTS:
	case INJECT_LATER:
		reply_later(session, buf_span(&text));
		log_event("%s not kept text=%.*s", id, (int)text.len,
		    text.len == 0 ? "" : text.data);
		break;
	}
	buf_free(&text);
}

void
message_finish(struct message *message)
{
	struct session *session = message->session;

	if (message->refusal == NULL) {
		/* A text that is a header to its end. */
		if (!message->is_binary && session->settings->is_submission &&
		    !message->completion.is_ended)
			complete(message);
		commit(message);
	} else {
		submit_abort(&message->submission);
		log_event("refused client=%s from=<%.*s> reply=%s",
		    session->peer->text, (int)session->sender.len,
		    session->sender.len == 0 ? "" : session->sender.data,
		    message->refusal);
		reply_refusal(session, message->refusal);
	}
	free_message(message);
}
