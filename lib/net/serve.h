#ifndef NET_SERVE_H
#define NET_SERVE_H

/*
 * serve - the accept loop of every server: a fork for each connection.
 *
 * listen(8) leaves listening sockets at SERVE_LISTEN_FD and the numbers after
 * it, those of ports that begin with TLS at SERVE_TLS_LISTEN_FD.  The loop
 * accepts, counts (in all, and for each client network: /24 of IPv4, /64 of
 * IPv6), opens a session with each neighbour, and forks.  The child closes
 * everything that is not its own, closes its session layer, reads the PROXY
 * header if its peer is in control/proxynets, and calls run.
 *
 * Signals   SIGHUP: stop accepting, let sessions end, return.  SIGTERM, which
 *           also comes when the parent dies: the same within five seconds.
 * Safety    three children that died of SEGV, ABRT, BUS or SYS: as SIGHUP, so
 *           that the chain starts anew with a fresh address layout.
 */

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/sandbox.h"
#include "base/span.h"

enum {
	SERVE_LISTEN_FD = 20,
	SERVE_LISTEN_MAX = 16,
	SERVE_TLS_LISTEN_FD = SERVE_LISTEN_FD + SERVE_LISTEN_MAX,
	SERVE_NEIGHBOURS_MAX = 10,
	PEER_TEXT_MAX = 64
};

/* Who is at the other end, as text: "192.0.2.7", "2001:db8::7", "local". */
struct peer {
	struct sockaddr_storage address;
	char text[PEER_TEXT_MAX];
	uint16_t port;
	char local_text[PEER_TEXT_MAX]; /* our own address */
	uint16_t local_port;
	bool begins_tls; /* before the first byte of the protocol */
};

struct serve {
	const char *busy; /* what a client over a limit is told, with CRLF */
	uint64_t connections_max;
	uint64_t connections_per_network_max;
	int neighbours[SERVE_NEIGHBOURS_MAX]; /* control pairs */
	int neighbour_count;
	unsigned session_allowed; /* enum sandbox: a session's own layer */
	/* The session; sessions[i] belongs to neighbours[i].  Exit code. */
	int (*run)(int client, const struct peer *peer, const int *sessions,
	    void *context);
	void *context;
};

/*
 * Read the limits control/NAMEconnections and control/NAMEpernetwork and the
 * list control/proxynets into serve, before the jail closes.
 */
void serve_configure(struct serve *serve, const char *name);

/* Has listen(8) left a socket? If not, the program was started by hand. */
bool serve_is_listening(void);

/*
 * Close the inner jail, announce readiness (descriptor 3), and serve until
 * told to stop.  Returns an exit code.
 */
int serve_run(struct serve *serve);

/* Fill *peer from a connected socket; "local" for anything else. */
void peer_describe(int client, struct peer *peer);

#endif
