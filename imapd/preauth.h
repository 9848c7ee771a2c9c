#ifndef IMAPD_PREAUTH_H
#define IMAPD_PREAUTH_H

/*
 * preauth - the not authenticated state, RFC 9051 section 3.1: a process that
 * knows no mailbox and holds no file, only the client and a session with
 * login(8).
 */

#include "net/gate.h"

/* Serve one client; tls is -1 where there is none.  Returns an exit code. */
int preauth_run(int client, const struct peer *peer, int login, int tls,
    const struct gate_settings *settings);

#endif
