#include "pop3d/preauth.h"

#include <string.h>

#include "base/die.h"
#include "pop3d/transaction.h"

struct preauth {
	struct gate gate;
	struct buf user;
	bool is_handed_over;
};

static const char clear_text_refused[] =
    "-ERR [AUTH] this connection is not encrypted: say STLS, or use port 995";

static struct span
unread(const struct conversation *talk)
{
	return (struct span){ talk->in.bytes + talk->in.start,
		talk->in.end - talk->in.start };
}

/* The mechanisms, each after separator. */
static struct buf
list_mechanisms(const struct preauth *preauth, const char *separator)
{
	struct buf text = buf_new(1024);
	size_t place = 0;
	const char *name;

	while ((name = gate_next_mechanism(&preauth->gate, &place)) != NULL) {
		buf_add_string(&text, separator);
		buf_add_string(&text, name);
	}
	return text;
}

/* The line of CAPA; empty where nobody may log in. */
static struct buf
sasl_line(const struct preauth *preauth)
{
	struct buf line = buf_new(1024);

	if (preauth->gate.is_trusted) {
		struct buf list = list_mechanisms(preauth, " ");

		buf_add_string(&line, "SASL");
		buf_add(&line, buf_span(&list));
		buf_free(&list);
	}
	return line;
}

/*
 * What the user's process gets: the tag of the language, " UTF8" after that
 * command, a space and CAPA's line of SASL, a LF, and what was read behind the
 * log-in.  False if no record can carry it.
 */
static bool
build_input(struct conversation *talk, struct buf *input)
{
	struct buf sasl = sasl_line(talk->context);

	*input = buf_new(LOGIN_INPUT_MAX);
	buf_add_string(input, language_tag(talk->language));
	buf_add_string(input, talk->is_utf8 ? " UTF8 " : " ");
	buf_add(input, buf_span(&sasl));
	buf_add_char(input, '\n');
	buf_free(&sasl);
	buf_add(input, unread(talk));
	if (!input->overflow)
		return true;
	buf_free(input);
	conversation_reply(talk, "-ERR [SYS/TEMP] too much was sent before "
				 "the log-in was answered");
	talk->is_done = true;
	return false;
}

static void
reply_verdict(struct conversation *talk, enum login_verdict verdict)
{
	struct preauth *preauth = talk->context;

	switch (verdict) {
	case LOGIN_OK:
		preauth->is_handed_over = talk->is_done = true;
		return;
	case LOGIN_NO:
		conversation_refuse(talk, "-ERR [AUTH] wrong name or password");
		break;
	case LOGIN_FULL:
		conversation_reply(
		    talk, "-ERR [IN-USE] this account has too many sessions");
		talk->is_done = true;
		break;
	case LOGIN_LATER:
	case LOGIN_PROVEN:
	case LOGIN_CANCELLED:
		conversation_reply(
		    talk, "-ERR [SYS/TEMP] cannot log in now: try later");
		talk->is_done = true;
	}
	buf_wipe(&preauth->user);
	if (!gate_may_try_again(&preauth->gate))
		talk->is_done = true;
}

static void
log_in(struct conversation *talk, enum login_method method, struct span secret)
{
	struct preauth *preauth = talk->context;
	struct buf input;

	if (!build_input(talk, &input))
		return;
	/* From here on login may give the client to another process. */
	writer_flush(&talk->out);
	reply_verdict(
	    talk, gate_log_in(&preauth->gate, method, buf_span(&preauth->user),
		      secret, buf_span(&input), talk->in.fd));
	buf_free(&input);
}

static void
handle_user(struct conversation *talk, struct span argument)
{
	struct preauth *preauth = talk->context;

	if (!preauth->gate.is_trusted) {
		conversation_refuse(talk, clear_text_refused);
		return;
	}
	buf_clear(&preauth->user);
	buf_add(&preauth->user, span_trim(argument));
	conversation_reply(talk, "+OK now the password");
}

