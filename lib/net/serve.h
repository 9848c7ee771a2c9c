#ifndef NET_SERVE_H
#define NET_SERVE_H

/*
 * serve - the accept loop of every server: a fork for each connection.
 *
 * listen(8) leaves listening sockets at SERVE_LISTEN_FD and the numbers after
 * it, those of ports that begin with TLS at SERVE_TLS_LISTEN_FD, and
 * /proc/loadavg, if there is one, at SERVE_LOAD_FD.  The loop accepts, counts
 * (in all, for each client network: /24 of IPv4, /64 of IPv6, and how many of a
 * network came within a minute; also /16 and /48; and how many have just begun,
 * net/turnstile.h), opens a session with each neighbour (late ones hear of it
 * when they are first asked, or at once on a port that begins with TLS), and
 * forks.  The child closes everything that is not its own, closes its session
 * layer, reads the PROXY header if its peer is in control/proxynets, and calls
 * run: once, or again for the same address (net/reuse.h).
 *
 * Signals   SIGHUP: stop accepting, let sessions end, return.  SIGTERM, which
 *           also comes when the parent dies: the same within five seconds.
 * Safety    three children that died of SEGV, ABRT, BUS or SYS: as SIGHUP, so
 *           that the chain starts anew with a fresh address layout.
 */

#include "base/sandbox.h"
#include "base/span.h"
#include "net/frequency.h"
#include "net/given.h"
#include "net/peer.h"
#include "net/strain.h"

enum {
	SERVE_LISTEN_FD = 20,
	SERVE_LISTEN_MAX = 16,
	SERVE_TLS_LISTEN_FD = SERVE_LISTEN_FD + SERVE_LISTEN_MAX,
	SERVE_LOAD_FD = SERVE_TLS_LISTEN_FD + SERVE_LISTEN_MAX,
	SERVE_NAME_MAX = 16,
	SERVE_AGAIN = -1 /* no exit code */
};

struct serve {
	const char *busy; /* codes before the words: no place, "421 4.3.2" */
	const char *over; /* over what one network may have: "421 4.7.0" */
	bool is_quoted;   /* the words are a string, RFC 5804 section 1.2 */
	char name[SERVE_NAME_MAX]; /* before the names of control files */
	uint64_t connections_max;
	uint64_t connections_per_network_max;
	uint64_t burst;  /* net/turnstile.h */
	bool keeps_load; /* a session has SERVE_LOAD_FD, too */
	struct frequency frequency;
	uint64_t use_max;      /* clients of one process; over 1: net/reuse.h */
	struct strain *strain; /* on while few places are left */
	int neighbours[GIVEN_MAX]; /* control pairs */
	int neighbour_count;
	struct late late;         /* those that few clients need */
	unsigned session_allowed; /* enum sandbox: a session's own layer */
	/*
	 * The session; sessions[i] belongs to neighbours[i].  Exit code; or
	 * SERVE_AGAIN: all is as it was before, for the same client's next,
	 * and reuse_say_free was said to again.  That is -1 where it may not.
	 */
	int (*run)(int client, const struct peer *peer, const int *sessions,
	    int again, void *context);
	void *context;
};

/*
 * Read control/NAMEconnections, NAMEpernetwork, NAMErate, NAMEwiderate,
 * NAMEburst, proxynets and relayclients (whose rate is not limited, nor this
 * host's own) into serve, and make serve->strain, before the jail closes.
 */
void serve_configure(struct serve *serve, const char *name);

/* Has listen(8) left a socket? If not, the program was started by hand. */
bool serve_is_listening(void);

/*
 * Close the inner jail, announce readiness (descriptor 3), and serve until
 * told to stop.  Returns an exit code.
 */
int serve_run(struct serve *serve);

#endif
