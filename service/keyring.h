#ifndef SERVICE_KEYRING_H
#define SERVICE_KEYRING_H

/*
 * keyring - the private keys in /var/mta/tls, and what they sign.
 *
 * A file NAME.pem holds one certificate with its chain and its key; names in
 * alphabetical order.  A file that cannot be used is left out, with a log line
 * that names it; where it was good before, what was read then stays in use.
 *
 * Limits  KEYRING_MAX files; a chain of KEY_CHAIN_MAX bytes.
 */

#include <openssl/evp.h>

#include "queue/tls.h"

enum {
	KEYRING_MAX = 64,
	KEYRING_NAME_MAX = 255
};

struct keyring_entry {
	char name[KEYRING_NAME_MAX + 1];
	EVP_PKEY *key;
	unsigned char id[KEY_ID_LEN];
	struct key_certificate certificate;
};

struct keyring {
	struct keyring_entry *entries[KEYRING_MAX];
	size_t count;
	size_t unusable;     /* files that were left out */
	uint64_t generation; /* of the folder when it was read; never 0 */
};

/*
 * Read the folder if it is another than when *ring was filled; *before then
 * takes the old keys, which sessions in the middle of a handshake still ask
 * for.  Both begin as zeros.
 */
void keyring_refresh(
    struct keyring *ring, struct keyring *before, const char *folder);

/*
 * Do one of the KEY_SIGN operations into *answer; is_good tells whether the
 * key is here and what was asked is a signature.
 */
void keyring_sign(const struct keyring *ring, const struct key_request *request,
    struct key_answer *answer);

void keyring_free(struct keyring *ring);

/* SHA-256 of the public key as SubjectPublicKeyInfo; false if it has none. */
bool keyring_id(EVP_PKEY *key, unsigned char id[KEY_ID_LEN]);

#endif
