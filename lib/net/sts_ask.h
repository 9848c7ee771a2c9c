#ifndef NET_STS_ASK_H
#define NET_STS_ASK_H

/*
 * sts_ask - asking the sts program for a domain's policy; sts(5).
 *
 * Request  D the domain; I a number that the answer repeats.
 * Answer   I, and P the policy, as net/sts.h writes it; without P there is
 *          none.
 */

#include "base/record.h"
#include "net/sts.h"
#include "queue/neighbour.h"

struct sts_request {
	struct span domain;
	uint64_t number;
};

/* False if nobody takes it. */
bool sts_send(int session, const struct sts_request *request);

/*
 * Wait for the answer of that number, and read it into *policy, which is mode
 * none if there is none.  False if none comes.
 */
bool sts_hear(int session, uint64_t number, int64_t timeout_ms,
    struct packet *packet, struct sts_policy *policy);

/* The other end; policy may be NULL. */
bool sts_parse_request(struct span packet, struct sts_request *request);
void sts_add_answer(
    struct buf *buf, uint64_t number, const struct sts_policy *policy);

#endif