/* All after the one space is the password: RFC 1939 section 7. */
static void
handle_pass(struct conversation *talk, struct span argument)
{
	struct preauth *preauth = talk->context;

	if (!preauth->gate.is_trusted)
		conversation_refuse(talk, clear_text_refused);
	else if (preauth->user.len == 0)
		conversation_refuse(talk, "-ERR USER first");
	else
		log_in(talk, LOGIN_PASSWORD, argument);
}

static void
handle_apop(struct conversation *talk, struct span argument)
{
	struct preauth *preauth = talk->context;
	struct span rest = span_trim(argument);
	struct span user = span_cut(&rest, ' ');

	if (!preauth->gate.is_trusted) {
		conversation_refuse(talk, clear_text_refused);
		return;
	}
	if (rest.len != 32) {
		conversation_refuse(
		    talk, "-ERR APOP NAME DIGEST, 32 hex digits");
		return;
	}
	buf_clear(&preauth->user);
	buf_add(&preauth->user, user);
	log_in(talk, LOGIN_APOP, rest);
}

/* ---- AUTH, RFC 5034 ---- */

/* The client is proven: login's child becomes its user. */
static void
hand_over(struct conversation *talk)
{
	struct preauth *preauth = talk->context;
	struct buf input;

	if (!build_input(talk, &input))
		return;
	writer_flush(&talk->out);
	reply_verdict(talk,
	    gate_hand_over(&preauth->gate, buf_span(&input), talk->in.fd));
	buf_free(&input);
}

static void
reply_outcome(struct conversation *talk, enum auth_outcome outcome)
{
	switch (outcome) {
	case AUTH_PROVEN:
		hand_over(talk);
		return;
	case AUTH_NO:
	case AUTH_FULL:
	case AUTH_OK:
	case AUTH_LATER:
		reply_verdict(talk, gate_verdict(outcome));
		return;
	case AUTH_CANCELLED:
		conversation_refuse(talk, "-ERR given up, as you wish");
		return;
	case AUTH_SYNTAX:
		conversation_refuse(talk, "-ERR not base64");
		return;
	case AUTH_TOO_LONG:
		conversation_refuse(talk, "-ERR line too long");
		return;
	case AUTH_CLOSED:
		talk->is_done = true;
	}
}

static void
handle_auth(struct conversation *talk, struct span argument)
{
	struct preauth *preauth = talk->context;
	struct buf mechanism = buf_new(SASL_MECHANISM_MAX);
	struct span initial;
	bool has_initial;

	if (!preauth->gate.is_trusted) {
		conversation_refuse(talk, clear_text_refused);
	} else if (span_trim(argument).len == 0) {
		struct buf list = list_mechanisms(preauth, "\r\n");

		write_string(&talk->out, "+OK");
		write_span(&talk->out, buf_span(&list));
		conversation_reply(talk, "\r\n.");
		buf_free(&list);
	} else if (!auth_parse(argument, &mechanism, &initial, &has_initial) ||
		   !gate_has_mechanism(&preauth->gate, buf_span(&mechanism))) {
		conversation_refuse(
		    talk, "-ERR no such mechanism: CAPA lists them");
	} else {
		reply_outcome(
		    talk, gate_authenticate(&preauth->gate, &talk->in,
			      &talk->out, &talk->line, buf_span(&mechanism),
			      initial, has_initial));
	}
	buf_free(&mechanism);
}

static void
handle_capa(struct conversation *talk, struct span argument)
{
	const struct preauth *preauth = talk->context;
	struct buf sasl = sasl_line(preauth);

	(void)argument;
	transaction_reply_capabilities(talk, buf_span(&sasl),
	    preauth->gate.tls != -1, preauth->gate.settings->login_delay_s);
	buf_free(&sasl);
}

