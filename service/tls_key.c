/*
 * The hooks are OpenSSL's RSA_METHOD and EC_KEY_METHOD.  Version 3 would have
 * a provider instead, with fifteen tables of functions for the same two calls;
 * the methods are deprecated, not gone, in all that Debian 12 will have.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "service/tls_key.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#include "service/keyring.h"

enum {
	SIGN_TIMEOUT_MS = 20000
};

/* Of each key; OpenSSL keeps it beside the key's own data. */
struct remote_key {
	struct key_channel *channel;
	unsigned char id[KEY_ID_LEN];
};

static void
free_remote(void *parent, void *remote, CRYPTO_EX_DATA *data, int index,
    long number, void *pointer)
{
	(void)parent, (void)data, (void)index, (void)number, (void)pointer;
	OPENSSL_free(remote);
}

static int
rsa_index(void)
{
	static int index = -1;

	if (index == -1)
		index = RSA_get_ex_new_index(0, NULL, NULL, NULL, free_remote);
	return index;
}

static int
ec_index(void)
{
	static int index = -1;

	if (index == -1)
		index =
		    EC_KEY_get_ex_new_index(0, NULL, NULL, NULL, free_remote);
	return index;
}

static struct remote_key *
make_remote(EVP_PKEY *public_key, struct key_channel *channel)
{
	struct remote_key *remote = OPENSSL_malloc(sizeof(*remote));

	if (remote == NULL)
		return NULL;
	remote->channel = channel;
	if (keyring_id(public_key, remote->id))
		return remote;
	OPENSSL_free(remote);
	return NULL;
}

/* The signature's length; -1 if keyd does not sign. */
static int
sign(const struct remote_key *remote, enum key_operation operation,
    const unsigned char *bytes, size_t len, unsigned char *signature,
    size_t size)
{
	static struct key_request request;
	static struct key_answer answer;

	if (remote == NULL || len > sizeof(request.bytes))
		return -1;
	/* Not all of it: what a child touches first is a page to copy. */
	request.operation = (uint32_t)operation;
	request.len = (uint32_t)len;
	memcpy(request.id, remote->id, sizeof(request.id));
	memcpy(request.bytes, bytes, len);
	if (!key_ask(remote->channel, &request, &answer, SIGN_TIMEOUT_MS) ||
	    answer.len > size)
		return -1;
	memcpy(signature, answer.bytes, answer.len);
	return (int)answer.len;
}

/* ---- RSA ---- */

static int
sign_rsa(int len, const unsigned char *from, unsigned char *to, RSA *rsa,
    int padding)
{
	const struct remote_key *remote = RSA_get_ex_data(rsa, rsa_index());

	if (len < 0 ||
	    (padding != RSA_PKCS1_PADDING && padding != RSA_NO_PADDING))
		return -1;
	int made = sign(remote,
	    padding == RSA_NO_PADDING ? KEY_SIGN_RSA_PSS : KEY_SIGN_RSA_PKCS1,
	    from, (size_t)len, to, (size_t)RSA_size(rsa));
	return made == RSA_size(rsa) ? made : -1;
}

/* No cipher that is offered lets the client encrypt to the key. */
static int
refuse_decryption(int len, const unsigned char *from, unsigned char *to,
    RSA *rsa, int padding)
{
	(void)len, (void)from, (void)to, (void)rsa, (void)padding;
	return -1;
}

static const RSA_METHOD *
rsa_method(void)
{
	static RSA_METHOD *method;

	if (method != NULL)
		return method;
	method = RSA_meth_dup(RSA_PKCS1_OpenSSL());
	if (method != NULL &&
	    (RSA_meth_set1_name(method, "keyd") != 1 ||
		RSA_meth_set_priv_enc(method, sign_rsa) != 1 ||
		RSA_meth_set_priv_dec(method, refuse_decryption) != 1)) {
		RSA_meth_free(method);
		method = NULL;
	}
	return method;
}

static bool
set_rsa(EVP_PKEY *key, EVP_PKEY *public_key, struct remote_key *remote)
{
	RSA *shared = EVP_PKEY_get1_RSA(public_key);
	RSA *rsa = shared == NULL ? NULL : RSAPublicKey_dup(shared);
	const RSA_METHOD *method = rsa_method();

	RSA_free(shared);
	if (rsa != NULL && method != NULL && RSA_set_method(rsa, method) == 1 &&
	    EVP_PKEY_assign_RSA(key, rsa) == 1)
		return RSA_set_ex_data(rsa, rsa_index(), remote) == 1;
	RSA_free(rsa);
	return false;
}

/* ---- EC ---- */

static int
sign_ecdsa(int type, const unsigned char *digest, int len,
    unsigned char *signature, unsigned *signature_len, const BIGNUM *inverse,
    const BIGNUM *r, EC_KEY *ec)
{
	const struct remote_key *remote = EC_KEY_get_ex_data(ec, ec_index());

	(void)type, (void)inverse, (void)r;
	int made = len < 0 ? -1
			   : sign(remote, KEY_SIGN_ECDSA, digest, (size_t)len,
				 signature, (size_t)ECDSA_size(ec));
	if (made == -1)
		return 0;
	*signature_len = (unsigned)made;
	return 1;
}

static const EC_KEY_METHOD *
ec_method(void)
{
	static EC_KEY_METHOD *method;

	if (method != NULL)
		return method;
	method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
	if (method != NULL)
		EC_KEY_METHOD_set_sign(method, sign_ecdsa, NULL, NULL);
	return method;
}

static bool
set_ec(EVP_PKEY *key, EVP_PKEY *public_key, struct remote_key *remote)
{
	EC_KEY *shared = EVP_PKEY_get1_EC_KEY(public_key);
	EC_KEY *ec = shared == NULL ? NULL : EC_KEY_dup(shared);
	const EC_KEY_METHOD *method = ec_method();

	EC_KEY_free(shared);
	if (ec != NULL && method != NULL &&
	    EC_KEY_set_method(ec, method) == 1 &&
	    EVP_PKEY_assign_EC_KEY(key, ec) == 1)
		return EC_KEY_set_ex_data(ec, ec_index(), remote) == 1;
	EC_KEY_free(ec);
	return false;
}

EVP_PKEY *
tls_key_new(EVP_PKEY *public_key, struct key_channel *channel)
{
	struct remote_key *remote = make_remote(public_key, channel);
	EVP_PKEY *key = EVP_PKEY_new();
	bool is_made = false;

	if (remote != NULL && key != NULL) {
		if (EVP_PKEY_is_a(public_key, "RSA"))
			is_made = set_rsa(key, public_key, remote);
		else if (EVP_PKEY_is_a(public_key, "EC"))
			is_made = set_ec(key, public_key, remote);
	}
	if (is_made)
		return key;
	OPENSSL_free(remote);
	EVP_PKEY_free(key);
	return NULL;
}
