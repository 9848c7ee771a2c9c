#include "imapd/guest.h"

#include <poll.h>

#include "imapd/output.h"

/* ---- what it says: a line ---- */

struct taking {
	guest_taker *take;
	void *context;
	bool has_no_literals;
	int64_t line_ms;  /* a line, or a piece of a literal, is waited for */
	int64_t until_ms; /* all is, by clock_ms */
	struct patience patience;
};

/* A client that reads slowly takes none of the guest's time. */
static void
pass_on(struct taking *taking, struct span piece, bool is_line)
{
	int64_t began_ms = clock_ms();

	taking->take(taking->context, piece, is_line);
	taking->until_ms += clock_ms() - began_ms;
}

static void
take_octets(void *context, struct span bytes)
{
	pass_on(context, bytes, false);
}

static int64_t
wait_until(void *context, int64_t began_ms)
{
	const struct taking *taking = context;
	int64_t line_until_ms = began_ms + taking->line_ms;

	return line_until_ms < taking->until_ms ? line_until_ms
						: taking->until_ms;
}

/* All that is read of the guest from here on; NULL ends it. */
static void
limit_wait(struct guest *guest, struct taking *taking, int64_t whole_ms)
{
	guest->in.patience = NULL;
	if (taking == NULL)
		return;
	taking->line_ms = guest->in.timeout_ms;
	taking->until_ms = clock_ms() + whole_ms;
	taking->patience = (struct patience){ wait_until, taking };
	guest->in.patience = &taking->patience;
}

static bool
is_tagged(struct span line, struct span tag)
{
	return tag.len > 0 && line.len > tag.len && span_starts(line, tag) &&
	       line.ptr[tag.len] == ' ';
}

/* That one tells no more is said of all, and once: RFC 5465 section 5.8. */
static bool
is_overflow(struct session *session, struct guest *guest, struct span line)
{
	if (guest->is_in_line ||
	    !span_starts_nocase(line, span_of("* OK [NOTIFICATIONOVERFLOW]")))
		return false;
	if (guest->is_notifying) {
		guest->is_notifying = false;
		session->guests->lost = GUESTS_LOST_ENDED;
	}
	return true;
}

/* One line and the literal behind it; GUEST_OK is the tagged line. */
static enum guest_result
take_line(struct session *session, struct guest *guest, struct span tag,
    struct taking *taking, struct buf *line)
{
	struct literal literal;

	buf_clear(line);
	if (read_line(&guest->in, line) != IO_OK)
		return GUEST_GONE;
	struct span text = buf_span(line);
	if (!guest->is_in_line && is_tagged(text, tag)) {
		text = span_slice(text, tag.len + 1, SIZE_MAX);
		return span_starts(text, span_of("OK")) ? GUEST_OK
							: GUEST_REFUSED;
	}
	if (!guest->is_in_line && span_starts(text, span_of("* BYE")))
		return GUEST_GONE;
	session->guests->speaking = guest;
	if (is_overflow(session, guest, text))
		return GUEST_MORE;
	pass_on(taking, text, true);
	guest->is_in_line = parse_literal(span_trim(text), &literal);
	if (guest->is_in_line && taking->has_no_literals)
		return GUEST_GONE;
	if (guest->is_in_line &&
	    !read_octets(&guest->in, literal.octets, take_octets, taking))
		return GUEST_GONE;
	return GUEST_MORE;
}

/* ---- what it says unasked ---- */

bool
guest_is_audible(const struct guest *guest)
{
	struct pollfd polled = { .fd = guest->in.fd, .events = POLLIN };

	return reader_has_buffered(&guest->in) || poll(&polled, 1, 0) > 0;
}

/* What it would say next, behind a line that was not read to its end perhaps,
 * cannot be taken for what it is. */
static void
give_up(struct guest *guest, enum io_status status)
{
	if (guest->in.status == IO_OK)
		guest->in.status = status;
	guest->out.status = status;
}

/* What is behind its literal belongs to a line; a tagged line ends IDLE. */
static enum guest_result
hear(struct session *session, struct guest *guest)
{
	bool is_selected = session->guests->selected == guest;
	struct taking taking = { .take = is_selected ? guest_tell
						     : guest_tell_notices,
		.context = session,
		.has_no_literals = !is_selected };
	struct span tag = span_of(guest->is_idling ? GUEST_TAG : "");
	struct buf line =
	    buf_new(is_selected ? GUEST_LINE_MAX : GUEST_NOTICE_MAX);
	enum guest_result result;

	limit_wait(guest, &taking, GUEST_PROMPT_MS);
	do
		result = take_line(session, guest, tag, &taking, &line);
	while (result == GUEST_MORE && guest->is_in_line);
	limit_wait(guest, NULL, 0);
	if (result == GUEST_OK || result == GUEST_REFUSED) {
		guest->is_idling = false;
		result = GUEST_MORE;
	}
	if (result == GUEST_GONE)
		give_up(guest, IO_ERROR);
	buf_free(&line);
	return result;
}

enum guest_result
guest_hear(struct session *session, struct guest *guest)
{
	enum guest_result result = hear(session, guest);

	if (result == GUEST_GONE)
		guest_close_gone(session, guest);
	return result;
}

