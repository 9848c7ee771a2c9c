#include "imapd/preauth.h"

#include <string.h>

#include "base/die.h"
#include "imapd/capabilities.h"
#include "imapd/input.h"
#include "net/starttls.h"
#include "queue/login.h"

enum {
	CHALLENGE_TIMEOUT_MS = 10000,
	LOGIN_TIMEOUT_MS = 120000,
	TAG_MAX = 200
};

struct preauth {
	const struct preauth_settings *settings;
	const struct peer *peer;
	struct reader in;
	struct writer out;
	struct input input;
	struct buf tag;
	uint64_t errors;
	int login;
	int tls;         /* -1: none, or none any more */
	unsigned offers; /* enum login_offer */
	unsigned attempts;
	struct tls_facts facts; /* zeros without TLS */
	bool is_tls;
	bool is_trusted; /* nobody can read its line, or all may */
	bool is_done;
	bool is_handed_over;
};

static const char clear_text_refused[] =
    "NO [PRIVACYREQUIRED] this connection is not encrypted: say STARTTLS, or "
    "use port 993";

static void
reply(struct preauth *preauth, const char *text)
{
	write_span(&preauth->out, buf_span(&preauth->tag));
	write_string(&preauth->out, " ");
	write_string(&preauth->out, text);
	write_string(&preauth->out, "\r\n");
}

static void
refuse(struct preauth *preauth, const char *text)
{
	reply(preauth, text);
	if (++preauth->errors < preauth->settings->errors_max)
		return;
	write_string(&preauth->out, "* BYE too many errors\r\n");
	preauth->is_done = true;
}

/* ---- the log-in: login(5) ---- */

/*
 * What the user's process gets: the tag that it answers, a LF, and what was
 * read behind the command.  False if no record can carry it.
 */
static bool
build_input(struct preauth *preauth, struct buf *input)
{
	*input = buf_new(LOGIN_INPUT_MAX);
	buf_add(input, buf_span(&preauth->tag));
	buf_add_char(input, '\n');
	buf_add(input, (struct span){ preauth->in.bytes + preauth->in.start,
			   preauth->in.end - preauth->in.start });
	if (!input->overflow)
		return true;
	reply(preauth,
	    "NO [LIMIT] too much was sent before the log-in was answered");
	preauth->is_done = true;
	return false;
}

static enum login_verdict
wait_verdict(struct preauth *preauth, bool is_sent)
{
	enum login_verdict verdict = LOGIN_LATER;

	if (!is_sent || login_receive_answer(
			    preauth->login, &verdict, LOGIN_TIMEOUT_MS) != 1)
		return LOGIN_LATER;
	return verdict;
}

/* A name or secret that no record can hold is nobody's. */
static enum login_verdict
check(struct preauth *preauth, struct span user, struct span secret,
    struct span input)
{
	static struct login_request request; /* large */
	unsigned char network[16] = { 0 };
	enum login_verdict verdict = LOGIN_NO;

	network_of_socket(&preauth->peer->address, network);
	if (user.len > 0 &&
	    login_request_init(&request, LOGIN_IMAP, LOGIN_PASSWORD, user) &&
	    login_head_set_peer(
		&request.head, span_of(preauth->peer->text), network) &&
	    login_request_set_secret(&request, secret) &&
	    login_request_set_input(&request, input)) {
		/* From here on login may give the client away. */
		writer_flush(&preauth->out);
		verdict =
		    wait_verdict(preauth, login_send_request(preauth->login,
					      &request, preauth->in.fd));
	}
	login_request_wipe(&request);
	return verdict;
}

static void
reply_verdict(struct preauth *preauth, enum login_verdict verdict)
{
	switch (verdict) {
	case LOGIN_OK:
		preauth->is_handed_over = preauth->is_done = true;
		return;
	case LOGIN_NO:
		refuse(preauth,
		    "NO [AUTHENTICATIONFAILED] wrong name or password");
		break;
	case LOGIN_FULL:
		reply(preauth, "NO [LIMIT] this account has too many sessions");
		preauth->is_done = true;
		break;
	case LOGIN_LATER:
	case LOGIN_PROVEN:
	case LOGIN_CANCELLED:
		reply(preauth, "NO [UNAVAILABLE] cannot log in now: try later");
		preauth->is_done = true;
	}
	if (++preauth->attempts >= AUTH_ATTEMPTS_MAX)
		preauth->is_done = true;
}

static void
handle_login(struct preauth *preauth, struct parse *parse)
{
	struct buf input;
	struct span user;
	struct span secret;

	if (!preauth->is_trusted)
		refuse(preauth, clear_text_refused);
	else if (!parse_space(parse) || !parse_astring(parse, &user) ||
		 !parse_space(parse) || !parse_astring(parse, &secret) ||
		 !parse_is_end(parse))
		refuse(preauth, "BAD LOGIN NAME PASSWORD");
	else if (build_input(preauth, &input)) {
		reply_verdict(
		    preauth, check(preauth, user, secret, buf_span(&input)));
		buf_free(&input);
	}
}

/* ---- AUTHENTICATE, RFC 9051 section 6.2.2 ---- */

