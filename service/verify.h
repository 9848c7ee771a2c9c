#ifndef SERVICE_VERIFY_H
#define SERVICE_VERIFY_H

/*
 * verify - is this the password, or the digest, of a virtual account?
 *
 * Files    users/passwords, users/apop and users/scram: ADDRESS:HASH,
 *          ADDRESS:SECRET and ADDRESS:KEYS, a line each, read anew for each
 * question; no file is no account. Time     an unknown name costs what a known
 * one does: its password is tried against the first hash of the file.
 */

#include "base/buf.h"
#include "queue/login.h"

enum {
	VERIFY_LINE_MAX = 1024
};

/* What OpenSSL loads at first use: before the jail. */
void verify_prepare(void);

/*
 * A crypt(5) hash or "$argon2id$..."; on an error in reading CHECKPW_LATER.
 * *is_known: the file has a line for user.
 */
enum checkpw_verdict verify_password(
    const char *path, struct span user, const char *password, bool *is_known);

/*
 * The value of user's line appended to *value, which the caller wipes; nothing
 * if there is none.  False with errno set if the file cannot be read.
 */
bool verify_read(const char *path, struct span user, struct buf *value);

/* MD5 of challenge and secret, in hex: RFC 1939 section 7. */
enum checkpw_verdict verify_apop(const char *path, struct span user,
    struct span challenge, struct span digest);

#endif