/* Until it can be written to: what was asked before is not answered here. */
static void
wait_for_room(struct session *session, struct guest *guest)
{
	struct pollfd polled = { .fd = guest->in.fd,
		.events = POLLIN | POLLOUT };
	const int64_t until_ms =
	    clock_ms() + (int64_t)GUEST_WAITS * GUEST_PROMPT_MS;
	struct span bytes;

	do
		if (poll(&polled, 1, GUEST_PROMPT_MS) == 0 ||
		    clock_ms() > until_ms) {
			give_up(guest, IO_TIMEOUT);
			return;
		}
	while ((polled.revents & POLLOUT) == 0 &&
	       reader_peek(&guest->in, &bytes) == IO_OK &&
	       bytes.ptr[0] == '*' && hear(session, guest) == GUEST_MORE);
}

/* One that does not read will not answer: that is not waited for as well. */
static void
flush(struct session *session, struct guest *guest)
{
	if (guest->notices.len > 0 && guest->out.status == IO_OK)
		wait_for_room(session, guest);
	if (writer_flush(&guest->out) == IO_TIMEOUT)
		give_up(guest, IO_TIMEOUT);
}

void
guest_write(struct session *session, struct guest *guest, struct span bytes)
{
	while (guest->notices.len > 0 && bytes.len > 0 &&
	       guest->out.status == IO_OK) {
		struct span piece = span_slice(bytes, 0, WRITER_SIZE);

		wait_for_room(session, guest);
		write_span(&guest->out, piece);
		flush(session, guest);
		bytes = span_slice(bytes, piece.len, SIZE_MAX);
	}
	write_span(&guest->out, bytes);
	if (guest->out.status == IO_TIMEOUT)
		give_up(guest, IO_TIMEOUT);
}

/* ---- what it answers ---- */

enum guest_result
guest_answer(struct session *session, struct guest *guest, struct span tag,
    guest_taker *take, void *context, struct buf *final)
{
	struct taking taking = { .take = take, .context = context };
	struct buf line = buf_new(GUEST_LINE_MAX);
	enum guest_result result = GUEST_MORE;

	buf_clear(final);
	flush(session, guest);
	limit_wait(guest, &taking, GUEST_WAITS * guest->in.timeout_ms);
	while (result == GUEST_MORE && session->out->status == IO_OK)
		result = take_line(session, guest, tag, &taking, &line);
	limit_wait(guest, NULL, 0);
	if (result == GUEST_MORE)
		result = GUEST_GONE; /* the client is: nobody is left */
	if (result == GUEST_GONE)
		guest_close_gone(session, guest);
	else
		buf_add(final, buf_span(&line));
	buf_free(&line);
	return result;
}

enum guest_result
guest_forward(struct session *session, struct guest *guest, guest_taker *take)
{
	struct buf final = buf_new(GUEST_LINE_MAX);
	enum guest_result result =
	    guest_answer(session, guest, session->tag, take, session, &final);

	put_span(session, buf_span(&final));
	buf_free(&final);
	return result;
}

enum guest_result
guest_forward_line(struct session *session, struct guest *guest)
{
	struct taking taking = { .take = guest_tell_idle, .context = session };
	struct buf line = buf_new(GUEST_LINE_MAX);

	limit_wait(guest, &taking, GUEST_PROMPT_MS);
	enum guest_result result =
	    take_line(session, guest, session->tag, &taking, &line);
	limit_wait(guest, NULL, 0);
	if (result == GUEST_GONE)
		guest_close_gone(session, guest);
	else if (result != GUEST_MORE)
		put_span(session, buf_span(&line));
	buf_free(&line);
	return result;
}

/* What takes nobody long. */
static enum guest_result
prompt_answer(struct session *session, struct guest *guest, guest_taker *take,
    void *context)
{
	struct buf final = buf_new(GUEST_LINE_MAX);

	guest->in.timeout_ms = GUEST_PROMPT_MS;
	enum guest_result result = guest_answer(
	    session, guest, span_of(GUEST_TAG), take, context, &final);
	if (result != GUEST_GONE)
		guest->in.timeout_ms = GUEST_ANSWER_MS;
	buf_free(&final);
	return result;
}

enum guest_result
guest_ask(struct session *session, struct guest *guest, struct span command,
    guest_taker *take, void *context)
{
	bool was_idling = guest->is_idling;

	if (guest_end_idle(session, guest) == GUEST_GONE)
		return GUEST_GONE;
	write_string(&guest->out, GUEST_TAG " ");
	guest_write(session, guest, command);
	write_string(&guest->out, "\r\n");
	enum guest_result result = prompt_answer(session, guest, take, context);
	if (was_idling && result != GUEST_GONE)
		guest_begin_idle(session, guest);
	return result;
}

enum guest_result
guest_say(struct session *session, struct guest *guest, const char *command)
{
	return guest_ask(
	    session, guest, span_of(command), guest_tell_notices, session);
}

void
guest_begin_idle(struct session *session, struct guest *guest)
{
	write_string(&guest->out, GUEST_TAG " IDLE\r\n");
	flush(session, guest);
	guest->is_idling = true;
}

enum guest_result
guest_end_idle(struct session *session, struct guest *guest)
{
	if (!guest->is_idling)
		return GUEST_OK;
	guest->is_idling = false;
	write_string(&guest->out, "DONE\r\n");
	return prompt_answer(session, guest, guest_tell, session);
}
