/*
 * envelope - MAIL and RCPT: who may send to whom.
 */

#include <stdio.h>

#include "base/die.h"
#include "mail/verp.h"
#include "queue/lookup.h"
#include "smtpd/session.h"

enum {
	LOOKUP_TIMEOUT_MS = 30000
};

/* "FROM:" or "TO:", then a path; RFC 5321 section 4.1.1.2 has no space here,
 * but many clients do. */
static bool
parse_path(struct session *session, struct span argument, const char *word,
    struct addr *addr, struct span *parameters)
{
	struct span prefix = span_of(word);

	if (!span_starts_nocase(argument, prefix)) {
		reply_error(session, word[0] == 'F'
					 ? "501 5.5.4 say MAIL FROM:<address>"
					 : "501 5.5.4 say RCPT TO:<address>");
		return false;
	}
	argument = span_trim(span_slice(argument, prefix.len, argument.len));
	switch (addr_parse_path(argument, addr, parameters)) {
	case ADDR_OK:
		return true;
	case ADDR_TOO_LONG:
		reply_error(session, "501 5.1.3 the address is too long");
		return false;
	case ADDR_SYNTAX:
		reply_error(session,
		    word[0] == 'F'
			? "501 5.1.7 not an address: <local@domain> expected"
			: "501 5.1.3 not an address: <local@domain> expected");
		return false;
	}
	return false;
}

/* Is it MAIL's turn?  False after a reply. */
static bool
is_time_for_mail(struct session *session)
{
	if (session->helo.len == 0) {
		reply_error(session, "503 5.5.1 say HELO or EHLO first");
	} else if (session->has_sender) {
		reply_error(session, "503 5.5.1 one MAIL a message: RSET?");
	} else if (session->transactions >= session->settings->messages_max) {
		/* RFC 9422: it was told, or it did not ask. */
		reply(session, "421 4.7.0 that is enough for one connection");
		session->is_done = true;
	} else {
		return true;
	}
	return false;
}

static void
accept_sender(struct session *session)
{
	char line[64];

	session->has_sender = true;
	session->transactions++;
	if (!session->is_priority_lowered) {
		reply(session, "250 2.1.0 sender ok");
		return;
	}
	snprintf(line, sizeof(line), "250 2.3.6 sender ok, priority is %d",
	    session->priority); /* RFC 6710 */
	reply(session, line);
}

/* What its parameters ask of the sender itself.  False after a reply. */
static bool
suits_parameters(struct session *session, struct span sender)
{
	if (!span_is_ascii(sender) && !session->needs_utf8)
		reply_error(session,
		    "553 5.6.7 an address beyond ASCII needs SMTPUTF8");
	else if (session->has_verp && sender.len == 0)
		reply_error(session, "503 5.5.4 XVERP needs a sender");
	else
		return true;
	return false;
}

void
handle_mail(struct session *session, struct span argument)
{
	struct addr sender;
	struct span parameters;

	if (!is_time_for_mail(session))
		return;
	if (!policy_knows_user(session))
		return;
	if (!parse_path(session, argument, "FROM:", &sender, &parameters))
		return;
	session_reset(session);
	if (!take_mail_parameters(session, parameters)) {
		session_reset(session);
		return;
	}
	addr_add_canonical(&session->sender, &sender);
	if (!suits_parameters(session, buf_span(&session->sender)) ||
	    !policy_may_send_as(session, buf_span(&session->sender)) ||
	    !filter_mail(session)) {
		session_reset(session);
		return;
	}
	accept_sender(session);
}

static void
refuse_recipient(struct session *session, struct span address, const char *text)
{
	log_event("refused client=%s from=<%.*s> to=<%.*s> reply=%s",
	    session->peer->text, (int)session->sender.len,
	    session->sender.len == 0 ? "" : session->sender.data,
	    (int)address.len, address.ptr, text);
	reply_error(session, text);
}

/*
 * user%host, host!user and user@host in a local part: the next host of a
 * relayed domain trusts this one, and may still send on as these say.
 */
static bool
has_route(struct span address)
{
	struct span local =
	    span_slice(address, 0, span_last_index(address, '@'));

	return span_index(local, '%') < local.len ||
	       span_index(local, '!') < local.len ||
	       span_index(local, '@') < local.len;
}

