#ifndef SERVICE_TLS_RELAY_H
#define SERVICE_TLS_RELAY_H

/*
 * tls_relay - bytes between a client's TLS and the protocol's process.
 */

#include <openssl/ssl.h>
#include <stdint.h>

/*
 * Carry bytes until the process closes its end (the client is told,
 * close_notify) or the connection breaks.  When the client ends first, the
 * process sees the end of its input, and what it still says is carried.  When
 * the process has ended, a client that does not read its last words has so long
 * for each part of them.  Both descriptors are non-blocking.
 */
void tls_relay(SSL *ssl, int plain, int64_t last_words_ms);

#endif
