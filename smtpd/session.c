#include "smtpd/session.h"

#include <stddef.h>
#include <string.h>

#include "base/die.h"
#include "net/solicitation.h"

void
reply(struct session *session, const char *text)
{
	session->has_refused |= text[0] == '4' || text[0] == '5';
	write_string(&session->out, text);
	write_string(&session->out, "\r\n");
}

void
reply_verdict(struct session *session, const char *text)
{
	uint64_t times = 1;

	if (session->settings->is_lmtp) {
		times = session->recipient_count;
	} else if (session->has_prdr && session->recipient_count > 1) {
		reply(session, "353 a reply for each recipient, and one for "
			       "the message");
		times = session->recipient_count + 1;
	}
	while (times-- > 0)
		reply(session, text);
}

static void
count_error(struct session *session)
{
	if (++session->errors < session->settings->errors_max)
		return;
	refuse_and_end(session,
	    "421 4.7.0 too many errors, closing: see control/maxerrors");
}

void
reply_error(struct session *session, const char *text)
{
	reply(session, text);
	count_error(session);
}

void
reply_refusal(struct session *session, const char *text)
{
	reply_verdict(session, text);
	count_error(session);
}

void
session_reset(struct session *session)
{
	bdat_end(session);
	filter_reset(session);
	session->has_sender = false;
	session->is_binary = false;
	session->has_prdr = false;
	session->needs_utf8 = false;
	session->has_verp = false;
	session->hold_until = 0;
	session->by = (struct deliver_by){ .mode = 0 };
	session->priority = 0;
	session->is_priority_lowered = false;
	session->recipient_count = 0;
	buf_clear(&session->sender);
	buf_clear(&session->solicitation);
	buf_clear(&session->records);
	buf_clear(&session->recipients);
	buf_clear(&session->only_recipient);
}

void
session_forget_claims(struct session *session)
{
	session->peer = session->accepted;
	session->is_trusted =
	    (session->neighbours.lookup == -1 && !session->settings->is_odmr) ||
	    session_is_of(session, &session->settings->relay_clients);
	buf_clear(&session->user);
	session->is_known = false;
	buf_clear(&session->forwarded);
}

bool
is_greeting(struct span name)
{
	if (name.len == 0 || name.len > ADDR_DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] <= ' ' || name.ptr[i] >= 0x7f ||
		    strchr("()<>;,\\\"", name.ptr[i]) != NULL)
			return false;
	return true;
}

static bool
greet(struct session *session, struct span argument, bool is_esmtp)
{
	struct span name = span_trim(argument);

	if (!is_greeting(name)) {
		reply_error(session,
		    "501 5.5.4 say HELO or EHLO with your host's name");
		return false;
	}
	session_reset(session);
	buf_clear(&session->helo);
	if (!filter_helo(session, name, is_esmtp))
		return false;
	session->is_esmtp = is_esmtp;
	buf_add(&session->helo, name);
	return true;
}

static void
handle_helo(struct session *session, struct span argument)
{
	if (!greet(session, argument, false))
		return;
	write_string(&session->out, "250 ");
	write_span(&session->out, buf_span(&session->settings->me));
	reply(session, "");
}

static void
handle_ehlo(struct session *session, struct span argument)
{
	if (!greet(session, argument, true))
		return;
	write_string(&session->out, "250-");
	write_span(&session->out, buf_span(&session->settings->me));
	reply(session, "");
	offer_extensions(session);
}

static void
handle_rset(struct session *session, struct span argument)
{
	(void)argument;
	session_reset(session);
	reply(session, "250 2.0.0 forgotten");
}

static void
handle_noop(struct session *session, struct span argument)
{
	(void)argument;
	reply(session, "250 2.0.0 ok");
}

static void
handle_help(struct session *session, struct span argument)
{
	(void)argument;
	if (session->settings->is_odmr) {
		reply(session,
		    "214 2.0.0 HELO EHLO STARTTLS AUTH ATRN RSET NOOP HELP "
		    "QUIT");
		return;
	}
	reply(session, "214 2.0.0 HELO EHLO LHLO STARTTLS AUTH MAIL RCPT DATA "
		       "BDAT BURL RSET "
		       "NOOP VRFY EXPN ETRN WELLKNOWN HELP QUIT");
}

/*
 * Who has a command.  RFC 2033 section 4.1: LMTP has LHLO, and not the other
 * two; RFC 2645 section 5.4: what brings mail is not for ODMR.
 */
enum protocol {
	SMTP = 1,
	LMTP = 2,
	ODMR = 4,
	MAIL = SMTP | LMTP,
	ANY = MAIL | ODMR
};

