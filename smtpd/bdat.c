/*
 * bdat - BDAT: RFC 3030.
 *
 * A chunk's size is its only end, so that nothing in it is taken for one: a
 * chunk that nobody wants is read to its last byte before it is refused.  Its
 * lines are held to what DATA's are, except in BODY=BINARYMIME's binary parts.
 */

#include <stdio.h>

#include "smtpd/session.h"

bool
bdat_parse(struct span argument, uint64_t *size, bool *is_last)
{
	struct span rest = span_trim(argument);
	struct span number = span_cut(&rest, ' ');

	rest = span_trim(rest);
	*is_last = span_equal_nocase(rest, span_of("LAST"));
	return (*is_last || rest.len == 0) &&
	       span_number(number, 10, INT64_MAX, size);
}

/* What is wrong with it now, or NULL; section 2, and 3 for the last. */
const char *
chunk_refusal(const struct session *session)
{
	if (session->bdat == BDAT_REFUSED)
		return "503 5.5.1 the message was refused: RSET";
	if (!session->has_sender)
		return "503 5.5.1 say MAIL and RCPT first";
	if (session->recipient_count == 0)
		return "554 5.5.1 no recipient was accepted: say RCPT";
	return NULL;
}

/* Text: whole lines; what is left waits for the next chunk. */
static void
take_text(struct message *message, struct span bytes)
{
	struct span line;

	while (lines_next(&message->lines, &bytes, &line)) {
		message_check_line(message, &line);
		message_add_line(message, line);
	}
}

/* Binary: a CR waits for what may be its LF, a short line for its end. */
static void
take_binary(struct message *message, struct span bytes)
{
	struct buf *carry = &message->lines.carry;

	while (bytes.len > 0) {
		size_t len = span_index(bytes, '\n');
		bool is_whole = len < bytes.len;

		if (len > TRANSFER_PIECE) {
			len = TRANSFER_PIECE;
			is_whole = false;
		}
		buf_add(carry, span_slice(bytes, 0, len));
		bytes = span_slice(bytes, len + is_whole, bytes.len);
		struct span line = buf_span(carry);
		bool has_cr = line.len > 0 && line.ptr[line.len - 1] == '\r';
		if (!is_whole && line.len <= TRANSFER_PIECE)
			continue;
		line.len -= has_cr;
		message_add_piece(message, line,
		    !is_whole ? TRANSFER_OPEN
		    : has_cr  ? TRANSFER_CRLF
			      : TRANSFER_LF);
		buf_clear(carry);
		if (!is_whole && has_cr)
			buf_add_char(carry, '\r');
	}
}

bool
chunk_receive(struct session *session, struct reader *in,
    struct message *message, uint64_t size)
{
	struct span bytes;

	while (size > 0) {
		if (reader_peek(in, &bytes) != IO_OK)
			return false;
		if (bytes.len > size)
			bytes.len = (size_t)size;
		if (message == NULL || message->refusal != NULL)
			;
		else if (message->is_binary)
			take_binary(message, bytes);
		else
			take_text(message, bytes);
		if (in == &session->in)
			pace_take(&session->pace, bytes.len);
		reader_consume(in, bytes.len);
		size -= bytes.len;
	}
	return true;
}

/* The last line may lack its end: it gets one. */
static void
finish(struct message *message)
{
	struct span rest = lines_rest(&message->lines);

	if (message->is_binary) {
		message_end_pieces(message, rest);
	} else if (rest.len > 0) {
		if (span_index(rest, '\r') < rest.len)
			message_refuse(message,
			    "554 5.6.0 a bare CR: lines end with CRLF");
		if (span_index(rest, '\0') < rest.len)
			message_refuse(
			    message, "554 5.6.0 a NUL byte in the message");
		message_add_line(message, rest);
	}
	message_finish(message);
}

static void
lose_client(struct session *session)
{
	bdat_end(session);
	session->is_done = true;
	if (session->in.status == IO_TIMEOUT)
		end_slow(session);
}

static void
reply_received(struct session *session, uint64_t size)
{
	char text[64];

	snprintf(text, sizeof(text), "250 2.0.0 %llu bytes received",
	    (unsigned long long)size);
	reply(session, text);
}

/* Refused: what still comes of it is read for nobody, until RSET or LAST. */
static void
refuse_chunk(struct session *session, const char *why, bool is_last)
{
	reply_error(session, why);
	bdat_end(session);
	session->bdat = session->has_sender ? BDAT_REFUSED : BDAT_NONE;
	if (is_last)
		session_reset(session);
}

void
bdat_end(struct session *session)
{
	if (session->bdat == BDAT_OPEN)
		message_abort(&session->message);
	session->bdat = BDAT_NONE;
}

const char *
chunk_begin(struct session *session, uint64_t size)
{
	struct message *message = &session->message;

	if (session->bdat == BDAT_NONE) {
		const char *why = policy_refuse_now(session);

		if (why != NULL)
			return why;
		message_begin(message, session);
		session->bdat = BDAT_OPEN;
	}
	message_count(message, size);
	return NULL;
}

void
chunk_answer(
    struct session *session, const char *why, uint64_t size, bool is_last)
{
	struct message *message = &session->message;

	if (why != NULL) {
		refuse_chunk(session, why, is_last);
	} else if (is_last) {
		session->bdat = BDAT_NONE;
		finish(message);
		session_reset(session);
	} else if (message->refusal != NULL) {
		refuse_chunk(session, message->refusal, false);
	} else {
		reply_received(session, size);
	}
}

void
handle_bdat(struct session *session, struct span argument)
{
	struct message *message = &session->message;
	uint64_t size;
	bool is_last;

	if (!bdat_parse(argument, &size, &is_last)) {
		/* Where would the next command begin? */
		reply_error(session, "501 5.5.4 say BDAT SIZE or BDAT SIZE "
				     "LAST: closing the connection");
		session->is_done = true;
		return;
	}
	const char *why = chunk_refusal(session);
	if (why == NULL)
		why = chunk_begin(session, size);
	pace_begin_message(&session->pace, clock_ms());
	bool is_received = chunk_receive(
	    session, &session->in, why == NULL ? message : NULL, size);
	pace_end_message(&session->pace);
	if (!is_received)
		lose_client(session);
	else
		chunk_answer(session, why, size, is_last);
}
