#ifndef FILTER_WEIGH_H
#define FILTER_WEIGH_H

/*
 * weigh - what DNS says of a client: lists (RFC 5782), its name, its HELO.
 *
 * What cannot be learnt in time weighs nothing.
 */

#include "filter/facts.h"
#include "filter/inquiry.h"
#include "queue/guarding.h"

enum {
	WEIGH_TEXT_MAX = 300,
	WEIGH_SIGNS_MAX = 600
};

struct weigh_settings {
	struct dnsbls lists;
	int weights[SIGN_COUNT];
	int64_t timeout_ms;
};

struct weighed {
	int weight;
	bool says_our_name; /* in HELO: whatever the weight */
	struct buf signs;   /* what counted: "zen.example,noptr" */
	struct buf zone;    /* the weightiest list against it; empty: none */
	struct buf text;    /* ... and its words, if it has some */
};

void weighed_init(struct weighed *weighed);

/*
 * Ask each list for its test entries (RFC 5782 section 5), and leave out for
 * good, with a line of the log, those that answer what a list must not.
 */
void weigh_test_lists(struct weigh_settings *settings, struct inquiry *inquiry);

/* client: 16 bytes of its address. */
void weigh_client(const struct weigh_settings *settings,
    struct inquiry *inquiry, const struct facts *facts,
    const unsigned char client[16], struct weighed *weighed);

#endif
