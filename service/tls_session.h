#ifndef SERVICE_TLS_SESSION_H
#define SERVICE_TLS_SESSION_H

/*
 * tls_session - one client: the records of tls(5), the handshake, and then
 * its bytes, both ways, until an end closes.
 */

#include "service/tls_context.h"

/*
 * In the child, whose jail is closed: session is with the protocol's process;
 * plain are the ends of a stream pair, of which that process gets the second.
 * Exit code.
 */
int tls_session_run(struct tls_context *context, int session,
    const int plain[2], int64_t handshake_timeout_ms);

/*
 * The same in client mode, for one request of a session: connect is what it
 * asked for, server the connection that it handed over.
 */
int tls_session_run_client(struct tls_context *context, int session,
    struct tls_connect *connect, int server, const int plain[2],
    int64_t handshake_timeout_ms);

/*
 * A handshake with ourselves in memory, for each version: what OpenSSL makes
 * ready at its first use is made ready before the fork.
 */
void tls_session_rehearse(struct tls_context *context);

#endif
