/*
 * etrn - ETRN, RFC 1985: a host whose mail we keep is there now, and asks for
 * it.  For clients that may relay, and domains that we relay for.
 */

#include "mail/header.h"
#include "queue/inject.h"
#include "queue/lookup.h"
#include "smtpd/session.h"

enum {
	LOOKUP_TIMEOUT_MS = 30000
};

/* May its mail be asked for?  False after a reply; section 5.3. */
static bool
is_relayed(struct session *session, struct span domain)
{
	static struct packet packet;
	struct lookup_answer answer;
	struct buf address = buf_new(COMMAND_MAX);

	buf_add_string(&address, "postmaster@");
	buf_add(&address, domain);
	lookup_ask(session->neighbours.lookup, buf_span(&address),
	    LOOKUP_TIMEOUT_MS, &packet, &answer);
	buf_free(&address);
	if (answer.kind == LOOKUP_RELAY)
		return true;
	if (answer.kind == LOOKUP_LATER)
		reply(session, "458 4.3.0 the domain cannot be checked now");
	else
		reply_error(
		    session, "459 5.7.1 we keep no mail for that domain");
	return false;
}

void
handle_etrn(struct session *session, struct span argument)
{
	struct span domain = span_trim(argument);

	if (session->helo.len == 0)
		reply_error(session, "503 5.5.1 say EHLO first");
	else if (session->has_sender)
		reply_error(session, "503 5.5.1 not within a transaction");
	else if (!session->is_trusted || session->neighbours.lookup == -1)
		reply_error(session, "459 5.7.1 not for you");
	else if (!is_greeting(domain) || domain.ptr[0] == '@' ||
		 domain.ptr[0] == '#')
		reply_error(session, "501 5.5.4 say ETRN with a domain");
	else if (!is_relayed(session, domain))
		return;
	else if (!inject_ask_retry(session->neighbours.inject, domain))
		reply(session, "458 4.3.0 the queue does not hear");
	else
		reply(session, "250 2.0.0 its mail is tried now");
}
