/*
 * data - the message: RFC 5321 sections 4.1.1.4 and 4.5.2.
 *
 * Only CRLF "." CRLF ends it.  A bare CR or LF anywhere, or a NUL, and the
 * message is read to that end and then refused: what another host would have
 * taken for a second message (SMTP smuggling) never becomes one here.
 */

#include <string.h>

#include "base/die.h"
#include "mail/date.h"
#include "mail/header.h"
#include "queue/envelope.h"
#include "smtpd/complete.h"
#include "smtpd/session.h"
#include "smtpd/submit.h"

struct data {
	struct session *session;
	struct submission submission;
	struct buf carry; /* a line whose end has not been read */
	uint64_t size;
	uint64_t header_size;
	uint64_t hops;
	struct buf message_id; /* for the log; empty if there is none */
	struct completion completion;
	bool is_body;
	bool is_ended;
	bool was_crlf;       /* the line before ended with CRLF */
	const char *refusal; /* the first reason found, or NULL */
};

static void
refuse(struct data *data, const char *text)
{
	if (data->refusal == NULL)
		data->refusal = text;
}

/* Hops and size of the header, RFC 5321 section 6.3. */
static void
look_at_header(struct data *data, struct span line)
{
	const struct settings *settings = data->session->settings;

	if (line.len == 0) {
		data->is_body = true;
		return;
	}
	data->header_size += line.len + 1;
	if (span_starts_nocase(line, span_of("Message-ID:")) &&
	    data->message_id.len == 0)
		header_add_message_id(
		    &data->message_id, span_slice(line, 11, line.len));
	if (data->header_size > HEADER_MAX)
		refuse(data, "552 5.3.4 the message's header is too big");
	if ((span_starts_nocase(line, span_of("Received:")) ||
		span_starts_nocase(line, span_of("Delivered-To:"))) &&
	    ++data->hops > settings->hops_max)
		refuse(data, "554 5.4.6 too many hops: this message loops");
}

/* What a user's message lacks, where its header ends. */
static void
complete(struct data *data)
{
	const struct session *session = data->session;
	struct buf fields = buf_new(4096);
	const struct completion_facts facts = {
		.me = buf_span(&session->settings->me),
		.id = span_of(data->submission.id.text),
		.from = session->sender.len > 0 ? buf_span(&session->sender)
						: buf_span(&session->user),
		.now_s =
		    (int64_t)(queue_id_time_us(&data->submission.id) / 1000000)
	};

	completion_add(&data->completion, &facts, &fields);
	if (!data->completion.has_id)
		buf_printf(&data->message_id, "<%s@%.*s>", facts.id.ptr,
		    (int)facts.me.len, facts.me.ptr);
	submit_add(&data->submission, buf_span(&fields));
	buf_free(&fields);
}

/* Is the line, of a user's message, to be left out? */
static bool
is_left_out(struct data *data, struct span line)
{
	if (!data->session->settings->is_submission ||
	    data->completion.is_ended)
		return false;
	switch (completion_take(&data->completion, line)) {
	case COMPLETION_KEEP:
		return false;
	case COMPLETION_DROP:
		return true;
	case COMPLETION_END:
		break;
	}
	complete(data);
	data->is_body = true;
	if (line.len > 0)
		submit_add(&data->submission, (struct span){ "\n", 1 });
	return false;
}

static void
pass_line(struct data *data, struct span line)
{
	uint64_t limit = data->session->settings->size_max;

	data->size += line.len + 2;
	if (limit > 0 && data->size > limit)
		refuse(data, "552 5.3.4 the message is too big");
	if (!data->is_body)
		look_at_header(data, line);
	if (data->refusal != NULL || is_left_out(data, line))
		return;
	submit_add(&data->submission, line);
	submit_add(&data->submission, (struct span){ "\n", 1 });
}

/* A line with its LF taken off. */
static void
take_line(struct data *data, struct span line)
{
	bool is_crlf = line.len > 0 && line.ptr[line.len - 1] == '\r';

	if (is_crlf)
		line.len--;
	else
		refuse(data, "554 5.6.0 a bare LF: lines end with CRLF");
	if (is_crlf && data->was_crlf && span_equal(line, span_of("."))) {
		data->is_ended = true;
		return;
	}
	data->was_crlf = is_crlf;
	if (span_index(line, '\r') < line.len)
		refuse(data, "554 5.6.0 a bare CR: lines end with CRLF");
	if (span_index(line, '\0') < line.len)
		refuse(data, "554 5.6.0 a NUL byte in the message");
	if (line.len > 0 && line.ptr[0] == '.')
		line = span_slice(line, 1, line.len);
	pass_line(data, line);
}

static void
take_part(struct data *data, struct span part)
{
	if (data->carry.len + part.len > DATA_LINE_MAX) {
		refuse(data, "554 5.6.0 a line of the message is too long");
		/* Keep what the end is recognised by: the last byte. */
		char last = part.len > 0 ? part.ptr[part.len - 1] : ' ';

		buf_clear(&data->carry);
		buf_add_string(&data->carry, "xx");
		buf_add_char(&data->carry, last);
		return;
	}
	buf_add(&data->carry, part);
}

