#include "service/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/die.h"
#include "base/io.h"
#include "queue/neighbour.h"

enum {
	KEYD_TIMEOUT_MS = 5000,
	SESSION_LIFE_S = 7200 /* of a session to resume */
};

static const char ciphers_1_2[] =
    "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL:!kRSA";

/* ---- the certificates ---- */

static void
free_identity(struct tls_identity *identity)
{
	X509_free(identity->leaf);
	sk_X509_pop_free(identity->chain, X509_free);
	EVP_PKEY_free(identity->key);
	*identity = (struct tls_identity){ 0 };
}

/* Would a handshake take it? */
static bool
is_usable(
    const struct tls_context *context, const struct tls_identity *identity)
{
	SSL *ssl = SSL_new(context->ssl);
	char name[256] = "";
	bool is_good =
	    ssl != NULL && SSL_use_cert_and_key(ssl, identity->leaf,
			       identity->key, identity->chain, 1) == 1;

	if (!is_good) {
		X509_NAME_oneline(
		    X509_get_subject_name(identity->leaf), name, sizeof(name));
		log_event("certificate of %s is left out: %s", name,
		    ERR_reason_error_string(ERR_peek_last_error()));
	}
	ERR_clear_error();
	SSL_free(ssl);
	return is_good;
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
	return identity->key != NULL && is_usable(context, identity);
}

static void
ask_next(struct tls_context *context)
{
	struct key_request request = { .operation = KEY_LIST,
		.serial = context->keyd.serial,
		.generation = context->generation,
		.index = context->index };

	context->is_asking = key_send_request(context->keyd.session, &request);
}

void
tls_context_ask(struct tls_context *context)
{
	if (context->is_asking)
		return;
	context->keyd.serial++;
	context->index = 0;
	ask_next(context);
}

static void
drop(struct tls_identity *identities, size_t *count)
{
	for (size_t i = 0; i < *count; i++)
		free_identity(&identities[i]);
	*count = 0;
}

/* The list is whole: nothing in it if it is the one that we have. */
static void
finish_list(struct tls_context *context, uint64_t generation)
{
	context->is_asking = false;
	if (generation == context->generation) {
		drop(context->fresh, &context->fresh_count);
		return;
	}
	drop(context->identities, &context->count);
	memcpy(context->identities, context->fresh,
	    context->fresh_count * sizeof(context->fresh[0]));
	context->count = context->fresh_count;
	context->fresh_count = 0;
	context->generation = generation;
	log_event("certificates=%zu", context->count);
}

void
tls_context_take(struct tls_context *context, const struct packet *packet)
{
	static struct key_certificate certificate;
	static struct key_answer answer;
	struct tls_identity *fresh = &context->fresh[context->fresh_count];

	if (key_parse_answer(packet_span(packet), &answer)) {
		if (answer.serial == context->keyd.serial)
			finish_list(context, answer.generation);
		return;
	}
	if (!context->is_asking || context->fresh_count == KEYRING_MAX ||
	    !key_parse_certificate(packet_span(packet), &certificate))
		return;
	if (read_identity(context, fresh, &certificate))
		context->fresh_count++;
	else
		free_identity(fresh);
	context->index++;
	ask_next(context);
}

void
tls_context_refresh(struct tls_context *context, int64_t timeout_ms)
{
	static struct packet packet;
	int64_t deadline = clock_ms() + timeout_ms;

	tls_context_ask(context);
	while (context->is_asking) {
		int64_t left = deadline - clock_ms();

		if (left <= 0 ||
		    !neighbour_wait(context->keyd.session, left, &packet))
			return;
		packet_close_fds(&packet);
		tls_context_take(context, &packet);
	}
}

enum rank {
	RANK_TRUSTED, /* by somebody, now */
	RANK_SELF_SIGNED,
	RANK_OUT_OF_TIME,
	RANKS
};

static enum rank
rank_of(X509 *leaf)
{
	if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0 ||
	    X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0)
		return RANK_OUT_OF_TIME;
	return X509_get_extension_flags(leaf) & EXFLAG_SI ? RANK_SELF_SIGNED
							  : RANK_TRUSTED;
}

/* What OpenSSL refuses leaves no error behind: it would end the handshake. */
static bool
use(SSL *ssl, const struct tls_identity *identity)
{
	ERR_set_mark();
	bool is_used = SSL_use_cert_and_key(ssl, identity->leaf, identity->key,
			   identity->chain, 1) == 1;
	ERR_pop_to_mark();
	return is_used;
}

