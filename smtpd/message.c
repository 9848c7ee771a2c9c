/*
 * message - what DATA and BDAT share: the envelope, the checks, the verdict.
 */

#include "smtpd/message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/die.h"
#include "mail/header.h"
#include "queue/envelope.h"
#include "smtpd/received.h"
#include "smtpd/session.h"

enum {
	SCRATCH_TIMEOUT_MS = 30 * 1000,
	HEADER_EDITED_MAX = 2 * HEADER_MAX
};

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

/* ---- what the submission service adds, and leaves out ---- */

/* A line that is kept: to the filters first, or to the queue. */
static void
put_line(struct message *message, struct span line)
{
	if (message->is_judged) {
		draft_add_line(&message->draft, line);
		return;
	}
	submit_add(&message->submission, line);
	submit_add(&message->submission, (struct span){ "\n", 1 });
}

/* Whole lines of the header that are ours, as this message's own go. */
static void
add_fields(struct message *message, struct span fields)
{
	while (fields.len > 0) {
		struct span line = span_cut(&fields, '\n');

		if (message->is_binary)
			transfer_add(&message->transfer, line, TRANSFER_CRLF);
		else
			put_line(message, line);
	}
}

/* What a user's message lacks, where its header ends. */
static void
complete(struct message *message)
{
	const struct session *session = message->session;
	struct buf fields = buf_new(4096);
	const struct completion_facts facts = { .me = buf_span(
						    &session->settings->me),
		.id = span_of(message->id.text),
		.from = session->sender.len > 0 ? buf_span(&session->sender)
						: buf_span(&session->user),
		.now_s = (int64_t)(queue_id_time_us(&message->id) / 1000000) };

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
		message_look_at_header(message, line);
	if (message->refusal != NULL || is_left_out(message, line))
		return;
	put_line(message, line);
}

/* ---- BODY=BINARYMIME: RFC 3030 section 3 ---- */

/* Text by now, in pieces that are no lines. */
static void
pass_on(void *context, struct span bytes)
{
	struct message *message = context;
	struct buf *line = &message->converted;

	if (message->refusal != NULL)
		return;
	if (!message->is_judged) {
		submit_add(&message->submission, bytes);
		return;
	}
	while (bytes.len > 0) {
		size_t len = span_index(bytes, '\n');
		bool is_whole = len < bytes.len;

		buf_add(line, span_cut(&bytes, '\n'));
		if (!is_whole)
			break;
		draft_add_line(&message->draft, buf_span(line));
		buf_clear(line);
	}
	if (line->overflow)
		message_refuse(
		    message, "554 5.6.0 a line of the message is too long");
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
		message_look_at_header(message, piece);
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

static void
begin_submission(struct message *message)
{
	make_envelope(message);
	submit_init(&message->submission, &message->id,
	    message->session->neighbours.inject, buf_span(&message->envelope));
	received_add(&message->submission, message->session, &message->id);
}

static int
open_scratch(void *context)
{
	const struct session *session = context;

	return inject_scratch(session->neighbours.inject, SCRATCH_TIMEOUT_MS);
}

static void
begin_draft(struct message *message)
{
	draft_init(&message->draft, HEADER_EDITED_MAX,
	    message->session->settings->size_max);
	message->draft.open_scratch = open_scratch;
	message->draft.context = message->session;
}

void
message_begin(struct message *message, struct session *session)
{
	*message = (struct message){ .session = session,
		.id = queue_id_make(),
		.envelope = buf_new(ENVELOPE_MAX),
		.message_id = buf_new(MESSAGE_ID_MAX),
		.converted = buf_new(DATA_LINE_MAX),
		.is_judged = filter_is_wanted(session),
		.is_binary = session->is_binary };
	lines_init(&message->lines);
	transfer_init(
	    &message->transfer, TRANSFER_FROM_BINARY, pass_on, message);
	if (message->is_judged)
		begin_draft(message);
	else
		begin_submission(message);
}

/* ---- the end ---- */

static void
free_message(struct message *message)
{
	lines_free(&message->lines);
	transfer_free(&message->transfer);
	buf_free(&message->message_id);
	buf_free(&message->converted);
	buf_free(&message->envelope);
}

static void
abort_submission(struct message *message)
{
	if (message->is_judged)
		draft_free(&message->draft);
	else
		submit_abort(&message->submission);
}

void
message_abort(struct message *message)
{
	abort_submission(message);
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
	    message->id.text, session->peer->text, (int)session->helo.len,
	    session->helo.data, session->user.len > 0 ? " user=" : "",
	    (int)session->user.len,
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
tell_accepted(struct message *message)
{
	char line[64];

	message->session->messages++;
	message->session->junk = 0;
	snprintf(line, sizeof(line), "250 2.0.0 accepted %s", message->id.text);
	reply_verdict(message->session, line);
}

/* ---- the message before the filters ---- */

static bool
submit_part(void *context, struct span bytes)
{
	struct submission *submission = context;

	submit_add(submission, bytes);
	return !submission->has_failed;
}

/*
 * Show it to the filters.  True if the submission has it now; false if the
 * client has its reply, and nothing is to be kept.
 */
static bool
judge_draft(struct message *message)
{
	struct session *session = message->session;
	struct draft *draft = &message->draft;

	if (!draft_finish(draft)) {
		errno = draft->error;
		warn_errno("%s not kept", message->id.text);
		reply_verdict(
		    session, draft->error == ENOSPC
				 ? "452 4.3.1 the queue's disk is full"
				 : "451 4.3.0 not kept: try again later");
		return false;
	}
	if (!filter_message(session, draft, &message->id))
		return false;
	if (session->filtering.is_discarded) {
		log_event("%s discarded client=%s from=<%.*s>",
		    message->id.text, session->peer->text,
		    (int)session->sender.len,
		    session->sender.len == 0 ? "" : session->sender.data);
		tell_accepted(message);
		return false;
	}
	begin_submission(message);
	if (!draft_read(draft, submit_part, &message->submission))
		message->submission.has_failed = true;
	return true;
}

/* ---- the verdict ---- */

static void
commit(struct message *message)
{
	struct session *session = message->session;
	struct buf text = buf_new(1024);
	const char *id = message->id.text;

	switch (submit_finish(&message->submission, &text)) {
	case INJECT_KEPT:
		tell_accepted(message); /* first: who waits is its client */
		log_accepted(message);
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

static void
tell_refusal(struct message *message)
{
	struct session *session = message->session;

	log_event("refused client=%s from=<%.*s> reply=%s", session->peer->text,
	    (int)session->sender.len,
	    session->sender.len == 0 ? "" : session->sender.data,
	    message->refusal);
	reply_refusal(session, message->refusal);
}

static void
keep(struct message *message)
{
	bool is_kept = true;

	/* A text that is a header to its end. */
	if (!message->is_binary && !message->completion.is_ended &&
	    message->session->settings->is_submission)
		complete(message);
	if (message->is_judged) {
		is_kept = judge_draft(message);
		draft_free(&message->draft);
	}
	if (is_kept)
		commit(message);
}

void
message_finish(struct message *message)
{
	if (message->refusal == NULL) {
		keep(message);
	} else {
		abort_submission(message);
		tell_refusal(message);
	}
	free_message(message);
}
