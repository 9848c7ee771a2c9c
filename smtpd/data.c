/*
 * data - the message: RFC 5321 sections 4.1.1.4 and 4.5.2.
 *
 * Only CRLF "." CRLF ends it.  A bare CR or LF anywhere, or a NUL, and the
 * message is read to that end and then refused: what another host would have
 * taken for a second message (SMTP smuggling) never becomes one here.
 */

#include <errno.h>
#include <string.h>

#include "base/die.h"
#include "mail/date.h"
#include "mail/header.h"
#include "queue/envelope.h"
#include "smtpd/session.h"
#include "smtpd/submit.h"

enum {
	SCRATCH_TIMEOUT_MS = 30 * 1000,
	HEADER_EDITED_MAX = 2 * HEADER_MAX
};

struct data {
	struct session *session;
	struct queue_id id;
	struct buf envelope;
	struct submission submission;
	struct draft draft; /* the message, if filters are to judge it */
	bool is_judged;     /* they are */
	struct buf carry;   /* a line whose end has not been read */
	uint64_t size;
	uint64_t header_size;
	uint64_t hops;
	struct buf message_id; /* for the log; empty if there is none */
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

static void
pass_line(struct data *data, struct span line)
{
	uint64_t limit = data->session->settings->size_max;

	data->size += line.len + 2;
	if (limit > 0 && data->size > limit)
		refuse(data, "552 5.3.4 the message is too big");
	if (!data->is_body)
		look_at_header(data, line);
	if (data->refusal != NULL)
		return;
	if (data->is_judged) {
		draft_add_line(&data->draft, line);
		return;
	}
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

/* RFC 5321 section 4.4, with the words of RFC 3848 and RFC 6531. */
static void
add_received(struct data *data)
{
	struct session *session = data->session;
	const struct peer *peer = session->peer;
	struct buf field = buf_new(4096);
	bool is_ipv6 = strchr(peer->text, ':') != NULL;

	buf_add_string(&field, "Received: from ");
	buf_add(&field, buf_span(&session->helo));
	buf_printf(
	    &field, " ([%s%s])\n\tby ", is_ipv6 ? "IPv6:" : "", peer->text);
	buf_add(&field, buf_span(&session->settings->me));
	buf_printf(&field, " with %s id %s",
	    session->needs_utf8 ? "UTF8SMTP"
	    : session->is_esmtp ? "ESMTP"
				: "SMTP",
	    data->id.text);
	if (session->only_recipient.len > 0) {
		buf_add_string(&field, "\n\tfor <");
		buf_add(&field, buf_span(&session->only_recipient));
		buf_add_char(&field, '>');
	}
	buf_add_string(&field, ";\n\t");
	date_add(&field, (int64_t)(queue_id_time_us(&data->id) / 1000000));
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
begin_submission(struct data *data)
{
	data->envelope = make_envelope(data->session);
	submit_init(&data->submission, &data->id, data->session->inject,
	    buf_span(&data->envelope));
	add_received(data);
}

static void
abort_submission(struct data *data)
{
	if (data->is_judged)
		draft_free(&data->draft);
	else
		submit_abort(&data->submission);
}

static void
tell_refusal(struct data *data)
{
	struct session *session = data->session;

	log_event("refused client=%s from=<%.*s> reply=%s", session->peer->text,
	    (int)session->sender.len,
	    session->sender.len == 0 ? "" : session->sender.data,
	    data->refusal);
	reply_error(session, data->refusal);
}

/* ---- the message before the filters ---- */

static int
open_scratch(void *context)
{
	const struct session *session = context;

	return inject_scratch(session->inject, SCRATCH_TIMEOUT_MS);
}

static void
begin_draft(struct data *data)
{
	draft_init(
	    &data->draft, HEADER_EDITED_MAX, data->session->settings->size_max);
	data->draft.open_scratch = open_scratch;
	data->draft.context = data->session;
}

static bool
submit_part(void *context, struct span bytes)
{
	struct submission *submission = context;

	submit_add(submission, bytes);
	return !submission->has_failed;
}

static void
tell_accepted(struct data *data)
{
	struct session *session = data->session;

	session->messages++;
	write_string(&session->out, "250 2.0.0 accepted ");
	reply(session, data->id.text);
}

/*
 * Show it to the filters.  True if the submission has it now; false if the
 * client has its reply, and nothing is to be kept.
 */
static bool
judge_draft(struct data *data)
{
	struct session *session = data->session;

	if (!draft_finish(&data->draft)) {
		errno = data->draft.error;
		warn_errno("%s not kept", data->id.text);
		reply(session, data->draft.error == ENOSPC
				   ? "452 4.3.1 the queue's disk is full"
				   : "451 4.3.0 not kept: try again later");
		return false;
	}
	if (!filter_message(session, &data->draft, &data->id))
		return false;
	if (session->filtering.is_discarded) {
		log_event("%s discarded client=%s from=<%.*s>", data->id.text,
		    session->peer->text, (int)session->sender.len,
		    session->sender.len == 0 ? "" : session->sender.data);
		tell_accepted(data);
		return false;
	}
	begin_submission(data);
	if (!draft_read(&data->draft, submit_part, &data->submission))
		data->submission.has_failed = true;
	return true;
}

static void
finish(struct data *data)
{
	struct session *session = data->session;
	struct buf text = buf_new(1024);
	const char *id = data->id.text;

	switch (submit_finish(&data->submission, &text)) {
	case INJECT_KEPT:
		log_event("%s accepted client=%s helo=%.*s from=<%.*s> "
			  "recipients=%llu bytes=%llu message-id=%.*s",
		    id, session->peer->text, (int)session->helo.len,
		    session->helo.data, (int)session->sender.len,
		    session->sender.len == 0 ? "" : session->sender.data,
		    (unsigned long long)session->recipient_count,
		    (unsigned long long)data->size, (int)data->message_id.len,
		    data->message_id.len == 0 ? "" : data->message_id.data);
		tell_accepted(data);
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

/* The message has come to its end. */
static void
conclude(struct data *data)
{
	if (data->refusal != NULL) {
		abort_submission(data);
		tell_refusal(data);
		return;
	}
	if (data->is_judged) {
		bool is_kept = judge_draft(data);

		draft_free(&data->draft);
		if (!is_kept)
			return;
	}
	finish(data);
}

void
handle_data(struct session *session, struct span argument)
{
	struct data data = { .session = session,
		.is_judged = filter_is_wanted(session),
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
	reply(session, "354 send the message, end it with a line of one dot");
	data.id = queue_id_make();
	if (data.is_judged)
		begin_draft(&data);
	else
		begin_submission(&data);
	if (receive(&data)) {
		conclude(&data);
	} else {
		abort_submission(&data);
		session->is_done = true;
		if (session->in.status == IO_TIMEOUT)
			reply(session, "421 4.4.2 too slow: closing");
	}
	buf_free(&data.carry);
	buf_free(&data.message_id);
	buf_free(&data.envelope);
	session_reset(session);
}
