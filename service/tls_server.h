#ifndef SERVICE_TLS_SERVER_H
#define SERVICE_TLS_SERVER_H

/*
 * tls_server - tlsd's parent: it watches the sessions that wait and forks a
 * child for each that begins; it reads no byte of theirs.
 */

#include "service/tls_session.h"

/*
 * Close the jail and serve until the control pair closes; clients that are
 * there then have TLS_DRAIN_MS to end.
 */
enum {
	TLS_DRAIN_MS = 10000
};
void tls_server_run(struct tls_context *context, int64_t handshake_timeout_ms);

#endif
