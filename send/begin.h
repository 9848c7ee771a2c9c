#ifndef SEND_BEGIN_H
#define SEND_BEGIN_H

/*
 * begin - from a socket that is connected to a server that takes mail: its
 * greeting, our hello, TLS and a login.
 */

#include "net/routes.h"
#include "send/connection.h"
#include "send/reach.h"

struct attempt {
	struct connection *connection;
	const struct send_settings *settings;
	const struct helpers *helpers;
	struct route route;
	struct span domain; /* empty: by hand */
	const struct demand *demand;
	struct source source; /* if demand->source */
	struct reach reach;
	struct span alias;  /* dns_alias, of the domain */
	struct span secure; /* dns_hop's, of the host that is tried */
	bool is_known;      /* the host is of control/smtproutes */
	bool is_clear;      /* the handshake failed here before */
	bool is_strict;     /* by MTA-STS this host has to be verified */
	const char *code;   /* of the last host that was not secure, or NULL */
	bool is_unreached;  /* another host might have been */
	bool is_loop;       /* the last one was ourselves */
	char text[1024];    /* why the last host was of no use */
};

enum outcome {
	OUTCOME_OPEN,
	OUTCOME_REFUSED, /* this host does not want us, or not so */
	OUTCOME_NO_TLS   /* it offered TLS, but there was none to be had */
};

/*
 * Greeting, hello, and TLS where it is offered, on attempt->connection->fd;
 * closed unless it is open.
 */
enum outcome begin(struct attempt *attempt, struct span host);

/*
 * One that a customer made, and had turned around (RFC 2645): its greeting, and
 * our hello.  If they come to nothing it is closed, and fault says why.
 */
void connection_take(struct connection *connection,
    const struct send_settings *settings, const struct channel_opening *target,
    int fd);

#endif
