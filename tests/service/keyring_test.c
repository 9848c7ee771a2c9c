/*
 * keyring_test - keys that are made here: what is signed and what is not; and
 * the sessions that may be resumed.
 */

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/keyring.h"
#include "service/resumption.h"
#include "test.h"

static char folder[] = "/tmp/keyring_test.XXXXXX";

static X509 *
certify(EVP_PKEY *key)
{
	X509 *certificate = X509_new();

	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_sign(certificate, key, EVP_sha256());
	return certificate;
}

static void
put(const char *name, EVP_PKEY *key, X509 *certificate)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	if (certificate != NULL)
		PEM_write_X509(file, certificate);
	if (key != NULL)
		PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	fclose(file);
}

static bool
signs(const struct keyring *ring, EVP_PKEY *key, enum key_operation operation,
    const unsigned char *bytes, size_t len)
{
	static struct key_request request;
	static struct key_answer answer;

	request.operation = (uint32_t)operation;
	request.len = (uint32_t)len;
	memcpy(request.bytes, bytes, len);
	keyring_id(key, request.id);
	keyring_sign(ring, &request, &answer);
	return answer.is_good != 0 && answer.len > 0;
}

/* The encoded message of a true signature: what the public key makes of it. */
static size_t
encode_pss(
    EVP_PKEY *rsa, const EVP_MD *digest, unsigned char *encoded, size_t size)
{
	unsigned char signature[512];
	size_t len = sizeof(signature);
	size_t encoded_len = size;
	EVP_PKEY_CTX *how = NULL;
	EVP_MD_CTX *signer = EVP_MD_CTX_new();
	EVP_PKEY_CTX *reader = EVP_PKEY_CTX_new(rsa, NULL);

	EVP_DigestSignInit(signer, &how, digest, NULL, rsa);
	EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
	EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST);
	EVP_DigestSign(
	    signer, signature, &len, (const unsigned char *)"text", 4);
	EVP_PKEY_verify_recover_init(reader);
	EVP_PKEY_CTX_set_rsa_padding(reader, RSA_NO_PADDING);
	EVP_PKEY_verify_recover(reader, encoded, &encoded_len, signature, len);
	EVP_MD_CTX_free(signer);
	EVP_PKEY_CTX_free(reader);
	return encoded_len;
}

static void
test_pss(const struct keyring *ring, EVP_PKEY *rsa)
{
	unsigned char encoded[512] = { 0 };
	size_t len = encode_pss(rsa, EVP_sha512(), encoded, sizeof(encoded));

	CHECK("PSS with SHA-512 is signed",
	    len == 256 && signs(ring, rsa, KEY_SIGN_RSA_PSS, encoded, len));
	len = encode_pss(rsa, EVP_sha256(), encoded, sizeof(encoded));
	CHECK("PSS with SHA-256 is signed",
	    signs(ring, rsa, KEY_SIGN_RSA_PSS, encoded, len));
	encoded[100] ^= 1;
	CHECK("one bit of the salt or the zeros changed is none",
	    !signs(ring, rsa, KEY_SIGN_RSA_PSS, encoded, len));
	encoded[100] ^= 1;
	CHECK("of the key's size only",
	    !signs(ring, rsa, KEY_SIGN_RSA_PSS, encoded + 1, len - 1));
	memset(encoded, 0x41, len);
	encoded[0] = 0;
	encoded[len - 1] = 0xbc;
	CHECK("what only ends as PSS may be a secret: it is not touched",
	    !signs(ring, rsa, KEY_SIGN_RSA_PSS, encoded, len));
}

static void
test_signing(const struct keyring *ring, EVP_PKEY *rsa, EVP_PKEY *ec)
{
	static const unsigned char prefix[19] = { 0x30, 0x31, 0x30, 0x0d, 0x06,
		0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
		0x05, 0x00, 0x04, 0x20 };
	unsigned char digest[64] = { 1 };
	unsigned char info[sizeof(prefix) + 32] = { 0 };

	memcpy(info, prefix, sizeof(prefix));
	CHECK("ECDSA signs a digest",
	    signs(ring, ec, KEY_SIGN_ECDSA, digest, 32));
	CHECK("and nothing of another length",
	    !signs(ring, ec, KEY_SIGN_ECDSA, digest, 31));
	CHECK("RSA signs a DigestInfo",
	    signs(ring, rsa, KEY_SIGN_RSA_PKCS1, info, sizeof(info)));
	CHECK("and nothing else",
	    !signs(ring, rsa, KEY_SIGN_RSA_PKCS1, digest, 32));
	test_pss(ring, rsa);
	CHECK("an EC key does no RSA",
	    !signs(ring, ec, KEY_SIGN_RSA_PKCS1, info, sizeof(info)));
	CHECK("an RSA key no ECDSA",
	    !signs(ring, rsa, KEY_SIGN_ECDSA, digest, 32));
	EVP_PKEY *stranger = EVP_EC_gen("P-256");
	CHECK("a key that is not here signs nothing",
	    !signs(ring, stranger, KEY_SIGN_ECDSA, digest, 32));
	EVP_PKEY_free(stranger);
}

