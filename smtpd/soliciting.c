/*
 * soliciting - NO-SOLICITING, RFC 3865: a sender may say what class of
 * advertisement its message is, and is told which are not wanted here.
 */

#include "net/solicitation.h"
#include "smtpd/session.h"

static const char refusal[] =
    "550 5.7.1 mail of that class is not wanted: see control/nosoliciting";

bool
session_refuses_classes(const struct session *session)
{
	return session->settings->no_soliciting.count > 0;
}

/* What users send is for their recipients' hosts to refuse. */
static bool
is_refused(const struct session *session, struct span classes)
{
	return !session->settings->is_submission &&
	       solicitation_is_refused(
		   &session->settings->no_soliciting, classes);
}

void
offer_no_soliciting(struct session *session)
{
	const struct control_list *refused = &session->settings->no_soliciting;
	bool is_any = session->settings->is_submission ||
		      control_list_has(refused, span_of("*"));

	write_string(&session->out, "250-NO-SOLICITING");
	for (size_t i = 0; i < refused->count && !is_any; i++) {
		write_string(&session->out, i == 0 ? " " : ",");
		write_span(&session->out, refused->items[i]);
	}
	reply(session, "");
}

bool
take_solicit(struct session *session, struct span value)
{
	if (!solicitation_is_list(value)) {
		reply_error(session, "501 5.5.4 SOLICIT takes classes, such as "
				     "net.example:ADV");
		return false;
	}
	if (is_refused(session, value)) {
		reply_error(session, refusal);
		return false;
	}
	buf_add(&session->solicitation, value);
	record_add(&session->records, 'S', value);
	return true;
}

void
soliciting_look_at_header(struct message *message, struct span line)
{
	const struct session *session = message->session;
	const struct span name = span_of("Solicitation:");

	if (line.len > 0 && line.ptr[0] != ' ' && line.ptr[0] != '\t') {
		message->is_solicitation = span_starts_nocase(line, name);
		if (message->is_solicitation)
			line = span_slice(line, name.len, line.len);
	}
	if (message->is_solicitation && is_refused(session, line))
		message_refuse(message, refusal);
}
