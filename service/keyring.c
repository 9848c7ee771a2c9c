#include "service/keyring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/die.h"

enum {
	SECURITY_BITS_MIN = 112 /* what OpenSSL wants of a server's key */
};

/* ---- one file ---- */

static bool
complain(const char *name, const char *mend)
{
	log_event("tls/%s: %s", name, mend);
	return false;
}

/* No pass phrase: nobody is there to type it. */
static int
refuse_phrase(char *place, int size, int is_writing, void *context)
{
	(void)place, (void)size, (void)is_writing, (void)context;
	return 0;
}

bool
keyring_id(EVP_PKEY *key, unsigned char id[KEY_ID_LEN])
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	bool is_made = len > 0 && EVP_Digest(der, (size_t)len, id, NULL,
				      EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	return is_made;
}

static bool
add_der(struct key_certificate *chain, X509 *certificate)
{
	int len = i2d_X509(certificate, NULL);
	unsigned char *place = chain->chain + chain->len;

	if (len <= 0 || (size_t)len > sizeof(chain->chain) - chain->len)
		return false;
	i2d_X509(certificate, &place);
	chain->len += (uint32_t)len;
	return true;
}

/* Every certificate of the file, in its order: the leaf comes first. */
static bool
read_chain(struct keyring_entry *entry, BIO *file)
{
	bool is_first = true;
	X509 *certificate;

	while ((certificate = PEM_read_bio_X509(
		    file, NULL, refuse_phrase, NULL)) != NULL) {
		bool is_good = add_der(&entry->certificate, certificate);
		bool is_ours = !is_first || X509_check_private_key(
						certificate, entry->key) == 1;

		X509_free(certificate);
		is_first = false;
		if (!is_ours)
			return complain(entry->name,
			    "the key is not of the first certificate: put the "
			    "host's own certificate first");
		if (!is_good)
			return complain(entry->name,
			    "the chain is too long: leave out the root");
	}
	if (is_first)
		return complain(entry->name,
		    "no certificate: append it, and its chain, as PEM");
	return true;
}

static bool
read_entry(struct keyring_entry *entry, BIO *file)
{
	entry->key = PEM_read_bio_PrivateKey(file, NULL, refuse_phrase, NULL);
	if (entry->key == NULL)
		return complain(entry->name,
		    "no private key without a pass phrase: append it as PEM");
	if (!EVP_PKEY_is_a(entry->key, "RSA") &&
	    !EVP_PKEY_is_a(entry->key, "EC"))
		return complain(entry->name, "the key is neither RSA nor EC");
	if (EVP_PKEY_get_security_bits(entry->key) < SECURITY_BITS_MIN)
		return complain(entry->name,
		    "the key is too weak: RSA of 2048 bits, or EC, is wanted");
	return keyring_id(entry->key, entry->id) && BIO_seek(file, 0) == 0 &&
	       read_chain(entry, file);
}

static void
free_entry(struct keyring_entry *entry)
{
	if (entry != NULL)
		EVP_PKEY_free(entry->key);
	free(entry);
}

static struct keyring_entry *
load(int folder, const char *name)
{
	struct keyring_entry *entry = calloc(1, sizeof(*entry));
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	FILE *stream = fd == -1 ? NULL : fdopen(fd, "r");

	if (entry == NULL)
		temp_fail("out of memory");
	if (stream == NULL) {
		warn_errno(
		    "tls/%s (it should be root's, group mta-key, 0640)", name);
		free_entry(entry);
		return NULL;
	}
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	BIO *file = BIO_new_fp(stream, BIO_NOCLOSE);
	bool is_read = file != NULL && read_entry(entry, file);
	BIO_free(file);
	fclose(stream);
	if (is_read)
		return entry;
	free_entry(entry);
	return NULL;
}

/* ---- the folder ---- */

static int
is_pem(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 4 && len <= KEYRING_NAME_MAX &&
	       strcmp(entry->d_name + len - 4, ".pem") == 0;
}

