#ifndef QUEUE_DELIVERY_H
#define QUEUE_DELIVERY_H

/*
 * delivery - what the manager asks of deliverers, and their verdicts;
 * delivery(5).
 *
 * Local   on the pair with local-deliver: one packet a delivery (DELIVERY
 *         records, descriptor 0 the queue file, read-only), one packet with
 *         its verdict, in any order, matched by number.
 * Remote  on the pair with remote-send: a packet with the destination (H) and
 *         one descriptor opens a channel to that destination.  On the channel
 *         go transactions, one at a time: one packet (as above, number 0, with
 *         1 to DELIVERY_RECIPIENTS_MAX recipients), then a verdict packet for
 *         each recipient (its index as number), then "E1": ready for the next.
 *         Before it connects remote-send tells the MX host (M), if the opening
 *         asked for that (W), and waits for "E1".
 *         With a second descriptor it has a customer's connection to use
 *         (RFC 2645), and never makes one; S says whose, T how it is
 *         protected.
 *         Either end closes the channel; what has no verdict yet is later.
 */

#include "base/packet.h"
#include "queue/envelope.h"
#include "queue/id.h"

enum {
	/* What each server takes, RFC 5321 section 4.5.3.1.8; a packet of long
	 * addresses is full before that. */
	DELIVERY_RECIPIENTS_MAX = 100,
	DELIVERY_RECIPIENTS_BYTES = 14000, /* of their records in a packet */
	DELIVERY_TEXT_MAX = 512
};

struct delivery {
	uint64_t number;
	struct queue_id id;
	struct span sender;     /* empty: the null path */
	struct span recipients; /* as in an envelope: envelope_next */
	uint64_t offset;        /* of the message in the file */
	uint64_t length;        /* of the message, bytes */
	bool is_plain;          /* the whole file is the mailbox file */
	bool is_8bit;           /* BODY=8BITMIME */
	bool needs_utf8;
	bool requires_tls;
	struct span envid; /* ENVID and RET, as in the envelope */
	struct span ret;
	struct deliver_by by;
	int priority;
	struct span solicitation;
};

/* The first of a delivery's recipients, for local-deliver. */
struct recipient delivery_recipient(const struct delivery *delivery);

void delivery_add(struct buf *buf, const struct delivery *delivery);
bool delivery_parse(struct span packet, struct delivery *delivery);

enum verdict_kind {
	VERDICT_DELIVERED = 'K', /* and on stable storage */
	VERDICT_LINKED = 'L',    /* delivered on the queue's own file system, */
				 /* not yet synced: sync before marking it */
	VERDICT_LATER = 'Z',
	VERDICT_FAILED = 'D',
	VERDICT_UNREACHABLE = 'U' /* later, for the whole destination */
};

/* What was done with one that is delivered, RFC 3464 section 2.3.3. */
enum verdict_action {
	ACTION_DELIVERED,    /* for remote-send: to a host without DSN */
	ACTION_PASSED = 'P', /* with its DSN parameters: theirs to report */
	ACTION_EXPANDED = 'X',
	ACTION_ARRIVED = 'A', /* by LMTP: it is where it was to go */
	ACTION_TRACED = 'R',  /* relayed, which DELIVERBY wants to be told */
	/* Inside local-deliver: not done, send it again with a session of
	 * queue-inject. */
	ACTION_ASKS = 'Q'
};

struct verdict {
	uint64_t number;
	enum verdict_kind kind;
	enum verdict_action action;
	struct span code; /* enhanced status code, RFC 3463: "5.1.1" */
	struct span text; /* for a human, one line, at most DELIVERY_TEXT_MAX */
};

void verdict_add(struct buf *buf, const struct verdict *verdict);
bool verdict_parse(struct span packet, struct verdict *verdict);

/*
 * A verdict's text that repeats another host's words is "HOST[ADDRESS] said:
 * REPLY".  Split one; false: the words are our own.
 */
bool verdict_split_said(
    struct span text, struct span *host, struct span *reply);

/* What a channel (remote) is opened for. */
struct channel_opening {
	struct span destination;
	/* As route_parse takes it, where its mail goes instead; empty: none. */
	struct span route;
	/* Each MX host is told, and may be connected to after "ready". */
	bool asks;
	/* A customer's connection: "NAME[ADDRESS]"; empty: it is to be made. */
	struct span server;
	struct span tls; /* the version, if the customer began TLS */
};

void channel_add_open(struct buf *buf, const struct channel_opening *opening);
bool channel_parse_open(struct span packet, struct channel_opening *opening);
void channel_add_host(struct buf *buf, struct span host);
bool channel_parse_host(struct span packet, struct span *host);
/* "ready": for the next transaction, or to connect. */
void channel_add_ready(struct buf *buf);
bool channel_is_ready(struct span packet);

#endif