static const struct command {
	const char *verb;
	void (*handle)(struct session *session, struct span argument);
	bool needs_no_argument;
	bool is_junk; /* between messages: see control/maxjunk */
	enum protocol protocols;
} commands[] = {
	{ "MAIL", handle_mail, false, false, MAIL },
	{ "RCPT", handle_rcpt, false, false, MAIL },
	{ "DATA", handle_data, true, false, MAIL },
	{ "BDAT", handle_bdat, false, false, MAIL },
	{ "BURL", handle_burl, false, false, SMTP },
	{ "AUTH", handle_auth, false, false, SMTP | ODMR },
	{ "STARTTLS", handle_starttls, true, false, ANY },
	{ "EHLO", handle_ehlo, false, true, SMTP | ODMR },
	{ "HELO", handle_helo, false, true, SMTP | ODMR },
	{ "LHLO", handle_ehlo, false, true, LMTP },
	{ "RSET", handle_rset, true, true, ANY },
	{ "NOOP", handle_noop, false, true, ANY },
	{ "VRFY", handle_vrfy, false, true, MAIL },
	{ "EXPN", handle_expn, false, true, SMTP },
	{ "ETRN", handle_etrn, false, true, SMTP },
	{ "WELLKNOWN", handle_wellknown, false, true, SMTP },
	{ "ATRN", handle_atrn, false, true, SMTP | ODMR },
	{ "XCLIENT", handle_xclient, false, false, MAIL },
	{ "XFORWARD", handle_xforward, false, false, MAIL },
	{ "HELP", handle_help, false, true, ANY },
	{ "QUIT", handle_quit, true, false, ANY },
};

static void
handle_command(struct session *session, struct span line)
{
	size_t verb_len = span_index(line, ' ');
	struct span verb = span_slice(line, 0, verb_len);
	struct span argument = span_slice(line, verb_len + 1, line.len);
	enum protocol own = session->settings->is_lmtp   ? LMTP
			    : session->settings->is_odmr ? ODMR
							 : SMTP;

	if (session->is_refused && !span_equal_nocase(verb, span_of("QUIT"))) {
		reply_error(session, "503 5.5.1 no service for you: say QUIT");
		return;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *command = &commands[i];

		if (!span_equal_nocase(verb, span_of(command->verb)) ||
		    (own != ODMR && !(command->protocols & own)))
			continue;
		if (!(command->protocols & own))
			reply_error(
			    session, "502 5.5.1 this port is for ATRN alone");
		else if (command->needs_no_argument &&
			 span_trim(argument).len > 0)
			reply_error(session,
			    "501 5.5.4 this command takes no argument");
		else
			command->handle(session, argument);
		if (command->is_junk)
			count_junk(session);
		return;
	}
	if (is_another_protocol(verb)) {
		refuse_and_end(session, "521 5.5.1 this is SMTP: closing");
		return;
	}
	reply_error(session, "500 5.5.1 no such command: try HELP");
	count_junk(session);
}

/*
 * CRLF ends a line and stands nowhere else: RFC 5321 section 2.3.8.  What comes
 * behind a bare LF may be meant as a part of that line, and is never read.
 */
static void
refuse_bare_lf(struct session *session)
{
	refuse_and_end(
	    session, "521 5.5.2 lines end with CRLF: bare LF, closing");
}

static void
handle_long_line(struct session *session)
{
	if (session->in.before_lf[2] == '\r')
		reply_error(session, "500 5.5.6 line too long");
	else
		refuse_bare_lf(session);
}

static void
handle_line(struct session *session, struct span line)
{
	size_t len = line.len;

	if (len < 2 || line.ptr[len - 2] != '\r') {
		refuse_bare_lf(session);
		return;
	}
	if (len > COMMAND_MAX && !span_starts_nocase(line, span_of("AUTH "))) {
		reply_error(session, "500 5.5.6 line too long");
		return;
	}
	if (span_index(line, '\r') != len - 2) {
		reply_error(
		    session, "500 5.5.2 lines end with CRLF: bare CR refused");
		return;
	}
	if (span_index(line, '\0') < len) {
		reply_error(session, "500 5.5.2 a NUL byte is refused");
		return;
	}
	handle_command(session, span_slice(line, 0, len - 2));
}

/* RFC 5321 section 3.1: after 554 the client may only leave. */
void
greeting(struct session *session)
{
	if (!filter_connect(session)) {
		session->is_refused = true;
		return;
	}
	write_string(&session->out, "220 ");
	write_span(&session->out, buf_span(&session->settings->me));
	reply(session, session->settings->is_lmtp ? " LMTP Estafeta"
		       : session->settings->is_odmr
			   ? " ESMTP Estafeta, on-demand mail "
			     "relay"
			   : " ESMTP Estafeta");
}

/* ---- how slow it may be ---- */