static void
test_folder(void)
{
	static struct keyring ring;
	static struct keyring before;
	EVP_PKEY *rsa = EVP_RSA_gen(2048);
	EVP_PKEY *weak = EVP_RSA_gen(1024);
	EVP_PKEY *ec = EVP_EC_gen("P-256");
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	X509 *rsa_certificate = certify(rsa);
	X509 *ec_certificate = certify(ec);
	X509 *weak_certificate = certify(weak);
	unsigned char digest[32] = { 1 };

	put("a.pem", rsa, rsa_certificate);
	put("b.pem", ec, ec_certificate);
	put("c.pem", ec, rsa_certificate);
	put("d.pem", ec, NULL);
	put("e.pem", NULL, ec_certificate);
	put("f.pem", other, ec_certificate);
	put("g.txt", ec, ec_certificate);
	put("h.pem", weak, weak_certificate);
	keyring_refresh(&ring, &before, folder);
	CHECK("two of seven files are pairs", ring.count == 2);
	CHECK("five are told of", ring.unusable == 5);
	test_signing(&ring, rsa, ec);
	uint64_t generation = ring.generation;
	keyring_refresh(&ring, &before, folder);
	CHECK("nothing new is nothing done",
	    ring.generation == generation && before.count == 0);
	put("b.pem", NULL, NULL);
	keyring_refresh(&ring, &before, folder);
	CHECK("a file that is broken now stays as it was",
	    ring.generation != generation && ring.count == 2 &&
		signs(&ring, ec, KEY_SIGN_ECDSA, digest, sizeof(digest)));
	CHECK("old keys sign for sessions that began with them",
	    before.count == 2 && before.entries[0] != NULL);
	keyring_free(&ring);
	keyring_free(&before);
	X509_free(rsa_certificate);
	X509_free(ec_certificate);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(other);
	EVP_PKEY_free(weak);
	X509_free(weak_certificate);
}

static void
test_resumption(void)
{
	static struct resumption sessions;
	static struct key_request request = { .len = 5 };
	static struct key_answer answer;
	size_t kept = 0;

	memcpy(request.bytes, "state", 5);
	CHECK("a session is stored", resumption_store(&sessions, &request));
	resumption_fetch(&sessions, request.id, &answer);
	CHECK(
	    "and comes back whole", answer.is_good && answer.len == 5 &&
					memcmp(answer.bytes, "state", 5) == 0);
	resumption_fetch(&sessions, request.id, &answer);
	CHECK("once", !answer.is_good && answer.len == 0);
	for (unsigned i = 0; i < 3 * RESUMPTION_SLOTS; i++) {
		memcpy(request.id, &i, sizeof(i));
		resumption_store(&sessions, &request);
	}
	for (unsigned i = 0; i < 3 * RESUMPTION_SLOTS; i++) {
		memcpy(request.id, &i, sizeof(i));
		resumption_fetch(&sessions, request.id, &answer);
		kept += answer.is_good;
		if (i == 3 * RESUMPTION_SLOTS - 1)
			CHECK("the newest is there", answer.is_good);
	}
	CHECK("no more than there is room for",
	    kept <= RESUMPTION_SLOTS && kept > RESUMPTION_SLOTS / 2);
	request.len = 0;
	CHECK("nothing is no session", !resumption_store(&sessions, &request));
}

static void
clean(void)
{
	static const char *const names[] = { "a.pem", "b.pem", "c.pem", "d.pem",
		"e.pem", "f.pem", "g.txt", "h.pem" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

int
main(void)
{
	if (mkdtemp(folder) == NULL)
		return 1;
	test_folder();
	test_resumption();
	clean();
	return test_result();
}
