#include "send/login.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "mail/base64.h"
#include "net/starttls.h"
#include "queue/neighbour.h"
#include "queue/remoteauth.h"
#include "send/refusals.h"

enum {
	ANSWER_TIMEOUT_MS = 30 * 1000, /* SCRAM's rounds take their time */
	REPLY_TIMEOUT_MS = 300 * 1000,
	STEPS_MAX = 8,
	TRIAL_POLL_MS = 100,
	WAIT_MAX_MS = 2 * REFUSAL_TRIAL_MS
};

static bool
send_request(int session, const struct remoteauth_request *request)
{
	struct buf packet = buf_new(PACKET_MAX);

	remoteauth_add_request(&packet, request);
	bool is_sent = !packet.overflow &&
		       packet_send(session, buf_span(&packet), NULL, 0);
	buf_free(&packet);
	return is_sent;
}

int
login_open_session(struct span host, uint16_t port)
{
	const struct remoteauth_request request = {
		.kind = REMOTEAUTH_BIND, .host = host, .port = port
	};
	int session = neighbour_open_session(NEIGHBOUR_REMOTE_AUTH);

	if (session != -1 && !send_request(session, &request)) {
		int error = errno;

		close(session);
		session = -1;
		errno = error;
	}
	return session;
}

bool
login_select(struct helpers *helpers, struct span sender, uint64_t *line)
{
	static struct packet packet;
	const struct remoteauth_request request = { .kind = REMOTEAUTH_SELECT,
		.sender = sender };
	struct remoteauth_selected selected;

	*line = 0;
	if (helpers->auth == -1)
		return true;
	if (!send_request(helpers->auth, &request) ||
	    !neighbour_wait(helpers->auth, ANSWER_TIMEOUT_MS, &packet))
		return false;
	packet_close_fds(&packet);
	if (!remoteauth_parse_selected(packet_span(&packet), &selected))
		return false;
	*line = selected.line;
	helpers->stamp = selected.stamp;
	if (selected.is_end) {
		close(helpers->auth);
		helpers->auth = -1;
	}
	return true;
}

/* ---- logins that were refused ---- */

/* By this, refusals know it: the same line of another file is another. */
static uint64_t
login_key(const struct helpers *helpers, uint64_t line)
{
	static const uint64_t odd = 0x9e3779b97f4a7c15;
	uint64_t key = helpers->stamp * odd + line;

	return key == 0 ? 1 : key;
}

static void
explain(char why[LOGIN_WHY_MAX], int64_t left_ms)
{
	snprintf(why, LOGIN_WHY_MAX,
	    "the next host refused this login of control/smtpauth, which is "
	    "left alone for %lld min",
	    (long long)((left_ms + 59999) / 60000));
}

bool
login_is_refused(
    const struct helpers *helpers, uint64_t line, char why[LOGIN_WHY_MAX])
{
	int64_t left_ms = 0;

	if (line == 0 || !refusals_has(helpers->refusals,
			     login_key(helpers, line), clock_ms(), &left_ms))
		return false;
	explain(why, left_ms);
	return true;
}

/* ---- the exchange ---- */

/* Of no further use: why is for the verdict. */
static bool
fail(struct connection *connection, const char **code, struct span why)
{
	struct smtp_client *client = &connection->client;

	client->code = 0;
	buf_clear(&client->text);
	buf_add_string(&client->text, "AUTH: ");
	buf_add(&client->text, why);
	*code = "4.7.0";
	return false;
}

/* One step of remote-auth's; false if it does not answer. */
static bool
ask(int session, const struct remoteauth_request *request,
    struct packet *packet, struct remoteauth_step *step)
{
	if (!send_request(session, request) ||
	    !neighbour_wait(session, ANSWER_TIMEOUT_MS, packet))
		return false;
	packet_close_fds(packet);
	return remoteauth_parse_step(packet_span(packet), step);
}

/* RFC 4954 section 4: "=" is an empty initial response. */
static void
write_auth(struct writer *out, const struct remoteauth_step *step)
{
	write_string(out, "AUTH ");
	write_span(out, step->mechanism);
	if (step->has_response) {
		write_string(out, " ");
		write_span(out,
		    step->response.len == 0 ? span_of("=") : step->response);
	}
	write_string(out, "\r\n");
}