/* The first of each kind of key, of the best rank that has any. */
static bool
use_matching(const struct tls_context *context, SSL *ssl, const char *name)
{
	for (enum rank rank = 0; rank < RANKS; rank++) {
		bool has_rsa = false;
		bool has_ec = false;

		for (size_t i = 0; i < context->count; i++) {
			const struct tls_identity *identity =
			    &context->identities[i];
			bool is_rsa = EVP_PKEY_is_a(identity->key, "RSA");
			bool *has = is_rsa ? &has_rsa : &has_ec;

			if (!*has && rank_of(identity->leaf) == rank &&
			    X509_check_host(identity->leaf, name, 0, 0, NULL) ==
				1)
				*has = use(ssl, identity);
		}
		if (has_rsa || has_ec)
			return true;
	}
	return false;
}

/* Called in each handshake, when the client has said whom it wants. */
static int
choose_certificates(SSL *ssl, void *argument)
{
	const struct tls_context *context = argument;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	SSL_certs_clear(ssl);
	return (name != NULL && use_matching(context, ssl, name)) ||
	       use_matching(context, ssl, context->me) ||
	       (context->count > 0 && use(ssl, &context->identities[0]));
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
	memset(request->id, 0, sizeof(request->id));
	memcpy(request->id, id, len);
	return true;
}

int
tls_context_store_session(SSL *ssl, SSL_SESSION *session)
{
	static struct key_request request;
	unsigned char *place = request.bytes;
	unsigned len = 0;
	const unsigned char *id = SSL_SESSION_get_id(session, &len);
	int size = i2d_SSL_SESSION(session, NULL);

	/* A certificate's name must not outlive the certificate. */
	if (size > 0 && (size_t)size <= sizeof(request.bytes) &&
	    SSL_get0_peer_certificate(ssl) == NULL &&
	    set_session_id(&request, id, len)) {
		i2d_SSL_SESSION(session, &place);
		request.operation = KEY_STORE;
		request.len = (uint32_t)size;
		key_tell(&context_of(ssl)->keyd, &request);
		explicit_bzero(request.bytes, request.len);
	}
	return 0; /* no reference is kept */
}

static SSL_SESSION *
fetch_session(SSL *ssl, const unsigned char *id, int len, int *copy)
{
	static struct key_request request;
	static struct key_answer answer;
	SSL_SESSION *session = NULL;
	const unsigned char *bytes = answer.bytes;

	*copy = 0;
	request.operation = KEY_FETCH;
	request.len = 0;
	if (len > 0 && set_session_id(&request, id, (unsigned)len) &&
	    key_ask(&context_of(ssl)->keyd, &request, &answer, KEYD_TIMEOUT_MS))
		session = d2i_SSL_SESSION(NULL, &bytes, (long)answer.len);
	explicit_bzero(answer.bytes, answer.len);
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

/* What both sides of a connection have in common. */
static void
set_common(SSL_CTX *ssl)
{
	char groups[] = "X25519:P-256:P-384"; /* OpenSSL's macro wants it so */

	if (ssl == NULL || SSL_CTX_set_cipher_list(ssl, ciphers_1_2) != 1 ||
	    SSL_CTX_set1_groups_list(ssl, groups) != 1 ||
	    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1)
		die(EX_TEMPFAIL, "this OpenSSL does not do what TLS needs");
	SSL_CTX_set_options(ssl,
	    SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
		SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS |
				  SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

void
tls_context_open_client(struct tls_context *context, const char *ca)
{
	SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());

	*context = (struct tls_context){ .ssl = ssl,
		.is_client = true,
		.protocol = "client",
		.keyd = { -1, 0 } };
	set_common(ssl);
	if (SSL_CTX_dane_enable(ssl) != 1)
		die(EX_TEMPFAIL, "this OpenSSL does not do DANE");
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_load_verify_file(ssl, ca) != 1)
		log_event("no authorities in %s: no server is verified", ca);
	ERR_clear_error();
	/* The result is told; what follows from it is the asker's to say. */
	SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
}

void
tls_context_open(struct tls_context *context, const char *me,
    const char *protocol, const char *client_ca)
{
	SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());

	*context = (struct tls_context){ .ssl = ssl,
		.me = me,
		.protocol = protocol,
		.keyd = { NEIGHBOUR_KEY, 0 } };
	set_common(ssl);
	if (SSL_CTX_set_session_id_context(ssl, (const unsigned char *)protocol,
		(unsigned)strlen(protocol)) != 1 ||
	    SSL_CTX_set_num_tickets(ssl, 1) != 1)
		die(EX_TEMPFAIL, "this OpenSSL does not do what TLS needs");
	SSL_CTX_set_options(
	    ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
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
