#include "send/connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/routes.h"

#include "send/secure.h"

enum {
	RESOLVE_TIMEOUT_MS = 60 * 1000,
	GREETING_TIMEOUT_MS = 300 * 1000,
	QUIT_TIMEOUT_MS = 5 * 1000
};

/* Numbers only; false if text is no address. */
static bool
parse_address(struct span text, uint16_t port, struct sockaddr_storage *address,
    socklen_t *size)
{
	char copy[INET6_ADDRSTRLEN];
	struct sockaddr_in ipv4 = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(port) };

	if (span_starts_nocase(text, span_of("IPv6:")))
		text = span_slice(text, 5, text.len);
	if (text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, copy, &ipv4.sin_addr) == 1) {
		memcpy(address, &ipv4, sizeof(ipv4));
		*size = sizeof(ipv4);
		return true;
	}
	if (inet_pton(AF_INET6, copy, &ipv6.sin6_addr) == 1) {
		memcpy(address, &ipv6, sizeof(ipv6));
		*size = sizeof(ipv6);
		return true;
	}
	return false;
}

/* A connected socket, or -1 with errno set. */
static int
connect_to(
    const struct sockaddr_storage *address, socklen_t size, int64_t timeout_ms)
{
	int fd = socket(
	    address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t error_size = sizeof(error);

	if (fd == -1)
		return -1;
	if (connect(fd, (const struct sockaddr *)address, size) == 0)
		return fd;
	if (errno != EINPROGRESS)
		error = errno;
	else if (poll(&wait, 1, (int)timeout_ms) != 1)
		error = ETIMEDOUT;
	else
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

struct attempt {
	struct connection *connection;
	const struct send_settings *settings;
	const struct helpers *helpers;
	struct route route;
	struct span domain; /* empty: by hand */
	enum need need;
	bool is_known;     /* the host is of control/smtproutes */
	bool is_clear;     /* the handshake failed here before */
	const char *code;  /* of the last host that was not secure, or NULL */
	bool is_unreached; /* another host might have been */
	char text[1024];   /* why the last host was of no use */
};

/* Not secure enough: nothing of the message is told here. */
static void
refuse(struct attempt *attempt, enum secure_result secured, const char *code,
    const char *why)
{
	struct connection *connection = attempt->connection;
	const struct buf *text = &connection->client.text;
	bool is_broken = secured == SECURE_BROKEN;

	attempt->code = code;
	snprintf(attempt->text, sizeof(attempt->text), "%s: %s%s%.*s",
	    connection->server, why, is_broken ? ": " : "",
	    is_broken ? (int)text->len : 0, is_broken ? text->data : "");
	if (is_broken)
		connection->client.in.status = IO_ERROR;
	connection_close(connection);
}

enum outcome {
	OUTCOME_OPEN,
	OUTCOME_REFUSED, /* this host does not want us, or not so */
	OUTCOME_NO_TLS   /* it offered TLS, but there was none to be had */
};

/* From the greeting to the last hello; false if one is refused. */
static bool
greet(struct attempt *attempt, const struct security *want,
    enum secure_result *secured)
{
	struct connection *connection = attempt->connection;
	struct smtp_client *client = &connection->client;
	char helo[300];

	*secured = SECURE_NOT;
	client->is_lmtp = attempt->route.kind == ROUTE_LMTP;
	if (attempt->route.kind == ROUTE_SMTPS) {
		*secured = secure_handshake(connection, attempt->helpers, want);
		if (*secured != SECURE_DONE)
			return true;
	}
	snprintf(helo, sizeof(helo), "%.*s", (int)attempt->settings->helo.len,
	    attempt->settings->helo.data);
	unsigned code = smtp_read(client, GREETING_TIMEOUT_MS);
	if (code >= 200 && code < 300)
		code = smtp_hello(client, helo, GREETING_TIMEOUT_MS);
	if (code < 200 || code >= 300)
		return false;
	if (!attempt->is_clear && !connection->is_secure)
		*secured = secure_start(connection, attempt->helpers, want);
	if (*secured != SECURE_DONE || attempt->route.kind == ROUTE_SMTPS)
		return true;
	code = smtp_hello(client, helo, GREETING_TIMEOUT_MS);
	return code >= 200 && code < 300;
}

/* Greeting, hello, and TLS where it is offered; closed unless it is open. */
static enum outcome
begin(struct attempt *attempt, struct span host)
{
	struct connection *connection = attempt->connection;
	struct smtp_client *client = &connection->client;
	struct security want = secure_want(attempt->settings, attempt->domain,
	    host, attempt->is_known, attempt->need);
	enum secure_result secured;
	const char *why = NULL;

	if (attempt->route.kind == ROUTE_SMTPS &&
	    want.policy.level < TLS_LEVEL_ENCRYPT)
		want.policy.level = TLS_LEVEL_ENCRYPT;
	smtp_open(client, connection->fd);
	connection->mails = 0;
	connection->is_secure = false;
	connection->need = attempt->need;
	bool is_good = greet(attempt, &want, &secured);
	if (is_good && (secured != SECURE_BROKEN ||
			   want.policy.level >= TLS_LEVEL_ENCRYPT)) {
		const char *fault = secure_fault(connection, &want, &why);

		if (fault == NULL)
			return OUTCOME_OPEN;
		refuse(attempt, secured, fault, why);
		return OUTCOME_REFUSED;
	}
	attempt->is_unreached |= secured != SECURE_BROKEN;
	snprintf(attempt->text, sizeof(attempt->text), "%s%s %.*s",
	    connection->server,
	    client->code == 0 ? ":" : " said:", (int)client->text.len,
	    client->text.len == 0 ? "" : client->text.data);
	smtp_free(client);
	close(connection->fd);
	connection->fd = -1;
	return secured == SECURE_BROKEN ? OUTCOME_NO_TLS : OUTCOME_REFUSED;
}

static bool
reach(struct attempt *attempt, const struct sockaddr_storage *address,
    socklen_t size)
{
	struct connection *connection = attempt->connection;

	connection->fd =
	    connect_to(address, size, attempt->settings->connect_timeout_ms);
	if (connection->fd != -1)
		return true;
	attempt->is_unreached = true;
	snprintf(attempt->text, sizeof(attempt->text), "%s: %s",
	    connection->server, strerror(errno));
	return false;
}

static bool
try_address(struct attempt *attempt, struct span host, struct span text)
{
	struct connection *connection = attempt->connection;
	struct sockaddr_storage address;
	socklen_t size;

	if (!parse_address(text, attempt->route.port, &address, &size))
		return false;
	snprintf(connection->server, sizeof(connection->server), "%.*s[%.*s]",
	    (int)host.len, host.ptr, (int)text.len, text.ptr);
	attempt->is_clear = false;
	if (!reach(attempt, &address, size))
		return false;
	enum outcome outcome = begin(attempt, host);
	if (outcome == OUTCOME_NO_TLS) {
		/* RFC 7435: in clear is better than not at all. */
		attempt->is_clear = true;
		if (!reach(attempt, &address, size))
			return false;
		outcome = begin(attempt, host);
	}
	return outcome == OUTCOME_OPEN;
}

static bool
try_hops(struct attempt *attempt, struct span hops)
{
	struct dns_hop hop;

	while (dns_next_hop(&hops, &hop))
		if (try_address(attempt, hop.host, hop.address))
			return true;
	return false;
}

/*
 * No host was as secure as this message needs, which says nothing about other
 * messages.  It fails only if no host was left out.
 */
static void
give_insecure(const struct attempt *attempt, struct verdicts *verdicts)
{
	char code[16];
	bool is_final = attempt->code[0] == '5' && !attempt->is_unreached;

	snprintf(code, sizeof(code), "%c%s", is_final ? '5' : '4',
	    attempt->code + 1);
	verdicts_give_rest(verdicts, is_final ? VERDICT_FAILED : VERDICT_LATER,
	    code, attempt->text);
}

static void
give_up(enum dns_status status, const struct attempt *attempt,
    struct verdicts *verdicts)
{
	switch (status) {
	case DNS_OK:
		if (attempt->code != NULL) {
			give_insecure(attempt, verdicts);
			return;
		}
		verdicts_give_rest(verdicts, VERDICT_UNREACHABLE, "4.4.1",
		    attempt->text[0] == '\0' ? "no host could be reached"
					     : attempt->text);
		return;
	case DNS_NO_NAME:
		verdicts_give_rest(verdicts, VERDICT_FAILED, "5.1.2",
		    "there is no such domain");
		return;
	case DNS_NULL_MX:
		verdicts_give_rest(verdicts, VERDICT_FAILED, "5.1.10",
		    "this domain receives no mail (null MX)");
		return;
	case DNS_LOOP:
		verdicts_give_rest(verdicts, VERDICT_FAILED, "5.4.6",
		    "this host is the best mail host of the domain, but not "
		    "its home: see control/locals and control/smtproutes");
		return;
	case DNS_LATER:
		verdicts_give_rest(verdicts, VERDICT_LATER, "4.4.3",
		    "the name server gives no answer now");
		return;
	}
}

/* "[192.0.2.1]" without its brackets. */
static bool
is_literal(struct span domain, struct span *address)
{
	*address = span_slice(domain, 1, domain.len > 2 ? domain.len - 2 : 0);
	return domain.len > 2 && domain.ptr[0] == '[' &&
	       domain.ptr[domain.len - 1] == ']';
}

bool
connection_open_to(struct connection *connection,
    const struct send_settings *settings, const struct helpers *helpers,
    struct span hops, struct verdicts *verdicts)
{
	struct attempt attempt = { .connection = connection,
		.settings = settings,
		.helpers = helpers,
		.need = NEED_POLICY,
		.is_known = true,
		.route.port = settings->port };

	if (try_hops(&attempt, hops))
		return true;
	give_up(DNS_OK, &attempt, verdicts);
	return false;
}

bool
connection_open(struct connection *connection,
    const struct send_settings *settings, const struct helpers *helpers,
    struct span domain, enum need need, struct verdicts *verdicts)
{
	static struct packet packet;
	const int resolve = helpers->resolve;
	struct attempt attempt = { .connection = connection,
		.settings = settings,
		.helpers = helpers,
		.domain = domain,
		.need = need,
		.route.port = settings->port };
	struct span address;
	struct span hops = { "", 0 };
	enum dns_status status = DNS_OK;
	bool has_route = route_find(settings->routes, domain, &attempt.route);
	struct span host = has_route ? attempt.route.host : domain;

	attempt.is_known = has_route;
	if (is_literal(host, &address)) {
		if (try_address(&attempt, host, address))
			return true;
		if (attempt.text[0] == '\0') /* it is no address */
			status = has_route ? DNS_LATER : DNS_NO_NAME;
	} else {
		status = has_route ? dns_addresses(resolve, host,
					 RESOLVE_TIMEOUT_MS, &packet, &hops)
				   : dns_route(resolve, host,
					 RESOLVE_TIMEOUT_MS, &packet, &hops);
		/* Our own route's typing error must not bounce mail. */
		if (has_route && status == DNS_NO_NAME)
			status = DNS_LATER;
		if (status == DNS_OK && try_hops(&attempt, hops))
			return true;
	}
	give_up(status, &attempt, verdicts);
	return false;
}

bool
connection_is_stale(const struct connection *connection)
{
	struct pollfd wait = { .fd = connection->fd, .events = POLLIN };
	uint64_t mails_max = connection->client.mails_max;

	return connection->fd != -1 &&
	       ((mails_max > 0 && connection->mails >= mails_max) ||
		   reader_has_buffered(&connection->client.in) ||
		   poll(&wait, 1, 0) != 0);
}

void
connection_close(struct connection *connection)
{
	if (connection->fd == -1)
		return;
	if (connection->client.in.status == IO_OK &&
	    connection->client.out.status == IO_OK) {
		smtp_write(&connection->client, "QUIT");
		smtp_read(&connection->client, QUIT_TIMEOUT_MS);
	}
	smtp_free(&connection->client);
	close(connection->fd);
	connection->fd = -1;
}
