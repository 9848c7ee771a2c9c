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
	if (message->refusal != NULL)
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
	    end == TRANSFER_CRLF)
		look_at_header(message, piece);
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

/* RFC 5321 section 4.4, with the words of RFC 3848 and RFC 6531. */
static void
add_received(struct message *message)
{
	struct session *session = message->session;
	const struct peer *peer = session->peer;
	struct buf field = buf_new(4096);
	bool is_ipv6 = strchr(peer->text, ':') != NULL;

	buf_add_string(&field, "Received: from ");
	buf_add(&field, buf_span(&session->helo));
	buf_printf(
	    &field, " ([%s%s])\n\tby ", is_ipv6 ? "IPv6:" : "", peer->text);
	buf_add(&field, buf_span(&session->settings->me));
	buf_printf(&field, " with %s id %s",
	    session->settings->is_lmtp
		? session->needs_utf8 ? "UTF8LMTP" : "LMTP"
	    : session->needs_utf8 ? "UTF8SMTP"
	    : session->is_esmtp   ? "ESMTP"
				  : "SMTP",
	    message->submission.id.text);
	if (session->only_recipient.len > 0) {
		buf_add_string(&field, "\n\tfor <");
		buf_add(&field, buf_span(&session->only_recipient));
		buf_add_char(&field, '>');
	}
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
	submit_init(&message->submission, &id, session->inject,
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

	log_event("%s accepted client=%s helo=%.*s from=<%.*s> "
		  "recipients=%llu bytes=%llu message-id=%.*s%.*s",
	    message->submission.id.text, session->peer->text,
	    (int)session->helo.len, session->helo.data,
	    (int)session->sender.len,
	    session->sender.len == 0 ? "" : session->sender.data,
	    (unsigned long long)session->recipient_count,
	    (unsigned long long)message->size, (int)message->message_id.len,
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