/* One that brought mail, or may relay, is worth waiting for. */
static int64_t
wait_until(void *context, int64_t began_ms)
{
	struct session *session = context;
	bool is_worth = session->messages > 0 || session->is_trusted ||
			session->user.len > 0;

	return pace_until(&session->pace, began_ms, clock_ms(),
	    !is_worth && strain_is_on(session->settings->strain));
}

static void
set_pace(struct session *session)
{
	const struct pace_settings *pace = &session->settings->pace;

	pace_begin(&session->pace, pace, clock_ms());
	session->patience = (struct patience){ wait_until, session };
	session->in.patience = &session->patience;
	session->out.patience = &session->patience;
}

/* The reply gets away, or not: nobody waits for that. */
void
end_slow(struct session *session)
{
	session->out.patience = NULL;
	session->out.timeout_ms = 0;
	refuse_and_end(session, pace_reply(&session->pace));
}

/* It never waits, so that nothing else ends it. */
static void
end_if_too_long(struct session *session)
{
	if (session->is_done || clock_ms() < session->pace.session_ends_ms)
		return;
	session->pace.limit = PACE_SESSION;
	end_slow(session);
}

static enum io_status
converse(struct session *session)
{
	enum io_status status = IO_OK;

	if (session->peer->begins_tls && !session_begin_tls(session))
		return IO_ERROR;
	if (!waits_for_greeting(session))
		return writer_flush(&session->out);
	greeting(session);
	while (!session->is_done && status == IO_OK) {
		status = read_line(&session->in, &session->line);
		if (status == IO_TOO_LONG) {
			status = IO_OK;
			handle_long_line(session);
		} else if (status == IO_OK) {
			handle_line(session, buf_span(&session->line));
			end_if_too_long(session);
		} else if (status == IO_TIMEOUT) {
			end_slow(session);
		}
		if (session->in.status == IO_TIMEOUT)
			status = IO_TIMEOUT;
	}
	writer_flush(&session->out);
	return status;
}

/* One that brought mail and ended as it should has said all by that. */
static void
log_end(const struct session *session, enum io_status status)
{
	if (session->messages > 0 && session->errors == 0 && session->is_done)
		return;
	log_event("end client=%s messages=%llu errors=%llu%s",
	    session->peer->text, (unsigned long long)session->messages,
	    (unsigned long long)session->errors,
	    status == IO_TIMEOUT ? " reason=timeout"
	    : session->is_done   ? ""
				 : " reason=closed");
}

static void
session_begin(struct session *session, const struct peer *peer,
    const struct neighbours *neighbours, const struct settings *settings)
{
	session->settings = settings;
	session->accepted = peer;
	session->neighbours = *neighbours;
	session->line = buf_new(AUTH_LINE_MAX);
	/* a secret never moves in it */
	buf_room(&session->line, AUTH_LINE_MAX);
	session->forwarded = buf_new(FORWARDED_MAX);
	session->helo = buf_new(ADDR_DOMAIN_MAX);
	session->user = buf_new(LOGIN_USER_MAX);
	session_forget_claims(session);
	session->is_proxy = session_is_of(session, &settings->xclient_nets);
	session->binding = buf_new(SASL_BINDING_MAX);
	session->certificate = buf_new(LOGIN_USER_MAX);
	session->sender = buf_new(COMMAND_MAX);
	session->solicitation = buf_new(SOLICITATION_MAX);
	session->records = buf_new(RECORDS_MAX);
	session->recipients = buf_new(RECIPIENTS_BYTES_MAX);
	session->only_recipient = buf_new(COMMAND_MAX);
	if (peer->tls != NULL) {
		session->is_tls = true;
		session->tls = *peer->tls;
	}
	filter_begin(session, neighbours->filters);
}

void
session_serve(struct session *session, int client_in, int client_out,
    const struct peer *peer, const struct neighbours *neighbours,
    const struct settings *settings)
{
	session_begin(session, peer, neighbours, settings);
	writer_init(&session->out, client_out, settings->pace.command_ms);
	reader_init(&session->in, client_in, settings->pace.command_ms);
	session->in.peer = &session->out;
	set_pace(session);
	auth_open(session);

	log_end(session, converse(session));
	bdat_end(session);
}

/* What is behind the small fields begins anew by itself. */
bool
session_run(int client_in, int client_out, const struct peer *peer,
    const struct neighbours *neighbours, const struct settings *settings)
{
	static struct session session; /* large: untouched pages cost nothing */

	memset(&session, 0, offsetof(struct session, out));
	session_serve(
	    &session, client_in, client_out, peer, neighbours, settings);
	session_free(&session);
	return session.is_free;
}

void
session_free(struct session *session)
{
	struct buf *const bufs[] = { &session->line, &session->forwarded,
		&session->helo, &session->user, &session->binding,
		&session->certificate, &session->sender, &session->solicitation,
		&session->records, &session->recipients,
		&session->only_recipient };

	for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
		buf_free(bufs[i]);
}
