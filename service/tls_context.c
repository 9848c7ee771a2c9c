#include "service/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/die.h"
#include "queue/neighbour.h"

enum {
	LIST_TIMEOUT_MS = 20000,
	KEYD_TIMEOUT_MS = 5000,
	SESSION_LIFE_S = 7200 /* of a session to resume */
};

static const char ciphers_1_2[] =
    "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL:!kRSA";
static const char groups[] = "X25519:P-256:P-384";

/* ---- the certificates ---- */

static void
free_identity(struct tls_identity *identity)
{
	X509_free(identity->leaf);
	sk_X509_pop_free(identity->chain, X509_free);
	EVP_PKEY_free(identity->key);
	*identity = (struct tls_identity){ 0 };
}

static bool
read_identity(struct tls_context *context, struct tls_identity *identity,
    const struct key_certificate *certificate)
{
	const unsigned char *next = certificate->chain;
	const unsigned char *end = next + certificate->len;

	*identity = (struct tls_identity){ .chain = sk_X509_new_null() };
	identity->leaf = d2i_X509(NULL, &next, end - next);
	if (identity->leaf == NULL || identity->chain == NULL)
		return false;
	while (next < end) {
		X509 *link = d2i_X509(NULL, &next, end - next);

		if (link == NULL || sk_X509_push(identity->chain, link) == 0) {
			X509_free(link);
			return false;
		}
	}
	EVP_PKEY *public_key = X509_get0_pubkey(identity->leaf);
	if (public_key != NULL)
		identity->key = tls_key_new(public_key, &context->keyd);
	return identity->key != NULL;
}

/* The next packet of the list: 1 a certificate, 0 the end, -1 no answer. */
static int
ask_certificate(const struct tls_context *context, uint32_t index,
    struct key_certificate *certificate, uint64_t *generation)
{
	static struct packet packet;
	static struct key_answer answer;
	struct key_request request = { .operation = KEY_LIST,
		.generation = context->generation,
		.index = index };

	if (!key_send_request(context->keyd.session, &request) ||
	    !neighbour_wait(context->keyd.session, LIST_TIMEOUT_MS, &packet))
		return -1;
	packet_close_fds(&packet);
	if (key_parse_certificate(packet_span(&packet), certificate))
		return 1;
	if (!key_parse_answer(packet_span(&packet), &answer))
		return -1;
	*generation = answer.generation;
	return 0;
}

void
tls_context_refresh(struct tls_context *context)
{
	static struct key_certificate certificate;
	struct tls_identity fresh[KEYRING_MAX];
	uint64_t generation = 0;
	size_t count = 0;
	uint32_t index = 0;
	int got;

	while ((got = ask_certificate(
		    context, index, &certificate, &generation)) == 1 &&
	       index < KEYRING_MAX) {
		if (read_identity(context, &fresh[count], &certificate))
			count++;
		else
			free_identity(&fresh[count]);
		index++;
	}
	if (got == 0 && generation != context->generation) {
		for (size_t i = 0; i < context->count; i++)
			free_identity(&context->identities[i]);
		memcpy(context->identities, fresh, count * sizeof(fresh[0]));
		context->count = count;
		context->generation = generation;
		log_event("certificates=%zu", count);
		return;
	}
	if (got == -1)
		warn_errno("keyd does not tell its certificates");
	for (size_t i = 0; i < count; i++)
		free_identity(&fresh[i]);
}

static size_t
use_matching(const struct tls_context *context, SSL *ssl, const char *name)
{
	size_t used = 0;

	for (size_t i = 0; i < context->count; i++) {
		const struct tls_identity *identity = &context->identities[i];

		if (X509_check_host(identity->leaf, name, 0, 0, NULL) == 1 &&
		    SSL_use_cert_and_key(ssl, identity->leaf, identity->key,
			identity->chain, 1) == 1)
			used++;
	}
	return used;
}

/* Called in each handshake, when the client has said whom it wants. */
static int
choose_certificates(SSL *ssl, void *argument)
{
	const struct tls_context *context = argument;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	SSL_certs_clear(ssl);
	if ((name != NULL && use_matching(context, ssl, name) > 0) ||
	    use_matching(context, ssl, context->me) > 0)
		return 1;
	if (context->count == 0)
		return 0;
	const struct tls_identity *first = &context->identities[0];
	return SSL_use_cert_and_key(
	    ssl, first->leaf, first->key, first->chain, 1);
}

/* Any name is served: this only lets the client know that it was heard. */
static int
accept_name(SSL *ssl, int *alert, void *argument)
{
	(void)ssl, (void)alert, (void)argument;
	return SSL_TLSEXT_ERR_OK;
}

