/*
 * parameters - what follows the address of MAIL and RCPT: RFC 5321 section
 * 4.1.2, and each extension's own.
 *
 * What the queue must know becomes an envelope record, envelope(5).
 */

#include "base/record.h"
#include "mail/verp.h"
#include "mail/xtext.h"
#include "smtpd/session.h"

static bool
refuse(struct session *session, const char *text)
{
	reply_error(session, text);
	return false;
}

/* RFC 1870 section 4. */
static bool
take_size(struct session *session, struct span value)
{
	uint64_t size;

	if (!span_number(value, 10, UINT64_MAX, &size))
		return refuse(session, "501 5.5.4 SIZE takes a number");
	if (session->settings->size_max == 0 ||
	    size <= session->settings->size_max)
		return true;
	reply(session, "552 5.3.4 the message is too big");
	return false;
}

/* RFC 6152 section 2, RFC 3030 section 3; binary parts become base64. */
static bool
take_body(struct session *session, struct span value)
{
	session->is_binary = span_equal_nocase(value, span_of("BINARYMIME"));
	if (session->is_binary ||
	    span_equal_nocase(value, span_of("8BITMIME"))) {
		record_add_string(&session->records, 'B', "8");
		return true;
	}
	return span_equal_nocase(value, span_of("7BIT")) ||
	       refuse(session,
		   "501 5.5.4 BODY is 7BIT, 8BITMIME or BINARYMIME here");
}

/* RFC 6531 section 3.4. */
static bool
take_utf8(struct session *session, struct span value)
{
	if (value.len > 0)
		return refuse(session, "501 5.5.4 SMTPUTF8 takes no value");
	session->needs_utf8 = true;
	record_add_string(&session->records, 'U', "1");
	return true;
}

/* draft-hall-prdr: Exim asks for it wherever it is offered. */
static bool
take_prdr(struct session *session, struct span value)
{
	if (value.len > 0)
		return refuse(session, "501 5.5.4 PRDR takes no value");
	session->has_prdr = true;
	return true;
}

/* Postfix's: the queue makes a sender for each recipient, mail/verp.h. */
static bool
take_xverp(struct session *session, struct span value)
{
	if (value.len == 0)
		value = span_of(VERP_DELIMITERS);
	if (!verp_is_delimiters(value))
		return refuse(
		    session, "501 5.5.4 XVERP takes two delimiters of -=+");
	session->has_verp = true;
	record_add(&session->records, 'V', value);
	return true;
}

/* RFC 3461 section 4.3. */
static bool
take_ret(struct session *session, struct span value)
{
	bool is_full = span_equal_nocase(value, span_of("FULL"));

	if (!is_full && !span_equal_nocase(value, span_of("HDRS")))
		return refuse(session, "501 5.5.4 RET is FULL or HDRS");
	record_add_string(&session->records, 'R', is_full ? "F" : "H");
	return true;
}

/* RFC 3461 section 4.4. */
static bool
take_envid(struct session *session, struct span value)
{
	if (value.len == 0 || value.len > XTEXT_ENVID_MAX ||
	    !xtext_is_valid(value))
		return refuse(
		    session, "501 5.5.4 ENVID is 1 to 100 bytes of xtext");
	record_add(&session->records, 'E', value);
	return true;
}

/* RFC 8689 section 2. */
static bool
take_requiretls(struct session *session, struct span value)
{
	if (value.len > 0)
		return refuse(session, "501 5.5.4 REQUIRETLS takes no value");
	record_add_string(&session->records, 'Q', "1");
	return true;
}

/* RFC 4954 section 5: who else sent it is not ours to vouch for. */
static bool
take_auth(struct session *session, struct span value)
{
	return value.len > 0 ||
	       refuse(session, "501 5.5.4 AUTH is an address or <>");
}

static bool
has_auth(const struct session *session)
{
	return session->settings->is_submission;
}

static bool
is_smtp(const struct session *session)
{
	return !session->settings->is_lmtp;
}

static bool
is_tls(const struct session *session)
{
	return session->is_tls;
}

static bool
may_hold(const struct session *session)
{
	return is_authenticated(session) && session->settings->hold_max_s > 0;
}

bool
session_offers_verp(const struct session *session)
{
	return is_smtp(session) &&
	       (session->neighbours.lookup == -1 ||
		   network_list_has(&session->settings->verp_clients,
		       &session->peer->address));
}

