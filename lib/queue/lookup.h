#ifndef QUEUE_LOOKUP_H
#define QUEUE_LOOKUP_H

/*
 * lookup - asking the lookup program what an address is; lookup(5).
 *
 * Request  A address (local@domain, as the client wrote it, or a bare name,
 *          which is then of the host's own domain)
 * Answer   K kind, then by kind the records named below.  Names only: no
 *          password or hash ever passes here.
 */

#include "base/record.h"
#include "queue/neighbour.h"

enum lookup_kind {
	LOOKUP_MAILBOX, /* a local account: all of the fields below */
	LOOKUP_ALIAS,   /* in aliases(5): target, owner */
	LOOKUP_REMOTE,  /* not our domain */
	LOOKUP_RELAY,   /* not local, but in rcpthosts: accepted for relay */
	LOOKUP_UNKNOWN, /* our domain, no such recipient */
	LOOKUP_LATER    /* a table cannot be read: text says which and why */
};

struct lookup_answer {
	enum lookup_kind kind;
	uint64_t uid;
	uint64_t gid;
	struct span account;   /* N: "joe", or "alice@example.org" */
	struct span home;      /* H: absolute path */
	struct span mailbox;   /* M: "maildir:/path" or "mbox:/path" */
	struct span extension; /* X: of user+extension, or empty */
	struct span target;    /* T: the alias's right-hand side, one line */
	struct span owner;     /* O: address of owner-NAME if it exists */
	struct span text;      /* E: why, for LOOKUP_LATER */
};

/*
 * Ask over a session and wait at most timeout_ms.  The answer's spans point
 * into *packet.  A neighbour that is gone, late or makes no sense is
 * LOOKUP_LATER, with a text.
 */
void lookup_ask(int session, struct span address, int64_t timeout_ms,
    struct packet *packet, struct lookup_answer *answer);

/* The two ends of the wire, for lookup itself and for tests. */
bool lookup_parse_answer(struct span bytes, struct lookup_answer *answer);
void lookup_add_answer(struct buf *buf, const struct lookup_answer *answer);

#endif