/* What changes when a file is written or replaced. */
static uint64_t
add_state(uint64_t sum, int folder, const char *name)
{
	struct stat status;

	if (fstatat(folder, name, &status, 0) == -1)
		memset(&status, 0, sizeof(status));
	/* The time of status too: a mode that was mended is news. */
	const uint64_t state[] = { status.st_ino, (uint64_t)status.st_size,
		(uint64_t)status.st_mtim.tv_sec,
		(uint64_t)status.st_mtim.tv_nsec,
		(uint64_t)status.st_ctim.tv_sec,
		(uint64_t)status.st_ctim.tv_nsec };
	sum = XXH3_64bits_withSeed(name, strlen(name), sum);
	return XXH3_64bits_withSeed(state, sizeof(state), sum);
}

static struct keyring_entry *
take_from(struct keyring *ring, const char *name)
{
	for (size_t i = 0; i < ring->count; i++)
		if (ring->entries[i] != NULL &&
		    strcmp(ring->entries[i]->name, name) == 0) {
			struct keyring_entry *entry = ring->entries[i];

			ring->entries[i] = NULL;
			return entry;
		}
	return NULL;
}

static void
fill(struct keyring *ring, struct keyring *before, int folder,
    struct dirent **files, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct keyring_entry *entry = load(folder, files[i]->d_name);

		ring->unusable += entry == NULL;
		if (entry == NULL)
			entry = take_from(before, files[i]->d_name);
		if (entry != NULL)
			ring->entries[ring->count++] = entry;
	}
}

void
keyring_refresh(
    struct keyring *ring, struct keyring *before, const char *folder)
{
	struct dirent **files = NULL;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int found =
	    fd == -1 ? -1 : scandirat(fd, ".", &files, is_pem, alphasort);
	uint64_t generation = 1;

	if (found == -1)
		warn_errno("cannot list %s", folder);
	for (int i = 0; i < found; i++)
		generation = add_state(generation, fd, files[i]->d_name);
	if (found >= 0 && generation != ring->generation) {
		size_t count = (size_t)found;

		if (count > KEYRING_MAX) {
			log_event("%s: more than %d files: %s and those after "
				  "it are left out",
			    folder, KEYRING_MAX, files[KEYRING_MAX]->d_name);
			count = KEYRING_MAX;
		}
		struct keyring oldest = *before;

		*before = *ring;
		*ring = (struct keyring){ .generation = generation };
		fill(ring, before, fd, files, count);
		keyring_free(&oldest);
	}
	for (int i = 0; i < found; i++)
		free(files[i]);
	free(files);
	if (fd != -1)
		close(fd);
}

void
keyring_free(struct keyring *ring)
{
	for (size_t i = 0; i < ring->count; i++)
		free_entry(ring->entries[i]);
	*ring = (struct keyring){ 0 };
}

/* ---- signing ---- */

static EVP_PKEY *
find(const struct keyring *ring, const unsigned char id[KEY_ID_LEN])
{
	for (size_t i = 0; i < ring->count; i++)
		if (ring->entries[i] != NULL &&
		    memcmp(ring->entries[i]->id, id, KEY_ID_LEN) == 0)
			return ring->entries[i]->key;
	return NULL;
}

/* RFC 8017 section 9.2, note 1: what goes before a digest, and its length. */
static const struct digest_info {
	unsigned char prefix[19];
	size_t digest_len;
	const EVP_MD *(*digest)(void);
} digest_infos[] = {
	{ { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
	      0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 },
	    32, EVP_sha256 },
	{ { 0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
	      0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30 },
	    48, EVP_sha384 },
	{ { 0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
	      0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40 },
	    64, EVP_sha512 },
};

enum {
	DIGESTS = sizeof(digest_infos) / sizeof(*digest_infos)
};

static bool
is_digest_info(const struct key_request *request)
{
	for (size_t i = 0; i < DIGESTS; i++) {
		const struct digest_info *info = &digest_infos[i];

		if (request->len == sizeof(info->prefix) + info->digest_len &&
		    memcmp(request->bytes, info->prefix,
			sizeof(info->prefix)) == 0)
			return true;
	}
	return false;
}

