#ifndef IMAPD_LIMIT_H
#define IMAPD_LIMIT_H

/*
 * limit - how many messages one command works on: MESSAGELIMIT and SAVELIMIT,
 * RFC 9738.  Without control/imapdmessagelimit and control/imapdsavelimit there
 * is none.
 */

#include "imapd/session.h"

/*
 * FETCH, STORE, MOVE, UID EXPUNGE: of more messages than that the ones with the
 * highest UIDs stay, and session->limited_uid is the lowest of them.
 */
void limit_picks(struct session *session, struct picks *picks);

/* Is it more than one command may work on; or bring into a folder, which has
 * all of them or none (COPY, APPEND)? */
bool limit_is_over(const struct session *session, uint64_t count);
bool limit_is_save_over(const struct session *session, uint64_t count);

/* "NO [MESSAGELIMIT N] ...": nothing was done. */
void limit_refuse(struct session *session);
void limit_add_refusal(const struct session *session, struct buf *into);

/*
 * The tagged answer of a command that left some out: into gets it with the
 * code, or the text alone, when the code was told in an untagged NO, since the
 * answer has another (RFC 9738 section 3.1).
 */
void limit_add_reply(
    struct session *session, const char *text, struct buf *into);

#endif
