#ifndef SERVICE_TLS_DANE_H
#define SERVICE_TLS_DANE_H

/*
 * tls_dane - a server's certificate by its TLSA records, by OpenSSL: RFC 7671,
 * and RFC 7672 section 3.1 about the ones that are usable for mail.
 */

#include <openssl/ssl.h>

#include "queue/tls.h"

/*
 * Before the handshake, and before names are set, which count beside the first:
 * server_name, the TLSA base domain.
 */
void tls_dane_begin(SSL *ssl, const struct tls_connect *connect);

/* After the handshake. */
enum tls_dane tls_dane_result(SSL *ssl);

#endif
