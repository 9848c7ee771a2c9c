#ifndef QUEUE_INJECT_H
#define QUEUE_INJECT_H

/*
 * inject - handing a message to the queue-inject service; inject(5).
 *
 * A session with the service carries one request at a time: a packet with the
 * queue id (I) and two descriptors, the read ends of a message pipe and of an
 * envelope pipe.  The message is what will stand in the queue, Received field
 * included; the envelope is envelope(5).  Each ends with the end of its pipe;
 * a second packet, the commit, says that both were whole (a writer that dies
 * ends its pipes too).  A withdrawal, or the next request, drops one that was
 * not committed.
 *
 * What is small goes in one packet: the queue id (M), the envelope's length
 * (E), the envelope, the message; it needs no commit.
 *
 * The answer is the id (I), a verdict (V) and a text (R);
 * INJECT_KEPT means that the message is on stable storage.
 */

#include "base/record.h"
#include "queue/id.h"

/*
 * The kind of a session (neighbour_open_session_of) that a process of a user's
 * gets: it hands over messages and can do nothing else, and the envelope's
 * records that only services may write (I, C, A) are left out.
 */
#define INJECT_FOR_USERS " user"

enum inject_verdict {
	INJECT_KEPT,    /* K: accepted means kept */
	INJECT_LATER,   /* Z: 4xx; nothing was kept */
	INJECT_REFUSED, /* D: 5xx; broken envelope, too big */
	INJECT_EXISTS   /* X: that id is in the queue already (derived ids) */
};

/* The caller's side of one request. */
struct injection {
	int session; /* -1: there is nothing to withdraw */
	struct queue_id id;
	int message_fd;  /* write the message here, blocking */
	int envelope_fd; /* write the envelope here, blocking */
};

/* Make the pipes and send the request; false with errno set. */
bool inject_begin(
    struct injection *injection, int session, const struct queue_id *id);

/* Give up: the service then drops what it has. */
void inject_abort(struct injection *injection);

/*
 * Close both pipes, wait for the answer and append its text to *text.  A
 * service that is gone or silent is INJECT_LATER.  The envelope must have
 * been written whole; its pipe may be closed earlier (envelope_fd = -1).
 */
enum inject_verdict inject_finish(
    struct injection *injection, int64_t timeout_ms, struct buf *text);

/*
 * A whole message in one packet, as inject_finish.  It must fit: its caller
 * asks inject_fits first.
 */
enum inject_verdict inject_whole(int session, const struct queue_id *id,
    struct span envelope, struct span message, int64_t timeout_ms,
    struct buf *text);
bool inject_fits(struct span envelope, struct span message);

/* Ask that all mail for a domain be tried now; false if nobody hears. */
bool inject_ask_retry(int session, struct span domain);

/* The service's side. */
bool inject_parse_retry(struct span packet, struct span *domain);
/*
 * A file without a name in the queue's file system, for a message that is
 * being judged: the caller's to read and write, gone when closed.  -1 with
 * errno set.  Not while a request is open.
 */
int inject_scratch(int session, int64_t timeout_ms);

/* The service's side. */
bool inject_is_scratch(struct span packet);
bool inject_parse_request(struct span packet, struct queue_id *id);

/* A whole message?  Its id is to be judged by inject_parse_whole. */
bool inject_is_whole(struct span packet);
bool inject_parse_whole(struct span packet, struct queue_id *id,
    struct span *envelope, struct span *message);

bool inject_is_commit(struct span packet);
bool inject_is_withdrawal(struct span packet);
void inject_add_answer(struct buf *buf, const struct queue_id *id,
    enum inject_verdict verdict, const char *text);

#endif