static const struct mail_parameter {
	const char *keyword;
	bool (*take)(struct session *session, struct span value);
	bool (*is_offered)(const struct session *session); /* NULL: to all */
} mail_parameters[] = {
	{ "SIZE", take_size, NULL },
	{ "BODY", take_body, NULL },
	{ "SMTPUTF8", take_utf8, NULL },
	{ "PRDR", take_prdr, is_smtp },
	{ "RET", take_ret, NULL },
	{ "ENVID", take_envid, NULL },
	{ "AUTH", take_auth, has_auth },
	{ "REQUIRETLS", take_requiretls, is_tls },
	{ "HOLDFOR", take_holdfor, may_hold },
	{ "HOLDUNTIL", take_holduntil, may_hold },
	{ "BY", take_by, is_authenticated },
	{ "MT-PRIORITY", take_priority, is_authenticated },
	{ "SOLICIT", take_solicit, session_refuses_classes },
	{ "XVERP", take_xverp, session_offers_verp },
};

enum {
	MAIL_PARAMETERS = sizeof(mail_parameters) / sizeof(*mail_parameters)
};

/* One KEYWORD or KEYWORD=VALUE; seen has a bit for each that came. */
static bool
take_mail_parameter(
    struct session *session, struct span parameter, unsigned *seen)
{
	struct span value = parameter;
	struct span keyword = span_cut(&value, '=');

	for (size_t i = 0; i < MAIL_PARAMETERS; i++) {
		const struct mail_parameter *known = &mail_parameters[i];

		if (!span_equal_nocase(keyword, span_of(known->keyword)) ||
		    (known->is_offered != NULL && !known->is_offered(session)))
			continue;
		if (*seen & 1u << i)
			return refuse(
			    session, "501 5.5.4 a parameter came twice");
		*seen |= 1u << i;
		return known->take(session, value);
	}
	return refuse(session, "555 5.5.4 no such parameter here");
}

bool
take_mail_parameters(struct session *session, struct span parameters)
{
	unsigned seen = 0;

	while ((parameters = span_trim(parameters)).len > 0)
		if (!take_mail_parameter(
			session, span_cut(&parameters, ' '), &seen))
			return false;
	return finish_timing(session);
}

/* ---- RCPT ---- */

/* RFC 3461 section 4.1: NEVER, or some of the others, as their letters. */
static bool
take_notify(struct session *session, struct span value,
    struct recipient_parameters *parameters)
{
	static const struct {
		const char *word;
		char letter;
	} words[] = { { "NEVER", 'n' }, { "SUCCESS", 's' }, { "FAILURE", 'f' },
		{ "DELAY", 'd' } };
	struct buf *letters = &parameters->notify;

	if (letters->len > 0)
		return refuse(session, "501 5.5.4 NOTIFY came twice");
	bool is_good = true;
	while (is_good && value.len > 0) {
		struct span word = span_cut(&value, ',');
		size_t before = letters->len;

		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
			if (span_equal_nocase(word, span_of(words[i].word)) &&
			    span_index(buf_span(letters), words[i].letter) ==
				letters->len)
				buf_add_char(letters, words[i].letter);
		is_good = letters->len > before;
	}
	bool is_never = span_index(buf_span(letters), 'n') < letters->len;
	if (!is_good || letters->len == 0 || (is_never && letters->len > 1))
		return refuse(session, "501 5.5.4 NOTIFY is NEVER, or some of "
				       "SUCCESS, FAILURE, DELAY");
	return true;
}

/* RFC 3461 section 4.2, RFC 6533 section 3. */
static bool
take_orcpt(struct session *session, struct span value,
    struct recipient_parameters *parameters)
{
	if (parameters->original.len > 0)
		return refuse(session, "501 5.5.4 ORCPT came twice");
	if (!orcpt_is_valid(value, session->needs_utf8))
		return refuse(
		    session, "501 5.5.4 ORCPT is TYPE;ADDRESS, in xtext");
	parameters->original = value;
	return true;
}

bool
take_rcpt_parameters(struct session *session, struct span parameters,
    struct recipient_parameters *taken)
{
	while ((parameters = span_trim(parameters)).len > 0) {
		struct span value = span_cut(&parameters, ' ');
		struct span keyword = span_cut(&value, '=');
		bool is_good;

		if (span_equal_nocase(keyword, span_of("NOTIFY")))
			is_good = take_notify(session, value, taken);
		else if (span_equal_nocase(keyword, span_of("ORCPT")))
			is_good = take_orcpt(session, value, taken);
		else
			is_good =
			    refuse(session, "555 5.5.4 no such parameter here");
		if (!is_good)
			return false;
	}
	return true;
}
