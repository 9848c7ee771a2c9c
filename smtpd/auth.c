/*
 * auth - AUTH, RFC 4954: on the submission and odmr services alone, and only
 * where a password can be said.  What it means is login's and checkpw's to
 * know.
 */

#include "base/die.h"
#include "smtpd/session.h"

enum {
	HELLO_TIMEOUT_MS = 10000
};

static const char clear_text_refused[] =
    "538 5.7.11 this connection is not encrypted: log in over TLS, from this "
    "host, or from a network in control/cleartextnets";

void
auth_open(struct session *session)
{
	struct login_hello hello;

	if (session->neighbours.login == -1)
		return;
	if (login_receive_hello(
		session->neighbours.login, &hello, HELLO_TIMEOUT_MS) == 1)
		session->offers = hello.offers;
	else
		session->neighbours.login = -1;
}

static struct mechanisms_channel
channel_of(const struct session *session)
{
	return (
	    struct mechanisms_channel){ .has_binding = session->binding.len > 0,
		.has_certificate = session->certificate.len > 0,
		.offers = session->offers };
}

/* Can nobody else read what the client says? */
static bool
is_private(const struct session *session)
{
	return session->is_tls ||
	       auth_may_be_clear(&session->settings->auth, session->peer);
}

void
auth_list(struct session *session)
{
	const struct mechanisms_channel channel = channel_of(session);
	size_t place = 0;
	const char *name;

	if (session->neighbours.login == -1 || session->user.len > 0 ||
	    !is_private(session))
		return;
	write_string(&session->out, "250-AUTH");
	while ((name = mechanisms_next(&session->settings->auth.mechanisms,
		    &channel, &place)) != NULL) {
		write_string(&session->out, " ");
		write_string(&session->out, name);
	}
	reply(session, "");
}

/* May AUTH be said now? False after a reply. */
static bool
is_due(struct session *session)
{
	if (!session->settings->is_submission && !session->settings->is_odmr)
		reply_error(session, "502 5.5.1 not offered here");
	else if (!session->is_esmtp)
		reply_error(session, "503 5.5.1 say EHLO first");
	else if (session->user.len > 0)
		reply_error(session, "503 5.5.1 you have logged in already");
	else if (session->has_sender)
		reply_error(session, "503 5.5.1 not within a message: RSET?");
	else if (!is_private(session))
		reply_error(session, clear_text_refused);
	else if (session->neighbours.login == -1)
		reply(session, "454 4.7.0 cannot log in now: try later");
	else
		return true;
	return false;
}

/* The third failure ends the connection: RFC 4954 section 4. */
static void
refuse(struct session *session, const char *text)
{
	reply_error(session, text);
	if (++session->attempts < AUTH_ATTEMPTS_MAX || session->is_done)
		return;
	reply(session, "421 4.7.0 too many attempts: closing the connection");
	session->is_done = true;
}

static void
reply_outcome(struct session *session, enum auth_outcome outcome)
{
	switch (outcome) {
	case AUTH_OK:
		session->is_trusted = true;
		session->is_known = true;
		reply(session, "235 2.7.0 welcome");
		return;
	case AUTH_NO:
		refuse(session, "535 5.7.8 wrong name or password");
		return;
	case AUTH_CANCELLED:
		reply_error(session, "501 5.7.0 given up, as you wish");
		return;
	case AUTH_SYNTAX:
		reply_error(session, "501 5.5.2 not base64");
		return;
	case AUTH_TOO_LONG:
		reply_error(session, "500 5.5.6 line too long");
		return;
	case AUTH_CLOSED:
		if (session->in.status == IO_TIMEOUT)
			reply(session, "421 4.4.2 too slow: closing");
		session->is_done = true;
		return;
	case AUTH_FULL:
	case AUTH_PROVEN:
	case AUTH_LATER:
		break;
	}
	session->neighbours.login = -1; /* of no further use */
	reply(session, "454 4.7.0 cannot log in now: try later");
}

static void
log_in(struct session *session, struct span mechanism, struct span initial,
    bool has_initial)
{
	const struct auth auth = { .service = LOGIN_SMTP,
		.login = session->neighbours.login,
		.peer = session->peer,
		.in = &session->in,
		.out = &session->out,
		.line = &session->line,
		.prompt = "334 ",
		.binding = buf_span(&session->binding),
		.certificate = buf_span(&session->certificate) };

	reply_outcome(session,
	    auth_run(&auth, mechanism, initial, has_initial, &session->user));
}

void
handle_auth(struct session *session, struct span argument)
{
	struct buf mechanism = buf_new(SASL_MECHANISM_MAX);
	const struct mechanisms_channel channel = channel_of(session);
	struct span initial;
	bool has_initial;

	if (!is_due(session)) {
		/* It has answered. */
	} else if (span_trim(argument).len == 0) {
		reply_error(session, "501 5.5.4 say AUTH with a mechanism");
	} else if (!auth_parse(argument, &mechanism, &initial, &has_initial) ||
		   !mechanisms_has(&session->settings->auth.mechanisms,
		       &channel, buf_span(&mechanism))) {
		reply_error(
		    session, "504 5.5.4 no such mechanism: EHLO lists them");
	} else {
		log_in(session, buf_span(&mechanism), initial, has_initial);
	}
	/* Whatever it was, it may have had a password. */
	buf_wipe(&session->line);
	reader_wipe(&session->in);
	buf_free(&mechanism);
}
