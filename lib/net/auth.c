#include "net/auth.h"

#include <string.h>

#include "mail/base64.h"

enum {
	LOGIN_TIMEOUT_MS = 120000
};

void
auth_configure(struct auth_settings *settings)
{
	mechanisms_read(&settings->mechanisms);
	settings->clear_text = network_list("cleartextnets", "");
}

struct control_list
auth_sender_logins(void)
{
	struct control_list list = control_list("senderlogins");

	for (size_t i = 0; i < list.count; i++) {
		struct span accounts = list.items[i];
		struct span what = span_cut(&accounts, ':');

		if (span_index(what, '@') == what.len ||
		    span_index(what, ' ') < what.len ||
		    span_trim(accounts).len == 0)
			control_complain("senderlogins", list.lines[i],
			    "write ADDRESS: ACCOUNT, or @DOMAIN: ACCOUNT");
	}
	return list;
}

bool
auth_may_be_clear(const struct auth_settings *settings, const struct peer *peer)
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

bool
auth_parse(struct span argument, struct buf *name, struct span *initial,
    bool *has_initial)
{
	struct span rest = span_trim(argument);
	struct span word = span_cut(&rest, ' ');

	buf_clear(name);
	for (size_t i = 0; i < word.len; i++) {
		char c = word.ptr[i];

		buf_add_char(
		    name, c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c);
	}
	*has_initial = rest.len > 0;
	*initial = span_equal(rest, span_of("=")) ? span_of("") : rest;
	return word.len > 0 && word.len <= SASL_MECHANISM_MAX &&
	       !name->overflow;
}

/* ---- one line of the client's ---- */

static void
wipe_input(const struct auth *auth)
{
	buf_wipe(auth->line);
	reader_wipe(auth->in);
}

static enum auth_outcome
outcome_of_read(enum io_status status)
{
	return status == IO_TOO_LONG ? AUTH_TOO_LONG : AUTH_CLOSED;
}

/* Without its end. */
static enum auth_outcome
read_text(const struct auth *auth, struct span *line)
{
	const struct auth_form *form = auth->form;

	if (form != NULL) {
		enum auth_outcome got =
		    form->response(form->context, auth->line);

		*line = buf_span(auth->line);
		return got;
	}
	enum io_status status = read_line(auth->in, auth->line);
	if (status != IO_OK)
		return outcome_of_read(status);
	*line = buf_span(auth->line);
	line->len--;
	if (line->len > 0 && line->ptr[line->len - 1] == '\r')
		line->len--;
	return AUTH_OK;
}

/* Base64 into bytes; an outcome other than AUTH_OK ends the exchange. */
static enum auth_outcome
read_response(const struct auth *auth, char bytes[SASL_MESSAGE_MAX],
    struct span *response)
{
	int64_t timeout_ms = auth->in->timeout_ms;
	struct span line;
	size_t len;

	if (auth->in->timeout_ms > AUTH_TIMEOUT_MS)
		auth->in->timeout_ms = AUTH_TIMEOUT_MS;
	enum auth_outcome got = read_text(auth, &line);
	auth->in->timeout_ms = timeout_ms;
	if (got != AUTH_OK)
		return got;
	if (line.len > SASL_LINE_MAX)
		return AUTH_TOO_LONG;
	if (span_equal(line, span_of("*")))
		return AUTH_CANCELLED;
	if (!base64_decode(line, bytes, SASL_MESSAGE_MAX, &len))
		return AUTH_SYNTAX;
	*response = (struct span){ bytes, len };
	return AUTH_OK;
}

/* ---- what login says ---- */

static void
send_challenge(const struct auth *auth, const struct sasl_message *challenge)
{
	struct buf text = buf_new(2 * (size_t)SASL_MESSAGE_MAX);

	base64_add(&text, sasl_bytes(challenge));
	if (auth->form != NULL) {
		auth->form->challenge(auth->form->context, buf_span(&text));
	} else {
		write_string(auth->out, auth->prompt);
		write_span(auth->out, buf_span(&text));
		write_string(auth->out, "\r\n");
	}
	buf_free(&text);
}

/*
 * Is it the server's own proof, and may that come with the reply? The client
 * has nothing to say to it (RFC 5802 section 3): it checks it, and goes.
 */
static bool
is_last(const struct auth *auth, struct span mechanism, struct span challenge)
{
	return auth->form != NULL && auth->form->last != NULL &&
	       span_starts(mechanism, span_of("SCRAM-")) &&
	       span_starts(challenge, span_of("v="));
}

