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
	ATTEMPTS_MAX = 3,
	CHALLENGE_TIMEOUT_MS = 10000,
	LOGIN_TIMEOUT_MS = 120000
};

struct preauth {
	const struct preauth_settings *settings;
	const struct peer *peer;
	struct buf user;
	int login;
	int tls; /* -1: none, or none any more */
	unsigned attempts;
	bool is_tls;
	bool is_trusted; /* nobody can read its line, or all may */
	bool is_handed_over;
};

static const char clear_text_refused[] =
    "-ERR [AUTH] this connection is not encrypted: say STLS, or use port 995";

bool
preauth_is_trusted(
    const struct preauth_settings *settings, const struct peer *peer)
{
	static const unsigned char ipv4_loopback[13] =
	    "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f";
	static const unsigned char ipv6_loopback[16] = { [15] = 1 };
	unsigned char bytes[16];

	if (!network_of_socket(&peer->address, bytes))
		return false;
	return memcmp(bytes, ipv4_loopback, 13) == 0 ||
	       memcmp(bytes, ipv6_loopback, 16) == 0 ||
	       network_list_has(&settings->clear_text, &peer->address);
}

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
	    login_request_set_peer(
		&request, span_of(preauth->peer->text), network) &&
	    login_request_set_secret(&request, secret) &&
	    login_request_set_input(&request, unread(talk)))
		verdict = ask_login(talk, &request);
	login_request_wipe(&request);
	return verdict;
}

static void
log_in(struct conversation *talk, enum login_method method, struct span secret)
{
	struct preauth *preauth = talk->context;

	if (unread(talk).len > LOGIN_INPUT_MAX) {
		conversation_reply(talk, "-ERR [SYS/TEMP] too much was sent "
					 "before the log-in was answered");
		talk->is_done = true;
		return;
	}
	switch (check(talk, method, secret)) {
	case LOGIN_OK:
		preauth->is_handed_over = talk->is_done = true;
		return;
	case LOGIN_NO:
		conversation_refuse(talk, "-ERR [AUTH] wrong name or password");
		break;
	case LOGIN_LATER:
		conversation_reply(
		    talk, "-ERR [SYS/TEMP] cannot log in now: try later");
		talk->is_done = true;
		break;
	case LOGIN_FULL:
		conversation_reply(
		    talk, "-ERR [IN-USE] this account has too many sessions");
		talk->is_done = true;
	}
	buf_wipe(&preauth->user);
	if (++preauth->attempts >= ATTEMPTS_MAX)
		talk->is_done = true;
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

static void
handle_capa(struct conversation *talk, struct span argument)
{
	const struct preauth *preauth = talk->context;
	const char *more[3] = { NULL };
	size_t count = 0;

	(void)argument;
	if (preauth->is_trusted)
		more[count++] = "USER";
	if (preauth->tls != -1)
		more[count++] = "STLS";
	transaction_reply_capabilities(talk, more);
}

static bool
take_tls(struct conversation *talk)
{
	struct preauth *preauth = talk->context;
	struct tls_facts facts;
	int tls = preauth->tls;

	preauth->tls = -1;
	preauth->is_tls = starttls_take(
	    tls, preauth->peer->text, &talk->in, &talk->out, &facts);
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
	struct preauth preauth = { .settings = settings,
		.peer = peer,
		.user = buf_new(LOGIN_USER_MAX),
		.login = login,
		.tls = tls,
		.is_trusted = preauth_is_trusted(settings, peer) };

	conversation_open(&talk, client, client, settings->timeout_s);
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
