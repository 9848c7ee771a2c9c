#ifndef SERVICE_VERIFY_H
#define SERVICE_VERIFY_H

/*
 * verify - is this the password, or the digest, of a virtual account?
 *
 * Files    users/passwords and users/apop: ADDRESS:HASH and ADDRESS:SECRET, a
 *          line each, read anew for each question; no file is no account.
 * Time     an unknown name costs what a known one does: its password is tried
 *          against the first hash of the file.
 */

#include "base/buf.h"
#include "queue/login.h"

enum {
	VERIFY_LINE_MAX = 1024
};

/* What OpenSSL loads at first use: before the jail. */
void verify_prepare(void);

/* A crypt(5) hash or "$argon2id$..."; on an error in reading CHECKPW_LATER. */
enum checkpw_verdict verify_password(
    const char *path, struct span user, const char *password);

/* MD5 of challenge and secret, in hex: RFC 1939 section 7. */
enum checkpw_verdict verify_apop(const char *path, struct span user,
    struct span challenge, struct span digest);

#endif
