#include "send/secure.h"

#include <string.h>

#include "base/die.h"
#include "net/starttls.h"

enum {
	STARTTLS_TIMEOUT_MS = 300 * 1000
};

/* An address literal is no name: RFC 6066 section 3. */
static void
set_name(struct tls_connect *connect, struct span host)
{
	if (host.len == 0 || host.ptr[0] == '[' ||
	    host.len >= sizeof(connect->server_name) ||
	    span_index(host, '.') == host.len || !span_is_ascii(host))
		return;
	memcpy(connect->server_name, host.ptr, host.len);
	memcpy(connect->names, host.ptr, host.len);
	if (host.ptr[host.len - 1] == '.') {
		connect->server_name[host.len - 1] = '\0';
		connect->names[host.len - 1] = '\0';
	}
}

void
secure_log(const struct connection *connection, const struct queue_id *id)
{
	const struct tls_facts *facts = &connection->facts;

	if (connection->is_secure)
		log_event("%s tls=%s cipher=%s verified=%s server=%s", id->text,
		    facts->protocol, facts->cipher,
		    facts->is_verified ? "yes" : facts->distrust,
		    connection->server);
	else
		log_event(
		    "%s tls=none server=%s", id->text, connection->server);
}

static enum secure_result
no_tls(struct connection *connection, const char *reason)
{
	log_event("no tls server=%s reason=%s", connection->server, reason);
	connection->client.code = 0;
	buf_clear(&connection->client.text);
	buf_add_string(&connection->client.text, reason);
	return SECURE_BROKEN;
}

enum secure_result
secure_start(struct connection *connection, const struct helpers *helpers,
    struct span host)
{
	struct smtp_client *client = &connection->client;
	struct tls_connect connect = { 0 };
	char reason[TLS_REASON_MAX];

	if (helpers->tls == -1 || !client->has_starttls)
		return SECURE_NOT;
	smtp_write(client, "STARTTLS");
	unsigned code = smtp_read(client, STARTTLS_TIMEOUT_MS);
	if (code == 0)
		return no_tls(connection, "no answer to STARTTLS");
	if (code != 220)
		return SECURE_NOT;
	/* Nobody says more than 220 before the handshake: RFC 3207, 5. */
	if (reader_has_buffered(&client->in))
		return no_tls(connection, "bytes after the 220");
	set_name(&connect, host);
	switch (starttls_connect(helpers->tls, &connect, &client->in,
	    &client->out, &connection->facts, reason)) {
	case STARTTLS_NO_ANSWER:
		temp_fail("tlsd does not answer");
	case STARTTLS_FAILED:
		return no_tls(connection, reason);
	case STARTTLS_DONE:
		break;
	}
	connection->fd = client->in.fd;
	connection->is_secure = true;
	return SECURE_DONE;
}
