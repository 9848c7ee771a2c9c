#ifndef SEND_LOGIN_H
#define SEND_LOGIN_H

/*
 * login - AUTH with a server of control/smtproutes (RFC 4954), by remote-auth,
 * which knows the passwords and mechanisms.
 */

#include "send/transaction.h"

/*
 * Which line of control/smtpauth is the sender's at this channel's host; 0:
 * none.  False: remote-auth does not answer.
 */
bool login_select(struct helpers *helpers, struct span sender, uint64_t *line);

enum {
	LOGIN_WHY_MAX = 120
};

/* Did the host refuse that line not long ago?  Then why it is not tried. */
bool login_is_refused(
    const struct helpers *helpers, uint64_t line, char why[LOGIN_WHY_MAX]);

/*
 * Log in by that line, over a connection that is protected as it has to be.
 * False: connection->client.text says why, and *code is the status code.
 */
bool login_run(struct connection *connection, const struct helpers *helpers,
    uint64_t line, const char **code);

/*
 * For the parent, which no other host's bytes reach: a session of which the
 * child that gets it can learn about that host only; -1 with errno set.
 */
int login_open_session(struct span host, uint16_t port);

#endif
