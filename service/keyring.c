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
	const uint64_t state[] = { status.st_ino, (uint64_t)status.st_size,
		(uint64_t)status.st_mtim.tv_sec,
		(uint64_t)status.st_mtim.tv_nsec };
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
		keyring_free(before);
		*before = *ring;
		*ring = (struct keyring){ .generation = generation };
		fill(ring, before, fd, files, count);
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

/*
 * The padding that goes with an operation; false if it is not one for this
 * kind of key.  A PSS encoding ends with 0xbc (RFC 8017 section 9.1.1): that
 * much tells it from a ciphertext that somebody wants to be read.
 */
static bool
choose_padding(EVP_PKEY *key, const struct key_request *request, int *padding)
{
	size_t size = (size_t)EVP_PKEY_get_size(key);
	bool is_rsa = EVP_PKEY_is_a(key, "RSA");

	switch (request->operation) {
	case KEY_SIGN_RSA_PKCS1:
		*padding = RSA_PKCS1_PADDING;
		return is_rsa;
	case KEY_SIGN_RSA_PSS:
		*padding = RSA_NO_PADDING;
		return is_rsa && request->len == size &&
		       request->bytes[size - 1] == 0xbc;
	case KEY_SIGN_ECDSA:
		*padding = 0;
		return !is_rsa && request->len <= EVP_MAX_MD_SIZE;
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
