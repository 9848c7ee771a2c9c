#ifndef SERVICE_JUDGE_H
#define SERVICE_JUDGE_H

/*
 * judge - is this the password, or the token, of this account? For checkpw's
 * workers, whatever the protocol that brought it.
 *
 * Users of this host are PAM's to judge; virtual accounts have a line in
 * users/passwords, or, without one, are control/passwordchecker's.
 *
 * Limits   hashing, PAM and checkers take a turn each.
 */

#include "queue/login.h"
#include "service/turns.h"

struct judge {
	int helpers; /* the control pair with the part that stays root */
	struct turns turns;
	bool has_password_checker; /* control/passwordchecker */
	bool has_token_checker;    /* control/oauthchecker */
};

/* What is asked: the account as lookup has it, nobody's as the client said. */
struct judged {
	enum checkpw_kind kind;
	struct span account;
	struct span peer;
};

/* Before the jail; helpers and turns are the caller's to set. */
void judge_prepare(struct judge *judge);

/* Nobody's password is right, and takes as long. */
enum checkpw_verdict judge_password(const struct judge *judge,
    const struct judged *judged, struct span password);

/* Of a token that is another's the checker may tell whose: CHECKPW_NO, and the
 * name is appended to *owner. */
enum checkpw_verdict judge_token(const struct judge *judge,
    const struct judged *judged, struct span token, struct buf *owner);

#endif