/* Send what is in the buffer and leave no copy of it. */
static unsigned
read_reply(struct smtp_client *client, struct packet *packet)
{
	explicit_bzero(packet->bytes, packet->len);
	unsigned code = smtp_read(client, REPLY_TIMEOUT_MS);
	explicit_bzero(client->out.bytes, sizeof(client->out.bytes));
	return code;
}

/* What follows "334 "; the whole line is the client's. */
static struct span
challenge_of(const struct smtp_client *client)
{
	struct span line = span_trim(buf_span(&client->line));

	return span_slice(line, 4, line.len);
}

/*
 * Steps until the server has enough.  235 before it has proven that it knows
 * the password itself (SCRAM) comes from somebody else.
 */
static bool
run_steps(struct connection *connection, int session, struct packet *packet,
    struct remoteauth_step *step, const char **code)
{
	struct smtp_client *client = &connection->client;
	unsigned reply = read_reply(client, packet);
	bool is_proven = step->is_proven;

	for (int i = 0; reply == 334 && i < STEPS_MAX; i++) {
		const struct remoteauth_request request = {
			.kind = REMOTEAUTH_CHALLENGE,
			.challenge = challenge_of(client)
		};

		if (!ask(session, &request, packet, step))
			temp_fail("remote-auth does not answer");
		if (step->why.len > 0) {
			smtp_write(client, "*");
			smtp_read(client, REPLY_TIMEOUT_MS);
			return fail(connection, code, step->why);
		}
		is_proven |= step->is_proven;
		write_span(&client->out, step->response);
		write_string(&client->out, "\r\n");
		reply = read_reply(client, packet);
	}
	if (reply == 235 && !is_proven)
		return fail(connection, code,
		    span_of("the server does not know the password"));
	if (reply == 235)
		return true;
	*code = reply == 535 ? "4.7.8" : "4.7.0";
	return false;
}

static bool
run(struct connection *connection, const struct helpers *helpers, uint64_t line,
    const char **code)
{
	static struct packet packet;
	struct smtp_client *client = &connection->client;
	struct buf binding = buf_new(REMOTEAUTH_TEXT_MAX);
	struct remoteauth_step step;

	if (client->mechanisms.len == 0)
		return fail(
		    connection, code, span_of("the server does not offer it"));
	if (connection->is_secure)
		base64_add(&binding, starttls_binding(&connection->facts));
	const struct remoteauth_request request = { .kind = REMOTEAUTH_BEGIN,
		.line = line,
		.mechanisms = buf_span(&client->mechanisms),
		.binding = buf_span(&binding) };
	bool is_answered = ask(helpers->auth, &request, &packet, &step);
	buf_free(&binding);
	if (!is_answered)
		temp_fail("remote-auth does not answer");
	if (step.why.len > 0)
		return fail(connection, code, step.why);
	snprintf(connection->mechanism, sizeof(connection->mechanism), "%.*s",
	    (int)step.mechanism.len, step.mechanism.ptr);
	write_auth(&client->out, &step);
	return run_steps(connection, helpers->auth, &packet, &step, code);
}

/* One child tries what nobody has tried yet, and the others wait for it. */
static bool
may_try(struct connection *connection, const struct helpers *helpers,
    uint64_t line, const char **code)
{
	const uint64_t key = login_key(helpers, line);
	const int64_t end_ms = clock_ms() + WAIT_MAX_MS;
	char why[LOGIN_WHY_MAX];
	int64_t left_ms = 0;

	while (clock_ms() < end_ms) {
		switch (refusals_ask(
		    helpers->refusals, key, clock_ms(), &left_ms)) {
		case REFUSAL_TRY:
			return true;
		case REFUSAL_WAIT:
			poll(NULL, 0, TRIAL_POLL_MS);
			break;
		case REFUSAL_REFUSED:
			explain(why, left_ms);
			fail(connection, code, span_of(why));
			*code = "4.7.8";
			return false;
		}
	}
	return fail(connection, code,
	    span_of("this login is tried, and there is no answer yet"));
}

bool
login_run(struct connection *connection, const struct helpers *helpers,
    uint64_t line, const char **code)
{
	const struct smtp_client *client = &connection->client;

	if (!may_try(connection, helpers, line, code))
		return false;
	bool is_in = run(connection, helpers, line, code);
	refusals_settle(helpers->refusals, login_key(helpers, line), clock_ms(),
	    is_in                 ? REFUSAL_GOOD
	    : client->code >= 500 ? REFUSAL_BAD
				  : REFUSAL_UNKNOWN);
	return is_in;
}
