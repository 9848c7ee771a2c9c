/*
 * turned_test - a provider whose connection was turned is a stranger, wherever
 * it is: who is at the same address on port 25 may relay, and say XCLIENT.
 */

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smtpd/session.h"

#include "test.h"

/* What a client at 127.0.0.1 is offered. */
static const char *
offers(bool is_turned, const struct tls_facts *tls)
{
	static struct session session;
	static char said[4096];
	static const char words[] = "EHLO mx.provider.test\r\nQUIT\r\n";
	struct network here = { .bits = 128 };
	const struct settings settings = { .me = buf_new(100),
		.errors_max = 20,
		.junk_max = 20,
		.pace = { .command_ms = 30000, .session_ms = 30000 },
		.is_turned = is_turned,
		.relay_clients = { &here, 1 },
		.xclient_nets = { &here, 1 } };
	const struct neighbours neighbours = { 99, -1, -1, -1, -1, -1, NULL };
	struct peer peer = { .text = "127.0.0.1", .tls = tls };
	struct sockaddr_in address = { .sin_family = AF_INET };
	int client[2];

	inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
	memcpy(&peer.address, &address, sizeof(address));
	network_of_socket(&peer.address, here.bytes);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, client) == -1 ||
	    write(client[1], words, strlen(words)) == -1)
		return "";
	session = (struct session){ .settings = NULL };
	session_serve(
	    &session, client[0], client[0], &peer, &neighbours, &settings);
	session_free(&session);
	ssize_t got = read(client[1], said, sizeof(said) - 1);
	said[got < 0 ? 0 : got] = '\0';
	close(client[0]);
	close(client[1]);
	return said;
}

int
main(void)
{
	const struct tls_facts tls = { .protocol = "TLSv1.3" };
	const char *said = offers(false, NULL);

	CHECK("on port 25 it may relay", strstr(said, "250-ETRN\r\n") != NULL);
	CHECK("and say XCLIENT", strstr(said, "250-XCLIENT ") != NULL);
	said = offers(true, NULL);
	CHECK("turned it is served", strstr(said, "250 HELP\r\n") != NULL);
	CHECK("as a stranger", strstr(said, "ETRN") == NULL);
	CHECK("and says nothing for others", strstr(said, "XCLIENT") == NULL);
	CHECK("in clear", strstr(said, "REQUIRETLS") == NULL);
	said = offers(true, &tls);
	CHECK("or by TLS", strstr(said, "250-REQUIRETLS\r\n") != NULL);
	return test_result();
}
