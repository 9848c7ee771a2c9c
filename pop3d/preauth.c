#include "pop3d/preauth.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/die.h"
#include "net/starttls.h"
#include "pop3d/transaction.h"
#include "queue/login.h"
#include "queue/neighbour.h"

enum {
	CHALLENGE_TIMEOUT_MS = 10000,
	LOGIN_TIMEOUT_MS = 120000
};

struct preauth {
	const struct preauth_settings *settings;
	const struct peer *peer;
	struct buf user;
	int login;
	int tls;         /* -1: none, or none any more */
	unsigned offers; /* enum login_offer */
	unsigned attempts;
	struct tls_facts facts; /* zeros without TLS */
	bool is_tls;
	bool is_trusted; /* nobody can read its line, or all may */
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

/* Give login the record and the client, and wait for its verdict. */
static enum login_verdict
ask_login(struct conversation *talk, const struct login_request *request)
{
	struct preauth *preauth = talk->context;
	enum login_verdict verdict = LOGIN_LATER;

	/* From here on login may give the client to another process. */
	writer_flush(&talk->out);
	if (!login_send_request(preauth->login, request, talk->in.fd) ||
	    login_receive_answer(preauth->login, &verdict, LOGIN_TIMEOUT_MS) !=
		1)
		return LOGIN_LATER;
	return verdict;
}

/* A name or secret that no record can hold is nobody's. */
static enum login_verdict
check(struct conversation *talk, enum login_method method, struct span secret)
{
	struct preauth *preauth = talk->context;
	static struct login_request request; /* large */
	unsigned char network[16] = { 0 };
	enum login_verdict verdict = LOGIN_NO;

	network_of_socket(&preauth->peer->address, network);
	if (login_request_init(
		&request, LOGIN_POP3, method, buf_span(&preauth->user)) &&
	    login_head_set_peer(
		&request.head, span_of(preauth->peer->text), network) &&
	    login_request_set_secret(&request, secret) &&
	    login_request_set_input(&request, unread(talk)))
		verdict = ask_login(talk, &request);
	login_request_wipe(&request);
	return verdict;
}

/* Too much of it, and no record can carry it to the user's process. */
static bool
has_room(struct conversation *talk)
{
	if (unread(talk).len <= LOGIN_INPUT_MAX)
		return true;
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
	if (++preauth->attempts >= AUTH_ATTEMPTS_MAX)
		talk->is_done = true;
}

static void
log_in(struct conversation *talk, enum login_method method, struct span secret)
{
	if (has_room(talk))
		reply_verdict(talk, check(talk, method, secret));
}

static void
handle_user(struct conversation *talk, struct span argument)
{
	struct preauth *preauth = talk->context;

	if (!preauth->is_trusted) {
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

	if (!preauth->is_trusted)
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

	if (!preauth->is_trusted) {
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

static struct mechanisms_channel
channel_of(const struct preauth *preauth)
{
	return (struct mechanisms_channel){
		.has_binding = starttls_binding(&preauth->facts).len > 0,
		.has_certificate = preauth->facts.client_name[0] != '\0',
		.offers = preauth->offers
	};
}

/* The mechanisms, each after separator. */
static struct buf
list_mechanisms(const struct preauth *preauth, const char *separator)
{
	const struct mechanisms_channel channel = channel_of(preauth);
	struct buf text = buf_new(1024);
	size_t place = 0;
	const char *name;

	while ((name = mechanisms_next(&preauth->settings->auth.mechanisms,
		    &channel, &place)) != NULL) {
		buf_add_string(&text, separator);
		buf_add_string(&text, name);
	}
	return text;
}

/* The client is proven: login's child becomes its user. */
static enum login_verdict
hand_over(struct conversation *talk)
{
	struct preauth *preauth = talk->context;
	enum login_verdict verdict = LOGIN_LATER;

	writer_flush(&talk->out);
	if (!login_send_handover(preauth->login, unread(talk), talk->in.fd) ||
	    login_receive_answer(preauth->login, &verdict, LOGIN_TIMEOUT_MS) !=
		1)
		return LOGIN_LATER;
	return verdict;
}

static void
reply_outcome(struct conversation *talk, enum auth_outcome outcome)
{
	switch (outcome) {
	case AUTH_PROVEN:
		if (has_room(talk))
			reply_verdict(talk, hand_over(talk));
		return;
	case AUTH_NO:
		reply_verdict(talk, LOGIN_NO);
		return;
	case AUTH_FULL:
		reply_verdict(talk, LOGIN_FULL);
		return;
	case AUTH_OK:
	case AUTH_LATER:
		reply_verdict(talk, LOGIN_LATER);
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
run_auth(struct conversation *talk, struct span mechanism, struct span initial,
    bool has_initial)
{
	struct preauth *preauth = talk->context;
	const struct auth auth = { .service = LOGIN_POP3,
		.login = preauth->login,
		.peer = preauth->peer,
		.in = &talk->in,
		.out = &talk->out,
		.line = &talk->line,
		.prompt = "+ ",
		.binding = starttls_binding(&preauth->facts),
		.certificate = span_of(preauth->facts.client_name) };
	struct buf account = buf_new(LOGIN_USER_MAX);

	reply_outcome(
	    talk, auth_run(&auth, mechanism, initial, has_initial, &account));
	buf_free(&account);
}

static void
handle_auth(struct conversation *talk, struct span argument)
{
	struct preauth *preauth = talk->context;
	const struct mechanisms_channel channel = channel_of(preauth);
	struct buf mechanism = buf_new(SASL_MECHANISM_MAX);
	struct span initial;
	bool has_initial;

	if (!preauth->is_trusted) {
		conversation_refuse(talk, clear_text_refused);
	} else if (span_trim(argument).len == 0) {
		struct buf list = list_mechanisms(preauth, "\r\n");

		write_string(&talk->out, "+OK");
		write_span(&talk->out, buf_span(&list));
		conversation_reply(talk, "\r\n.");
		buf_free(&list);
	} else if (!auth_parse(argument, &mechanism, &initial, &has_initial) ||
		   !mechanisms_has(&preauth->settings->auth.mechanisms,
		       &channel, buf_span(&mechanism))) {
		conversation_refuse(
		    talk, "-ERR no such mechanism: CAPA lists them");
	} else {
		run_auth(talk, buf_span(&mechanism), initial, has_initial);
	}
	buf_free(&mechanism);
}

static void
handle_capa(struct conversation *talk, struct span argument)
{
	const struct preauth *preauth = talk->context;
	struct buf sasl = buf_new(1024);
	const char *more[4] = { NULL };
	size_t count = 0;

	(void)argument;
	if (preauth->is_trusted) {
		struct buf list = list_mechanisms(preauth, " ");

		buf_add_string(&sasl, "SASL");
		buf_add(&sasl, buf_span(&list));
		buf_free(&list);
		more[count++] = "USER";
		more[count++] = buf_string(&sasl);
	}
	if (preauth->tls != -1)
		more[count++] = "STLS";
	transaction_reply_capabilities(talk, more);
	buf_free(&sasl);
}

static bool
take_tls(struct conversation *talk)
{
	struct preauth *preauth = talk->context;
	int tls = preauth->tls;

	preauth->tls = -1;
	preauth->is_tls = starttls_take(
	    tls, preauth->peer->text, &talk->in, &talk->out, &preauth->facts);
	preauth->is_trusted = preauth->is_tls;
	return preauth->is_tls;
}

/* RFC 2595 section 4: the state begins anew, and what was read is dropped. */
static void
handle_stls(struct conversation *talk, struct span argument)
{
	struct preauth *preauth = talk->context;

	(void)argument;
	if (preauth->is_tls) {
		conversation_refuse(talk, "-ERR TLS is on already");
		return;
	}
	if (preauth->tls == -1 ||
	    !starttls_begin(preauth->tls, preauth->peer->text)) {
		conversation_refuse(talk, "-ERR [SYS/TEMP] no TLS now");
		preauth->tls = -1;
		return;
	}
	conversation_reply(talk, "+OK begin TLS");
	buf_wipe(&preauth->user);
	talk->is_done = !take_tls(talk);
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
	{ "NOOP", handle_noop, false, false },
	{ "QUIT", handle_quit, false, false },
};

/* With a challenge, where it may be used; false if login is not there. */
static bool
greet(struct conversation *talk)
{
	struct preauth *preauth = talk->context;
	struct login_hello hello;

	if (login_receive_hello(preauth->login, &hello, CHALLENGE_TIMEOUT_MS) !=
	    1) {
		conversation_reply(
		    talk, "-ERR [SYS/TEMP] cannot log in now: try later");
		writer_flush(&talk->out);
		return false;
	}
	preauth->offers = hello.offers;
	write_string(&talk->out, "+OK ");
	write_span(&talk->out, buf_span(&preauth->settings->me));
	write_string(&talk->out, " POP3 Estafeta");
	if (preauth->is_trusted && hello.challenge_len > 0) {
		write_string(&talk->out, " ");
		write_span(&talk->out,
		    (struct span){ hello.challenge, hello.challenge_len });
	}
	conversation_reply(talk, "");
	return true;
}

int
preauth_run(int client, const struct peer *peer, int login, int tls,
    const struct preauth_settings *settings)
{
	static struct conversation talk; /* large */
	static struct preauth preauth;   /* as long as talk */

	preauth = (struct preauth){ .settings = settings,
		.peer = peer,
		.user = buf_new(LOGIN_USER_MAX),
		.login = login,
		.tls = tls,
		.is_trusted = auth_may_be_clear(&settings->auth, peer) };

	conversation_open(&talk, client, client, settings->timeout_s);
	talk.line = buf_new(AUTH_LINE_MAX);
	buf_room(&talk.line, AUTH_LINE_MAX); /* a secret never moves in it */
	talk.errors_max = settings->errors_max;
	talk.context = &preauth;
	if (peer->begins_tls &&
	    (tls == -1 || !starttls_begin(tls, peer->text) || !take_tls(&talk)))
		return EX_PROTOCOL;
	if (!greet(&talk))
		return EX_TEMPFAIL;
	enum io_status status = conversation_run(
	    &talk, commands, sizeof(commands) / sizeof(*commands));
	if (!preauth.is_handed_over)
		log_event("end client=%s attempts=%u%s", peer->text,
		    preauth.attempts,
		    status == IO_TIMEOUT ? " reason=timeout" : "");
	return EX_OK;
}
