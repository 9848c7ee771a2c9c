/*
 * wellknown - WELLKNOWN, Exim's: the files that this host shows to whoever
 * asks, as those of /.well-known/ (RFC 8615) are by HTTP.
 *
 *   WELLKNOWN name      in xtext, RFC 3461 section 4
 *   250-SIZE=24         bytes of the file
 *   250-line+201+0A     they, in xtext: a line of the reply ends behind +0A,
 *   250 last+20line+0A  and where it grows long
 */

#include <stdio.h>

#include "mail/xtext.h"
#include "smtpd/session.h"

enum {
	LINE_BYTES = 75,
	XTEXT_BYTE = 3 /* "+0A" */
};

bool
session_offers_wellknown(const struct session *session)
{
	return !session->settings->is_lmtp &&
	       session->settings->wellknown.count > 0;
}

/* The next line of the reply; returned is how much of the file it holds. */
static size_t
fill_line(struct buf *line, struct span rest)
{
	size_t i = 0;

	buf_clear(line);
	do
		xtext_encode(line, span_slice(rest, i, 1));
	while (rest.ptr[i++] != '\n' && i < rest.len && line->len < LINE_BYTES);
	return i;
}

static void
show(struct session *session, struct span rest)
{
	struct buf line = buf_new(LINE_BYTES + XTEXT_BYTE);
	char size[32];

	snprintf(size, sizeof(size), "%sSIZE=%zu",
	    rest.len == 0 ? "250 " : "250-", rest.len);
	reply(session, size);
	while (rest.len > 0) {
		size_t taken = fill_line(&line, rest);

		rest = span_slice(rest, taken, rest.len);
		write_string(&session->out, rest.len == 0 ? "250 " : "250-");
		reply(session, buf_string(&line));
	}
	buf_free(&line);
}

void
handle_wellknown(struct session *session, struct span argument)
{
	struct span text = span_trim(argument);
	struct buf name = buf_new(COMMAND_MAX);
	const struct wellknown_file *file;

	if (!session_offers_wellknown(session))
		reply_error(session, "502 5.5.1 not offered here");
	else if (text.len == 0 || !xtext_decode(&name, text))
		reply_error(session,
		    "501 5.5.4 say WELLKNOWN with the name of a file, in "
		    "xtext");
	else if ((file = wellknown_find(
		      &session->settings->wellknown, buf_span(&name))) == NULL)
		reply_error(session, "550 5.5.4 no file of that name is shown "
				     "here");
	else
		show(session, buf_span(&file->content));
	buf_free(&name);
}