/* RFC 2595 section 4: the state begins anew, and what was read is dropped. */
static void
handle_stls(struct conversation *talk, struct span argument)
{
	struct preauth *preauth = talk->context;

	(void)argument;
	if (preauth->gate.is_tls) {
		conversation_refuse(talk, "-ERR TLS is on already");
		return;
	}
	/* RFC 6856 section 2.1: the client must not. */
	if (talk->is_utf8) {
		conversation_refuse(talk, "-ERR STLS goes before UTF8");
		return;
	}
	if (!gate_begin_tls(&preauth->gate)) {
		conversation_refuse(talk, "-ERR [SYS/TEMP] no TLS now");
		return;
	}
	conversation_reply(talk, "+OK begin TLS");
	buf_wipe(&preauth->user);
	talk->language = LANGUAGE_DEFAULT;
	talk->is_done = !gate_take_tls(&preauth->gate, &talk->in, &talk->out);
}

static void
handle_utf8(struct conversation *talk, struct span argument)
{
	(void)argument;
	talk->is_utf8 = true;
	conversation_reply(talk, "+OK messages come as they are");
}

static void
handle_noop(struct conversation *talk, struct span argument)
{
	(void)argument;
	conversation_reply(talk, "+OK");
}

static void
handle_quit(struct conversation *talk, struct span argument)
{
	(void)argument;
	conversation_reply(talk, "+OK bye");
	talk->is_done = true;
}

static const struct command commands[] = {
	{ "CAPA", handle_capa, false, false },
	{ "STLS", handle_stls, false, false },
	{ "USER", handle_user, true, false },
	{ "PASS", handle_pass, true, false },
	{ "APOP", handle_apop, true, false },
	{ "AUTH", handle_auth, true, true },
	{ "UTF8", handle_utf8, false, false },
	{ "LANG", conversation_handle_lang, true, true },
	{ "NOOP", handle_noop, false, false },
	{ "QUIT", handle_quit, false, false },
};

/* With a challenge, where it may be used; false if login is not there. */
static bool
greet(struct conversation *talk)
{
	struct preauth *preauth = talk->context;
	struct login_hello hello;

	if (!gate_hear(&preauth->gate, &hello)) {
		conversation_reply(
		    talk, "-ERR [SYS/TEMP] cannot log in now: try later");
		writer_flush(&talk->out);
		return false;
	}
	write_string(&talk->out, "+OK ");
	write_span(&talk->out, buf_span(&preauth->gate.settings->me));
	write_string(&talk->out, " POP3 Estafeta");
	if (preauth->gate.is_trusted && hello.challenge_len > 0) {
		write_string(&talk->out, " ");
		write_span(&talk->out,
		    (struct span){ hello.challenge, hello.challenge_len });
	}
	conversation_reply(talk, "");
	return true;
}

int
preauth_run(int client, const struct peer *peer, int login, int tls,
    const struct gate_settings *settings)
{
	static struct conversation talk; /* large */
	static struct preauth preauth;   /* as long as talk */
	struct gate *gate = &preauth.gate;

	gate_init(gate, LOGIN_POP3, peer, login, tls, settings);
	preauth.user = buf_new(LOGIN_USER_MAX);
	preauth.is_handed_over = false;
	conversation_open(&talk, client, client, settings->timeout_s);
	talk.line = buf_new(AUTH_LINE_MAX);
	buf_room(&talk.line, AUTH_LINE_MAX); /* a secret never moves in it */
	talk.errors_max = settings->errors_max;
	talk.context = &preauth;
	if (peer->begins_tls && (!gate_begin_tls(gate) ||
				    !gate_take_tls(gate, &talk.in, &talk.out)))
		return EX_PROTOCOL;
	if (!greet(&talk))
		return EX_TEMPFAIL;
	enum io_status status = conversation_run(
	    &talk, commands, sizeof(commands) / sizeof(*commands));
	if (!preauth.is_handed_over)
		log_event("end client=%s attempts=%u%s", peer->text,
		    gate->attempts,
		    status == IO_TIMEOUT ? " reason=timeout" : "");
	return EX_OK;
}
