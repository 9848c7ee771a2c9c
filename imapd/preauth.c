#include "imapd/preauth.h"

#include <string.h>

#include "base/die.h"
#include "imapd/capabilities.h"
#include "imapd/dialogue.h"
#include "imapd/input.h"
#include "imapd/language.h"
#include "mail/language.h"

enum {
	TAG_MAX = 200
};

struct preauth {
	struct gate gate;
	struct reader in;
	struct writer out;
	struct input input;
	struct buf tag;
	uint64_t errors;
	enum language language;
	bool is_done;
	bool is_handed_over;
};

static const char clear_text_refused[] =
    "NO [PRIVACYREQUIRED] this connection is not encrypted: say STARTTLS, or "
    "use port 993";

/* A line, in the client's language. */
static void
tell(struct preauth *preauth, const char *text)
{
	struct buf line = buf_new(1024);

	language_add_reply(&line, preauth->language, text);
	write_span(&preauth->out, buf_span(&line));
	write_string(&preauth->out, "\r\n");
	buf_free(&line);
}

static void
reply(struct preauth *preauth, const char *text)
{
	write_span(&preauth->out, buf_span(&preauth->tag));
	write_string(&preauth->out, " ");
	tell(preauth, text);
}

static void
refuse(struct preauth *preauth, const char *text)
{
	reply(preauth, text);
	if (++preauth->errors < preauth->gate.settings->errors_max)
		return;
	tell(preauth, "* BYE too many errors");
	preauth->is_done = true;
}

/* ---- the log-in: login(5) ---- */

/*
 * What the user's process gets: the tag that it answers, a space, the tag of
 * the language, a LF, and what was read behind the command.  One that is
 * relayed hears so on its line, and gets the rest by the relay.  False if no
 * record can carry it.
 */
static bool
build_input(struct preauth *preauth, struct buf *input)
{
	*input = buf_new(LOGIN_INPUT_MAX);
	buf_add(input, buf_span(&preauth->tag));
	buf_add_char(input, ' ');
	buf_add_string(input, language_tag(preauth->language));
	if (preauth->gate.is_relayed)
		buf_add_string(input, " relayed");
	buf_add_char(input, '\n');
	if (!preauth->gate.is_relayed)
		buf_add(
		    input, (struct span){ preauth->in.bytes + preauth->in.start,
			       preauth->in.end - preauth->in.start });
	if (!input->overflow)
		return true;
	reply(preauth,
	    "NO [LIMIT] too much was sent before the log-in was answered");
	preauth->is_done = true;
	return false;
}

/*
 * The client logged in, and is relayed: until its session ends, or
 * UNAUTHENTICATE makes it one that has not (RFC 8437).  It keeps TLS; what it
 * says of itself by ID, nobody keeps.
 */
static void
relay(struct preauth *preauth)
{
	const struct gate_settings *settings = preauth->gate.settings;
	struct dialogue dialogue;
	const struct relaying_ends ends = { .in = &preauth->in,
		.session = preauth->gate.connection,
		.protocol = &dialogue_protocol,
		.dialogue = &dialogue,
		.peer = preauth->gate.peer->text };
	struct login_hello hello;

	/* It has the password, perhaps for hours. */
	input_wipe(&preauth->input);
	dialogue_init(&dialogue, buf_span(&preauth->tag));
	preauth->is_done = preauth->is_handed_over =
	    !relaying_run(&ends, (int64_t)settings->session_timeout_s * 1000);
	if (preauth->is_done)
		return;
	preauth->language = LANGUAGE_DEFAULT;
	preauth->errors = 0;
	if (gate_return(&preauth->gate, &hello))
		return;
	tell(preauth, "* BYE [UNAVAILABLE] cannot log in now: try later");
	preauth->is_done = true;
}

