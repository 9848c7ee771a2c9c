#include "local/sieve_preauth.h"

#include "base/die.h"
#include "local/sieve_dialogue.h"
#include "local/sieve_talk.h"

enum {
	SKIP_MAX = 65536,
	LAST_MAX = 1024 /* of base64: SCRAM's are below 100 */
};

struct preauth {
	struct gate gate;
	struct auth_form form;
	struct buf line; /* of an exchange */
	struct buf last; /* what its mechanism said at the end */
	bool is_handed_over;
};

static const char later[] = "cannot log in now: try later";

/* ---- capabilities ---- */

/* Without TLS there may be none (section 1.7). */
static void
add_mechanisms(const struct gate *gate, struct buf *into)
{
	size_t place = 0;
	const char *name;

	while (gate->is_trusted &&
	       (name = gate_next_mechanism(gate, &place)) != NULL) {
		if (into->len > 0)
			buf_add_char(into, ' ');
		buf_add_string(into, name);
	}
}

static void
tell_capabilities(struct sieve_talk *talk, const char *text)
{
	const struct preauth *preauth = talk->context;
	struct buf mechanisms = buf_new(1024);

	add_mechanisms(&preauth->gate, &mechanisms);
	const struct sieve_capabilities capabilities = {
		.sasl =
		    mechanisms.len > 0 ? buf_span(&mechanisms) : span_of(""),
		.has_starttls = preauth->gate.tls != -1
	};
	sieve_write_capabilities(&talk->out, &capabilities);
	sieve_reply(talk, "OK", text);
	buf_free(&mechanisms);
}

static void
handle_capability(struct sieve_talk *talk,
    const struct sieve_argument *arguments, size_t count)
{
	(void)arguments, (void)count;
	tell_capabilities(talk, "done");
}

/* Section 2.2: what was read before is dropped. */
static void
handle_starttls(struct sieve_talk *talk, const struct sieve_argument *arguments,
    size_t count)
{
	struct preauth *preauth = talk->context;

	(void)arguments, (void)count;
	if (preauth->gate.is_tls) {
		sieve_refuse(talk, "TLS is on already");
		return;
	}
	if (!gate_begin_tls(&preauth->gate)) {
		sieve_reply_code(talk, "NO", "TRYLATER", "no TLS now");
		talk->errors++;
		return;
	}
	sieve_reply(talk, "OK", "begin TLS");
	if (gate_take_tls(&preauth->gate, &talk->in, &talk->out))
		tell_capabilities(talk, "TLS is on");
	else
		talk->is_done = true;
}

/* ---- the log-in: login(5) ---- */

static void
say_last(struct sieve_talk *talk, const char *code, const char *text)
{
	sieve_reply_code(talk, "BYE", code, text);
	talk->is_done = true;
}

/*
 * What the user's process gets: the mechanisms, what the one that was used said
 * last, and whether it is relayed, a line each, and what was read behind the
 * log-in, which a relayed one gets by the relay.  False if no record can carry
 * it.
 */
static bool
build_input(struct sieve_talk *talk, struct buf *input)
{
	const struct preauth *preauth = talk->context;

	*input = buf_new(LOGIN_INPUT_MAX);
	add_mechanisms(&preauth->gate, input);
	buf_add_char(input, '\n');
	buf_add(input, buf_span(&preauth->last));
	buf_add_string(
	    input, preauth->gate.is_relayed ? "\nrelayed\n" : "\n\n");
	if (!preauth->gate.is_relayed)
		buf_add(input, (struct span){ talk->in.bytes + talk->in.start,
				   talk->in.end - talk->in.start });
	if (!input->overflow)
		return true;
	buf_free(input);
	say_last(talk, "TRYLATER",
	    "too much was sent before the log-in was answered");
	return false;
}

/*
 * The client logged in, and is relayed: until its session ends, or
 * UNAUTHENTICATE makes it one that has not (section 2.14.1).  It keeps TLS.
 */
static void
relay(struct sieve_talk *talk)
{
	struct preauth *preauth = talk->context;
	const struct gate_settings *settings = preauth->gate.settings;
	struct sieve_dialogue dialogue;
	const struct relaying_ends ends = { .in = &talk->in,
		.session = preauth->gate.connection,
		.protocol = &sieve_dialogue_protocol,
		.dialogue = &dialogue,
		.peer = preauth->gate.peer->text };
	struct login_hello hello;

	/* They have the password, perhaps for hours. */
	sieve_input_wipe(&talk->input);
	buf_wipe(&preauth->line);
	sieve_dialogue_init(&dialogue);
	talk->is_done = preauth->is_handed_over =
	    !relaying_run(&ends, (int64_t)settings->session_timeout_s * 1000);
	if (talk->is_done)
		return;
	talk->errors = 0;
	if (!gate_return(&preauth->gate, &hello))
		say_last(talk, "TRYLATER", later);
}

