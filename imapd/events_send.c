#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "imapd/events.h"
#include "imapd/sharing.h"
#include "mail/header.h"
#include "queue/envelope.h"
#include "queue/outgoing.h"
#include "sieve/notify.h"

/* A script's redirect and notify: RFC 6785 sections 3.4 and 3.6. */

enum {
	HEAD_MAX = 4096,
	NOTICE_MAX = 2 << 20 /* a script's whole text fits in it, encoded */
};

/*
 * Who has an account's password could send anything by APPEND and a redirect:
 * it counts as what is submitted.
 */
static bool
may_send(struct acting *acting, uint64_t recipients)
{
	bool is_later;

	if (sharing_may_send(acting->events->session, recipients, &is_later))
		return true;
	events_fail(acting,
	    is_later ? "not sent: it cannot be counted now"
		     : "not sent: this account has sent too much for now: see "
		       "control/messagesperhour and control/recipientsperhour",
	    span_of(""));
	return false;
}

/* False: it failed, and was logged. */
static bool
hand_over(struct acting *acting, struct outgoing *outgoing, uint64_t recipients)
{
	struct events *events = acting->events;
	struct buf text = buf_new(SIEVE_ERRORS_MAX);

	if (!may_send(acting, recipients))
		return false;
	bool is_sent =
	    outgoing_send(outgoing, sharing_injector(events->session), &text) ==
	    INJECT_KEPT;
	if (is_sent)
		log_event("%s sieve user=%s folder=%.*s uid=%u script=%.*s",
		    outgoing->id.text, events->session->settings->user,
		    (int)events->mailbox.len, events->mailbox.ptr,
		    folder_message(acting->folder, acting->i)->uid,
		    (int)events->name.len, events->name.data);
	else
		events_fail(acting, "not sent: ", buf_span(&text));
	buf_free(&text);
	return is_sent;
}

/* ---- redirect ---- */

/* The queue keeps lines with LF; a folder has what its client sent. */
struct lines {
	int fd;
	uint64_t length;
	bool has_cr; /* it is owed */
	bool is_8bit;
	struct buf piece;
};

static bool
take_piece(void *context, struct span piece)
{
	struct lines *lines = context;

	buf_clear(&lines->piece);
	for (size_t i = 0; i < piece.len; i++) {
		char c = piece.ptr[i];

		if (lines->has_cr && c != '\n')
			buf_add_char(&lines->piece, '\r');
		lines->has_cr = c == '\r';
		lines->is_8bit |= (unsigned char)c >= 0x80;
		if (!lines->has_cr)
			buf_add_char(&lines->piece, c);
	}
	lines->length += lines->piece.len;
	return write_all(lines->fd, buf_span(&lines->piece));
}

/* Into a file without a name. */
static bool
copy_lines(const struct acting *acting, struct span header, struct lines *lines)
{
	uint64_t start = header.ptr == NULL ? 0 : acting->result->body;

	*lines = (struct lines){ .fd = account_scratch(
				     acting->events->session->account),
		.piece = buf_new(SIZE_MAX / 2) };
	bool is_copied = lines->fd != -1;
	if (is_copied && header.ptr != NULL)
		is_copied = take_piece(lines, header) &&
			    take_piece(lines, span_of("\n"));
	is_copied = is_copied &&
		    read_pieces(acting->fd, start, acting->length - start,
			take_piece, lines) &&
		    (!lines->has_cr || write_all(lines->fd, span_of("\r")));
	lines->length += lines->has_cr;
	buf_free(&lines->piece);
	return is_copied;
}

static void
redirect(struct acting *acting, const struct sieve_action *action)
{
	struct events *events = acting->events;
	struct buf recipients = buf_new(ENVELOPE_MAX);
	struct buf head = buf_new(HEAD_MAX);
	struct lines lines;
	const struct recipient recipient = { .address = action->address };
	/* What was delivered here says so: that is no circle. */
	const struct outgoing_loop loop = {
		.hops_max = events->session->settings->hops_max
	};
	struct outgoing outgoing = { .id = queue_id_make(),
		.sender = buf_span(&events->email) };
	const struct outgoing_trace trace = { .recipient =
						  buf_span(&events->email),
		.host = span_of(events->session->settings->me),
		.protocol = "local",
		.id = &outgoing.id,
		.now = (int64_t)time(NULL) };

	if (outgoing_is_looping(acting->result->own_header, &loop)) {
		events_fail(acting,
		    "not redirected, it runs in a circle: ", action->address);
		return;
	}
	envelope_add_recipient(&recipients, &recipient);
	outgoing_add_trace(&head, &trace);
	outgoing.recipients = buf_span(&recipients);
	outgoing.head = buf_span(&head);
	if (copy_lines(acting, action->header, &lines)) {
		outgoing.fd = lines.fd;
		outgoing.length = lines.length;
		outgoing.is_8bit = lines.is_8bit;
		outgoing.needs_utf8 = !span_is_ascii(action->address) ||
				      !span_is_ascii(outgoing.sender);
		hand_over(acting, &outgoing, 1);
	} else {
		events_fail(acting, "not sent: ", span_of(strerror(errno)));
	}
	if (lines.fd != -1)
		close(lines.fd);
	buf_free(&recipients);
	buf_free(&head);
}

/* ---- notify ---- */

/* To whom its header lets one be sent. */
static void
send_notification(struct acting *acting, const struct sieve_action *action,
    const struct sieve_mail *mail, struct outgoing *outgoing)
{
	struct buf addresses = buf_new(ENVELOPE_MAX);
	struct buf records = buf_new(ENVELOPE_MAX);
	struct buf text = buf_new(NOTICE_MAX);

	sieve_notify_add_recipients(&addresses, action);
	outgoing_add_recipients(&records, buf_span(&addresses), "");
	sieve_notify_add(&text, action, mail);
	outgoing->recipients = buf_span(&records);
	outgoing->head = buf_span(&text);
	outgoing->is_8bit = !span_is_ascii(outgoing->head);
	outgoing->needs_utf8 = !span_is_ascii(outgoing->recipients) ||
			       !span_is_ascii(header_of(outgoing->head));
	hand_over(acting, outgoing, span_count(buf_span(&addresses), '\n'));
	buf_free(&addresses);
	buf_free(&records);
	buf_free(&text);
}

/* An event has no sender, and so neither has what comes of it. */
static void
notify(struct acting *acting, const struct sieve_action *action)
{
	const struct events *events = acting->events;
	struct outgoing outgoing = { .id = queue_id_make(),
		.sender = span_of("") };
	struct buf id = buf_new(HEAD_MAX);

	buf_printf(
	    &id, "<%s@%s>", outgoing.id.text, events->session->settings->me);
	const struct sieve_mail mail = { .header = acting->result->own_header,
		.sender = span_of(""),
		.recipient = buf_span(&events->email),
		.now = (int64_t)time(NULL),
		.message_id = buf_span(&id) };
	if (sieve_notify_applies(mail.header))
		send_notification(acting, action, &mail, &outgoing);
	buf_free(&id);
}

void
events_send(struct acting *acting, const struct sieve_action *action)
{
	if (action->kind == SIEVE_REDIRECT)
		redirect(acting, action);
	else
		notify(acting, action);
}
