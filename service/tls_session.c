#include "service/tls_session.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "queue/neighbour.h"
#include "service/tls_dane.h"
#include "service/tls_relay.h"

enum {
	REQUEST_TIMEOUT_MS = 10000
};

/* ---- what the protocol's process is told ---- */

/* Is it a name as it stands: printable, no space, not too long? */
static bool
set_name(struct tls_facts *facts, const unsigned char *name, int len)
{
	if (len <= 0 || (size_t)len >= sizeof(facts->client_name))
		return false;
	for (int i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] >= 0x7f)
			return false;
	memcpy(facts->client_name, name, (size_t)len);
	facts->client_name[len] = '\0';
	return true;
}

/* The first mail address among the alternative names: RFC 5280, 4.2.1.6. */
static bool
set_mail_address(struct tls_facts *facts, X509 *leaf)
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	bool is_set = false;

	for (int i = 0; !is_set && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_EMAIL)
			is_set = set_name(facts,
			    ASN1_STRING_get0_data(name->d.rfc822Name),
			    ASN1_STRING_length(name->d.rfc822Name));
	}
	GENERAL_NAMES_free(names);
	return is_set;
}

/* The last common name is the most specific one. */
static void
set_common_name(struct tls_facts *facts, X509 *leaf)
{
	X509_NAME *subject = X509_get_subject_name(leaf);
	unsigned char *text = NULL;
	int found = -1;
	int next;

	while ((next = X509_NAME_get_index_by_NID(
		    subject, NID_commonName, found)) != -1)
		found = next;
	if (found == -1)
		return;
	int len = ASN1_STRING_to_UTF8(&text,
	    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, found)));
	set_name(facts, text, len);
	OPENSSL_free(text);
}

static void
set_client_name(struct tls_facts *facts, SSL *ssl)
{
	X509 *leaf = SSL_get0_peer_certificate(ssl);

	if (leaf == NULL || SSL_get_verify_result(ssl) != X509_V_OK)
		return;
	if (!set_mail_address(facts, leaf))
		set_common_name(facts, leaf);
}

static void
digest_of(X509 *leaf,
    int (*digest)(
	const X509 *leaf, const EVP_MD *type, unsigned char *md, unsigned *len),
    unsigned char place[TLS_DIGEST_LEN])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (digest(leaf, EVP_sha256(), bytes, &len) == 1 &&
	    len == TLS_DIGEST_LEN)
		memcpy(place, bytes, TLS_DIGEST_LEN);
}

/* Of the whole SubjectPublicKeyInfo, as DANE's selector 1 (RFC 6698). */
static int
digest_key(
    const X509 *leaf, const EVP_MD *type, unsigned char *md, unsigned *len)
{
	unsigned char *bytes = NULL;
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &bytes);
	int is_good =
	    size > 0 && EVP_Digest(bytes, (size_t)size, md, len, type, NULL);

	OPENSSL_free(bytes);
	return is_good;
}

static void
set_server_certificate(struct tls_facts *facts, SSL *ssl)
{
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	long result = SSL_get_verify_result(ssl);

	if (leaf == NULL)
		return;
	digest_of(leaf, X509_digest, facts->certificate_digest);
	digest_of(leaf, digest_key, facts->key_digest);
	facts->is_verified = result == X509_V_OK;
	facts->dane = (uint32_t)tls_dane_result(ssl);
	if (result == X509_V_OK)
		return;
	tls_set_text(facts->distrust, sizeof(facts->distrust),
	    X509_verify_cert_error_string(result));
	for (char *c = facts->distrust; *c != '\0'; c++)
		if (*c == '?')
			*c = '_';
}

static struct tls_answer
describe(SSL *ssl)
{
	static const char label[] = "EXPORTER-Channel-Binding"; /* RFC 9266 */
	struct tls_answer answer = tls_answer_new(TLS_DONE, "");
	struct tls_facts *facts = &answer.facts;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	tls_set_text(
	    facts->protocol, sizeof(facts->protocol), SSL_get_version(ssl));
	tls_set_text(facts->cipher, sizeof(facts->cipher),
	    SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl)));
	tls_set_text(facts->server_name, sizeof(facts->server_name),
	    name == NULL ? "" : name);
	facts->is_resumed = SSL_session_reused(ssl) != 0;
	if (SSL_is_server(ssl))
		set_client_name(facts, ssl);
	else
		set_server_certificate(facts, ssl);
	if (SSL_get_extms_support(ssl) != 1 &&
	    SSL_version(ssl) == TLS1_2_VERSION)
		return answer; /* RFC 9266 section 4.2: nothing to bind to */
	if (SSL_export_keying_material(ssl, facts->binding,
		sizeof(facts->binding), label, sizeof(label) - 1,
		(const unsigned char *)"", 0, 1) != 1)
		memset(facts->binding, 0, sizeof(facts->binding));
	return answer;
}

static const char *
failure(int64_t deadline)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	if (clock_ms() >= deadline)
		return "the handshake took too long";
	return reason == NULL ? "the other side closed the connection" : reason;
}

/* ---- the handshake ---- */

/* Wait for what OpenSSL wants; also for the protocol's process to give up. */
static bool
await(SSL *ssl, int session, int result, int64_t deadline)
{
	int error = SSL_get_error(ssl, result);
	struct pollfd polled[2] = {
		{ .fd = SSL_get_fd(ssl),
		    .events =
			error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN },
		{ .fd = session },
	};
	int64_t left = deadline - clock_ms();

	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
		return false;
	if (left <= 0 || poll(polled, 2, (int)left) < 1)
		return false;
	return polled[1].revents == 0;
}