/* May this client send there?  False after a reply. */
static bool
is_allowed(struct session *session, struct span address, bool *is_mailbox)
{
	static struct packet packet;
	struct lookup_answer answer;

	*is_mailbox = false;
	if (session->neighbours.lookup == -1)
		return true;
	lookup_ask(session->neighbours.lookup, address, LOOKUP_TIMEOUT_MS,
	    &packet, &answer);
	switch (answer.kind) {
	case LOOKUP_MAILBOX:
		*is_mailbox = answer.extension.len == 0;
		return true;
	case LOOKUP_ALIAS:
		return true;
	case LOOKUP_RELAY:
		if (session->is_trusted || !has_route(address))
			return true;
		refuse_recipient(session, address,
		    "550 5.7.1 an address with a route in it: see "
		    "control/rcpthosts");
		return false;
	case LOOKUP_REMOTE:
		if (session->is_trusted)
			return true;
		refuse_recipient(session, address,
		    "550 5.7.1 this host does not relay mail for you");
		return false;
	case LOOKUP_UNKNOWN:
		refuse_recipient(
		    session, address, "550 5.1.1 no such mailbox here");
		return false;
	case LOOKUP_LATER:
		log_event("lookup of <%.*s>: %.*s", (int)address.len,
		    address.ptr, (int)answer.text.len, answer.text.ptr);
		break;
	}
	reply(session, "451 4.3.0 the address cannot be checked now");
	return false;
}

static void
add_recipient(struct session *session, const struct recipient *recipient)
{
	envelope_add_recipient(&session->recipients, recipient);
	session->recipient_count++;
	buf_clear(&session->only_recipient);
	if (session->recipient_count == 1)
		buf_add(&session->only_recipient, recipient->address);
	reply(session, "250 2.1.5 recipient ok");
}

/* Is it RCPT's turn?  False after a reply. */
static bool
is_time(struct session *session)
{
	if (!session->has_sender)
		reply_error(session, "503 5.5.1 say MAIL first");
	else if (session->bdat != BDAT_NONE) /* RFC 3030 section 2 */
		reply_error(session, "503 5.5.1 BDAT was begun: go on with it");
	else
		return true;
	return false;
}

static bool
is_room(struct session *session)
{
	if (session->recipient_count < session->settings->recipients_max)
		return true;
	reply(session, "452 4.5.3 too many recipients: send the message again "
		       "for the others");
	return false;
}

/* The sender that XVERP makes for it must be one that others take. */
static bool
fits_verp(struct session *session, struct span address)
{
	if (!session->has_verp || verp_length_max(buf_span(&session->sender),
				      address) <= ENVELOPE_ADDRESS_MAX)
		return true;
	reply_error(session, "501 5.1.3 too long for XVERP and this sender");
	return false;
}

/* Its path and parameters are good: may it be, and does it exist? */
static void
take_recipient(struct session *session, const struct addr *parsed,
    const struct recipient_parameters *parameters)
{
	struct buf address = buf_new(COMMAND_MAX);
	struct recipient recipient = { .original = parameters->original,
		.notify = buf_span(&parameters->notify) };

	addr_add_canonical(&address, parsed);
	recipient.address = buf_span(&address);
	if (!span_is_ascii(recipient.address) && !session->needs_utf8)
		reply_error(session,
		    "553 5.6.7 an address beyond ASCII needs SMTPUTF8");
	else if (fits_verp(session, recipient.address) &&
		 is_allowed(
		     session, recipient.address, &recipient.is_mailbox) &&
		 filter_rcpt(session, recipient.address))
		add_recipient(session, &recipient);
	buf_free(&address);
}

void
handle_rcpt(struct session *session, struct span argument)
{
	struct addr recipient;
	struct span rest;
	struct recipient_parameters parameters = { .notify = buf_new(4) };

	if (!is_time(session) ||
	    !parse_path(session, argument, "TO:", &recipient, &rest))
		return;
	if (recipient.local.len == 0)
		reply_error(session, "501 5.1.3 the null path receives none");
	else if (take_rcpt_parameters(session, rest, &parameters) &&
		 is_room(session))
		take_recipient(session, &recipient, &parameters);
	buf_free(&parameters.notify);
}
