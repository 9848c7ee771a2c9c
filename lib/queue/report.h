#ifndef QUEUE_REPORT_H
#define QUEUE_REPORT_H

/*
 * report - what the manager asks of queue-bounce; report(5).
 *
 * Request  one packet: N number, W why, J the report's id (derived,
 *          so a repeated request changes nothing); one descriptor, the queue
 *          file.  Full form: the slots say which recipients (failed:
 *          SLOT_FAILED; delayed: slot_owes_delay; success: slot_owes_success).
 *          Plain form: C and R say what became of the one recipient.  P is
 *          the name of the file.
 * Answer   V: K the report is in the queue (or is not due: null sender of a
 *          double bounce, NOTIFY=NEVER), Z try again later; R text, N the
 *          request's number.
 */

#include "base/record.h"
#include "queue/id.h"

enum report_why {
	REPORT_FAILED = 'F',
	REPORT_DELAYED = 'D',
	REPORT_SUCCESS = 'S'
};

struct report {
	uint64_t number;
	enum report_why why;
	struct queue_id report_id;
	struct span file_name; /* queue_name of the message */
	struct span code;      /* plain form */
	struct span text;      /* plain form */
	int64_t retry_until;   /* seconds since 1970, for a delay notice */
	bool requires_tls;     /* the message does, and so does this */
	int64_t age_s;         /* what that is told for; 0: another kind */
};

void report_add(struct buf *buf, const struct report *report);
bool report_parse(struct span packet, struct report *report);

void report_add_answer(struct buf *buf, uint64_t number, bool is_done);
bool report_parse_answer(struct span packet, uint64_t *number, bool *is_done);

#endif