static bool
shake_hands(SSL *ssl, int session, int64_t deadline)
{
	for (;;) {
		ERR_clear_error();
		int result = SSL_do_handshake(ssl);

		if (result == 1)
			return true;
		if (!await(ssl, session, result, deadline))
			return false;
	}
}

static void
answer_failure(int session, const char *reason)
{
	struct tls_answer answer = tls_answer_new(TLS_FAILED, reason);

	tls_send_answer(session, &answer, -1);
}

static SSL *
new_ssl(struct tls_context *context, int peer)
{
	SSL *ssl = SSL_new(context->ssl);

	fd_set_nonblocking(peer);
	if (ssl == NULL || SSL_set_fd(ssl, peer) != 1)
		temp_fail("out of memory");
	return ssl;
}

/*
 * From the handshake to the end of the connection, and soon of the process: to
 * take ssl apart before would only touch what fork has spared.
 */
static int
carry(struct tls_context *context, SSL *ssl, int session, const int plain[2],
    int64_t timeout_ms)
{
	int64_t deadline = clock_ms() + timeout_ms;

	if (!shake_hands(ssl, session, deadline)) {
		answer_failure(session, failure(deadline));
		return EX_OK; /* a client's next host may do better */
	}
	struct tls_answer answer = describe(ssl);
	bool is_sent = tls_send_answer(session, &answer, plain[1]);
	explicit_bzero(&answer, sizeof(answer));
	if (!is_sent)
		return EX_OK; /* it gave up */
	close(plain[1]);
	close(session);
	if (context->keyd.session != -1)
		close(context->keyd.session);
	fd_set_nonblocking(plain[0]);
	tls_relay(ssl, plain[0], timeout_ms);
	return EX_OK;
}

int
tls_session_run(struct tls_context *context, int session, const int plain[2],
    int64_t timeout_ms)
{
	struct tls_answer ready = tls_answer_new(TLS_READY, "");
	int client = -1;

	if (tls_receive_request(
		session, TLS_BEGIN, &client, REQUEST_TIMEOUT_MS) != 1)
		die(EX_PROTOCOL, "no request of tls(5)");
	if (context->count == 0) {
		answer_failure(session, "there is no certificate");
		return EX_OK;
	}
	if (!tls_send_answer(session, &ready, -1) ||
	    tls_receive_request(
		session, TLS_CLIENT, &client, REQUEST_TIMEOUT_MS) != 1)
		return EX_OK;
	SSL *ssl = new_ssl(context, client);
	SSL_set_accept_state(ssl);
	return carry(context, ssl, session, plain, timeout_ms);
}

/* A certificate without any of the names is not verified, whoever made it. */
static void
set_names(SSL *ssl, struct tls_connect *connect)
{
	struct span rest = span_of(connect->names);

	if (span_trim(rest).len == 0)
		rest = span_of("no.name.is.good.invalid");
	while (rest.len > 0) {
		struct span name = span_cut(&rest, ' ');
		struct buf copy = buf_new(TLS_NAMES_MAX);

		buf_add(&copy, name);
		if (name.len > 0 && SSL_add1_host(ssl, buf_string(&copy)) != 1)
			temp_fail("out of memory");
		buf_free(&copy);
	}
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (connect->server_name[0] != '\0' &&
	    SSL_set_tlsext_host_name(ssl, connect->server_name) != 1)
		temp_fail("out of memory");
}

int
tls_session_run_client(struct tls_context *context, int session,
    struct tls_connect *connect, int server, const int plain[2],
    int64_t timeout_ms)
{
	SSL *ssl = new_ssl(context, server);

	tls_dane_begin(ssl, connect);
	set_names(ssl, connect);
	SSL_set_connect_state(ssl);
	return carry(context, ssl, session, plain, timeout_ms);
}

/* ---- the rehearsal ---- */

static void
rehearse(struct tls_context *context, int version)
{
	SSL_CTX *client_context = SSL_CTX_new(TLS_client_method());
	SSL *server = SSL_new(context->ssl);
	SSL *client = client_context == NULL ? NULL : SSL_new(client_context);
	BIO *server_end = NULL;
	BIO *client_end = NULL;

	if (server == NULL || client == NULL ||
	    BIO_new_bio_pair(&server_end, 0, &client_end, 0) != 1)
		temp_fail("out of memory");
	SSL_set_bio(server, server_end, server_end);
	SSL_set_bio(client, client_end, client_end);
	SSL_set_max_proto_version(client, version);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	bool is_done = false;
	for (int turn = 0; turn < 8 && !is_done; turn++) {
		int there = SSL_do_handshake(client);

		is_done = SSL_do_handshake(server) == 1 && there == 1;
	}
	if (!is_done && context->count > 0)
		log_event("the rehearsal of %s failed: %s",
		    SSL_get_version(client),
		    ERR_reason_error_string(ERR_peek_last_error()));
	ERR_clear_error();
	SSL_free(server);
	SSL_free(client);
	SSL_CTX_free(client_context);
}

void
tls_session_rehearse(struct tls_context *context)
{
	const struct key_channel control = context->keyd;
	int session = neighbour_open_session(control.session);

	if (session == -1)
		temp_fail("cannot open a session with keyd");
	context->keyd = (struct key_channel){ .session = session };
	SSL_CTX_sess_set_new_cb(context->ssl, NULL);
	rehearse(context, TLS1_2_VERSION);
	rehearse(context, TLS1_3_VERSION);
	if (context->keyd.session != -1)
		close(context->keyd.session);
	context->keyd = control;
	SSL_CTX_sess_set_new_cb(context->ssl, tls_context_store_session);
}
