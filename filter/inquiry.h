#ifndef FILTER_INQUIRY_H
#define FILTER_INQUIRY_H

/*
 * inquiry - several questions to resolve at once, within one time limit.
 *
 * Limits  INQUIRY_MAX questions, INQUIRY_ANSWER_MAX bytes of each answer.
 * Errors  what is not answered in time is DNS_LATER; so is everything without
 *         a resolver.
 */

#include "net/dns.h"

enum {
	INQUIRY_MAX = 48,
	INQUIRY_ANSWER_MAX = 4096
};

struct inquiry_question {
	uint64_t number;
	bool is_answered;
	enum dns_status status;
	struct buf records; /* for dns_next_hop, dns_next_text */
};

struct inquiry {
	int session; /* with resolve; -1: none */
	uint64_t last_number;
	int64_t deadline_ms;
	size_t count;
	size_t pending;
	struct inquiry_question questions[INQUIRY_MAX];
};

void inquiry_init(struct inquiry *inquiry, int session);

/* Forget all questions, and have that long for the next ones. */
void inquiry_begin(struct inquiry *inquiry, int64_t timeout_ms);

/* The question's place; there must be room. */
size_t inquiry_ask(
    struct inquiry *inquiry, enum dns_question question, struct span domain);

/* Until all that was asked is answered, or the time is over. */
void inquiry_wait(struct inquiry *inquiry);

enum dns_status inquiry_status(const struct inquiry *inquiry, size_t place);
struct span inquiry_records(const struct inquiry *inquiry, size_t place);

/* Is an address (16 bytes) among a question's answers? */
bool inquiry_has_address(const struct inquiry *inquiry, size_t place,
    const unsigned char address[16]);

#endif
