/*
 * fields - what a message's header may be: how large, how many fields, how
 * many hops (RFC 5321 section 6.3).
 */

#include "mail/header.h"
#include "smtpd/session.h"

static bool
is_hop(struct span line)
{
	return span_starts_nocase(line, span_of("Received:")) ||
	       span_starts_nocase(line, span_of("Delivered-To:"));
}

void
message_look_at_header(struct message *message, struct span line)
{
	const struct settings *settings = message->session->settings;

	if (line.len == 0) {
		message->is_body = true;
		return;
	}
	message->header_size += line.len + 1;
	if (message->header_size > HEADER_MAX)
		message_refuse(
		    message, "552 5.3.4 the message's header is too big");
	soliciting_look_at_header(message, line);
	if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
		return;
	if (span_starts_nocase(line, span_of("Message-ID:")) &&
	    message->message_id.len == 0)
		header_add_message_id(
		    &message->message_id, span_slice(line, 11, line.len));
	if (++message->fields > settings->fields_max)
		message_refuse(message, "554 5.7.0 too many header fields: see "
					"control/maxheaderfields");
	if (is_hop(line) && ++message->hops > settings->hops_max)
		message_refuse(
		    message, "554 5.4.6 too many hops: this message loops");
}
