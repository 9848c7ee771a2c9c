#ifndef LOCAL_ANSWERS_H
#define LOCAL_ANSWERS_H

/*
 * answers - lookup(8)'s answers, kept for two seconds at most: a busy mailbox
 * is asked for once.
 */

#include "base/buf.h"
#include "queue/lookup.h"

enum {
	ANSWERS_MAX = 512, /* 50 busy mailboxes seldom share a place */
	ANSWERS_KEEP_MS = 2000
};

struct kept_answer {
	int64_t until_ms;
	struct buf address;
	struct buf bytes;
};

struct answers {
	int control; /* the pair with lookup */
	int session; /* ours; -1: to be opened */
	struct kept_answer kept[ANSWERS_MAX];
};

void answers_init(struct answers *answers, int control);

/*
 * As lookup_ask; after a failure the next question opens a new session.
 * context is a struct answers (the shape of expander.lookup).
 */
void answers_ask(void *context, struct span address, struct packet *packet,
    struct lookup_answer *answer);

#endif
