/*
 * envelope - MAIL, RCPT and VRFY: who may send to whom.
 */

#include "queue/envelope.h"
#include "base/die.h"
#include "queue/lookup.h"
#include "smtpd/session.h"

enum {
	LOOKUP_TIMEOUT_MS = 30000
};

static bool
is_ascii(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] >= 0x80)
			return false;
	return true;
}

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

/* One KEYWORD=VALUE of MAIL; false after a reply. */
static bool
take_mail_parameter(struct session *session, struct span parameter)
{
	struct span value = parameter;
	struct span keyword = span_cut(&value, '=');
	uint64_t size;

	if (span_equal_nocase(keyword, span_of("SIZE"))) {
		if (!span_number(value, 10, UINT64_MAX, &size)) {
			reply_error(session, "501 5.5.4 SIZE takes a number");
			return false;
		}
		if (session->settings->size_max > 0 &&
		    size > session->settings->size_max) {
			reply(session, "552 5.3.4 the message is too big");
			return false;
		}
		return true;
	}
	if (span_equal_nocase(keyword, span_of("BODY"))) {
		session->is_8bit =
		    span_equal_nocase(value, span_of("8BITMIME"));
		if (session->is_8bit ||
		    span_equal_nocase(value, span_of("7BIT")))
			return true;
		reply_error(session, "501 5.5.4 BODY is 7BIT or 8BITMIME here");
		return false;
	}
	if (span_equal_nocase(parameter, span_of("SMTPUTF8"))) {
		session->needs_utf8 = true;
		return true;
	}
	/* RFC 4954 section 5: who else sent it is not ours to vouch for. */
	if (session->settings->is_submission && value.len > 0 &&
	    span_equal_nocase(keyword, span_of("AUTH")))
		return true;
	reply_error(session, "555 5.5.4 no such parameter here");
	return false;
}

void
handle_mail(struct session *session, struct span argument)
{
	struct addr sender;
	struct span parameters;

	if (session->helo.len == 0) {
		reply_error(session, "503 5.5.1 say HELO or EHLO first");
		return;
	}
	if (!policy_knows_user(session))
		return;
	if (session->has_sender) {
		reply_error(session, "503 5.5.1 one MAIL a message: RSET?");
		return;
	}
	if (!parse_path(session, argument, "FROM:", &sender, &parameters))
		return;
	session_reset(session);
	while ((parameters = span_trim(parameters)).len > 0)
		if (!take_mail_parameter(session, span_cut(&parameters, ' '))) {
			session_reset(session);
			return;
		}
	addr_add_canonical(&session->sender, &sender);
	if (!is_ascii(buf_span(&session->sender)) && !session->needs_utf8) {
		session_reset(session);
		reply_error(session,
		    "553 5.6.7 an address beyond ASCII needs SMTPUTF8");
		return;
	}
	if (!policy_may_send_as(session, buf_span(&session->sender))) {
		session_reset(session);
		return;
	}
	session->has_sender = true;
	reply(session, "250 2.1.0 sender ok");
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

/* May this client send there?  False after a reply. */
static bool
is_allowed(struct session *session, struct span address, bool *is_mailbox)
{
	static struct packet packet;
	struct lookup_answer answer;

	*is_mailbox = false;
	if (session->lookup == -1)
		return true;
	lookup_ask(
	    session->lookup, address, LOOKUP_TIMEOUT_MS, &packet, &answer);
	switch (answer.kind) {
	case LOOKUP_MAILBOX:
		*is_mailbox = answer.extension.len == 0;
		return true;
	case LOOKUP_ALIAS:
	case LOOKUP_RELAY:
		return true;
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
add_recipient(struct session *session, struct span address, bool is_mailbox)
{
	const struct recipient recipient = { .address = address,
		.is_mailbox = is_mailbox };

	envelope_add_recipient(&session->recipients, &recipient);
	session->recipient_count++;
	buf_clear(&session->only_recipient);
	if (session->recipient_count == 1)
		buf_add(&session->only_recipient, address);
	reply(session, "250 2.1.5 recipient ok");
}

void
handle_rcpt(struct session *session, struct span argument)
{
	struct addr recipient;
	struct span parameters;
	struct buf address = buf_new(COMMAND_MAX);
	bool is_mailbox;

	if (!session->has_sender) {
		reply_error(session, "503 5.5.1 say MAIL first");
		return;
	}
	if (!parse_path(session, argument, "TO:", &recipient, &parameters))
		return;
	if (recipient.local.len == 0) {
		reply_error(session, "501 5.1.3 the null path receives none");
		return;
	}
	if (span_trim(parameters).len > 0) {
		reply_error(session, "555 5.5.4 no such parameter here");
		return;
	}
	if (session->recipient_count >= session->settings->recipients_max) {
		reply(session, "452 4.5.3 too many recipients: send the "
			       "message again for the others");
		return;
	}
	addr_add_canonical(&address, &recipient);
	if (!is_ascii(buf_span(&address)) && !session->needs_utf8)
		reply_error(session,
		    "553 5.6.7 an address beyond ASCII needs SMTPUTF8");
	else if (is_allowed(session, buf_span(&address), &is_mailbox))
		add_recipient(session, buf_span(&address), is_mailbox);
	buf_free(&address);
}

/* RFC 5321 section 7.3: strangers learn nothing. */
void
handle_vrfy(struct session *session, struct span argument)
{
	static struct packet packet;
	struct lookup_answer answer;
	struct span name = span_trim(argument);

	if (name.len == 0) {
		reply_error(session, "501 5.5.4 say VRFY with a name");
		return;
	}
	if (!session->is_trusted || session->lookup == -1) {
		reply(session, "252 2.1.5 try RCPT: it is checked there");
		return;
	}
	if (name.ptr[0] == '<' && name.ptr[name.len - 1] == '>')
		name = span_slice(name, 1, name.len - 2);
	lookup_ask(session->lookup, name, LOOKUP_TIMEOUT_MS, &packet, &answer);
	if (answer.kind == LOOKUP_UNKNOWN) {
		reply_error(session, "550 5.1.1 no such mailbox here");
		return;
	}
	if (answer.kind != LOOKUP_MAILBOX && answer.kind != LOOKUP_ALIAS) {
		reply(session, "252 2.1.5 try RCPT: it is checked there");
		return;
	}
	write_string(&session->out, "250 2.1.5 <");
	write_span(&session->out, name);
	if (span_index(name, '@') == name.len) {
		write_string(&session->out, "@");
		write_span(&session->out, buf_span(&session->settings->me));
	}
	reply(session, ">");
}
