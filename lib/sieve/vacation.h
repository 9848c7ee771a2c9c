#ifndef SIEVE_VACATION_H
#define SIEVE_VACATION_H

/*
 * vacation - whether a vacation action is to be answered, and with what: RFC
 * 5230, and the duties of RFC 3834.  Pure.
 *
 * The caller keeps what was answered: a key (sieve_vacation_add_key) with the
 * action's seconds, for which it is not answered again; 0 seconds is not kept.
 */

#include "sieve/tree.h"

/* The message that is answered, and who answers. */
struct sieve_mail {
	/* Lines ended by LF, as the message came: an action that has a header
	 * of its own is about that one (RFC 5293 section 7). */
	struct span header;
	struct span sender; /* of the envelope */
	struct span recipient;
	int64_t now;
	struct span message_id; /* of the new message, with its <> */
};

/* The header that the action is about. */
struct span sieve_mail_header(
    const struct sieve_action *action, const struct sieve_mail *mail);

/* Does it say that a program sent it: is one of its Auto-Submitted fields other
 * than "no" (RFC 3834 section 5)? */
bool sieve_mail_is_automatic(struct span header);

/*
 * May it be answered?  Not the null sender, nor a program's, not what was sent
 * by one or to a list, nor what does not name the recipient or one of the
 * action's addresses (RFC 5230 sections 4.5 and 4.6).
 */
bool sieve_vacation_applies(
    const struct sieve_action *action, const struct sieve_mail *mail);

/*
 * Append the whole reply, lines ended by LF.  It goes from the null sender to
 * mail->sender, with NOTIFY=NEVER (section 5.1).  Its header is ASCII unless an
 * address in it is not, the sender's, the recipient's or that of :from: then it
 * needs SMTPUTF8.
 */
void sieve_vacation_add(struct buf *into, const struct sieve_action *action,
    const struct sieve_mail *mail);

/* The header of what :mime gives, which ends where a line is no field; without
 * one it is text. */
struct span sieve_vacation_mime_header(struct span text);

/* Append what is remembered of a reply to sender (section 4.2). */
void sieve_vacation_add_key(
    struct buf *into, const struct sieve_action *action, struct span sender);

/*
 * Append the action's handle: the one that the script gives, or a digest of
 * what makes the reply; both without the values of variables (section 4.2).
 */
void sieve_vacation_add_handle(struct buf *into, const struct sieve_node *node);

#endif
