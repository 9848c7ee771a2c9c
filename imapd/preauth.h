#ifndef IMAPD_PREAUTH_H
#define IMAPD_PREAUTH_H

/*
 * preauth - the not authenticated state, RFC 9051 section 3.1: a process that
 * knows no mailbox and holds no file, only the client and a session with
 * login(8).
 */

#include "net/auth.h"

struct preauth_settings {
	struct buf me;
	uint64_t timeout_s;
	uint64_t errors_max;
	struct auth_settings auth;
	bool has_tls; /* tlsd is a neighbour */
};

/* Serve one client; tls is -1 where there is none.  Returns an exit code. */
int preauth_run(int client, const struct peer *peer, int login, int tls,
    const struct preauth_settings *settings);

#endif