static bool
is_digest(const struct key_request *request)
{
	for (size_t i = 0; i < DIGESTS; i++)
		if (request->len == digest_infos[i].digest_len)
			return true;
	return false;
}

/* Take MGF1's mask off (RFC 8017 appendix B.2.1); false if OpenSSL fails. */
static bool
unmask(unsigned char *bytes, size_t len, const unsigned char *seed,
    size_t seed_len, const EVP_MD *digest)
{
	unsigned char input[EVP_MAX_MD_SIZE + 4] = { 0 };
	unsigned char mask[EVP_MAX_MD_SIZE];
	size_t done = 0;

	memcpy(input, seed, seed_len);
	for (unsigned char counter = 0; done < len; counter++) {
		input[seed_len + 3] = counter;
		if (EVP_Digest(input, seed_len + 4, mask, NULL, digest, NULL) !=
		    1)
			return false;
		for (size_t i = 0; i < seed_len && done < len; i++)
			bytes[done++] ^= mask[i];
	}
	return true;
}

/*
 * Is it the encoding of a message, with a salt as long as its digest (RFC 8446
 * section 4.2.3)?  Zeros and a 1 before the salt tell it from a ciphertext that
 * somebody wants to be read: RFC 8017 section 9.1.2, steps 3 to 10.
 */
static bool
is_pss(const struct key_request *request, size_t size,
    const struct digest_info *info)
{
	unsigned char data[KEY_BYTES_MAX];
	const size_t digest_len = info->digest_len;

	if (request->len != size || size < 2 * digest_len + 2 ||
	    request->bytes[size - 1] != 0xbc)
		return false;
	size_t len = size - digest_len - 1;
	size_t zeros = len - digest_len - 1;
	memcpy(data, request->bytes, len);
	if (!unmask(
		data, len, request->bytes + len, digest_len, info->digest()))
		return false;
	/* A modulus of 8 n bits leaves one bit of the first byte out. */
	bool is_good = (request->bytes[0] & 0x80) == 0 && data[zeros] == 1;
	data[0] &= 0x7f;
	for (size_t i = 0; i < zeros; i++)
		is_good = is_good && data[i] == 0;
	return is_good;
}

static bool
is_encoded(const struct key_request *request, size_t size)
{
	for (size_t i = 0; i < DIGESTS; i++)
		if (is_pss(request, size, &digest_infos[i]))
			return true;
	return false;
}

/*
 * The padding that goes with an operation; false if what is asked is not a
 * signature by this kind of key.
 */
static bool
choose_padding(EVP_PKEY *key, const struct key_request *request, int *padding)
{
	bool is_rsa = EVP_PKEY_is_a(key, "RSA");

	switch (request->operation) {
	case KEY_SIGN_RSA_PKCS1:
		*padding = RSA_PKCS1_PADDING;
		return is_rsa && is_digest_info(request);
	case KEY_SIGN_RSA_PSS:
		*padding = RSA_NO_PADDING;
		return is_rsa &&
		       is_encoded(request, (size_t)EVP_PKEY_get_size(key));
	case KEY_SIGN_ECDSA:
		*padding = 0;
		return !is_rsa && is_digest(request);
	default:
		return false;
	}
}

void
keyring_sign(const struct keyring *ring, const struct key_request *request,
    struct key_answer *answer)
{
	EVP_PKEY *key = find(ring, request->id);
	size_t len = sizeof(answer->bytes);
	int padding;

	answer->is_good = 0;
	answer->len = 0;
	if (key == NULL || !choose_padding(key, request, &padding))
		return;
	EVP_PKEY_CTX *signer = EVP_PKEY_CTX_new(key, NULL);
	bool is_signed = signer != NULL && EVP_PKEY_sign_init(signer) == 1 &&
			 (padding == 0 || EVP_PKEY_CTX_set_rsa_padding(
					      signer, padding) == 1) &&
			 EVP_PKEY_sign(signer, answer->bytes, &len,
			     request->bytes, request->len) == 1;
	EVP_PKEY_CTX_free(signer);
	if (!is_signed)
		return;
	answer->is_good = 1;
	answer->len = (uint32_t)len;
}
