#include "smtpd/session.h"

#include <stdio.h>
#include <string.h>

#include "base/die.h"
#include "queue/login.h"

void
reply(struct session *session, const char *text)
{
	write_string(&session->out, text);
	write_string(&session->out, "\r\n");
}

void
reply_error(struct session *session, const char *text)
{
	reply(session, text);
	if (++session->errors < session->settings->errors_max)
		return;
	reply(session, "421 4.7.0 too many errors: closing the connection");
	session->is_done = true;
}

void
session_reset(struct session *session)
{
	filter_reset(session);
	session->has_sender = false;
	session->is_8bit = false;
	session->needs_utf8 = false;
	session->recipient_count = 0;
	buf_clear(&session->sender);
	buf_clear(&session->recipients);
	buf_clear(&session->only_recipient);
}

/* A name or address literal: visible bytes that cannot upset Received. */
static bool
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
	char size[40];

	if (!greet(session, argument, true))
		return;
	write_string(&session->out, "250-");
	write_span(&session->out, buf_span(&session->settings->me));
	reply(session, "");
	reply(session, "250-PIPELINING");
	snprintf(size, sizeof(size), "250-SIZE %llu",
	    (unsigned long long)session->settings->size_max);
	reply(session, size);
	reply(session, "250-8BITMIME");
	reply(session, "250-SMTPUTF8");
	reply(session, "250-ENHANCEDSTATUSCODES");
	reply(session, "250 HELP");
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
	reply(session,
	    "214 2.0.0 HELO EHLO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT");
}

static void
handle_quit(struct session *session, struct span argument)
{
	(void)argument;
	reply(session, "221 2.0.0 bye");
	session->is_done = true;
}

static const struct command {
	const char *verb;
	void (*handle)(struct session *session, struct span argument);
	bool needs_no_argument;
} commands[] = {
	{ "MAIL", handle_mail, false },
	{ "RCPT", handle_rcpt, false },
	{ "DATA", handle_data, true },
	{ "EHLO", handle_ehlo, false },
	{ "HELO", handle_helo, false },
	{ "RSET", handle_rset, true },
	{ "NOOP", handle_noop, false },
	{ "VRFY", handle_vrfy, false },
	{ "HELP", handle_help, false },
	{ "QUIT", handle_quit, true },
};

static void
handle_command(struct session *session, struct span line)
{
	size_t verb_len = span_index(line, ' ');
	struct span verb = span_slice(line, 0, verb_len);
	struct span argument = span_slice(line, verb_len + 1, line.len);

	if (session->is_refused && !span_equal_nocase(verb, span_of("QUIT"))) {
		reply_error(session, "503 5.5.1 no service for you: say QUIT");
		return;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *command = &commands[i];

		if (!span_equal_nocase(verb, span_of(command->verb)))
			continue;
		if (command->needs_no_argument && span_trim(argument).len > 0)
			reply_error(session,
			    "501 5.5.4 this command takes no argument");
		else
			command->handle(session, argument);
		return;
	}
	if (span_equal_nocase(verb, span_of("EXPN")) ||
	    span_equal_nocase(verb, span_of("STARTTLS")) ||
	    span_equal_nocase(verb, span_of("AUTH")))
		reply_error(session, "502 5.5.1 not offered here");
	else
		reply_error(session, "500 5.5.1 no such command: try HELP");
}

/* CRLF ends a line and stands nowhere else: RFC 5321 section 2.3.8. */
static void
handle_line(struct session *session, struct span line)
{
	size_t len = line.len;

	if (len < 2 || line.ptr[len - 2] != '\r' ||
	    span_index(line, '\r') != len - 2) {
		reply_error(session,
		    "500 5.5.2 lines end with CRLF: bare CR or LF refused");
		return;
	}
	if (span_index(line, '\0') < len) {
		reply_error(session, "500 5.5.2 a NUL byte is refused");
		return;
	}
	handle_command(session, span_slice(line, 0, len - 2));
}

/* RFC 5321 section 3.1: after 554 the client may only leave. */
static void
greeting(struct session *session)
{
	if (!filter_connect(session)) {
		session->is_refused = true;
		return;
	}
	write_string(&session->out, "220 ");
	write_span(&session->out, buf_span(&session->settings->me));
	reply(session, " ESMTP Estafeta");
}

static enum io_status
converse(struct session *session)
{
	enum io_status status = IO_OK;

	greeting(session);
	while (!session->is_done && status == IO_OK) {
		status = read_line(&session->in, &session->line);
		if (status == IO_TOO_LONG) {
			status = IO_OK;
			reply_error(session, "500 5.5.6 line too long");
		} else if (status == IO_OK) {
			handle_line(session, buf_span(&session->line));
		} else if (status == IO_TIMEOUT) {
			reply(session, "421 4.4.2 too slow: closing");
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

int
session_run(int client_in, int client_out, const struct peer *peer, int lookup,
    int inject, const int *filters, const struct settings *settings)
{
	static struct session session; /* large: untouched pages cost nothing */
	int64_t timeout_ms = (int64_t)settings->timeout_s * 1000;

	session.settings = settings;
	session.peer = peer;
	session.lookup = lookup;
	session.inject = inject;
	session.is_trusted =
	    lookup == -1 ||
	    network_list_has(&settings->relay_clients, &peer->address);
	session.line = buf_new(COMMAND_MAX);
	session.helo = buf_new(ADDR_DOMAIN_MAX);
	session.user = buf_new(LOGIN_USER_MAX);
	session.sender = buf_new(COMMAND_MAX);
	session.recipients = buf_new(RECIPIENTS_BYTES_MAX);
	session.only_recipient = buf_new(COMMAND_MAX);
	filter_begin(&session, filters);
	writer_init(&session.out, client_out, timeout_ms);
	reader_init(&session.in, client_in, timeout_ms);
	session.in.peer = &session.out;

	log_end(&session, converse(&session));
	return EX_OK;
}
