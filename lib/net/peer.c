#include "net/peer.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "net/network.h"
#include "net/proxy.h"

enum {
	PROXY_TIMEOUT_MS = 10000
};

static void
describe(const struct sockaddr_storage *address, char text[PEER_TEXT_MAX],
    uint16_t *port)
{
	unsigned char bytes[16];
	struct sockaddr_in6 ipv6;

	snprintf(text, PEER_TEXT_MAX, "local");
	*port = 0;
	if (!network_of_socket(address, bytes))
		return;
	memcpy(&ipv6, address, sizeof(ipv6)); /* the port has one place */
	*port = ntohs(ipv6.sin6_port);
	if (memcmp(bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0)
		inet_ntop(AF_INET, bytes + 12, text, PEER_TEXT_MAX);
	else
		inet_ntop(AF_INET6, bytes, text, PEER_TEXT_MAX);
}

void
peer_describe(int client, struct peer *peer)
{
	struct sockaddr_storage local = { 0 };
	socklen_t size = sizeof(peer->address);
	socklen_t local_size = sizeof(local);

	memset(peer, 0, sizeof(*peer));
	if (getpeername(client, (struct sockaddr *)&peer->address, &size) == -1)
		peer->address.ss_family = AF_UNSPEC;
	if (getsockname(client, (struct sockaddr *)&local, &local_size) == -1)
		local.ss_family = AF_UNSPEC;
	describe(&peer->address, peer->text, &peer->port);
	describe(&local, peer->local_text, &peer->local_port);
}

/* A trusted balancer says whom it speaks for; its header is not optional. */
bool
peer_read_proxy_header(int client, struct peer *peer)
{
	char bytes[PROXY_HEADER_MAX];
	int64_t deadline = clock_ms() + PROXY_TIMEOUT_MS;
	struct sockaddr_storage real;
	size_t used;

	for (;;) {
		struct pollfd wait = { .fd = client, .events = POLLIN };
		int64_t left = deadline - clock_ms();

		if (left <= 0 || poll(&wait, 1, (int)left) != 1)
			return false;
		ssize_t got = recv(client, bytes, sizeof(bytes), MSG_PEEK);
		if (got <= 0)
			return false;
		enum proxy_status status = proxy_parse(
		    (struct span){ bytes, (size_t)got }, &real, &used);
		if (status == PROXY_BAD)
			return false;
		if (status == PROXY_OK)
			break;
		/* Wait for more than what is there: a short, bounded nap. */
		poll(NULL, 0, 20);
	}
	if (recv(client, bytes, used, 0) != (ssize_t)used)
		return false;
	if (real.ss_family != AF_UNSPEC) {
		peer->address = real;
		describe(&real, peer->text, &peer->port);
	}
	return true;
}
