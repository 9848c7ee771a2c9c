/*
 * parameters - what follows the address of MAIL and RCPT: RFC 5321 section
 * 4.1.2, and each extension's own.
 *
 * What the queue must know becomes an envelope record, envelope(5).
 */

#include "base/record.h"
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

static const struct parameter {
	const char *keyword;
	bool (*take)(struct session *session, struct span value);
} mail_parameters[] = {
	{ "SIZE", take_size },
	{ "BODY", take_body },
	{ "SMTPUTF8", take_utf8 },
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
		if (!span_equal_nocase(
			keyword, span_of(mail_parameters[i].keyword)))
			continue;
		if (*seen & 1u << i)
			return refuse(
			    session, "501 5.5.4 a parameter came twice");
		*seen |= 1u << i;
		return mail_parameters[i].take(session, value);
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
	return true;
}