static enum auth_outcome
outcome_of(const struct login_answer *answer, struct buf *account)
{
	switch (answer->verdict) {
	case LOGIN_OK:
		buf_clear(account);
		buf_add(account, login_account(answer));
		return account->len > 0 ? AUTH_OK : AUTH_LATER;
	case LOGIN_PROVEN:
		return AUTH_PROVEN;
	case LOGIN_NO:
		return AUTH_NO;
	case LOGIN_FULL:
		return AUTH_FULL;
	case LOGIN_CANCELLED:
		return AUTH_CANCELLED;
	default:
		return AUTH_LATER;
	}
}

/* The client gave up, or might as well have; a refusal stays one. */
static enum auth_outcome
cancel(const struct auth *auth, enum auth_outcome why)
{
	static struct sasl_reply reply; /* large */

	if (!sasl_send(auth->login, SASL_CANCEL, span_of("")) ||
	    sasl_receive_reply(auth->login, &reply, LOGIN_TIMEOUT_MS) != 1 ||
	    !reply.is_answer)
		return AUTH_LATER;
	return reply.answer.verdict == LOGIN_NO ? AUTH_NO : why;
}

/* Challenges and responses, until there is an answer. */
static enum auth_outcome
converse(const struct auth *auth, struct span mechanism, struct buf *account)
{
	static struct sasl_reply reply; /* these are large */
	static char bytes[SASL_MESSAGE_MAX];
	struct span response;

	for (;;) {
		if (sasl_receive_reply(auth->login, &reply, LOGIN_TIMEOUT_MS) !=
		    1)
			return AUTH_LATER;
		if (reply.is_answer)
			return outcome_of(&reply.answer, account);
		struct span challenge = sasl_bytes(&reply.challenge);
		if (is_last(auth, mechanism, challenge)) {
			base64_add(auth->form->last, challenge);
			if (!sasl_send(auth->login, SASL_RESPONSE, span_of("")))
				return AUTH_LATER;
			continue;
		}
		send_challenge(auth, &reply.challenge);
		enum auth_outcome got = read_response(auth, bytes, &response);
		bool is_sent = got == AUTH_OK &&
			       sasl_send(auth->login, SASL_RESPONSE, response);
		explicit_bzero(bytes, sizeof(bytes));
		wipe_input(auth);
		if (got == AUTH_CLOSED)
			return AUTH_CLOSED;
		if (got != AUTH_OK)
			return cancel(auth, got);
		if (!is_sent)
			return AUTH_LATER;
	}
}

/* ---- the beginning ---- */

static enum auth_outcome
make_request(const struct auth *auth, struct span mechanism,
    struct span initial, bool has_initial, struct sasl_request *request)
{
	static char bytes[SASL_MESSAGE_MAX];
	unsigned char network[16] = { 0 };
	size_t len = 0;

	network_of_socket(&auth->peer->address, network);
	bool is_base64 = initial.len <= SASL_LINE_MAX &&
			 base64_decode(initial, bytes, sizeof(bytes), &len);
	bool is_made = is_base64 &&
		       sasl_request_init(request, auth->service, mechanism) &&
		       login_head_set_peer(&request->head,
			   span_of(auth->peer->text), network) &&
		       sasl_request_set_channel(
			   request, auth->binding, auth->certificate) &&
		       (!has_initial || sasl_request_set_response(request,
					    (struct span){ bytes, len }));
	request->head.is_relayed = auth->is_relayed;
	explicit_bzero(bytes, sizeof(bytes));
	if (initial.len > SASL_LINE_MAX)
		return AUTH_TOO_LONG;
	if (!is_base64)
		return AUTH_SYNTAX;
	return is_made ? AUTH_OK : AUTH_NO;
}

enum auth_outcome
auth_run(const struct auth *auth, struct span mechanism, struct span initial,
    bool has_initial, struct buf *account)
{
	static struct sasl_request request; /* large */
	enum auth_outcome outcome =
	    make_request(auth, mechanism, initial, has_initial, &request);
	bool is_sent =
	    outcome == AUTH_OK && sasl_send_request(auth->login, &request);

	sasl_request_wipe(&request);
	wipe_input(auth);
	if (outcome != AUTH_OK)
		return outcome;
	return is_sent ? converse(auth, mechanism, account) : AUTH_LATER;
}