static void
reply_verdict(struct sieve_talk *talk, enum login_verdict verdict)
{
	struct preauth *preauth = talk->context;

	switch (verdict) {
	case LOGIN_OK:
		if (preauth->gate.is_relayed)
			relay(talk);
		else
			preauth->is_handed_over = talk->is_done = true;
		return;
	case LOGIN_NO:
		if (gate_may_try_again(&preauth->gate))
			sieve_refuse(talk, "wrong name or password");
		else
			say_last(talk, NULL,
			    "wrong name or password, too many times");
		return;
	case LOGIN_FULL:
		say_last(
		    talk, "TRYLATER", "this account has too many sessions");
		return;
	case LOGIN_LATER:
	case LOGIN_PROVEN:
	case LOGIN_CANCELLED:
		say_last(talk, "TRYLATER", later);
	}
}

/* The client is proven: login's child becomes its user. */
static void
hand_over(struct sieve_talk *talk)
{
	struct preauth *preauth = talk->context;
	struct buf input;

	if (!build_input(talk, &input))
		return;
	/* From here on login may give the client to another process. */
	writer_flush(&talk->out);
	reply_verdict(talk,
	    gate_hand_over(&preauth->gate, buf_span(&input), talk->in.fd));
	buf_free(&input);
}

/* ---- AUTHENTICATE, section 2.1 ---- */

/* A challenge is a string, and so is a response. */
static void
tell_challenge(void *context, struct span base64)
{
	struct sieve_talk *talk = context;

	sieve_write_string(&talk->out, base64);
	write_string(&talk->out, "\r\n");
}

static enum auth_outcome
hear_response(void *context, struct buf *line)
{
	struct sieve_talk *talk = context;
	enum auth_outcome outcome = AUTH_CLOSED;

	switch (sieve_input_read_string(&talk->input)) {
	case SIEVE_INPUT_OK:
		buf_clear(line);
		buf_add(line, talk->input.arguments[0].text);
		outcome = line->overflow ? AUTH_TOO_LONG : AUTH_OK;
		break;
	case SIEVE_INPUT_WRONG:
		outcome = AUTH_SYNTAX;
		break;
	case SIEVE_INPUT_TOO_LARGE:
		outcome = AUTH_TOO_LONG;
		break;
	case SIEVE_INPUT_LOST:
	case SIEVE_INPUT_CLOSED:
		break;
	}
	sieve_input_wipe(&talk->input);
	return outcome;
}

static void
reply_outcome(struct sieve_talk *talk, enum auth_outcome outcome)
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
		sieve_refuse(talk, "given up, as you wish");
		return;
	case AUTH_SYNTAX:
		sieve_refuse(talk, "a response is a string of base64");
		return;
	case AUTH_TOO_LONG:
		sieve_refuse(talk, "that is too long");
		return;
	case AUTH_CLOSED:
		say_last(talk, NULL,
		    talk->in.status == IO_TIMEOUT
			? "you were silent for too long"
			: "nobody can tell where that ends");
	}
}

/* Section 2.1: where the server speaks first, the client must not. */
static bool
begins_with_challenge(struct span mechanism)
{
	return span_equal(mechanism, span_of("LOGIN")) ||
	       span_equal(mechanism, span_of("CRAM-MD5"));
}

/* Who may use none, or not that one, or not so, hears why (section 1.3). */
static bool
refuse_mechanism(struct sieve_talk *talk, const struct gate *gate,
    struct span name, bool has_initial)
{
	if (!gate->is_trusted)
		sieve_reply_code(talk, "NO", "ENCRYPT-NEEDED",
		    "this connection is not encrypted: say STARTTLS");
	else if (has_initial && begins_with_challenge(name))
		sieve_reply(talk, "NO", "the server begins this mechanism");
	else if (gate_has_mechanism(gate, name))
		return false;
	else if (gate_forbids_mechanism(gate, name))
		sieve_reply_code(talk, "NO", "AUTH-TOO-WEAK",
		    "this mechanism is not allowed here: CAPABILITY lists "
		    "those that are");
	else
		sieve_reply(
		    talk, "NO", "no such mechanism: CAPABILITY lists them");
	talk->errors++;
	return true;
}

