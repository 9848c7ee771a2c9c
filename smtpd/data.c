/*
 * data - DATA: RFC 5321 sections 4.1.1.4 and 4.5.2.
 *
 * Only CRLF "." CRLF ends it.  A bare CR or LF anywhere, or a NUL, and the
 * message is read to that end and then refused: what another host would have
 * taken for a second message (SMTP smuggling) never becomes one here.
 */

#include "smtpd/session.h"

struct data {
	struct message message;
	bool is_ended;
	bool was_crlf; /* the line before ended with CRLF */
};

/* A line with its LF taken off. */
static void
take_line(struct data *data, struct span line)
{
	bool is_crlf = message_check_line(&data->message, &line);

	if (is_crlf && data->was_crlf && span_equal(line, span_of("."))) {
		data->is_ended = true;
		return;
	}
	data->was_crlf = is_crlf;
	if (line.len > 0 && line.ptr[0] == '.')
		line = span_slice(line, 1, line.len);
	message_count(&data->message, line.len + 2);
	message_add_line(&data->message, line);
}

/* Use the lines that are whole; returns how many bytes were used. */
static size_t
take_bytes(struct data *data, struct span bytes)
{
	struct span rest = bytes;
	struct span line;

	while (
	    !data->is_ended && lines_next(&data->message.lines, &rest, &line))
		take_line(data, line);
	return bytes.len - rest.len;
}

static bool
receive(struct data *data)
{
	struct reader *in = &data->message.session->in;
	struct span bytes;

	while (!data->is_ended) {
		if (reader_peek(in, &bytes) != IO_OK)
			return false;
		size_t used = take_bytes(data, bytes);

		pace_take(&data->message.session->pace, used);
		reader_consume(in, used);
	}
	return true;
}

/* Is a message awaited, and in this way?  False after a reply. */
static bool
is_time(struct session *session)
{
	const char *why;

	if (session->bdat != BDAT_NONE)
		reply_error(session, "503 5.5.1 BDAT was begun: go on with it");
	else if (session->recipient_count == 0)
		reply_error(session,
		    session->has_sender
			? "554 5.5.1 no recipient was accepted: say RCPT"
			: "503 5.5.1 say MAIL and RCPT first");
	else if (session->is_binary) /* RFC 3030 section 3 */
		reply_error(session, "503 5.5.1 BODY=BINARYMIME needs BDAT");
	else if ((why = policy_refuse_now(session)) != NULL)
		reply(session, why);
	else
		return true;
	return false;
}

void
handle_data(struct session *session, struct span argument)
{
	struct data data = { .was_crlf = true };

	(void)argument;
	if (!is_time(session))
		return;
	struct ticket ticket = tickets_take(session->settings->tickets);
	reply(session, "354 send the message, end it with a line of one dot");
	message_begin(&data.message, session);
	pace_begin_message(&session->pace, clock_ms());
	bool is_received = receive(&data);
	pace_end_message(&session->pace);
	if (is_received) {
		message_finish(&data.message);
	} else {
		message_abort(&data.message);
		session->is_done = true;
		if (session->in.status == IO_TIMEOUT)
			end_slow(session);
	}
	tickets_give_back(session->settings->tickets, &ticket);
	session_reset(session);
}
