#ifndef SERVICE_SCRAM_H
#define SERVICE_SCRAM_H

/*
 * scram - the keys by which an account logs in with SCRAM (RFC 5802, 7677).
 *
 * Grammar  a line of users/scram is ADDRESS:KEYS [KEYS], and
 *          KEYS = MECHANISM$ITERATIONS$SALT$STOREDKEY$SERVERKEY
 *          with the last three in base64.
 * Names    one without keys has a salt, too, always the same: made of the name
 *          and this host's users/scramsecret, so that nobody can tell.
 * Memory   the strings are in the struct; the keys are secret: scram_wipe.
 */

#include "base/buf.h"

enum {
	SCRAM_ITERATIONS = 10000,
	SCRAM_ITERATIONS_MAX = 1000000,
	SCRAM_SALT_BYTES = 16,
	SCRAM_SECRET_BYTES = 32,
	SCRAM_TEXT_MAX = 64,
	SCRAM_LINE_MAX = 700
};

/* Each is a C string, as libgsasl wants it. */
struct scram_keys {
	char iterations[SCRAM_TEXT_MAX];
	char salt[SCRAM_TEXT_MAX];
	char stored_key[SCRAM_TEXT_MAX];
	char server_key[SCRAM_TEXT_MAX];
};

/* The KEYS of a mechanism ("SCRAM-SHA-256") among a line's; false if none. */
bool scram_parse(
    struct span line, struct span mechanism, struct scram_keys *keys);

/* Keys that nobody's password makes, for a name in lower case. */
bool scram_fake(struct span secret, struct span mechanism, struct span name,
    struct scram_keys *keys);

/*
 * Append both KEYS of a password; false if no client could ask for it, because
 * it is not prepared (mail/saslprep.h).
 */
bool scram_add_keys(struct buf *line, const char *password);

/* This host's secret, from a file of that size; false if there is none. */
bool scram_read_secret(const char *path, struct buf *secret);

void scram_wipe(struct scram_keys *keys);

#endif
