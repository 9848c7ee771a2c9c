#ifndef QUEUE_JUDGE_H
#define QUEUE_JUDGE_H

/*
 * judge - asking one filter, over its session; filter(5).
 *
 * After a false return the session is of no further use: the filter is gone,
 * too slow, or makes no sense.
 */

#include "queue/draft.h"
#include "queue/filter.h"

/* What a verdict on a message may change, the caller's. */
struct judged {
	struct draft *draft;
	struct buf *sender;
	struct buf *recipients; /* envelope records from the first T on */
	bool is_envelope_changed;
};

/*
 * A stage: send the request and wait for the verdict, whose text points into
 * *packet.  FILTER_RESET is only sent.
 */
bool judge_stage(int session, const struct filter_request *request,
    int64_t timeout_ms, struct packet *packet, struct filter_answer *verdict);

/*
 * The message, as often as the filter asks to see it.  Its edits are applied
 * to all of *judged or, on false, to nothing.  The answer is never
 * FILTER_AGAIN.
 */
bool judge_message(int session, const struct filter_request *request,
    int64_t timeout_ms, struct judged *judged, struct packet *packet,
    struct filter_answer *verdict);

#endif
