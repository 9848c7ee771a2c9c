#ifndef QUEUE_SHARING_H
#define QUEUE_SHARING_H

/*
 * sharing - what a user's imapd asks login about other users' mailboxes, over
 * the pair that it finds at LOGIN_SHARING_FD; login(5).  How it goes on when
 * its client has left, and pop3d too, is in queue/spare.h.
 *
 * A record is one packet: a head of fixed size and a text.  login knows whose
 * process is at the other end, so a request never says who asks.
 *
 *   SHARING_OPEN       OWNER    -> YES with a descriptor: a guest's imapd; NO
 *   SHARING_OWNERS              -> YES with the owners' names, each with a LF
 *   SHARING_PUBLISH    NAME LF. -> YES: those with whom the account shares now
 *   SHARING_READ_URLS  OWNER    -> YES with a descriptor: an imapd for URLs of
 *                                  OWNER's that have a token; NO
 *   SHARING_SUBMIT              -> YES with a descriptor: a session with
 *                                  queue-inject, for what scripts send
 *   SHARING_COUNT      NUMBER   -> YES: the account may send a message with so
 *                                  many recipients, which is counted; NO: too
 *                                  much for now
 *
 * Errors   receive functions: 1, 0 the other end is closed, -1 with errno set
 *          (EBADMSG: not such a record; ETIMEDOUT).
 */

#include "base/packet.h"

enum {
	LOGIN_SHARING_FD = 4,
	SHARING_TEXT_MAX = 16000
};

enum sharing_kind {
	SHARING_OPEN = 1,
	SHARING_OWNERS,
	SHARING_PUBLISH,
	SHARING_YES, /* the answers */
	SHARING_NO,  /* no such owner, as far as the user may know; too much */
	SHARING_LATER,
	SHARING_READ_URLS,
	SHARING_SUBMIT,
	SHARING_SPARE, /* queue/spare.h */
	SHARING_NEXT,
	SHARING_COUNT
};

struct sharing_record {
	enum sharing_kind kind;
	struct span text; /* in the packet */
};

/* fd -1: none goes with it. */
bool sharing_send(
    int session, enum sharing_kind kind, struct span text, int fd);

int sharing_receive(int session, struct packet *packet,
    struct sharing_record *record, int64_t timeout_ms);

/* Is it a record? Pure. */
bool sharing_parse(struct span bytes, struct sharing_record *record);

#endif