static struct mechanisms_channel
channel_of(const struct preauth *preauth)
{
	return (struct mechanisms_channel){
		.has_binding = starttls_binding(&preauth->facts).len > 0,
		.has_certificate = preauth->facts.client_name[0] != '\0',
		.offers = preauth->offers
	};
}

/* The client is proven: login's child becomes its user. */
static void
hand_over(struct preauth *preauth)
{
	struct buf input;

	if (!build_input(preauth, &input))
		return;
	writer_flush(&preauth->out);
	reply_verdict(preauth,
	    wait_verdict(preauth, login_send_handover(preauth->login,
				      buf_span(&input), preauth->in.fd)));
	buf_free(&input);
}

static void
reply_outcome(struct preauth *preauth, enum auth_outcome outcome)
{
	switch (outcome) {
	case AUTH_PROVEN:
		hand_over(preauth);
		return;
	case AUTH_NO:
		reply_verdict(preauth, LOGIN_NO);
		return;
	case AUTH_FULL:
		reply_verdict(preauth, LOGIN_FULL);
		return;
	case AUTH_OK:
	case AUTH_LATER:
		reply_verdict(preauth, LOGIN_LATER);
		return;
	case AUTH_CANCELLED:
		refuse(preauth, "BAD given up, as you wish");
		return;
	case AUTH_SYNTAX:
		refuse(preauth, "BAD not base64");
		return;
	case AUTH_TOO_LONG:
		refuse(preauth, "BAD line too long");
		return;
	case AUTH_CLOSED:
		preauth->is_done = true;
	}
}

static void
run_auth(struct preauth *preauth, struct span mechanism, struct span initial,
    bool has_initial)
{
	const struct auth auth = { .service = LOGIN_IMAP,
		.login = preauth->login,
		.peer = preauth->peer,
		.in = &preauth->in,
		.out = &preauth->out,
		.line = &preauth->input.line,
		.prompt = "+ ",
		.binding = starttls_binding(&preauth->facts),
		.certificate = span_of(preauth->facts.client_name) };
	struct buf account = buf_new(LOGIN_USER_MAX);

	reply_outcome(preauth,
	    auth_run(&auth, mechanism, initial, has_initial, &account));
	buf_free(&account);
}

static void
handle_authenticate(struct preauth *preauth, struct parse *parse)
{
	const struct mechanisms_channel channel = channel_of(preauth);
	struct buf mechanism = buf_new(SASL_MECHANISM_MAX);
	struct span initial;
	bool has_initial;

	if (!preauth->is_trusted)
		refuse(preauth, clear_text_refused);
	else if (!parse_space(parse) ||
		 !auth_parse(
		     parse_rest(parse), &mechanism, &initial, &has_initial) ||
		 !mechanisms_has(&preauth->settings->auth.mechanisms, &channel,
		     buf_span(&mechanism)))
		refuse(preauth, "NO [CANNOT] no such mechanism");
	else
		run_auth(preauth, buf_span(&mechanism), initial, has_initial);
	buf_free(&mechanism);
}

/* ---- the other commands ---- */

static void
write_capabilities(struct preauth *preauth)
{
	const struct mechanisms_channel channel = channel_of(preauth);
	struct buf text = buf_new(4096);
	size_t place = 0;
	const char *name;

	capabilities_add(&text, false, 0);
	if (preauth->tls != -1)
		buf_add_string(&text, " STARTTLS");
	if (!preauth->is_trusted)
		buf_add_string(&text, " LOGINDISABLED");
	while (preauth->is_trusted &&
	       (name = mechanisms_next(&preauth->settings->auth.mechanisms,
		    &channel, &place)) != NULL) {
		buf_add_string(&text, " AUTH=");
		buf_add_string(&text, name);
	}
	write_string(&preauth->out, "CAPABILITY");
	write_span(&preauth->out, buf_span(&text));
	buf_free(&text);
}

static void
handle_capability(struct preauth *preauth, struct parse *parse)
{
	(void)parse;
	write_string(&preauth->out, "* ");
	write_capabilities(preauth);
	write_string(&preauth->out, "\r\n");
	reply(preauth, "OK done");
}

static bool
take_tls(struct preauth *preauth)
{
	int tls = preauth->tls;

	preauth->tls = -1;
	preauth->is_tls = starttls_take(tls, preauth->peer->text, &preauth->in,
	    &preauth->out, &preauth->facts);
	preauth->is_trusted = preauth->is_tls;
	return preauth->is_tls;
}

/* RFC 9051 section 6.2.1: what was read before is dropped. */
static void
handle_starttls(struct preauth *preauth, struct parse *parse)
{
	(void)parse;
	if (preauth->is_tls) {
		refuse(preauth, "BAD TLS is on already");
		return;
	}
	if (preauth->tls == -1 ||
	    !starttls_begin(preauth->tls, preauth->peer->text)) {
		refuse(preauth, "NO [UNAVAILABLE] no TLS now");
		preauth->tls = -1;
		return;
	}
	reply(preauth, "OK begin TLS");
	preauth->is_done = !take_tls(preauth);
}

