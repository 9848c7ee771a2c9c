#ifndef QUEUE_ENVELOPE_H
#define QUEUE_ENVELOPE_H

/*
 * envelope - who sent a message to whom; envelope(5).
 *
 * Written by  smtpd, sendmail, queue-bounce, local-deliver
 * Read by     queue-inject (from a pipe), the manager (from a queue file)
 * Grammar     records of base/record.h, ended by an empty one (a lone NUL):
 *               F sender   first, "" is the null path
 *               T recipient; what follows until the next T belongs to it:
 *                 O  original recipient (ORCPT), as given: xtext
 *                 N  NOTIFY, letters of n(ever) s(uccess) f(ailure) d(elay)
 *                 M  "1": an ordinary local mailbox, so the plain form may do
 *               before the first T:
 *                 B  body: "8" for 8BITMIME, else 7 bits
 *                 U  "1": needs SMTPUTF8
 *                 E  ENVID, xtext;  R  RET, "F" or "H"
 *                 H  the message's Message-ID, for the log
 *                 Q  "1": only over TLS (REQUIRETLS)
 *                 W  wait until, seconds since 1970 (HOLDFOR, HOLDUNTIL)
 *                 D  deliver by: seconds since 1970, space, R(eturn) or
 *                    N(otify), and T if each relay is to be told
 *                 P  MT-PRIORITY, -9 to 9
 *                 S  SOLICIT, classes with commas between them
 *                 V  the two delimiters of mail/verp.h: each recipient is
 *                    sent the message from a sender of its own
 *                 C  client, as logged;  A  authenticated as
 *                 I  uid of the injecting user (set by queue-inject alone)
 * Limits      ENVELOPE_MAX bytes, ENVELOPE_RECIPIENTS_MAX recipients,
 *             ENVELOPE_ADDRESS_MAX bytes an address, also with V; E and O as
 * RFC 3461 has them.  No control byte in what goes into a command.
 */

#include "base/record.h"

enum {
	ENVELOPE_MAX = 16 << 20,
	ENVELOPE_RECIPIENTS_MAX = 50000,
	ENVELOPE_ADDRESS_MAX = 320,
	ENVELOPE_SOLICITATION_MAX = 1000
};

/*
 * The sender of a report on a report that could not be delivered (qmail's): if
 * that fails, too, nobody is told.  To other hosts it is the null path, for it
 * is no address.
 */
#define ENVELOPE_DOUBLE_BOUNCE "#@[]"

enum envelope_status {
	ENVELOPE_OK,
	ENVELOPE_TRUNCATED, /* no closing empty record */
	ENVELOPE_SYNTAX,    /* a record that the grammar does not have */
	ENVELOPE_NO_RECIPIENT,
	ENVELOPE_TOO_MANY, /* recipients */
	ENVELOPE_ADDRESS_TOO_LONG
};

/* One recipient; spans point into the envelope's bytes. */
struct recipient {
	struct span address;
	struct span original; /* O, or empty */
	struct span notify;   /* N, or empty */
	bool is_mailbox;      /* M */
};

/* RFC 2852. */
struct deliver_by {
	char mode; /* R, N; 0: no limit */
	bool is_traced;
	int64_t time; /* seconds since 1970 */
};

struct envelope {
	struct span sender;
	struct span body;
	struct span envid;
	struct span ret;
	struct span message_id;
	struct span client;
	struct span authenticated;
	struct span solicitation; /* S, or empty */
	struct span verp;         /* V, or empty */
	bool needs_utf8;
	bool requires_tls;
	int64_t hold_until; /* 0: no */
	struct deliver_by by;
	int priority;
	bool has_uid;
	uint64_t uid;
	size_t recipient_count;
	struct span recipients; /* the records from the first T on */
};

/*
 * Check all of bytes (which must end with the lone NUL) and set *envelope,
 * whose spans point into bytes.  On another status it is unspecified.
 */
enum envelope_status envelope_parse(
    struct span bytes, struct envelope *envelope);

/* The value of a D record; false if it is none. */
bool deliver_by_parse(struct span value, struct deliver_by *by);
void deliver_by_add(struct buf *buf, const struct deliver_by *by);

/* -9 to 9, in decimal: MT-PRIORITY and the P record. */
bool priority_parse(struct span value, int *priority);
/* A record of its own; none for 0, which is what there is without one. */
void priority_add(struct buf *buf, char tag, int priority);

/* What to tell the injecting program about a status. */
const char *envelope_status_text(enum envelope_status status);

/*
 * Append an envelope that a user's program wrote, without the records that only
 * services may write (I, C, A), and with uid as its I unless that is NULL.
 */
void envelope_add_of_user(
    struct buf *into, struct span given, const unsigned *uid);

/*
 * Walk the recipients: start with rest = envelope.recipients; false at the
 * end.
 */
bool envelope_next(struct span *rest, struct recipient *recipient);

/* Append in this order: sender, any records of the message, recipients. */
void envelope_add_sender(struct buf *buf, struct span sender);
void envelope_add_recipient(struct buf *buf, const struct recipient *recipient);
void envelope_end(struct buf *buf);

#endif
