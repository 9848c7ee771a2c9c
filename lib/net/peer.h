#ifndef NET_PEER_H
#define NET_PEER_H

/*
 * peer - who is at the other end of a connection, or behind its balancer.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	PEER_TEXT_MAX = 64
};

struct tls_facts;

/* Who is at the other end, as text: "192.0.2.7", "2001:db8::7", "local". */
struct peer {
	struct sockaddr_storage address;
	char text[PEER_TEXT_MAX];
	uint16_t port;
	char local_text[PEER_TEXT_MAX]; /* our own address */
	uint16_t local_port;
	bool begins_tls;             /* before the first byte of the protocol */
	const struct tls_facts *tls; /* that is on as it comes; NULL: none */
};

/* Fill *peer from a connected socket; "local" for anything else. */
void peer_describe(int client, struct peer *peer);

/*
 * Take the PROXY header that client begins with, for as long as it may take;
 * the peer is then whom it names.  False without a good one.
 */
bool peer_read_proxy_header(int client, struct peer *peer);

#endif