static void
handle_authenticate(struct sieve_talk *talk,
    const struct sieve_argument *arguments, size_t count)
{
	struct preauth *preauth = talk->context;
	struct buf mechanism = buf_new(SASL_MECHANISM_MAX);
	struct span rest;
	bool has_rest;

	/* Of a name that is none no part is one. */
	if (!auth_parse(arguments[0].text, &mechanism, &rest, &has_rest) ||
	    has_rest)
		buf_clear(&mechanism);
	if (!refuse_mechanism(
		talk, &preauth->gate, buf_span(&mechanism), count > 1)) {
		buf_clear(&preauth->last);
		buf_clear(&preauth->line);
		if (count > 1)
			buf_add(&preauth->line, arguments[1].text);
		sieve_input_wipe(&talk->input);
		reply_outcome(
		    talk, gate_authenticate(&preauth->gate, &talk->in,
			      &talk->out, &preauth->line, buf_span(&mechanism),
			      buf_span(&preauth->line), count > 1));
		buf_wipe(&preauth->line);
	}
	buf_free(&mechanism);
}

static const struct sieve_command commands[] = {
	{ "CAPABILITY", handle_capability, "", "CAPABILITY" },
	{ "STARTTLS", handle_starttls, "", "STARTTLS" },
	{ "AUTHENTICATE", handle_authenticate, "s?s",
	    "AUTHENTICATE \"MECHANISM\" \"RESPONSE\"" },
	{ "NOOP", sieve_handle_noop, "?s", "NOOP \"TAG\"" },
	{ "LOGOUT", sieve_handle_logout, "", "LOGOUT" },
};

/* ---- the whole ---- */

/* False if login is not there. */
static bool
greet(struct sieve_talk *talk)
{
	struct preauth *preauth = talk->context;
	struct buf text = buf_new(512);
	struct login_hello hello;

	if (!gate_hear(&preauth->gate, &hello)) {
		sieve_reply_code(talk, "BYE", "TRYLATER", later);
		writer_flush(&talk->out);
		return false;
	}
	buf_add(&text, buf_span(&preauth->gate.settings->me));
	buf_add_string(&text, " ManageSieve Estafeta");
	const char *greeting = buf_string(&text);
	tell_capabilities(talk, greeting == NULL ? "ready" : greeting);
	buf_free(&text);
	return true;
}

static void
open_talk(struct sieve_talk *talk, struct preauth *preauth, int client)
{
	const struct gate_settings *settings = preauth->gate.settings;

	sieve_talk_open(
	    talk, client, client, settings->timeout_s, SASL_LINE_MAX, SKIP_MAX);
	talk->errors_max = settings->errors_max;
	talk->unknown = "no such command here: AUTHENTICATE goes before most";
	talk->context = preauth;
	/* A secret never moves in these. */
	buf_room(&talk->input.line, talk->input.line.max);
	buf_room(&talk->input.strings, talk->input.strings.max);
	preauth->line = buf_new(AUTH_LINE_MAX);
	buf_room(&preauth->line, AUTH_LINE_MAX);
	preauth->last = buf_new(LAST_MAX);
	preauth->form = (struct auth_form){ .challenge = tell_challenge,
		.response = hear_response,
		.context = talk,
		.last = &preauth->last };
	preauth->gate.form = &preauth->form;
}

int
sieve_preauth_run(int client, const struct peer *peer, int login, int tls,
    const struct gate_settings *settings)
{
	static struct sieve_talk talk; /* large */
	static struct preauth preauth; /* as long as talk */
	struct gate *gate = &preauth.gate;

	gate_init(gate, LOGIN_SIEVE, peer, login, tls, settings);
	open_talk(&talk, &preauth, client);
	if (peer->begins_tls && (!gate_begin_tls(gate) ||
				    !gate_take_tls(gate, &talk.in, &talk.out)))
		return EX_PROTOCOL;
	if (!greet(&talk))
		return EX_TEMPFAIL;
	enum io_status status = sieve_talk_run(
	    &talk, commands, sizeof(commands) / sizeof(*commands));
	if (!preauth.is_handed_over)
		log_event("end client=%s attempts=%u%s", peer->text,
		    gate->attempts,
		    status == IO_TIMEOUT ? " reason=timeout" : "");
	return EX_OK;
}
