#ifndef QUEUE_GREYLIST_H
#define QUEUE_GREYLIST_H

/*
 * greylist - what filter-guard asks the greylist program; greylist(8).
 *
 * Request  T the key of client network, sender and recipient, N that of the
 *          network alone: hashes, as numbers.
 * Answer   W seconds that are left to wait; 0: it has waited.
 */

#include "base/record.h"
#include "queue/neighbour.h"

struct greylist_request {
	uint64_t triplet;
	uint64_t network;
};

/*
 * Make the keys: network is the client's, its other bits 0.  Case does not
 * count.
 */
struct greylist_request greylist_request_make(
    const unsigned char network[16], struct span sender, struct span recipient);

/* Seconds to wait; 0 too if the neighbour does not answer in time. */
uint64_t greylist_ask(int session, const struct greylist_request *request,
    int64_t timeout_ms, struct packet *packet);

/* The other end. */
bool greylist_parse_request(
    struct span packet, struct greylist_request *request);
void greylist_add_answer(struct buf *buf, uint64_t wait_s);

#endif
