#include "send/begin.h"

#include <stdio.h>
#include <unistd.h>

#include "base/die.h"
#include "net/discards.h"
#include "send/login.h"
#include "send/secure.h"
#include "send/strict.h"

enum {
	GREETING_TIMEOUT_MS = 300 * 1000
};

/* The server's last words, or what stands for them. */
static void
describe(struct attempt *attempt)
{
	const struct smtp_client *client = &attempt->connection->client;

	snprintf(attempt->text, sizeof(attempt->text), "%s%s %.*s",
	    attempt->connection->server,
	    client->code == 0 ? ":" : " said:", (int)client->text.len,
	    client->text.len == 0 ? "" : client->text.data);
}

/* Not secure enough: nothing of the message is told here. */
static void
refuse(struct attempt *attempt, enum secure_result secured, const char *code,
    const char *why)
{
	struct connection *connection = attempt->connection;
	const struct buf *text = &connection->client.text;
	bool is_broken = secured == SECURE_BROKEN;

	attempt->code = code;
	snprintf(attempt->text, sizeof(attempt->text), "%s: %s%s%s%.*s",
	    connection->server, attempt->is_strict ? "by MTA-STS: " : "", why,
	    is_broken ? ": " : "", is_broken ? (int)text->len : 0,
	    is_broken ? text->data : "");
	if (is_broken)
		connection->client.in.status = IO_ERROR;
	connection_close(connection);
}

/* False if it is refused. */
static bool
say_hello(struct attempt *attempt, struct span host)
{
	struct smtp_client *client = &attempt->connection->client;
	const struct buf *name = &attempt->settings->helo;
	char helo[300];

	snprintf(helo, sizeof(helo), "%.*s", (int)name->len, name->data);
	unsigned code = smtp_hello(client, helo, GREETING_TIMEOUT_MS);
	discards_apply(
	    &attempt->settings->discards, attempt->domain, host, client);
	return code >= 200 && code < 300;
}

/*
 * By whatever address: 127.0.0.1, 0.0.0.0, one that is ours only outside.  A
 * route says where to go, and may well lead to another service here.
 */
static bool
is_ourselves(const struct attempt *attempt)
{
	struct span text = buf_span(&attempt->connection->client.text);

	span_cut(&text, ' ');
	return !attempt->is_known && span_equal_nocase(span_cut(&text, ' '),
					 buf_span(&attempt->settings->me));
}

/* From the greeting to the last hello; false if one is refused. */
static bool
greet(struct attempt *attempt, struct span host, const struct security *want,
    enum secure_result *secured)
{
	struct connection *connection = attempt->connection;
	struct smtp_client *client = &connection->client;

	*secured = SECURE_NOT;
	client->is_lmtp = attempt->route.kind == ROUTE_LMTP;
	if (attempt->route.kind == ROUTE_SMTPS) {
		*secured = secure_handshake(connection, attempt->helpers, want);
		if (*secured != SECURE_DONE)
			return true;
	}
	unsigned code = smtp_read(client, GREETING_TIMEOUT_MS);
	attempt->is_loop = code == 220 && is_ourselves(attempt);
	if (code < 200 || code >= 300 || attempt->is_loop ||
	    !say_hello(attempt, host))
		return false;
	if (!attempt->is_clear && !connection->is_secure)
		*secured = secure_start(connection, attempt->helpers, want);
	if (*secured != SECURE_DONE || attempt->route.kind == ROUTE_SMTPS)
		return true;
	return say_hello(attempt, host);
}

/* A login that fails is ours to mend: the message waits. */
static enum outcome
log_in(struct attempt *attempt)
{
	struct connection *connection = attempt->connection;
	struct smtp_client *client = &connection->client;
	uint64_t line = attempt->demand->login;
	const char *code;

	if (line == 0 || login_run(connection, attempt->helpers, line, &code))
		return OUTCOME_OPEN;
	attempt->code = code;
	attempt->is_unreached |= client->in.status != IO_OK;
	describe(attempt);
	log_event("no login server=%s reason=%.*s", connection->server,
	    (int)client->text.len,
	    client->text.len == 0 ? "" : client->text.data);
	connection_close(connection);
	return OUTCOME_REFUSED;
}

enum outcome
begin(struct attempt *attempt, struct span host)
{
	struct connection *connection = attempt->connection;
	struct smtp_client *client = &connection->client;
	struct security want = secure_want(attempt->settings, attempt->domain,
	    host, attempt->is_known, attempt->demand);
	enum secure_result secured;
	const char *why = NULL;

	strict_apply(attempt, &want);
	dane_demand(&connection->dane, &want);
	if (attempt->route.kind == ROUTE_SMTPS &&
	    want.policy.level < TLS_LEVEL_ENCRYPT)
		want.policy.level = TLS_LEVEL_ENCRYPT;
	smtp_open(client, connection->fd);
	client->deadline_ms = connection->deadline_ms;
	connection->mails = 0;
	connection->is_secure = false;
	connection->is_fallback = attempt->is_clear;
	connection->demand = *attempt->demand;
	connection->is_route = attempt->is_known;
	connection->mechanism[0] = '\0';
	bool is_good = greet(attempt, host, &want, &secured);
	if (is_good && (secured != SECURE_BROKEN ||
			   want.policy.level >= TLS_LEVEL_ENCRYPT)) {
		const char *fault = secure_fault(connection, &want, &why);

		strict_tell(attempt, host, why);
		if (fault == NULL)
			return log_in(attempt);
		refuse(attempt, secured, fault, why);
		return OUTCOME_REFUSED;
	}
	if (!attempt->is_loop) {
		attempt->is_unreached |= secured != SECURE_BROKEN;
		describe(attempt);
	}
	smtp_free(client);
	close(connection->fd);
	connection->fd = -1;
	return secured == SECURE_BROKEN ? OUTCOME_NO_TLS : OUTCOME_REFUSED;
}

void
connection_take(struct connection *connection,
    const struct send_settings *settings, const struct channel_opening *target,
    int fd)
{
	struct attempt attempt = { .connection = connection,
		.settings = settings,
		.domain = target->destination };

	*connection = (struct connection){ .fd = fd, .is_given = true };
	snprintf(connection->server, sizeof(connection->server), "%.*s",
	    (int)target->server.len, target->server.ptr);
	smtp_open(&connection->client, fd);
	connection_set_deadline(connection, settings);
	unsigned code = smtp_read(&connection->client, GREETING_TIMEOUT_MS);
	if (code >= 200 && code < 300 && say_hello(&attempt, target->server))
		return;
	describe(&attempt);
	snprintf(connection->fault, sizeof(connection->fault), "%.*s",
	    (int)sizeof(connection->fault) - 1, attempt.text);
	connection_close(connection);
}
