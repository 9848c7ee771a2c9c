#ifndef SIEVE_NOTIFY_H
#define SIEVE_NOTIFY_H

/*
 * notify - the one method of notification that we have, mailto: RFC 5436, with
 * the URIs of RFC 6068.  Pure.
 *
 * URI     "mailto:" addresses [?name=value&...]: to and cc add addresses,
 *         subject and body are the message's, other names become fields, if
 *         they are not those that say where it comes from or how it is to be
 *         read (RFC 5436 section 2.7).
 * Limits  NOTIFY_URI_MAX bytes, NOTIFY_RECIPIENTS_MAX addresses.
 */

#include "sieve/vacation.h"

enum {
	NOTIFY_URI_MAX = 4096,
	NOTIFY_RECIPIENTS_MAX = 8
};

/* Is it a method that is known, and right?  What notify itself asks. */
bool sieve_notify_is_method(struct span method);

/* May a message with that header bring a notification: one that a program sent
 * may not (RFC 5436 section 2.7). */
bool sieve_notify_applies(struct span header);

/* Append the addresses that it goes to, each ended by LF. */
void sieve_notify_add_recipients(
    struct buf *into, const struct sieve_action *action);

/* Append the envelope's sender: none for a message that had none. */
void sieve_notify_add_sender(struct buf *into,
    const struct sieve_action *action, const struct sieve_mail *mail);

/* Append the whole message, lines ended by LF.  Its header is ASCII unless an
 * address in it is not, a recipient's of it, the mail's recipient or that of
 * :from: then it needs SMTPUTF8. */
void sieve_notify_add(struct buf *into, const struct sieve_action *action,
    const struct sieve_mail *mail);

#endif