static void
handle_noop(struct preauth *preauth, struct parse *parse)
{
	(void)parse;
	reply(preauth, "OK done");
}

/* RFC 2971: what the client says it is interests nobody here. */
static void
handle_id(struct preauth *preauth, struct parse *parse)
{
	parse->next = parse->end;
	write_string(&preauth->out, "* ID (\"name\" \"Estafeta\")\r\n");
	reply(preauth, "OK done");
}

static void
handle_enable(struct preauth *preauth, struct parse *parse)
{
	(void)parse;
	refuse(preauth, "BAD log in first");
}

static void
handle_logout(struct preauth *preauth, struct parse *parse)
{
	(void)parse;
	write_string(&preauth->out, "* BYE see you\r\n");
	reply(preauth, "OK bye");
	preauth->is_done = true;
}

static const struct {
	const char *verb;
	void (*handle)(struct preauth *preauth, struct parse *parse);
	bool has_argument;
} commands[] = {
	{ "CAPABILITY", handle_capability, false },
	{ "STARTTLS", handle_starttls, false },
	{ "LOGIN", handle_login, true },
	{ "AUTHENTICATE", handle_authenticate, true },
	{ "ENABLE", handle_enable, true },
	{ "ID", handle_id, true },
	{ "NOOP", handle_noop, false },
	{ "LOGOUT", handle_logout, false },
};

static void
run_command(struct preauth *preauth)
{
	struct buf *command = &preauth->input.command;
	struct parse parse = parse_begin(command);
	struct span tag;

	buf_clear(&preauth->tag);
	if (command->len == 0 || !parse_tag(&parse, &tag) ||
	    tag.len > TAG_MAX || !parse_space(&parse)) {
		buf_add_char(&preauth->tag, '*');
		refuse(preauth, "BAD a tag, a space and a command");
		return;
	}
	buf_add(&preauth->tag, tag);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (!parse_keyword(&parse, commands[i].verb))
			continue;
		if (!commands[i].has_argument && !parse_is_end(&parse))
			refuse(preauth, "BAD this command takes no argument");
		else
			commands[i].handle(preauth, &parse);
		return;
	}
	refuse(preauth, "BAD no such command here");
}

static void
step(struct preauth *preauth)
{
	struct literal literal;

	/* A secret never moves in these. */
	buf_room(&preauth->input.line, AUTH_LINE_MAX);
	buf_room(&preauth->input.command, AUTH_LINE_MAX);
	switch (input_read(&preauth->input, NULL, &literal)) {
	case INPUT_OK:
		run_command(preauth);
		break;
	case INPUT_TOO_LONG:
		buf_clear(&preauth->tag);
		buf_add_char(&preauth->tag, '*');
		refuse(preauth, "BAD [TOOBIG] the command is too long");
		break;
	case INPUT_STREAM:
	case INPUT_BROKEN:
		write_string(&preauth->out,
		    "* BYE [TOOBIG] the literal is too large\r\n");
		preauth->is_done = true;
		break;
	case INPUT_CLOSED:
		preauth->is_done = true;
	}
	input_wipe(&preauth->input);
}

/* False if login is not there. */
static bool
greet(struct preauth *preauth)
{
	struct login_hello hello;

	if (login_receive_hello(preauth->login, &hello, CHALLENGE_TIMEOUT_MS) !=
	    1) {
		write_string(&preauth->out,
		    "* BYE [UNAVAILABLE] cannot log in now: try later\r\n");
		writer_flush(&preauth->out);
		return false;
	}
	preauth->offers = hello.offers;
	write_string(&preauth->out, "* OK [");
	write_capabilities(preauth);
	write_string(&preauth->out, "] ");
	write_span(&preauth->out, buf_span(&preauth->settings->me));
	write_string(&preauth->out, " IMAP Estafeta\r\n");
	return true;
}

int
preauth_run(int client, const struct peer *peer, int login, int tls,
    const struct preauth_settings *settings)
{
	static struct preauth preauth; /* large */
	int64_t timeout_ms = (int64_t)settings->timeout_s * 1000;

	preauth.settings = settings;
	preauth.peer = peer;
	preauth.tag = buf_new(TAG_MAX);
	preauth.login = login;
	preauth.tls = tls;
	preauth.is_trusted = auth_may_be_clear(&settings->auth, peer);
	writer_init(&preauth.out, client, timeout_ms);
	reader_init(&preauth.in, client, timeout_ms);
	preauth.in.peer = &preauth.out;
	input_init(&preauth.input, &preauth.in, &preauth.out, AUTH_LINE_MAX);
	if (peer->begins_tls &&
	    (tls == -1 || !starttls_begin(tls, peer->text) ||
		!take_tls(&preauth)))
		return EX_PROTOCOL;
	if (!greet(&preauth))
		return EX_TEMPFAIL;
	while (!preauth.is_done && preauth.out.status == IO_OK)
		step(&preauth);
	writer_flush(&preauth.out);
	if (!preauth.is_handed_over)
		log_event("end client=%s attempts=%u%s", peer->text,
		    preauth.attempts,
		    preauth.in.status == IO_TIMEOUT ? " reason=timeout" : "");
	return EX_OK;
}
