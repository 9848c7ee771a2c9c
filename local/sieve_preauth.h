#ifndef LOCAL_SIEVE_PREAUTH_H
#define LOCAL_SIEVE_PREAUTH_H

/*
 * sieve_preauth - the non-authenticated state, RFC 5804 section 2: a process
 * that knows no script and holds no file, only the client and a session with
 * login(8).
 */

#include "net/gate.h"

/* Serve one client; tls is -1 where there is none.  Returns an exit code. */
int sieve_preauth_run(int client, const struct peer *peer, int login, int tls,
    const struct gate_settings *settings);

#endif