static void
reply_verdict(struct preauth *preauth, enum login_verdict verdict)
{
	switch (verdict) {
	case LOGIN_OK:
		if (preauth->gate.is_relayed)
			relay(preauth);
		else
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
	if (!gate_may_try_again(&preauth->gate))
		preauth->is_done = true;
}

static void
handle_login(struct preauth *preauth, struct parse *parse)
{
	struct buf input;
	struct span user;
	struct span secret;

	if (!preauth->gate.is_trusted)
		refuse(preauth, clear_text_refused);
	else if (!parse_space(parse) || !parse_astring(parse, &user) ||
		 !parse_space(parse) || !parse_astring(parse, &secret) ||
		 !parse_is_end(parse))
		refuse(preauth, "BAD LOGIN NAME PASSWORD");
	else if (build_input(preauth, &input)) {
		/* From here on login may give the client away. */
		writer_flush(&preauth->out);
		reply_verdict(
		    preauth, gate_log_in(&preauth->gate, LOGIN_PASSWORD, user,
				 secret, buf_span(&input), preauth->in.fd));
		buf_free(&input);
	}
}

/* ---- AUTHENTICATE, RFC 9051 section 6.2.2 ---- */

/* The client is proven: login's child becomes its user. */
static void
hand_over(struct preauth *preauth)
{
	struct buf input;

	if (!build_input(preauth, &input))
		return;
	writer_flush(&preauth->out);
	reply_verdict(preauth,
	    gate_hand_over(&preauth->gate, buf_span(&input), preauth->in.fd));
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
	case AUTH_FULL:
	case AUTH_OK:
	case AUTH_LATER:
		reply_verdict(preauth, gate_verdict(outcome));
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
handle_authenticate(struct preauth *preauth, struct parse *parse)
{
	struct buf mechanism = buf_new(SASL_MECHANISM_MAX);
	struct span initial;
	bool has_initial;

	if (!preauth->gate.is_trusted)
		refuse(preauth, clear_text_refused);
	else if (!parse_space(parse) ||
		 !auth_parse(
		     parse_rest(parse), &mechanism, &initial, &has_initial) ||
		 !gate_has_mechanism(&preauth->gate, buf_span(&mechanism)))
		refuse(preauth, "NO [CANNOT] no such mechanism");
	else
		reply_outcome(
		    preauth, gate_authenticate(&preauth->gate, &preauth->in,
				 &preauth->out, &preauth->input.line,
				 buf_span(&mechanism), initial, has_initial));
	buf_free(&mechanism);
}

/* ---- the other commands ---- */

static void
write_capabilities(struct preauth *preauth)
{
	struct buf text = buf_new(4096);
	size_t place = 0;
	const char *name;

	capabilities_add(&text, NULL);
	if (preauth->gate.tls != -1)
		buf_add_string(&text, " STARTTLS");
	if (!preauth->gate.is_trusted)
		buf_add_string(&text, " LOGINDISABLED");
	while (preauth->gate.is_trusted &&
	       (name = gate_next_mechanism(&preauth->gate, &place)) != NULL) {
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

/* RFC 9051 section 6.2.1: what was read before is dropped. */
static void
handle_starttls(struct preauth *preauth, struct parse *parse)
{
	(void)parse;
	if (preauth->gate.is_tls) {
		refuse(preauth, "BAD TLS is on already");
		return;
	}
	if (!gate_begin_tls(&preauth->gate)) {
		refuse(preauth, "NO [UNAVAILABLE] no TLS now");
		return;
	}
	reply(preauth, "OK begin TLS");
	/* RFC 5255 section 3.1: it is to be said anew. */
	preauth->language = LANGUAGE_DEFAULT;
	preauth->is_done =
	    !gate_take_tls(&preauth->gate, &preauth->in, &preauth->out);
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
put_language(void *context, const char *text)
{
	struct preauth *preauth = context;

	write_string(&preauth->out, text);
}

static void
handle_language(struct preauth *preauth, struct parse *parse)
{
	const char *answer =
	    language_command(parse, &preauth->language, put_language, preauth);

	if (answer[0] == 'B')
		refuse(preauth, answer);
	else
		reply(preauth, answer);
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
	tell(preauth, "* BYE see you");
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
	{ "LANGUAGE", handle_language, true },
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
		tell(preauth, "* BYE [TOOBIG] the command is too long");
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

	if (!gate_hear(&preauth->gate, &hello)) {
		tell(preauth,
		    "* BYE [UNAVAILABLE] cannot log in now: try later");
		writer_flush(&preauth->out);
		return false;
	}
	write_string(&preauth->out, "* OK [");
	write_capabilities(preauth);
	write_string(&preauth->out, "] ");
	write_span(&preauth->out, buf_span(&preauth->gate.settings->me));
	write_string(&preauth->out, " IMAP Estafeta\r\n");
	return true;
}

int
preauth_run(int client, const struct peer *peer, int login, int tls,
    const struct gate_settings *settings)
{
	static struct preauth preauth; /* large */
	int64_t timeout_ms = (int64_t)settings->timeout_s * 1000;
	struct gate *gate = &preauth.gate;

	gate_init(gate, LOGIN_IMAP, peer, login, tls, settings);
	preauth.tag = buf_new(TAG_MAX);
	writer_init(&preauth.out, client, timeout_ms);
	reader_init(&preauth.in, client, timeout_ms);
	preauth.in.peer = &preauth.out;
	input_init(&preauth.input, &preauth.in, &preauth.out, AUTH_LINE_MAX);
	if (peer->begins_tls &&
	    (!gate_begin_tls(gate) ||
		!gate_take_tls(gate, &preauth.in, &preauth.out)))
		return EX_PROTOCOL;
	if (!greet(&preauth))
		return EX_TEMPFAIL;
	while (!preauth.is_done && preauth.out.status == IO_OK)
		step(&preauth);
	writer_flush(&preauth.out);
	if (!preauth.is_handed_over)
		log_event("end client=%s attempts=%u%s", peer->text,
		    gate->attempts,
		    preauth.in.status == IO_TIMEOUT ? " reason=timeout" : "");
	return EX_OK;
}