/*
 * Who asks for another protocol than ours is at the wrong door, or was sent
 * here by an attacker (RFC 7301 section 3.2).
 */
static int
choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *len,
    const unsigned char *offered, unsigned offered_len, void *argument)
{
	const struct tls_context *context = argument;
	size_t want = strlen(context->protocol);

	(void)ssl;
	for (unsigned i = 0; i < offered_len; i += 1U + offered[i])
		if (offered[i] == want && offered_len - i > want &&
		    memcmp(offered + i + 1, context->protocol, want) == 0) {
			*chosen = offered + i + 1;
			*len = offered[i];
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* ---- sessions to resume: keyd keeps them ---- */

static struct tls_context *
context_of(SSL *ssl)
{
	return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

static bool
set_session_id(
    struct key_request *request, const unsigned char *id, unsigned len)
{
	if (len == 0 || len > sizeof(request->id))
		return false;
	memcpy(request->id, id, len);
	return true;
}

int
tls_context_store_session(SSL *ssl, SSL_SESSION *session)
{
	struct key_request request = { .operation = KEY_STORE };
	static struct key_answer answer;
	unsigned char *place = request.bytes;
	unsigned len = 0;
	const unsigned char *id = SSL_SESSION_get_id(session, &len);
	int size = i2d_SSL_SESSION(session, NULL);

	if (size > 0 && (size_t)size <= sizeof(request.bytes) &&
	    set_session_id(&request, id, len)) {
		i2d_SSL_SESSION(session, &place);
		request.len = (uint32_t)size;
		key_ask(context_of(ssl)->keyd.session, &request, &answer,
		    KEYD_TIMEOUT_MS);
	}
	explicit_bzero(&request, sizeof(request));
	return 0; /* no reference is kept */
}

/* keyd gives each away once; one of TLS 1.2 has no other name next time. */
static SSL_SESSION *
fetch_session(SSL *ssl, const unsigned char *id, int len, int *copy)
{
	struct key_request request = { .operation = KEY_FETCH };
	static struct key_answer answer;
	SSL_SESSION *session = NULL;
	const unsigned char *bytes = answer.bytes;

	*copy = 0;
	if (len > 0 && set_session_id(&request, id, (unsigned)len) &&
	    key_ask(context_of(ssl)->keyd.session, &request, &answer,
		KEYD_TIMEOUT_MS))
		session = d2i_SSL_SESSION(NULL, &bytes, (long)answer.len);
	explicit_bzero(&answer, sizeof(answer));
	if (session != NULL &&
	    SSL_SESSION_get_protocol_version(session) == TLS1_2_VERSION)
		tls_context_store_session(ssl, session);
	return session;
}

/* ---- the settings ---- */

/* A certificate that does not hold is as good as none: no name comes of it. */
static int
accept_any(int is_good, X509_STORE_CTX *store)
{
	(void)is_good, (void)store;
	return 1;
}

static void
set_client_ca(SSL_CTX *ssl, const char *path)
{
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);

	if (names == NULL || SSL_CTX_load_verify_file(ssl, path) != 1)
		die(EX_TEMPFAIL, "control/tlsclientca: no certificates in %s",
		    path);
	SSL_CTX_set_client_CA_list(ssl, names);
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, accept_any);
}

void
tls_context_open(struct tls_context *context, const char *me,
    const char *protocol, const char *client_ca)
{
	SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());

	*context = (struct tls_context){ .ssl = ssl,
		.me = me,
		.protocol = protocol,
		.keyd = { NEIGHBOUR_KEY } };
	if (ssl == NULL || SSL_CTX_set_cipher_list(ssl, ciphers_1_2) != 1 ||
	    SSL_CTX_set1_groups_list(ssl, groups) != 1 ||
	    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_session_id_context(ssl, (const unsigned char *)protocol,
		(unsigned)strlen(protocol)) != 1 ||
	    SSL_CTX_set_num_tickets(ssl, 1) != 1)
		die(EX_TEMPFAIL, "this OpenSSL does not do what TLS needs");
	SSL_CTX_set_options(ssl,
	    SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
		SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_CIPHER_SERVER_PREFERENCE |
		SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS |
				  SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_app_data(ssl, context);
	SSL_CTX_set_cert_cb(ssl, choose_certificates, context);
	SSL_CTX_set_tlsext_servername_callback(ssl, accept_name);
	SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, context);
	SSL_CTX_set_session_cache_mode(
	    ssl, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_set_timeout(ssl, SESSION_LIFE_S);
	SSL_CTX_sess_set_new_cb(ssl, tls_context_store_session);
	SSL_CTX_sess_set_get_cb(ssl, fetch_session);
	if (client_ca != NULL)
		set_client_ca(ssl, client_ca);
}
