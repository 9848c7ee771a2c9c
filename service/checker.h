#ifndef SERVICE_CHECKER_H
#define SERVICE_CHECKER_H

/*
 * checker - asking a program of the administrator's whether a password or a
 * token is right, by the interface of checkpassword (cr.yp.to/checkpwd).
 *
 * The program named in control/passwordchecker or control/oauthchecker runs
 * as mta-checker, with that group alone, a clean environment, descriptors 0
 * and 1 on /dev/null, 2 the log, and 3 a pipe with NAME, NUL, SECRET, NUL, the
 * time, NUL; its arguments are "/bin/true".  It ends with 0 (right), 1 (wrong)
 * or anything else (cannot tell now), or is ended after a minute.
 *
 * A checker of tokens may tell whose a good one is that is not NAME's: it
 * writes that name and LF to descriptor 1, a pipe then, and ends with 2.
 */

#include "queue/login.h"

struct checkers {
	struct buf password; /* control/passwordchecker; empty: none */
	struct buf token;    /* control/oauthchecker */
};

/* A path that is not absolute ends the program as control.h says. */
void checker_configure(struct checkers *checkers);

/*
 * In a child of the part that is root; program must be a C string.  owner: of
 * a token, NULL for passwords; its name is appended where CHECKPW_NO is said of
 * another's.
 */
enum checkpw_verdict checker_verdict(const char *program, struct span name,
    struct span secret, struct buf *owner);

#endif
