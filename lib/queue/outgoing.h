#ifndef QUEUE_OUTGOING_H
#define QUEUE_OUTGOING_H

/*
 * outgoing - a message that a delivery, or a script, gives to the queue: what
 * is forwarded or redirected, a notice, a notification.
 *
 * Its id is derived from that of the message it comes of where there is one,
 * so that what is done again after a crash is not sent again: INJECT_EXISTS is
 * as good as INJECT_KEPT.
 */

#include "queue/inject.h"

/* All is borrowed; what is zero does not go into the envelope. */
struct outgoing {
	struct queue_id id;
	struct span sender;
	struct span recipients; /* records T, with O and N: envelope(5) */
	bool is_8bit;
	bool needs_utf8;
	bool requires_tls;
	int priority;
	struct span solicitation;
	struct span envid;
	struct span ret;
	/* The message: head, then length bytes of fd from offset. */
	struct span head;
	int fd; /* unused where length is 0 */
	uint64_t offset;
	uint64_t length;
};

/*
 * Append the two fields that go before a message that is sent on: Delivered-To,
 * by which a circle is noticed (RFC 9228), and Received (RFC 5321 section 4.4).
 */
struct outgoing_trace {
	struct span recipient; /* who sends it on */
	struct span host;
	const char *protocol; /* of "with": "local" */
	const struct queue_id *id;
	int64_t now;
};
void outgoing_add_trace(struct buf *head, const struct outgoing_trace *trace);

/* Append a record T for each address, which LF ends, with that NOTIFY. */
void outgoing_add_recipients(
    struct buf *records, struct span addresses, const char *notify);

/*
 * Does the header of a message that is to be sent on say that it runs in a
 * circle: hops_max Received fields (RFC 5321 section 6.3), or a Delivered-To of
 * recipient, whatever the detail of either address is?  recipient may be empty.
 */
struct outgoing_loop {
	struct span recipient;
	struct span delimiters; /* of user and detail */
	uint64_t hops_max;
};
bool outgoing_is_looping(struct span header, const struct outgoing_loop *loop);

/* Wait for queue-inject's answer; its text is appended to text. */
enum inject_verdict outgoing_send(
    const struct outgoing *outgoing, int session, struct buf *text);

#endif
