#ifndef NET_ROUTES_H
#define NET_ROUTES_H

/*
 * routes - control/smtproutes: which host takes the mail for a domain, in
 * qmail's grammar: DOMAIN:HOST:PORT, .DOMAIN for all below it, :HOST for all.
 * Before HOST may stand "smtps:" (TLS from the first byte, RFC 8314 section
 * 3.3; port 465) or "lmtp:" (RFC 2033; port 24).  "lmtp:/PATH" and Postfix's
 * "lmtp:unix:/PATH" are read, but nobody can follow them: remote-send has a
 * jail without files, and connects by IP alone.
 *
 * control/senderroutes says it by sender: PATTERN HOST a line, spaces between,
 * PATTERN an address, @DOMAIN, or @.DOMAIN for all below it, and HOST as above.
 */

#include "base/control.h"

enum route_kind {
	ROUTE_SMTP,
	ROUTE_SMTPS,
	ROUTE_LMTP
};

struct route {
	struct span text; /* of it all, as route_parse takes it */
	struct span host;
	enum route_kind kind;
	uint16_t port;
	bool is_path; /* host is the path of a socket, which is out of reach */
};

extern const char route_path_mend[];

/*
 * For mtactl check: end as control_complain does at a route that nothing can
 * take: by a path, of what is no domain, to what is no host.
 */
void routes_complain(const struct control_list *routes);

/* Read the file.  A line without sense ends the program: control_complain. */
struct control_list routes_read(void);

enum {
	ROUTE_TEXT_MAX = 300 /* bytes of "smtps:HOST:PORT" */
};

/*
 * HOST, HOST:PORT or either with a kind before it; route->port is kept where
 * text has none.  The host points into text.  False: it is none.
 */
bool route_parse(struct span text, struct route *route);

/*
 * The route for domain; route->port is that of ROUTE_SMTP where a line has
 * none.  False, and *route as it was, if there is none, or if its host is empty
 * (use the MX).
 */
bool route_find(
    const struct control_list *routes, struct span domain, struct route *route);

/* Has the domain a line that is not for all, if only one that says its MX? */
bool route_is_named(const struct control_list *routes, struct span domain);

/* control/senderroutes.  A line without sense ends the program. */
struct control_list sender_routes_read(void);

/* An address counts before a domain, and of these the longest. */
bool route_find_sender(
    const struct control_list *routes, struct span sender, struct route *route);

#endif
