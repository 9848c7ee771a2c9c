#ifndef SERVICE_TLS_CONTEXT_H
#define SERVICE_TLS_CONTEXT_H

/*
 * tls_context - what every TLS session of tlsd begins with: OpenSSL's settings
 * and the certificates, which keyd tells; no key.
 *
 * TLS 1.2 and 1.3 with forward secrecy and authenticated encryption only.
 * The certificates that match the name that a client asks for (SNI, RFC 6066
 * section 3) are used, RSA and ECDSA side by side; without one, those of this
 * host's name; without those, the first.
 */

#include <openssl/ssl.h>

#include "service/keyring.h"
#include "service/tls_key.h"

struct tls_identity {
	X509 *leaf;
	STACK_OF(X509) * chain;
	EVP_PKEY *key; /* keyd's: tls_key.h */
};

struct tls_context {
	SSL_CTX *ssl;
	struct key_channel keyd;
	const char *me;       /* control/me */
	const char *protocol; /* ALPN's name: "imap", "managesieve", ... */
	bool is_client;       /* then there is no keyd, and no certificate */
	struct tls_identity identities[KEYRING_MAX];
	size_t count;
	uint64_t generation;

	/* a list that is on its way */
	struct tls_identity fresh[KEYRING_MAX];
	size_t fresh_count;
	uint32_t index;
	bool is_asking;
};

/*
 * Before the jail closes; ends the program if OpenSSL refuses.  client_ca
 * names a file of certificates that clients' own are checked against; NULL:
 * no client is asked for one.
 */
void tls_context_open(struct tls_context *context, const char *me,
    const char *protocol, const char *client_ca);

/*
 * The same for client mode: ca names a file of the certificates that servers'
 * own are checked against; without it, none is verified.
 */
void tls_context_open_client(struct tls_context *context, const char *ca);

/*
 * Ask keyd on the session of context->keyd whether the certificates are
 * others by now, and take what it says, packet by packet; until the last one
 * what was there stays.
 */
void tls_context_ask(struct tls_context *context);
void tls_context_take(struct tls_context *context, const struct packet *packet);

/* Both, waiting at most so long: the rest may come later. */
void tls_context_refresh(struct tls_context *context, int64_t timeout_ms);

/* OpenSSL's hook for a session that may be resumed: keyd keeps it. */
int tls_context_store_session(SSL *ssl, SSL_SESSION *session);

#endif
