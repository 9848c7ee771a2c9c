#ifndef IMAPD_URLAUTH_H
#define IMAPD_URLAUTH_H

/*
 * urlauth - the mechanism INTERNAL of RFC 4467 section 2.4.1: a token is, in
 * hexadecimal digits, an octet that says how it was made (1), and
 * HMAC-SHA-256 of the URL's rump by the folder's key (store/urlkey.h).
 */

#include "imapd/session.h"
#include "mail/imapurl.h"
#include "store/urlkey.h"

enum {
	URLAUTH_TOKEN_SIZE = 1 + 32
};

/* Append ":internal:TOKEN". */
void urlauth_add(struct buf *into, const struct urlkey *key, struct span rump);

/* Pure, and as long for a wrong one: was token made of that rump and key? */
bool urlauth_is_token(
    struct span token, const struct urlkey *key, struct span rump);

/*
 * Can name be that of the user whose mailbox the session's account is? A user
 * of this host has logged in as "joe" or "joe@DOMAIN", and which domains are
 * this host's is not known here: is_sure is false then, and only the token
 * tells whether it was this joe who made it.
 */
bool urlauth_is_owner(
    const struct session *session, struct span name, bool *is_sure);

/*
 * May the session's user read what it names? In this account; whether it is
 * there is not looked at.  RFC 4467 section 6.
 */
bool urlauth_permits(struct session *session, const struct imapurl *url);

/* "* OK [URLMECH INTERNAL] ..." to the owner, of the selected folder. */
void urlauth_tell_mechanisms(struct session *session);

/* The same if another session made another key of it: section 7, RESETKEY. */
void urlauth_tell_reset(struct session *session);

#endif