/* Use the lines that are whole; returns how many bytes were used. */
static size_t
take_bytes(struct data *data, struct span bytes)
{
	size_t used = 0;

	while (!data->is_ended && used < bytes.len) {
		struct span rest = span_slice(bytes, used, bytes.len);
		size_t len = span_index(rest, '\n');
		struct span part = span_slice(rest, 0, len);

		if (len == rest.len) {
			take_part(data, part);
			return bytes.len;
		}
		used += len + 1;
		if (data->carry.len == 0 && len <= DATA_LINE_MAX) {
			take_line(data, part);
			continue;
		}
		take_part(data, part);
		take_line(data, buf_span(&data->carry));
		buf_clear(&data->carry);
	}
	return used;
}

static bool
receive(struct data *data)
{
	struct reader *in = &data->session->in;
	struct span bytes;

	while (!data->is_ended) {
		if (reader_peek(in, &bytes) != IO_OK)
			return false;
		reader_consume(in, take_bytes(data, bytes));
	}
	return true;
}

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

/* RFC 5321 section 4.4, with the words of RFC 3848 and RFC 6531. */
static void
add_received(struct data *data)
{
	struct session *session = data->session;
	struct buf field = buf_new(4096);

	add_from(session, &field);
	buf_add_string(&field, "\n\tby ");
	buf_add(&field, buf_span(&session->settings->me));
	buf_printf(&field, " with %s%s%s id %s",
	    session->needs_utf8 ? "UTF8SMTP"
	    : session->is_esmtp ? "ESMTP"
				: "SMTP",
	    session->is_esmtp && session->is_tls ? "S" : "",
	    session->user.len > 0 ? "A" : "", data->submission.id.text);
	if (session->only_recipient.len > 0) {
		buf_add_string(&field, "\n\tfor <");
		buf_add(&field, buf_span(&session->only_recipient));
		buf_add_char(&field, '>');
	}
	if (session->is_tls) /* RFC 8314 section 4.3 */
		buf_printf(&field, "\n\ttls %s", session->tls.cipher);
	buf_add_string(&field, ";\n\t");
	date_add(&field,
	    (int64_t)(queue_id_time_us(&data->submission.id) / 1000000));
	buf_add_char(&field, '\n');
	submit_add(&data->submission, buf_span(&field));
	buf_free(&field);
}

static struct buf
make_envelope(const struct session *session)
{
	struct buf envelope = buf_new(ENVELOPE_MAX);

	envelope_add_sender(&envelope, buf_span(&session->sender));
	if (session->is_8bit)
		record_add_string(&envelope, 'B', "8");
	if (session->needs_utf8)
		record_add_string(&envelope, 'U', "1");
	record_add_string(&envelope, 'C', session->peer->text);
	if (session->user.len > 0)
		record_add(&envelope, 'A', buf_span(&session->user));
	buf_add(&envelope, buf_span(&session->recipients));
	envelope_end(&envelope);
	return envelope;
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
	reply(session, whole == NULL ? "451 4.3.0 not kept" : whole);
	buf_free(&line);
}

static void
finish(struct data *data)
{
	struct session *session = data->session;
	struct buf text = buf_new(1024);
	const char *id = data->submission.id.text;

	if (data->refusal != NULL) {
		submit_abort(&data->submission);
		log_event("refused client=%s from=<%.*s> reply=%s",
		    session->peer->text, (int)session->sender.len,
		    session->sender.len == 0 ? "" : session->sender.data,
		    data->refusal);
		reply_error(session, data->refusal);
		return;
	}
	switch (submit_finish(&data->submission, &text)) {
	case INJECT_KEPT:
		session->messages++;
		log_event("%s accepted client=%s helo=%.*s%s%.*s from=<%.*s> "
			  "recipients=%llu bytes=%llu tls=%s message-id=%.*s",
		    id, session->peer->text, (int)session->helo.len,
		    session->helo.data, session->user.len > 0 ? " user=" : "",
		    (int)session->user.len,
		    session->user.len == 0 ? "" : session->user.data,
		    (int)session->sender.len,
		    session->sender.len == 0 ? "" : session->sender.data,
		    (unsigned long long)session->recipient_count,
		    (unsigned long long)data->size,
		    session->is_tls ? session->tls.protocol : "no",
		    (int)data->message_id.len,
		    data->message_id.len == 0 ? "" : data->message_id.data);
		write_string(&session->out, "250 2.0.0 accepted ");
		reply(session, id);
		break;
	case INJECT_REFUSED:
		reply_error(session, "554 5.3.0 the queue refuses it");
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
handle_data(struct session *session, struct span argument)
{
	struct data data = { .session = session,
		.carry = buf_new(DATA_LINE_MAX + 8),
		.message_id = buf_new(MESSAGE_ID_MAX),
		.was_crlf = true };

	(void)argument;
	if (session->recipient_count == 0) {
		reply_error(session,
		    session->has_sender
			? "554 5.5.1 no recipient was accepted: say RCPT"
			: "503 5.5.1 say MAIL and RCPT first");
		return;
	}
	if (!policy_may_send_now(session))
		return;
	reply(session, "354 send the message, end it with a line of one dot");
	struct queue_id id = queue_id_make();
	struct buf envelope = make_envelope(session);
	submit_init(&data.submission, &id, session->neighbours.inject,
	    buf_span(&envelope));
	add_received(&data);
	if (receive(&data)) {
		if (session->settings->is_submission &&
		    !data.completion.is_ended)
			complete(&data);
		finish(&data);
	} else {
		submit_abort(&data.submission);
		session->is_done = true;
		if (session->in.status == IO_TIMEOUT)
			reply(session, "421 4.4.2 too slow: closing");
	}
	buf_free(&data.carry);
	buf_free(&data.message_id);
	buf_free(&envelope);
	session_reset(session);
}
