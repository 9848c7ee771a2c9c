#ifndef FILTER_SCAN_H
#define FILTER_SCAN_H

/*
 * scan - what Rspamd's answer to /checkv2 asks for.
 *
 * The answer is JSON, parsed by jansson; what is not as expected is passed
 * over, but an answer without an action is none.
 *
 * Limits  SCAN_ANSWER_MAX bytes; fields of filter(5).
 */

#include "queue/filter.h"

enum {
	SCAN_ANSWER_MAX = 1 << 20
};

enum scan_action {
	SCAN_PASS, /* no action */
	SCAN_ADD_HEADER,
	SCAN_REWRITE_SUBJECT,
	SCAN_GREYLIST,
	SCAN_SOFT_REJECT,
	SCAN_REJECT,
	SCAN_QUARANTINE,
	SCAN_DISCARD
};

struct scan {
	enum scan_action action;
	struct buf message; /* what to say to the client, or empty */
	struct buf subject; /* the new one, or empty */
	double score;
	double required;
};

/* Once in a process, first: the parser's tables get their random seed here,
 * not from a file that a jail does not have. */
void scan_prepare(void);

struct scan scan_new(void);
void scan_free(struct scan *scan);

/*
 * Read an answer.  Each edit that it asks for is given to take, in order;
 * spans are valid during the call.  False if it is no answer.
 */
bool scan_parse(struct span answer, struct scan *scan,
    void (*take)(void *context, const struct filter_answer *edit),
    void *context);

#endif
